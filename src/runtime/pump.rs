//! Moves the bytes of one client: reads, cuts frames, calls the session, obeys its steps, writes. It knows no protocol
//! but where a frame ends.

mod ask;
mod between;
mod leave;
mod write;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::AsyncRead;
use futures_lite::future::{or, poll_fn, poll_once};
use glommio::net::TcpStream;

use self::ask::interruption;
use self::leave::{login_timed_out, too_many_clients};
use super::belongings::{Belongings, Locking};
use super::cancel::{Activity, Target};
use super::conversation::Conversation;
use super::interrupt::{Interrupted, Watch, relabeled};
use super::link::{Link, LinkFailure};
use super::pool::Lease;
use super::shard::Shard;
use super::tcp;
use super::wait::{Signals, within};
use crate::iris::{IrisError, Reply, Request};
use crate::session::{Effect, Event, Identity, LockRequest, Step, WaitRequest};
use crate::wire::{Frame, PgError, Phase, RecvBuf, SendBuf, SqlState, StartupPacket};

/// How long a client may take to receive the last message.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Why a client's task ends.
#[derive(Debug)]
enum End {
    /// The session closed the connection, or the client did.
    Closed,
    /// The socket failed.
    Io(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What ended the waiting for IRIS.
enum Outcome {
    /// `Link::take_reply` has it; the statement may have been interrupted by us.
    Reply(Option<Interrupted>),
    /// The connection is of no use any more.
    Broken(Box<PgError>),
    /// The client has gone; the connection is idle or given up.
    ClientGone,
    StopNow,
}

/// One client.
pub(super) struct Pump<C: Conversation> {
    shard: Rc<Shard<C>>,
    stream: TcpStream,
    session: C,
    target: Rc<Target>,
    recv: RecvBuf,
    out: SendBuf,
    lease: Option<Lease>,
    belongings: Belongings,
    /// The client is one too many: only a cancel request is served.
    is_refused: bool,
    login_deadline: Option<Instant>,
    /// When the statement that is running must be interrupted; set when it first has to wait.
    statement: Option<Statement>,
}

/// A statement that has waited for something.
struct Statement {
    /// [`Session::statement`](crate::session::Session::statement).
    number: u64,
    /// `statement_timeout`.
    deadline: Option<Instant>,
    /// It has been told to end in front of a request.
    is_told: bool,
}

impl<C: Conversation> Pump<C> {
    pub(super) fn new(shard: Rc<Shard<C>>, stream: TcpStream, target: Rc<Target>, is_refused: bool) -> Self {
        let identity = Identity {
            pid: target.pid,
            secret: target.secret,
            client_address: stream.peer_addr().ok(),
            server_address: stream.local_addr().ok(),
        };
        let session = C::new(&shard.context, identity);
        let login_deadline = Instant::now().checked_add(shard.options.login_timeout);
        let belongings = Belongings::new(Arc::clone(&shard.commons), Rc::clone(&target));
        Self {
            shard,
            stream,
            session,
            target,
            recv: RecvBuf::new(),
            out: SendBuf::new(),
            lease: None,
            belongings,
            is_refused,
            login_deadline,
            statement: None,
        }
    }

    pub(super) fn client_address(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }

    /// The whole life of the connection.
    pub(super) async fn run(&mut self) {
        match self.converse().await {
            Ok(()) | Err(End::Closed) => {}
            Err(End::Io(error)) => tracing::debug!(%error, pid = self.target.pid, "a client connection failed"),
        }
        if let Some(lease) = self.lease.take() {
            lease.release().await;
        }
        self.leave().await;
        // Behind the rollback: who waits for a lock sees what is left of the transaction.
        self.belongings.leave();
        self.linger().await;
    }

    /// Closing a socket with unread bytes resets the connection, and the client may lose the last message. So the
    /// rest is read, for a moment.
    async fn linger(&mut self) {
        const LINGER: Duration = Duration::from_millis(250);
        if self.stream.shutdown(std::net::Shutdown::Write).await.is_err() {
            return;
        }
        within(LINGER, async {
            while let Ok(1..) = self.read_some().await {
                self.recv.consume(usize::MAX);
            }
        })
        .await;
    }

    async fn converse(&mut self) -> Result<(), End> {
        let mut step = Step::NeedFrame;
        loop {
            let effects = self.session.take_effects();
            if !effects.is_empty() {
                for effect in &effects {
                    if let Effect::Tcp(wishes) = effect {
                        tcp::watch(&self.stream, *wishes, self.shard.options.client_tcp_timeout);
                    }
                }
                self.belongings.apply(effects);
            }
            // What waits for anything but IRIS, its client's reading among it, holds no connection that others need.
            if !matches!(step, Step::Submit(_)) {
                self.give_lease_back().await;
            }
            if let Some(error) = self.make_room(&step).await? {
                step = Box::pin(self.interrupted(error)).await;
                continue;
            }
            // A client that sends and reads fast never waits: others get their turn all the same.
            glommio::yield_if_needed().await;
            step = match step {
                Step::NeedFrame => self.next_frame().await?,
                Step::Flush => {
                    self.flush().await?;
                    Step::NeedFrame
                }
                Step::FlushThenResume => self.session.on_event(Event::Flushed, &mut self.out),
                Step::Yield => {
                    self.shard.turns.others_first().await;
                    self.session.on_event(Event::Flushed, &mut self.out)
                }
                Step::Submit(request) => {
                    let step = self.submit(&request).await?;
                    self.session.take_back(request);
                    step
                }
                // The futures of rare waits are large: they are on the heap while they last, and an idle client has no
                // room for them.
                Step::Ask(question) => Box::pin(self.ask(&question)).await?,
                Step::Mirror(change) => Box::pin(self.mirror(&change)).await?,
                Step::Refresh => Box::pin(self.refresh_mirror()).await?,
                Step::Sequence(request) => Box::pin(self.sequence(&request)).await?,
                Step::Wait(WaitRequest::Lock(request)) => Box::pin(self.lock(request)).await?,
                Step::Wait(WaitRequest::Sleep(time)) => Box::pin(self.sleep(time)).await?,
                Step::Wait(WaitRequest::Admission) => Box::pin(self.admit()).await?,
                Step::Wait(WaitRequest::Temporary(number)) => Box::pin(self.lease_temporary(number)).await?,
                Step::Notifications => match self.belongings.take_notifications() {
                    Ok(notifications) => self.session.on_event(Event::Notified(notifications), &mut self.out),
                    Err(error) => self.session.on_fatal(&error, &mut self.out),
                },
                Step::Cancel { pid, key } => {
                    self.shard.mesh.cancel(pid, key);
                    return Ok(());
                }
                Step::Close => {
                    return Box::pin(within(CLOSE_LIMIT, self.flush())).await.unwrap_or(Ok(()));
                }
            };
        }
    }

    async fn lock(&mut self, request: LockRequest) -> Result<Step, End> {
        self.target.activity.set(Activity::WaitingForIris(self.shard.tick.get()));
        let deadline = self.statement_deadline();
        let limit = Some(self.session.timeout_ms("lock_timeout")).filter(|ms| *ms > 0).map(Duration::from_millis);
        let outcome = self.belongings.lock(request, &self.stream, deadline, limit).await;
        self.target.activity.set(Activity::Working);
        match outcome {
            Locking::Answer(result) => Ok(self.session.on_event(Event::Waited(result), &mut self.out)),
            Locking::ClientGone => Err(End::Closed),
            Locking::StopNow => Ok(self.session.on_fatal(&stopping(true), &mut self.out)),
        }
    }

    async fn give_lease_back(&mut self) {
        // Asked only where there is one: the answer may take a walk over all portals.
        if self.lease.is_some()
            && !self.session.keeps_lease()
            && let Some(lease) = self.lease.take()
        {
            lease.release().await;
        }
    }

    /// Hands the next frame to the session, waiting for it where necessary.
    async fn next_frame(&mut self) -> Result<Step, End> {
        loop {
            let limits = C::limits(&self.shard.context);
            let phase = self.session.phase();
            let unread = self.recv.unread();
            match Frame::cut(unread, limits, phase) {
                Ok(Some(frame)) => {
                    let length = frame.wire_len();
                    if self.is_refused && phase == Phase::Startup && !is_before_startup(frame.body) {
                        return Ok(self.session.on_fatal(&too_many_clients(), &mut self.out));
                    }
                    let lookahead = unread.get(length).copied();
                    let step = if self.is_late() {
                        self.session.on_late_frame(frame, lookahead, canceled_by_timeout(), &mut self.out)
                    } else {
                        self.session.on_frame(frame, lookahead, &mut self.out)
                    };
                    self.recv.consume(length);
                    return Ok(step);
                }
                Ok(None) => {}
                Err(error) => return Ok(self.session.on_wire_error(&error, &mut self.out)),
            }
            self.flush().await?;
            if let Some(step) = self.wait_for_client().await? {
                return Ok(step);
            }
        }
    }

    /// Receives something, or ends the session for a reason of ours.
    async fn wait_for_client(&mut self) -> Result<Option<Step>, End> {
        // Between its messages, and while COPY waits for data.
        self.statement_deadline();
        // A cancel request that comes between statements is for nothing.
        self.target.signals.clear(Signals::CANCEL.union(Signals::LOOK_AT_CLIENT));
        if let Some(error) = self.reason_to_stop() {
            return Ok(Some(self.session.on_fatal(&error, &mut self.out)));
        }
        self.target.activity.set(Activity::WaitingForClient(self.shard.tick.get()));
        let since = if self.session.is_authenticated() { None } else { self.login_deadline };
        let mut deadline = since.map(|at| (at, login_timed_out()));
        let step = loop {
            let mut wanted = Signals::IDLE.union(Signals::STOP).union(Signals::STOP_NOW);
            if self.session.takes_notifications() {
                wanted = wanted.union(Signals::NOTIFIED);
            }
            let shard = Rc::clone(&self.shard);
            let target = Rc::clone(&self.target);
            let at = deadline.as_ref().map(|(at, _)| *at);
            let woken = or(async { Woken::Done(self.read_some().await) }, async {
                Woken::waited(target.signals.wait_until(wanted, at).await)
            })
            .await;
            match woken {
                Woken::Done(Ok(0)) => return Err(End::Closed),
                Woken::Done(Ok(_)) => break None,
                Woken::Done(Err(error)) => return Err(error.into()),
                Woken::Signal(signals) if signals.intersects(Signals::NOTIFIED) => {
                    self.target.signals.raise(signals.without(Signals::NOTIFIED));
                    match self.belongings.take_notifications() {
                        Ok(notifications) => self.session.on_notifications(&notifications, &mut self.out),
                        Err(error) => break Some(self.session.on_fatal(&error, &mut self.out)),
                    }
                    self.flush().await?;
                }
                Woken::Signal(signals) if signals.intersects(Signals::IDLE) => {
                    self.target.signals.raise(signals.without(Signals::IDLE));
                    self.recv.release();
                    self.out.release();
                    self.session.release();
                    if deadline.is_none() {
                        deadline = self.idle_deadline(shard.options.idle_in_transaction_timeout);
                    }
                }
                Woken::Signal(signals) => {
                    // Kept for the time when the transaction has ended.
                    self.target.signals.raise(signals);
                    match self.reason_to_stop() {
                        Some(error) => break Some(self.session.on_fatal(&error, &mut self.out)),
                        None => {
                            // Inside a transaction: its next statement decides.
                            match self.read_or_stop_now().await? {
                                Some(error) => break Some(self.session.on_fatal(&error, &mut self.out)),
                                None => break None,
                            }
                        }
                    }
                }
                Woken::Deadline => {
                    let error = deadline.map_or_else(login_timed_out, |(_, error)| error);
                    break Some(self.session.on_fatal(&error, &mut self.out));
                }
            }
        };
        if self.session.statement().is_none() {
            // Nor is one that came while the client was silent for what it says now.
            self.target.signals.clear(Signals::CANCEL);
        }
        self.target.activity.set(Activity::Working);
        Ok(step)
    }

    /// While the process stops and the client's transaction is open.
    async fn read_or_stop_now(&mut self) -> Result<Option<Box<PgError>>, End> {
        let target = Rc::clone(&self.target);
        let read = or(async { Some(self.read_some().await) }, async {
            target.signals.wait(Signals::STOP_NOW).await;
            None
        })
        .await;
        match read {
            Some(Ok(0)) => Err(End::Closed),
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(error.into()),
            None => Ok(Some(stopping(self.session.is_authenticated()))),
        }
    }

    /// The process stops, and no transaction stands in the way.
    fn reason_to_stop(&self) -> Option<Box<PgError>> {
        let signals = &self.target.signals;
        let stops = signals.is_raised(Signals::STOP_NOW)
            || signals.is_raised(Signals::STOP) && !self.session.in_transaction_block() && self.lease.is_none();
        stops.then(|| stopping(self.session.is_authenticated()))
    }

    /// When and why this idle client must go. Called when it has been idle for a tick: the exact start of its idleness
    /// does not matter, and a client that is busy never pays for looking at its settings.
    fn idle_deadline(&self, in_transaction_limit: Duration) -> Option<(Instant, Box<PgError>)> {
        let setting = |name| Some(self.session.timeout_ms(name)).filter(|ms| *ms > 0).map(Duration::from_millis);
        let (limit, error) = if self.session.in_transaction_block() {
            let own = setting("idle_in_transaction_session_timeout");
            let ours = Some(in_transaction_limit).filter(|limit| !limit.is_zero());
            let limit = own.into_iter().chain(ours).min()?;
            let message = "terminating connection due to idle-in-transaction timeout";
            (limit, PgError::fatal(SqlState::IDLE_IN_TRANSACTION_TIMEOUT, message))
        } else {
            let message = "terminating connection due to idle-session timeout";
            (setting("idle_session_timeout")?, PgError::fatal(SqlState(*b"57P05"), message))
        };
        Some((Instant::now().checked_add(limit)?, error))
    }

    /// One read into the shard's scratch buffer, so that a waiting client holds no memory for it.
    async fn read_some(&mut self) -> io::Result<usize> {
        let Self { stream, recv, shard, .. } = self;
        poll_fn(|context| {
            let mut scratch = shard.scratch.borrow_mut();
            let read = std::pin::Pin::new(&mut *stream).poll_read(context, &mut scratch);
            if let std::task::Poll::Ready(Ok(n)) = read {
                let received = scratch.get(..n).unwrap_or_default();
                if let Some(room) = recv.spare_mut(n).get_mut(..n) {
                    room.copy_from_slice(received);
                }
                recv.filled(n);
            }
            read
        })
        .await
    }

    /// Runs a request on the session's lease and tells the session what came of it.
    async fn submit(&mut self, request: &Request) -> Result<Step, End> {
        self.shard.counters.iris_requests.add(1);
        self.target.activity.set(Activity::WaitingForIris(self.shard.tick.get()));
        let statement = self.session.statement();
        if let Some(why) = self.is_to_end(request) {
            let error = IrisError { sqlcode: why.sqlcode(), text: String::new() };
            let reply = Reply::Failed { error, counts: Vec::new() };
            return Ok(self.session.on_event(Event::Iris(reply), &mut self.out));
        }
        let outcome = self.run_request(request).await;
        self.target.activity.set(Activity::Working);
        match outcome {
            Outcome::Reply(interrupted) => {
                let reply = self.lease.as_mut().and_then(Lease::link_mut).map_or(Reply::Done, Link::take_reply);
                let is_late = interrupted == Some(Interrupted::ByUser) && !matches!(reply, Reply::Failed { .. });
                let step = self.session.on_event(Event::Iris(relabeled(reply, interrupted)), &mut self.out);
                if is_late && statement.is_some() && self.session.statement() == statement {
                    // Too late for this request; the statement has more to come, or to be read by its client.
                    self.target.signals.raise(Signals::CANCEL);
                }
                if self.session.takes_leave() {
                    self.lease = None;
                }
                Ok(step)
            }
            Outcome::Broken(error) => {
                self.lease = None;
                Ok(self.session.on_event(Event::Lost(error), &mut self.out))
            }
            Outcome::ClientGone => Err(End::Closed),
            Outcome::StopNow => {
                self.lease = None;
                let error = stopping(true);
                Ok(self.session.on_fatal(&error, &mut self.out))
            }
        }
    }

    async fn run_request(&mut self, request: &Request) -> Outcome {
        let mut may_retry = self.lease.is_none() && may_be_repeated(request);
        let deadline = self.statement_deadline();
        loop {
            if self.lease.is_none() {
                if matches!(request, Request::Commit) {
                    // On another connection it would succeed, and commit nothing.
                    let message = "the transaction was lost with its connection to IRIS";
                    return Outcome::Broken(PgError::error(SqlState::CONNECTION_FAILURE, message));
                }
                match self.shard.pool.take_idle_lease() {
                    Some(lease) => self.lease = Some(lease),
                    // As in `converse`: connecting is rare, and its future is large.
                    None => match Box::pin(self.take_lease(deadline)).await {
                        Ok(lease) => self.lease = Some(lease),
                        Err(outcome) => return outcome,
                    },
                }
            }
            match self.exchange(request, deadline).await {
                Err(error) if may_retry && error.is_of_the_past() => {
                    tracing::debug!(%error, "an IRIS connection broke; the request is repeated on another one");
                    may_retry = false;
                    self.lease = None;
                }
                Err(error) => return Outcome::Broken(error.to_pg()),
                Ok(outcome) => return outcome,
            }
        }
    }

    /// `statement_timeout` counts for each statement, from the first time it has to wait.
    fn statement_deadline(&mut self) -> Option<Instant> {
        let number = self.session.statement()?;
        if let Some(known) = self.statement.as_ref().filter(|known| known.number == number) {
            return known.deadline;
        }
        let limit = Some(self.session.statement_timeout_ms()).filter(|ms| *ms > 0);
        let deadline = limit.and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
        self.statement = Some(Statement { number, deadline, is_told: false });
        deadline
    }

    async fn take_lease(&mut self, deadline: Option<Instant>) -> Result<Lease, Outcome> {
        let interrupted = interruption(&self.target, &self.stream, deadline);
        // What the interruption means to the pump travels beside the error the pool returns.
        let meaning = std::cell::Cell::new(None);
        let interrupted = async {
            let (error, outcome) = interrupted.await;
            meaning.set(outcome.map(Outcome::from));
            error
        };
        let lease = self.shard.pool.acquire(interrupted).await;
        lease.map_err(|error| meaning.take().unwrap_or(Outcome::Broken(error)))
    }

    /// One request on the lease. Until its reply is there only signals are listened to, not the client: what it
    /// sends in the meantime stays in the socket.
    async fn exchange(&mut self, request: &Request, deadline: Option<Instant>) -> Result<Outcome, LinkFailure> {
        let Self { lease, target, shard, stream, .. } = self;
        let Some(link) = lease.as_mut().and_then(Lease::link_mut) else {
            return Ok(Outcome::Broken(PgError::error(SqlState::INTERNAL_ERROR, "no IRIS connection at hand")));
        };
        let mut pending = link.begin(request)?;
        let mut watch = Watch::new(deadline, request, pending);
        loop {
            let (wanted, at) = (watch.wanted(), watch.deadline);
            let signal = async { Woken::waited(target.signals.wait_until(wanted, at).await) };
            let arrival = async {
                watch.arrival().await;
                Woken::Signal(Signals::default())
            };
            let woken = or(async { Woken::Done(link.finish(pending).await) }, or(signal, arrival)).await;
            match woken {
                Woken::Done(Err(error)) if watch.interrupted.is_some() || matches!(request, Request::Commit) => {
                    return Ok(Outcome::Broken(watch.broken(error.to_pg())));
                }
                Woken::Done(Err(error)) => return Err(error),
                Woken::Done(Ok(())) => {
                    if watch.settle().await {
                        link.taint();
                    }
                    if watch.client_gone {
                        return Ok(Outcome::ClientGone);
                    }
                    if !link.must_repeat() {
                        return Ok(Outcome::Reply(watch.interrupted));
                    }
                    if watch.interrupted.is_some() {
                        return Ok(Outcome::Broken(watch.given_up()));
                    }
                    pending = link.begin(request)?;
                }
                Woken::Signal(signals) if signals.intersects(Signals::STOP_NOW) => return Ok(Outcome::StopNow),
                Woken::Signal(signals) if signals.intersects(Signals::CANCEL) => {
                    watch.interrupt(&shard.pool, link, Interrupted::ByUser);
                }
                Woken::Signal(signals) if signals.intersects(Signals::LOOK_AT_CLIENT) => {
                    if is_gone(stream).await {
                        watch.client_gone = true;
                        watch.interrupt(&shard.pool, link, Interrupted::ByUser);
                    }
                }
                Woken::Signal(_) => {}
                Woken::Deadline if watch.client_gone => return Ok(Outcome::ClientGone),
                Woken::Deadline if watch.interrupted.is_some() => return Ok(Outcome::Broken(watch.given_up())),
                Woken::Deadline => watch.interrupt(&shard.pool, link, Interrupted::ByTimeout),
            }
        }
    }
}

/// What ended a wait.
enum Woken<T> {
    Done(T),
    Signal(Signals),
    Deadline,
}

impl<T> Woken<T> {
    /// By what [`SignalBox::wait_until`](super::wait::SignalBox::wait_until) waited for.
    fn waited(signals: Option<Signals>) -> Self {
        signals.map_or(Self::Deadline, Self::Signal)
    }
}

/// A request may be sent again when its connection breaks before the answer, if nothing can have been done for good:
/// the first of a transaction (which is lost with the connection), one that only reads, or one that only prepares.
fn may_be_repeated(request: &Request) -> bool {
    match request {
        Request::Prepare { .. } => true,
        Request::Execute { statement, in_transaction, .. } => *in_transaction || statement.is_query,
        _ => false,
    }
}

/// Whether the client has closed its side. One look; bytes it has sent ahead hide the end.
pub(super) async fn is_gone(stream: &TcpStream) -> bool {
    let mut byte = [0];
    matches!(poll_once(stream.peek(&mut byte)).await, Some(Ok(0) | Err(_)))
}

/// Requests that come in front of a StartupMessage, or instead of it.
fn is_before_startup(body: &[u8]) -> bool {
    !matches!(StartupPacket::parse(body), Ok(StartupPacket::Startup { .. }))
}

pub(super) fn canceled_by_user() -> Box<PgError> {
    PgError::error(SqlState::QUERY_CANCELED, "canceling statement due to user request")
}

pub(super) fn canceled_by_timeout() -> Box<PgError> {
    PgError::error(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout")
}

fn stopping(is_authenticated: bool) -> Box<PgError> {
    if is_authenticated {
        PgError::fatal(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
    } else {
        PgError::fatal(SqlState::CANNOT_CONNECT_NOW, "the database system is shutting down")
    }
}
