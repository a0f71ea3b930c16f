//! A shard's share of the IRIS connections: opened when needed, lent for a transaction, first come first served.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use futures_lite::future::or;

use super::counters::ShardCounters;
use super::link::{IrisTarget, Link, LinkFailure};
use super::wait::within;
use crate::iris::Request;
use crate::wire::{PgError, SqlState};

/// After a failed connect, others fail with the same error until this has passed: doubled each time, up to the
/// second bound. Long enough to spare a server that is starting, short enough that nobody notices afterwards.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// What takes longer to be made fit for the next client is closed instead: IRIS rolls back then, too.
const CLEAN_LIMIT: Duration = Duration::from_secs(5);

/// Connections of one shard.
#[derive(Debug)]
pub(super) struct Pool {
    target: IrisTarget,
    /// Connections this shard may hold at the same time.
    share: usize,
    wait_limit: Duration,
    counters: Arc<ShardCounters>,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The one used last is taken first: the others may be given up one day.
    idle: VecDeque<Box<Link>>,
    /// Idle, lent and being opened together; never above `share`.
    open_count: usize,
    waiters: VecDeque<Rc<Waiter>>,
    failure: Option<Failure>,
}

/// The last attempt to connect failed.
#[derive(Debug)]
struct Failure {
    error: Box<PgError>,
    /// Nothing answers there. The connections that are lent are as dead, so nobody waits for them.
    is_unreachable: bool,
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
        target: IrisTarget,
        share: usize,
        wait_limit: Duration,
        counters: Arc<ShardCounters>,
    ) -> Rc<Self> {
        Rc::new(Self { target, share, wait_limit, counters, state: RefCell::default() })
    }

    pub(super) fn target(&self) -> &IrisTarget {
        &self.target
    }

    /// A connection, as soon as there is one. `interrupted` ends the waiting with its error.
    ///
    /// # Errors
    /// 53300 after `pool_wait_timeout_ms`, 08006 when IRIS cannot be reached, or the interruption's own.
    pub(super) async fn acquire(
        self: &Rc<Self>,
        interrupted: impl Future<Output = Box<PgError>>,
    ) -> Result<Lease, Box<PgError>> {
        while let Some(link) = self.take_idle() {
            let lease = Lease::new(self, link);
            if lease.is_silent() {
                return Ok(lease);
            }
            tracing::debug!("an idle IRIS connection was closed by the server, or said something unasked");
        }
        or(async { Err(interrupted.await) }, self.acquire_slowly()).await
    }

    fn take_idle(&self) -> Option<Box<Link>> {
        self.state.borrow_mut().idle.pop_back()
    }

    async fn acquire_slowly(self: &Rc<Self>) -> Result<Lease, Box<PgError>> {
        let deadline = Instant::now().checked_add(self.wait_limit);
        let mut slot = self.take_slot()?;
        loop {
            if let Some(slot) = slot.take() {
                match self.open(slot).await {
                    Ok(lease) => return Ok(lease),
                    Err(error) if self.is_hopeless() => return Err(error),
                    // Others hold connections that will come back: IRIS may just have no licence left.
                    Err(_) => {}
                }
            }
            self.counters.pool_waits.add(1);
            let left = deadline.map_or(self.wait_limit, |at| at.saturating_duration_since(Instant::now()));
            let place = Place::join(self);
            match within(left, place.waiter.wait()).await {
                Some(Handed::Link(link)) => return Ok(Lease::new(self, link)),
                Some(Handed::Slot) => slot = Some(Slot::new(self)),
                Some(Handed::Error(error)) => return Err(error),
                None => {
                    self.counters.pool_wait_timeouts.add(1);
                    return Err(self.exhausted());
                }
            }
        }
    }

    fn exhausted(&self) -> Box<PgError> {
        PgError::error(
            SqlState::TOO_MANY_CONNECTIONS,
            format!("no IRIS connection became free within {} ms", self.wait_limit.as_millis()),
        )
        .detail(format!("All {} connections of this core are in use.", self.share))
        .hint("Shorten transactions, raise iris_connections or raise pool_wait_timeout_ms.")
    }

    /// The right to open a connection, if the share leaves one. Nobody overtakes those who wait.
    ///
    /// # Errors
    /// The last attempt's, while its backoff lasts and there is no connection worth waiting for.
    fn take_slot(self: &Rc<Self>) -> Result<Option<Slot>, Box<PgError>> {
        let mut state = self.state.borrow_mut();
        if let Some(failure) = state.failure.as_ref().filter(|failure| failure.retry_at > Instant::now()) {
            let hopeless = failure.is_unreachable || state.open_count == 0;
            return if hopeless { Err(failure.error.clone()) } else { Ok(None) };
        }
        if state.open_count >= self.share || !state.waiters.is_empty() {
            return Ok(None);
        }
        state.open_count = state.open_count.saturating_add(1);
        Ok(Some(Slot::new(self)))
    }

    async fn open(self: &Rc<Self>, slot: Slot) -> Result<Lease, Box<PgError>> {
        match Link::connect(&self.target).await {
            Ok(link) => {
                self.state.borrow_mut().failure = None;
                self.counters.iris_connections_open.add(1);
                Ok(slot.into_lease(Box::new(link)))
            }
            Err(error) => {
                tracing::warn!(%error, "no connection to IRIS");
                self.counters.iris_connects_failed.add(1);
                let is_unreachable = matches!(error, LinkFailure::Connect { .. });
                let error = error.to_pg();
                self.remember_failure(&error, is_unreachable);
                drop(slot);
                self.fail_waiters_without_hope(&error);
                Err(error)
            }
        }
    }

    fn remember_failure(&self, error: &PgError, is_unreachable: bool) {
        let mut state = self.state.borrow_mut();
        let backoff = match &state.failure {
            Some(failure) => failure.backoff.saturating_mul(2).min(BACKOFF_MAX),
            None => BACKOFF_MIN,
        };
        let now = Instant::now();
        let retry_at = now.checked_add(backoff).unwrap_or(now);
        state.failure = Some(Failure { error: Box::new(error.clone()), is_unreachable, retry_at, backoff });
    }

    /// After a failed attempt: whether no connection will be handed over.
    fn is_hopeless(&self) -> bool {
        let state = self.state.borrow();
        state.open_count == 0 || state.failure.as_ref().is_some_and(|failure| failure.is_unreachable)
    }

    fn fail_waiters_without_hope(&self, error: &PgError) {
        if !self.is_hopeless() {
            return;
        }
        let waiters = std::mem::take(&mut self.state.borrow_mut().waiters);
        for waiter in waiters {
            waiter.hand(Handed::Error(Box::new(error.clone())));
        }
    }

    /// Called every tick: after a backoff the first who waits may try again.
    pub(super) fn on_tick(&self) {
        let waiter = {
            let mut state = self.state.borrow_mut();
            let blocked = state.failure.as_ref().is_some_and(|failure| failure.retry_at > Instant::now());
            if blocked || state.open_count >= self.share {
                return;
            }
            let Some(waiter) = state.waiters.pop_front() else { return };
            state.open_count = state.open_count.saturating_add(1);
            waiter
        };
        waiter.hand(Handed::Slot);
    }

    /// A clean connection comes back.
    fn give(&self, link: Box<Link>) {
        let waiter = {
            let mut state = self.state.borrow_mut();
            match state.waiters.pop_front() {
                Some(waiter) => waiter,
                None => {
                    state.idle.push_back(link);
                    return;
                }
            }
        };
        waiter.hand(Handed::Link(link));
    }

    /// A connection is gone, or was not opened: the next who waits may open one.
    fn free_slot(&self) {
        let waiter = {
            let mut state = self.state.borrow_mut();
            let blocked = state.failure.as_ref().is_some_and(|failure| failure.retry_at > Instant::now());
            match if blocked { None } else { state.waiters.pop_front() } {
                Some(waiter) => waiter,
                None => {
                    state.open_count = state.open_count.saturating_sub(1);
                    return;
                }
            }
        };
        waiter.hand(Handed::Slot);
    }

    /// Closes what is idle; for the end of the shard.
    pub(super) async fn close_idle(&self) {
        loop {
            let Some(link) = self.state.borrow_mut().idle.pop_back() else { return };
            self.counters.iris_connections_open.subtract(1);
            link.disconnect().await;
            self.free_slot();
        }
    }

    #[cfg(test)]
    fn counts(&self) -> (usize, usize, usize) {
        let state = self.state.borrow();
        (state.open_count, state.idle.len(), state.waiters.len())
    }
}

/// A place in the queue. Leaving it passes on what was handed over in the meantime.
struct Place {
    pool: Rc<Pool>,
    waiter: Rc<Waiter>,
}

impl Place {
    fn join(pool: &Rc<Pool>) -> Self {
        let waiter = Rc::new(Waiter::default());
        pool.state.borrow_mut().waiters.push_back(Rc::clone(&waiter));
        Self { pool: Rc::clone(pool), waiter }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pool.state.borrow_mut().waiters.retain(|waiter| !Rc::ptr_eq(waiter, &self.waiter));
        match self.waiter.handed.take() {
            Some(Handed::Link(link)) => self.pool.give(link),
            Some(Handed::Slot) => self.pool.free_slot(),
            Some(Handed::Error(_)) | None => {}
        }
    }
}

/// The right to open one of the `share` connections. Dropping it passes it on.
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
    if link.in_transaction() && !link.run(&Request::Rollback).await? {
        return Ok(false);
    }
    link.close_results().await?;
    Ok(link.is_idle())
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
