//! The receive buffer of a connection.

/// What every buffer may keep while it holds nothing; a burst above it is given back at once, unless the buffer was made
/// to keep more.
const KEEP_BYTES_MAX: usize = 16 << 10;
/// A buffer that was made to keep more gives it back when it was emptied so often in a row without need of a quarter.
const SMALL_USES_MAX: u32 = 64;

/// Bytes received and not yet consumed.
///
/// ```text
/// 0        start          end            bytes.len()
/// | consumed |   unread     |    spare     |          start <= end <= bytes.len()
/// ```
///
/// It grows by doubling what has arrived, never by a length a peer announced.
#[derive(Debug, Default)]
pub struct RecvBuf {
    /// Zeroed beyond `end`, so that spare space can be lent as a plain slice.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    keep_bytes_max: usize,
    small_uses: u32,
}

impl RecvBuf {
    /// Keeps little: for one of many connections that are mostly idle.
    pub const fn new() -> Self {
        Self::keeping(KEEP_BYTES_MAX)
    }

    /// Keeps up to `bytes` while what comes needs them: for one of few connections with long answers.
    pub const fn keeping(bytes: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, keep_bytes_max: bytes, small_uses: 0 }
    }

    /// Bytes received and not yet consumed.
    pub fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Bytes received and not yet consumed.
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Nothing is unread.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Memory held, in bytes.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// At least `min` bytes (one at the least) to receive into; then call [`filled`](Self::filled).
    ///
    /// `min` is the caller's read size, not what a frame announces.
    pub fn spare_mut(&mut self, min: usize) -> &mut [u8] {
        let min = min.max(1);
        if self.bytes.len().saturating_sub(self.end) < min {
            self.make_room(min);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// The first `n` bytes of the spare space were received.
    pub fn filled(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.bytes.len());
    }

    /// The first `n` unread bytes are done with.
    pub fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
        if self.is_empty() {
            let used = std::mem::take(&mut self.end);
            self.start = 0;
            let capacity = self.bytes.capacity();
            if capacity > KEEP_BYTES_MAX && used > 0 {
                self.small_uses = if used < capacity / 4 { self.small_uses.saturating_add(1) } else { 0 };
                if capacity > self.keep_bytes_max || self.small_uses >= SMALL_USES_MAX {
                    self.bytes = Vec::new();
                    self.small_uses = 0;
                }
            }
        }
    }

    /// Gives all memory back when nothing is unread: for a client that is about to be idle.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::keeping(self.keep_bytes_max);
        }
    }

    /// Moves the unread bytes to the front; into twice the space when they would fill more than half of it.
    fn make_room(&mut self, min: usize) {
        let len = self.len();
        let wanted = len.saturating_add(min.max(len));
        if wanted <= self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
        } else {
            let mut bytes = Vec::with_capacity(wanted);
            bytes.extend_from_slice(self.unread());
            bytes.resize(wanted, 0);
            self.bytes = bytes;
        }
        self.start = 0;
        self.end = len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(buf: &mut RecvBuf, mut data: &[u8], read: usize) {
        while !data.is_empty() {
            let spare = buf.spare_mut(read);
            assert!(spare.len() >= read);
            let n = spare.len().min(data.len()).min(read);
            spare[..n].copy_from_slice(&data[..n]);
            buf.filled(n);
            data = &data[n..];
        }
    }

    #[test]
    fn bytes_come_out_as_they_went_in_whatever_the_cuts() {
        let data: Vec<u8> = (0..50_000_u32).map(|n| n as u8 ^ (n >> 8) as u8).collect();
        for read in [1, 7, 100, 8192] {
            for take in [1, 3, 1000, 60_000] {
                let mut buf = RecvBuf::new();
                let mut out = Vec::new();
                for chunk in data.chunks(read * 3) {
                    receive(&mut buf, chunk, read);
                    let n = buf.len().min(take);
                    out.extend_from_slice(&buf.unread()[..n]);
                    buf.consume(n);
                }
                out.extend_from_slice(buf.unread());
                assert!(out == data, "read {read}, take {take}");
            }
        }
    }

    #[test]
    fn receive_buffer_grows_with_what_arrived_and_gives_it_back() {
        let mut buf = RecvBuf::new();
        assert_eq!(buf.capacity(), 0);
        receive(&mut buf, &[1; 1 << 20], 8192);
        assert!(buf.capacity() <= (2 << 20) + 8192, "{}", buf.capacity());
        buf.consume(1);
        assert_eq!(buf.len(), (1 << 20) - 1);
        buf.consume(usize::MAX);
        assert!(buf.is_empty());
        assert_eq!(buf.capacity(), 0);
    }

    #[test]
    fn a_small_receive_buffer_is_kept_until_released() {
        let mut buf = RecvBuf::new();
        receive(&mut buf, &[1; 100], 8192);
        buf.release();
        assert_eq!(buf.unread(), [1; 100]);
        buf.consume(100);
        assert!(buf.capacity() >= 8192);
        buf.release();
        assert_eq!(buf.capacity(), 0);
    }

    #[test]
    fn a_buffer_for_long_answers_keeps_its_size_while_they_come() {
        let mut buf = RecvBuf::keeping(1 << 20);
        let answer = |buf: &mut RecvBuf, bytes: usize| {
            receive(buf, &vec![1; bytes], 8192);
            buf.consume(bytes);
            buf.capacity()
        };
        let kept = answer(&mut buf, 300_000);
        assert!(kept >= 300_000);
        for _ in 0..3 {
            // Short answers in between change nothing.
            for _ in 1..SMALL_USES_MAX {
                assert_eq!(answer(&mut buf, 100), kept);
            }
            assert_eq!(answer(&mut buf, 300_000), kept);
        }
        for _ in 1..SMALL_USES_MAX {
            assert_eq!(answer(&mut buf, 100), kept);
        }
        assert_eq!(answer(&mut buf, 100), 0);
        // Beyond its bound it keeps nothing.
        assert_eq!(answer(&mut buf, 2 << 20), 0);
    }

    #[test]
    fn filled_and_consume_stay_inside() {
        let mut buf = RecvBuf::new();
        buf.filled(10);
        assert!(buf.is_empty());
        let spare = buf.spare_mut(4).len();
        buf.filled(usize::MAX);
        assert_eq!(buf.len(), spare);
        buf.consume(usize::MAX);
        assert!(buf.is_empty());
    }
}
