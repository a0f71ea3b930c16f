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
    /// Metadata of a text, without running it.
    PREPARE = b"PP";
    /// Run a prepared query.
    EXECUTE_QUERY = b"PQ";
    /// Run anything else that was prepared, for many sets of values.
    EXECUTE_UPDATE = b"PU";
    /// Prepare and run; two replies.
    DIRECT_QUERY = b"DQ";
    /// Prepare and run anything but a query; two replies.
    DIRECT_UPDATE = b"DU";
    /// Next page of a PQ/DQ result.
    FETCH = b"FD";
    /// Text of the error whose status was just received.
    ERROR_TEXT = b"OE";
    /// End the transaction, keeping its work.
    COMMIT = b"TC";
    /// End the transaction, undoing its work.
    ROLLBACK = b"TR";
    /// No reply.
    AUTOCOMMIT_OFF = b"AF";
    /// No reply.
    AUTOCOMMIT_ON = b"AN";
    /// Metadata of a call.
    PREPARE_PROCEDURE = b"SP";
    /// Run a prepared call without a result.
    RUN_PROCEDURE_UPDATE = b"SU";
    /// Run a prepared call with a result.
    RUN_PROCEDURE_QUERY = b"SQ";
    /// Next page of a call's result.
    FETCH_PROCEDURE = b"SF";
    /// Length of a stream.
    STREAM_SIZE = b"SS";
    /// Data of a stream.
    STREAM_READ = b"JS";
    /// No reply.
    STREAMS_CLOSE = b"CS";
    /// Make a stream of text.
    STORE_TEXT_STREAM = b"SM";
    /// Make a stream of bytes.
    STORE_BINARY_STREAM = b"SB";
    /// A part of a stream.
    STREAM_PIECE = b"GB";
    /// The place of something within a stream.
    STREAM_SEARCH = b"GP";
    /// The keys that the last INSERT made.
    GENERATED_KEYS = b"GG";
    /// Prepare and run a call.
    DIRECT_PROCEDURE = b"DS";
    /// Read or set it.
    ISOLATION_LEVEL = b"IL";
    /// Close a result that was not read to its end; no reply.
    CLOSE_RESULT = b"CC";
    /// Statement ids the client drops from its cache; no reply.
    FORGET_STATEMENTS = b"UC";
    /// Interrupt the statement of another connection.
    INTERRUPT = b"EI";
    /// Answered with nothing.
    PING = b"PG";
    /// The default schema.
    SCHEMA = b"GS";
    /// What the client tells of itself.
    CLIENT_INFO = b"CG";
    /// Prepare and run a query that is scrolled.
    SCROLL_DIRECT = b"DX";
    /// Run a prepared query that is scrolled.
    SCROLL_EXECUTE = b"EX";
    /// Rows of a scrolled result, by their numbers.
    SCROLL_FETCH = b"FX";
    /// Several texts at once.
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
