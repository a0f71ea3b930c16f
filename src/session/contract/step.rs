//! The contract between a session and whatever moves its bytes.

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{MirrorChange, OracleRequest, SequenceAnswer, SequenceRequest};
use crate::iris::{Reply, Request};
use crate::wire::{FrontendMessage, PgError};

use super::effect::Notification;
use super::lock::LockRequest;
use super::permit::Permit;

/// What the session wants next. Replies already stand in the `SendBuf` it was given.
#[derive(Debug)]
pub enum Step {
    /// Cut the next frame and call `on_frame`. The runtime flushes before it has to wait for the socket.
    NeedFrame,
    /// Flush now, then as `NeedFrame`.
    Flush,
    /// Flush now, then call `on_event(Event::Flushed)`: backpressure inside a long result.
    FlushThenResume,
    /// Others first: look at the sockets, let those run who have something to do, then call `on_event(Event::Flushed)`. What
    /// is written need not be sent.
    Yield,
    /// Run this on the session's lease (taking one when it has none) and call `on_event` with the outcome.
    /// After each `on_event` the runtime asks `Session::keeps_lease` and gives the lease back when it is false.
    Submit(Request),
    /// Ask the oracle and call `on_event(Event::Oracle)` with its answer. Needs no lease.
    Ask(OracleRequest),
    /// Carry DDL over to the mirror, then call `on_event(Event::Mirrored)`, whatever came of it: the mirror is
    /// brought in line again from IRIS when a statement of it fails. Needs no lease.
    Mirror(MirrorChange),
    /// Bring the mirror in line with IRIS, then call `on_event(Event::Mirrored)`: a statement named a relation that
    /// the mirror has not. Needs no lease. The runtime bounds how often that is done.
    Refresh,
    /// Do this to sequences, outside of the session's transaction, and call `on_event(Event::Sequence)`. Needs no lease.
    Sequence(SequenceRequest),
    /// Wait, then call `on_event(Event::Waited)`, or `Event::Admitted`. Needs no lease.
    Wait(WaitRequest),
    /// The session listens and is about to be idle: call `on_event(Event::Notified)` with what has come in for it, at
    /// once. What there is no room for comes afterwards, by `on_notifications`.
    Notifications,
    /// A CancelRequest: interrupt the session with this pid if the key is its own, then close without a reply.
    Cancel { pid: i32, key: Vec<u8> },
    /// Flush and close the connection.
    Close,
}

/// What a statement under way waits for. Its name in [`Step`] says what the runtime does about it.
#[derive(Debug)]
pub enum Want {
    Submit(Request),
    Ask(OracleRequest),
    Mirror(MirrorChange),
    Refresh,
    Sequence(SequenceRequest),
    Wait(WaitRequest),
    /// The client takes what has been written.
    Flush,
    /// A part is done of what would take long; others go first.
    Yield,
    /// CopyData and its like.
    Frame,
}

impl From<Want> for Step {
    fn from(want: Want) -> Self {
        match want {
            Want::Submit(request) => Self::Submit(request),
            Want::Ask(request) => Self::Ask(request),
            Want::Mirror(change) => Self::Mirror(change),
            Want::Refresh => Self::Refresh,
            Want::Sequence(request) => Self::Sequence(request),
            Want::Wait(request) => Self::Wait(request),
            Want::Flush => Self::FlushThenResume,
            Want::Yield => Self::Yield,
            Want::Frame => Self::NeedFrame,
        }
    }
}

/// How far something is that ends in a `T`.
#[derive(Debug)]
pub(crate) enum Progress<T> {
    Wait(Want),
    Ready(T),
}

/// What a session may have to wait for besides its client, IRIS and the oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitRequest {
    /// Take or give back an advisory lock: for as long as other sessions hold it.
    Lock(LockRequest),
    /// `pg_sleep`.
    Sleep(Duration),
    /// To begin with a statement that PostgreSQL finishes: for as long as too many are under way.
    Admission,
    /// To make the temporary table of this number: until IRIS knows that the gateway lives, or forever refuses to.
    Temporary(u64),
}

/// The outcome of an order.
#[derive(Debug)]
pub enum Event<'a> {
    Iris(Reply<'a>),
    /// No connection to run it on, or the connection broke, was cancelled or timed out; the lease is gone,
    /// and with it any transaction.
    Lost(Box<PgError>),
    /// After `FlushThenResume` and `Yield`.
    Flushed,
    /// The backend messages that answer an [`OracleRequest`], all of them; an error when the oracle could not be asked
    /// or took too long (57014), or the client cancelled.
    Oracle(Result<Vec<u8>, Box<PgError>>),
    /// After `Mirror` (the first error of its statements, if any) and after `Refresh`.
    Mirrored(Result<(), Box<PgError>>),
    /// The answer to a [`SequenceRequest`]; 57014 when it took too long.
    Sequence(Result<Box<SequenceAnswer>, Box<PgError>>),
    /// The answer to a [`WaitRequest`]: that to a [`LockRequest`], or true when what was waited for has come; 57014 when it has not.
    Waited(Result<bool, Box<PgError>>),
    /// The answer to [`WaitRequest::Admission`]; 57014 when it took too long.
    Admitted(Result<Permit, Box<PgError>>),
    /// After [`Want::Frame`]. The session makes it of the frame it was given.
    Frame(FrontendMessage<'a>),
    /// After `Notifications`.
    Notified(Vec<Arc<Notification>>),
}
