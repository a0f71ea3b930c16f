//! The two sides of the gateway against each other: what translation makes of the cases, the stand-in must take.
//!
//! The tables are made by translated CREATE TABLE statements, so definitions are tried as well.

use std::cell::Cell;
use std::rc::Rc;

use iris_pgwire::parts::sql::{
    Action, ColumnFacts, RelationName, Schema, TableFacts, TableLookup, Template, TranslateOptions, parse_description,
    translate,
};
use iris_standin::engine::{Engine, EngineOptions};

const TABLES: &[&str] = &[
    "CREATE TABLE known (id serial PRIMARY KEY, name text, active bool NOT NULL, n int NOT NULL, big bigint, \
     price numeric(10,2), ratio float8, at timestamptz, day date, ts timestamp, uid uuid, doc jsonb, raw bytea, \
     code varchar(10) NOT NULL)",
    "CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(3), label text)",
    "CREATE TABLE users (id int PRIMARY KEY, name text, age int, email text, active bool, status text, a int, b int, \
     n int, city text, note text, _id int, updated_at timestamptz, version int)",
    "CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int, d date, x int, y int, z text, s text, name text, \
     active bool, owner text, note text, ts timestamp, created_at timestamp)",
    "CREATE TABLE u (id int PRIMARY KEY, b int, a int, tid int)",
    "CREATE TABLE orders (id int PRIMARY KEY, user_id int, total numeric(10,2))",
    "CREATE TABLE other (id int PRIMARY KEY, name text)",
    "CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84))",
    "CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))",
];

/// Cases the stand-in does not take, as it should: IRIS refuses an INSERT without columns that does not fill all (its
/// table is not known to translation), and a subquery in SET; the others are methods of IRIS the stand-in lacks.
const NOT_TAKEN: &[&str] =
    &["/*322*/ INSERT INTO users VALUES", "n = (SELECT count(*) FROM items)", "/*527*/", "/*528*/"];

struct Tables;

impl Schema for Tables {
    fn table(&self, name: &RelationName) -> TableLookup {
        let columns = match name.name.as_str() {
            "known" => {
                "id int4; name text; active bool; n int4; big int8; price numeric(10,2); ratio float8; at timestamptz; \
                 day date; ts timestamp; uid uuid; doc jsonb; raw bytea; code varchar(10)"
            }
            "items" => "id int8; embedding vector(3); label text",
            _ => return TableLookup::Missing,
        };
        let column = |text: &str| {
            let (name, kind) = text.trim().split_once(' ').unwrap();
            ColumnFacts {
                name: name.into(),
                pg_type: parse_description(&format!("pg:{kind}")).unwrap(),
                nullable: !["id", "active", "n", "code"].contains(&name),
                identity: name == "id",
                has_default: name == "id",
                folds_case: false,
                vector_element: Default::default(),
                draws: None,
                constant_default: None,
                enum_type: None,
                named: None,
                is_stream: false,
                is_spelled: false,
            }
        };
        TableLookup::Known(Rc::new(TableFacts {
            is_materialized: false,
            spelled: None,
            schema: "SQLUser".into(),
            name: name.name.clone(),
            columns: columns.split(';').map(column).collect(),
            primary_key: vec!["id".into()],
            unique_keys: Vec::new(),
            own_references: Vec::new(),
            rules: Default::default(),
        }))
    }
}

/// The IRIS statements of one PostgreSQL statement, with the kinds of their marks.
fn texts(sql: &str) -> Vec<Rc<iris_pgwire::iris::IrisStatement>> {
    let mut template = Template::default();
    if template.scan(sql).is_err() {
        return Vec::new();
    }
    let keys = Cell::new(1);
    let options = TranslateOptions::new("SQLUser", &keys);
    match translate(sql, &template, &Tables, &options) {
        Ok(translated) => match &translated.translation.action {
            Action::Script(steps) => steps.iter().map(|step| Rc::clone(&step.plan.statement)).collect(),
            Action::CopyFromStdin(copy) => vec![Rc::clone(&copy.insert.statement)],
            _ => Vec::new(),
        },
        Err(_) => Vec::new(),
    }
}

#[test]
fn the_stand_in_takes_what_translation_makes() {
    let engine = Engine::open(EngineOptions::default()).unwrap();
    let mut session = engine.connect("USER", "_SYSTEM", 4001).unwrap();
    for sql in TABLES {
        for statement in texts(sql) {
            let prepared = session.prepare(&statement.text, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            session.update(&prepared, &[Vec::new()]).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
    }
    let mut taken = 0;
    let mut refused = Vec::new();
    for block in include_str!("../src/sql/tests/cases.txt").split("\n\n") {
        let sql = block.trim().lines().next().unwrap_or_default();
        if sql.starts_with("--") || NOT_TAKEN.iter().any(|case| sql.contains(case)) {
            continue;
        }
        for statement in texts(sql) {
            let definition = ["CREATE", "DROP", "ALTER", "TRUNCATE", "LOCK", "TRAIN"];
            if definition.iter().any(|word| statement.text.starts_with(word)) {
                continue;
            }
            match session.prepare(&statement.text, &statement.kinds) {
                Ok(_) => taken += 1,
                // A table or column that only this case has.
                Err(error) if matches!(error.sqlcode, 29 | 30) => {}
                Err(error) => {
                    refused.push(format!("{sql}\n  {}\n  {} {}", statement.text, error.sqlcode, error.message))
                }
            }
        }
    }
    assert!(refused.is_empty(), "{} refused, {taken} taken:\n{}", refused.len(), refused.join("\n"));
    assert!(taken > 250, "{taken}");
}
