//! A definition of a table, and the sequences that belong to its columns: they come and go with it.

use std::collections::VecDeque;

use crate::catalog::{Execution, SequenceRequest, definition_query, execute, read_definition};
use crate::iris::Request;
use crate::sql::{CatalogQuery, Fill, OwnedChange};
use crate::wire::PgError;

use super::filling::Filling;
use super::nested::StepsDone;
use super::outcome::{CommandTag, Outcome};
use super::script::Run;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{Cx, ShardContext, Understood};
use crate::session::understand::prelude::prelude;
use crate::session::understand::question::Question;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Such a statement under way.
#[derive(Debug)]
pub(crate) struct Following {
    run: Run,
    made: VecDeque<String>,
    added: VecDeque<Fill>,
    others: Vec<OwnedChange>,
    tag: Option<CommandTag>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Define,
    /// What PostgreSQL has made with a column.
    Look(Question),
    Keep,
    Fill(Box<Filling>),
}

impl Following {
    pub(super) fn new(run: Run, changes: &[OwnedChange]) -> Self {
        let (mut made, mut added) = (VecDeque::new(), VecDeque::new());
        let mut others = Vec::new();
        for change in changes {
            match change {
                OwnedChange::Made(name) => made.push_back(name.clone()),
                OwnedChange::Added(fill) => added.push_back(fill.clone()),
                other => others.push(other.clone()),
            }
        }
        Self { run, made, added, others, tag: None, stage: Stage::Define }
    }

    /// # Errors
    /// The statement's own.
    pub(super) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome> {
        cx.client.settings.check_writable(self.run.command())?;
        let outcome = self.run.start(rows_max, cx)?;
        self.defined(outcome, cx)
    }

    pub(super) fn progress(&self) -> StepsDone {
        self.run.progress()
    }

    /// # Errors
    /// The statement's own; why a sequence could not be kept.
    pub(super) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        match &mut self.stage {
            Stage::Define => {
                let outcome = self.run.resume(event, cx)?;
                self.defined(outcome, cx)
            }
            Stage::Look(question) => match question.resume(event, cx.shard, cx.client)? {
                Progress::Wait(want) => Ok(Outcome::Wait(want)),
                Progress::Ready(mut answer) => {
                    if let Some(error) = answer.error.take() {
                        return Err(error);
                    }
                    // Where PostgreSQL has made none, it had nothing to make: IF NOT EXISTS.
                    let Some(sequence) = read_definition(answer.first_row()) else { return Ok(self.next(cx)) };
                    self.stage = Stage::Keep;
                    let request = SequenceRequest::Create { sequence: Box::new(sequence), if_absent: true };
                    Ok(Outcome::Wait(Want::Sequence(request)))
                }
            },
            Stage::Fill(filling) => match filling.resume(event, cx)? {
                Progress::Wait(want) => Ok(Outcome::Wait(want)),
                Progress::Ready(()) => Ok(self.next(cx)),
            },
            Stage::Keep => {
                let Event::Sequence(answer) = event else { return Err(cx.shard.unwaited()) };
                let answer = answer?;
                if let Some(names) = &cx.shard.options.sequences {
                    answer.gone.iter().for_each(|name| names.remove(name));
                    answer.came.into_iter().for_each(|name| names.insert(name));
                    if let Some(sequence) = answer.sequence {
                        names.insert(sequence.name);
                    }
                }
                cx.shard.schema_changed();
                Ok(self.next(cx))
            }
        }
    }

    /// The result left open on the lease when this is given up.
    pub(super) fn take_result(&mut self) -> Option<Request> {
        self.run.take_result()
    }

    fn defined(&mut self, outcome: Outcome, cx: &mut Cx<'_>) -> Result<Outcome> {
        match outcome {
            Outcome::Complete(tag) => {
                self.tag = Some(tag);
                Ok(self.next(cx))
            }
            outcome => Ok(outcome),
        }
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Outcome {
        if let Some(name) = self.made.pop_front() {
            let prelude = prelude(cx.client, CatalogQuery::default(), cx.shard);
            let question = Question::new(execute(&prelude, &definition_query(&name), &[], Execution::default()));
            let want = question.ask();
            self.stage = Stage::Look(question);
            return Outcome::Wait(want);
        }
        if let Some(fill) = self.added.pop_front() {
            let (filling, want) = Filling::start(fill, cx);
            self.stage = Stage::Fill(Box::new(filling));
            return Outcome::Wait(want);
        }
        let others = std::mem::take(&mut self.others);
        let has_any = cx.shard.options.sequences.as_ref().is_some_and(|names| !names.is_empty());
        if has_any && !others.is_empty() {
            self.stage = Stage::Keep;
            return Outcome::Wait(Want::Sequence(SequenceRequest::Follow(others)));
        }
        match self.tag.take() {
            Some(tag) => Outcome::Complete(tag),
            None => Outcome::Empty,
        }
    }
}

/// Whether sequences may come or go with a definition.
pub(in crate::session) fn follows(understood: &Understood, context: &ShardContext) -> bool {
    !understood.translation.owned.is_empty() && context.options.sequences.is_some()
}
