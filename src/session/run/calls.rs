//! Functions the gateway carries out itself, called in a select list: advisory locks, notifications and waiting.

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use crate::sql::{AdvisoryOperation, Bind, Call, CallArgument, CallFunction, SequenceFunction};
use crate::types::{Datum, Encoder, Oid, PgType, boolean_word, decode};
use crate::wire::{Format, PgError, SendBuf, Severity, SqlState};

use super::catalog::{CatalogStatement, catalog_statement};
use super::channel::notify;
use super::evaluation::Evaluation;
use super::outcome::{CommandTag, Outcome};
use super::sequence_call::SequenceCall;
use super::values::Sources;
use crate::session::client::Client;
use crate::session::contract::lock::{LockKey, LockMode, LockRequest, LockScope};
use crate::session::contract::step::{Event, Progress, WaitRequest, Want};
use crate::session::understand::context::Cx;
use crate::session::understand::rows::{Field, Formats, put_row_description};

/// In front of an argument's text; NULL is nothing at all.
const PRESENT: u8 = 1;

/// The arguments of all calls in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallValues {
    /// Each as text behind a byte that says it is not NULL; of an expression nothing yet.
    values: Vec<Vec<u8>>,
    /// The expressions' places among them.
    open: Vec<usize>,
    /// One column for each expression, for the oracle to evaluate.
    question: Option<Box<CatalogStatement>>,
}

/// # Errors
/// 22xxx for a value that is none of its type, 42883 for a parameter of a type the function does not take, 42P02 for
/// `$n` without a value, 0A000 for an expression when there is no oracle.
pub(crate) fn bind_arguments(calls: &[Call], sources: &Sources<'_>) -> Result<CallValues, Box<PgError>> {
    let mut bound = CallValues::default();
    let mut sql = String::from("SELECT ");
    for argument in calls.iter().flat_map(|call| &call.arguments) {
        let value = match argument {
            CallArgument::Null => Vec::new(),
            CallArgument::Value { bind, oid } => bind_argument(bind, *oid, sources)?,
            CallArgument::Expression { sql, .. } if !sources.context.options.has_oracle => {
                return Err(PgError::unsupported(format!("{sql} is not supported as an argument here"))
                    .hint("Use a constant or a parameter."));
            }
            CallArgument::Expression { sql: expression, oid } => {
                let separator = if bound.open.is_empty() { "" } else { ", " };
                // Writing into a String does not fail.
                let _ = write!(sql, "{separator}CAST(({expression}) AS {})", PgType::new(*oid).name());
                bound.open.push(bound.values.len());
                Vec::new()
            }
        };
        bound.values.push(value);
    }
    if !bound.open.is_empty() {
        bound.question = Some(Box::new(CatalogStatement { sql, ..catalog_statement(sources) }));
    }
    Ok(bound)
}

fn bind_argument(bind: &Bind, oid: Oid, sources: &Sources<'_>) -> Result<Vec<u8>, Box<PgError>> {
    let text = match bind {
        Bind::Parameter(n) => {
            let parameter = super::values::parameter(sources, *n)?;
            let Some(bytes) = parameter.bytes else { return Ok(Vec::new()) };
            match decode(parameter.oid, parameter.format, bytes)? {
                Datum::Int(number) => number.to_string(),
                Datum::Double(number) => number.to_string(),
                Datum::Decimal(number) => format!("{}e{}", number.mantissa, number.scale),
                Datum::BigDecimal(digits) => digits.to_owned(),
                Datum::Text(text) => text.to_owned(),
                Datum::Owned(text) => text,
                _ => {
                    let own = PgType::new(parameter.oid).name();
                    let message = format!("a parameter of type {own} cannot be used here");
                    return Err(PgError::error(SqlState::DATATYPE_MISMATCH, message));
                }
            }
        }
        Bind::Literal(n) | Bind::TypedLiteral { literal: n, .. } => {
            let literal = sources.template.literal(*n).map(|(_, text)| text.to_owned());
            literal
                .ok_or_else(|| PgError::error(SqlState::INTERNAL_ERROR, format!("the statement has no literal {n}")))?
        }
        Bind::Constant(text) | Bind::TypedConstant { text, .. } => text.clone(),
        _ => return Err(PgError::unsupported("this argument is not supported here")),
    };
    // As the function's own type, whatever type it was sent as.
    let text = match decode(oid, Format::Text, text.as_bytes())? {
        Datum::Int(number) => number.to_string(),
        Datum::Double(number) => number.to_string(),
        _ => text,
    };
    Ok(present(&text))
}

fn present(text: &str) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len().saturating_add(1));
    value.push(PRESENT);
    value.extend_from_slice(text.as_bytes());
    value
}

fn argument(value: &[u8]) -> Option<&str> {
    value.get(1..).and_then(|text| std::str::from_utf8(text).ok())
}

/// The columns of the calls' one row.
///
/// # Errors
/// 08P01: the formats fit neither none, one nor all columns.
pub(crate) fn call_fields(calls: &[Call], formats: &Formats) -> Result<Vec<Field>, Box<PgError>> {
    formats.check(calls.len())?;
    let field = |(index, call): (usize, &Call)| {
        Field::new(&call.label, PgType::new(result_type(call.function)), formats.of(index))
    };
    Ok(calls.iter().enumerate().map(field).collect())
}

fn result_type(function: CallFunction) -> Oid {
    match function {
        CallFunction::Advisory(AdvisoryOperation::Lock { is_try: true, .. } | AdvisoryOperation::Unlock { .. }) => {
            Oid::BOOL
        }
        CallFunction::Sequence(_) => Oid::INT8,
        CallFunction::Advisory(_) | CallFunction::Notify | CallFunction::Sleep(_) => Oid::VOID,
    }
}

/// Calls under way.
#[derive(Debug)]
pub(crate) struct Calls {
    calls: Vec<Call>,
    values: CallValues,
    /// The arguments that are expressions are being evaluated.
    evaluation: Option<Evaluation>,
    formats: Formats,
    /// RowDescription goes in front (simple protocol).
    describe: bool,
    /// It goes in front of the first row, when that is known.
    describes_late: bool,
    tag: Rc<str>,
    rows_max: u64,
    /// What the calls so far have answered.
    results: Vec<Datum<'static>>,
    /// The lock that has been asked for.
    asked: Option<LockRequest>,
    /// What is being done to a sequence.
    sequence: Option<SequenceCall>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Running,
    /// Rows not sent yet, because Execute limits them: from this one on.
    Rows(usize),
    Done,
}

impl Calls {
    pub(crate) fn new(calls: &[Call], values: CallValues, formats: Formats, describe: bool, tag: Rc<str>) -> Self {
        Self {
            calls: calls.to_vec(),
            values,
            evaluation: None,
            formats,
            describe,
            describes_late: false,
            tag,
            rows_max: 0,
            results: Vec::new(),
            asked: None,
            sequence: None,
            state: State::New,
        }
    }

    /// Rows sent so far, and whether these were all.
    pub(crate) fn rows_sent(&self) -> (u64, bool) {
        match self.state {
            State::New | State::Running => (0, false),
            State::Rows(sent) => (sent as u64, false),
            State::Done => (1, true),
        }
    }

    /// # Errors
    /// The functions' own.
    pub(crate) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        self.rows_max = rows_max;
        match self.state {
            State::New if let Some(statement) = self.values.question.take() => {
                let evaluation = Evaluation::new(&statement, self.values.open.len(), cx.shard, cx.client);
                let want = evaluation.ask();
                self.evaluation = Some(evaluation);
                Ok(Outcome::Wait(want))
            }
            State::New => {
                let fields = call_fields(&self.calls, &self.formats)?;
                // Whether there is such a sequence is an error of the statement's text to PostgreSQL.
                self.describes_late = self.describe && self.calls.iter().any(|call| is_of_sequence(call.function));
                if self.describe && !self.describes_late {
                    put_row_description(&fields, cx.out);
                }
                self.state = State::Running;
                self.run(cx)
            }
            State::Running | State::Done => Ok(Outcome::Complete(CommandTag::counted(Rc::clone(&self.tag), 0))),
            State::Rows(from) => self.put_rows(from, cx.out),
        }
    }

    /// # Errors
    /// The functions' own.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match (event, &mut self.evaluation) {
            (event, Some(evaluation)) => match evaluation.resume(event, cx.shard, cx.client)? {
                Progress::Wait(want) => Ok(Outcome::Wait(want)),
                Progress::Ready(cells) => self.evaluated(cells, cx),
            },
            (Event::Waited(result), None) if self.state == State::Running => self.on_waited(result, cx),
            (event, None) if self.sequence.is_some() => {
                let Some(mut call) = self.sequence.take() else { return Err(cx.shard.unwaited()) };
                let progress = call.resume(event, cx)?;
                match self.sequenced(call, progress) {
                    Some(want) => Ok(Outcome::Wait(want)),
                    None => self.run(cx),
                }
            }
            _ => Err(cx.shard.unwaited()),
        }
    }

    /// The oracle's word on the arguments that are expressions.
    fn evaluated(&mut self, cells: Vec<Option<String>>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        self.evaluation = None;
        for (place, cell) in self.values.open.iter().zip(cells) {
            if let (Some(value), Some(text)) = (self.values.values.get_mut(*place), cell) {
                *value = present(&text);
            }
        }
        self.start(self.rows_max, cx)
    }

    /// # Errors
    /// Why the lock could not be had or the time was cut short, or the error of a later call.
    fn on_waited(&mut self, result: Result<bool, Box<PgError>>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let done = result?;
        let Some(asked) = self.asked.take() else {
            // What was waited for is that time goes by.
            self.results.push(Datum::Text(""));
            return self.run(cx);
        };
        match asked {
            LockRequest::Lock { key, mode, scope, waits } => {
                if done {
                    let depth = cx.client.transaction.depth();
                    cx.client.advisory.granted(key, mode, scope, depth);
                }
                self.results.push(if waits { Datum::Text("") } else { Datum::Bool(done) });
            }
            LockRequest::Unlock { mode, .. } => self.unlocked(done, mode, cx.client, cx.out),
            LockRequest::UnlockAll => self.results.push(Datum::Text("")),
        }
        self.run(cx)
    }

    fn unlocked(&mut self, done: bool, mode: LockMode, client: &Client, out: &mut SendBuf) {
        if !done {
            let message = format!("you don't own a lock of type {}", mode.name());
            client.notice(&PgError::new(Severity::Warning, SqlState::WARNING, message), out);
        }
        self.results.push(Datum::Bool(done));
    }

    /// Carries out calls until one has to wait, or all are done.
    fn run(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        while let Some(call) = self.calls.get(self.results.len()) {
            let function = call.function;
            let behind = self.calls.iter().take(self.results.len()).map(|call| call.arguments.len()).sum();
            let values: Vec<Option<&str>> = self
                .values
                .values
                .iter()
                .skip(behind)
                .take(call.arguments.len())
                .map(|value| argument(value))
                .collect();
            match function {
                CallFunction::Notify => {
                    // Not strict: NULL is the empty string.
                    let mut values = values.into_iter().map(Option::unwrap_or_default);
                    let (channel, payload) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
                    notify(channel, payload, cx.client)?;
                    self.results.push(Datum::Text(""));
                }
                CallFunction::Sleep(_) => match values.first().copied().flatten() {
                    // Strict.
                    None => self.results.push(Datum::Null),
                    Some(seconds) => return Ok(Outcome::Wait(Want::Wait(WaitRequest::Sleep(sleep_time(seconds)?)))),
                },
                CallFunction::Sequence(function) => {
                    // Strict.
                    let Some(mut call) = sequence_call(function, &values)? else {
                        self.results.push(Datum::Null);
                        continue;
                    };
                    let progress = call.start(cx)?;
                    if let Some(want) = self.sequenced(call, progress) {
                        return Ok(Outcome::Wait(want));
                    }
                }
                CallFunction::Advisory(AdvisoryOperation::UnlockAll) => {
                    if cx.client.advisory.forget_session_locks() {
                        return Ok(self.ask(LockRequest::UnlockAll));
                    }
                    self.results.push(Datum::Text(""));
                }
                CallFunction::Advisory(operation) => {
                    // Strict: with a NULL nothing is done.
                    let Some(key) = lock_key(&values)? else {
                        self.results.push(Datum::Null);
                        continue;
                    };
                    if let Some(outcome) = self.lock(operation, key, cx.client, cx.out) {
                        return Ok(outcome);
                    }
                }
            }
        }
        self.put_rows(0, cx.out)
    }

    /// What there is to wait for.
    fn sequenced(&mut self, call: SequenceCall, progress: Progress<Vec<i64>>) -> Option<Want> {
        match progress {
            Progress::Wait(want) => {
                self.sequence = Some(call);
                Some(want)
            }
            Progress::Ready(values) => {
                self.results.push(values.last().map_or(Datum::Null, |value| Datum::Int(*value)));
                None
            }
        }
    }

    /// `None`: answered without the runtime.
    fn lock(
        &mut self,
        operation: AdvisoryOperation,
        key: LockKey,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Option<Outcome> {
        let mode = |is_shared| if is_shared { LockMode::Shared } else { LockMode::Exclusive };
        match operation {
            AdvisoryOperation::Lock { is_try, is_shared, is_transaction } => {
                let mode = mode(is_shared);
                let scope = if is_transaction { LockScope::Transaction } else { LockScope::Session };
                if is_transaction {
                    client.transaction.begin_implicit();
                    if client.advisory.has_in_transaction(key, mode) {
                        self.results.push(if is_try { Datum::Bool(true) } else { Datum::Text("") });
                        return None;
                    }
                }
                Some(self.ask(LockRequest::Lock { key, mode, scope, waits: !is_try }))
            }
            AdvisoryOperation::Unlock { is_shared } if client.advisory.has_session_locks() => {
                Some(self.ask(LockRequest::Unlock { key, mode: mode(is_shared) }))
            }
            AdvisoryOperation::Unlock { is_shared } => {
                self.unlocked(false, mode(is_shared), client, out);
                None
            }
            AdvisoryOperation::UnlockAll => None,
        }
    }

    fn ask(&mut self, request: LockRequest) -> Outcome {
        self.asked = Some(request);
        Outcome::Wait(Want::Wait(WaitRequest::Lock(request)))
    }

    /// One row of all results.
    fn put_rows(&mut self, from: usize, out: &mut SendBuf) -> Result<Outcome, Box<PgError>> {
        let fields = call_fields(&self.calls, &self.formats)?;
        if std::mem::take(&mut self.describes_late) {
            put_row_description(&fields, out);
        }
        let width = self.results.len().max(1);
        let limit = match usize::try_from(self.rows_max) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit) => limit,
        };
        let mut count = 0_usize;
        for results in self.results.chunks(width).skip(from).take(limit) {
            let mut row = out.begin_data_row();
            for (result, field) in results.iter().zip(&fields) {
                if *result == Datum::Null {
                    row.null();
                    continue;
                }
                let mut cell = Vec::new();
                Encoder::select(field.pg_type, field.format)?.encode(result, &mut cell)?;
                row.value(&cell)?;
            }
            row.finish()?;
            count = count.saturating_add(1);
        }
        // As PostgreSQL: who has got as many rows as he asked for does not hear whether there are more.
        if count == limit {
            self.state = State::Rows(from.saturating_add(count));
            return Ok(Outcome::Suspended);
        }
        self.state = State::Done;
        Ok(Outcome::Complete(CommandTag::counted(Rc::clone(&self.tag), u64::try_from(count).unwrap_or(u64::MAX))))
    }
}

fn is_of_sequence(function: CallFunction) -> bool {
    matches!(function, CallFunction::Sequence(_))
}

/// `None`: an argument is NULL.
fn sequence_call(function: SequenceFunction, values: &[Option<&str>]) -> Result<Option<SequenceCall>, Box<PgError>> {
    let Some(values) = values.iter().copied().collect::<Option<Vec<&str>>>() else { return Ok(None) };
    let mut values = values.into_iter();
    let name = values.next().unwrap_or_default();
    let value = values.next().map(|value| {
        value.parse().map_err(|_| PgError::error(SqlState::INTERNAL_ERROR, "a value of a sequence is not a number"))
    });
    let is_called = values.next().and_then(boolean_word).unwrap_or(true);
    Ok(Some(SequenceCall::new(function, name, value.transpose()?.unwrap_or_default(), is_called)))
}

/// How long to wait for so many seconds. A negative number and NaN are none, what is too large for a clock is for ever.
fn sleep_time(seconds: &str) -> Result<Duration, Box<PgError>> {
    let misread = |_| PgError::error(SqlState::INTERNAL_ERROR, "a number of seconds is not a number");
    let seconds: f64 = seconds.parse().map_err(misread)?;
    if seconds.is_nan() || seconds <= 0.0 {
        return Ok(Duration::ZERO);
    }
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// The key that one or two arguments are; `None` when one is NULL.
fn lock_key(values: &[Option<&str>]) -> Result<Option<LockKey>, Box<PgError>> {
    let misread = || PgError::error(SqlState::INTERNAL_ERROR, "a lock's key is not a number");
    Ok(match values {
        [Some(key)] => Some(LockKey::Bigint(key.parse().map_err(|_| misread())?)),
        [Some(a), Some(b)] => {
            Some(LockKey::Integers(a.parse().map_err(|_| misread())?, b.parse().map_err(|_| misread())?))
        }
        _ => None,
    })
}
