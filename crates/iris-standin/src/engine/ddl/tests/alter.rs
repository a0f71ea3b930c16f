use super::super::super::types::DataType;
use super::Database;

fn filled() -> Database {
    let database = Database::with(&[
        "CREATE TABLE p (id INT PRIMARY KEY)",
        "CREATE TABLE t (id INTEGER IDENTITY, a VARCHAR(9), b INT, p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id))",
        "CREATE INDEX i ON t (b)",
    ]);
    database.sqlite("INSERT INTO \"SQLUser.p\" (id) VALUES (1)").unwrap();
    database.sqlite("INSERT INTO \"SQLUser.t\" (id, a, b, p) VALUES (4, '12', 1, 1), (7, '3', NULL, NULL)").unwrap();
    database
}

#[test]
fn columns_are_added_with_their_defaults() {
    let database = filled();
    database.ok("ALTER TABLE t ADD COLUMN c INT DEFAULT 5 NOT NULL");
    database.ok("ALTER TABLE t ADD (d VARCHAR(3), e INT)");
    database.ok("ALTER TABLE SQLUser.t ADD g %Library.String(MAXLEN=10) %EXACT NOT NULL DEFAULT ''");
    assert_eq!(database.rows("SELECT id, a, b, c, d, g FROM \"SQLUser.t\""), ["4|12|1|5|NULL|", "7|3|NULL|5|NULL|"]);
    database.refused("ALTER TABLE t ADD COLUMN h INT NOT NULL", 304);
    database.refused("ALTER TABLE t ADD COLUMN A INT", 306);
    database.refused("ALTER TABLE t ADD COLUMN h IDENTITY", 400);
    database.refused("ALTER TABLE t ADD h INT, ADD j INT", 1);
    // The parts are there again.
    assert_eq!(database.sqlite("INSERT INTO \"SQLUser.t\" (p, c, g) VALUES (9, 1, '')"), Err(121));
    database.sqlite("INSERT INTO \"SQLUser.t\" (p, c, g) VALUES (1, 1, '')").unwrap();
    assert_eq!(database.rows("SELECT max(id) FROM \"SQLUser.t\""), ["8"]);
}

#[test]
fn columns_go_unless_something_needs_them() {
    let database = filled();
    database.refused("ALTER TABLE t DROP COLUMN b", 322);
    database.refused("ALTER TABLE t DROP COLUMN p RESTRICT", 322);
    database.refused("ALTER TABLE t DROP COLUMN nope", 31);
    database.refused("ALTER TABLE p DROP COLUMN id CASCADE", 317);
    database.ok("ALTER TABLE t DROP COLUMN b CASCADE %DELDATA");
    assert!(database.table("t").indexes.is_empty());
    database.ok("ALTER TABLE t DROP COLUMN p CASCADE, a");
    assert_eq!(database.rows("SELECT * FROM \"SQLUser.t\""), ["4", "7"]);
    database.ok("DROP TABLE p");
}

#[test]
fn one_change_of_a_column_at_a_time() {
    let database = filled();
    database.refused("ALTER TABLE t ALTER COLUMN a VARCHAR(9) NOT NULL", 25);
    database.refused("ALTER TABLE t ALTER COLUMN a TYPE INT", 25);
    database.refused("ALTER TABLE t ALTER COLUMN a JSONB", 400);
    database.refused("ALTER TABLE t ALTER COLUMN b NOT NULL", 305);
    database.refused("ALTER TABLE t ALTER COLUMN b SET NOT NULL", 1);
    database.ok("ALTER TABLE t ALTER COLUMN a NOT NULL");
    database.ok("ALTER TABLE t ALTER COLUMN a INTEGER");
    assert_eq!(database.rows("SELECT typeof(a) FROM \"SQLUser.t\""), ["integer", "integer"]);
    database.ok("ALTER TABLE t ALTER a NULL");
    database.ok("ALTER TABLE t ALTER COLUMN b SET DEFAULT 3");
    database.ok("ALTER TABLE t ALTER COLUMN b DEFAULT (4)");
    assert!(database.table("t").column("b").unwrap().default.is_some());
    database.ok("ALTER TABLE t ALTER COLUMN b DROP DEFAULT");
    assert!(database.table("t").column("b").unwrap().default.is_none());
    database.ok("ALTER TABLE t ADD DEFAULT 6 FOR b");
    database.ok("ALTER TABLE t MODIFY b BIGINT DEFAULT 7 NULL");
    assert_eq!(database.table("t").column("b").unwrap().data_type, DataType::BigInt);
    database.ok("ALTER TABLE t ADD COLUMN s TEXT");
    database.refused("ALTER TABLE t ALTER COLUMN s VARCHAR(9)", 374);
}

#[test]
fn values_that_do_not_fit_the_new_type_stop_it() {
    let database = filled();
    database.sqlite("UPDATE \"SQLUser.t\" SET a = 'x'").unwrap();
    database.refused("ALTER TABLE t ALTER COLUMN a INTEGER", 104);
    assert_eq!(database.rows("SELECT a FROM \"SQLUser.t\""), ["x", "x"]);
}

#[test]
fn renames_follow_everywhere() {
    let database = filled();
    database.ok("ALTER TABLE p MODIFY \"id\" RENAME \"key\"");
    let table = database.table("t");
    assert_eq!(table.foreign_keys[0].parent_columns, ["key"]);
    database.ok("ALTER TABLE t ALTER COLUMN b RENAME c");
    let table = database.table("t");
    assert_eq!((table.columns[2].name.as_str(), &table.indexes[0].columns[..]), ("C", &["C".to_owned()][..]));
    database.refused("ALTER TABLE SQLUser.p RENAME SQLUser.q", 1);
    database.refused("ALTER TABLE p RENAME t", 201);
    database.ok("ALTER TABLE SQLUser.p RENAME \"q\"");
    assert_eq!(database.table("t").foreign_keys[0].parent_table, "q");
    assert_eq!(database.sqlite("DELETE FROM \"SQLUser.q\""), Err(124));
    assert_eq!(database.sqlite("INSERT INTO \"SQLUser.t\" (p) VALUES (9)"), Err(121));
    database.refused("ALTER TABLE p ADD COLUMN x INT", 30);
    database.refused("DROP TABLE q", 320);
}

#[test]
fn constraints_are_checked_against_the_rows() {
    let database = filled();
    database.sqlite("INSERT INTO \"SQLUser.t\" (id, a, b) VALUES (8, '12', 99)").unwrap();
    database.refused("ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)", 125);
    database.refused("ALTER TABLE t ADD CONSTRAINT u UNIQUE (nope)", 31);
    database.refused("ALTER TABLE t ADD CONSTRAINT g FOREIGN KEY (b) REFERENCES p (id)", 127);
    database.refused("ALTER TABLE t ADD PRIMARY KEY (b)", 305);
    database.ok("ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (id)");
    database.refused("ALTER TABLE t ADD PRIMARY KEY (id)", 307);
    database.refused("ALTER TABLE t DROP CONSTRAINT nope", 315);
    database.refused("ALTER TABLE p DROP PRIMARY KEY", 317);
    database.ok("ALTER TABLE t DROP FOREIGN KEY f");
    database.ok("ALTER TABLE t DROP CONSTRAINT pk");
    database.ok("ALTER TABLE p DROP PRIMARY KEY");
    assert_eq!(database.sqlite("INSERT INTO \"SQLUser.t\" (p) VALUES (9)"), Ok(1));
}
