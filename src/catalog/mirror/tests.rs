use std::collections::HashSet;

use super::*;
use crate::catalog::fixtures::text_columns;
use crate::catalog::sequences::{Sequence, SequenceName, SequenceOwner};
use crate::iris::{IrisError, Reply, Request, put_null, put_text};

fn page(rows: &[&[&str]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for cell in rows.iter().flat_map(|row| row.iter()) {
        if *cell == "NULL" { put_null(&mut bytes) } else { put_text(&mut bytes, cell) }
    }
    bytes
}

fn options() -> MirrorOptions {
    MirrorOptions { default_schema: "SQLUser".to_owned(), schemas: None, side_table: None, sequence_table: None }
}

/// Answers every query by the first entry whose name its text contains, in pages of one row; refuses the others.
fn load(answers: &[(&str, &[&[&str]])]) -> (MirrorSnapshot, Vec<String>) {
    let mut load = MirrorLoad::new(&options());
    let mut request = load.start();
    let mut asked = Vec::new();
    let mut place = (0, 0);
    loop {
        let text = match &request {
            Request::Execute { statement, .. } => {
                place.1 = 0;
                asked.push(statement.text.clone());
                &statement.text
            }
            Request::Fetch { statement } => &statement.text,
            other => panic!("{other:?}"),
        };
        let step = match answers.iter().find(|(name, _)| text.contains(name)) {
            None => {
                let error = IrisError { sqlcode: 29, text: "Field not found".to_owned() };
                load.on_reply(Reply::Failed { error, counts: Vec::new() })
            }
            Some((_, rows)) => {
                let row = rows.get(place.1).copied();
                place.1 += 1;
                let bytes = row.map(|row| page(&[row])).unwrap_or_default();
                let columns = row.map_or(1, <[&str]>::len);
                load.on_reply(Reply::Page { metadata: text_columns(columns), rows: &bytes, end: place.1 >= rows.len() })
            }
        };
        match step.unwrap() {
            MirrorStep::Submit(next) => request = next,
            MirrorStep::Done(snapshot) => return (snapshot, asked),
        }
    }
}

fn texts(batches: &[MirrorBatch]) -> Vec<String> {
    batches.iter().flat_map(|batch| &batch.statements).map(|statement| statement.sql.clone()).collect()
}

const TABLES: (&str, &[&[&str]]) = (
    "INFORMATION_SCHEMA.TABLES",
    &[&["App", "Item", "BASE TABLE", "App.Item", "NULL"], &["%SYS", "x", "SYSTEM TABLE", "a", "NULL"]],
);

#[test]
fn what_a_version_does_not_have_is_left_out() {
    let column = |name: &'static str, data_type: &'static str| -> Vec<&'static str> {
        vec!["APP", "ITEM", name, data_type, "NULL", "NULL", "NULL", "YES", "NO", "NULL", "NULL", "NULL"]
    };
    let columns = [column("Id", "integer"), column("e", "varchar")];
    let columns: Vec<&[&str]> = columns.iter().map(Vec::as_slice).collect();
    let indexes: &[&[&str]] = &[&["App", "Item", "Near", "e", "1", "0", "NULL"]];
    let (snapshot, asked) = load(&[
        TABLES,
        ("INFORMATION_SCHEMA.COLUMNS", &columns),
        ("INFORMATION_SCHEMA.INDEXES", indexes),
        // The third text of this stage, and the second of the next.
        ("SELECT parent, NULL, Name, NULL FROM %Dictionary.CompiledIndex", &[&["App.Item", "NULL", "near", "NULL"]]),
        ("Name, NULL FROM %Dictionary.CompiledProperty", &[&["App.Item", "e", "e", "NULL"]]),
    ]);
    assert_eq!(asked.len(), 11, "{asked:?}");
    assert!(asked[0].contains("WHERE NOT (TABLE_SCHEMA %STARTSWITH '%')"));
    assert_eq!(
        texts(&snapshot.create()),
        [
            "CREATE SCHEMA IF NOT EXISTS \"app\"",
            "CREATE TABLE \"app\".\"item\" (\"id\" integer, \"e\" vector)",
            "CREATE INDEX \"near\" ON \"app\".\"item\" USING hnsw (\"e\" vector_cosine_ops)",
        ]
    );
}

/// A reading may be from between the two halves of a session's DROP and CREATE.
#[test]
fn what_changes_while_it_is_read_is_left_to_its_session() {
    let column: &[&str] =
        &["APP", "ITEM", "Id", "integer", "NULL", "NULL", "NULL", "YES", "NO", "NULL", "NULL", "NULL"];
    let (whole, _) = load(&[TABLES, ("INFORMATION_SCHEMA.COLUMNS", &[column])]);
    let (gone, _) = load(&[("INFORMATION_SCHEMA.TABLES", &[]), ("INFORMATION_SCHEMA.COLUMNS", &[])]);
    let none = HashSet::new();
    let item = HashSet::from([("App".to_owned(), "Item".to_owned())]);
    assert_eq!(texts(&gone.difference(&whole, &none, &none)), ["DROP TABLE IF EXISTS \"app\".\"item\" CASCADE"]);
    assert_eq!(texts(&gone.difference(&whole, &item, &none)), ["DROP TABLE IF EXISTS \"app\".\"item\" CASCADE"]);
    assert!(gone.difference(&whole, &none, &item).is_empty());
    assert_eq!(whole.difference(&gone, &none, &none).len(), 2);
    assert!(whole.difference(&gone, &none, &item).is_empty());
}

/// The sequences of IRIS are read behind its tables: a reading may know the one and not yet the other, and the table may be
/// gone by the time that is looked at.
#[test]
fn a_sequence_comes_and_goes_with_the_table_of_its_column() {
    let column: &[&str] =
        &["SQLUser", "t", "b", "integer", "NULL", "NULL", "NULL", "YES", "NO", "NULL", "NULL", "pg:int4"];
    let table = ("INFORMATION_SCHEMA.TABLES", &[&["SQLUser", "t", "BASE TABLE", "User.t", "pg:"][..]][..]);
    let load_with = |is_there: bool, has_sequence: bool| {
        let (mut snapshot, _) = match is_there {
            true => load(&[table, ("INFORMATION_SCHEMA.COLUMNS", &[column])]),
            false => load(&[("INFORMATION_SCHEMA.TABLES", &[]), ("INFORMATION_SCHEMA.COLUMNS", &[])]),
        };
        let name = |name: &str| SequenceName { schema: "public".to_owned(), name: name.to_owned() };
        let owner = SequenceOwner { table: name("t"), column: "b".to_owned(), is_identity: false };
        let sequence = Sequence {
            id: "1".to_owned(),
            name: name("t_b_seq"),
            type_name: "integer".to_owned(),
            start: 1,
            increment: 1,
            minimum: 1,
            maximum: 9,
            cache: 1,
            cycles: false,
            owner: Some(owner),
            last_value: 1,
            is_called: false,
        };
        snapshot.set_sequences(if has_sequence { vec![sequence] } else { Vec::new() });
        snapshot
    };
    let none = HashSet::new();
    let touched = HashSet::from([("SQLUser".to_owned(), "t".to_owned())]);
    let (gone, early, whole) = (load_with(false, false), load_with(true, false), load_with(true, true));
    let late = load_with(false, true);
    for (now, before) in [(&whole, &early), (&late, &gone), (&late, &early), (&early, &whole), (&gone, &whole)] {
        assert!(now.difference(before, &none, &touched).is_empty());
    }
    assert!(whole.difference(&early, &touched, &none).is_empty());
    assert!(late.difference(&gone, &touched, &none).is_empty());
    // Of a table that nobody has touched it is made if that is still there.
    let made = texts(&whole.difference(&early, &none, &none));
    assert!(
        made[0].starts_with("DO 'BEGIN IF to_regclass(''\"public\".\"t\"'') IS NOT NULL THEN CREATE SEQUENCE"),
        "{made:?}"
    );
    // One that is made anew has lost its sequences.
    let other: &[&str] =
        &["SQLUser", "t", "b", "bigint", "NULL", "NULL", "NULL", "YES", "NO", "NULL", "NULL", "pg:int8"];
    let (mut changed, _) = load(&[table, ("INFORMATION_SCHEMA.COLUMNS", &[other])]);
    changed.set_sequences(load_with(true, true).sequences().cloned().collect());
    let made = texts(&changed.difference(&whole, &none, &none));
    let place = |start: &str| made.iter().position(|sql| sql.starts_with(start));
    assert!(
        place("DROP TABLE") < place("CREATE SEQUENCE") && place("CREATE SEQUENCE") < place("CREATE TABLE"),
        "{made:?}"
    );
    assert!(place("CREATE TABLE") < place("ALTER SEQUENCE"), "{made:?}");
}

#[test]
fn nothing_leaves_its_quotes() {
    let evil = "a\"; DROP TABLE x; --";
    let (snapshot, _) = load(&[
        ("INFORMATION_SCHEMA.TABLES", &[&["SQLUser", evil, "BASE TABLE", "c", "x'; DROP \\' y"]]),
        (
            "INFORMATION_SCHEMA.COLUMNS",
            &[&[
                "SQLUser",
                evil,
                "b\"'$$",
                "varchar",
                "9",
                "NULL",
                "NULL",
                "YES",
                "NO",
                "NULL",
                "\"d'); DROP TABLE y; --\\\"",
                "pg:varchar(9)); DROP TABLE z; --",
            ]],
        ),
    ]);
    assert_eq!(
        texts(&snapshot.create()),
        [
            "CREATE TABLE \"public\".\"a\"\"; drop table x; --\" (\"b\"\"'$$\" character varying(9) \
             DEFAULT E'd''); DROP TABLE y; --\\\\')",
            "COMMENT ON TABLE \"public\".\"a\"\"; drop table x; --\" IS E'x''; DROP \\\\'' y'",
        ]
    );
}

#[test]
fn defaults_of_iris() {
    use crate::types::{Oid, PgType};
    for (text, oid, expected) in [
        ("\"new\"", Oid::TEXT, Some("'new'")),
        ("\"it\"\"s\"", Oid::TEXT, Some("'it\"s'")),
        ("$c(0)", Oid::TEXT, Some("''")),
        ("5", Oid::INT4, Some("5")),
        ("5", Oid::TEXT, Some("'5'")),
        ("1", Oid::BOOL, Some("true")),
        ("2", Oid::BOOL, None),
        ("\"x\"", Oid::INT4, None),
        ("66000", Oid::DATE, None),
        ("+$HOROLOG", Oid::DATE, Some("CURRENT_DATE")),
        ("$ZDATETIME($NOW(),3,,6)", Oid::TIMESTAMP, Some("CURRENT_TIMESTAMP")),
        ("$ZCONVERT($SYSTEM.Util.CreateGUID(),\"L\")", Oid::UUID, Some("gen_random_uuid()")),
        ("$zcvt($system.Util.CreateGUID(), \"l\")", Oid::UUID, Some("gen_random_uuid()")),
        ("##class(My.Class).Next()", Oid::INT4, None),
        ("", Oid::TEXT, None),
    ] {
        let found = default::IrisDefault::read(Some(text)).pg_text(PgType::new(oid));
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}

/// Index names are unique per table in IRIS and per schema in PostgreSQL.
#[test]
fn equal_names_of_indexes_are_told_apart() {
    let tables: &[&[&str]] =
        &[&["SQLUser", "a", "BASE TABLE", "A", "NULL"], &["SQLUser", "b", "BASE TABLE", "B", "NULL"]];
    let column = |table: &'static str| -> Vec<&'static str> {
        vec!["SQLUser", table, "x", "integer", "NULL", "NULL", "NULL", "YES", "NO", "NULL", "NULL", "NULL"]
    };
    let columns = [column("a"), column("b")];
    let columns: Vec<&[&str]> = columns.iter().map(Vec::as_slice).collect();
    let (snapshot, _) = load(&[
        ("INFORMATION_SCHEMA.TABLES", tables),
        ("INFORMATION_SCHEMA.COLUMNS", &columns),
        (
            "INFORMATION_SCHEMA.INDEXES",
            &[&["SQLUser", "a", "i", "x", "1", "0", "NULL"], &["SQLUser", "b", "i", "x", "1", "0", "NULL"]],
        ),
    ]);
    let indexes: Vec<String> = texts(&snapshot.create()).into_iter().filter(|sql| sql.contains("INDEX")).collect();
    assert_eq!(
        indexes,
        ["CREATE INDEX \"i\" ON \"public\".\"a\" (\"x\")", "CREATE INDEX \"b_i\" ON \"public\".\"b\" (\"x\")"]
    );
}

/// 5,000 tables of a dozen columns: about 60,000 rows, in pages of a thousand.
#[test]
fn thousands_of_tables() {
    let started = std::time::Instant::now();
    let mut load = MirrorLoad::new(&options());
    let _ = load.start();
    let names: Vec<String> = (0..5_000).map(|n| format!("table_{n}")).collect();
    let mut step = None;
    for (at, chunk) in names.chunks(1_000).enumerate() {
        let rows: Vec<Vec<&str>> = chunk.iter().map(|name| vec!["SQLUser", name, "BASE TABLE", name, "NULL"]).collect();
        let bytes: Vec<u8> = rows.iter().flat_map(|row| page(&[row])).collect();
        step = Some(load.on_reply(Reply::Page { metadata: text_columns(5), rows: &bytes, end: at == 4 }).unwrap());
    }
    assert!(matches!(step, Some(MirrorStep::Submit(Request::Execute { .. }))));
    for (at, chunk) in names.chunks(100).enumerate() {
        let mut bytes = Vec::new();
        for name in chunk {
            for column in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"] {
                bytes.extend(page(&[&[
                    "SQLUser", name, column, "varchar", "32767", "NULL", "NULL", "YES", "NO", "NULL", "\"x\"",
                    "pg:text",
                ]]));
            }
        }
        load.on_reply(Reply::Page { metadata: text_columns(12), rows: &bytes, end: at == 49 }).unwrap();
    }
    let snapshot = loop {
        let reply = Reply::Page { metadata: text_columns(1), rows: &[], end: true };
        if let MirrorStep::Done(snapshot) = load.on_reply(reply).unwrap() {
            break snapshot;
        }
    };
    let batches = snapshot.create();
    assert_eq!((snapshot.len(), batches.len()), (5_000, 50));
    assert!(snapshot.difference(&snapshot, &HashSet::new(), &HashSet::new()).is_empty());
    eprintln!("5,000 tables read and written in {:?}", started.elapsed());
}
