//! What the recordings do not show: broken peers, open results side by side.

use super::*;
use crate::{ColumnDescription, IrisType};

/// A logged-in connection with one ping in flight (count 5).
fn waiting() -> (IrisConnection, Vec<u8>) {
    let mut replay = Replay::logged_in(include_str!("../../../tests/data/iris/direct_execute.hex"), 1 << 20);
    let mut out = Vec::new();
    replay.connection.ping(&mut out).unwrap();
    out.clear();
    (replay.connection, out)
}

fn poll_bytes(bytes: &[u8]) -> Result<String, LinkError> {
    let (mut connection, mut out) = waiting();
    connection.spare_mut()[..bytes.len()].copy_from_slice(bytes);
    connection.filled(bytes.len());
    connection.poll(&mut out).map(|poll| format!("{poll:?}"))
}

fn reply_bytes(count: u32, status: u16, body: &[u8]) -> Vec<u8> {
    let body_bytes = u32::try_from(body.len()).unwrap();
    let mut message = Header { body_bytes, count, statement_id: 0, code: status.to_le_bytes() }.encode().to_vec();
    message.extend_from_slice(body);
    message
}

#[test]
fn what_ends_a_connection() {
    assert_eq!(poll_bytes(&reply_bytes(5, 0, &[])), Ok("Reply(Done)".to_owned()));
    assert_eq!(poll_bytes(&reply_bytes(7, 0, &[])), Err(LinkError::OutOfOrder { expected: 5, got: 7 }));
    assert_eq!(poll_bytes(&reply_bytes(3, 0, &[])), Err(LinkError::OutOfOrder { expected: 5, got: 3 }));
    assert_eq!(poll_bytes(&reply_bytes(6, 0, &[])), Err(LinkError::CallBack(6)));
    // Judged by the header alone.
    let mut huge = reply_bytes(5, 0, &[]);
    huge[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(poll_bytes(&huge), Err(LinkError::ReplyTooLarge { bytes: u32::MAX, bytes_max: 1 << 30 }));

    let (mut connection, mut out) = waiting();
    assert_eq!(connection.ping(&mut out), Err(LinkError::Misuse("a request is in flight")));

    // Bytes nobody asked for.
    let mut replay = Replay::logged_in(include_str!("../../../tests/data/iris/direct_execute.hex"), 1 << 20);
    let unasked = reply_bytes(3, 0, &[]);
    replay.receive(&unasked);
    assert_eq!(replay.connection.poll(&mut out).unwrap_err(), LinkError::Unasked("a message"));
}

#[test]
fn malformed_bodies_end_a_connection() {
    let select = statement(1, "SELECT a FROM q", &[]);
    for body in [&[][..], &[3], &[3, 4, 9], &[2, 5], &[3, 1, b'x'], &[3, 4, 1, 2, 1]] {
        let mut replay = Replay::logged_in(include_str!("../../../tests/data/iris/direct_execute.hex"), 1 << 20);
        let mut out = Vec::new();
        replay.connection.submit(&execute(&select, 0, 1, Vec::new()), &mut out).unwrap();
        replay.receive(&reply_bytes(5, 0, body));
        assert!(matches!(replay.connection.poll(&mut out), Err(LinkError::Malformed(_))), "{body:?}");
        assert_eq!(
            replay.connection.submit(&Request::Commit, &mut out),
            Err(LinkError::Closed),
            "a broken connection takes nothing"
        );
    }
}

/// Two open results of one statement, a cacheable flag that is clear, dropped results.
#[test]
fn ids_of_open_results() {
    let mut connection =
        Replay::logged_in(include_str!("../../../tests/data/iris/direct_execute.hex"), 1 << 20).connection;
    let mut count = 3;
    let mut exchange = |connection: &mut IrisConnection, request: &Request, replies: &[(u16, &[u8])]| {
        let mut out = Vec::new();
        connection.submit(request, &mut out).unwrap();
        let sent: Vec<(Opcode, u32)> = messages(&out).iter().map(|(h, _)| (h.opcode(), h.statement_id)).collect();
        count += 2 * u32::try_from(sent.len()).unwrap();
        let bytes: Vec<u8> = replies.iter().flat_map(|(status, body)| reply_bytes(count, *status, body)).collect();
        let spare = connection.spare_mut();
        spare[..bytes.len()].copy_from_slice(&bytes);
        connection.filled(bytes.len());
        if !replies.is_empty() {
            assert!(matches!(connection.poll(&mut out), Ok(Poll::Reply(_))));
        }
        sent
    };
    let mut metadata = Vec::new();
    let described = |cacheable| StatementMetadata {
        columns: vec![ColumnDescription {
            name: "a".to_owned(),
            iris_type: IrisType::INTEGER,
            precision: 10,
            scale: 0,
            nullable: 1,
            label: "a".to_owned(),
            table: String::new(),
            schema: String::new(),
            auto_increment: false,
            row_id: false,
        }],
        parameters: Vec::new(),
        cacheable,
    };
    described(true).put(&mut metadata, true);
    let row: &[u8] = &[3, 4, 1];
    let select = statement(1, "SELECT a FROM q", &[]);
    let run = execute(&select, 0, 1, Vec::new());
    let fetch = Request::Fetch { statement: Rc::clone(&select) };
    let close = Request::CloseResult { statement: Rc::clone(&select) };
    let first = exchange(&mut connection, &run, &[(0, &metadata), (0, row)]);
    assert_eq!(first, [(Opcode::DIRECT_QUERY, 1)]);
    // A result is open under id 1: the same text goes out whole under another id.
    let second = exchange(&mut connection, &run, &[(0, &metadata), (0, row)]);
    assert_eq!(second, [(Opcode::DIRECT_QUERY, 2)]);
    assert_eq!(exchange(&mut connection, &fetch, &[(100, row)]), [(Opcode::FETCH, 2)]);
    assert_eq!(exchange(&mut connection, &fetch, &[(0, row)]), [(Opcode::FETCH, 1)]);
    assert_eq!(exchange(&mut connection, &close, &[]), [(Opcode::CLOSE_RESULT, 1)]);
    assert_eq!(exchange(&mut connection, &close, &[]), []);
    assert_eq!(exchange(&mut connection, &run, &[(0, row)]), [(Opcode::EXECUTE_QUERY, 1)]);
    let mut out = Vec::new();
    connection.close_results(&mut out).unwrap();
    assert_eq!(messages(&out)[0].0.opcode(), Opcode::CLOSE_RESULT);
    count += 2;
    // With the flag clear every execution carries the text, under the id it had.
    let volatile = execute(&statement(2, "SELECT b FROM q", &[]), 0, 1, Vec::new());
    let mut exchange = |connection: &mut IrisConnection, request: &Request, replies: &[(u16, &[u8])]| {
        let mut out = Vec::new();
        connection.submit(request, &mut out).unwrap();
        count += 2;
        let bytes: Vec<u8> = replies.iter().flat_map(|(status, body)| reply_bytes(count, *status, body)).collect();
        connection.spare_mut()[..bytes.len()].copy_from_slice(&bytes);
        connection.filled(bytes.len());
        assert!(matches!(connection.poll(&mut out), Ok(Poll::Reply(_))));
        messages(&out).iter().map(|(h, _)| (h.opcode(), h.statement_id)).collect::<Vec<_>>()
    };
    let mut metadata = Vec::new();
    described(false).put(&mut metadata, true);
    for _ in 0..2 {
        let sent = exchange(&mut connection, &volatile, &[(0, &metadata), (100, row)]);
        assert_eq!(sent, [(Opcode::DIRECT_QUERY, 3)]);
    }
}
