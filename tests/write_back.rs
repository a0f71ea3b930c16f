//! Changes of rows that PostgreSQL computes and IRIS stores: side by side, and cut off in the middle.

mod common;

use std::time::{Duration, Instant};

use common::client::Client;
use common::message::{self, Message};
use common::process::{Deadline, stretched};
use common::{Server, crowd, free_address, temporary_directory};

/// The SQLSTATE of what a statement ends in.
fn state(client: &mut Client, sql: &str) -> Option<String> {
    client.send(&message::query(sql));
    client.until_ready().iter().find(|message| message.tag == b'E').and_then(Message::sqlstate)
}

/// What so many clients give that do this at the same time, each by its number.
fn side_by_side<T: Send + 'static>(
    server: &Server,
    clients_count: usize,
    run: impl Fn(usize, &mut Client) -> T + Clone + Send + 'static,
) -> Vec<T> {
    let threads: Vec<_> = (0..clients_count)
        .map(|number| {
            let (address, run) = (server.address, run.clone());
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                client.set_patience(stretched(Duration::from_secs(60)));
                run(number, &mut client)
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Counts up by one, in several ways, each of which IRIS cannot compute.
const COUNTS: &[&str] = &[
    "UPDATE counted SET n = n + length(md5(n::text)) - 31 WHERE id = 1",
    "UPDATE counted SET n = n + 1 WHERE md5(id::text) = md5('1')",
    "UPDATE counted SET n = counted.n + s.one FROM (SELECT length(md5('x')) / 32 AS one) s WHERE counted.id = 1",
    "MERGE INTO counted USING (VALUES (1, 1)) v(id, one) ON v.id = counted.id WHEN MATCHED THEN UPDATE SET n = n + one",
    "INSERT INTO counted (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = counted.n + length(md5(excluded.n::text)) / 32",
];

#[test]
fn nothing_is_lost_side_by_side() {
    const CLIENTS: usize = 8;
    const ROUNDS: usize = 6;
    for connections in ["2", "8"] {
        let server = Server::gateway(&["--iris-connections", connections]);
        let mut first = Client::connect(server.address);
        first.ok("CREATE TABLE counted (id integer PRIMARY KEY, n bigint)");
        first.ok("INSERT INTO counted VALUES (1, 0), (2, 0)");
        side_by_side(&server, CLIENTS, |number, client| {
            let mut retried = 0_u32;
            for round in 0..ROUNDS {
                let sql = COUNTS[(number + round) % COUNTS.len()];
                // What others have come between is tried again, as any client has to.
                while let Some(state) = state(client, sql) {
                    assert!(matches!(state.as_str(), "40001" | "40P01"), "{sql}: {state}");
                    retried += 1;
                    assert!(retried < 500);
                }
            }
        });
        assert_eq!(first.value("SELECT n FROM counted WHERE id = 1"), (CLIENTS * ROUNDS).to_string());
        assert_eq!(first.value("SELECT n FROM counted WHERE id = 2"), "0");
    }
}

#[test]
fn an_error_in_the_middle_leaves_nothing() {
    let server = Server::gateway(&[]);
    let mut client = Client::connect(server.address);
    client.ok("CREATE TABLE few (id integer PRIMARY KEY, a varchar(40), n integer CHECK (n < 1000))");
    client.ok("INSERT INTO few SELECT g, 'row ' || g, g FROM generate_series(1, 200) g");
    assert_eq!(client.value("SELECT count(*) FROM few"), "200");
    // The last rows are too long, or there already, or divided by zero.
    for (sql, expected) in [
        ("UPDATE few SET a = md5(a) || repeat('x', id / 20)", "22001"),
        ("INSERT INTO few SELECT 400 - id, md5(a), n FROM few ORDER BY id", "23505"),
        ("UPDATE few SET n = 1 / (id - 200) + length(md5(a))", "22012"),
        ("INSERT INTO few (id, a) VALUES (201, md5('a')), (202, md5('b')), (1, md5('c'))", "23505"),
    ] {
        assert_eq!(state(&mut client, sql).as_deref(), Some(expected), "{sql}");
        assert_eq!(client.value("SELECT count(*) FROM few WHERE a = 'row ' || id AND n = id"), "200", "{sql}");
    }
    client.ok("BEGIN");
    client.ok("UPDATE few SET a = md5(a) WHERE id <= 100");
    assert_eq!(state(&mut client, "UPDATE few SET a = repeat(md5(a), 3)").as_deref(), Some("22001"));
    assert_eq!(state(&mut client, "SELECT 1").as_deref(), Some("25P02"));
    client.ok("ROLLBACK");
    assert_eq!(client.value("SELECT count(*) FROM few WHERE a = 'row ' || id"), "200");
}

#[test]
fn a_client_that_is_gone_leaves_nothing() {
    let server = Server::gateway(&["--iris-connections", "2"]);
    let mut client = Client::connect(server.address);
    client.ok("CREATE TABLE many (id integer PRIMARY KEY, a varchar(40))");
    client.ok("INSERT INTO many SELECT g, 'row ' || g FROM generate_series(1, 3000) g");
    for pause_ms in [20, 80, 200, 400] {
        let mut leaving = Client::connect(server.address);
        leaving.send(&message::query("UPDATE many SET a = md5(a)"));
        std::thread::sleep(stretched(Duration::from_millis(pause_ms)));
        let key = leaving.key.clone();
        drop(leaving);
        Client::open(server.address).send(&message::cancel(&key));
        // All of it or nothing; whoever comes next waits for its locks at the most.
        client.set_patience(stretched(Duration::from_secs(60)));
        assert_eq!(state(&mut client, "UPDATE many SET a = 'row ' || id WHERE id = 3000"), None);
        let changed = client.value("SELECT count(*) FROM many WHERE a <> 'row ' || id");
        assert!(matches!(changed.as_str(), "0" | "2999"), "{changed}");
        client.ok("UPDATE many SET a = 'row ' || id");
    }
}

/// Each row is stored in no time: what ends the statement has to come between two of them.
#[test]
fn it_ends_between_two_rows() {
    let server = Server::gateway(&["--iris-connections", "1"]);
    let mut client = Client::connect(server.address);
    client.set_patience(stretched(Duration::from_secs(60)));
    client.ok("CREATE TABLE many (id integer PRIMARY KEY, a text)");
    client.ok("INSERT INTO many SELECT g, 'row ' || g FROM generate_series(1, 20000) g");
    let unchanged = "SELECT count(*) FROM many WHERE a = 'row ' || id";
    let change = "UPDATE many SET a = md5(a)";
    client.ok("SET statement_timeout = '700ms'");
    let started = Instant::now();
    assert_eq!(state(&mut client, change).as_deref(), Some("57014"));
    assert!(started.elapsed() < stretched(Duration::from_secs(4)), "{:?}", started.elapsed());
    client.ok("RESET statement_timeout");
    assert_eq!(client.value(unchanged), "20000");
    client.send(&message::query(change));
    std::thread::sleep(Duration::from_millis(700));
    let cancelled = Instant::now();
    Client::open(server.address).send(&message::cancel(&client.key));
    let answer = client.until_ready();
    assert_eq!(answer.iter().find(|message| message.tag == b'E').and_then(Message::sqlstate).as_deref(), Some("57014"));
    assert!(cancelled.elapsed() < stretched(Duration::from_secs(3)), "{:?}", cancelled.elapsed());
    assert_eq!(client.value(unchanged), "20000");
}

/// Each takes what is next, as workers do that share a list of jobs: nobody gets what another has.
#[test]
fn rows_that_are_locked_are_nobody_elses() {
    const CLIENTS: usize = 8;
    const JOBS: usize = 40;
    for (wait, connections) in [("", "2"), ("", "8"), (" SKIP LOCKED", "8")] {
        let server = Server::gateway(&["--iris-connections", connections]);
        let mut first = Client::connect(server.address);
        first.ok("CREATE TABLE job (id integer PRIMARY KEY, state varchar(10), worker integer)");
        first.ok(&format!("INSERT INTO job (id, state) SELECT g, 'new' FROM generate_series(1, {JOBS}) g"));
        first.ok("CREATE TABLE counted (id integer PRIMARY KEY, n integer)");
        first.ok("INSERT INTO counted VALUES (1, 0)");
        let taken = side_by_side(&server, CLIENTS, move |number, client| {
            let mut taken = 0;
            loop {
                client.ok("BEGIN");
                let sql = format!("SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE{wait}");
                client.send(&message::query(&sql));
                let answer = client.until_ready();
                if let Some(error) = answer.iter().find(|message| message.tag == b'E') {
                    panic!("{}", error.line());
                }
                let Some(row) = answer.iter().find(|message| message.tag == b'D') else {
                    client.ok("COMMIT");
                    if wait.is_empty() || client.value("SELECT count(*) FROM job WHERE state = 'new'") == "0" {
                        return taken;
                    }
                    continue;
                };
                // Number of cells, length of the first, its text.
                let id = String::from_utf8(row.body[6..].to_vec()).unwrap();
                let sql = "SELECT n FROM counted WHERE id = 1 FOR UPDATE";
                let n: usize = client.value(sql).parse().unwrap();
                client.ok(&format!("UPDATE counted SET n = {} WHERE id = 1", n + 1));
                client.ok(&format!("UPDATE job SET state = 'done', worker = {number} WHERE id = {id}"));
                client.ok("COMMIT");
                taken += 1;
            }
        });
        let taken: usize = taken.into_iter().sum();
        assert_eq!(taken, JOBS, "{wait}");
        assert_eq!(first.value("SELECT n FROM counted"), JOBS.to_string(), "{wait}");
    }
}

#[test]
fn who_does_not_wait_is_told_or_skips() {
    let server = Server::gateway(&["--cores", "2"]);
    let mut one = Client::connect(server.address);
    let mut other = Client::connect(server.address);
    one.ok("CREATE TABLE held (id integer PRIMARY KEY, n integer)");
    one.ok("INSERT INTO held VALUES (1, 0), (2, 0), (3, 0)");
    one.ok("BEGIN");
    assert_eq!(one.value("SELECT id FROM held WHERE id = 2 FOR UPDATE"), "2");
    other.send(&message::query("SELECT id FROM public.HELD WHERE id = 2 FOR UPDATE NOWAIT"));
    let answer = other.until_ready();
    let error = answer.iter().find(|message| message.tag == b'E').unwrap();
    assert_eq!(error.sqlstate().as_deref(), Some("55P03"));
    assert_eq!(error.field(b'M').as_deref(), Some("could not obtain lock on row in relation \"held\""));
    let rows = |answer: Vec<String>| answer.into_iter().filter(|line| line.starts_with("Row")).collect::<Vec<_>>();
    assert_eq!(rows(other.query("SELECT id FROM held WHERE id = 2 FOR SHARE SKIP LOCKED")), Vec::<String>::new());
    one.ok("COMMIT");
    assert_eq!(other.value("SELECT id FROM held WHERE id = 2 FOR UPDATE NOWAIT"), "2");
    one.ok("BEGIN");
    assert_eq!(one.value("SELECT id FROM held WHERE id = 3 FOR UPDATE NOWAIT"), "3");
    one.ok("ROLLBACK");
    assert_eq!(other.value("SELECT id FROM held ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED"), "3");
}

/// The same in one statement each.
#[test]
fn jobs_are_taken_by_one_statement() {
    const CLIENTS: usize = 8;
    const JOBS: usize = 40;
    let server = Server::gateway(&["--iris-connections", "8"]);
    let mut first = Client::connect(server.address);
    first.ok("CREATE TABLE job (id integer PRIMARY KEY, state varchar(10))");
    first.ok("CREATE TABLE done (id integer PRIMARY KEY)");
    first.ok(&format!("INSERT INTO job (id, state) SELECT g, 'new' FROM generate_series(1, {JOBS}) g"));
    let take = "WITH next AS (SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED), \
                taken AS (UPDATE job SET state = 'done' FROM next WHERE job.id = next.id RETURNING job.id) \
                INSERT INTO done SELECT id FROM taken RETURNING id";
    side_by_side(&server, CLIENTS, move |_, client| {
        while client.value("SELECT count(*) FROM job WHERE state = 'new'") != "0" {
            assert_eq!(state(client, take), None);
        }
    });
    assert_eq!(first.value("SELECT count(*) FROM done"), JOBS.to_string());
    assert_eq!(first.value("SELECT count(*) FROM job WHERE state = 'done'"), JOBS.to_string());
}

/// The same, and each gives a row where it has counted: what is counted has a key, or none, or a rule.
const ALL_COUNTS: &[&str] = &[
    "UPDATE counted SET n = n + length(md5(n::text)) - 31 WHERE id = 1",
    "UPDATE counted SET n = counted.n + s.one FROM (SELECT length(md5('x')) / 32 AS one) s WHERE counted.id = 1 RETURNING n, s.one",
    "MERGE INTO counted USING (VALUES (1, 1)) v(id, one) ON v.id = counted.id WHEN MATCHED THEN UPDATE SET n = n + one RETURNING counted.n",
    "INSERT INTO counted (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = counted.n + length(md5(excluded.n::text)) / 32",
    "INSERT INTO counted (id, n) SELECT 1, length(md5(g::text)) / 32 FROM generate_series(1, 1) g \
     ON CONFLICT (id) DO UPDATE SET n = counted.n + excluded.n",
    "WITH up AS (UPDATE counted SET n = n + length(md5(n::text)) - 31 WHERE id = 1 RETURNING n) SELECT count(*) FROM up",
    "WITH mine AS (SELECT id, n FROM counted WHERE id = 1 FOR UPDATE) \
     UPDATE counted SET n = mine.n + 1 FROM mine WHERE counted.id = mine.id",
    "UPDATE counted SET n = n + 1 WHERE id = (SELECT id FROM counted WHERE id = 1 FOR UPDATE)",
    "UPDATE bare SET n = n + length(md5(n::text)) - 31 WHERE md5(k) = md5('one')",
    "UPDATE ruled SET n = n + 1 WHERE id = 1",
    "WITH next AS (SELECT id FROM job WHERE NOT done ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) \
     UPDATE job SET done = true FROM next WHERE job.id = next.id AND NOT job.done",
];

/// How many a statement has counted, or the SQLSTATE that it ends in.
fn counted(client: &mut Client, sql: &str) -> Result<usize, String> {
    client.send(&message::query(sql));
    let answer = client.until_ready();
    if let Some(error) = answer.iter().find(|message| message.tag == b'E') {
        return Err(error.sqlstate().unwrap_or_default());
    }
    // The count is the last word of the tag.
    let tag = answer.iter().find(|message| message.tag == b'C').map(|message| message.body.clone()).unwrap();
    let tag = String::from_utf8(tag).unwrap();
    Ok(tag.trim_end_matches('\0').rsplit(' ').next().unwrap().parse().unwrap())
}

/// Counts by reading a row that is locked, and writing it.
fn count_by_hand(client: &mut Client) -> Result<usize, String> {
    client.ok("BEGIN");
    client.send(&message::query("SELECT n FROM counted WHERE id = 1 FOR UPDATE"));
    let answer = client.until_ready();
    if let Some(error) = answer.iter().find(|message| message.tag == b'E') {
        client.ok("ROLLBACK");
        return Err(error.sqlstate().unwrap_or_default());
    }
    let row = answer.iter().find(|message| message.tag == b'D').unwrap();
    let n: usize = String::from_utf8(row.body[6..].to_vec()).unwrap().parse().unwrap();
    let changed = counted(client, &format!("UPDATE counted SET n = {} WHERE id = 1", n + 1));
    client.ok("COMMIT");
    changed
}

/// Many clients of two gateways count by every shape of a change that is taken apart.
#[test]
fn nothing_is_lost_through_two_gateways() {
    let (clients_count, rounds_count) = (crowd(16, 64), 12);
    let iris = free_address();
    let _superserver = Server::superserver(iris, &temporary_directory());
    let url = format!("iris://_SYSTEM:SYS@{iris}/USER");
    let gateway = || Server::gateway(&["--iris", &url, "--cores", "1", "--iris-connections", "6"]);
    let gateways = [gateway(), gateway()];
    let mut first = Client::connect(gateways[0].address);
    first.set_patience(stretched(Duration::from_secs(60)));
    first.ok("CREATE TABLE counted (id integer PRIMARY KEY, n bigint)");
    first.ok("INSERT INTO counted VALUES (1, 0), (2, 0)");
    first.ok("CREATE TABLE bare (k varchar(10), n bigint)");
    first.ok("INSERT INTO bare VALUES ('one', 0), ('two', 0)");
    first.ok("CREATE TABLE ruled (id integer PRIMARY KEY, n bigint CHECK (n >= 0), twice bigint GENERATED ALWAYS AS (n * 2) STORED)");
    first.ok("INSERT INTO ruled VALUES (1, 0), (2, 0)");
    first.ok("CREATE TABLE job (id integer PRIMARY KEY, done boolean)");
    let jobs_count = clients_count * rounds_count;
    first.ok(&format!("INSERT INTO job SELECT g, false FROM generate_series(1, {jobs_count}) g"));
    let mut second = Client::connect(gateways[1].address);
    let deadline = Deadline::after(Duration::from_secs(60));
    while state(&mut second, "SELECT done FROM job WHERE id = 0").is_some() {
        assert!(!deadline.is_over());
        std::thread::sleep(Duration::from_millis(50));
    }
    let threads: Vec<_> = (0..clients_count)
        .map(|number| {
            let address = gateways[number % 2].address;
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                client.set_patience(stretched(Duration::from_secs(120)));
                let mut counts = [0_usize; 4];
                for round in 0..rounds_count {
                    let shape = (number + round) % (ALL_COUNTS.len() + 1);
                    let mut retried = 0_u32;
                    let changed = loop {
                        let done = match ALL_COUNTS.get(shape) {
                            Some(sql) => counted(&mut client, sql),
                            None => count_by_hand(&mut client),
                        };
                        match done {
                            Ok(changed) => break changed,
                            Err(state) => {
                                assert!(matches!(state.as_str(), "40001" | "40P01" | "55P03"), "{shape}: {state}")
                            }
                        }
                        retried += 1;
                        assert!(retried < 500);
                    };
                    let which = match ALL_COUNTS.get(shape) {
                        Some(sql) if sql.contains("bare") => 1,
                        Some(sql) if sql.contains("ruled") => 2,
                        Some(sql) if sql.contains("job") => 3,
                        _ => 0,
                    };
                    // Of jobs that others have nothing may be left at the moment.
                    assert!(changed == 1 || which == 3, "{shape}: {changed}");
                    counts[which] += changed;
                }
                counts
            })
        })
        .collect();
    let mut totals = [0_usize; 4];
    for thread in threads {
        for (total, count) in totals.iter_mut().zip(thread.join().unwrap()) {
            *total += count;
        }
    }
    for client in [&mut first, &mut second] {
        let found = [
            "SELECT n FROM counted WHERE id = 1",
            "SELECT n FROM bare WHERE k = 'one'",
            "SELECT twice / 2 FROM ruled WHERE id = 1",
            "SELECT count(*) FROM job WHERE done",
        ];
        assert_eq!(found.map(|sql| client.value(sql)), totals.map(|total| total.to_string()));
        assert_eq!(client.value("SELECT sum(n) FROM counted WHERE id = 2"), "0");
    }
    assert!(totals.iter().all(|total| *total > 0), "{totals:?}");
}
