//! States of a connection. Replies are decoded here; the borrowed parts of a reply are cut by the owner of the buffer.

use std::rc::Rc;

use super::encode::{Values, length, put_connect, put_handshake, put_prepare};
use super::statements::Statements;
use super::upload::{INLINE_UNITS_MAX, Upload};
use super::{ConnectOptions, IrisError, LinkError, Request, StatementMetadata, SubmitOutcome};
use crate::header::{Header, MessageWriter, STATUS_END, STATUS_FORGOTTEN, STATUS_OK, sqlcode_of};
use crate::list::{ItemReader, put_int};
use crate::{IrisStatement, Opcode};

/// Versions below are refused by the official client too (protocol facts, section 3).
const PROTOCOL_VERSION_MIN: u16 = 61;
/// Bit of the handshake's second word: a Unicode installation.
const FLAG_UNICODE: u16 = 1;
/// SQLCODEs that say a prepared plan no longer fits the schema: table, field, result set mismatch.
const STALE_PLAN_CODES: [i32; 3] = [29, 30, IrisError::RECOMPILED];

/// What a message amounted to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Nothing yet: another message will follow.
    More,
    Connected {
        job: i64,
        server_version: String,
    },
    Prepared(Rc<StatementMetadata>),
    /// The rows are the body.
    Page {
        metadata: Rc<StatementMetadata>,
        end: bool,
    },
    Updated {
        metadata: Rc<StatementMetadata>,
        counts: Vec<i64>,
    },
    /// The data is the body.
    Stream,
    EmptyStream,
    Done,
    /// IRIS does not hold the statement any longer: the request has to be submitted again.
    Forgotten,
    Failed {
        error: IrisError,
        counts: Vec<i64>,
    },
}

/// What the next message must be.
#[derive(Debug)]
pub(super) enum State {
    New,
    Handshake,
    Login,
    Idle,
    Waiting(Waiting),
    /// DC was sent, or a message could not be understood.
    Closed,
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Waiting {
    /// 0 where no statement is meant.
    statement_id: u32,
    expected: Expected,
}

#[derive(Debug)]
pub(super) enum Expected {
    /// PP.
    Metadata {
        is_query: bool,
    },
    /// PP of a statement that IRIS had forgotten. When it still means what it meant, `body` follows: PQ's or PU's, whose
    /// values were written by the metadata known before.
    SameMetadata {
        is_query: bool,
        body: Vec<u8>,
    },
    /// The first of DQ's two replies.
    DirectMetadata,
    /// PQ, FD, and the second reply of DQ.
    Page(Rc<StatementMetadata>),
    /// DU.
    DirectCounts,
    /// PU.
    Counts(Rc<StatementMetadata>),
    StreamSize {
        handle: Vec<u8>,
    },
    StreamData {
        handle: Vec<u8>,
        size: i64,
    },
    /// PP in front of an execution with long values.
    UploadMetadata(Box<Upload>),
    /// SM, SB.
    UploadPiece {
        upload: Box<Upload>,
        metadata: Rc<StatementMetadata>,
    },
    /// TC, TR.
    TransactionEnd,
    /// PG, EI.
    Confirmation,
    /// OE.
    ErrorText {
        sqlcode: i32,
        counts: Vec<i64>,
    },
}

/// Everything of a connection but its receive buffer.
#[derive(Debug)]
pub(super) struct Machine {
    options: ConnectOptions,
    pub(super) state: State,
    /// Count of the last message sent that gets a reply.
    awaited_count: u32,
    pub(super) next_count: u32,
    pub(super) statements: Statements,
    pub(super) autocommit: bool,
    transaction_open: bool,
    /// Streams read and not closed yet; CS has no reply and travels in front of the next request.
    streams_to_close: Vec<(u32, Vec<u8>)>,
    pub(super) job: i64,
    round_trips_count: u64,
}

impl Machine {
    pub(super) fn new(options: ConnectOptions) -> Self {
        let statements = Statements::new(options.statements_max);
        Self {
            options,
            state: State::New,
            awaited_count: 0,
            next_count: 1,
            statements,
            autocommit: true,
            transaction_open: false,
            streams_to_close: Vec::new(),
            job: 0,
            round_trips_count: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.transaction_open
    }

    pub(super) fn current_statement_id(&self) -> u32 {
        match &self.state {
            State::Waiting(waiting) => waiting.statement_id,
            _ => 0,
        }
    }

    pub(super) fn job(&self) -> i64 {
        self.job
    }

    pub(super) fn round_trips_count(&self) -> u64 {
        self.round_trips_count
    }

    pub(super) fn start(&mut self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        if !matches!(self.state, State::New) {
            return Err(LinkError::Misuse("started twice"));
        }
        self.send(Opcode::HANDSHAKE, 0, out, put_handshake)?;
        self.state = State::Handshake;
        Ok(())
    }

    pub(super) fn submit(&mut self, request: &Request, out: &mut Vec<u8>) -> Result<SubmitOutcome, LinkError> {
        self.need_idle()?;
        match request {
            Request::Prepare { statement, in_transaction } => {
                self.begin(*in_transaction, out)?;
                let id = self.statements.claim(statement.key);
                self.send(Opcode::PREPARE, id, out, |out| put_prepare(out, statement))?;
                self.wait(id, Expected::Metadata { is_query: statement.is_query })
            }
            Request::Execute { statement, values, values_per_set, sets, rows_max, in_transaction } => {
                self.begin(*in_transaction, out)?;
                let values = Values { items: values, per_set: *values_per_set, sets: *sets, rows_max: *rows_max };
                self.execute(statement, &values, out)
            }
            Request::Fetch { statement } => {
                let (id, metadata) = self
                    .statements
                    .open_result(statement.key)
                    .and_then(|id| Some((id, Rc::clone(self.statements.metadata(id)?))))
                    .ok_or(LinkError::Misuse("fetch without an open result"))?;
                self.flush_streams(out)?;
                self.send(Opcode::FETCH, id, out, |_| {})?;
                self.wait(id, Expected::Page(metadata))
            }
            Request::CloseResult { statement } => {
                if let Some(id) = self.statements.open_result(statement.key) {
                    self.close_result(id, out)?;
                }
                Ok(SubmitOutcome::Done)
            }
            Request::ReadStream { statement, handle, .. } => {
                let id = self.statements.last_id(statement.key).unwrap_or(0);
                self.flush_streams(out)?;
                self.send(Opcode::STREAM_SIZE, id, out, |out| out.extend_from_slice(handle))?;
                self.wait(id, Expected::StreamSize { handle: handle.clone() })
            }
            Request::Commit => self.end_transaction(Opcode::COMMIT, out),
            Request::Rollback => self.end_transaction(Opcode::ROLLBACK, out),
        }
    }

    pub(super) fn ping(&mut self, out: &mut Vec<u8>) -> Result<SubmitOutcome, LinkError> {
        self.need_idle()?;
        self.send(Opcode::PING, 0, out, |_| {})?;
        self.wait(0, Expected::Confirmation)
    }

    pub(super) fn interrupt(
        &mut self,
        job: i64,
        statement_id: u32,
        out: &mut Vec<u8>,
    ) -> Result<SubmitOutcome, LinkError> {
        self.need_idle()?;
        self.send(Opcode::INTERRUPT, 0, out, |out| {
            put_int(out, job);
            put_int(out, statement_id.into());
        })?;
        self.wait(0, Expected::Confirmation)
    }

    pub(super) fn disconnect(&mut self, out: &mut Vec<u8>) {
        self.state = State::Closed;
        let message = MessageWriter::request(out, Opcode::DISCONNECT, 0, 0);
        // An empty body always fits.
        let _ = message.finish(out);
    }

    pub(super) fn close_results(&mut self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        self.need_idle()?;
        for id in self.statements.close_results() {
            self.close_result(id, out)?;
        }
        self.flush_streams(out)
    }

    fn need_idle(&self) -> Result<(), LinkError> {
        match self.state {
            State::Idle => Ok(()),
            State::Closed => Err(LinkError::Closed),
            _ => Err(LinkError::Misuse("a request is in flight")),
        }
    }

    /// Brings autocommit to what the request needs. Neither AF nor AN has a reply.
    ///
    /// COMMIT and ROLLBACK leave autocommit off; the next request finds out whether that has to change. A client
    /// that runs one transaction after the other thus pays for one AF in all.
    fn begin(&mut self, in_transaction: bool, out: &mut Vec<u8>) -> Result<(), LinkError> {
        self.flush_streams(out)?;
        if in_transaction == self.autocommit {
            let opcode = if in_transaction { Opcode::AUTOCOMMIT_OFF } else { Opcode::AUTOCOMMIT_ON };
            self.send(opcode, 0, out, |_| {})?;
            self.autocommit = !in_transaction;
        }
        self.transaction_open = in_transaction;
        Ok(())
    }

    fn execute(
        &mut self,
        statement: &IrisStatement,
        values: &Values<'_>,
        out: &mut Vec<u8>,
    ) -> Result<SubmitOutcome, LinkError> {
        let id = self.statements.claim(statement.key);
        if values.items.len() > INLINE_UNITS_MAX {
            return self.execute_long(id, statement, values, out);
        }
        if self.statements.is_forgotten(id) {
            return self.prepare_again(id, statement, values, out);
        }
        let known = self.statements.metadata(id).filter(|metadata| metadata.cacheable).map(Rc::clone);
        match (known, statement.is_query) {
            (Some(metadata), true) => {
                self.send(Opcode::EXECUTE_QUERY, id, out, |out| values.put_query(out))?;
                self.wait(id, Expected::Page(metadata))
            }
            (Some(metadata), false) => {
                self.send(Opcode::EXECUTE_UPDATE, id, out, |out| values.put_update(out))?;
                self.wait(id, Expected::Counts(metadata))
            }
            (None, true) => {
                self.send(Opcode::DIRECT_QUERY, id, out, |out| {
                    put_prepare(out, statement);
                    values.put_query(out);
                })?;
                self.wait(id, Expected::DirectMetadata)
            }
            (None, false) => {
                self.send(Opcode::DIRECT_UPDATE, id, out, |out| {
                    put_prepare(out, statement);
                    values.put_update(out);
                })?;
                self.wait(id, Expected::DirectCounts)
            }
        }
    }

    /// An execution that may have values for streams: their places must be known before anything is sent.
    fn end_transaction(&mut self, opcode: Opcode, out: &mut Vec<u8>) -> Result<SubmitOutcome, LinkError> {
        self.flush_streams(out)?;
        self.send(opcode, 0, out, |_| {})?;
        self.wait(0, Expected::TransactionEnd)
    }

    fn close_result(&mut self, id: u32, out: &mut Vec<u8>) -> Result<(), LinkError> {
        self.statements.set_result_open(id, false);
        self.send(Opcode::CLOSE_RESULT, id, out, |_| {})
    }

    fn flush_streams(&mut self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        for (id, handle) in std::mem::take(&mut self.streams_to_close) {
            self.send(Opcode::STREAMS_CLOSE, id, out, |out| out.extend_from_slice(&handle))?;
        }
        Ok(())
    }

    /// Appends one message with the next count.
    pub(super) fn send(
        &mut self,
        opcode: Opcode,
        statement_id: u32,
        out: &mut Vec<u8>,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), LinkError> {
        let count = self.next_count;
        let message = MessageWriter::request(out, opcode, count, statement_id);
        body(out);
        if !message.finish(out) {
            return Err(LinkError::RequestTooLarge);
        }
        // Odd numbers stay odd when they wrap.
        self.next_count = count.wrapping_add(2);
        if opcode.has_reply() {
            self.awaited_count = count;
            self.round_trips_count = self.round_trips_count.wrapping_add(1);
        }
        Ok(())
    }

    pub(super) fn wait(&mut self, statement_id: u32, expected: Expected) -> Result<SubmitOutcome, LinkError> {
        self.state = State::Waiting(Waiting { statement_id, expected });
        Ok(SubmitOutcome::Pending)
    }

    /// Judges a header before its body has arrived, so that a peer that talks nonsense is not waited for.
    pub(super) fn check(&self, header: &Header) -> Result<(), LinkError> {
        match self.state {
            State::New | State::Idle => return Err(LinkError::Unasked("a message")),
            State::Closed => return Err(LinkError::Closed),
            _ => {}
        }
        if header.count.is_multiple_of(2) {
            return Err(LinkError::CallBack(header.count));
        }
        if header.count != self.awaited_count {
            return Err(LinkError::OutOfOrder { expected: self.awaited_count, got: header.count });
        }
        let bytes_max = self.options.reply_bytes_max;
        if header.body_bytes > bytes_max {
            return Err(LinkError::ReplyTooLarge { bytes: header.body_bytes, bytes_max });
        }
        Ok(())
    }

    /// Takes a whole message; may append the answer the protocol wants at once. After an error nothing more is taken.
    pub(super) fn on_message(&mut self, header: &Header, body: &[u8], out: &mut Vec<u8>) -> Result<Outcome, LinkError> {
        let outcome = self.dispatch(header, body, out);
        if outcome.is_err() {
            self.state = State::Closed;
        }
        outcome
    }

    fn dispatch(&mut self, header: &Header, body: &[u8], out: &mut Vec<u8>) -> Result<Outcome, LinkError> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Handshake => self.on_handshake(body, out),
            State::Login => self.on_login(header.status(), body),
            State::Waiting(waiting) => self.on_reply(waiting, header.status(), body, out),
            State::New | State::Idle | State::Closed => Err(LinkError::Unasked("a message")),
        }
    }

    fn on_handshake(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<Outcome, LinkError> {
        let [version_low, version_high, flags_low, flags_high, ..] = *body else {
            return Err(LinkError::Unasked("a short handshake"));
        };
        let version = u16::from_le_bytes([version_low, version_high]);
        if version < PROTOCOL_VERSION_MIN {
            return Err(LinkError::ProtocolTooOld(version));
        }
        if u16::from_le_bytes([flags_low, flags_high]) & FLAG_UNICODE == 0 {
            return Err(LinkError::EightBitServer);
        }
        let options = std::mem::take(&mut self.options);
        let sent = self.send(Opcode::CONNECT, 0, out, |out| put_connect(out, &options));
        self.options = options;
        sent?;
        self.state = State::Login;
        Ok(Outcome::More)
    }

    fn on_login(&mut self, status: u16, body: &[u8]) -> Result<Outcome, LinkError> {
        let mut reader = ItemReader::new(body);
        if status != STATUS_OK {
            let text = reader.text("refusal").unwrap_or_default();
            return Err(LinkError::LoginRefused { sqlcode: sqlcode_of(status), text });
        }
        let server_version = reader.text("server version")?;
        for field in ["delimited identifiers", "login item 3", "isolation levels"] {
            reader.need_raw(field)?;
        }
        self.job = reader.int("server job")?;
        self.state = State::Idle;
        Ok(Outcome::Connected { job: self.job, server_version })
    }

    fn on_reply(
        &mut self,
        waiting: Waiting,
        status: u16,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Outcome, LinkError> {
        let Waiting { statement_id: id, expected } = waiting;
        if !succeeded(&expected, status) && !answers_despite_status(&expected, body) {
            return self.on_error(id, &expected, status, body, out);
        }
        let mut reader = ItemReader::new(body);
        self.state = State::Idle;
        Ok(match expected {
            Expected::Metadata { is_query } => {
                let metadata = Rc::new(StatementMetadata::read(&mut reader, is_query)?);
                self.statements.prepared(id, Rc::clone(&metadata));
                Outcome::Prepared(metadata)
            }
            Expected::SameMetadata { is_query, body } => {
                let metadata = Rc::new(StatementMetadata::read(&mut reader, is_query)?);
                self.on_same_metadata(id, is_query, metadata, &body, out)?
            }
            Expected::DirectMetadata => {
                let metadata = Rc::new(StatementMetadata::read(&mut reader, true)?);
                self.statements.prepared(id, Rc::clone(&metadata));
                self.wait(id, Expected::Page(metadata))?;
                Outcome::More
            }
            Expected::Page(metadata) => {
                let end = status == STATUS_END;
                self.statements.set_result_open(id, !end);
                Outcome::Page { metadata, end }
            }
            Expected::DirectCounts => {
                let metadata = Rc::new(StatementMetadata::read(&mut reader, false)?);
                self.statements.prepared(id, Rc::clone(&metadata));
                Outcome::Updated { metadata, counts: counts(&mut reader)? }
            }
            Expected::Counts(metadata) => Outcome::Updated { metadata, counts: counts(&mut reader)? },
            Expected::StreamSize { handle } => {
                let size = reader.int("stream size")?;
                if size < 0 {
                    return Ok(Outcome::EmptyStream);
                }
                self.send(Opcode::STREAM_READ, id, out, |out| {
                    out.extend_from_slice(&handle);
                    put_int(out, size);
                })?;
                self.wait(id, Expected::StreamData { handle, size })?;
                Outcome::More
            }
            Expected::StreamData { handle, size } => {
                // Characters are UTF-16 units, of which each takes at least one byte.
                if length(body.len()) < size {
                    return Err(LinkError::ShortStream { expected: size, got: body.len() });
                }
                self.streams_to_close.push((id, handle));
                Outcome::Stream
            }
            Expected::UploadMetadata(upload) => {
                let metadata = Rc::new(StatementMetadata::read(&mut reader, upload.is_query)?);
                if !self.still_means(id, &metadata) {
                    return Ok(Outcome::Failed { error: IrisError::recompiled(), counts: Vec::new() });
                }
                self.statements.prepared(id, Rc::clone(&metadata));
                self.go_on(id, upload, metadata, out)?;
                Outcome::More
            }
            Expected::UploadPiece { mut upload, metadata } => {
                upload.on_handle(body)?;
                self.go_on(id, upload, metadata, out)?;
                Outcome::More
            }
            Expected::TransactionEnd => {
                self.transaction_open = false;
                Outcome::Done
            }
            Expected::Confirmation => Outcome::Done,
            Expected::ErrorText { sqlcode, counts } => self.on_error_text(sqlcode, counts, body),
        })
    }

    /// IRIS said no: the text is asked for at once, under the same statement id.
    fn on_error(
        &mut self,
        id: u32,
        expected: &Expected,
        status: u16,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Outcome, LinkError> {
        if status == STATUS_FORGOTTEN && matches!(expected, Expected::Page(_) | Expected::Counts(_)) {
            self.statements.set_result_open(id, false);
            // Said of a text that has just been sent, it is an error like others.
            if self.statements.set_forgotten(id) {
                self.state = State::Idle;
                return Ok(Outcome::Forgotten);
            }
        }
        let sqlcode = sqlcode_of(status);
        let mut sets = Vec::new();
        match expected {
            Expected::Metadata { .. }
            | Expected::SameMetadata { .. }
            | Expected::UploadMetadata(_)
            | Expected::DirectMetadata => self.statements.forget(id),
            Expected::DirectCounts => {
                self.statements.forget(id);
                sets = counts(&mut ItemReader::new(body)).unwrap_or_default();
            }
            Expected::Counts(_) => sets = counts(&mut ItemReader::new(body)).unwrap_or_default(),
            Expected::Page(_) => self.statements.set_result_open(id, false),
            _ => {}
        }
        if STALE_PLAN_CODES.contains(&sqlcode) {
            self.statements.forget(id);
        }
        self.send(Opcode::ERROR_TEXT, id, out, |out| put_int(out, status.into()))?;
        self.wait(id, Expected::ErrorText { sqlcode, counts: sets })?;
        Ok(Outcome::More)
    }

    fn on_error_text(&mut self, sqlcode: i32, counts: Vec<i64>, body: &[u8]) -> Outcome {
        // A code without its text is still an error worth reporting.
        let text = ItemReader::new(body).text("error text").unwrap_or_default();
        self.state = State::Idle;
        Outcome::Failed { error: IrisError { sqlcode, text }, counts }
    }
}

/// 100 is success with every SQL reply, but a failure of a commit (section 10).
fn succeeded(expected: &Expected, status: u16) -> bool {
    match status {
        STATUS_OK => true,
        STATUS_END => !matches!(expected, Expected::TransactionEnd),
        _ => false,
    }
}

/// Clients ignore the status of OE, SS and JS (sections 9.1 and 11.1): what counts is whether the body is there.
fn answers_despite_status(expected: &Expected, body: &[u8]) -> bool {
    match expected {
        Expected::ErrorText { .. } => true,
        Expected::StreamSize { .. } => ItemReader::new(body).int("stream size").is_ok(),
        Expected::StreamData { .. } => !body.is_empty(),
        _ => false,
    }
}

/// Row counts to the end of the body, one per set.
fn counts(reader: &mut ItemReader<'_>) -> Result<Vec<i64>, LinkError> {
    let mut counts = Vec::new();
    while !reader.is_empty() {
        counts.push(reader.int("row count")?);
    }
    Ok(counts)
}
