//! Who a session is.

use std::time::SystemTime;

/// Who a session is on the wire. Made by the runtime, which routes cancel requests by it.
#[derive(Debug, Clone)]
pub struct Identity {
    pub pid: i32,
    /// 4 bytes in protocol 3.0, 32 in 3.2: the runtime gives 32, the session shortens.
    pub secret: [u8; 32],
    pub client_address: Option<std::net::SocketAddr>,
    pub server_address: Option<std::net::SocketAddr>,
}

/// Microseconds since 2000-01-01, PostgreSQL's epoch.
pub(crate) fn since_2000_us(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|age| i64::try_from(age.as_micros()).ok())
        .map_or(0, |micros| micros.saturating_sub(946_684_800_000_000))
}
