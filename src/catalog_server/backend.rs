//! The one backend and whose turn it is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use iris_pgwire::wire::Frame;
use pglite_oxide::{ExecProtocolOptions, Pglite, PgliteBuilder, extensions};

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
    /// Data is written to the temporary folder of the process.
    pub fn open() -> Result<Self, String> {
        let database = PgliteBuilder::new()
            .temporary()
            .relaxed_durability(true)
            .extension(extensions::VECTOR)
            .open()
            .map_err(|error| format!("{error:#}"))?;
        let mut embedded = Self { database, server_version: String::new() };
        // It starts without a session user in its settings, and so the end of a transaction with another one would
        // not bring the first one back.
        embedded.exchange(&query("SET SESSION AUTHORIZATION postgres"))?;
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

/// Lends the engine to one connection at a time: from the first message of a transaction to its end.
pub struct Backend<E> {
    engine: E,
    owner_silence: Duration,
    waiting: VecDeque<Batch>,
    owner: Option<Arc<Connection>>,
    is_broken: bool,
}

impl<E: Engine> Backend<E> {
    pub fn new(engine: E, owner_silence: Duration) -> Self {
        Self { engine, owner_silence, waiting: VecDeque::new(), owner: None, is_broken: false }
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
            let word = if self.owner.is_some() {
                match words.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(word) => word,
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
                }
            } else {
                words.recv().ok()?
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
                Err(error) => {
                    tracing::error!(%error, "the embedded PostgreSQL broke");
                    self.is_broken = true;
                    return;
                }
            }
            // Nobody waits for the rest.
            if batch.connection.is_gone() {
                return self.roll_back();
            }
        }
        self.owner = match last_status(&answer) {
            Some(b'I') => None,
            _ => Some(Arc::clone(&batch.connection)),
        };
        batch.connection.send(answer);
    }

    /// Takes the engine away from whoever has it. Sync first: an extended batch may have been left in the middle.
    fn roll_back(&mut self) {
        self.owner = None;
        for message in [b"S\0\0\0\x04".to_vec(), query("ROLLBACK")] {
            match self.engine.exchange(&message) {
                Ok(answer) => self.is_broken = last_status(&answer).is_some_and(|status| status == b'E'),
                Err(error) => {
                    tracing::error!(%error, "the embedded PostgreSQL broke");
                    self.is_broken = true;
                    return;
                }
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
