//! Keeps the oracle's process alive: starts it, watches it, ends it. A thread of its own, so that nothing a shard does
//! holds it up and the process is not pinned to a shard's core.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::folder::PrivateFolder;
use super::state::{Address, Death, Generation, Oracle, Order, Readiness};
use super::{ORACLE_SOCKET, OracleOptions, OracleSource};
use crate::wire::{PgError, SqlState};

/// How often memory is looked at, and whether the process still lives.
const LOOK: Duration = Duration::from_millis(100);
/// The first start unpacks; a process that has not opened by then never will.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Over existing data there is at most a second of work to repeat; if that fails, there is another way.
const REOPEN_LIMIT: Duration = Duration::from_secs(20);
/// A process that somebody has stopped answers nobody, and nothing else would tell that it is not merely busy.
const STOPPED_LIMIT: Duration = Duration::from_secs(1);
/// Pauses between starts that fail in a row.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A process that dies by itself within this time after it took over the data of another may have died of them; so many
/// in a row have.
const EARLY: Duration = Duration::from_secs(10);
const EARLY_DEATHS_MAX: u32 = 3;
/// What Linux counts memory in.
const PAGE_BYTES: u64 = 4096;

/// The supervisor's thread. Dropped, it ends the process.
#[derive(Debug)]
pub(in crate::runtime) struct Supervisor {
    oracle: Arc<Oracle>,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Returns at once; the process starts meanwhile.
    pub(in crate::runtime) fn start(options: OracleOptions) -> Self {
        let OracleSource::Embedded { program, cache_dir } = options.source.clone() else {
            return Self { oracle: Arc::new(Oracle::new(options, None)), orders: None, thread: None };
        };
        let (orders, received) = channel();
        let oracle = Arc::new(Oracle::new(options, Some(orders.clone())));
        let watch = Watch { oracle: Arc::clone(&oracle), program, cache_dir, orders: received, number: 0 };
        let thread = std::thread::Builder::new().name("oracle".to_owned()).spawn(move || watch.run());
        let thread = thread
            .inspect_err(|error| {
                oracle.give_up(unavailable(&format!("no thread for it: {error}")));
            })
            .ok();
        Self { oracle, orders: Some(orders), thread }
    }

    pub(in crate::runtime) fn oracle(&self) -> &Arc<Oracle> {
        &self.oracle
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Some(orders) = &self.orders {
            // It may have ended by itself.
            let _ = orders.send(Order::Stop);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn unavailable(reason: &str) -> Box<PgError> {
    PgError::error(SqlState::CANNOT_CONNECT_NOW, format!("the catalog service is not available: {reason}"))
}

/// What a look at the process found.
enum Look {
    Goes,
    Ended(Death),
    Stop,
}

/// What became of a start.
enum Start {
    Ready(Process),
    /// By a signal, which says nothing of the data.
    Killed,
    /// The supervisor was stopped meanwhile.
    Stopped,
}

struct Watch {
    oracle: Arc<Oracle>,
    program: PathBuf,
    cache_dir: Option<PathBuf>,
    orders: Receiver<Order>,
    number: u64,
}

impl Watch {
    fn run(mut self) {
        let folder = match PrivateFolder::create() {
            Ok(folder) => folder,
            Err(error) => {
                tracing::error!(%error, "no folder for the catalog service; catalog questions will fail");
                return self.oracle.give_up(unavailable(&format!("no folder for it: {error}")));
            }
        };
        let mut backoff = BACKOFF_MIN;
        let mut data: Option<Data> = None;
        loop {
            self.number = self.number.saturating_add(1);
            let started = Instant::now();
            let is_reopened = data.is_some();
            let used = data.take().unwrap_or_else(|| Data::new(folder.path().join(format!("data-{}", self.number))));
            let is_stopped = match self.start(&folder, &used, is_reopened) {
                Ok(Start::Ready(process)) => {
                    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                    let pid = process.child.id();
                    tracing::info!(pid, milliseconds, is_reopened, "the catalog service is ready");
                    backoff = BACKOFF_MIN;
                    let started = Instant::now();
                    match self.watch(process) {
                        Some((death, readiness)) => {
                            data = used.after(death, readiness, is_reopened, started.elapsed());
                            false
                        }
                        None => true,
                    }
                }
                Ok(Start::Stopped) => true,
                Ok(Start::Killed) if is_reopened => {
                    tracing::warn!("the catalog service was killed while it started, and is restarted");
                    // The data were worth taking over, or this process would not have tried.
                    data = used.after(Death::Died, Some(Readiness::Prepared), is_reopened, Duration::ZERO);
                    false
                }
                Err(error) if is_reopened => {
                    tracing::warn!(%error, "the catalog service could not go on with its data, and begins anew");
                    false
                }
                failed => {
                    let error = failed.err().unwrap_or_else(|| io::Error::other("its process was killed"));
                    let pause = u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX);
                    tracing::error!(%error, pause_ms = pause, "the catalog service did not start");
                    let is_stopped = self.pause(backoff);
                    backoff = backoff.saturating_mul(2).min(BACKOFF_MAX);
                    is_stopped
                }
            };
            if is_stopped {
                return self.oracle.give_up(unavailable("the gateway stops"));
            }
        }
    }

    /// Starts a process and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, ended by itself, or took too long.
    fn start(&self, folder: &PrivateFolder, data: &Data, is_reopened: bool) -> io::Result<Start> {
        let own = folder.subfolder(&self.number.to_string())?;
        let mut command = Command::new(&self.program);
        command.arg("catalog-server").arg("--folder").arg(&own).arg("--data").arg(&data.folder);
        if is_reopened {
            command.arg("--reopen").arg(&self.oracle.options.database);
        }
        command.env("TMPDIR", &own);
        if let Some(cache_dir) = &self.cache_dir {
            // Where the embedded PostgreSQL looks for the user's cache folder; relative ones do not count there.
            command.env("XDG_CACHE_HOME", std::path::absolute(cache_dir)?);
        }
        // Ctrl-C in a terminal is for the gateway, which ends the process when nobody needs it any more.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn()?;
        let mut process = Process { child, folder: own };
        tracing::debug!(pid = process.child.id(), "the catalog service starts");
        let (ready, heard) = channel();
        if let Some(stdout) = process.child.stdout.take() {
            listen(stdout, move |line| {
                if line == "ready" {
                    let _ = ready.send(());
                }
            })?;
        }
        if let Some(stderr) = process.child.stderr.take() {
            listen(stderr, |line| tracing::debug!(target: "catalog_server", "{line}"))?;
        }
        let limit = if is_reopened { REOPEN_LIMIT } else { START_LIMIT };
        let deadline = Instant::now() + limit;
        loop {
            if heard.try_recv().is_ok() {
                let address = Address::Socket(process.folder.join(ORACLE_SOCKET));
                let pid = Some(process.child.id());
                self.oracle.started(Generation { number: self.number, address, is_reopened, pid });
                return Ok(Start::Ready(process));
            }
            match self.look(&mut process, Duration::from_millis(5)) {
                Look::Goes if Instant::now() > deadline => {
                    let limit = limit.as_millis();
                    return Err(io::Error::other(format!("it did not listen within {limit} ms")));
                }
                Look::Goes => {}
                Look::Stop => return Ok(Start::Stopped),
                Look::Ended(Death::Memory) => {
                    return Err(io::Error::other("it took more memory than catalog_memory_bytes_max to start"));
                }
                Look::Ended(_) => {
                    let status = process.child.try_wait().ok().flatten();
                    if status.is_some_and(|status| status.signal().is_some()) {
                        return Ok(Start::Killed);
                    }
                    return Err(io::Error::other("its process ended; log level debug shows what it said"));
                }
            }
        }
    }

    /// Until the process ends or has to: why it did, and how far it had come. `None`: the supervisor was stopped.
    fn watch(&self, mut process: Process) -> Option<(Death, Option<Readiness>)> {
        let mut stopped_since: Option<Instant> = None;
        loop {
            let look = match self.look(&mut process, LOOK) {
                Look::Goes if is_stopped(process.child.id()) => {
                    let since = *stopped_since.get_or_insert_with(Instant::now);
                    if since.elapsed() < STOPPED_LIMIT { Look::Goes } else { Look::Ended(Death::Died) }
                }
                look => {
                    stopped_since = None;
                    look
                }
            };
            match look {
                Look::Goes => {}
                Look::Stop => return None,
                Look::Ended(death) => {
                    let pid = process.child.id();
                    let status = process.child.try_wait().ok().flatten().map(|status| status.to_string());
                    // Gone before the shards hear of it.
                    drop(process);
                    let reached = self.oracle.ended(self.number, death);
                    match death {
                        Death::Died => tracing::warn!(pid, status, "the catalog service died and is restarted"),
                        Death::Timeout => tracing::warn!(
                            pid,
                            limit_ms = u64::try_from(self.oracle.options.statement_timeout.as_millis()).unwrap_or(0),
                            "a catalog question ran for too long; the catalog service is restarted"
                        ),
                        Death::Memory => tracing::warn!(
                            pid,
                            limit_bytes = self.oracle.options.memory_bytes_max,
                            "the catalog service took too much memory and is restarted"
                        ),
                        Death::Unfit => tracing::debug!(pid, "the catalog service is restarted"),
                    }
                    return Some((death, reached));
                }
            }
        }
    }

    /// Waits a moment for an order, then looks at the process.
    fn look(&self, process: &mut Process, moment: Duration) -> Look {
        match self.orders.recv_timeout(moment) {
            Ok(Order::Kill(number, why)) if number == self.number => return Look::Ended(why),
            Ok(Order::Kill(..)) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return Look::Stop,
        }
        if !matches!(process.child.try_wait(), Ok(None)) {
            return Look::Ended(Death::Died);
        }
        if resident_bytes(process.child.id()).is_some_and(|bytes| bytes > self.oracle.options.memory_bytes_max) {
            return Look::Ended(Death::Memory);
        }
        Look::Goes
    }

    /// Whether the supervisor was stopped meanwhile.
    fn pause(&self, pause: Duration) -> bool {
        let deadline = Instant::now() + pause;
        loop {
            match self.orders.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Order::Kill(..)) => {}
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}

/// Dropped, it is killed, reaped, and its files are removed.
struct Process {
    child: Child,
    folder: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing in it is worth a clean end. It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        remove(std::mem::take(&mut self.folder));
    }
}

/// PostgreSQL's data: they outlive the processes that work on them, as long as there is no reason to mistrust them.
/// Dropped, they are removed.
#[derive(Debug)]
struct Data {
    folder: PathBuf,
    /// Processes in a row that died soon after they had taken it over.
    early_deaths_count: u32,
}

impl Data {
    fn new(folder: PathBuf) -> Self {
        Self { folder, early_deaths_count: 0 }
    }

    /// What the next process may go on with. `age`: how long the process lived that ended.
    fn after(mut self, death: Death, reached: Option<Readiness>, is_reopened: bool, age: Duration) -> Option<Self> {
        // Before that, the database has not its name yet, and files of the template may be missing.
        let is_prepared = reached.is_some_and(|reached| reached >= Readiness::Prepared);
        let is_early = is_reopened && death == Death::Died && age < EARLY;
        self.early_deaths_count = if is_early { self.early_deaths_count.saturating_add(1) } else { 0 };
        (is_prepared && death != Death::Unfit && self.early_deaths_count < EARLY_DEATHS_MAX).then_some(self)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        remove(std::mem::take(&mut self.folder));
    }
}

/// Thousands of tables are tens of thousands of files: nobody waits for them to go. What is left when the gateway ends
/// goes with the folder around it.
fn remove(folder: PathBuf) {
    let _ = std::thread::Builder::new().name("oracle-files".to_owned()).spawn(move || {
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %folder.display(), "files of the catalog service stay behind");
        }
    });
}

/// Calls `on_line` for each line, on a thread that ends with the pipe.
fn listen(pipe: impl io::Read + Send + 'static, mut on_line: impl FnMut(&str) + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("oracle-output".to_owned()).spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            on_line(String::from_utf8_lossy(&line).trim_end());
        }
    })?;
    Ok(())
}

/// Whether a process was stopped by a signal. The letter stands behind its name, which may hold anything.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// What the kernel counts processor time in (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// Time that all threads of a process have had on a processor. `None` when it is gone.
pub(super) fn processor_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // Fields 14 and 15, of which the second is the name (proc(5)).
    let mut times = stat.rsplit_once(") ")?.1.split(' ').skip(11).map(str::parse::<u64>);
    let ticks = times.next()?.ok()?.saturating_add(times.next()?.ok()?);
    Some(Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND)))
}

/// Memory a process holds. `None` when it is gone.
fn resident_bytes(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("statm")).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    pages.checked_mul(PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_kept_while_they_are_trusted() {
        let data = || Data::new(std::env::temp_dir().join("no-such-data"));
        let long = Duration::from_secs(60);
        let mirrored = Some(Readiness::Mirrored);
        for death in [Death::Died, Death::Timeout, Death::Memory] {
            assert!(data().after(death, mirrored, false, long).is_some(), "{death:?}");
        }
        assert!(data().after(Death::Unfit, mirrored, true, long).is_none());
        assert!(data().after(Death::Died, Some(Readiness::Listening), false, long).is_none());
        let mut kept = data().after(Death::Died, Some(Readiness::Prepared), false, Duration::ZERO).unwrap();
        for _ in 1..EARLY_DEATHS_MAX {
            kept = kept.after(Death::Died, mirrored, true, Duration::ZERO).unwrap();
        }
        kept = kept.after(Death::Timeout, mirrored, true, Duration::ZERO).unwrap();
        for _ in 1..EARLY_DEATHS_MAX {
            kept = kept.after(Death::Died, mirrored, true, Duration::ZERO).unwrap();
        }
        assert!(kept.after(Death::Died, mirrored, true, Duration::ZERO).is_none());
    }

    #[test]
    fn a_stopped_process_is_known() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!is_stopped(child.id()));
        let stopped = Command::new("kill").arg("-STOP").arg(child.id().to_string()).status().unwrap();
        assert!(stopped.success());
        let deadline = Instant::now() + Duration::from_secs(5);
        while !is_stopped(child.id()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(is_stopped(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_stopped(u32::MAX));
    }

    #[test]
    fn processor_time_is_measured() {
        let before = processor_time(std::process::id()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while processor_time(std::process::id()).unwrap() < before + Duration::from_millis(50) {
            assert!(Instant::now() < deadline);
        }
        assert_eq!(processor_time(u32::MAX), None);
    }

    #[test]
    fn memory_is_measured() {
        let bytes = resident_bytes(std::process::id()).unwrap();
        assert!((1 << 20..1 << 40).contains(&bytes), "{bytes}");
        assert_eq!(resident_bytes(u32::MAX), None);
    }
}
