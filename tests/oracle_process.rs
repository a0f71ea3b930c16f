//! The oracle's process in front of clients: it dies, hangs, grows, and is left behind.

mod common;

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::Server;
use common::client::Client;
use common::message;

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
    let deadline = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within five seconds");
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
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
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
        assert!(started.elapsed() < WAIT_MAX, "{runaway}: {:?}", started.elapsed());
        let (state, took) = runner.join().unwrap();
        assert_eq!(state.as_deref(), Some("57014"), "{runaway}");
        assert!(took < Duration::from_secs(5), "{runaway}: {took:?}");
    }
}

/// A second on a machine that has nothing else to do; here other tests run beside.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// A client that runs and cancels, over and over; the longest time from a cancel to the end of its statement.
fn run_and_cancel(address: SocketAddr, seed: u64, until: Instant) -> Duration {
    let mut client = Client::connect(address);
    let mut random = seed;
    let mut longest = Duration::ZERO;
    while Instant::now() < until {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let sql = match random >> 62 {
            0 => "SELECT pg_sleep(20)".to_owned(),
            1 => "SELECT count(*) FROM generate_series(1, 1000000000)".to_owned(),
            // No two clients ask the same.
            2 => format!("SELECT {random}, sum(i) FROM generate_series(1, 1000000000) i"),
            _ => format!("WITH RECURSIVE r AS (SELECT {seed} i UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r"),
        };
        client.send(&message::query(&sql));
        std::thread::sleep(Duration::from_millis((random >> 40) % 1500));
        let cancelled = Instant::now();
        Client::open(address).send(&message::cancel(&client.key));
        let answer = client.until_ready();
        let state = answer.iter().find(|message| message.tag == b'E').and_then(message::Message::sqlstate);
        assert_eq!(state.as_deref(), Some("57014"), "{sql}");
        longest = longest.max(cancelled.elapsed());
    }
    longest
}

#[test]
fn cancels_of_many_are_heard_and_hurt_nobody() {
    let server = Server::gateway(&[]);
    let mut other = Client::connect(server.address);
    other.ok("CREATE TABLE kept (id integer PRIMARY KEY)");
    assert_eq!(other.value(QUESTION), "kept");
    let (pid, _) = server.oracle().expect("an oracle runs");
    let until = Instant::now() + Duration::from_secs(12);
    let address = server.address;
    let clients: Vec<_> = (0..8).map(|seed| std::thread::spawn(move || run_and_cancel(address, seed, until))).collect();
    let (mut longest, mut count) = (Duration::ZERO, 0_u32);
    while Instant::now() < until {
        let started = Instant::now();
        assert_eq!(other.value(QUESTION), "kept");
        longest = longest.max(started.elapsed());
        count += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    let cancels = clients.into_iter().map(|client| client.join().unwrap()).max().unwrap();
    eprintln!("cancel to end {cancels:?}; catalog query of another client {longest:?}, of {count}");
    assert!(cancels < WAIT_MAX && longest < WAIT_MAX, "{cancels:?}, {longest:?}");
    assert!(count > 50, "{count}");
    // Nothing had to be ended for it.
    assert_eq!(server.oracle().expect("an oracle runs").0, pid);
}

/// The answer of a long statement that has to make way for others is the right one.
#[test]
fn a_long_statement_makes_way_and_is_answered() {
    let server = Server::gateway(&[]);
    let mut other = Client::connect(server.address);
    other.ok("CREATE TABLE kept (id integer PRIMARY KEY)");
    assert_eq!(other.value(QUESTION), "kept");
    let address = server.address;
    for change in ["SELECT 1", "CREATE TABLE more (id integer PRIMARY KEY)"] {
        // The second PostgreSQL knows what the mirror has become.
        other.ok(change);
        let long = std::thread::spawn(move || {
            let sql = "SELECT concat(count(*), ' ', (SELECT count(*) FROM pg_class WHERE relname IN ('kept', 'more'))) \
                       FROM generate_series(1, 20000000)";
            Client::connect(address).value(sql)
        });
        let mut longest = Duration::ZERO;
        while !long.is_finished() {
            let started = Instant::now();
            assert_eq!(other.value(QUESTION), "kept");
            longest = longest.max(started.elapsed());
        }
        assert!(longest < WAIT_MAX, "{longest:?}");
        let tables = if change == "SELECT 1" { 1 } else { 2 };
        assert_eq!(long.join().unwrap(), format!("20000000 {tables}"));
    }
}

/// A timer of the gateway: no PostgreSQL and no IRIS connection wait with it.
#[test]
fn who_sleeps_holds_nothing() {
    let server = Server::gateway(&["--iris-connections", "2"]);
    let mut other = Client::connect(server.address);
    other.ok("CREATE TABLE kept (id integer PRIMARY KEY)");
    let sleepers: Vec<_> = (0..8)
        .map(|_| {
            let mut client = Client::connect(server.address);
            client.send(&message::query("SELECT 1; SELECT pg_sleep(2); SELECT 2"));
            client
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    assert_eq!(other.value(QUESTION), "kept");
    assert_eq!(other.value("SELECT count(*) FROM kept"), "0");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    for mut sleeper in sleepers {
        let rows = sleeper.until_ready().iter().filter(|message| message.tag == b'D').count();
        assert_eq!(rows, 3);
    }
    assert!((Duration::from_millis(1500)..Duration::from_secs(5)).contains(&started.elapsed()));
    other.ok("SET statement_timeout = 200");
    for sleep in ["pg_sleep(1000)", "pg_sleep_for('1 hour')", "pg_sleep_until(now() + interval '1 day')"] {
        let started = Instant::now();
        assert_eq!(sqlstate(&mut other, &format!("SELECT {sleep}")).as_deref(), Some("57014"), "{sleep}");
        assert!(started.elapsed() < Duration::from_secs(1), "{sleep}: {:?}", started.elapsed());
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
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
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
        drop(client);
        server.signal(signal);
        soon(&format!("{signal}: the process ends"), || {
            // A zombie has no memory and no files; whoever adopted it reaps it in its own time.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        });
        soon(&format!("{signal}: the folder goes"), || !folder.exists());
    }
}
