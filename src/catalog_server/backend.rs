//! The one backend and whose turn it is.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use iris_pgwire::wire::Frame;
use pglite_oxide::{ExecProtocolOptions, Pglite, PgliteBuilder, PglitePaths, extensions};

use super::aside::Aside;
use super::connection::Connection;

/// Whole messages of one connection, the last of which makes PostgreSQL answer with ReadyForQuery.
pub struct Batch {
    pub connection: Arc<Connection>,
    pub frames: Vec<u8>,
}

/// What connections tell the backend.
pub enum Word {
    Batch(Batch),
    Gone(Arc<Connection>),
}

/// PostgreSQL as a function from messages to messages.
pub trait Engine {
    /// One frontend message in, what PostgreSQL answers out.
    ///
    /// # Errors
    /// The engine is broken and must not be used any more.
    fn exchange(&mut self, message: &[u8]) -> Result<Vec<u8>, String>;
}

/// PostgreSQL compiled to WebAssembly.
pub struct Embedded {
    database: Pglite,
    server_version: String,
}

impl Embedded {
    /// PostgreSQL over the data in a folder: new ones, or those of an earlier process and the database to go on with.
    ///
    /// A process that is killed has left to the kernel all that it wrote, so that the next one finds it without an
    /// fsync (the library asks for none). But a commit must have been written, which is what `synchronous_commit` sees
    /// to; and a write that a kill cuts off may end between two pages of the kernel, which `full_page_writes` mends.
    pub fn open(data: &Path, reopen: Option<&str>) -> Result<Self, String> {
        let mut builder = PgliteBuilder::new().path(data).extension(extensions::VECTOR);
        let mut aside = None;
        if let Some(database) = reopen {
            builder = builder.database(database);
            let put = Aside::put(&PglitePaths::with_root(data).pgdata, data.join("aside"));
            aside = Some(put.map_err(|error| format!("files could not be put aside: {error}"))?);
        }
        let database = builder.open().map_err(|error| format!("{error:#}"))?;
        if let Some(aside) = aside {
            aside.end().map_err(|error| format!("files that were put aside could not be put back: {error}"))?;
        }
        let mut embedded = Self { database, server_version: String::new() };
        // It starts without a session user in its settings, and so the end of a transaction with another one would
        // not bring the first one back.
        let answer = embedded
            .exchange(&query("SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_authid WHERE oid = 10"))?;
        let superuser = first_value(&answer).ok_or("it has no superuser")?;
        embedded.exchange(&query(&format!("SET SESSION AUTHORIZATION {superuser}")))?;
        let answer = embedded.exchange(&query("SHOW server_version"))?;
        embedded.server_version = first_value(&answer).ok_or("it does not tell its version")?;
        Ok(embedded)
    }

    pub fn server_version(&self) -> &str {
        &self.server_version
    }
}

impl Engine for Embedded {
    fn exchange(&mut self, message: &[u8]) -> Result<Vec<u8>, String> {
        self.database.exec_protocol_raw(message, ExecProtocolOptions::no_sync()).map_err(|error| format!("{error:#}"))
    }
}

/// What has been committed is written to its place no later than this. Recovery repeats what came after, and nothing
/// else than a request makes a PostgreSQL without background processes do it.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(500);

/// Lends the engine to one connection at a time: from the first message of a transaction to its end.
pub struct Backend<E> {
    engine: E,
    owner_silence: Duration,
    waiting: VecDeque<Batch>,
    owner: Option<Arc<Connection>>,
    is_broken: bool,
    /// When the next checkpoint is due; `None`: nothing has been committed since the last.
    checkpoint_at: Option<Instant>,
}

impl<E: Engine> Backend<E> {
    pub fn new(engine: E, owner_silence: Duration) -> Self {
        Self { engine, owner_silence, waiting: VecDeque::new(), owner: None, is_broken: false, checkpoint_at: None }
    }

    /// Ends when the engine breaks, or when no connection can come any more.
    pub fn serve(mut self, words: &Receiver<Word>) {
        while !self.is_broken {
            match self.next(words) {
                Some(batch) => self.run(&batch),
                None if self.owner.is_some() => self.roll_back(),
                None => return,
            }
        }
    }

    /// The next batch that may run, in the order of arrival. `None`: the owner is gone or has been silent for too long;
    /// without an owner: nothing will come any more.
    fn next(&mut self, words: &Receiver<Word>) -> Option<Batch> {
        let deadline = Instant::now() + self.owner_silence;
        loop {
            if self.owner.is_none() && self.checkpoint_at.is_some_and(|at| at <= Instant::now()) {
                self.checkpoint();
            }
            if self.is_broken {
                return None;
            }
            let place = match &self.owner {
                None => (!self.waiting.is_empty()).then_some(0),
                Some(owner) => self.waiting.iter().position(|batch| Arc::ptr_eq(&batch.connection, owner)),
            };
            if let Some(batch) = place.and_then(|place| self.waiting.remove(place)) {
                if batch.connection.is_gone() && self.owner.is_none() {
                    continue;
                }
                return Some(batch);
            }
            let left = |at: Instant| at.saturating_duration_since(Instant::now());
            let word = match (&self.owner, self.checkpoint_at) {
                (Some(_), _) => words.recv_timeout(left(deadline)).ok()?,
                (None, None) => words.recv().ok()?,
                (None, Some(at)) => match words.recv_timeout(left(at)) {
                    Ok(word) => word,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return None,
                },
            };
            match word {
                Word::Batch(batch) => self.waiting.push_back(batch),
                Word::Gone(connection) => {
                    self.waiting.retain(|batch| !Arc::ptr_eq(&batch.connection, &connection));
                    if self.owner.as_ref().is_some_and(|owner| Arc::ptr_eq(owner, &connection)) {
                        return None;
                    }
                }
            }
        }
    }

    fn run(&mut self, batch: &Batch) {
        if self.owner.is_none() {
            batch.connection.announce_turn();
        }
        let mut answer = Vec::new();
        let mut rest = batch.frames.as_slice();
        while let Ok(Some(frame)) = Frame::cut_backend(rest, u32::MAX) {
            let (message, tail) = rest.split_at(frame.wire_len().min(rest.len()));
            rest = tail;
            match self.engine.exchange(message) {
                Ok(bytes) => answer.extend_from_slice(&bytes),
                Err(error) => return self.broke(&error),
            }
            // Nobody waits for the rest.
            if batch.connection.is_gone() {
                return self.roll_back();
            }
        }
        if self.checkpoint_at.is_none() && messages(&answer).any(|frame| frame.tag == b'C' && frame.body == b"COMMIT\0")
        {
            self.checkpoint_at = Instant::now().checked_add(CHECKPOINT_INTERVAL);
        }
        self.owner = match last_status(&answer) {
            Some(b'I') => None,
            _ => Some(Arc::clone(&batch.connection)),
        };
        batch.connection.send(answer);
    }

    fn checkpoint(&mut self) {
        self.checkpoint_at = None;
        match self.engine.exchange(&query("CHECKPOINT")) {
            Ok(answer) if messages(&answer).any(|frame| frame.tag == b'E') => {
                tracing::warn!("a checkpoint failed; a restart will take longer");
            }
            Ok(_) => {}
            Err(error) => self.broke(&error),
        }
    }

    fn broke(&mut self, error: &str) {
        tracing::error!(error, "the embedded PostgreSQL broke");
        self.is_broken = true;
    }

    /// Takes the engine away from whoever has it. Sync first: an extended batch may have been left in the middle.
    fn roll_back(&mut self) {
        self.owner = None;
        for message in [b"S\0\0\0\x04".to_vec(), query("ROLLBACK")] {
            match self.engine.exchange(&message) {
                Ok(answer) => self.is_broken = last_status(&answer).is_some_and(|status| status == b'E'),
                Err(error) => return self.broke(&error),
            }
        }
    }
}

/// A Query message.
fn query(sql: &str) -> Vec<u8> {
    let mut message = vec![b'Q'];
    let length = u32::try_from(sql.len().saturating_add(5)).unwrap_or(u32::MAX);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(sql.as_bytes());
    message.push(0);
    message
}

fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        let frame = Frame::cut_backend(bytes, u32::MAX).ok().flatten()?;
        bytes = bytes.get(frame.wire_len()..).unwrap_or_default();
        Some(frame)
    })
}

/// The transaction status of the last ReadyForQuery.
fn last_status(answer: &[u8]) -> Option<u8> {
    messages(answer).filter(|frame| frame.tag == b'Z').last().and_then(|frame| frame.body.first().copied())
}

/// The first column of the first row, as text.
fn first_value(answer: &[u8]) -> Option<String> {
    let row = messages(answer).find(|frame| frame.tag == b'D')?;
    let (length, rest) = row.body.get(2..)?.split_first_chunk::<4>()?;
    let value = rest.get(..usize::try_from(i32::from_be_bytes(*length)).ok()?)?;
    Some(String::from_utf8_lossy(value).into_owned())
}
