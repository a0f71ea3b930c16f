//! Types of users' making through two gateways, and over the end of one: docs/TYPES.md.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::client::Client;
use common::message::{self, Message};
use common::process::Deadline;
use common::{Server, free_address, temporary_directory};

/// A gateway in front of a superserver, with a namespace of its own for what it keeps.
fn gateway(iris: SocketAddr) -> Server {
    let url = format!("iris://_SYSTEM:SYS@{iris}/USER");
    let refresh = ["--catalog-refresh-interval-ms", "500", "--sequence-namespace", "%SYS"];
    let mut arguments = vec!["--iris", &url, "--cores", "1", "--iris-connections", "6"];
    arguments.extend(refresh);
    Server::gateway(&arguments)
}

/// The SQLSTATE of what a statement ends in.
fn state(client: &mut Client, sql: &str) -> Option<String> {
    client.send(&message::query(sql));
    client.until_ready().iter().find(|message| message.tag == b'E').and_then(Message::sqlstate)
}

/// Waits until a statement ends like this.
fn soon(client: &mut Client, sql: &str, expected: Option<&str>) {
    let deadline = Deadline::after(Duration::from_secs(60));
    loop {
        let found = state(client, sql);
        if found.as_deref() == expected {
            return;
        }
        assert!(!deadline.is_over(), "{sql}: {found:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const SHOWN: &str = "SELECT string_agg(t.typname || ':' || t.typtype::text || coalesce(t.typdefault, '') || t.typnotnull::text || \
    coalesce((SELECT string_agg(conname || pg_get_constraintdef(c.oid), ',' ORDER BY conname) FROM pg_constraint c \
    WHERE c.contypid = t.oid AND c.contype = 'c'), '') || \
    coalesce((SELECT string_agg(attname || format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute \
    WHERE attrelid = t.typrelid AND NOT attisdropped), ''), '; ' ORDER BY t.typname) FROM pg_type t \
    WHERE t.typname IN ('posint', 'code', 'pair', 'span')";

#[test]
fn types_are_those_of_all_gateways() {
    let data = temporary_directory();
    let iris = free_address();
    let _superserver = Server::superserver(iris, &data);
    let gateways = [gateway(iris), gateway(iris)];
    let [mut first, mut second] = gateways.each_ref().map(|gateway| Client::connect(gateway.address));
    first.ok("CREATE DOMAIN posint AS integer CHECK (value > 0)");
    first.ok("CREATE TYPE pair AS (a posint, b text)");
    first.ok("CREATE TABLE t (id integer PRIMARY KEY, n posint, p pair)");
    soon(&mut second, "INSERT INTO t VALUES (1, 5, ROW(1, 'x'))", None);
    assert_eq!(state(&mut second, "INSERT INTO t VALUES (2, -5, NULL)").as_deref(), Some("23514"));
    assert_eq!(state(&mut second, "INSERT INTO t VALUES (2, 5, ROW(-1, 'x'))").as_deref(), Some("23514"));
    assert_eq!(first.value("SELECT (p).b || n FROM t"), "x5");
    first.ok("DROP TABLE t");
    first.ok("DROP TYPE pair");
    first.ok("CREATE TABLE t (id integer PRIMARY KEY, n posint)");
    first.ok("ALTER DOMAIN posint ADD CONSTRAINT small CHECK (value < 100)");
    first.ok("ALTER DOMAIN posint SET DEFAULT 7");
    soon(&mut second, "SELECT 200::posint", Some("23514"));
    soon(&mut second, "INSERT INTO t (id) VALUES (1)", None);
    soon(&mut first, "SELECT id FROM t", None);
    assert_eq!(first.value("SELECT n FROM t WHERE id = 1"), "7");
    second.ok("ALTER DOMAIN posint DROP CONSTRAINT small");
    soon(&mut first, "SELECT 200::posint", None);
    second.ok("DROP TABLE t");
    second.ok("DROP DOMAIN posint");
    soon(&mut first, "SELECT 200::posint", Some("42704"));
    first.ok("CREATE DOMAIN posint AS text");
    soon(&mut second, "SELECT 'x'::posint", None);
}

#[test]
fn types_outlive_a_gateway() {
    let data = temporary_directory();
    let iris = free_address();
    let _superserver = Server::superserver(iris, &data);
    let made = gateway(iris);
    let mut client = Client::connect(made.address);
    client.ok("CREATE DOMAIN posint AS integer DEFAULT 3 CONSTRAINT above CHECK (value > 0)");
    client.ok("CREATE DOMAIN code AS varchar(3) NOT NULL");
    client.ok("CREATE TYPE pair AS (a posint, \"B c\" code)");
    client.ok("CREATE TYPE span AS RANGE (subtype = float8)");
    client.ok("ALTER DOMAIN posint ADD CONSTRAINT later CHECK (value < 100) NOT VALID");
    client.ok("CREATE TABLE t (id integer PRIMARY KEY, n posint, p pair, l pair[], s span)");
    client.ok("INSERT INTO t VALUES (1, DEFAULT, ROW(1, 'abc'), ARRAY[ROW(2, 'x')::pair], '[1,2]')");
    client.ok("BEGIN");
    client.ok("CREATE DOMAIN half AS integer");
    let shown = client.value(SHOWN);
    made.signal("KILL");
    drop(client);
    let other = gateway(iris);
    let mut client = Client::connect(other.address);
    soon(&mut client, "SELECT id FROM t", None);
    assert_eq!(client.value(SHOWN), shown);
    assert_eq!(client.value("SELECT concat_ws(' ', n, p, l, s) FROM t"), "3 (1,abc) {\"(2,x)\"} [1,2]");
    for (sql, expected) in [
        ("INSERT INTO t (id, n) VALUES (2, 0)", "23514"),
        ("INSERT INTO t (id, n) VALUES (2, 100)", "23514"),
        ("INSERT INTO t (id, p) VALUES (2, ROW(1, NULL))", "23502"),
        ("ALTER DOMAIN posint RENAME TO other", "0A000"),
        ("DROP DOMAIN posint", "2BP01"),
    ] {
        assert_eq!(state(&mut client, sql).as_deref(), Some(expected), "{sql}");
    }
    assert_eq!(client.value("INSERT INTO t (id) VALUES (2) RETURNING n"), "3");
}
