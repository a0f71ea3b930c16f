//! What ends a statement between two of its requests.

use std::time::Instant;

use super::{Pump, Statement};
use crate::iris::Request;
use crate::runtime::conversation::Conversation;
use crate::runtime::interrupt::Interrupted;
use crate::runtime::wait::Signals;

impl<C: Conversation> Pump<C> {
    /// Whether a statement of many requests was cancelled, or has had its time, between two of them: a request that takes no
    /// time is never interrupted. It is told once, as what it does then undoes its work.
    pub(super) fn is_to_end(&mut self, request: &Request) -> Option<Interrupted> {
        if self.lease.is_none() || !matches!(request, Request::Execute { .. } | Request::Prepare { .. }) {
            return None;
        }
        let deadline = self.statement_deadline();
        let known = self.statement.as_mut().filter(|known| !known.is_told)?;
        let why = if self.target.signals.is_raised(Signals::CANCEL) {
            self.target.signals.clear(Signals::CANCEL);
            Interrupted::ByUser
        } else {
            deadline.filter(|deadline| *deadline <= Instant::now()).map(|_| Interrupted::ByTimeout)?
        };
        known.is_told = true;
        Some(why)
    }

    /// Whether the time of the statement under way is over.
    pub(super) fn is_late(&self) -> bool {
        let Some(Statement { number, deadline: Some(deadline), .. }) = &self.statement else { return false };
        self.session.statement() == Some(*number) && *deadline <= Instant::now()
    }
}
