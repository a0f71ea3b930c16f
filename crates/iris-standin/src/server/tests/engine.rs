//! The SQLite engine behind the protocol: what only the two together show.

use std::sync::Arc;

use super::*;
use crate::engine;

fn start_engine(options: SuperserverOptions) -> SuperserverHandle {
    let engine: Arc<engine::Engine> = engine::Engine::open(engine::EngineOptions::default()).unwrap();
    Superserver::bind(options, engine).unwrap().spawn().unwrap()
}

fn update(client: &mut Client, id: u32, text: &str) -> Reply {
    client.ask(Opcode::DIRECT_UPDATE, id, |out| {
        put_statement(out, text, 0);
        put_sets(out, "", &[&[]]);
    })
}

fn done(client: &mut Client, id: u32, text: &str) {
    let reply = update(client, id, text);
    assert_eq!(reply.status, 0, "{text}: {}", client.error_text(reply.status));
}

/// `I` and `T` of 500 rows.
fn table(client: &mut Client) {
    done(client, 90, "CREATE TABLE big (i INTEGER PRIMARY KEY, t VARCHAR(20))");
    assert_eq!(client.prepare(91, "INSERT INTO big VALUES (:%qpar(1), :%qpar(2))", 2).status, 0);
    let sets: Vec<[i64; 2]> = (1..=500).map(|n| [n, n]).collect();
    let sets: Vec<&[i64]> = sets.iter().map(|set| &set[..]).collect();
    assert_eq!(client.ask(Opcode::EXECUTE_UPDATE, 91, |out| put_sets(out, "", &sets)).ints(), vec![1; 500]);
}

#[test]
fn pages_of_a_table_while_it_changes() {
    let server = start_engine(small_pages());
    let mut client = Client::login(&server);
    table(&mut client);
    let first = client.query(1, "SELECT i, t FROM big ORDER BY i");
    assert_eq!(first.status, 0);
    // The rest is read before the rows go.
    done(&mut client, 2, "DELETE FROM big WHERE i > 10");
    let (numbers, _) = client.rest(1, first);
    assert_eq!(numbers, (1..=500).collect::<Vec<_>>());
    assert_eq!(client.query(3, "SELECT COUNT(*), 'x' FROM big").numbers(), [10]);
}

#[test]
fn a_prepared_statement_outlives_changes_of_its_table() {
    let server = start_engine(options());
    let mut client = Client::login(&server);
    table(&mut client);
    assert_eq!(client.query(1, "SELECT i, t FROM big WHERE i < 4").numbers(), [1, 2, 3]);
    let run = |client: &mut Client| client.ask(Opcode::EXECUTE_QUERY, 1, |out| out.extend_from_slice(NO_VALUES));
    done(&mut client, 2, "ALTER TABLE big ADD COLUMN n INTEGER");
    assert_eq!(run(&mut client).numbers(), [1, 2, 3]);
    done(&mut client, 2, "DROP TABLE big");
    assert_eq!(run(&mut client).status, 30);
    assert!(client.error_text(30).starts_with("[SQLCODE: <-30>:<Table or view not found>]\r\n[Location: <Prepare>]"));
}

#[test]
fn work_that_is_not_committed_ends_with_the_connection() {
    let server = start_engine(options());
    let mut client = Client::login(&server);
    table(&mut client);
    let mut other = Client::login(&server);
    other.send(Opcode::AUTOCOMMIT_OFF, 0, |_| {});
    done(&mut other, 1, "DELETE FROM big");
    drop(other);
    eventually("the other left", || server.connections_count() == 1);
    assert_eq!(client.query(1, "SELECT COUNT(*), 'x' FROM big").numbers(), [500]);
    client.send(Opcode::AUTOCOMMIT_OFF, 0, |_| {});
    done(&mut client, 2, "DELETE FROM big WHERE i > 400");
    client.send(Opcode::AUTOCOMMIT_ON, 0, |_| {});
    assert_eq!(client.ask(Opcode::ROLLBACK, 0, |_| {}).status, 0);
    assert_eq!(client.query(1, "SELECT COUNT(*), 'x' FROM big").numbers(), [400], "AN commits");
}

#[test]
fn a_long_query_is_cancelled_and_stopped_by_shutdown() {
    let server = start_engine(options());
    let mut busy = Client::login(&server);
    table(&mut busy);
    let slow = "SELECT SUM(a.i * b.i * c.i), 'x' FROM big a, big b, big c, big d";
    assert_eq!(busy.prepare(1, slow, 0).status, 0);
    let other = Client::login(&server);
    busy.send(Opcode::EXECUTE_QUERY, 1, |out| out.extend_from_slice(NO_VALUES));
    let text = format!("CANCEL QUERY {}", busy.job);
    eventually("it runs and is cancelled", || {
        let socket = other.socket.try_clone().unwrap();
        let mut copy = Client { socket, count: 1001, job: 0 };
        update(&mut copy, 1, &text).status == 0
    });
    assert_eq!(busy.receive().status, 456);
    busy.send(Opcode::EXECUTE_QUERY, 1, |out| out.extend_from_slice(NO_VALUES));
    let began = Instant::now();
    server.shutdown().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn common_table_expressions_need_a_newer_client() {
    let server = start_engine(options());
    let text = "WITH n AS (SELECT 1 x) SELECT x FROM n";
    assert_eq!(Client::login(&server).query(1, text).ints(), [1]);
    let mut old = Client::login_with(&server, 66, "_SYSTEM", "SYS", 32);
    assert_eq!(old.prepare(1, text, 0).status, 385);
    assert!(old.error_text(385).contains("only supported by newer versions of the xDBC driver"));
    assert_eq!(old.query(2, "SELECT x FROM (SELECT 1 x) n").ints(), [1]);
    let mut oldest_known = Client::login_with(&server, 67, "_SYSTEM", "SYS", 32);
    assert_eq!(oldest_known.query(1, text).ints(), [1]);
}
