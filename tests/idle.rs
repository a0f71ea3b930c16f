//! What a client costs that has logged in, has run a statement, and is silent. `perf/idle_clients.py` measures more of
//! them for longer.

mod common;

use std::time::Duration;

use common::Server;
use common::client::Client;
use common::message::{bind_text, execute, parse, query, sync};
use common::process::{private_bytes, processor_ticks};

/// As many as a process may have open files by default, less some for itself.
const CLIENTS: usize = 800;
const BYTES_MAX: u64 = 8 << 10;
/// Of a core.
const PERCENT_MAX: f64 = 5.0;

/// Longer than it takes until a client counts as idle.
fn pause() {
    std::thread::sleep(Duration::from_millis(1500));
}

/// Connects clients, lets each run a statement, and says what each costs when all are silent.
fn cost(server: &Server, clients: usize, mut run: impl FnMut(&mut Client)) -> (u64, Vec<Client>) {
    // What is kept for all clients together is there before.
    for _ in 0..8 {
        run(&mut Client::connect(server.address));
    }
    pause();
    let before = private_bytes(server.pid());
    let clients: Vec<Client> = (0..clients)
        .map(|_| {
            let mut client = Client::connect(server.address);
            run(&mut client);
            client
        })
        .collect();
    pause();
    (private_bytes(server.pid()).saturating_sub(before) / clients.len() as u64, clients)
}

#[test]
fn an_idle_client_costs_little() {
    let server = Server::gateway(&["--cores", "2", "--iris-connections", "4"]);
    let mut first = Client::connect(server.address);
    first.ok("create table idle (id integer primary key, v varchar(10))");
    first.ok("insert into idle values (1, 'x')");
    let (bytes, clients) = cost(&server, CLIENTS, |client| {
        assert_eq!(client.value("select v from idle where id = 1"), "x");
        let statement = [parse("", "select v from idle where id = $1", &[]), bind_text("", "", &["1"])];
        client.send(&[statement.concat(), execute("", 0), sync()].concat());
        assert_eq!(client.lines(1).last().unwrap(), "Ready I");
    });
    let before = processor_ticks(server.pid());
    std::thread::sleep(Duration::from_secs(2));
    let percent = (processor_ticks(server.pid()) - before) as f64 / 2.0;
    eprintln!("{} idle clients: {bytes} bytes each, {percent} % of a core in all", clients.len());
    assert!(bytes <= BYTES_MAX, "{bytes} bytes for each client");
    assert!(percent < PERCENT_MAX, "{percent} % of a core");
    for mut client in clients.into_iter().step_by(50) {
        assert_eq!(client.value("select v from idle where id = 1"), "x");
    }
}

/// What a large statement or a large row needed is given back.
#[test]
fn a_client_keeps_nothing_of_a_large_statement() {
    const CLIENTS: usize = 12;
    let server = Server::gateway(&["--cores", "1", "--iris-connections", "1"]);
    let mut first = Client::connect(server.address);
    first.ok("create table idle (id integer primary key, v varchar(1000000))");
    let value = "x".repeat(500_000);
    first.ok(&format!("insert into idle values (1, '{value}')"));
    let (bytes, _clients) = cost(&server, CLIENTS, |client| {
        client.send(&query(&format!("select v from idle where v = '{value}'")));
        assert_eq!(client.drain(1)[&b'D'], 1);
        // One after the other, so that no two of them need it at the same time.
        std::thread::sleep(Duration::from_millis(600));
    });
    eprintln!("after a large statement: {bytes} bytes each");
    // The allocator keeps some for the next one.
    assert!(bytes < value.len() as u64 / 4, "{bytes} bytes for each client");
}
