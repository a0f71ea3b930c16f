//! What `currval` and `lastval` tell: the values that this session has got.

use std::collections::HashMap;

use crate::wire::{PgError, SqlState};

/// By the sequences' ids; no rollback changes it.
#[derive(Debug, Default)]
pub(in crate::session) struct SequenceValues {
    values: HashMap<String, i64>,
    /// The one that `nextval` was last called for.
    last: Option<String>,
}

impl SequenceValues {
    /// `nextval` gave a value.
    pub(in crate::session) fn drawn(&mut self, id: &str, value: i64) {
        self.put(id, value);
        self.last = Some(id.to_owned());
    }

    /// `setval` set one that was given.
    pub(in crate::session) fn put(&mut self, id: &str, value: i64) {
        self.values.insert(id.to_owned(), value);
    }

    /// # Errors
    /// 55000 before a value was drawn. `name`: of the sequence.
    pub(in crate::session) fn current(&self, id: &str, name: &str) -> Result<i64, Box<PgError>> {
        self.values.get(id).copied().ok_or_else(|| {
            let message = format!("currval of sequence \"{name}\" is not yet defined in this session");
            PgError::error(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
        })
    }

    /// # Errors
    /// 55000 before a value was drawn of any sequence.
    pub(in crate::session) fn last(&self) -> Result<i64, Box<PgError>> {
        self.last.as_ref().and_then(|id| self.values.get(id)).copied().ok_or_else(|| {
            let message = "lastval is not yet defined in this session";
            PgError::error(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
        })
    }

    /// DISCARD SEQUENCES.
    pub(in crate::session) fn discard(&mut self) {
        self.values.clear();
        self.last = None;
    }
}
