//! Notifications and advisory locks between clients, on all shards of one gateway.

mod common;

use std::time::{Duration, Instant};

use common::client::Client;
use common::message::{cancel, query};
use common::process::Deadline;
use common::{Server, Subject};

/// Longer than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long nothing must happen for it to count as nothing.
const SILENCE: Duration = Duration::from_millis(300);

fn start() -> Subject {
    Subject::start(&["--cores", "2"])
}

/// Above the serial number of a process id stands its shard.
fn shard(client: &Client) -> i32 {
    i32::from_be_bytes(client.key[..4].try_into().unwrap()) >> 21
}

/// Two clients, on two shards where the server has them.
fn pair(subject: &Subject) -> (Client, Client) {
    let first = Client::connect(subject.address());
    let mut second = Client::connect(subject.address());
    let mut others = Vec::new();
    while subject.is_gateway() && shard(&first) == shard(&second) {
        assert!(others.len() < 200, "all connections go to one shard");
        others.push(std::mem::replace(&mut second, Client::connect(subject.address())));
    }
    (first, second)
}

/// The next message, which must come without anything being sent.
fn unasked(client: &mut Client) -> String {
    client.set_patience(PATIENCE);
    client.receive().line()
}

fn is_silent(client: &mut Client) -> bool {
    client.set_read_timeout(SILENCE);
    let silent = client.try_receive().is_err();
    client.set_patience(PATIENCE);
    silent
}

/// Until a query gives this value: a client that goes is not gone at once.
fn eventually(client: &mut Client, sql: &str, value: &str) {
    let deadline = Deadline::after(PATIENCE);
    while client.value(sql) != value {
        assert!(!deadline.is_over(), "{sql} never gave {value}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_idle_client_is_told_at_once_on_any_shard() {
    let subject = start();
    let (mut listener, mut sender) = pair(&subject);
    listener.ok("listen ca");
    for n in 0..50 {
        sender.ok(&format!("notify ca, '{n}'"));
        assert_eq!(unasked(&mut listener), format!("Notification ca '{n}'"));
    }
    let sent = sender.query("select pg_notify('ca', 'by a function')");
    assert_eq!(sent, ["Columns pg_notify:0", "Row ''", "Complete SELECT 1", "Ready I"]);
    assert_eq!(unasked(&mut listener), "Notification ca 'by a function'");
    listener.ok("unlisten ca");
    sender.ok("notify ca");
    assert!(is_silent(&mut listener));
}

#[test]
fn nobody_hears_before_commit_and_nobody_is_told_in_a_transaction() {
    let subject = start();
    let (mut listener, mut sender) = pair(&subject);
    listener.ok("listen cb");
    sender.ok("begin");
    sender.ok("notify cb, '1'");
    assert!(is_silent(&mut listener));
    listener.ok("begin");
    sender.ok("commit");
    assert!(is_silent(&mut listener));
    assert_eq!(listener.query("select 1 as a"), ["Columns a:0", "Row '1'", "Complete SELECT 1", "Ready T"]);
    assert_eq!(listener.query("commit"), ["Complete COMMIT", "Notification cb '1'", "Ready I"]);
    sender.ok("begin");
    sender.ok("notify cb, '2'");
    sender.ok("rollback");
    assert!(is_silent(&mut listener));
}

#[test]
fn a_burst_reaches_all_listeners_in_one_order() {
    const COUNT: usize = 2_000;
    let subject = start();
    let (mut one, mut two) = pair(&subject);
    let (mut a, mut b) = pair(&subject);
    for listener in [&mut one, &mut two] {
        listener.ok("listen cc");
    }
    let senders = [&mut a, &mut b].map(|sender| {
        let mut sender = std::mem::replace(sender, Client::connect(subject.address()));
        std::thread::spawn(move || {
            let pid = i32::from_be_bytes(sender.key[..4].try_into().unwrap());
            for chunk in 0..COUNT / 100 {
                let notifies: Vec<String> =
                    (0..100).map(|n| format!("notify cc, '{pid} {}'", chunk * 100 + n)).collect();
                sender.ok(&format!("begin; {}; commit", notifies.join("; ")));
            }
        })
    });
    let heard = [one, two].map(|mut listener| {
        std::thread::spawn(move || (0..2 * COUNT).map(|_| unasked(&mut listener)).collect::<Vec<_>>())
    });
    for sender in senders {
        sender.join().unwrap();
    }
    let [first, second] = heard.map(|thread| thread.join().unwrap());
    assert_eq!(first, second);
    let distinct: std::collections::HashSet<_> = first.iter().collect();
    assert_eq!(distinct.len(), 2 * COUNT);
}

#[test]
fn a_listener_that_does_not_read_is_sent_away() {
    if std::env::var_os("IRIS_PGWIRE_TEST_SERVER").is_some() {
        return;
    }
    let subject = start();
    let (mut listener, mut sender) = pair(&subject);
    listener.ok("listen cd");
    listener.ok("begin");
    let payload = "p".repeat(7_900);
    for n in 0..24 {
        let notifies: Vec<String> = (0..100).map(|m| format!("notify cd, '{n} {m} {payload}'")).collect();
        sender.ok(&format!("begin; {}; commit", notifies.join("; ")));
    }
    listener.send(&query("commit"));
    let last = listener.until_closed();
    assert_eq!(last.last().map(String::as_str), Some("Error 53200"), "{last:?}");
    // Nobody else is harmed.
    sender.ok("listen cd");
    assert_eq!(sender.query("notify cd, 'x'"), ["Complete NOTIFY", "Notification cd 'x'", "Ready I"]);
}

#[test]
fn locks_keep_out_other_clients_until_they_are_given_back() {
    let subject = start();
    let (mut holder, mut other) = pair(&subject);
    holder.ok("select pg_advisory_lock(201)");
    assert_eq!(other.value("select pg_try_advisory_lock(201)"), "f");
    assert_eq!(other.value("select pg_try_advisory_lock(0, 201)"), "t");
    assert_eq!(other.value("select pg_advisory_unlock(201)"), "f");
    // Survives a rollback, and is counted.
    holder.ok("begin; select pg_advisory_lock(201); rollback");
    assert_eq!(holder.value("select pg_advisory_unlock(201)"), "t");
    assert_eq!(other.value("select pg_try_advisory_lock_shared(201)"), "f");
    assert_eq!(holder.value("select pg_advisory_unlock(201)"), "t");
    assert_eq!(other.value("select pg_try_advisory_lock_shared(201)"), "t");
    assert_eq!(holder.value("select pg_try_advisory_lock_shared(201)"), "t");
    assert_eq!(holder.value("select pg_try_advisory_lock(201)"), "f");
}

#[test]
fn transaction_locks_end_with_the_transaction_or_its_savepoint() {
    let subject = start();
    let (mut holder, mut other) = pair(&subject);
    let free = "select pg_try_advisory_xact_lock(202)";
    for end in ["commit", "rollback"] {
        holder.ok("begin; select pg_advisory_xact_lock(202), pg_advisory_xact_lock(202)");
        assert_eq!(other.value(free), "f");
        holder.ok(end);
        assert_eq!(other.value(free), "t");
    }
    holder.ok("begin; savepoint s; select pg_advisory_xact_lock(202)");
    assert_eq!(other.value(free), "f");
    holder.ok("rollback to s");
    assert_eq!(other.value(free), "t");
    // An error ends what the transaction has, before the client says ROLLBACK.
    holder.ok("select pg_advisory_xact_lock(202)");
    holder.ok("release s");
    assert_eq!(other.value(free), "f");
    assert!(holder.query("select * from nowhere").contains(&"Error 42P01".to_owned()));
    assert_eq!(other.value(free), "t");
    holder.ok("rollback");
    // Alone, a statement is its own transaction.
    holder.ok("select pg_advisory_xact_lock(202)");
    assert_eq!(other.value(free), "t");
    // In a query string, COMMIT ends it before the string does.
    holder.ok("create table if not exists tl (id integer primary key)");
    holder.ok("begin; select pg_advisory_xact_lock(202); commit; begin; select pg_advisory_xact_lock(203)");
    assert_eq!(other.value(free), "t");
    assert_eq!(other.value("select pg_try_advisory_xact_lock(203)"), "f");
}

#[test]
fn who_waits_gets_the_lock_when_it_is_free() {
    let subject = start();
    let (mut holder, mut waiter) = pair(&subject);
    for end in ["select pg_advisory_unlock(204)", "select pg_advisory_unlock_all()", "discard all"] {
        holder.ok("select pg_advisory_lock(204)");
        waiter.send(&query("select pg_advisory_lock(204)"));
        assert!(is_silent(&mut waiter));
        holder.ok(end);
        assert_eq!(waiter.lines(1), ["Columns pg_advisory_lock:0", "Row ''", "Complete SELECT 1", "Ready I"]);
        assert_eq!(holder.value("select pg_try_advisory_lock(204)"), "f");
        waiter.ok("select pg_advisory_unlock(204)");
    }
    // A client that goes leaves nothing behind, whatever it was doing.
    let (mut gone, mut gone_too) = pair(&subject);
    gone.ok("begin; select pg_advisory_lock(204), pg_advisory_xact_lock(205)");
    gone_too.send(&query("select pg_advisory_lock(204)"));
    waiter.send(&query("select pg_advisory_lock(204)"));
    assert!(is_silent(&mut waiter));
    drop(gone_too);
    drop(gone);
    assert_eq!(waiter.lines(1).last().unwrap(), "Ready I");
    eventually(&mut holder, "select pg_try_advisory_xact_lock(205)", "t");
    waiter.ok("select pg_advisory_unlock(204)");
    eventually(&mut holder, "select pg_try_advisory_xact_lock(204)", "t");
}

#[test]
fn waiting_ends_by_cancel_and_by_timeouts() {
    let subject = start();
    let (mut holder, mut waiter) = pair(&subject);
    holder.ok("select pg_advisory_lock(206)");
    waiter.send(&query("select pg_advisory_lock(206)"));
    assert!(is_silent(&mut waiter));
    let mut messenger = Client::open(subject.address());
    messenger.send(&cancel(&waiter.key));
    assert_eq!(messenger.until_closed(), Vec::<String>::new());
    assert_eq!(waiter.lines(1), ["Columns pg_advisory_lock:0", "Error 57014", "Ready I"]);
    for (setting, code) in [("statement_timeout", "Error 57014"), ("lock_timeout", "Error 55P03")] {
        waiter.ok(&format!("set {setting} = '100ms'"));
        let started = Instant::now();
        assert!(waiter.query("select pg_advisory_lock(206)").contains(&code.to_owned()), "{setting}");
        assert!(started.elapsed() >= Duration::from_millis(100));
        waiter.ok("begin");
        assert!(waiter.query("select pg_advisory_xact_lock(206)").contains(&code.to_owned()), "{setting}");
        assert_eq!(waiter.status, 'E');
        waiter.ok("rollback");
        waiter.ok(&format!("reset {setting}"));
    }
    // It is out of the queue: the next one in it gets the lock.
    holder.ok("select pg_advisory_unlock(206)");
    assert_eq!(holder.value("select pg_try_advisory_lock(206)"), "t");
}

#[test]
fn a_deadlock_is_found_and_ends_one_of_the_two() {
    let subject = start();
    let (mut one, mut two) = pair(&subject);
    one.ok("begin; select pg_advisory_xact_lock(207)");
    two.ok("begin; select pg_advisory_xact_lock(208)");
    one.send(&query("select pg_advisory_xact_lock(208)"));
    assert!(is_silent(&mut one));
    two.send(&query("select pg_advisory_xact_lock(207)"));
    let answers = [one.lines(1), two.lines(1)];
    // Its locks go with its transaction, so the other one goes on without its ROLLBACK.
    let count = |line: &str| answers.iter().filter(|lines| lines.iter().any(|found| found == line)).count();
    assert_eq!((count("Error 40P01"), count("Row ''")), (1, 1), "{answers:?}");
    one.ok("rollback");
    two.ok("rollback");
}

#[test]
fn a_shard_goes_on_while_its_clients_wait() {
    let server = Server::gateway(&["--cores", "1", "--iris-connections", "1"]);
    let mut holder = Client::connect(server.address);
    holder.ok("create table sw (id integer primary key)");
    holder.ok("select pg_advisory_lock(209)");
    let mut waiters: Vec<Client> = (0..50).map(|_| Client::connect(server.address)).collect();
    for waiter in &mut waiters {
        waiter.send(&query("select pg_advisory_lock(209); select pg_advisory_unlock(209)"));
    }
    assert!(is_silent(&mut waiters[0]));
    assert_eq!(holder.value("select count(*) from sw"), "0");
    holder.ok("select pg_advisory_unlock(209)");
    for waiter in &mut waiters {
        assert_eq!(waiter.lines(1).iter().filter(|line| line.starts_with("Complete")).count(), 2);
    }
}
