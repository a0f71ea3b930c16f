//! Changes in WITH, and sub-queries that lock rows: each is a statement of its own that comes first, in one transaction, and the
//! client's statement is run over the rows that they gave.

use std::rc::Rc;

use crate::iris::Request;
use crate::sql::{Action, FetchedColumn, Staged, StagedPiece};
use crate::wire::{Format, Messages, PgError, SqlState};

use super::apart::Apart;
use super::arrays::{Elements, put_elements, put_rows};
use super::held_rows::HeldRows;
use super::nested::{Nested, NestedProgress, OwnStatement, RowForm};
use super::outcome::Outcome;
use crate::session::contract::step::Event;
use crate::session::understand::context::Cx;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Such a statement under way.
#[derive(Debug)]
pub(crate) struct StagedRun {
    whole: Apart,
    nested: Option<Box<Nested>>,
    /// What the stages have given.
    given: Vec<Given>,
    /// Of the statement that runs.
    rows: HeldRows,
    /// Rows that the client's statement has changed, once it is done.
    count: Option<u64>,
}

/// The rows of a stage.
#[derive(Debug)]
struct Given {
    columns: Vec<FetchedColumn>,
    arrays: Vec<Vec<u8>>,
}

impl StagedRun {
    pub(crate) fn new(whole: Apart) -> Self {
        Self { whole, nested: None, given: Vec::new(), rows: HeldRows::default(), count: None }
    }

    /// Starts, or goes on with its rows, at most `rows_max` of them (0 = all).
    ///
    /// # Errors
    /// The statement's own; 25006 in a read-only transaction.
    pub(crate) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome> {
        self.whole.rows_max = rows_max;
        if self.count.is_some() {
            return Ok(self.answer(cx));
        }
        // What the parts are is told by the statements that they are.
        self.go_on(None, cx)
    }

    /// # Errors
    /// The statement's own.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Some(mut nested) = self.nested.take() else { return Err(cx.shard.unwaited()) };
        let progress = nested.resume(event, &mut cx.spooled(&mut self.rows.spool));
        let progress = progress.and_then(|progress| self.rows.check().map(|()| progress));
        match progress {
            Ok(NestedProgress::Wait(want)) => {
                self.nested = Some(nested);
                Ok(Outcome::Wait(want))
            }
            Ok(NestedProgress::Done(count)) => self.go_on(Some((*nested, count)), cx),
            Err(error) => {
                self.nested = Some(nested);
                Err(self.told(error))
            }
        }
    }

    /// A sub-query that does not know a column, or its table, reads one of the query outside: PostgreSQL has described the
    /// whole.
    fn told(&self, error: Box<PgError>) -> Box<PgError> {
        let locks = match self.whole.action() {
            Action::Staged(plan) => plan.stages.get(self.given.len()).is_some_and(|stage| stage.locks),
            _ => false,
        };
        if !locks || !matches!(&error.code.0, b"42P01" | b"42703") {
            return error;
        }
        PgError::unsupported("FOR UPDATE in a sub-query that reads columns of the query outside is not supported")
            .hint("Lock the rows by a SELECT of its own in the transaction.")
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.nested.as_mut()?.take_result()
    }

    /// Rows sent so far, and whether these were all.
    pub(crate) fn rows_sent(&self) -> (u64, bool) {
        if self.count.is_some() { self.rows.sent() } else { (0, false) }
    }

    /// `done`: the statement before, and the rows that it has changed.
    fn go_on(&mut self, mut done: Option<(Nested, u64)>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let understood = Rc::clone(&self.whole.understood);
        let Action::Staged(plan) = &understood.translation.action else { return Err(cx.shard.unwaited()) };
        loop {
            if let Some((nested, count)) = done.take() {
                if self.given.len() < plan.stages.len() {
                    let given = self.take_rows(nested)?;
                    self.given.push(given);
                } else {
                    self.count = Some(count);
                    self.whole.put_description(cx.out)?;
                    return Ok(self.answer(cx));
                }
            }
            let started = Nested::start(self.next(plan)?, self.whole.make, &mut cx.spooled(&mut self.rows.spool));
            let (nested, progress) = started.map_err(|error| self.told(error))?;
            match progress {
                NestedProgress::Wait(want) => {
                    self.nested = Some(Box::new(nested));
                    return Ok(Outcome::Wait(want));
                }
                NestedProgress::Done(count) => done = Some((nested, count)),
            }
        }
    }

    /// The rows that a stage has given.
    fn take_rows(&mut self, mut nested: Nested) -> Result<Given> {
        let columns = nested.take_fetched();
        let held = std::mem::take(&mut self.rows);
        let mut elements: Vec<Elements> = std::iter::repeat_with(Elements::default).take(columns.len()).collect();
        let mut rows_count: usize = 0;
        for (row, _) in Messages::new(held.spool.as_slice()).filter(|(message, _)| message.tag == b'D') {
            rows_count = rows_count.saturating_add(1);
            put_elements(row.body, &mut elements)?;
        }
        let arrays = elements.into_iter().zip(&columns);
        let arrays =
            arrays.map(|(elements, column)| elements.into_array(column.element, rows_count).concat()).collect();
        Ok(Given { columns, arrays })
    }

    /// The statement that is next.
    fn next(&self, plan: &Staged) -> Result<OwnStatement> {
        let stage = plan.stages.get(self.given.len());
        let form = if stage.is_some() { RowForm::Fetched } else { RowForm::Client(self.whole.formats.clone()) };
        let mut own = self.whole.part(String::new(), form);
        let OwnStatement { sql, parameter_types: types, values, .. } = &mut own;
        for piece in stage.map_or(&plan.last, |stage| &stage.text) {
            match piece {
                StagedPiece::Text(text) => sql.push_str(text),
                StagedPiece::Rows(n) => {
                    let given = self.given.get(*n).ok_or_else(|| {
                        PgError::error(SqlState::INTERNAL_ERROR, "a part of a statement is read before it has run")
                    })?;
                    if given.columns.is_empty() {
                        sql.push_str("SELECT 1 WHERE false");
                        continue;
                    }
                    sql.push_str("SELECT * FROM ");
                    put_rows(&given.columns, types.len().saturating_add(1), sql);
                    sql.push_str(" AS pgw_stage");
                    types.extend(given.columns.iter().map(|column| column.array));
                    values.extend(given.arrays.iter().map(|array| (Format::Binary, Some(array.clone()))));
                }
            }
        }
        Ok(own)
    }

    fn answer(&mut self, cx: &mut Cx<'_>) -> Outcome {
        self.whole.answer(&mut self.rows, self.count.unwrap_or_default(), cx.out)
    }
}
