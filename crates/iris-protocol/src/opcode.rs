//! Two-letter request codes (protocol facts, section 2).

use std::fmt;

/// A request code, in reading order. Unknown codes are kept so that a server can name what it refuses.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Opcode(pub [u8; 2]);

macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl Opcode {
            $($(#[$doc])* pub const $name: Opcode = Opcode(*$code);)*
        }
    };
}

opcodes! {
    /// First message: protocol version, answered with the server's and its locale.
    HANDSHAKE = b"HS";
    /// Login.
    CONNECT = b"CN";
    /// Goodbye: count 0, no reply.
    DISCONNECT = b"DC";
    PREPARE = b"PP";
    EXECUTE_QUERY = b"PQ";
    EXECUTE_UPDATE = b"PU";
    /// Prepare and run; two replies.
    DIRECT_QUERY = b"DQ";
    DIRECT_UPDATE = b"DU";
    /// Next page of a PQ/DQ result.
    FETCH = b"FD";
    /// Text of the error whose status was just received.
    ERROR_TEXT = b"OE";
    COMMIT = b"TC";
    ROLLBACK = b"TR";
    /// No reply.
    AUTOCOMMIT_OFF = b"AF";
    /// No reply.
    AUTOCOMMIT_ON = b"AN";
    PREPARE_PROCEDURE = b"SP";
    RUN_PROCEDURE_UPDATE = b"SU";
    RUN_PROCEDURE_QUERY = b"SQ";
    FETCH_PROCEDURE = b"SF";
    STREAM_SIZE = b"SS";
    STREAM_READ = b"JS";
    /// No reply.
    STREAMS_CLOSE = b"CS";
    STORE_TEXT_STREAM = b"SM";
    STORE_BINARY_STREAM = b"SB";
    STREAM_PIECE = b"GB";
    STREAM_SEARCH = b"GP";
    GENERATED_KEYS = b"GG";
    DIRECT_PROCEDURE = b"DS";
    ISOLATION_LEVEL = b"IL";
    /// Close a result that was not read to its end; no reply.
    CLOSE_RESULT = b"CC";
    /// Statement ids the client drops from its cache; no reply.
    FORGET_STATEMENTS = b"UC";
    /// Interrupt the statement of another connection.
    INTERRUPT = b"EI";
    PING = b"PG";
    SCHEMA = b"GS";
    CLIENT_INFO = b"CG";
    SCROLL_DIRECT = b"DX";
    SCROLL_EXECUTE = b"EX";
    SCROLL_FETCH = b"FX";
    BATCH_TEXTS = b"EB";
}

impl Opcode {
    /// Messages that must not be answered (sections 1.3, 18.3, 18.4).
    pub fn has_reply(self) -> bool {
        !matches!(
            self,
            Self::AUTOCOMMIT_OFF
                | Self::AUTOCOMMIT_ON
                | Self::STREAMS_CLOSE
                | Self::DISCONNECT
                | Self::CLOSE_RESULT
                | Self::FORGET_STATEMENTS
        )
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
