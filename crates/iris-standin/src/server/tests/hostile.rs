//! Damaged messages, late and too many clients.

use super::*;

#[test]
fn connections_are_bounded() {
    let (server, _) = start(SuperserverOptions { connections_max: 2, ..options() });
    let first = Client::login(&server);
    let _second = Client::login(&server);
    let mut third = Client::open(&server);
    assert_eq!(third.socket.read(&mut [0]).unwrap(), 0, "closed at once");
    drop(first);
    eventually("a place is free", || server.connections_count() == 1);
    Client::login(&server);
}

#[test]
fn a_login_has_a_deadline() {
    let (server, _) = start(SuperserverOptions { login_timeout: Duration::from_millis(100), ..options() });
    let mut client = Client::open(&server);
    // Bytes one by one do not extend it.
    let began = Instant::now();
    while began.elapsed() < WAIT {
        if client.socket.write_all(&[0]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    let mut client = Client::login(&start(options()).0);
    std::thread::sleep(Duration::from_millis(5));
    assert!(client.try_receive().is_none(), "that server was dropped");
}

/// A message cut anywhere, or changed anywhere, is answered: with an error or as what it then says. No panic, no silence.
#[test]
fn damaged_messages_are_answered() {
    let (server, _) = start(options());
    let mut messages: Vec<(Opcode, Vec<u8>)> = Vec::new();
    let mut add = |opcode, put: &dyn Fn(&mut Vec<u8>)| {
        let mut body = Vec::new();
        put(&mut body);
        messages.push((opcode, body));
    };
    add(Opcode::PREPARE, &|out| put_statement(out, "SELECT ECHO :%qpar(1)", 1));
    add(Opcode::DIRECT_UPDATE, &|out| {
        put_statement(out, "INSERT", 1);
        put_sets(out, "-1", &[&[300], &[4]]);
    });
    add(Opcode::EXECUTE_UPDATE, &|out| put_sets(out, "", &[&[1], &[2], &[3]]));
    add(Opcode::EXECUTE_QUERY, &|out| out.extend_from_slice(NO_VALUES));
    add(Opcode::BATCH_TEXTS, &|out| {
        out.extend_from_slice(&2u32.to_le_bytes());
        put_int(out, 0);
        for _ in 0..2 {
            put_int(out, 1);
            put_string(out, "INSERT");
            put_int(out, 1);
            put_int(out, 1);
            put_string(out, "x");
        }
    });
    add(Opcode::STORE_TEXT_STREAM, &|out| {
        put_int(out, 0);
        out.extend_from_slice(&[3, 0, 0, 0, b'a', b'b', b'c']);
    });
    add(Opcode::STREAM_READ, &|out| {
        put_string(out, "1@%Stream.GlobalCharacter.0123456789abcdef");
        put_int(out, 3);
    });
    add(Opcode::STREAM_SEARCH, &|out| {
        put_null(out);
        put_int(out, 3);
        put_string(out, "x");
    });
    add(Opcode::SCROLL_FETCH, &|out| {
        put_int(out, 1);
        put_int(out, 10);
    });
    add(Opcode::INTERRUPT, &|out| {
        put_int(out, 4001);
        put_int(out, 0);
    });
    add(Opcode::ERROR_TEXT, &|out| put_int(out, 30));
    add(Opcode::RUN_PROCEDURE_QUERY, &|_| {});
    add(Opcode([b'K', 0xc2]), &|out| put_string(out, "%SYSTEM.Version"));
    let mut client = Client::login(&server);
    assert_eq!(client.prepare(1, "INSERT", 1).status, 0);
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for (opcode, body) in messages {
        let cut = (0..=body.len()).map(|end| body[..end].to_vec());
        let mut changed = Vec::new();
        for _ in 0..400 {
            let mut copy = body.clone();
            for _ in 0..1 + seed % 3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (seed >> 33) as usize % copy.len().max(1);
                if let Some(byte) = copy.get_mut(at) {
                    *byte = (seed >> 20) as u8;
                }
            }
            changed.push(copy);
        }
        for body in cut.chain(changed) {
            client.send(opcode, 1, |out| out.extend_from_slice(&body));
            assert!(client.try_receive().is_some(), "{opcode} {body:02x?}");
            // DQ-like damage may have replaced the statement.
            if opcode == Opcode::EXECUTE_UPDATE {
                continue;
            }
            assert_eq!(client.prepare(1, "INSERT", 1).status, 0);
        }
    }
    let mut fresh = Client::login(&server);
    assert_eq!(fresh.query(1, "SELECT ROWS 1").numbers(), [1]);
    // A body longer than allowed ends the connection before a byte of it is taken.
    fresh.socket.write_all(&[0xff, 0xff, 0xff, 0x7f, 9, 0, 0, 0, 0, 0, 0, 0, b'P', b'P']).unwrap();
    assert_eq!(fresh.socket.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn damaged_logins_end_quietly() {
    let (server, _) = start(options());
    let mut body = Vec::new();
    connect(&mut body, "USER", "_SYSTEM", "SYS", 59);
    for end in 0..body.len() - 3 {
        let mut client = Client::open(&server);
        client.ask(Opcode::HANDSHAKE, 0, |out| out.extend_from_slice(&[69, 0]));
        let reply = client.ask(Opcode::CONNECT, 0, |out| out.extend_from_slice(&body[..end]));
        assert_eq!(reply.status, 417, "{end}");
    }
    for hello in [&[][..], &[1]] {
        let mut client = Client::open(&server);
        client.send(Opcode::HANDSHAKE, 0, |out| out.extend_from_slice(hello));
        assert!(client.try_receive().is_none());
    }
}
