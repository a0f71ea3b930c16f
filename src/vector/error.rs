//! What can be wrong with a vector. The messages are pgvector's, but for those that quote the whole input.

/// Why bytes are no vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VectorError {
    /// The caller quotes the text: `invalid input syntax for type vector: "[1,"`.
    #[error("invalid input syntax for type vector")]
    Syntax {
        /// pgvector's DETAIL, where it has one.
        detail: Option<&'static str>,
    },
    #[error("vector must have at least 1 dimension")]
    NoDimensions,
    #[error("vector cannot have more than {} dimensions", super::DIMENSIONS_MAX)]
    TooManyDimensions,
    #[error("NaN not allowed in vector")]
    NotANumber,
    #[error("infinite value not allowed in vector")]
    Infinite,
    /// The number at these bytes of the text is beyond single precision.
    #[error("value is out of range for type vector")]
    OutOfRange { start: usize, end: usize },
    #[error("expected unused to be 0, not {0}")]
    Unused(u16),
    #[error("insufficient data left in message")]
    BinaryTooShort,
    #[error("incorrect binary data format")]
    BinaryTooLong,
}
