//! A client's connection to IRIS as a state machine: bytes in, replies out, no socket.
//!
//! The caller writes what `start`, `submit` and `poll` append to `out`, receives into `spare_mut`, says `filled`, and
//! polls until it gets a reply. One request at a time: the protocol has no pipelining but for messages without reply.

mod encode;
mod error;
mod forgotten;
mod machine;
mod parked;
mod statements;
mod upload;

pub use error::LinkError;
pub use parked::ParkedConnection;

use super::header::{HEADER_BYTES, Header};
use super::{IrisError, Reply, Request, StatementMetadata};
use crate::RecvBuf;
use machine::{Machine, Outcome};

/// How to log in.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Chosen at login, without case.
    pub namespace: String,
    /// Matched without case.
    pub user: String,
    /// Scrambled on its way, not encrypted.
    pub password: String,
    /// Shown by IRIS's process list.
    pub application: String,
    /// Shown by IRIS, as the next one.
    pub os_user: String,
    /// Name of the client's machine.
    pub machine: String,
    /// CN item 11: 1 read uncommitted, 2 read committed.
    pub isolation_level: i64,
    /// Statement ids used side by side; IRIS holds a prepared text for each.
    pub statements_max: usize,
    /// The longest reply; a longer one ends the connection. Memory grows with what arrives, not with what is announced.
    pub reply_bytes_max: u32,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            namespace: "USER".to_owned(),
            user: String::new(),
            password: String::new(),
            application: "iris-pgwire".to_owned(),
            os_user: "iris-pgwire".to_owned(),
            machine: "iris-pgwire".to_owned(),
            isolation_level: 2,
            statements_max: 1000,
            reply_bytes_max: 1 << 30,
        }
    }
}

/// What `poll` found.
#[derive(Debug)]
pub enum Poll<'a> {
    /// Write `out`, receive more, poll again.
    NeedBytes,
    /// Logged in.
    Connected {
        /// IRIS's process, as EI and CANCEL QUERY want it.
        job: i64,
        /// `$ZVERSION` of the server.
        server_version: String,
    },
    /// The request is answered.
    Reply(Reply<'a>),
}

/// As [`Poll`], with the reply left in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Write `out`, receive more, go on.
    NeedBytes,
    /// Logged in.
    Connected {
        /// As in [`Poll::Connected`].
        job: i64,
        /// `$ZVERSION` of the server.
        server_version: String,
    },
    /// [`take_reply`](IrisConnection::take_reply) has it.
    ReplyReady,
}

/// What `submit` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// A reply will come: write `out`, then poll.
    Pending,
    /// The message has no reply: write `out`, it is done.
    Done,
}

/// One connection to IRIS.
#[derive(Debug)]
pub struct IrisConnection {
    recv: RecvBuf,
    /// Bytes of the message last returned; consumed by the next call.
    lent_bytes: usize,
    /// A reply that was announced and not taken. It lives until the next request.
    ready: Option<Outcome>,
    machine: Machine,
}

/// What the receive buffer keeps from page to page: the largest pages seen are of 4 MB, and a buffer grows by doubling.
const KEEP_BYTES_MAX: usize = 8 << 20;
/// Room offered to one receive call, at the least. Half of what an empty buffer keeps, so that a reply cut in two does
/// not make it grow.
const RECEIVE_BYTES_MIN: usize = 8 << 10;

impl IrisConnection {
    /// Not connected: call [`start`](Self::start) next.
    pub fn new(options: ConnectOptions) -> Self {
        Self { recv: RecvBuf::keeping(KEEP_BYTES_MAX), lent_bytes: 0, ready: None, machine: Machine::new(options) }
    }

    /// Appends the handshake. `poll` then leads through the login to [`Poll::Connected`].
    ///
    /// # Errors
    /// `Misuse` when it was started before; `RequestTooLarge`.
    pub fn start(&mut self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        self.machine.start(out)
    }

    /// Where to receive into.
    pub fn spare_mut(&mut self) -> &mut [u8] {
        self.consume_lent();
        self.recv.spare_mut(RECEIVE_BYTES_MIN)
    }

    /// `bytes` of the spare room were received.
    pub fn filled(&mut self, bytes: usize) {
        self.recv.filled(bytes);
    }

    /// Appends the messages of one request.
    ///
    /// # Errors
    /// `Misuse` when a request is in flight or the request does not fit the connection's state; `Unasked` when more was
    /// received than was asked for: nothing is sent then.
    pub fn submit(&mut self, request: &Request, out: &mut Vec<u8>) -> Result<SubmitOutcome, LinkError> {
        self.forget_reply();
        if self.machine.is_idle() && self.has_unread() {
            return Err(LinkError::Unasked("a message"));
        }
        self.machine.submit(request, out)
    }

    /// Appends PG; answered by `Reply::Done`.
    ///
    /// # Errors
    /// `Misuse` when a request is in flight.
    pub fn ping(&mut self, out: &mut Vec<u8>) -> Result<SubmitOutcome, LinkError> {
        self.forget_reply();
        self.machine.ping(out)
    }

    /// Appends EI for a statement of another connection (0: whatever runs there); answered by `Reply::Done`.
    ///
    /// # Errors
    /// `Misuse` when a request is in flight.
    pub fn interrupt(&mut self, job: i64, statement_id: u32, out: &mut Vec<u8>) -> Result<SubmitOutcome, LinkError> {
        self.forget_reply();
        self.machine.interrupt(job, statement_id, out)
    }

    /// Appends DC. Nothing can be sent afterwards.
    pub fn disconnect(&mut self, out: &mut Vec<u8>) {
        self.machine.disconnect(out);
    }

    /// Appends what drops results nobody will read on (no reply comes). Called before another client gets the
    /// connection.
    ///
    /// # Errors
    /// `Misuse` when a request is in flight.
    pub fn close_results(&mut self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        self.forget_reply();
        self.machine.close_results(out)
    }

    /// Looks at what was received. Write `out` afterwards: logging in and asking for an error's text answer at once.
    ///
    /// # Errors
    /// Any: the connection must be dropped.
    pub fn poll(&mut self, out: &mut Vec<u8>) -> Result<Poll<'_>, LinkError> {
        Ok(match self.advance(out)? {
            Progress::NeedBytes => Poll::NeedBytes,
            Progress::Connected { job, server_version } => Poll::Connected { job, server_version },
            Progress::ReplyReady => self.take_reply().map_or(Poll::NeedBytes, Poll::Reply),
        })
    }

    /// As [`poll`](Self::poll), but the reply stays until [`take_reply`](Self::take_reply): for callers that loop.
    ///
    /// # Errors
    /// Any: the connection must be dropped.
    pub fn advance(&mut self, out: &mut Vec<u8>) -> Result<Progress, LinkError> {
        if self.ready.is_some() {
            return Ok(Progress::ReplyReady);
        }
        loop {
            self.consume_lent();
            let unread = self.recv.unread();
            let Some(header) = Header::peek(unread) else { return Ok(Progress::NeedBytes) };
            self.machine.check(&header)?;
            let message_bytes = (header.body_bytes as usize).saturating_add(HEADER_BYTES);
            let Some(body) = unread.get(HEADER_BYTES..message_bytes) else { return Ok(Progress::NeedBytes) };
            let outcome = self.machine.on_message(&header, body, out)?;
            self.lent_bytes = message_bytes;
            match outcome {
                Outcome::More => {}
                Outcome::Connected { job, server_version } => return Ok(Progress::Connected { job, server_version }),
                outcome => {
                    self.ready = Some(outcome);
                    return Ok(Progress::ReplyReady);
                }
            }
        }
    }

    /// The reply `advance` announced; once.
    pub fn take_reply(&mut self) -> Option<Reply<'_>> {
        let outcome = self.ready.take()?;
        let body = || self.recv.unread().get(HEADER_BYTES..self.lent_bytes).unwrap_or_default();
        Some(match outcome {
            Outcome::More | Outcome::Connected { .. } => return None,
            Outcome::Prepared(metadata) => Reply::Prepared(metadata),
            Outcome::Page { metadata, end } => Reply::Page { metadata, rows: body(), end },
            Outcome::Updated { metadata, counts } => Reply::Updated { metadata, counts },
            Outcome::Stream => Reply::Stream(body()),
            Outcome::EmptyStream => Reply::Stream(&[]),
            Outcome::Done => Reply::Done,
            Outcome::Forgotten => Reply::Failed { error: IrisError::recompiled(), counts: Vec::new() },
            Outcome::Failed { error, counts } => Reply::Failed { error, counts },
        })
    }

    /// Whether the reply that is ready says that IRIS holds the statement no longer: the request then has to be
    /// submitted again, once; it fails with SQLCODE 478 if the statement means something else by now.
    pub fn must_repeat(&self) -> bool {
        matches!(self.ready, Some(Outcome::Forgotten))
    }

    /// Before a new request: a reply that nobody took (its client is gone, or the request is repeated) is the answer to
    /// nothing that comes now.
    fn forget_reply(&mut self) {
        self.ready = None;
        self.consume_lent();
    }

    fn consume_lent(&mut self) {
        self.recv.consume(std::mem::take(&mut self.lent_bytes));
    }

    /// Bytes were received behind the last reply. Between requests there must be none.
    pub fn has_unread(&self) -> bool {
        self.recv.unread().len() > self.lent_bytes
    }

    /// Logged in and nothing in flight.
    pub fn is_idle(&self) -> bool {
        self.machine.is_idle()
    }

    /// Work may be open that only `Commit` or `Rollback` ends.
    pub fn in_transaction(&self) -> bool {
        self.machine.in_transaction()
    }

    /// The statement id in flight, for EI; 0 when none is.
    pub fn current_statement_id(&self) -> u32 {
        self.machine.current_statement_id()
    }

    /// IRIS's process number; 0 before the login.
    pub fn job(&self) -> i64 {
        self.machine.job()
    }

    /// Requests that had to wait for a reply since the start.
    pub fn round_trips_count(&self) -> u64 {
        self.machine.round_trips_count()
    }
}

#[cfg(test)]
mod tests;
