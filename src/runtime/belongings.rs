//! What a session has outside of itself: channels it listens to, advisory locks it holds or waits for. Given back when
//! this is dropped, so a session that panics or is killed leaves nothing behind.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glommio::net::TcpStream;

use super::advisory::{AdvisoryLocks, Asked, Claim};
use super::cancel::{Mesh, Target};
use super::channels::{Channels, Queue};
use super::pump::{canceled_by_timeout, canceled_by_user, is_gone};
use super::wait::Signals;
use crate::session::{Effect, LockRequest, Notification};
use crate::wire::{PgError, SqlState};

/// Notifications written at a time: 2 MB at most.
const NOTIFICATIONS_MAX: usize = 256;

/// What sessions of all shards have in common.
#[derive(Debug)]
pub(super) struct Commons {
    pub(super) channels: Channels,
    pub(super) advisory: AdvisoryLocks,
}

impl Commons {
    pub(super) fn new(mesh: &Mesh) -> Self {
        Self { channels: Channels::new(mesh.clone()), advisory: AdvisoryLocks::new(mesh.clone()) }
    }
}

/// Of one session. Costs nothing until it listens or locks.
pub(super) struct Belongings {
    commons: Arc<Commons>,
    target: Rc<Target>,
    /// Once the session has listened.
    queue: Option<Arc<Queue>>,
    /// The session has asked for a lock.
    has_locks: bool,
}

/// What came of a request for a lock.
pub(super) enum Locking {
    Answer(Result<bool, Box<PgError>>),
    ClientGone,
    StopNow,
}

impl Belongings {
    pub(super) fn new(commons: Arc<Commons>, target: Rc<Target>) -> Self {
        Self { commons, target, queue: None, has_locks: false }
    }

    pub(super) fn apply(&mut self, effects: Vec<Effect>) {
        let pid = self.target.pid;
        for effect in effects {
            match effect {
                Effect::Channels { changes, notifications } => {
                    if !changes.is_empty() {
                        self.queue.get_or_insert_with(|| Arc::new(Queue::new(pid)));
                    }
                    self.commons.channels.commit(self.queue.as_ref(), &changes, &notifications);
                }
                Effect::ReleaseTransactionLocks(locks) => self.commons.advisory.release_transaction(pid, &locks),
                Effect::ReleaseSessionLocks => self.commons.advisory.unlock_all(pid),
                // The pump's, which has the socket.
                Effect::Tcp(_) => {}
                Effect::CancelKey(key_bytes) => self.target.key_bytes.set(key_bytes),
            }
        }
    }

    /// Notifications that wait for the session; when there are more, it is told again.
    ///
    /// # Errors
    /// FATAL: there were more than are kept.
    pub(super) fn take_notifications(&self) -> Result<Vec<Arc<Notification>>, Box<PgError>> {
        let Some(queue) = &self.queue else { return Ok(Vec::new()) };
        // First: what comes in after the look into the queue tells the session anew.
        self.target.signals.clear(Signals::NOTIFIED);
        let (taken, has_more) = queue.take(NOTIFICATIONS_MAX)?;
        if has_more {
            self.target.signals.raise(Signals::NOTIFIED);
        }
        Ok(taken)
    }

    /// Takes or gives back a lock. `deadline`: of the statement; `limit`: `lock_timeout`.
    pub(super) async fn lock(
        &mut self,
        request: LockRequest,
        stream: &TcpStream,
        deadline: Option<Instant>,
        limit: Option<Duration>,
    ) -> Locking {
        let pid = self.target.pid;
        let locks = &self.commons.advisory;
        let (key, claim, waits) = match request {
            LockRequest::Unlock { key, mode } => return Locking::Answer(Ok(locks.unlock(pid, key, mode))),
            LockRequest::UnlockAll => {
                locks.unlock_all(pid);
                return Locking::Answer(Ok(true));
            }
            LockRequest::Lock { key, mode, scope, waits } => (key, Claim { pid, mode, scope }, waits),
        };
        self.has_locks = true;
        // One that was late for the last wait.
        self.target.signals.clear(Signals::LOCKED);
        match locks.ask(key, claim, waits) {
            Err(error) => Locking::Answer(Err(error)),
            Ok(Asked::Granted) => Locking::Answer(Ok(true)),
            Ok(Asked::Refused) => Locking::Answer(Ok(false)),
            Ok(Asked::Waits) => {
                let lock_deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
                self.wait_for_lock(stream, deadline, lock_deadline).await
            }
        }
    }

    async fn wait_for_lock(
        &self,
        stream: &TcpStream,
        deadline: Option<Instant>,
        lock_deadline: Option<Instant>,
    ) -> Locking {
        let pid = self.target.pid;
        let locks = &self.commons.advisory;
        let signals = &self.target.signals;
        let wanted = Signals::LOCKED.union(Signals::CANCEL).union(Signals::LOOK_AT_CLIENT).union(Signals::STOP_NOW);
        let first = deadline.into_iter().chain(lock_deadline).min();
        loop {
            let signals = signals.wait_until(wanted, first).await;
            if !locks.is_waiting(pid) {
                return Locking::Answer(Ok(true));
            }
            let refusal = match signals {
                Some(signals) if signals.intersects(Signals::STOP_NOW) => {
                    locks.give_up(pid);
                    return Locking::StopNow;
                }
                Some(signals) if signals.intersects(Signals::CANCEL) => canceled_by_user(),
                Some(signals) if signals.intersects(Signals::LOOK_AT_CLIENT) && is_gone(stream).await => {
                    locks.give_up(pid);
                    return Locking::ClientGone;
                }
                Some(_) => continue,
                None if deadline.is_some_and(|deadline| lock_deadline.is_none_or(|lock| deadline <= lock)) => {
                    canceled_by_timeout()
                }
                None => PgError::error(SqlState(*b"55P03"), "canceling statement due to lock timeout"),
            };
            // Who gets the lock at the last moment has it.
            return Locking::Answer(if locks.give_up(pid) { Err(refusal) } else { Ok(true) });
        }
    }

    /// Gives everything back.
    pub(super) fn leave(&mut self) {
        if let Some(queue) = self.queue.take() {
            self.commons.channels.leave(&queue);
        }
        if std::mem::take(&mut self.has_locks) {
            self.commons.advisory.leave(self.target.pid);
        }
    }
}

impl Drop for Belongings {
    fn drop(&mut self) {
        self.leave();
    }
}
