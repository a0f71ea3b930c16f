//! The mirror's definitions from end to end: PostgreSQL definitions are translated and run on the stand-in, its
//! INFORMATION_SCHEMA is read back, and what comes out is compared, and on request fed to a real PostgreSQL.

#[path = "../crates/iris-standin/tests/fixture/mod.rs"]
mod fixture;

use std::cell::Cell;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::rc::Rc;

use fixture::Fixture;
use iris_pgwire::iris::{IrisError, ItemReader, Reply, Request, put_double, put_int, put_null, put_text};
use iris_pgwire::parts::catalog::{EnumTypes, MirrorBatch, MirrorLoad, MirrorOptions, MirrorSnapshot, MirrorStep};
use iris_pgwire::parts::sql::{
    Action, Bind, ColumnFacts, EnumType, MirrorStatement, RelationName, Schema, TableFacts, TableLookup, Template,
    TranslateError, TranslateOptions, Translation, parse_description, split, translate,
};
use iris_standin::engine::{Engine, EngineOptions, EngineSession, Value};

struct Gateway {
    session: EngineSession,
    /// What the mirror was told by text.
    mirrored: Vec<MirrorStatement>,
    enums: EnumTypes,
}

/// Knows enum types and no tables.
struct Types<'a>(&'a EnumTypes);

impl Schema for Types<'_> {
    fn table(&self, _name: &RelationName) -> TableLookup {
        TableLookup::Missing
    }

    fn enum_type(&self, name: &RelationName) -> Option<EnumType> {
        self.0.get(name)
    }
}

impl Gateway {
    fn new() -> Self {
        let engine = Engine::open(EngineOptions::default()).unwrap();
        let session = engine.connect("USER", "_SYSTEM", 4001).unwrap();
        Self { session, mirrored: Vec::new(), enums: EnumTypes::default() }
    }

    fn run(&mut self, script: &str) {
        for sql in split(script) {
            let translation = self.translated(sql);
            if let Action::Script(steps) = &translation.action {
                for step in steps {
                    self.iris(&step.plan.statement.text, &step.ignored_sqlcodes);
                }
            }
            translation.enum_change.iter().for_each(|change| self.enums.apply(change));
            self.mirrored.extend(translation.mirror);
        }
    }

    fn translated(&self, sql: &str) -> Translation {
        let mut template = Template::default();
        template.scan(sql).unwrap();
        let keys = Cell::new(1);
        let options = TranslateOptions::new("SQLUser", &keys);
        let translated = translate(sql, &template, &Types(&self.enums), &options);
        translated.unwrap_or_else(|error| panic!("{sql}: {error:?}")).translation
    }

    fn iris(&mut self, text: &str, ignored: &[i32]) {
        let result = self
            .session
            .prepare(text, &[])
            .and_then(|prepared| self.session.update(&prepared, &[Vec::new()]).map_err(|(error, _)| error));
        if let Err(error) = result {
            assert!(ignored.contains(&error.sqlcode), "{text}: {error:?}");
        }
    }

    fn snapshot(&mut self, options: &MirrorOptions) -> MirrorSnapshot {
        let mut load = MirrorLoad::new(options);
        let mut request = load.start();
        loop {
            let Request::Execute { statement, values, values_per_set, .. } = &request else { panic!("{request:?}") };
            let mut items = ItemReader::new(values);
            let values: Vec<Value> =
                (0..*values_per_set).map(|_| Value::Text(items.need("value").unwrap().to_text().unwrap())).collect();
            let mut rows = Vec::new();
            let prepared = self.session.prepare(&statement.text, &statement.kinds);
            let result = prepared.and_then(|prepared| {
                let metadata = Rc::new(prepared.metadata().clone());
                self.session.query(&prepared, &values, 0, 0, &mut |row| {
                    for value in row {
                        match value {
                            Value::Null => put_null(&mut rows),
                            Value::Int(n) => put_int(&mut rows, *n),
                            Value::Double(n) => put_double(&mut rows, *n),
                            Value::Text(text) => put_text(&mut rows, text),
                            value => panic!("{value:?}"),
                        }
                    }
                    ControlFlow::Continue(())
                })?;
                Ok(metadata)
            });
            let reply = match result {
                Ok(metadata) => Reply::Page { metadata, rows: &rows, end: true },
                Err(error) => {
                    eprintln!("{}: {error:?}", statement.text);
                    let error = IrisError { sqlcode: error.sqlcode, text: error.message.clone() };
                    Reply::Failed { error, counts: Vec::new() }
                }
            };
            match load.on_reply(reply).unwrap() {
                MirrorStep::Submit(next) => request = next,
                MirrorStep::Done(snapshot) => return snapshot,
            }
        }
    }
}

fn options() -> MirrorOptions {
    MirrorOptions { default_schema: "SQLUser".into(), schemas: None, side_table: None, sequence_table: None }
}

fn texts(batches: &[MirrorBatch]) -> Vec<String> {
    batches.iter().flat_map(|batch| &batch.statements).map(|statement| statement.sql.clone()).collect()
}

/// The definitions of the sample schema, without functions and rows.
const SAMPLE: &str = include_str!("data/mirror/sample.sql");
const TYPES: &str = include_str!("data/mirror/types.sql");

#[test]
fn the_sample_schema_comes_back() {
    let mut gateway = Gateway::new();
    gateway.run(SAMPLE);
    let snapshot = gateway.snapshot(&options());
    let texts = texts(&snapshot.create());
    let expected: Vec<&str> = include_str!("data/mirror/sample.expected.sql").trim_end().split(";\n").collect();
    let expected: Vec<&str> = expected.iter().map(|text| text.trim_end_matches(';')).collect();
    assert_eq!(texts, expected, "\n{}", texts.iter().map(|text| format!("{text};\n")).collect::<String>());
}

#[test]
fn only_the_schemas_that_are_named() {
    let mut gateway = Gateway::new();
    gateway.run(SAMPLE);
    let snapshot = gateway.snapshot(&MirrorOptions { schemas: Some(vec!["sales".into()]), ..options() });
    assert_eq!(snapshot.len(), 1);
}

#[test]
fn a_difference_is_what_changed() {
    let mut gateway = Gateway::new();
    gateway.run(
        "CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (id int REFERENCES a (id)); CREATE TABLE c (x int)",
    );
    let first = gateway.snapshot(&options());
    assert!(gateway.snapshot(&options()).difference(&first, &HashSet::new(), &HashSet::new()).is_empty());

    gateway.run("ALTER TABLE a ADD m text; DROP TABLE c; CREATE TABLE d (x int); CREATE TABLE e (x int)");
    let second = gateway.snapshot(&options());
    let by_text = HashSet::from([("SQLUser".to_owned(), "e".to_owned())]);
    let texts = texts(&second.difference(&first, &by_text, &HashSet::new()));
    assert_eq!(
        texts,
        [
            "DROP TABLE IF EXISTS \"public\".\"a\" CASCADE",
            "DROP TABLE IF EXISTS \"public\".\"c\" CASCADE",
            "CREATE TABLE \"public\".\"a\" (\"id\" integer NOT NULL, \"n\" integer, \"m\" text, \
             CONSTRAINT \"a_pkey\" PRIMARY KEY (\"id\"))",
            "CREATE TABLE \"public\".\"d\" (\"x\" integer)",
            "DO 'BEGIN IF to_regclass(''\"public\".\"b\"'') IS NOT NULL AND NOT EXISTS (SELECT FROM \
             pg_catalog.pg_constraint WHERE contype = ''f'' AND conrelid = to_regclass(''\"public\".\"b\"'') AND \
             conname = ''b_id_fkey'') THEN EXECUTE ''ALTER TABLE \"public\".\"b\" ADD CONSTRAINT \"b_id_fkey\" \
             FOREIGN KEY (\"id\") REFERENCES \"public\".\"a\" (\"id\")''; END IF; END'",
        ]
    );
}

#[test]
fn tables_of_an_iris_client() {
    let mut fixture = Fixture::new();
    for sql in [
        "CREATE TABLE Sample.Person (Name VARCHAR(50) %DESCRIPTION 'It''s \"the\" name', SSN VARCHAR(11) UNIQUE, \
         Age INTEGER DEFAULT 5, Born DATE DEFAULT CURRENT_DATE, Home VARCHAR(10) DEFAULT 'a''b', %DESCRIPTION 'People; all')",
        "CREATE TABLE \"select\" (\"ta\tble\" INT)",
    ] {
        let _ = fixture.run(sql);
    }
    let mut gateway = Gateway { session: fixture.session, mirrored: Vec::new(), enums: EnumTypes::default() };
    let texts = texts(&gateway.snapshot(&options()).create());
    let person: Vec<&str> = texts.iter().filter(|text| text.contains("person")).map(String::as_str).collect();
    same(
        &person,
        &[
            "CREATE TABLE \"sample\".\"person\" (\"name\" character varying(50), \"ssn\" character varying(11), \
         \"age\" integer DEFAULT 5, \"born\" date DEFAULT CURRENT_DATE, \"home\" character varying(10) DEFAULT 'a''b', \
         CONSTRAINT \"person_unique1\" UNIQUE (\"ssn\"))",
            "COMMENT ON TABLE \"sample\".\"person\" IS 'People; all'",
            "COMMENT ON COLUMN \"sample\".\"person\".\"name\" IS 'It''s \"the\" name'",
        ],
    );
}

#[test]
fn an_enum_comes_back_with_its_labels() {
    let mut gateway = Gateway::new();
    gateway.run(
        "CREATE TYPE mood AS ENUM ('sad', 'a,b', 'it''s'); ALTER TYPE public.mood ADD VALUE 'ok' AFTER 'sad'; \
         CREATE TABLE people (id int, m mood DEFAULT 'ok' NOT NULL)",
    );
    let snapshot = gateway.snapshot(&options());
    let found: Vec<&EnumType> = snapshot.enum_types().collect();
    assert_eq!(
        found,
        [&EnumType {
            schema: None,
            name: "mood".into(),
            labels: ["sad", "ok", "a,b", "it's"].map(str::to_owned).to_vec(),
        }]
    );
    let texts = texts(&snapshot.create());
    assert!(texts.iter().any(|text| text.contains("CREATE TYPE \"public\".\"mood\" AS ENUM")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("\"m\" \"public\".\"mood\" NOT NULL DEFAULT 'ok'")), "{texts:?}");
}

fn same(got: &[&str], expected: &[&str]) {
    assert_eq!(got, expected, "\n{}", got.join("\n"));
}

/// Writes what a real PostgreSQL is to run, for `tests/mirror.sh`: the client's own words, and what is read back.
#[test]
#[ignore = "for tests/mirror.sh"]
fn write_scripts() {
    let folder = std::env::var("MIRROR_SCRIPTS").unwrap();
    for (name, script) in [("sample", SAMPLE), ("types", TYPES)] {
        let mut gateway = Gateway::new();
        gateway.run(script);
        let lines = |texts: &[String]| texts.iter().map(|text| format!("{text};\n")).collect::<String>();
        let by_text: Vec<String> = gateway.mirrored.iter().map(|statement| statement.sql.clone()).collect();
        std::fs::write(format!("{folder}/{name}.by_text.sql"), lines(&by_text)).unwrap();
        let read_back = texts(&gateway.snapshot(&options()).create());
        std::fs::write(format!("{folder}/{name}.read_back.sql"), lines(&read_back)).unwrap();
    }
}

/// `t (m mood)`, where `mood` has the labels `sad` and `ok`.
struct Moods;

impl Schema for Moods {
    fn enum_type(&self, name: &RelationName) -> Option<EnumType> {
        let labels = ["sad", "ok"].map(str::to_owned).to_vec();
        (name.name == "mood").then(|| EnumType { schema: None, name: "mood".into(), labels })
    }

    fn table(&self, _name: &RelationName) -> TableLookup {
        let labels = ["sad", "ok"].map(str::to_owned).to_vec();
        TableLookup::Known(Rc::new(TableFacts {
            is_materialized: false,
            spelled: None,
            schema: "SQLUser".into(),
            name: "t".into(),
            columns: vec![ColumnFacts {
                name: "m".into(),
                pg_type: parse_description("pg:text").unwrap(),
                nullable: true,
                identity: false,
                has_default: false,
                folds_case: false,
                vector_element: Default::default(),
                draws: None,
                constant_default: None,
                is_stream: false,
                is_spelled: false,
                enum_type: Some(Rc::new(EnumType { schema: None, name: "mood".into(), labels })),
                named: None,
            }],
            ..TableFacts::default()
        }))
    }
}

#[test]
fn a_value_that_is_no_label_is_refused() {
    let translated = |sql: &str| {
        let mut template = Template::default();
        template.scan(sql).unwrap();
        let keys = Cell::new(1);
        let options = TranslateOptions::new("SQLUser", &keys);
        translate(sql, &template, &Moods, &options)
    };
    for sql in
        ["INSERT INTO t (m) VALUES ('bad')", "UPDATE t SET m = 'bad'", "INSERT INTO t VALUES ('ok'), ('bad'::mood)"]
    {
        match translated(sql) {
            Err(TranslateError::Pg(error)) => {
                assert_eq!(
                    (error.code.to_string().as_str(), error.message.as_str()),
                    ("22P02", "invalid input value for enum mood: \"bad\""),
                    "{sql}"
                );
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    assert!(translated("INSERT INTO t (m) VALUES ('ok'), (NULL)").is_ok());
    let insert = translated("INSERT INTO t (m) VALUES ($1)").unwrap();
    let Action::Script(steps) = &insert.translation.action else { panic!() };
    let [Bind::EnumParameter { parameter: 1, enum_type }] = steps[0].plan.binds.as_slice() else {
        panic!("{:?}", steps[0].plan.binds)
    };
    for sql in ["INSERT INTO t (m) VALUES ($1::mood)", "SELECT * FROM t WHERE m = $1::public.mood", "COPY t FROM STDIN"]
    {
        let translated = translated(sql).unwrap();
        let plan = match &translated.translation.action {
            Action::Script(steps) => &steps[0].plan,
            Action::CopyFromStdin(copy) => &copy.insert,
            other => panic!("{sql}: {other:?}"),
        };
        assert!(matches!(plan.binds.as_slice(), [Bind::EnumParameter { .. }]), "{sql}: {:?}", plan.binds);
    }
    assert!(enum_type.check("sad").is_ok() && enum_type.check("Sad").is_err());
}
