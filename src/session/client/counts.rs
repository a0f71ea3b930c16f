//! What the process and its shards count, for the view `pgwire_counters`.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// A number only its shard changes.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        // A single writer needs no read-modify-write.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    pub fn subtract(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(n), Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the sessions of a shard count themselves.
#[derive(Debug, Default)]
pub struct SessionCounters {
    /// Events that no statement waited for: a defect each.
    pub events_unwaited: Counter,
    /// Statements that PostgreSQL has finished, or tried to.
    pub statements_finished: Counter,
    /// Rows of IRIS that they needed.
    pub finish_rows: Counter,
    /// Changes of rows that were taken apart into a query and statements that store its rows.
    pub statements_written_back: Counter,
}

/// The counters of one shard, or of what shards share.
pub trait Counts: Debug + Send + Sync {
    /// Names and values, always in the same order.
    fn read(&self) -> Vec<(&'static str, u64)>;
}

/// The counters of all shards, in the order of the shards, and those of the process.
#[derive(Debug, Default)]
pub struct ShardCounts {
    shards: Mutex<Vec<Arc<dyn Counts>>>,
    process: Mutex<Vec<Arc<dyn Counts>>>,
}

impl ShardCounts {
    pub fn add(&self, counts: Arc<dyn Counts>) {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).push(counts);
    }

    /// Counters that are no shard's.
    pub fn add_of_process(&self, counts: Arc<dyn Counts>) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).push(counts);
    }

    /// As a JSON array of rows by the names of the view's columns.
    pub(in crate::session) fn rows(&self) -> String {
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let of_shards = shards.iter().enumerate().map(|(shard, counts)| (Some(shard), counts));
        let all = of_shards.chain(process.iter().map(|counts| (None, counts)));
        let rows = all.flat_map(|(shard, counts)| {
            counts.read().into_iter().map(move |(name, value)| json!({ "shard": shard, "name": name, "value": value }))
        });
        Value::Array(rows.collect()).to_string()
    }
}
