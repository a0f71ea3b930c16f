//! The oracle's process: an embedded PostgreSQL behind a Unix socket. It serves many connections over one backend, each for
//! the length of its transaction. The gateway's process starts it, watches it and ends it (`runtime::oracle::supervisor`),
//! and so it does with workers, which are the same over a copy of the data (`runtime::oracle::crew`).

mod aside;
mod backend;
mod connection;
mod copies;
mod engine;
mod families;
mod interrupt;
mod stack;
mod stop_words;

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use iris_pgwire::parts::cli::CatalogServerArgs;
use iris_pgwire::parts::runtime::{ORACLE_COMMITS, ORACLE_COPIES_SOCKET, ORACLE_SOCKET, ORACLE_WORKER_NICE};

use self::backend::Backend;
use self::connection::{Door, Greeting};
use self::copies::Commits;
use self::engine::Embedded;
use self::interrupt::{Flags, Interrupts};

/// How long a connection may leave its transaction open without a word. The gateway sends a question whole, so silence
/// means that it gave up half-way.
const OWNER_SILENCE: Duration = Duration::from_secs(2);

/// Serves until the process is ended. One line on standard output says that the sockets can be connected to.
pub fn run(args: &CatalogServerArgs) -> Result<(), String> {
    if args.worker {
        // Before any other thread is there: each begins with what the one has that starts it.
        lower_priority();
    }
    let mut embedded = Embedded::open(&args.data, args.reopen.as_deref())
        .map_err(|error| format!("the embedded PostgreSQL did not start: {error}"))?;
    let greeting = Greeting { server_version: embedded.server_version().to_owned() };
    let interrupts = Interrupts::new();
    let flags = find_flags(&mut embedded);
    let is_interruptible = flags.is_some();
    interrupts.set_flags(flags);
    let (words, receiver) = channel();
    let commits = if args.worker {
        Commits::uncounted()
    } else {
        let copies = listen(&args.folder.join(ORACLE_COPIES_SOCKET))?;
        let (data, words) = (args.data.clone(), words.clone());
        spawn("copies", move || copies::serve(&copies, &data, &words))?;
        let counted = Commits::counted_in(&args.folder.join(ORACLE_COMMITS));
        counted.map_err(|error| format!("commits cannot be counted: {error}"))?
    };
    let mut backend = Backend::new(embedded, OWNER_SILENCE, Arc::clone(&interrupts), commits);
    let socket = listen(&args.folder.join(ORACLE_SOCKET))?;
    let door = Arc::new(Door { greeting, words, interrupts, is_interruptible });
    spawn("accept", move || connection::accept(&socket, &door))?;

    let mut out = std::io::stdout().lock();
    writeln!(out, "ready").and_then(|()| out.flush()).map_err(|error| format!("nobody listens: {error}"))?;
    drop(out);
    backend.serve(&receiver);
    Err("the embedded PostgreSQL ended".to_owned())
}

/// How a PostgreSQL is interrupted; without that its process has to be ended instead.
fn find_flags(engine: &mut Embedded) -> Option<Flags> {
    let found = Flags::find(engine);
    found
        .inspect_err(|error| tracing::warn!(error, "statements cannot be interrupted: the process is ended instead"))
        .ok()
}

/// Shards, catalogs and whatever else the machine does come first. Linux shares a processor among sessions before it looks at
/// processes (sched(7), "The autogroup feature"): in a session of its own a worker takes nothing of the gateway's part. And
/// Ctrl-C in a terminal is for the gateway.
fn lower_priority() {
    if let Err(error) = rustix::process::setsid() {
        tracing::warn!(%error, "a worker shares the session of the gateway");
    }
    // A kernel without it has nothing to be lowered.
    let _ = std::fs::write("/proc/self/autogroup", ORACLE_WORKER_NICE.to_string());
    if let Err(error) = rustix::process::setpriority_process(None, ORACLE_WORKER_NICE) {
        tracing::warn!(%error, "a worker has the priority of the gateway");
    }
}

fn listen(socket: &Path) -> Result<UnixListener, String> {
    UnixListener::bind(socket).map_err(|error| format!("cannot listen on {}: {error}", socket.display()))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(|error| format!("no thread: {error}"))
}
