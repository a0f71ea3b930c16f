//! Login, statements, cancelling, row ids, shutdown.

use super::*;

#[test]
fn cancel_by_text_and_by_message() {
    let (server, _) = start(options());
    let mut busy = Client::login(&server);
    let mut other = Client::login(&server);
    let mut stranger = Client::login_as(&server, "other", "secret", 0);
    assert_ne!(busy.job, other.job);
    for way in 0..3 {
        assert_eq!(busy.prepare(1, "SELECT SLEEP", 0).status, 0);
        busy.send(Opcode::EXECUTE_QUERY, 1, |out| out.extend_from_slice(NO_VALUES));
        let job = busy.job;
        let put = |out: &mut Vec<u8>| {
            put_int(out, job);
            put_int(out, 0);
        };
        let refused = stranger.ask(Opcode::INTERRUPT, 0, put);
        assert_eq!(refused.status, 454);
        let text = if way == 0 { format!("CANCEL QUERY {job}") } else { "CANCEL QUERY :%qpar(1)".to_owned() };
        assert_eq!(other.prepare(1, &text, way.min(1)).status, 0);
        // Until the busy thread runs it there is nothing to cancel.
        let deadline = Instant::now() + WAIT;
        loop {
            let done = match way {
                0 => other.ask(Opcode::EXECUTE_UPDATE, 1, |out| put_sets(out, "", &[&[]])).status == 0,
                1 => other.ask(Opcode::EXECUTE_UPDATE, 1, |out| put_sets(out, "", &[&[job]])).status == 0,
                _ => other.ask(Opcode::INTERRUPT, 0, put).status == 0,
            };
            busy.socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let mut peeked = [0];
            if done && busy.socket.peek(&mut peeked).is_ok() {
                break;
            }
            assert!(Instant::now() < deadline);
        }
        busy.socket.set_read_timeout(Some(WAIT)).unwrap();
        assert_eq!(busy.receive().status, 456);
        assert!(busy.error_text(456).contains("<SQL query execution interrupted by user>"));
        assert_eq!(busy.query(2, "SELECT ROWS 3").numbers().len(), 3, "the next statement is not hit");
    }
    assert_eq!(other.prepare(9, &format!("CANCEL QUERY {}", busy.job), 0).status, 0);
    let idle = other.ask(Opcode::EXECUTE_UPDATE, 9, |out| put_sets(out, "", &[&[]]));
    assert_eq!(idle.status, 400);
    assert!(other.error_text(400).contains("runs no query"));
    assert_eq!(other.ask(Opcode::INTERRUPT, 0, |out| out.extend_from_slice(&[3, 4, 99, 2, 4])).status, 454);
}

#[test]
fn query_timeout() {
    let (server, _) = start(options());
    let mut client = Client::login(&server);
    assert_eq!(client.prepare(1, "SELECT SLEEP", 0).status, 0);
    let reply = client.ask(Opcode::EXECUTE_QUERY, 1, |out| out.extend_from_slice(&[3, 4, 1, 2, 4, 3, 4, 1, 2, 4]));
    assert_eq!(reply.status, 450);
}

#[test]
fn shutdown_stops_statements_and_connections() {
    let (server, engine) = start(options());
    let address = server.local_addr();
    let mut idle = Client::login(&server);
    let mut busy = Client::login(&server);
    assert_eq!(busy.prepare(1, "SELECT SLEEP", 0).status, 0);
    busy.send(Opcode::EXECUTE_QUERY, 1, |out| out.extend_from_slice(NO_VALUES));
    let _silent = Client::open(&server);
    eventually("three connections", || server.connections_count() == 3);
    server.shutdown().unwrap();
    assert_eq!(engine.0.dropped.load(Ordering::SeqCst), 2, "every backend is dropped when shutdown returns");
    assert!(idle.try_receive().is_none());
    assert!(TcpStream::connect(address).is_err(), "the port is free");
}

#[test]
fn messages_without_reply() {
    let (server, engine) = start(options());
    let mut client = Client::login(&server);
    for opcode in [Opcode::AUTOCOMMIT_OFF, Opcode::AUTOCOMMIT_ON, Opcode::CLOSE_RESULT, Opcode::FORGET_STATEMENTS] {
        client.send(opcode, 1, |_| {});
    }
    client.send(Opcode::STREAMS_CLOSE, 1, |out| put_int(out, 0));
    assert_eq!(client.ask(Opcode::COMMIT, 0, |_| {}).status, 0, "the next reply is the next request's");
    assert_eq!(engine.0.commits.load(Ordering::SeqCst), 1);
    assert_eq!(client.ask(Opcode::ROLLBACK, 0, |_| {}).status, 400);
    assert!(client.error_text(400).contains("no rollback today"));
    assert_eq!(client.ask(Opcode::ISOLATION_LEVEL, 0, |out| put_int(out, 2)).ints(), [2]);
    assert_eq!(client.ask(Opcode::ISOLATION_LEVEL, 0, |out| put_int(out, 0)).ints(), [2]);
    assert_eq!(client.ask(Opcode::SCHEMA, 0, |_| {}).text(), "SQLUser");
    let version = client.ask(Opcode([b'K', 0xc2]), 0, |out| {
        put_string(out, "%SYSTEM.Version");
        put_string(out, "GetNumber");
        put_int(out, 0);
    });
    assert_eq!((version.status, version.text().as_str()), (0xca00, "2025.1.0.1.0"));
    assert_eq!(client.ask(Opcode(*b"ZZ"), 0, |_| {}).status, 409);
    client.send(Opcode::DISCONNECT, 0, |_| {});
    assert!(client.try_receive().is_none());
}

#[test]
fn row_ids_for_python_and_jdbc() {
    let (server, _) = start(options());
    let mut client = Client::login(&server);
    assert_eq!(client.prepare(1, "INSERT", 1).status, 0);
    let update = |client: &mut Client, keys: &str, sets: &[&[i64]]| {
        client.ask(Opcode::EXECUTE_UPDATE, 1, |out| put_sets(out, keys, sets)).ints()
    };
    assert_eq!(client.ask(Opcode::PREPARE_PROCEDURE, 2, |out| put_string(out, "%SYSTEM.SQL_GetROWID")).status, 0);
    let row_id = |client: &mut Client| {
        client
            .ask(Opcode::RUN_PROCEDURE_UPDATE, 2, |out| out.extend_from_slice(&[2, 4, 2, 4, 2, 4, 3, 4, 1, 2, 4]))
            .body
    };
    assert_eq!(row_id(&mut client), [2, 1, 2, 4], "none yet");
    assert_eq!(update(&mut client, "", &[&[1]]), [1]);
    assert_eq!(row_id(&mut client), [3, 4, 101, 3, 4, 1]);
    let keys = |client: &mut Client| {
        let reply = client.ask(Opcode::GENERATED_KEYS, 1, |_| {});
        assert_eq!(reply.status, 100);
        let mut reader = ItemReader::new(&reply.body);
        let columns = read_columns(&mut reader).unwrap();
        let ids = std::iter::from_fn(|| (!reader.is_empty()).then(|| reader.int("id").unwrap())).collect::<Vec<_>>();
        (columns.into_iter().map(|column| column.name).collect::<Vec<_>>(), ids)
    };
    assert_eq!(keys(&mut client), (vec![], vec![]), "not asked for");
    assert_eq!(update(&mut client, "-1", &[&[1], &[2]]), [1, 1]);
    assert_eq!(keys(&mut client), (vec!["ID".to_owned()], vec![102, 103]));
    assert_eq!(update(&mut client, "nr", &[&[1]]), [1]);
    assert_eq!(keys(&mut client), (vec!["nr".to_owned()], vec![104]));
    assert_eq!(client.ask(Opcode::PREPARE_PROCEDURE, 3, |out| put_string(out, "NO.such")).status, 428);
}

#[test]
fn a_failed_batch_tells_all_counts() {
    let (server, _) = start(options());
    let mut client = Client::login(&server);
    assert_eq!(client.prepare(1, "INSERT FAIL", 1).status, 0);
    let reply = client.ask(Opcode::EXECUTE_UPDATE, 1, |out| put_sets(out, "", &[&[1], &[2], &[3], &[4]]));
    assert_eq!((reply.status, reply.ints()), (119, vec![1, 1, 0, 0]));
    let reply = client.ask(Opcode::EXECUTE_UPDATE, 1, |out| put_sets(out, "", &[&[1, 2]]));
    assert_eq!(reply.status, 466, "two values for one parameter");
}

#[test]
fn forgotten_and_outdated_statements_still_run() {
    let (server, engine) = start(options());
    let mut client = Client::login(&server);
    assert_eq!(client.query(1, "SELECT ROWS 2").numbers().len(), 2);
    client.send(Opcode::FORGET_STATEMENTS, 0, |out| {
        put_int(out, 2);
        put_int(out, 1);
        put_int(out, 77);
    });
    let run = |client: &mut Client| client.ask(Opcode::EXECUTE_QUERY, 1, |out| out.extend_from_slice(NO_VALUES));
    assert_eq!(run(&mut client).numbers().len(), 2);
    engine.0.schema.store(1, Ordering::SeqCst);
    assert_eq!(run(&mut client).numbers().len(), 2);
    assert_eq!(client.ask(Opcode::EXECUTE_QUERY, 9, |out| out.extend_from_slice(NO_VALUES)).status, 464);
}

#[test]
fn the_feature_item_is_there_for_who_asked() {
    let (server, _) = start(options());
    for (asked, leading) in [(0, 0), (32, 0), (33, 1), (59, 1)] {
        let mut client = Client::login_as(&server, "_system", "SYS", asked);
        for (id, text) in [(1, "SELECT ROWS 1"), (2, "INSERT")] {
            let reply = client.prepare(id, text, 0);
            let mut reader = ItemReader::new(&reply.body);
            if leading == 1 {
                assert_eq!(reader.int("feature").unwrap(), 0, "asked {asked}");
            }
            if id == 1 {
                assert_eq!(read_columns(&mut reader).unwrap().len(), 2);
            }
            assert_eq!(read_parameters(&mut reader).unwrap().len(), 0);
            assert_eq!(reader.int("flag").unwrap(), 1);
            reader.finish("prepare reply").unwrap();
        }
        let direct = client.ask(Opcode::DIRECT_UPDATE, 3, |out| {
            put_statement(out, "INSERT", 0);
            put_sets(out, "", &[&[]]);
        });
        assert_eq!(direct.ints(), [0, 1, 1], "DU never has it");
    }
}

#[test]
fn logins() {
    let (server, _) = start(options());
    let refused = |namespace: &str, user: &str, password: &str| {
        let mut client = Client::open(&server);
        client.ask(Opcode::HANDSHAKE, 0, |out| out.extend_from_slice(&[67, 0]));
        let reply = client.ask(Opcode::CONNECT, 0, |out| connect(out, namespace, user, password, 0));
        (reply.status, reply.text())
    };
    for (user, password) in [("_SYSTEM", "sys"), ("_SYSTEM", ""), ("nobody", "SYS"), ("nobody", ""), ("", "token")] {
        let (status, text) = refused("USER", user, password);
        assert_eq!(status, 417);
        assert!(text.starts_with("[SQLCODE: <-402>:") && text.contains("Access Denied"), "{text}");
    }
    let (status, text) = refused("NOPE", "_SYSTEM", "SYS");
    assert!(status == 417 && text.contains("Namespace not found"), "{text}");
    assert_eq!(refused("%sys", "_system", "SYS").0, 0);
    // Anything but HS first, anything but CN second: closed.
    let mut client = Client::open(&server);
    client.send(Opcode::PING, 0, |_| {});
    assert!(client.try_receive().is_none());
    let mut client = Client::open(&server);
    client.ask(Opcode::HANDSHAKE, 0, |out| out.extend_from_slice(&[69, 0]));
    client.send(Opcode::PREPARE, 1, |out| put_statement(out, "SELECT ROWS 1", 0));
    assert!(client.try_receive().is_none());
}
