//! Temporary tables and views where several sessions, few IRIS connections, several gateways and the ends of all of them meet.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::client::Client;
use common::process::{Deadline, stretched};
use common::{Random, Server, crowd, free_address, message, temporary_directory};

/// A gateway in front of a superserver.
fn gateway(iris: SocketAddr) -> Server {
    let url = format!("iris://_SYSTEM:SYS@{iris}/USER");
    Server::gateway(&["--iris", &url, "--cores", "1"])
}

/// Longer than a busy machine needs, on which several gateways start.
const PATIENCE: Duration = Duration::from_secs(60);

/// What IRIS has of any gateway's temporary tables, leases included; in IRIS's own words, which go there as they are.
const LEFT: &str = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA %STARTSWITH 'pg_tmp_g'";

fn rows(client: &mut Client, sql: &str) -> Vec<String> {
    let mut rows: Vec<String> = client.ok(sql).into_iter().filter(|line| line.starts_with("Row ")).collect();
    rows.sort();
    rows
}

/// Waits until IRIS has these tables and no more of the kind.
fn until_left(client: &mut Client, expected: &[&str]) {
    let mut expected: Vec<String> = expected.iter().map(|name| format!("Row '{name}'")).collect();
    expected.sort();
    let deadline = Deadline::after(PATIENCE);
    loop {
        let left = rows(client, LEFT);
        if left == expected {
            return;
        }
        assert!(!deadline.is_over(), "left in IRIS: {left:?} instead of {expected:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// One client's life: what it finds in its tables is what it has put there, and at its end it may be killed.
fn live(address: SocketAddr, seed: u64) {
    let mut random = Random::new(seed);
    let mut client = Client::connect(address);
    client.ok("CREATE TEMP TABLE shared (id serial PRIMARY KEY, owner bigint)");
    client.ok("CREATE TEMP TABLE passing (id integer) ON COMMIT DELETE ROWS");
    client.ok("CREATE VIEW own AS SELECT owner FROM shared");
    client.ok("CREATE TEMP VIEW labels AS SELECT s.id, p.label FROM shared s JOIN public.shared p ON p.id = s.id");
    let mut count = 0;
    for _ in 0..6 {
        let commits = random.below(3) > 0;
        let adds = random.below(4);
        client.ok("BEGIN");
        for n in 0..adds {
            client.ok(&format!("INSERT INTO shared (owner) VALUES ({seed})"));
            client.ok(&format!("INSERT INTO passing VALUES ({n})"));
        }
        client.ok("CREATE TEMP TABLE short (id integer) ON COMMIT DROP");
        client.ok("INSERT INTO short SELECT id FROM shared");
        assert_eq!(client.value("SELECT count(*) FROM short"), (count + adds).to_string());
        assert_eq!(client.value("SELECT count(*) FROM passing"), adds.to_string());
        client.ok(if commits { "COMMIT" } else { "ROLLBACK" });
        if commits {
            count += adds;
        }
        assert_eq!(client.value("SELECT count(*) FROM shared"), count.to_string());
        assert_eq!(client.value(&format!("SELECT count(*) FROM own WHERE owner <> {seed}")), "0");
        assert_eq!(client.value("SELECT count(*) FROM own"), count.to_string());
        assert_eq!(client.value("SELECT count(*) = (SELECT count(*) FROM shared WHERE id < 3) FROM labels"), "t");
        assert_eq!(client.value("SELECT count(*) FROM passing"), "0");
        // The tables of all are there, too, and these PostgreSQL finishes.
        let joined = "SELECT count(DISTINCT md5(p.label)) FROM public.shared p LEFT JOIN shared s ON s.id = p.id";
        assert_eq!(client.value(joined), "2");
    }
    match random.below(3) {
        0 => client.send(&message::terminate()),
        // In the middle of something.
        1 => client.send(&message::query("CREATE TEMP TABLE late AS SELECT id FROM shared")),
        _ => {
            client.ok("BEGIN");
            client.ok("INSERT INTO shared (owner) VALUES (0)");
        }
    }
}

#[test]
fn sessions_on_few_connections_see_only_their_own_and_leave_nothing() {
    let server = Server::gateway(&["--iris-connections", "8", "--cores", "2"]);
    let mut client = Client::connect(server.address);
    client.ok("CREATE TABLE shared (id integer PRIMARY KEY, label text)");
    client.ok("INSERT INTO shared VALUES (1, 'of all'), (2, 'too')");
    std::thread::scope(|scope| {
        for seed in 1..=u64::try_from(crowd(16, 128)).unwrap() {
            let address = server.address;
            scope.spawn(move || live(address, seed));
        }
    });
    until_left(&mut client, &[]);
    assert_eq!(client.value("SELECT count(*) FROM shared"), "2");
    assert_eq!(client.value("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^pg_tmp_'"), "0");
}

#[test]
fn others_do_not_see_them_in_their_catalogs() {
    let server = Server::gateway(&["--cores", "1"]);
    let (mut one, mut other) = (Client::connect(server.address), Client::connect(server.address));
    one.ok("CREATE TEMP TABLE mine (id integer PRIMARY KEY)");
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'mine'";
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'mine'";
    let visible = "SELECT count(*) FROM pg_class WHERE relname = 'mine' AND pg_table_is_visible(oid)";
    for sql in [tables, columns, visible] {
        assert_eq!((one.value(sql), other.value(sql)), ("1".to_owned(), "0".to_owned()), "{sql}");
    }
    assert_eq!(other.query("SELECT * FROM mine").iter().filter(|line| line.contains("42P01")).count(), 1);
    assert_eq!(other.query("SELECT * FROM pg_temp.mine").iter().filter(|line| line.contains("42P01")).count(), 1);
    // Nor by its real name.
    let schema =
        one.value("SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'mine'");
    let by_name = other.query(&format!("SELECT * FROM {schema}.mine"));
    assert!(by_name.iter().any(|line| line.contains("42P01")), "{by_name:?}");
    other.ok("CREATE TEMP TABLE mine (other text)");
    other.ok("INSERT INTO mine VALUES ('x')");
    assert_eq!(
        (one.value("SELECT count(*) FROM mine"), other.value("SELECT count(*) FROM mine")),
        ("0".to_owned(), "1".to_owned())
    );
}

#[test]
fn a_pipeline_makes_and_uses_one() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    let statement =
        |sql: &str| [message::parse("", sql, &[]), message::bind_text("", "", &[]), message::execute("", 0)].concat();
    for commits in [false, true] {
        let end = if commits { "SELECT 1" } else { "SELECT 1/0" };
        let pipeline = [
            statement("CREATE TEMP TABLE piped (id integer)"),
            statement("INSERT INTO piped VALUES (1), (2)"),
            statement("SELECT sum(id) FROM piped"),
            statement(end),
            message::sync(),
        ];
        client.send(&pipeline.concat());
        let lines = client.lines(1);
        assert!(lines.contains(&"Row '3'".to_owned()), "{lines:?}");
        // What an error takes back is gone.
        let found = client.query("SELECT count(*) FROM piped");
        assert_eq!(found.contains(&"Row '2'".to_owned()), commits, "{found:?}");
    }
}

#[test]
fn what_a_killed_gateway_leaves_the_next_one_drops_and_nothing_of_those_that_live() {
    let iris = Server::superserver(free_address(), &temporary_directory());
    let (killed, living, stopped) = (gateway(iris.address), gateway(iris.address), gateway(iris.address));
    let mut clients = [&killed, &living, &stopped].map(|server| Client::connect(server.address));
    for (client, name) in clients.iter_mut().zip(["killed", "living", "stopped"]) {
        client.ok(&format!("CREATE TEMP TABLE {name} (id integer PRIMARY KEY)"));
        client.ok(&format!("CREATE TEMP TABLE {name}_child (id integer REFERENCES {name})"));
        client.ok(&format!("INSERT INTO {name} VALUES (1)"));
        client.ok(&format!("CREATE VIEW {name}_view AS SELECT id + 1 AS next FROM {name}"));
    }
    stopped.signal("STOP");
    killed.signal("KILL");
    let next = gateway(iris.address);
    let mut client = Client::connect(next.address);
    until_left(
        &mut client,
        &["lease", "lease", "living", "living_child", "living_view", "stopped", "stopped_child", "stopped_view"],
    );
    stopped.signal("CONT");
    for (client, name) in clients.iter_mut().zip(["killed", "living", "stopped"]).skip(1) {
        assert_eq!(client.value(&format!("SELECT count(*) FROM {name}")), "1");
        assert_eq!(client.value(&format!("SELECT next FROM {name}_view")), "2");
    }
    // One that ends takes its own along.
    stopped.signal("TERM");
    until_left(&mut client, &["lease", "living", "living_child", "living_view"]);
    drop(clients);
    until_left(&mut client, &[]);
}

/// What a statement says, or that there is nobody any more who would.
fn said(client: &mut Client, sql: &str) -> std::io::Result<Vec<String>> {
    client.try_send(&message::query(sql))?;
    let mut lines = Vec::new();
    loop {
        let message = client.try_receive()?;
        if message.tag == b'Z' {
            return Ok(lines);
        }
        lines.push(message.line());
    }
}

/// A client that goes on until its gateway is gone, or so many times: whatever it sees in its table is its own.
fn live_until_killed(address: SocketAddr, seed: u64, rounds_max: usize) -> std::io::Result<usize> {
    let mut client = Client::connect(address);
    said(&mut client, "CREATE TEMP TABLE same (id serial PRIMARY KEY, owner bigint)")?;
    let mut rounds_count = 0;
    while rounds_count < rounds_max {
        said(&mut client, &format!("INSERT INTO same (owner) VALUES ({seed}), ({seed})"))?;
        let others = said(&mut client, &format!("SELECT count(*) FROM same WHERE owner <> {seed}"))?;
        assert!(others.contains(&"Row '0'".to_owned()), "{others:?}");
        let own = said(&mut client, "SELECT count(*) FROM same")?;
        rounds_count += 1;
        assert!(own.contains(&format!("Row '{}'", 2 * rounds_count)), "{own:?}");
    }
    Ok(rounds_count)
}

#[test]
fn gateways_that_are_killed_among_many_sessions_leave_nothing_and_show_nothing() {
    let iris = Server::superserver(free_address(), &temporary_directory());
    let (killed, living) = (gateway(iris.address), gateway(iris.address));
    let sessions_count = u64::try_from(crowd(8, 64)).unwrap();
    std::thread::scope(|scope| {
        let address = killed.address;
        let dying: Vec<_> =
            (0..sessions_count).map(|n| scope.spawn(move || live_until_killed(address, n + 1, usize::MAX))).collect();
        let address = living.address;
        let staying: Vec<_> =
            (0..sessions_count).map(|n| scope.spawn(move || live_until_killed(address, 1_000 + n, 30))).collect();
        std::thread::sleep(stretched(Duration::from_secs(2)));
        killed.signal("KILL");
        for session in dying {
            assert!(session.join().unwrap().is_err());
        }
        for session in staying {
            assert_eq!(session.join().unwrap().unwrap(), 30);
        }
    });
    let next = gateway(iris.address);
    let mut client = Client::connect(next.address);
    until_left(&mut client, &[]);
    assert_eq!(client.query("SELECT * FROM same").iter().filter(|line| line.contains("42P01")).count(), 1);
}

#[test]
fn the_catalogs_know_them_when_their_postgresql_has_died() {
    let server = Server::gateway(&["--cores", "1"]);
    let (mut client, mut other) = (Client::connect(server.address), Client::connect(server.address));
    client.ok("CREATE TEMP TABLE kept (id integer PRIMARY KEY, label text)");
    client.ok("INSERT INTO kept VALUES (1, 'x')");
    client.ok("CREATE TEMP VIEW seen AS SELECT id FROM kept");
    client.ok("CREATE OR REPLACE TEMP VIEW seen AS SELECT id, label FROM kept");
    client.ok("CREATE TEMP VIEW gone AS SELECT id FROM seen");
    client.ok("DROP VIEW gone");
    other.ok("CREATE TEMP TABLE kept (other integer)");
    drop(other);
    let (pid, _) = server.oracle().unwrap();
    let status = std::process::Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(client.value("SELECT md5(label) FROM kept"), "9dd4e461268c8034f5c8564e155c67a6");
    assert_eq!(client.value("SELECT count(*) FROM pg_class WHERE relname = 'kept' AND pg_table_is_visible(oid)"), "1");
    assert_eq!(client.value("SELECT md5(label) FROM seen"), "9dd4e461268c8034f5c8564e155c67a6");
    assert_eq!(client.value("SELECT pg_get_viewdef('seen'::regclass) LIKE '%label%FROM kept;'"), "t");
    let of_class =
        "SELECT relname || relkind::text || relpersistence::text FROM pg_class WHERE relname IN ('seen', 'gone')";
    assert_eq!(client.value(of_class), "seenvt");
    client.ok("ALTER TABLE kept ADD COLUMN n integer");
    assert_eq!(client.value("SELECT count(n) FROM kept WHERE md5(label) <> ''"), "0");
}

#[test]
fn a_view_is_what_the_tables_beneath_are_and_goes_with_them() {
    let server = Server::gateway(&["--cores", "2", "--ddl-in-transaction", "undo"]);
    let (mut one, mut other) = (Client::connect(server.address), Client::connect(server.address));
    one.ok("CREATE TABLE of_all (id integer PRIMARY KEY)");
    one.ok("INSERT INTO of_all VALUES (1), (2)");
    one.ok("CREATE TEMP VIEW mine AS SELECT id FROM of_all");
    assert_eq!(other.query("SELECT * FROM mine").iter().filter(|line| line.contains("42P01")).count(), 1);
    // Nobody drops what it reads, unless its reader is to go, too.
    assert_eq!(other.query("DROP TABLE of_all").iter().filter(|line| line.contains("2BP01")).count(), 1);
    other.ok("DROP TABLE of_all CASCADE");
    assert_eq!(one.query("SELECT * FROM mine").iter().filter(|line| line.contains("42P01")).count(), 1);
    one.ok("CREATE TEMP VIEW mine AS SELECT 3 AS id");
    assert_eq!(one.value("SELECT id FROM mine"), "3");
    // A transaction that was not to be.
    one.ok("BEGIN");
    one.ok("CREATE OR REPLACE TEMP VIEW mine AS SELECT 4 AS id");
    one.ok("SAVEPOINT s");
    one.ok("DROP VIEW mine");
    one.ok("ROLLBACK TO s");
    assert_eq!(one.value("SELECT id FROM mine"), "4");
    one.ok("ROLLBACK");
    assert_eq!(one.value("SELECT id FROM mine"), "3");
}
