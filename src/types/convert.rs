//! Any datum as the value a PostgreSQL type needs. IRIS items are loosely typed: an integer column may bring text, a
//! text column a number; each kind that makes sense is taken, and what does not fit is an error as in PostgreSQL.

use std::borrow::Cow;

use super::datetime::{self, DAY_US};
use super::input::{self, IntType, invalid_text};
use super::interval::Interval;
use super::numeric::{self, DecimalDigits, MantissaBuffer};
use super::style::Style;
use super::transcode::{as_text, write_text};
use super::{Datum, Decimal, datetime_input, vector_error};
use crate::vector;
use crate::wire::{PgError, SqlState};

/// A value of a kind that cannot become the type.
fn mismatch(datum: &Datum<'_>, type_name: &str) -> Box<PgError> {
    let kind = match datum {
        Datum::Null => "NULL",
        Datum::Bool(_) => "a boolean",
        Datum::Int(_) | Datum::Double(_) | Datum::Decimal(_) | Datum::BigDecimal(_) => "a number",
        Datum::Text(_) | Datum::Owned(_) | Datum::Latin1(_) | Datum::Utf16(_) => "text",
        Datum::Bytes(_) | Datum::OwnedBytes(_) => "binary data",
        Datum::Date(_) => "a date",
        Datum::Time(_) => "a time",
        Datum::Timestamp(_) => "a timestamp",
        Datum::Vector(_) => "a vector",
    };
    PgError::error(SqlState::DATATYPE_MISMATCH, format!("{kind} cannot be a value of type {type_name}"))
}

fn out_of_range(type_name: &str) -> Box<PgError> {
    PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, format!("{type_name} out of range"))
}

pub(super) fn integer(datum: &Datum<'_>, int_type: IntType) -> Result<i64, Box<PgError>> {
    let name = int_type.name();
    let value = match datum {
        Datum::Int(value) => *value,
        Datum::Bool(value) => i64::from(*value),
        Datum::Decimal(value) => DecimalDigits::from_decimal(*value, &mut MantissaBuffer::new())
            .round_to_i64()
            .ok_or_else(|| out_of_range(name))?,
        Datum::Double(value) => double_to_i64(*value).ok_or_else(|| out_of_range(name))?,
        other => {
            let text = as_text(other).ok_or_else(|| mismatch(other, name))?;
            match input::integer(&text, int_type) {
                Ok(value) => value,
                // IRIS prints a loosely typed integer as it was stored: `12.0`, `1E3`.
                Err(error) => match input::rounded_integer(&text) {
                    Some(Some(value)) => value,
                    Some(None) => return Err(out_of_range(name)),
                    None => return Err(error),
                },
            }
        }
    };
    if int_type.holds(value) { Ok(value) } else { Err(out_of_range(name)) }
}

/// The nearest integer, ties to even (`rint`).
#[allow(clippy::cast_possible_truncation, reason = "rounded into range before")]
fn double_to_i64(value: f64) -> Option<i64> {
    let rounded = value.round_ties_even();
    // 2^63 is a double; below it the cast is exact.
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded).then_some(rounded as i64)
}

pub(super) fn boolean(datum: &Datum<'_>) -> Result<bool, Box<PgError>> {
    match datum {
        Datum::Bool(value) => Ok(*value),
        Datum::Int(value) => Ok(*value != 0),
        Datum::Decimal(value) => Ok(value.mantissa != 0),
        Datum::Double(value) => Ok(*value != 0.0),
        other => input::boolean(&as_text(other).ok_or_else(|| mismatch(other, "boolean"))?),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a double is what is asked for")]
pub(super) fn double(datum: &Datum<'_>) -> Result<f64, Box<PgError>> {
    match datum {
        Datum::Double(value) => Ok(*value),
        Datum::Int(value) => Ok(*value as f64),
        Datum::Bool(value) => Ok(f64::from(u8::from(*value))),
        Datum::Decimal(value) => decimal_to_double(*value),
        other => input::double(&as_text(other).ok_or_else(|| mismatch(other, "double precision"))?),
    }
}

/// Correctly rounded: by one exact division where both sides are exact doubles, else through text.
#[allow(clippy::cast_precision_loss, reason = "a double is what is asked for")]
fn decimal_to_double(value: Decimal) -> Result<f64, Box<PgError>> {
    const EXACT_MAX: u64 = 1 << 53;
    const POWERS: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    if value.mantissa.unsigned_abs() <= EXACT_MAX
        && let Some(power) = POWERS.get(usize::from(value.scale.unsigned_abs()))
    {
        let mantissa = value.mantissa as f64;
        return Ok(if value.scale < 0 { mantissa / power } else { mantissa * power });
    }
    input::double(&format!("{}e{}", value.mantissa, value.scale))
}

/// `dtof`: a double too large or too small for a single is an error.
#[allow(clippy::cast_possible_truncation, reason = "rounded into range before")]
pub(super) fn single(datum: &Datum<'_>) -> Result<f32, Box<PgError>> {
    if let Some(text) = as_text(datum) {
        return input::single(&text);
    }
    let wide = double(datum)?;
    let narrow = wide as f32;
    if narrow.is_infinite() && !wide.is_infinite() {
        return Err(PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, "value out of range: overflow"));
    }
    if narrow == 0.0 && wide != 0.0 {
        return Err(PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, "value out of range: underflow"));
    }
    Ok(narrow)
}

/// What a numeric can be.
pub(super) enum Numeric<'a> {
    Finite(DecimalDigits<'a>),
    NotFinite(f64),
}

/// Hands the digits of a datum to `then`; they live in a buffer on the stack.
pub(super) fn numeric<T>(
    datum: &Datum<'_>,
    then: impl FnOnce(Numeric<'_>) -> Result<T, Box<PgError>>,
) -> Result<T, Box<PgError>> {
    let mut buffer = MantissaBuffer::new();
    let decimal = match datum {
        Datum::Int(value) => Decimal { mantissa: *value, scale: 0 },
        Datum::Bool(value) => Decimal { mantissa: i64::from(*value), scale: 0 },
        Datum::Decimal(value) => *value,
        Datum::Double(value) if !value.is_finite() => return then(Numeric::NotFinite(*value)),
        Datum::Double(value) => {
            let mut printed = zmij::Buffer::new();
            let digits = DecimalDigits::parse(printed.format_finite(*value).trim_end_matches(".0").as_bytes());
            return then(Numeric::Finite(digits.ok_or_else(|| mismatch(datum, "numeric"))?));
        }
        other => {
            let text = as_text(other).ok_or_else(|| mismatch(other, "numeric"))?;
            let trimmed = input::trim(&text);
            return match (DecimalDigits::parse(trimmed.as_bytes()), numeric::special(trimmed)) {
                (Some(digits), _) => then(Numeric::Finite(digits)),
                (None, Some(value)) => then(Numeric::NotFinite(value)),
                (None, None) => Err(invalid_text("numeric", &text)),
            };
        }
    };
    then(Numeric::Finite(DecimalDigits::from_decimal(decimal, &mut buffer)))
}

/// Cents of money.
pub(super) fn cents(datum: &Datum<'_>) -> Result<i64, Box<PgError>> {
    let of = |value: Decimal| {
        let hundredfold = value.scale.checked_add(2).map(|scale| Decimal { mantissa: value.mantissa, scale });
        let cents =
            hundredfold.and_then(|value| DecimalDigits::from_decimal(value, &mut MantissaBuffer::new()).round_to_i64());
        cents.ok_or_else(|| out_of_range("money"))
    };
    match datum {
        Datum::Decimal(value) => of(*value),
        Datum::Int(value) => of(Decimal { mantissa: *value, scale: 0 }),
        other => {
            let text = as_text(other).ok_or_else(|| mismatch(other, "money"))?;
            super::money::parse(&text).map(|value| value.mantissa)
        }
    }
}

pub(super) fn date(datum: &Datum<'_>) -> Result<i32, Box<PgError>> {
    match datum {
        Datum::Date(days) => Ok(*days),
        Datum::Timestamp(timestamp_us) => Ok(datetime::split_timestamp(*timestamp_us).0),
        other => {
            datetime_input::date_from_text(&as_text(other).ok_or_else(|| mismatch(other, "date"))?, Style::standard())
        }
    }
}

pub(super) fn time(datum: &Datum<'_>) -> Result<i64, Box<PgError>> {
    match datum {
        Datum::Time(time_us) => Ok(*time_us),
        Datum::Timestamp(timestamp_us) => Ok(datetime::split_timestamp(*timestamp_us).1),
        other => datetime_input::time_from_text(&as_text(other).ok_or_else(|| mismatch(other, "time"))?),
    }
}

/// The time and seconds east of Greenwich.
pub(super) fn timetz(datum: &Datum<'_>) -> Result<(i64, i32), Box<PgError>> {
    match datum {
        Datum::Time(time_us) => Ok((*time_us, 0)),
        Datum::Timestamp(timestamp_us) => Ok((datetime::split_timestamp(*timestamp_us).1, 0)),
        other => {
            let name = "time with time zone";
            datetime_input::timetz_from_text(&as_text(other).ok_or_else(|| mismatch(other, name))?, Style::standard())
        }
    }
}

pub(super) fn timestamp(datum: &Datum<'_>, utc: bool) -> Result<i64, Box<PgError>> {
    let name = if utc { "timestamp with time zone" } else { "timestamp" };
    match datum {
        Datum::Timestamp(timestamp_us) => Ok(*timestamp_us),
        Datum::Date(days) => i64::from(*days)
            .checked_mul(DAY_US)
            .filter(|timestamp| (datetime::TIMESTAMP_MIN..datetime::TIMESTAMP_END).contains(timestamp))
            .ok_or_else(|| PgError::error(SqlState::DATETIME_OVERFLOW, "date out of range for timestamp")),
        other => datetime_input::timestamp_from_text(
            &as_text(other).ok_or_else(|| mismatch(other, name))?,
            utc,
            Style::standard(),
        ),
    }
}

pub(super) fn interval(datum: &Datum<'_>) -> Result<Interval, Box<PgError>> {
    match datum {
        Datum::Time(time_us) => Ok(Interval { time_us: *time_us, ..Interval::default() }),
        other => Interval::from_text(&as_text(other).ok_or_else(|| mismatch(other, "interval"))?),
    }
}

pub(super) fn uuid(datum: &Datum<'_>) -> Result<[u8; 16], Box<PgError>> {
    let bytes = match datum {
        Datum::Bytes(bytes) => Some(*bytes),
        Datum::OwnedBytes(bytes) => Some(bytes.as_slice()),
        _ => None,
    };
    match bytes {
        Some(bytes) => bytes.try_into().map_err(|_| mismatch(datum, "uuid")),
        None => input::uuid(&as_text(datum).ok_or_else(|| mismatch(datum, "uuid"))?),
    }
}

/// The bytes of a datum. IRIS sends VARBINARY as Latin-1 strings: those characters are the bytes.
pub(super) fn bytes<'d>(datum: &'d Datum<'_>) -> Result<Cow<'d, [u8]>, Box<PgError>> {
    match datum {
        Datum::Bytes(bytes) | Datum::Latin1(bytes) => Ok(Cow::Borrowed(bytes)),
        Datum::OwnedBytes(bytes) => Ok(Cow::Borrowed(bytes)),
        Datum::Text(text) | Datum::BigDecimal(text) => Ok(Cow::Borrowed(text.as_bytes())),
        Datum::Owned(text) => Ok(Cow::Borrowed(text.as_bytes())),
        other => {
            let mut text = Vec::new();
            write_text(other, &mut text)?;
            Ok(Cow::Owned(text))
        }
    }
}

/// Elements of a vector; IRIS prints VECTOR columns as numbers with commas between, and one of one dimension may come
/// as a number.
pub(super) fn vector<'d>(datum: &'d Datum<'_>) -> Result<Cow<'d, [f32]>, Box<PgError>> {
    let parse = |text: &str| vector::parse_literal(text).map_err(|error| vector_error(error, text));
    match datum {
        Datum::Vector(elements) => Ok(Cow::Borrowed(elements)),
        Datum::Int(_) | Datum::Double(_) | Datum::Decimal(_) => {
            let mut text = Vec::new();
            write_text(datum, &mut text)?;
            parse(&String::from_utf8_lossy(&text)).map(Cow::Owned)
        }
        other => parse(&as_text(other).ok_or_else(|| mismatch(other, "vector"))?).map(Cow::Owned),
    }
}

/// The literal of an array.
pub(super) fn array<'d>(datum: &'d Datum<'_>, type_name: &str) -> Result<Cow<'d, str>, Box<PgError>> {
    as_text(datum).ok_or_else(|| mismatch(datum, type_name))
}
