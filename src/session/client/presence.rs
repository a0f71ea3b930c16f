//! The sessions of the process, for `pg_stat_activity`. What changes with every statement is one atomic store; the rest
//! is read and written when somebody looks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::types::write_timestamp;

use crate::session::contract::identity::{Identity, since_2000_us};

/// What a session does (PostgreSQL manual, "pg_stat_activity View", column `state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionState {
    Idle,
    Active,
    IdleInTransaction,
    IdleInFailedTransaction,
}

impl SessionState {
    const ALL: [Self; 4] = [Self::Idle, Self::Active, Self::IdleInTransaction, Self::IdleInFailedTransaction];

    fn text(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::IdleInTransaction => "idle in transaction",
            Self::IdleInFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

/// Bytes of a statement that others see (`track_activity_query_size`, less the end of the string).
const QUERY_BYTES_MAX: usize = 1_023;

/// One session, as others see it.
#[derive(Debug)]
struct Entry {
    pid: i32,
    user: String,
    database: String,
    client_address: Option<std::net::SocketAddr>,
    started: SystemTime,
    application_name: Mutex<String>,
    /// What the client sent its latest statement in.
    query: Mutex<String>,
    state: AtomicU8,
}

/// All sessions of a gateway, by pid.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<BTreeMap<i32, Arc<Entry>>>);

impl Sessions {
    /// As a JSON array of rows by the names of the view's columns.
    pub(in crate::session) fn rows(&self) -> String {
        // Nobody who comes or goes waits for the text of all.
        let sessions: Vec<Arc<Entry>> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
        Value::Array(sessions.iter().map(|entry| entry.row()).collect()).to_string()
    }
}

impl Entry {
    fn row(&self) -> Value {
        let mut started = Vec::new();
        write_timestamp(since_2000_us(self.started), true, &mut started);
        let state = SessionState::ALL.get(usize::from(self.state.load(Ordering::Relaxed))).copied();
        json!({
            "datname": self.database,
            "pid": self.pid,
            "usename": self.user,
            "application_name": *self.application_name.lock().unwrap_or_else(PoisonError::into_inner),
            "client_addr": self.client_address.map(|address| address.ip().to_string()),
            "client_port": self.client_address.map(|address| address.port()),
            "backend_start": String::from_utf8_lossy(&started),
            "state": state.unwrap_or(SessionState::Active).text(),
            "query": *self.query.lock().unwrap_or_else(PoisonError::into_inner),
            "backend_type": "client backend",
        })
    }
}

/// A session's place among the others; it leaves with this.
#[derive(Debug)]
pub(crate) struct Presence {
    sessions: Arc<Sessions>,
    entry: Arc<Entry>,
}

impl Presence {
    pub(crate) fn new(sessions: &Arc<Sessions>, identity: &Identity, user: &str, database: &str) -> Self {
        let entry = Arc::new(Entry {
            pid: identity.pid,
            user: user.to_owned(),
            database: database.to_owned(),
            client_address: identity.client_address,
            started: SystemTime::now(),
            application_name: Mutex::default(),
            query: Mutex::default(),
            state: AtomicU8::new(SessionState::Active as u8),
        });
        let mut all = sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(identity.pid, Arc::clone(&entry));
        drop(all);
        Self { sessions: Arc::clone(sessions), entry }
    }

    pub(crate) fn set_state(&self, state: SessionState) {
        self.entry.state.store(state as u8, Ordering::Relaxed);
    }

    /// A statement of this text begins.
    pub(crate) fn set_active(&self, text: &str) {
        self.set_state(SessionState::Active);
        let shown = text.get(..text.floor_char_boundary(QUERY_BYTES_MAX)).unwrap_or_default();
        let mut held = self.entry.query.lock().unwrap_or_else(PoisonError::into_inner);
        if *held != shown {
            // What it has room for stays.
            shown.clone_into(&mut held);
        }
    }

    pub(crate) fn set_application_name(&self, name: &str) {
        let mut held = self.entry.application_name.lock().unwrap_or_else(PoisonError::into_inner);
        if *held != name {
            name.clone_into(&mut held);
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut all = self.sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A pid may have been given again already.
        if all.get(&self.entry.pid).is_some_and(|entry| Arc::ptr_eq(entry, &self.entry)) {
            all.remove(&self.entry.pid);
        }
    }
}
