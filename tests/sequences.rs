//! Sequences: no value is given twice, whatever gateways, transactions and clients do.

mod common;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use common::client::Client;
use common::message::query;
use common::process::Deadline;
use common::{Server, free_address, temporary_directory};

/// Longer than a busy machine needs, on which three gateways start.
const PATIENCE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 4;
const VALUES: usize = 30;

/// A gateway in front of a superserver. The stand-in has one writer for each namespace: sequences are kept in another one
/// than the tables of the clients.
fn gateway(iris: SocketAddr) -> Server {
    let url = format!("iris://_SYSTEM:SYS@{iris}/USER");
    Server::gateway(&["--iris", &url, "--cores", "2", "--sequence-namespace", "%SYS"])
}

/// A value, unless the gateway is gone.
fn draw(client: &mut Client) -> Option<i64> {
    client.try_send(&query("SELECT nextval('drawn')")).ok()?;
    let mut value = None;
    loop {
        let message = client.try_receive().ok()?;
        match message.tag {
            b'Z' => return value,
            b'D' => value = message.line().split('\'').nth(1).and_then(|text| text.parse().ok()),
            b'E' => return None,
            _ => {}
        }
    }
}

fn all_different(values: &[i64]) -> BTreeSet<i64> {
    let set: BTreeSet<i64> = values.iter().copied().collect();
    assert_eq!(set.len(), values.len(), "a value was given twice: {values:?}");
    set
}

/// Waits until a query succeeds.
fn soon(client: &mut Client, sql: &str) -> String {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let lines = client.query(sql);
        if let Some(row) = lines.iter().find(|line| line.starts_with("Row ")) {
            return row.clone();
        }
        assert!(!deadline.is_over(), "{sql}: {lines:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn clients_of_several_gateways_get_different_values() {
    let data = temporary_directory();
    let iris = Server::superserver(free_address(), &data);
    let gateways = [gateway(iris.address), gateway(iris.address)];
    let mut client = Client::connect(gateways[0].address);
    client.ok("CREATE SEQUENCE drawn");
    client.ok("CREATE TABLE rows (id bigint PRIMARY KEY DEFAULT nextval('drawn'), who integer)");
    let mut values = Vec::new();
    std::thread::scope(|scope| {
        let drawing: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let address = gateways[number % 2].address;
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    let mut drawn = Vec::new();
                    for n in 0..VALUES {
                        // A third by themselves, a third in transactions that are rolled back, the rest behind a change.
                        match n % 3 {
                            0 => drawn.extend(draw(&mut client)),
                            1 => {
                                client.ok("BEGIN");
                                drawn.extend(draw(&mut client));
                                client.ok("ROLLBACK");
                            }
                            _ => {
                                client.ok("BEGIN");
                                let sql = format!("INSERT INTO rows (id, who) VALUES (-{n}{number}, {number})");
                                client.ok(&sql);
                                drawn.extend(draw(&mut client));
                                client.ok("ROLLBACK");
                            }
                        }
                    }
                    drawn
                })
            })
            .collect();
        for thread in drawing {
            values.extend(thread.join().unwrap());
        }
    });
    assert_eq!(values.len(), CLIENTS * VALUES);
    let set = all_different(&values);
    assert_eq!(set.last().copied(), i64::try_from(CLIENTS * VALUES).ok(), "no value is left out either");

    // Rows of both, a gateway that has not made the table among them.
    let mut other = Client::connect(gateways[1].address);
    for number in 0..10 {
        client.ok(&format!("INSERT INTO rows (who) VALUES ({number})"));
        other.ok(&format!("INSERT INTO rows (who) VALUES ({number}), ({number})"));
    }
    assert_eq!(client.value("SELECT count(*) FROM rows WHERE id > 0"), "30");
    assert_eq!(client.value("SELECT max(id) FROM rows"), (CLIENTS * VALUES + 30).to_string());

    // What one does with it the others see.
    client.ok("ALTER SEQUENCE drawn INCREMENT BY 10 RESTART WITH 5000");
    assert_eq!(other.value("SELECT nextval('drawn')"), "5000");
    assert_eq!(client.value("SELECT nextval('drawn')"), "5010");
    assert_eq!(other.value("SELECT setval('drawn', 7000)"), "7000");
    assert_eq!(client.value("SELECT nextval('drawn')"), "7010");
    let third = gateway(iris.address);
    let mut newcomer = Client::connect(third.address);
    assert_eq!(newcomer.value("SELECT nextval('drawn')"), "7020");
    let shown = "SELECT increment_by FROM pg_sequences WHERE sequencename = 'drawn'";
    assert_eq!(soon(&mut newcomer, shown), "Row '10'");
    client.ok("DROP TABLE rows");
    client.ok("DROP SEQUENCE drawn");
    let lines = newcomer.query("SELECT nextval('drawn')");
    assert!(
        lines.iter().any(|line| line.starts_with("Error") && line.contains("42P01") || line.contains("0A000")),
        "{lines:?}"
    );
}

#[test]
fn a_gateway_that_is_killed_gives_no_value_to_somebody_else() {
    let data = temporary_directory();
    let iris = Server::superserver(free_address(), &data);
    let victim = gateway(iris.address);
    let other = gateway(iris.address);
    let mut client = Client::connect(other.address);
    client.ok("CREATE SEQUENCE drawn");
    let mut values = Vec::new();
    std::thread::scope(|scope| {
        let drawing: Vec<_> = [victim.address, victim.address, other.address, other.address]
            .into_iter()
            .map(|address| {
                let is_victim = address == victim.address;
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    let mut drawn = Vec::new();
                    while drawn.len() < 200 || is_victim {
                        match draw(&mut client) {
                            Some(value) => drawn.push(value),
                            None => break,
                        }
                    }
                    drawn
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(1500));
        victim.signal("KILL");
        for thread in drawing {
            values.extend(thread.join().unwrap());
        }
    });
    assert!(values.len() >= 400, "{}", values.len());
    all_different(&values);
    let next: i64 = client.value("SELECT nextval('drawn')").parse().unwrap();
    assert!(values.iter().all(|value| *value < next));
}
