//! What becomes of a step that IRIS refuses.

use super::{Run, State};
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
