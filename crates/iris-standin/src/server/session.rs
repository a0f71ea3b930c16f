//! One logged-in client: takes its messages one after the other and answers each.

use std::collections::HashMap;

use super::{
    Backend, Engine, SuperserverOptions, catalogue,
    error_texts::sqlcode_text,
    errors::{self, error_text, malformed},
    jobs::{CancelRefusal, JobGuard},
    results::Results,
    shared::Shared,
    statements::{GeneratedKeys, Statement},
    streams::{Streams, put_handle},
    transport::{Body, Head, Link, LinkError, Message},
};
use crate::engine::SqlError;
use iris_protocol::{
    ItemReader, ListError, Opcode, STATUS_OK,
    list::{put_int, put_string},
};

/// Native API: a class method with a value. Its success status is 0xCA00 (facts, sections 1.4 and 14).
const CALL_METHOD: Opcode = Opcode([b'K', 0xc2]);
const STATUS_NATIVE: u16 = 0xca00;

/// Why a message was not answered as it wished.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection is over.
    Link(LinkError),
    /// The client gets the status now and the text when it asks.
    Sql(SqlError),
    /// The same, with the row counts of a batch in the body.
    Batch(SqlError, Vec<i64>),
}

impl From<LinkError> for Fault {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<SqlError> for Fault {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<ListError> for Fault {
    fn from(error: ListError) -> Self {
        Self::Sql(malformed(&error.to_string()))
    }
}

/// The state of a connection.
pub(super) struct Session<'a, E: Engine> {
    pub(super) shared: &'a Shared<E>,
    pub(super) job: &'a JobGuard,
    pub(super) link: Link,
    pub(super) backend: E::Backend,
    /// Prepare replies begin with a feature item: the client asked for bit 1, and it was granted.
    pub(super) feature_item: bool,
    pub(super) statements: HashMap<u32, Statement<<E::Backend as Backend>::Statement>>,
    /// Bytes of all their texts.
    pub(super) statement_bytes: usize,
    pub(super) results: Results,
    pub(super) streams: Streams,
    pub(super) keys: Option<GeneratedKeys>,
    /// Rows the last update touched.
    pub(super) last_count: i64,
    /// Arrived while an open result was waiting to be fetched.
    pub(super) pending: Option<Message>,
    user: &'a str,
    last_error: Option<(u16, String)>,
}

impl<'a, E: Engine> Session<'a, E> {
    pub(super) fn new(
        shared: &'a Shared<E>,
        job: &'a JobGuard,
        link: Link,
        backend: E::Backend,
        user: &'a str,
        feature_item: bool,
    ) -> Self {
        Self {
            shared,
            job,
            link,
            backend,
            feature_item,
            statements: HashMap::new(),
            statement_bytes: 0,
            results: Results::default(),
            streams: Streams::new(shared.options.stream_bytes_max),
            keys: None,
            last_count: 0,
            pending: None,
            user,
            last_error: None,
        }
    }

    pub(super) fn options(&self) -> &'a SuperserverOptions {
        &self.shared.options
    }

    /// Until DC or the end of the connection.
    pub(super) fn run(mut self) -> Result<(), LinkError> {
        loop {
            let message = match self.pending.take() {
                Some(message) => message,
                None => self.link.receive()?,
            };
            if message.opcode == Opcode::DISCONNECT {
                return Ok(());
            }
            match self.handle(&message) {
                Ok(()) => {}
                Err(Fault::Link(error)) => return Err(error),
                Err(Fault::Sql(error)) => self.fail(message.head, message.opcode, &error, &[])?,
                Err(Fault::Batch(error, counts)) => self.fail(message.head, message.opcode, &error, &counts)?,
            }
        }
    }

    fn handle(&mut self, message: &Message) -> Result<(), Fault> {
        let (head, body) = (message.head, message.body.as_slice());
        match message.opcode {
            Opcode::PREPARE => self.prepare(head, body),
            Opcode::EXECUTE_QUERY => self.execute_query(head, body),
            Opcode::EXECUTE_UPDATE => self.execute_update(head, body),
            Opcode::DIRECT_QUERY => self.direct_query(head, body),
            Opcode::DIRECT_UPDATE => self.direct_update(head, body),
            Opcode::FETCH | Opcode::FETCH_PROCEDURE => self.fetch(head),
            Opcode::BATCH_TEXTS => self.batch_of_texts(head, body),
            Opcode::GENERATED_KEYS => self.generated_keys(head),
            Opcode::SCROLL_DIRECT => self.scroll_direct(head, body),
            Opcode::SCROLL_EXECUTE => self.scroll_execute(head, body),
            Opcode::SCROLL_FETCH => self.scroll_fetch(head, body),
            Opcode::PREPARE_PROCEDURE => self.prepare_procedure(head, body),
            Opcode::RUN_PROCEDURE_UPDATE | Opcode::RUN_PROCEDURE_QUERY => self.run_procedure(head, body),
            Opcode::DIRECT_PROCEDURE => self.direct_procedure(head, body),
            Opcode::ERROR_TEXT => self.error_text(head, body),
            Opcode::COMMIT => self.backend.commit().map_err(Fault::Sql).and_then(|()| self.done(head)),
            Opcode::ROLLBACK => self.backend.rollback().map_err(Fault::Sql).and_then(|()| self.done(head)),
            Opcode::AUTOCOMMIT_OFF => Ok(self.backend.set_autocommit(false)?),
            Opcode::AUTOCOMMIT_ON => Ok(self.backend.set_autocommit(true)?),
            Opcode::CLOSE_RESULT => {
                self.results.close(head.statement_id);
                Ok(())
            }
            Opcode::FORGET_STATEMENTS => {
                self.forget(body);
                Ok(())
            }
            Opcode::STORE_TEXT_STREAM => self.upload(head, body, false),
            Opcode::STORE_BINARY_STREAM => self.upload(head, body, true),
            Opcode::INTERRUPT => self.interrupt(head, body),
            Opcode::ISOLATION_LEVEL => self.isolation_level(head, body),
            Opcode::PING | Opcode::CLIENT_INFO => self.done(head),
            Opcode::SCHEMA => self.reply(head, |out| put_string(out, "SQLUser")),
            CALL_METHOD => self.call_method(head, body),
            opcode if Streams::handles(opcode) => {
                answer_stream(&mut self.streams, &mut self.link, message).map_err(Fault::Link)
            }
            opcode if catalogue::handles(opcode) => self.catalogue(head, opcode, body),
            Opcode([_, 0xc2]) => self.refuse_native(head, "<FUNCTION> only %SYSTEM.Version is served here"),
            opcode => Err(SqlError::execute(409, format!("Function {opcode} is not served here")).into()),
        }
    }

    /// Success with a body.
    pub(super) fn reply(&mut self, head: Head, put: impl FnOnce(&mut Vec<u8>)) -> Result<(), Fault> {
        let mut body = Body::new();
        put(body.out());
        Ok(self.link.send(head, STATUS_OK, &mut body)?)
    }

    /// Success without a body.
    pub(super) fn done(&mut self, head: Head) -> Result<(), Fault> {
        self.reply(head, |_| {})
    }

    /// Remembers an error and, where a reply is due, sends its status. Without a body of counts clients show garbage for
    /// the row counts of a batch.
    pub(super) fn fail(
        &mut self,
        head: Head,
        opcode: Opcode,
        error: &SqlError,
        counts: &[i64],
    ) -> Result<(), LinkError> {
        let status = errors::status(error);
        let text = error_text(error);
        tracing::debug!(job = self.job.number(), %opcode, %text, "statement failed");
        self.last_error = Some((status, text));
        if !opcode.has_reply() {
            return Ok(());
        }
        let mut body = Body::new();
        for &count in counts {
            put_int(body.out(), count);
        }
        self.link.send(head, status, &mut body)
    }

    /// OE: the text of the status just received. Whatever happens its own status is 0: JDBC would ask for ever.
    fn error_text(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let asked = ItemReader::new(body).int("status").unwrap_or(0);
        let text = match &self.last_error {
            // Some clients ask with the sign of an int16.
            Some((status, text)) if i64::from(*status) == asked || asked == 0 => text.clone(),
            _ => {
                let code = i32::try_from(asked).unwrap_or(0);
                let code = if (32_768..=65_535).contains(&code) { code - 65_536 } else { code };
                let code = code.checked_abs().unwrap_or(0);
                format!("[SQLCODE: <-{code}>:<{}>]", sqlcode_text(code))
            }
        };
        self.reply(head, |out| put_string(out, &text))
    }

    fn upload(&mut self, head: Head, body: &[u8], binary: bool) -> Result<(), Fault> {
        let handle = self.streams.upload(body, binary)?;
        self.reply(head, |out| put_handle(out, &handle))
    }

    /// EI: stops the statement of another connection of the same user. Nothing to stop is no error: it may just have
    /// ended.
    fn interrupt(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let mut reader = ItemReader::new(body);
        let job = u32::try_from(reader.int("job")?).map_err(|_| ListError::OutOfRange("job"))?;
        let statement_id = u32::try_from(reader.int("statement")?).map_err(|_| ListError::OutOfRange("statement"))?;
        match self.job.jobs().cancel(job, statement_id, self.user) {
            Ok(()) | Err(CancelRefusal::NothingRuns) => self.done(head),
            Err(refusal) => Err(SqlError::execute(454, refusal_text(refusal, job)).into()),
        }
    }

    /// `CANCEL QUERY job`.
    pub(super) fn cancel_query(&self, job: u32) -> Result<(), SqlError> {
        self.job.jobs().cancel(job, 0, self.user).map_err(|refusal| {
            let code = if refusal == CancelRefusal::OtherUser { 99 } else { 400 };
            SqlError::execute(code, refusal_text(refusal, job))
        })
    }

    /// IL: sets the level, or with 0 asks for it.
    fn isolation_level(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let level = match ItemReader::new(body).int("isolation level")? {
            0 => self.backend.isolation(),
            level => self.backend.set_isolation(u8::try_from(level).unwrap_or(0)),
        };
        self.reply(head, |out| put_int(out, i64::from(level)))
    }

    /// sqlalchemy-iris calls `%SYSTEM.Version.GetNumber()` when it connects.
    fn call_method(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let mut reader = ItemReader::new(body);
        let (class, method) = match (reader.text("class"), reader.text("method")) {
            (Ok(class), Ok(method)) => (class, method),
            _ => return self.refuse_native(head, "<SYNTAX>"),
        };
        let value = match (class.as_str(), method.as_str()) {
            ("%SYSTEM.Version", "GetNumber") => &self.options().version_number,
            ("%SYSTEM.Version", "GetVersion") => &self.options().server_version,
            ("%SYSTEM.Version", _) => {
                return self.refuse_native(head, &format!("<METHOD DOES NOT EXIST> {method},{class}"));
            }
            _ => return self.refuse_native(head, &format!("<CLASS DOES NOT EXIST> {class}")),
        };
        let mut body = Body::new();
        put_string(body.out(), value);
        Ok(self.link.send(head, STATUS_NATIVE, &mut body)?)
    }

    /// Errors of the native API: the text stands in the reply.
    fn refuse_native(&mut self, head: Head, text: &str) -> Result<(), Fault> {
        let mut body = Body::new();
        put_string(body.out(), text);
        Ok(self.link.send(head, errors::FATAL, &mut body)?)
    }
}

fn refusal_text(refusal: CancelRefusal, job: u32) -> String {
    match refusal {
        CancelRefusal::NoSuchJob => format!("Process {job} does not exist"),
        CancelRefusal::OtherUser => format!("Process {job} belongs to another user"),
        CancelRefusal::NothingRuns => format!("Process {job} runs no query"),
    }
}

/// SS, JS, GB, GP, CS. An error has an empty body: clients read it whatever the status and stumble, as they should.
pub(super) fn answer_stream(streams: &mut Streams, link: &mut Link, message: &Message) -> Result<(), LinkError> {
    match streams.answer(message) {
        None => Ok(()),
        Some(Ok(mut body)) => link.send(message.head, STATUS_OK, &mut body),
        Some(Err(error)) => link.send(message.head, errors::status(&error), &mut Body::new()),
    }
}
