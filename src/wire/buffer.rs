//! The send buffer of a connection. As [`iris_protocol::RecvBuf`] it gives memory back: ten thousand idle clients hold
//! almost none.

/// What the buffer may keep while it holds nothing; a burst above it is given back.
const KEEP_BYTES_MAX: usize = 16 << 10;

/// Output is sent once it has grown to this, before anything else is done: a pipeline of many statements must not gather
/// all its results in memory.
const FULL_BYTES: usize = 64 << 10;

/// Bytes to send: whole messages only, one after the other. Written by the `put_*` methods in `backend.rs`.
#[derive(Debug, Default)]
pub struct SendBuf {
    pub(super) bytes: Vec<u8>,
}

impl SendBuf {
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is so much that it has to be sent before more is written.
    pub fn is_full(&self) -> bool {
        self.bytes.len() > FULL_BYTES
    }

    /// Memory held, in bytes.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whole messages made elsewhere.
    pub fn put_messages(&mut self, messages: &[u8]) {
        self.bytes.extend_from_slice(messages);
    }

    /// Takes back what was put behind the first `len` bytes: a reply that turned into an error.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// Everything was sent. Memory stays for the next reply unless this one needed less than a quarter of it.
    pub fn clear(&mut self) {
        let used = self.bytes.len();
        self.bytes.clear();
        if self.bytes.capacity() > KEEP_BYTES_MAX && used < self.bytes.capacity() / 4 {
            self.bytes.shrink_to(KEEP_BYTES_MAX.max(used.saturating_mul(2)));
        }
    }

    /// The first `n` bytes were sent.
    pub fn consume(&mut self, n: usize) {
        if n >= self.bytes.len() {
            self.clear();
        } else {
            self.bytes.drain(..n);
        }
    }

    /// Gives all memory back when nothing waits to be sent: for a client that is about to be idle.
    pub fn release(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn send_buffer_shrinks_after_a_burst_only() {
        let mut buf = SendBuf::new();
        buf.bytes.resize(1 << 20, 1);
        buf.clear();
        assert!(buf.capacity() >= 1 << 20, "a large reply may be followed by another");
        buf.bytes.resize(100, 1);
        buf.clear();
        assert!(buf.capacity() <= KEEP_BYTES_MAX, "{}", buf.capacity());
        buf.bytes.resize(100, 1);
        buf.clear();
        assert!(buf.capacity() >= 100);
        buf.release();
        assert_eq!(buf.capacity(), 0);
    }
}
