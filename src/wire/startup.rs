//! The packets before the first tagged message (protocol chapter, "Start-up" and "Canceling Requests in Progress").

use std::fmt;

use super::{Reader, WireError};

/// The longest cancel key of protocol 3.2.
pub(super) const CANCEL_KEY_BYTES_MAX: usize = 256;
/// Keys are four bytes in protocol 3.0 and never shorter.
const CANCEL_KEY_BYTES_MIN: usize = 4;

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;

/// Major version in the upper half, minor in the lower.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProtocolVersion(pub u32);

impl ProtocolVersion {
    pub const V3_0: Self = Self::new(3, 0);
    pub const V3_2: Self = Self::new(3, 2);

    pub const fn new(major: u16, minor: u16) -> Self {
        Self((major as u32) << 16 | minor as u32)
    }

    pub const fn major(self) -> u32 {
        self.0 >> 16
    }

    pub const fn minor(self) -> u32 {
        self.0 & 0xFFFF
    }

    /// Cancel keys may be longer than four bytes.
    pub fn has_long_cancel_keys(self) -> bool {
        self >= Self::V3_2
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor())
    }
}

impl fmt::Debug for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A packet without a tag. Parsed from the body of a frame cut in `Phase::Startup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartupPacket<'a> {
    /// Answered with one byte, `S` or `N`.
    SslRequest,
    /// Answered with one byte, `G` or `N`.
    GssEncRequest,
    CancelRequest {
        pid: i32,
        /// 4 to 256 bytes.
        key: &'a [u8],
    },
    /// Major version 3, any minor: a newer one is answered with NegotiateProtocolVersion.
    Startup { version: ProtocolVersion, parameters: StartupParameters<'a> },
    /// Another major version; its layout is unknown.
    Unsupported(ProtocolVersion),
}

impl<'a> StartupPacket<'a> {
    /// Reads the body of the first message, or of the one behind SSLRequest and GSSENCRequest.
    ///
    /// # Errors
    /// A body that is no packet of the protocol.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        Reader::all(body, "startup packet", |r| match r.u32("startup packet.version")? {
            SSL_REQUEST => Ok(Self::SslRequest),
            GSSENC_REQUEST => Ok(Self::GssEncRequest),
            CANCEL_REQUEST => {
                let pid = r.i32("CancelRequest.pid")?;
                let key = r.remainder();
                if !(CANCEL_KEY_BYTES_MIN..=CANCEL_KEY_BYTES_MAX).contains(&key.len()) {
                    let value = i64::try_from(key.len()).unwrap_or(i64::MAX);
                    return Err(WireError::InvalidValue { field: "CancelRequest.key length", value });
                }
                Ok(Self::CancelRequest { pid, key })
            }
            version => {
                let version = ProtocolVersion(version);
                if version.major() != 3 {
                    r.remainder();
                    return Ok(Self::Unsupported(version));
                }
                Ok(Self::Startup { version, parameters: StartupParameters::read(r)? })
            }
        })
    }
}

/// Name and value pairs of a StartupMessage, checked when it was parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StartupParameters<'a> {
    /// Whole pairs of NUL-terminated strings, without the closing NUL.
    pairs: &'a str,
}

impl<'a> StartupParameters<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let body = r.remainder();
        let Some((&0, pairs)) = body.split_last() else {
            return Err(WireError::MissingTerminator("startup packet"));
        };
        let pairs = std::str::from_utf8(pairs).map_err(|_| WireError::InvalidUtf8("startup packet"))?;
        Reader::all(pairs.as_bytes(), "startup packet", |r| {
            while !r.is_empty() {
                // An empty name closes the list; bytes behind it are left over.
                if r.cstr_bytes("startup packet.name")?.is_empty() {
                    return Err(WireError::TrailingData { message: "startup packet", count: r.remainder().len() });
                }
                r.cstr_bytes("startup packet.value")?;
            }
            Ok(())
        })?;
        Ok(Self { pairs })
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut strings = self.pairs.split_terminator('\0');
        std::iter::from_fn(move || Some((strings.next()?, strings.next()?)))
    }

    /// The value of a parameter; the last one counts when it is repeated.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.iter().filter(|(key, _)| *key == name).last().map(|(_, value)| value)
    }

    /// Protocol extensions asked for (`_pq_.name`); one the server does not know is named in
    /// NegotiateProtocolVersion.
    pub fn protocol_options(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.iter().map(|(name, _)| name).filter(|name| name.starts_with("_pq_."))
    }
}

impl fmt::Debug for StartupParameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(code: u32, rest: &[u8]) -> Vec<u8> {
        [&code.to_be_bytes()[..], rest].concat()
    }

    #[test]
    fn requests_for_encryption() {
        assert_eq!(StartupPacket::parse(&packet(80_877_103, b"")), Ok(StartupPacket::SslRequest));
        assert_eq!(StartupPacket::parse(&packet(80_877_104, b"")), Ok(StartupPacket::GssEncRequest));
        let trailing = WireError::TrailingData { message: "startup packet", count: 1 };
        assert_eq!(StartupPacket::parse(&packet(80_877_103, b"x")), Err(trailing));
    }

    #[test]
    fn cancel_keys_are_four_to_256_bytes() {
        for length in 0..=300 {
            let mut body = packet(80_877_102, &7_i32.to_be_bytes());
            body.resize(8 + length, 9);
            let got = StartupPacket::parse(&body);
            if (4..=256).contains(&length) {
                assert_eq!(got, Ok(StartupPacket::CancelRequest { pid: 7, key: &vec![9; length] }));
            } else {
                assert!(matches!(got, Err(WireError::InvalidValue { .. })), "{length}");
            }
        }
        assert_eq!(
            StartupPacket::parse(&packet(80_877_102, b"\0\0\0")),
            Err(WireError::MissingData("CancelRequest.pid"))
        );
    }

    #[test]
    fn parameters_of_a_startup_message() {
        let body = packet(0x0003_0002, b"user\0a\0database\0\0_pq_.x\0on\0user\0b\0\0");
        let Ok(StartupPacket::Startup { version, parameters }) = StartupPacket::parse(&body) else { unreachable!() };
        assert_eq!(version, ProtocolVersion::V3_2);
        let pairs: Vec<_> = parameters.iter().collect();
        assert_eq!(pairs, [("user", "a"), ("database", ""), ("_pq_.x", "on"), ("user", "b")]);
        assert_eq!(parameters.value("user"), Some("b"));
        assert_eq!(parameters.value("options"), None);
        assert_eq!(parameters.protocol_options().collect::<Vec<_>>(), ["_pq_.x"]);
    }

    #[test]
    fn every_truncation_of_a_startup_message_is_an_error() {
        let body = packet(0x0003_0000, b"user\0a\0database\0d\0\0");
        assert!(StartupPacket::parse(&body).is_ok());
        for n in 0..body.len() {
            let got = StartupPacket::parse(&body[..n]);
            assert!(got.is_err(), "{n} bytes: {got:?}");
        }
    }

    #[test]
    fn bad_layouts_are_refused() {
        for rest in
            [&b""[..], b"user", b"user\0", b"user\0\0a\0\0", b"user\0a\0\0\0", b"user\0a\0\0x\0", b"\xFF\0a\0\0"]
        {
            let body = packet(0x0003_0000, rest);
            let got = StartupPacket::parse(&body);
            assert!(got.is_err(), "{rest:?}: {got:?}");
        }
        // No parameter at all is well formed; that a user is missing is for the session to say.
        assert!(StartupPacket::parse(&packet(0x0003_0000, b"\0")).is_ok());
    }

    #[test]
    fn other_major_versions_are_named() {
        for (code, text) in [(0x0002_0000, "2.0"), (0x0004_0001, "4.1"), (1, "0.1")] {
            let body = packet(code, b"anything");
            let Ok(StartupPacket::Unsupported(version)) = StartupPacket::parse(&body) else { unreachable!() };
            assert_eq!(version.to_string(), text);
        }
        let grease = packet(0x0003_270F, b"user\0a\0\0");
        let Ok(StartupPacket::Startup { version, .. }) = StartupPacket::parse(&grease) else { unreachable!() };
        assert_eq!(version.to_string(), "3.9999");
    }
}
