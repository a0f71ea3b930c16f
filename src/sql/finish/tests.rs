//! Cuts, shown: fetches, then the text of the second step.

use std::cell::Cell;

use super::finish;
use crate::sql::tests::tables;
use crate::sql::{Action, FetchKey, Finish, FinishPiece, Template, TranslateOptions};

fn cut(sql: &str) -> Option<Finish> {
    let mut template = Template::default();
    template.scan(sql).unwrap();
    let keys = Cell::new(1);
    let options = TranslateOptions { has_oracle: true, ..TranslateOptions::new("SQLUser", &keys) };
    match finish(sql, &template, &tables(), &options).unwrap()?.translation.action {
        Action::Finish(finish) => Some(finish),
        action => panic!("{action:?}"),
    }
}

fn shown(sql: &str) -> String {
    let Some(finish) = cut(sql) else { return "none".to_owned() };
    let mut shown = String::new();
    for fetch in &finish.fetches {
        shown.push_str(&fetch.sql);
        for key in &fetch.keys {
            let column = &finish.fetches[key.fetch].columns[key.fetched].name;
            shown.push_str(&format!(" [{} of <{}>.{column}]", key.column, key.fetch));
        }
        shown.push_str(" ;; ");
    }
    for piece in &finish.pieces {
        match piece {
            FinishPiece::Text(text) => shown.push_str(text),
            FinishPiece::Rows(n) => shown.push_str(&format!("<{n}>")),
        }
    }
    shown
}

#[test]
fn columns_and_conditions() {
    for (sql, expected) in [
        (
            "select name from known where md5(name) = 'x' and n > 3 and active",
            r#"SELECT known."name", known."active", known."n" FROM known WHERE n > 3 AND active ;; select name from <0> AS known where md5(name) = 'x' and n > 3 and active"#,
        ),
        // A column of one is none of another.
        (
            "select md5(a.label), a.id, b.name from items a, known b where b.n = 1",
            r#"SELECT b."name", b."n" FROM known AS b WHERE b.n = 1 ;; SELECT a."id", a."label" FROM items AS a ;; select md5(a.label), a.id, b.name from <1> a, <0> b where b.n = 1"#,
        ),
        ("select count(*) from items i", r#"SELECT i."id" FROM items AS i ;; select count(*) from <0> i"#),
        (
            "select k from known k where k.n = 1 or md5(k.name) = 'x'",
            r#"SELECT k."id", k."name", k."active", k."n", k."big", k."price", k."ratio", k."at", k."day", k."ts", k."uid", k."doc", k."raw", k."code" FROM known AS k ;; select k from pg_catalog.unnest(ARRAY(SELECT ROW(pgw_s."id", pgw_s."name", pgw_s."active", pgw_s."n", pgw_s."big", pgw_s."price", pgw_s."ratio", pgw_s."at", pgw_s."day", pgw_s."ts", pgw_s."uid", pgw_s."doc", pgw_s."raw", pgw_s."code")::"public"."known" FROM <0> pgw_s)) k where k.n = 1 or md5(k.name) = 'x'"#,
        ),
        // Both ways to a table with the same needs are one fetch.
        (
            "select a.id, b.id from items a, items b where md5(a.label) = md5(b.label)",
            r#"SELECT a."id", a."label" FROM items AS a ;; SELECT b."id", b."label" FROM items AS b ;; select a.id, b.id from <0> a, <1> b where md5(a.label) = md5(b.label)"#,
        ),
        (
            "select public.items.id from public.items where public.items.label = 'x'",
            r#"SELECT items."id", items."label" FROM public.items WHERE public.items.label = 'x' ;; select items.id from <0> AS items where items.label = 'x'"#,
        ),
    ] {
        assert_eq!(shown(sql), expected, "{sql}");
    }
}

#[test]
fn a_side_that_may_be_missing_keeps_its_rows() {
    for (sql, conditions) in [
        (
            "select 1 from known k join items i on k.id = i.id and i.label = 'a' where k.n = 1",
            ["k.n = 1", "i.label = 'a'"],
        ),
        (
            "select 1 from known k left join items i on i.label = 'a' and k.n = 2 where k.n = 1",
            ["k.n = 1", "i.label = 'a'"],
        ),
        ("select 1 from known k left join items i on true where i.label = 'a' and k.n = 1", ["k.n = 1", ""]),
        (
            "select 1 from known k right join items i on k.n = 1 and i.label = 'b' where i.label = 'a'",
            ["k.n = 1", "i.label = 'a'"],
        ),
        ("select 1 from known k full join items i on k.n = 1 where i.label = 'a'", ["", ""]),
        (
            "select 1 from known k, items i where k.n = 1 and i.label = 'a' and k.name = i.label",
            ["k.n = 1", "i.label = 'a'"],
        ),
    ] {
        let finish = cut(sql).unwrap();
        let found: Vec<&str> =
            finish.fetches.iter().map(|fetch| fetch.sql.split_once(" WHERE ").map_or("", |(_, rest)| rest)).collect();
        assert_eq!(found, conditions, "{sql}");
    }
}

#[test]
fn a_join_without_condition_takes_the_next_table_alone() {
    for (sql, conditions) in [
        (
            "select 1 from known k cross join items i right join items j on k.n = 1 where i.label = 'a'",
            ["k.n = 1", "", ""],
        ),
        ("select 1 from known k natural join items i full join items j on true where k.n = 1", ["", "", ""]),
        (
            "select 1 from known k natural join items i left join items j on j.label = 'b' where k.n = 1 and i.label = 'a'",
            ["k.n = 1", "i.label = 'a'", "j.label = 'b'"],
        ),
    ] {
        let finish = cut(sql).unwrap();
        let found: Vec<&str> =
            finish.fetches.iter().map(|fetch| fetch.sql.split_once(" WHERE ").map_or("", |(_, rest)| rest)).collect();
        assert_eq!(found, conditions, "{sql}");
    }
}

#[test]
fn a_table_is_a_query() {
    assert!(shown("table known order by doc limit 1").ends_with("SELECT * FROM <0> AS known order by doc limit 1"));
    assert!(shown("select md5(name) from (table known) k").ends_with("(SELECT * FROM <0> AS known) k"));
}

#[test]
fn what_is_not_sure_stays_with_postgresql() {
    for condition in [
        "random() < 0.5 and ratio < random()",
        "name in (select label from items)",
        "label = 'a'",
        "o.n = 1",
        "current_date > '2024-01-01'",
    ] {
        let sql = format!("select 1 from known k, old o, (select 1 as x) s where {condition}");
        assert!(!shown(&sql).contains(" WHERE n"), "{sql}");
        let finish = cut(&format!("select 1 from known k where {condition} and md5(name) = 'x'")).unwrap();
        assert!(!finish.fetches[0].sql.contains("WHERE"), "{condition}: {}", finish.fetches[0].sql);
    }
    // A bare name may be that of a column of what is not known.
    assert!(!shown("select 1 from known, unnest(array[1]) as n where n = 1").contains("WHERE n = 1 ;;"));
}

#[test]
fn first_rows() {
    let has_limit = |sql: &str| cut(sql).unwrap().fetches[0].sql.contains(" LIMIT ");
    assert!(has_limit("select md5(name) from known order by id desc limit 3"));
    assert!(has_limit("select md5(label) from items order by embedding <-> '[1,2,3]' limit 3"));
    assert!(has_limit("select md5(name) from known where n = 1 limit 3"));
    for sql in [
        "select md5(name) from known order by id limit 3 offset 2",
        "select md5(name) from known order by id offset 2 fetch first 3 rows only",
    ] {
        assert!(cut(sql).unwrap().fetches[0].sql.ends_with(" LIMIT 5"), "{sql}");
    }
    let keyed = "select md5(name) from known order by id limit $1";
    assert!(cut(keyed).unwrap().fetches[0].sql.ends_with("order by id LIMIT $1"));
    // What is joined to each row makes no row less.
    let sql = "select md5(k.name) from known k left join items i on i.id = k.n left join tasks t using (id) where k.n > 1 order by k.id limit 3";
    assert!(cut(sql).unwrap().fetches[0].sql.ends_with("WHERE k.n > 1 order by k.id LIMIT 3"));
    assert_eq!(keys(sql), ["i.id of k.n"]);
    assert!(has_limit(
        "select md5(name), (select max(i.id) from items i where i.label = name) from known order by id limit 3"
    ));
    // The key is the column of the table, or the output column is that very one.
    for sql in [
        "select n::text, md5(name) from known order by n + 1 limit 3",
        "select n::text, md5(name) from known order by known.n limit 3",
        "select n, md5(name) from known order by n limit 3",
        "select known.n as n, *, md5(name) from known order by n limit 3",
    ] {
        assert!(has_limit(sql), "{sql}");
    }
    for sql in [
        "select md5(name) from known where md5(name) = 'x' order by id limit 3",
        "select md5(name) as id from known order by id limit 3",
        "select md5(name) from known order by md5(name) limit 3",
        "select md5(name) from known order by 1 limit 3",
        "select md5(name), unnest(array[1,2]) from known order by id limit 3",
        "select count(md5(name)) from known limit 3",
        "select md5(name), row_number() over () from known order by id limit 3",
        "select distinct md5(name) from known limit 3",
        "select md5(name) from known, items limit 3",
        "select md5(name) from known k join items i on true limit 3",
        "select md5(name) from known k left join items i on true where i.id = 1 limit 3",
        "select md5(name) from known k left join items i on true order by i.id limit 3",
        "select md5(name) from known k right join items i on true order by k.id limit 3",
        "select md5(name) from known k left join items i on true, tasks limit 3",
        "select md5(name) from known order by id fetch first 3 rows with ties",
        "select md5(name) from known union select label from items limit 3",
        "select md5(name) from known limit 3 offset '1'",
        "select n, count(*) from known group by n limit 3",
        "(select md5(name) from known limit 3) order by md5",
        // The key is an output column.
        "select n::text, md5(name) from known order by n limit 3",
        "select cast(n as text), md5(name) from known order by (n) limit 3",
        "select lower(label) as x, md5(label) from items order by x limit 3",
        "select (select 1 as id), md5(name) from known order by id limit 3",
        "select md5(name) from known as k(a) order by n limit 3",
        "(select md5(name) from known order by id limit 3) offset 1",
    ] {
        assert!(!has_limit(sql), "{sql}");
    }
}

#[test]
fn keys_stand_for_their_columns() {
    assert!(
        shown("select k.id, k.name, count(*) from known k group by k.id")
            .ends_with(r#"group by k.id, k."id", k."name""#)
    );
    assert!(
        shown("select to_jsonb(k) from known k group by k.id").ends_with(r#", k."code", k"#),
        "a row is none of its columns"
    );
    assert!(shown("select name, count(*) from known k group by name").ends_with("group by name"));
    assert!(shown("select id, count(*) from known k group by rollup (id)").ends_with("rollup (id)"));
}

#[test]
fn keys_are_found_by_what_they_mean() {
    for (sql, ending) in [
        ("select k.id, k.name from known k group by 1", r#"group by 1, k."id", k."name""#),
        ("select id as i, name from known k group by i", r#"group by i, k."id", k."name""#),
        ("select id as n, name from known k group by n", "group by n"),
        ("select k.name, * from known k group by 2", "group by 2"),
        ("select k.name from known k group by (k.id)", r#"group by (k.id), k."id", k."name""#),
        (
            "select label from items left join known k using (id) group by id",
            r#"group by id, items."id", items."label""#,
        ),
        ("select k.name from items right join known k using (id) group by id", r#"group by id, k."id", k."name""#),
        ("select k.name from items full join known k using (id) group by id", "group by id"),
        ("select k.b from items as k(b, c) group by k.b", r#", k."b", k."c", k."label""#),
        ("select k.id from items as k(b, id) group by k.id", "group by k.id"),
        ("select q.id from (known k cross join items i) as q(id) group by q.id", "group by q.id"),
    ] {
        let shown = shown(sql);
        assert!(shown.ends_with(ending), "{shown}");
    }
}

#[test]
fn aliases_of_columns_are_the_names_of_a_table() {
    let items = r#"SELECT x."id", x."embedding", x."label" FROM items AS x"#;
    for sql in [
        "select x.id from <0> as x(label, id) where x.id = 'a'",
        "select x.id from <0> as x(label, id) where id = 'a' order by label limit 1",
    ] {
        assert_eq!(shown(&sql.replace("<0>", "items")), format!("{items} ;; {sql}"));
    }
}

#[test]
fn an_alias_of_a_join_hides_its_tables() {
    for (sql, conditions) in [
        (
            "select 1 from known k, (items i join known j on i.label = 'a') as q where k.n = 1",
            ["k.n = 1", "i.label = 'a'", ""],
        ),
        (
            "select 1 from known k, (items i join known j on j.n = 2) as k2 where i.label = 'a' and n = 1",
            ["", "", "j.n = 2"],
        ),
        (
            "select (select 1 from (items i cross join known j) as q where j.n = 1) from known j where j.n = 3",
            ["", "", "j.n = 3"],
        ),
    ] {
        let finish = cut(sql).unwrap();
        let mut found: Vec<&str> =
            finish.fetches.iter().map(|fetch| fetch.sql.split_once(" WHERE ").map_or("", |(_, rest)| rest)).collect();
        found.sort_unstable();
        let mut conditions = conditions;
        conditions.sort_unstable();
        assert_eq!(found, conditions, "{sql}");
    }
    assert!(
        shown("select q.id from (items i cross join known k) as q").contains(r#"i."id", i."embedding", i."label""#)
    );
}

#[test]
fn system_columns_are_of_tables() {
    for sql in [
        "select array[1] as xmin from known order by xmin",
        "select s.ctid, md5(name) from known, (select 1 as ctid) s",
        "select md5(name) from known where exists (select xmin from pg_class)",
    ] {
        assert_ne!(shown(sql), "none", "{sql}");
    }
}

#[test]
fn rows_samples_and_the_number_of_a_table() {
    for (sql, second) in [
        (
            "select i from items i where md5(label) = 'x'",
            r#"select i from pg_catalog.unnest(ARRAY(SELECT ROW(pgw_s."id", pgw_s."embedding", pgw_s."label")::"public"."items" FROM <0> pgw_s)) i where md5(label) = 'x'"#,
        ),
        (
            "select md5(label) from items order by public.items.tableoid",
            r#"select md5(label) from (SELECT pgw_s.*, '"public"."items"'::pg_catalog.regclass::pg_catalog.oid AS tableoid FROM <0> pgw_s) AS items order by items.tableoid"#,
        ),
        (
            "select label from items tablesample system (10) where id > 1",
            r#"select label from (SELECT "id", "label" FROM <0> pgw_s WHERE CASE WHEN (SELECT pg_catalog.count(*) FROM "public"."items" tablesample system (10)) = 0 THEN pg_catalog.random() * 100 < (10) END OFFSET 0) AS items  where id > 1"#,
        ),
    ] {
        let found = shown(sql);
        assert_eq!(found.split(" ;; ").last(), Some(second), "{sql}");
    }
    assert!(shown("select label from items tablesample system (10) where id > 1").contains("WHERE id > 1 ;;"));
    // The same rows are to be counted each time.
    let counted = shown("select label from items tablesample system (10) repeatable (3) where id > 1");
    assert!(counted.contains(r#"FROM items ;;"#) && counted.contains("row_number() OVER ()"), "{counted}");
}

#[test]
fn some_queries_cannot_be_cut() {
    for sql in [
        "select xmin, md5(name) from known",
        "select md5(name) from known k where k.xmin is null",
        "select known, md5(name), tableoid from known",
        "select * from known for update",
        "select md5(name), xmin from known",
        "select *, tableoid, md5(name) from known",
        "select query_to_xml('select 1', true, true, '') from known",
        "select pg_notify('a', name) from known",
        "select 1",
        "insert into items select id, null, md5(name) from known",
        "with gone as (delete from items returning id) select * from gone, known",
        "select * from nosuch where md5(name) = 'x'",
        "explain analyze select md5(name) from known",
        "explain (costs off, analyze) select md5(name) from known",
        "explain (format json) select md5(name) from known",
    ] {
        assert_eq!(shown(sql), "none", "{sql}");
    }
}

/// The keys of the fetches of a query, each behind the alias of its table.
fn keys(sql: &str) -> Vec<String> {
    let finish = cut(sql).expect(sql);
    let column = |key: &FetchKey| {
        let of = &finish.fetches[key.fetch];
        let alias = of.plain.rsplit(' ').next().unwrap();
        format!("{} of {alias}.{}", key.column.replace('"', ""), of.columns[key.fetched].name)
    };
    finish.fetches.iter().flat_map(|fetch| fetch.keys.iter().map(column).collect::<Vec<_>>()).collect()
}

#[test]
fn few_rows_tell_which_others_are_needed() {
    for (sql, expected) in [
        ("select md5(k.name) from known k join items i on i.id = k.n where i.label = 'a'", vec!["k.n of i.id"]),
        ("select md5(k.name) from known k, items i where i.id = k.n and k.id = 1", vec!["i.id of k.n"]),
        ("select md5(k.name) from known k join items i using (id) where i.label = 'a'", vec!["k.id of i.id"]),
        ("select md5(k.name) from known k natural join tasks t where k.n = 1", vec!["t.id of k.id"]),
        // A side that may be missing is asked for by the other, never the other way round.
        ("select md5(k.name) from known k left join items i on i.id = k.n where k.n = 1", vec!["i.id of k.n"]),
        ("select md5(k.name) from known k right join items i on i.id = k.n where i.label = 'a'", vec!["k.n of i.id"]),
        ("select md5(k.name) from known k left join items i on i.id = k.n and i.label = 'a'", vec![]),
        ("select md5(k.name) from known k full join items i on i.id = k.n where k.n = 1", vec![]),
        ("select md5(k.name) from known k full join items i using (id)", vec![]),
        // A chain, from its filtered end on.
        (
            "select md5(k.name) from known k join items i on i.id = k.n join tasks t on t.id = i.id where t.state = 'todo'",
            vec!["i.id of t.id", "k.n of i.id"],
        ),
        (
            "select md5(a.name) from known a join known b using (id) join known c using (id) where c.n = 1",
            vec!["a.id of c.id", "b.id of a.id"],
        ),
        (
            "select md5(a.name) from known a right join known b using (id) left join known c using (id)",
            vec!["a.id of b.id"],
        ),
        // By texts and integers, not by what has other equalities.
        ("select md5(k.name) from known k join items i on i.label = k.name where k.n = 1", vec!["i.label of k.name"]),
        ("select md5(k.name) from known k join old o on o.name = k.name where k.n = 1", vec!["o.name of k.name"]),
        ("select md5(k.name) from known k join known l on l.price = k.n where k.n = 1", vec![]),
        ("select md5(k.name) from known k join tasks t on t.state::text = k.name where k.n = 1", vec![]),
        ("select md5(k.name) from known k join items i on i.id = k.n or k.n = 2 where k.n = 1", vec![]),
        ("select md5(k.name) from known k join items i on not i.id = k.n where k.n = 1", vec![]),
        ("select md5(k.name) from known k join items i on i.id = k.n + 1 where k.n = 1", vec![]),
    ] {
        assert_eq!(keys(sql), expected, "{sql}");
    }
}

#[test]
fn partners_are_found_through_queries() {
    for (sql, expected) in [
        (
            "with top as (select id, label from items order by embedding <-> '[1,2,3]' limit 3) select jsonb_agg(k) from top join known k using (id)",
            vec!["k.id of items.id"],
        ),
        (
            "with top(a, b) as (select label, id from items limit 3) select jsonb_agg(k) from top t join known k on k.n = t.b",
            vec!["k.n of items.id"],
        ),
        (
            "select md5(k.name) from (select * from items i where label = 'a' limit 3) q join known k on k.n = q.id",
            vec!["k.n of i.id"],
        ),
        (
            "select md5(k.name) from (select i.*, 1 as x from items i limit 3) as q(a, b) join known k on k.n = q.a",
            vec![],
        ),
        ("select md5(k.name) from (select id + 1 as id from items i limit 3) q join known k on k.n = q.id", vec![]),
        (
            "select md5(k.name) from (select id from items i union select 1) q join known k on k.n = q.id where k.n = 1",
            vec![],
        ),
        (
            "select md5(k.name) from known k where k.id = 1 and exists (select 1 from items i where i.id = k.n and md5(label) = '')",
            vec!["i.id of k.n"],
        ),
        (
            "select (select jsonb_agg(label) from items i where i.id = k.n) from known k where k.id = 1",
            vec!["i.id of k.n"],
        ),
        (
            "select 1 from known k, lateral (select md5(label) from items i where i.id = k.n limit 3) q where k.id = 1",
            vec!["i.id of k.n"],
        ),
        // What is beside it is not seen.
        (
            "select (select 1 from known k, (select md5(label) from items i where i.id = k.n) q where k.id = 1) from known k",
            vec![],
        ),
        ("select md5(name) from known k where n in (select id from items i where label = 'a')", vec!["k.n of i.id"]),
        (
            "select md5(name) from known k where id = 1 and n in (select id from items i where md5(label) = '')",
            vec!["i.id of k.n"],
        ),
        (
            "select md5(name) from known k where id = 1 and n in (select id from items i order by md5(label) limit 1)",
            vec![],
        ),
        ("select md5(name) from known k where id = 1 and n in (select max(id) from items i)", vec![]),
        ("select md5(name) from known k where n not in (select id from items i where label = 'a')", vec![]),
    ] {
        assert_eq!(keys(sql), expected, "{sql}");
    }
}

/// The sub-queries that are fetched as they stand.
fn wholes(sql: &str) -> Vec<String> {
    let finish = cut(sql).expect(sql);
    let wholes: Vec<String> = finish.fetches.iter().filter(|f| f.outputs.is_some()).map(|f| f.sql.clone()).collect();
    assert_eq!(finish.simpler.is_some(), !wholes.is_empty());
    wholes
}

#[test]
fn sub_queries_that_iris_computes_are_fetched_whole() {
    for sql in [
        "select to_jsonb(x) from (<select n, count(*) from known group by n>) x",
        "with x as (<select n, max(id) as m from known group by n>) select jsonb_agg(x) from x, x y",
        "with x(a, b) as (<select distinct n, name from known>) select jsonb_agg(x) from x",
        "select md5(name) from known where id = (<select max(id) from items>)",
        "select md5(name) from known where id in (<select max(id) from items group by label>)",
        "select md5(name), exists (<select n from old group by n>) from known",
        "select md5(name), array(<select distinct n from old order by n>) from known",
        "select jsonb_agg(q) from (<select k.id, i.label from known k join items i on i.id = k.n order by k.id limit 3>) q",
        "select jsonb_agg(q) from (<select n, sum(price) as total, min(day) from known where active group by n having count(*) > 1>) q",
        "with a as (<select n, count(*) as c from known group by n>), b as (select md5(c::text) from a) select * from b",
        "select jsonb_agg(q) from (<with a as (select id, n from known) select n, count(*) from a group by n>) q",
    ] {
        let expected = &sql[sql.find('<').unwrap() + 1..sql.find('>').unwrap()];
        let end = if expected.ends_with("count(*) ") { sql.rfind('>').unwrap() } else { sql.find('>').unwrap() };
        let expected = &sql[sql.find('<').unwrap() + 1..end];
        let sql = format!("{}{expected}{}", &sql[..sql.find('<').unwrap()], &sql[end + 1..]);
        assert_eq!(wholes(&sql), [expected], "{sql}");
    }
    assert_eq!(
        shown("select to_jsonb(x) from (select n, count(*) from known group by n) x"),
        "select n, count(*) from known group by n ;; select to_jsonb(x) from (<0>) x"
    );
    // Its rows tell which others are needed.
    let sql = "select jsonb_agg(k.doc) from (select label as l, id as i, count(*) from items group by id, label) q join known k on k.n = q.i";
    assert_eq!(cut(sql).unwrap().fetches[1].keys[0].fetched, 1);
}

#[test]
fn other_sub_queries_are_not() {
    for sql in [
        // Of other digits, or of no telling which.
        "select to_jsonb(x) from (select n, avg(price) from known group by n) x",
        "select to_jsonb(x) from (select n, md5(name) from known group by n, name) x",
        // As many rows as its table has, or more.
        "select to_jsonb(x) from (select n, price from known where id > 3) x",
        "select to_jsonb(x) from (select k.n from known k join items i on i.id = k.id) x",
        // It refers to what is around it.
        "select (select count(*) from items i where i.id = k.n), md5(name) from known k",
        "select (select count(*) from items where label = name), md5(name) from known k",
        "select md5(name) from known k where exists (select 1 from items where label = k.name group by label)",
        "with x as (select id from known) select to_jsonb(q) from (select count(*) from x) q",
        "with items as (select 1 as id) select to_jsonb(q), md5(name) from (select count(*) from items) q, known",
        // Not the same twice.
        "select to_jsonb(x) from (select n, count(*) from known where ratio < random() group by n) x",
        "select to_jsonb(x) from (select n, count(*) from known where at < now() group by n) x where now() > '2024-01-01'",
        // Constants have the type of the other query.
        "select md5(name) from known union (select name from known group by name)",
        "(select name, array_agg(id) from known group by name)",
        "select to_jsonb(x) from (select n, count(*) from known group by n offset 1 for update) x",
        "select md5(name) from known where id = any (select max(id) from items)",
        "with recursive x as (select count(*) as c from known union select c + 1 from x where c < 5) select to_jsonb(x) from x",
    ] {
        if let Some(finish) = cut(sql) {
            assert!(finish.fetches.iter().all(|fetch| fetch.outputs.is_none()), "{sql}");
        }
    }
}

#[test]
fn what_is_written_twice_stays_the_same() {
    let inner = "array[(select max(id) from items)]";
    let ending = "select array[(<0>)], count(*) from <1> AS known group by array[(<0>)]";
    assert!(shown(&format!("select {inner}, count(*) from known group by {inner}")).ends_with(ending));
    let inner = "(select max(md5(label)) from items i where i.id = k.n and label > '')";
    let sql = format!("select array[{inner}], count(*) from known k where k.id < 9 group by array[{inner}], k.n");
    let shown = shown(&sql);
    assert_eq!(
        shown.matches(" from <0> i where ").count().max(shown.matches(" from <1> i where ").count()),
        2,
        "{shown}"
    );
}
