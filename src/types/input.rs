//! Input functions of the simple types: text to values, with PostgreSQL's rules and messages.

use super::numeric::{self, DecimalDigits};
use crate::wire::{PgError, SqlState};

/// The integer types of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IntType {
    Int2,
    Int4,
    Int8,
    /// Unsigned 32 bits: oid, xid, cid and the reg types.
    Oid,
}

impl IntType {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Oid => "oid",
        }
    }

    pub(super) fn holds(self, value: i64) -> bool {
        match self {
            Self::Int2 => i16::try_from(value).is_ok(),
            Self::Int4 => i32::try_from(value).is_ok(),
            Self::Int8 => true,
            Self::Oid => u32::try_from(value).is_ok(),
        }
    }
}

/// `invalid input syntax for type integer: "abc"`.
pub(super) fn invalid_text(type_name: &str, text: &str) -> Box<PgError> {
    PgError::error(SqlState::INVALID_TEXT, format!("invalid input syntax for type {type_name}: \"{text}\""))
}

/// C's isspace in the C locale, which is what the input functions skip.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}')
}

/// The number of one to nine digits and nothing else: what most integers look like.
fn few_digits(text: &str) -> Option<i64> {
    if !(1..=9).contains(&text.len()) {
        return None;
    }
    let mut value = 0;
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// `int2in`, `int4in`, `int8in`, `oidin`.
///
/// # Errors
/// 22P02, 22003.
pub(super) fn integer(text: &str, int_type: IntType) -> Result<i64, Box<PgError>> {
    if let Some(value) = few_digits(text).filter(|value| int_type.holds(*value)) {
        return Ok(value);
    }
    let out_of_range = || {
        let name = int_type.name();
        PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, format!("value \"{text}\" is out of range for type {name}"))
    };
    let trimmed = trim(text);
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let value = if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        trimmed.parse::<i64>().map_err(|_| out_of_range())?
    } else {
        let (radix, digits) = other_notation(digits).ok_or_else(|| invalid_text(int_type.name(), text))?;
        let magnitude = i128::from_str_radix(&digits, radix).map_err(|_| out_of_range())?;
        let value = if trimmed.starts_with('-') { -magnitude } else { magnitude };
        i64::try_from(value).map_err(|_| out_of_range())?
    };
    if int_type == IntType::Oid && i32::try_from(value).is_ok_and(|value| value < 0) {
        // oidin takes negative numbers as the same 32 bits.
        return Ok(value + (1 << 32));
    }
    if int_type.holds(value) { Ok(value) } else { Err(out_of_range()) }
}

/// Digits of a base written in front (`0x1F`, `0o17`, `0b1`), or decimal ones, with underscores between them
/// (`1_000`): the base and the digits alone. `None` for what is no number.
fn other_notation(digits: &str) -> Option<(u32, String)> {
    let (radix, rest) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..)?),
        Some("0o" | "0O") => (8, digits.get(2..)?),
        Some("0b" | "0B") => (2, digits.get(2..)?),
        _ => (10, digits),
    };
    // Behind the base one underscore may stand, in front of a decimal number none.
    let rest = if radix == 10 { rest } else { rest.strip_prefix('_').unwrap_or(rest) };
    let is_number = rest.split('_').all(|group| !group.is_empty() && group.chars().all(|c| c.is_digit(radix)));
    is_number.then(|| (radix, rest.replace('_', "")))
}

/// `boolin`.
///
/// # Errors
/// 22P02.
pub(super) fn boolean(text: &str) -> Result<bool, Box<PgError>> {
    boolean_word(trim(text)).ok_or_else(|| invalid_text("boolean", text))
}

/// `parse_bool`: any unique prefix of true, false, yes, no, on, off, and 1, 0, whatever the case. `None` for any other word.
pub(crate) fn boolean_word(word: &str) -> Option<bool> {
    let word = word.to_ascii_lowercase();
    let is_prefix = |full: &str, least: usize| word.len() >= least && full.starts_with(&word);
    if is_prefix("true", 1) || is_prefix("yes", 1) || word == "on" || word == "1" {
        Some(true)
    } else if is_prefix("false", 1) || is_prefix("no", 1) || is_prefix("off", 2) || word == "0" {
        Some(false)
    } else {
        None
    }
}

/// `float8in`, with `NaN` and the infinities.
///
/// # Errors
/// 22P02, 22003.
pub(super) fn double(text: &str) -> Result<f64, Box<PgError>> {
    let trimmed = trim(text);
    let value = trimmed.parse::<f64>().map_err(|_| invalid_text("double precision", text))?;
    check_float(trimmed, value.is_infinite(), value == 0.0, "double precision")?;
    Ok(value)
}

/// `float4in`.
///
/// # Errors
/// 22P02, 22003.
pub(super) fn single(text: &str) -> Result<f32, Box<PgError>> {
    let trimmed = trim(text);
    let value = trimmed.parse::<f32>().map_err(|_| invalid_text("real", text))?;
    check_float(trimmed, value.is_infinite(), value == 0.0, "real")?;
    Ok(value)
}

/// Overflow and underflow are errors (ERANGE of strtod); written infinities and zeros are not.
fn check_float(text: &str, is_infinite: bool, is_zero: bool, type_name: &str) -> Result<(), Box<PgError>> {
    let overflows = is_infinite && numeric::special(text).is_none();
    let mantissa = text.split(['e', 'E']).next().unwrap_or("");
    let underflows = is_zero && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if overflows || underflows {
        return Err(PgError::error(
            SqlState::NUMERIC_OUT_OF_RANGE,
            format!("\"{text}\" is out of range for type {type_name}"),
        ));
    }
    Ok(())
}

/// A number in any notation rounded to an integer: what IRIS shows for a loosely typed integer (`12.0`, `.5`).
pub(super) fn rounded_integer(text: &str) -> Option<Option<i64>> {
    DecimalDigits::parse(trim(text).as_bytes()).map(|digits| digits.round_to_i64())
}

/// `uuid_in`: hex digits, hyphens after any group of four, perhaps braces.
///
/// # Errors
/// 22P02.
pub(super) fn uuid(text: &str) -> Result<[u8; 16], Box<PgError>> {
    let invalid = || invalid_text("uuid", text);
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').ok_or_else(invalid)?,
        None => text,
    };
    let mut bytes = [0; 16];
    let mut rest = inner.as_bytes();
    for (index, byte) in bytes.iter_mut().enumerate() {
        let (pair, after) = rest.split_first_chunk::<2>().ok_or_else(invalid)?;
        let [high, low] = *pair;
        *byte = hex_value(high).ok_or_else(invalid)? << 4 | hex_value(low).ok_or_else(invalid)?;
        rest = match after {
            [b'-', after @ ..] if index % 2 == 1 && index < 15 => after,
            after => after,
        };
    }
    if rest.is_empty() { Ok(bytes) } else { Err(invalid()) }
}

/// Appends the canonical text of a uuid.
pub(super) fn write_uuid(bytes: &[u8; 16], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        for nibble in [byte >> 4, byte & 0x0F] {
            out.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
        }
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// `byteain`: `\x` and hex digits (blanks between pairs allowed), or the escape format.
///
/// # Errors
/// 22P02; 22023 for bad hex.
pub(super) fn bytea(text: &str) -> Result<Vec<u8>, Box<PgError>> {
    match text.strip_prefix("\\x") {
        Some(hex) => bytea_hex(hex),
        None => bytea_escape(text),
    }
}

fn bytea_hex(hex: &str) -> Result<Vec<u8>, Box<PgError>> {
    let invalid = |message: String| PgError::error(SqlState::INVALID_PARAMETER_VALUE, message);
    let mut bytes = Vec::with_capacity(hex.len() / 2);
    let mut characters = hex.chars();
    let digit = |character: char| {
        character
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
            .ok_or_else(|| invalid(format!("invalid hexadecimal digit: \"{character}\"")))
    };
    while let Some(first) = characters.next() {
        if first.is_ascii_whitespace() {
            continue;
        }
        let high = digit(first)?;
        let second =
            characters.next().ok_or_else(|| invalid("invalid hexadecimal data: odd number of digits".to_owned()))?;
        bytes.push(high << 4 | digit(second)?);
    }
    Ok(bytes)
}

fn bytea_escape(text: &str) -> Result<Vec<u8>, Box<PgError>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                after
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                after
            }
            (b'\\', _) => {
                return Err(PgError::error(SqlState::INVALID_TEXT, "invalid input syntax for type bytea"));
            }
            (byte, after) => {
                bytes.push(*byte);
                after
            }
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T: std::fmt::Debug>(result: Result<T, Box<PgError>>) -> String {
        match result {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("{} {}", error.code, error.message),
        }
    }

    /// Right sides as PostgreSQL 15 answers.
    #[test]
    fn integers() {
        let cases = [
            ("12", IntType::Int4, "12"),
            (" -7\t", IntType::Int2, "-7"),
            ("+5", IntType::Int8, "5"),
            ("abc", IntType::Int4, "22P02 invalid input syntax for type integer: \"abc\""),
            ("", IntType::Int4, "22P02 invalid input syntax for type integer: \"\""),
            ("1.5", IntType::Int4, "22P02 invalid input syntax for type integer: \"1.5\""),
            ("- 1", IntType::Int4, "22P02 invalid input syntax for type integer: \"- 1\""),
            ("--1", IntType::Int4, "22P02 invalid input syntax for type integer: \"--1\""),
            ("32768", IntType::Int2, "22003 value \"32768\" is out of range for type smallint"),
            ("2147483648", IntType::Int4, "22003 value \"2147483648\" is out of range for type integer"),
            ("-2147483648", IntType::Int4, "-2147483648"),
            (
                "9223372036854775808",
                IntType::Int8,
                "22003 value \"9223372036854775808\" is out of range for type bigint",
            ),
            ("4294967295", IntType::Oid, "4294967295"),
            ("-1", IntType::Oid, "4294967295"),
            ("4294967296", IntType::Oid, "22003 value \"4294967296\" is out of range for type oid"),
        ];
        for (text, int_type, expected) in cases {
            assert_eq!(said(integer(text, int_type)), expected, "{text}");
        }
    }

    #[test]
    fn booleans() {
        for text in ["t", "TRUE", "tr", "y", "yes", "on", "1", " true "] {
            assert_eq!(said(boolean(text)), "true", "{text}");
        }
        for text in ["f", "FALSE", "fa", "n", "no", "off", "of", "0"] {
            assert_eq!(said(boolean(text)), "false", "{text}");
        }
        for text in ["", "o", "2", "truex", "onn", "10"] {
            assert_eq!(said(boolean(text)), format!("22P02 invalid input syntax for type boolean: \"{text}\""));
        }
    }

    #[test]
    fn floats() {
        let cases = [
            ("1.5", "1.5"),
            (" -2e3 ", "-2000.0"),
            (".5", "0.5"),
            ("infinity", "inf"),
            ("-Inf", "-inf"),
            ("nan", "NaN"),
            ("0e999", "0.0"),
            ("1e400", "22003 \"1e400\" is out of range for type double precision"),
            ("1e-400", "22003 \"1e-400\" is out of range for type double precision"),
            ("abc", "22P02 invalid input syntax for type double precision: \"abc\""),
            ("", "22P02 invalid input syntax for type double precision: \"\""),
            ("1,5", "22P02 invalid input syntax for type double precision: \"1,5\""),
        ];
        for (text, expected) in cases {
            assert_eq!(said(double(text)), expected, "{text}");
        }
        assert_eq!(said(single("1e39")), "22003 \"1e39\" is out of range for type real");
        assert_eq!(said(single("1e-46")), "22003 \"1e-46\" is out of range for type real");
        assert_eq!(said(single("x")), "22P02 invalid input syntax for type real: \"x\"");
    }

    #[test]
    fn uuids() {
        let canonical = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        for text in [
            canonical,
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
            "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
        ] {
            let mut out = Vec::new();
            write_uuid(&uuid(text).unwrap(), &mut out);
            assert_eq!(out, canonical.as_bytes(), "{text}");
        }
        for text in [
            "",
            "a0eebc99",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380g11",
            "a-0eebc999c0b4ef8bb6d6bb9bd380a11",
        ] {
            assert_eq!(said(uuid(text)), format!("22P02 invalid input syntax for type uuid: \"{text}\""));
        }
    }

    #[test]
    fn bytes() {
        assert_eq!(bytea("\\xDEad be").unwrap(), b"\xDE\xAD\xBE");
        assert_eq!(bytea("a\\\\b\\377\\000").unwrap(), b"a\\b\xFF\0");
        assert_eq!(bytea("").unwrap(), b"");
        assert_eq!(said(bytea("\\xabc")), "22023 invalid hexadecimal data: odd number of digits");
        assert_eq!(said(bytea("\\xag")), "22023 invalid hexadecimal digit: \"g\"");
        assert_eq!(said(bytea("\\400")), "22P02 invalid input syntax for type bytea");
        assert_eq!(said(bytea("a\\")), "22P02 invalid input syntax for type bytea");
    }
}
