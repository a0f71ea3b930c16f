//! Values between `$LIST` items and [`Datum`]: result cells by their column's type, parameters by the declared one
//! (protocol facts, sections 5.5, 6.4 and 18.8).

use crate::iris::datetime::{self, MICROS_PER_DAY};
use crate::iris::decimal::{self, Parsed};
use crate::iris::list::{
    Item, put_ascii_with, put_bytes, put_decimal, put_double, put_int, put_latin1, put_null, put_text, utf16_to_string,
};
use crate::iris::{IrisType, ParameterDescription};
use crate::types::{Datum, Decimal, boolean_word};
use crate::vector;
use crate::wire::{PgError, SqlState};

type Decode = for<'a> fn(&Item<'a>) -> Result<Datum<'a>, Box<PgError>>;

/// How the cells of one column are read; chosen once per column.
#[derive(Debug, Clone, Copy)]
pub struct CellDecoder {
    decode: Decode,
}

impl CellDecoder {
    pub fn select(iris_type: IrisType) -> Self {
        let decode: Decode = match iris_type {
            IrisType::BIT => bit,
            IrisType::TINYINT | IrisType::SMALLINT | IrisType::INTEGER | IrisType::BIGINT => integer,
            IrisType::NUMERIC | IrisType::DECIMAL => numeric,
            IrisType::DOUBLE | IrisType::FLOAT | IrisType::REAL => double,
            IrisType::DATE | IrisType::DATE_ODBC | IrisType::DATE_HOROLOG => date,
            IrisType::TIME | IrisType::TIME_ODBC | IrisType::TIME_HOROLOG => time,
            IrisType::TIMESTAMP | IrisType::TIMESTAMP_ODBC | IrisType::TIMESTAMP_POSIX => timestamp,
            IrisType::BINARY | IrisType::VARBINARY | IrisType::LONGVARBINARY => binary,
            _ => by_item,
        };
        Self { decode }
    }

    /// # Errors
    /// 22xxx when the value is outside of what PostgreSQL's type or calendar holds.
    pub fn decode<'a>(&self, item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
        (self.decode)(item)
    }
}

/// The item's own type decides: text columns, and values their column's type does not explain (an untyped literal is
/// described as INTEGER whatever it is).
fn by_item<'a>(item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
    Ok(match *item {
        Item::Null => Datum::Null,
        Item::Empty => Datum::Text(""),
        Item::Latin1(bytes) | Item::Oref(bytes) => Datum::Latin1(bytes),
        Item::Utf16(bytes) => Datum::Utf16(bytes),
        Item::Int(value) => Datum::Int(value),
        Item::Decimal(value) => Datum::Decimal(value),
        Item::Double(value) => Datum::Double(value),
    })
}

/// Text of a cell that should hold something else. ISO text is ASCII, so UTF-16 is not expected.
fn ascii<'a>(item: &Item<'a>) -> Option<&'a str> {
    match *item {
        Item::Latin1(bytes) if bytes.is_ascii() => std::str::from_utf8(bytes).ok().map(str::trim),
        _ => None,
    }
}

fn bit<'a>(item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
    match *item {
        Item::Int(value) => Ok(Datum::Bool(value != 0)),
        Item::Decimal(value) => Ok(Datum::Bool(value.mantissa != 0)),
        Item::Double(value) => Ok(Datum::Bool(value != 0.0)),
        _ => match ascii(item) {
            Some("0") => Ok(Datum::Bool(false)),
            Some("1") => Ok(Datum::Bool(true)),
            _ => by_item(item),
        },
    }
}

fn integer<'a>(item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
    match ascii(item).map(str::parse) {
        Some(Ok(value)) => Ok(Datum::Int(value)),
        _ => by_item(item),
    }
}

fn numeric<'a>(item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
    if let Some(text) = ascii(item) {
        match decimal::parse(text) {
            Some(Parsed::Exact(value)) => return Ok(Datum::Decimal(value)),
            Some(Parsed::Rounded(_)) => return Ok(Datum::BigDecimal(text)),
            None => {}
        }
    }
    by_item(item)
}

fn double<'a>(item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
    Ok(match *item {
        Item::Int(value) => Datum::Double(value as f64),
        Item::Decimal(value) => Datum::Double(decimal_to_double(value)),
        _ => match ascii(item).and_then(|text| text.parse().ok()) {
            Some(value) => Datum::Double(value),
            None => return by_item(item),
        },
    })
}

/// Correctly rounded: through the digits, not by multiplying with a power.
fn decimal_to_double(value: Decimal) -> f64 {
    format!("{}e{}", value.mantissa, value.scale).parse().unwrap_or(f64::NAN)
}

fn date<'a>(item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
    let day = match *item {
        Item::Int(day) => datetime::day_of_horolog(day),
        Item::Decimal(_) | Item::Double(_) => None,
        _ => match ascii(item) {
            // Days in text form come from expressions.
            Some(text) => match text.parse() {
                Ok(day) => datetime::day_of_horolog(day),
                Err(_) => datetime::parse_date(text),
            },
            None => return by_item(item),
        },
    };
    day.map(Datum::Date).ok_or_else(|| unreadable("date", item))
}

fn time<'a>(item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
    let micros = match *item {
        Item::Int(seconds) => seconds.checked_mul(1_000_000),
        Item::Decimal(seconds) => micros_of_decimal(seconds),
        Item::Double(seconds) => Some((seconds * 1e6).round() as i64),
        _ => match ascii(item) {
            Some(text) => match decimal::parse(text) {
                Some(seconds) => micros_of_decimal(seconds.value()),
                None => datetime::parse_time(text),
            },
            None => return by_item(item),
        },
    };
    micros
        .filter(|micros| (0..=MICROS_PER_DAY).contains(micros))
        .map(Datum::Time)
        .ok_or_else(|| unreadable("time", item))
}

fn micros_of_decimal(seconds: Decimal) -> Option<i64> {
    rescaled(seconds.mantissa, seconds.scale.into(), -6)
}

/// `mantissa * 10^from` as `result * 10^to`, rounded half away from zero.
fn rescaled(mantissa: i64, from: i32, to: i32) -> Option<i64> {
    let shift = from.checked_sub(to)?;
    let power = 10i64.checked_pow(shift.unsigned_abs());
    if shift >= 0 {
        return if mantissa == 0 { Some(0) } else { mantissa.checked_mul(power?) };
    }
    // More places than 64 bits have digits: nothing is left.
    let Some(power) = power else { return Some(0) };
    let (quotient, rest) = (mantissa / power, mantissa % power);
    let round_up = rest.unsigned_abs() >= power.unsigned_abs().div_ceil(2);
    Some(quotient + if round_up { mantissa.signum() } else { 0 })
}

fn timestamp<'a>(item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
    let micros = match *item {
        Item::Int(encoded) => datetime::timestamp_of_posix(encoded),
        Item::Decimal(_) | Item::Double(_) => None,
        _ => match ascii(item) {
            Some(text) => match text.parse() {
                Ok(encoded) => datetime::timestamp_of_posix(encoded),
                Err(_) => datetime::parse_timestamp(text),
            },
            None => return by_item(item),
        },
    };
    micros.map(Datum::Timestamp).ok_or_else(|| unreadable("timestamp", item))
}

fn binary<'a>(item: &Item<'a>) -> Result<Datum<'a>, Box<PgError>> {
    Ok(match *item {
        Item::Empty => Datum::Bytes(&[]),
        // Wide strings in a binary column are shown as their UTF-16 bytes.
        Item::Latin1(bytes) | Item::Utf16(bytes) => Datum::Bytes(bytes),
        _ => return by_item(item),
    })
}

fn unreadable(what: &str, item: &Item<'_>) -> Box<PgError> {
    let shown: String = item.to_text().unwrap_or_default().chars().take(64).collect();
    PgError::error(
        SqlState::DATETIME_OVERFLOW,
        format!("IRIS returned \"{shown}\", which is no {what} PostgreSQL can hold"),
    )
}

type Put = fn(&mut Vec<u8>, &ParameterDescription, &Datum<'_>) -> Result<(), Box<PgError>>;

/// How values of one parameter are written; chosen once per column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellEncoder {
    parameter: ParameterDescription,
    put: Put,
}

impl CellEncoder {
    pub(crate) fn select(parameter: ParameterDescription) -> Self {
        let put: Put = match parameter.iris_type {
            IrisType::TINYINT | IrisType::SMALLINT | IrisType::INTEGER | IrisType::BIGINT => {
                |out, parameter, datum| match datum {
                    Datum::Int(value) => {
                        put_int(out, *value);
                        Ok(())
                    }
                    _ => put_value(out, parameter, datum),
                }
            }
            IrisType::VARCHAR | IrisType::LONGVARCHAR => |out, parameter, datum| match datum {
                Datum::Text(text) => put_characters(out, parameter, text),
                _ => put_value(out, parameter, datum),
            },
            _ => put_value,
        };
        Self { parameter, put }
    }

    /// # Errors
    /// As [`put_value`].
    pub(crate) fn put(&self, out: &mut Vec<u8>, datum: &Datum<'_>) -> Result<(), Box<PgError>> {
        (self.put)(out, &self.parameter, datum)
    }
}

/// Appends one parameter value in the form its declared type asks for.
///
/// # Errors
/// 22008: a date or timestamp outside years 1 to 9999. 22003: a decimal of more digits than IRIS keeps. 0A000: NaN and
/// the infinities, which IRIS takes in no number. 22021: text that is exactly one NUL, which a `$LIST` cannot
/// tell from the empty string.
pub fn put_value(out: &mut Vec<u8>, parameter: &ParameterDescription, datum: &Datum<'_>) -> Result<(), Box<PgError>> {
    match datum {
        Datum::Null => put_null(out),
        Datum::Text(text) => put_text_value(out, parameter, text)?,
        Datum::Owned(text) => put_text_value(out, parameter, text)?,
        Datum::BigDecimal(text) => put_digits(out, parameter, text)?,
        Datum::Latin1(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => put_text_value(out, parameter, text)?,
            _ => put_latin1(out, bytes),
        },
        Datum::Utf16(bytes) => match utf16_to_string(bytes) {
            Some(text) => put_text_value(out, parameter, &text)?,
            None => return Err(PgError::error(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "lone surrogate in a string")),
        },
        Datum::Bool(value) => put_number(out, parameter, i64::from(*value)),
        Datum::Int(value) => put_number(out, parameter, *value),
        Datum::Decimal(value) => put_decimal_value(out, parameter, *value)?,
        Datum::Double(value) if !value.is_finite() => return Err(not_finite()),
        Datum::Double(value) => put_double_value(out, parameter, *value),
        Datum::Bytes(bytes) => put_binary(out, parameter, bytes)?,
        Datum::OwnedBytes(bytes) => put_binary(out, parameter, bytes)?,
        Datum::Date(day) => put_date(out, parameter, *day)?,
        Datum::Time(micros) => put_time(out, parameter, *micros)?,
        Datum::Timestamp(micros) => put_timestamp(out, parameter, *micros)?,
        Datum::Vector(elements) => put_ascii_with(out, |out| vector::write_literal(elements, out)),
    }
    Ok(())
}

fn put_number(out: &mut Vec<u8>, parameter: &ParameterDescription, value: i64) {
    match parameter.iris_type {
        IrisType::DOUBLE | IrisType::FLOAT => put_double(out, value as f64),
        _ => put_int(out, value),
    }
}

fn put_decimal_value(out: &mut Vec<u8>, parameter: &ParameterDescription, value: Decimal) -> Result<(), Box<PgError>> {
    match parameter.iris_type {
        IrisType::DOUBLE | IrisType::FLOAT => put_double(out, decimal_to_double(value)),
        IrisType::INTEGER | IrisType::SMALLINT | IrisType::TINYINT | IrisType::BIGINT | IrisType::BIT => {
            // A fraction stays: refusing or rounding it is IRIS's decision, cutting it silently would be ours.
            match rescaled(value.mantissa, value.scale.into(), 0) {
                Some(whole) if rescaled(whole, 0, value.scale.into()) == Some(value.mantissa) => put_int(out, whole),
                _ => put_decimal(out, value),
            }
        }
        // One below what IRIS's numbers go down to.
        IrisType::NUMERIC | IrisType::DECIMAL if value.mantissa == i64::MIN => {
            return Err(too_many_digits(&decimal::to_string(value)));
        }
        _ => put_decimal(out, value),
    }
    Ok(())
}

fn put_double_value(out: &mut Vec<u8>, parameter: &ParameterDescription, value: f64) {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match parameter.iris_type {
        IrisType::INTEGER | IrisType::SMALLINT | IrisType::TINYINT | IrisType::BIGINT | IrisType::BIT
            if value.fract() == 0.0 && value.abs() <= EXACT_MAX =>
        {
            put_int(out, value as i64);
        }
        // Shortest digits: 0.1 must not become 0.1000000000000000055.
        IrisType::NUMERIC | IrisType::DECIMAL => match decimal::parse(&value.to_string()) {
            Some(Parsed::Exact(decimal)) => put_decimal(out, decimal),
            _ => put_double(out, value),
        },
        _ => put_double(out, value),
    }
}

/// Characters (UTF-16 units) or bytes of the longest string of IRIS.
const STRING_UNITS_MAX: usize = 3_641_144;

/// # Errors
/// 54000: longer than a string of IRIS, and not for a stream.
fn check_length(parameter: &ParameterDescription, units: usize, what: &str) -> Result<(), Box<PgError>> {
    if units <= STRING_UNITS_MAX || matches!(parameter.iris_type, IrisType::LONGVARCHAR | IrisType::LONGVARBINARY) {
        return Ok(());
    }
    Err(PgError::beyond_iris(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("a value of {units} {what} is too long: IRIS holds {STRING_UNITS_MAX}"),
    )
    .hint("A column declared with STORAGE EXTERNAL holds values of any length."))
}

fn not_finite() -> Box<PgError> {
    PgError::unsupported("NaN and infinite numbers are not supported: IRIS has none")
        .hint("Use NULL, or a number beyond all others.")
}

/// A decimal number of any length.
fn put_digits(out: &mut Vec<u8>, parameter: &ParameterDescription, digits: &str) -> Result<(), Box<PgError>> {
    let is_decimal = matches!(parameter.iris_type, IrisType::NUMERIC | IrisType::DECIMAL);
    match decimal::parse(digits) {
        Some(Parsed::Exact(value)) if is_decimal => put_decimal_value(out, parameter, value),
        _ if is_decimal || is_beyond(digits) && parameter.iris_type != IrisType::DOUBLE => Err(too_many_digits(digits)),
        // A double takes the nearest, a text all of it, and beside a whole number it is compared.
        _ => put_text_value(out, parameter, digits),
    }
}

/// Beyond the greatest number of IRIS that is no double, 9.2E145.
fn is_beyond(digits: &str) -> bool {
    let whole = digits.trim_start_matches(['-', '+']).split('.').next().unwrap_or_default();
    whole.trim_start_matches('0').len() > 145
}

fn too_many_digits(digits: &str) -> Box<PgError> {
    let shown: String = digits.chars().take(64).collect();
    PgError::beyond_iris(
        SqlState::NUMERIC_OUT_OF_RANGE,
        format!("numeric value \"{shown}\" has too many digits for IRIS"),
    )
    .detail("IRIS keeps about 19 significant digits of a number (a mantissa of 64 bits).")
}

/// Text as it is.
fn put_characters(out: &mut Vec<u8>, parameter: &ParameterDescription, text: &str) -> Result<(), Box<PgError>> {
    if text == "\0" {
        return Err(single_nul("text"));
    }
    // A UTF-16 unit is at least one byte of UTF-8.
    if text.len() > STRING_UNITS_MAX {
        check_length(parameter, text.encode_utf16().count(), "characters")?;
    }
    put_text(out, text);
    Ok(())
}

/// Text for a typed parameter is converted when it is plainly a value of that type; else IRIS judges it.
fn put_text_value(out: &mut Vec<u8>, parameter: &ParameterDescription, text: &str) -> Result<(), Box<PgError>> {
    if matches!(text, "" | "\0") || text.len() > STRING_UNITS_MAX {
        return put_characters(out, parameter, text);
    }
    match parameter.iris_type {
        IrisType::INTEGER | IrisType::SMALLINT | IrisType::TINYINT | IrisType::BIGINT => match text.trim().parse() {
            Ok(value) => put_int(out, value),
            Err(_) => put_text(out, text),
        },
        IrisType::BIT => match boolean_word(text.trim()) {
            Some(value) => put_int(out, value.into()),
            None => put_text(out, text),
        },
        IrisType::NUMERIC | IrisType::DECIMAL => match decimal::parse(text.trim()) {
            Some(Parsed::Exact(value)) => put_decimal_value(out, parameter, value)?,
            Some(Parsed::Rounded(_)) => return Err(too_many_digits(text)),
            // A number that is none of IRIS's would be read as far as it is one.
            None if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')) => {
                return Err(too_many_digits(text));
            }
            None => put_text(out, text),
        },
        IrisType::DOUBLE | IrisType::FLOAT => match text.trim().parse() {
            Ok(value) => put_double(out, value),
            Err(_) => put_text(out, text),
        },
        IrisType::DATE_HOROLOG => match datetime::parse_date(text) {
            Some(day) => put_date(out, parameter, day)?,
            None => put_text(out, text),
        },
        IrisType::TIME_HOROLOG => match datetime::parse_time(text) {
            Some(micros) => put_time(out, parameter, micros)?,
            None => put_text(out, text),
        },
        IrisType::TIMESTAMP_POSIX => match datetime::parse_timestamp(text) {
            Some(micros) => put_timestamp(out, parameter, micros)?,
            None => put_text(out, text),
        },
        _ => put_text(out, text),
    }
    Ok(())
}

fn put_binary(out: &mut Vec<u8>, parameter: &ParameterDescription, bytes: &[u8]) -> Result<(), Box<PgError>> {
    check_length(parameter, bytes.len(), "bytes")?;
    if bytes == [0] {
        return Err(single_nul("binary string"));
    }
    put_bytes(out, bytes);
    Ok(())
}

fn single_nul(what: &str) -> Box<PgError> {
    PgError::beyond_iris(
        SqlState::CHARACTER_NOT_IN_REPERTOIRE,
        format!("IRIS cannot tell a {what} of exactly one NUL from an empty one"),
    )
}

fn put_date(out: &mut Vec<u8>, parameter: &ParameterDescription, day: i32) -> Result<(), Box<PgError>> {
    let out_of_range =
        || PgError::beyond_iris(SqlState::DATETIME_OVERFLOW, "date out of range: IRIS holds years 1 to 9999");
    match parameter.iris_type {
        IrisType::DATE_HOROLOG => put_int(out, datetime::horolog_of_day(day).ok_or_else(out_of_range)?),
        IrisType::TIMESTAMP_POSIX | IrisType::TIMESTAMP | IrisType::TIMESTAMP_ODBC => {
            put_timestamp(out, parameter, i64::from(day).saturating_mul(MICROS_PER_DAY))?;
        }
        _ => put_text(out, &datetime::format_date(day).ok_or_else(out_of_range)?),
    }
    Ok(())
}

fn put_time(out: &mut Vec<u8>, parameter: &ParameterDescription, micros: i64) -> Result<(), Box<PgError>> {
    if micros >= MICROS_PER_DAY {
        return Err(PgError::beyond_iris(
            SqlState::DATETIME_OVERFLOW,
            "time out of range: IRIS has no 24:00:00, its times end with 23:59:59.999999",
        ));
    }
    if parameter.iris_type == IrisType::TIME_HOROLOG {
        let places = i8::try_from(parameter.scale.clamp(0, 6)).unwrap_or(0);
        if let Some(mantissa) = rescaled(micros, -6, -i32::from(places)) {
            put_decimal(out, Decimal { mantissa, scale: -places });
            return Ok(());
        }
    }
    put_text(out, &datetime::format_time(micros));
    Ok(())
}

fn put_timestamp(out: &mut Vec<u8>, parameter: &ParameterDescription, micros: i64) -> Result<(), Box<PgError>> {
    let out_of_range =
        || PgError::beyond_iris(SqlState::DATETIME_OVERFLOW, "timestamp out of range: IRIS holds years 1 to 9999");
    match parameter.iris_type {
        IrisType::TIMESTAMP_POSIX => put_int(out, datetime::posix_of_timestamp(micros).ok_or_else(out_of_range)?),
        IrisType::DATE_HOROLOG => {
            let day = i32::try_from(micros.div_euclid(MICROS_PER_DAY)).map_err(|_| out_of_range())?;
            put_date(out, parameter, day)?;
        }
        _ => put_text(out, &datetime::format_timestamp(micros).ok_or_else(out_of_range)?),
    }
    Ok(())
}

#[cfg(test)]
#[path = "cell_tests.rs"]
mod tests;
