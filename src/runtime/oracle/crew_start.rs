//! A worker's process: it gets a copy of the data, is started over it, watched, and ended.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::crew::{Crew, Ready, Start};
use super::embedded::Program;
use super::process::{Process, is_stopped};
use super::state::{Address, Death, Generation, Oracle};
use super::supervisor::milliseconds;
use super::{ORACLE_COPIES_SOCKET, ORACLE_SOCKET};

/// How often memory is looked at, and whether the process still lives.
const LOOK: Duration = Duration::from_millis(100);
const LOOK_AT_START: Duration = Duration::from_millis(5);
/// A process that has not opened its copy by then never will.
const START_LIMIT: Duration = Duration::from_secs(30);
/// A process that somebody has stopped answers nobody.
const STOPPED_LIMIT: Duration = Duration::from_secs(1);

/// Starts workers until there will be no more, and returns when the last has ended. On a thread of its own, which is not
/// pinned to a core: threads and processes inherit that.
pub(super) fn serve(oracle: &Arc<Oracle>, program: &Program, starts: &Receiver<Start>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok(start) = starts.recv() {
        threads.retain(|thread| !thread.is_finished());
        let number = start.number;
        let (oracle_of_thread, program) = (Arc::clone(oracle), program.clone());
        let life = move || live(&oracle_of_thread, &program, &start);
        match std::thread::Builder::new().name("oracle-worker".to_owned()).spawn(life) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                tracing::error!(%error, "no thread for a worker");
                oracle.crew.failed(number, true);
            }
        }
    }
    for thread in threads {
        // One that has panicked has said so.
        let _ = thread.join();
    }
}

/// A copy of the data; dropped, it is removed.
struct CopyOfData(PathBuf);

impl Drop for CopyOfData {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %self.0.display(), "a copy of the data stays behind");
        }
    }
}

/// What became of a start.
enum Begun {
    Ready(Process, Ready),
    /// It has been told to end meanwhile.
    Ended,
}

fn live(oracle: &Arc<Oracle>, program: &Program, start: &Start) {
    let crew = &oracle.crew;
    let Address::Socket(socket) = &start.of.address else { return crew.failed(start.number, true) };
    let folder = socket.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let copy = CopyOfData(folder.join(format!("copy-{}", start.number)));
    let own = folder.join(format!("worker-{}", start.number));
    let started = Instant::now();
    match begin(oracle, program, start, socket, &own, &copy.0) {
        Ok(Begun::Ready(process, ready)) => {
            let (pid, commits) = (process.child.id(), ready.commits);
            tracing::debug!(pid, commits, milliseconds = milliseconds(started.elapsed()), "a worker is ready");
            crew.is_ready(start.number, ready);
            let why = watch(oracle, start, process);
            match why {
                Death::Died => tracing::warn!(pid, "a worker of the catalog service died"),
                Death::Timeout => tracing::warn!(pid, "a worker's statement did not end, and so its process was ended"),
                Death::Memory => {
                    let limit_bytes = oracle.options.memory_bytes_max;
                    tracing::warn!(pid, limit_bytes, "a worker took too much memory and was ended");
                }
                Death::Unfit => tracing::debug!(pid, "a worker has ended"),
            }
            crew.is_gone(start.number, why);
        }
        Ok(Begun::Ended) => crew.failed(start.number, false),
        Err(error) => {
            // The next generation will do better.
            let is_of_now = oracle.is_present(start.of.number);
            if is_of_now {
                tracing::warn!(%error, "a worker of the catalog service did not start");
            }
            crew.failed(start.number, is_of_now);
        }
    }
}

fn begin(
    oracle: &Arc<Oracle>,
    program: &Program,
    start: &Start,
    socket: &Path,
    own: &Path,
    copy: &Path,
) -> io::Result<Begun> {
    let deadline = Instant::now() + START_LIMIT;
    let Some(commits) = copied(&oracle.crew, start, socket, copy, deadline)? else { return Ok(Begun::Ended) };
    std::fs::create_dir(own)?;
    let mut command = program.command(own, copy, Some(&oracle.options.database))?;
    command.arg("--worker");
    let mut process = Process::spawn(&mut command, own.to_owned(), None)?;
    let heard = process.when_ready()?;
    loop {
        if heard.try_recv().is_ok() {
            let pid = Some(process.child.id());
            let address = Address::Socket(process.folder.join(ORACLE_SOCKET));
            let generation = Generation { number: start.number, address, is_reopened: false, pid };
            return Ok(Begun::Ready(process, Ready { generation, commits }));
        }
        match start.orders.recv_timeout(LOOK_AT_START) {
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return Ok(Begun::Ended),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if !matches!(process.child.try_wait(), Ok(None)) {
            return Err(io::Error::other(process.last_words()));
        }
        if process.resident_bytes().is_some_and(|bytes| bytes > oracle.options.memory_bytes_max) {
            return Err(io::Error::other("it took more memory than catalog_memory_bytes_max to start"));
        }
        if Instant::now() > deadline {
            return Err(io::Error::other("it was not ready in time"));
        }
    }
}

/// Has the data copied; how many commits are in the copy. `None`: nobody wants it any more.
fn copied(crew: &Crew, start: &Start, socket: &Path, copy: &Path, deadline: Instant) -> io::Result<Option<u64>> {
    let _copying = crew.copy_begins();
    let mut stream = UnixStream::connect(socket.with_file_name(ORACLE_COPIES_SOCKET))?;
    stream.set_read_timeout(Some(LOOK))?;
    writeln!(stream, "{}", copy.display())?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        match reader.read_line(&mut line) {
            Ok(_) => break,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        if !matches!(start.orders.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty)) {
            return Ok(None);
        }
        if Instant::now() > deadline {
            return Err(io::Error::other("no copy of the data in time"));
        }
    }
    match line.trim_end() {
        "" => Err(io::Error::other("the PostgreSQL of the catalogs ended")),
        answer => answer.parse().map(Some).map_err(|_| io::Error::other(answer.to_owned())),
    }
}

/// Until the process ends or has to; why. When this returns, it is gone.
fn watch(oracle: &Oracle, start: &Start, mut process: Process) -> Death {
    let mut stopped_since: Option<Instant> = None;
    loop {
        let order = match start.orders.recv_timeout(LOOK) {
            Ok(why) => Some(why),
            Err(RecvTimeoutError::Disconnected) => Some(Death::Unfit),
            Err(RecvTimeoutError::Timeout) => None,
        };
        if !matches!(process.child.try_wait(), Ok(None)) {
            return Death::Died;
        }
        if let Some(why) = order {
            return why;
        }
        if process.resident_bytes().is_some_and(|bytes| bytes > oracle.options.memory_bytes_max) {
            return Death::Memory;
        }
        if oracle.crew.retire(start.number, oracle.options.worker_idle_timeout) {
            return Death::Unfit;
        }
        if is_stopped(process.child.id()) {
            if stopped_since.get_or_insert_with(Instant::now).elapsed() > STOPPED_LIMIT {
                return Death::Died;
            }
        } else {
            stopped_since = None;
        }
    }
}
