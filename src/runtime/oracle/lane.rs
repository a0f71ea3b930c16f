//! The two PostgreSQLs of the catalog process, and when a statement has to leave the first for the second.
//!
//! The first is for short questions, and each statement begins there. One that has had it for a while, when others wait,
//! is interrupted and asked again of the second, where long ones run one after the other. Nothing is lost by that but
//! the work so far: a question leaves nothing behind.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::connection::Connection;
use super::places::Places;
use super::state::Oracle;

/// How long a statement may have the first PostgreSQL while others wait, all who wait together: the more, the sooner.
const SLICE: Duration = Duration::from_millis(200);
const SLICE_MIN: Duration = Duration::from_millis(25);
/// What the process may hold at least for a second PostgreSQL to be opened in it: with less it would be ended for that.
pub(super) const SECOND_BYTES_MIN: u64 = 640 << 20;
/// A question with messages of more bytes takes long, as one that has been seen to.
pub(super) const LONG_BYTES: usize = 128 << 10;
/// Statements that took long and are known again, the latest.
const LONG_STATEMENTS_MAX: usize = 64;

/// Which PostgreSQL of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    First,
    Second,
}

/// A shard's connections to one of them.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) places: Rc<Places>,
    pub(super) idle: RefCell<Vec<Connection>>,
}

impl Connections {
    pub(super) fn new(count: usize) -> Self {
        Self { places: Places::new(count), idle: RefCell::default() }
    }
}

/// What all shards ask of the two.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    waiting_first: AtomicUsize,
    waiting_second: AtomicUsize,
    running_second: AtomicUsize,
    long: Mutex<LongStatements>,
}

#[derive(Debug, Default)]
struct LongStatements {
    hasher: RandomState,
    hashes: VecDeque<u64>,
}

/// Why a statement has to leave the first PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Others wait for it.
    ForOthers,
    /// The second one is being opened, and cannot be while the first has work.
    ForSecond,
}

impl Traffic {
    fn long(&self) -> MutexGuard<'_, LongStatements> {
        // A push is all that happens.
        self.long.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn waiting_first(&self) -> usize {
        self.waiting_first.load(Ordering::Relaxed)
    }

    /// Whether a statement that has had the first PostgreSQL for `taken` must leave it.
    pub(super) fn leave(&self, taken: Duration, is_known: bool) -> Option<Leave> {
        let waiting = self.waiting_first();
        let is_opening =
            self.waiting_second.load(Ordering::Relaxed) > 0 && self.running_second.load(Ordering::Relaxed) == 0;
        let leave = match (waiting, is_opening) {
            (1.., _) => Leave::ForOthers,
            (0, true) => Leave::ForSecond,
            (0, false) => return None,
        };
        let parts = u32::try_from(waiting.saturating_add(1)).unwrap_or(u32::MAX);
        let slice = SLICE.checked_div(parts).unwrap_or_default().max(SLICE_MIN);
        (is_known || taken >= slice).then_some(leave)
    }

    /// Whether a question with these messages has been [remembered](Self::remember).
    pub(super) fn is_long(&self, frames: &[u8]) -> bool {
        let long = self.long();
        !long.hashes.is_empty() && long.hashes.contains(&long.hasher.hash_one(frames))
    }

    /// It took long.
    pub(super) fn remember(&self, frames: &[u8]) {
        let mut long = self.long();
        let hash = long.hasher.hash_one(frames);
        if !long.hashes.contains(&hash) {
            long.hashes.truncate(LONG_STATEMENTS_MAX.saturating_sub(1));
            long.hashes.push_front(hash);
        }
    }
}

/// A question that waits for its turn, and then has it.
#[derive(Debug)]
pub(super) struct Ticket {
    oracle: Arc<Oracle>,
    pub(super) lane: Lane,
    has_turn: bool,
}

impl Ticket {
    pub(super) fn new(oracle: Arc<Oracle>, lane: Lane) -> Self {
        let ticket = Self { oracle, lane, has_turn: false };
        if let Some(count) = ticket.count() {
            count.fetch_add(1, Ordering::Relaxed);
        }
        ticket
    }

    fn count(&self) -> Option<&AtomicUsize> {
        let traffic = &self.oracle.traffic;
        match (self.lane, self.has_turn) {
            (Lane::First, false) => Some(&traffic.waiting_first),
            (Lane::First, true) => None,
            (Lane::Second, false) => Some(&traffic.waiting_second),
            (Lane::Second, true) => Some(&traffic.running_second),
        }
    }

    pub(super) fn begin_turn(&mut self) {
        let before = self.count().map(|count| count.fetch_sub(1, Ordering::Relaxed));
        debug_assert_ne!(before, Some(0));
        self.has_turn = true;
        if let Some(count) = self.count() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(count) = self.count() {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::OracleOptions;
    use super::*;

    #[test]
    fn who_takes_long_leaves_when_others_wait() {
        let oracle = Arc::new(Oracle::new(OracleOptions::off(), None));
        let leave = |ms, is_known| oracle.traffic.leave(Duration::from_millis(ms), is_known);
        assert_eq!(leave(9_000, true), None);
        let waits = Ticket::new(Arc::clone(&oracle), Lane::First);
        assert_eq!(leave(99, false), None);
        assert_eq!(leave(100, false), Some(Leave::ForOthers));
        assert_eq!(leave(0, true), Some(Leave::ForOthers));
        let more: Vec<Ticket> = (0..100).map(|_| Ticket::new(Arc::clone(&oracle), Lane::First)).collect();
        assert_eq!(leave(24, false), None);
        assert_eq!(leave(25, false), Some(Leave::ForOthers));
        drop((more, waits));
        let mut second = Ticket::new(Arc::clone(&oracle), Lane::Second);
        assert_eq!(leave(9_000, false), Some(Leave::ForSecond));
        second.begin_turn();
        let waits = Ticket::new(Arc::clone(&oracle), Lane::Second);
        assert_eq!(leave(9_000, true), None);
        drop((second, waits));
        let mut first = Ticket::new(Arc::clone(&oracle), Lane::First);
        first.begin_turn();
        assert_eq!(leave(9_000, true), None);
        drop(first);
        assert_eq!(oracle.traffic.waiting_first(), 0);
    }

    #[test]
    fn the_latest_long_statements_are_known() {
        let traffic = Traffic::default();
        for n in 0..100_u8 {
            traffic.remember(&[n]);
        }
        assert!(traffic.is_long(&[99]) && traffic.is_long(&[36]) && !traffic.is_long(&[35]));
    }
}
