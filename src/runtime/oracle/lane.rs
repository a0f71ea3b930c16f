//! Who runs a question: the PostgreSQL of the catalogs, or a worker ([`crew`](super::crew)); and when one has to leave the
//! first for the second.
//!
//! The PostgreSQL of the catalogs is for short questions. One that has had it for a while, when others wait, is
//! interrupted and asked again of a worker. Nothing is lost by that but the work so far: a question leaves nothing behind.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::connection::Connection;
use super::places::Places;
use super::state::Oracle;
use crate::catalog::Frames;

/// How long a statement may have the PostgreSQL of the catalogs while others wait, all who wait together: the more, the
/// sooner.
const SLICE: Duration = Duration::from_millis(200);
const SLICE_MIN: Duration = Duration::from_millis(25);
/// A question with messages of more bytes takes long, as one that has been seen to.
pub(super) const LONG_BYTES: usize = 128 << 10;
/// How long one over rows of IRIS may, whoever waits: catalogs and descriptions are not held up by these.
const FINISH_SLICE: Duration = Duration::from_millis(10);
/// Statements that took long and are known again, the latest.
const LONG_STATEMENTS_MAX: usize = 64;

/// Who runs a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// The PostgreSQL of the catalogs.
    First,
    Worker,
}

/// A shard's connections to the PostgreSQL of the catalogs.
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

/// What all shards ask of the PostgreSQL of the catalogs.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    waiting: AtomicUsize,
    running: AtomicUsize,
    long: Mutex<LongStatements>,
}

#[derive(Debug, Default)]
struct LongStatements {
    hasher: RandomState,
    hashes: VecDeque<u64>,
}

impl LongStatements {
    fn hash(&self, frames: &Frames) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        frames.pieces().for_each(|piece| hasher.write(piece));
        hasher.finish()
    }
}

/// Why a statement has to leave the PostgreSQL of the catalogs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Others wait for it.
    ForOthers,
    /// A worker is being started, whose copy of the data cannot be made meanwhile.
    ForCopy,
}

impl Traffic {
    fn long(&self) -> MutexGuard<'_, LongStatements> {
        // A push is all that happens.
        self.long.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody waits.
    pub(super) fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Nobody waits, and nothing runs.
    pub(super) fn is_free(&self) -> bool {
        !self.has_waiting() && self.running.load(Ordering::Relaxed) == 0
    }

    /// Whether a statement of which this is known must leave.
    pub(super) fn leave(&self, tenure: &Tenure) -> Option<Leave> {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let leave = match (waiting, tenure.is_copying) {
            (1.., _) => Leave::ForOthers,
            (0, true) => Leave::ForCopy,
            (0, false) => return None,
        };
        let parts = u32::try_from(waiting.saturating_add(1)).unwrap_or(u32::MAX);
        let slice = SLICE.checked_div(parts).unwrap_or_default().max(SLICE_MIN);
        let slice = if tenure.is_finish { slice.min(FINISH_SLICE) } else { slice };
        (tenure.is_known || tenure.taken >= slice).then_some(leave)
    }

    /// Whether a question with these messages has been [remembered](Self::remember).
    pub(super) fn is_long(&self, frames: &Frames) -> bool {
        let long = self.long();
        !long.hashes.is_empty() && long.hashes.contains(&long.hash(frames))
    }

    /// It took long.
    pub(super) fn remember(&self, frames: &Frames) {
        let mut long = self.long();
        let hash = long.hash(frames);
        if !long.hashes.contains(&hash) {
            long.hashes.truncate(LONG_STATEMENTS_MAX.saturating_sub(1));
            long.hashes.push_front(hash);
        }
    }
}

/// What is known of a statement that has the PostgreSQL of the catalogs.
#[derive(Debug)]
pub(super) struct Tenure {
    pub(super) taken: Duration,
    /// It took long before.
    pub(super) is_known: bool,
    /// It runs over rows of IRIS.
    pub(super) is_finish: bool,
    /// A worker waits for a copy of the data.
    pub(super) is_copying: bool,
}

/// A question that waits for the PostgreSQL of the catalogs, and then has it.
#[derive(Debug)]
pub(super) struct Ticket {
    oracle: Arc<Oracle>,
    has_turn: bool,
}

impl Ticket {
    pub(super) fn new(oracle: Arc<Oracle>) -> Self {
        oracle.traffic.waiting.fetch_add(1, Ordering::Relaxed);
        Self { oracle, has_turn: false }
    }

    fn count(&self) -> &AtomicUsize {
        let traffic = &self.oracle.traffic;
        if self.has_turn { &traffic.running } else { &traffic.waiting }
    }

    pub(super) fn begin_turn(&mut self) {
        let before = self.count().fetch_sub(1, Ordering::Relaxed);
        debug_assert_ne!(before, 0);
        self.has_turn = true;
        self.count().fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.count().fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::OracleOptions;
    use super::*;

    #[test]
    fn who_takes_long_leaves_when_others_wait() {
        let oracle = Arc::new(Oracle::new(OracleOptions::off(), None));
        let tenure =
            |ms, is_known| Tenure { taken: Duration::from_millis(ms), is_known, is_finish: false, is_copying: false };
        let leave = |ms, is_known| oracle.traffic.leave(&tenure(ms, is_known));
        assert_eq!(leave(9_000, true), None);
        assert!(oracle.traffic.is_free());
        let mut waits = Ticket::new(Arc::clone(&oracle));
        assert_eq!(leave(99, false), None);
        assert_eq!(leave(100, false), Some(Leave::ForOthers));
        assert_eq!(leave(0, true), Some(Leave::ForOthers));
        let finish = |ms| oracle.traffic.leave(&Tenure { is_finish: true, ..tenure(ms, false) });
        assert_eq!((finish(9), finish(10)), (None, Some(Leave::ForOthers)));
        let more: Vec<Ticket> = (0..100).map(|_| Ticket::new(Arc::clone(&oracle))).collect();
        assert_eq!(leave(24, false), None);
        assert_eq!(leave(25, false), Some(Leave::ForOthers));
        drop(more);
        waits.begin_turn();
        assert!(!oracle.traffic.has_waiting() && !oracle.traffic.is_free());
        assert_eq!(leave(9_000, true), None);
        let copying = |ms| oracle.traffic.leave(&Tenure { is_copying: true, ..tenure(ms, false) });
        assert_eq!((copying(199), copying(200)), (None, Some(Leave::ForCopy)));
        drop(waits);
        assert!(oracle.traffic.is_free());
    }

    #[test]
    fn the_latest_long_statements_are_known() {
        let traffic = Traffic::default();
        let frames = |n: u8| Frames::from(vec![n]);
        for n in 0..100 {
            traffic.remember(&frames(n));
        }
        let is_long = |n| traffic.is_long(&frames(n));
        assert!(is_long(99) && is_long(36) && !is_long(35));
    }
}
