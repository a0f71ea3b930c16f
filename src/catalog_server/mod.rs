//! The oracle's process: an embedded PostgreSQL behind a Unix socket, and behind another one a second PostgreSQL for
//! statements that take long. Each serves many connections over one backend, each for the length of its transaction. The
//! gateway's process starts it, watches it and ends it (`runtime::oracle::supervisor`).

mod aside;
mod backend;
mod connection;
mod engine;
mod families;
mod interrupt;
mod second;
mod stack;
mod stop_words;

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use iris_pgwire::parts::cli::CatalogServerArgs;
use iris_pgwire::parts::runtime::{ORACLE_SECOND_SOCKET, ORACLE_SOCKET};

use self::backend::Backend;
use self::connection::{Door, Greeting};
use self::engine::Embedded;
use self::interrupt::Interrupts;
use self::second::{Second, find_flags};

/// How long a connection may leave its transaction open without a word. The gateway sends a question whole, so silence
/// means that it gave up half-way.
const OWNER_SILENCE: Duration = Duration::from_secs(2);

/// Serves until the process is ended. One line on standard output says that the sockets can be connected to.
pub fn run(args: &CatalogServerArgs) -> Result<(), String> {
    let mut embedded = Embedded::open(&args.data, args.reopen.as_deref())
        .map_err(|error| format!("the embedded PostgreSQL did not start: {error}"))?;
    let greeting = Arc::new(Greeting { server_version: embedded.server_version().to_owned() });
    let interrupts = Interrupts::new();
    let flags = find_flags(&mut embedded);
    let is_interruptible = flags.is_some();
    interrupts.set_flags(flags);
    let (sender, receiver) = channel();
    let mut first = Backend::new(embedded, OWNER_SILENCE, Arc::clone(&interrupts));
    open_door(
        &args.folder.join(ORACLE_SOCKET),
        Door { greeting: Arc::clone(&greeting), words: sender.clone(), interrupts, is_interruptible },
    )?;

    let interrupts = Interrupts::new();
    let commits = first.commits();
    let (second_sender, words) = channel();
    let door = Door { greeting, words: second_sender, interrupts: Arc::clone(&interrupts), is_interruptible };
    open_door(&args.folder.join(ORACLE_SECOND_SOCKET), door)?;
    let (folder, data) = (args.folder.clone(), args.data.clone());
    let serve = move || {
        // Made on its thread, which it cannot leave.
        let second = Second::new(folder, data, sender, commits, Arc::clone(&interrupts));
        let mut second = Backend::new(second, OWNER_SILENCE, interrupts);
        while second.serve(&words) {
            tracing::warn!("the second PostgreSQL begins anew");
        }
    };
    spawn("second", serve)?;

    let mut out = std::io::stdout().lock();
    writeln!(out, "ready").and_then(|()| out.flush()).map_err(|error| format!("nobody listens: {error}"))?;
    drop(out);
    first.serve(&receiver);
    Err("the embedded PostgreSQL ended".to_owned())
}

fn open_door(socket: &Path, door: Door) -> Result<(), String> {
    let listener =
        UnixListener::bind(socket).map_err(|error| format!("cannot listen on {}: {error}", socket.display()))?;
    spawn("accept", move || connection::accept(&listener, &Arc::new(door)))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(|error| format!("no thread: {error}"))
}
