//! Sessions of the stand-in: transactions, batches, several at once, cancel, time limits, schema changes.

mod fixture;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fixture::Fixture;
use iris_protocol::{IrisType, ParameterKind};
use iris_standin::engine::{
    Engine, EngineOpenError, EngineOptions, EngineSession, Isolation, Prepared, SqlError, Value,
};

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

fn scalar(session: &mut EngineSession, sql: &str) -> Value {
    let statement = session.prepare(sql, &[]).unwrap();
    let mut found = Value::Null;
    session
        .query(&statement, &[], 0, 0, &mut |row| {
            found = row[0].clone();
            ControlFlow::Break(())
        })
        .unwrap();
    found
}

fn execute(session: &mut EngineSession, sql: &str) -> Result<i64, SqlError> {
    let statement = session.prepare(sql, &[])?;
    session.update(&statement, &[Vec::new()]).map(|counts| counts[0]).map_err(|(error, _)| error)
}

#[test]
fn autocommit_off_opens_a_transaction_that_others_do_not_see() {
    let mut fixture = Fixture::new();
    let mut other = fixture.engine.connect("user", "other", 4002).unwrap();
    fixture.session.set_autocommit(false).unwrap();
    fixture.run("DELETE FROM u").unwrap();
    assert!(fixture.session.in_transaction());
    assert_eq!(fixture.shown("SELECT COUNT(*), $TLEVEL FROM u"), "0|1");
    assert_eq!(scalar(&mut other, "SELECT COUNT(*) FROM u"), Value::Int(3));
    fixture.session.rollback().unwrap();
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM u"), "3");
    fixture.run("DELETE FROM u WHERE id = 1").unwrap();
    fixture.session.commit().unwrap();
    assert_eq!(scalar(&mut other, "SELECT COUNT(*) FROM u"), Value::Int(2));
}

#[test]
fn a_dropped_session_rolls_back_and_lets_the_next_writer_in() {
    let mut fixture = Fixture::new();
    let mut other = fixture.engine.connect("USER", "other", 4002).unwrap();
    other.set_autocommit(false).unwrap();
    execute(&mut other, "DELETE FROM u").unwrap();
    drop(other);
    fixture.run("INSERT INTO u (id, a) VALUES (50, 1)").unwrap();
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM u"), "4");
}

#[test]
fn statements_are_atomic() {
    let mut fixture = Fixture::new();
    let failed = fixture.run("INSERT INTO parent (id, code) SELECT id, 'x' FROM t ORDER BY id");
    assert!(failed.is_err(), "ORDER BY without TOP");
    let failed = fixture.run("INSERT INTO parent (id, code) SELECT TOP 3 id, 'x' FROM t ORDER BY id DESC").unwrap_err();
    assert_eq!(failed.sqlcode, 119);
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM parent"), "2");
    fixture.session.set_autocommit(false).unwrap();
    fixture.run("INSERT INTO parent (id) VALUES (90)").unwrap();
    assert_eq!(fixture.run("INSERT INTO parent (id) VALUES (91), (90)").unwrap_err().sqlcode, 119);
    fixture.session.commit().unwrap();
    assert_eq!(fixture.shown("SELECT id FROM parent WHERE id > 80"), "90");
}

#[test]
fn a_batch_stops_at_the_failing_set_and_keeps_those_before() {
    let mut fixture = Fixture::new();
    let statement = fixture.session.prepare("INSERT INTO parent (id, code) VALUES (?, ?)", &[]).unwrap();
    let sets: Vec<Vec<Value>> = (10..15).map(|id| vec![Value::Int(id), text("x")]).collect();
    assert_eq!(fixture.session.update(&statement, &sets).unwrap(), [1; 5]);
    let sets = vec![vec![Value::Int(20), text("a")], vec![Value::Int(10), text("b")], vec![Value::Int(21), text("c")]];
    let (error, counts) = fixture.session.update(&statement, &sets).unwrap_err();
    assert_eq!((error.sqlcode, counts), (119, vec![1]));
    assert_eq!(fixture.shown("SELECT id FROM parent WHERE id >= 20"), "20");
    assert!(error.message.contains("PARENT_PKEY"), "{}", error.message);
}

#[test]
fn definitions_survive_a_rollback() {
    let mut fixture = Fixture::new();
    fixture.session.set_autocommit(false).unwrap();
    fixture.run("DELETE FROM u").unwrap();
    fixture.run("CREATE TABLE later (a INTEGER)").unwrap();
    fixture.run("INSERT INTO later (a) VALUES (1)").unwrap();
    fixture.session.rollback().unwrap();
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM u"), "3");
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM later"), "0");
    let mut other = fixture.engine.connect("USER", "other", 4002).unwrap();
    assert_eq!(scalar(&mut other, "SELECT COUNT(*) FROM later"), Value::Int(0));
}

#[test]
fn savepoints_nest_and_definitions_survive_them() {
    let mut fixture = Fixture::new();
    fixture.run("START TRANSACTION").unwrap();
    fixture.run("UPDATE parent SET code = 'a' WHERE id = 1").unwrap();
    fixture.run("SAVEPOINT one").unwrap();
    fixture.run("UPDATE parent SET code = 'b' WHERE id = 1").unwrap();
    fixture.run("SAVEPOINT \"two\"").unwrap();
    assert_eq!(fixture.shown("SELECT $TLEVEL"), "3");
    fixture.run("CREATE TABLE later (a INTEGER)").unwrap();
    fixture.run("UPDATE parent SET code = 'c' WHERE id = 1").unwrap();
    fixture.run("ROLLBACK TO SAVEPOINT ONE").unwrap();
    assert_eq!(fixture.shown("SELECT code, $TLEVEL FROM parent WHERE id = 1"), "'a'|1");
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM later"), "0");
    fixture.run("ROLLBACK").unwrap();
    assert_eq!(fixture.shown("SELECT code FROM parent WHERE id = 1"), "'one'");
}

#[test]
fn a_savepoint_that_is_undone_or_unknown_ends_the_transaction() {
    let mut fixture = Fixture::new();
    for undo in [
        &["SAVEPOINT one", "ROLLBACK TO SAVEPOINT one", "ROLLBACK TO SAVEPOINT one"][..],
        &["SAVEPOINT one", "ROLLBACK TO SAVEPOINT two"],
    ] {
        fixture.run("START TRANSACTION").unwrap();
        fixture.run("UPDATE parent SET code = 'a' WHERE id = 1").unwrap();
        let (last, first) = undo.split_last().unwrap();
        for sql in first {
            fixture.run(sql).unwrap();
        }
        let error = fixture.run(last).unwrap_err();
        assert_eq!(error.sqlcode, 375, "{last}: {}", error.message);
        assert_eq!(fixture.shown("SELECT code, $TLEVEL FROM parent WHERE id = 1"), "'one'|0");
        // Its locks are free.
        let mut other = fixture.engine.connect("USER", "other", 4002).unwrap();
        execute(&mut other, "UPDATE parent SET code = 'one' WHERE id = 1").unwrap();
    }
}

#[test]
fn the_256th_savepoint_is_refused_and_leaves_the_transaction() {
    let mut fixture = Fixture::new();
    fixture.run("START TRANSACTION").unwrap();
    fixture.run("UPDATE parent SET code = 'a' WHERE id = 1").unwrap();
    for _ in 0..255 {
        fixture.run("SAVEPOINT one").unwrap();
    }
    let error = fixture.run("SAVEPOINT one").unwrap_err();
    assert_eq!((error.sqlcode, error.message.contains("<TRANSACTION LEVEL>")), (400, true));
    fixture.run("COMMIT").unwrap();
    assert_eq!(fixture.shown("SELECT code FROM parent WHERE id = 1"), "'a'");
}

#[test]
fn modes_of_a_transaction_stay_for_the_process() {
    let mut fixture = Fixture::new();
    for (sql, level) in [
        ("SET TRANSACTION ISOLATION LEVEL READ VERIFIED", Isolation::ReadVerified),
        ("COMMIT", Isolation::ReadVerified),
        ("START TRANSACTION READ WRITE", Isolation::ReadCommitted),
        ("ROLLBACK", Isolation::ReadCommitted),
        ("START TRANSACTION READ ONLY", Isolation::ReadUncommitted),
        ("ROLLBACK", Isolation::ReadUncommitted),
        ("START TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE", Isolation::ReadCommitted),
        ("COMMIT", Isolation::ReadCommitted),
    ] {
        fixture.run(sql).unwrap();
        assert_eq!(fixture.session.isolation(), level, "{sql}");
    }
    for (sql, code) in [
        ("SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ WRITE", 92),
        ("START TRANSACTION READ WRITE, ISOLATION LEVEL READ VERIFIED", 92),
        ("START TRANSACTION READ WRITE, READ ONLY", 91),
        ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED, ISOLATION LEVEL READ COMMITTED", 91),
    ] {
        assert_eq!(fixture.run(sql).unwrap_err().sqlcode, code, "{sql}");
    }
    assert_eq!(fixture.session.isolation(), Isolation::ReadCommitted);
}

#[test]
fn writers_take_turns_and_readers_do_not_wait() {
    let fixture = Fixture::new();
    let engine = Arc::clone(&fixture.engine);
    let threads: Vec<_> = (0..4)
        .map(|job| {
            let mut session = engine.connect("USER", "w", 5000 + job).unwrap();
            std::thread::spawn(move || {
                let update = session.prepare("UPDATE parent SET code = ? WHERE id = ?", &[]).unwrap();
                for n in 0..50 {
                    session.update(&update, &[vec![Value::Int(n), Value::Int(1)]]).unwrap();
                    assert_ne!(scalar(&mut session, "SELECT code FROM parent WHERE id = 1"), Value::Null);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_running_query_can_be_cancelled_and_limited() {
    let mut fixture = Fixture::new();
    let endless = "SELECT COUNT(*) FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k, t l, t m, t n \
                   WHERE a.id + b.id + c.id + d.id + e.id + f.id + g.id + h.id + i.id + j.id + k.id + l.id + m.id + n.id < 0";
    let interrupter = fixture.session.interrupter();
    assert!(!interrupter.interrupt(), "nothing runs");
    let canceller = std::thread::spawn(move || {
        let begin = Instant::now();
        while !interrupter.interrupt() && begin.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert_eq!(fixture.run(endless).unwrap_err().sqlcode, 456);
    canceller.join().unwrap();
    let statement = fixture.session.prepare(endless, &[]).unwrap();
    let begin = Instant::now();
    let limited = fixture.session.query(&statement, &[], 1, 0, &mut |_| ControlFlow::Continue(()));
    assert_eq!(limited.unwrap_err().sqlcode, 450);
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(fixture.shown("SELECT 1"), "1");
}

#[test]
fn a_changed_schema_is_noticed() {
    let mut fixture = Fixture::new();
    let plain = fixture.session.prepare("SELECT code FROM parent WHERE id = ?", &[]).unwrap();
    let star = fixture.session.prepare("SELECT * FROM parent", &[]).unwrap();
    fixture.run("ALTER TABLE parent ADD COLUMN extra INTEGER").unwrap();
    let run = |session: &mut EngineSession, statement: &Arc<Prepared>| {
        session.query(statement, &[Value::Int(1)], 0, 0, &mut |_| ControlFlow::Continue(()))
    };
    assert_eq!(run(&mut fixture.session, &plain), Ok(()));
    assert_eq!(run(&mut fixture.session, &star).unwrap_err().sqlcode, 478);
    fixture.run("DROP TABLE child").unwrap();
    fixture.run("DROP TABLE parent").unwrap();
    assert_eq!(run(&mut fixture.session, &plain).unwrap_err().sqlcode, 30);
}

#[test]
fn identities_belong_to_the_session() {
    let mut fixture = Fixture::new();
    let mut other = fixture.engine.connect("USER", "other", 4002).unwrap();
    assert_eq!(other.last_identity(), None);
    fixture.run("INSERT INTO auto (a) VALUES (1), (2)").unwrap();
    assert_eq!(fixture.session.last_identity(), Some(2));
    assert_eq!(scalar(&mut other, "SELECT LAST_IDENTITY()"), Value::Null);
    execute(&mut other, "INSERT INTO auto (a) VALUES (3)").unwrap();
    assert_eq!(other.last_identity(), Some(3));
    assert_eq!(fixture.session.last_identity(), Some(2));
}

#[test]
fn isolation_is_kept_and_namespaces_are_apart() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.session.isolation(), Isolation::ReadUncommitted);
    fixture.run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED").unwrap();
    assert_eq!(fixture.session.isolation(), Isolation::ReadCommitted);
    let mut system = fixture.engine.connect("%SYS", "_SYSTEM", 1).unwrap();
    assert_eq!(system.prepare("SELECT * FROM t", &[]).unwrap_err().sqlcode, 30);
    assert_eq!(fixture.engine.connect("NOWHERE", "_SYSTEM", 1).err().map(|e| e.sqlcode), Some(417));
}

#[test]
fn a_data_folder_keeps_what_was_committed() {
    let folder = std::env::temp_dir().join(format!("iris-pgwire-test-{}", std::process::id()));
    let options = || EngineOptions { data_dir: Some(folder.clone()), ..EngineOptions::default() };
    let engine = Engine::open(options()).unwrap();
    let mut session = engine.connect("USER", "_SYSTEM", 1).unwrap();
    execute(&mut session, "CREATE TABLE kept (a NUMERIC(9,2) DEFAULT 1.5)").unwrap();
    execute(&mut session, "INSERT INTO kept DEFAULT VALUES").unwrap();
    // One engine has it at a time.
    assert!(matches!(Engine::open(options()), Err(EngineOpenError::InUse { .. })));
    drop((session, engine));
    let engine = Engine::open(options()).unwrap();
    let mut session = engine.connect("USER", "_SYSTEM", 1).unwrap();
    assert_eq!(scalar(&mut session, "SELECT COUNT(*) FROM kept WHERE a = 1.5"), Value::Int(1));
    drop((session, engine));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn metadata_names_and_types_columns_and_parameters() {
    let mut fixture = Fixture::new();
    let statement = fixture.session.prepare(
        "SELECT id, n AS Amount, a + 1, COUNT(*) OVER (), 'lit', ts, v1.name FROM t, v1 WHERE t.id = v1.id",
        &[],
    );
    // `id` and `a` are in both.
    assert_eq!(statement.unwrap_err().sqlcode, 27);
    let statement = fixture
        .session
        .prepare(
            "SELECT t.id, t.n AS Amount, t.a + 1, ?, 'lit', ts, dt, name, COUNT(*), t.%ID FROM t \
             WHERE id = ? AND name LIKE ? AND dt > ? GROUP BY t.id HAVING SUM(n) > ?",
            &[],
        )
        .unwrap();
    let metadata = statement.metadata();
    let columns: Vec<(&str, i32)> = metadata.columns.iter().map(|c| (c.name.as_str(), c.iris_type.0)).collect();
    assert_eq!(
        columns,
        [
            ("id", 4),
            ("Amount", 2),
            ("Expression_3", 4),
            ("HostVar_4", 12),
            ("HostVar_5", 12),
            ("ts", 1093),
            ("dt", 1091),
            ("name", 12),
            ("Aggregate_9", -5),
            ("ID", -5),
        ]
    );
    let types: Vec<i32> = metadata.parameters.iter().map(|p| p.iris_type.0).collect();
    assert_eq!(types, [12, 4, 12, 1091, 2]);
    let amount = &metadata.columns[1];
    assert_eq!((amount.precision, amount.scale, amount.nullable), (12, 2, 1));
    assert_eq!((amount.table.as_str(), amount.schema.as_str()), ("t", "SQLUser"));
    assert_eq!(metadata.columns[0].nullable, 0);
    assert!(metadata.columns[9].row_id);
}

#[test]
fn parameters_take_the_type_of_their_place() {
    let mut fixture = Fixture::new();
    let kinds = |fixture: &mut Fixture, sql: &str, kinds: &[ParameterKind]| {
        let statement = fixture.session.prepare(sql, kinds).unwrap();
        statement.metadata().parameters.iter().map(|p| p.iris_type).collect::<Vec<_>>()
    };
    use IrisType as T;
    use ParameterKind::{IntegerLiteral, NumberLiteral, StringLiteral, User};
    for (sql, given, expected) in [
        (
            "INSERT INTO t (id, n, dt, txt) VALUES (?, ?, ?, ?)",
            &[][..],
            &[T::INTEGER, T::NUMERIC, T::DATE_HOROLOG, T::LONGVARCHAR][..],
        ),
        ("UPDATE t SET d = ?, flag = ? WHERE big IN (?, ?)", &[], &[T::DOUBLE, T::BIT, T::BIGINT, T::BIGINT]),
        ("SELECT TOP ? id FROM t", &[], &[T::INTEGER]),
        ("SELECT id FROM t LIMIT ? OFFSET ?", &[], &[T::INTEGER, T::INTEGER]),
        ("SELECT CAST(? AS DOUBLE), ?", &[], &[T::DOUBLE, T::VARCHAR]),
        (
            "SELECT :%qpar(1), :%qpar(2), :%qpar(3), :%qpar(4)",
            &[IntegerLiteral, NumberLiteral, StringLiteral, User],
            &[T::INTEGER, T::NUMERIC, T::VARCHAR, T::VARCHAR],
        ),
        ("SELECT id FROM t WHERE ts BETWEEN ? AND ?", &[], &[T::TIMESTAMP_POSIX, T::TIMESTAMP_POSIX]),
        ("SELECT id FROM t WHERE ? = a", &[], &[T::INTEGER]),
        ("SELECT COALESCE(a, ?) FROM t", &[], &[T::INTEGER]),
        ("SELECT VECTOR_COSINE(v, TO_VECTOR(?, DOUBLE)) FROM vec", &[], &[T::VARCHAR]),
        (
            "INSERT INTO vec (id, v) VALUES ( :%qpar(1) , TO_VECTOR ( :%qpar(2) , DOUBLE , :%qpar(3) ) )",
            &[User, User, IntegerLiteral],
            &[T::INTEGER, T::VARCHAR, T::INTEGER],
        ),
    ] {
        assert_eq!(kinds(&mut fixture, sql, given), expected, "{sql}");
    }
}

#[test]
fn values_of_clients_fit_the_declared_types() {
    let mut fixture = Fixture::new();
    let stamp = 1_152_921_504_606_846_976 + 1_704_164_645_000_000;
    fixture
        .run_with(
            "INSERT INTO t (id, n, d, dt, tm, ts, bin, big) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            &[
                text("100"),
                text("12.345"),
                text("1.5e300"),
                Value::Int(66_841),
                Value::Int(11_045),
                Value::Int(stamp),
                Value::Bytes(vec![0, 255]),
                Value::Int(i64::MAX),
            ],
        )
        .unwrap();
    assert_eq!(
        fixture.shown("SELECT n, dt, tm, bin, big, CAST(ts AS VARCHAR) FROM t WHERE id = 100"),
        format!("12.35|66841|11045|[00, ff]|{}|'2024-01-02 03:04:05'", i64::MAX)
    );
    assert_eq!(
        fixture.run_with("SELECT ts FROM t WHERE ts = ? AND id = 100", &[Value::Int(stamp)]).unwrap(),
        [[Value::Int(stamp)]]
    );
    for (sql, value) in [
        ("SELECT id FROM t WHERE dt = ? AND id < 10", text("2024-01-02")),
        ("SELECT id FROM t WHERE id = ?", text("1")),
        ("SELECT id FROM t WHERE id = ?", Value::Double(1.0)),
        ("SELECT id FROM t WHERE n = ?", text("1.50")),
        ("SELECT id FROM t WHERE name = ? AND id < 2", text("ALICE")),
        ("SELECT id FROM t WHERE ? = id", Value::Int(1)),
        ("SELECT TOP ? id FROM t ORDER BY id", Value::Int(1)),
        ("SELECT id FROM t ORDER BY id LIMIT ?", text("1")),
    ] {
        assert_eq!(fixture.run_with(sql, &[value]).unwrap(), [[Value::Int(1)]], "{sql}");
    }
    assert_eq!(fixture.run_with("SELECT id FROM t WHERE id = ?", &[Value::Null]).unwrap(), Vec::<Vec<Value>>::new());
    assert_eq!(fixture.run_with("SELECT ? || ''", &[text("")]).unwrap(), [[text("")]]);
    let rows_max = fixture.session.prepare("SELECT id FROM t ORDER BY id", &[]).unwrap();
    let mut count = 0;
    let mut counting = |_: &[Value]| {
        count += 1;
        ControlFlow::Continue(())
    };
    fixture.session.query(&rows_max, &[], 0, 2, &mut counting).unwrap();
    assert_eq!(count, 2);
}

/// A point update must cost microseconds, not a parse: generous for slow machines, far below a plan a time.
#[test]
fn a_prepared_point_update_is_cheap() {
    let mut fixture = Fixture::new();
    let update = fixture.session.prepare("UPDATE t SET a = a + ? WHERE id = ?", &[]).unwrap();
    let begin = Instant::now();
    for _ in 0..2_000 {
        fixture.session.update(&update, &[vec![Value::Int(1), Value::Int(1)]]).unwrap();
    }
    let each = begin.elapsed() / 2_000;
    assert!(each < Duration::from_millis(2), "{each:?} for one update");
    assert_eq!(fixture.shown("SELECT a FROM t WHERE id = 1"), "2010");
}

/// Comparisons as translated must still find SQLite's indexes.
#[test]
fn indexes_serve_every_type() {
    let mut fixture = Fixture::new();
    for (name, column) in [("by_name", "name"), ("by_n", "n"), ("by_dt", "dt"), ("by_ts", "ts"), ("by_a", "a")] {
        fixture.run(&format!("CREATE INDEX {name} ON t ({column})")).unwrap();
    }
    for condition in [
        "id = 5",
        "name = 'bob'",
        "name IN ('bob', 'x')",
        "name BETWEEN 'a' AND 'b'",
        "n = 1.5",
        "n > 2",
        "dt = '2024-01-02'",
        "ts >= '2024-01-02 00:00:00'",
        "a = 10.0",
        "a IN (1, 2)",
        "a = (SELECT MAX(a) FROM u)",
    ] {
        let plan = fixture.shown(&format!("EXPLAIN SELECT id FROM t WHERE {condition}"));
        assert!(plan.contains("USING") && plan.contains("INDEX"), "{condition}: {plan}");
    }
}
