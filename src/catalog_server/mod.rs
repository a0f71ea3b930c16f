//! The oracle's process: an embedded PostgreSQL behind a Unix socket. It serves many connections over one backend, each
//! for the length of its transaction. The gateway's process starts it, watches it and ends it
//! (`runtime::oracle::supervisor`).

mod aside;
mod backend;
mod connection;

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::sync::mpsc::channel;
use std::time::Duration;

use iris_pgwire::cli::CatalogServerArgs;

use self::backend::{Backend, Embedded};
use self::connection::Greeting;

/// How long a connection may leave its transaction open without a word. The gateway sends a question whole, so silence
/// means that it gave up half-way.
const OWNER_SILENCE: Duration = Duration::from_secs(2);

/// Serves until the process is ended. One line on standard output says that the socket can be connected to.
pub fn run(args: &CatalogServerArgs) -> Result<(), String> {
    let embedded = Embedded::open(&args.data, args.reopen.as_deref())
        .map_err(|error| format!("the embedded PostgreSQL did not start: {error}"))?;
    let greeting = Greeting { server_version: embedded.server_version().to_owned() };
    let socket = args.folder.join(iris_pgwire::runtime::ORACLE_SOCKET);
    let listener =
        UnixListener::bind(&socket).map_err(|error| format!("cannot listen on {}: {error}", socket.display()))?;
    let (sender, receiver) = channel();
    std::thread::Builder::new()
        .name("accept".to_owned())
        .spawn(move || connection::accept(&listener, &greeting, &sender))
        .map_err(|error| format!("no thread for connections: {error}"))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready").and_then(|()| out.flush()).map_err(|error| format!("nobody listens: {error}"))?;
    drop(out);
    Backend::new(embedded, OWNER_SILENCE).serve(&receiver);
    Err("the socket closed".to_owned())
}
