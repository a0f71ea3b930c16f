//! What ends a connection to IRIS.

use crate::ListError;

/// The connection cannot go on and must be dropped; an open transaction is lost with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Name, password, namespace or licence.
    #[error("IRIS refused the login: {text}")]
    LoginRefused {
        /// Positive.
        sqlcode: i32,
        /// IRIS's words.
        text: String,
    },
    /// Of a server older than what is spoken here.
    #[error("IRIS speaks protocol {0}, which is too old")]
    ProtocolTooOld(u16),
    /// Its strings would be of another encoding.
    #[error("IRIS is an 8-bit installation; only Unicode installations are supported")]
    EightBitServer,
    /// Replies carry the count of their request.
    #[error("IRIS answered message {got} where {expected} was expected")]
    OutOfOrder {
        /// Of the request that waits.
        expected: u32,
        /// Of the reply.
        got: u32,
    },
    /// A message that asks something of the client; none is served.
    #[error("IRIS sent a call-back (message {0})")]
    CallBack(u32),
    /// A reply without a request.
    #[error("IRIS sent {0} that was not asked for")]
    Unasked(&'static str),
    /// A body that is not what its message has.
    #[error("IRIS sent a malformed reply: {0}")]
    Malformed(#[from] ListError),
    /// See [`ConnectOptions::reply_bytes_max`](super::ConnectOptions::reply_bytes_max).
    #[error("IRIS announced a reply of {bytes} bytes; the limit is {bytes_max}")]
    ReplyTooLarge {
        /// As announced.
        bytes: u32,
        /// The limit.
        bytes_max: u32,
    },
    /// A stream ended before its length.
    #[error("IRIS sent {got} bytes of a stream of {expected}")]
    ShortStream {
        /// As the server said first.
        expected: i64,
        /// What came.
        got: usize,
    },
    /// 4 GiB is where the header's length ends.
    #[error("the request exceeds what one IRIS message can hold")]
    RequestTooLarge,
    /// The other side has gone.
    #[error("IRIS closed the connection")]
    Closed,
    /// A mistake of ours: the caller asked for what cannot be sent now.
    #[error("misuse of an IRIS connection: {0}")]
    Misuse(&'static str),
}
