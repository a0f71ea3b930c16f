//! Taking definitions back: statements in PostgreSQL's SQL, from the last definition to the first. Whether IRIS keeps
//! definitions through a rollback of its own does not matter: what is not there any more need not be dropped.

use std::rc::Rc;

use crate::catalog::{Execution, MirrorChange, SequenceRequest, execute};
use crate::iris::{IrisStatement, Reply, Request};
use crate::sql::CatalogQuery;
use crate::wire::{PgError, Severity, SqlState};

use super::nested::{MakeCarrying, Nested, NestedProgress, OwnStatement, RowForm};
use crate::session::client::definitions::{Undo, UndoHow};
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::Cx;
use crate::session::understand::prelude::prelude;
use crate::session::understand::question::Question;
use crate::session::understand::rows::Formats;

/// Errors that say that there is nothing to undo: duplicate and undefined objects.
const NOTHING_TO_UNDO: [&[u8; 5]; 8] = [b"42710", b"42P07", b"42701", b"42P06", b"42704", b"42P01", b"42703", b"3F000"];

/// What the session's client has to have undone, as it is undone.
#[derive(Debug)]
pub(crate) struct Undoing {
    make: MakeCarrying,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Next,
    /// Whether a name is still that of what is to be dropped.
    Witness(Undo),
    /// Whether what a change makes was there before.
    Probe(Undo, Lookup),
    Query(Lookup),
    /// A statement, and its text.
    Run(Box<Nested>, String),
    /// Whether its errors are told.
    Mirror {
        is_heard: bool,
    },
    Sequence(SequenceRequest),
}

impl Undoing {
    pub(crate) fn new(make: MakeCarrying) -> Self {
        Self { make, stage: Stage::Next }
    }

    /// `None`: all is undone, as far as it can be.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Option<Want> {
        cx.settling(|cx| self.next(cx))
    }

    /// As [`start`](Self::start).
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Option<Want> {
        cx.settling(|cx| self.on_event(event, cx))
    }

    fn on_event(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Option<Want> {
        match std::mem::replace(&mut self.stage, Stage::Next) {
            Stage::Next => None,
            Stage::Witness(undo) => {
                let instead = match (event, undo.how) {
                    (Event::Iris(Reply::Failed { .. }), UndoHow::Statement(sql)) => {
                        UndoHow::Mirror(MirrorChange::own(vec![sql], &[]))
                    }
                    (_, how) => how,
                };
                cx.client.definitions.done([Undo::new(instead, None)]);
                self.next(cx)
            }
            Stage::Mirror { is_heard } => {
                cx.client.definitions.done([]);
                if let (Event::Mirrored(Err(error)), true) = (event, is_heard) {
                    failed(&error, cx);
                }
                cx.shard.schema_changed();
                self.next(cx)
            }
            Stage::Sequence(request) => {
                cx.client.definitions.done([]);
                match event {
                    Event::Sequence(Err(error)) => failed(&error, cx),
                    _ => follow_names(&request, cx),
                }
                cx.shard.schema_changed();
                self.next(cx)
            }
            Stage::Probe(undo, mut lookup) => match lookup.resume(event, cx) {
                Ok(Progress::Wait(want)) => {
                    self.stage = Stage::Probe(undo, lookup);
                    Some(want)
                }
                Ok(Progress::Ready(found)) => {
                    // It is not the transaction's where it was there before.
                    let is_own = found.rows_count == 0;
                    cx.client.definitions.done(is_own.then_some(Undo { probe: None, ..undo }));
                    self.next(cx)
                }
                Err(error) => {
                    cx.client.definitions.done([]);
                    failed(&error, cx);
                    self.next(cx)
                }
            },
            Stage::Query(mut lookup) => match lookup.resume(event, cx) {
                Ok(Progress::Wait(want)) => {
                    self.stage = Stage::Query(lookup);
                    Some(want)
                }
                Ok(Progress::Ready(found)) => {
                    let statements = found.texts.into_iter().map(|sql| Undo::new(UndoHow::Statement(sql), None));
                    cx.client.definitions.done(statements);
                    self.next(cx)
                }
                Err(error) => {
                    cx.client.definitions.done([]);
                    failed(&error, cx);
                    self.next(cx)
                }
            },
            Stage::Run(mut nested, sql) => {
                let progress = nested.resume(event, cx);
                match self.ran(progress, nested, sql, cx) {
                    Some(want) => Some(want),
                    None => self.next(cx),
                }
            }
        }
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Option<Want> {
        while let Some(undo) = cx.client.definitions.next_due() {
            if let Some(probe) = &undo.probe {
                let lookup = Lookup::new(probe, cx);
                let want = lookup.question.ask();
                self.stage = Stage::Probe(undo, lookup);
                return Some(want);
            }
            if let Some(witness) = &undo.witness {
                let want = ask_iris(witness.clone(), cx);
                self.stage = Stage::Witness(undo);
                return Some(want);
            }
            match &undo.how {
                UndoHow::Query(sql) => {
                    let lookup = Lookup::new(sql, cx);
                    let want = lookup.question.ask();
                    self.stage = Stage::Query(lookup);
                    return Some(want);
                }
                UndoHow::Nothing => cx.client.definitions.done([]),
                UndoHow::Enums(change) => {
                    cx.shard.options.enums.apply(change);
                    cx.client.definitions.done([]);
                    cx.shard.schema_changed();
                }
                UndoHow::Sequence(request) => {
                    self.stage = Stage::Sequence(request.clone());
                    return Some(Want::Sequence(request.clone()));
                }
                UndoHow::Mirror(change) => {
                    self.stage = Stage::Mirror { is_heard: true };
                    return Some(Want::Mirror(change.clone()));
                }
                UndoHow::Statement(sql) => {
                    tracing::debug!(sql, "a definition is undone");
                    let form = RowForm::Client(Formats::text());
                    let own = OwnStatement::new(sql.clone(), Vec::new(), Vec::new(), form);
                    match Nested::start(own, self.make, cx) {
                        Ok((nested, progress)) => {
                            if let Some(want) = self.ran(Ok(progress), Box::new(nested), sql.clone(), cx) {
                                return Some(want);
                            }
                        }
                        Err(error) => {
                            if let Some(want) = self.failed(&error, sql.clone(), cx) {
                                return Some(want);
                            }
                        }
                    }
                }
            }
        }
        None
    }

    fn ran(
        &mut self,
        progress: Result<NestedProgress, Box<PgError>>,
        nested: Box<Nested>,
        sql: String,
        cx: &mut Cx<'_>,
    ) -> Option<Want> {
        match progress {
            Ok(NestedProgress::Wait(want)) => {
                self.stage = Stage::Run(nested, sql);
                Some(want)
            }
            // IRIS may have had nothing to drop.
            Ok(NestedProgress::Done(_)) if sql.contains(" IF EXISTS ") => Some(self.tell_mirror(sql)),
            Ok(NestedProgress::Done(_)) => {
                cx.client.definitions.done([]);
                None
            }
            Err(error) => self.failed(&error, sql, cx),
        }
    }

    /// What IRIS need not undo, since it has rolled back the definition itself, the mirror has to.
    fn tell_mirror(&mut self, sql: String) -> Want {
        self.stage = Stage::Mirror { is_heard: false };
        Want::Mirror(MirrorChange::own(vec![sql], &[]))
    }

    fn failed(&mut self, error: &PgError, sql: String, cx: &mut Cx<'_>) -> Option<Want> {
        // A schema that the transaction has dropped before, with tables in it, IRIS still has: another one has been made for the
        // mirror alone.
        let is_kept = error.code == SqlState(*b"2BP01") && sql.starts_with("DROP SCHEMA ");
        if is_kept || NOTHING_TO_UNDO.iter().any(|code| error.code == SqlState(**code)) {
            return Some(self.tell_mirror(sql));
        }
        cx.client.definitions.done([]);
        failed(error, cx);
        None
    }
}

/// What this process knows of sequences follows what was done to one.
pub(super) fn follow_names(request: &SequenceRequest, cx: &Cx<'_>) {
    if let SequenceRequest::Types(changes) = request {
        cx.shard.options.enums.kept.apply(changes);
    }
    let Some(names) = &cx.shard.options.sequences else { return };
    match request {
        SequenceRequest::Rename { from, to } if names.contains(from) => {
            names.remove(from);
            names.insert(to.clone());
        }
        SequenceRequest::Drop { name } => names.remove(name),
        _ => {}
    }
}

/// A query of the gateway's own, of which it only matters whether IRIS answers it.
fn ask_iris(text: String, cx: &mut Cx<'_>) -> Want {
    let key = cx.shard.next_statement_key();
    let statement = IrisStatement { key, text, kinds: Vec::new(), is_query: true };
    let in_transaction = cx.client.transaction.wants_transaction();
    Want::Submit(Request::Execute {
        statement: Rc::new(statement),
        values: Vec::new(),
        values_per_set: 0,
        sets: 1,
        rows_max: 0,
        in_transaction,
    })
}

/// A definition stays: the client is told, and so is the log.
fn failed(error: &PgError, cx: &mut Cx<'_>) {
    tracing::warn!(code = %error.code, error = error.message, "a definition could not be undone");
    let message = format!("a definition could not be undone: {}", error.message);
    let warning = PgError::new(Severity::Warning, SqlState::WARNING, message);
    cx.client.notice(&warning, cx.out);
}

/// A question of the gateway's own for the oracle: rows of one text.
#[derive(Debug)]
pub(crate) struct Lookup {
    question: Question,
}

/// What it has found.
#[derive(Debug)]
pub(crate) struct Found {
    pub rows_count: u64,
    /// Those of the first column that are not NULL.
    pub texts: Vec<String>,
}

impl Lookup {
    pub(crate) fn new(sql: &str, cx: &Cx<'_>) -> Self {
        let prelude = prelude(cx.client, CatalogQuery::default(), cx.shard);
        Self { question: Question::new(execute(&prelude, sql, &[], Execution::default())) }
    }

    pub(crate) fn ask(&self) -> Want {
        self.question.ask()
    }

    /// # Errors
    /// PostgreSQL's, or why it could not be asked.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &Cx<'_>) -> Result<Progress<Found>, Box<PgError>> {
        let mut answer = match self.question.resume(event, cx.shard, cx.client)? {
            Progress::Wait(want) => return Ok(Progress::Wait(want)),
            Progress::Ready(answer) => answer,
        };
        if let Some(error) = answer.error.take() {
            return Err(Box::new(PgError { position: None, ..*error }));
        }
        let texts = answer.text_rows().filter_map(|row| row.into_iter().next().flatten()).collect();
        Ok(Progress::Ready(Found { rows_count: answer.rows_count, texts }))
    }
}
