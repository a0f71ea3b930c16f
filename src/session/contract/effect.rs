//! What a session does to others, for the runtime to carry out.

use std::sync::Arc;

use super::lock::{LockKey, LockMode};

/// What one NOTIFY says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notification {
    /// Of the session that said it.
    pub pid: i32,
    pub channel: String,
    pub payload: String,
}

impl Notification {
    /// Bytes it counts for in bounds: its texts and what keeping them costs.
    pub fn size(&self) -> usize {
        const OVERHEAD: usize = 64;
        OVERHEAD.saturating_add(self.channel.len()).saturating_add(self.payload.len())
    }
}

/// A change of what a session listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelChange {
    Listen(String),
    Unlisten(String),
    UnlistenAll,
}

/// What a session has done to others, for the runtime to carry out before it sends anything to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A transaction with LISTEN, UNLISTEN or NOTIFY has been committed: first the changes, then the notifications, so
    /// that a session hears what it says in the transaction in which it began to listen.
    Channels { changes: Vec<ChannelChange>, notifications: Vec<Arc<Notification>> },
    /// Locks that a transaction held and that ended with it.
    ReleaseTransactionLocks(Vec<(LockKey, LockMode)>),
    /// DISCARD ALL: all locks of the session level.
    ReleaseSessionLocks,
    /// The login is over: so many bytes of its secret the client was told, and has to know for a cancel request.
    CancelKey(usize),
    /// How the client's connection is to be watched.
    Tcp(TcpSettings),
}

/// How the connection is watched; 0 = as the gateway has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpSettings {
    pub keepalive_idle_s: u64,
    pub keepalive_interval_s: u64,
    pub keepalive_count: u64,
    pub user_timeout_ms: u64,
}
