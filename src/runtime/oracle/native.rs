//! A private cluster of a native PostgreSQL: its files, its settings, whether it answers, what it takes, its end.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::process::memory_of;
use super::programs::NativePrograms;
use super::{OracleServer, socket_path};
use crate::catalog::{GATEWAY_SUPERUSER, NEW_DATABASE, NEW_SUPERUSER};

/// The number in the socket's name. Nobody else listens in its folder.
const PORT: u16 = 5432;
/// Connections for each shard: those it keeps, for catalogs and for workers, and as many that are being closed.
const CONNECTIONS_PER_SHARD: usize = 12;
/// For the keeper, and to look whether it answers; those of workers come on top.
const CONNECTIONS_BESIDES: usize = 8;
/// How long PostgreSQL may take to end its processes before they are killed; it needs some milliseconds.
const END_LIMIT: Duration = Duration::from_secs(2);
/// A PostgreSQL that takes longer to say who it is hangs.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// The files of a new cluster's log, in megabytes: a mirror writes little.
const LOG_SEGMENT_MB: &str = "1";

/// What the supervisor has to know of it.
#[derive(Debug)]
pub(super) struct Native {
    programs: Arc<NativePrograms>,
    database: String,
    memory_bytes_max: u64,
    connections_max: usize,
}

impl Native {
    /// `database`: what it is called once it is prepared.
    pub(super) fn new(
        programs: Arc<NativePrograms>,
        database: &str,
        memory_bytes_max: u64,
        shards_count: usize,
        workers_max: usize,
    ) -> Self {
        let besides = workers_max.saturating_add(CONNECTIONS_BESIDES);
        let connections_max = shards_count.saturating_mul(CONNECTIONS_PER_SHARD).saturating_add(besides);
        Self { programs, database: database.to_owned(), memory_bytes_max, connections_max }
    }

    /// Whether it runs as somebody who cannot enter folders of this process's user.
    pub(super) fn is_somebody_else(&self) -> bool {
        self.programs.user().is_some()
    }

    /// Gives a folder to whom it runs as.
    pub(super) fn own(&self, folder: &Path) -> io::Result<()> {
        match self.programs.user() {
            Some(user) => chown(folder, Some(user.uid), Some(user.gid)),
            None => Ok(()),
        }
    }

    /// Makes a cluster in an empty folder. Bytes of text in their order, and Unicode's letters, as the embedded one has it.
    pub(super) fn initdb(&self, data: &Path) -> Command {
        let mut command = self.command("initdb", data);
        command.args(["--username", NEW_SUPERUSER, "--auth=trust", "--no-sync", "--no-instructions"]);
        command.args(["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
        command.args(["--wal-segsize", LOG_SEGMENT_MB]);
        command
    }

    /// What `initdb` has left becomes the gateway's: settings, and who may connect.
    pub(super) fn configure(&self, data: &Path) -> io::Result<()> {
        fs::write(data.join("pg_hba.conf"), "local all all trust\n")?;
        let mut settings = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"))?;
        settings.write_all(self.settings().as_bytes())
    }

    /// A kill leaves to the kernel all that was written: no fsync is needed for it, but a commit must have been written, and
    /// pages that a kill cuts off be mended (`full_page_writes`). Buffers that follow from `shared_buffers` are those of a new
    /// PostgreSQL, as clients may look at them. Statistics are for the catalogs: nothing else has rows.
    fn settings(&self) -> String {
        // How many processes read, which came with 18: a mirror reads nothing worth one.
        let io_method = if self.programs.major() >= 18 { "io_method = sync\n" } else { "" };
        format!(
            "\
            listen_addresses = ''\n\
            unix_socket_permissions = 0700\n\
            port = {PORT}\n\
            max_connections = {connections}\n\
            superuser_reserved_connections = 0\n\
            shared_buffers = 32MB\n\
            transaction_buffers = 32\n\
            subtransaction_buffers = 32\n\
            commit_timestamp_buffers = 32\n\
            dynamic_shared_memory_type = mmap\n\
            huge_pages = off\n\
            temp_file_limit = {temporary_kb}kB\n\
            fsync = off\n\
            synchronous_commit = on\n\
            full_page_writes = on\n\
            wal_level = minimal\n\
            max_wal_senders = 0\n\
            max_worker_processes = 0\n\
            max_parallel_workers_per_gather = 0\n\
            max_logical_replication_workers = 0\n\
            jit = off\n\
            autovacuum_max_workers = 1\n\
            client_connection_check_interval = 1s\n\
            restart_after_crash = on\n\
            logging_collector = off\n\
            log_destination = stderr\n\
            log_line_prefix = ''\n\
            log_min_messages = log\n\
            log_checkpoints = off\n\
            log_timezone = 'UTC'\n\
            timezone = 'UTC'\n\
            {io_method}",
            connections = self.connections_max,
            temporary_kb = self.memory_bytes_max / 1024,
        )
    }

    /// `folder`: for its socket.
    pub(super) fn postgres(&self, data: &Path, folder: &Path) -> Command {
        let mut command = self.command("postgres", data);
        command.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
        command
    }

    fn command(&self, name: &str, data: &Path) -> Command {
        // What one statement may take: so it fails, before all together have taken too much.
        let mut command = self.programs.command(name, self.memory_bytes_max / 2);
        command.arg("-D").arg(data).current_dir(data);
        // Ctrl-C in a terminal is for the gateway.
        command.process_group(0);
        command
    }

    /// How a prepared one is reached.
    pub(super) fn server(&self, folder: &Path) -> OracleServer {
        OracleServer {
            host: folder.display().to_string(),
            port: PORT,
            user: GATEWAY_SUPERUSER.to_owned(),
            password: String::new(),
            database: self.database.clone(),
        }
    }

    /// What is started, for the log.
    pub(super) fn tell(&self) {
        let user = self.programs.user().map(|user| user.name.as_str());
        let (version, folder) = (self.programs.version(), self.programs.folder().display());
        tracing::info!(version, %folder, user, "the catalog service is a native PostgreSQL");
    }
}

/// How one is reached that is not prepared: under the names that `initdb` has given.
pub(super) fn unprepared(server: &OracleServer) -> OracleServer {
    OracleServer { user: NEW_SUPERUSER.to_owned(), database: NEW_DATABASE.to_owned(), ..server.clone() }
}

/// Whether a PostgreSQL lets in whom it knows. It listens before it does: while it repeats its log, others are told to come
/// again (57P03).
pub(super) fn answers(folder: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket_path(folder, PORT)) else { return false };
    let limit = Some(ANSWER_LIMIT);
    if stream.set_read_timeout(limit).and_then(|()| stream.set_write_timeout(limit)).is_err() {
        return false;
    }
    let body = [&[0, 3, 0, 0][..], b"user\0", GATEWAY_SUPERUSER.as_bytes(), b"\0\0"].concat();
    let length = u32::try_from(body.len().saturating_add(4)).unwrap_or(u32::MAX);
    let mut answer = [0; 512];
    let mut read_count = 0;
    let asked = stream.write_all(&[&length.to_be_bytes()[..], &body].concat());
    if asked.is_err() {
        return false;
    }
    while let Some(rest) = answer.get_mut(read_count..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest) {
            Ok(0) | Err(_) => break,
            Ok(count) => read_count = read_count.saturating_add(count),
        }
        if answer.first() == Some(&b'R') {
            break;
        }
    }
    let answer = answer.get(..read_count).unwrap_or_default();
    // A fresh one does not know this user, and says so.
    let is_refused = answer.split(|byte| *byte == 0).any(|field| matches!(field, b"C57P03" | b"C53300"));
    !answer.is_empty() && !is_refused
}

/// What a PostgreSQL and its processes hold: what is theirs alone, and once what they share.
pub(super) fn resident_bytes(pid: u32) -> Option<u64> {
    let (mut private, mut shared) = memory_of(pid)?;
    for child in children(pid) {
        if let Some((own, with_others)) = memory_of(child) {
            private = private.saturating_add(own);
            shared = shared.max(with_others);
        }
    }
    Some(private.saturating_add(shared))
}

fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let list = fs::read_to_string(path).unwrap_or_default();
    list.split_ascii_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// Ends a PostgreSQL over `data` with all its processes, and returns when they are gone.
pub(super) fn end(child: &mut Child, data: &Path) {
    let started = Instant::now();
    if let Ok(pid) = i32::try_from(child.id())
        && matches!(child.try_wait(), Ok(None))
    {
        // Its immediate shutdown: nothing in it is worth a clean end.
        let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        while matches!(child.try_wait(), Ok(None)) && started.elapsed() < END_LIMIT {
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
    end_all_in(data);
    tracing::debug!(took = ?started.elapsed(), "PostgreSQL has ended");
}

/// Kills each PostgreSQL over data in a folder. Its processes work in that of their data; they outlive the first of them for a
/// moment, or as long as a statement does not look up, and nothing new can begin there while they live.
pub(super) fn end_all_in(folder: &Path) {
    let deadline = Instant::now() + END_LIMIT;
    loop {
        let left = processes_in(folder);
        if left.is_empty() {
            return;
        }
        if Instant::now() > deadline {
            tracing::warn!(processes = left.len(), folder = %folder.display(), "processes of PostgreSQL do not end");
            return;
        }
        for pid in left {
            // It may be on its way out.
            let _ = kill(pid, Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn processes_in(folder: &Path) -> Vec<Pid> {
    let (Ok(entries), Ok(folder)) = (fs::read_dir("/proc"), fs::canonicalize(folder)) else { return Vec::new() };
    let is_within = |process: &PathBuf| {
        let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
        matches!(name.trim_end(), "postgres" | "initdb")
            && fs::read_link(process.join("cwd")).is_ok_and(|at| at.starts_with(&folder))
    };
    let own = i32::try_from(std::process::id()).ok();
    let ids = entries.flatten().map(|entry| entry.path()).filter(is_within);
    let ids = ids.filter_map(|process| process.file_name()?.to_str()?.parse().ok());
    ids.filter(|id| Some(*id) != own).map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_in_a_folder_is_ended() {
        let folder = std::env::temp_dir().join(format!("native-{}", std::process::id()));
        let inner = folder.join("data");
        fs::create_dir_all(&inner).unwrap();
        let program = folder.join("postgres");
        fs::copy("/bin/sleep", &program).unwrap();
        let run = |program: &Path, at: &Path| Command::new(program).arg("60").current_dir(at).spawn().unwrap();
        let mut within = run(&program, &inner);
        // Of this name somewhere else, and of another name here.
        let mut others = [run(&program, &std::env::temp_dir()), run(Path::new("sleep"), &inner)];
        let deadline = Instant::now() + Duration::from_secs(10);
        while processes_in(&folder).is_empty() {
            assert!(Instant::now() < deadline);
        }
        // Somebody reaps it, as whoever adopts an orphan does.
        let reaper = std::thread::spawn(move || within.wait().unwrap());
        end_all_in(&folder);
        assert!(processes_in(&folder).is_empty());
        assert!(!reaper.join().unwrap().success());
        for other in &mut others {
            assert!(other.try_wait().unwrap().is_none());
            other.kill().unwrap();
            other.wait().unwrap();
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn children_are_found() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let thread = std::fs::read_link("/proc/thread-self").unwrap();
        let thread = thread.file_name().unwrap().to_str().unwrap();
        let list = fs::read_to_string(format!("/proc/self/task/{thread}/children")).unwrap();
        assert!(list.split_ascii_whitespace().any(|id| id.parse() == Ok(child.id())), "{list}");
        assert_eq!(resident_bytes(u32::MAX), None);
        assert!(resident_bytes(std::process::id()).unwrap() > 1 << 20);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn nobody_answers_in_an_empty_folder() {
        assert!(!answers(Path::new("/nonexistent")));
    }
}
