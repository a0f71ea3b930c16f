//! Values as long as IRIS's longest string, longer ones in streams, and those that are too long.

mod common;

use common::Server;
use common::client::Client;
use common::message::{bind_text, copy_data, copy_done, describe, execute, parse, query, sync};

/// IRIS's longest string, in characters.
const STRING_MAX: usize = 3_641_144;

/// Runs a statement with text parameters; gives the reply's lines.
fn run(client: &mut Client, sql: &str, values: &[&str]) -> Vec<String> {
    client.send(&parse("", sql, &[]));
    client.send(&bind_text("", "", values));
    client.send(&describe(b'P', ""));
    client.send(&execute("", 0));
    client.send(&sync());
    client.lines(1)
}

fn is_done(lines: &[String], tag: &str) -> bool {
    lines.iter().any(|line| line.starts_with(&format!("Complete {tag}")))
}

fn refusal(lines: &[String]) -> String {
    lines.iter().find(|line| line.starts_with("Error ")).cloned().unwrap_or_default()
}

#[test]
fn text_json_and_arrays_hold_as_much_as_a_string_of_iris() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok("create table v (id int primary key, t text, c varchar, j jsonb, a text[])");
    let longest = "é".repeat(STRING_MAX);
    let ascii = "x".repeat(STRING_MAX);
    let json = format!("\"{}\"", "y".repeat(STRING_MAX - 2));
    let array = format!("{{{}}}", "z".repeat(STRING_MAX - 2));
    for (id, column, value) in [(1, "t", &longest), (2, "c", &ascii), (3, "j", &json), (4, "a", &array)] {
        let lines = run(&mut client, &format!("insert into v (id, {column}) values ({id}, $1)"), &[value]);
        assert!(is_done(&lines, "INSERT"), "{column}: {}", refusal(&lines));
        assert_eq!(client.value(&format!("select {column} from v where id = {id}")), *value, "{column}");
    }
    client.ok(&format!("insert into v (id, t) values (5, '{ascii}')"));
    assert_eq!(client.value("select length(t) from v where id = 5"), STRING_MAX.to_string());
    client.send(&query("copy v (id, t) from stdin"));
    client.send(&copy_data(&format!("6\t{ascii}\n")));
    client.send(&copy_done());
    let lines = client.lines(1);
    assert!(is_done(&lines, "COPY 1"), "{}", refusal(&lines));
    assert_eq!(client.value("select t from v where id = 6"), ascii);

    for (column, value) in [("t", format!("{ascii}x")), ("c", format!("{longest}é")), ("a", format!("{{{ascii}}}"))] {
        let lines = run(&mut client, &format!("insert into v (id, {column}) values (9, $1)"), &[&value]);
        assert!(refusal(&lines).contains("54000"), "{column}: {lines:.200?}");
    }
    assert_eq!(client.value("select count(*) from v where id = 9"), "0");
}

#[test]
fn a_stream_holds_more_in_pieces() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok("create table s (id int primary key, t text storage external, b bytea storage external, n text)");
    // Two pieces, and a character of two units at their seam.
    let long = format!("{}😀{}", "☃".repeat(9_999_999), "é".repeat(3));
    let lines = run(&mut client, "insert into s (id, t, n) values (1, $1, $2)", &[&long, "beside"]);
    assert!(is_done(&lines, "INSERT"), "{}", refusal(&lines));
    assert!(client.value("select t from s") == long);
    assert_eq!(client.value("select n from s"), "beside");
    // The same statement again, with a short value: nothing goes ahead.
    let lines = run(&mut client, "insert into s (id, t, n) values (2, $1, $2)", &["short", "beside"]);
    assert!(is_done(&lines, "INSERT"), "{}", refusal(&lines));
    let bytes = format!("\\x{}", "00ff".repeat(200_000));
    let lines = run(&mut client, "update s set b = $1 where id = 1", &[&bytes]);
    assert!(is_done(&lines, "UPDATE 1"), "{}", refusal(&lines));
    assert!(client.value("select b from s where id = 1") == bytes);
    assert_eq!(client.value("select count(*) from s where t is not null and b is null"), "1");
    client.send(&query("copy s (id, t) from stdin"));
    client.send(&copy_data(&format!("3\t{}\n", "c".repeat(5_000_000))));
    client.send(&copy_data("4\t\\N\n"));
    client.send(&copy_done());
    let lines = client.lines(1);
    assert!(is_done(&lines, "COPY 2"), "{}", refusal(&lines));
    assert_eq!(client.value("select t from s where id = 3").len(), 5_000_000);
}

#[test]
fn iris_computes_nothing_with_a_stream() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok("create table s (id int primary key, t text storage external)");
    client.ok("insert into s values (1, 'one'), (2, null)");
    // PostgreSQL does, over what IRIS shows.
    for (sql, value) in [
        ("select distinct t from s where t is not null", "one"),
        ("select t from s order by t", "one"),
        ("select t from s order by 1", "one"),
        ("select count(*) from s where t is not null group by t", "1"),
        ("select upper(t) from s where id = 1", "ONE"),
        ("select t || 'x' from s where id = 1", "onex"),
        ("select id from s where t = 'one'", "1"),
        ("select id from s where t like 'o%'", "1"),
        ("select t from s where id = 1 union all select 'x' order by 1", "one"),
        ("select (select t from s where id = 1)", "one"),
    ] {
        assert_eq!(client.query(sql).get(1).map(String::as_str), Some(format!("Row '{value}'").as_str()), "{sql}");
    }
    client.ok("update s set t = t || '!' where id = 1");
    client.ok("insert into s (id, t) select 3, t from s where id = 1");
    assert_eq!(client.query("select t from s where id = 3").get(1).map(String::as_str), Some("Row 'one!'"));
    client.ok("delete from s where id = 3");
    client.ok("update s set t = 'one' where id = 1");
    for sql in [
        "create table d (t text storage external default 'x')",
        "create table u (t text storage external unique)",
        "create unique index u on s (t)",
        "alter table s add constraint u unique (t)",
    ] {
        let lines = client.query(sql);
        assert!(refusal(&lines).contains("0A000"), "{sql}: {lines:?}");
    }
    for (sql, expected) in [
        ("select t from s where id = 1", "one"),
        ("select x.t from (select id, t from s) x where x.id = 1", "one"),
        ("with w as (select * from s) select t from w where id = 1", "one"),
        ("select id from s where t is null", "2"),
        ("update s set t = 'two' where id = 2 returning t", "two"),
    ] {
        assert_eq!(client.value(sql), expected, "{sql}");
    }
}
