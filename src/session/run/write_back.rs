//! A change of rows that IRIS cannot compute: a query gives the rows, and each is stored by a statement of its own. All of
//! it runs in one transaction.
//!
//! Rows to be changed are locked in front of the reading that counts, as PostgreSQL locks a row before it looks at it for
//! the last time: nobody changes them between the reading and the writing.

use std::collections::HashSet;
use std::rc::Rc;

use crate::catalog::BoundValue;
use crate::iris::Request;
use crate::sql::{Action, FetchedColumn, Lock, Repeats, Returning, RowWrite, WriteBack, WritePart};
use crate::types::Oid;
use crate::wire::{Messages, PgError, SendBuf, SqlState};

use super::apart::{Apart, check_spool};
use super::held_rows::HeldRows;
use super::nested::{CarriedColumn, Nested, NestedProgress, OwnStatement, RowForm};
use super::outcome::Outcome;
use super::upsert_keys::second_time;
use crate::session::contract::step::Event;
use crate::session::understand::context::Cx;
use crate::session::understand::rows::Formats;
use deferred::{Deferred, Turn};
use row::{Row, cells, check_fits, check_rules, chosen, joined, merged_twice, overtaken, with_key};

mod deferred;
mod returning;
pub(super) mod row;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// How often rows are locked and read when each time others have come between the two.
const ATTEMPTS_MAX: u32 = 5;

/// What is told where its rows take too much memory.
const SPOOL: [&str; 3] = [
    "the change",
    "IRIS cannot compute this change as a whole: the rows to be written are read first.",
    "Change fewer rows at once",
];

/// Such a change under way.
#[derive(Debug)]
pub(crate) struct WriteBackRun {
    whole: Apart,
    part: usize,
    stage: Stage,
    nested: Option<Box<Nested>>,
    /// The result that it has left open.
    open: Option<Request>,
    /// DataRow messages of the query.
    spool: SendBuf,
    columns: Vec<CarriedColumn>,
    /// The last of them, where they are what is returned.
    returned_columns: Vec<FetchedColumn>,
    /// Where in `spool` the row stands that is next, and which of its statements is.
    position: usize,
    write: usize,
    /// That row, once it has been looked at.
    present: Option<Rc<Row>>,
    /// Keys of rows that have been locked or written, and values of ON CONFLICT's key.
    seen: HashSet<Vec<u8>>,
    locked: HashSet<Vec<u8>>,
    locked_count: u64,
    attempts_count: u32,
    count: u64,
    deferred: Deferred,
    /// Where the rows begin that the statement under way gives.
    given_from: usize,
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
    /// References are taken away from rows that are in each other's way.
    Loosen,
    /// The query that gives RETURNING.
    Return,
    Done,
}

impl WriteBackRun {
    pub(crate) fn new(whole: Apart) -> Self {
        Self {
            whole,
            part: 0,
            stage: Stage::Next,
            nested: None,
            open: None,
            spool: SendBuf::new(),
            columns: Vec::new(),
            returned_columns: Vec::new(),
            position: 0,
            write: 0,
            present: None,
            seen: HashSet::new(),
            locked: HashSet::new(),
            locked_count: 0,
            attempts_count: 0,
            count: 0,
            deferred: Deferred::default(),
            given_from: 0,
            stored: HeldRows::default(),
            returned: HeldRows::default(),
        }
    }

    /// Starts, or goes on with the rows of RETURNING, at most `rows_max` of them (0 = all).
    ///
    /// # Errors
    /// The statement's own.
    pub(crate) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome> {
        self.whole.rows_max = rows_max;
        match self.stage {
            Stage::Done => Ok(self.answer(cx)),
            Stage::Next => {
                cx.client.settings.check_writable(&self.whole.understood.translation.tag)?;
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
        let progress = progress.and_then(|progress| check_spool(&self.spool, SPOOL, cx).map(|()| progress));
        self.settle(nested, progress, cx)
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.open.take().or_else(|| self.nested.as_mut()?.take_result())
    }

    /// Rows sent so far, and whether these were all.
    pub(crate) fn rows_sent(&self) -> (u64, bool) {
        if self.stage == Stage::Done { self.returned.sent() } else { (0, false) }
    }

    fn plan(&self) -> Option<&WriteBack> {
        match &self.whole.understood.translation.action {
            Action::WriteBack(plan) => Some(plan),
            _ => None,
        }
    }

    fn part(&self) -> Option<&WritePart> {
        self.plan()?.parts.get(self.part)
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
    fn settle(
        &mut self,
        mut nested: Box<Nested>,
        progress: Result<NestedProgress>,
        cx: &mut Cx<'_>,
    ) -> Result<Outcome> {
        match progress {
            Ok(NestedProgress::Wait(want)) => {
                self.nested = Some(nested);
                Ok(Outcome::Wait(want))
            }
            Ok(NestedProgress::Done(count)) => {
                self.columns_of(&mut nested);
                self.go_on(Some(count), cx)
            }
            Err(error) => match self.put_aside(&mut nested, error) {
                Ok(()) => self.go_on(None, cx),
                Err(error) => Err(self.with_key(error)),
            },
        }
    }

    /// A row that may be changed when others are is put aside.
    ///
    /// # Errors
    /// What is wrong with the statement, where that is for good.
    fn put_aside(&mut self, nested: &mut Nested, error: Box<PgError>) -> Result<()> {
        let is_deferred = self.stage == Stage::Write && self.plan().is_some_and(|plan| plan.deferral.is_some());
        let is_for_later = is_deferred && Deferred::is_for_later(&error);
        self.open = nested.take_result();
        if !is_for_later || self.open.is_some() {
            return Err(error);
        }
        self.deferred.put_aside((self.position, self.write), error);
        let from = self.given_from;
        self.given().truncate(from);
        self.next_write();
        Ok(())
    }

    /// What is wrong with the statement for a row.
    fn with_key(&mut self, error: Box<PgError>) -> Box<PgError> {
        let row = self.row();
        let guard = self.part().and_then(|part| part.guard.as_ref()).filter(|_| self.stage == Stage::Write);
        match (guard, row) {
            (Some(guard), Some(row)) => with_key(error, guard, &row),
            _ => error,
        }
    }

    fn columns_of(&mut self, nested: &mut Nested) {
        if matches!(self.stage, Stage::Look | Stage::Query) {
            self.columns = nested.columns().to_vec();
            self.returned_columns = nested.take_fetched();
            self.columns.truncate(self.columns.len().saturating_sub(self.returned_columns.len()));
        }
    }

    /// `count`: of the rows that the statement before has changed, if there was one.
    fn go_on(&mut self, mut count: Option<u64>, cx: &mut Cx<'_>) -> Result<Outcome> {
        loop {
            if let Some(count) = count.take() {
                self.done(count)?;
            }
            let Some(statement) = self.next(cx)? else {
                self.stage = Stage::Done;
                self.whole.put_description(cx.out)?;
                return Ok(self.answer(cx));
            };
            let started = Nested::start(statement, self.whole.make, &mut self.sink(cx));
            let (mut nested, progress) = started.map_err(|error| self.with_key(error))?;
            match progress {
                NestedProgress::Wait(want) => {
                    self.nested = Some(Box::new(nested));
                    return Ok(Outcome::Wait(want));
                }
                NestedProgress::Done(done) => {
                    self.columns_of(&mut nested);
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
                    && let Some(key) = self.row().and_then(|row| self.key(&row))
                {
                    self.locked.insert(key);
                }
                self.next_row();
            }
            Stage::Query => self.queried()?,
            Stage::Write => {
                let write = self.part().and_then(|part| part.rows.get(self.write));
                if count == 0 && write.is_some_and(RowWrite::is_new) {
                    return Err(overtaken());
                }
                let deferral = self.plan().and_then(|plan| plan.deferral.as_ref());
                let (is_deferred, deletes) = (deferral.is_some(), deferral.is_some_and(|deferral| deferral.deletes));
                // It was locked, and is gone with a row that it refers to.
                let count = if deletes { count.max(1) } else { count };
                self.count = self.count.saturating_add(count);
                if count > 0 && self.plan().is_some_and(|plan| plan.returning == Some(Returning::Queried)) {
                    self.give()?;
                }
                if is_deferred {
                    let given = self.given_from..self.given().len();
                    self.deferred.changed((self.position, self.write), given);
                }
                self.stored.check()?;
                self.returned.check()?;
                self.next_write();
            }
            Stage::Loosen => self.next_loosened(),
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
        self.present = None;
    }

    /// The rows have been read that are to be written.
    fn queried(&mut self) -> Result<()> {
        let understood = Rc::clone(&self.whole.understood);
        let Action::WriteBack(plan) = &understood.translation.action else { return Ok(()) };
        // A row has become one to be changed since the others were locked.
        let (has_more, again) = match (&plan.lock, &plan.repeats) {
            (Lock::All(_), _) => {
                let rows_count =
                    Messages::new(self.spool.as_slice()).filter(|(message, _)| message.tag == b'D').count();
                (u64::try_from(rows_count).unwrap_or(u64::MAX) > self.locked_count, Stage::LockAll)
            }
            // Those that are not locked are left as they are.
            (Lock::None, _) | (Lock::Each(_), Repeats::First) => (false, Stage::Write),
            (Lock::Each(_), _) => (self.finds_unlocked(), Stage::Look),
        };
        if !has_more {
            self.rewind(Stage::Write);
            return Ok(());
        }
        self.attempts_count = self.attempts_count.saturating_add(1);
        if self.attempts_count >= ATTEMPTS_MAX {
            return Err(overtaken());
        }
        self.ask(again);
        Ok(())
    }

    /// Whether the query gives a row of the table that has not been locked.
    fn finds_unlocked(&mut self) -> bool {
        self.rewind(Stage::Query);
        while let Some(row) = self.row() {
            if self.key(&row).is_some_and(|key| !self.locked.contains(&key)) {
                return true;
            }
            self.next_row();
        }
        false
    }

    /// The statement that is next.
    fn next(&mut self, cx: &Cx<'_>) -> Result<Option<OwnStatement>> {
        let understood = Rc::clone(&self.whole.understood);
        let Action::WriteBack(plan) = &understood.translation.action else { return Ok(None) };
        loop {
            let Some(part) = plan.parts.get(self.part) else {
                let Some(returning) = plan.returning.as_ref().filter(|_| self.stage == Stage::Next) else {
                    return Ok(None);
                };
                self.stage = Stage::Return;
                return self.returning(returning).map(Some);
            };
            let stores = part.guard.is_some() || plan.deferral.is_some() || plan.draws;
            let by_client = |sql: &str, stores, form| {
                let own = self.whole.part(sql.to_owned(), form);
                Ok(Some(OwnStatement { stores, ..own }))
            };
            let form = || match plan.returning {
                Some(Returning::Queried) => RowForm::CarriedThenFetched(self.whole.columns_count().unwrap_or_default()),
                _ => RowForm::Carried,
            };
            match (self.stage, &plan.lock) {
                (Stage::Next, Lock::All(_)) => self.ask(Stage::LockAll),
                (Stage::Next, Lock::Each(_)) => self.ask(Stage::Look),
                (Stage::Next, _) => self.ask(Stage::Query),
                (Stage::LockAll, Lock::All(sql)) => return by_client(sql, stores, RowForm::Carried),
                (Stage::Look | Stage::Query, _) => return by_client(&part.query, false, form()),
                (Stage::LockEach, Lock::Each(sql)) => match self.row() {
                    Some(row) if self.key(&row).is_none_or(|key| !self.seen.insert(key)) => self.next_row(),
                    Some(row) => {
                        let keys: Vec<usize> = (0..plan.keys_count).collect();
                        let (types, values) = self.parameters(&row, &keys)?;
                        let own = OwnStatement::new(sql.clone(), types, values, RowForm::Carried);
                        return Ok(Some(OwnStatement { stores, ..own }));
                    }
                    None => {
                        self.seen.clear();
                        // Without rows to be changed there is nothing to be read once more.
                        match self.locked.is_empty() {
                            true => self.rewind(Stage::Write),
                            false => self.ask(Stage::Query),
                        }
                    }
                },
                (Stage::Write, lock) => {
                    let is_each = matches!(lock, Lock::Each(_));
                    let Some(row) = self.row() else {
                        match self.deferred.turn(plan.deferral.as_ref().is_some_and(|own| own.loosen.is_some()))? {
                            Turn::Over => self.end_part(),
                            Turn::Again => self.next_row(),
                            Turn::Loosen => {
                                self.stage = Stage::Loosen;
                                self.next_loosened();
                            }
                        }
                        continue;
                    };
                    let chosen = part.choice.map(|at| chosen(&row, at));
                    if let (Some(chosen), 0) = (chosen, self.write) {
                        self.write = chosen.checked_sub(1).unwrap_or(part.rows.len());
                    }
                    let key = self.key(&row);
                    check_fits(&plan.fits, &row, cx)?;
                    let Some(write) = part.rows.get(self.write) else {
                        self.next_row();
                        continue;
                    };
                    let (sql, columns) = write.of(self.columns.len());
                    if is_each && key.as_ref().is_some_and(|key| !self.locked.contains(key)) {
                        self.next_row();
                        continue;
                    }
                    match &plan.repeats {
                        _ if self.deferred.is_again() => {}
                        // PostgreSQL changes a row once, whatever else it is joined with.
                        Repeats::First => {
                            if key.is_some_and(|key| !self.seen.insert(key)) {
                                self.next_row();
                                continue;
                            }
                        }
                        Repeats::Merge => {
                            if key.is_some_and(|key| !self.seen.insert(key)) {
                                return Err(merged_twice());
                            }
                        }
                        Repeats::Upsert { columns: distinct } => {
                            let places: Vec<usize> =
                                distinct.iter().filter_map(|at| columns.get(*at)).copied().collect();
                            self.check_distinct(&row, &places)?;
                        }
                        excluded @ Repeats::Excluded { .. } => self.check_excluded(excluded, key, &row)?,
                    }
                    if let Some(guard) = &part.guard {
                        check_rules(guard, &row)?;
                    }
                    let (types, values) = self.parameters(&row, &columns)?;
                    let form = match &plan.returning {
                        Some(Returning::Stored { columns, .. }) => {
                            RowForm::CarriedAs(Formats::new(columns.iter().map(|column| column.format)))
                        }
                        Some(Returning::Queried) => RowForm::Carried,
                        None => RowForm::Client(self.whole.formats.clone()),
                    };
                    self.given_from = self.given().len();
                    let asked = write.asked().map(|(sql, count)| (sql.to_owned(), count));
                    let own = OwnStatement::new(sql, types, values, form);
                    return Ok(Some(OwnStatement { asked, stores, ..own }));
                }
                (Stage::Loosen, _) => {
                    let loosen = plan.deferral.as_ref().and_then(|deferral| deferral.loosen.clone());
                    let (Some(row), Some(sql)) = (self.row(), loosen) else {
                        self.stage = Stage::Write;
                        self.next_row();
                        continue;
                    };
                    let (types, values) = self.parameters(&row, &(0..plan.keys_count).collect::<Vec<_>>())?;
                    let own = OwnStatement::new(sql, types, values, RowForm::Carried);
                    return Ok(Some(OwnStatement { stores: true, ..own }));
                }
                (Stage::LockAll | Stage::LockEach | Stage::Return | Stage::Done, _) => return Ok(None),
            }
        }
    }

    fn end_part(&mut self) {
        let mut deferred = std::mem::take(&mut self.deferred);
        deferred.put_in_order(self.given());
        self.part = self.part.saturating_add(1);
        self.stage = Stage::Next;
    }

    /// The cells of the present row.
    fn row(&mut self) -> Option<Rc<Row>> {
        if self.present.is_none() {
            let rest = self.spool.as_slice().get(self.position..)?;
            let (message, _) = Messages::new(rest).next()?;
            self.present = cells(message.body).map(Rc::new);
        }
        self.present.clone()
    }

    fn next_loosened(&mut self) {
        let next = self.deferred.next_loosened();
        self.go_to(next);
    }

    /// Where there is none, the rows are at their end.
    fn go_to(&mut self, place: Option<deferred::Place>) {
        (self.position, self.write) = place.unwrap_or((self.spool.len(), 0));
        self.present = None;
    }

    fn next_row(&mut self) {
        if self.deferred.is_again() {
            let next = self.deferred.next();
            return self.go_to(next);
        }
        let rest = self.spool.as_slice().get(self.position..).unwrap_or_default();
        let mut messages = Messages::new(rest);
        let _ = messages.next();
        let length = rest.len().saturating_sub(messages.rest().len());
        // Whatever is there that is no message ends the rows.
        self.position = if length == 0 { self.spool.len() } else { self.position.saturating_add(length) };
        self.write = 0;
        self.present = None;
    }

    fn next_write(&mut self) {
        let part = self.part();
        let is_chosen = part.is_none_or(|part| part.choice.is_some());
        let next = self.write.saturating_add(1);
        if is_chosen || self.deferred.is_again() || part.is_none_or(|part| part.rows.len() <= next) {
            self.next_row();
        } else {
            self.write = next;
        }
    }

    /// What tells a row of the table from others; `None` for a new one.
    fn key(&self, row: &Row) -> Option<Vec<u8>> {
        let count = self.keys_count();
        (row.first().is_some_and(Option::is_some) && count > 0).then(|| joined(row.iter().take(count)))
    }

    /// # Errors
    /// 21000 when a row before has the same key of ON CONFLICT DO UPDATE.
    fn check_distinct(&mut self, row: &Row, places: &[usize]) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let cells: Option<Vec<&Option<Vec<u8>>>> =
            places.iter().map(|at| row.get(*at).filter(|cell| cell.is_some())).collect();
        // A key with a NULL conflicts with nothing.
        let Some(cells) = cells else { return Ok(()) };
        let key = joined(cells.into_iter());
        if self.seen.insert(key) { Ok(()) } else { Err(second_time()) }
    }

    /// The same for what EXCLUDED has.
    fn check_excluded(&mut self, repeats: &Repeats, key: Option<Vec<u8>>, row: &Row) -> Result<()> {
        let Repeats::Excluded { columns } = repeats else { return Ok(()) };
        // Keys are in front, and tell as much.
        match key {
            Some(mut key) => {
                key.push(0);
                if self.seen.insert(key) { Ok(()) } else { Err(second_time()) }
            }
            None => self.check_distinct(row, &columns.clone().collect::<Vec<usize>>()),
        }
    }

    fn parameters(&self, row: &Row, columns: &[usize]) -> Result<(Vec<Oid>, Vec<BoundValue>)> {
        let cells = columns.iter().map(|at| self.columns.get(*at).zip(row.get(*at)));
        let Some(cells) = cells.collect::<Option<Vec<_>>>() else {
            return Err(PgError::error(
                SqlState::INTERNAL_ERROR,
                "a row to be written has other columns than expected",
            ));
        };
        let types = cells.iter().map(|(column, _)| column.oid).collect();
        let values = cells.into_iter().map(|(column, cell)| (column.format, cell.clone())).collect();
        Ok((types, values))
    }

    fn answer(&mut self, cx: &mut Cx<'_>) -> Outcome {
        self.whole.answer(&mut self.returned, self.count, cx.out)
    }
}
