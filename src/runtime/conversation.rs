//! What the runtime needs of a session. The tests of the runtime bring one that understands no SQL.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::iris::Request;
use crate::session::{
    Effect, Event, Identity, Notification, Session, SessionCounters, SessionOptions, ShardContext, Step,
};
use crate::wire::{Frame, Limits, PgError, Phase, SendBuf, WireError};

/// One client's conversation: frames and events in, bytes and orders out. [`Session`] says what each method means.
pub(super) trait Conversation: Sized + 'static {
    /// What the sessions of a shard share.
    type Context: 'static;

    fn context(options: &SessionOptions, schema_epoch: Arc<AtomicU64>, counters: Arc<SessionCounters>)
    -> Self::Context;
    fn limits(context: &Self::Context) -> &Limits;
    fn new(context: &Rc<Self::Context>, identity: Identity) -> Self;
    fn phase(&self) -> Phase;
    fn on_frame(&mut self, frame: Frame<'_>, lookahead: Option<u8>, out: &mut SendBuf) -> Step;
    fn on_event(&mut self, event: Event<'_>, out: &mut SendBuf) -> Step;
    fn on_wire_error(&mut self, error: &WireError, out: &mut SendBuf) -> Step;
    fn on_fatal(&mut self, error: &PgError, out: &mut SendBuf) -> Step;
    fn keeps_lease(&self) -> bool;
    fn in_transaction_block(&self) -> bool;
    fn is_authenticated(&self) -> bool;
    fn statement(&self) -> Option<u64>;
    fn timeout_ms(&self, name: &str) -> u64;
    fn statement_timeout_ms(&self) -> u64;

    fn on_late_frame(&mut self, frame: Frame<'_>, next: Option<u8>, _: Box<PgError>, out: &mut SendBuf) -> Step {
        self.on_frame(frame, next, out)
    }

    fn release(&mut self) {}

    fn take_effects(&mut self) -> Vec<Effect> {
        Vec::new()
    }

    fn take_back(&mut self, _: Request) {}

    fn takes_leave(&mut self) -> bool {
        false
    }

    fn abandon(&mut self, _: &mut SendBuf) -> Option<Step> {
        None
    }

    fn takes_notifications(&self) -> bool {
        false
    }

    fn on_notifications(&mut self, _: &[Arc<Notification>], _: &mut SendBuf) {}
}

impl Conversation for Session {
    type Context = ShardContext;

    fn context(options: &SessionOptions, schema_epoch: Arc<AtomicU64>, counters: Arc<SessionCounters>) -> ShardContext {
        ShardContext::new(options.clone(), schema_epoch, counters)
    }

    fn limits(context: &ShardContext) -> &Limits {
        &context.options.limits
    }

    fn new(context: &Rc<ShardContext>, identity: Identity) -> Self {
        Session::new(Rc::clone(context), identity)
    }

    fn phase(&self) -> Phase {
        Session::phase(self)
    }

    fn on_frame(&mut self, frame: Frame<'_>, lookahead: Option<u8>, out: &mut SendBuf) -> Step {
        Session::on_frame(self, frame, lookahead, out)
    }

    fn on_late_frame(
        &mut self,
        frame: Frame<'_>,
        lookahead: Option<u8>,
        error: Box<PgError>,
        out: &mut SendBuf,
    ) -> Step {
        Session::on_late_frame(self, frame, lookahead, error, out)
    }

    fn on_event(&mut self, event: Event<'_>, out: &mut SendBuf) -> Step {
        Session::on_event(self, event, out)
    }

    fn on_wire_error(&mut self, error: &WireError, out: &mut SendBuf) -> Step {
        Session::on_wire_error(self, error, out)
    }

    fn on_fatal(&mut self, error: &PgError, out: &mut SendBuf) -> Step {
        Session::on_fatal(self, error, out)
    }

    fn keeps_lease(&self) -> bool {
        Session::keeps_lease(self)
    }

    fn in_transaction_block(&self) -> bool {
        Session::in_transaction_block(self)
    }

    fn is_authenticated(&self) -> bool {
        Session::is_authenticated(self)
    }

    fn statement(&self) -> Option<u64> {
        Session::statement(self)
    }

    fn timeout_ms(&self, name: &str) -> u64 {
        Session::timeout_ms(self, name)
    }

    fn statement_timeout_ms(&self) -> u64 {
        Session::statement_timeout_ms(self)
    }

    fn release(&mut self) {
        Session::release(self);
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        Session::take_effects(self)
    }

    fn take_back(&mut self, request: Request) {
        Session::take_back(self, request);
    }

    fn takes_leave(&mut self) -> bool {
        Session::takes_leave(self)
    }

    fn abandon(&mut self, out: &mut SendBuf) -> Option<Step> {
        Session::abandon(self, out)
    }

    fn takes_notifications(&self) -> bool {
        Session::takes_notifications(self)
    }

    fn on_notifications(&mut self, notifications: &[Arc<Notification>], out: &mut SendBuf) {
        Session::on_notifications(self, notifications, out);
    }
}
