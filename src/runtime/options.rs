//! What the gateway is told when it starts.

use std::net::SocketAddr;
use std::time::Duration;

use super::link::IrisTarget;
use super::oracle::OracleOptions;
use super::sequences::SequenceOptions;
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
    /// Statements that PostgreSQL finishes, under way at the same time in the whole process.
    pub finish_statements_max: usize,
    /// How long a request waits for an IRIS connection.
    pub pool_wait_timeout: Duration,
    /// How long running transactions may take to end when the process stops.
    pub shutdown_timeout: Duration,
    /// Where sequences are kept; `None`: there are none.
    pub sequences: Option<SequenceOptions>,
    pub session: SessionOptions,
    pub oracle: OracleOptions,
}
