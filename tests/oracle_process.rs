//! The oracle's process in front of clients: it dies, hangs, grows, and is left behind.

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::Server;
use common::client::Client;
use common::message;
use common::process::{Deadline, stretched};

/// A question that only the oracle answers.
const QUESTION: &str = "SELECT relname FROM pg_catalog.pg_class WHERE relname = 'kept'";

/// It would take an hour or two.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 100000000000)";

fn kill(pid: u32) {
    let status = std::process::Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits until `condition` holds.
fn soon(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Deadline::after(Duration::from_secs(5));
    while !condition() {
        assert!(!deadline.is_over(), "{what}: not in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn sqlstate(client: &mut Client, sql: &str) -> Option<String> {
    client.send(&message::query(sql));
    client.until_ready().iter().find(|message| message.tag == b'E').and_then(message::Message::sqlstate)
}

#[test]
fn a_killed_oracle_is_back_with_its_schema() {
    let server = Server::gateway(&[]);
    let mut client = Client::connect(server.address);
    client.ok("CREATE TABLE kept (id integer PRIMARY KEY, note jsonb)");
    assert_eq!(client.value(QUESTION), "kept");
    let mut other = Client::connect(server.address);
    for _ in 0..3 {
        let (pid, _) = server.oracle().expect("an oracle runs");
        kill(pid);
        // User tables do not need it.
        assert_eq!(other.value("SELECT count(*) FROM kept"), "0");
        let started = Instant::now();
        assert_eq!(client.value(QUESTION), "kept");
        let took = started.elapsed();
        assert!(took < stretched(Duration::from_secs(3)), "{took:?}");
        assert_ne!(server.oracle().expect("an oracle runs").0, pid);
    }
}

/// Whatever kills it, and whenever: objects keep their OIDs as long as the data are kept.
#[test]
fn a_killed_oracle_goes_on_with_its_data() {
    const OIDS: &str = "SELECT concat(count(*), ' ', max(oid::bigint), ' ', sum(oid::bigint)) FROM pg_catalog.pg_class";
    let server = Server::gateway(&["--catalog-statement-timeout-ms", "1000"]);
    let mut client = Client::connect(server.address);
    client.ok("CREATE TABLE kept (id integer PRIMARY KEY, note jsonb)");
    client.ok("CREATE TABLE gone (id integer PRIMARY KEY, note jsonb)");
    client.ok("DROP TABLE gone");
    let oids = client.value(OIDS);
    let (mut pid, _) = server.oracle().expect("an oracle runs");
    kill(pid);
    assert_eq!(client.value(OIDS), oids);
    // The next one dies while it takes the data over.
    pid = server.oracle().expect("an oracle runs").0;
    kill(pid);
    soon("another process starts", || server.oracle().is_some_and(|(other, _)| other != pid));
    kill(server.oracle().expect("an oracle runs").0);
    assert_eq!(client.value(OIDS), oids);
    assert_eq!(sqlstate(&mut client, ENDLESS).as_deref(), Some("57014"));
    assert_eq!(client.value(OIDS), oids);
    client.ok("ALTER TABLE kept ADD COLUMN more text");
    kill(server.oracle().expect("an oracle runs").0);
    assert_eq!(client.value("SELECT count(*) FROM pg_catalog.pg_attribute WHERE attname = 'more'"), "1");
}

#[test]
fn a_question_that_hangs_ends_and_lets_others_through() {
    let server = Server::gateway(&["--catalog-statement-timeout-ms", "1000"]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.value("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'pg_class'"), "1");
    let of_catalogs = "SELECT count(*) FROM pg_class a, pg_class b, pg_class c, pg_class d";
    for runaway in [ENDLESS, of_catalogs] {
        let address = server.address;
        let runner = std::thread::spawn(move || {
            let started = Instant::now();
            let state = sqlstate(&mut Client::connect(address), runaway);
            (state, started.elapsed())
        });
        std::thread::sleep(Duration::from_millis(300));
        let started = Instant::now();
        assert_eq!(client.value("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'pg_class'"), "1");
        let waited = started.elapsed();
        let limit = stretched(Duration::from_secs(5));
        assert!(waited < limit, "{runaway}: {waited:?}");
        let (state, took) = runner.join().unwrap();
        assert_eq!(state.as_deref(), Some("57014"), "{runaway}");
        assert!(took < limit, "{runaway}: {took:?}");
    }
}

#[test]
fn a_cancel_request_ends_the_wait() {
    let server = Server::gateway(&[]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.value("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'pg_class'"), "1");
    client.send(&message::query("SELECT pg_sleep(2)"));
    std::thread::sleep(Duration::from_millis(300));
    let started = Instant::now();
    Client::open(server.address).send(&message::cancel(&client.key));
    let state = client.until_ready().iter().find(|message| message.tag == b'E').and_then(message::Message::sqlstate);
    assert_eq!(state.as_deref(), Some("57014"));
    let took = started.elapsed();
    assert!(took < stretched(Duration::from_secs(1)), "{took:?}");
}

#[test]
fn an_oracle_that_grows_is_ended() {
    let server = Server::gateway(&["--catalog-memory-bytes-max", "402653184"]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.value("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'pg_class'"), "1");
    let greedy = "SELECT length(string_agg(repeat('x', 1000) || g, '')) FROM generate_series(1, 900000) g";
    assert_eq!(sqlstate(&mut client, greedy).as_deref(), Some("53200"));
    assert_eq!(client.value("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'pg_class'"), "1");
}

/// Questions about types so far, of all shards.
fn describes(client: &mut Client) -> u64 {
    client.value("SELECT sum(value) FROM pgwire_counters WHERE name = 'oracle_describes'").parse().unwrap()
}

#[test]
fn what_is_prepared_or_cached_asks_nothing() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok("CREATE TABLE known (id integer PRIMARY KEY, name text)");
    client.ok("INSERT INTO known VALUES (1, 'a')");
    let before = describes(&mut client);
    client.ok("SELECT name FROM known WHERE id = 1");
    client.send(&message::parse("p", "SELECT name FROM known WHERE id = $1", &[]));
    client.send(&message::sync());
    client.until_ready();
    let seen = describes(&mut client);
    assert_eq!(seen - before, 2);
    // Other literals, executions, other clients' statements of the same text.
    for id in 2..10 {
        client.ok(&format!("SELECT name FROM known WHERE id = {id}"));
        client.send(&message::bind_text("", "p", &[&id.to_string()]));
        client.send(&message::execute("", 0));
        client.send(&message::sync());
        client.until_ready();
    }
    let mut other = Client::connect(server.address);
    other.send(&message::parse("q", "SELECT name FROM known WHERE id = $1", &[]));
    other.send(&message::describe(b'S', "q"));
    other.send(&message::sync());
    other.until_ready();
    other.ok("SELECT 1, 'x' AS y");
    assert_eq!(describes(&mut client), seen);
}

#[test]
fn nothing_stays_behind() {
    for signal in ["KILL", "TERM"] {
        let server = Server::gateway(&[]);
        let mut client = Client::connect(server.address);
        assert_eq!(client.value("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'pg_class'"), "1");
        let (pid, folder) = server.oracle().expect("an oracle runs");
        assert!(folder.is_dir());
        // A worker is there, too.
        client.ok("CREATE TABLE long (id integer PRIMARY KEY, t text)");
        let text = "x".repeat(30_000);
        client.ok(&format!(
            "INSERT INTO long VALUES {}",
            (0..5).map(|n| format!("({n}, '{text}')")).collect::<Vec<_>>().join(", ")
        ));
        assert_eq!(client.value("SELECT count(*) FROM long WHERE ARRAY[md5(t)] IS NOT NULL"), "5");
        let workers = server.workers();
        assert_eq!(workers.len(), 1);
        drop(client);
        server.signal(signal);
        for pid in workers.into_iter().chain([pid]) {
            soon(&format!("{signal}: the process ends"), || {
                // A zombie has no memory and no files; whoever adopted it reaps it in its own time.
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                stat.is_empty() || stat.contains(") Z ")
            });
        }
        soon(&format!("{signal}: the folder goes"), || !folder.exists());
    }
}

/// The reader of the pipe is gone, or the disk is full.
#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let closed_pipe = {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        std::process::Stdio::from(writer)
    };
    let full_disk = fs::File::options().write(true).open("/dev/full").unwrap().into();
    for log in [closed_pipe, full_disk] {
        // At this level every step has something to say.
        let mut server = Server::gateway_with_log(log, &["--log-level", "debug", "--cores", "2"]);
        let mut client = Client::connect(server.address);
        client.ok("CREATE TABLE kept (id integer PRIMARY KEY)");
        for _ in 0..2 {
            assert_eq!(client.value(QUESTION), "kept");
            kill(server.oracle().expect("an oracle runs").0);
            assert_eq!(client.value("SELECT count(*) FROM kept"), "0");
            assert_eq!(Client::connect(server.address).value(QUESTION), "kept");
        }
        let lost =
            client.value("SELECT value > 0 FROM pgwire_counters WHERE name = 'log_events_lost' AND shard IS NULL");
        assert_eq!(lost, "t");
        assert!(server.is_running());
        server.signal("TERM");
        assert!(server.wait(Duration::from_secs(10)).success());
    }
}

/// A process that goes on with its data, and one that begins anew, have what thousands of definitions made, although the gateway
/// keeps only the latest of them.
#[test]
fn a_long_history_of_definitions_is_cut() {
    const OIDS: &str = "SELECT concat(count(*), ' ', max(oid::bigint), ' ', sum(oid::bigint)) FROM pg_catalog.pg_class";
    // Columns, labels of types, schemas, comments.
    const STATE: &str = "SELECT md5(string_agg(d, ';' ORDER BY d)) FROM (\
        SELECT concat(c.relname, '.', a.attname, ' ', format_type(a.atttypid, a.atttypmod), ' ', a.attnotnull) FROM pg_attribute a \
        JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped \
        UNION ALL SELECT concat(t.typname, ' ', l.enumlabel, ' ', l.enumsortorder) FROM pg_enum l JOIN pg_type t ON t.oid = l.enumtypid \
        UNION ALL SELECT nspname FROM pg_namespace \
        UNION ALL SELECT concat(objoid::regclass, ' ', objsubid, ' ', description) FROM pg_description \
        WHERE classoid = 'pg_class'::regclass AND objoid >= 16384) all_of_it (d)";
    let definitions = if std::env::var("FLOODS").is_ok_and(|size| size == "full") { 3_000 } else { 1_100 };
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    for sql in [
        "CREATE SCHEMA empty",
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TYPE lonely AS ENUM ('one')",
        "CREATE TABLE kept (id integer PRIMARY KEY, m mood, n numeric(9, 2))",
        "ALTER TYPE mood ADD VALUE 'happy'",
        "COMMENT ON COLUMN kept.n IS 'a number'",
    ] {
        client.ok(sql);
    }
    for number in 0..definitions {
        match number % 50 {
            0 => client.ok(&format!("CREATE TABLE t{number} (id integer PRIMARY KEY)")),
            1 if number > 500 => client.ok(&format!("DROP TABLE t{}", number - 501)),
            _ => client.ok(&format!("COMMENT ON TABLE kept IS 'comment {number}'")),
        };
    }
    let is_cut = || server.stderr().contains("the history of changes begins anew");
    let deadline = Deadline::after(Duration::from_secs(30));
    while !is_cut() {
        assert!(!deadline.is_over(), "the history was not cut");
        // A name that nobody knows has the schema read again.
        assert_eq!(sqlstate(&mut client, "SELECT * FROM nowhere").as_deref(), Some("42P01"));
        std::thread::sleep(Duration::from_millis(300));
    }
    client.ok("CREATE TABLE later (id integer PRIMARY KEY)");
    client.ok("COMMENT ON TABLE later IS 'made when the history had been cut'");
    let (oids, state) = (client.value(OIDS), client.value(STATE));

    // One that goes on with the data.
    client.set_patience(Duration::from_secs(60));
    kill(server.oracle().expect("an oracle runs").0);
    assert_eq!((client.value(OIDS), client.value(STATE)), (oids, state.clone()));
    // Three that die at once leave data that nobody trusts: the next begins anew.
    let begun = || server.stderr().matches("is_reopened=false").count();
    let deadline = Deadline::after(Duration::from_secs(60));
    while begun() < 2 {
        assert!(!deadline.is_over(), "no process began anew");
        if let Some((pid, _)) = server.oracle() {
            kill(pid);
        }
        assert_eq!(client.value("SELECT count(*) FROM later"), "0");
        client.value("SELECT count(*) FROM pg_catalog.pg_class");
    }
    assert_eq!(client.value(STATE), state);
}
