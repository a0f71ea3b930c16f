//! A definition of rules that IRIS does not know of.

use crate::wire::{PgError, SqlState};

/// What goes in front of a definition that PostgreSQL alone understands, and behind it. The mirror tries it first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// The only error of PostgreSQL's that counts; `None`: all do.
    pub only: Option<SqlState>,
    pub proofs: Vec<Proof>,
    /// Statements that compute what the rows of the table have to have, in PostgreSQL's SQL.
    pub fills: Vec<String>,
    /// Statements that take the definition back when these fail.
    pub undo: Vec<String>,
    /// The index that the fills are for.
    pub index: Option<String>,
}

/// A query in PostgreSQL's SQL, and the error when it has a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub query: String,
    pub error: Box<PgError>,
}
