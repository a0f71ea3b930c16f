//! How a superserver is set up, with its bounds.

use crate::engine::VERSION_TEXT;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

/// Address, users, namespaces and every bound a client can push on.
#[derive(Clone)]
pub struct SuperserverOptions {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Name to password. Names are matched without case, as IRIS does; passwords exactly.
    pub users: BTreeMap<String, String>,
    /// Matched without case; others are refused at connect.
    pub namespaces: Vec<String>,
    /// Item 1 of the connect reply; product version for JDBC.
    pub server_version: String,
    /// What `%SYSTEM.Version.GetNumber` answers; sqlalchemy-iris reads it when it connects.
    pub version_number: String,
    /// Job number of the first connection; the next ones count up.
    pub job_first: u32,
    /// A page is sent when it holds this much. Official Python clients 5.3.2 and 5.4.1 lose the connection when they abandon
    /// a result of three or more pages (facts, section 7.3), hence large: small and medium results are one page.
    pub page_bytes: usize,
    /// Rows of unfinished results one connection may keep in memory while it runs other statements.
    pub kept_bytes_max: usize,
    /// Contents of streams one connection may keep: those of rows not closed yet and those uploaded.
    pub stream_bytes_max: usize,
    /// The longest message. Memory grows as bytes arrive, never by the announced length.
    pub message_bytes_max: u32,
    /// Before login no message is longer than a handful of names.
    pub login_message_bytes_max: u32,
    /// Statement ids one connection may use. Official clients never free one (facts, section 6.6); JDBC names old ones in UC
    /// but goes on using them.
    pub statements_max: usize,
    /// Threads, and so connections, at once.
    pub connections_max: usize,
    /// From accept to the end of CN.
    pub login_timeout: Duration,
    /// A client that does not read for so long is dropped.
    pub write_timeout: Duration,
}

impl Default for SuperserverOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 1972)),
            users: BTreeMap::from([("_SYSTEM".to_owned(), "SYS".to_owned())]),
            namespaces: vec!["USER".to_owned(), "%SYS".to_owned()],
            server_version: VERSION_TEXT.to_owned(),
            version_number: "2025.1.0.1.0".to_owned(),
            job_first: 4001,
            page_bytes: 4 << 20,
            kept_bytes_max: 256 << 20,
            stream_bytes_max: 256 << 20,
            message_bytes_max: 256 << 20,
            login_message_bytes_max: 64 << 10,
            statements_max: 65_536,
            connections_max: 1024,
            login_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(300),
        }
    }
}

// Passwords do not belong in logs.
impl std::fmt::Debug for SuperserverOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SuperserverOptions")
            .field("address", &self.address)
            .field("users", &self.users.keys())
            .field("namespaces", &self.namespaces)
            .field("page_bytes", &self.page_bytes)
            .field("connections_max", &self.connections_max)
            .finish_non_exhaustive()
    }
}
