//! What a session does for cursors: DECLARE, FETCH, MOVE, CLOSE, and what the end of a transaction or of a savepoint
//! means to them. Cursors and the portals of the extended protocol are one name space.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use crate::sql::{Action, CatalogQuery, CursorCommand, SettingCommand, TransactionCommand};
use crate::types::Oid;
use crate::wire::{Format, PgError, SqlState};

use super::arguments::explained;
use super::catalog::CatalogRun;
use super::context::Understood;
use super::control::Control;
use super::cursor::{Cursor, Room, Scroll, SharedCursor};
use super::cursor_run::{CommitHeld, CursorRun};
use super::extended::{Portal, PortalState};
use super::operation::{Operation, Values};
use super::ready::Ready;
use super::rows::{Field, Formats};
use super::statement::Statement;

/// The statement inside of DECLARE or PREPARE.
#[derive(Debug, Clone, Copy)]
pub struct Nested<'a> {
    pub sql: &'a str,
    /// Characters in front of it.
    pub offset: u32,
    pub parameter_types: &'a [Oid],
}

/// `client_types`: of the parameters of the whole statement; those of DECLARE belong to its query.
pub fn nested<'a>(action: &'a Action, client_types: &'a [Oid]) -> Option<Nested<'a>> {
    match action {
        Action::Cursor(CursorCommand::Declare { sql, offset, .. }) => {
            Some(Nested { sql, offset: *offset, parameter_types: client_types })
        }
        Action::Prepare { sql, offset, parameter_types, .. } => Some(Nested { sql, offset: *offset, parameter_types }),
        _ => None,
    }
}

impl Ready {
    /// The operation of a statement that concerns what the session has by name, cursors above all; `None`: what it does
    /// to them is done, and it is otherwise like any other. `formats`: of Bind, `None` in the simple protocol.
    ///
    /// # Errors
    /// 34000, 55000, 26000, 42601, 0A000.
    pub(super) fn named_operation(
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
                let portal = self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
                self.closes.extend(portal.open_result());
                Ok(None)
            }
            Action::Cursor(CursorCommand::Close(None)) => {
                self.close_all_cursors();
                Ok(None)
            }
            Action::ExplainExecute { explain, name, arguments, .. } => {
                let statement = explained(explain, self.statement(name)?.as_ref(), arguments)?;
                let describe = formats.is_none();
                let formats = formats.cloned().unwrap_or_else(Formats::text).into_codes();
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
                self.close_all_cursors();
                self.deallocate(None)?;
                Ok(None)
            }
            Action::Transaction(command @ TransactionCommand::Commit { .. }) => {
                if !self.client.transaction.in_block() || self.client.transaction.is_failed() {
                    return Ok(None);
                }
                let held: Vec<SharedCursor> = self.portals.values().filter_map(Portal::needs_materializing).collect();
                if held.is_empty() {
                    return Ok(None);
                }
                let others: usize = self.portals.values().map(Portal::kept_bytes).sum();
                let own: usize = held.iter().filter_map(|cursor| Some(cursor.try_borrow().ok()?.kept_bytes())).sum();
                let room = Room::new(&self.context.options.limits, others.saturating_sub(own));
                let control = Control::new(command.clone(), translation.tag.clone());
                Ok(Some(Operation::CommitHeld(Box::new(CommitHeld::new(held, room, control)))))
            }
            _ => Ok(None),
        }
    }

    /// DECLARE: `statement` is the cursor's query, `values` its values. `implicit_suffices`: the implicit transaction
    /// of a query string of several statements is a transaction block (manual, "Multiple Statements in a Simple Query").
    ///
    /// # Errors
    /// 25P01 outside of a block, 42P03, 34000, 54000; 0A000 for a column without binary form.
    pub(super) fn declare(
        &mut self,
        command: &CursorCommand,
        statement: Rc<Statement>,
        values: Values,
        implicit_suffices: bool,
    ) -> Result<Operation, Box<PgError>> {
        let CursorCommand::Declare { name, binary, scroll, hold, .. } = command else {
            return Err(PgError::error(SqlState::INTERNAL_ERROR, "a cursor command reached the wrong place"));
        };
        let transaction = &self.client.transaction;
        let in_block = transaction.in_block();
        if !(*hold || in_block || implicit_suffices && transaction.is_implicit()) {
            let message = "DECLARE CURSOR can only be used in transaction blocks";
            return Err(PgError::error(SqlState::NO_ACTIVE_TRANSACTION, message));
        }
        if name.is_empty() {
            let message = "invalid cursor name: must not be empty";
            return Err(PgError::error(SqlState::INVALID_CURSOR_NAME, message));
        }
        self.check_portal_name(name)?;
        let formats = if *binary { Formats::new(vec![Format::Binary]) } else { Formats::text() };
        let understood = Rc::clone(&statement.understood);
        let fields = self.statement_fields(&statement, &formats)?.ok_or_else(|| not_a_query(name))?;
        let mut source = Operation::new(understood, values, formats.clone(), false, &self.context, &self.client)?;
        self.separate(&mut source);
        let scroll = match scroll {
            Some(true) => Scroll::Yes,
            Some(false) => Scroll::No,
            None => Scroll::Recent,
        };
        let cursor = Rc::new(RefCell::new(Cursor::new(source, fields, scroll, *hold)));
        let room = self.room(None);
        let depth = self.client.transaction.depth();
        let state = PortalState::Cursor(Rc::clone(&cursor));
        let created_at = SystemTime::now();
        self.portals.insert(name.clone(), Portal { statement, formats, state, created_at, is_declared: true, depth });
        Ok(Operation::Cursor(Box::new(CursorRun::declare(cursor, *hold && !in_block, room))))
    }

    /// 42P03 when the name is taken, 54000 when there are too many.
    pub(super) fn check_portal_name(&self, name: &str) -> Result<(), Box<PgError>> {
        if self.portals.contains_key(name) {
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

    /// Execute of a portal that is a cursor.
    pub(super) fn execute_cursor(&self, name: &str, cursor: SharedCursor) -> Operation {
        Operation::Cursor(Box::new(CursorRun::portal(cursor, self.room(Some(name)))))
    }

    /// The cursor of that name; a portal made by Bind becomes one.
    fn cursor(&mut self, name: &str) -> Result<SharedCursor, Box<PgError>> {
        let portal = self.portals.get(name).ok_or_else(|| no_cursor(name))?;
        if let PortalState::Cursor(cursor) = &portal.state {
            return Ok(Rc::clone(cursor));
        }
        let (statement, formats) = (Rc::clone(&portal.statement), portal.formats.clone());
        let fields = match &statement.understood.translation.action {
            Action::Script(_) | Action::Catalog(_) | Action::Calls(_) | Action::Setting(_) => {
                self.statement_fields(&statement, &formats)?
            }
            _ => None,
        };
        let fields = fields.ok_or_else(|| not_a_query(name))?;
        let portal = self.portals.get_mut(name).ok_or_else(|| no_cursor(name))?;
        let source = match std::mem::replace(&mut portal.state, PortalState::Spent) {
            PortalState::Running(operation) => operation,
            PortalState::Bound(values) => {
                let understood = Rc::clone(&statement.understood);
                let mut source = Operation::new(understood, values, formats, false, &self.context, &self.client)?;
                self.separate(&mut source);
                let cursor = Rc::new(RefCell::new(Cursor::new(source, fields, Scroll::No, false)));
                return self.keep_cursor(name, cursor);
            }
            PortalState::Cursor(_) | PortalState::Spent => return Err(not_a_query(name)),
        };
        self.keep_cursor(name, Rc::new(RefCell::new(Cursor::of_portal(source, fields))))
    }

    fn keep_cursor(&mut self, name: &str, cursor: SharedCursor) -> Result<SharedCursor, Box<PgError>> {
        let portal = self.portals.get_mut(name).ok_or_else(|| no_cursor(name))?;
        portal.state = PortalState::Cursor(Rc::clone(&cursor));
        Ok(cursor)
    }

    /// Gives the query a key of its own when a result under the shared key is open, or about to be closed, on the
    /// lease: IRIS tells results apart by it.
    pub(super) fn separate(&self, operation: &mut Operation) {
        let Operation::Run(run) = operation else { return };
        let key = run.key();
        let of = |request: crate::iris::Request| match request {
            crate::iris::Request::CloseResult { statement } => Some(statement.key),
            _ => None,
        };
        let mut open = self.portals.values().filter_map(|portal| portal.open_result().and_then(of));
        let mut closing = self.closes.iter().filter_map(|request| of(request.clone()));
        if key.is_some() && (open.any(|open| Some(open) == key) || closing.any(|open| Some(open) == key)) {
            run.separate(self.context.next_statement_key());
        }
    }

    /// What FETCH would describe; `None`: nothing.
    pub(super) fn cursor_fields(&self, name: &str, formats: &Formats) -> Result<Option<Vec<Field>>, Box<PgError>> {
        let Some(portal) = self.portals.get(name) else { return Ok(None) };
        let fields = match &portal.state {
            PortalState::Cursor(cursor) => match cursor.try_borrow() {
                Ok(cursor) => Some(cursor.fields.clone()),
                Err(_) => None,
            },
            _ => match &portal.statement.understood.translation.action {
                // Cannot be fetched from; and a FETCH of itself would have no end.
                Action::Cursor(_) => None,
                _ => self.statement_fields(&portal.statement, &portal.formats)?,
            },
        };
        let Some(mut fields) = fields else { return Ok(None) };
        formats.check(fields.len())?;
        for (index, field) in fields.iter_mut().enumerate() {
            field.format = formats.of(index);
        }
        Ok(Some(fields))
    }

    fn room(&self, except: Option<&str>) -> Room {
        let others = self.portals.iter().filter(|(name, _)| Some(name.as_str()) != except);
        Room::new(&self.context.options.limits, others.map(|(_, portal)| portal.kept_bytes()).sum())
    }

    fn close_all_cursors(&mut self) {
        let open: Vec<_> = self.portals.drain().filter_map(|(_, portal)| portal.open_result()).collect();
        self.closes.extend(open);
    }

    /// A statement has succeeded. What it means to cursors: they end with their transaction, except those WITH HOLD,
    /// and with the savepoint they were made after.
    pub(super) fn after_statement(&mut self, action: &Action, tag: &str) {
        let savepoints = self.client.transaction.depth();
        match action {
            Action::Transaction(TransactionCommand::Commit { .. } | TransactionCommand::Rollback { .. }) => {
                self.end_portals(tag == "COMMIT");
            }
            Action::Transaction(TransactionCommand::Release(_)) => {
                for portal in self.portals.values_mut() {
                    portal.depth = portal.depth.min(savepoints);
                }
            }
            Action::Transaction(TransactionCommand::RollbackTo(_)) => {
                let closes = &mut self.closes;
                self.portals.retain(|_, portal| {
                    let stays = portal.depth < savepoints || portal.is_committed();
                    if !stays {
                        closes.extend(portal.open_result());
                    }
                    stays
                });
            }
            _ => {}
        }
    }

    /// The transaction is over, or about to be.
    pub(super) fn end_portals(&mut self, committed: bool) {
        let closes = &mut self.closes;
        self.portals.retain(|_, portal| {
            let stays = portal.outlives(committed);
            if !stays {
                closes.extend(portal.open_result());
            }
            stays
        });
    }
}

impl Portal {
    /// A cursor WITH HOLD whose rows COMMIT must fetch first.
    fn needs_materializing(&self) -> Option<SharedCursor> {
        let PortalState::Cursor(cursor) = &self.state else { return None };
        cursor.try_borrow().is_ok_and(|cursor| cursor.needs_materializing()).then(|| Rc::clone(cursor))
    }

    fn outlives(&self, committed: bool) -> bool {
        let PortalState::Cursor(cursor) = &self.state else { return false };
        cursor.try_borrow_mut().is_ok_and(|mut cursor| cursor.outlives(committed))
    }

    pub(super) fn is_committed(&self) -> bool {
        self.outlives(false)
    }

    fn kept_bytes(&self) -> usize {
        match &self.state {
            PortalState::Cursor(cursor) => cursor.try_borrow().map_or(0, |cursor| cursor.kept_bytes()),
            _ => 0,
        }
    }
}

fn no_cursor(name: &str) -> Box<PgError> {
    PgError::error(SqlState::INVALID_CURSOR_NAME, format!("cursor \"{name}\" does not exist"))
}

fn not_a_query(name: &str) -> Box<PgError> {
    PgError::error(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, format!("portal \"{name}\" cannot be run"))
}
