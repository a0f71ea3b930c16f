//! The one backend and whose turn it is.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use iris_pgwire::parts::wire::Messages;

use super::connection::Connection;
use super::copies::{Commits, copy_data};
use super::engine::{Engine, has_error, last_status, query};
use super::interrupt::Interrupts;

/// Whole messages of one connection, the last of which makes PostgreSQL answer with ReadyForQuery.
pub struct Batch {
    pub connection: Arc<Connection>,
    pub frames: Vec<u8>,
}

/// What connections tell the backend.
pub enum Word {
    Batch(Batch),
    Gone(Arc<Connection>),
    Copy(CopyOrder),
}

/// Asks for a copy of the data, to be made while nobody has a turn.
pub struct CopyOrder {
    pub from: PathBuf,
    pub to: PathBuf,
    /// Hears how many commits the copy holds.
    pub done: SyncSender<Result<u64, String>>,
}

/// What has been committed is written to its place no later than this. Recovery repeats what came after, and nothing
/// else than a request makes a PostgreSQL without background processes do it.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(500);

/// Lends the engine to one connection at a time: from the first message of a transaction to its end.
pub struct Backend<E> {
    engine: E,
    owner_silence: Duration,
    waiting: VecDeque<Batch>,
    copies: VecDeque<CopyOrder>,
    owner: Option<Arc<Connection>>,
    interrupts: Arc<Interrupts>,
    commits: Commits,
    is_broken: bool,
    /// When the next checkpoint is due; `None`: nothing has been committed since the last.
    checkpoint_at: Option<Instant>,
}

impl<E: Engine> Backend<E> {
    pub fn new(engine: E, owner_silence: Duration, interrupts: Arc<Interrupts>, commits: Commits) -> Self {
        Self {
            engine,
            owner_silence,
            waiting: VecDeque::new(),
            copies: VecDeque::new(),
            owner: None,
            interrupts,
            commits,
            is_broken: false,
            checkpoint_at: None,
        }
    }

    /// Ends when the engine breaks, or when no connection can come any more.
    pub fn serve(&mut self, words: &Receiver<Word>) {
        while !self.is_broken {
            match self.next(words) {
                Some(batch) => self.run(batch),
                None if self.owner.is_some() => self.roll_back(),
                None => break,
            }
        }
        if let Some(owner) = self.owner.take() {
            owner.close();
        }
    }

    /// The next batch that may run, in the order of arrival. `None`: the owner is gone or has been silent for too long;
    /// without an owner: nothing will come any more.
    fn next(&mut self, words: &Receiver<Word>) -> Option<Batch> {
        let deadline = Instant::now() + self.owner_silence;
        loop {
            if self.owner.is_none() {
                self.work_without_owner();
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
                Word::Copy(order) => self.copies.push_back(order),
                Word::Gone(connection) => {
                    self.waiting.retain(|batch| !Arc::ptr_eq(&batch.connection, &connection));
                    if self.owner.as_ref().is_some_and(|owner| Arc::ptr_eq(owner, &connection)) {
                        return None;
                    }
                }
            }
        }
    }

    fn work_without_owner(&mut self) {
        if self.engine.is_worn() {
            tracing::info!("the embedded PostgreSQL has had as many errors as it may");
            self.is_broken = true;
            return;
        }
        if self.checkpoint_at.is_some_and(|at| at <= Instant::now()) {
            self.checkpoint();
        }
        if let Some(order) = self.copies.pop_front() {
            let copied = self.copy(&order);
            // Who asked may have gone.
            let _ = order.done.send(copied);
        }
    }

    fn copy(&mut self, order: &CopyOrder) -> Result<u64, String> {
        self.checkpoint();
        copy_data(&order.from, &order.to).map_err(|error| format!("the data could not be copied: {error}"))?;
        Ok(self.commits.count())
    }

    fn run(&mut self, mut batch: Batch) {
        if self.owner.is_none() {
            self.interrupts.begin_turn(batch.connection.number());
            batch.connection.announce_turn();
        }
        let families = self.engine.families();
        if let Some(families) = families {
            families.renumber_parameters(&mut batch.frames);
        }
        let is_interruptible = self.owner.is_some() && !ends_transaction(&batch.frames);
        let mut answer = Vec::new();
        for (_, message) in Messages::new(&batch.frames) {
            if is_interruptible {
                self.interrupts.begin();
            }
            let result = self.engine.exchange(message);
            let is_over = result.as_ref().map_or(true, |bytes| has_error(bytes));
            self.interrupts.end(is_over);
            match result {
                Ok(bytes) => answer.extend_from_slice(&bytes),
                Err(error) => {
                    batch.connection.close();
                    return self.broke(&error);
                }
            }
            // Nobody waits for the rest.
            if batch.connection.is_gone() {
                // It may have committed something.
                if self.count_commit() {
                    self.roll_back();
                }
                return;
            }
        }
        if let Some(families) = families {
            families.renumber_results(&mut answer);
        }
        let is_committed = Messages::new(&answer).any(|(frame, _)| frame.tag == b'C' && frame.body == b"COMMIT\0");
        if is_committed && self.checkpoint_at.is_none() {
            self.checkpoint_at = Instant::now().checked_add(CHECKPOINT_INTERVAL);
        }
        let is_free = last_status(&answer) == Some(b'I');
        // What ends outside of a transaction is committed, unless it was but the end of one that was not.
        let is_more_than_rollback =
            || Messages::new(&answer).any(|(frame, _)| frame.tag == b'C' && frame.body != b"ROLLBACK\0");
        // Before anybody is told.
        if (is_committed || is_free && is_more_than_rollback()) && !self.count_commit() {
            return batch.connection.close();
        }
        self.owner = (!is_free).then(|| Arc::clone(&batch.connection));
        if self.owner.is_none() {
            self.interrupts.end_turn();
        }
        batch.connection.send(answer);
    }

    /// False: this PostgreSQL must not be used any more.
    fn count_commit(&mut self) -> bool {
        let counted = self.commits.add();
        if let Err(error) = &counted {
            self.broke(&format!("a commit cannot be counted: {error}"));
        }
        counted.is_ok()
    }

    fn checkpoint(&mut self) {
        self.checkpoint_at = None;
        match self.engine.exchange(&query("CHECKPOINT")) {
            Ok(answer) if has_error(&answer) => {
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
        self.interrupts.end_turn();
        for message in [b"S\0\0\0\x04".to_vec(), query("ROLLBACK")] {
            match self.engine.exchange(&message) {
                Ok(answer) => self.is_broken = last_status(&answer).is_some_and(|status| status == b'E'),
                Err(error) => return self.broke(&error),
            }
        }
    }
}

/// What must not fail, or the transaction would stay.
fn ends_transaction(frames: &[u8]) -> bool {
    ["ROLLBACK", "COMMIT"].iter().any(|command| frames == query(command))
}
