//! The only floor with glommio, sockets, clocks and async.
//!
//! [`serve`] runs the gateway: one pinned executor per core, each with a listener, clients and IRIS connections of its
//! own.

mod advisory;
mod belongings;
mod cancel;
mod channels;
mod conversation;
mod counters;
mod interrupt;
mod link;
mod oracle;
mod pool;
mod pump;
mod server;
mod shard;
mod shutdown;
mod slots;
mod startup;
mod tcp;
mod wait;

use std::net::SocketAddr;
use std::time::Duration;

pub use counters::{Counter, ShardCounters};
pub use link::{IrisTarget, LinkFailure};
pub use oracle::{ORACLE_SECOND_SOCKET, ORACLE_SOCKET, ORACLE_TURN, OracleOptions, OracleServer, OracleSource};
pub use server::{Server, Serving};
pub use shutdown::StopSignal;
pub use startup::ServeError;

use crate::session::SessionOptions;

/// Everything a gateway needs to know.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Executor threads; `None` = one per core this process may use. More than there are share cores.
    pub cores: Option<usize>,
    pub iris: IrisTarget,
    /// Connections to IRIS for the whole process, lent to whichever shard needs them.
    pub iris_connections: usize,
    /// Idle connections to IRIS are closed after it; zero = never.
    pub iris_idle_timeout: Duration,
    /// One more is refused with 53300.
    pub client_connections_max: usize,
    /// From connecting to being authenticated.
    pub login_timeout: Duration,
    /// Zero = none. A client's own setting counts when it is shorter.
    pub idle_in_transaction_timeout: Duration,
    /// How long a client that holds an IRIS connection may take to accept 64 KiB of output. Zero = for ever.
    pub client_write_timeout: Duration,
    /// How long a client may leave what is sent unacknowledged. Zero = as the system has it.
    pub client_tcp_timeout: Duration,
    /// How long a request waits for an IRIS connection.
    pub pool_wait_timeout: Duration,
    /// How long running transactions may take to end when the process stops.
    pub shutdown_timeout: Duration,
    pub session: SessionOptions,
    pub oracle: OracleOptions,
}

/// Runs the gateway until SIGTERM or SIGINT. `ready` is called when clients can connect.
///
/// # Errors
/// What kept it from starting, or a shard that ended on its own.
pub fn serve(options: ServeOptions, ready: impl FnOnce(&Serving)) -> Result<(), ServeError> {
    // Before the first thread: a signal during the start must not kill a half-started process.
    let mut signals = shutdown::Signals::install().map_err(ServeError::Signals)?;
    let server = Server::start(options)?;
    ready(server.serving());
    let stopper = server.stopper();
    let watcher = signals.watch(stopper);
    let result = server.join();
    watcher.end();
    result
}

#[cfg(test)]
mod fake_iris;
#[cfg(test)]
mod plain_session;
#[cfg(test)]
mod tests;
