//! A bound statement, from Bind to its last row.

use std::rc::Rc;
use std::time::SystemTime;

use crate::iris::Request;
use crate::wire::{PgError, SqlState};

use crate::session::run::Operation;
use crate::session::run::bind::Values;
use crate::session::run::cursor::SharedCursor;
use crate::session::understand::rows::Formats;
use crate::session::understand::statement::Statement;

/// A bound statement.
#[derive(Debug)]
pub(in crate::session) struct Portal {
    pub statement: Rc<Statement>,
    pub formats: Formats,
    pub state: PortalState,
    pub created_at: SystemTime,
    /// By DECLARE: the statement is the cursor's query.
    pub is_declared: bool,
    /// Number of the latest savepoint set before it was made, 0 = none. It ends with that, and with those before.
    pub savepoint: u64,
}

#[allow(clippy::large_enum_variant, reason = "the hot path must not allocate")]
#[derive(Debug)]
pub(in crate::session) enum PortalState {
    Bound(Values),
    /// Under way, suspended or done.
    Running(Operation),
    /// Made by DECLARE, or used by FETCH or MOVE.
    Cursor(SharedCursor),
    /// Its values went into an operation that failed or was lost.
    Spent,
}

impl Portal {
    /// The result left open on the lease, to be closed there; it counts as closed.
    pub(in crate::session) fn take_result(&mut self) -> Option<Request> {
        match &mut self.state {
            PortalState::Running(operation) => operation.take_result(),
            PortalState::Cursor(cursor) => cursor.try_borrow_mut().ok()?.take_result(),
            PortalState::Bound(_) | PortalState::Spent => None,
        }
    }

    /// The IRIS connection is gone, and the open result with it.
    pub(in crate::session) fn forget_result(&mut self) {
        if self.take_result().is_some() {
            // Whatever reads from a cursor just now must find it lost as well.
            if let PortalState::Cursor(cursor) = &self.state
                && let Ok(mut cursor) = cursor.try_borrow_mut()
            {
                cursor.fail();
            }
            self.state = PortalState::Spent;
        }
    }
}

impl Portal {
    /// A cursor WITH HOLD whose rows COMMIT must fetch first.
    pub(in crate::session) fn needs_materializing(&self) -> Option<SharedCursor> {
        let PortalState::Cursor(cursor) = &self.state else { return None };
        cursor.try_borrow().is_ok_and(|cursor| cursor.needs_materializing()).then(|| Rc::clone(cursor))
    }

    /// A cursor WITH HOLD that needs its transaction no more.
    pub(in crate::session) fn is_held(&self) -> bool {
        let PortalState::Cursor(cursor) = &self.state else { return false };
        cursor.try_borrow().is_ok_and(|cursor| cursor.is_held())
    }

    pub(in crate::session) fn kept_bytes(&self) -> usize {
        match &self.state {
            PortalState::Cursor(cursor) => cursor.try_borrow().map_or(0, |cursor| cursor.kept_bytes()),
            _ => 0,
        }
    }
}

pub(in crate::session) fn no_portal(name: &str) -> Box<PgError> {
    PgError::error(SqlState::INVALID_CURSOR_NAME, format!("portal \"{name}\" does not exist"))
}
