//! An engine with a session and a few tables, for the tables of accepted and refused statements.
#![allow(dead_code)]

use std::ops::ControlFlow;
use std::sync::Arc;

use iris_pgwire::embedded::engine::{Engine, EngineOptions, EngineSession, SqlError, Value};

pub struct Fixture {
    pub engine: Arc<Engine>,
    pub session: EngineSession,
}

const SCHEMA: &[&str] = &[
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b VARCHAR(50), name VARCHAR(40), n NUMERIC(12,2), d DOUBLE, \
     flag BIT, dt DATE, tm TIME, ts TIMESTAMP, big BIGINT, bin VARBINARY(100), txt LONGVARCHAR)",
    "CREATE TABLE u (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b VARCHAR(50) %EXACT, tid INTEGER)",
    "CREATE TABLE auto (id IDENTITY NOT NULL PRIMARY KEY, a INTEGER DEFAULT 7, s VARCHAR(20) DEFAULT 'x')",
    "CREATE TABLE autox (id IDENTITY NOT NULL PRIMARY KEY, a INTEGER) WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1",
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, code VARCHAR(20))",
    "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, FOREIGN KEY (parent_id) REFERENCES parent (id))",
    "CREATE TABLE vec (id INTEGER PRIMARY KEY, v VECTOR(DOUBLE, 3), f VECTOR(DECIMAL, 3), w VECTOR(DOUBLE))",
    "CREATE TABLE un (id INTEGER PRIMARY KEY, email VARCHAR(50), CONSTRAINT un_email UNIQUE (email))",
    "CREATE VIEW v1 AS SELECT id, a, name FROM t WHERE a > 0",
];

const ROWS: &[&str] = &[
    "INSERT INTO t (id, a, b, name, n, d, flag, dt, tm, ts, big) VALUES (1, 10, 'x', 'Alice', 1.50, 0.5, 1, '2024-01-02', \
     '03:04:05', '2024-01-02 03:04:05', 5000000000)",
    "INSERT INTO t (id, a, b, name, n, d, flag, dt) VALUES (2, 20, 'y', 'bob', 2.25, 1.5, 0, '2024-02-29')",
    "INSERT INTO t (id, a, b, name, n) VALUES (3, 30, '', 'ALICE', 10)",
    "INSERT INTO t (id) VALUES (4)",
    "INSERT INTO u (id, a, b, tid) VALUES (1, 10, 'p', 1), (2, 99, 'P', 2), (3, 10, 'q', NULL)",
    "INSERT INTO parent (id, code) VALUES (1, 'one'), (2, 'two')",
    "INSERT INTO child (id, parent_id) VALUES (1, 1)",
    "INSERT INTO vec (id, v, f) VALUES (1, TO_VECTOR('1,0,0', DOUBLE), TO_VECTOR('1,0,0', DECIMAL)), \
     (2, TO_VECTOR('0,1,0', DOUBLE, 3), '0,1,0')",
    "INSERT INTO un (id, email) VALUES (1, 'a@x')",
];

impl Fixture {
    pub fn new() -> Self {
        let engine = Engine::open(EngineOptions::default()).unwrap();
        let session = engine.connect("USER", "_SYSTEM", 4001).unwrap();
        let mut fixture = Self { engine, session };
        for sql in SCHEMA.iter().chain(ROWS) {
            fixture.run(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
        fixture
    }

    /// Rows of a query; for anything else one row with its count.
    pub fn run(&mut self, sql: &str) -> Result<Vec<Vec<Value>>, SqlError> {
        self.run_with(sql, &[])
    }

    pub fn run_with(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        let statement = self.session.prepare(sql, &[])?;
        if statement.is_query() {
            let mut rows = Vec::new();
            self.session.query(&statement, values, 0, 0, &mut |row| {
                rows.push(row.to_vec());
                ControlFlow::Continue(())
            })?;
            return Ok(rows);
        }
        let counts = self.session.update(&statement, &[values.to_vec()]).map_err(|(error, _)| error)?;
        Ok(counts.into_iter().map(|count| vec![Value::Int(count)]).collect())
    }

    /// Rows as text, cells separated by `|`, rows by blanks around `;`.
    pub fn shown(&mut self, sql: &str) -> String {
        match self.run(sql) {
            Ok(rows) => rows.iter().map(|row| show_row(row)).collect::<Vec<_>>().join("; "),
            Err(error) => format!("error {}: {}", error.sqlcode, error.message),
        }
    }
}

pub fn show_row(row: &[Value]) -> String {
    row.iter().map(show).collect::<Vec<_>>().join("|")
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(decimal) => {
            let (mantissa, scale) = (decimal.mantissa, i32::from(decimal.scale));
            if scale >= 0 {
                return format!("{mantissa}{}", "0".repeat(scale as usize));
            }
            let digits = format!("{:0>1$}", mantissa.unsigned_abs(), 1 + (-scale) as usize);
            let (whole, fraction) = digits.split_at(digits.len() - (-scale) as usize);
            format!("{}{whole}.{fraction}", if mantissa < 0 { "-" } else { "" })
        }
        Value::Double(double) => double.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Bytes(bytes) => format!("{bytes:02x?}"),
    }
}
