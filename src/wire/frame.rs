//! Cutting messages out of the byte stream. A message is cut whole or not at all, and parsed only afterwards.
//!
//! ```text
//! +-----+-----------------+----------------------+
//! | tag | length (u32 BE) | body                 |   length = 4 + body; startup packets have no tag
//! +-----+-----------------+----------------------+
//! ```

use super::{Limits, WireError};

/// What may arrive now; decides shape and limit of the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Startup packets: no tag byte, at most `Limits::startup_bytes_max`.
    Startup,
    /// Tagged messages of a peer nobody vouches for yet: at most `Limits::unauthenticated_frame_bytes_max`.
    Unauthenticated,
    Authenticated,
}

/// One whole message of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// [`Frame::STARTUP`] for startup packets.
    pub tag: u8,
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The tag of packets that have none on the wire.
    pub const STARTUP: u8 = 0;

    /// The frame at the head of `bytes`; `None` while it is not whole. Drop `frame.wire_len()` bytes afterwards.
    ///
    /// A bad tag or length is reported as soon as it is visible, so a peer that talks something else
    /// is not waited for.
    ///
    /// # Errors
    /// A tag that no message of this phase has, or a length that is too small or above the limit.
    pub fn cut(bytes: &'a [u8], limits: &Limits, phase: Phase) -> Result<Option<Self>, WireError> {
        if phase == Phase::Startup {
            return cut_body(Self::STARTUP, bytes, limits.startup_bytes_max);
        }
        let Some((&tag, rest)) = bytes.split_first() else { return Ok(None) };
        let max = frontend_bytes_max(tag, limits).ok_or(WireError::UnknownMessage { tag: tag.into() })?;
        let max = match phase {
            Phase::Authenticated => max,
            Phase::Unauthenticated | Phase::Startup => limits.unauthenticated_frame_bytes_max.min(max),
        };
        cut_body(tag, rest, max)
    }

    /// The same for a message of a server: clients that test or load one use it. Any tag is accepted.
    ///
    /// # Errors
    /// A length that is too small or above `frame_bytes_max`.
    pub fn cut_backend(bytes: &'a [u8], frame_bytes_max: u32) -> Result<Option<Self>, WireError> {
        match bytes.split_first() {
            Some((&tag, rest)) => cut_body(tag, rest, frame_bytes_max),
            None => Ok(None),
        }
    }

    /// Bytes of the stream this frame covers.
    pub fn wire_len(&self) -> usize {
        let head = if self.tag == Self::STARTUP { 4 } else { 5 };
        self.body.len().saturating_add(head)
    }
}

/// Messages that stand back to back, of any tag and length: each as its frame and as the bytes it is on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// From the first of them on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been cut: behind the last message nothing, or what is no whole message.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = (Frame<'a>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let frame = Frame::cut_backend(self.rest, u32::MAX).ok()??;
        // Not `wire_len`: a tag of zero is a tag here.
        let (message, rest) = self.rest.split_at_checked(frame.body.len().checked_add(5)?)?;
        self.rest = rest;
        Some((frame, message))
    }
}

fn cut_body(tag: u8, bytes: &[u8], max: u32) -> Result<Option<Frame<'_>>, WireError> {
    let Some((head, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*head);
    let tag_char = char::from(tag);
    if length > max {
        return Err(WireError::FrameTooLarge { tag: tag_char, length, max });
    }
    let body_len = length.checked_sub(4).ok_or(WireError::FrameTooShort { tag: tag_char, length })?;
    // A body that does not fit the address space cannot be in the buffer either.
    let Ok(body_len) = usize::try_from(body_len) else { return Ok(None) };
    Ok(rest.get(..body_len).map(|body| Frame { tag, body }))
}

/// The largest length a frontend message may announce; `None` for a tag no client sends.
/// Which ones are small follows `SocketBackend` in PostgreSQL's `postgres.c`.
fn frontend_bytes_max(tag: u8, limits: &Limits) -> Option<u32> {
    match tag {
        b'Q' | b'P' | b'B' | b'F' | b'd' => Some(limits.frame_bytes_max),
        b'p' => Some(limits.unauthenticated_frame_bytes_max),
        b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' => Some(limits.small_frame_bytes_max),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8]) -> Result<Option<Frame<'_>>, WireError> {
        Frame::cut(bytes, &Limits::default(), Phase::Authenticated)
    }

    fn with_length(tag: u8, length: u32) -> Vec<u8> {
        let mut bytes = vec![tag];
        bytes.extend(length.to_be_bytes());
        bytes
    }

    #[test]
    fn cuts_only_whole_frames() {
        let bytes = b"Q\0\0\0\x09abcd\0S\0\0\0\x04";
        for n in 0..10 {
            assert_eq!(cut(&bytes[..n]), Ok(None), "{n} bytes");
        }
        let frame = cut(bytes).unwrap().unwrap();
        assert_eq!(frame, Frame { tag: b'Q', body: b"abcd\0" });
        assert_eq!(frame.wire_len(), 10);
        let frame = cut(&bytes[10..]).unwrap().unwrap();
        assert_eq!(frame, Frame { tag: b'S', body: b"" });
        assert_eq!(frame.wire_len(), 5);
    }

    #[test]
    fn messages_are_cut_up_to_what_is_none() {
        let bytes = b"D\0\0\0\x06ab\0\0\0\0\x04Z\0\0\0\x05I";
        for (length, whole, rest) in [(0, 0, 0), (7, 1, 0), (12, 2, 0), (18, 3, 0), (6, 0, 6), (11, 1, 4), (17, 2, 5)] {
            let mut messages = Messages::new(&bytes[..length]);
            let cut: Vec<_> = messages.by_ref().collect();
            assert_eq!((cut.len(), messages.rest().len()), (whole, rest), "{length} bytes");
            assert_eq!(cut.iter().map(|(_, message)| message.len()).sum::<usize>(), length - rest);
        }
        let mut messages = Messages::new(b"D\0\0\0\x06abE\0\0\0\x03");
        assert_eq!(messages.next(), Some((Frame { tag: b'D', body: b"ab" }, &b"D\0\0\0\x06ab"[..])));
        assert_eq!((messages.next(), messages.next()), (None, None));
        assert_eq!(messages.rest(), b"E\0\0\0\x03");
    }

    #[test]
    fn lengths_below_four_are_refused() {
        for length in 0..4 {
            let error = WireError::FrameTooShort { tag: 'Q', length };
            assert_eq!(cut(&with_length(b'Q', length)), Err(error));
        }
        assert_eq!(cut(&with_length(b'S', 4)), Ok(Some(Frame { tag: b'S', body: b"" })));
    }

    #[test]
    fn lengths_above_the_limit_are_refused_before_the_body_arrives() {
        let limits = Limits::default();
        for length in [0x7FFF_FFFF, 0x8000_0000, u32::MAX, limits.frame_bytes_max + 1] {
            let error = WireError::FrameTooLarge { tag: 'd', length, max: limits.frame_bytes_max };
            assert_eq!(cut(&with_length(b'd', length)), Err(error));
        }
        assert_eq!(cut(&with_length(b'd', limits.frame_bytes_max)), Ok(None));
    }

    #[test]
    fn messages_that_hold_only_names_are_small() {
        let limits = Limits::default();
        for &tag in b"CDEHSXcf" {
            let max = limits.small_frame_bytes_max;
            let error = WireError::FrameTooLarge { tag: tag.into(), length: max + 1, max };
            assert_eq!(cut(&with_length(tag, max + 1)), Err(error));
        }
    }

    #[test]
    fn an_unauthenticated_peer_gets_the_smaller_limit() {
        let limits = Limits::default();
        let max = limits.unauthenticated_frame_bytes_max;
        for &tag in b"QpPB" {
            let bytes = with_length(tag, max + 1);
            let error = WireError::FrameTooLarge { tag: tag.into(), length: max + 1, max };
            assert_eq!(Frame::cut(&bytes, &limits, Phase::Unauthenticated), Err(error));
        }
    }

    #[test]
    fn unknown_tags_are_refused_at_the_first_byte() {
        let known = b"QPBFdpCDEHSXcf";
        for tag in 0..=u8::MAX {
            let got = cut(std::slice::from_ref(&tag));
            if known.contains(&tag) {
                assert_eq!(got, Ok(None));
            } else {
                assert_eq!(got, Err(WireError::UnknownMessage { tag: tag.into() }));
            }
        }
    }

    #[test]
    fn startup_packets_have_no_tag() {
        let limits = Limits::default();
        let bytes = [0, 0, 0, 8, 4, 210, 22, 47];
        for n in 0..8 {
            assert_eq!(Frame::cut(&bytes[..n], &limits, Phase::Startup), Ok(None));
        }
        let frame = Frame::cut(&bytes, &limits, Phase::Startup).unwrap().unwrap();
        assert_eq!((frame.tag, frame.body, frame.wire_len()), (Frame::STARTUP, &bytes[4..], 8));
        // "GET / HTTP/1.1" reads as a length of 1.2 GB.
        assert!(matches!(
            Frame::cut(b"GET / HTTP/1.1", &limits, Phase::Startup),
            Err(WireError::FrameTooLarge { length: 0x4745_5420, .. })
        ));
    }
}
