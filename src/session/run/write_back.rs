//! A change of rows that IRIS cannot compute: a query gives the rows, and each is stored by a statement of its own. All of
//! it runs in one transaction.
//!
//! Rows to be changed are locked in front of the reading that counts, as PostgreSQL locks a row before it looks at it for
//! the last time: nobody changes them between the reading and the writing.

use std::collections::HashSet;
use std::rc::Rc;

use crate::catalog::BoundValue;
use crate::iris::Request;
use crate::sql::{Action, Lock, Returning, RowWrite, WriteBack, WritePart};
use crate::types::Oid;
use crate::wire::{Format, Messages, PgError, SendBuf, SqlState};

use super::arrays::{Elements, put_elements, put_rows};
use super::catalog::CatalogStatement;
use super::held_rows::HeldRows;
use super::nested::{CarriedColumn, MakeCarrying, Nested, NestedProgress, RowForm};
use super::outcome::{CommandTag, Outcome};
use super::upsert_keys::second_time;
use crate::session::contract::step::Event;
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::rows::{Formats, described_fields, put_row_description};

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Text, types and values of its parameters, form of its rows.
type Statement = (String, Vec<Oid>, Vec<BoundValue>, RowForm);

/// How often rows are locked and read when each time others have come between the two.
const ATTEMPTS_MAX: u32 = 5;

/// Such a change under way.
#[derive(Debug)]
pub(crate) struct WriteBackRun {
    /// For the statements that it consists of.
    make: MakeCarrying,
    understood: Rc<Understood>,
    /// The client's parameters.
    statement: CatalogStatement,
    formats: Formats,
    /// RowDescription goes in front of the rows (simple protocol).
    describe: bool,
    rows_max: u64,
    part: usize,
    stage: Stage,
    nested: Option<Box<Nested>>,
    /// DataRow messages of the query.
    spool: SendBuf,
    columns: Vec<CarriedColumn>,
    /// Where in `spool` the row stands that is next, and which of its statements is.
    position: usize,
    write: usize,
    /// Keys of rows that have been locked or written, and values of ON CONFLICT's key.
    seen: HashSet<Vec<u8>>,
    locked: HashSet<Vec<u8>>,
    locked_count: u64,
    attempts_count: u32,
    count: u64,
    /// What was stored, for the query that gives RETURNING.
    stored: HeldRows,
    returned: HeldRows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The part has not been begun.
    Next,
    LockAll,
    /// The query that tells which rows to lock.
    Look,
    LockEach,
    Query,
    Write,
    /// The query that gives RETURNING.
    Return,
    Done,
}

impl WriteBackRun {
    pub(crate) fn new(
        make: MakeCarrying,
        understood: Rc<Understood>,
        statement: CatalogStatement,
        formats: Formats,
        describe: bool,
    ) -> Self {
        Self {
            make,
            understood,
            statement,
            formats,
            describe,
            rows_max: 0,
            part: 0,
            stage: Stage::Next,
            nested: None,
            spool: SendBuf::new(),
            columns: Vec::new(),
            position: 0,
            write: 0,
            seen: HashSet::new(),
            locked: HashSet::new(),
            locked_count: 0,
            attempts_count: 0,
            count: 0,
            stored: HeldRows::default(),
            returned: HeldRows::default(),
        }
    }

    /// The tag without counts.
    pub(crate) fn command(&self) -> &str {
        &self.understood.translation.tag
    }

    /// Starts, or goes on with the rows of RETURNING, at most `rows_max` of them (0 = all).
    ///
    /// # Errors
    /// The statement's own.
    pub(crate) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome> {
        self.rows_max = rows_max;
        match self.stage {
            Stage::Done => Ok(self.answer(cx)),
            Stage::Next => {
                cx.shard.writes_back();
                self.go_on(None, cx)
            }
            _ => Err(PgError::error(SqlState::INTERNAL_ERROR, "a running portal was executed again")),
        }
    }

    /// # Errors
    /// The statement's own.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Some(mut nested) = self.nested.take() else { return Err(cx.shard.unwaited()) };
        let progress = nested.resume(event, &mut self.sink(cx));
        self.settle(nested, progress, cx)
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.nested.as_mut()?.take_result()
    }

    /// Rows sent so far, and whether these were all.
    pub(crate) fn rows_sent(&self) -> (u64, bool) {
        if self.stage == Stage::Done { self.returned.sent() } else { (0, false) }
    }

    fn plan(&self) -> Option<&WriteBack> {
        match &self.understood.translation.action {
            Action::WriteBack(plan) => Some(plan),
            _ => None,
        }
    }

    fn part(&self) -> Option<&WritePart> {
        self.plan()?.parts.get(self.part)
    }

    fn row_write(&self) -> Option<&RowWrite> {
        self.part()?.rows.get(self.write)
    }

    fn keys_count(&self) -> usize {
        self.plan().map_or(0, |plan| plan.keys_count)
    }

    /// Rows of a query are for this, those of RETURNING for the client.
    fn sink<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> Cx<'a> {
        match self.stage {
            Stage::Write if self.plan().is_some_and(|plan| plan.returning.is_some()) => {
                cx.spooled(&mut self.stored.spool)
            }
            Stage::Write | Stage::Return => cx.spooled(&mut self.returned.spool),
            _ => cx.spooled(&mut self.spool),
        }
    }

    /// `progress`: of the statement under way.
    fn settle(&mut self, nested: Box<Nested>, progress: Result<NestedProgress>, cx: &mut Cx<'_>) -> Result<Outcome> {
        match progress {
            Ok(NestedProgress::Wait(want)) => {
                self.nested = Some(nested);
                Ok(Outcome::Wait(want))
            }
            Ok(NestedProgress::Done(count)) => {
                self.columns_of(&nested);
                self.go_on(Some(count), cx)
            }
            Err(error) => {
                self.nested = Some(nested);
                Err(error)
            }
        }
    }

    fn columns_of(&mut self, nested: &Nested) {
        if matches!(self.stage, Stage::Look | Stage::Query) {
            self.columns = nested.columns().to_vec();
        }
    }

    /// `count`: of the rows that the statement before has changed, if there was one.
    fn go_on(&mut self, mut count: Option<u64>, cx: &mut Cx<'_>) -> Result<Outcome> {
        loop {
            if let Some(count) = count.take() {
                self.done(count)?;
            }
            let Some((sql, types, values, form)) = self.next()? else {
                self.stage = Stage::Done;
                if self.describe
                    && let Some(fields) = described_fields(self.understood.extra.described().as_deref(), &self.formats)?
                {
                    put_row_description(&fields, cx.out);
                }
                return Ok(self.answer(cx));
            };
            let (nested, progress) = Nested::start(&sql, types, values, form, self.make, &mut self.sink(cx))?;
            match progress {
                NestedProgress::Wait(want) => {
                    self.nested = Some(Box::new(nested));
                    return Ok(Outcome::Wait(want));
                }
                NestedProgress::Done(done) => {
                    self.columns_of(&nested);
                    count = Some(done);
                }
            }
        }
    }

    /// What the end of a statement means.
    fn done(&mut self, count: u64) -> Result<()> {
        match self.stage {
            Stage::LockAll => {
                self.locked_count = count;
                self.ask(Stage::Query);
            }
            Stage::Look => self.rewind(Stage::LockEach),
            Stage::LockEach => {
                if count > 0
                    && let Some(key) = self.row().map(|row| self.key(&row))
                {
                    self.locked.insert(key);
                }
                self.next_row();
            }
            Stage::Query => self.queried()?,
            Stage::Write => {
                self.count = self.count.saturating_add(count);
                self.stored.check()?;
                self.returned.check()?;
                self.next_write();
            }
            Stage::Return => self.stage = Stage::Done,
            Stage::Next | Stage::Done => {}
        }
        Ok(())
    }

    fn ask(&mut self, stage: Stage) {
        self.spool.clear();
        self.rewind(stage);
    }

    fn rewind(&mut self, stage: Stage) {
        self.stage = stage;
        self.position = 0;
        self.write = 0;
    }

    /// The rows have been read that are to be written.
    fn queried(&mut self) -> Result<()> {
        let rows_count = Messages::new(self.spool.as_slice()).filter(|(message, _)| message.tag == b'D').count();
        let is_all = matches!(self.plan().map(|plan| &plan.lock), Some(Lock::All(_)));
        // A row has become one to be changed since the others were locked.
        if is_all && u64::try_from(rows_count).unwrap_or(u64::MAX) > self.locked_count {
            self.attempts_count = self.attempts_count.saturating_add(1);
            if self.attempts_count >= ATTEMPTS_MAX {
                let message = "could not serialize access due to concurrent update";
                return Err(PgError::error(SqlState(*b"40001"), message).hint("Try again."));
            }
            self.ask(Stage::LockAll);
            return Ok(());
        }
        self.rewind(Stage::Write);
        Ok(())
    }

    /// The statement that is next.
    fn next(&mut self) -> Result<Option<Statement>> {
        let understood = Rc::clone(&self.understood);
        let Action::WriteBack(plan) = &understood.translation.action else { return Ok(None) };
        loop {
            let Some(part) = plan.parts.get(self.part) else {
                let Some(returning) = plan.returning.as_ref().filter(|_| self.stage == Stage::Next) else {
                    return Ok(None);
                };
                self.stage = Stage::Return;
                return self.returning(returning).map(Some);
            };
            let by_client = |sql: &str| {
                let CatalogStatement { parameter_types, values, .. } = &self.statement;
                Ok(Some((sql.to_owned(), parameter_types.clone(), values.clone(), RowForm::Carried)))
            };
            match (self.stage, &plan.lock) {
                (Stage::Next, Lock::All(_)) => self.ask(Stage::LockAll),
                (Stage::Next, Lock::Each(_)) => self.ask(Stage::Look),
                (Stage::Next, _) => self.ask(Stage::Query),
                (Stage::LockAll, Lock::All(sql)) => return by_client(sql),
                (Stage::Look | Stage::Query, _) => return by_client(&part.query),
                (Stage::LockEach, Lock::Each(sql)) => match self.row() {
                    Some(row) if !self.seen.insert(self.key(&row)) => self.next_row(),
                    Some(row) => {
                        let (types, values) = self.parameters(&row, 0..self.keys_count())?;
                        return Ok(Some((sql.clone(), types, values, RowForm::Carried)));
                    }
                    None => {
                        self.seen.clear();
                        // Without rows there is nothing to be read once more.
                        if self.locked.is_empty() { self.end_part() } else { self.ask(Stage::Query) }
                    }
                },
                (Stage::Write, lock) => {
                    let is_each = matches!(lock, Lock::Each(_));
                    let Some(row) = self.row() else {
                        self.end_part();
                        continue;
                    };
                    let Some(write) = self.row_write() else {
                        self.next_row();
                        continue;
                    };
                    let (sql, columns) = write.of(self.columns.len());
                    if self.keys_count() > 0 {
                        let key = self.key(&row);
                        // PostgreSQL changes a row once, whatever else it is joined with.
                        if is_each && !self.locked.contains(&key) || !self.seen.insert(key) {
                            self.next_write();
                            continue;
                        }
                    }
                    self.check_distinct(&row, columns.start)?;
                    let (types, values) = self.parameters(&row, columns)?;
                    let form = match &plan.returning {
                        Some(returning) => {
                            RowForm::CarriedAs(Formats::new(returning.columns.iter().map(|column| column.format)))
                        }
                        None => RowForm::Client(self.formats.clone()),
                    };
                    return Ok(Some((sql, types, values, form)));
                }
                (Stage::LockAll | Stage::LockEach | Stage::Return | Stage::Done, _) => return Ok(None),
            }
        }
    }

    /// The list of RETURNING over the rows that were stored.
    fn returning(&mut self, returning: &Returning) -> Result<Statement> {
        let mut columns: Vec<Elements> =
            std::iter::repeat_with(Elements::default).take(returning.columns.len()).collect();
        let stored = std::mem::take(&mut self.stored);
        let mut rows_count: usize = 0;
        for (row, _) in Messages::new(stored.spool.as_slice()).filter(|(message, _)| message.tag == b'D') {
            rows_count = rows_count.saturating_add(1);
            put_elements(row.body, &mut columns)?;
        }
        let mut sql = format!("SELECT {} FROM ", returning.list);
        put_rows(&returning.columns, 1, &mut sql);
        sql.push_str(" AS ");
        sql.push_str(&returning.name);
        let types = returning.columns.iter().map(|column| column.array).collect();
        let arrays = columns.into_iter().zip(&returning.columns);
        let values = arrays
            .map(|(elements, column)| (Format::Binary, Some(elements.into_array(column.element, rows_count).concat())));
        Ok((sql, types, values.collect(), RowForm::Client(self.formats.clone())))
    }

    fn end_part(&mut self) {
        self.part = self.part.saturating_add(1);
        self.stage = Stage::Next;
    }

    /// The cells of the present row, `None` for NULL.
    fn row(&self) -> Option<Vec<Option<Vec<u8>>>> {
        let rest = self.spool.as_slice().get(self.position..)?;
        let (message, _) = Messages::new(rest).next()?;
        let mut cells = message.body.get(2..)?;
        let mut row = Vec::with_capacity(self.columns.len());
        while let Some((length, rest)) = cells.split_first_chunk::<4>() {
            match usize::try_from(i32::from_be_bytes(*length)) {
                Ok(length) => {
                    let (cell, rest) = rest.split_at_checked(length)?;
                    row.push(Some(cell.to_vec()));
                    cells = rest;
                }
                Err(_) => {
                    row.push(None);
                    cells = rest;
                }
            }
        }
        Some(row)
    }

    fn next_row(&mut self) {
        let rest = self.spool.as_slice().get(self.position..).unwrap_or_default();
        let mut messages = Messages::new(rest);
        let _ = messages.next();
        let length = rest.len().saturating_sub(messages.rest().len());
        // Whatever is there that is no message ends the rows.
        self.position = if length == 0 { self.spool.len() } else { self.position.saturating_add(length) };
        self.write = 0;
    }

    fn next_write(&mut self) {
        self.write = self.write.saturating_add(1);
        if self.row_write().is_none() {
            self.next_row();
        }
    }

    fn key(&self, row: &[Option<Vec<u8>>]) -> Vec<u8> {
        joined(row.iter().take(self.keys_count()))
    }

    /// # Errors
    /// 21000 when a row before has the same key of ON CONFLICT DO UPDATE.
    fn check_distinct(&mut self, row: &[Option<Vec<u8>>], first: usize) -> Result<()> {
        let Some(plan) = self.plan().filter(|plan| !plan.distinct.is_empty()) else { return Ok(()) };
        let cells: Option<Vec<&Option<Vec<u8>>>> =
            plan.distinct.iter().map(|at| row.get(first.saturating_add(*at)).filter(|cell| cell.is_some())).collect();
        // A key with a NULL conflicts with nothing.
        let Some(cells) = cells else { return Ok(()) };
        let key = joined(cells.into_iter());
        if self.seen.insert(key) { Ok(()) } else { Err(second_time()) }
    }

    fn parameters(
        &self,
        row: &[Option<Vec<u8>>],
        columns: std::ops::Range<usize>,
    ) -> Result<(Vec<Oid>, Vec<BoundValue>)> {
        let cells = row.get(columns.clone()).zip(self.columns.get(columns));
        let Some((cells, columns)) = cells else {
            return Err(PgError::error(
                SqlState::INTERNAL_ERROR,
                "a row to be written has other columns than expected",
            ));
        };
        let types = columns.iter().map(|column| column.oid).collect();
        let values = columns.iter().zip(cells).map(|(column, cell)| (column.format, cell.clone())).collect();
        Ok((types, values))
    }

    fn answer(&mut self, cx: &mut Cx<'_>) -> Outcome {
        if self.returned.send(self.rows_max, cx.out) {
            return Outcome::Suspended;
        }
        let tag = Rc::clone(&self.understood.tag);
        let returns = self.understood.extra.described().is_some_and(|described| described.columns.is_some());
        let count = if returns { self.returned.last_count() } else { self.count };
        Outcome::Complete(CommandTag::counted(tag, count))
    }
}

/// Cells that are the same bytes when all of them are.
fn joined<'a>(cells: impl Iterator<Item = &'a Option<Vec<u8>>>) -> Vec<u8> {
    let mut all = Vec::new();
    for cell in cells {
        let length = cell.as_ref().map_or(-1, |cell| i64::try_from(cell.len()).unwrap_or(i64::MAX));
        all.extend_from_slice(&length.to_be_bytes());
        all.extend_from_slice(cell.as_deref().unwrap_or_default());
    }
    all
}
