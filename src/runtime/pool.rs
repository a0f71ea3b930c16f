//! The IRIS connections a shard has at present: opened when needed, lent for a transaction, first come first served, and
//! handed on to other shards that wait (see [`Slots`]).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use futures_lite::future::or;

use super::counters::ShardCounters;
use super::link::{IrisTarget, Link, LinkFailure, Parked};
use super::slots::{Asked, Slots, Ticket};
use super::wait::within;
use crate::iris::{LinkError, Request};
use crate::wire::{PgError, SqlState};

/// After a failed connect, others fail with the same error until this has passed: doubled each time, up to the
/// second bound. Long enough to spare a server that is starting, short enough that nobody notices afterwards.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// What takes longer to be made fit for the next client is closed instead: IRIS rolls back then, too.
const CLEAN_LIMIT: Duration = Duration::from_secs(5);

/// What a shard's pool is made of.
#[derive(Debug, Clone)]
pub(super) struct PoolOptions {
    pub(super) target: IrisTarget,
    pub(super) shard: usize,
    pub(super) wait_limit: Duration,
    /// Idle connections are closed after so many ticks; `None`: never.
    pub(super) idle_ticks_max: Option<u64>,
}

/// Connections of one shard.
#[derive(Debug)]
pub(super) struct Pool {
    options: PoolOptions,
    slots: Arc<Slots>,
    counters: Arc<ShardCounters>,
    /// The shard's clock in ticks.
    tick: Rc<Cell<u64>>,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The one used last is taken first, from the end, so that the others may be given up.
    idle: VecDeque<Idle>,
    /// Who waits on this shard. Whose turn it is, the queue of the process tells.
    waiters: Vec<(Ticket, Rc<Waiter>)>,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Idle {
    link: Box<Link>,
    since_tick: u64,
}

/// The last attempt to connect failed.
#[derive(Debug)]
struct Failure {
    error: Box<PgError>,
    /// Nothing answers there. The connections that are lent are as dead, so nobody waits for them.
    is_unreachable: bool,
    /// IRIS answered, and let nobody in.
    is_refusal: bool,
    retry_at: Instant,
    backoff: Duration,
}

#[derive(Debug, Default)]
struct Waiter {
    handed: RefCell<Option<Handed>>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Debug)]
enum Handed {
    Link(Box<Link>),
    /// The right to open a connection.
    Slot,
    Error(Box<PgError>),
}

impl Waiter {
    fn hand(&self, handed: Handed) {
        self.handed.replace(Some(handed));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn wait(&self) -> Handed {
        poll_fn(|context| match self.handed.take() {
            Some(handed) => Poll::Ready(handed),
            None => {
                self.waker.replace(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

impl Pool {
    pub(super) fn new(
        options: PoolOptions,
        slots: Arc<Slots>,
        counters: Arc<ShardCounters>,
        tick: Rc<Cell<u64>>,
    ) -> Rc<Self> {
        Rc::new(Self { options, slots, counters, tick, state: RefCell::default() })
    }

    pub(super) fn target(&self) -> &IrisTarget {
        &self.options.target
    }

    pub(super) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// A connection, as soon as there is one. `interrupted` ends the waiting with its error.
    ///
    /// # Errors
    /// 53300 after `pool_wait_timeout_ms`, 08006 when IRIS cannot be reached, or the interruption's own.
    pub(super) async fn acquire(
        self: &Rc<Self>,
        interrupted: impl Future<Output = Box<PgError>>,
    ) -> Result<Lease, Box<PgError>> {
        if let Some(lease) = self.take_idle_lease() {
            return Ok(lease);
        }
        or(async { Err(interrupted.await) }, self.acquire_slowly()).await
    }

    /// A connection without waiting: an idle one of this shard, unless somebody waits.
    pub(super) fn take_idle_lease(self: &Rc<Self>) -> Option<Lease> {
        while let Some(link) = self.take_idle() {
            let lease = Lease::new(self, link);
            if lease.is_silent() {
                return Some(lease);
            }
            tracing::debug!("an idle IRIS connection was closed by the server, or said something unasked");
        }
        None
    }

    /// A connection that nobody has to give back first: an idle one of this shard, or one that may be opened. `None` when
    /// there is none, or IRIS lets nobody in.
    pub(super) async fn acquire_free(self: &Rc<Self>) -> Option<Lease> {
        if let Some(lease) = self.take_idle_lease() {
            return Some(lease);
        }
        if self.is_blocked() || !self.slots.take_free() {
            return None;
        }
        self.open(Slot::new(self)).await.ok()
    }

    fn take_idle(&self) -> Option<Box<Link>> {
        if self.slots.has_waiters() {
            return None;
        }
        self.pop_idle()
    }

    fn pop_idle(&self) -> Option<Box<Link>> {
        let mut state = self.state.borrow_mut();
        let idle = state.idle.pop_back()?;
        self.slots.set_idle(self.options.shard, state.idle.len());
        Some(idle.link)
    }

    async fn acquire_slowly(self: &Rc<Self>) -> Result<Lease, Box<PgError>> {
        let limit = self.options.wait_limit;
        let deadline = Instant::now().checked_add(limit);
        let mut place = match self.ask()? {
            Ok(slot) => match self.open(slot).await {
                Ok(lease) => return Ok(lease),
                Err(error) if self.is_hopeless() => return Err(error),
                // There are connections that will come back: IRIS may just have no licence left.
                Err(_) => self.queue_up(),
            },
            Err(place) => place,
        };
        loop {
            self.counters.pool_waits.add(1);
            let left = deadline.map_or(limit, |at| at.saturating_duration_since(Instant::now()));
            let slot = match within(left, place.waiter.wait()).await {
                Some(Handed::Link(link)) => {
                    let lease = Lease::new(self, link);
                    if lease.is_silent() {
                        return Ok(lease);
                    }
                    lease.into_slot()
                }
                Some(Handed::Slot) => Slot::new(self),
                Some(Handed::Error(error)) => return Err(error),
                None => {
                    self.counters.pool_wait_timeouts.add(1);
                    return Err(self.exhausted());
                }
            };
            match self.open(slot).await {
                Ok(lease) => return Ok(lease),
                Err(error) if self.is_hopeless() => return Err(error),
                Err(_) => place = self.queue_up(),
            }
        }
    }

    fn exhausted(&self) -> Box<PgError> {
        PgError::error(
            SqlState::TOO_MANY_CONNECTIONS,
            format!("no IRIS connection became free within {} ms", self.options.wait_limit.as_millis()),
        )
        .detail(format!("All {} connections are in use.", self.slots.total()))
        .hint("Shorten transactions, raise iris_connections or raise pool_wait_timeout_ms.")
    }

    fn is_blocked(&self) -> bool {
        self.state.borrow().failure.as_ref().is_some_and(|failure| failure.retry_at > Instant::now())
    }

    /// The right to open a connection, or a place in the queue.
    ///
    /// # Errors
    /// The last attempt's, while its backoff lasts and there is no connection worth waiting for.
    fn ask(self: &Rc<Self>) -> Result<Result<Slot, Place>, Box<PgError>> {
        if let Some(failure) = self.state.borrow().failure.as_ref().filter(|failure| failure.retry_at > Instant::now())
            && (failure.is_unreachable || self.slots.are_all_free())
        {
            return Err(failure.error.clone());
        }
        Ok(match self.slots.ask(self.options.shard, !self.is_blocked()) {
            Asked::Slot => Ok(Slot::new(self)),
            Asked::Wait(ticket) => Err(self.join(ticket)),
        })
    }

    fn queue_up(self: &Rc<Self>) -> Place {
        let ticket = self.slots.queue_up(self.options.shard);
        self.join(ticket)
    }

    fn join(self: &Rc<Self>, ticket: Ticket) -> Place {
        let waiter = Rc::new(Waiter::default());
        self.state.borrow_mut().waiters.push((ticket, Rc::clone(&waiter)));
        let place = Place { pool: Rc::clone(self), ticket, waiter };
        // Idle ones here are for those who wait as well.
        self.recall();
        place
    }

    async fn open(self: &Rc<Self>, slot: Slot) -> Result<Lease, Box<PgError>> {
        match Link::connect(&self.options.target).await {
            Ok(link) => {
                self.state.borrow_mut().failure = None;
                self.counters.iris_connections_open.add(1);
                Ok(slot.into_lease(Box::new(link)))
            }
            Err(error) => {
                tracing::warn!(%error, "no connection to IRIS");
                self.counters.iris_connects_failed.add(1);
                self.remember_failure(&error);
                let error = error.to_pg();
                // Now blocked: it is not passed on before the backoff is over.
                drop(slot);
                self.fail_waiters_without_hope(&error);
                Err(error)
            }
        }
    }

    fn remember_failure(&self, error: &LinkFailure) {
        let mut state = self.state.borrow_mut();
        let backoff = match &state.failure {
            Some(failure) => failure.backoff.saturating_mul(2).min(BACKOFF_MAX),
            None => BACKOFF_MIN,
        };
        let now = Instant::now();
        let retry_at = now.checked_add(backoff).unwrap_or(now);
        state.failure = Some(Failure {
            error: error.to_pg(),
            is_unreachable: matches!(error, LinkFailure::Connect { .. }),
            is_refusal: matches!(error, LinkFailure::Protocol(LinkError::LoginRefused { .. })),
            retry_at,
            backoff,
        });
    }

    /// After a failed attempt: whether no connection will be handed over.
    fn is_hopeless(&self) -> bool {
        let is_unreachable = self.state.borrow().failure.as_ref().is_some_and(|failure| failure.is_unreachable);
        is_unreachable || self.slots.are_all_free()
    }

    /// Whether IRIS refused the last login.
    pub(super) fn is_refused(&self) -> bool {
        self.state.borrow().failure.as_ref().is_some_and(|failure| failure.is_refusal)
    }

    fn fail_waiters_without_hope(&self, error: &PgError) {
        if !self.is_hopeless() {
            return;
        }
        let waiters = std::mem::take(&mut self.state.borrow_mut().waiters);
        for (ticket, waiter) in waiters {
            self.slots.leave(ticket);
            waiter.hand(Handed::Error(Box::new(error.clone())));
        }
    }

    /// Called every tick: after a backoff the first who waits may try again, and what has been idle for long is closed.
    pub(super) fn on_tick(self: &Rc<Self>) {
        if !self.is_blocked()
            && let Some(ticket) = self.slots.match_free()
        {
            self.pass_slot(ticket);
        }
        let now = self.tick.get();
        let Some(limit) = self.options.idle_ticks_max else { return };
        loop {
            let link = {
                let mut state = self.state.borrow_mut();
                match state.idle.front() {
                    Some(idle) if now.wrapping_sub(idle.since_tick) >= limit => {}
                    _ => return,
                }
                let Some(idle) = state.idle.pop_front() else { return };
                self.slots.set_idle(self.options.shard, state.idle.len());
                idle.link
            };
            tracing::debug!("an IRIS connection is closed: nobody has used it for long");
            glommio::spawn_local(Rc::clone(self).close(link)).detach();
        }
    }

    async fn close(self: Rc<Self>, link: Box<Link>) {
        self.counters.iris_connections_open.subtract(1);
        let slot = Slot::new(&self);
        link.disconnect().await;
        drop(slot);
    }

    /// A clean connection comes back.
    fn give(&self, link: Box<Link>) {
        if self.slots.has_waiters()
            && let Some(ticket) = self.slots.next()
        {
            return self.pass_link(ticket, link);
        }
        {
            let mut state = self.state.borrow_mut();
            state.idle.push_back(Idle { link, since_tick: self.tick.get() });
            self.slots.set_idle(self.options.shard, state.idle.len());
        }
        // Whoever began to wait just now may not have seen it.
        self.recall();
    }

    /// Idle connections go to those who wait, here or elsewhere.
    pub(super) fn recall(&self) {
        while self.slots.has_waiters() {
            let Some(link) = self.pop_idle() else { return };
            match self.slots.next() {
                Some(ticket) => self.pass_link(ticket, link),
                None => return self.give(link),
            }
        }
    }

    fn pass_link(&self, ticket: Ticket, link: Box<Link>) {
        if ticket.shard == self.options.shard {
            return self.hand(ticket, Handed::Link(link));
        }
        self.counters.iris_connections_open.subtract(1);
        self.slots.lend(ticket, link.park());
    }

    fn pass_slot(&self, ticket: Ticket) {
        if ticket.shard == self.options.shard {
            self.hand(ticket, Handed::Slot);
        } else {
            self.slots.grant(ticket);
        }
    }

    /// From another shard: a connection for one who waits here.
    pub(super) fn lent(&self, ticket: Ticket, link: Parked) {
        match Link::unpark(link, &self.options.target) {
            Ok(link) => {
                self.counters.iris_connections_open.add(1);
                self.hand(ticket, Handed::Link(Box::new(link)));
            }
            Err(error) => {
                tracing::warn!(%error, "an IRIS connection could not be taken over from another core");
                self.hand(ticket, Handed::Slot);
            }
        }
    }

    /// From another shard: the right to open a connection, for one who waits here.
    pub(super) fn granted(&self, ticket: Ticket) {
        self.hand(ticket, Handed::Slot);
    }

    fn hand(&self, ticket: Ticket, handed: Handed) {
        let waiter = {
            let mut state = self.state.borrow_mut();
            let at = state.waiters.iter().position(|(other, _)| *other == ticket);
            at.map(|at| state.waiters.remove(at).1)
        };
        match waiter {
            Some(waiter) => waiter.hand(handed),
            None => self.pass_on(handed),
        }
    }

    /// Whom it was for does not need it any more.
    fn pass_on(&self, handed: Handed) {
        match handed {
            Handed::Link(link) => self.give(link),
            Handed::Slot => self.free_slot(),
            Handed::Error(_) => {}
        }
    }

    /// A connection is gone, or was not opened: the next who waits may open one.
    fn free_slot(&self) {
        if let Some(ticket) = self.slots.free(!self.is_blocked()) {
            self.pass_slot(ticket);
        }
    }

    /// Closes what is idle; for the end of the shard.
    pub(super) async fn close_idle(self: &Rc<Self>) {
        while let Some(link) = self.pop_idle() {
            Rc::clone(self).close(link).await;
        }
    }

    /// Connections of the process that are not free, idle ones of this shard, and who waits here.
    #[cfg(test)]
    fn counts(&self) -> (usize, usize, usize) {
        let state = self.state.borrow();
        (self.slots.in_use(), state.idle.len(), state.waiters.len())
    }
}

/// A place in the queue. Leaving it passes on what was handed over in the meantime.
struct Place {
    pool: Rc<Pool>,
    ticket: Ticket,
    waiter: Rc<Waiter>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(handed) = self.waiter.handed.take() {
            return self.pool.pass_on(handed);
        }
        let mut state = self.pool.state.borrow_mut();
        if let Some(at) = state.waiters.iter().position(|(ticket, _)| *ticket == self.ticket) {
            state.waiters.remove(at);
            // One whose turn has come is looked for when what it waited for arrives.
            self.pool.slots.leave(self.ticket);
        }
    }
}

/// The right to open one of the process's connections. Dropping it passes it on.
#[derive(Debug)]
struct Slot {
    pool: Rc<Pool>,
    is_used: bool,
}

impl Slot {
    fn new(pool: &Rc<Pool>) -> Self {
        Self { pool: Rc::clone(pool), is_used: false }
    }

    fn into_lease(mut self, link: Box<Link>) -> Lease {
        self.is_used = true;
        Lease::new(&self.pool, link)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.is_used {
            self.pool.free_slot();
        }
    }
}

/// An IRIS connection in one client's hands. Dropping it closes the connection, which rolls back what is open there:
/// the safe default. [`release`](Self::release) gives it back.
#[derive(Debug)]
pub(super) struct Lease {
    pool: Rc<Pool>,
    /// `None` only while it is given back.
    link: Option<Box<Link>>,
}

impl Lease {
    fn new(pool: &Rc<Pool>, link: Box<Link>) -> Self {
        Self { pool: Rc::clone(pool), link: Some(link) }
    }

    /// Closes the connection and keeps its slot.
    fn into_slot(mut self) -> Slot {
        if self.link.take().is_some() {
            self.pool.counters.iris_connections_open.subtract(1);
        }
        Slot::new(&self.pool)
    }

    fn is_silent(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.is_silent())
    }

    pub(super) fn link_mut(&mut self) -> Option<&mut Link> {
        self.link.as_deref_mut()
    }

    /// Gives the connection back, clean: an open transaction is rolled back, unread results are dropped. A connection
    /// that cannot be cleaned is closed.
    pub(super) async fn release(mut self) {
        let is_clean = match &mut self.link {
            Some(link) => within(CLEAN_LIMIT, clean(link)).await.unwrap_or(Ok(false)),
            None => return,
        };
        match is_clean {
            Ok(true) => {
                if let Some(link) = self.link.take() {
                    self.pool.give(link);
                }
            }
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "an IRIS connection could not be cleaned"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            // Closed before the next one is opened.
            drop(link);
            self.pool.counters.iris_connections_open.subtract(1);
            self.pool.free_slot();
        }
    }
}

/// Whether the connection is as good as new.
async fn clean(link: &mut Link) -> Result<bool, LinkFailure> {
    if !link.is_idle() {
        return Ok(false);
    }
    // On the heap: it is rare, and an idle client has no room for it.
    if link.in_transaction() && !Box::pin(link.run(&Request::Rollback)).await? {
        return Ok(false);
    }
    link.close_results().await?;
    Ok(link.is_idle())
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
