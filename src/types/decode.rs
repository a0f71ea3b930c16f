//! From a parameter's bytes to a [`Datum`], by PostgreSQL's input rules and with its errors.

use super::input::{self, IntType};
use super::interval::Interval;
use super::style::Style;
use super::{
    Datum, Decimal, Oid, array, datetime, datetime_input, json, json_canonical, money, network, numeric, tid,
    vector_error,
};
use crate::vector;
use crate::wire::{Format, PgError, SqlState};

/// Decodes one parameter (never NULL: length -1 has no bytes).
///
/// A float4 comes as the double of the same value (0.10000000149011612 for 0.1): so it is compared, sorted and summed
/// as PostgreSQL does, beside double precision too.
///
/// # Errors
/// 22P02, 22003, 22007, 22008, 22P03, 22021 as PostgreSQL; 0A000 for a type whose binary form is not known here.
pub fn decode(oid: Oid, format: Format, bytes: &[u8]) -> Result<Datum<'_>, Box<PgError>> {
    decode_with(oid, format, bytes, Style::standard())
}

/// [`decode`] for a client with settings of its own: date order, time zone, IntervalStyle.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_with<'a>(
    oid: Oid,
    format: Format,
    bytes: &'a [u8],
    style: &Style,
) -> Result<Datum<'a>, Box<PgError>> {
    match format {
        Format::Text => TextDecoder::select(oid).decode(bytes, style),
        Format::Binary => decode_binary(oid, bytes),
    }
}

/// Checks that bytes are UTF-8 without NUL.
///
/// # Errors
/// 22021 `invalid byte sequence for encoding "UTF8": 0xff`.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Box<PgError>> {
    let invalid = |at: usize| {
        // PostgreSQL shows as many bytes as the first one announces.
        let announced = match bytes.get(at) {
            Some(0xC0..=0xDF) => 2,
            Some(0xE0..=0xEF) => 3,
            Some(0xF0..=0xF7) => 4,
            _ => 1,
        };
        let shown: Vec<String> = bytes.iter().skip(at).take(announced).map(|byte| format!("0x{byte:02x}")).collect();
        PgError::error(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")),
        )
    };
    let text = std::str::from_utf8(bytes).map_err(|error| invalid(error.valid_up_to()))?;
    // Most values are short, where a plain loop is quicker than a search.
    let nul = if bytes.len() < 16 { bytes.iter().position(|byte| *byte == 0) } else { memchr::memchr(0, bytes) };
    match nul {
        Some(at) => Err(invalid(at)),
        None => Ok(text),
    }
}

/// Decodes a parameter, or a constant of a statement, in its text form.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_text(oid: Oid, text: &str) -> Result<Datum<'_>, Box<PgError>> {
    decode_text_with(oid, text, Style::standard())
}

pub(super) fn decode_text_with<'a>(oid: Oid, text: &'a str, style: &Style) -> Result<Datum<'a>, Box<PgError>> {
    TextDecoder::select(oid).decode_str(text, style)
}

type DecodeText = for<'a> fn(&'a str, Oid, &Style) -> Result<Datum<'a>, Box<PgError>>;

/// How values of one type are read from text; chosen once per column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextDecoder {
    oid: Oid,
    decode: DecodeText,
}

impl TextDecoder {
    pub(crate) fn select(oid: Oid) -> Self {
        let decode: DecodeText = match oid {
            Oid::BOOL => |text, _, _| Ok(Datum::Bool(input::boolean(text)?)),
            Oid::INT2 => |text, _, _| Ok(Datum::Int(input::integer(text, IntType::Int2)?)),
            Oid::INT4 => |text, _, _| Ok(Datum::Int(input::integer(text, IntType::Int4)?)),
            Oid::INT8 => |text, _, _| Ok(Datum::Int(input::integer(text, IntType::Int8)?)),
            Oid::OID | Oid::XID | Oid::CID => |text, _, _| Ok(Datum::Int(input::integer(text, IntType::Oid)?)),
            Oid::TID => |text, _, _| Ok(Datum::Int(tid::from_text(text)?)),
            Oid::FLOAT4 => |text, _, _| Ok(Datum::Double(f64::from(input::single(text)?))),
            Oid::FLOAT8 => |text, _, _| Ok(Datum::Double(input::double(text)?)),
            Oid::NUMERIC => |text, _, _| numeric::decode_text(text),
            Oid::UUID => |text, _, _| Ok(uuid(&input::uuid(text)?)),
            Oid::BYTEA => |text, _, _| {
                Ok(match text.contains('\\') {
                    false => Datum::Bytes(text.as_bytes()),
                    true => Datum::OwnedBytes(input::bytea(text)?),
                })
            },
            Oid::DATE => |text, _, style| Ok(Datum::Date(datetime_input::date_from_text(text, style)?)),
            Oid::TIME => |text, _, _| Ok(Datum::Time(datetime_input::time_from_text(text)?)),
            Oid::TIMETZ => |text, _, style| Ok(timetz(datetime_input::timetz_from_text(text, style)?)),
            Oid::TIMESTAMP => {
                |text, _, style| Ok(Datum::Timestamp(datetime_input::timestamp_from_text(text, false, style)?))
            }
            Oid::TIMESTAMPTZ => {
                |text, _, style| Ok(Datum::Timestamp(datetime_input::timestamp_from_text(text, true, style)?))
            }
            Oid::INTERVAL => |text, _, style| Ok(interval(Interval::from_text_with(text, style.interval_format)?)),
            Oid::VECTOR => {
                |text, _, _| Ok(Datum::Vector(vector::parse_text(text).map_err(|error| vector_error(error, text))?))
            }
            Oid::JSON => |text, _, _| {
                json::check(text, false)?;
                Ok(Datum::Text(text))
            },
            Oid::JSONB => |text, _, _| jsonb(text),
            Oid::INET => |text, _, _| Ok(Datum::Owned(network::inet(text)?)),
            Oid::CIDR => |text, _, _| Ok(Datum::Owned(network::cidr(text)?)),
            Oid::MACADDR => |text, _, _| Ok(Datum::Owned(network::macaddr(text, 6)?)),
            Oid::MACADDR8 => |text, _, _| Ok(Datum::Owned(network::macaddr(text, 8)?)),
            Oid::MONEY => |text, _, _| Ok(Datum::Decimal(money::parse(text)?)),
            Oid::BIT | Oid::VARBIT => |text, _, _| Ok(Datum::Owned(super::fit::bit_text(text)?)),
            Oid::NAME => |text, _, _| Ok(Datum::Text(cut_name(text))),
            Oid::CHAR => |text, _, _| Ok(Datum::Text(single_byte(text)?)),
            _ => |text, oid, style| match oid.element() {
                Some(element) => array::decode_text(element, text, style),
                None => Ok(Datum::Text(text)),
            },
        };
        Self { oid, decode }
    }

    /// # Errors
    /// As [`decode`].
    pub(crate) fn decode<'a>(&self, bytes: &'a [u8], style: &Style) -> Result<Datum<'a>, Box<PgError>> {
        self.decode_str(utf8(bytes)?, style)
    }

    fn decode_str<'a>(&self, text: &'a str, style: &Style) -> Result<Datum<'a>, Box<PgError>> {
        (self.decode)(text, self.oid, style)
    }
}

type DecodeBinary = for<'a> fn(&'a [u8], Oid) -> Result<Datum<'a>, Box<PgError>>;

/// How values of one type are read from their binary form; chosen once per column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BinaryDecoder {
    oid: Oid,
    decode: DecodeBinary,
}

impl BinaryDecoder {
    pub(crate) fn select(oid: Oid) -> Self {
        let decode: DecodeBinary = match oid {
            Oid::INT4 => |bytes, _| Ok(Datum::Int(i64::from(i32::from_be_bytes(fixed(bytes)?)))),
            Oid::INT8 => |bytes, _| Ok(Datum::Int(i64::from_be_bytes(fixed(bytes)?))),
            Oid::FLOAT8 => |bytes, _| Ok(Datum::Double(f64::from_be_bytes(fixed(bytes)?))),
            Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR => |bytes, _| Ok(Datum::Text(utf8(bytes)?)),
            Oid::VECTOR => {
                |bytes, _| Ok(Datum::Vector(vector::parse_binary(bytes).map_err(|error| vector_error(error, ""))?))
            }
            _ => |bytes, oid| decode_binary(oid, bytes),
        };
        Self { oid, decode }
    }

    /// # Errors
    /// As [`decode`].
    pub(crate) fn decode<'a>(&self, bytes: &'a [u8]) -> Result<Datum<'a>, Box<PgError>> {
        (self.decode)(bytes, self.oid)
    }
}

fn decode_binary(oid: Oid, bytes: &[u8]) -> Result<Datum<'_>, Box<PgError>> {
    Ok(match oid {
        Oid::BOOL => {
            let [byte] = fixed(bytes)?;
            Datum::Bool(byte != 0)
        }
        Oid::INT2 => Datum::Int(i64::from(i16::from_be_bytes(fixed(bytes)?))),
        Oid::INT4 => Datum::Int(i64::from(i32::from_be_bytes(fixed(bytes)?))),
        Oid::INT8 => Datum::Int(i64::from_be_bytes(fixed(bytes)?)),
        Oid::OID
        | Oid::XID
        | Oid::CID
        | Oid::REGPROC
        | Oid::REGPROCEDURE
        | Oid::REGOPER
        | Oid::REGCLASS
        | Oid::REGTYPE
        | Oid::REGNAMESPACE
        | Oid::REGROLE => Datum::Int(i64::from(u32::from_be_bytes(fixed(bytes)?))),
        Oid::TID => Datum::Int(tid::from_binary(fixed(bytes)?)),
        Oid::FLOAT4 => Datum::Double(f64::from(f32::from_be_bytes(fixed(bytes)?))),
        Oid::FLOAT8 => Datum::Double(f64::from_be_bytes(fixed(bytes)?)),
        Oid::NUMERIC => numeric::decode_binary(bytes)?,
        // Cents of the one currency there is.
        Oid::MONEY => Datum::Decimal(Decimal { mantissa: i64::from_be_bytes(fixed(bytes)?), scale: -2 }),
        Oid::UUID => uuid(&fixed(bytes)?),
        Oid::BYTEA => Datum::Bytes(bytes),
        Oid::DATE => Datum::Date(date(i32::from_be_bytes(fixed(bytes)?))?),
        Oid::TIME => Datum::Time(time(i64::from_be_bytes(fixed(bytes)?))?),
        Oid::TIMETZ => {
            let [t0, t1, t2, t3, t4, t5, t6, t7, z0, z1, z2, z3] = fixed(bytes)?;
            let time_us = time(i64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]))?;
            let west_s = i32::from_be_bytes([z0, z1, z2, z3]);
            if !(-57_599..=57_599).contains(&west_s) {
                return Err(PgError::error(SqlState(*b"22009"), "time zone displacement out of range"));
            }
            timetz((time_us, -west_s))
        }
        Oid::TIMESTAMP | Oid::TIMESTAMPTZ => {
            Datum::Timestamp(timestamp(i64::from_be_bytes(fixed(bytes)?), oid == Oid::TIMESTAMPTZ)?)
        }
        Oid::INTERVAL => interval(Interval::from_binary(&fixed(bytes)?)),
        Oid::VECTOR => Datum::Vector(vector::parse_binary(bytes).map_err(|error| vector_error(error, ""))?),
        Oid::JSON => {
            let text = utf8(bytes)?;
            json::check(text, false)?;
            Datum::Text(text)
        }
        Oid::JSONB => {
            let (version, text) = bytes.split_first().ok_or_else(short)?;
            if *version != 1 {
                return Err(PgError::error(
                    SqlState::INTERNAL_ERROR,
                    format!("unsupported jsonb version number {version}"),
                ));
            }
            jsonb(utf8(text)?)?
        }
        // `charrecv`: one byte, of which zero is shown as no character.
        Oid::CHAR => Datum::Text(match fixed(bytes)? {
            [0] => "",
            [byte] if byte.is_ascii() => utf8(bytes)?,
            [_] => return Err(beyond_ascii()),
        }),
        Oid::NAME => Datum::Text(whole_name(utf8(bytes)?)?),
        Oid::INET => Datum::Owned(network::of_binary(bytes, false)?),
        Oid::CIDR => Datum::Owned(network::of_binary(bytes, true)?),
        Oid::MACADDR => Datum::Owned(network::macaddr_of_binary(&fixed::<6>(bytes)?)),
        Oid::MACADDR8 => Datum::Owned(network::macaddr_of_binary(&fixed::<8>(bytes)?)),
        Oid::BIT | Oid::VARBIT => Datum::Owned(bits(bytes)?),
        Oid::UNSPECIFIED | Oid::UNKNOWN | Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::CSTRING | Oid::XML => {
            Datum::Text(utf8(bytes)?)
        }
        // An enum, most likely: its binary form is its label (`enum_send`). Types in other forms are no UTF-8.
        Oid(16_384..) if oid.element().is_none() => Datum::Text(utf8(bytes)?),
        _ => match oid.element() {
            Some(element) => array::decode_binary(element, bytes)?,
            None => {
                let name = super::PgType::new(oid).name();
                return Err(PgError::unsupported(format!("binary input of type {name} is not supported"))
                    .hint("Send the parameter in text format."));
            }
        },
    })
}

fn jsonb(text: &str) -> Result<Datum<'_>, Box<PgError>> {
    let canonical = json_canonical::canonical(text)?;
    Ok(if canonical == text { Datum::Text(text) } else { Datum::Owned(canonical) })
}

/// `bit_recv`: the number of bits, and these from the highest on.
fn bits(bytes: &[u8]) -> Result<String, Box<PgError>> {
    let (count, bits) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let count = usize::try_from(i32::from_be_bytes(*count))
        .map_err(|_| PgError::error(SqlState::INVALID_BINARY, "invalid length in external bit string"))?;
    match bits.len().cmp(&count.div_ceil(8)) {
        std::cmp::Ordering::Less => return Err(short()),
        std::cmp::Ordering::Greater => {
            return Err(PgError::error(SqlState::INVALID_BINARY, "incorrect binary data format"));
        }
        std::cmp::Ordering::Equal => {}
    }
    let bit = |byte: u8, n: u32| if byte.rotate_left(n.saturating_add(1)) & 1 == 1 { '1' } else { '0' };
    Ok(bits.iter().flat_map(|byte| (0..8).map(move |n| bit(*byte, n))).take(count).collect())
}

/// `NAMEDATALEN`, without the NUL.
const NAME_BYTES_MAX: usize = 63;

/// `namerecv` cuts nothing.
fn whole_name(text: &str) -> Result<&str, Box<PgError>> {
    if text.len() > NAME_BYTES_MAX {
        return Err(PgError::error(SqlState(*b"42622"), "identifier too long")
            .detail(format!("Identifier must be less than {} characters.", NAME_BYTES_MAX + 1)));
    }
    Ok(text)
}

/// `namein` cuts silently, between characters.
fn cut_name(text: &str) -> &str {
    let mut end = text.len().min(NAME_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or(text)
}

/// `charin` takes the first byte.
fn single_byte(text: &str) -> Result<&str, Box<PgError>> {
    let is_octal = text.len() == 4 && text.starts_with('\\') && text.bytes().skip(1).all(|b| matches!(b, b'0'..=b'7'));
    match text.chars().next() {
        None => Ok(text),
        Some(c) if c.is_ascii() && !is_octal => Ok(text.get(..1).unwrap_or(text)),
        Some(_) => Err(beyond_ascii()),
    }
}

fn beyond_ascii() -> Box<PgError> {
    PgError::unsupported("values of type \"char\" beyond ASCII are not supported")
}

fn short() -> Box<PgError> {
    PgError::error(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message")
}

/// Exactly `N` bytes.
fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Box<PgError>> {
    bytes.try_into().map_err(|_| {
        if bytes.len() < N { short() } else { PgError::error(SqlState::INVALID_BINARY, "incorrect binary data format") }
    })
}

fn owned(write: impl FnOnce(&mut Vec<u8>)) -> Datum<'static> {
    let mut out = Vec::new();
    write(&mut out);
    Datum::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn uuid(bytes: &[u8; 16]) -> Datum<'static> {
    owned(|out| input::write_uuid(bytes, out))
}

fn interval(interval: Interval) -> Datum<'static> {
    owned(|out| interval.write_text(out))
}

fn timetz((time_us, offset_s): (i64, i32)) -> Datum<'static> {
    owned(|out| {
        datetime::write_time(time_us, out);
        datetime::write_offset(offset_s, out);
    })
}

fn infinite(type_name: &str) -> Box<PgError> {
    PgError::beyond_iris(SqlState::DATETIME_OVERFLOW, format!("IRIS has no infinite value of type {type_name}"))
}

fn date(days: i32) -> Result<i32, Box<PgError>> {
    match days {
        datetime::DATE_INFINITY | datetime::DATE_NEG_INFINITY => Err(infinite("date")),
        datetime::DATE_MIN..=datetime::DATE_MAX => Ok(days),
        _ => Err(PgError::error(SqlState::DATETIME_OVERFLOW, "date out of range")),
    }
}

fn time(time_us: i64) -> Result<i64, Box<PgError>> {
    if (0..=datetime::DAY_US).contains(&time_us) {
        Ok(time_us)
    } else {
        Err(PgError::error(SqlState::DATETIME_OVERFLOW, "time out of range"))
    }
}

fn timestamp(timestamp_us: i64, utc: bool) -> Result<i64, Box<PgError>> {
    match timestamp_us {
        datetime::TIMESTAMP_INFINITY | datetime::TIMESTAMP_NEG_INFINITY => {
            Err(infinite(if utc { "timestamp with time zone" } else { "timestamp" }))
        }
        datetime::TIMESTAMP_MIN..datetime::TIMESTAMP_END => Ok(timestamp_us),
        _ => Err(PgError::error(SqlState::DATETIME_OVERFLOW, "timestamp out of range")),
    }
}

#[cfg(test)]
mod tests;
