//! Rules that IRIS does not know of, through two gateways: CHECK constraints, generated columns, unique indexes on expressions and on
//! some rows. Many clients (64 with `FLOODS=full`) write rows that conflict; what docs/CONSTRAINTS.md promises holds at the end.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::client::Client;
use common::message::{self, Message};
use common::process::{Deadline, stretched};
use common::{Random, Server, crowd, free_address, temporary_directory};

/// A gateway in front of a superserver.
fn gateway(iris: SocketAddr) -> Server {
    let url = format!("iris://_SYSTEM:SYS@{iris}/USER");
    Server::gateway(&["--iris", &url, "--cores", "1", "--iris-connections", "6"])
}

/// The SQLSTATE of what a statement ends in.
fn state(client: &mut Client, sql: &str) -> Option<String> {
    client.send(&message::query(sql));
    client.until_ready().iter().find(|message| message.tag == b'E').and_then(Message::sqlstate)
}

/// Waits until a gateway knows of a table that another one has made.
fn soon(client: &mut Client, sql: &str) {
    let deadline = Deadline::after(Duration::from_secs(60));
    while state(client, sql).is_some() {
        assert!(!deadline.is_over(), "{sql}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const ACCOUNTS: i64 = 4;

#[test]
fn rules_hold_through_two_gateways() {
    const ROUNDS: usize = 12;
    let clients_count = u64::try_from(crowd(12, 64)).unwrap();
    let data = temporary_directory();
    let iris = free_address();
    let _superserver = Server::superserver(iris, &data);
    let gateways = [gateway(iris), gateway(iris)];
    let [mut first, mut second] = gateways.each_ref().map(|gateway| Client::connect(gateway.address));
    first.ok("CREATE TABLE account (id integer PRIMARY KEY, paid integer, held integer, \
         balance integer GENERATED ALWAYS AS (paid - held) STORED, CHECK (paid >= held))");
    first.ok("CREATE TABLE person (id integer PRIMARY KEY, email text, room integer, gone boolean)");
    first.ok("CREATE UNIQUE INDEX person_email ON person (lower(email))");
    first.ok("CREATE UNIQUE INDEX person_room ON person (room) WHERE NOT gone");
    for id in 0..ACCOUNTS {
        first.ok(&format!("INSERT INTO account VALUES ({id}, 10, 0)"));
    }
    soon(&mut second, "SELECT id, balance FROM account");
    soon(&mut second, "SELECT id FROM person");
    let threads: Vec<_> = (0..clients_count)
        .map(|number| {
            let address = gateways.get(usize::try_from(number % 2).unwrap()).unwrap().address;
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                client.set_patience(stretched(Duration::from_secs(120)));
                let mut random = Random::new(number + 1);
                let mut held = 0_i64;
                for round in 0..ROUNDS {
                    let account = random.below(ACCOUNTS.unsigned_abs());
                    let amount = 1 + random.below(3);
                    let sql = format!("UPDATE account SET held = held + {amount} WHERE id = {account}");
                    loop {
                        match state(&mut client, &sql).as_deref() {
                            None => {
                                held += i64::try_from(amount).unwrap();
                                break;
                            }
                            Some("23514") => break,
                            Some("40001" | "40P01" | "55P03") => {}
                            Some(other) => panic!("{sql}: {other}"),
                        }
                    }
                    let id = number * 1000 + u64::try_from(round).unwrap();
                    let word = random.below(8);
                    let email = if random.below(2) == 0 { format!("User{word}") } else { format!("uSER{word}") };
                    let (room, gone) = (random.below(6), random.below(2) == 0);
                    let sql = format!("INSERT INTO person VALUES ({id}, '{email}', {room}, {gone})");
                    match state(&mut client, &sql).as_deref() {
                        None | Some("23505" | "40001" | "40P01" | "55P03") => {}
                        Some(other) => panic!("{sql}: {other}"),
                    }
                    let sql = format!("UPDATE person SET gone = NOT gone WHERE room = {room}");
                    match state(&mut client, &sql).as_deref() {
                        None | Some("23505" | "40001" | "40P01" | "55P03") => {}
                        Some(other) => panic!("{sql}: {other}"),
                    }
                }
                held
            })
        })
        .collect();
    let held: i64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    for client in [&mut first, &mut second] {
        assert_eq!(client.value("SELECT sum(held) FROM account"), held.to_string());
        assert_eq!(client.value("SELECT count(*) FROM account WHERE paid < held"), "0");
        assert_eq!(client.value("SELECT count(*) FROM account WHERE balance <> paid - held"), "0");
        let twice =
            "SELECT count(*) FROM (SELECT lower(email) FROM person GROUP BY lower(email) HAVING count(*) > 1) x";
        assert_eq!(client.value(twice), "0");
        let twice = "SELECT count(*) FROM (SELECT room FROM person WHERE NOT gone GROUP BY room HAVING count(*) > 1) x";
        assert_eq!(client.value(twice), "0");
        assert_ne!(client.value("SELECT count(*) FROM person"), "0");
    }
}

#[test]
fn rules_outlive_a_gateway() {
    let data = temporary_directory();
    let iris = free_address();
    let _superserver = Server::superserver(iris, &data);
    let made = gateway(iris);
    let mut client = Client::connect(made.address);
    client.ok("CREATE TABLE t (id integer PRIMARY KEY, a integer CHECK (a > 0), b integer, CHECK (a < b))");
    client.ok(
        "ALTER TABLE t ADD CONSTRAINT later CHECK (b < 100), ADD COLUMN s integer GENERATED ALWAYS AS (a + b) STORED",
    );
    client.ok("ALTER TABLE t DROP CONSTRAINT t_a_check");
    client.ok("ALTER TABLE t RENAME COLUMN a TO first");
    client.ok("CREATE UNIQUE INDEX t_even ON t ((b / 2)) WHERE b > 10");
    client.ok("INSERT INTO t VALUES (1, -5, 20)");
    let shown = "SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), ', ' ORDER BY conname) FROM pg_constraint \
        WHERE conrelid = 't'::regclass AND contype = 'c'";
    let columns = "SELECT string_agg(column_name || coalesce(generation_expression, ''), ', ' ORDER BY ordinal_position) \
        FROM information_schema.columns WHERE table_name = 't'";
    let (constraints, all) = (client.value(shown), client.value(columns));
    drop(client);
    drop(made);
    let other = gateway(iris);
    let mut client = Client::connect(other.address);
    soon(&mut client, "SELECT id FROM t");
    assert_eq!(client.value(shown), constraints);
    assert_eq!(client.value(columns), all);
    assert_eq!(client.value("SELECT count(*) FROM t"), "1");
    for (sql, expected) in [
        ("INSERT INTO t VALUES (2, 30, 20)", Some("23514")),
        ("INSERT INTO t VALUES (2, 30, 200)", Some("23514")),
        ("INSERT INTO t VALUES (2, -7, 21)", Some("23505")),
        ("INSERT INTO t (id, first, b, s) VALUES (2, 1, 2, 3)", Some("428C9")),
        ("INSERT INTO t VALUES (2, -7, 22)", None),
        ("UPDATE t SET b = 21 WHERE id = 2", Some("23505")),
        ("UPDATE t SET first = 7 WHERE id = 2", None),
    ] {
        assert_eq!(state(&mut client, sql).as_deref(), expected, "{sql}");
    }
    assert_eq!(client.value("SELECT s FROM t WHERE id = 2"), "29");
}
