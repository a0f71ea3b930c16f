//! What the shards count, for the view `pgwire_counters`.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// The counters of one shard.
pub trait Counts: Debug + Send + Sync {
    /// Names and values, always in the same order.
    fn read(&self) -> Vec<(&'static str, u64)>;
}

/// The counters of all shards, in the order of the shards.
#[derive(Debug, Default)]
pub struct ShardCounts(Mutex<Vec<Arc<dyn Counts>>>);

impl ShardCounts {
    pub fn add(&self, counts: Arc<dyn Counts>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(counts);
    }

    /// As a JSON array of rows by the names of the view's columns.
    pub(super) fn rows(&self) -> String {
        let shards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = shards.iter().enumerate().flat_map(|(shard, counts)| {
            counts.read().into_iter().map(move |(name, value)| json!({ "shard": shard, "name": name, "value": value }))
        });
        Value::Array(rows.collect()).to_string()
    }
}
