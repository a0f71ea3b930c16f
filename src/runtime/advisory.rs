//! The advisory locks of the process (manual, "Advisory Locks"), and the rows that SELECT .. FOR UPDATE has claimed: who holds
//! what, who waits for whom.
//!
//! One lock around one book: advisory locks are rare, and nothing is done under it but look-ups. It is never held
//! across an await; a session that has to wait is woken by a signal.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::cancel::Mesh;
use super::wait::Signals;
use crate::session::{LockKey, LockMode, LockScope};
use crate::wire::{PgError, SqlState};

/// Holds of all sessions together. PostgreSQL has room for some ten thousand (`max_locks_per_transaction` times
/// `max_connections`).
const HOLDS_MAX: usize = 100_000;
/// Times one session may hold one lock in one mode.
const COUNT_MAX: u32 = u32::MAX;
/// Attempts to solve a tangle of waiting sessions by another order of waiting.
const REORDERS_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct AdvisoryLocks {
    mesh: Mesh,
    book: Mutex<Book>,
}

/// What became of asking for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Granted,
    /// Somebody else has it, and the session does not wait.
    Refused,
    /// The session is in the queue; `Signals::LOCKED` comes when it has the lock.
    Waits,
}

/// A session asking for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) pid: i32,
    pub(super) mode: LockMode,
    pub(super) scope: LockScope,
}

#[derive(Debug, Default)]
struct Book {
    locks: HashMap<LockKey, Lock>,
    /// What each session holds something of.
    held: HashMap<i32, HashSet<LockKey>>,
    /// What each waiting session waits for: it can be one only.
    waits: HashMap<i32, LockKey>,
    /// Entries in the `holders` of all locks.
    holds_count: usize,
}

#[derive(Debug, Default)]
struct Lock {
    holders: HashMap<i32, Hold>,
    queue: VecDeque<Claim>,
}

/// What one session holds of one lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Hold {
    shared: Holds,
    exclusive: Holds,
}

/// In one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Holds {
    session_count: u32,
    in_transaction: bool,
}

impl Holds {
    fn any(self) -> bool {
        self.session_count > 0 || self.in_transaction
    }
}

impl Hold {
    fn of(&mut self, mode: LockMode) -> &mut Holds {
        match mode {
            LockMode::Shared => &mut self.shared,
            LockMode::Exclusive => &mut self.exclusive,
        }
    }

    fn has(&self, mode: LockMode) -> bool {
        match mode {
            LockMode::Shared => self.shared.any(),
            LockMode::Exclusive => self.exclusive.any(),
        }
    }

    fn is_empty(&self) -> bool {
        !self.shared.any() && !self.exclusive.any()
    }

    /// Whether another session must wait that wants it in `mode`.
    fn keeps_out(&self, mode: LockMode) -> bool {
        self.exclusive.any() || mode == LockMode::Exclusive && self.shared.any()
    }
}

fn conflict(a: LockMode, b: LockMode) -> bool {
    a == LockMode::Exclusive || b == LockMode::Exclusive
}

impl Lock {
    fn is_free_for(&self, claim: &Claim) -> bool {
        self.holders.iter().all(|(pid, hold)| *pid == claim.pid || !hold.keeps_out(claim.mode))
    }

    /// Nobody in front of `position` waits for what `claim` would take away.
    fn is_next(&self, claim: &Claim, position: usize) -> bool {
        self.queue.iter().take(position).all(|ahead| !conflict(ahead.mode, claim.mode))
    }
}

/// Why a session waits: another holds the lock, or stands in front of it in the queue.
#[derive(Debug, Clone, Copy)]
struct Edge {
    waiter: Claim,
    key: LockKey,
    blocker: i32,
    is_queue: bool,
}

impl AdvisoryLocks {
    pub(super) fn new(mesh: Mesh) -> Self {
        Self { mesh, book: Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Every change is complete before anything that could panic.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock or joins its queue.
    ///
    /// # Errors
    /// 40P01: waiting would never end. 53200: too many locks.
    pub(super) fn ask(&self, key: LockKey, claim: Claim, waits: bool) -> Result<Asked, Box<PgError>> {
        let mut book = self.book();
        let lock = book.locks.entry(key).or_default();
        let own = lock.holders.get(&claim.pid).copied().unwrap_or_default();
        // Who holds it in this mode already never waits. Who holds it in the other goes in front of those who wait for
        // him: they could never get it before he does.
        let position = lock.queue.iter().position(|ahead| own.keeps_out(ahead.mode)).unwrap_or(lock.queue.len());
        let is_free = own.has(claim.mode) || lock.is_free_for(&claim) && lock.is_next(&claim, position);
        if is_free {
            return book.grant(key, claim).map(|()| Asked::Granted);
        }
        if !waits {
            return Ok(Asked::Refused);
        }
        lock.queue.insert(position, claim);
        book.waits.insert(claim.pid, key);
        if let Err(error) = book.untangle(claim.pid, &self.mesh) {
            book.stop_waiting(claim.pid, &self.mesh);
            return Err(error);
        }
        Ok(if book.waits.contains_key(&claim.pid) { Asked::Waits } else { Asked::Granted })
    }

    pub(super) fn is_waiting(&self, pid: i32) -> bool {
        self.book().waits.contains_key(&pid)
    }

    /// Leaves the queue. False: the session was not waiting (any more).
    pub(super) fn give_up(&self, pid: i32) -> bool {
        self.book().stop_waiting(pid, &self.mesh)
    }

    /// Gives back one hold of the session level. False: there is none.
    pub(super) fn unlock(&self, pid: i32, key: LockKey, mode: LockMode) -> bool {
        self.book().release(pid, key, &self.mesh, |hold| {
            let holds = hold.of(mode);
            let has = holds.session_count > 0;
            holds.session_count = holds.session_count.saturating_sub(1);
            has
        })
    }

    /// Gives back all holds of the session level.
    pub(super) fn unlock_all(&self, pid: i32) {
        let mut book = self.book();
        for key in book.keys_of(pid) {
            book.release(pid, key, &self.mesh, |hold| {
                hold.shared.session_count = 0;
                hold.exclusive.session_count = 0;
                true
            });
        }
    }

    /// Gives back holds of the transaction.
    pub(super) fn release_transaction(&self, pid: i32, locks: &[(LockKey, LockMode)]) {
        let mut book = self.book();
        for (key, mode) in locks {
            book.release(pid, *key, &self.mesh, |hold| {
                hold.of(*mode).in_transaction = false;
                true
            });
        }
    }

    /// The session ends: whatever it holds or waits for is given up.
    pub(super) fn leave(&self, pid: i32) {
        let mut book = self.book();
        book.stop_waiting(pid, &self.mesh);
        for key in book.keys_of(pid) {
            book.release(pid, key, &self.mesh, |hold| {
                *hold = Hold::default();
                true
            });
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let book = self.book();
        book.locks.is_empty() && book.held.is_empty() && book.waits.is_empty() && book.holds_count == 0
    }
}

impl Book {
    fn keys_of(&self, pid: i32) -> Vec<LockKey> {
        self.held.get(&pid).into_iter().flatten().copied().collect()
    }

    fn grant(&mut self, key: LockKey, claim: Claim) -> Result<(), Box<PgError>> {
        let lock = self.locks.entry(key).or_default();
        let is_new = !lock.holders.contains_key(&claim.pid);
        if is_new && self.holds_count >= HOLDS_MAX {
            self.tidy(key);
            return Err(out_of_memory());
        }
        let hold = lock.holders.entry(claim.pid).or_default().of(claim.mode);
        match claim.scope {
            LockScope::Session if hold.session_count == COUNT_MAX => return Err(out_of_memory()),
            LockScope::Session => hold.session_count = hold.session_count.saturating_add(1),
            LockScope::Transaction => hold.in_transaction = true,
        }
        if is_new {
            self.holds_count = self.holds_count.saturating_add(1);
            self.held.entry(claim.pid).or_default().insert(key);
        }
        Ok(())
    }

    /// Changes what a session holds and lets in who can have the lock then. What `change` answers; false when the
    /// session holds nothing of it.
    fn release(&mut self, pid: i32, key: LockKey, mesh: &Mesh, change: impl FnOnce(&mut Hold) -> bool) -> bool {
        let Some(lock) = self.locks.get_mut(&key) else { return false };
        let Some(hold) = lock.holders.get_mut(&pid) else { return false };
        let result = change(hold);
        if hold.is_empty() {
            lock.holders.remove(&pid);
            self.holds_count = self.holds_count.saturating_sub(1);
            if let Some(keys) = self.held.get_mut(&pid) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.held.remove(&pid);
                }
            }
        }
        self.let_in(key, mesh);
        result
    }

    /// In the order of the queue, everybody who must wait neither for a holder nor for somebody in front of him.
    fn let_in(&mut self, key: LockKey, mesh: &Mesh) {
        let mut position = 0;
        loop {
            let Some(lock) = self.locks.get_mut(&key) else { return };
            let Some(claim) = lock.queue.get(position).copied() else { break };
            if !lock.is_free_for(&claim) || !lock.is_next(&claim, position) {
                position = position.saturating_add(1);
                continue;
            }
            // Without room for one more he waits on: somebody must give back a lock first, and then it is his turn
            // again.
            if self.grant(key, claim).is_err() {
                position = position.saturating_add(1);
                continue;
            }
            if let Some(lock) = self.locks.get_mut(&key) {
                lock.queue.remove(position);
            }
            self.waits.remove(&claim.pid);
            mesh.wake(claim.pid, Signals::LOCKED);
        }
        self.tidy(key);
    }

    fn tidy(&mut self, key: LockKey) {
        if self.locks.get(&key).is_some_and(|lock| lock.holders.is_empty() && lock.queue.is_empty()) {
            self.locks.remove(&key);
        }
    }

    fn stop_waiting(&mut self, pid: i32, mesh: &Mesh) -> bool {
        let Some(key) = self.waits.remove(&pid) else { return false };
        if let Some(lock) = self.locks.get_mut(&key) {
            lock.queue.retain(|claim| claim.pid != pid);
        }
        self.let_in(key, mesh);
        true
    }

    /// Whom a waiting session waits for.
    fn edges(&self, pid: i32) -> Vec<Edge> {
        let Some(key) = self.waits.get(&pid).copied() else { return Vec::new() };
        let Some(lock) = self.locks.get(&key) else { return Vec::new() };
        let Some(position) = lock.queue.iter().position(|claim| claim.pid == pid) else { return Vec::new() };
        let Some(waiter) = lock.queue.get(position).copied() else { return Vec::new() };
        let holders = lock.holders.iter().filter(|(holder, hold)| **holder != pid && hold.keeps_out(waiter.mode));
        let holders = holders.map(|(holder, _)| (*holder, false));
        let ahead = lock.queue.iter().take(position).filter(|ahead| conflict(ahead.mode, waiter.mode));
        let ahead = ahead.map(|ahead| (ahead.pid, true));
        holders.chain(ahead).map(|(blocker, is_queue)| Edge { waiter, key, blocker, is_queue }).collect()
    }

    /// A way from `pid` back to itself: each waits for the next. Every session is looked at once.
    fn cycle(&self, pid: i32, with_queues: bool) -> Option<Vec<Edge>> {
        let usable = |pid| self.edges(pid).into_iter().filter(|edge| with_queues || !edge.is_queue);
        let mut seen = HashSet::new();
        let mut path: Vec<Edge> = Vec::new();
        let mut branches: Vec<Vec<Edge>> = vec![usable(pid).collect()];
        while let Some(branch) = branches.last_mut() {
            let Some(edge) = branch.pop() else {
                branches.pop();
                path.pop();
                continue;
            };
            if edge.blocker == pid {
                path.push(edge);
                return Some(path);
            }
            if seen.insert(edge.blocker) {
                path.push(edge);
                branches.push(usable(edge.blocker).collect());
            }
        }
        None
    }

    /// A session has begun to wait. If that closes a ring in which everybody waits for a holder, it is a deadlock. If
    /// somebody in the ring waits only for his turn, he is let go first, as PostgreSQL's deadlock detector does
    /// (`DeadLockCheck`).
    fn untangle(&mut self, pid: i32, mesh: &Mesh) -> Result<(), Box<PgError>> {
        for _ in 0..REORDERS_MAX {
            if let Some(cycle) = self.cycle(pid, false) {
                return Err(deadlock(&cycle));
            }
            let Some(cycle) = self.cycle(pid, true) else { return Ok(()) };
            let Some(edge) = cycle.iter().find(|edge| edge.is_queue) else { return Err(deadlock(&cycle)) };
            if let Some(lock) = self.locks.get_mut(&edge.key) {
                lock.queue.retain(|claim| claim.pid != edge.waiter.pid);
                let position = lock.queue.iter().position(|claim| claim.pid == edge.blocker).unwrap_or(0);
                lock.queue.insert(position, edge.waiter);
            }
            let key = edge.key;
            self.let_in(key, mesh);
        }
        match self.cycle(pid, true) {
            Some(cycle) => Err(deadlock(&cycle)),
            None => Ok(()),
        }
    }
}

fn deadlock(cycle: &[Edge]) -> Box<PgError> {
    let line = |edge: &Edge| {
        let what = match edge.key {
            LockKey::Bigint(key) => format!("advisory lock {key}"),
            LockKey::Integers(a, b) => format!("advisory lock ({a}, {b})"),
            LockKey::Row(_) => "a row".to_owned(),
        };
        format!(
            "Process {} waits for {} on {what}; blocked by process {}.",
            edge.waiter.pid,
            edge.waiter.mode.name(),
            edge.blocker
        )
    };
    let lines: Vec<String> = cycle.iter().map(line).collect();
    PgError::error(SqlState(*b"40P01"), "deadlock detected").detail(lines.join("\n"))
}

fn out_of_memory() -> Box<PgError> {
    PgError::error(SqlState(*b"53200"), "out of shared memory")
        .hint(format!("All sessions together may hold at most {HOLDS_MAX} advisory locks and locks of rows."))
}

#[cfg(test)]
#[path = "advisory_tests.rs"]
mod tests;
