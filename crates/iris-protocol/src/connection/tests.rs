//! The recorded conversations of the official clients (`tests/data/iris`), replayed against the state machine with
//! every chunking of the server's bytes.

mod states;

use std::rc::Rc;

use super::*;
use crate::list::{ItemReader, put_int, put_string, put_text};
use crate::{IrisStatement, Opcode, ParameterKind, put_null};

/// A reply that outlives the receive buffer.
#[derive(Debug, Clone, PartialEq)]
enum Got {
    Prepared { columns: usize, parameters: usize, cacheable: bool },
    Page { rows: Vec<u8>, columns: usize, end: bool },
    Updated(Vec<i64>),
    Stream(Vec<u8>),
    Done,
    Failed { sqlcode: i32, text: String, counts: Vec<i64> },
}

impl Got {
    fn of(reply: Reply<'_>) -> Self {
        match reply {
            Reply::Prepared(m) => {
                Self::Prepared { columns: m.columns.len(), parameters: m.parameters.len(), cacheable: m.cacheable }
            }
            Reply::Page { metadata, rows, end } => {
                Self::Page { rows: rows.to_vec(), columns: metadata.columns.len(), end }
            }
            Reply::Updated { counts, .. } => Self::Updated(counts),
            Reply::Stream(data) => Self::Stream(data.to_vec()),
            Reply::Done => Self::Done,
            Reply::Failed { error, counts } => Self::Failed { sqlcode: error.sqlcode, text: error.text, counts },
        }
    }

    fn cells(&self) -> Vec<String> {
        let Self::Page { rows, .. } = self else { panic!("{self:?}") };
        let mut reader = ItemReader::new(rows);
        let mut cells = Vec::new();
        while let Some(item) = reader.item().unwrap() {
            cells.push(item.to_text().unwrap());
        }
        cells
    }
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
}

/// Cuts whole messages.
fn messages(mut bytes: &[u8]) -> Vec<(Header, Vec<u8>)> {
    let mut messages = Vec::new();
    while let Some(header) = Header::peek(bytes) {
        let (message, rest) = bytes.split_at(HEADER_BYTES + header.body_bytes as usize);
        messages.push((header, message[HEADER_BYTES..].to_vec()));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "the client wrote half a message");
    messages
}

/// A connection and the recording it talks to.
struct Replay {
    connection: IrisConnection,
    lines: std::vec::IntoIter<(bool, Vec<u8>)>,
    chunk: usize,
    last_count: u32,
    sent: Vec<Opcode>,
    /// Compare the bodies with the recorded ones.
    exact: bool,
}

impl Replay {
    fn new(recording: &str, chunk: usize) -> Self {
        let lines: Vec<(bool, Vec<u8>)> = recording
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| (line.starts_with('>'), unhex(&line[2..])))
            .collect();
        let options =
            ConnectOptions { user: "_SYSTEM".to_owned(), password: "SYS".to_owned(), ..ConnectOptions::default() };
        let connection = IrisConnection::new(options);
        Self { connection, lines: lines.into_iter(), chunk, last_count: u32::MAX, sent: Vec::new(), exact: true }
    }

    fn logged_in(recording: &str, chunk: usize) -> Self {
        let mut replay = Self::new(recording, chunk);
        let (job, version) = replay.login().unwrap();
        assert_eq!(job, 4001);
        assert!(version.starts_with("IRIS for UNIX"), "{version}");
        assert!(replay.connection.is_idle());
        replay
    }

    fn login(&mut self) -> Result<(i64, String), LinkError> {
        let mut out = Vec::new();
        self.connection.start(&mut out)?;
        loop {
            let incoming = self.server(&out);
            out.clear();
            for chunk in incoming.chunks(self.chunk) {
                self.receive(chunk);
                match self.connection.poll(&mut out)? {
                    Poll::NeedBytes => {}
                    Poll::Connected { job, server_version } => return Ok((job, server_version)),
                    Poll::Reply(reply) => panic!("{reply:?}"),
                }
            }
        }
    }

    fn receive(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            let spare = self.connection.spare_mut();
            let n = spare.len().min(chunk.len());
            spare[..n].copy_from_slice(&chunk[..n]);
            self.connection.filled(n);
            chunk = &chunk[n..];
        }
    }

    /// Takes what the client wrote, compares it with the recording, gives the recorded answer with our counts.
    fn server(&mut self, written: &[u8]) -> Vec<u8> {
        let mut incoming = Vec::new();
        for (header, body) in messages(written) {
            let opcode = header.opcode();
            self.sent.push(opcode);
            assert_eq!(header.count, self.last_count.wrapping_add(2), "{opcode}");
            self.last_count = header.count;
            if !opcode.has_reply() {
                continue;
            }
            let recorded = loop {
                let (from_client, message) = self.lines.next().expect("the recording is at its end");
                assert!(from_client, "the recording expects no more from the client");
                let recorded = Header::peek(&message).unwrap();
                if recorded.opcode().has_reply() {
                    assert_eq!(recorded.opcode(), opcode);
                    if self.exact && !matches!(opcode, Opcode::HANDSHAKE | Opcode::CONNECT) {
                        assert_eq!(message[HEADER_BYTES..], body, "{opcode}");
                        assert_eq!(recorded.statement_id, header.statement_id, "{opcode}");
                    }
                    break recorded;
                }
            };
            while self.lines.as_slice().first().is_some_and(|(from_client, _)| !from_client) {
                let (_, mut message) = self.lines.next().unwrap();
                assert_eq!(Header::peek(&message).unwrap().count, recorded.count);
                message[4..8].copy_from_slice(&header.count.to_le_bytes());
                incoming.extend_from_slice(&message);
            }
        }
        incoming
    }

    fn run(&mut self, request: &Request) -> Got {
        self.try_run(request).unwrap()
    }

    fn try_run(&mut self, request: &Request) -> Result<Got, LinkError> {
        let mut out = Vec::new();
        if self.connection.submit(request, &mut out)? == SubmitOutcome::Done {
            assert!(self.server(&out).is_empty());
            return Ok(Got::Done);
        }
        loop {
            assert!(!out.is_empty(), "waiting for nothing");
            let mut incoming = self.server(&out);
            out.clear();
            while !incoming.is_empty() {
                let rest = incoming.split_off(self.chunk.min(incoming.len()));
                self.receive(&incoming);
                incoming = rest;
                if let Poll::Reply(reply) = self.connection.poll(&mut out)? {
                    assert!(incoming.is_empty(), "a reply too early");
                    return Ok(Got::of(reply));
                }
            }
        }
    }
}

fn statement(key: u64, text: &str, kinds: &[ParameterKind]) -> Rc<IrisStatement> {
    let is_query = text.starts_with("SELECT");
    Rc::new(IrisStatement { key, text: text.to_owned(), kinds: kinds.to_vec(), is_query })
}

fn execute(statement: &Rc<IrisStatement>, values_per_set: usize, sets: usize, values: Vec<u8>) -> Request {
    Request::Execute {
        statement: Rc::clone(statement),
        values,
        values_per_set,
        sets,
        rows_max: 0,
        in_transaction: false,
    }
}

fn transactional(request: Request) -> Request {
    match request {
        Request::Execute { statement, values, values_per_set, sets, rows_max, .. } => {
            Request::Execute { statement, values, values_per_set, sets, rows_max, in_transaction: true }
        }
        Request::Prepare { statement, .. } => Request::Prepare { statement, in_transaction: true },
        other => other,
    }
}

fn prepare(statement: &Rc<IrisStatement>) -> Request {
    Request::Prepare { statement: Rc::clone(statement), in_transaction: false }
}

fn values(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut values = Vec::new();
    write(&mut values);
    values
}

const CHUNKS: [usize; 7] = [1, 2, 13, 14, 15, 100, 1 << 20];
const USER: ParameterKind = ParameterKind::User;
const INTEGER: ParameterKind = ParameterKind::IntegerLiteral;
const STRING: ParameterKind = ParameterKind::StringLiteral;

#[test]
fn direct_execution_then_by_id() {
    for chunk in CHUNKS {
        let mut replay = Replay::logged_in(include_str!("../../tests/data/iris/direct_execute.hex"), chunk);
        let create = statement(1, "CREATE TABLE q(a INT,b VARCHAR(9))", &[]);
        assert_eq!(replay.run(&execute(&create, 0, 1, Vec::new())), Got::Updated(vec![0]));
        let insert = statement(2, "INSERT INTO q VALUES ( :%qpar(1) , :%qpar(2) )", &[USER, USER]);
        for (number, text) in [(1, "x"), (2, "y")] {
            let row = values(|out| {
                put_int(out, number);
                put_text(out, text);
            });
            assert_eq!(replay.run(&execute(&insert, 2, 1, row)), Got::Updated(vec![1]));
        }
        let select = statement(3, "SELECT a , b FROM q WHERE a >= :%qpar(1)", &[USER]);
        let from = |number| values(|out| put_int(out, number));
        assert_eq!(replay.run(&execute(&select, 1, 1, from(1))).cells(), ["1", "x", "2", "y"]);
        let page = replay.run(&execute(&select, 1, 1, from(2)));
        assert_eq!(page.cells(), ["2", "y"]);
        assert!(matches!(page, Got::Page { columns: 2, end: true, .. }));
        assert_eq!(
            replay.sent[2..],
            [
                Opcode::DIRECT_UPDATE,
                Opcode::DIRECT_UPDATE,
                Opcode::EXECUTE_UPDATE,
                Opcode::DIRECT_QUERY,
                Opcode::EXECUTE_QUERY
            ]
        );
        assert_eq!(replay.connection.round_trips_count(), 7);
    }
}

/// Whoever has asked is gone: the reply that came for it answers nothing that is asked later.
#[test]
fn a_reply_that_nobody_took_answers_no_other_request() {
    let mut replay = Replay::logged_in(include_str!("../../tests/data/iris/direct_execute.hex"), 1 << 20);
    let create = statement(1, "CREATE TABLE q(a INT,b VARCHAR(9))", &[]);
    let mut out = Vec::new();
    replay.connection.submit(&execute(&create, 0, 1, Vec::new()), &mut out).unwrap();
    let incoming = replay.server(&out);
    replay.receive(&incoming);
    out.clear();
    assert!(matches!(replay.connection.advance(&mut out).unwrap(), Progress::ReplyReady));
    assert!(replay.connection.is_idle());
    let insert = statement(2, "INSERT INTO q VALUES ( :%qpar(1) , :%qpar(2) )", &[USER, USER]);
    let row = values(|out| {
        put_int(out, 1);
        put_text(out, "x");
    });
    replay.connection.submit(&execute(&insert, 2, 1, row), &mut out).unwrap();
    assert!(matches!(replay.connection.advance(&mut Vec::new()).unwrap(), Progress::NeedBytes));
    let incoming = replay.server(&out);
    replay.receive(&incoming);
    let Poll::Reply(reply) = replay.connection.poll(&mut Vec::new()).unwrap() else { panic!("no reply") };
    assert_eq!(Got::of(reply), Got::Updated(vec![1]));
}

#[test]
fn pages_to_the_end() {
    for chunk in CHUNKS {
        let mut replay = Replay::logged_in(include_str!("../../tests/data/iris/select_multi_page.hex"), chunk);
        let create = statement(1, "CREATE TABLE n(i INT, j INT)", &[]);
        replay.run(&prepare(&create));
        replay.run(&execute(&create, 0, 1, Vec::new()));
        let insert = statement(2, "INSERT INTO n VALUES ( :%qpar(1) , :%qpar(2) )", &[USER, USER]);
        assert_eq!(replay.run(&prepare(&insert)), Got::Prepared { columns: 0, parameters: 2, cacheable: true });
        let rows = values(|out| (1..12).for_each(|i| [i, i].iter().for_each(|&i| put_int(out, i))));
        assert_eq!(replay.run(&execute(&insert, 2, 11, rows)), Got::Updated(vec![1; 11]));
        let select = statement(3, "SELECT i , :%qpar(1) || i AS t FROM n ORDER BY i ", &[STRING]);
        replay.run(&prepare(&select));
        let mut page = replay.run(&execute(&select, 1, 1, values(|out| put_text(out, "row "))));
        let mut rows = page.cells();
        let fetch = Request::Fetch { statement: Rc::clone(&select) };
        for end in [false, false, true] {
            page = replay.run(&fetch);
            assert!(matches!(page, Got::Page { end: got, .. } if got == end));
            rows.extend(page.cells());
            if rows.len() == 12 {
                replay.run(&Request::Commit);
            }
        }
        assert_eq!(rows.len(), 22);
        assert_eq!(rows[20..], ["11", "row 11"]);
        assert_eq!(replay.try_run(&fetch), Err(LinkError::Misuse("fetch without an open result")));
    }
}

#[test]
fn an_error_while_fetching_ends_the_result() {
    for chunk in CHUNKS {
        let mut replay = Replay::logged_in(include_str!("../../tests/data/iris/error_mid_fetch.hex"), chunk);
        let create = statement(1, "CREATE TABLE n(i INT, j INT)", &[]);
        replay.run(&prepare(&create));
        replay.run(&execute(&create, 0, 1, Vec::new()));
        let insert = statement(2, "INSERT INTO n VALUES ( :%qpar(1) , :%qpar(2) )", &[USER, USER]);
        replay.run(&prepare(&insert));
        replay.run(&execute(
            &insert,
            2,
            11,
            values(|out| (1..12).for_each(|i| [i, i].iter().for_each(|&i| put_int(out, i)))),
        ));
        let text =
            "SELECT i , CASE WHEN i = :%qpar(1) THEN fake_error ( :%qpar(2) ) ELSE i END AS t FROM n ORDER BY rowid ";
        let select = statement(3, text, &[INTEGER, INTEGER]);
        replay.run(&prepare(&select));
        let arguments = values(|out| ["8", "400"].iter().for_each(|text| put_text(out, text)));
        assert!(matches!(replay.run(&execute(&select, 2, 1, arguments)), Got::Page { end: false, .. }));
        let fetch = Request::Fetch { statement: select };
        let failed = loop {
            match replay.run(&fetch) {
                Got::Page { .. } => {}
                failed => break failed,
            }
        };
        let text = "[SQLCODE: <-400>:<Fatal error occurred>]\r\n[Location: <Fetch>]\r\n[%msg: < asked for>]";
        assert_eq!(failed, Got::Failed { sqlcode: 400, text: text.to_owned(), counts: Vec::new() });
        assert!(replay.connection.is_idle());
        let one = statement(4, "SELECT :%qpar(1)", &[INTEGER]);
        replay.run(&prepare(&one));
        assert_eq!(replay.run(&execute(&one, 1, 1, values(|out| put_text(out, "1")))).cells(), ["1"]);
    }
}

#[test]
fn errors_of_prepare_and_execution() {
    for chunk in CHUNKS {
        let mut replay = Replay::logged_in(include_str!("../../tests/data/iris/errors.hex"), chunk);
        let texts = |texts: &[&str]| values(|out| texts.iter().for_each(|text| put_text(out, text)));
        let sqlcode = |got: Got| match got {
            Got::Failed { sqlcode, text, .. } => {
                assert!(text.starts_with(&format!("[SQLCODE: <-{sqlcode}>:<")), "{text}");
                sqlcode
            }
            other => panic!("{other:?}"),
        };
        let create = statement(1, "CREATE TABLE e(id INT PRIMARY KEY, n INT NOT NULL)", &[]);
        replay.run(&prepare(&create));
        replay.run(&execute(&create, 0, 1, Vec::new()));
        let insert = statement(2, "INSERT INTO e VALUES ( :%qpar(1) , :%qpar(2) )", &[INTEGER, INTEGER]);
        replay.run(&prepare(&insert));
        replay.run(&execute(&insert, 2, 1, texts(&["1", "1"])));
        assert_eq!(sqlcode(replay.run(&prepare(&statement(3, "SELECT * FROM nope", &[])))), 30);
        let garbage = statement(4, "SELEC :%qpar(1)", &[INTEGER]);
        replay.run(&prepare(&garbage));
        assert_eq!(sqlcode(replay.run(&execute(&garbage, 1, 1, texts(&["1"])))), 1);
        assert_eq!(sqlcode(replay.run(&prepare(&statement(5, "SELECT nofield FROM e", &[])))), 29);
        let failed = replay.run(&execute(&insert, 2, 1, texts(&["1", "2"])));
        assert!(matches!(&failed, Got::Failed { counts, .. } if *counts == [0]));
        assert_eq!(sqlcode(failed), 119);
        let partial = statement(6, "INSERT INTO e ( id ) VALUES ( :%qpar(1) )", &[INTEGER]);
        replay.run(&prepare(&partial));
        assert_eq!(sqlcode(replay.run(&execute(&partial, 1, 1, texts(&["2"])))), 108);
        // DQ whose first reply is an error has no second.
        assert_eq!(sqlcode(replay.run(&execute(&statement(7, "SELECT * FROM nope", &[]), 0, 1, Vec::new()))), 30);
        assert_eq!(sqlcode(replay.run(&execute(&insert, 2, 1, texts(&["1", "1"])))), 119);
        let fake = statement(8, "SELECT fake_error ( :%qpar(1) )", &[INTEGER]);
        replay.run(&prepare(&fake));
        assert_eq!(sqlcode(replay.run(&execute(&fake, 1, 1, texts(&["104"])))), 104);
        assert!(replay.connection.is_idle());
    }
}

#[test]
fn batches_have_a_count_per_set() {
    for chunk in CHUNKS {
        let mut replay = Replay::logged_in(include_str!("../../tests/data/iris/executemany.hex"), chunk);
        let create = statement(1, "CREATE TABLE m(id INT PRIMARY KEY,name VARCHAR(20),x INT)", &[]);
        replay.run(&prepare(&create));
        replay.run(&execute(&create, 0, 1, Vec::new()));
        let text = "INSERT INTO m ( id , name , x ) VALUES ( :%qpar(1) , :%qpar(2) , :%qpar(3) )";
        let insert = statement(2, text, &[USER, USER, INTEGER]);
        replay.run(&prepare(&insert));
        let rows = values(|out| {
            for (id, name) in [(1, Some("a")), (2, None), (3, Some(""))] {
                put_int(out, id);
                match name {
                    Some(name) => put_text(out, name),
                    None => put_null(out),
                }
                put_string(out, "5");
            }
        });
        assert_eq!(replay.run(&execute(&insert, 3, 3, rows)), Got::Updated(vec![1, 1, 1]));
        let update = statement(3, "UPDATE m SET name = :%qpar(1) WHERE id >= :%qpar(2)", &[USER, USER]);
        replay.run(&prepare(&update));
        let rows = values(|out| {
            for (name, id) in [("z", 2), ("y", 3)] {
                put_text(out, name);
                put_int(out, id);
            }
        });
        assert_eq!(replay.run(&execute(&update, 2, 2, rows)), Got::Updated(vec![2, 1]));
        let clash = statement(4, "INSERT INTO m ( id , name ) VALUES ( :%qpar(1) , :%qpar(2) )", &[USER, USER]);
        replay.run(&prepare(&clash));
        let rows = values(|out| {
            for (id, name) in [(10, "a"), (10, "b"), (11, "c")] {
                put_int(out, id);
                put_text(out, name);
            }
        });
        match replay.run(&execute(&clash, 2, 3, rows)) {
            Got::Failed { sqlcode: 119, counts, .. } => assert_eq!(counts, [1, 0, 0]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn transactions_switch_autocommit_only_when_they_must() {
    for chunk in CHUNKS {
        let mut replay = Replay::logged_in(include_str!("../../tests/data/iris/transactions.hex"), chunk);
        let number = |number| values(|out| put_int(out, number));
        let create = statement(1, "CREATE TABLE x(a INT)", &[]);
        replay.run(&transactional(prepare(&create)));
        replay.run(&transactional(execute(&create, 0, 1, Vec::new())));
        assert!(replay.connection.in_transaction());
        assert_eq!(replay.run(&Request::Commit), Got::Done);
        assert!(!replay.connection.in_transaction());
        let insert = statement(2, "INSERT INTO x VALUES ( :%qpar(1) )", &[USER]);
        replay.run(&transactional(prepare(&insert)));
        replay.run(&transactional(execute(&insert, 1, 1, number(1))));
        replay.run(&Request::Rollback);
        replay.run(&transactional(execute(&insert, 1, 1, number(2))));
        replay.run(&Request::Commit);
        replay.run(&execute(&insert, 1, 1, number(3)));
        assert!(!replay.connection.in_transaction());
        let delete = statement(3, "DELETE FROM x", &[]);
        replay.run(&transactional(prepare(&delete)));
        assert_eq!(replay.run(&transactional(execute(&delete, 0, 1, Vec::new()))), Got::Updated(vec![2]));
        replay.run(&Request::Rollback);
        let select = statement(4, "SELECT a FROM x ORDER BY a ", &[]);
        replay.run(&prepare(&select));
        assert_eq!(replay.run(&execute(&select, 0, 1, Vec::new())).cells(), ["2", "3"]);
        let switches: Vec<Opcode> = replay.sent.iter().copied().filter(|opcode| !opcode.has_reply()).collect();
        assert_eq!(
            switches,
            [Opcode::AUTOCOMMIT_OFF, Opcode::AUTOCOMMIT_ON, Opcode::AUTOCOMMIT_OFF, Opcode::AUTOCOMMIT_ON]
        );
    }
}

#[test]
fn streams_by_their_handle() {
    for chunk in CHUNKS {
        let mut replay = Replay::logged_in(include_str!("../../tests/data/iris/streams_read.hex"), chunk);
        let create = statement(1, "CREATE TABLE s(id INT, txt LONGVARCHAR, bin LONGVARBINARY)", &[]);
        replay.run(&prepare(&create));
        replay.run(&execute(&create, 0, 1, Vec::new()));
        let insert = statement(2, "INSERT INTO s VALUES ( :%qpar(1) , :%qpar(2) , :%qpar(3) )", &[USER; 3]);
        replay.run(&prepare(&insert));
        let row = values(|out| {
            put_int(out, 1);
            put_text(out, "text \u{436}\u{1f600}");
            crate::put_bytes(out, &[0, 0xff, 0x80]);
        });
        replay.run(&execute(&insert, 3, 1, row));
        let nulls = statement(3, "INSERT INTO s VALUES ( :%qpar(1) , NULL , NULL )", &[INTEGER]);
        replay.run(&prepare(&nulls));
        replay.run(&execute(&nulls, 1, 1, values(|out| put_text(out, "2"))));
        let text_only = statement(4, "INSERT INTO s ( id , txt ) VALUES ( :%qpar(1) , :%qpar(2) )", &[INTEGER, USER]);
        replay.run(&prepare(&text_only));
        let select = statement(5, "SELECT id , txt , bin FROM s ORDER BY id ", &[]);
        replay.run(&prepare(&select));
        let Got::Page { rows, .. } = replay.run(&execute(&select, 0, 1, Vec::new())) else { panic!("no page") };
        let mut reader = ItemReader::new(&rows);
        reader.int("id").unwrap();
        for (binary, data) in [(false, "text \u{436}\u{1f600}".as_bytes()), (true, &[0, 0xff, 0x80])] {
            let handle = reader.need_raw("handle").unwrap().bytes.to_vec();
            let request = Request::ReadStream { statement: Rc::clone(&select), handle, binary };
            assert_eq!(replay.run(&request), Got::Stream(data.to_vec()));
        }
        // The first stream is closed in front of the second's SS.
        assert_eq!(
            replay.sent[replay.sent.len() - 5..],
            [Opcode::STREAM_SIZE, Opcode::STREAM_READ, Opcode::STREAMS_CLOSE, Opcode::STREAM_SIZE, Opcode::STREAM_READ]
        );
    }
}

#[test]
fn refused_login() {
    for chunk in CHUNKS {
        let mut replay = Replay::new(include_str!("../../tests/data/iris/connect_denied.hex"), chunk);
        match replay.login() {
            Err(LinkError::LoginRefused { sqlcode: 417, text }) => assert!(text.contains("Access Denied"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn interrupt_from_a_control_connection() {
    let mut replay = Replay::new(include_str!("../../tests/data/iris/interrupt.hex"), 5);
    replay.login().unwrap();
    let mut out = Vec::new();
    replay.connection.interrupt(4001, 1, &mut out).unwrap();
    // The recorded body is compared by `server`.
    let incoming = replay.server(&out);
    replay.receive(&incoming);
    out.clear();
    assert!(matches!(replay.connection.poll(&mut out), Ok(Poll::Reply(Reply::Done))));
    replay.connection.disconnect(&mut out);
    assert_eq!(out, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'D', b'C']);
}

#[test]
fn connect_has_twelve_items_and_the_scrambled_user() {
    let mut out = Vec::new();
    let options =
        ConnectOptions { user: "_SYSTEM".to_owned(), password: "SYS".to_owned(), ..ConnectOptions::default() };
    encode::put_connect(&mut out, &options);
    assert_eq!(out[..20], *b"\x06\x01USER\x09\x01\x5d\x7c\xbe\xfe\x40\x3f\xdf\x05\x01\x9e\xff\xde");
    let mut reader = ItemReader::new(&out);
    let mut items = 0;
    while reader.raw().unwrap().is_some() {
        items += 1;
    }
    assert_eq!(items, 12);
}
