//! `catalog = "native"`: a PostgreSQL of this machine, which the gateway starts, watches and ends. PostgreSQL 18 with pgvector
//! is that of `tests/lib/postgres.sh binaries`.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::client::Client;
use common::{Server, message, temporary_directory};

/// Longer than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder of PostgreSQL's programs.
fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lib/postgres.sh");
        let output = Command::new(script).arg("binaries").stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success());
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    })
}

fn native(more: &[&str]) -> Server {
    let mut args = vec![
        "--cores",
        "2",
        "--catalog",
        "native",
        "--catalog-bin-dir",
        programs().to_str().unwrap(),
        "--log-level",
        "debug",
    ];
    args.extend(more);
    Server::gateway(&args)
}

/// A process: its number, its parent's, its name, and where it works.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    pid: u32,
    parent: u32,
    folder: PathBuf,
    command: String,
}

/// Those of PostgreSQL that work in folders of gateways; what has ended and was not reaped works nowhere.
fn postgres() -> Vec<Process> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        let Ok(folder) = fs::read_link(entry.path().join("cwd")) else { continue };
        if fs::read_to_string(entry.path().join("comm")).unwrap_or_default().trim_end() != "postgres" {
            continue;
        }
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some(parent) = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)) else { continue };
        let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default().replace('\0', " ");
        found.push(Process { pid, parent: parent.parse().unwrap(), folder, command });
    }
    found
}

/// The first process of a gateway's PostgreSQL, and the others.
fn cluster(gateway: u32) -> (Process, Vec<Process>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let all = postgres();
        if let Some(first) = all.iter().find(|process| process.parent == gateway) {
            return (first.clone(), all.iter().filter(|process| process.parent == first.pid).cloned().collect());
        }
        assert!(Instant::now() < deadline, "no PostgreSQL of {gateway} among {all:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn end(pid: u32) {
    // It may be gone.
    let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The folder that the gateway manages around PostgreSQL's.
fn around(process: &Process) -> PathBuf {
    process.folder.parent().unwrap().to_owned()
}

fn nothing_runs_in(folder: &Path, within: Duration) {
    let deadline = Instant::now() + within;
    loop {
        let left: Vec<Process> = postgres().into_iter().filter(|process| process.folder.starts_with(folder)).collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "{left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const OID: &str = "SELECT 'native_t'::regclass::oid";

/// A statement that runs for a second, and its answer.
const LONG: (&str, &str) = ("SELECT count(*) FROM generate_series(1, 1500000) a WHERE md5(a::text) <> ''", "1500000");

/// The backend that runs a statement: the one that is not idle.
fn busy(gateway: u32) -> Process {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, others) = cluster(gateway);
        let is_busy = |process: &&Process| process.command.contains("[local]") && !process.command.contains("idle");
        if let Some(found) = others.iter().find(is_busy) {
            return found.clone();
        }
        assert!(Instant::now() < deadline, "none is busy: {others:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn it_answers_and_survives_the_death_of_its_processes() {
    let mut server = native(&[]);
    let mut client = Client::connect(server.address);
    assert!(client.parameters["server_version"].starts_with("18."), "{:?}", client.parameters);
    client.ok("CREATE TABLE native_t (id integer PRIMARY KEY, name varchar(20), v vector(3))");
    client.ok("INSERT INTO native_t VALUES (1, 'one', '[1,2,3]')");
    assert_eq!(client.value("SELECT v FROM native_t WHERE id = 1"), "[1,2,3]");
    assert!(client.value("SHOW server_version_num").starts_with("18"));
    assert_eq!(client.value("SELECT current_setting('server_version_num') LIKE '18%'"), "t");
    assert_eq!(client.value("SELECT upper('\u{e4}') || (SELECT count(*) FROM pg_database)"), "\u{c4}1");
    // As in the embedded one, so that values of pgvector in binary are known.
    assert_eq!(client.value("SELECT 'vector'::regtype::oid || ' ' || 'vector[]'::regtype::oid"), "16385 16391");
    let oid = client.value(OID);
    let (first, others) = cluster(server.pid());
    let folder = around(&first);
    let mode = fs::metadata(&first.folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(others.iter().any(|process| process.command.contains("pg_gateway")), "{others:?}");
    // No TCP.
    assert_eq!(client.value("SELECT current_setting('listen_addresses')"), "");

    // One process dies while a statement runs in it: all but the first are made anew, and the statement runs again.
    let address = server.address;
    let long = std::thread::spawn(move || Client::connect(address).value(LONG.0));
    end(busy(server.pid()).pid);
    assert_eq!(long.join().unwrap(), LONG.1);
    assert_eq!(client.value(OID), oid);
    assert_eq!(cluster(server.pid()).0.pid, first.pid, "{}", server.stderr());
    server.until_said(|log| log.contains("it has begun anew by itself"));
    client.ok("ALTER TABLE native_t ADD COLUMN more integer");

    // The first one dies, with a statement running.
    let long = std::thread::spawn(move || Client::connect(address).value(LONG.0));
    busy(server.pid());
    end(first.pid);
    assert_eq!(long.join().unwrap(), LONG.1);
    assert_eq!(client.value(OID), oid);
    let (second, others) = cluster(server.pid());
    assert_ne!(second.pid, first.pid);
    assert_eq!(second.folder, first.folder, "it goes on with its data");

    // All die at once.
    for process in std::iter::once(&second).chain(&others) {
        end(process.pid);
    }
    let deadline = Instant::now() + PATIENCE;
    while client.query(OID) != [format!("Row '{oid}'")] && cluster(server.pid()).0.pid == second.pid {
        assert!(Instant::now() < deadline, "{}", server.stderr());
    }
    assert_eq!(client.value(OID), oid);
    assert_eq!(
        client.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'native_t'::regclass AND attnum > 0"),
        "4"
    );

    // Stopped, it would answer nobody.
    let (third, _) = cluster(server.pid());
    let stopped = Command::new("kill").args(["-STOP", &third.pid.to_string()]).status().unwrap();
    assert!(stopped.success());
    let deadline = Instant::now() + PATIENCE;
    while cluster(server.pid()).0.pid == third.pid {
        assert!(Instant::now() < deadline, "{}", server.stderr());
    }
    assert_eq!(client.value(OID), oid);
    assert!(!server.stderr().contains("panicked"));

    // With the gateway it ends, in order, and leaves nothing.
    server.signal("TERM");
    drop(client);
    assert!(server.wait(PATIENCE).success());
    nothing_runs_in(&folder, Duration::ZERO);
    assert!(!folder.exists());
}

#[test]
fn nothing_outlives_a_killed_gateway() {
    let mut server = native(&[]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.value("SELECT count(*) FROM pg_class WHERE relname = 'pg_class'"), "1");
    // A statement that would run for a day.
    client.send(&message::query("SELECT count(*) FROM generate_series(1, 100000000000)"));
    busy(server.pid());
    let folder = around(&cluster(server.pid()).0);
    server.signal("KILL");
    server.wait(PATIENCE);
    nothing_runs_in(&folder, Duration::from_secs(10));
    assert!(folder.exists());
    // The next one removes what is left.
    let next = native(&[]);
    assert_eq!(Client::connect(next.address).value("SELECT 1 + 1"), "2");
    assert!(!folder.exists());
}

/// Cancels, limits and memory are a statement's own: others do not notice.
#[test]
fn statements_end_alone() {
    let server = native(&["--catalog-memory-bytes-max", "300000000", "--catalog-statement-timeout-ms", "20000"]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.value("SELECT 1 + 1"), "2");
    let (first, _) = cluster(server.pid());
    let mut other = Client::connect(server.address);
    other.send(&message::query(LONG.0));
    client.ok("SET statement_timeout = 300");
    let started = Instant::now();
    let lines = client.query("SELECT count(*) FROM generate_series(1, 100000000000)");
    assert!(lines.iter().any(|line| line.starts_with("Error") && line.contains("57014")), "{lines:?}");
    client.ok("SET statement_timeout = 0");
    // More than half of what all may take.
    let lines = client.query("SELECT length(repeat('x', 200000000) || current_user)");
    assert!(lines.iter().any(|line| line.starts_with("Error") && line.contains("53200")), "{lines:?}");
    assert!(started.elapsed() < PATIENCE);
    assert!(other.lines(1).contains(&format!("Row '{}'", LONG.1)));
    assert_eq!(cluster(server.pid()).0, first, "{}", server.stderr());
    // Less than that is given.
    assert_eq!(client.value("SELECT length(repeat('x', 20000000) || current_user) > 20000000"), "t");
}

/// A host that is a folder, as libpq has it: here that of another gateway's cluster.
#[test]
fn catalog_url_takes_the_folder_of_a_socket() {
    let owner = native(&[]);
    assert_eq!(Client::connect(owner.address).value("SELECT 1 + 1"), "2");
    let (first, _) = cluster(owner.pid());
    let (_, folder) = first.command.split_once("unix_socket_directories=").unwrap();
    let url = format!("postgres://pg_gateway@{}/USER", folder.trim().replace('/', "%2F"));
    let guest = Server::gateway(&["--cores", "1", "--catalog-url", &url]);
    let mut client = Client::connect(guest.address);
    client.ok("CREATE TABLE guest_t (id integer)");
    assert_eq!(client.value("SELECT count(*) FROM pg_class WHERE relname = 'guest_t'"), "1");
    // What clients are told is the version of that PostgreSQL, from when it is known.
    assert!(Client::connect(guest.address).parameters["server_version"].starts_with("18."));
}

/// What a gateway says that does not start.
fn refused(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_iris-pgwire"))
        .args(["serve", "--listen", "127.0.0.1:1", "--catalog", "native"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn what_is_missing_is_named() {
    let folder = temporary_directory();
    let named = folder.to_str().unwrap();
    let said = refused(&["--catalog-bin-dir", named]);
    assert!(said.contains("no initdb and postgres that can be run are there"), "{said}");
    for name in ["initdb", "postgres"] {
        let path = folder.join(name);
        fs::write(&path, "#!/bin/sh\necho 'postgres (PostgreSQL) 16.9'\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let said = refused(&["--catalog-bin-dir", named]);
    assert!(said.contains("that is PostgreSQL 16.9, and 17 or 18 is needed"), "{said}");
    let said = refused(&["--catalog-bin-dir", programs().to_str().unwrap(), "--catalog-os-user", "no-such-user"]);
    assert!(said.contains("catalog_os_user = \"no-such-user\""), "{said}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn without_pgvector_the_reason_is_told() {
    let folder = temporary_directory();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    // Beside the programs lie the libraries that the package brings along.
    let install = programs().parent().unwrap();
    let package = install.parent().unwrap();
    let libraries = package.with_extension("libs");
    let target = folder.join(package.file_name().unwrap());
    fs::create_dir(&target).unwrap();
    for (from, to) in [(install, &target), (&libraries, &folder)] {
        assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
    }
    let install = target.join(install.file_name().unwrap());
    fs::remove_file(install.join("share/postgresql/extension/vector.control")).unwrap();
    let named = install.join("bin");
    let server =
        Server::gateway(&["--cores", "1", "--catalog", "native", "--catalog-bin-dir", named.to_str().unwrap()]);
    let mut client = Client::connect(server.address);
    client.send(&message::query("SELECT count(*) FROM pg_class"));
    let answer = client.until_ready();
    let error = answer.iter().find(|message| message.tag == b'E').unwrap();
    let said = error.field(b'M').unwrap();
    let expected = "it lacks the extension vector (pgvector): install it there (Debian: postgresql-18-pgvector)";
    assert!(error.line().contains("57P03") && said.contains(expected), "{said}");
    server.until_said(|log| log.contains(expected));
    // Nothing is kept alive for it, and IRIS is asked all the same.
    let deadline = Instant::now() + PATIENCE;
    while postgres().iter().any(|process| process.parent == server.pid()) {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    client.ok("CREATE TABLE native_plain (id integer)");
    client.ok("INSERT INTO native_plain VALUES (1)");
    assert_eq!(client.value("SELECT id FROM native_plain"), "1");
    fs::remove_dir_all(folder).unwrap();
}
