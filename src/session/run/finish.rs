//! A query that PostgreSQL finishes: IRIS gives the rows of each table, the oracle runs the query over them.

mod keys;
mod rows;

use std::rc::Rc;

use crate::catalog::Described;
use crate::iris::Request;
use crate::sql::{Action, Fetch, FetchedColumn, Finish, FinishPiece, Output, Template};
use crate::types::Oid;
use crate::wire::{Format, Messages, PgError, SendBuf, SqlState};

use super::Operation;
use super::arrays::{put_elements, put_rows};
use super::bind::{Values, bind_values};
use super::catalog::{CatalogRun, CatalogStatement};
use super::outcome::Outcome;
use super::values::Sources;
use crate::session::contract::permit::Permit;
use crate::session::contract::step::{Event, Progress, WaitRequest, Want};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::parameter::Parameter;
use crate::session::understand::resolve::{Resolve, Understanding};
use crate::session::understand::rows::{Formats, described_fields};
use keys::keyed;
use rows::Gathered;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Parameters that one Bind may have.
const PARAMETERS_MAX: usize = u16::MAX as usize;

/// Such a query under way.
#[derive(Debug)]
pub(crate) struct FinishRun {
    understood: Rc<Understood>,
    /// The client's text and parameters; the rows of fetches become further ones.
    statement: CatalogStatement,
    formats: Formats,
    /// RowDescription goes in front of the rows (simple protocol).
    describe: bool,
    rows_max: u64,
    /// A cursor is being opened.
    opens_only: bool,
    fetch: usize,
    /// The present fetch is without conditions: IRIS has refused them.
    is_plain: bool,
    /// By rows of tables alone: IRIS has not given what a sub-query stands for.
    is_simple: bool,
    /// Parameters of the present fetch behind the client's: their types, and arrays in binary.
    lists: Vec<(Oid, Vec<u8>)>,
    /// DataRow messages of the present fetch that have not been read.
    spool: SendBuf,
    /// Of the fetches so far.
    gathered: Vec<Gathered>,
    /// While rows are fetched, and until PostgreSQL has answered.
    permit: Option<Permit>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Next,
    /// Until it may begin.
    Admission,
    Resolve(Box<Resolve>),
    Fetch(Box<Operation>),
    Answer(Box<CatalogRun>),
}

impl FinishRun {
    pub(crate) fn new(
        understood: Rc<Understood>,
        statement: CatalogStatement,
        formats: Formats,
        describe: bool,
    ) -> Self {
        Self {
            is_simple: understood.extra.is_simple(),
            understood,
            statement,
            formats,
            describe,
            rows_max: 0,
            opens_only: false,
            fetch: 0,
            is_plain: false,
            lists: Vec::new(),
            spool: SendBuf::new(),
            gathered: Vec::new(),
            permit: None,
            stage: Stage::Next,
        }
    }

    fn plan(&self) -> Result<&Finish> {
        plan_of(&self.understood, self.is_simple)
    }

    /// Starts, or goes on after a suspension, with at most `rows_max` rows (0 = all).
    ///
    /// # Errors
    /// The statement's own.
    pub(crate) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome> {
        self.rows_max = rows_max;
        self.opens_only = false;
        match &mut self.stage {
            Stage::Answer(run) => run.start(rows_max, cx),
            _ => self.begin(cx),
        }
    }

    /// Has everything but the rows sent to the client.
    ///
    /// # Errors
    /// The statement's own.
    pub(crate) fn open(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        self.opens_only = true;
        match &mut self.stage {
            Stage::Answer(run) => run.open(cx),
            _ => self.begin(cx),
        }
    }

    fn begin(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        if self.plan()?.fetches.is_empty() {
            return self.next(cx);
        }
        self.check_parameters()?;
        self.stage = Stage::Admission;
        Ok(Outcome::Wait(Want::Wait(WaitRequest::Admission)))
    }

    /// # Errors
    /// The statement's own.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let outcome = self.on_event(event, cx);
        if !matches!(outcome, Ok(Outcome::Wait(_))) {
            self.permit = None;
        }
        outcome
    }

    fn on_event(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        match std::mem::replace(&mut self.stage, Stage::Next) {
            Stage::Resolve(mut resolve) => {
                let progress = resolve.resume(event, cx);
                self.on_progress(progress, resolve, cx)
            }
            Stage::Fetch(mut operation) => {
                let outcome = operation.resume(event, &mut cx.spooled(&mut self.spool));
                self.on_outcome(outcome, operation, cx)
            }
            Stage::Answer(mut run) => {
                let outcome = run.resume(event, cx);
                self.stage = Stage::Answer(run);
                match outcome.map_err(unfinished)? {
                    Outcome::Complete(_) if &*self.understood.tag != "SELECT" => {
                        Ok(Outcome::Complete((&self.understood.tag).into()))
                    }
                    outcome => Ok(outcome),
                }
            }
            Stage::Admission => {
                let Event::Admitted(permit) = event else { return Err(cx.shard.unwaited()) };
                self.permit = Some(permit?);
                self.next(cx)
            }
            Stage::Next => Err(cx.shard.unwaited()),
        }
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        match &mut self.stage {
            Stage::Fetch(operation) => operation.take_result(),
            _ => None,
        }
    }

    /// Rows sent so far, and whether these were all.
    pub(crate) fn rows_sent(&self) -> (u64, bool) {
        match &self.stage {
            Stage::Answer(run) => run.rows_sent(),
            _ => (0, false),
        }
    }

    pub(crate) fn reads_session(&self) -> bool {
        self.plan().is_ok_and(|plan| plan.asks.reads_session)
    }

    fn fetch(&self) -> Option<&Fetch> {
        self.plan().ok()?.fetches.get(self.fetch)
    }

    /// Each column of a fetch is a parameter of the second step, which the protocol counts in 16 bits.
    fn check_parameters(&self) -> Result<()> {
        let known = self.gathered.iter().map(|gathered| gathered.fetched.len());
        let rest = self.plan()?.fetches.iter().skip(self.gathered.len()).map(|fetch| fetch.columns.len());
        let columns: usize = known.chain(rest).sum();
        let own = self.statement.parameter_types.len();
        if own.saturating_add(columns) > PARAMETERS_MAX {
            let message = format!(
                "a query with {own} parameters that reads {columns} columns cannot be finished by PostgreSQL: together \
                 they may be {PARAMETERS_MAX}"
            );
            return Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
                .detail("IRIS cannot compute this query as a whole: the columns of its tables become parameters.")
                .hint("Use fewer parameters, such as one array in place of a list."));
        }
        Ok(())
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Some(fetch) = self.fetch() else { return self.answer(cx) };
        let own = &self.statement.parameter_types;
        let (sql, lists) = match self.is_plain {
            true => (fetch.plain.clone(), Vec::new()),
            false => keyed(fetch, &self.gathered, own.len().saturating_add(1)),
        };
        let types: Vec<Oid> = own.iter().copied().chain(lists.iter().map(|(array, _)| *array)).collect();
        self.lists = lists;
        let mut template = Template::default();
        Resolve::scan(&sql, &mut template, cx.client)?;
        let mut resolve = Box::new(Resolve::fetch(&sql, template, &types, cx.shard));
        let progress = resolve.start(cx);
        self.on_progress(progress, resolve, cx)
    }

    fn on_progress(
        &mut self,
        progress: Result<Understanding>,
        resolve: Box<Resolve>,
        cx: &mut Cx<'_>,
    ) -> Result<Outcome> {
        match progress {
            Ok(Progress::Wait(want)) => {
                self.stage = Stage::Resolve(resolve);
                Ok(Outcome::Wait(want))
            }
            Ok(Progress::Ready(understood)) => {
                let started = self.started(understood, *resolve, cx);
                match started {
                    Ok((operation, outcome)) => self.on_outcome(Ok(outcome), operation, cx),
                    Err(error) => self.without_conditions(error, cx),
                }
            }
            Err(error) => self.without_conditions(error, cx),
        }
    }

    fn started(
        &mut self,
        understood: Rc<Understood>,
        resolve: Resolve,
        cx: &mut Cx<'_>,
    ) -> Result<(Box<Operation>, Outcome)> {
        if !matches!(understood.translation.action, Action::Script(_)) {
            return Err(PgError::unsupported("the rows of a table are not to be had from IRIS as they are"));
        }
        let fetched = match self.fetch() {
            Some(fetch) => fetched(fetch, understood.extra.described().as_deref())?,
            None => Vec::new(),
        };
        let formats: Vec<Format> = fetched.iter().map(|column| column.format).collect();
        let (sql, template, _) = resolve.into_parts();
        let own = self.statement.parameter_types.iter().zip(&self.statement.values);
        let own = own.map(|(&oid, (format, bytes))| Parameter { oid, format: *format, bytes: bytes.as_deref() });
        let lists = self.lists.iter();
        let lists = lists.map(|(oid, bytes)| Parameter { oid: *oid, format: Format::Binary, bytes: Some(bytes) });
        let parameters: Vec<Parameter<'_>> = own.chain(lists).collect();
        let sources = Sources { sql: &sql, template: &template, parameters: &parameters, context: cx.shard };
        let formats = Formats::new(formats.iter().copied());
        let values = bind_values(&understood, &sources, &formats, cx)?;
        // A condition, of which PostgreSQL can do without.
        if let Values::Refused(query) = values {
            return Err(query.into_error());
        }
        let mut operation = Box::new(Operation::new(understood, values, formats, false, cx.shard, cx.client)?);
        if let Operation::Run(run) = &mut *operation {
            run.print_standard();
        }
        // A portal may have a result of the same statement open: IRIS tells results apart by the key.
        if let Operation::Run(run) = &mut *operation
            && (cx.client.transaction.wants_transaction() || cx.client.open_results.any())
        {
            run.separate(cx.shard.next_statement_key());
        }
        self.gathered.truncate(self.fetch);
        self.gathered.push(Gathered::new(fetched));
        let outcome = operation.start(0, &mut cx.spooled(&mut self.spool))?;
        Ok((operation, outcome))
    }

    fn on_outcome(&mut self, outcome: Result<Outcome>, operation: Box<Operation>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                // Whoever gives this up closes its result.
                if matches!(&*operation, Operation::Run(run) if run.has_open_result()) {
                    self.stage = Stage::Fetch(operation);
                    return Err(error);
                }
                return self.without_conditions(error, cx);
            }
        };
        if let Err(error) = self.gather(cx) {
            self.stage = Stage::Fetch(operation);
            return Err(error);
        }
        match outcome {
            Outcome::Wait(want) => {
                self.stage = Stage::Fetch(operation);
                Ok(Outcome::Wait(want))
            }
            Outcome::Complete(_) | Outcome::Suspended | Outcome::Empty => {
                self.fetch = self.fetch.saturating_add(1);
                self.is_plain = false;
                self.next(cx)
            }
        }
    }

    /// IRIS refuses a condition that translation took for one it can compute, or fails over a row that PostgreSQL would
    /// not have looked at: PostgreSQL decides over all rows.
    ///
    /// # Errors
    /// `error`, where it is not about conditions, or there are none.
    fn without_conditions(&mut self, mut error: Box<PgError>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let is_statements =
            error.is_beyond_iris || [b"0A", b"22", b"42", b"54"].iter().any(|class| error.code.0.starts_with(*class));
        let is_whole = self.fetch().is_some_and(|fetch| fetch.outputs.is_some());
        if is_statements && is_whole && !self.is_simple {
            // Values may be others the next time; what IRIS does not understand is the same.
            if !error.is_beyond_iris && !error.code.0.starts_with(b"22") {
                self.understood.extra.set_simple();
            }
            self.is_simple = true;
            self.fetch = 0;
            self.gathered.clear();
            self.stage = Stage::Next;
            self.spool.clear();
            return self.next(cx);
        }
        let has_conditions = self.fetch().is_some_and(|fetch| fetch.sql != fetch.plain) || !self.lists.is_empty();
        if is_statements && has_conditions && !self.is_plain && error.code != SqlState::UNDEFINED_TABLE {
            self.is_plain = true;
            self.stage = Stage::Next;
            self.spool.clear();
            return self.next(cx);
        }
        // It would point into another text.
        error.position = None;
        Err(error)
    }

    /// Takes the rows that the fetch has given so far.
    fn gather(&mut self, cx: &Cx<'_>) -> Result<()> {
        let limits = &cx.shard.options.limits;
        let Some(present) = self.gathered.last_mut() else { return Ok(()) };
        present.bytes_count = present.bytes_count.saturating_add(self.spool.len());
        for (row, _) in Messages::new(self.spool.as_slice()).filter(|(message, _)| message.tag == b'D') {
            present.rows_count = present.rows_count.saturating_add(1);
            put_elements(row.body, &mut present.columns)?;
        }
        self.spool.clear();
        if self.rows_count() > limits.finish_rows_max {
            return Err(self.too_much(format!("more than {} rows", limits.finish_rows_max), "finish_rows_max"));
        }
        if self.bytes_count() > limits.finish_bytes_max {
            let much = format!("more than {} MB of rows", limits.finish_bytes_max >> 20);
            return Err(self.too_much(much, "finish_bytes_max"));
        }
        Ok(())
    }

    /// Of all fetches so far.
    fn rows_count(&self) -> usize {
        self.gathered.iter().map(|gathered| gathered.rows_count).fold(0, usize::saturating_add)
    }

    /// The same in bytes.
    fn bytes_count(&self) -> usize {
        self.gathered.iter().map(|gathered| gathered.bytes_count).fold(0, usize::saturating_add)
    }

    fn too_much(&self, much: String, key: &str) -> Box<PgError> {
        let table = self.fetch().map(|fetch| fetch.table.as_str()).unwrap_or_default();
        PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("PostgreSQL would need {much} of \"{table}\""))
            .detail("IRIS cannot compute this query as a whole: PostgreSQL finishes it over the rows that IRIS gives.")
            .hint(format!("Add conditions that IRIS can compute, which EXPLAIN shows, or raise {key}."))
    }

    /// All rows are here: the second step.
    fn answer(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        let understood = Rc::clone(&self.understood);
        let plan = plan_of(&understood, self.is_simple)?;
        let mut statement = std::mem::take(&mut self.statement);
        let first = statement.parameter_types.len().saturating_add(1);
        statement.sql = second_step(plan, &self.gathered, first);
        if !plan.fetches.is_empty() {
            let (rows, bytes) = (self.rows_count(), self.bytes_count());
            cx.shard.finishes(rows);
            tracing::debug!(statement = %statement.sql, rows, bytes, "finished by PostgreSQL");
        }
        for gathered in std::mem::take(&mut self.gathered) {
            for (column, elements) in gathered.fetched.iter().zip(gathered.columns) {
                statement.parameter_types.push(column.array);
                statement.long_values.push(elements.into_array(column.element, gathered.rows_count));
            }
        }
        self.spool = SendBuf::new();
        let describe = self.describe && !self.opens_only;
        let fields = match describe {
            true => described_fields(self.understood.extra.described().as_deref(), &self.formats)?,
            false => None,
        };
        let run = CatalogRun::new(statement, plan.asks, self.formats.to_codes(), describe);
        let mut run = Box::new(run.finishing(fields));
        let outcome = if self.opens_only { run.open(cx) } else { run.start(self.rows_max, cx) };
        self.stage = Stage::Answer(run);
        outcome
    }
}

/// PostgreSQL found nothing wrong with the statement's words: it is the rows, which are of no table, that it misses something
/// of (a key that GROUP BY relies on).
fn unfinished(error: Box<PgError>) -> Box<PgError> {
    // Others are about values: to_tsquery finds fault with a text by 42601.
    if &error.code.0 != b"42803" {
        return error;
    }
    PgError::unsupported("PostgreSQL cannot finish this query over the rows that IRIS gives")
        .detail(format!("It says: {}.", error.message))
        .hint("Name all columns that are shown in GROUP BY.")
}

/// The columns of a fetch, of which PostgreSQL says what they are where they are those of a sub-query.
///
/// # Errors
/// 0A000 where their values may not be PostgreSQL's.
fn fetched(fetch: &Fetch, described: Option<&Described>) -> Result<Vec<FetchedColumn>> {
    let Some(outputs) = &fetch.outputs else { return Ok(fetch.columns.clone()) };
    let columns = described.and_then(|described| described.columns.as_deref()).unwrap_or_default();
    let is_whole = !columns.is_empty() && (outputs.is_empty() || outputs.len() == columns.len());
    let outputs = outputs.iter().copied().chain(std::iter::repeat(Output::Exact));
    let shown = columns.iter().zip(outputs);
    let shown: Option<Vec<_>> =
        shown.map(|(column, output)| FetchedColumn::shown(&column.name, column.pg_type, output)).collect();
    shown.filter(|_| is_whole).ok_or_else(|| PgError::unsupported("IRIS computes other digits in a sub-query"))
}

fn plan_of(understood: &Understood, is_simple: bool) -> Result<&Finish> {
    match &understood.translation.action {
        Action::Finish(finish) => Ok(finish.simpler.as_deref().filter(|_| is_simple).unwrap_or(finish)),
        _ => Err(PgError::error(SqlState::INTERNAL_ERROR, "a statement without a second step was to be finished")),
    }
}

/// The text of the second step; `first`: the number of the first parameter that has rows.
fn second_step(plan: &Finish, gathered: &[Gathered], first: usize) -> String {
    let mut starts = Vec::with_capacity(gathered.len());
    let mut next = first;
    for gathered in gathered {
        starts.push(next);
        next = next.saturating_add(gathered.fetched.len());
    }
    let mut sql = String::new();
    for piece in &plan.pieces {
        match piece {
            FinishPiece::Text(text) => sql.push_str(text),
            FinishPiece::Rows(at) => {
                if let (Some(gathered), Some(start)) = (gathered.get(*at), starts.get(*at)) {
                    put_rows(&gathered.fetched, *start, &mut sql);
                }
            }
        }
    }
    sql
}
