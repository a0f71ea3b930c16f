//! PostgreSQL protocol 3: frames, messages and errors as bytes. No IO, no clock, no configuration.

mod error;
mod limits;

pub use error::{PgError, Severity, SqlState, WireError};
pub use limits::Limits;

/// The status byte of ReadyForQuery (protocol chapter, "Message Formats").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    Idle,
    InTransaction,
    Failed,
}

impl TransactionStatus {
    pub fn byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }
}

/// Format codes of parameters and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Text,
    Binary,
}
