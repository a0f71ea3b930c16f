//! Finds out about clients that went without a word: their machine is off, or the network between is cut.

use std::io;
use std::time::Duration;

use glommio::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};

use crate::session::TcpSettings;

/// The kernel asks a client that has been silent for so long whether it is there. Below the time after which firewalls
/// commonly forget a connection.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Unanswered questions.
const KEEPALIVE_COUNT: u32 = 6;

/// `timeout` holds for what is sent and not acknowledged, and for the questions; zero = as the system has it.
pub(super) fn watch(stream: &TcpStream, wishes: TcpSettings, timeout: Duration) {
    let socket = SockRef::from(stream);
    let or = |wish: u64, ours: Duration| if wish > 0 { Duration::from_secs(wish) } else { ours };
    let count = u32::try_from(wishes.keepalive_count).unwrap_or(u32::MAX);
    let timeout = if wishes.user_timeout_ms > 0 { Duration::from_millis(wishes.user_timeout_ms) } else { timeout };
    let options: [io::Result<()>; 4] = [
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(or(wishes.keepalive_idle_s, KEEPALIVE_IDLE))),
        socket
            .set_tcp_keepalive(&TcpKeepalive::new().with_interval(or(wishes.keepalive_interval_s, KEEPALIVE_INTERVAL))),
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_retries(if count > 0 { count } else { KEEPALIVE_COUNT })),
        socket.set_tcp_user_timeout(Some(timeout)),
    ];
    // The kernel has bounds of its own: as in PostgreSQL, what it refuses stays as it is.
    for error in options.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, ?wishes, "a socket option could not be set");
    }
}
