//! The format of COPY that change bytes.

use crate::wire::{PgError, SqlState};

/// The text format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFormat {
    pub delimiter: u8,
    /// What stands for NULL, compared before escapes are taken out.
    pub null: Vec<u8>,
    /// The first line is names, skipped or written.
    pub header: bool,
}

impl Default for TextFormat {
    fn default() -> Self {
        Self { delimiter: b'\t', null: b"\\N".to_vec(), header: false }
    }
}

/// The CSV format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFormat {
    pub delimiter: u8,
    pub quote: u8,
    /// Stands before a quote inside quotes; the quote itself by default.
    pub escape: u8,
    /// What stands for NULL where it is not quoted.
    pub null: Vec<u8>,
    pub header: bool,
}

impl Default for CsvFormat {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', escape: b'"', null: Vec::new(), header: false }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowFormat {
    Text(TextFormat),
    Csv(CsvFormat),
}

fn invalid(message: impl Into<String>) -> Box<PgError> {
    PgError::error(SqlState::INVALID_PARAMETER_VALUE, message)
}

impl RowFormat {
    pub(super) fn header(&self) -> bool {
        match self {
            Self::Text(format) => format.header,
            Self::Csv(format) => format.header,
        }
    }

    /// Refuses format that would make rows ambiguous (`ProcessRowFormat`).
    ///
    /// # Errors
    /// 22023, 0A000.
    pub fn check(&self) -> Result<(), Box<PgError>> {
        let (delimiter, null) = match self {
            Self::Text(format) => (format.delimiter, &format.null),
            Self::Csv(format) => (format.delimiter, &format.null),
        };
        if !delimiter.is_ascii() {
            return Err(PgError::unsupported("COPY delimiter must be a single one-byte character"));
        }
        if matches!(delimiter, b'\n' | b'\r') {
            return Err(invalid("COPY delimiter cannot be newline or carriage return"));
        }
        if null.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            return Err(invalid("COPY null representation cannot use newline or carriage return"));
        }
        if null.contains(&delimiter) {
            return Err(invalid("COPY delimiter must not appear in the NULL specification"));
        }
        match self {
            // These begin or belong to escapes.
            Self::Text(_) if matches!(delimiter, b'\\' | b'.' | b'a'..=b'z' | b'0'..=b'9') => {
                Err(invalid(format!("COPY delimiter cannot be \"{}\"", char::from(delimiter))))
            }
            Self::Csv(format) if format.delimiter == format.quote => {
                Err(invalid("COPY delimiter and quote must be different"))
            }
            Self::Csv(format) if matches!(format.quote, b'\n' | b'\r') || !format.quote.is_ascii() => {
                Err(PgError::unsupported("COPY quote must be a single one-byte character"))
            }
            Self::Csv(format) if matches!(format.escape, b'\n' | b'\r') || !format.escape.is_ascii() => {
                Err(PgError::unsupported("COPY escape must be a single one-byte character"))
            }
            Self::Csv(format) if null.contains(&format.quote) => {
                Err(invalid("CSV quote character must not appear in the NULL specification"))
            }
            _ => Ok(()),
        }
    }
}
