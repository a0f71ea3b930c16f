//! inet, cidr and macaddr: text as PostgreSQL reads it, and the one spelling it prints.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::input::{invalid_text, trim};
use crate::wire::{PgError, SqlState};

/// Canonical text of an inet (`inet_in`, `inet_out`): the netmask is shown where it is not the whole address.
///
/// # Errors
/// 22P02.
pub(super) fn inet(text: &str) -> Result<String, Box<PgError>> {
    let (address, bits) = parse(text, false).ok_or_else(|| invalid_text("inet", text))?;
    Ok(if bits == width(&address) { spelled(&address) } else { format!("{}/{bits}", spelled(&address)) })
}

/// Canonical text of a cidr: always with its netmask, and no bits set right of it.
///
/// # Errors
/// 22P02.
pub(super) fn cidr(text: &str) -> Result<String, Box<PgError>> {
    let (address, bits) = parse(text, true).ok_or_else(|| invalid_text("cidr", text))?;
    if !is_network(&address, bits) {
        return Err(PgError::error(SqlState::INVALID_TEXT, format!("invalid cidr value: \"{text}\""))
            .detail("Value has bits set to right of mask."));
    }
    Ok(format!("{}/{bits}", spelled(&address)))
}

/// The canonical text of a binary inet, or cidr (`network_recv`).
///
/// # Errors
/// 22P03.
pub(super) fn of_binary(bytes: &[u8], is_cidr: bool) -> Result<String, Box<PgError>> {
    let name = if is_cidr { "cidr" } else { "inet" };
    let invalid =
        |what: &str| PgError::error(SqlState::INVALID_BINARY, format!("invalid {what} in external \"{name}\" value"));
    // Family, netmask, whether it is a cidr, and the length of the address.
    let Some((&[family, bits, _, length], address)) = bytes.split_first_chunk::<4>() else {
        return Err(PgError::error(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message"));
    };
    let width = match family {
        2 => 4_u8,
        3 => 16,
        _ => return Err(invalid("address family")),
    };
    if bits > width.saturating_mul(8) {
        return Err(invalid("bits"));
    }
    if length != width || address.len() != usize::from(length) {
        return Err(invalid("length"));
    }
    let address = match (<[u8; 4]>::try_from(address), <[u8; 16]>::try_from(address)) {
        (Ok(octets), _) => IpAddr::from(octets),
        (_, Ok(octets)) => IpAddr::from(octets),
        _ => return Err(invalid("length")),
    };
    if is_cidr && !is_network(&address, bits) {
        return Err(PgError::error(SqlState::INVALID_BINARY, "invalid external \"cidr\" value")
            .detail("Value has bits set to right of mask."));
    }
    let is_whole = !is_cidr && bits == self::width(&address);
    Ok(if is_whole { spelled(&address) } else { format!("{}/{bits}", spelled(&address)) })
}

/// The binary form of a canonical text (`network_send`).
///
/// # Errors
/// 22P02 for a text that is none.
pub(super) fn write_binary(text: &str, is_cidr: bool, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    let name = if is_cidr { "cidr" } else { "inet" };
    let (address, bits) = parse(text, is_cidr).ok_or_else(|| invalid_text(name, text))?;
    match address {
        IpAddr::V4(v4) => {
            out.extend_from_slice(&[2, bits, u8::from(is_cidr), 4]);
            out.extend_from_slice(&v4.octets());
        }
        IpAddr::V6(v6) => {
            out.extend_from_slice(&[3, bits, u8::from(is_cidr), 16]);
            out.extend_from_slice(&v6.octets());
        }
    }
    Ok(())
}

/// The binary form of a canonical text: pairs of digits with colons.
pub(super) fn write_macaddr_binary(text: &str, out: &mut Vec<u8>) {
    out.extend(text.split(':').map(|pair| u8::from_str_radix(pair, 16).unwrap_or(0)));
}

/// The text of a binary macaddr or macaddr8.
pub(super) fn macaddr_of_binary(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn width(address: &IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_network(address: &IpAddr, bits: u8) -> bool {
    match address {
        IpAddr::V4(v4) => u32::from(*v4).checked_shl(u32::from(bits)).unwrap_or(0) == 0,
        IpAddr::V6(v6) => u128::from(*v6).checked_shl(u32::from(bits)).unwrap_or(0) == 0,
    }
}

/// IPv4 addresses inside IPv6 ones are written as such (`inet_net_ntop`).
fn spelled(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6.to_string(),
    }
}

fn parse(text: &str, is_cidr: bool) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let bits = match bits {
        None => None,
        Some(bits) if !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(bits.parse::<u8>().ok()?)
        }
        Some(_) => return None,
    };
    if address.contains(':') {
        let address: Ipv6Addr = address.parse().ok()?;
        let bits = bits.unwrap_or(128);
        return (bits <= 128).then_some((IpAddr::V6(address), bits));
    }
    let (address, octets_count) = ipv4(address, is_cidr || bits.is_some())?;
    let bits = match bits {
        Some(bits) => bits,
        None if is_cidr => classful(address, octets_count),
        None => 32,
    };
    (bits <= 32).then_some((IpAddr::V4(address), bits))
}

/// An address of four octets, or of fewer where they may be left out at the end; and how many there are.
fn ipv4(text: &str, may_be_short: bool) -> Option<(Ipv4Addr, u8)> {
    let mut octets = [0u8; 4];
    let mut count = 0u8;
    let mut slots = octets.iter_mut();
    for part in text.split('.') {
        let is_number = !part.is_empty() && part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
        *slots.next()? = part.parse().ok().filter(|_| is_number)?;
        count = count.checked_add(1)?;
    }
    (count == 4 || may_be_short).then_some((Ipv4Addr::from(octets), count))
}

/// The netmask of a cidr without one (`inet_cidr_pton_ipv4`): that of its class, or of the octets written.
fn classful(address: Ipv4Addr, octets_count: u8) -> u8 {
    let [first, ..] = address.octets();
    let class = match first {
        240.. => 32,
        224..=239 => 8,
        192..=223 => 24,
        128..=191 => 16,
        _ => 8,
    };
    class.max(octets_count.saturating_mul(8))
}

/// Canonical text of a macaddr (6 bytes) or macaddr8 (8 bytes): pairs of lower-case digits with colons.
///
/// # Errors
/// 22P02.
pub(super) fn macaddr(text: &str, bytes_count: usize) -> Result<String, Box<PgError>> {
    let name = if bytes_count == 8 { "macaddr8" } else { "macaddr" };
    let invalid = || invalid_text(name, text);
    let trimmed = trim(text);
    let mut digits = Vec::with_capacity(16);
    let mut signs: Vec<(usize, char)> = Vec::new();
    for c in trimmed.chars() {
        match c {
            ':' | '-' | '.' => signs.push((digits.len(), c)),
            c => digits.push(c.to_digit(16).ok_or_else(invalid)?),
        }
    }
    // One sign, after every two, four or six digits.
    let sign = signs.first().map(|(_, sign)| *sign);
    let step = signs.first().map_or(digits.len(), |(at, _)| *at);
    let is_even = signs.iter().enumerate().all(|(n, (at, c))| Some(*c) == sign && *at == step * (n + 1));
    let groups_fit = match (sign, step) {
        (None, _) => true,
        (Some(':' | '-'), 2 | 6) | (Some('.' | '-'), 4) => step > 0 && digits.len() == step * (signs.len() + 1),
        _ => false,
    };
    if !is_even || !groups_fit || !(digits.len() == 12 || digits.len() == 16 && bytes_count == 8) {
        return Err(invalid());
    }
    let mut bytes: Vec<u32> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit)).collect();
    if bytes_count == 8 && bytes.len() == 6 {
        // EUI-48 in EUI-64 (RFC 4291, appendix A, without its change of a bit).
        bytes.splice(3..3, [0xFF, 0xFE]);
    }
    let mut out = String::new();
    for (n, byte) in bytes.iter().enumerate() {
        let colon = if n > 0 { ":" } else { "" };
        // Writing into a String does not fail.
        let _ = write!(out, "{colon}{byte:02x}");
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 18 prints them.
    #[test]
    fn spellings() {
        let inets = [
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.1/32", "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1/16", "10.1.0.0/16"),
            ("::1", "::1"),
            ("::1/128", "::1"),
            ("2001:DB8::1/64", "2001:db8::1/64"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ];
        for (text, expected) in inets {
            assert_eq!(inet(text).unwrap(), expected, "{text}");
        }
        for text in ["", "10.0.0", "10.0.0.256", "10.0.0.1/33", "a", "::1/129", "10.0.0.1/", "1.2.3.4.5", "::g"] {
            assert!(inet(text).is_err(), "{text}");
        }
        let cidrs = [
            ("10", "10.0.0.0/8"),
            ("10.1.2", "10.1.2.0/24"),
            ("192.168", "192.168.0.0/24"),
            ("128.1", "128.1.0.0/16"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("2001:db8::/32", "2001:db8::/32"),
        ];
        for (text, expected) in cidrs {
            assert_eq!(cidr(text).unwrap(), expected, "{text}");
        }
        assert!(cidr("10.0.0.1/8").is_err());
        for text in [
            "08:00:2B:01:02:03",
            "08-00-2b-01-02-03",
            "08002b:010203",
            "08002b-010203",
            "0800.2b01.0203",
            "0800-2b01-0203",
            "08002b010203",
        ] {
            assert_eq!(macaddr(text, 6).unwrap(), "08:00:2b:01:02:03", "{text}");
        }
        assert_eq!(macaddr("08002b010203", 8).unwrap(), "08:00:2b:ff:fe:01:02:03");
        assert_eq!(macaddr("08:00:2b:01:02:03:04:05", 8).unwrap(), "08:00:2b:01:02:03:04:05");
        for text in ["", "08:00:2b:01:02", "08:00:2b:01:02:0g", "08:00-2b:01:02:03", "x"] {
            assert!(macaddr(text, 6).is_err(), "{text}");
        }
    }
}
