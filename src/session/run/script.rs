//! Running a script of IRIS statements for a client: the one way rows and counts come to be, whatever the protocol.

mod changes;
mod refusals;

use std::borrow::Cow;
use std::rc::Rc;

use crate::catalog::ChangeUnderWay;
use crate::iris::{IrisStatement, Item, ItemReader, Reply, Request, StatementMetadata};
use crate::sql::{Action, RunIf, ScriptStep, StepRole};
use crate::types::Style;
use crate::wire::{PgError, SqlState};

use self::changes::PAUSE;
use super::bind::StepValues;
use super::defer::check_deferred;
use super::explain::Explanation;
use super::held_rows::{HeldRows, check_returned};
use super::nested::StepsDone;
use super::outcome::{CommandTag, Outcome};
use super::page_rest::{PART_BYTES, PageRest};
use super::streams::StreamRows;
use crate::session::client::open_results::OpenResult;
use crate::session::contract::step::{Event, Want};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::rows::{Formats, RowShape};
use crate::session::understand::rules::{definition_done, mirror_change, temporary_place, unexpected};
use crate::session::understand::shape::row_shape;

/// Values of a step that are kept until it is done; larger ones are not worth a copy for an error that may not come.
const SENT_BYTES_MAX: usize = 64 * 1024;

/// A script under way, or suspended between two Executes of its portal.
#[derive(Debug)]
pub(crate) struct Run {
    understood: Rc<Understood>,
    /// Per step, one set of values each.
    values: StepValues,
    formats: Formats,
    /// RowDescription goes in front of the first row (simple protocol).
    describe: bool,
    /// Its texts are not for the client: they do not follow its settings.
    prints_standard: bool,
    step: usize,
    state: State,
    shape: Option<Rc<RowShape>>,
    /// Rows of this Execute at most; 0 = all.
    rows_max: u64,
    /// Rows sent in this Execute.
    rows_count: u64,
    /// Rows of the present step.
    step_rows_count: u64,
    /// Rows of all Rows steps.
    all_rows_count: u64,
    /// The rows of a change that are fetched in parts.
    held: Option<Box<HeldRows>>,
    /// Sum of the Count steps.
    count: u64,
    /// Of the step before.
    previous_count: u64,
    /// Steps that IRIS refused for a reason that counts as having nothing to do.
    ignored: Vec<usize>,
    /// The refusal of the step before, unless the next one excuses it.
    refusal: Option<Box<PgError>>,
    /// The error of a step whose work is being taken back.
    failure: Option<Box<PgError>>,
    /// A cursor is being opened: rows are kept for its first FETCH.
    opens_only: bool,
    /// The values of the step under way, kept to explain its errors by.
    sent: Vec<u8>,
    /// The statement under a key of its own, when a result of the shared one is open already.
    own_statement: Option<Rc<IrisStatement>>,
    /// The schema is being changed, until the mirror has followed.
    under_way: Option<ChangeUnderWay>,
    /// How often others have been given way.
    pauses_count: u16,
    /// Its result that is open on the lease, as the client counts it.
    open: Option<OpenResult>,
}

#[derive(Debug)]
enum State {
    /// Another session changes the same relation.
    Behind,
    /// A temporary table waits for its place.
    Placing,
    /// The next step has not been sent.
    Next,
    /// Sent; an answer is due.
    Waiting,
    /// A page is written and not the last: flushed before the next one is fetched.
    Flushing,
    /// The row limit was reached inside of this page, or others have their turn.
    Suspended {
        rows: PageRest,
        end: bool,
    },
    /// Rows with stream cells, one cell read at a time.
    Streams(Box<StreamRows>),
    /// PostgreSQL is asked about IRIS's refusal.
    Explaining(Box<Explanation>),
    Done,
}

impl Run {
    pub(crate) fn new(understood: Rc<Understood>, values: StepValues, formats: Formats, describe: bool) -> Self {
        Self {
            understood,
            values,
            formats,
            describe,
            prints_standard: false,
            step: 0,
            state: State::Next,
            shape: None,
            rows_max: 0,
            rows_count: 0,
            step_rows_count: 0,
            all_rows_count: 0,
            held: None,
            count: 0,
            previous_count: 0,
            ignored: Vec::new(),
            refusal: None,
            failure: None,
            opens_only: false,
            sent: Vec::new(),
            own_statement: None,
            under_way: None,
            pauses_count: 0,
            open: None,
        }
    }

    /// The statement whose result is open on the lease, if any: to be closed when the run is dropped. It counts as
    /// closed.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.open = None;
        self.open_statement().map(|statement| Request::CloseResult { statement: Rc::clone(statement) })
    }

    pub(crate) fn has_open_result(&self) -> bool {
        self.open_statement().is_some()
    }

    /// The statement whose result is open on the lease.
    fn open_statement(&self) -> Option<&Rc<IrisStatement>> {
        let open = match &self.state {
            State::Flushing => true,
            State::Suspended { end, .. } => !end,
            State::Streams(rows) => !rows.end(),
            State::Behind | State::Placing | State::Next | State::Waiting | State::Explaining(_) | State::Done => false,
        };
        if !open {
            return None;
        }
        self.steps().get(self.step).map(|step| self.statement(step))
    }

    /// After whatever may have opened or closed a result.
    fn count_result(&mut self, cx: &Cx<'_>) {
        let key = self.open_statement().map(|statement| statement.key);
        if key != self.open.as_ref().map(OpenResult::key) {
            self.open = key.map(|key| cx.client.open_results.open(key));
        }
    }

    /// Key of the statement whose rows go to the client.
    pub(crate) fn key(&self) -> Option<u64> {
        let step = self.steps().iter().find(|step| step.role == StepRole::Rows)?;
        Some(self.statement(step).key)
    }

    /// Has texts printed in the standard style, which PostgreSQL reads whatever the settings.
    pub(crate) fn print_standard(&mut self) {
        self.prints_standard = true;
    }

    /// Another result of the same statement is open on the lease; pages are told apart by the key.
    pub(crate) fn separate(&mut self, key: u64) {
        if matches!(self.state, State::Next)
            && let [step] = self.steps()
        {
            let shared = &step.plan.statement;
            self.own_statement = Some(Rc::new(IrisStatement {
                key,
                text: shared.text.clone(),
                kinds: shared.kinds.clone(),
                is_query: shared.is_query,
            }));
        }
    }

    fn statement<'a>(&'a self, step: &'a ScriptStep) -> &'a Rc<IrisStatement> {
        self.own_statement.as_ref().unwrap_or(&step.plan.statement)
    }

    /// Rows of the query sent so far, and whether these were all.
    pub(crate) fn rows_sent(&self) -> (u64, bool) {
        let all = (self.step_rows_count, matches!(self.state, State::Done));
        self.held.as_ref().map_or(all, |held| held.sent())
    }

    /// Starts the query of a cursor and stops in front of its first row.
    ///
    /// # Errors
    /// As `start`.
    pub(crate) fn open(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if self.steps().len() != 1 || !matches!(self.state, State::Next) {
            return Ok(Outcome::Suspended);
        }
        self.opens_only = true;
        let outcome = self.next_step(cx);
        self.count_result(cx);
        outcome
    }

    pub(crate) fn progress(&self) -> StepsDone {
        StepsDone { steps_count: self.step, ignored: self.ignored.clone() }
    }

    /// The tag without counts.
    pub(crate) fn command(&self) -> &str {
        &self.understood.translation.tag
    }

    fn steps(&self) -> &[ScriptStep] {
        match &self.understood.translation.action {
            Action::Script(steps) => steps,
            _ => &[],
        }
    }

    /// Starts, or goes on after a suspension, with at most `rows_max` rows (0 = all).
    ///
    /// # Errors
    /// The statement's own.
    pub(crate) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let outcome = self.begin(rows_max, cx);
        self.count_result(cx);
        outcome
    }

    fn begin(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        self.rows_max = rows_max;
        // Only the rows of a plain query can wait in IRIS: other scripts have steps behind them that must run.
        if rows_max > 0 && self.steps().len() > 1 && matches!(self.state, State::Next) {
            self.held = Some(Box::default());
        }
        if let Some(held) = &mut self.held
            && matches!(self.state, State::Done)
        {
            let is_suspended = held.send(rows_max, cx.out);
            return Ok(if is_suspended { Outcome::Suspended } else { Outcome::Complete(self.tag()) });
        }
        self.rows_count = 0;
        self.opens_only = false;
        self.go_on(cx)
    }

    fn go_on(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match std::mem::replace(&mut self.state, State::Waiting) {
            State::Next if self.gives_way(cx) => {
                self.state = State::Behind;
                Ok(Outcome::Wait(Want::Wait(PAUSE)))
            }
            State::Next if self.understood.translation.makes_temporary() => {
                self.state = State::Placing;
                Ok(Outcome::Wait(temporary_place(cx.client, &self.understood)?))
            }
            State::Next => self.next_step(cx),
            State::Suspended { rows: PageRest { bytes, taken }, end } => self.page(bytes.into(), taken, end, cx),
            State::Streams(rows) => self.streams(rows, cx),
            State::Done => {
                self.state = State::Done;
                Ok(Outcome::Complete(self.tag()))
            }
            State::Behind | State::Placing | State::Waiting | State::Flushing | State::Explaining(_) => {
                Err(PgError::error(SqlState::INTERNAL_ERROR, "a running portal was executed again"))
            }
        }
    }

    /// # Errors
    /// The statement's own.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let outcome = self.on_event(event, cx);
        self.count_result(cx);
        outcome
    }

    fn on_event(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match (&self.state, event) {
            (State::Behind, Event::Waited(result)) => {
                result?;
                self.state = State::Next;
                self.go_on(cx)
            }
            (State::Placing, Event::Waited(result)) => {
                result?;
                self.next_step(cx)
            }
            (State::Waiting | State::Streams(_), Event::Iris(reply)) => self.on_reply(reply, cx),
            (State::Flushing, Event::Flushed) => Ok(self.next_page()),
            (State::Suspended { .. }, Event::Flushed) => self.go_on(cx),
            (State::Explaining(_), event @ (Event::Oracle(_) | Event::Mirrored(_))) => self.explain(event, cx),
            // IRIS has carried the statement out; the runtime brings the mirror in line when it could not follow.
            (State::Done, Event::Mirrored(done)) => {
                self.under_way = None;
                if self.is_for_mirror() {
                    done?;
                }
                Ok(self.finish(cx))
            }
            _ => Err(cx.shard.unwaited()),
        }
    }

    fn next_page(&mut self) -> Outcome {
        self.state = State::Waiting;
        match self.steps().get(self.step) {
            Some(step) => Outcome::Wait(Want::Submit(Request::Fetch { statement: Rc::clone(self.statement(step)) })),
            None => Outcome::Complete(self.tag()),
        }
    }

    fn on_reply(&mut self, reply: Reply<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let Some(mut held) = self.held.take() else { return self.take_reply(reply, cx) };
        let progress = self.take_reply(reply, &mut cx.spooled(&mut held.spool));
        let checked = held.check();
        let is_complete = matches!(progress, Ok(Outcome::Complete(_)));
        let is_suspended = is_complete && held.send(self.rows_max, cx.out);
        self.held = Some(held);
        checked?;
        let complete = if is_complete { Ok(Outcome::Complete(self.tag())) } else { progress };
        if is_suspended { Ok(Outcome::Suspended) } else { complete }
    }

    fn take_reply(&mut self, reply: Reply<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match reply {
            Reply::Failed { error, .. } => {
                self.state = State::Done;
                let ignored =
                    self.steps().get(self.step).is_some_and(|step| step.ignored_sqlcodes.contains(&error.sqlcode));
                if !ignored {
                    let plain = self.violated(&error, cx);
                    if let Some(failure) = self.failure.take() {
                        return Err(failure);
                    }
                    let next = self.step.saturating_add(1);
                    if self.steps().get(next).is_some_and(|step| step.role == StepRole::Undo) {
                        (self.failure, self.step) = (Some(plain), next);
                        return self.next_step(cx);
                    }
                    let explanation = Explanation::new(&error, plain, &self.understood, cx.shard, cx.client)?;
                    let want = explanation.ask();
                    self.state = State::Explaining(Box::new(explanation));
                    return Ok(Outcome::Wait(want));
                }
                self.ignored.push(self.step);
                self.refusal = self.inexcusable(&error, cx);
                self.finish_step(0, cx)
            }
            Reply::Updated { metadata, counts } => {
                self.understood.extra.set_metadata(self.step, &metadata);
                let count: i64 = counts.iter().copied().fold(0, i64::saturating_add);
                self.finish_step(u64::try_from(count).unwrap_or(0), cx)
            }
            Reply::Page { metadata, rows, end } => {
                self.shape(&metadata, cx)?;
                let has_streams = self.shape.as_ref().is_some_and(|shape| shape.has_streams);
                if has_streams {
                    return self.streams(Box::new(StreamRows::new(rows, end)), cx);
                }
                self.page(rows.into(), 0, end, cx)
            }
            Reply::Stream(data) => match std::mem::replace(&mut self.state, State::Waiting) {
                State::Streams(mut rows) => {
                    rows.on_data(data);
                    self.streams(rows, cx)
                }
                _ => Err(unexpected(&Reply::Stream(data))),
            },
            reply @ (Reply::Prepared(_) | Reply::Done) => Err(unexpected(&reply)),
        }
    }

    fn next_step(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let previous = self.previous_count;
        while let Some(step) = self.steps().get(self.step) {
            let runs = match step.run_if {
                RunIf::Always => step.role != StepRole::Undo || self.failure.is_some(),
                RunIf::PreviousCountZero => previous == 0,
                RunIf::PreviousRefused => self.refusal.is_some(),
                RunIf::PreviousCountNotZero => previous != 0,
            };
            if runs {
                break;
            }
            self.step = self.step.saturating_add(1);
        }
        let Some(step) = self.steps().get(self.step) else {
            self.state = State::Done;
            cx.shard.give_back_kept(&mut self.sent);
            check_returned(&self.understood.translation.tag, self.steps(), self.count, self.all_rows_count)?;
            if let Some(change) = mirror_change(cx.client, &self.understood) {
                return Ok(Outcome::Wait(Want::Mirror(change)));
            }
            return Ok(self.finish(cx));
        };
        let statement = Rc::clone(self.statement(step));
        check_deferred(cx.client, &statement.text)?;
        let (values_per_set, is_kept) = (step.plan.binds.len(), step.plan.writes.is_some());
        if self.under_way.is_none() {
            self.begin_change(cx);
        }
        let in_transaction = cx.client.transaction.wants_transaction();
        if in_transaction {
            cx.client.transaction.mark_iris_open();
        }
        self.step_rows_count = 0;
        self.state = State::Waiting;
        let values = self.values.take(self.step);
        cx.shard.give_back_kept(&mut self.sent);
        if is_kept && values.len() <= SENT_BYTES_MAX {
            self.sent = cx.shard.buffer();
            self.sent.extend_from_slice(&values);
        }
        Ok(Outcome::Wait(Want::Submit(Request::Execute {
            statement,
            values,
            values_per_set,
            sets: 1,
            rows_max: 0,
            in_transaction,
        })))
    }

    /// Whether the mirror alone decides what becomes of the statement: IRIS had nothing to do.
    fn is_for_mirror(&self) -> bool {
        self.understood.translation.mirror_decides && (!self.ignored.is_empty() || self.steps().is_empty())
    }

    /// Everything is done.
    fn finish(&self, cx: &Cx<'_>) -> Outcome {
        definition_done(&self.understood, cx.shard);
        Outcome::Complete(self.tag())
    }

    fn finish_step(&mut self, count: u64, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let role = self.steps().get(self.step).map(|step| step.role);
        match role {
            Some(StepRole::Count) => self.count = self.count.saturating_add(count),
            Some(StepRole::Rows) => self.all_rows_count = self.all_rows_count.saturating_add(count),
            _ => {}
        }
        if role == Some(StepRole::Excuse)
            && let Some(refusal) = self.refusal.take()
        {
            self.state = State::Done;
            return Err(refusal);
        }
        if let Some(failure) = self.failure.take() {
            self.state = State::Done;
            return Err(failure);
        }
        self.previous_count = count;
        self.step = self.step.saturating_add(1);
        self.next_step(cx)
    }

    fn is_visible(&self) -> bool {
        self.steps().get(self.step).is_some_and(|step| step.role == StepRole::Rows)
    }

    /// Makes the coders of the result, and tells the client its columns when that is wanted and not yet done.
    fn shape(&mut self, metadata: &StatementMetadata, cx: &mut Cx<'_>) -> Result<(), Box<PgError>> {
        if self.shape.is_some() || !self.is_visible() {
            return Ok(());
        }
        let Some(step) = self.steps().get(self.step) else { return Ok(()) };
        let own = self.prints_standard.then(Style::standard_of_thread);
        let style = own.as_ref().unwrap_or_else(|| cx.client.settings.style());
        let shape = row_shape(&self.understood, step, metadata, &self.formats, cx.shard, style)?;
        if self.describe {
            shape.put_description(cx.out);
        }
        self.shape = Some(shape);
        Ok(())
    }

    /// The rows of a page behind the first `taken` bytes.
    fn page(&mut self, page: Cow<'_, [u8]>, taken: usize, end: bool, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let rows = page.get(taken..).unwrap_or_default();
        if let (true, Some(shape)) = (self.is_visible(), self.shape.as_ref()) {
            let shape = Rc::clone(shape);
            let mut reader = ItemReader::new(rows);
            // What belongs together is not cut.
            let part_bytes = if self.steps().len() == 1 && self.held.is_none() { PART_BYTES } else { usize::MAX };
            let is_over = |reader: &ItemReader<'_>| rows.len().saturating_sub(reader.rest().len()) >= part_bytes;
            while !reader.is_empty() && !self.limit_reached() && !is_over(&reader) {
                if let Err(error) = shape.write_row(&mut reader, cx.out) {
                    self.state = State::Suspended { rows: PageRest::default(), end };
                    return Err(error);
                }
                self.rows_count = self.rows_count.saturating_add(1);
                self.step_rows_count = self.step_rows_count.saturating_add(1);
            }
            if self.limit_reached() || !reader.is_empty() {
                let taken = page.len().saturating_sub(reader.rest().len());
                self.state = State::Suspended { rows: PageRest::new(page, taken), end };
                return Ok(if self.limit_reached() { Outcome::Suspended } else { Outcome::Wait(Want::Yield) });
            }
        } else if let (Some(step), Ok(Some(Item::Int(1..)))) =
            (self.steps().get(self.step), ItemReader::new(rows).item())
            && step.role == StepRole::Excuse
        {
            self.refusal = None;
        }
        self.end_of_page(end, cx)
    }

    fn streams(&mut self, mut rows: Box<StreamRows>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let (Some(shape), Some(step)) = (self.shape.clone(), self.steps().get(self.step)) else {
            return self.end_of_page(rows.end(), cx);
        };
        let statement = Rc::clone(self.statement(step));
        loop {
            if self.limit_reached() {
                self.state = State::Streams(rows);
                return Ok(Outcome::Suspended);
            }
            match rows.advance(&shape, &statement) {
                Ok(super::streams::Advance::Read(request)) => {
                    self.state = State::Streams(rows);
                    return Ok(Outcome::Wait(Want::Submit(request)));
                }
                Ok(super::streams::Advance::Row) => {
                    if let Err(error) = rows.write(&shape, cx.out) {
                        self.state = State::Suspended { rows: PageRest::default(), end: rows.end() };
                        return Err(error);
                    }
                    self.rows_count = self.rows_count.saturating_add(1);
                    self.step_rows_count = self.step_rows_count.saturating_add(1);
                }
                Ok(super::streams::Advance::EndOfPage) => return self.end_of_page(rows.end(), cx),
                Err(error) => {
                    self.state = State::Suspended { rows: PageRest::default(), end: rows.end() };
                    return Err(error);
                }
            }
        }
    }

    fn end_of_page(&mut self, end: bool, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if end {
            return self.finish_step(self.step_rows_count, cx);
        }
        self.state = State::Flushing;
        Ok(Outcome::Wait(Want::Flush))
    }

    fn limit_reached(&self) -> bool {
        self.opens_only || self.steps().len() == 1 && self.rows_max > 0 && self.rows_count >= self.rows_max
    }

    /// The rows of this Execute for queries, the changed rows otherwise.
    fn tag(&self) -> CommandTag {
        let tag = &self.understood.tag;
        let counts_rows = self.steps().iter().any(|step| step.role == StepRole::Rows);
        match &**tag {
            "SELECT" if counts_rows => CommandTag::counted(Rc::clone(tag), self.rows_count),
            "SELECT" | "INSERT 0" | "UPDATE" | "DELETE" | "MERGE" | "COPY" => {
                let held = self.held.as_ref().filter(|_| counts_rows);
                CommandTag::counted(Rc::clone(tag), held.map_or(self.count, |held| held.last_count()))
            }
            _ => tag.into(),
        }
    }
}
