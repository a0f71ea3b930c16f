//! Materialized views where several gateways meet: what one makes the others know, those that start later, too.

mod common;

use std::net::SocketAddr;

use common::client::Client;
use common::{Server, free_address, temporary_directory};

fn gateway(iris: SocketAddr) -> Server {
    let url = format!("iris://_SYSTEM:SYS@{iris}/USER");
    Server::gateway(&["--iris", &url, "--cores", "1"])
}

const OF_CLASS: &str = "SELECT string_agg(relname || relkind::text, ' ' ORDER BY relname) FROM pg_class \
    WHERE relnamespace = 'public'::regnamespace AND relname <> 'base_pkey'";

#[test]
fn every_gateway_knows_what_one_has_made() {
    let data = temporary_directory();
    let iris = Server::superserver(free_address(), &data);
    let first = gateway(iris.address);
    let mut client = Client::connect(first.address);
    client.ok("CREATE TABLE base (id integer PRIMARY KEY, label text)");
    client.ok("INSERT INTO base VALUES (1, 'one'), (2, 'two')");
    client.ok("CREATE MATERIALIZED VIEW kept (number, word) AS SELECT id, upper(label) FROM base");
    client.ok("CREATE UNIQUE INDEX kept_number ON kept (number)");
    client.ok("CREATE VIEW seen AS SELECT word FROM kept");
    client.ok("CREATE MATERIALIZED VIEW further AS SELECT word FROM seen");
    first.signal("KILL");
    drop(client);

    let (second, third) = (gateway(iris.address), gateway(iris.address));
    let (mut client, mut other) = (Client::connect(second.address), Client::connect(third.address));
    for client in [&mut client, &mut other] {
        assert_eq!(client.value(OF_CLASS), "baser furtherm keptm kept_numberi seenv");
        let of_index = "SELECT count(*) FROM pg_indexes WHERE tablename = 'kept' AND indexname = 'kept_number'";
        assert_eq!(client.value(of_index), "1");
        assert_eq!(client.value("SELECT pg_get_viewdef('kept'::regclass) LIKE '%upper(label)%'"), "t");
    }
    client.ok("INSERT INTO base VALUES (3, 'three')");
    assert_eq!(other.value("SELECT count(*) FROM kept"), "2");
    other.ok("REFRESH MATERIALIZED VIEW CONCURRENTLY kept");
    assert_eq!(client.value("SELECT word FROM seen WHERE word LIKE 'TH%'"), "THREE");
    assert_eq!(client.value("SELECT count(*) FROM further"), "2");
    client.ok("REFRESH MATERIALIZED VIEW further");
    assert_eq!(other.value("SELECT count(*) FROM further"), "3");
    // What one of them reads nobody drops, and with CASCADE they all go.
    let refused = other.query("DROP TABLE base");
    assert!(refused.iter().any(|line| line.contains("2BP01")), "{refused:?}");
    let refused = other.query("INSERT INTO kept VALUES (4, 'four')");
    assert!(refused.iter().any(|line| line.contains("42809")), "{refused:?}");
    other.ok("DROP TABLE base CASCADE");
    assert_eq!(client.value("SELECT count(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'SQLUser'"), "0");
    other.ok("CREATE MATERIALIZED VIEW kept AS SELECT 1 AS number");
    assert_eq!(other.value("SELECT number FROM kept"), "1");
}
