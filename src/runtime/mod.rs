//! The only floor with glommio, sockets, clocks and async.
//!
//! [`serve`] runs the gateway: one pinned executor per core, each with a listener, clients and IRIS connections of its
//! own.

mod admission;
mod advisory;
mod alarm;
mod asking;
mod belongings;
mod cancel;
mod channels;
mod conversation;
mod counters;
mod interrupt;
mod keeper_pool;
mod link;
mod options;
mod oracle;
mod pool;
mod pump;
mod sequences;
mod server;
mod shard;
mod shutdown;
mod slots;
mod startup;
mod tcp;
mod temporary;
mod turns;
mod wait;

pub use link::IrisTarget;
pub use options::ServeOptions;
pub use oracle::{
    NativePrograms, ORACLE_COMMITS, ORACLE_COPIES_SOCKET, ORACLE_SOCKET, ORACLE_TURN, ORACLE_WORKER_NICE,
    OracleOptions, OracleServer, OracleSource,
};
pub use sequences::SequenceOptions;
pub(crate) use server::Server;
pub use server::Serving;
pub use shutdown::StopSignal;
pub(crate) use startup::ServeError;

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
#[path = "../../tests/common/process.rs"]
#[allow(dead_code, unreachable_pub, reason = "the integration tests use the rest of it")]
mod process;
#[cfg(test)]
mod tests;
