//! One client that asks for very much at once: the process's memory and another client's latency stay bounded.
//!
//! The counts are a tenth of what `FLOODS=full` runs.

mod common;

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::Server;
use common::client::Client;
use common::message::{bind_text, cancel, copy_data, copy_done, describe, parse, query, sync};
use common::process::{Deadline, processor_ticks, resident_mib, stretched};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the process may take beyond the limit a test names.
const GROWTH_MIB_MAX: u64 = 64;

fn count(full: usize) -> usize {
    if std::env::var("FLOODS").is_ok_and(|size| size == "full") { full } else { full / 10 }
}

/// Another client, and a look at the memory, while a flood runs.
struct Watch {
    name: &'static str,
    before_mib: u64,
    peak_mib: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    other: JoinHandle<Vec<Duration>>,
}

impl Watch {
    fn start(name: &'static str, server: &Server) -> Self {
        let (pid, address) = (server.pid(), server.address);
        let mut client = Client::connect(address);
        client.set_patience(PATIENCE);
        // Answered when the catalog knows all tables: until then a statement may have to wait to be described.
        client.ok("select count(*) from pg_class");
        client.ok("create table if not exists watched (id integer primary key)");
        client.ok("select count(*) from watched");
        let before_mib = resident_mib(pid);
        let peak_mib = Arc::new(AtomicU64::new(before_mib));
        let is_over = Arc::new(AtomicBool::new(false));
        let other = std::thread::spawn({
            let (peak_mib, is_over) = (Arc::clone(&peak_mib), Arc::clone(&is_over));
            move || {
                let mut latencies = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    client.ok("select count(*) from watched");
                    latencies.push(started.elapsed());
                    peak_mib.fetch_max(resident_mib(pid), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(5));
                }
                latencies
            }
        });
        Self { name, before_mib, peak_mib, is_over, other }
    }

    /// `limit_mib`: what the flood may keep.
    fn end(self, limit_mib: u64) {
        self.is_over.store(true, Ordering::Relaxed);
        let mut latencies = self.other.join().unwrap();
        latencies.sort_unstable();
        let p99 = latencies[(latencies.len() * 99 / 100).min(latencies.len() - 1)];
        let growth_mib = self.peak_mib.load(Ordering::Relaxed).saturating_sub(self.before_mib);
        let (name, asked) = (self.name, latencies.len());
        eprintln!("{name}: memory grew by {growth_mib} MiB; another client waited {p99:?} (p99 of {asked})");
        assert!(growth_mib < limit_mib + GROWTH_MIB_MAX, "{name}: {growth_mib} MiB");
        assert!(p99 < stretched(Duration::from_secs(1)), "{name}: another client waited {p99:?}");
    }
}

/// Sends while the client reads: a server whose output nobody reads does not go on reading.
fn send_beside(client: &Client, bytes: Vec<u8>) -> JoinHandle<()> {
    let mut stream = client.stream();
    std::thread::spawn(move || stream.write_all(&bytes).unwrap())
}

#[test]
fn one_query_of_many_local_statements() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    let watch = Watch::start("SHOW ALL", &server);
    let statements = count(2_000_000) / "SHOW ALL;".len();
    client.send(&query(&"SHOW ALL;".repeat(statements)));
    let tags = client.drain(1);
    watch.end(0);
    assert_eq!((tags[&b'C'], tags.get(&b'E')), (statements, None));
}

#[test]
fn a_flood_is_cancelled_although_its_client_reads() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.send(&query(&"SHOW ALL;".repeat(20_000)));
    let key = client.key.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        Client::open(server.address).send(&cancel(&key));
        server
    });
    let tags = client.drain(1);
    let _server = canceller.join().unwrap();
    assert_eq!(tags[&b'E'], 1);
    assert!(tags.get(&b'C').is_none_or(|done| *done < 20_000), "{tags:?}");
    assert_eq!(client.value("select 1"), "1");
}

#[test]
fn pipelined_describes_of_a_wide_statement() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    let columns: Vec<String> = (0..200).map(|n| format!("a_column_with_a_long_name_{n} integer")).collect();
    client.ok(&format!("create table wide ({})", columns.join(", ")));
    client.send(&[parse("w", "select * from wide", &[]), sync()].concat());
    assert_eq!(client.lines(1), ["ParseComplete", "Ready I"]);
    let watch = Watch::start("Describe", &server);
    let describes = count(100_000);
    let sending = send_beside(&client, [describe(b'S', "w").repeat(describes), sync()].concat());
    let tags = client.drain(1);
    sending.join().unwrap();
    watch.end(0);
    assert_eq!(tags[&b'T'], describes);
}

#[test]
fn many_inserts_in_one_string() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok("create table ins (id integer primary key, t varchar(20))");
    client.ok("insert into ins values (-1, 'x')");
    let inserts = count(100_000);
    let mut ticks = |inserts: usize| {
        let strings: Vec<String> =
            (0..inserts).map(|id| format!("insert into ins values ({id}, 'a value');")).collect();
        let before = processor_ticks(server.pid());
        client.send(&query(&strings.concat()));
        let tags = client.drain(1);
        assert_eq!((tags[&b'C'], tags.get(&b'E')), (inserts, None));
        let taken = processor_ticks(server.pid()) - before;
        client.ok("delete from ins");
        taken
    };
    let watch = Watch::start("INSERT", &server);
    ticks(inserts);
    watch.end(0);
    // Nobody else asks meanwhile, and the best of three is the least disturbed.
    let mut best = |inserts: usize| (0..3).map(|_| ticks(inserts)).min().unwrap();
    let (half, whole) = (best(inserts / 2), best(inserts));
    eprintln!("INSERT: {half} and {whole} hundredths of a second for {} and {inserts} statements", inserts / 2);
    assert!(whole * 10 <= half * 23, "{half} and {whole} hundredths of a second");
}

#[test]
fn many_portals() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok("create table po (id integer primary key, t varchar(1000))");
    client.ok("begin");
    client.send(&[parse("p", "select id from po where t = $1", &[]), sync()].concat());
    assert_eq!(client.lines(1), ["ParseComplete", "Ready T"]);
    let watch = Watch::start("Bind", &server);
    // As many as a client may have, whatever the size of the flood.
    let value = "x".repeat(1000);
    let mut flood: Vec<u8> = (0..10_001).flat_map(|n| bind_text(&format!("p{n}"), "p", &[&value])).collect();
    flood.extend(sync());
    let sending = send_beside(&client, flood);
    let tags = client.drain(1);
    sending.join().unwrap();
    watch.end(0);
    assert_eq!((tags[&b'2'], tags[&b'E']), (10_000, 1));
    assert_eq!(client.query("select 1"), ["Error 25P02", "Ready E"]);
    client.ok("rollback");
    assert_eq!(client.value("select count(*) from po"), "0");
}

#[test]
fn many_savepoints() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    let watch = Watch::start("SAVEPOINT", &server);
    client.ok("begin");
    let savepoints: Vec<String> = (0..count(100_000)).map(|n| format!("savepoint s{n};")).collect();
    client.send(&query(&savepoints.concat()));
    let tags = client.drain(1);
    // IRIS has room for these.
    assert_eq!((tags[&b'C'], tags[&b'E']), (254, 1));
    client.ok("rollback to s1");
    client.ok("rollback");
    client.ok("begin");
    client.send(&query(&"savepoint s; release s;".repeat(count(100_000))));
    let tags = client.drain(1);
    assert_eq!((tags[&b'C'], tags[&b'E']), (508, 1));
    client.ok("rollback");
    watch.end(0);
}

#[test]
fn many_prepared_statements_of_a_megabyte() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok("create table pr (id integer primary key, t varchar(1000))");
    let watch = Watch::start("Parse", &server);
    let sql = format!("select id from pr where t = '{}'", "x".repeat(1 << 20));
    let mut kept = 0;
    for n in 0..count(1000) {
        client.send(&[parse(&format!("p{n}"), &sql, &[]), sync()].concat());
        match &client.lines(1)[..] {
            [parsed, _] if parsed == "ParseComplete" => kept += 1,
            lines => assert_eq!(lines, ["Error 54000", "Ready I"]),
        }
    }
    // Twice the text, and 64 MiB is the limit.
    assert_eq!(kept, 31);
    client.ok("deallocate all");
    client.send(&[parse("p", &sql, &[]), sync()].concat());
    assert_eq!(client.lines(1), ["ParseComplete", "Ready I"]);
    // A statement may live on in portals alone.
    client.ok("begin");
    let mut kept = 0;
    for n in 0..count(1000) {
        client.send(&[parse("", &sql, &[]), bind_text(&format!("p{n}"), "", &[]), sync()].concat());
        match &client.lines(1)[..] {
            [_, bound, _] if bound == "BindComplete" => kept += 1,
            lines => {
                assert!(lines.contains(&"Error 54000".to_owned()), "{lines:?}");
                client.ok("rollback");
                break;
            }
        }
    }
    watch.end(128);
    assert!((15..32).contains(&kept), "{kept} portals");
}

#[test]
fn too_long_is_refused() {
    let server = Server::gateway(&["--cores", "1", "--statement-bytes-max", "1000000"]);
    let mut client = Client::connect(server.address);
    let long = format!("select length('{}')", "x".repeat(1_000_000));
    assert_eq!(client.query(&long), ["Error 54000", "Ready I"]);
    assert_eq!(client.query(&format!("select 1; {long}")).last().unwrap(), "Ready I");
    client.send(&[parse("", &long, &[]), sync()].concat());
    assert_eq!(client.lines(1), ["Error 54000", "Ready I"]);
    // What SET keeps.
    let value = "x".repeat(50_000);
    for n in 0..5 {
        client.ok(&format!("set app.v{n} = '{value}'"));
    }
    assert_eq!(client.query(&format!("set app.v5 = '{value}'")), ["Error 54000", "Ready I"]);
    assert_eq!(client.query(&format!("select set_config('app.v5', '{value}', false)")), ["Error 54000", "Ready I"]);
    client.ok("reset app.v0");
    client.ok(&format!("set app.v5 = '{value}'"));
}

/// When the kernel asks the client of a connection whether it is there, in hundredths of a second (`/proc/net/tcp`).
fn keepalive_in(server: &Server, client: &Client) -> Option<u64> {
    let (ours, theirs) = (server.address.port(), client.local_port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = |field: &str| u16::from_str_radix(field.rsplit(':').next()?, 16).ok();
        let is_it = port(fields.get(1)?) == Some(ours) && port(fields.get(2)?) == Some(theirs);
        let (kind, when) = fields.get(5)?.split_once(':')?;
        (is_it && kind == "02").then(|| u64::from_str_radix(when, 16).unwrap())
    })
}

#[test]
fn the_kernel_watches_clients() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    let asked_in = |client: &Client, range: std::ops::Range<u64>| {
        let deadline = Deadline::after(PATIENCE);
        while !keepalive_in(&server, client).is_some_and(|when| range.contains(&when)) {
            assert!(!deadline.is_over(), "{:?} of {range:?}", keepalive_in(&server, client));
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    asked_in(&client, 1..6_001);
    client.ok("set tcp_keepalives_idle = 1000");
    asked_in(&client, 50_000..100_001);
    client.ok("begin; set local tcp_keepalives_idle = '20min'");
    asked_in(&client, 100_001..120_001);
    client.ok("rollback");
    asked_in(&client, 50_000..100_001);
    client.ok("reset all");
    asked_in(&client, 1..6_001);
    // One that does not read is as good as gone when the client says so itself.
    client.ok("set tcp_user_timeout = 500");
    client.send(&query(&"show all;".repeat(10_000)));
    std::thread::sleep(Duration::from_secs(4));
    let mut statements = 0;
    while let Ok(message) = client.try_receive() {
        statements += usize::from(message.tag == b'C');
    }
    assert!(statements < 10_000, "{statements}");
}

/// A million rows of a kilobyte, page after page.
const LONG_RESULT: &str = "select a.t from sr a, sr b";

fn gateway_with_long_results(more: &[&str]) -> Server {
    let mut args = vec!["--cores", "1", "--iris-connections", "2"];
    args.extend(more);
    let server = Server::gateway(&args);
    let mut client = Client::connect(server.address);
    client.ok("create table sr (id integer primary key, t varchar(1000))");
    client.send(&query("copy sr from stdin"));
    let rows: Vec<u8> = (0..1000).flat_map(|id| copy_data(&format!("{id}\t{}\n", "x".repeat(1000)))).collect();
    client.send(&[rows, copy_done()].concat());
    assert_eq!(client.lines(1), ["CopyIn 0", "Complete COPY 1000", "Ready I"]);
    server
}

/// As many clients as there are IRIS connections, none of which reads its result. `before`: what each of them asks first.
fn stalled_readers(server: &Server, before: [&[&str]; 2], sql: &str) -> Vec<Client> {
    let mut stalled: Vec<Client> = before.iter().map(|_| Client::connect(server.address)).collect();
    for (client, before) in stalled.iter_mut().zip(before) {
        before.iter().for_each(|sql| drop(client.ok(sql)));
        client.send(&query(sql));
    }
    for client in &stalled {
        // The result has begun.
        assert!(client.stream().peek(&mut [0]).unwrap() > 0);
    }
    // Long enough to fill the buffers of the sockets.
    std::thread::sleep(Duration::from_millis(300));
    stalled
}

fn assert_others_are_served(server: &Server, rows: &str) {
    let started = Instant::now();
    let mut other = Client::connect(server.address);
    other.set_patience(PATIENCE);
    assert_eq!(other.value("select count(*) from sr"), rows);
    eprintln!("served after {:?}", started.elapsed());
}

#[test]
fn readers_that_stall_lose_their_iris_connection() {
    let server = gateway_with_long_results(&["--client-write-timeout-ms", "1000"]);
    // Only one of them writes: the other would wait for its lock.
    let block: [&[&str]; 2] =
        [&["begin", "insert into sr values (2000, 'new')"], &["begin", "select count(*) from sr"]];
    for (round, before) in [[&[] as &[&str]; 2], block].into_iter().enumerate() {
        let stalled = stalled_readers(&server, before, LONG_RESULT);
        assert_others_are_served(&server, "1000");
        let deadline = Deadline::after(PATIENCE);
        while server.stderr().matches("client_write_timeout_ms").count() < 2 * (round + 1) {
            assert!(!deadline.is_over(), "{}", server.stderr());
            std::thread::sleep(Duration::from_millis(50));
        }
        for mut client in stalled {
            client.set_patience(PATIENCE);
            while client.try_receive().is_ok() {}
        }
    }
}

/// Between two statements of a string, with no transaction open, a client that does not read holds nothing.
#[test]
fn strings_of_statements_that_nobody_reads_hold_no_iris_connection() {
    const TIMES: usize = 1_000;
    // For ever, but for `pool_wait_timeout_ms` of whoever needs the connection.
    let server = gateway_with_long_results(&["--client-write-timeout-ms", "0"]);
    let long = format!("set app.long = '{}'", "x".repeat(50_000));
    let before = [long.as_str()];
    let sql = format!("begin; select count(*) from sr; commit; {}", "show app.long; ".repeat(TIMES));
    let stalled = stalled_readers(&server, [&before, &before], &sql);
    assert_others_are_served(&server, "1000");
    for mut client in stalled {
        client.set_patience(PATIENCE);
        let tags = client.drain(1);
        assert_eq!((tags[&b'C'], tags[&b'D'], tags.get(&b'E')), (TIMES + 3, TIMES + 1, None));
        assert_eq!(client.value("select count(*) from sr"), "1000");
    }
}

#[test]
fn a_cancel_is_heard_while_a_client_does_not_read() {
    let server = gateway_with_long_results(&[]);
    let stalled = stalled_readers(&server, [&[], &[]], LONG_RESULT);
    for client in &stalled {
        Client::open(server.address).send(&cancel(&client.key));
    }
    assert_others_are_served(&server, "1000");
    for mut client in stalled {
        assert_eq!(client.lines(1).iter().filter(|line| !line.starts_with("Row")).count(), 3);
        assert_eq!(client.value("select count(*) from sr"), "1000");
    }
}

#[test]
fn statement_timeout_counts_while_a_client_does_not_read() {
    let server = gateway_with_long_results(&[]);
    let before = ["set statement_timeout = 500", "begin"];
    let stalled = stalled_readers(&server, [&before, &before], LONG_RESULT);
    assert_others_are_served(&server, "1000");
    for mut client in stalled {
        let lines = client.lines(1);
        assert_eq!(lines[lines.len() - 2..], ["Error 57014", "Ready E"]);
        client.ok("rollback");
        assert_eq!(client.value("select count(*) from sr"), "1000");
    }
}

#[test]
fn one_transaction_tells_many_listeners_much() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut listeners: Vec<Client> = (0..100).map(|_| Client::connect(server.address)).collect();
    for listener in &mut listeners {
        listener.ok("listen news");
    }
    let mut client = Client::connect(server.address);
    let watch = Watch::start("NOTIFY", &server);
    let words = count(100_000);
    client.ok("begin");
    let texts: Vec<String> = (0..words).map(|word| format!("notify news, '{word}'")).collect();
    client.send(&query(&texts.join(";")));
    assert_eq!(client.drain(1)[&b'C'], words);
    client.ok("commit");
    for listener in listeners.iter_mut().step_by(20) {
        listener.set_patience(PATIENCE);
        for word in 0..words {
            assert_eq!(listener.receive().line(), format!("Notification news '{word}'"));
        }
    }
    drop(listeners);
    watch.end(0);
}
