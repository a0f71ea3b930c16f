//! A column that is added to a table with rows: each of them gets a value of the column's sequence.

use std::rc::Rc;

use crate::iris::{IrisStatement, ItemReader, ParameterKind, Reply, Request, put_int};
use crate::sql::Fill;
use crate::wire::{PgError, SqlState};

use super::sequence_call::SequenceCall;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::Cx;
use crate::session::understand::rules::{refused, unexpected};

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Rows of one request.
const ROWS_MAX: usize = 500;

/// Such a column under way.
#[derive(Debug)]
pub(super) struct Filling {
    fill: Fill,
    ids: Vec<i64>,
    values: Vec<i64>,
    written: usize,
    /// Of the statements behind.
    done: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Look(Rc<IrisStatement>),
    Draw(SequenceCall),
    Write(Rc<IrisStatement>),
    Then,
}

impl Filling {
    pub(super) fn start(fill: Fill, cx: &mut Cx<'_>) -> (Self, Want) {
        let select = statement(&fill.select, 0, true, cx);
        let want = submit(&select, Vec::new(), 0, 1, cx);
        (Self { fill, ids: Vec::new(), values: Vec::new(), written: 0, done: 0, stage: Stage::Look(select) }, want)
    }

    /// # Errors
    /// Those of IRIS and of the sequence; the column is there, and may lack values.
    pub(super) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Progress<()>> {
        match (&mut self.stage, event) {
            (Stage::Draw(call), event @ (Event::Sequence(_) | Event::Oracle(_) | Event::Mirrored(_))) => {
                match call.resume(event, cx)? {
                    Progress::Wait(want) => Ok(Progress::Wait(want)),
                    Progress::Ready(values) => {
                        self.values = values;
                        let update = statement(&self.fill.update, 2, false, cx);
                        self.stage = Stage::Write(update);
                        self.write(cx)
                    }
                }
            }
            (_, Event::Iris(Reply::Failed { error, .. })) => Err(refused(&error, cx.shard)),
            (_, Event::Lost(error)) => Err(error),
            (Stage::Look(select), Event::Iris(Reply::Page { rows, end, .. })) => {
                let mut reader = ItemReader::new(rows);
                while !reader.is_empty() {
                    let item = reader.need("row id").map_err(|error| {
                        PgError::error(SqlState::INTERNAL_ERROR, format!("IRIS sent rows that cannot be read: {error}"))
                    })?;
                    let id = item.to_text().and_then(|text| text.trim().parse().ok());
                    self.ids.push(id.ok_or_else(|| PgError::unsupported("a row id of IRIS that is no number"))?);
                }
                if !end {
                    let statement = Rc::clone(select);
                    return Ok(Progress::Wait(Want::Submit(Request::Fetch { statement })));
                }
                if self.ids.is_empty() {
                    self.stage = Stage::Then;
                    return Ok(self.then(cx));
                }
                let mut call = SequenceCall::draw(&self.fill.sequence, self.ids.len());
                let progress = call.start(cx)?;
                self.stage = Stage::Draw(call);
                match progress {
                    Progress::Wait(want) => Ok(Progress::Wait(want)),
                    Progress::Ready(_) => Err(cx.shard.unwaited()),
                }
            }
            (Stage::Write(_), Event::Iris(Reply::Updated { .. })) => self.write(cx),
            (Stage::Then, Event::Iris(Reply::Updated { .. } | Reply::Done)) => Ok(self.then(cx)),
            (_, Event::Iris(reply)) => Err(unexpected(&reply)),
            _ => Err(cx.shard.unwaited()),
        }
    }

    fn write(&mut self, cx: &mut Cx<'_>) -> Result<Progress<()>> {
        let Stage::Write(update) = &self.stage else { return Err(cx.shard.unwaited()) };
        let update = Rc::clone(update);
        let mut values = cx.shard.buffer();
        let mut sets = 0_usize;
        for (id, value) in self.ids.iter().zip(&self.values).skip(self.written).take(ROWS_MAX) {
            put_int(&mut values, *value);
            put_int(&mut values, *id);
            sets = sets.saturating_add(1);
        }
        if sets == 0 {
            self.stage = Stage::Then;
            return Ok(self.then(cx));
        }
        self.written = self.written.saturating_add(sets);
        Ok(Progress::Wait(submit(&update, values, 2, sets, cx)))
    }

    fn then(&mut self, cx: &mut Cx<'_>) -> Progress<()> {
        let Some(text) = self.fill.then.get(self.done) else {
            cx.shard.schema_changed();
            return Progress::Ready(());
        };
        self.done = self.done.saturating_add(1);
        let then = statement(text, 0, false, cx);
        Progress::Wait(submit(&then, Vec::new(), 0, 1, cx))
    }
}

fn statement(text: &str, parameters_count: usize, is_query: bool, cx: &Cx<'_>) -> Rc<IrisStatement> {
    let kinds = vec![ParameterKind::User; parameters_count];
    Rc::new(IrisStatement { key: cx.shard.next_statement_key(), text: text.to_owned(), kinds, is_query })
}

fn submit(statement: &Rc<IrisStatement>, values: Vec<u8>, values_per_set: usize, sets: usize, cx: &mut Cx<'_>) -> Want {
    let in_transaction = cx.client.transaction.wants_transaction();
    if in_transaction {
        cx.client.transaction.mark_iris_open();
    }
    let statement = Rc::clone(statement);
    Want::Submit(Request::Execute { statement, values, values_per_set, sets, rows_max: 0, in_transaction })
}
