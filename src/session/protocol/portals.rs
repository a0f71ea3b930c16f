//! The portals of a session, to which its cursors belong (they are one name space): their names, what commands on them
//! become, and what the end of a transaction or of a savepoint means to them.

use std::rc::Rc;

use crate::iris::Request;
use crate::sql::{Action, CatalogQuery, CursorCommand, SettingCommand, TransactionCommand};
use crate::wire::{PgError, SqlState};

use super::cursors::no_cursor;
use super::portal::{Portal, PortalState};
use super::ready::Ready;
use crate::session::run::arguments::explained;
use crate::session::run::catalog::CatalogRun;
use crate::session::run::control::Control;
use crate::session::run::cursor::run::{CommitHeld, CursorRun};
use crate::session::run::cursor::{Room, SharedCursor};
use crate::session::run::outcome::CommandTag;
use crate::session::run::{Operation, undoing};
use crate::session::understand::context::Understood;
use crate::session::understand::rows::Formats;

impl Ready {
    /// The operation of a statement that concerns what the session has by name, cursors above all; `None`: what it does
    /// to them is done, and it is otherwise like any other. `formats`: of Bind, `None` in the simple protocol.
    ///
    /// # Errors
    /// 34000, 55000, 26000, 42601, 0A000.
    pub(in crate::session) fn named_operation(
        &mut self,
        understood: &Rc<Understood>,
        formats: Option<&Formats>,
    ) -> Result<Option<Operation>, Box<PgError>> {
        let translation = &understood.translation;
        match &translation.action {
            Action::Cursor(CursorCommand::Fetch { name, direction, is_move }) => {
                let cursor = self.cursor(name)?;
                let room = self.room(Some(name));
                let run = CursorRun::fetch(cursor, *direction, *is_move, formats, formats.is_none(), room)?;
                Ok(Some(Operation::Cursor(Box::new(run))))
            }
            Action::Cursor(CursorCommand::Close(Some(name))) => {
                let mut portal = self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
                self.closes.extend(portal.take_result());
                Ok(None)
            }
            Action::Cursor(CursorCommand::Close(None)) => {
                self.portals.close_all(&mut self.closes);
                Ok(None)
            }
            Action::ExplainExecute { explain, name, arguments, .. } => {
                let statement = explained(explain, self.statement(name)?.as_ref(), arguments)?;
                let describe = formats.is_none();
                let formats = formats.map(Formats::to_codes).unwrap_or_default();
                let run = CatalogRun::new(statement, CatalogQuery::default(), formats, describe);
                Ok(Some(Operation::Catalog(Box::new(run))))
            }
            Action::Setting(SettingCommand::DiscardAll) => {
                if self.client.transaction.in_block() || self.client.transaction.is_implicit() && formats.is_none() {
                    return Err(PgError::error(
                        SqlState::ACTIVE_TRANSACTION,
                        "DISCARD ALL cannot run inside a transaction block",
                    ));
                }
                self.portals.close_all(&mut self.closes);
                self.deallocate(None)?;
                Ok(None)
            }
            Action::Transaction(command @ TransactionCommand::Commit { .. }) => {
                if !self.client.transaction.in_block() || self.client.transaction.is_failed() {
                    return Ok(None);
                }
                let held: Vec<SharedCursor> = self.portals.passing().filter_map(Portal::needs_materializing).collect();
                if held.is_empty() {
                    return Ok(None);
                }
                let own: usize = held.iter().filter_map(|cursor| Some(cursor.try_borrow().ok()?.kept_bytes())).sum();
                let others = self.client.cursor_bytes.get().saturating_sub(own);
                let room = Room::new(&self.context.options.limits, others);
                let control = Control::new(command.clone(), Rc::clone(&understood.tag), undoing);
                Ok(Some(Operation::CommitHeld(Box::new(CommitHeld::new(held, room, control)))))
            }
            _ => Ok(None),
        }
    }

    /// 42P03 when the name is taken, 54000 when there are too many.
    pub(in crate::session) fn check_portal_name(&self, name: &str) -> Result<(), Box<PgError>> {
        if self.portals.contains(name) {
            return Err(PgError::error(SqlState::DUPLICATE_CURSOR, format!("cursor \"{name}\" already exists")));
        }
        let max = self.context.options.limits.portals_max;
        if self.portals.len() >= max {
            return Err(PgError::error(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("a client may keep at most {max} portals open"),
            ));
        }
        Ok(())
    }

    /// Gives the query a key of its own when a result under the shared key is open, or about to be closed, on the
    /// lease: IRIS tells results apart by it.
    pub(in crate::session) fn separate(&self, operation: &mut Operation) {
        let Operation::Run(run) = operation else { return };
        if run.key().is_some_and(|key| self.has_result(key)) {
            run.separate(self.context.next_statement_key());
        }
    }

    /// The same with the operation of a portal.
    pub(in crate::session) fn separate_portal(&mut self, name: &str) {
        let Some(Portal { state: PortalState::Running(Operation::Run(run)), .. }) = self.portals.get(name) else {
            return;
        };
        let is_open = run.key().is_some_and(|key| self.has_result(key));
        if is_open
            && let Some(Portal { state: PortalState::Running(Operation::Run(run)), .. }) = self.portals.get_mut(name)
        {
            run.separate(self.context.next_statement_key());
        }
    }

    /// Whether a result of the statement with this key is open, or about to be closed.
    pub(in crate::session) fn has_result(&self, key: u64) -> bool {
        let is_of = |request: &Request| matches!(request, Request::CloseResult { statement } if statement.key == key);
        self.client.open_results.has(key) || self.closes.iter().any(is_of)
    }

    /// A statement has succeeded. What it means to cursors: they end with their transaction, except those WITH HOLD,
    /// and with the savepoint they were made after.
    pub(in crate::session) fn after_statement(&mut self, action: &Action, tag: &CommandTag) {
        match action {
            Action::Transaction(TransactionCommand::Commit { .. } | TransactionCommand::Rollback { .. }) => {
                self.end_portals(tag.is("COMMIT"));
            }
            Action::Transaction(TransactionCommand::RollbackTo(_)) => {
                let savepoint = self.client.transaction.innermost_savepoint();
                self.portals.roll_back_to(savepoint, &mut self.closes);
            }
            _ => {}
        }
    }

    /// The transaction is over, or about to be.
    pub(in crate::session) fn end_portals(&mut self, committed: bool) {
        self.portals.end_transaction(committed, &mut self.closes);
    }
}
