//! Tables that IRIS made itself: names and texts that ignore case, vectors of other elements.

mod common;

use common::Server;
use common::client::Client;

/// `%PUBLICROWID` is no word of PostgreSQL's: the definition goes to IRIS as typed, and leaves no description behind.
const TEXTS: &str = "(id integer primary key, n varchar(20), c varchar(5), d date default '2024-01-02'";
const ROWS: &str = "(1,'Al','x'), (2,'AL','X '), (3,'al','x'), (4,'bo ','y'), (5,'bo','Y'), (6,null,null), (7,'','z'), \
    (8,' ','z'), (9,'10','1'), (10,'9','2'), (11,'Bo','y'), (12,'ab_c','%'), (13,'É','é')";

/// `{s}` and `{o}` are a table of IRIS's own, and one of the gateway's with the same rows: PostgreSQL's answers, to which
/// the comparison with PostgreSQL holds it.
const STATEMENTS: &str = include_str!("data/iris_texts.sql");

#[test]
fn texts_that_ignore_case_in_iris_do_not_in_postgresql() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok(&format!("create table own.s {TEXTS}, %PUBLICROWID)"));
    client.ok("create table own.o (id integer primary key, sn varchar(20), %PUBLICROWID)");
    client.ok(&format!("create table s {TEXTS})"));
    client.ok("create table o (id integer primary key, sn varchar(20))");
    for schema in ["own", "public"] {
        client.ok(&format!("insert into {schema}.s (id, n, c) values {ROWS}"));
        client.ok(&format!("insert into {schema}.o (id, sn) values (1,'al'), (2,'AL'), (3,'BO'), (4,null)"));
    }
    // Else there would be nothing to test.
    assert_eq!(client.value("select count(*) from own.s where n %STARTSWITH 'AL'"), "3");
    let of =
        |schema: &str, sql: &str| sql.replace("{s}", &format!("{schema}.s")).replace("{o}", &format!("{schema}.o"));
    for sql in STATEMENTS.lines().filter(|line| !line.is_empty()) {
        let own = client.query(&of("own", sql));
        assert_eq!(own, client.query(&of("public", sql)), "{sql}");
        assert!(!own.iter().any(|line| line.starts_with("Error")), "{sql}: {own:?}");
    }
}

#[test]
fn names_of_iris_ignore_case() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok("create table Sample.Person (ID integer primary key, Name varchar(50), Age integer, %PUBLICROWID)");
    client.ok(r#"insert into "Sample"."Person" ("ID", "Name", "Age") values (1, 'Al', 30), (2, 'Bo', 40)"#);
    for (sql, value) in [
        ("select name from sample.person where id = 1", "Al"),
        ("select NAME from SAMPLE.PERSON where ID = 1", "Al"),
        (r#"select "Name" from "Sample"."Person" where "ID" = 2"#, "Bo"),
        (r#"select p."Name" from "Sample"."Person" p where p."Age" > 30"#, "Bo"),
        (r#"select p."Name" as "Name" from "Sample"."Person" as p order by p."Age" desc limit 1"#, "Bo"),
        (r#"select "Person"."Name" from "Sample"."Person" where "Person"."ID" = 1"#, "Al"),
        (r#"select "Sample"."Person"."Name" from "Sample"."Person" where id = 1"#, "Al"),
        (r#"select "name" from "sample"."person" where "id" = 1"#, "Al"),
        (r#"select a."Name" from "Sample"."Person" a join sample.person b on a."ID" = b.id where b."Age" = 30"#, "Al"),
        (r#"select count(*) from (select "Name" from "Sample"."Person" group by "Name") q"#, "2"),
        (r#"with "Q" as (select "ID" as "Id" from "Sample"."Person") select max("Id") from "Q""#, "2"),
        // PostgreSQL finishes these.
        (r#"select md5("Name") from "Sample"."Person" where "ID" = 2"#, "b0d8913d4dfb85c2325c0773ff52ae98"),
        (r#"select string_agg("Name", '+' order by "Age" desc) from "Sample"."Person""#, "Bo+Al"),
    ] {
        assert_eq!(client.value(sql), value, "{sql}");
    }
    // The client's own names stay its own, as typed.
    let lines = client.ok(r#"select "Name", "Age" as "Years" from "Sample"."Person" where "ID" = 1"#);
    assert!(lines.iter().any(|line| line.contains("Name") && line.contains("Years")), "{lines:?}");
    client.ok(r#"update "Sample"."Person" set "Name" = 'AL' where "ID" = 1"#);
    client
        .ok(r#"insert into "Sample"."Person" ("ID", "Age") values (2, 1) on conflict ("ID") do update set "Age" = 9"#);
    assert_eq!(client.value(r#"delete from "Sample"."Person" where "Name" = 'AL' returning "ID""#), "1");
    assert_eq!(client.value("select name from sample.person where age = 9"), "Bo");
    let code = |client: &mut Client, sql: &str| client.query(sql).join(" ");
    assert!(code(&mut client, r#"select "Nome" from "Sample"."Person""#).contains("42703"));
    assert!(code(&mut client, r#"select * from "Sample"."People""#).contains("42P01"));

    // Names of the gateway's own tables are PostgreSQL's.
    client.ok(r#"create table "Kept" (id integer primary key, "Name" text, plain text)"#);
    client.ok("create table lower (id integer primary key)");
    for sql in [r#"select "ID" from "Kept""#, r#"select name from "Kept""#, r#"select "Plain" from "Kept""#] {
        assert!(code(&mut client, sql).contains("42703"), "{sql}");
    }
    for sql in ["select * from kept", r#"select * from "KEPT""#, r#"select * from "Lower""#] {
        assert!(code(&mut client, sql).contains("42P01"), "{sql}");
    }
}

#[test]
fn vectors_of_other_elements() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok(
        "create table own.v (id integer primary key, v vector(decimal, 3), f vector(float, 3), i vector(integer, 3), \
         note varchar(20), %PUBLICROWID)",
    );
    client.ok("create index v_near on own.v using hnsw (v vector_cosine_ops)");
    client.ok(
        "insert into own.v (id, v, f, note) values (1, '[1,2,3]', '[1,2,3]', 'a'), (2, '[0.1,2,4]', '[3,2,1]', 'B')",
    );
    client.ok("insert into own.v (id, v) values (3, null)");
    for (sql, value) in [
        ("select v from own.v where id = 2", "[0.1,2,4]"),
        ("select id from own.v order by v <=> '[1,2,3]' limit 1", "1"),
        ("select id from own.v order by v <-> '[0,2,4]' limit 1", "2"),
        ("select id from own.v order by f <#> '[1,0,0]' limit 1", "2"),
        ("select v <-> '[1,2,5]' from own.v where id = 1", "2"),
        ("select round((1 - (v <=> '[1,2,3]'))::numeric, 6) from own.v where id = 1", "1.000000"),
        ("select a.v <-> b.v from own.v a join own.v b on a.id = b.id where a.id = 1", "0"),
        ("select id from (select id, v as w from own.v) q where w is not null order by w <=> '[0,2,4]' limit 1", "2"),
        ("select id from own.v where note = 'B'", "2"),
        // Vectors of different elements meet in PostgreSQL.
        ("select v <-> f from own.v where id = 1", "0"),
        ("select round((v <-> f)::numeric, 4) from own.v where id = 2", "4.1725"),
        ("select id from own.v where v = '[1,2,3]'", "1"),
    ] {
        assert_eq!(client.value(sql), value, "{sql}");
    }
    client.ok("update own.v set v = '[4,5,6.5]' where id = 3");
    client.ok("update own.v set v = v where id = 2");
    assert_eq!(client.value("select v from own.v where id = 3"), "[4,5,6.5]");
    // What becomes of a vector of other elements PostgreSQL says.
    client.ok("update own.v set v = f where id = 2");
    assert_eq!(client.value("select v from own.v where id = 2"), "[3,2,1]");
    for (sql, code) in [
        ("insert into own.v (id, v) values (9, '[1,2]')", "22000"),
        ("select v <-> '[1,2]' from own.v", "22000"),
        ("insert into own.v (id, i) values (9, '[1.5,2,3]')", "0A000"),
    ] {
        let lines = client.query(sql);
        assert!(lines.iter().any(|line| line.starts_with("Error") && line.contains(code)), "{sql}: {lines:?}");
    }
}
