//! What a session does for cursors: DECLARE, and what FETCH and MOVE refer to.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use crate::sql::{Action, CursorCommand};
use crate::wire::{Format, PgError, SqlState};

use super::portal::{Portal, PortalState};
use super::ready::Ready;
use crate::session::run::Operation;
use crate::session::run::bind::Values;
use crate::session::run::cursor::kept_rows::KeptRows;
use crate::session::run::cursor::run::CursorRun;
use crate::session::run::cursor::{Cursor, Room, Scroll, SharedCursor};
use crate::session::understand::rows::{Field, Fields, Formats};
use crate::session::understand::statement::Statement;

impl Ready {
    /// Execute of a portal that is a cursor.
    pub(in crate::session) fn execute_cursor(&self, name: &str, cursor: SharedCursor) -> Operation {
        Operation::Cursor(Box::new(CursorRun::portal(cursor, self.room(Some(name)))))
    }

    /// The cursor of that name; a portal made by Bind becomes one.
    pub(in crate::session) fn cursor(&mut self, name: &str) -> Result<SharedCursor, Box<PgError>> {
        let portal = self.portals.get(name).ok_or_else(|| no_cursor(name))?;
        if let PortalState::Cursor(cursor) = &portal.state {
            return Ok(Rc::clone(cursor));
        }
        let (statement, formats) = (Rc::clone(&portal.statement), portal.formats.clone());
        let fields = match &statement.understood.translation.action {
            Action::Script(_) | Action::Catalog(_) | Action::Finish(_) | Action::Calls(_) | Action::Setting(_) => {
                self.statement_fields(&statement, &formats)?
            }
            _ => None,
        };
        let fields = fields.ok_or_else(|| not_a_query(name))?.into_vec();
        let portal = self.portals.get_mut(name).ok_or_else(|| no_cursor(name))?;
        let source = match std::mem::replace(&mut portal.state, PortalState::Spent) {
            PortalState::Running(operation) => operation,
            PortalState::Bound(values) => {
                let understood = Rc::clone(&statement.understood);
                let mut source = Operation::new(understood, values, formats, false, &self.context, &self.client)?;
                self.separate(&mut source);
                let kept = KeptRows::new(&self.client.cursor_bytes);
                let cursor = Rc::new(RefCell::new(Cursor::new(source, fields, kept, Scroll::No, false)));
                return self.keep_cursor(name, cursor);
            }
            PortalState::Cursor(_) | PortalState::Spent => return Err(not_a_query(name)),
        };
        let kept = KeptRows::new(&self.client.cursor_bytes);
        self.keep_cursor(name, Rc::new(RefCell::new(Cursor::of_portal(source, fields, kept))))
    }

    fn keep_cursor(&mut self, name: &str, cursor: SharedCursor) -> Result<SharedCursor, Box<PgError>> {
        let portal = self.portals.get_mut(name).ok_or_else(|| no_cursor(name))?;
        portal.state = PortalState::Cursor(Rc::clone(&cursor));
        Ok(cursor)
    }

    /// DECLARE: `statement` is the cursor's query, `values` its values. `implicit_suffices`: the implicit transaction
    /// of a query string of several statements is a transaction block (manual, "Multiple Statements in a Simple Query").
    ///
    /// # Errors
    /// 25P01 outside of a block, 42P03, 34000, 54000; 0A000 for a column without binary form.
    pub(in crate::session) fn declare(
        &mut self,
        command: &CursorCommand,
        statement: Rc<Statement>,
        values: Values,
        implicit_suffices: bool,
    ) -> Result<Operation, Box<PgError>> {
        let CursorCommand::Declare { name, scroll, hold, .. } = command else {
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
        let formats = cursor_formats(command);
        let understood = Rc::clone(&statement.understood);
        let fields = self.statement_fields(&statement, &formats)?.ok_or_else(|| not_a_query(name))?.into_vec();
        let mut source = Operation::new(understood, values, formats.clone(), false, &self.context, &self.client)?;
        self.separate(&mut source);
        let scroll = match scroll {
            Some(true) => Scroll::Yes,
            Some(false) => Scroll::No,
            None => Scroll::Recent,
        };
        let kept = KeptRows::new(&self.client.cursor_bytes);
        let cursor = Rc::new(RefCell::new(Cursor::new(source, fields, kept, scroll, *hold)));
        let room = self.room(None);
        let savepoint = self.client.transaction.latest_savepoint();
        let state = PortalState::Cursor(Rc::clone(&cursor));
        let created_at = SystemTime::now();
        self.portals.insert(name, Portal { statement, formats, state, created_at, is_declared: true, savepoint });
        Ok(Operation::Cursor(Box::new(CursorRun::declare(cursor, *hold && !in_block, room))))
    }

    /// What FETCH would describe; `None`: nothing.
    pub(in crate::session) fn cursor_fields(
        &self,
        name: &str,
        formats: &Formats,
    ) -> Result<Option<Vec<Field>>, Box<PgError>> {
        let Some(portal) = self.portals.get(name) else { return Ok(None) };
        let fields = match &portal.state {
            PortalState::Cursor(cursor) => match cursor.try_borrow() {
                Ok(cursor) => Some(cursor.fields.clone()),
                Err(_) => None,
            },
            _ => match &portal.statement.understood.translation.action {
                // Cannot be fetched from; and a FETCH of itself would have no end.
                Action::Cursor(_) => None,
                _ => self.statement_fields(&portal.statement, &portal.formats)?.map(Fields::into_vec),
            },
        };
        let Some(mut fields) = fields else { return Ok(None) };
        formats.check(fields.len())?;
        for (index, field) in fields.iter_mut().enumerate() {
            field.format = formats.of(index);
        }
        Ok(Some(fields))
    }

    pub(in crate::session) fn room(&self, except: Option<&str>) -> Room {
        let own = except.and_then(|name| self.portals.get(name)).map_or(0, Portal::kept_bytes);
        Room::new(&self.context.options.limits, self.client.cursor_bytes.get().saturating_sub(own))
    }
}

/// The formats in which a cursor's rows are kept.
pub(in crate::session) fn cursor_formats(command: &CursorCommand) -> Formats {
    match command {
        CursorCommand::Declare { binary: true, .. } => Formats::all(Format::Binary),
        _ => Formats::text(),
    }
}

pub(in crate::session) fn no_cursor(name: &str) -> Box<PgError> {
    PgError::error(SqlState::INVALID_CURSOR_NAME, format!("cursor \"{name}\" does not exist"))
}

fn not_a_query(name: &str) -> Box<PgError> {
    PgError::error(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, format!("portal \"{name}\" cannot be run"))
}
