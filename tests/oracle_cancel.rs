//! Long statements of many clients in front of the oracle: they are cancelled, make way for others, and are answered.
//! Each test has the machine for itself, as they measure time.

mod common;

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::Server;
use common::client::Client;
use common::message;
use common::process::stretched;

/// A question that only the oracle answers.
const QUESTION: &str = "SELECT relname FROM pg_catalog.pg_class WHERE relname = 'kept'";

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn sqlstate(client: &mut Client, sql: &str) -> Option<String> {
    client.send(&message::query(sql));
    client.until_ready().iter().find(|message| message.tag == b'E').and_then(message::Message::sqlstate)
}

/// A second on a machine that has nothing else to do; others may use it, too.
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
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Server::gateway(&[]);
    let mut other = Client::connect(server.address);
    other.ok("CREATE TABLE kept (id integer PRIMARY KEY)");
    assert_eq!(other.value(QUESTION), "kept");
    let (pid, _) = server.oracle().expect("an oracle runs");
    let until = Instant::now() + stretched(Duration::from_secs(12));
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
    let wait_max = stretched(WAIT_MAX);
    assert!(cancels < wait_max && longest < wait_max, "{cancels:?}, {longest:?}");
    assert!(count > 50, "{count}");
    // Nothing had to be ended for it.
    assert_eq!(server.oracle().expect("an oracle runs").0, pid);
}

/// The answer of a long statement that has to make way for others is the right one.
#[test]
fn a_long_statement_makes_way_and_is_answered() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Server::gateway(&["--catalog-statement-timeout-ms", "60000"]);
    let mut other = Client::connect(server.address);
    other.ok("CREATE TABLE kept (id integer PRIMARY KEY)");
    assert_eq!(other.value(QUESTION), "kept");
    let address = server.address;
    for change in ["SELECT 1", "CREATE TABLE more (id integer PRIMARY KEY)"] {
        // The second PostgreSQL knows what the mirror has become.
        other.ok(change);
        let long = std::thread::spawn(move || {
            let sql = "SELECT concat(count(*), ' ', (SELECT count(*) FROM pg_class WHERE relname IN ('kept', 'more'))) \
                       FROM generate_series(1, 5000000)";
            Client::connect(address).value(sql)
        });
        let mut longest = Duration::ZERO;
        while !long.is_finished() {
            let started = Instant::now();
            assert_eq!(other.value(QUESTION), "kept");
            longest = longest.max(started.elapsed());
        }
        assert!(longest < stretched(WAIT_MAX), "{longest:?}");
        let tables = if change == "SELECT 1" { 1 } else { 2 };
        assert_eq!(long.join().unwrap(), format!("5000000 {tables}"));
    }
}

/// A timer of the gateway: no PostgreSQL and no IRIS connection wait with it.
#[test]
fn who_sleeps_holds_nothing() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Server::gateway(&["--iris-connections", "2"]);
    let mut other = Client::connect(server.address);
    other.ok("CREATE TABLE kept (id integer PRIMARY KEY)");
    let sleepers: Vec<_> = (0..8)
        .map(|_| {
            let mut client = Client::connect(server.address);
            client.send(&message::query("SELECT pg_sleep(2)"));
            client
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    assert_eq!(other.value(QUESTION), "kept");
    assert_eq!(other.value("SELECT count(*) FROM kept"), "0");
    let took = started.elapsed();
    assert!(took < stretched(Duration::from_secs(1)), "{took:?}");
    for mut sleeper in sleepers {
        let rows = sleeper.until_ready().iter().filter(|message| message.tag == b'D').count();
        assert_eq!(rows, 1);
    }
    let took = started.elapsed();
    assert!((Duration::from_millis(1500)..stretched(Duration::from_secs(5))).contains(&took), "{took:?}");
    other.ok("SET statement_timeout = 200");
    for sleep in ["pg_sleep(1000)", "pg_sleep_for('1 hour')", "pg_sleep_until(now() + interval '1 day')"] {
        let started = Instant::now();
        assert_eq!(sqlstate(&mut other, &format!("SELECT {sleep}")).as_deref(), Some("57014"), "{sleep}");
        let took = started.elapsed();
        assert!(took < stretched(Duration::from_secs(1)), "{sleep}: {took:?}");
    }
}
