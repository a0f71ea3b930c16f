//! The 14-byte header in front of every message, both directions (protocol facts, section 1).

use super::Opcode;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 14;

/// Success.
pub const STATUS_OK: u16 = 0;
/// Success and end of data (SQLCODE 100).
pub const STATUS_END: u16 = 100;
/// The server does not hold the statement (any longer, or not as it was prepared): the client sends its text again. All
/// official clients do, and none asks for the text of this error (seen with Python 5.1 and 5.4, its predecessor in
/// Python alone, and JDBC 3.10; no document names it).
pub const STATUS_FORGOTTEN: u16 = 404;

/// A message header. `code` is an opcode in requests and a little-endian status in replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes behind the header.
    pub body_bytes: u32,
    /// Message count: odd and +2 per request; a reply carries the count of its request.
    pub count: u32,
    /// Chosen by the client, echoed by the server, 0 where no statement is meant.
    pub statement_id: u32,
    /// Opcode or status.
    pub code: [u8; 2],
}

impl Header {
    /// Reads a header.
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *bytes;
        Self {
            body_bytes: u32::from_le_bytes([a, b, c, d]),
            count: u32::from_le_bytes([e, f, g, h]),
            statement_id: u32::from_le_bytes([i, j, k, l]),
            code: [m, n],
        }
    }

    /// Reads a header from the front of `bytes`; `None` when there are too few.
    pub fn peek(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk::<HEADER_BYTES>().map(Self::parse)
    }

    /// As [`parse`](Self::parse) reads it.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let [a, b, c, d] = self.body_bytes.to_le_bytes();
        let [e, f, g, h] = self.count.to_le_bytes();
        let [i, j, k, l] = self.statement_id.to_le_bytes();
        let [m, n] = self.code;
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n]
    }

    /// The code of a reply.
    pub fn status(&self) -> u16 {
        u16::from_le_bytes(self.code)
    }

    /// The code of a request.
    pub fn opcode(&self) -> Opcode {
        Opcode(self.code)
    }
}

/// The SQLCODE a status stands for, as a positive number: servers send the absolute value, a robust client
/// takes |int16| (section 1.4).
pub fn sqlcode_of(status: u16) -> i32 {
    i32::from(status.cast_signed()).abs()
}

/// A message being written: the length is patched by [`MessageWriter::finish`]. Until then the header announces
/// `u32::MAX` bytes, so an interrupted write can never be read as a short message.
#[must_use = "finish() patches the length"]
#[derive(Debug)]
pub struct MessageWriter {
    start: usize,
}

impl MessageWriter {
    /// Begins a request.
    pub fn request(out: &mut Vec<u8>, opcode: Opcode, count: u32, statement_id: u32) -> Self {
        Self::begin(out, opcode.0, count, statement_id)
    }

    /// Begins a reply; `count` and `statement_id` are those of its request.
    pub fn reply(out: &mut Vec<u8>, status: u16, count: u32, statement_id: u32) -> Self {
        Self::begin(out, status.to_le_bytes(), count, statement_id)
    }

    fn begin(out: &mut Vec<u8>, code: [u8; 2], count: u32, statement_id: u32) -> Self {
        let start = out.len();
        out.extend_from_slice(&Header { body_bytes: u32::MAX, count, statement_id, code }.encode());
        Self { start }
    }

    /// Patches the length. A body of 4 GiB or more cannot be framed: the message is taken back and `false` returned.
    #[must_use]
    pub fn finish(self, out: &mut Vec<u8>) -> bool {
        let body_bytes = out.len().saturating_sub(self.start).saturating_sub(HEADER_BYTES);
        let length = u32::try_from(body_bytes).ok().filter(|&length| length != u32::MAX);
        let field = out.get_mut(self.start..).and_then(|message| message.first_chunk_mut::<4>());
        match (length, field) {
            (Some(length), Some(field)) => {
                *field = length.to_le_bytes();
                true
            }
            _ => {
                out.truncate(self.start);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshake_vector_of_section_3() {
        let mut out = Vec::new();
        let message = MessageWriter::request(&mut out, Opcode::HANDSHAKE, 1, 0);
        out.extend_from_slice(&69u16.to_le_bytes());
        assert!(message.finish(&mut out));
        assert_eq!(out, [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x48, 0x53, 0x45, 0]);
        let header = Header::peek(&out).unwrap();
        assert_eq!((header.body_bytes, header.count, header.opcode()), (2, 1, Opcode::HANDSHAKE));
    }

    #[test]
    fn an_unfinished_message_is_never_short() {
        let mut out = Vec::new();
        let _unfinished = MessageWriter::reply(&mut out, STATUS_OK, 3, 1);
        assert_eq!(Header::peek(&out).unwrap().body_bytes, u32::MAX);
    }

    #[test]
    fn status_is_read_as_a_positive_sqlcode() {
        assert_eq!(sqlcode_of(30), 30);
        assert_eq!(sqlcode_of(65506), 30);
        assert_eq!(sqlcode_of(0x8000), 32768);
    }

    #[test]
    fn thirteen_bytes_are_no_header() {
        assert_eq!(Header::peek(&[0; 13]), None);
    }
}
