//! Definitions against a bare SQLite connection; the query side is a stub that knows one query.

mod alter;
mod foreign_keys;
mod refusals;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value as SqliteValue;

use super::super::catalog::{self, Catalog, ColumnDef, TableDef};
use super::super::types::DataType;
use super::*;

/// `SELECT a FROM t` reads the column `a` of SQLUser.t; its rows are two.
struct OneQuery;

impl QueryEngine for OneQuery {
    fn describe(&self, _: &Connection, catalog: &Catalog, query: &str) -> Result<QueryShape, SqlError> {
        let Some(table) = query.split("FROM ").nth(1).and_then(|rest| rest.split_whitespace().next()) else {
            return Err(SqlError::prepare(26, "FROM"));
        };
        match catalog.lookup("SQLUser", table) {
            Some(_) => Ok(QueryShape {
                columns: vec![ColumnDef::new("a", DataType::Integer)],
                relations: vec![("SQLUser".to_owned(), table.to_owned())],
                view_relations: Vec::new(),
            }),
            None => Err(SqlError::prepare(30, format!("Table '{table}' not found"))),
        }
    }

    fn fill(&self, conn: &Connection, _: &Catalog, _: &str, target: &TableDef) -> Result<u64, SqlError> {
        let name = catalog::quote_identifier(&target.sqlite_name);
        storage::run(conn, &format!("INSERT INTO {name} (a) VALUES (1), (2)"))?;
        Ok(2)
    }

    fn default_value(&self, column: &ColumnDef) -> Result<SqliteValue, SqlError> {
        Ok(match &column.default {
            Some(catalog::DefaultExpr::Number(number)) => SqliteValue::Integer(number.parse().unwrap()),
            Some(catalog::DefaultExpr::Text(text)) => SqliteValue::Text(text.clone()),
            _ => SqliteValue::Null,
        })
    }

    fn convert(&self, value: SqliteValue, _: &ColumnDef, to: &ColumnDef) -> Result<SqliteValue, SqlError> {
        match (value, to.data_type.is_integer()) {
            (SqliteValue::Text(text), true) => match text.parse() {
                Ok(number) => Ok(SqliteValue::Integer(number)),
                Err(_) => Err(SqlError::execute(104, format!("'{text}' is no number"))),
            },
            (value, _) => Ok(value),
        }
    }
}

struct Database {
    conn: Connection,
    store: CatalogStore,
    no_check: Arc<AtomicBool>,
}

impl Database {
    fn new() -> Self {
        let conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "recursive_triggers", true).unwrap();
        conn.create_collation("SQLUPPER", |a, b| a.trim_end().to_uppercase().cmp(&b.trim_end().to_uppercase()))
            .unwrap();
        conn.create_collation("SQLSTRING", |a, b| a.trim_end().cmp(b.trim_end())).unwrap();
        conn.create_collation("IRIS_DECIMAL", |a, b| {
            a.parse::<f64>().unwrap_or(0.0).total_cmp(&b.parse::<f64>().unwrap_or(0.0))
        })
        .unwrap();
        let no_check = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&no_check);
        conn.create_scalar_function(NO_CHECK_FUNCTION, 0, FunctionFlags::SQLITE_UTF8, move |_| {
            Ok(flag.load(Ordering::Relaxed))
        })
        .unwrap();
        let store = CatalogStore::open(&conn).unwrap();
        prepare_database(&conn, &store).unwrap();
        Self { conn, store, no_check }
    }

    /// After these statements.
    fn with(statements: &[&str]) -> Self {
        let database = Self::new();
        statements.iter().for_each(|sql| database.ok(sql));
        database
    }

    fn run(&self, sql: &str) -> Result<(), SqlError> {
        assert!(is_ddl(sql), "{sql}");
        execute(&self.conn, &self.store, &OneQuery, sql)
    }

    fn ok(&self, sql: &str) {
        self.run(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    #[track_caller]
    fn refused(&self, sql: &str, sqlcode: i32) {
        let before = self.store.snapshot().version;
        match self.run(sql) {
            Ok(()) => panic!("accepted: {sql}"),
            Err(error) => assert_eq!(error.sqlcode, sqlcode, "{sql}: {error:?}"),
        }
        assert_eq!(self.store.snapshot().version, before, "a refusal publishes nothing");
    }

    /// SQLite's own statement, as the engine would run it.
    fn sqlite(&self, sql: &str) -> Result<usize, i32> {
        self.conn.execute(sql, []).map_err(|error| raised_error(&error).unwrap_or_else(|| panic!("{error}")).sqlcode)
    }

    /// Each row as text, cells joined by `|`.
    fn rows(&self, sql: &str) -> Vec<String> {
        let mut statement = self.conn.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let cells: Vec<String> = (0..columns)
                .map(|at| match row.get(at).unwrap() {
                    SqliteValue::Null => "NULL".to_owned(),
                    SqliteValue::Integer(number) => number.to_string(),
                    SqliteValue::Real(number) => number.to_string(),
                    SqliteValue::Text(text) => text,
                    SqliteValue::Blob(blob) => format!("{blob:?}"),
                })
                .collect();
            Ok(cells.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn table(&self, name: &str) -> Arc<TableDef> {
        self.store.snapshot().table("SQLUser", name).unwrap()
    }
}

#[test]
fn first_words_are_found_behind_comments() {
    assert!(is_ddl("  -- note\n /* x */ create table t (a int)"));
    assert!(!is_ddl("-- create table t"));
    assert!(!is_ddl("SELECT 1"));
    assert!(!is_ddl(""));
}

#[test]
fn a_table_keeps_names_types_and_options() {
    let database = Database::with(&[
        "CREATE TABLE Person (id BIGINT IDENTITY PRIMARY KEY, \"First Name\" VARCHAR(256) %EXACT NOT NULL DEFAULT '' \
         %DESCRIPTION 'given', born DATE DEFAULT CURRENT_DATE, price NUMERIC(12,2) DEFAULT -1.5, \
         made TIMESTAMP DEFAULT CURRENT_TIMESTAMP(6), note TEXT, e VECTOR(DOUBLE, 3), u VARCHAR(''), UNIQUE (born, price), \
         %DESCRIPTION 'people')WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1",
    ]);
    let table = database.table("PERSON");
    assert_eq!(table.name, "Person");
    assert!(table.allow_identity_insert);
    assert_eq!(table.description.as_deref(), Some("people"));
    assert_eq!(table.primary_key.as_ref().unwrap().name, "PERSON_PKEY1");
    assert_eq!(table.uniques[0].name, "PERSON_UNIQUE1");
    assert_eq!(table.row_id_column(), "id");
    let name = table.column("first name").unwrap();
    assert_eq!(name.collation, catalog::Collation::Exact);
    assert_eq!(name.description.as_deref(), Some("given"));
    assert_eq!(name.default, Some(catalog::DefaultExpr::Text(String::new())));
    assert_eq!(table.column("price").unwrap().default, Some(catalog::DefaultExpr::Number("-1.5".into())));
    assert_eq!(table.column("u").unwrap().data_type, DataType::VarChar { length: None });
    let reopened = CatalogStore::open(&database.conn).unwrap();
    assert_eq!(*reopened.snapshot().table("SQLUser", "person").unwrap(), *table);
}

#[test]
fn if_not_exists_and_as_select() {
    let database = Database::with(&[
        "CREATE TABLE t (a INT)",
        "CREATE TABLE IF NOT EXISTS t (b INT)",
        "/* dbt */ CREATE TABLE \"S\".\"copy\" AS ( SELECT a FROM t )",
        "CREATE TABLE other AS SELECT a FROM t WITH STORAGETYPE = COLUMNAR",
    ]);
    assert!(database.table("t").column("b").is_none());
    assert_eq!(database.rows("SELECT a FROM \"S.copy\""), ["1", "2"]);
    assert!(database.table("other").columnar);
    database.refused("CREATE TABLE x AS (SELECT a FROM t) ORDER BY a", 1);
    database.refused("CREATE TABLE x AS SELECT a FROM missing", 30);
    database.refused("CREATE TABLE t AS SELECT a FROM t", 201);
}

#[test]
fn serial_counts_and_row_versions_change() {
    let database = Database::with(&["CREATE TABLE t (n SERIAL, v ROWVERSION, a INT)"]);
    let insert = |n: &str| database.sqlite(&format!("INSERT INTO \"SQLUser.t\" (n) VALUES ({n})")).unwrap();
    insert("NULL");
    insert("0");
    insert("10");
    insert("NULL");
    assert_eq!(database.rows("SELECT n FROM \"SQLUser.t\" ORDER BY v"), ["1", "2", "10", "11"]);
    database.sqlite("UPDATE \"SQLUser.t\" SET a = 1 WHERE n = 1").unwrap();
    assert_eq!(database.rows("SELECT n FROM \"SQLUser.t\" ORDER BY v"), ["2", "10", "11", "1"]);
    database.ok("TRUNCATE TABLE t");
    insert("NULL");
    assert_eq!(database.rows("SELECT n, \"%ID\" FROM \"SQLUser.t\""), ["1|1"]);
}

#[test]
fn views_hold_their_tables_back() {
    let database = Database::with(&[
        "CREATE TABLE t (a INT)",
        "CREATE VIEW v AS SELECT a FROM t WITH CHECK OPTION",
        "CREATE VIEW w (x) AS SELECT a FROM v",
        "CREATE OR REPLACE VIEW w (y) AS SELECT a FROM v",
    ]);
    let catalog = database.store.snapshot();
    let view = catalog.view("SQLUser", "w").unwrap();
    assert_eq!(view.columns[0].name, "y");
    assert_eq!(view.query, "SELECT a FROM v");
    assert_eq!(catalog.view("SQLUser", "v").unwrap().check_option, Some(catalog::CheckOption::Cascaded));
    database.refused("DROP TABLE t", 321);
    database.refused("DROP VIEW v", 321);
    database.refused("CREATE VIEW v AS SELECT a FROM t", 201);
    database.refused("CREATE VIEW t AS SELECT a FROM t", 201);
    database.refused("CREATE VIEW u (x, y) AS SELECT a FROM t", 142);
    database.refused("CREATE VIEW u AS SELECT a FROM t ORDER BY a", 143);
    database.refused("ALTER VIEW u AS SELECT a FROM t", 30);
    database.ok("DROP TABLE t CASCADE %DELDATA");
    assert!(database.store.snapshot().view("SQLUser", "w").is_none());
}

#[test]
fn schemas_come_and_go() {
    let database = Database::with(&["CREATE SCHEMA IF NOT EXISTS s", "CREATE SCHEMA IF NOT EXISTS s"]);
    database.refused("CREATE SCHEMA S", 476);
    database.ok("CREATE TABLE s.p (a INT PRIMARY KEY)");
    database.ok("CREATE TABLE s.c (a INT REFERENCES s.p (a), b INT)");
    database.refused("DROP SCHEMA s", 482);
    database.ok("DROP SCHEMA s CASCADE");
    assert!(!database.store.snapshot().has_schema("s"));
    database.refused("DROP SCHEMA s", 473);
    database.ok("DROP SCHEMA IF EXISTS s CASCADE");
}

#[test]
fn indexes_are_named_per_table() {
    let database = Database::with(&[
        "CREATE TABLE t (a INT, b VARCHAR(9), e VECTOR(DOUBLE, 3), f VECTOR(DOUBLE), i VECTOR(INT, 3), \
         d VECTOR(DECIMAL, 3), r VECTOR(FLOAT, 3), s TEXT)",
        "CREATE TABLE u (a INT)",
        "CREATE INDEX i ON t (a DESC, b) WITH DATA (b)",
    ]);
    database.refused("CREATE INDEX I ON t (b)", 324);
    database.refused("CREATE INDEX j ON t (nope)", 31);
    database.refused("CREATE INDEX j ON nope (a)", 30);
    database.refused("CREATE INDEX j ON t (s)", 400);
    database.refused("CREATE INDEX j ON t (e)", 400);
    database.ok("CREATE INDEX h ON TABLE t (e) AS HNSW(Distance='Cosine', M=24, efConstruction=100)");
    database.refused("CREATE INDEX h2 ON t (e) AS HNSW(Distance='DotProduct')", 400);
    database.refused("CREATE INDEX h2 ON t (f) AS HNSW(Distance='Cosine')", 400);
    database.refused("CREATE INDEX h2 ON t (i) AS HNSW(Distance='Cosine')", 400);
    database.refused("CREATE INDEX h2 ON t (a) AS HNSW(Distance='Cosine')", 400);
    database.refused("CREATE INDEX h2 ON t (e) AS HNSW(Distance='L2')", 400);
    for parameters in [
        "",
        "M=24",
        "Distance='Cosine', M=1",
        "Distance='Cosine', M=101, efConstruction=200",
        "Distance='Cosine', M=100",
        "Distance='Cosine', M=24, efConstruction=24",
        "Distance='Cosine', M=24, efConstruction=0",
        "Distance='Cosine', efSearch=10",
    ] {
        database.refused(&format!("CREATE INDEX h2 ON t (d) AS HNSW({parameters})"), 400);
    }
    database.refused("CREATE INDEX h2 ON t (r) AS HNSW(Distance='Cosine')", 400);
    database.ok("CREATE INDEX h2 ON t (d) AS HNSW(distance='dotproduct', m=100, EFCONSTRUCTION=101)");
    database.refused("DROP INDEX nope", 333);
    database.ok("CREATE INDEX i ON u (a)");
    database.refused("DROP INDEX i", 334);
    database.ok("DROP INDEX i ON t");
    database.ok("DROP INDEX i");
    database.ok("DROP INDEX IF EXISTS i");
    database.sqlite("INSERT INTO \"SQLUser.u\" (a) VALUES (1), (1)").unwrap();
    database.refused("CREATE UNIQUE INDEX x ON u (a)", 125);
    database.ok("CREATE BITMAP INDEX x ON u (a)");
}

#[test]
fn temporary_tables_share_the_definition_only() {
    let database = Database::with(&["CREATE GLOBAL TEMPORARY TABLE g (a INT PRIMARY KEY)"]);
    let table = database.table("g");
    assert_eq!(table.kind, catalog::TableKind::GlobalTemporary);
    ensure_temporary(&database.conn, &table).unwrap();
    ensure_temporary(&database.conn, &table).unwrap();
    database.sqlite("INSERT INTO \"SQLUser.g\" (a) VALUES (1)").unwrap();
    assert_eq!(database.rows("SELECT count(*) FROM temp.\"SQLUser.g\""), ["1"]);
    database.ok("TRUNCATE TABLE g");
    database.ok("DROP TABLE g");
}

#[test]
fn a_check_reads_without_running() {
    assert_eq!(check("CREATE TABLE t (a INT, b VARCHAR(9))"), Ok(()));
    assert_eq!(check("ALTER TABLE missing ALTER COLUMN a BIGINT"), Ok(()));
    for (sql, sqlcode) in [
        ("CREATE TABLE t (a INT CHECK (a > 0))", 1),
        ("CREATE TABLE t (a INT);", 25),
        ("ALTER TABLE missing ALTER COLUMN a BIGINT NOT NULL", 25),
        ("DROP TABLE", 1),
        ("CREATE TABLE t (a UUID)", 400),
    ] {
        assert_eq!(check(sql).unwrap_err().sqlcode, sqlcode, "{sql}");
    }
}
