//! Values between their three forms: what clients send ([`Value`]), what SQLite stores, and other types of SQL.
//!
//! Stored forms: integers and dates (`$HOROLOG` days) as INTEGER, times as microseconds since midnight and timestamps
//! as microseconds since 1970 in INTEGER too, DOUBLE as REAL, NUMERIC as canonical decimal text, vectors as BLOB.

use rusqlite::types::{Value as Stored, ValueRef};

use super::datetime as dt;
use super::decimal::Dec;
use super::types::{DataType, VectorElement};
use super::value::Value;
use super::{lists, vectors};
use iris_protocol::Decimal;

/// What the stored form means: enough to convert by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Int,
    Decimal,
    Double,
    Text,
    Date,
    Time,
    Timestamp,
    Bytes,
    Vector,
    List,
}

impl Class {
    pub(super) fn of(data_type: &DataType) -> Class {
        match data_type {
            DataType::Bit
            | DataType::TinyInt
            | DataType::SmallInt
            | DataType::Integer
            | DataType::BigInt
            | DataType::RowVersion => Class::Int,
            DataType::Numeric { .. } | DataType::Currency => Class::Decimal,
            DataType::Double => Class::Double,
            DataType::VarChar { .. } | DataType::Char { .. } | DataType::LongVarChar | DataType::UniqueIdentifier => {
                Class::Text
            }
            DataType::Date => Class::Date,
            DataType::Time { .. } => Class::Time,
            DataType::Timestamp { .. } | DataType::PosixTime => Class::Timestamp,
            DataType::VarBinary { .. } | DataType::LongVarBinary => Class::Bytes,
            DataType::Vector { .. } => Class::Vector,
            DataType::List => Class::List,
        }
    }

    pub(super) fn is_numeric(self) -> bool {
        matches!(self, Class::Int | Class::Decimal | Class::Double)
    }

    pub(super) fn is_temporal(self) -> bool {
        matches!(self, Class::Date | Class::Time | Class::Timestamp)
    }

    pub(super) fn code(self) -> u8 {
        self as u8
    }

    pub(super) fn from_code(code: i64) -> Class {
        const ALL: [Class; 10] = [
            Class::Int,
            Class::Decimal,
            Class::Double,
            Class::Text,
            Class::Date,
            Class::Time,
            Class::Timestamp,
            Class::Bytes,
            Class::Vector,
            Class::List,
        ];
        usize::try_from(code).ok().and_then(|code| ALL.get(code)).copied().unwrap_or(Class::Text)
    }
}

/// How strict a conversion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Into a column: lengths and ranges are validated (-104, -105).
    Assign,
    /// CAST and CONVERT: strings are cut, numbers read leniently.
    Cast,
    /// An operand beside another type: no length, strings that are no dates are errors.
    Compare,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConvertError {
    Date,
    Time,
    Number,
    Length,
    Range,
    Vector,
    /// Numbers beside something else in one vector: -1 from TO_VECTOR.
    Elements,
    Type,
}

impl ConvertError {
    /// Where no column is involved: -146, -147, else -104 as "conversion failed".
    pub(super) fn sqlcode(self) -> i32 {
        match self {
            ConvertError::Date => 146,
            ConvertError::Time => 147,
            ConvertError::Elements => 1,
            ConvertError::Number
            | ConvertError::Length
            | ConvertError::Range
            | ConvertError::Vector
            | ConvertError::Type => 104,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            ConvertError::Date => "Unable to convert date input to a valid logical date value",
            ConvertError::Time => "Unable to convert time input to a valid logical time value",
            ConvertError::Number => "value is not a number",
            ConvertError::Length => "value is too long",
            ConvertError::Range => "value is out of range",
            ConvertError::Vector => "value is not a vector of the declared length",
            ConvertError::Elements => "The elements of the vector have different data types",
            ConvertError::Type => "value cannot be converted to the type",
        }
    }
}

/// A value of a client, for a place of type `to`.
///
/// # Errors
/// Why the value does not fit.
pub(super) fn import(value: &Value, to: &DataType, purpose: Purpose) -> Result<Stored, ConvertError> {
    let class = Class::of(to);
    match value {
        Value::Null => Ok(Stored::Null),
        Value::Int(number) => match class {
            Class::Int if purpose == Purpose::Compare => Ok(Stored::Integer(*number)),
            Class::Date => date(*number),
            Class::Time => time(number.checked_mul(1_000_000).ok_or(ConvertError::Time)?),
            Class::Timestamp => dt::from_posix(*number).map(Stored::Integer).ok_or(ConvertError::Date),
            _ => convert(ValueRef::Integer(*number), Class::Int, to, purpose),
        },
        Value::Decimal(decimal) => {
            let dec =
                Dec::reduced(i128::from(decimal.mantissa), i32::from(decimal.scale)).ok_or(ConvertError::Range)?;
            match class {
                Class::Time => seconds(dec),
                _ => convert(ValueRef::Text(dec.text().as_bytes()), Class::Decimal, to, purpose),
            }
        }
        Value::Double(double) => match class {
            Class::Time => seconds(Dec::from_f64(*double).ok_or(ConvertError::Time)?),
            _ => convert(ValueRef::Real(*double), Class::Double, to, purpose),
        },
        Value::Text(text) => convert(ValueRef::Text(text.as_bytes()), Class::Text, to, purpose),
        Value::Bytes(bytes) => convert(ValueRef::Blob(bytes), Class::Bytes, to, purpose),
    }
}

fn date(day: i64) -> Result<Stored, ConvertError> {
    if (dt::DATE_MIN..=dt::DATE_MAX).contains(&day) { Ok(Stored::Integer(day)) } else { Err(ConvertError::Date) }
}

fn time(micros: i64) -> Result<Stored, ConvertError> {
    if (0..dt::DAY_US).contains(&micros) { Ok(Stored::Integer(micros)) } else { Err(ConvertError::Time) }
}

fn seconds(dec: Dec) -> Result<Stored, ConvertError> {
    let micros = dec.multiply(Dec::from_i64(1_000_000)).and_then(Dec::to_i64).ok_or(ConvertError::Time)?;
    time(micros)
}

/// What a client gets for a stored value of type `from`.
pub(super) fn export(stored: ValueRef<'_>, from: &DataType) -> Value {
    match (stored, Class::of(from)) {
        (ValueRef::Null, _) => Value::Null,
        (ValueRef::Integer(number), Class::Timestamp) => Value::Int(dt::to_posix(number)),
        (ValueRef::Integer(micros), Class::Time) => {
            if micros % 1_000_000 == 0 {
                Value::Int(micros / 1_000_000)
            } else {
                decimal_value(Dec::reduced(i128::from(micros), -6).unwrap_or(Dec::ZERO))
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "an integer where a double is declared")]
        (ValueRef::Integer(number), Class::Double) => Value::Double(number as f64),
        (ValueRef::Integer(number), _) => Value::Int(number),
        (ValueRef::Real(double), Class::Int | Class::Decimal) => {
            Dec::from_f64(double).map_or(Value::Double(double), decimal_value)
        }
        (ValueRef::Real(double), _) => Value::Double(double),
        (ValueRef::Text(text), class) => {
            let text = String::from_utf8_lossy(text);
            match class {
                Class::Decimal | Class::Int => {
                    Dec::parse(&text).map_or_else(|| Value::Text(text.into_owned()), decimal_value)
                }
                _ => Value::Text(text.into_owned()),
            }
        }
        (ValueRef::Blob(blob), Class::Vector) => Value::Text(vectors::text(blob)),
        (ValueRef::Blob(blob), Class::List) => Value::Text(lists::text(blob)),
        (ValueRef::Blob(blob), _) => Value::Bytes(blob.to_vec()),
    }
}

fn decimal_value(dec: Dec) -> Value {
    if dec.is_integer()
        && let Some(number) = dec.to_i64()
    {
        return Value::Int(number);
    }
    let (mantissa, exponent) = dec.parts();
    match i8::try_from(exponent) {
        Ok(scale) => Value::Decimal(Decimal { mantissa, scale }),
        Err(_) => Value::Double(dec.to_f64()),
    }
}

/// The number a stored value stands for, as IRIS reads it in arithmetic: strings by their numeric prefix.
pub(super) fn number(stored: ValueRef<'_>, from: Class) -> Option<Dec> {
    match stored {
        ValueRef::Null => None,
        ValueRef::Integer(number) if from == Class::Time => Dec::reduced(i128::from(number), -6),
        ValueRef::Integer(number) => Some(Dec::from_i64(number)),
        ValueRef::Real(double) => Some(Dec::from_f64(double).unwrap_or(Dec::ZERO)),
        ValueRef::Text(text) => Some(Dec::lenient(&String::from_utf8_lossy(text))),
        ValueRef::Blob(blob) => Some(Dec::lenient(&latin1(blob))),
    }
}

/// Bytes as characters, one for one.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Logical text of a value, as string functions and `||` see it: dates are days.
pub(super) fn logical_text(stored: ValueRef<'_>, from: Class) -> Option<String> {
    Some(match stored {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => match from {
            Class::Timestamp => dt::timestamp_text(number),
            Class::Time => Dec::reduced(i128::from(number), -6).unwrap_or(Dec::ZERO).iris_text(),
            _ => number.to_string(),
        },
        ValueRef::Real(double) => Dec::from_f64(double).map_or_else(|| double.to_string(), Dec::iris_text),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            match from {
                Class::Decimal => Dec::lenient(&text).iris_text(),
                _ => text.into_owned(),
            }
        }
        ValueRef::Blob(blob) if from == Class::Vector => vectors::text(blob),
        ValueRef::Blob(blob) if from == Class::List => lists::text(blob),
        ValueRef::Blob(blob) => latin1(blob),
    })
}

/// ODBC text of a value: dates and times in ISO form.
pub(super) fn odbc_text(stored: ValueRef<'_>, from: Class) -> Option<String> {
    match (stored, from) {
        (ValueRef::Integer(day), Class::Date) => Some(dt::date_text(day)),
        (ValueRef::Integer(micros), Class::Time) => Some(iris_protocol::datetime::format_time(micros)),
        _ => logical_text(stored, from),
    }
}

/// Converts a stored value to the stored form of `to`.
///
/// # Errors
/// Why the value does not fit; [`Purpose`] says how strictly.
pub(super) fn convert(
    stored: ValueRef<'_>,
    from: Class,
    to: &DataType,
    purpose: Purpose,
) -> Result<Stored, ConvertError> {
    if stored == ValueRef::Null {
        return Ok(Stored::Null);
    }
    match Class::of(to) {
        Class::Int => to_int(stored, from, to, purpose),
        Class::Decimal => to_decimal(stored, from, to, purpose),
        Class::Double => to_double(stored, from, purpose),
        Class::Text => to_text(stored, from, to, purpose),
        Class::Date => to_date(stored, from, purpose),
        Class::Time => to_time(stored, from, to),
        Class::Timestamp => to_timestamp(stored, from, to),
        Class::Bytes => to_bytes(stored, from, to, purpose),
        Class::Vector => to_vector(stored, from, to, purpose),
        Class::List => Ok(Stored::Blob(match stored {
            ValueRef::Blob(blob) if from == Class::List => blob.to_vec(),
            _ => lists::from_text(&logical_text(stored, from).unwrap_or_default(), ","),
        })),
    }
}

fn strict_number(stored: ValueRef<'_>, from: Class, purpose: Purpose) -> Result<Dec, ConvertError> {
    if matches!(from, Class::Vector | Class::List) || (from == Class::Timestamp && purpose == Purpose::Assign) {
        return Err(ConvertError::Type);
    }
    match stored {
        ValueRef::Text(text) if purpose == Purpose::Assign => {
            Dec::parse(&String::from_utf8_lossy(text)).ok_or(ConvertError::Number)
        }
        ValueRef::Integer(_) if from == Class::Timestamp => {
            Ok(Dec::lenient(&logical_text(stored, from).unwrap_or_default()))
        }
        ValueRef::Real(double) if !double.is_finite() => Err(ConvertError::Range),
        _ => number(stored, from).ok_or(ConvertError::Number),
    }
}

fn to_int(stored: ValueRef<'_>, from: Class, to: &DataType, purpose: Purpose) -> Result<Stored, ConvertError> {
    let dec = strict_number(stored, from, purpose)?;
    if purpose == Purpose::Compare {
        // A fraction beside an integer column must not be lost: SQLite compares INTEGER with REAL exactly.
        return Ok(match dec.to_i64() {
            Some(number) if dec.is_integer() => Stored::Integer(number),
            _ => Stored::Real(dec.to_f64()),
        });
    }
    let number = dec.to_i64().ok_or(ConvertError::Range)?;
    if *to == DataType::Bit && purpose == Purpose::Cast {
        return Ok(Stored::Integer(i64::from(!dec.is_zero())));
    }
    match to.integer_range() {
        Some((low, high)) if !(low..=high).contains(&number) => Err(ConvertError::Range),
        _ => Ok(Stored::Integer(number)),
    }
}

fn to_decimal(stored: ValueRef<'_>, from: Class, to: &DataType, purpose: Purpose) -> Result<Stored, ConvertError> {
    let dec = strict_number(stored, from, purpose)?;
    if purpose == Purpose::Compare {
        return Ok(Stored::Text(dec.text()));
    }
    let (precision, scale) = match to {
        DataType::Numeric { precision, scale } => (*precision, *scale),
        _ => (19, 4),
    };
    let rounded = dec.round(i32::try_from(scale).unwrap_or(0));
    let whole_digits = i32::try_from(precision.saturating_sub(scale)).unwrap_or(i32::MAX);
    let (mantissa, exponent) = rounded.truncate().parts();
    let digits = i32::try_from(mantissa.unsigned_abs().to_string().len()).unwrap_or(0);
    if mantissa != 0 && digits + exponent > whole_digits {
        return Err(ConvertError::Range);
    }
    Ok(Stored::Text(rounded.text()))
}

fn to_double(stored: ValueRef<'_>, from: Class, purpose: Purpose) -> Result<Stored, ConvertError> {
    match stored {
        ValueRef::Real(double) if double.is_finite() => Ok(Stored::Real(double)),
        ValueRef::Real(_) => Err(ConvertError::Range),
        ValueRef::Text(text) if from == Class::Text => {
            let text = String::from_utf8_lossy(text);
            // Doubles may lie outside the range of decimals.
            match text.trim().parse::<f64>() {
                Ok(double) if double.is_finite() => Ok(Stored::Real(double)),
                _ if purpose == Purpose::Assign => Err(ConvertError::Number),
                _ => Ok(Stored::Real(Dec::lenient(&text).to_f64())),
            }
        }
        _ => strict_number(stored, from, purpose).map(|dec| Stored::Real(dec.to_f64())),
    }
}

fn to_text(stored: ValueRef<'_>, from: Class, to: &DataType, purpose: Purpose) -> Result<Stored, ConvertError> {
    let text = match purpose {
        Purpose::Cast => odbc_text(stored, from),
        Purpose::Assign | Purpose::Compare => logical_text(stored, from),
    }
    .unwrap_or_default();
    let limit = match to {
        DataType::VarChar { length: Some(length) } | DataType::Char { length } => Some(*length),
        _ => None,
    };
    if *to == DataType::UniqueIdentifier && purpose == Purpose::Assign && !is_guid(&text) {
        return Err(ConvertError::Type);
    }
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else { return Ok(Stored::Text(text)) };
    if text.len() <= limit {
        return Ok(Stored::Text(text));
    }
    // Lengths are counted in units of UTF-16.
    let units: Vec<u16> = text.encode_utf16().collect();
    match (purpose, units.get(..limit)) {
        (_, None) | (Purpose::Compare, _) => Ok(Stored::Text(text)),
        (Purpose::Assign, Some(kept)) if kept.len() < units.len() => Err(ConvertError::Length),
        (Purpose::Assign, Some(_)) => Ok(Stored::Text(text)),
        (Purpose::Cast, Some(kept)) => Ok(Stored::Text(String::from_utf16_lossy(kept))),
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn to_date(stored: ValueRef<'_>, from: Class, purpose: Purpose) -> Result<Stored, ConvertError> {
    match (stored, from) {
        (ValueRef::Integer(day), Class::Date | Class::Int) => date(day),
        (ValueRef::Integer(micros), Class::Timestamp) => Ok(Stored::Integer(dt::split_timestamp(micros).0)),
        (ValueRef::Text(text), Class::Text) => {
            let text = String::from_utf8_lossy(text);
            let day = dt::parse_date(&text).or_else(|| dt::parse_timestamp(&text).map(|m| dt::split_timestamp(m).0));
            match (day, text.trim().parse::<i64>()) {
                (Some(day), _) => Ok(Stored::Integer(day)),
                (None, Ok(day)) => date(day),
                (None, Err(_)) => Err(ConvertError::Date),
            }
        }
        (ValueRef::Text(text), Class::Decimal) if purpose != Purpose::Assign => {
            date(Dec::lenient(&String::from_utf8_lossy(text)).to_i64().ok_or(ConvertError::Date)?)
        }
        _ => Err(ConvertError::Date),
    }
}

fn to_time(stored: ValueRef<'_>, from: Class, to: &DataType) -> Result<Stored, ConvertError> {
    let precision = match to {
        DataType::Time { precision } => *precision,
        _ => 6,
    };
    let micros = match (stored, from) {
        (ValueRef::Integer(micros), Class::Time) => micros,
        (ValueRef::Integer(micros), Class::Timestamp) => dt::split_timestamp(micros).1,
        (ValueRef::Integer(seconds), Class::Int) => seconds.checked_mul(1_000_000).ok_or(ConvertError::Time)?,
        (ValueRef::Text(text), Class::Text) => {
            let text = String::from_utf8_lossy(text);
            let parsed = dt::parse_time(&text).or_else(|| dt::parse_timestamp(&text).map(|m| dt::split_timestamp(m).1));
            match parsed {
                Some(micros) => micros,
                None => return seconds(Dec::parse(&text).ok_or(ConvertError::Time)?),
            }
        }
        (ValueRef::Text(_), Class::Decimal) | (ValueRef::Real(_), _) => {
            return seconds(number(stored, from).ok_or(ConvertError::Time)?);
        }
        _ => return Err(ConvertError::Time),
    };
    time(dt::truncate_fraction(micros, precision))
}

fn to_timestamp(stored: ValueRef<'_>, from: Class, to: &DataType) -> Result<Stored, ConvertError> {
    let precision = match to {
        DataType::Timestamp { precision } => *precision,
        _ => 6,
    };
    let micros = match (stored, from) {
        (ValueRef::Integer(micros), Class::Timestamp) => micros,
        (ValueRef::Integer(day), Class::Date) => dt::join_timestamp(day, 0),
        (ValueRef::Integer(number), Class::Int) => dt::from_posix(number).ok_or(ConvertError::Date)?,
        (ValueRef::Text(text), Class::Text) => {
            dt::parse_timestamp(&String::from_utf8_lossy(text)).ok_or(ConvertError::Date)?
        }
        _ => return Err(ConvertError::Date),
    };
    Ok(Stored::Integer(dt::truncate_fraction(micros, precision)))
}

fn to_bytes(stored: ValueRef<'_>, from: Class, to: &DataType, purpose: Purpose) -> Result<Stored, ConvertError> {
    let bytes = match stored {
        ValueRef::Blob(blob) if from == Class::Bytes => blob.to_vec(),
        ValueRef::Blob(_) => return Err(ConvertError::Type),
        _ => {
            let text = logical_text(stored, from).unwrap_or_default();
            let narrow: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            narrow.unwrap_or_else(|| text.into_bytes())
        }
    };
    match to {
        DataType::VarBinary { length: Some(length) }
            if bytes.len() > usize::try_from(*length).unwrap_or(usize::MAX) =>
        {
            match purpose {
                Purpose::Assign => Err(ConvertError::Length),
                Purpose::Cast => {
                    let limit = usize::try_from(*length).unwrap_or(usize::MAX);
                    Ok(Stored::Blob(bytes.get(..limit).unwrap_or_default().to_vec()))
                }
                Purpose::Compare => Ok(Stored::Blob(bytes)),
            }
        }
        _ => Ok(Stored::Blob(bytes)),
    }
}

fn to_vector(stored: ValueRef<'_>, from: Class, to: &DataType, purpose: Purpose) -> Result<Stored, ConvertError> {
    let (element, length) = match to {
        DataType::Vector { element, length } => (*element, *length),
        _ => (VectorElement::Double, None),
    };
    let blob = match stored {
        ValueRef::Blob(blob) if from == Class::Vector => {
            vectors::convert(blob, element, None).ok_or(ConvertError::Vector)?
        }
        ValueRef::Text(text) => {
            let wrong = if purpose == Purpose::Assign { ConvertError::Vector } else { ConvertError::Elements };
            vectors::parse(&String::from_utf8_lossy(text), element, None).map_err(|_| wrong)?
        }
        ValueRef::Integer(number) => {
            vectors::parse(&number.to_string(), element, None).map_err(|_| ConvertError::Vector)?
        }
        _ => return Err(ConvertError::Vector),
    };
    let declared = length.and_then(|length| usize::try_from(length).ok());
    if purpose == Purpose::Assign && declared.is_some_and(|declared| declared != vectors::length(&blob)) {
        return Err(ConvertError::Vector);
    }
    Ok(Stored::Blob(blob))
}

/// A type in one integer, so that SQL functions can take it as a constant argument.
pub(super) fn pack(data_type: &DataType) -> i64 {
    const NONE: u64 = 0xFF_FFFF;
    let some = |length: &Option<u32>| length.map_or(NONE, |n| u64::from(n).min(NONE - 1));
    let (code, a, b): (u64, u64, u64) = match data_type {
        DataType::Bit => (0, 0, 0),
        DataType::TinyInt => (1, 0, 0),
        DataType::SmallInt => (2, 0, 0),
        DataType::Integer => (3, 0, 0),
        DataType::BigInt => (4, 0, 0),
        DataType::Numeric { precision, scale } => (5, u64::from(*precision), u64::from(*scale)),
        DataType::Currency => (6, 0, 0),
        DataType::Double => (7, 0, 0),
        DataType::VarChar { length } => (8, some(length), 0),
        DataType::Char { length } => (9, u64::from(*length).min(NONE), 0),
        DataType::Date => (10, 0, 0),
        DataType::Time { precision } => (11, u64::from(*precision), 0),
        DataType::Timestamp { precision } => (12, u64::from(*precision), 0),
        DataType::PosixTime => (13, 0, 0),
        DataType::VarBinary { length } => (14, some(length), 0),
        DataType::LongVarChar => (15, 0, 0),
        DataType::LongVarBinary => (16, 0, 0),
        DataType::UniqueIdentifier => (17, 0, 0),
        DataType::RowVersion => (18, 0, 0),
        DataType::Vector { element, length } => (19, some(length), *element as u64),
        DataType::List => (20, 0, 0),
    };
    i64::try_from(code | (a & NONE) << 8 | (b & 0xFF) << 32).unwrap_or(0)
}

pub(super) fn unpack(packed: i64) -> DataType {
    let packed = packed.unsigned_abs();
    let (a, b) = ((packed >> 8 & 0xFF_FFFF) as u32, (packed >> 32 & 0xFF) as u32);
    let some = (a != 0xFF_FFFF).then_some(a);
    let precision = u8::try_from(a).unwrap_or(u8::MAX);
    match packed & 0xFF {
        0 => DataType::Bit,
        1 => DataType::TinyInt,
        2 => DataType::SmallInt,
        3 => DataType::Integer,
        4 => DataType::BigInt,
        5 => DataType::Numeric { precision: a, scale: b },
        6 => DataType::Currency,
        7 => DataType::Double,
        9 => DataType::Char { length: a },
        10 => DataType::Date,
        11 => DataType::Time { precision },
        12 => DataType::Timestamp { precision },
        13 => DataType::PosixTime,
        14 => DataType::VarBinary { length: some },
        15 => DataType::LongVarChar,
        16 => DataType::LongVarBinary,
        17 => DataType::UniqueIdentifier,
        18 => DataType::RowVersion,
        19 => DataType::Vector {
            element: match b {
                0 => VectorElement::Integer,
                1 => VectorElement::Decimal,
                2 => VectorElement::Double,
                3 => VectorElement::Float,
                4 => VectorElement::Timestamp,
                _ => VectorElement::Text,
            },
            length: some,
        },
        20 => DataType::List,
        _ => DataType::VarChar { length: some },
    }
}

#[cfg(test)]
mod tests;
