use super::super::transport::Head;
use super::*;
use iris_protocol::list::put_latin1;

fn request(handle: &str, numbers: &[i64]) -> Vec<u8> {
    let mut body = Vec::new();
    put_string(&mut body, handle);
    for &number in numbers {
        put_int(&mut body, number);
    }
    body
}

fn data(streams: &mut Streams, opcode: Opcode, body: &[u8]) -> Vec<u8> {
    ask(streams, opcode, body).unwrap().unwrap().out()[14..].to_vec()
}

fn ask(streams: &mut Streams, opcode: Opcode, body: &[u8]) -> Option<Result<Body, SqlError>> {
    streams.answer(&Message { head: Head { count: 5, statement_id: 2 }, opcode, body: body.to_vec() })
}

fn size(streams: &mut Streams, handle: &str) -> i64 {
    let body = data(streams, Opcode::STREAM_SIZE, &request(handle, &[]));
    ItemReader::new(&body).int("size").unwrap()
}

fn cell(streams: &mut Streams, text: &str) -> String {
    streams.put_cell(&Value::Text(text.to_owned()), false).unwrap()
}

#[test]
fn text_is_measured_in_utf16_units_and_read_in_pieces() {
    let mut streams = Streams::new(1000);
    streams.begin(1);
    let handle = cell(&mut streams, "text \u{436}\u{1f600}");
    assert_eq!(size(&mut streams, &handle), 8);
    let next = |streams: &mut Streams, size| data(streams, Opcode::STREAM_READ, &request(&handle, &[size]));
    assert_eq!(next(&mut streams, 5), b"text ");
    assert_eq!(next(&mut streams, 100), "\u{436}\u{1f600}".as_bytes());
    assert_eq!(next(&mut streams, 100), b"");
    size(&mut streams, &handle);
    assert_eq!(next(&mut streams, -1), "text \u{436}\u{1f600}".as_bytes(), "SS sets the position back");
    let piece =
        |streams: &mut Streams, numbers: &[i64]| data(streams, Opcode::STREAM_PIECE, &request(&handle, numbers));
    assert_eq!(piece(&mut streams, &[2, 3]), b"ext");
    assert_eq!(piece(&mut streams, &[100, 3]), b"");
    assert_eq!(piece(&mut streams, &[-5, i64::MAX]), "text \u{436}\u{1f600}".as_bytes());
}

#[test]
fn a_pair_cut_by_a_piece_keeps_the_counts() {
    let mut streams = Streams::new(1000);
    streams.begin(1);
    let handle = cell(&mut streams, "a\u{1f600}b");
    let next = |streams: &mut Streams, size| data(streams, Opcode::STREAM_READ, &request(&handle, &[size]));
    assert_eq!(next(&mut streams, 2), "a\u{1f600}".as_bytes());
    assert_eq!(next(&mut streams, 2), "\u{fffd}b".as_bytes());
}

#[test]
fn search_counts_from_one() {
    let mut streams = Streams::new(1000);
    streams.begin(1);
    let handle = cell(&mut streams, "\u{1f600}abcabc");
    let mut search = |start: i64, pattern: &[u8]| {
        let mut body = request(&handle, &[start]);
        put_latin1(&mut body, pattern);
        let body = data(&mut streams, Opcode::STREAM_SEARCH, &body);
        ItemReader::new(&body).int("position").unwrap()
    };
    assert_eq!(search(1, b"abc"), 3);
    assert_eq!(search(4, b"abc"), 6);
    assert_eq!(search(7, b"abc"), -1);
}

#[test]
fn uploads_come_in_pieces_and_in_cesu_8() {
    let mut streams = Streams::new(1000);
    let piece = |handle: Option<&str>, count: u32, data: &[u8]| {
        let mut body = Vec::new();
        match handle {
            None => put_int(&mut body, 0),
            Some(handle) => put_string(&mut body, handle),
        }
        body.extend_from_slice(&count.to_le_bytes());
        body.extend_from_slice(data);
        body
    };
    // The vector of section 18.6, cut between the surrogates.
    let handle = streams.upload(&piece(None, 2, &[0x61, 0xed, 0xa0, 0xbd]), false).unwrap();
    assert_eq!(streams.upload(&piece(Some(&handle), 2, &[0xed, 0xb8, 0x80, 0x62]), false).unwrap(), handle);
    assert_eq!(streams.resolve(handle.as_bytes()), Some(Ok(Value::Text("a\u{1f600}b".to_owned()))));
    assert_eq!(streams.resolve(b"1@%Stream.GlobalCharacter.0"), None, "text that looks like a handle");
    assert_eq!(streams.upload(&piece(Some(&handle), 1, b"x"), true).unwrap_err().sqlcode, 412);
    let lone = streams.upload(&piece(None, 1, &[0xed, 0xa0, 0xbd]), false).unwrap();
    assert_eq!(streams.resolve(lone.as_bytes()).unwrap().unwrap_err().sqlcode, 412);
    streams.drop_uploads();
    assert_eq!(streams.bytes, 0);
    for short in [&[][..], &[2, 4], &[2, 4, 1, 0, 0]] {
        assert!(streams.upload(short, true).is_err());
    }
}

#[test]
fn old_runs_make_room_and_one_run_has_a_bound() {
    let mut streams = Streams::new(10);
    streams.begin(1);
    let first = cell(&mut streams, "12345678");
    streams.begin(2);
    let second = cell(&mut streams, "1234");
    assert_eq!(size(&mut streams, &second), 4);
    let refused = ask(&mut streams, Opcode::STREAM_SIZE, &request(&first, &[])).unwrap();
    assert_eq!(refused.err().unwrap().sqlcode, 412);
    assert_eq!(streams.put_cell(&Value::Text("1234567".to_owned()), false).unwrap_err().sqlcode, 462);
    streams.begin(2);
    assert_eq!(streams.bytes, 0, "a run frees what the statement gave before");
    let third = cell(&mut streams, "123");
    assert!(ask(&mut streams, Opcode::STREAMS_CLOSE, &[2, 4]).is_none());
    assert_eq!((streams.bytes, streams.resolve(third.as_bytes())), (0, None));
    let fourth = cell(&mut streams, "1");
    assert!(ask(&mut streams, Opcode::STREAMS_CLOSE, &request(&fourth, &[])).is_none());
    assert_eq!(streams.bytes, 0);
}
