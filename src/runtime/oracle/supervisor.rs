//! Keeps the oracle's process alive: starts it, watches it, ends it. A thread of its own, so that nothing a shard does
//! holds it up and the process is not pinned to a shard's core.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::crew::Crew;
use super::crew_start;
use super::embedded::Program;
use super::folder::PrivateFolder;
use super::native::{self, Native};
use super::process::{Process, is_stopped, remove};
use super::state::{Address, Death, Generation, Oracle, Order, Readiness};
use super::{ORACLE_SOCKET, OracleOptions, OracleSource};
use crate::wire::{PgError, SqlState};

/// How often memory is looked at, and whether the process still lives.
const LOOK: Duration = Duration::from_millis(100);
const LOOK_AT_START: Duration = Duration::from_millis(5);
/// The first start unpacks; a process that has not opened by then never will.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Over existing data there is at most a second of work to repeat; if that fails, there is another way.
const REOPEN_LIMIT: Duration = Duration::from_secs(20);
/// A process that somebody has stopped answers nobody, and nothing else would tell that it is not merely busy.
const STOPPED_LIMIT: Duration = Duration::from_secs(1);
/// They are killed, which needs some milliseconds.
const WORKERS_END_LIMIT: Duration = Duration::from_secs(2);
/// Pauses between starts that fail in a row.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A process that dies by itself within this time after it took over the data of another may have died of them; so many
/// in a row have.
const EARLY: Duration = Duration::from_secs(10);
const EARLY_DEATHS_MAX: u32 = 3;

/// The supervisor's thread. Dropped, it ends the process.
#[derive(Debug)]
pub(in crate::runtime) struct Supervisor {
    oracle: Arc<Oracle>,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    /// That of the workers.
    crew_thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Returns at once; the process starts meanwhile.
    pub(in crate::runtime) fn start(options: OracleOptions, shards_count: usize) -> Self {
        let kind = match options.source.clone() {
            OracleSource::Embedded { program, cache_dir } => Kind::Embedded(Program { program, cache_dir }),
            OracleSource::Native(programs) => {
                let (memory, workers) = (options.memory_bytes_max, options.workers_max);
                Kind::Native(Arc::new(Native::new(programs, &options.database, memory, shards_count, workers)))
            }
            OracleSource::External(_) | OracleSource::Off => {
                let oracle = Arc::new(Oracle::new(options, None));
                return Self { oracle, orders: None, thread: None, crew_thread: None };
            }
        };
        let (orders, received) = channel();
        let mut oracle = Oracle::new(options, Some(orders.clone()));
        let mut crew = None;
        if let Kind::Embedded(program) = &kind {
            let (starts, received) = channel();
            oracle.crew = Crew::of_processes(oracle.options.workers_max, starts);
            crew = Some((program.clone(), received));
        }
        let oracle = Arc::new(oracle);
        let crew_thread = crew.and_then(|(program, starts)| {
            let oracle_of_thread = Arc::clone(&oracle);
            let serve = move || crew_start::serve(&oracle_of_thread, &program, &starts);
            let thread = std::thread::Builder::new().name("oracle-crew".to_owned()).spawn(serve);
            thread.inspect_err(|error| tracing::error!(%error, "no thread for workers: there are none")).ok()
        });
        let watch =
            Watch { oracle: Arc::clone(&oracle), kind, orders: received, number: 0, revivals: Revivals::default() };
        let thread = std::thread::Builder::new().name("oracle".to_owned()).spawn(move || watch.run());
        let thread = thread
            .inspect_err(|error| {
                oracle.give_up(unavailable(&format!("no thread for it: {error}")));
            })
            .ok();
        Self { oracle, orders: Some(orders), thread, crew_thread }
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
        for thread in [self.thread.take(), self.crew_thread.take()].into_iter().flatten() {
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

/// What became of a native PostgreSQL whose processes have died but for the first.
enum Revival {
    Again,
    /// It has to be started anew: why, and how far it had come.
    Never(Death, Option<Readiness>),
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

/// What is started.
#[derive(Debug, Clone)]
enum Kind {
    Embedded(Program),
    Native(Arc<Native>),
}

struct Watch {
    oracle: Arc<Oracle>,
    kind: Kind,
    orders: Receiver<Order>,
    number: u64,
    revivals: Revivals,
}

/// How often in a row a PostgreSQL has begun anew by itself soon after it did so before.
#[derive(Debug, Default)]
struct Revivals {
    last: Option<Instant>,
    early_count: u32,
}

impl Revivals {
    /// One more; whether there may be.
    fn count(&mut self) -> bool {
        let is_early = self.last.replace(Instant::now()).is_some_and(|last| last.elapsed() < EARLY);
        self.early_count = if is_early { self.early_count.saturating_add(1) } else { 0 };
        self.early_count < EARLY_DEATHS_MAX
    }
}

impl Watch {
    fn run(mut self) {
        let is_passable = matches!(&self.kind, Kind::Native(native) if native.is_somebody_else());
        let folder = match PrivateFolder::create(is_passable) {
            Ok(folder) => folder,
            Err(error) => {
                tracing::error!(%error, "no folder for the catalog service; catalog questions will fail");
                return self.oracle.give_up(unavailable(&format!("no folder for it: {error}")));
            }
        };
        if let Kind::Native(native) = &self.kind {
            native.tell();
        }
        let mut backoff = BACKOFF_MIN;
        let mut data: Option<Data> = None;
        loop {
            self.number = self.number.saturating_add(1);
            let started = Instant::now();
            let is_reopened = data.is_some();
            let used = data.take().unwrap_or_else(|| Data::new(folder.path().join(format!("data-{}", self.number))));
            let is_stopped = match self.start(&folder, &used, is_reopened) {
                Ok(Start::Ready(process)) => {
                    let milliseconds = milliseconds(started.elapsed());
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
                self.oracle.give_up(unavailable("the gateway stops"));
                return self.end_workers();
            }
        }
    }

    /// Their files are in the folder that goes now.
    fn end_workers(&self) {
        let crew = &self.oracle.crew;
        crew.stop();
        let deadline = Instant::now() + WORKERS_END_LIMIT;
        while !crew.is_empty() && Instant::now() < deadline {
            std::thread::sleep(LOOK_AT_START);
        }
    }

    /// Starts a process and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, ended by itself, or took too long.
    fn start(&self, folder: &PrivateFolder, data: &Data, is_reopened: bool) -> io::Result<Start> {
        let own = folder.subfolder(&self.number.to_string())?;
        let deadline = Instant::now() + if is_reopened { REOPEN_LIMIT } else { START_LIMIT };
        match &self.kind {
            Kind::Embedded(program) => {
                let database = Some(self.oracle.options.database.as_str()).filter(|_| is_reopened);
                let mut command = program.command(&own, &data.folder, database)?;
                // Ctrl-C in a terminal is for the gateway, which ends the process when nobody needs it any more.
                command.process_group(0);
                let mut process = Process::spawn(&mut command, own, None)?;
                let heard = process.when_ready()?;
                let is_ready = |_: &Process| heard.try_recv().is_ok();
                let address = Address::Socket(process.folder.join(ORACLE_SOCKET));
                let pid = Some(process.child.id());
                let generation = Generation { number: self.number, address, is_reopened, pid };
                self.until_ready(process, deadline, is_ready, generation)
            }
            Kind::Native(native) => {
                native.own(&own)?;
                if !is_reopened {
                    std::fs::create_dir(&data.folder)?;
                    native.own(&data.folder)?;
                    let files = folder.subfolder(&format!("{}-initdb", self.number))?;
                    let maker = Process::spawn(&mut native.initdb(&data.folder), files, Some(data.folder.clone()))?;
                    if let Some(end) = self.until_done(maker, deadline)? {
                        return Ok(end);
                    }
                    native.configure(&data.folder)?;
                }
                let address = Address::Server(Arc::new(native.server(&own)));
                let mut command = native.postgres(&data.folder, &own);
                let process = Process::spawn(&mut command, own, Some(data.folder.clone()))?;
                let is_ready = |process: &Process| native::answers(&process.folder);
                let generation = Generation { number: self.number, address, is_reopened, pid: None };
                self.until_ready(process, deadline, is_ready, generation)
            }
        }
    }

    fn until_ready(
        &self,
        mut process: Process,
        deadline: Instant,
        is_ready: impl Fn(&Process) -> bool,
        generation: Generation,
    ) -> io::Result<Start> {
        loop {
            if is_ready(&process) {
                self.oracle.started(generation);
                return Ok(Start::Ready(process));
            }
            if let Some(end) = self.look_at_start(&mut process, deadline)? {
                return Ok(end);
            }
        }
    }

    /// Waits for a process that makes something; `None`: it has.
    fn until_done(&self, mut process: Process, deadline: Instant) -> io::Result<Option<Start>> {
        loop {
            if process.child.try_wait()?.is_some_and(|status| status.success()) {
                return Ok(None);
            }
            match self.look_at_start(&mut process, deadline) {
                Ok(None) => {}
                // Done between the two looks.
                _ if process.child.try_wait()?.is_some_and(|status| status.success()) => return Ok(None),
                end => return end,
            }
        }
    }

    /// `None`: it is on its way.
    fn look_at_start(&self, process: &mut Process, deadline: Instant) -> io::Result<Option<Start>> {
        match self.look(process, LOOK_AT_START) {
            Look::Goes if Instant::now() > deadline => Err(io::Error::other("it was not ready in time")),
            Look::Goes => Ok(None),
            Look::Stop => Ok(Some(Start::Stopped)),
            Look::Ended(Death::Memory) => {
                Err(io::Error::other("it took more memory than catalog_memory_bytes_max to start"))
            }
            Look::Ended(_) => match process.child.try_wait().ok().flatten() {
                Some(status) if status.signal().is_some() => Ok(Some(Start::Killed)),
                _ => Err(io::Error::other(process.last_words())),
            },
        }
    }

    /// Until the process ends or has to: why it did, and how far it had come. `None`: the supervisor was stopped.
    fn watch(&mut self, mut process: Process) -> Option<(Death, Option<Readiness>)> {
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
                    let status = process.child.try_wait().ok().flatten();
                    let may_revive = status.is_none() && process.data.is_some() && !is_stopped(pid);
                    if death == Death::Died && may_revive {
                        match self.revive(&mut process) {
                            Revival::Again => continue,
                            Revival::Never(death, reached) => return Some((death, reached)),
                            Revival::Stop => return None,
                        }
                    }
                    let status = status.map(|status| status.to_string());
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

    /// A native PostgreSQL lives, and connections to it broke: one of its processes has died, by which all others but the
    /// first end and are made anew, over what was committed. What shards know of it begins anew, too.
    fn revive(&mut self, process: &mut Process) -> Revival {
        let pid = process.child.id();
        let reached = self.oracle.ended(self.number, Death::Died);
        let is_prepared = reached.is_some_and(|reached| reached >= Readiness::Prepared);
        let deadline = Instant::now() + REOPEN_LIMIT;
        while is_prepared && self.revivals.early_count < EARLY_DEATHS_MAX && Instant::now() < deadline {
            match self.look(process, LOOK_AT_START) {
                Look::Goes if native::answers(&process.folder) => {
                    if !self.revivals.count() {
                        break;
                    }
                    self.number = self.number.saturating_add(1);
                    let Kind::Native(native) = &self.kind else { break };
                    let address = Address::Server(Arc::new(native.server(&process.folder)));
                    self.oracle.started(Generation { number: self.number, address, is_reopened: true, pid: None });
                    tracing::warn!(pid, "a process of the catalog service died, and it has begun anew by itself");
                    return Revival::Again;
                }
                Look::Goes => {}
                Look::Stop => return Revival::Stop,
                Look::Ended(_) => break,
            }
        }
        tracing::warn!(pid, "the catalog service did not come back by itself and is restarted");
        let is_worn = std::mem::take(&mut self.revivals).early_count >= EARLY_DEATHS_MAX;
        Revival::Never(if is_worn { Death::Unfit } else { Death::Died }, reached)
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
        if process.resident_bytes().is_some_and(|bytes| bytes > self.oracle.options.memory_bytes_max) {
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

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
}
