//! Values and errors as they cross between the engine and the protocol.

use iris_protocol::Decimal;

/// A logical IRIS value. What a `$LIST` item holds, decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL (in IRIS the empty string of ObjectScript).
    Null,
    /// A whole number.
    Int(i64),
    /// Exact.
    Decimal(Decimal),
    /// $DOUBLE.
    Double(f64),
    /// May be empty: SQL `''` is not NULL.
    Text(String),
    /// A string of bytes.
    Bytes(Vec<u8>),
}

/// An SQLCODE (positive, as drivers get it) with its `%msg`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("SQLCODE -{sqlcode}: {message}")]
pub struct SqlError {
    /// Positive.
    pub sqlcode: i32,
    /// `Prepare` or `ServerLoop` (execution): the Location of the text.
    pub location: &'static str,
    /// The particulars that IRIS puts into `%msg`; may be empty.
    pub message: String,
}

impl SqlError {
    /// Found when the statement was prepared.
    pub fn prepare(sqlcode: i32, message: impl Into<String>) -> Self {
        Self { sqlcode, location: "Prepare", message: message.into() }
    }

    /// Found when it ran.
    pub fn execute(sqlcode: i32, message: impl Into<String>) -> Self {
        Self { sqlcode, location: "ServerLoop", message: message.into() }
    }
}
