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
fn partners_of_few_rows_are_few() {
    let server = Server::gateway(&[]);
    let mut client = Client::connect(server.address);
    table(&mut client, 5_000);
    client.ok("CREATE TABLE fs (id integer PRIMARY KEY, ft_id bigint, kind text, doc jsonb)");
    for first in [0, 500] {
        let values: Vec<String> = (first..first + 500)
            .map(|n| format!("({n}, {}, '{}', '{{\"n\": {n}}}')", n * 5, if n < 10 { "few" } else { "many" }))
            .collect();
        client.ok(&format!("INSERT INTO fs VALUES {}", values.join(", ")));
    }
    let mut seen = 0;
    let mut moved = |client: &mut Client, sql: &str, answer: &str| {
        assert_eq!(client.value(sql), answer, "{sql}");
        let count = client.value("SELECT sum(value)::text FROM pgwire_counters WHERE name = 'finish_rows'");
        let before = std::mem::replace(&mut seen, count.parse::<u32>().unwrap());
        seen - before
    };
    let join = "FROM fs JOIN ft ON ft.id = fs.ft_id";
    let sql = format!("SELECT sum((ft.doc->>'k')::int + (fs.doc->>'n')::int) {join} WHERE fs.kind = 'few'");
    assert_eq!(moved(&mut client, &sql, "74"), 20);
    // A side that may be missing, sub-queries that refer to a row, and what WITH has found first.
    let sql = "SELECT count(ft.doc->>'k') FROM fs LEFT JOIN ft ON ft.id = fs.ft_id WHERE fs.kind = 'few'";
    assert_eq!(moved(&mut client, sql, "10"), 20);
    let sql =
        "SELECT jsonb_agg((SELECT doc->'k' FROM ft WHERE ft.id = fs.ft_id) ORDER BY id) FROM fs WHERE kind = 'few'";
    assert_eq!(moved(&mut client, sql, "[0, 5, 3, 1, 6, 4, 2, 0, 5, 3]"), 20);
    let sql = "WITH top AS (SELECT id, ft_id FROM fs ORDER BY id DESC LIMIT 3) \
        SELECT jsonb_agg(doc->'k' ORDER BY top.id) FROM top JOIN ft ON ft.id = top.ft_id";
    assert_eq!(moved(&mut client, sql, "[1, 6, 4]"), 6);
    // What IRIS groups as PostgreSQL does comes as groups, which tell of partners as well.
    let sql = "SELECT jsonb_agg(x ORDER BY kind) FROM (SELECT kind, count(*) AS n, max(ft_id) FROM fs GROUP BY kind) x";
    let answer = r#"[{"n": 10, "max": 45, "kind": "few"}, {"n": 990, "max": 4995, "kind": "many"}]"#;
    assert_eq!(moved(&mut client, sql, answer), 2);
    let sql = "WITH x AS (SELECT ft_id, count(*) AS n FROM fs WHERE kind = 'few' GROUP BY ft_id) \
        SELECT sum((doc->>'k')::int * n)::text FROM x JOIN ft ON ft.id = x.ft_id";
    assert_eq!(moved(&mut client, sql, "29"), 20);
    // Of an average PostgreSQL makes the digits.
    let sql = "SELECT jsonb_agg(x) FROM (SELECT kind, avg(ft_id) FROM fs WHERE id < 9 GROUP BY kind) x";
    assert_eq!(moved(&mut client, sql, r#"[{"avg": 20.0000000000000000, "kind": "few"}]"#), 9);
    // Too many values for a list: all rows.
    let sql = "SELECT count(a.doc->>'k') FROM ft a JOIN fs ON a.id = fs.ft_id JOIN ft b ON b.id = a.id WHERE b.id >= 0";
    assert_eq!(moved(&mut client, sql, "1000"), 5_000 + 5_000 + 1_000);
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
    let three = plan(
        &mut client,
        "EXPLAIN WITH x AS (SELECT id % 2 AS odd, max(id) AS m FROM ft GROUP BY id % 2), y AS (SELECT i.id, i.big FROM ft i LIMIT 3) \
         SELECT x.m, md5(y.big), ft.doc FROM x JOIN y ON y.id = x.m JOIN ft ON ft.id = y.id",
    );
    for line in [
        "FROM x JOIN y ON y.id = x.m JOIN (rows 3) AS ft ON ft.id = y.id",
        "rows 1 of the sub-query over ft'\n",
        "rows 2 of ft'\n",
        "TOP :%qpar(1) i.\"id\", i.\"big\" FROM",
        "rows 3 of ft, where ft.\"id\" is a \"id\" of rows 2",
        "IRIS: SELECT ft.\"id\", ft.\"doc\" FROM SQLUser.ft WHERE ft.\"id\" %INLIST",
    ] {
        assert!(three.contains(line), "{line}: {three}");
    }
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

/// The process of the catalogs is killed: a statement that runs there is asked again of the next one, or ends in a clear error.
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

/// A query that needs so many rows that a worker computes it.
const LARGE: &str = "SELECT count(*) FROM ft WHERE doc->>'k' = '3' AND md5(big) <> ''";
/// Rows of its table, of some 100 bytes.
const LARGE_ROWS: u32 = 2_100;
const LARGE_ANSWER: &str = "300";
/// A question that only the PostgreSQL of the catalogs answers.
const QUESTION: &str = "SELECT relname FROM pg_catalog.pg_class WHERE relname = 'ft'";

/// Waits until `condition` holds.
fn soon(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + stretched(Duration::from_secs(10));
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn workers_come_on_need_and_go_when_idle() {
    let server = Server::gateway(&["--finish-worker-idle-timeout-ms", "1000", "--finish-workers-max", "2"]);
    let mut client = Client::connect(server.address);
    table(&mut client, LARGE_ROWS);
    // The PostgreSQL of the catalogs has nothing else to do.
    assert_eq!(client.value(&format!("{COUNT} AND id < 100")), "14");
    assert_eq!(server.workers(), []);
    assert_eq!(client.value(LARGE), LARGE_ANSWER);
    let workers = server.workers();
    assert_eq!(workers.len(), 1);
    assert_eq!(client.value(LARGE), LARGE_ANSWER);
    assert_eq!(server.workers(), workers);
    // What the mirror has become since is seen.
    for n in 0..3 {
        client.ok(&format!("CREATE TYPE mood{n} AS ENUM ('sad', 'ok{n}')"));
        assert_eq!(client.value(&format!("{LARGE} AND ARRAY['ok{n}'::mood{n}] IS NOT NULL")), LARGE_ANSWER);
    }
    assert_ne!(server.workers(), workers);
    // Many at once share them.
    let address = server.address;
    let clients: Vec<_> = (0..6)
        .map(|_| std::thread::spawn(move || (0..4).map(|_| Client::connect(address).value(LARGE)).collect::<Vec<_>>()))
        .collect();
    while clients.iter().any(|client| !client.is_finished()) {
        assert!(server.workers().len() <= 2);
        std::thread::sleep(Duration::from_millis(10));
    }
    for client in clients {
        assert_eq!(client.join().unwrap(), [LARGE_ANSWER; 4]);
    }
    soon("idle workers end", || server.workers().is_empty());
    assert_eq!(client.value(LARGE), LARGE_ANSWER);
}

/// A worker is killed in the middle: its statement is asked again, and nobody else notices.
#[test]
fn a_killed_worker_is_noticed_by_nobody() {
    let server = Server::gateway(&["--finish-workers-max", "1", "--catalog-statement-timeout-ms", "120000"]);
    let mut client = Client::connect(server.address);
    table(&mut client, LARGE_ROWS);
    assert_eq!(client.value(LARGE), LARGE_ANSWER);
    let (oracle, _) = server.oracle().expect("an oracle runs");
    let (mut other, mut asker) = (Client::connect(server.address), Client::connect(server.address));
    assert_eq!(asker.value(QUESTION), "ft");
    client.set_patience(stretched(Duration::from_secs(60)));
    for _ in 0..3 {
        let [worker] = server.workers()[..] else { panic!("one worker") };
        client.send(&message::query(
            "SELECT count(*) FROM ft a, ft b WHERE md5(a.doc->>'k' || b.big) IS NOT NULL AND a.id < 500",
        ));
        std::thread::sleep(Duration::from_millis(300));
        let killed = std::process::Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap();
        assert!(killed.success());
        for _ in 0..20 {
            let started = Instant::now();
            assert_eq!(other.value("SELECT count(*) FROM ft"), LARGE_ROWS.to_string());
            assert_eq!(asker.value(QUESTION), "ft");
            assert!(started.elapsed() < stretched(Duration::from_secs(1)), "{:?}", started.elapsed());
        }
        let answer = client.until_ready();
        let rows: Vec<String> = answer.iter().filter(|message| message.tag == b'D').map(Message::line).collect();
        assert_eq!(rows, [format!("Row '{}'", 500 * LARGE_ROWS)], "{answer:?}");
    }
    assert_eq!(server.oracle().expect("an oracle runs").0, oracle);
}

/// Cancels and limits are heard at once, and what comes behind them is answered.
#[test]
fn cancels_of_finished_statements_are_heard_at_once() {
    let server = Server::gateway(&["--finish-workers-max", "1", "--catalog-statement-timeout-ms", "120000"]);
    let mut client = Client::connect(server.address);
    table(&mut client, LARGE_ROWS);
    let mut longest = Duration::ZERO;
    for n in 0..12_u64 {
        client.send(&message::query(LONG));
        // While rows are fetched, the worker is started, the rows are read, and the query runs.
        std::thread::sleep(stretched(Duration::from_millis(30 + n * 60)));
        let cancelled = Instant::now();
        Client::open(server.address).send(&message::cancel(&client.key));
        let answer = client.until_ready();
        let state = answer.iter().find(|message| message.tag == b'E').and_then(Message::sqlstate);
        assert_eq!(state.as_deref(), Some("57014"));
        longest = longest.max(cancelled.elapsed());
        if n % 4 == 3 {
            assert_eq!(client.value(LARGE), LARGE_ANSWER);
        }
    }
    client.ok("SET statement_timeout = '300ms'");
    for _ in 0..3 {
        let started = Instant::now();
        assert_eq!(error(&mut client, LONG).sqlstate().as_deref(), Some("57014"));
        longest = longest.max(started.elapsed().saturating_sub(Duration::from_millis(300)));
    }
    client.ok("RESET statement_timeout");
    assert_eq!(client.value(LARGE), LARGE_ANSWER);
    assert_eq!(client.value(QUESTION), "ft");
    assert!(longest < stretched(Duration::from_secs(1)), "{longest:?}");
}

/// A statement that takes too much memory ends its worker, and nothing else.
#[test]
fn memory_of_a_worker_is_bounded() {
    let server = Server::gateway(&["--catalog-memory-bytes-max", "402653184"]);
    let mut client = Client::connect(server.address);
    table(&mut client, LARGE_ROWS);
    let (oracle, _) = server.oracle().expect("an oracle runs");
    client.set_patience(stretched(Duration::from_secs(60)));
    let greedy = "SELECT length(string_agg(a.big || b.big || md5(b.doc::text), '')) FROM ft a, ft b";
    assert_eq!(error(&mut client, greedy).sqlstate().as_deref(), Some("53200"));
    assert_eq!(client.value(LARGE), LARGE_ANSWER);
    assert_eq!(server.oracle().expect("an oracle runs").0, oracle);
}

/// So many may be under way, and who holds what they wait for is not kept waiting.
#[test]
fn so_many_are_under_way() {
    let server = Server::gateway(&["--finish-statements-max", "1", "--iris-connections", "1"]);
    let mut holder = Client::connect(server.address);
    table(&mut holder, LARGE_ROWS);
    let waiting = |sql: &str| {
        let mut client = Client::connect(server.address);
        client.set_patience(stretched(Duration::from_secs(60)));
        client.send(&message::query(sql));
        std::thread::sleep(stretched(Duration::from_millis(150)));
        client
    };
    for sql in [COUNT, LARGE] {
        holder.ok("BEGIN");
        holder.ok("INSERT INTO ft VALUES (100000, '{\"k\": 3}', 'x')");
        // One waits for the connection, the others for their turn.
        let mut first = waiting(sql);
        let (mut second, mut third) = (waiting(sql), waiting(sql));
        let cancelled = Instant::now();
        Client::open(server.address).send(&message::cancel(&third.key));
        let state = third.until_ready().iter().find(|message| message.tag == b'E').and_then(Message::sqlstate);
        assert_eq!(state.as_deref(), Some("57014"));
        assert!(cancelled.elapsed() < stretched(Duration::from_secs(1)), "{:?}", cancelled.elapsed());
        third.ok("SET statement_timeout = '200ms'");
        assert_eq!(error(&mut third, sql).sqlstate().as_deref(), Some("57014"));
        // One that goes leaves no place taken.
        drop(waiting(sql));
        assert_eq!(holder.value(sql), (LARGE_ROWS / 7 + 1).to_string());
        // Nor does a cursor that is not read to its end.
        holder.ok("DECLARE c CURSOR FOR SELECT id, doc->>'k' FROM ft WHERE doc->>'k' = '3'");
        holder.ok("FETCH 2 FROM c");
        assert_eq!(holder.value(sql), (LARGE_ROWS / 7 + 1).to_string());
        assert_eq!(error(&mut holder, "SELECT ARRAY[1/id] FROM ft").sqlstate().as_deref(), Some("22012"));
        holder.ok("ROLLBACK");
        for client in [&mut first, &mut second] {
            let answer = client.until_ready();
            assert!(answer.iter().any(|message| message.tag == b'D'), "{answer:?}");
        }
        third.ok("RESET statement_timeout");
        assert_eq!(third.value(sql), (LARGE_ROWS / 7).to_string());
    }
}
