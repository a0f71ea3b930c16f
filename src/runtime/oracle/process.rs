//! A process of the oracle: its pipes, what the kernel tells of it, its files, and its end.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{ORACLE_WORKER_NICE, native};

/// What Linux counts memory in.
const PAGE_BYTES: u64 = 4096;
/// Between the end of a process and that of its pipes.
const LAST_WORDS_PAUSE: Duration = Duration::from_millis(20);

/// Dropped, it is killed, reaped, and its files are removed.
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) folder: PathBuf,
    /// A native PostgreSQL's data: it has processes of its own, which work there.
    pub(super) data: Option<PathBuf>,
    /// The last line that it has written.
    said: Arc<Mutex<String>>,
}

impl Process {
    pub(super) fn spawn(command: &mut Command, folder: PathBuf, data: Option<PathBuf>) -> io::Result<Self> {
        let child = command.spawn()?;
        tracing::debug!(pid = child.id(), "the catalog service starts");
        let mut process = Self { child, folder, data, said: Arc::default() };
        let said = Arc::clone(&process.said);
        if let Some(stderr) = process.child.stderr.take() {
            listen(stderr, move |line| {
                tracing::debug!(target: "catalog_server", "{line}");
                line.clone_into(&mut said.lock().unwrap_or_else(PoisonError::into_inner));
            })?;
        }
        Ok(process)
    }

    /// Its word that it is ready.
    pub(super) fn when_ready(&mut self) -> io::Result<Receiver<()>> {
        let (ready, heard) = channel();
        if let Some(stdout) = self.child.stdout.take() {
            listen(stdout, move |line| {
                if line == "ready" {
                    let _ = ready.send(());
                }
            })?;
        }
        Ok(heard)
    }

    pub(super) fn last_words(&self) -> String {
        // They may be on their way.
        std::thread::sleep(LAST_WORDS_PAUSE);
        match self.said.lock().unwrap_or_else(PoisonError::into_inner).as_str() {
            "" => "its process ended; log level debug shows what it said".to_owned(),
            said => format!("its process ended, and said: {said}"),
        }
    }

    pub(super) fn resident_bytes(&self) -> Option<u64> {
        match self.data {
            Some(_) => native::resident_bytes(self.child.id()),
            None => memory_of(self.child.id()).map(|(private, shared)| private.saturating_add(shared)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing in it is worth a clean end. It may have ended already.
        match &self.data {
            Some(data) => native::end(&mut self.child, data),
            None => {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
        remove(std::mem::take(&mut self.folder));
    }
}

/// Thousands of tables are tens of thousands of files: nobody waits for them to go. What is left when the gateway ends
/// goes with the folder around it.
pub(super) fn remove(folder: PathBuf) {
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
pub(super) fn is_stopped(pid: u32) -> bool {
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

/// Lets others come first on a processor: shards, catalogs, and whatever else the machine does. Where the system does not allow
/// it, they share.
pub(super) fn lower_priority(pid: i32) {
    let lowered = rustix::process::setpriority_process(rustix::process::Pid::from_raw(pid), ORACLE_WORKER_NICE);
    if let Err(error) = lowered {
        tracing::debug!(%error, pid, "a process of the catalog service keeps its priority");
    }
    // Linux shares a processor among sessions before it looks at processes (sched(7), "The autogroup feature"), and each
    // process of PostgreSQL has a session of its own. A kernel without it has nothing to be lowered.
    let _ = std::fs::write(Path::new("/proc").join(pid.to_string()).join("autogroup"), ORACLE_WORKER_NICE.to_string());
}

/// Memory a process holds in bytes: its own, and what it may share with others. `None` when it is gone.
pub(super) fn memory_of(pid: u32) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("statm")).ok()?;
    let mut pages = text.split(' ').skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some((resident.saturating_sub(shared).checked_mul(PAGE_BYTES)?, shared.checked_mul(PAGE_BYTES)?))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

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
        let (private, shared) = memory_of(std::process::id()).unwrap();
        assert!((1 << 16..1 << 40).contains(&private) && (1 << 16..1 << 40).contains(&shared), "{private} {shared}");
        assert_eq!(memory_of(u32::MAX), None);
    }
}
