//! One writer: who takes the turn, who does not, and when it goes back.

mod fixture;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use fixture::Fixture;
use iris_standin::engine::{EngineSession, SqlError, Value};

fn execute(session: &mut EngineSession, sql: &str) -> Result<i64, SqlError> {
    let statement = session.prepare(sql, &[])?;
    session.update(&statement, &[Vec::new()]).map(|counts| counts[0]).map_err(|(error, _)| error)
}

fn count(session: &mut EngineSession, sql: &str) -> i64 {
    let statement = session.prepare(sql, &[]).unwrap();
    let mut found = 0;
    let mut row = |row: &[Value]| {
        let Value::Int(number) = row[0] else { panic!("{row:?}") };
        found = number;
        ControlFlow::Break(())
    };
    session.query(&statement, &[], 0, 0, &mut row).unwrap();
    found
}

/// Two sessions inside a transaction; what the first has done there must not keep the second from writing.
fn others_can_write_after(statements: &[&str]) {
    let mut fixture = Fixture::new();
    let mut other = fixture.engine.connect("USER", "other", 4002).unwrap();
    fixture.session.set_autocommit(false).unwrap();
    other.set_autocommit(false).unwrap();
    for sql in statements {
        // One of them fails on purpose.
        let _ = fixture.run(sql);
    }
    assert!(fixture.session.in_transaction(), "{statements:?}");
    let begin = Instant::now();
    execute(&mut other, "SAVEPOINT theirs").unwrap();
    assert_eq!(execute(&mut other, "UPDATE u SET a = 0"), Ok(3), "{statements:?}");
    assert!(begin.elapsed() < Duration::from_secs(5), "{statements:?} kept the writer waiting");
    other.commit().unwrap();
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM u WHERE a = 0"), "3");
    // The first one's turn comes when it writes.
    assert_eq!(fixture.run("UPDATE u SET a = 1 WHERE id = 1").unwrap(), [[Value::Int(1)]]);
    fixture.session.rollback().unwrap();
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM u WHERE a = 0"), "3");
}

#[test]
fn what_has_written_nothing_takes_no_turn() {
    others_can_write_after(&["SAVEPOINT a", "SELECT COUNT(*) FROM u", "SAVEPOINT b"]);
    others_can_write_after(&["START TRANSACTION", "SAVEPOINT a", "ROLLBACK TO SAVEPOINT a"]);
    others_can_write_after(&["UPDATE u SET a = 5 WHERE id = 999"]);
    others_can_write_after(&["DELETE FROM u WHERE id = 999", "SAVEPOINT a"]);
    others_can_write_after(&["INSERT INTO parent (id) VALUES (1)"]);
    others_can_write_after(&["INSERT INTO child (id, parent_id) VALUES (7, 999)"]);
}

#[test]
fn a_definition_gives_the_turn_back() {
    others_can_write_after(&["SAVEPOINT a", "CREATE TABLE fresh (id INTEGER)"]);
    let mut fixture = Fixture::new();
    fixture.session.set_autocommit(false).unwrap();
    fixture.run("SAVEPOINT a").unwrap();
    fixture.run("CREATE TABLE fresh (id INTEGER)").unwrap();
    fixture.run("INSERT INTO fresh VALUES (1)").unwrap();
    fixture.run("CREATE TABLE fresh2 (id INTEGER)").unwrap();
    fixture.run("ROLLBACK TO SAVEPOINT a").unwrap();
    assert_eq!(fixture.shown("SELECT (SELECT COUNT(*) FROM fresh), (SELECT COUNT(*) FROM fresh2)"), "0|0");
    fixture.session.rollback().unwrap();
    assert_eq!(fixture.shown("SELECT (SELECT COUNT(*) FROM fresh), (SELECT COUNT(*) FROM fresh2)"), "0|0");
}

#[test]
fn savepoints_set_before_the_first_change_hold() {
    let mut fixture = Fixture::new();
    fixture.session.set_autocommit(false).unwrap();
    let mut run = |sql: &str| fixture.run(sql).map(|_| ()).map_err(|error| error.sqlcode);
    for sql in ["SAVEPOINT a", "SAVEPOINT b", "DELETE FROM u WHERE id = 1", "SAVEPOINT c", "DELETE FROM u WHERE id = 2"]
    {
        assert_eq!(run(sql), Ok(()), "{sql}");
    }
    run("ROLLBACK TO SAVEPOINT c").unwrap();
    assert_eq!(count(&mut fixture.session, "SELECT COUNT(*) FROM u"), 2);
    assert_eq!(count(&mut fixture.session, "SELECT $TLEVEL"), 3);
    fixture.run("ROLLBACK TO SAVEPOINT b").unwrap();
    assert_eq!(count(&mut fixture.session, "SELECT COUNT(*) FROM u"), 3);
    fixture.run("DELETE FROM u WHERE id = 3").unwrap();
    fixture.run("ROLLBACK TO SAVEPOINT a").unwrap();
    assert_eq!(count(&mut fixture.session, "SELECT COUNT(*) FROM u"), 3);
    fixture.run("DELETE FROM u").unwrap();
    fixture.session.commit().unwrap();
    assert_eq!(count(&mut fixture.session, "SELECT COUNT(*) FROM u"), 0);
}

/// A change after one without rows belongs to the same transaction, whose savepoints live on.
#[test]
fn a_returned_turn_is_taken_again() {
    let mut fixture = Fixture::new();
    fixture.run("START TRANSACTION").unwrap();
    fixture.run("SAVEPOINT a").unwrap();
    assert_eq!(fixture.run("UPDATE u SET a = 5 WHERE id = 999").unwrap(), [[Value::Int(0)]]);
    fixture.run("DELETE FROM u").unwrap();
    fixture.run("ROLLBACK TO SAVEPOINT a").unwrap();
    fixture.run("DELETE FROM u WHERE id = 1").unwrap();
    assert_eq!(count(&mut fixture.session, "SELECT COUNT(*) FROM u"), 2);
    fixture.run("ROLLBACK").unwrap();
    assert_eq!(count(&mut fixture.session, "SELECT COUNT(*) FROM u"), 3);
}

/// LOCK TABLE lasts to the end of its transaction.
#[test]
fn a_lock_keeps_the_turn() {
    let mut fixture = Fixture::new();
    let mut other = fixture.engine.connect("USER", "other", 4002).unwrap();
    fixture.run("START TRANSACTION").unwrap();
    fixture.run("LOCK TABLE u IN EXCLUSIVE MODE").unwrap();
    let interrupter = other.interrupter();
    let waiting = std::thread::spawn(move || execute(&mut other, "DELETE FROM u").map_err(|error| error.sqlcode));
    while !interrupter.interrupt() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(waiting.join().unwrap(), Err(456));
    assert_eq!(fixture.run("DELETE FROM u").unwrap(), [[Value::Int(3)]]);
    fixture.run("COMMIT").unwrap();
}
