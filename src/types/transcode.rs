//! Text of any datum as UTF-8. ASCII takes a fast way; nothing is allocated but the room in `out`.

use std::borrow::Cow;

use super::numeric::{DecimalDigits, MantissaBuffer};
use super::{Datum, datetime};
use crate::vector;
use crate::wire::PgError;

/// Appends Latin-1 as UTF-8.
pub(super) fn write_latin1(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    loop {
        // Most text is ASCII, most of the rest has long runs of it.
        let ascii_count = ascii_prefix(rest);
        let (ascii, after) = rest.split_at_checked(ascii_count).unwrap_or((rest, &[]));
        out.extend_from_slice(ascii);
        let Some((byte, after)) = after.split_first() else { return };
        out.extend_from_slice(&[0xC0 | byte >> 6, 0x80 | byte & 0x3F]);
        rest = after;
    }
}

fn ascii_prefix(bytes: &[u8]) -> usize {
    if bytes.is_ascii() {
        return bytes.len();
    }
    bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len())
}

/// Appends UTF-16LE as UTF-8. An unpaired surrogate and an odd byte at the end read as U+FFFD.
pub(super) fn write_utf16(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() / 2);
    let mut rest = bytes;
    // Eight units at a time while they are ASCII: every high byte 0, every low byte below 0x80.
    while let Some((block, after)) = rest.split_first_chunk::<16>()
        && u128::from_le_bytes(*block) & 0xFF80_FF80_FF80_FF80_FF80_FF80_FF80_FF80 == 0
    {
        let mut low = [0; 8];
        for (target, unit) in low.iter_mut().zip(block.as_chunks::<2>().0) {
            let [byte, _] = *unit;
            *target = byte;
        }
        out.extend_from_slice(&low);
        rest = after;
    }
    let (units, odd) = rest.as_chunks::<2>();
    let mut utf8 = [0; 4];
    for decoded in char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit))) {
        let character = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
    }
    if !odd.is_empty() {
        out.extend_from_slice(char::REPLACEMENT_CHARACTER.encode_utf8(&mut utf8).as_bytes());
    }
}

/// Appends bytes as `byteaout` prints them with `bytea_output = hex`.
pub(super) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    out.reserve(bytes.len().saturating_mul(2));
    out.extend_from_slice(b"\\x");
    for byte in bytes {
        out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0x0F)]);
    }
}

/// Appends the text of any datum, as a text column shows it. NULL has none.
///
/// # Errors
/// For a vector PostgreSQL could not hold, or a number beyond its numeric.
pub(crate) fn write_text(datum: &Datum<'_>, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    match datum {
        Datum::Null => {}
        Datum::Text(text) | Datum::BigDecimal(text) => out.extend_from_slice(text.as_bytes()),
        Datum::Owned(text) => out.extend_from_slice(text.as_bytes()),
        Datum::Latin1(bytes) => write_latin1(bytes, out),
        Datum::Utf16(bytes) => write_utf16(bytes, out),
        Datum::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Datum::Int(value) => out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes()),
        Datum::Double(value) => vector::write_f64(*value, out),
        Datum::Decimal(value) => {
            DecimalDigits::from_decimal(*value, &mut MantissaBuffer::new()).write_text(None, out)?;
        }
        Datum::Bytes(bytes) => write_hex(bytes, out),
        Datum::OwnedBytes(bytes) => write_hex(bytes, out),
        Datum::Date(days) => datetime::write_date(*days, out),
        Datum::Time(time_us) => datetime::write_time(*time_us, out),
        Datum::Timestamp(timestamp_us) => datetime::write_timestamp(*timestamp_us, false, out),
        Datum::Vector(elements) => vector::write_text(elements, out).map_err(|error| super::vector_error(error, ""))?,
    }
    Ok(())
}

/// The text of a datum that is text, borrowed where it is UTF-8 already; `None` for any other kind.
pub(super) fn as_text<'d>(datum: &'d Datum<'_>) -> Option<Cow<'d, str>> {
    match datum {
        Datum::Text(text) | Datum::BigDecimal(text) => Some(Cow::Borrowed(text)),
        Datum::Owned(text) => Some(Cow::Borrowed(text)),
        Datum::Latin1(bytes) => Some(latin1_to_str(bytes)),
        Datum::Utf16(bytes) => {
            let mut utf8 = Vec::new();
            write_utf16(bytes, &mut utf8);
            Some(Cow::Owned(String::from_utf8_lossy(&utf8).into_owned()))
        }
        _ => None,
    }
}

fn latin1_to_str(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin1_at_every_place() {
        for length in 0..70 {
            for at in 0..=length {
                let mut latin1: Vec<u8> = (0..length).map(|index| b'a' + (index % 26) as u8).collect();
                if let Some(byte) = latin1.get_mut(at) {
                    *byte = 0xE4;
                }
                let expected: String = latin1.iter().map(|byte| char::from(*byte)).collect();
                let mut out = b"x".to_vec();
                write_latin1(&latin1, &mut out);
                assert_eq!(out, format!("x{expected}").as_bytes());
            }
        }
        let all: Vec<u8> = (0..=255).collect();
        let mut out = Vec::new();
        write_latin1(&all, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), all.iter().map(|byte| char::from(*byte)).collect::<String>());
    }

    #[test]
    fn utf16_at_every_place() {
        for length in 0..40usize {
            for at in 0..=length {
                for special in ["\u{7F}", "\u{80}", "\u{7FF}", "\u{20AC}", "\u{1F600}"] {
                    let expected = format!("{}{special}{}", "a".repeat(at), "b".repeat(length - at));
                    let bytes: Vec<u8> = expected.encode_utf16().flat_map(u16::to_le_bytes).collect();
                    let mut out = Vec::new();
                    write_utf16(&bytes, &mut out);
                    assert_eq!(String::from_utf8(out).unwrap(), expected);
                }
            }
        }
        let mut out = Vec::new();
        write_utf16(b"a\0\x00\xD8b\0c", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "a\u{FFFD}b\u{FFFD}");
    }

    #[test]
    fn hex() {
        let mut out = Vec::new();
        write_hex(b"\x00\xFFa", &mut out);
        assert_eq!(out, b"\\x00ff61");
    }
}
