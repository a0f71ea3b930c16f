//! What the integration tests share: servers that stop with the test, and a raw protocol client.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod client;
pub mod message;
pub mod process;
pub mod scram;

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use process::{Deadline, stretched};

/// How many clients a crowd is: all of them with `FLOODS=full`.
pub fn crowd(few: usize, all: usize) -> usize {
    if std::env::var("FLOODS").is_ok_and(|size| size == "full") { all } else { few }
}

/// How long a debug build may take until it accepts connections, on a busy machine.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// A server process of the gateway's binary; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
    directory: PathBuf,
}

impl Server {
    /// `iris-pgwire serve` on a free port with its embedded engine.
    pub fn gateway(more: &[&str]) -> Self {
        Self::gateway_at(free_address(), more)
    }

    /// The same on an address.
    pub fn gateway_at(address: SocketAddr, more: &[&str]) -> Self {
        Self::start(&gateway_arguments(address, more), address)
    }

    /// `iris-pgwire superserver` on `address`, with its data kept in `data`.
    pub fn superserver(address: SocketAddr, data: &std::path::Path) -> Self {
        let args =
            ["superserver", "--listen", &address.to_string(), "--data", &data.to_string_lossy()].map(str::to_owned);
        Self::start(&args, address)
    }

    /// A gateway whose log nobody can read.
    pub fn gateway_with_log(stderr: Stdio, more: &[&str]) -> Self {
        let address = free_address();
        Self::start_with_log(&gateway_arguments(address, more), address, temporary_directory(), stderr)
    }

    fn start(args: &[String], address: SocketAddr) -> Self {
        let directory = temporary_directory();
        let stderr = File::options().create(true).append(true).open(directory.join("stderr")).unwrap();
        Self::start_with_log(args, address, directory, stderr.into())
    }

    fn start_with_log(args: &[String], address: SocketAddr, directory: PathBuf, stderr: Stdio) -> Self {
        let log = directory.join("stderr");
        let child = Command::new(env!("CARGO_BIN_EXE_iris-pgwire"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut server = Self { child, address, log, directory };
        let deadline = Instant::now() + READY_TIMEOUT;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait().unwrap() {
                panic!("iris-pgwire {} ended with {status}:\n{}", args.join(" "), server.stderr());
            }
            assert!(Instant::now() < deadline, "iris-pgwire did not listen on {address}:\n{}", server.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Process id and private folder of the oracle of a gateway.
    pub fn oracle(&self) -> Option<(u32, PathBuf)> {
        let (pid, command) = self.children().into_iter().find(|(_, command)| !command.contains("\0--worker\0"))?;
        let folder = command.split('\0').skip_while(|arg| *arg != "--folder").nth(1)?;
        Some((pid, PathBuf::from(folder).parent()?.to_owned()))
    }

    /// Process ids of the oracle's workers.
    pub fn workers(&self) -> Vec<u32> {
        let workers = self.children().into_iter().filter(|(_, command)| command.contains("\0--worker\0"));
        workers.map(|(pid, _)| pid).collect()
    }

    /// The processes of the oracle with their command lines.
    fn children(&self) -> Vec<(u32, String)> {
        let processes = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let pid = entry.file_name().to_string_lossy().parse::<u32>().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let parent = stat.rsplit(") ").next()?.split(' ').nth(1)?.parse::<u32>().ok()?;
            let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            (parent == self.pid() && command.contains("\0--folder\0")).then_some((pid, command))
        });
        processes.collect()
    }

    /// What the process has written to its standard error so far.
    pub fn stderr(&self) -> String {
        if !self.log.starts_with(&self.directory) {
            return String::new();
        }
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until its standard error fulfils something. The log is written behind what clients are told: an answer
    /// may be here before the line about it.
    pub fn until_said(&self, is_said: impl Fn(&str) -> bool) {
        let deadline = Deadline::after(Duration::from_secs(10));
        while !is_said(&self.stderr()) {
            assert!(!deadline.is_over(), "not said:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal by name (`TERM`, `KILL`, `INT`).
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(status.success(), "kill -s {name} failed");
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end of the process: longer than `timeout` on a busy machine.
    pub fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let deadline = Deadline::after(timeout);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(!deadline.is_over(), "still running after {timeout:?}:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A busy machine may take longer to start the catalog than the gateway waits for it (57P03): the time that a question may
/// take, of which that is a multiple, grows with what others do to the machine. Tests that are about it say what it is.
fn gateway_arguments(address: SocketAddr, more: &[&str]) -> Vec<String> {
    const CATALOG_TIMEOUT: &str = "--catalog-statement-timeout-ms";
    /// The default.
    const CATALOG_LIMIT: Duration = Duration::from_secs(10);
    let mut args = vec!["serve".to_owned(), "--listen".into(), address.to_string()];
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    if !more.contains(&CATALOG_TIMEOUT) {
        args.extend([CATALOG_TIMEOUT.to_owned(), stretched(CATALOG_LIMIT).as_millis().to_string()]);
    }
    args
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- standard error of process {}:\n{}---", self.pid(), self.stderr());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The server that the protocol scripts talk to: a gateway, or the one that `IRIS_PGWIRE_TEST_SERVER` (`host:port`)
/// names. That is how the scripts are checked against a real PostgreSQL.
pub enum Subject {
    Gateway(Server),
    Other(SocketAddr),
}

impl Subject {
    pub fn start(more: &[&str]) -> Self {
        match std::env::var("IRIS_PGWIRE_TEST_SERVER") {
            Ok(address) => Self::Other(address.parse().unwrap()),
            Err(_) => Self::Gateway(Server::gateway(more)),
        }
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Gateway(server) => server.address,
            Self::Other(address) => *address,
        }
    }

    pub fn is_gateway(&self) -> bool {
        matches!(self, Self::Gateway(_))
    }
}

/// A port nobody listens on. Below the range from which the kernel takes ports of outgoing connections: else one of
/// those may take it before the server does, or while the server is being restarted.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (std::process::id().wrapping_mul(61).wrapping_add(step) % 12_000) as u16;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener.local_addr().unwrap();
        }
    }
}

/// A new empty folder; the caller removes it.
pub fn temporary_directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("iris-pgwire-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A small generator of repeatable pseudo-random numbers (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number from 0 up to, not including, `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}
