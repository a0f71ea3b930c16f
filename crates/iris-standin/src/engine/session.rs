//! One IRIS connection's view of the engine: statements, transactions, cancel.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, InterruptHandle, Statement as SqliteStatement};

use super::convert::{Purpose, export, import};
use super::database::{Database, Engine};
use super::datetime as dt;
use super::ddl;
use super::errors::{self, Running};
use super::functions;
use super::gate::{GateError, WritePermit};
use super::parse::ast::Isolation;
use super::prepared::{Action, Compiled, Prepared, RECOMPILED};
use super::queries::Queries;
use super::transaction::Transaction;
use super::translate::{Plan, Slot, SlotSource, Verb};
use super::types::DataType;
use super::value::{SqlError, Value};
use iris_protocol::ParameterKind;

/// How long a writer waits for its turn: the IRIS lock timeout.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// SQLite instructions between two looks at the clock of a statement with a time limit.
const CLOCK_INTERVAL: i32 = 4_000;

/// Shared with whoever may cancel.
pub(super) struct InterruptState {
    handle: InterruptHandle,
    running: AtomicBool,
    requested: AtomicBool,
}

/// Ends the running statement of a session from another thread; it fails with SQLCODE 456.
#[derive(Clone)]
pub struct Interrupter(Arc<InterruptState>);

impl Interrupter {
    /// False when nothing was running.
    pub fn interrupt(&self) -> bool {
        if !self.0.running.load(Ordering::Acquire) {
            return false;
        }
        self.0.requested.store(true, Ordering::Release);
        self.0.handle.interrupt();
        true
    }
}

/// Marks the session as running while it lives.
struct RunningGuard(Arc<InterruptState>);

impl RunningGuard {
    fn new(state: &Arc<InterruptState>) -> Self {
        state.requested.store(false, Ordering::Release);
        state.running.store(true, Ordering::Release);
        Self(Arc::clone(state))
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Release);
    }
}

/// Ends statements of `conn` that were interrupted or are past their time. SQLite forgets an interrupt that comes before
/// the first step of a statement; the flag does not.
fn watch(conn: &mut Connection, interrupt: &Arc<InterruptState>, deadline: Option<Instant>) -> Result<(), SqlError> {
    let interrupt = Arc::clone(interrupt);
    let is_over = move || {
        let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        is_late || interrupt.running.load(Ordering::Acquire) && interrupt.requested.load(Ordering::Acquire)
    };
    conn.progress_handler(CLOCK_INTERVAL, Some(is_over)).map_err(|error| SqlError::execute(400, error.to_string()))
}

/// Not shared between threads; may move from one to another.
pub struct EngineSession {
    engine: Arc<Engine>,
    pub(super) database: Arc<Database>,
    pub(super) conn: Connection,
    namespace: String,
    user: String,
    job: u32,
    pub(super) transaction: Transaction,
    /// Held while SQLite has a transaction open. After `conn`: a rollback comes before the next writer.
    pub(super) permit: Option<WritePermit>,
    last_identity: Option<i64>,
    isolation: Isolation,
    pub(super) interrupt: Arc<InterruptState>,
    no_check: Arc<AtomicBool>,
    /// What the client announced; the newest until it is told.
    client_protocol: u16,
}

/// A client that announces less is told -385 for a common table expression. The manual says "newer versions of the driver"
/// and no number: this is the lowest one that an official driver of the versions known announces.
const COMMON_TABLES_PROTOCOL_MIN: u16 = 67;

impl EngineSession {
    pub(super) fn new(
        engine: Arc<Engine>,
        database: Arc<Database>,
        mut conn: Connection,
        namespace: String,
        user: String,
        job: u32,
    ) -> Result<Self, SqlError> {
        let interrupt = Arc::new(InterruptState {
            handle: conn.get_interrupt_handle(),
            running: AtomicBool::new(false),
            requested: AtomicBool::new(false),
        });
        watch(&mut conn, &interrupt, None)?;
        let no_check = Arc::new(AtomicBool::new(false));
        functions::register_session(&conn, &no_check).map_err(|error| SqlError::execute(400, error.to_string()))?;
        Ok(Self {
            engine,
            database,
            conn,
            namespace,
            user,
            job,
            transaction: Transaction::default(),
            permit: None,
            last_identity: None,
            isolation: Isolation::ReadUncommitted,
            interrupt,
            no_check,
            client_protocol: u16::MAX,
        })
    }

    /// Parses and translates. Nothing runs.
    ///
    /// # Errors
    /// What IRIS's Prepare refuses, with its SQLCODE.
    pub fn prepare(&mut self, text: &str, kinds: &[ParameterKind]) -> Result<Arc<Prepared>, SqlError> {
        let catalog = self.database.store.snapshot();
        let prepared = Prepared::new(text, kinds, &catalog)?;
        if prepared.has_common_tables() && self.client_protocol < COMMON_TABLES_PROTOCOL_MIN {
            return Err(SqlError::prepare(385, "Common table expressions need a newer version of the xDBC driver"));
        }
        Ok(Arc::new(prepared))
    }

    /// The version of the wire protocol that the client announced.
    pub fn set_client_protocol(&mut self, version: u16) {
        self.client_protocol = version;
    }

    /// Runs a query; `row` gets each row and may stop. `timeout_s` 0: none. `rows_max` 0: all.
    ///
    /// # Errors
    /// The SQLCODE of the failure; 456 after an interrupt, 450 after the time limit.
    pub fn query(
        &mut self,
        statement: &Prepared,
        values: &[Value],
        timeout_s: u32,
        rows_max: u64,
        row: &mut dyn FnMut(&[Value]) -> ControlFlow<()>,
    ) -> Result<(), SqlError> {
        let compiled = self.compiled(statement)?;
        match &compiled.action {
            Action::Plan(plan) if plan.verb == Verb::Query => self.rows(plan, values, timeout_s, rows_max, row),
            Action::Explain(plan) => self.explain(plan, row),
            Action::Plan(_) | Action::Transaction(_) | Action::Definition | Action::Accepted => {
                self.update(statement, &[values.to_vec()]).map(|_| ()).map_err(|(error, _)| error)
            }
        }
    }

    /// Runs anything but a query once for each set; one count a set. Each set is atomic by itself.
    ///
    /// # Errors
    /// The first failure, with the counts of the sets before it; the sets after it do not run.
    pub fn update(&mut self, statement: &Prepared, sets: &[Vec<Value>]) -> Result<Vec<i64>, (SqlError, Vec<i64>)> {
        let compiled = self.compiled(statement).map_err(|error| (error, Vec::new()))?;
        let once = |result: Result<(), SqlError>| result.map(|()| vec![0]).map_err(|error| (error, Vec::new()));
        match &compiled.action {
            Action::Plan(plan) if plan.verb != Verb::Query => self.changes(plan, sets),
            Action::Plan(_) | Action::Explain(_) => {
                let none: Vec<Value> = Vec::new();
                let values = sets.first().unwrap_or(&none);
                once(self.query(statement, values, 0, 0, &mut |_| ControlFlow::Continue(())))
            }
            Action::Transaction(transaction) => once(self.transaction_statement(transaction)),
            Action::Definition => once(self.definition(&statement.text)),
            Action::Accepted => once(Ok(())),
        }
    }

    fn compiled(&self, statement: &Prepared) -> Result<Arc<Compiled>, SqlError> {
        statement.compiled(&self.database.store.snapshot())
    }

    /// False when the statement would have other columns or parameters than it was prepared with.
    pub fn is_current(&self, statement: &Prepared) -> bool {
        !self.compiled(statement).is_err_and(|error| error.sqlcode == RECOMPILED)
    }

    /// LAST_IDENTITY(): of the last row that was inserted.
    pub fn last_identity(&self) -> Option<i64> {
        self.last_identity
    }

    /// The level that was set.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Kept and reported; readers see what is committed in every level.
    pub fn set_isolation(&mut self, isolation: Isolation) {
        self.isolation = isolation;
    }

    /// A handle for other threads.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(Arc::clone(&self.interrupt))
    }

    /// As the engine spells it.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Who logged in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// `$JOB`.
    pub fn job(&self) -> u32 {
        self.job
    }

    fn ensure_temporaries(&self, plan: &Plan) -> Result<(), SqlError> {
        plan.temporaries.iter().try_for_each(|table| ddl::ensure_temporary(&self.conn, table))
    }

    fn rows(
        &mut self,
        plan: &Plan,
        values: &[Value],
        timeout_s: u32,
        rows_max: u64,
        row: &mut dyn FnMut(&[Value]) -> ControlFlow<()>,
    ) -> Result<(), SqlError> {
        self.ensure_temporaries(plan)?;
        let _running = RunningGuard::new(&self.interrupt);
        let deadline = (timeout_s > 0).then(|| Instant::now() + Duration::from_secs(u64::from(timeout_s)));
        if deadline.is_some() {
            watch(&mut self.conn, &self.interrupt, deadline)?;
        }
        let result = self.run_rows(plan, values, rows_max, row);
        if deadline.is_some() {
            watch(&mut self.conn, &self.interrupt, None)?;
        }
        result.map_err(|failure| match failure {
            Failure::Iris(error) => error,
            Failure::Sqlite(error) => {
                let timed_out = deadline.is_some_and(|deadline| Instant::now() >= deadline)
                    && !self.interrupt.requested.load(Ordering::Acquire);
                errors::from_sqlite(&error, &Running { verb: plan.verb, target: None, timed_out })
            }
        })
    }

    fn run_rows(
        &self,
        plan: &Plan,
        values: &[Value],
        rows_max: u64,
        row: &mut dyn FnMut(&[Value]) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let mut statement = self.conn.prepare_cached(&plan.sql)?;
        self.bind(&mut statement, plan, values)?;
        let mut rows = statement.raw_query();
        let mut cells: Vec<Value> = Vec::with_capacity(plan.column_types.len());
        let mut count: u64 = 0;
        while let Some(found) = rows.next()? {
            cells.clear();
            for (index, data_type) in plan.column_types.iter().enumerate() {
                cells.push(export(found.get_ref(index)?, data_type));
            }
            if row(&cells).is_break() {
                return Ok(());
            }
            count += 1;
            if count == rows_max {
                return Ok(());
            }
        }
        Ok(())
    }

    fn explain(&mut self, plan: &Plan, row: &mut dyn FnMut(&[Value]) -> ControlFlow<()>) -> Result<(), SqlError> {
        let failed = |error: rusqlite::Error| SqlError::execute(400, error.to_string());
        let mut statement = self.conn.prepare(&format!("EXPLAIN QUERY PLAN {}", plan.sql)).map_err(failed)?;
        // A plan needs no values.
        let mut found = statement.raw_query();
        let mut lines: Vec<String> = Vec::new();
        while let Some(line) = found.next().map_err(failed)? {
            lines.push(line.get(3).map_err(failed)?);
        }
        let _ = row(&[Value::Text(format!("<plan>\n{}\n</plan>", lines.join("\n")))]);
        Ok(())
    }

    fn bind(&self, statement: &mut SqliteStatement<'_>, plan: &Plan, values: &[Value]) -> Result<(), Failure> {
        let now = dt::now_us();
        for (index, slot) in plan.slots.iter().enumerate() {
            let stored = self.slot_value(slot, values, now)?;
            statement.raw_bind_parameter(index + 1, &stored)?;
        }
        Ok(())
    }

    fn slot_value(&self, slot: &Slot, values: &[Value], now: i64) -> Result<Stored, SqlError> {
        Ok(match slot.source {
            SlotSource::Parameter(mark) => {
                let value = usize::try_from(mark).ok().and_then(|mark| values.get(mark)).unwrap_or(&Value::Null);
                return import(value, &slot.data_type, slot.purpose).map_err(|error| match &slot.field {
                    Some(field) => {
                        SqlError::execute(field.sqlcode(), functions::validation_message(&field.label, &shown(value)))
                    }
                    None => SqlError::execute(error.sqlcode(), error.words()),
                });
            }
            SlotSource::Now { precision } => Stored::Integer(dt::truncate_fraction(now, precision)),
            SlotSource::Today => Stored::Integer(dt::split_timestamp(now).0),
            SlotSource::TimeOfDay { precision } => {
                Stored::Integer(dt::truncate_fraction(dt::split_timestamp(now).1, precision))
            }
            SlotSource::LastIdentity => self.last_identity.map_or(Stored::Null, Stored::Integer),
            SlotSource::User => Stored::Text(self.user.clone()),
            SlotSource::Namespace => Stored::Text(self.namespace.clone()),
            SlotSource::Job => Stored::Integer(i64::from(self.job)),
            SlotSource::TransactionLevel => Stored::Integer(self.transaction_level()),
            SlotSource::IsolationMode => Stored::Text(self.isolation.mode().to_owned()),
        })
    }

    fn changes(&mut self, plan: &Plan, sets: &[Vec<Value>]) -> Result<Vec<i64>, (SqlError, Vec<i64>)> {
        let mut counts = Vec::with_capacity(sets.len());
        let _running = RunningGuard::new(&self.interrupt);
        let begun = self.ensure_temporaries(plan).and_then(|()| self.begin_changes(sets.len()));
        let is_first = match begun {
            Ok(is_first) => is_first,
            Err(error) => return Err((error, counts)),
        };
        let changes_before = self.conn.total_changes();
        self.no_check.store(plan.no_check, Ordering::Relaxed);
        let mut failed = None;
        for set in sets {
            match self.change(plan, set) {
                Ok(count) => counts.push(count),
                Err(failure) => {
                    failed = Some(match failure {
                        Failure::Iris(error) => error,
                        Failure::Sqlite(error) => {
                            let target = plan.target.as_deref();
                            errors::from_sqlite(&error, &Running { verb: plan.verb, target, timed_out: false })
                        }
                    });
                    break;
                }
            }
        }
        self.no_check.store(false, Ordering::Relaxed);
        let ended = if is_first && self.conn.total_changes() == changes_before {
            self.return_turn()
        } else {
            self.end_changes()
        };
        match (failed, ended) {
            (None, Ok(())) => Ok(counts),
            (Some(error), _) | (None, Err(error)) => Err((error, counts)),
        }
    }

    /// One set: atomic, since SQLite undoes a failing statement by itself.
    fn change(&mut self, plan: &Plan, values: &[Value]) -> Result<i64, Failure> {
        let mut statement = self.conn.prepare_cached(&plan.sql)?;
        self.bind(&mut statement, plan, values)?;
        let count = statement.raw_execute()?;
        drop(statement);
        if plan.verb == Verb::Insert && count > 0 {
            self.last_identity = Some(self.conn.last_insert_rowid());
        }
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Waits for the writer's turn.
    pub(super) fn take_turn(&mut self) -> Result<(), SqlError> {
        if self.permit.is_some() {
            return Ok(());
        }
        let state = Arc::clone(&self.interrupt);
        let entered = self.database.gate.enter(LOCK_TIMEOUT, move || state.requested.load(Ordering::Acquire));
        self.permit = Some(entered.map_err(|error| match error {
            GateError::TimedOut => {
                SqlError::execute(110, "Locking conflict in filing: another transaction holds the write lock")
            }
            GateError::Interrupted => SqlError::execute(456, "SQL query execution interrupted by user"),
        })?);
        Ok(())
    }

    /// Runs a definition statement: it takes effect whatever becomes of the transaction around it. Before the first
    /// change of a transaction it has the writer's turn to itself, and others may write after it.
    fn definition(&mut self, text: &str) -> Result<(), SqlError> {
        if let Some(change) = ddl::database_change(text)? {
            return self.engine.change_namespace(&change, &self.namespace);
        }
        let _running = RunningGuard::new(&self.interrupt);
        if self.permit.is_none() && !ddl::holds_writer(text) {
            self.take_turn()?;
            let result = self.define(text);
            self.permit = None;
            return result;
        }
        self.begin_changes(1)?;
        let result = self.define(text);
        if result.is_ok() {
            self.transaction.remember_definition(text);
        }
        self.end_changes().and(result)
    }

    pub(super) fn define(&self, text: &str) -> Result<(), SqlError> {
        // SQLite refuses to drop what a cached statement still reads.
        self.conn.flush_prepared_statement_cache();
        ddl::execute(&self.conn, &self.database.store, &Queries { user: &self.user }, text)
    }
}

impl Drop for EngineSession {
    fn drop(&mut self) {
        // What was not committed is gone; the permit goes after it.
        let _ = self.rollback();
    }
}

/// An error of the engine itself, or SQLite's, to be mapped.
enum Failure {
    Iris(SqlError),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Sqlite(error)
    }
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Failure::Iris(error)
    }
}

/// How an error text shows a value.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(_) => {
            let text = import(value, &DataType::VarChar { length: None }, Purpose::Compare);
            match text {
                Ok(Stored::Text(text)) => text,
                _ => String::new(),
            }
        }
        Value::Double(double) => double.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => {
            super::convert::odbc_text(ValueRef::Blob(bytes), super::convert::Class::Bytes).unwrap_or_default()
        }
    }
}
