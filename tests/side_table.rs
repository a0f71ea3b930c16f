//! `catalog_side_table`: comments outlive a gateway and are seen by others.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::client::Client;
use common::process::Deadline;
use common::{Server, free_address, message, temporary_directory};

const KEY: &str = "--catalog-side-table";
const TABLE: &str = "pgwire.comments";

/// A gateway in front of a superserver.
fn gateway(iris: SocketAddr, more: &[&str]) -> Server {
    let url = format!("iris://_SYSTEM:SYS@{iris}/USER");
    let mut args = vec!["--iris", &url, "--cores", "1"];
    args.extend(more);
    Server::gateway(&args)
}

/// Longer than a busy machine needs, on which three gateways start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a query gives `expected`.
fn soon(client: &mut Client, sql: &str, expected: &str) {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let lines = client.query(sql);
        let row = format!("Row '{expected}'");
        if lines.contains(&row) {
            return;
        }
        assert!(!deadline.is_over(), "{sql}: {lines:?} instead of {expected}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many notices a statement gives, which succeeds.
fn notices(client: &mut Client, sql: &str) -> usize {
    client.send(&message::query(sql));
    let mut count = 0;
    loop {
        match client.receive() {
            message if message.tag == b'Z' => return count,
            message if message.tag == b'N' => count += 1,
            message => assert_ne!(message.tag, b'E', "{sql}: {}", message.line()),
        }
    }
}

/// All comments of user objects, as one value.
const COMMENTS: &str = "SELECT string_agg(concat(i.type, ' ', i.identity, '=', left(d.description, 20), length(d.description)), ', ' \
    ORDER BY i.type, i.identity) FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) i \
    WHERE i.schema IN ('public', 'sales') OR i.identity = 'sales'";

#[test]
fn comments_outlive_a_gateway_and_are_seen_by_others() {
    let data = temporary_directory();
    let iris = Server::superserver(free_address(), &data);
    let plain = gateway(iris.address, &[]);
    let mut rows = Client::connect(plain.address);
    let server = gateway(iris.address, &[KEY, TABLE]);
    let mut client = Client::connect(server.address);
    for sql in [
        "CREATE TABLE kept (id integer PRIMARY KEY, old_name text, CONSTRAINT kept_u UNIQUE (old_name))",
        "CREATE TABLE \"Other\" (id integer)",
        "CREATE TABLE gone (id integer)",
        "CREATE INDEX kept_i ON kept (id, old_name)",
        "CREATE VIEW kept_v AS SELECT id FROM kept",
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.t (id integer)",
    ] {
        client.ok(sql);
    }
    let long = "long 'x' \u{fc}\u{1f600} ".repeat(2000);
    for sql in [
        "COMMENT ON TABLE kept IS 'first'",
        "COMMENT ON TABLE kept IS 'the table'",
        "COMMENT ON TABLE kept IS 'first'",
        "COMMENT ON TABLE \"Other\" IS 'another one'",
        "COMMENT ON TABLE gone IS 'goes'",
        "COMMENT ON COLUMN kept.old_name IS 'moves'",
        "COMMENT ON VIEW kept_v IS 'a view'",
        "COMMENT ON COLUMN kept_v.id IS 'of a view'",
        "COMMENT ON INDEX kept_i IS 'an index'",
        "COMMENT ON CONSTRAINT kept_u ON kept IS 'a constraint'",
        "COMMENT ON SCHEMA sales IS 'a schema'",
        &format!("COMMENT ON TABLE sales.t IS '{}'", long.replace('\'', "''")),
        "COMMENT ON COLUMN sales.t.id IS 'taken away'",
    ] {
        assert_eq!(notices(&mut client, sql), 0, "{sql}");
    }
    assert_eq!(notices(&mut client, "COMMENT ON DATABASE \"USER\" IS 'not kept'"), 1);
    soon(&mut rows, "SELECT count(*) FROM pgwire.comments WHERE object_name = 'TABLE \"public\".\"gone\"'", "1");
    client.ok("DROP TABLE gone");
    client.ok("ALTER TABLE kept RENAME COLUMN old_name TO new_name");
    client.ok("COMMENT ON COLUMN sales.t.id IS NULL");
    // Nine comments, one of which takes four rows.
    soon(&mut rows, "SELECT count(*) FROM pgwire.comments", "12");
    soon(&mut rows, "SELECT count(DISTINCT object_name) FROM pgwire.comments", "9");
    soon(&mut rows, "SELECT count(*) FROM pgwire.comments WHERE object_name LIKE '%new_name%'", "1");

    // The table is out of sight.
    assert_eq!(client.value("SELECT count(*) FROM pg_class WHERE relname = 'comments'"), "0");
    for (sql, code) in [("SELECT * FROM pgwire.comments", "42P01"), ("DROP TABLE pgwire.comments", "42501")] {
        client.send(&message::query(sql));
        let state =
            client.until_ready().iter().find(|message| message.tag == b'E').and_then(message::Message::sqlstate);
        assert_eq!(state.as_deref(), Some(code), "{sql}");
    }
    let expected = client.value(COMMENTS);
    assert!(expected.contains("table column public.kept.new_name=moves5") && !expected.contains("gone"), "{expected}");
    assert!(expected.contains("table public.kept=first5"), "{expected}");
    drop(client);
    drop(server);

    // The next gateway, and one beside it.
    let options = [KEY, TABLE, "--catalog-refresh-interval-ms", "200"];
    let servers = [gateway(iris.address, &options), gateway(iris.address, &options)];
    let [mut one, mut other] = servers.each_ref().map(|server| Client::connect(server.address));
    assert_eq!(one.value(COMMENTS), expected);
    assert_eq!(other.value(COMMENTS), expected);
    assert_eq!(one.value("SELECT obj_description('sales.t'::regclass)"), long);
    assert_eq!(one.value("SELECT count(*) FROM pg_class WHERE relname = 'comments'"), "0");
    assert_eq!(one.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'pgwire'"), "0");
    one.ok("COMMENT ON TABLE kept IS 'by another'");
    one.ok("COMMENT ON COLUMN kept.new_name IS NULL");
    soon(&mut other, "SELECT obj_description('kept'::regclass)", "by another");
    soon(&mut other, "SELECT col_description('kept'::regclass, 2) IS NULL", "t");
    // A table changed in IRIS by somebody else is made anew in the mirror, with its comments.
    rows.ok("ALTER TABLE kept ADD COLUMN later integer");
    soon(&mut one, "SELECT count(*) FROM pg_attribute WHERE attname = 'later'", "1");
    soon(&mut one, "SELECT obj_description('kept'::regclass)", "by another");
    soon(&mut one, "SELECT obj_description('kept_i'::regclass)", "an index");
    soon(&mut rows, "SELECT count(*) FROM pgwire.comments", "11");
    // Dropped there, its comments go as well.
    rows.ok("DROP TABLE \"Other\"");
    soon(&mut rows, "SELECT count(*) FROM pgwire.comments WHERE object_name LIKE '%\"Other\"%'", "0");
    // Whoever drops the table itself takes no comments away.
    rows.ok("DROP TABLE pgwire.comments");
    drop(rows);
    drop(plain);
    one.ok("COMMENT ON TABLE kept IS 'after all'");
    let plain = gateway(iris.address, &[]);
    let mut rows = Client::connect(plain.address);
    soon(&mut rows, "SELECT count(*) FROM pgwire.comments", "10");
    soon(&mut other, "SELECT obj_description('kept'::regclass)", "after all");
    soon(&mut other, "SELECT obj_description('kept_i'::regclass)", "an index");
    drop(servers);
    drop(iris);
    let _ = std::fs::remove_dir_all(data);
}

/// What was taken from the table is in no history of the gateway: a mirror that begins anew takes it again.
#[test]
fn a_mirror_made_anew_has_the_comments_of_the_table() {
    const KEPT: &str = "SELECT concat(obj_description('kept'::regclass), ', ', col_description('kept'::regclass, 1))";
    let data = temporary_directory();
    let iris = Server::superserver(free_address(), &data);
    let first = gateway(iris.address, &[KEY, TABLE]);
    let mut client = Client::connect(first.address);
    client.ok("CREATE TABLE kept (id integer)");
    client.ok("COMMENT ON TABLE kept IS 'from the table'");
    client.ok("COMMENT ON COLUMN kept.id IS 'old'");
    let plain = gateway(iris.address, &[]);
    soon(&mut Client::connect(plain.address), "SELECT count(*) FROM pgwire.comments", "2");
    let server = gateway(iris.address, &[KEY, TABLE]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.value(KEPT), "from the table, old");
    client.ok("COMMENT ON COLUMN kept.id IS 'new'");
    soon(&mut Client::connect(plain.address), "SELECT count(*) FROM pgwire.comments WHERE comment_text = 'new'", "1");
    // After the third that dies so young the next one begins with nothing.
    let mut dead = 0;
    for _ in 0..4 {
        let deadline = Deadline::after(Duration::from_secs(20));
        let (pid, _) = loop {
            match server.oracle() {
                Some((pid, folder)) if pid != dead => break (pid, folder),
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
            assert!(!deadline.is_over(), "{}", server.stderr());
        };
        assert!(std::process::Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap().success());
        dead = pid;
    }
    soon(&mut client, KEPT, "from the table, new");
    server.until_said(|log| log.matches("is_reopened=false").count() > 1);
    soon(&mut Client::connect(plain.address), "SELECT count(*) FROM pgwire.comments", "2");
    drop(server);
    drop(iris);
    let _ = std::fs::remove_dir_all(data);
}

#[test]
fn nothing_is_made_without_the_key() {
    let data = temporary_directory();
    let iris = Server::superserver(free_address(), &data);
    let server = gateway(iris.address, &[]);
    let mut client = Client::connect(server.address);
    client.ok("CREATE TABLE kept (id integer)");
    assert_eq!(notices(&mut client, "COMMENT ON TABLE kept IS 'for now'"), 1);
    assert_eq!(client.value("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"), "1");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'";
    assert_eq!(client.value(schemas), "1");
    drop(server);
    drop(iris);
    let _ = std::fs::remove_dir_all(data);
}

#[test]
fn a_table_that_iris_refuses_is_told() {
    let data = temporary_directory();
    let iris = Server::superserver(free_address(), &data);
    let plain = gateway(iris.address, &[]);
    Client::connect(plain.address).ok("CREATE TABLE pgwire.comments (something integer)");
    let server = gateway(iris.address, &[KEY, TABLE, "--catalog-refresh-interval-ms", "100"]);
    let mut client = Client::connect(server.address);
    client.ok("CREATE TABLE kept (id integer)");
    assert_eq!(notices(&mut client, "COMMENT ON TABLE kept IS 'for now'"), 1);
    assert_eq!(client.value("SELECT obj_description('kept'::regclass)"), "for now");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(server.stderr().matches("comments are not kept").count(), 1);
    // Whoever makes room for it need not restart the gateway.
    Client::connect(plain.address).ok("DROP TABLE pgwire.comments");
    let deadline = Deadline::after(PATIENCE);
    while notices(&mut client, "COMMENT ON TABLE kept IS 'for good'") > 0 {
        assert!(!deadline.is_over(), "{}", server.stderr());
        std::thread::sleep(Duration::from_millis(50));
    }
    let another = gateway(iris.address, &[]);
    soon(&mut Client::connect(another.address), "SELECT count(*) FROM pgwire.comments", "1");
    drop(server);
    drop(iris);
    let _ = std::fs::remove_dir_all(data);
}
