//! What becomes of a step that IRIS refuses, and what makes a definition wait.

use super::{PAUSES_MAX, Run, State};
use crate::bridge::{Culprit, last_part};
use crate::iris::{IrisError, StatementMetadata};
use crate::session::client::Client;
use crate::session::contract::step::Event;
use crate::session::run::outcome::Outcome;
use crate::session::run::violation::{Attempt, violated};
use crate::session::understand::context::Cx;
use crate::session::understand::rules::refused;
use crate::wire::PgError;

impl Run {
    /// Whoever changes a relation that another session has changed waits for the end of the other's transaction, as in PostgreSQL,
    /// and of its undoing: so the mirror hears of both in the order in which IRIS has done it. Not for ever: the first may wait for a
    /// connection to IRIS that this one has.
    pub(super) fn gives_way(&mut self, cx: &Cx<'_>) -> bool {
        if self.understood.is_plain || self.pauses_count >= PAUSES_MAX {
            return false;
        }
        let gives = cx.shard.is_changed_elsewhere(&self.understood.translation.mirror, cx.client.identity.pid);
        self.pauses_count = self.pauses_count.saturating_add(u16::from(gives));
        gives
    }

    /// The schema is about to be changed.
    pub(super) fn begin_change(&mut self, cx: &mut Cx<'_>) {
        let (translation, pid) = (&self.understood.translation, cx.client.identity.pid);
        self.under_way = cx.shard.change_begins(&translation.mirror, pid);
        let options = &cx.shard.options;
        let is_undone = translation.reversal.is_some() && options.undoes_definitions && cx.client.in_transaction();
        if self.under_way.is_some() && is_undone && !cx.client.definitions.is_settling() {
            let relations = translation.mirror.iter().flat_map(|statement| statement.relations.iter().cloned());
            cx.client.definitions.hold(options.changes.keep(relations, pid));
        }
    }

    /// What an ignored refusal of the present step is as an error, where it has to be made sure that it may be ignored.
    pub(super) fn inexcusable(&self, error: &IrisError, cx: &Cx<'_>) -> Option<Box<PgError>> {
        let step = self.steps().get(self.step)?;
        let writes = step.plan.writes.as_ref().filter(|writes| writes.arbiter.is_some())?;
        let is_arbiter = Culprit::of(error).constraint.is_some_and(|name| writes.is_arbiter(last_part(name)));
        (!is_arbiter).then(|| self.violated(error, cx))
    }

    /// IRIS has refused the present step.
    pub(super) fn violated(&self, error: &IrisError, cx: &Cx<'_>) -> Box<PgError> {
        let metadata = self.understood.extra.metadata(self.step);
        match self.attempt(metadata.as_deref(), cx.client) {
            Some(attempt) => violated(error, &attempt, cx.shard),
            None => refused(error, cx.shard),
        }
    }

    fn attempt<'a>(&'a self, metadata: Option<&'a StatementMetadata>, client: &'a Client) -> Option<Attempt<'a>> {
        let step = self.steps().get(self.step)?;
        Some(Attempt { plan: &step.plan, metadata, values: &self.sent, set: None, style: client.settings.style() })
    }

    /// PostgreSQL's word on the refusal of IRIS's that it was asked about; or something was done for it.
    pub(super) fn explain(&mut self, event: Event<'_>, cx: &Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let State::Explaining(mut explanation) = std::mem::replace(&mut self.state, State::Done) else {
            return Err(cx.shard.unwaited());
        };
        let metadata = self.understood.extra.metadata(self.step);
        let attempt = self.attempt(metadata.as_deref(), cx.client);
        let want = explanation.resume(event, attempt.as_ref(), cx.shard, cx.client)?;
        self.state = State::Explaining(explanation);
        Ok(Outcome::Wait(want))
    }
}
