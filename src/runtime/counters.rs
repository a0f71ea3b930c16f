//! What a shard counts. One writer each; anybody may read.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number only its shard changes.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, n: u64) {
        // A single writer needs no read-modify-write.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(n), Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one shard.
#[derive(Debug, Default)]
pub struct ShardCounters {
    pub clients_accepted: Counter,
    pub clients_open: Counter,
    /// Over `client_connections_max`.
    pub clients_refused: Counter,
    /// Sessions that ended in a panic: a defect each.
    pub sessions_panicked: Counter,
    pub cancel_requests: Counter,
    /// Requests sent to IRIS.
    pub iris_requests: Counter,
    pub iris_connections_open: Counter,
    pub iris_connects_failed: Counter,
    /// Requests that had to wait for an IRIS connection.
    pub pool_waits: Counter,
    pub pool_wait_timeouts: Counter,
    /// Questions to the oracle about the types of a statement.
    pub oracle_describes: Counter,
    /// Statements the oracle answered.
    pub oracle_answers: Counter,
    /// Settings the oracle judged.
    pub oracle_settings: Counter,
    /// Questions to the oracle that were not answered.
    pub oracle_failures: Counter,
    /// Microseconds that sessions waited for the oracle, all questions together.
    pub oracle_wait_us: Counter,
}
