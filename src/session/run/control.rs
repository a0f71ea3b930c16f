//! BEGIN, COMMIT, ROLLBACK and savepoints. BEGIN costs IRIS nothing: its transaction opens with the first statement.

use std::rc::Rc;

use crate::iris::{Reply, Request};
use crate::sql::{TransactionCommand, TransactionModes};
use crate::wire::{PgError, Severity, SqlState};

use super::outcome::Outcome;
use super::undoing::Undoing;
use crate::session::client::Client;
use crate::session::contract::step::{Event, Want};
use crate::session::understand::context::{Cx, ShardContext};
use crate::session::understand::rules::{refused, unexpected};

/// SQLCODE -375.
const UNKNOWN_SAVEPOINT: i32 = 375;

/// A transaction command under way.
#[derive(Debug)]
pub(crate) struct Control {
    command: TransactionCommand,
    tag: Rc<str>,
    waiting: Waiting,
    /// Made when there is something to be undone.
    make_undoing: fn() -> Undoing,
    undoing: Option<Box<Undoing>>,
    /// The modes of a transaction that is chained to this one.
    chained: Option<Box<[(&'static str, String); 3]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Nothing,
    Commit,
    Rollback,
    Savepoint,
    /// ROLLBACK TO is sent; PostgreSQL keeps the savepoint, IRIS does not.
    RollbackTo,
    Renew,
    /// Definitions are undone, of the whole transaction or behind a savepoint.
    Undo,
}

impl Control {
    pub(crate) fn new(command: TransactionCommand, tag: Rc<str>, make_undoing: fn() -> Undoing) -> Self {
        Self { command, tag, waiting: Waiting::Nothing, make_undoing, undoing: None, chained: None }
    }

    /// What is to be waited for until definitions are undone; `None`: nothing.
    fn start_undoing(&mut self, cx: &mut Cx<'_>) -> Option<Want> {
        if cx.client.definitions.is_untouched() {
            return None;
        }
        let make = self.make_undoing;
        self.undoing.get_or_insert_with(|| Box::new(make())).start(cx)
    }

    /// A COMMIT that has come to nothing.
    pub(crate) fn roll_back_instead(&mut self) {
        (self.command, self.tag) = (TransactionCommand::Rollback { chain: false }, "ROLLBACK".into());
    }

    /// # Errors
    /// 25P01 outside a block, 3B001 for an unknown savepoint.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let Cx { shard, client, out } = &mut *cx;
        let in_block = client.transaction.in_block();
        match &self.command {
            TransactionCommand::Begin(modes) => {
                if !client.transaction.begin() {
                    let message = "there is already a transaction in progress";
                    let warning = PgError::new(Severity::Warning, SqlState::ACTIVE_TRANSACTION, message);
                    client.notice(&warning, out);
                }
                client.settings.begin_transaction();
                put_modes(client, modes, "", true, true)?;
                Ok(self.complete())
            }
            TransactionCommand::Commit { .. } | TransactionCommand::Rollback { .. } => {
                if !in_block {
                    let message = "there is no transaction in progress";
                    let warning = PgError::new(Severity::Warning, SqlState::NO_ACTIVE_TRANSACTION, message);
                    client.notice(&warning, out);
                }
                let commits = matches!(self.command, TransactionCommand::Commit { .. });
                if client.transaction.is_failed() && commits {
                    self.tag = "ROLLBACK".into();
                }
                let commits = commits && !client.transaction.is_failed();
                if !client.transaction.iris_open() {
                    return Ok(self.end(commits, cx));
                }
                client.definitions.set_committing(commits);
                self.waiting = if commits { Waiting::Commit } else { Waiting::Rollback };
                Ok(Outcome::Wait(Want::Submit(if commits { Request::Commit } else { Request::Rollback })))
            }
            TransactionCommand::Savepoint(name) => {
                if !in_block {
                    return Err(outside("SAVEPOINT"));
                }
                client.transaction.savepoint(name, client.definitions.count())?;
                client.settings.savepoint();
                let text = iris_savepoint("SAVEPOINT", name, client)?;
                self.waiting = Waiting::Savepoint;
                Ok(submit(&text, shard, client))
            }
            TransactionCommand::Release(name) => {
                if !in_block {
                    return Err(outside("RELEASE SAVEPOINT"));
                }
                let depth = client.transaction.savepoint_depth(name).ok_or_else(|| no_savepoint(name))?;
                client.transaction.release(name);
                client.settings.release(depth);
                client.keep_released();
                Ok(self.complete())
            }
            TransactionCommand::RollbackTo(name) => {
                if !in_block {
                    return Err(outside("ROLLBACK TO SAVEPOINT"));
                }
                let text = iris_savepoint("ROLLBACK TO SAVEPOINT", name, client)?;
                self.waiting = Waiting::RollbackTo;
                Ok(submit(&text, shard, client))
            }
        }
    }

    /// # Errors
    /// IRIS's refusal: after a failed COMMIT the transaction is rolled back.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if self.waiting == Waiting::Undo {
            let Some(undoing) = &mut self.undoing else { return Err(cx.shard.unwaited()) };
            let want = undoing.resume(event, cx);
            return self.undo(want, cx);
        }
        let (Event::Iris(reply), true) = (event, self.waiting != Waiting::Nothing) else {
            return Err(cx.shard.unwaited());
        };
        let Cx { shard, client, out } = &mut *cx;
        let waiting = std::mem::replace(&mut self.waiting, Waiting::Nothing);
        client.definitions.set_committing(false);
        if let Reply::Failed { error, .. } = &reply {
            if matches!(waiting, Waiting::Commit | Waiting::Rollback) {
                client.end_transaction(false, out);
            }
            self.failed(waiting, error.sqlcode, client);
            return Err(refused(error, shard));
        }
        match (waiting, &self.command) {
            (Waiting::Commit, _) => Ok(self.end(true, cx)),
            (Waiting::Rollback, _) => Ok(self.end(false, cx)),
            (Waiting::RollbackTo, TransactionCommand::RollbackTo(name)) => {
                client.warn_of_definitions(Some(name), out);
                client.transaction.iris_rolled_back_to(name);
                client.definitions.roll_back_to(client.transaction.definitions_in_front_of(name));
                // Names of temporary views lead again to where these are made again.
                if let Some(number) = client.transaction.savepoint_number(name) {
                    client.temporary.roll_back_to(number, &client.temporaries);
                }
                let want = self.start_undoing(cx);
                self.undo(want, cx)
            }
            (Waiting::Renew, TransactionCommand::RollbackTo(name)) => {
                if let Some(depth) = client.transaction.savepoint_depth(name) {
                    client.settings.rollback_to(depth);
                    client.tell_settings(out);
                }
                client.transaction.rolled_back_to(name);
                client.roll_back_to_savepoint();
                Ok(self.complete())
            }
            (Waiting::Savepoint, _) => Ok(self.complete()),
            _ => Err(unexpected(&reply)),
        }
    }

    /// What a refusal leaves behind: savepoints that IRIS does not have are none of the client's either. After -375 IRIS
    /// has rolled back the whole transaction.
    fn failed(&self, waiting: Waiting, sqlcode: i32, client: &mut Client) {
        match (waiting, &self.command) {
            (Waiting::RollbackTo, _) if sqlcode == UNKNOWN_SAVEPOINT => client.transaction.iris_rolled_back(),
            (Waiting::Savepoint, TransactionCommand::Savepoint(name))
            | (Waiting::Renew, TransactionCommand::RollbackTo(name)) => {
                if let Some(depth) = client.transaction.savepoint_depth(name) {
                    client.transaction.iris_rolled_back_to(name);
                    client.transaction.release(name);
                    client.settings.release(depth);
                    client.keep_released();
                }
            }
            _ => {}
        }
    }

    /// Goes on with undoing definitions, and with what comes behind it.
    fn undo(&mut self, want: Option<Want>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if let Some(want) = want {
            self.waiting = Waiting::Undo;
            return Ok(Outcome::Wait(want));
        }
        self.waiting = Waiting::Nothing;
        match &self.command {
            TransactionCommand::RollbackTo(name) => {
                let text = iris_savepoint("SAVEPOINT", name, cx.client)?;
                self.waiting = Waiting::Renew;
                Ok(submit(&text, cx.shard, cx.client))
            }
            _ => Ok(self.over(cx.client)),
        }
    }

    fn end(&mut self, committed: bool, cx: &mut Cx<'_>) -> Outcome {
        let Cx { client, out, .. } = &mut *cx;
        let chains = matches!(
            self.command,
            TransactionCommand::Commit { chain: true } | TransactionCommand::Rollback { chain: true }
        );
        if chains {
            let modes = ["transaction_isolation", "transaction_read_only", "transaction_deferrable"];
            self.chained = Some(Box::new(modes.map(|name| (name, client.settings.show(name).unwrap_or_default()))));
        }
        client.end_transaction(committed, out);
        match self.start_undoing(cx) {
            Some(want) => {
                self.waiting = Waiting::Undo;
                Outcome::Wait(want)
            }
            None => self.over(cx.client),
        }
    }

    /// The transaction is over, with all that follows.
    fn over(&mut self, client: &mut Client) -> Outcome {
        if let Some(modes) = self.chained.take() {
            client.transaction.begin();
            client.settings.begin_transaction();
            // The new transaction has the modes of the one before (manual, COMMIT, "AND CHAIN").
            for (name, value) in *modes {
                client.settings.chain_mode(name, value);
            }
        }
        self.complete()
    }

    fn complete(&self) -> Outcome {
        Outcome::Complete((&self.tag).into())
    }
}

/// The rules of SET TRANSACTION: a first query fixes the modes, but for READ ONLY.
///
/// # Errors
/// 25001.
pub(crate) fn check_modes(client: &Client, modes: &TransactionModes) -> Result<(), Box<PgError>> {
    let TransactionModes { isolation, read_only, deferrable } = modes;
    let refuse = |message: &str| Err(PgError::error(SqlState::ACTIVE_TRANSACTION, message));
    // An IRIS transaction opens with the first query of a block that IRIS answers.
    let has_queried = client.transaction.in_block() && (client.transaction.iris_open() || client.has_queried);
    if deferrable.is_some() {
        if client.transaction.has_savepoints() {
            return refuse("SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction");
        }
        if has_queried {
            return refuse("SET TRANSACTION [NOT] DEFERRABLE must be called before any query");
        }
    }
    if *read_only == Some(false) && client.settings.is_read_only() && client.transaction.in_block() {
        if client.transaction.has_savepoints() {
            return refuse("cannot set transaction read-write mode inside a read-only transaction");
        }
        if has_queried {
            return refuse("transaction read-write mode must be set before any query");
        }
    }
    if let Some(isolation) = isolation
        && has_queried
        && client.settings.show("transaction_isolation").is_ok_and(|now| !now.eq_ignore_ascii_case(isolation))
    {
        return refuse(if client.transaction.has_savepoints() {
            "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction"
        } else {
            "SET TRANSACTION ISOLATION LEVEL must be called before any query"
        });
    }
    Ok(())
}

/// Modes show in the parameters of their names until the end of the transaction; with `default_` in front, in those that
/// later transactions start with.
///
/// # Errors
/// As `Settings::set`.
pub(crate) fn put_modes(
    client: &mut Client,
    modes: &TransactionModes,
    prefix: &str,
    local: bool,
    in_transaction: bool,
) -> Result<(), Box<PgError>> {
    let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
    let values = [
        ("transaction_isolation", modes.isolation.clone()),
        ("transaction_read_only", modes.read_only.map(on_off)),
        ("transaction_deferrable", modes.deferrable.map(on_off)),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            client.settings.set(&format!("{prefix}{name}"), Some(&value), local, in_transaction)?;
        }
    }
    Ok(())
}

fn iris_savepoint(verb: &str, name: &str, client: &Client) -> Result<String, Box<PgError>> {
    match client.transaction.iris_savepoint(name) {
        Some(iris_name) => Ok(format!("{verb} {iris_name}")),
        None => Err(no_savepoint(name)),
    }
}

fn submit(text: &str, context: &ShardContext, client: &mut Client) -> Outcome {
    client.transaction.mark_iris_open();
    Outcome::Wait(Want::Submit(Request::Execute {
        statement: Rc::clone(&context.control_statement(text)),
        values: Vec::new(),
        values_per_set: 0,
        sets: 1,
        rows_max: 0,
        in_transaction: true,
    }))
}

fn no_savepoint(name: &str) -> Box<PgError> {
    PgError::error(SqlState(*b"3B001"), format!("savepoint \"{name}\" does not exist"))
}

fn outside(command: &str) -> Box<PgError> {
    PgError::error(SqlState::NO_ACTIVE_TRANSACTION, format!("{command} can only be used in transaction blocks"))
}
