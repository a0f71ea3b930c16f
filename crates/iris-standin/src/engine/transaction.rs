//! Transactions of a session: autocommit, savepoints, and definitions that no rollback undoes.

use super::parse::ast::{Name, Transaction as Command, same_name};
use super::session::EngineSession;
use super::value::SqlError;

/// IRIS nests that deep; what is released by PostgreSQL's rules stays in IRIS, which has no RELEASE (manual, SAVEPOINT).
const SAVEPOINTS_MAX: usize = 255;

#[derive(Debug)]
pub(super) struct Transaction {
    autocommit: bool,
    /// START TRANSACTION, SAVEPOINT or a change: lasts to COMMIT or ROLLBACK.
    started: bool,
    /// SQLite has a transaction open and this session the writer's turn: from the first row that was changed on.
    open: bool,
    savepoints: Vec<Savepoint>,
    /// Definition statements since the transaction began: run again after a rollback.
    definitions: Vec<String>,
}

#[derive(Debug)]
struct Savepoint {
    name: Name,
    /// How many definitions had run when it was set.
    definitions: usize,
}

impl Default for Transaction {
    fn default() -> Self {
        Self { autocommit: true, started: false, open: false, savepoints: Vec::new(), definitions: Vec::new() }
    }
}

impl Transaction {
    pub(super) fn remember_definition(&mut self, text: &str) {
        if self.open {
            self.definitions.push(text.to_owned());
        }
    }

    fn spans_statements(&self) -> bool {
        !self.autocommit || self.started
    }

    fn close(&mut self) {
        self.open = false;
        self.started = false;
        self.savepoints.clear();
        self.definitions.clear();
    }
}

impl EngineSession {
    /// Turning it on commits what is open.
    ///
    /// # Errors
    /// What COMMIT gives.
    pub fn set_autocommit(&mut self, on: bool) -> Result<(), SqlError> {
        if on && !self.transaction.autocommit {
            self.commit()?;
        }
        self.transaction.autocommit = on;
        Ok(())
    }

    /// Whether each statement is a transaction by itself.
    pub fn autocommit(&self) -> bool {
        self.transaction.autocommit
    }

    /// `$TLEVEL`: 0 outside of a transaction, one more for each savepoint.
    pub(super) fn transaction_level(&self) -> i64 {
        if !self.transaction.started {
            return 0;
        }
        i64::try_from(self.transaction.savepoints.len()).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        self.transaction.started
    }

    fn run(&self, sql: &str) -> Result<(), SqlError> {
        self.conn.execute_batch(sql).map_err(|error| SqlError::execute(400, format!("Fatal error occurred: {error}")))
    }

    /// Before a change: the writer's turn, and a SQLite transaction where more than one statement belongs together.
    /// Says whether this change took the turn.
    pub(super) fn begin_changes(&mut self, statements: usize) -> Result<bool, SqlError> {
        let is_first = self.permit.is_none();
        self.take_turn()?;
        let spans = self.transaction.spans_statements();
        if (spans || statements > 1) && !self.transaction.open {
            self.begin()?;
        }
        self.transaction.started |= spans;
        Ok(is_first)
    }

    /// The savepoints set so far begin here too: nothing was written before.
    fn begin(&mut self) -> Result<(), SqlError> {
        let savepoints = (0..self.transaction.savepoints.len()).map(|at| format!("; SAVEPOINT s{at}"));
        let begin: String = std::iter::once("BEGIN IMMEDIATE".to_owned()).chain(savepoints).collect();
        if let Err(error) = self.run(&begin) {
            if !self.conn.is_autocommit() {
                let _ = self.run("ROLLBACK");
            }
            self.permit = None;
            return Err(error);
        }
        self.transaction.open = true;
        Ok(())
    }

    /// The writer's turn goes back when the statement that took it has changed nothing (an UPDATE without rows, one that
    /// failed): the transaction goes on without it.
    pub(super) fn return_turn(&mut self) -> Result<(), SqlError> {
        if self.transaction.open {
            self.transaction.open = false;
            if !self.conn.is_autocommit() {
                self.run("COMMIT")?;
            }
        }
        self.permit = None;
        Ok(())
    }

    /// After a change: under autocommit it is committed, a failed statement having undone itself.
    pub(super) fn end_changes(&mut self) -> Result<(), SqlError> {
        if self.transaction.spans_statements() {
            return Ok(());
        }
        let result = if self.transaction.open { self.run("COMMIT") } else { Ok(()) };
        if result.is_err() {
            let _ = self.run("ROLLBACK");
        }
        self.transaction.close();
        self.permit = None;
        result
    }

    /// # Errors
    /// -400 when SQLite cannot commit; the transaction is then rolled back.
    pub fn commit(&mut self) -> Result<(), SqlError> {
        if self.transaction.open
            && let Err(error) = self.run("COMMIT")
        {
            self.rollback()?;
            return Err(error);
        }
        self.transaction.close();
        self.permit = None;
        Ok(())
    }

    /// Undoes the changes; definitions stay, as in IRIS.
    ///
    /// # Errors
    /// -400 when SQLite refuses.
    pub fn rollback(&mut self) -> Result<(), SqlError> {
        let mut result = Ok(());
        if self.transaction.open {
            // SQLite has rolled back by itself after some errors.
            if !self.conn.is_autocommit() {
                result = self.run("ROLLBACK");
            }
            let definitions = std::mem::take(&mut self.transaction.definitions);
            result = result.and_then(|()| self.define_again(&definitions));
        }
        self.transaction.close();
        self.permit = None;
        result
    }

    fn define_again(&self, definitions: &[String]) -> Result<(), SqlError> {
        if definitions.is_empty() {
            return Ok(());
        }
        self.conn.flush_prepared_statement_cache();
        self.database.store.reload(&self.conn)?;
        for text in definitions {
            // One that depended on rows of the transaction may fail now; the others still count.
            let _ = self.define(text);
        }
        Ok(())
    }

    pub(super) fn transaction_statement(&mut self, command: &Command) -> Result<(), SqlError> {
        match command {
            Command::Start(isolation) => {
                if let Some(isolation) = isolation {
                    self.set_isolation(*isolation);
                }
                // Inside a transaction it has no effect.
                self.transaction.started = true;
                Ok(())
            }
            Command::Commit => self.commit(),
            Command::Rollback => self.rollback(),
            Command::Savepoint(name) => self.savepoint(name),
            Command::RollbackTo(name) => self.rollback_to(name),
            Command::SetIsolation(isolation) => {
                if let Some(isolation) = isolation {
                    self.set_isolation(*isolation);
                }
                Ok(())
            }
            Command::IsOpen => Ok(()),
        }
    }

    /// Starts a transaction when there is none. What has written nothing needs no turn for it.
    fn savepoint(&mut self, name: &Name) -> Result<(), SqlError> {
        if self.transaction.savepoints.len() >= SAVEPOINTS_MAX {
            return Err(SqlError::execute(400, "<TRANSACTION LEVEL>: more savepoints than a transaction can have"));
        }
        if self.transaction.open {
            self.run(&format!("SAVEPOINT s{}", self.transaction.savepoints.len()))?;
        }
        self.transaction.started = true;
        let definitions = self.transaction.definitions.len();
        self.transaction.savepoints.push(Savepoint { name: name.clone(), definitions });
        Ok(())
    }

    /// The savepoint and all after it are gone afterwards. -375: it does not exist or is undone already, and the whole
    /// transaction is rolled back (manual, ROLLBACK).
    fn rollback_to(&mut self, name: &Name) -> Result<(), SqlError> {
        let found = self.transaction.savepoints.iter().rposition(|savepoint| same_name(&savepoint.name.0, &name.0));
        let Some(at) = found else {
            self.rollback()?;
            return Err(SqlError::execute(375, format!("Cannot ROLLBACK to unestablished savepoint '{}'", name.0)));
        };
        self.conn.flush_prepared_statement_cache();
        if self.transaction.open {
            self.run(&format!("ROLLBACK TO s{at}; RELEASE s{at}"))?;
        }
        let kept = self.transaction.savepoints.get(at).map_or(0, |savepoint| savepoint.definitions);
        self.transaction.savepoints.truncate(at);
        let definitions = self.transaction.definitions.get(kept..).unwrap_or_default().to_vec();
        self.define_again(&definitions)
    }
}
