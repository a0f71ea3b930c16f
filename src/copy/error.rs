//! What can be wrong with COPY data.

use crate::wire::{PgError, SqlState};

/// Bad data, with the line it was found on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    #[error("missing data for column {}", column_index + 1)]
    MissingData { line: u64, column_index: usize },
    #[error("extra data after last expected column")]
    ExtraData { line: u64 },
    #[error("literal carriage return found in data")]
    LiteralCarriageReturn { line: u64 },
    #[error("literal newline found in data")]
    LiteralNewline { line: u64 },
    #[error("unquoted carriage return found in data")]
    UnquotedCarriageReturn { line: u64 },
    #[error("unquoted newline found in data")]
    UnquotedNewline { line: u64 },
    #[error("unterminated CSV quoted field")]
    UnterminatedQuote { line: u64 },
    #[error("end-of-copy marker does not match previous newline style")]
    MarkerNewline { line: u64 },
    #[error("end-of-copy marker is not alone on its line")]
    MarkerNotAlone { line: u64 },
    #[error("{problem}")]
    BinaryHeader { problem: &'static str },
    #[error("{problem}")]
    BinaryRow { line: u64, problem: &'static str },
    #[error("{problem}")]
    BinaryField { line: u64, column_index: usize, problem: &'static str },
    #[error("row field count is {count}, expected {expected}")]
    FieldCount { line: u64, count: i16, expected: usize },
    /// A bound of this gateway, not of the format.
    #[error("COPY row exceeds {row_bytes_max} bytes")]
    RowTooLong { line: u64, row_bytes_max: usize },
}

impl CopyError {
    pub fn line(&self) -> u64 {
        match self {
            Self::MissingData { line, .. }
            | Self::ExtraData { line }
            | Self::LiteralCarriageReturn { line }
            | Self::LiteralNewline { line }
            | Self::UnquotedCarriageReturn { line }
            | Self::UnquotedNewline { line }
            | Self::UnterminatedQuote { line }
            | Self::MarkerNewline { line }
            | Self::MarkerNotAlone { line }
            | Self::BinaryRow { line, .. }
            | Self::BinaryField { line, .. }
            | Self::FieldCount { line, .. }
            | Self::RowTooLong { line, .. } => *line,
            // In front of the first row.
            Self::BinaryHeader { .. } => 0,
        }
    }

    /// The error for the client: 22P04 (54000 for a row too long) with PostgreSQL's message and hint.
    /// `column_names` may be shorter than the row, or empty.
    pub fn to_pg(&self, column_names: &[String]) -> Box<PgError> {
        let code = match self {
            Self::RowTooLong { .. } => SqlState::PROGRAM_LIMIT_EXCEEDED,
            _ => SqlState::BAD_COPY_FORMAT,
        };
        let message = match self {
            Self::MissingData { column_index, .. } => match column_names.get(*column_index) {
                Some(name) => format!("missing data for column \"{name}\""),
                None => self.to_string(),
            },
            _ => self.to_string(),
        };
        let error = PgError::error(code, message);
        match self {
            Self::LiteralCarriageReturn { .. } => error.hint("Use \"\\r\" to represent carriage return."),
            Self::LiteralNewline { .. } => error.hint("Use \"\\n\" to represent newline."),
            Self::UnquotedCarriageReturn { .. } => error.hint("Use quoted CSV field to represent carriage return."),
            Self::UnquotedNewline { .. } => error.hint("Use quoted CSV field to represent newline."),
            _ => error,
        }
    }
}

impl From<CopyError> for Box<PgError> {
    /// For those who do not know the columns' names.
    fn from(error: CopyError) -> Self {
        error.to_pg(&[])
    }
}
