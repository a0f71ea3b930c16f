//! An engine for tests: a few made-up statements, no SQL.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Backend, Engine, Interrupt, Login, PreparedStatement};
use crate::engine::{SqlError, Value};
use iris_protocol::{ColumnDescription, IrisType, ParameterDescription, ParameterKind, StatementMetadata};

/// Interrupts nothing.
pub(super) struct Idle;

impl Interrupt for Idle {
    fn interrupt(&self) -> bool {
        false
    }
}

/// What all connections of a test share.
#[derive(Default)]
pub(super) struct Shared {
    /// Rows pushed so far, over all queries.
    pub(super) pushed: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) schema: AtomicU64,
}

#[derive(Clone, Default)]
pub(super) struct FakeEngine(pub(super) Arc<Shared>);

/// `SELECT ROWS n`, `SELECT FAIL n` (after n rows), `SELECT SLEEP`, `SELECT STREAMS n`, `SELECT ECHO` (its parameters);
/// `INSERT` (one row id per set), `INSERT FAIL` (the third set fails). Others are refused.
pub(super) struct FakeBackend {
    shared: Arc<Shared>,
    stop: Arc<Stop>,
    identity: Option<i64>,
    isolation: u8,
    job: u32,
}

#[derive(Default)]
struct Stop {
    flag: AtomicBool,
    running: AtomicBool,
}

impl Interrupt for Stop {
    fn interrupt(&self) -> bool {
        let running = self.running.load(Ordering::SeqCst);
        if running {
            self.flag.store(true, Ordering::SeqCst);
        }
        running
    }
}

#[derive(Clone)]
pub(super) struct FakeStatement {
    metadata: StatementMetadata,
    words: Vec<String>,
    schema: u64,
}

impl PreparedStatement for FakeStatement {
    fn metadata(&self) -> &StatementMetadata {
        &self.metadata
    }

    fn is_query(&self) -> bool {
        self.words[0] == "SELECT"
    }
}

impl FakeStatement {
    fn number(&self) -> u64 {
        self.words.get(2).and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

impl Engine for FakeEngine {
    type Backend = FakeBackend;

    fn connect(&self, login: Login<'_>) -> Result<FakeBackend, SqlError> {
        let shared = Arc::clone(&self.0);
        Ok(FakeBackend { shared, stop: Arc::default(), identity: None, isolation: 1, job: login.job })
    }
}

impl Drop for FakeBackend {
    fn drop(&mut self) {
        self.shared.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn column(name: &str, iris_type: IrisType) -> ColumnDescription {
    ColumnDescription {
        name: name.to_owned(),
        iris_type,
        precision: 10,
        scale: 0,
        nullable: 1,
        label: name.to_owned(),
        table: String::new(),
        schema: String::new(),
        auto_increment: false,
        row_id: false,
    }
}

impl Backend for FakeBackend {
    type Statement = FakeStatement;

    fn prepare(&mut self, text: &str, kinds: &[ParameterKind]) -> Result<FakeStatement, SqlError> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let columns = match (words.first().map(String::as_str), words.get(1).map(String::as_str)) {
            (Some("SELECT"), Some("ROWS" | "FAIL" | "SLEEP")) => {
                vec![column("i", IrisType::INTEGER), column("t", IrisType::VARCHAR)]
            }
            (Some("SELECT"), Some("STREAMS")) => vec![column("t", IrisType::LONGVARCHAR)],
            (Some("SELECT"), Some("JOB")) => vec![column("j", IrisType::INTEGER)],
            (Some("SELECT"), Some("ECHO")) => kinds.iter().map(|_| column("p", IrisType(0))).collect(),
            (Some("INSERT"), _) => Vec::new(),
            _ => return Err(SqlError::prepare(1, format!("not understood: {text}"))),
        };
        let parameter = ParameterDescription { iris_type: IrisType::VARCHAR, precision: 50, scale: 0, nullable: 1 };
        let metadata = StatementMetadata { columns, parameters: vec![parameter; kinds.len()], cacheable: true };
        Ok(FakeStatement { metadata, words, schema: self.shared.schema.load(Ordering::SeqCst) })
    }

    fn is_current(&mut self, statement: &FakeStatement) -> bool {
        statement.schema == self.shared.schema.load(Ordering::SeqCst)
    }

    fn query(
        &mut self,
        statement: &FakeStatement,
        values: &[Value],
        timeout_s: u32,
        rows_max: u64,
        row: &mut dyn FnMut(&[Value]) -> ControlFlow<()>,
    ) -> Result<(), SqlError> {
        self.stop.flag.store(false, Ordering::SeqCst);
        self.stop.running.store(true, Ordering::SeqCst);
        let mut outcome = Ok(());
        let limit = if rows_max == 0 { u64::MAX } else { rows_max };
        match statement.words[1].as_str() {
            "SLEEP" => {
                let began = Instant::now();
                outcome = loop {
                    if self.stop.flag.load(Ordering::SeqCst) {
                        break Err(SqlError::execute(456, "cancelled"));
                    }
                    if timeout_s > 0 && began.elapsed() >= Duration::from_secs(timeout_s.into()) {
                        break Err(SqlError::execute(450, ""));
                    }
                    std::thread::sleep(Duration::from_millis(2));
                };
            }
            "ECHO" => {
                let _ = row(values);
            }
            "JOB" => {
                let _ = row(&[Value::Int(self.job.into())]);
            }
            kind => {
                for number in 1..=statement.number().min(limit) {
                    if self.stop.flag.load(Ordering::SeqCst) {
                        outcome = Err(SqlError::execute(456, "cancelled"));
                        break;
                    }
                    self.shared.pushed.fetch_add(1, Ordering::SeqCst);
                    let text = Value::Text(format!("row {number:06}"));
                    let number = Value::Int(i64::try_from(number).unwrap());
                    let values = if kind == "STREAMS" { vec![text] } else { vec![number, text] };
                    if row(&values).is_break() {
                        break;
                    }
                }
                if kind == "FAIL" && outcome.is_ok() {
                    outcome = Err(SqlError::execute(149, "as asked"));
                }
            }
        }
        self.stop.running.store(false, Ordering::SeqCst);
        outcome
    }

    fn update(&mut self, statement: &FakeStatement, sets: &[Vec<Value>]) -> Result<Vec<i64>, (SqlError, Vec<i64>)> {
        let fails = statement.words.get(1).is_some_and(|word| word == "FAIL");
        let mut counts = Vec::new();
        for _ in sets {
            if fails && counts.len() == 2 {
                return Err((SqlError::execute(119, "as asked"), counts));
            }
            self.identity = Some(self.identity.unwrap_or(100) + 1);
            counts.push(1);
        }
        Ok(counts)
    }

    fn set_autocommit(&mut self, _on: bool) -> Result<(), SqlError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        self.shared.commits.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), SqlError> {
        Err(SqlError::execute(400, "no rollback today"))
    }

    fn last_identity(&self) -> Option<i64> {
        self.identity
    }

    fn set_isolation(&mut self, level: u8) -> u8 {
        if (1..=2).contains(&level) {
            self.isolation = level;
        }
        self.isolation
    }

    fn isolation(&self) -> u8 {
        self.isolation
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        Arc::clone(&self.stop) as Arc<dyn Interrupt>
    }
}
