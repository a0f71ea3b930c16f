//! From a [`Datum`] to the bytes of one DataRow cell. The decision is made once per column.

use super::{Datum, PgType};
use crate::wire::{Format, PgError};

/// Whether the cell is NULL (length -1, no bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsNull {
    Yes,
    No,
}

/// How the cells of one column are written. Chosen once per (type, format); `Copy`, no allocation per cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoder {
    pg_type: PgType,
    format: Format,
}

impl Encoder {
    /// The encoder of a column.
    ///
    /// # Errors
    /// 0A000 when the type has no binary form here.
    pub fn select(pg_type: PgType, format: Format) -> Result<Encoder, Box<PgError>> {
        Ok(Self { pg_type, format })
    }

    /// Appends the bytes of one cell, without its length.
    ///
    /// # Errors
    /// 22003, 22P02, 22007 when the value does not fit the type. What was appended so far is then of no use:
    /// the caller truncates `out`.
    pub fn encode(&self, datum: &Datum<'_>, out: &mut Vec<u8>) -> Result<IsNull, Box<PgError>> {
        let _ = (datum, out, self.pg_type, self.format);
        Err(PgError::unsupported("encoding is being built"))
    }
}
