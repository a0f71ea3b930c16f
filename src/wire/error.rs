//! Errors as PostgreSQL clients see them, born with a SQLSTATE.

use std::fmt;

/// A five-character SQLSTATE (PostgreSQL manual, appendix "Error Codes").
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState(pub [u8; 5]);

macro_rules! sqlstates {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl SqlState {
            $($(#[$doc])* pub const $name: SqlState = SqlState(*$code);)*
        }
    };
}

sqlstates! {
    SUCCESSFUL_COMPLETION = b"00000";
    WARNING = b"01000";
    NO_DATA = b"02000";
    CONNECTION_FAILURE = b"08006";
    CONNECTION_REJECTED = b"08004";
    TRANSACTION_RESOLUTION_UNKNOWN = b"08007";
    PROTOCOL_VIOLATION = b"08P01";
    FEATURE_NOT_SUPPORTED = b"0A000";
    DATA_EXCEPTION = b"22000";
    STRING_TOO_LONG = b"22001";
    NUMERIC_OUT_OF_RANGE = b"22003";
    INVALID_DATETIME = b"22007";
    DATETIME_OVERFLOW = b"22008";
    INVALID_PARAMETER_VALUE = b"22023";
    CHARACTER_NOT_IN_REPERTOIRE = b"22021";
    INVALID_TEXT = b"22P02";
    INVALID_BINARY = b"22P03";
    BAD_COPY_FORMAT = b"22P04";
    NOT_NULL_VIOLATION = b"23502";
    CHECK_VIOLATION = b"23514";
    FOREIGN_KEY_VIOLATION = b"23503";
    UNIQUE_VIOLATION = b"23505";
    INVALID_CURSOR_STATE = b"24000";
    INVALID_TRANSACTION_STATE = b"25000";
    ACTIVE_TRANSACTION = b"25001";
    NO_ACTIVE_TRANSACTION = b"25P01";
    IN_FAILED_TRANSACTION = b"25P02";
    INVALID_STATEMENT_NAME = b"26000";
    INVALID_AUTHORIZATION = b"28000";
    INVALID_PASSWORD = b"28P01";
    INVALID_CURSOR_NAME = b"34000";
    INVALID_CATALOG_NAME = b"3D000";
    SERIALIZATION_FAILURE = b"40001";
    SYNTAX_ERROR = b"42601";
    UNDEFINED_COLUMN = b"42703";
    UNDEFINED_FUNCTION = b"42883";
    UNDEFINED_TABLE = b"42P01";
    UNDEFINED_PARAMETER = b"42P02";
    UNDEFINED_OBJECT = b"42704";
    DUPLICATE_CURSOR = b"42P03";
    DUPLICATE_PREPARED_STATEMENT = b"42P05";
    INDETERMINATE_DATATYPE = b"42P18";
    CANNOT_COERCE = b"42846";
    DATATYPE_MISMATCH = b"42804";
    TOO_MANY_CONNECTIONS = b"53300";
    PROGRAM_LIMIT_EXCEEDED = b"54000";
    OBJECT_NOT_IN_PREREQUISITE_STATE = b"55000";
    QUERY_CANCELED = b"57014";
    ADMIN_SHUTDOWN = b"57P01";
    CANNOT_CONNECT_NOW = b"57P03";
    IDLE_IN_TRANSACTION_TIMEOUT = b"25P03";
    INTERNAL_ERROR = b"XX000";
}

impl SqlState {
    /// The code as text. Codes are ASCII by construction; anything else reads as `XX000`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Field `S`/`V` of ErrorResponse and NoticeResponse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Fatal,
    Warning,
    Notice,
    Info,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Info => "INFO",
        }
    }
}

/// An error or notice for a client: exactly what someone chose to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgError {
    pub severity: Severity,
    pub code: SqlState,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Character position in the statement, counted from 1.
    pub position: Option<u32>,
    /// What was being done: field `W`.
    pub context: Option<String>,
    pub fields: Option<Box<ErrorFields>>,
    /// It is about a value that PostgreSQL has and IRIS has not: a query with it PostgreSQL can compute.
    pub is_beyond_iris: bool,
}

/// What an error is about, by names, each where it is known (protocol chapter, "Error and Notice Message Fields").
/// Names are not quoted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorFields {
    /// Field `s`.
    pub schema: Option<String>,
    /// Field `t`.
    pub table: Option<String>,
    /// Field `c`.
    pub column: Option<String>,
    /// Field `d`.
    pub data_type: Option<String>,
    /// Field `n`.
    pub constraint: Option<String>,
    /// Field `R`: the function of PostgreSQL's source that reports this error. Drivers know some errors by it.
    pub routine: Option<String>,
}

impl PgError {
    pub fn new(severity: Severity, code: SqlState, message: impl Into<String>) -> Box<Self> {
        let message = message.into();
        Box::new(Self {
            severity,
            code,
            message,
            detail: None,
            hint: None,
            position: None,
            context: None,
            fields: None,
            is_beyond_iris: false,
        })
    }

    /// The statement failed; the connection lives.
    pub fn error(code: SqlState, message: impl Into<String>) -> Box<Self> {
        Self::new(Severity::Error, code, message)
    }

    /// The connection ends after this.
    pub fn fatal(code: SqlState, message: impl Into<String>) -> Box<Self> {
        Self::new(Severity::Fatal, code, message)
    }

    /// 0A000 with a sentence that helps.
    pub fn unsupported(message: impl Into<String>) -> Box<Self> {
        Self::error(SqlState::FEATURE_NOT_SUPPORTED, message)
    }

    /// A value that PostgreSQL has and IRIS has not.
    pub fn beyond_iris(code: SqlState, message: impl Into<String>) -> Box<Self> {
        let mut error = Self::error(code, message);
        error.is_beyond_iris = true;
        error
    }

    #[must_use]
    pub fn detail(mut self: Box<Self>, detail: impl Into<String>) -> Box<Self> {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hint = Some(hint.into());
        self
    }

    /// Field `R`.
    #[must_use]
    pub fn routine(mut self: Box<Self>, routine: impl Into<String>) -> Box<Self> {
        self.fields_mut().routine = Some(routine.into());
        self
    }

    pub fn fields_mut(&mut self) -> &mut ErrorFields {
        self.fields.get_or_insert_default()
    }

    #[must_use]
    pub fn position(mut self: Box<Self>, position: u32) -> Box<Self> {
        self.position = Some(position);
        self
    }
}

impl fmt::Display for PgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity.as_str(), self.code, self.message)
    }
}

impl std::error::Error for PgError {}

/// A peer broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("invalid length {length} of {}", message_name(*tag))]
    FrameTooShort { tag: char, length: u32 },
    #[error("{} of {length} bytes exceeds the limit of {max}", message_name(*tag))]
    FrameTooLarge { tag: char, length: u32, max: u32 },
    #[error("unknown message type {tag:?}")]
    UnknownMessage { tag: char },
    #[error("message ends before {0}")]
    MissingData(&'static str),
    #[error("{count} bytes left over after {message}")]
    TrailingData { message: &'static str, count: usize },
    #[error("string without terminator in {0}")]
    MissingTerminator(&'static str),
    #[error("invalid {field}: {value}")]
    InvalidValue { field: &'static str, value: i64 },
    #[error("invalid byte sequence for encoding \"UTF8\" in {0}")]
    InvalidUtf8(&'static str),
    /// Format codes are 0 (text) and 1 (binary).
    #[error("unsupported format code: {0}")]
    UnsupportedFormat(u16),
    #[error("bind message has {formats} parameter formats but {parameters} parameters")]
    FormatCount { formats: u16, parameters: u16 },
}

impl WireError {
    /// What the client is told. FATAL (the connection must end) where the peer's framing or layout cannot be
    /// trusted any more; ERROR where the message was well formed and only its content is refused, as PostgreSQL does.
    pub fn to_pg(&self) -> Box<PgError> {
        let message = self.to_string();
        match self {
            Self::InvalidUtf8(_) => PgError::error(SqlState::CHARACTER_NOT_IN_REPERTOIRE, message),
            Self::UnsupportedFormat(_) => PgError::error(SqlState::INVALID_PARAMETER_VALUE, message),
            Self::FormatCount { .. } => PgError::error(SqlState::PROTOCOL_VIOLATION, message),
            _ => PgError::fatal(SqlState::PROTOCOL_VIOLATION, message),
        }
    }
}

fn message_name(tag: char) -> String {
    match tag {
        '\0' => "startup packet".to_owned(),
        tag => format!("message {tag:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_errors_become_what_postgresql_would_say() {
        let cases = [
            (WireError::FrameTooShort { tag: '\0', length: 3 }, "FATAL: 08P01: invalid length 3 of startup packet"),
            (
                WireError::FrameTooLarge { tag: 'Q', length: 9, max: 8 },
                "FATAL: 08P01: message 'Q' of 9 bytes exceeds the limit of 8",
            ),
            (WireError::UnknownMessage { tag: '\u{1}' }, "FATAL: 08P01: unknown message type '\\u{1}'"),
            (WireError::MissingData("Parse.sql"), "FATAL: 08P01: message ends before Parse.sql"),
            (
                WireError::InvalidUtf8("Query.sql"),
                "ERROR: 22021: invalid byte sequence for encoding \"UTF8\" in Query.sql",
            ),
            (WireError::UnsupportedFormat(2), "ERROR: 22023: unsupported format code: 2"),
            (
                WireError::FormatCount { formats: 2, parameters: 3 },
                "ERROR: 08P01: bind message has 2 parameter formats but 3 parameters",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error.to_pg().to_string(), expected);
        }
    }
}
