//! What is left to do for a session whose conversation is over.

use std::time::Duration;

use glommio::timer::Timer;

use super::Pump;
use crate::runtime::conversation::Conversation;
use crate::runtime::wait::within;
use crate::session::{Event, Step, WaitRequest};
use crate::wire::{PgError, SqlState};

/// How long definitions of a transaction that came to nothing are tried to be undone: IRIS may be away for a while.
const LEAVE_LIMIT: Duration = Duration::from_secs(600);
/// Between two attempts.
const LEAVE_PAUSE: Duration = Duration::from_secs(1);

impl<C: Conversation> Pump<C> {
    /// Carries out what the session has to undo. Its client is not looked at any more, and nobody can stop it.
    pub(super) async fn leave(&mut self) {
        let Some(step) = self.session.abandon(&mut self.out) else { return };
        self.target.signals.turn_deaf();
        let left = async {
            let mut step = Some(step);
            while let Some(next) = step {
                self.obey(next).await;
                self.lease = None;
                step = self.session.abandon(&mut self.out);
                if step.is_some() {
                    Timer::new(LEAVE_PAUSE).await;
                }
            }
        };
        if Box::pin(within(LEAVE_LIMIT, left)).await.is_none() {
            tracing::error!(pid = self.target.pid, "definitions of a lost transaction were not undone in time");
        }
        self.out.clear();
    }

    async fn obey(&mut self, mut step: Step) {
        loop {
            let effects = self.session.take_effects();
            if !effects.is_empty() {
                self.belongings.apply(effects);
            }
            if !matches!(step, Step::Submit(_)) {
                self.give_lease_back().await;
            }
            self.out.clear();
            let next = match step {
                Step::Submit(request) => {
                    let next = self.submit(&request).await;
                    self.session.take_back(request);
                    next
                }
                Step::Ask(question) => self.ask(&question).await,
                Step::Mirror(change) => self.mirror(&change).await,
                Step::Refresh => self.refresh_mirror().await,
                Step::Sequence(request) => self.sequence(&request).await,
                Step::FlushThenResume | Step::Yield => Ok(self.session.on_event(Event::Flushed, &mut self.out)),
                Step::Notifications => Ok(self.session.on_event(Event::Notified(Vec::new()), &mut self.out)),
                Step::Wait(WaitRequest::Sleep(time)) => {
                    Timer::new(time).await;
                    Ok(self.session.on_event(Event::Waited(Ok(true)), &mut self.out))
                }
                Step::NeedFrame | Step::Flush | Step::Wait(_) | Step::Cancel { .. } | Step::Close => {
                    self.give_lease_back().await;
                    return;
                }
            };
            match next {
                Ok(next) => step = next,
                Err(_) => return,
            }
        }
    }
}

pub(super) fn login_timed_out() -> Box<PgError> {
    PgError::fatal(SqlState::INVALID_AUTHORIZATION, "canceling authentication due to timeout")
}

pub(super) fn too_many_clients() -> Box<PgError> {
    PgError::fatal(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already")
}
