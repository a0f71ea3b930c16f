//! A connection to IRIS whose server says anything.

use std::rc::Rc;

use iris_pgwire::iris::{
    ColumnDescription, ConnectOptions, HEADER_BYTES, Header, IrisConnection, IrisStatement, IrisType, ItemReader,
    LinkError, ParameterDescription, ParameterKind, Progress, Reply, Request, StatementMetadata, SubmitOutcome,
    put_int, put_string,
};
use iris_pgwire::parts::bridge::{CellDecoder, link_to_pg};

use super::say_pg;

/// The largest reply taken here; what is announced beyond ends the connection.
const REPLY_BYTES_MAX: u32 = 4096;
const STATEMENTS_MAX: usize = 3;

/// Bytes that say which requests are made and what the server answers to each: replies that look right with any status
/// and body, or bytes without a form, in chunks of any size.
///
/// Nothing panics; memory grows with what has arrived and not with what is announced; after an error nothing is sent
/// or taken any more.
pub fn iris_connection(data: &[u8]) {
    let mut script = Script(data);
    let options = ConnectOptions {
        reply_bytes_max: REPLY_BYTES_MAX,
        statements_max: STATEMENTS_MAX,
        user: "u".to_owned(),
        password: "p".to_owned(),
        ..ConnectOptions::default()
    };
    let mut peer = Peer { connection: IrisConnection::new(options), out: Vec::new(), awaited: 0, received: 0 };
    if let Err(error) = converse(&mut peer, &mut script) {
        say_pg(&link_to_pg(&error));
        is_over(&mut peer, &mut script);
    }
}

/// What the bytes of an input decide, one after the other.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

struct Peer {
    connection: IrisConnection,
    out: Vec<u8>,
    /// Count of the last message that was written.
    awaited: u32,
    received: usize,
}

/// Ends with the script, or with an error.
fn converse(peer: &mut Peer, script: &mut Script<'_>) -> Result<(), LinkError> {
    peer.connection.start(&mut peer.out)?;
    wait(peer, script)?;
    while !script.is_over() {
        let outcome = submit(peer, script)?;
        if outcome == SubmitOutcome::Done {
            peer.out.clear();
            continue;
        }
        wait(peer, script)?;
    }
    Ok(())
}

fn submit(peer: &mut Peer, script: &mut Script<'_>) -> Result<SubmitOutcome, LinkError> {
    let choice = script.byte();
    let statement = statement(choice >> 4);
    let in_transaction = script.byte() & 1 == 1;
    let Peer { connection, out, .. } = peer;
    let mut values = Vec::new();
    put_int(&mut values, 7);
    let request = match choice & 15 {
        0 => return connection.ping(out),
        1 => return connection.interrupt(7, 1, out),
        2 => {
            connection.close_results(out)?;
            return Ok(SubmitOutcome::Done);
        }
        3 => Request::Commit,
        4 => Request::Rollback,
        5 => Request::Prepare { statement, in_transaction },
        6 => Request::Fetch { statement },
        7 => Request::CloseResult { statement },
        8 => Request::ReadStream { statement, handle: vec![3, 1, b'h'], binary: in_transaction },
        9 => {
            // Long enough to go ahead of its statement, where a reply says that it is for a stream.
            let mut values = Vec::new();
            put_string(&mut values, &"x".repeat(100_001));
            Request::Execute { statement, values, values_per_set: 1, sets: 1, rows_max: 0, in_transaction }
        }
        10 => {
            values.extend_from_within(..);
            Request::Execute { statement, values, values_per_set: 1, sets: 2, rows_max: 0, in_transaction }
        }
        _ => Request::Execute { statement, values, values_per_set: 1, sets: 1, rows_max: 1, in_transaction },
    };
    match connection.submit(&request, out) {
        // Nothing to fetch is the caller's mistake and costs nothing.
        Err(LinkError::Misuse("fetch without an open result")) => Ok(SubmitOutcome::Done),
        outcome => outcome,
    }
}

fn statement(key: u8) -> Rc<IrisStatement> {
    let is_query = key & 1 == 0;
    let text = if is_query { "SELECT a FROM t WHERE b = :%qpar(1)" } else { "UPDATE t SET a = :%qpar(1)" };
    Rc::new(IrisStatement { key: key.into(), text: text.to_owned(), kinds: vec![ParameterKind::User], is_query })
}

/// Feeds replies until there is one for the session, or the script ends.
fn wait(peer: &mut Peer, script: &mut Script<'_>) -> Result<(), LinkError> {
    loop {
        peer.take_written();
        if script.is_over() {
            return Ok(());
        }
        let (bytes, chunk) = reply(peer, script);
        for chunk in bytes.chunks(chunk) {
            peer.receive(chunk);
            match peer.connection.advance(&mut peer.out)? {
                Progress::NeedBytes => {}
                Progress::Connected { server_version, .. } => {
                    assert!(peer.connection.is_idle() && server_version.len() <= peer.received);
                    peer.out.clear();
                    return Ok(());
                }
                Progress::ReplyReady => {
                    if peer.connection.must_repeat() {
                        peer.take_written();
                    }
                    let reply = peer.connection.take_reply();
                    look_at(reply.as_ref(), peer.received);
                    drop(reply);
                    assert!(peer.connection.take_reply().is_none(), "a reply is given once");
                    peer.out.clear();
                    return Ok(());
                }
            }
        }
    }
}

impl Peer {
    fn receive(&mut self, mut chunk: &[u8]) {
        self.received += chunk.len();
        while !chunk.is_empty() {
            let spare = self.connection.spare_mut();
            // Twice what has arrived, and the room for one read.
            assert!(spare.len() <= 2 * self.received + (64 << 10), "memory beyond what arrived");
            let n = spare.len().min(chunk.len());
            spare[..n].copy_from_slice(&chunk[..n]);
            self.connection.filled(n);
            chunk = &chunk[n..];
        }
    }

    /// Reads the counts of what was written, as a server would.
    fn take_written(&mut self) {
        let mut rest = self.out.as_slice();
        while let Some(header) = Header::peek(rest) {
            rest = &rest[HEADER_BYTES + header.body_bytes as usize..];
            if header.opcode().has_reply() {
                self.awaited = header.count;
            }
        }
        assert!(rest.is_empty(), "half a message was written");
        self.out.clear();
    }
}

/// The next bytes of the server, and the size of the chunks they come in.
fn reply(peer: &Peer, script: &mut Script<'_>) -> (Vec<u8>, usize) {
    let choice = script.byte();
    let chunk = [1, 3, 14, usize::MAX][usize::from(choice & 3)];
    let status: u16 = match choice >> 2 & 7 {
        0..=3 => 0,
        4 => 100,
        5 => 404,
        6 => 30,
        _ => u16::from_le_bytes([script.byte(), script.byte()]),
    };
    let body = match choice >> 5 {
        0 => script.bytes(usize::from(choice >> 2)).to_vec(),
        1 => metadata(script.byte(), true),
        2 => metadata(script.byte(), false),
        3 => vec![69, 0, 1, 0],
        4 => login(script.byte()),
        5 => {
            let count = usize::from(script.byte());
            script.bytes(count).to_vec()
        }
        6 => {
            // A good body with some of its bytes changed.
            let mut body = metadata(script.byte(), choice & 4 == 0);
            for _ in 0..1 + script.byte() % 3 {
                let at = usize::from(script.byte()) % body.len();
                body[at] = script.byte();
            }
            body.truncate(body.len() - usize::from(script.byte() & 1));
            body
        }
        _ => {
            let count = usize::from(script.byte());
            return (script.bytes(count).to_vec(), chunk);
        }
    };
    let body_bytes = u32::try_from(body.len()).unwrap();
    let mut message =
        Header { body_bytes, count: peer.awaited, statement_id: 1, code: status.to_le_bytes() }.encode().to_vec();
    message.extend_from_slice(&body);
    (message, chunk)
}

fn login(choice: u8) -> Vec<u8> {
    let mut body = Vec::new();
    put_string(&mut body, "IRIS for UNIX");
    for _ in 0..3 {
        put_int(&mut body, 0);
    }
    put_int(&mut body, choice.into());
    body
}

/// The reply to a prepare, and what may follow it: row counts, or the row of a page.
fn metadata(choice: u8, is_query: bool) -> Vec<u8> {
    let iris_type = [IrisType::INTEGER, IrisType::VARCHAR, IrisType::LONGVARCHAR, IrisType::LONGVARBINARY];
    let iris_type = iris_type[usize::from(choice & 3)];
    let column = ColumnDescription {
        name: "a".to_owned(),
        iris_type,
        precision: 10,
        scale: 0,
        nullable: 1,
        label: "a".to_owned(),
        table: String::new(),
        schema: String::new(),
        auto_increment: false,
        row_id: false,
    };
    let parameter = ParameterDescription { iris_type, precision: 10, scale: 0, nullable: 1 };
    let metadata = StatementMetadata {
        columns: vec![column; usize::from(choice >> 2 & 3)],
        parameters: vec![parameter; usize::from(choice >> 4 & 1)],
        cacheable: choice & 0x20 == 0,
    };
    let mut body = Vec::new();
    metadata.put(&mut body, is_query);
    for n in 0..choice >> 6 {
        put_int(&mut body, n.into());
    }
    body
}

/// What a reply holds is no more than what was received.
fn look_at(reply: Option<&Reply<'_>>, received: usize) {
    match reply {
        Some(Reply::Page { metadata, rows, .. }) => {
            assert!(rows.len() <= received && metadata.columns.len() <= received);
            let mut reader = ItemReader::new(rows);
            let decoders: Vec<CellDecoder> =
                metadata.columns.iter().map(|column| CellDecoder::select(column.iris_type)).collect();
            for decoder in decoders.iter().cycle() {
                match reader.item() {
                    Ok(Some(item)) => {
                        if let Err(error) = decoder.decode(&item) {
                            say_pg(&error);
                        }
                    }
                    Ok(None) | Err(_) => break,
                }
            }
        }
        Some(Reply::Prepared(metadata)) => {
            assert!(metadata.columns.len() + metadata.parameters.len() <= received);
        }
        Some(Reply::Updated { counts, .. }) => assert!(counts.len() <= received),
        Some(Reply::Stream(data)) => assert!(data.len() <= received),
        Some(Reply::Failed { error, counts }) => {
            assert!(error.sqlcode >= 0 && error.text.len() <= 2 * received + 64 && counts.len() <= received);
        }
        Some(Reply::Done) | None => {}
    }
}

/// Behind an error: nothing is sent, nothing is taken, whatever comes.
fn is_over(peer: &mut Peer, script: &mut Script<'_>) {
    peer.out.clear();
    let chunk = script.bytes(40).to_vec();
    peer.receive(&chunk);
    assert!(peer.connection.submit(&Request::Commit, &mut peer.out).is_err());
    assert!(peer.connection.ping(&mut peer.out).is_err());
    assert!(!matches!(peer.connection.advance(&mut peer.out), Ok(Progress::ReplyReady | Progress::Connected { .. })));
    assert!(peer.connection.take_reply().is_none());
    assert!(peer.out.is_empty(), "sent on a connection that is over");
}
