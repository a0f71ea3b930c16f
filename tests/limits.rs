//! What one client may cost: connections, time, memory.

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::client::{Client, DATABASE, USER};
use common::message::{PROTOCOL_3_0, copy_data, copy_done, query, startup};
use common::process::{Deadline, resident_mib, stretched};
use common::{Server, free_address, temporary_directory};

const PATIENCE: Duration = Duration::from_secs(20);

fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

#[test]
fn one_client_too_many() {
    let server = Server::gateway(&["--client-connections-max", "4", "--cores", "2"]);
    let mut clients: Vec<_> = (0..4).map(|_| Client::connect(server.address)).collect();
    let mut client = Client::open(server.address);
    client.send(&startup(PROTOCOL_3_0, &[("user", USER), ("database", DATABASE)]));
    let error = client.try_login("SYS").expect_err("a fifth client");
    assert_eq!(error.sqlstate().as_deref(), Some("53300"));
    // A place that is given back is taken again.
    clients.pop();
    let deadline = Deadline::after(PATIENCE);
    loop {
        let mut client = Client::open(server.address);
        client.send(&startup(PROTOCOL_3_0, &[("user", USER), ("database", DATABASE)]));
        if client.try_login("SYS").is_ok() {
            break;
        }
        assert!(!deadline.is_over(), "a place was not given back");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_client_that_does_not_log_in_is_let_go() {
    let server = Server::gateway(&["--login-timeout-ms", "300"]);
    for bytes in [vec![], vec![0], startup(PROTOCOL_3_0, &[("user", USER)])[..9].to_vec()] {
        let mut client = Client::open(server.address);
        client.set_patience(PATIENCE);
        client.send(&bytes);
        let started = Instant::now();
        let lines = client.until_closed();
        assert!(lines.iter().all(|line| line.starts_with("Error ")), "{lines:?}");
        assert!(started.elapsed() < stretched(PATIENCE / 2), "closed after {:?}", started.elapsed());
    }
}

/// Were the connections of the sessions that wait for the catalogs kept, others would wait for these until
/// `pool_wait_timeout_ms`.
#[test]
fn what_waits_for_the_catalog_holds_no_iris_connection() {
    let server = Server::gateway(&["--iris-connections", "2", "--cores", "1", "--pool-wait-timeout-ms", "600000"]);
    let address = server.address;
    // The catalog has started.
    Client::connect(address).ok("select count(*) from pg_class");
    let started = Instant::now();
    let clients: Vec<_> = (0..6)
        .map(|number| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                client.set_patience(PATIENCE * 2);
                for table in ["a", "b", "c"] {
                    client.ok(&format!("drop table if exists missing_{table}_{number}"));
                    client.ok(&format!("create table waits_{table}_{number} (id integer primary key)"));
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert!(started.elapsed() < stretched(PATIENCE), "done after {:?}", started.elapsed());
}

/// Transactions keep their connections while they wait for the catalog: it is read over one beside them.
#[test]
fn the_catalog_is_read_while_all_iris_connections_are_in_transactions() {
    let data = temporary_directory();
    let iris = Server::superserver(free_address(), &data);
    let url = format!("iris://_SYSTEM:SYS@{}/USER", iris.address);
    // Who waits for a connection, or for the catalog, waits longer than this test.
    let patient = ["--pool-wait-timeout-ms", "300000", "--catalog-statement-timeout-ms", "300000"];
    let args = [&["--iris", &url, "--iris-connections", "2", "--cores", "1"][..], &patient].concat();
    let server = Server::gateway(&args);
    let address = server.address;
    Client::connect(address).ok("create table held (id integer primary key)");
    let elsewhere = Server::gateway(&["--iris", &url, "--cores", "1", "--catalog", "off"]);
    for round in 0..2 {
        let mut other = Client::connect(elsewhere.address);
        for number in 0..2 {
            other.ok(&format!("create table elsewhere_{round}_{number} (id integer primary key)"));
        }
        let mut clients: Vec<_> = (0..2).map(|_| Client::connect(address)).collect();
        for client in &mut clients {
            client.ok("begin");
            client.ok("select count(*) from held");
        }
        // Both connections are taken.
        let limit = stretched(Duration::from_secs(10));
        let started = Instant::now();
        let clients = clients.into_iter().enumerate().map(|(number, mut client)| {
            std::thread::spawn(move || {
                client.ok(&format!("drop table if exists missing_{round}_{number}"));
                assert_eq!(client.value(&format!("select count(*) from elsewhere_{round}_{number}")), "0");
                let of_catalog = format!("select count(*) from pg_class where relname = 'elsewhere_{round}_{number}'");
                assert_eq!(client.value(&of_catalog), "1");
                assert_eq!(
                    client.query(&format!("select * from nowhere_{round}_{number}")),
                    ["Error 42P01", "Ready E"]
                );
                client.ok("rollback");
            })
        });
        clients.collect::<Vec<_>>().into_iter().for_each(|client| client.join().unwrap());
        assert!(started.elapsed() < limit, "done after {:?}", started.elapsed());
    }
    // What is counted is closed again.
    let mut client = Client::connect(address);
    let open = "select sum(value) from pgwire_counters where name = 'iris_connections_open'";
    let deadline = Deadline::after(PATIENCE);
    while client.value(open) != "2" {
        assert!(!deadline.is_over(), "{} IRIS connections are open", client.value(open));
        std::thread::sleep(Duration::from_millis(100));
    }
    drop((server, elsewhere, iris));
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn an_idle_transaction_is_rolled_back() {
    let server =
        Server::gateway(&["--idle-in-transaction-timeout-ms", "500", "--iris-connections", "1", "--cores", "1"]);
    let mut idle = Client::connect(server.address);
    idle.ok("create table it (id integer primary key)");
    idle.ok("begin");
    idle.ok("insert into it values (1)");
    // Its IRIS connection, the only one, goes to the next.
    let mut next = Client::connect(server.address);
    next.set_patience(PATIENCE);
    assert_eq!(next.value("select count(*) from it"), "0");
    assert_eq!(idle.until_closed(), ["Error 25P03"]);
}

#[test]
fn a_statement_waits_for_a_free_iris_connection_only_so_long() {
    let server = Server::gateway(&["--pool-wait-timeout-ms", "300", "--iris-connections", "1", "--cores", "1"]);
    let mut holder = Client::connect(server.address);
    holder.ok("create table wf (id integer primary key)");
    holder.ok("begin");
    holder.ok("insert into wf values (1)");
    let mut waiter = Client::connect(server.address);
    waiter.set_patience(PATIENCE);
    assert_eq!(waiter.query("select count(*) from wf"), ["Error 53300", "Ready I"]);
    holder.ok("commit");
    assert_eq!(waiter.value("select count(*) from wf"), "1");
}

#[test]
fn a_slow_reader_costs_no_memory() {
    let server = Server::gateway(&["--cores", "1", "--iris-connections", "2"]);
    let mut slow = Client::connect(server.address);
    slow.ok("create table sr (id integer primary key, t varchar(1000))");
    slow.send(&query("copy sr from stdin"));
    for id in 0..1000 {
        slow.send(&copy_data(&format!("{id}\t{}\n", "x".repeat(1000))));
    }
    slow.send(&copy_done());
    assert_eq!(slow.lines(1), ["CopyIn 0", "Complete COPY 1000", "Ready I"]);

    let before = resident_mib(server.pid());
    // A million rows of a kilobyte, and nobody reads.
    slow.send(&query("select a.t from sr a, sr b"));
    let mut other = Client::connect(server.address);
    other.set_patience(PATIENCE);
    let deadline = Instant::now() + Duration::from_secs(3);
    while Instant::now() < deadline {
        assert_eq!(other.value("select count(*) from sr"), "1000");
        let growth = resident_mib(server.pid()).saturating_sub(before);
        assert!(growth < 128, "{growth} MiB for a client that does not read");
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(slow);
    assert_eq!(other.value("select count(*) from sr"), "1000");
}

#[test]
fn connections_leave_nothing_behind() {
    // One IRIS connection for each shard: more of them come and go with the load.
    let server = Server::gateway(&["--cores", "2", "--iris-connections", "2"]);
    let round = || {
        for number in 0..200 {
            let mut client = Client::connect(server.address);
            if number % 2 == 0 {
                client.ok("select 1");
            }
        }
    };
    let settled = |at_most: usize| {
        let deadline = Deadline::after(PATIENCE);
        while open_files(server.pid()) > at_most && !deadline.is_over() {
            std::thread::sleep(Duration::from_millis(50));
        }
        open_files(server.pid())
    };
    round();
    std::thread::sleep(Duration::from_millis(500));
    let mut files = vec![open_files(server.pid())];
    // A round may be the first that needs something which stays, such as a second PostgreSQL on a busy machine; what is
    // left of each connection shows after every round.
    for _ in 0..4 {
        let before = *files.last().unwrap();
        round();
        files.push(settled(before));
        if files.last() <= Some(&before) {
            return;
        }
    }
    panic!("open files after each 200 connections: {files:?}");
}
