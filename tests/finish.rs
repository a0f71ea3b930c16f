//! Queries that PostgreSQL finishes: their bounds, what interrupts them, and what is left afterwards.

mod common;

use std::time::{Duration, Instant};

use common::Server;
use common::client::Client;
use common::message::{self, Message};
use common::process::stretched;

/// A table of so many rows.
fn table(client: &mut Client, rows: u32) {
    client.ok("CREATE TABLE ft (id integer PRIMARY KEY, doc jsonb, big text)");
    let mut first = 0;
    while first < rows {
        let values: Vec<String> = (first..rows.min(first + 500))
            .map(|n| format!("({n}, '{{\"k\": {}}}', '{}')", n % 7, "x".repeat(100)))
            .collect();
        client.ok(&format!("INSERT INTO ft VALUES {}", values.join(", ")));
        first += 500;
    }
}

fn error(client: &mut Client, sql: &str) -> Message {
    client.send(&message::query(sql));
    client.until_ready().into_iter().find(|message| message.tag == b'E').expect("an error")
}

const COUNT: &str = "SELECT count(*) FROM ft WHERE doc->>'k' = '3'";

#[test]
fn what_may_be_moved_is_bounded() {
    // The bound counts rows of IRIS, not of the result; what is refused half-way leaves the one connection usable.
    let server =
        Server::gateway(&["--finish-rows-max", "1000", "--finish-bytes-max", "1048576", "--iris-connections", "1"]);
    let mut client = Client::connect(server.address);
    table(&mut client, 12_000);
    for _ in 0..20 {
        let refused = error(&mut client, COUNT);
        assert_eq!(refused.sqlstate().as_deref(), Some("54000"));
        assert!(refused.field(b'M').unwrap().contains("more than 1000 rows of \"ft\""), "{:?}", refused.field(b'M'));
        assert!(refused.field(b'H').unwrap().contains("finish_rows_max"));
        assert_eq!(client.value(&format!("{COUNT} AND id < 100")), "14");
    }
    client.ok("BEGIN");
    assert_eq!(error(&mut client, COUNT).sqlstate().as_deref(), Some("54000"));
    client.ok("ROLLBACK");
    assert_eq!(client.value("SELECT count(*) FROM ft"), "12000");
    // Counted are those that went to PostgreSQL, with their rows.
    let counted = "SELECT sum(value)::text FROM pgwire_counters WHERE name = ";
    assert_eq!(client.value(&format!("{counted}'statements_finished'")), "20");
    assert_eq!(client.value(&format!("{counted}'finish_rows'")), "2000");
}

#[test]
fn bytes_are_bounded_as_well() {
    let server = Server::gateway(&["--finish-bytes-max", "1048576"]);
    let mut client = Client::connect(server.address);
    table(&mut client, 12_000);
    let refused = error(&mut client, "SELECT count(*) FROM ft WHERE doc->>'k' = '3' AND md5(big) <> ''");
    assert_eq!(refused.sqlstate().as_deref(), Some("54000"));
    assert!(refused.field(b'H').unwrap().contains("finish_bytes_max"));
    // Without the long column they are few.
    assert_eq!(client.value(COUNT), "1714");
}

#[test]
fn it_can_be_switched_off() {
    let server = Server::gateway(&["--finish", "off"]);
    let mut client = Client::connect(server.address);
    table(&mut client, 10);
    assert_eq!(error(&mut client, COUNT).sqlstate().as_deref(), Some("0A000"));
    assert_eq!(client.value("SELECT count(*) FROM ft"), "10");
}

/// The one who has to wait hears of PostgreSQL, and nothing of what IRIS cannot do.
#[test]
fn without_postgres_it_is_said_so() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://postgres@{nobody}/postgres");
    let server = Server::gateway(&["--catalog-url", &url, "--catalog-statement-timeout-ms", "100"]);
    let mut client = Client::connect(server.address);
    client.set_patience(Duration::from_secs(60));
    table(&mut client, 10);
    // IRIS can answer, only the types have to be its own.
    assert_eq!(client.value("SELECT count(*) FROM ft"), "10");
    assert_eq!(error(&mut client, COUNT).sqlstate().as_deref(), Some("57P03"));
    // Translation knows of a function what IRIS does, IRIS itself of this one.
    assert_eq!(error(&mut client, "SELECT unknown_to_both(id) FROM ft").sqlstate().as_deref(), Some("57P03"));
}

#[test]
fn explain_shows_both_steps() {
    let server = Server::gateway(&[]);
    let mut client = Client::connect(server.address);
    table(&mut client, 10);
    let plan = |client: &mut Client, sql: &str| {
        client.send(&message::query(sql));
        let answer = client.until_ready();
        let rows: Vec<String> = answer.iter().filter(|message| message.tag == b'D').map(Message::line).collect();
        assert!(!rows.is_empty(), "{answer:?}");
        rows.join("\n")
    };
    let both = plan(&mut client, "EXPLAIN SELECT md5(big) FROM ft WHERE doc->>'k' = '3' AND id < 5");
    assert!(
        both.contains("PostgreSQL: SELECT md5(big) FROM (rows 1) AS ft WHERE doc->>'k' = '3' AND id < 5"),
        "{both}"
    );
    assert!(
        both.contains("IRIS: SELECT ft.\"id\", ft.\"doc\", ft.\"big\" FROM SQLUser.ft WHERE id < :%qpar(1)"),
        "{both}"
    );
    // What IRIS computes has one, with values in it or not.
    for sql in ["EXPLAIN SELECT id FROM ft WHERE id < 5", "EXPLAIN SELECT '1.5'::numeric + id FROM ft"] {
        let one = plan(&mut client, sql);
        assert!(!one.contains("PostgreSQL"), "{one}");
    }
}

/// A query that PostgreSQL takes long over.
const LONG: &str =
    "SELECT count(*) FROM ft a, ft b, ft c WHERE md5(a.doc->>'k') < md5(b.doc->>'k') AND c.doc IS NOT NULL";

#[test]
fn long_ones_are_cancelled_and_have_their_time() {
    let server = Server::gateway(&["--catalog-statement-timeout-ms", "120000"]);
    let mut client = Client::connect(server.address);
    table(&mut client, 2_000);
    for _ in 0..3 {
        client.send(&message::query(LONG));
        std::thread::sleep(stretched(Duration::from_millis(600)));
        let cancelled = Instant::now();
        Client::open(server.address).send(&message::cancel(&client.key));
        let answer = client.until_ready();
        let state = answer.iter().find(|message| message.tag == b'E').and_then(Message::sqlstate);
        assert_eq!(state.as_deref(), Some("57014"));
        assert!(cancelled.elapsed() < stretched(Duration::from_secs(2)), "{:?}", cancelled.elapsed());
    }
    client.ok("SET statement_timeout = '500ms'");
    assert_eq!(error(&mut client, LONG).sqlstate().as_deref(), Some("57014"));
    client.ok("RESET statement_timeout");
    assert_eq!(client.value(COUNT), "286");
}

/// The process that computes is killed: the statement is asked again of the next one, or ends in a clear error.
#[test]
fn a_killed_process_is_an_answer_or_an_error() {
    let server = Server::gateway(&[]);
    let mut client = Client::connect(server.address);
    table(&mut client, 1_000);
    assert_eq!(client.value(COUNT), "143");
    let mut other = Client::connect(server.address);
    for _ in 0..3 {
        let (pid, _) = server.oracle().expect("an oracle runs");
        client.send(&message::query("SELECT count(*) FROM ft a, ft b WHERE md5(a.doc->>'k') <= md5(b.doc->>'k')"));
        std::thread::sleep(Duration::from_millis(300));
        let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        assert!(killed.success());
        // Who needs rows of IRIS alone does not notice.
        assert_eq!(other.value("SELECT count(*) FROM ft"), "1000");
        client.set_patience(stretched(Duration::from_secs(60)));
        let answer = client.until_ready();
        match answer.iter().find(|message| message.tag == b'E') {
            None => assert_eq!(answer.iter().filter(|message| message.tag == b'D').count(), 1),
            Some(error) => assert!(matches!(error.sqlstate().as_deref(), Some("57P03" | "57014" | "53200" | "08006"))),
        }
        assert_eq!(client.value(COUNT), "143");
    }
}

#[test]
fn columns_count_as_parameters() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    table(&mut client, 3);
    // One column, for which there is room behind 65,534 parameters only.
    let sql = "SELECT count(*) FROM ft WHERE ARRAY[id] = '{2}'";
    for (count, answer) in [(65_534, "Row '1'"), (65_535, "Error 54000")] {
        // Those that a text does not use count as well.
        client.send(&message::parse("", sql, &vec![23; count]));
        client.send(&message::bind_text("", "", &vec!["7"; count]));
        client.send(&message::execute("", 0));
        client.send(&message::sync());
        let lines = client.lines(1);
        assert!(lines.iter().any(|line| line.starts_with(answer)), "{count}: {lines:.300?}");
    }
    assert_eq!(client.value(sql), "1");
}

#[test]
fn a_second_step_that_fails_describes_no_rows() {
    let server = Server::gateway(&[]);
    let mut client = Client::connect(server.address);
    table(&mut client, 3);
    for (sql, tags) in [
        ("SELECT ARRAY[1/0] FROM ft", "EZ"),
        ("SELECT ARRAY[1/id] FROM ft", "EZ"),
        ("SELECT ARRAY[id] FROM ft WHERE id > 5", "TCZ"),
        ("SELECT ARRAY[id] FROM ft", "TDDDCZ"),
    ] {
        client.send(&message::query(sql));
        let seen: String = client.until_ready().iter().map(|message| char::from(message.tag)).collect();
        assert_eq!(seen, tags, "{sql}");
    }
}
