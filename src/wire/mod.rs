//! PostgreSQL protocol 3: frames, messages and errors as bytes. No IO, no clock, no configuration.

#![warn(clippy::missing_errors_doc)]

mod backend;
mod buffer;
mod error;
mod frame;
mod frontend;
mod limits;
mod reader;
mod startup;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use backend::MessageTooLarge;
pub(crate) use backend::{FieldDescription, RowWriter};
pub use buffer::SendBuf;
pub(crate) use error::Severity;
pub use error::{PgError, SqlState, WireError};
pub use frame::{Frame, Messages, Phase};
pub(crate) use frontend::{Bind, Parse, Target};
pub use frontend::{FrontendMessage, SaslInitialResponse, password};
pub use iris_protocol::RecvBuf;
pub use limits::Limits;
pub(crate) use reader::Reader;
pub use startup::StartupPacket;
pub(crate) use startup::{ProtocolVersion, StartupParameters};

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

impl Format {
    /// 0 or 1, as the wire says it.
    pub const fn code(self) -> u16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }

    /// Of its code.
    ///
    /// # Errors
    /// [`WireError::UnsupportedFormat`] for any code but 0 and 1.
    pub const fn from_code(code: u16) -> Result<Self, WireError> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            code => Err(WireError::UnsupportedFormat(code)),
        }
    }
}
