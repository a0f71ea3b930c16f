use std::sync::atomic::Ordering;

use super::Database;

const PARENT: &str = "CREATE TABLE p (id INT PRIMARY KEY, code VARCHAR(9) UNIQUE, n INT)";

#[test]
fn each_side_has_its_codes() {
    let database = Database::with(&[PARENT, "CREATE TABLE c (id INT, p INT, FOREIGN KEY (p) REFERENCES p)"]);
    database.sqlite("INSERT INTO \"SQLUser.p\" (id) VALUES (1), (2)").unwrap();
    assert_eq!(database.sqlite("INSERT INTO \"SQLUser.c\" (id, p) VALUES (1, 7)"), Err(121));
    database.sqlite("INSERT INTO \"SQLUser.c\" (id, p) VALUES (1, 1), (2, NULL)").unwrap();
    assert_eq!(database.sqlite("UPDATE \"SQLUser.c\" SET p = 7"), Err(122));
    assert_eq!(database.sqlite("UPDATE \"SQLUser.p\" SET id = 7 WHERE id = 1"), Err(123));
    assert_eq!(database.sqlite("DELETE FROM \"SQLUser.p\" WHERE id = 1"), Err(124));
    assert_eq!(database.sqlite("UPDATE \"SQLUser.p\" SET id = 8, n = 1 WHERE id = 2"), Ok(1));
    database.refused("TRUNCATE TABLE p", 124);
    database.refused("DROP TABLE p", 320);
    database.refused("DROP TABLE p CASCADE", 320);
    database.no_check.store(true, Ordering::Relaxed);
    assert_eq!(database.sqlite("INSERT INTO \"SQLUser.c\" (id, p) VALUES (3, 99)"), Ok(1));
    assert_eq!(database.sqlite("DELETE FROM \"SQLUser.p\""), Ok(2));
}

#[test]
fn actions_reach_the_children() {
    let database = Database::with(&[
        PARENT,
        "CREATE TABLE c (id INT, p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)",
        "CREATE TABLE n (id INT, p INT DEFAULT 2 REFERENCES p (id) ON DELETE SET NULL ON UPDATE SET DEFAULT)",
    ]);
    database.sqlite("INSERT INTO \"SQLUser.p\" (id) VALUES (1), (2)").unwrap();
    for table in ["c", "n"] {
        database.sqlite(&format!("INSERT INTO \"SQLUser.{table}\" (id, p) VALUES (1, 1)")).unwrap();
    }
    database.sqlite("UPDATE \"SQLUser.p\" SET id = 5 WHERE id = 1").unwrap();
    assert_eq!(database.rows("SELECT p FROM \"SQLUser.c\""), ["5"]);
    assert_eq!(database.rows("SELECT p FROM \"SQLUser.n\""), ["2"]);
    database.sqlite("DELETE FROM \"SQLUser.p\"").unwrap();
    assert_eq!(database.rows("SELECT p FROM \"SQLUser.c\""), Vec::<String>::new());
    assert_eq!(database.rows("SELECT p FROM \"SQLUser.n\""), ["NULL"]);
}

#[test]
fn a_table_may_refer_to_itself() {
    let database = Database::with(&["CREATE TABLE t (id INT PRIMARY KEY, up INT REFERENCES t (id) ON DELETE CASCADE)"]);
    database.sqlite("INSERT INTO \"SQLUser.t\" (id, up) VALUES (1, 1), (2, 1), (3, 2), (9, NULL)").unwrap();
    database.sqlite("DELETE FROM \"SQLUser.t\" WHERE id = 1").unwrap();
    assert_eq!(database.rows("SELECT id FROM \"SQLUser.t\""), ["9"]);
    database.ok("DROP TABLE t");
}

#[test]
fn what_is_referred_to_must_be_a_key() {
    let database = Database::with(&[PARENT, "CREATE TABLE nokey (a INT)"]);
    for (sql, sqlcode) in [
        ("CREATE TABLE c (a INT REFERENCES missing)", 310),
        ("CREATE TABLE c (a INT REFERENCES nokey)", 319),
        ("CREATE TABLE c (a INT REFERENCES nokey (a))", 314),
        ("CREATE TABLE c (a INT REFERENCES p (nope))", 316),
        ("CREATE TABLE c (a INT REFERENCES p (n))", 314),
        ("CREATE TABLE c (a INT, FOREIGN KEY (nope) REFERENCES p)", 315),
        ("CREATE TABLE c (a INT, b INT, FOREIGN KEY (a, b) REFERENCES p)", 314),
        (
            "CREATE TABLE c (a INT, CONSTRAINT f FOREIGN KEY (a) REFERENCES p, CONSTRAINT F FOREIGN KEY (a) REFERENCES p)",
            311,
        ),
        ("CREATE TABLE c (a INT REFERENCES p ON DELETE RESTRICT)", 1),
        ("CREATE TABLE c (a INT REFERENCES p DEFERRABLE)", 1),
    ] {
        database.refused(sql, sqlcode);
    }
    database.ok("CREATE TABLE c (a VARCHAR(9) REFERENCES p (code) NOCHECK)");
    database.ok("CREATE TABLE d (a INT REFERENCES nokey (ID))");
}

#[test]
fn unique_violations_name_their_constraint() {
    let database = Database::with(&[PARENT]);
    database.sqlite("INSERT INTO \"SQLUser.p\" (id, code) VALUES (1, 'a')").unwrap();
    let error = database.conn.execute("INSERT INTO \"SQLUser.p\" (id, code) VALUES (2, 'A ')", []).unwrap_err();
    let table = database.table("p");
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text,
        error => panic!("{error}"),
    };
    let (name, columns) = super::violated_key(&table, &text).unwrap();
    assert_eq!((name, columns), ("P_UNIQUE1", &["code".to_owned()][..]));
}
