//! From a parameter's bytes to a [`Datum`], by PostgreSQL's input rules and with its errors.

use super::{Datum, Oid};
use crate::wire::{Format, PgError};

/// Decodes one parameter (never NULL: length -1 has no bytes).
///
/// # Errors
/// 22P02, 22003, 22007, 22008, 22P03, 22021 as PostgreSQL; 0A000 for a type whose binary form is not known here.
pub fn decode(oid: Oid, format: Format, bytes: &[u8]) -> Result<Datum<'_>, Box<PgError>> {
    let _ = (oid, format, bytes);
    Err(PgError::unsupported("decoding is being built"))
}
