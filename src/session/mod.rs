//! One client's conversation, sans IO: frames in, bytes and orders out.

mod client;
mod contract;
mod protocol;
mod run;
#[cfg(test)]
mod tests;
mod understand;

use std::rc::Rc;
use std::sync::Arc;

use crate::iris::Request;
use crate::wire::{Frame, PgError, Phase, SendBuf, WireError};

pub use client::counts::SessionCounters;
pub(crate) use client::counts::{Counter, Counts};
pub(crate) use contract::effect::{ChannelChange, Effect, Notification, TcpSettings};
pub use contract::identity::Identity;
pub(crate) use contract::lock::{LockKey, LockMode, LockRequest, LockScope};
pub(crate) use contract::permit::Permit;
pub(crate) use contract::step::WaitRequest;
pub use contract::step::{Event, Step};
pub use understand::context::{DEFAULT_SCHEMA, SessionOptions, ShardContext};

use protocol::notifications::put_notifications;
use protocol::ready::Ready;
use protocol::startup::{Startup, StartupStep};

/// One client, from its first packet to its last.
#[derive(Debug)]
pub struct Session {
    state: State,
    /// What has to be undone behind the end of the conversation.
    left: Option<Box<Ready>>,
}

#[allow(clippy::large_enum_variant, reason = "one per client; the startup state is the short-lived one")]
#[derive(Debug)]
enum State {
    Startup(Startup),
    Ready(Box<Ready>),
    Closed,
}

impl Session {
    pub fn new(context: Rc<ShardContext>, identity: Identity) -> Self {
        Self { state: State::Startup(Startup::new(context, identity)), left: None }
    }

    /// How the next frame must be cut.
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Startup(startup) => startup.phase(),
            State::Ready(_) | State::Closed => Phase::Authenticated,
        }
    }

    /// The next frame. `lookahead`: the tag of the frame behind it, when that byte has already arrived; a lone
    /// Execute in front of Sync needs no transaction around it.
    pub fn on_frame(&mut self, frame: Frame<'_>, lookahead: Option<u8>, out: &mut SendBuf) -> Step {
        if let State::Ready(ready) = &mut self.state {
            return ready.on_frame(frame, lookahead, out);
        }
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Startup(startup) => match startup.on_frame(frame, out) {
                StartupStep::Stay(startup, step) => {
                    self.state = State::Startup(startup);
                    step
                }
                StartupStep::Ready(ready) => {
                    self.state = State::Ready(ready);
                    Step::NeedFrame
                }
                StartupStep::End(step) => step,
            },
            State::Ready(_) | State::Closed => Step::Close,
        }
    }

    /// As [`on_frame`](Self::on_frame), with a frame that came when the time of the statement under way was over.
    pub fn on_late_frame(
        &mut self,
        frame: Frame<'_>,
        lookahead: Option<u8>,
        error: Box<PgError>,
        out: &mut SendBuf,
    ) -> Step {
        match &mut self.state {
            State::Ready(ready) => ready.on_late_frame(frame, lookahead, error, out),
            State::Startup(_) | State::Closed => self.on_frame(frame, lookahead, out),
        }
    }

    /// The outcome of the last order.
    pub fn on_event(&mut self, event: Event<'_>, out: &mut SendBuf) -> Step {
        match &mut self.state {
            State::Ready(ready) => ready.on_event(event, out),
            State::Startup(_) | State::Closed => Step::Close,
        }
    }

    /// The request of a [`Step::Submit`] that has been carried out: its memory serves the next one.
    pub fn take_back(&mut self, request: Request) {
        if let (State::Ready(ready), Request::Execute { values, .. }) = (&self.state, request) {
            ready.context.give_back(values);
        }
    }

    /// Bytes that are no frame: framing cannot be trusted any more.
    pub fn on_wire_error(&mut self, error: &WireError, out: &mut SendBuf) -> Step {
        let mut error = error.to_pg();
        error.severity = crate::wire::Severity::Fatal;
        self.on_fatal(&error, out)
    }

    /// The runtime ends the session (shutdown, timeout): says why.
    pub fn on_fatal(&mut self, error: &PgError, out: &mut SendBuf) -> Step {
        out.put_error_response(error);
        if let State::Ready(ready) = std::mem::replace(&mut self.state, State::Closed) {
            self.left = Some(ready);
        }
        Step::Close
    }

    /// The conversation is over, and IRIS has rolled back what was open: what has to be undone of it, as steps like any
    /// other, with the outcomes of which `on_event` is called. Nobody reads what is written. `None`: nothing.
    pub fn abandon(&mut self, out: &mut SendBuf) -> Option<Step> {
        if let Some(ready) = self.left.take() {
            self.state = State::Ready(ready);
        }
        match &mut self.state {
            State::Ready(ready) => ready.abandon(out),
            State::Startup(_) | State::Closed => None,
        }
    }

    /// Whether an IRIS connection must stay with this client: a transaction or a result is open on it.
    pub fn keeps_lease(&self) -> bool {
        match &self.state {
            State::Ready(ready) => ready.keeps_lease(),
            State::Startup(_) | State::Closed => false,
        }
    }

    /// Whether the IRIS connection has to be closed since the last call: what came over it could not be read. The session
    /// expects nothing of it any more.
    pub fn takes_leave(&mut self) -> bool {
        match &mut self.state {
            State::Ready(ready) => std::mem::take(&mut ready.distrusts_lease),
            State::Startup(_) | State::Closed => false,
        }
    }

    /// Whether the client is inside BEGIN..COMMIT, as its last ReadyForQuery said.
    pub fn in_transaction_block(&self) -> bool {
        match &self.state {
            State::Ready(ready) => ready.client.transaction.in_block(),
            State::Startup(_) | State::Closed => false,
        }
    }

    /// What the client has done to other sessions since the last call. The runtime carries it out before it does what
    /// the last step says.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        match &mut self.state {
            State::Ready(ready) => std::mem::take(&mut ready.client.effects),
            State::Startup(_) | State::Closed => Vec::new(),
        }
    }

    /// Whether the client may be sent notifications now: it listens, and is between two cycles outside of a
    /// transaction block.
    pub fn takes_notifications(&self) -> bool {
        match &self.state {
            State::Ready(ready) => ready.takes_notifications(),
            State::Startup(_) | State::Closed => false,
        }
    }

    /// Notifications for an idle client, for which `takes_notifications` holds.
    pub fn on_notifications(&mut self, notifications: &[Arc<Notification>], out: &mut SendBuf) {
        put_notifications(notifications, out);
    }

    /// The client has been silent for a while: memory that only a statement needs is given back.
    pub fn release(&mut self) {
        if let State::Ready(ready) = &mut self.state {
            ready.release();
        }
    }

    pub fn is_authenticated(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// The number of the statement that is under way, which no other statement of the session has: from its first
    /// message to its end. `statement_timeout` counts for each.
    pub fn statement(&self) -> Option<u64> {
        match &self.state {
            State::Ready(ready) => ready.client.statement(),
            State::Startup(_) | State::Closed => None,
        }
    }

    /// Another timeout setting of the client in milliseconds, 0 = off: `idle_in_transaction_session_timeout`,
    /// `idle_session_timeout`, `lock_timeout`.
    pub fn timeout_ms(&self, name: &str) -> u64 {
        match &self.state {
            State::Ready(ready) => ready.client.settings.milliseconds(name),
            State::Startup(_) | State::Closed => 0,
        }
    }

    /// `statement_timeout` of the client in milliseconds, 0 = off: asked for every statement, so it is at hand.
    pub fn statement_timeout_ms(&self) -> u64 {
        match &self.state {
            State::Ready(ready) => ready.client.settings.statement_timeout_ms(),
            State::Startup(_) | State::Closed => 0,
        }
    }
}
