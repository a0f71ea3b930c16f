//! The `?n` of the SQLite statement: where each value comes from when it runs.

use super::super::convert::Purpose;
use super::super::types::DataType;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotSource {
    /// The client's mark, zero-based.
    Parameter(u32),
    /// The start of the statement, local time (the stand-in lives in UTC), cut to `precision` digits of the second.
    Now {
        precision: u8,
    },
    Today,
    /// Time of day.
    TimeOfDay {
        precision: u8,
    },
    LastIdentity,
    User,
    Namespace,
    Job,
    TransactionLevel,
    /// The option of that name: 0, 1 or 3.
    IsolationMode,
}

/// One bound value.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub source: SlotSource,
    /// What the place wants.
    pub data_type: DataType,
    pub purpose: Purpose,
    /// `SQLUser.t.c` when the value goes into a column as it is, and whether by UPDATE: for -104, -105, -108.
    pub field: Option<Field>,
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub label: String,
    pub update: bool,
}

impl Field {
    pub(crate) fn sqlcode(&self) -> i32 {
        if self.update { 105 } else { 104 }
    }
}
