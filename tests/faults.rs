//! What happens when something breaks: clients killed, IRIS gone, the process asked to stop.

mod common;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::client::{Client, DATABASE, USER};
use common::message::{PROTOCOL_3_0, PROTOCOL_3_2, cancel, query, startup};
use common::process::{Deadline, stretched};
use common::{Server, free_address, temporary_directory};

/// Longer than a busy machine needs, shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `check` until it gives a value.
fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::after(PATIENCE);
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(!deadline.is_over(), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn many_clients_share_few_iris_connections() {
    let server = Server::gateway(&["--iris-connections", "4"]);
    Client::connect(server.address).ok("create table mc (id integer primary key, n integer)");
    // All are connected before any of them asks.
    let clients: Vec<_> = (0..128).map(|_| Client::connect(server.address)).collect();
    let threads: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, mut client)| {
            std::thread::spawn(move || {
                client.set_patience(Duration::from_secs(120));
                client.ok(&format!("insert into mc values ({number}, 0)"));
                for _ in 0..3 {
                    client.ok("begin");
                    client.ok(&format!("update mc set n = n + 1 where id = {number}"));
                    assert_eq!(client.status, 'T');
                    client.ok("commit");
                }
                assert_eq!(client.value(&format!("select n from mc where id = {number}")), "3");
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let mut client = Client::connect(server.address);
    assert_eq!(client.value("select count(*) from mc"), "128");
    assert_eq!(client.value("select sum(n) from mc"), "384");
}

/// A log that is a pipe, whose reader is gone, is as one on a full disk.
#[test]
fn a_log_that_nobody_takes_stops_nobody() {
    let full_disk = fs::File::options().write(true).open("/dev/full").unwrap();
    let server = Server::gateway_with_log(full_disk.into(), &[]);
    let mut clients: Vec<_> = (0..16).map(|_| Client::connect(server.address)).collect();
    clients[0].ok("create table wl (id integer)");
    let (pid, _) = eventually("the oracle runs", || server.oracle());
    assert_eq!(clients[0].value("select count(*) from pg_class where relname = 'wl'"), "1");
    // Its death is told by a warning.
    assert!(Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap().success());
    eventually("another one", || server.oracle().filter(|(next, _)| *next != pid));
    for client in &mut clients {
        client.set_patience(PATIENCE);
        assert_eq!(client.value("select count(*) from pg_class where relname = 'wl'"), "1");
        assert_eq!(client.value("select count(*) from wl"), "0");
    }
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut filler = writer.try_clone().unwrap();
    // Full before the gateway has said a word; ends when nobody can read any more.
    let filling = std::thread::spawn(move || while filler.write_all(&[b'x'; 4096]).is_ok() {});
    std::thread::sleep(Duration::from_millis(200));
    let mut server = Server::gateway_with_log(writer.into(), &["--log-level", "debug"]);
    let mut clients: Vec<_> = (0..16).map(|_| Client::connect(server.address)).collect();
    clients[0].ok("create table nr (id integer)");
    let (pid, _) = eventually("the oracle runs", || server.oracle());
    assert!(Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap().success());
    for client in &mut clients {
        client.set_patience(PATIENCE);
        assert_eq!(client.value("select count(*) from pg_class where relname = 'nr'"), "1");
        assert_eq!(client.value("select count(*) from nr"), "0");
    }
    drop(clients);
    server.signal("TERM");
    assert!(server.wait(PATIENCE).success());
    drop(reader);
    filling.join().unwrap();
}

/// Not a test: the process that `a_killed_client_is_rolled_back` starts and kills.
#[test]
#[ignore = "a client in a process of its own, started by another test"]
fn client_process() {
    let Ok(address) = std::env::var("IRIS_PGWIRE_CLIENT_OF") else { return };
    let mut client = Client::connect(address.parse().unwrap());
    client.ok("begin");
    client.ok("insert into kc values (1)");
    let mut marker = fs::File::create(std::env::var("IRIS_PGWIRE_MARKER").unwrap()).unwrap();
    marker.write_all(b"in transaction").unwrap();
    std::thread::sleep(PATIENCE * 3);
}

#[test]
fn a_killed_client_is_rolled_back() {
    // With one IRIS connection, whoever comes next can only be served if the killed client's is freed.
    let server = Server::gateway(&["--iris-connections", "1", "--cores", "1"]);
    Client::connect(server.address).ok("create table kc (id integer primary key)");
    let directory = temporary_directory();
    let marker = directory.join("marker");
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "client_process"])
        .env("IRIS_PGWIRE_CLIENT_OF", server.address.to_string())
        .env("IRIS_PGWIRE_MARKER", &marker)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the client is in its transaction", || fs::read(&marker).ok().filter(|bytes| !bytes.is_empty()));
    // SIGKILL: the client says nothing more.
    process.kill().unwrap();
    process.wait().unwrap();
    let mut client = Client::connect(server.address);
    client.set_patience(PATIENCE);
    assert_eq!(client.value("select count(*) from kc"), "0");
    client.ok("insert into kc values (1)");
    fs::remove_dir_all(directory).unwrap();
}

/// A statement that runs for minutes unless it is stopped.
const ENDLESS: &str = "select count(*) from en a, en b, en c, en d where a.id + b.id + c.id + d.id = -1";

fn endless_table(client: &mut Client) {
    client.ok("create table en (id integer primary key)");
    for start in (0..1000).step_by(250) {
        let rows: Vec<_> = (start..start + 250).map(|id| format!("({id})")).collect();
        client.ok(&format!("insert into en values {}", rows.join(", ")));
    }
}

#[test]
fn a_running_statement_is_cancelled() {
    let server = Server::gateway(&["--cores", "2"]);
    endless_table(&mut Client::connect(server.address));
    for version in [PROTOCOL_3_0, PROTOCOL_3_2] {
        let mut client = Client::connect_with(server.address, version, &[], common::client::Chunking::Whole);
        client.set_patience(PATIENCE);
        client.ok("begin");
        client.send(&query(ENDLESS));
        std::thread::sleep(stretched(Duration::from_millis(300)));

        // A wrong secret cancels nothing and tells nothing.
        let mut wrong = client.key.clone();
        *wrong.last_mut().unwrap() ^= 1;
        let mut other = Client::open(server.address);
        other.send(&cancel(&wrong));
        assert_eq!(other.until_closed(), Vec::<String>::new());

        // Nor does a part of a long one: the process id and four bytes are what protocol 3.0 has.
        if version == PROTOCOL_3_2 {
            let mut other = Client::open(server.address);
            other.send(&cancel(&client.key[..8]));
            assert_eq!(other.until_closed(), Vec::<String>::new());
        }
        std::thread::sleep(Duration::from_millis(100));

        // The kernel gives the request's connection to any shard; the server closes it without a word.
        let mut other = Client::open(server.address);
        other.send(&cancel(&client.key.clone()));
        assert_eq!(other.until_closed(), Vec::<String>::new());
        assert_eq!(client.lines(1), ["Error 57014", "Ready E"]);
        client.ok("rollback");
        assert_eq!(client.value("select count(*) from en"), "1000");
        // A cancel that comes late does nothing to the next statement.
        let mut other = Client::open(server.address);
        other.send(&cancel(&client.key.clone()));
        assert_eq!(other.until_closed(), Vec::<String>::new());
        // Nor to one that takes its time.
        std::thread::sleep(Duration::from_millis(100));
        client.ok("select pg_sleep(0.2)");
        assert_eq!(client.value("select count(*) from en"), "1000");
    }
}

/// A client that goes while its statement runs takes its reply with it: the next one on the connection to IRIS has its own.
#[test]
fn the_reply_of_a_client_that_is_gone_is_nobodys() {
    let server = Server::gateway(&["--cores", "1", "--iris-connections", "1"]);
    let mut other = Client::connect(server.address);
    endless_table(&mut other);
    other.ok("CREATE TABLE kept (id integer PRIMARY KEY)");
    for n in 0..5 {
        let mut client = Client::connect(server.address);
        client.send(&query(ENDLESS));
        std::thread::sleep(Duration::from_millis(300));
        drop(client);
        // Until it is found to be gone, and its statement has ended.
        std::thread::sleep(Duration::from_millis(1500));
        other.ok(&format!("INSERT INTO kept VALUES ({n})"));
        assert_eq!(other.value("SELECT count(*) FROM kept"), (n + 1).to_string());
    }
}

#[test]
fn termination_finishes_running_transactions() {
    let data = temporary_directory();
    let arguments = ["--data", &data.to_string_lossy()];
    let mut server = Server::gateway(&arguments);
    let mut busy = Client::connect(server.address);
    let mut idle = Client::connect(server.address);
    busy.ok("create table te (id integer primary key)");
    busy.ok("begin");
    busy.ok("insert into te values (1)");
    server.signal("TERM");
    // Idle clients are told and let go.
    idle.set_patience(PATIENCE);
    assert_eq!(idle.until_closed(), ["Error 57P01"]);
    // Nobody new is let in: refused by the kernel, or told why.
    eventually("new connections are refused", || {
        let stream = std::net::TcpStream::connect(server.address).ok();
        let Some(mut stream) = stream else { return Some(()) };
        let _ = stream.write_all(&startup(PROTOCOL_3_0, &[("user", USER), ("database", DATABASE)]));
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut first = [0];
        match std::io::Read::read(&mut stream, &mut first) {
            Ok(0) | Err(_) => Some(()),
            Ok(_) if first[0] == b'E' => Some(()),
            Ok(_) => None,
        }
    });
    // The transaction goes on to its end.
    assert!(server.is_running());
    busy.ok("insert into te values (2)");
    busy.ok("commit");
    busy.set_patience(PATIENCE);
    assert_eq!(busy.until_closed(), ["Error 57P01"]);
    assert!(server.wait(PATIENCE).success(), "exit status after SIGTERM:\n{}", server.stderr());
    drop(server);

    let server = Server::gateway(&arguments);
    assert_eq!(Client::connect(server.address).value("select count(*) from te"), "2");
    drop(server);
    fs::remove_dir_all(data).unwrap();
}

/// The gateway closes its clients' connections first, and the kernel remembers those for a minute.
#[test]
fn a_gateway_restarts_on_its_port() {
    let mut server = Server::gateway(&["--catalog", "off"]);
    let address = server.address;
    let mut client = Client::connect(address);
    server.signal("TERM");
    client.set_patience(PATIENCE);
    assert_eq!(client.until_closed(), ["Error 57P01"]);
    assert!(server.wait(PATIENCE).success());
    let server = Server::gateway_at(address, &["--catalog", "off"]);
    drop(Client::connect(address));
    // A second one beside it does not start.
    let (is_started, said) = run(&["serve", "--catalog", "off", "--listen", &address.to_string()]);
    assert!(!is_started && said.contains("in use by another process"), "{said}");
    drop(server);
}

#[test]
fn iris_lost_and_found() {
    let data = temporary_directory();
    let address = free_address();
    let mut superserver = Server::superserver(address, &data);
    let url = format!("iris://_SYSTEM:SYS@{address}/USER");
    // One shard: each of the two clients has a connection to itself.
    let server = Server::gateway(&["--iris", &url, "--iris-connections", "2", "--cores", "1"]);
    let mut steady = Client::connect(server.address);
    let mut inside = Client::connect(server.address);
    steady.ok("create table il (id integer primary key)");
    steady.ok("insert into il values (1)");
    inside.ok("begin");
    inside.ok("insert into il values (2)");

    superserver.signal("KILL");
    superserver.wait(PATIENCE);
    for client in [&mut steady, &mut inside] {
        client.set_patience(PATIENCE);
    }
    // An error that says so, not a silence and not a closed connection.
    let lines = steady.query("select count(*) from il");
    assert!(lines[0].starts_with("Error 08") || lines[0].starts_with("Error 57P"), "{lines:?}");
    assert_eq!(steady.status, 'I');
    let lines = inside.query("insert into il values (3)");
    assert!(lines[0].starts_with("Error 08") || lines[0].starts_with("Error 57P"), "{lines:?}");
    assert_eq!(inside.status, 'E', "the transaction is lost and says so");
    assert_eq!(inside.query("select 1"), ["Error 25P02", "Ready E"]);
    inside.ok("rollback");

    drop(superserver);
    let superserver = Server::superserver(address, &data);
    let count = eventually("the same client is served again", || {
        let lines = steady.query("select count(*) from il");
        lines.iter().find_map(|line| line.strip_prefix("Row ").map(str::to_owned))
    });
    assert_eq!(count, "'1'", "what was not committed is gone");
    inside.ok("begin");
    inside.ok("insert into il values (3)");
    inside.ok("commit");
    assert_eq!(Client::connect(server.address).value("select count(*) from il"), "2");
    drop(server);
    drop(superserver);
    fs::remove_dir_all(data).unwrap();
}

/// Runs the binary to its end: status and standard error.
fn run(args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_iris-pgwire")).args(args).stdin(Stdio::null()).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[test]
fn a_bad_start_says_what_to_do() {
    let directory = temporary_directory();
    let config = |text: &str| {
        let path = directory.join("config.toml");
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_address = taken.local_addr().unwrap().to_string();
    let nowhere = format!("iris://_SYSTEM:SYS@{}/USER", free_address());

    let (success, text) = run(&["serve", "--listen", &taken_address]);
    assert!(!success && text.contains(&taken_address), "a taken port: {text}");
    let (success, text) = run(&["serve", "--listen", &free_address().to_string(), "--iris", &nowhere]);
    assert!(!success && text.to_lowercase().contains("iris"), "an unreachable IRIS: {text}");
    let (success, text) = run(&["check-config", "--config", &config("no_such_key = 1\n")]);
    assert!(!success && text.contains("no_such_key"), "an unknown key: {text}");
    let (success, text) = run(&["check-config", "--config", &config("listen = \"nowhere\"\n")]);
    assert!(!success && text.contains("listen"), "a bad value: {text}");
    let (success, text) = run(&["check-config", "--config", "/nonexistent/config.toml"]);
    assert!(!success && text.contains("/nonexistent/config.toml"), "a missing file: {text}");
    let (success, text) = run(&["check-config", "--config", &config("")]);
    assert!(success, "an empty configuration is valid: {text}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn no_process_stays_behind() {
    let mut server = Server::gateway(&[]);
    let pid = server.pid();
    Client::connect(server.address).ok("select 1");
    server.signal("INT");
    assert!(server.wait(PATIENCE).success(), "exit status after SIGINT:\n{}", server.stderr());
    let children = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(&pid.to_string())
    });
    assert_eq!(children.count(), 0, "processes left behind");
}
