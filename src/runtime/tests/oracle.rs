//! The oracle's process and the way to it, with the program that was built beside the tests (`cargo build`).

use std::path::PathBuf;

use super::*;
use crate::runtime::process::Deadline;

/// The gateway's binary: tests lie in `deps`, beside which it is.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("iris-pgwire");
    assert!(program.exists(), "these tests run {}: cargo build", program.display());
    program
}

fn embedded(change: impl FnOnce(&mut OracleOptions)) -> impl FnOnce(&mut ServeOptions) {
    move |options| {
        options.oracle.source = OracleSource::Embedded { program: program(), cache_dir: None };
        change(&mut options.oracle);
    }
}

fn ask(client: &mut Client, sql: &str) -> String {
    let messages = client.query(&format!("ASK {sql}"));
    match messages.iter().find(|(tag, _)| matches!(tag, 'C' | 'E')) {
        Some(('C', body)) => String::from_utf8_lossy(body).trim_end_matches('\0').to_owned(),
        Some(('E', _)) => sqlstate(&messages),
        _ => panic!("{messages:?}"),
    }
}

#[test]
fn questions_are_answered_and_long_ones_end() {
    // A question that takes milliseconds must not run into it on a busy machine.
    let limit = stretched(Duration::from_secs(3));
    let gateway = Gateway::start(embedded(|options| options.statement_timeout = limit));
    let mut client = gateway.client();
    assert_eq!(ask(&mut client, "SELECT 6 * 7"), "42");
    assert!(ask(&mut client, "SELECT nonsense").contains("C42703"));

    // One that would run for ever costs itself its answer, and others nothing.
    let address = gateway.address();
    let runner = std::thread::spawn(move || {
        let mut client = Client::connect(address);
        let started = Instant::now();
        (ask(&mut client, "SELECT count(*) FROM generate_series(1, 100000000000)"), started.elapsed())
    });
    std::thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    assert_eq!(ask(&mut client, "SELECT 'after'"), "after");
    assert!(started.elapsed() < limit + stretched(Duration::from_secs(10)), "{:?}", started.elapsed());
    let (outcome, took) = runner.join().unwrap();
    assert_eq!(outcome, "57014");
    assert!((limit..limit + stretched(Duration::from_secs(10))).contains(&took), "{took:?}");

    // The session's own limit counts when it is shorter.
    client.query("SET statement_timeout = 100");
    assert_eq!(ask(&mut client, "SELECT count(*) FROM generate_series(1, 100000000000)"), "57014");
    client.query("SET statement_timeout = 0");
    assert_eq!(ask(&mut client, "SELECT 'still there'"), "still there");
    assert_eq!(gateway.server.oracle_restarts_count(), 0);
    gateway.stop();
}

/// The keeper of the mirror asks IRIS as well, and may hold a connection meanwhile.
#[test]
fn the_keeper_does_not_wait_for_a_silent_iris() {
    let gateway = Gateway::start(|options| {
        options.iris_connections = 1;
        options.pool_wait_timeout = Duration::from_secs(600);
        embedded(|options| options.iris_answer_timeout = Duration::from_millis(500))(options);
    });
    let mut client = gateway.client();
    assert_eq!(tags(&client.query(ONE)), "CZ");
    gateway.iris.be_silent(true);
    let deadline = Deadline::after(Duration::from_secs(60));
    while !gateway.iris.diary().iter().any(|(_, entry)| entry.contains("INFORMATION_SCHEMA")) {
        assert!(!deadline.is_over(), "the keeper did not ask: {:?}", gateway.iris.diary());
        std::thread::sleep(Duration::from_millis(10));
    }
    gateway.iris.be_silent(false);
    // The only connection may be the keeper's, and it is not answered any more.
    let started = Instant::now();
    assert_eq!(tags(&client.query(ONE)), "CZ");
    assert!(started.elapsed() < stretched(Duration::from_secs(10)), "{:?}", started.elapsed());
    gateway.stop();
}
