//! Definitions in transactions that end otherwise than by a word of their client: nothing is left behind.

mod common;

use std::fs;
use std::time::Duration;

use common::client::Client;
use common::message::{cancel, query, terminate};
use common::process::{Deadline, stretched};
use common::{Server, free_address, temporary_directory};

/// Longer than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Deadline::after(PATIENCE);
    while !check() {
        assert!(!deadline.is_over(), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a transaction changes.
fn prepare(client: &mut Client) {
    client.set_patience(PATIENCE);
    client.ok("create table old (id integer primary key, a text unique)");
    client.ok("insert into old values (1, 'x'), (2, 'y')");
    client.ok("create table altered (id integer primary key, a text)");
    client.ok("create view seen as select id from altered");
    client.ok("create type kind as enum ('p', 'q')");
    client.ok("create schema place");
    client.ok("create table place.counted (id serial, other serial, k kind, gone text unique)");
    client.ok("insert into place.counted (k, gone) values ('p', 'x')");
}

fn change(client: &mut Client) {
    client.set_patience(PATIENCE);
    client.ok("begin");
    client.ok("create table made (id integer primary key)");
    client.ok("insert into made values (1)");
    client.ok("drop table old");
    client.ok("create table old (other integer)");
    client.ok("alter table altered add column b integer");
    client.ok("alter table altered rename column a to z");
    client.ok("drop view seen");
    client.ok("create type mood as enum ('sad', 'glad')");
    client.ok("alter table place.counted drop column gone");
    client.ok("drop schema place cascade");
    client.ok("drop type kind");
}

/// What is not as it was.
fn differences(client: &mut Client) -> Vec<String> {
    [
        ("select a from old where id = 2", "Row 'y'"),
        ("select count(*) from pg_class where relname in ('made', 'seen', 'old', 'old_a_key')", "Row '3'"),
        (
            "select string_agg(attname, ' ' order by attnum) from pg_attribute \
             where attrelid = 'altered'::regclass and attnum > 0 and not attisdropped",
            "Row 'id a'",
        ),
        ("select id, a from altered", "Complete SELECT 0"),
        ("select count(*) from pg_type where typname = 'mood'", "Row '0'"),
        ("select count(*) from pg_namespace where nspname like 'pgwire_dropped%'", "Row '0'"),
        ("select id from made", "Error 42P01"),
        ("select k, gone from place.counted", "Row 'p' 'x'"),
        ("select count(*) from pg_sequences where schemaname = 'place'", "Row '2'"),
        ("select count(*) from pg_enum where enumtypid = 'kind'::regtype", "Row '2'"),
        ("select count(*) from pg_indexes where tablename = 'counted'", "Row '1'"),
        ("select count(*) from seen", "Row '0'"),
    ]
    .iter()
    .filter_map(|(sql, expected)| {
        let lines = client.query(sql);
        (!lines.iter().any(|line| line.starts_with(expected))).then(|| format!("{sql}: {lines:?}"))
    })
    .collect()
}

fn until_as_before(client: &mut Client) {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let differences = differences(client);
        if differences.is_empty() {
            return;
        }
        assert!(!deadline.is_over(), "{differences:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_client_goes_in_the_middle() {
    let server = Server::gateway(&["--iris-connections", "1", "--cores", "1"]);
    let mut other = Client::connect(server.address);
    prepare(&mut other);
    // Without a word, with one, and while a statement of it runs.
    for how in ["", "X", "Q"] {
        let mut client = Client::connect(server.address);
        change(&mut client);
        match how {
            "X" => client.send(&terminate()),
            "Q" => {
                client.send(&query("insert into old select 1 from old"));
            }
            _ => {}
        }
        drop(client);
        until_as_before(&mut other);
    }
}

/// As a driver's tests do: each makes its table, in a transaction that ends with its connection.
#[test]
fn the_next_client_makes_the_same_table() {
    let server = Server::gateway(&[]);
    for round in 0..30 {
        let mut client = Client::connect(server.address);
        client.set_patience(PATIENCE);
        client.ok("begin");
        client.ok("create table again (id serial primary key, a text)");
        client.ok("insert into again (a) values ('x')");
        assert_eq!(client.value("select count(*) from again"), "1", "round {round}");
        if round % 2 == 0 {
            client.send(&terminate());
        }
    }
    eventually("the last one is undone", || {
        let mut client = Client::connect(server.address);
        client.value("select count(*) from pg_class where relname = 'again'") == "0"
    });
}

#[test]
fn who_makes_what_another_has_dropped_waits_for_its_end() {
    let server = Server::gateway(&[]);
    for (end, expected) in [("rollback", "Error 42P07"), ("commit", "Complete CREATE TABLE")] {
        let (mut first, mut second) = (Client::connect(server.address), Client::connect(server.address));
        first.set_patience(PATIENCE);
        second.set_patience(PATIENCE);
        first.ok("create table contended (a integer)");
        first.ok("insert into contended values (1)");
        first.ok("begin");
        first.ok("drop table contended");
        second.send(&query("create table contended (b text)"));
        // Long enough to be carried out, if nothing held it up.
        std::thread::sleep(Duration::from_millis(300));
        first.ok(end);
        let lines = second.lines(1);
        assert!(lines.iter().any(|line| line == expected), "{end}: {lines:?}");
        first.ok("drop table contended");
    }
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let server = Server::gateway(&["--idle-in-transaction-timeout-ms", "500"]);
    let mut other = Client::connect(server.address);
    prepare(&mut other);
    let mut client = Client::connect(server.address);
    change(&mut client);
    assert_eq!(client.until_closed(), ["Error 25P03"]);
    until_as_before(&mut other);
}

#[test]
fn a_cancelled_statement_fails_the_transaction() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut other = Client::connect(server.address);
    prepare(&mut other);
    other.ok("create table many (id integer primary key)");
    other.ok("insert into many select g from generate_series(1, 1000) g");
    let mut client = Client::connect(server.address);
    change(&mut client);
    client.send(&query("select count(*) from many a, many b, many c where a.id + b.id + c.id = -1"));
    std::thread::sleep(stretched(Duration::from_millis(300)));
    Client::open(server.address).send(&cancel(&client.key.clone()));
    assert_eq!(client.lines(1), ["Error 57014", "Ready E"]);
    client.ok("rollback");
    assert_eq!(differences(&mut client), Vec::<String>::new());
    // A cancel that comes with the COMMIT changes nothing of what it does.
    client.ok("begin");
    client.ok("drop table many");
    client.send(&query("commit"));
    Client::open(server.address).send(&cancel(&client.key.clone()));
    client.lines(1);
    eventually("it is dropped", || {
        client.query("select * from many").iter().any(|line| line.starts_with("Error 42P01"))
    });
}

#[test]
fn iris_is_lost_in_the_middle() {
    let data = temporary_directory();
    let address = free_address();
    let mut superserver = Server::superserver(address, &data);
    let url = format!("iris://_SYSTEM:SYS@{address}/USER");
    // The stand-in has one writer for each namespace.
    let apart = ["--sequence-namespace", "%SYS"];
    let server = Server::gateway(&["--iris", &url, "--iris-connections", "2", "--cores", "1", apart[0], apart[1]]);
    let mut other = Client::connect(server.address);
    prepare(&mut other);
    // The one says ROLLBACK when IRIS is there again, the other is gone by then.
    let mut client = Client::connect(server.address);
    change(&mut client);
    superserver.signal("KILL");
    superserver.wait(PATIENCE);
    let lines = client.query("insert into made values (2)");
    assert!(lines[0].starts_with("Error 08") || lines[0].starts_with("Error 57P"), "{lines:?}");
    assert_eq!(client.status, 'E');
    drop(superserver);
    let mut superserver = Server::superserver(address, &data);
    client.query("rollback");
    assert_eq!(client.status, 'I');
    until_as_before(&mut other);

    change(&mut client);
    superserver.signal("KILL");
    superserver.wait(PATIENCE);
    drop(client);
    std::thread::sleep(stretched(Duration::from_millis(1500)));
    drop(superserver);
    let superserver = Server::superserver(address, &data);
    until_as_before(&mut other);
    drop(server);
    drop(superserver);
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn clients_side_by_side() {
    let server = Server::gateway(&["--iris-connections", "4"]);
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let address = server.address;
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                client.set_patience(PATIENCE);
                let table = format!("side{number}");
                client.ok(&format!("create table {table} (id integer primary key)"));
                client.ok(&format!("insert into {table} values (1)"));
                for round in 0..3 {
                    client.ok("begin");
                    client.ok(&format!("drop table {table}"));
                    client.ok(&format!("create table {table} (other integer)"));
                    client.ok(&format!("alter table {table} add column more text"));
                    client.ok(if round == 1 { "commit" } else { "rollback" });
                    let columns = client.value(&format!(
                        "select string_agg(attname, ' ' order by attnum) from pg_attribute \
                         where attrelid = '{table}'::regclass and attnum > 0"
                    ));
                    assert_eq!(columns, if round == 0 { "id" } else { "other more" });
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let mut client = Client::connect(server.address);
    assert_eq!(client.value("select count(*) from pg_class where relname like 'side%' and relkind = 'r'"), "8");
    assert_eq!(client.value("select count(*) from pg_namespace where nspname like 'pgwire_dropped%'"), "0");
}

/// One is killed in the middle, the other goes on: names that were dropped are free, and what was not touched is there.
#[test]
fn a_gateway_is_killed_beside_another() {
    let data = temporary_directory();
    let iris = Server::superserver(free_address(), &data);
    let url = format!("iris://_SYSTEM:SYS@{}/USER", iris.address);
    let more = ["--iris", &url, "--cores", "1", "--sequence-namespace", "%SYS", "--catalog-refresh-interval-ms", "200"];
    let mut killed = Server::gateway(&more);
    let living = Server::gateway(&more);
    let mut other = Client::connect(living.address);
    other.set_patience(PATIENCE);
    let mut client = Client::connect(killed.address);
    prepare(&mut client);
    eventually("the other gateway knows the tables", || {
        other.query("select k from place.counted").iter().any(|line| line.starts_with("Row 'p'"))
    });
    change(&mut client);
    killed.signal("KILL");
    killed.wait(PATIENCE);
    eventually("the other gateway knows what is left", || {
        other
            .query("select count(*) from pg_class where relname in ('counted', 'old_a_key')")
            .contains(&"Row '0'".to_owned())
    });
    // It may have read the tables when their sequences were still there: it reads them again.
    std::thread::sleep(stretched(Duration::from_secs(1)));
    let aside = "select count(*) from pg_class where relname like 'pgwire_dropped%'";
    assert_eq!(other.value(aside), "0");
    assert_eq!(other.value("select count(*) from pg_namespace where nspname like 'pgwire_dropped%'"), "0");
    other.ok("create schema if not exists place");
    other.ok("create table place.counted (id serial, other serial)");
    other.ok("insert into place.counted default values");
    assert_eq!(other.value("select other from place.counted"), "1");
    other.ok("begin");
    other.ok("drop table place.counted");
    other.ok("rollback");
    assert_eq!(other.value("insert into place.counted default values returning other"), "2");
    drop(living);
    drop(iris);
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn definitions_stay_where_that_is_wanted() {
    let server = Server::gateway(&["--ddl-in-transaction", "immediate"]);
    let mut client = Client::connect(server.address);
    client.set_patience(PATIENCE);
    client.ok("begin");
    client.ok("create table kept (id integer, a text)");
    client.ok("alter table kept drop column a");
    client.ok("rollback");
    assert_eq!(client.value("select count(*) from kept"), "0");
}
