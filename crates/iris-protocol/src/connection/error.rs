//! What ends a connection to IRIS.

use crate::ListError;

/// The connection cannot go on and must be dropped; an open transaction is lost with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("IRIS refused the login: {text}")]
    LoginRefused { sqlcode: i32, text: String },
    #[error("IRIS speaks protocol {0}, which is too old")]
    ProtocolTooOld(u16),
    #[error("IRIS is an 8-bit installation; only Unicode installations are supported")]
    EightBitServer,
    #[error("IRIS answered message {got} where {expected} was expected")]
    OutOfOrder { expected: u32, got: u32 },
    #[error("IRIS sent a call-back (message {0})")]
    CallBack(u32),
    #[error("IRIS sent {0} that was not asked for")]
    Unasked(&'static str),
    #[error("IRIS sent a malformed reply: {0}")]
    Malformed(#[from] ListError),
    #[error("IRIS announced a reply of {bytes} bytes; the limit is {bytes_max}")]
    ReplyTooLarge { bytes: u32, bytes_max: u32 },
    #[error("IRIS sent {got} bytes of a stream of {expected}")]
    ShortStream { expected: i64, got: usize },
    #[error("the request exceeds what one IRIS message can hold")]
    RequestTooLarge,
    #[error("IRIS closed the connection")]
    Closed,
    /// A mistake of ours: the caller asked for what cannot be sent now.
    #[error("misuse of an IRIS connection: {0}")]
    Misuse(&'static str),
}
