//! From a [`Datum`] to the bytes of one DataRow cell. The decision is made once per column.

mod cast;

use std::sync::Arc;

use super::convert::{self, Numeric};
use super::datetime::{self, round_fraction};
use super::input::{self, IntType};
use super::numeric::DecimalDigits;
use super::style::{self, Style};
use super::transcode::as_text;
use super::{Datum, Oid, PgType, array, money, network, tid, transcode, vector_error};
use crate::vector;
use crate::wire::{Format, PgError, SqlState};

/// Whether the cell is NULL (length -1, no bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsNull {
    Yes,
    No,
}

/// How the cells of one column are written. Chosen once per (type, format); no allocation per cell but for text that
/// has to be converted before it can be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoder {
    cell: Cell,
    /// 1E100 is NaN ([`PgType::FLOAT8_OR_NAN`]).
    has_nan: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    /// Text as it is, in either format.
    Text,
    /// bpchar(n): blanks up to n characters.
    PaddedText(usize),
    /// jsonb in binary: version byte 1, then the text.
    JsonbBinary,
    /// "char" in binary: no character is a zero byte (`charsend`).
    CharBinary,
    /// void in either format.
    Empty,
    BoolText,
    BoolBinary,
    IntText(IntType),
    IntBinary(IntType),
    TidText,
    TidBinary,
    Float4Text,
    Float4Binary,
    Float8Text,
    Float8Binary,
    NumericText(Scale),
    NumericBinary(Scale),
    MoneyText,
    MoneyBinary,
    UuidText,
    UuidBinary,
    ByteaText,
    ByteaBinary,
    DateText,
    DateBinary,
    /// The number is the digits of the fraction of a second.
    TimeText(u8),
    TimeBinary(u8),
    TimeTzText(u8),
    TimeTzBinary(u8),
    TimestampText {
        fraction_digits: u8,
        utc: bool,
    },
    TimestampBinary {
        fraction_digits: u8,
        utc: bool,
    },
    IntervalText,
    IntervalBinary,
    VectorText,
    VectorBinary,
    /// Of a canonical text.
    AddressBinary {
        is_cidr: bool,
    },
    MacaddrBinary,
    BitsBinary,
    /// Its element type.
    ArrayBinary(PgType),
    /// Text that the client's settings change.
    Styled(Styled, Arc<Style>),
    /// An array of such values: what its elements are, and how they are written.
    StyledArray(PgType, Box<Encoder>),
    /// A value of another type.
    Cast(cast::Cast),
}

/// What is printed in another style than the standard one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Styled {
    Float4,
    Float8,
    Bytea,
    Date,
    Timestamp { fraction_digits: u8, zoned: bool },
    Interval,
}

impl Styled {
    /// The kind of a standard cell whose text `style` changes.
    fn of(cell: &Cell, style: &Style) -> Option<Self> {
        let standard = Style::standard();
        let is_dated = style.date_format != standard.date_format;
        match *cell {
            Cell::Float4Text if style.extra_float_digits <= 0 => Some(Self::Float4),
            Cell::Float8Text if style.extra_float_digits <= 0 => Some(Self::Float8),
            Cell::ByteaText if style.bytea_escape => Some(Self::Bytea),
            Cell::DateText if is_dated => Some(Self::Date),
            Cell::TimestampText { fraction_digits, utc } if is_dated || utc && !style.zone.is_utc() => {
                Some(Self::Timestamp { fraction_digits, zoned: utc })
            }
            Cell::IntervalText if style.interval_format != standard.interval_format => Some(Self::Interval),
            _ => None,
        }
    }
}

/// What 0/0 is on the machines PostgreSQL mostly runs on: its sign shows in binary.
const NAN: f64 = f64::from_bits(0xFFF8_0000_0000_0000);

impl Encoder {
    /// The encoder of a column.
    ///
    /// # Errors
    /// 0A000 when the type has no binary form here.
    pub fn select(pg_type: PgType, format: Format) -> Result<Encoder, Box<PgError>> {
        let cell = match format {
            Format::Text => Cell::text(pg_type),
            Format::Binary => Cell::binary(pg_type).ok_or_else(|| no_binary(pg_type))?,
        };
        Ok(Self { cell, has_nan: pg_type == PgType::FLOAT8_OR_NAN })
    }

    /// The encoder of a column for a client with settings of its own.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_styled(pg_type: PgType, format: Format, style: &Arc<Style>) -> Result<Encoder, Box<PgError>> {
        let encoder = Self::select(pg_type, format)?;
        if let Some(element) = element_of(pg_type).filter(|_| format == Format::Text) {
            let written = Self::select_styled(element, format, style)?;
            return Ok(match written.cell {
                Cell::Styled(..) => Self { cell: Cell::StyledArray(element, Box::new(written)), ..encoder },
                _ => encoder,
            });
        }
        Ok(match Styled::of(&encoder.cell, style) {
            Some(styled) => Self { cell: Cell::Styled(styled, Arc::clone(style)), ..encoder },
            None => encoder,
        })
    }

    /// Whether some setting of the client can change the text of a column of this type.
    pub fn depends_on_style(pg_type: PgType, format: Format) -> bool {
        format == Format::Text
            && matches!(
                pg_type.oid.element().unwrap_or(pg_type.oid),
                Oid::FLOAT4 | Oid::FLOAT8 | Oid::BYTEA | Oid::DATE | Oid::TIMESTAMP | Oid::TIMESTAMPTZ | Oid::INTERVAL
            )
    }

    /// Appends the bytes of one cell, without its length.
    ///
    /// # Errors
    /// 22003, 22P02, 22007, 42804 when the value does not fit the type. What was appended so far is then of no use:
    /// the caller truncates `out`.
    pub fn encode(&self, datum: &Datum<'_>, out: &mut Vec<u8>) -> Result<IsNull, Box<PgError>> {
        if matches!(datum, Datum::Null) {
            return Ok(IsNull::Yes);
        }
        if self.has_nan && convert::double(datum)? >= 1e100 {
            return Self { cell: self.cell.clone(), has_nan: false }.encode(&Datum::Double(NAN), out);
        }
        match self.cell {
            Cell::Styled(styled, ref style) => encode_styled(styled, style, datum, out)?,
            Cell::StyledArray(element, ref written) => {
                array::encode_text(element.oid, written, &convert::array(datum, "array")?, out)?;
            }
            Cell::Cast(ref cast) => cast::encode(cast, datum, out)?,
            Cell::Text => transcode::write_text(datum, out)?,
            Cell::PaddedText(characters) => write_padded(datum, characters, out)?,
            Cell::JsonbBinary => {
                out.push(1);
                transcode::write_text(datum, out)?;
            }
            Cell::CharBinary => {
                let start = out.len();
                transcode::write_text(datum, out)?;
                if out.len() == start {
                    out.push(0);
                }
            }
            Cell::Empty => {}
            Cell::BoolText => out.push(if convert::boolean(datum)? { b't' } else { b'f' }),
            Cell::BoolBinary => out.push(u8::from(convert::boolean(datum)?)),
            Cell::IntText(int_type) => {
                let value = convert::integer(datum, int_type)?;
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            Cell::IntBinary(int_type) => write_integer(convert::integer(datum, int_type)?, int_type, out),
            Cell::TidText => tid::write_text(convert::integer(datum, IntType::Int8)?, out)?,
            Cell::TidBinary => tid::write_binary(convert::integer(datum, IntType::Int8)?, out)?,
            Cell::Float4Text => vector::write_f32(convert::single(datum)?, out),
            Cell::Float4Binary => out.extend_from_slice(&convert::single(datum)?.to_be_bytes()),
            Cell::Float8Text => vector::write_f64(convert::double(datum)?, out),
            Cell::Float8Binary => out.extend_from_slice(&convert::double(datum)?.to_be_bytes()),
            Cell::NumericText(scale) => convert::numeric(datum, |number| write_numeric_text(&number, scale, out))?,
            Cell::NumericBinary(scale) => convert::numeric(datum, |number| write_numeric_binary(&number, scale, out))?,
            Cell::MoneyText => money::write(convert::cents(datum)?, out),
            Cell::MoneyBinary => out.extend_from_slice(&convert::cents(datum)?.to_be_bytes()),
            Cell::UuidText => input::write_uuid(&convert::uuid(datum)?, out),
            Cell::UuidBinary => out.extend_from_slice(&convert::uuid(datum)?),
            Cell::ByteaText => transcode::write_hex(&convert::bytes(datum)?, out),
            Cell::ByteaBinary => out.extend_from_slice(&convert::bytes(datum)?),
            Cell::DateText => datetime::write_date(convert::date(datum)?, out),
            Cell::DateBinary => out.extend_from_slice(&convert::date(datum)?.to_be_bytes()),
            Cell::TimeText(digits) => datetime::write_time(round_fraction(convert::time(datum)?, digits), out),
            Cell::TimeBinary(digits) => {
                out.extend_from_slice(&round_fraction(convert::time(datum)?, digits).to_be_bytes());
            }
            Cell::TimeTzText(digits) => {
                let (time_us, offset_s) = convert::timetz(datum)?;
                datetime::write_time(round_fraction(time_us, digits), out);
                datetime::write_offset(offset_s, out);
            }
            Cell::TimeTzBinary(digits) => {
                let (time_us, offset_s) = convert::timetz(datum)?;
                out.extend_from_slice(&round_fraction(time_us, digits).to_be_bytes());
                // On the wire a zone counts west of Greenwich.
                out.extend_from_slice(&(-offset_s).to_be_bytes());
            }
            Cell::TimestampText { fraction_digits, utc } => {
                let timestamp_us = round_timestamp(convert::timestamp(datum, utc)?, fraction_digits);
                datetime::write_timestamp(timestamp_us, utc, out);
            }
            Cell::TimestampBinary { fraction_digits, utc } => {
                let timestamp_us = round_timestamp(convert::timestamp(datum, utc)?, fraction_digits);
                out.extend_from_slice(&timestamp_us.to_be_bytes());
            }
            Cell::IntervalText => match datum {
                Datum::Time(_) => convert::interval(datum)?.write_text(out),
                other => transcode::write_text(other, out)?,
            },
            Cell::IntervalBinary => convert::interval(datum)?.write_binary(out),
            Cell::VectorText => {
                vector::write_text(&convert::vector(datum)?, out).map_err(|error| vector_error(error, ""))?;
            }
            Cell::VectorBinary => {
                vector::write_binary(&convert::vector(datum)?, out).map_err(|error| vector_error(error, ""))?;
            }
            Cell::AddressBinary { is_cidr } => {
                network::write_binary(&as_text(datum).unwrap_or_default(), is_cidr, out)?;
            }
            Cell::MacaddrBinary => network::write_macaddr_binary(&as_text(datum).unwrap_or_default(), out),
            Cell::BitsBinary => write_bits(&as_text(datum).unwrap_or_default(), out),
            Cell::ArrayBinary(element) => {
                array::encode_binary(element, &convert::array(datum, "array")?, out)?;
            }
        }
        Ok(IsNull::No)
    }
}

fn encode_styled(styled: Styled, style: &Style, datum: &Datum<'_>, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    match styled {
        Styled::Float4 => style.write_single(convert::single(datum)?, out),
        Styled::Float8 => style.write_double(convert::double(datum)?, out),
        Styled::Bytea => style::write_escaped_bytes(&convert::bytes(datum)?, out),
        Styled::Date => style.write_date(convert::date(datum)?, out),
        Styled::Timestamp { fraction_digits, zoned } => {
            let timestamp_us = round_timestamp(convert::timestamp(datum, zoned)?, fraction_digits);
            style.write_timestamp(timestamp_us, zoned, out);
        }
        Styled::Interval => style.write_interval(convert::interval(datum)?, out),
    }
    Ok(())
}

/// The modifier of an array is that of its elements.
fn element_of(array: PgType) -> Option<PgType> {
    array.oid.element().map(|oid| PgType { oid, typmod: array.typmod })
}

fn no_binary(pg_type: PgType) -> Box<PgError> {
    PgError::unsupported(format!("binary output of type {} is not supported", pg_type.name()))
        .hint("Ask for the column in text format.")
}

/// The digits of the fraction that a time type's modifier asks for.
fn fraction_digits(pg_type: PgType) -> u8 {
    u8::try_from(pg_type.typmod).unwrap_or(6).min(6)
}

/// Infinite timestamps have no fraction to round.
fn round_timestamp(timestamp_us: i64, fraction_digits: u8) -> i64 {
    match timestamp_us {
        datetime::TIMESTAMP_INFINITY | datetime::TIMESTAMP_NEG_INFINITY => timestamp_us,
        finite => round_fraction(finite, fraction_digits),
    }
}

impl Cell {
    fn text(pg_type: PgType) -> Cell {
        match pg_type.oid {
            Oid::BOOL => Cell::BoolText,
            Oid::INT2 => Cell::IntText(IntType::Int2),
            Oid::INT4 => Cell::IntText(IntType::Int4),
            Oid::INT8 => Cell::IntText(IntType::Int8),
            Oid::OID | Oid::XID | Oid::CID => Cell::IntText(IntType::Oid),
            Oid::TID => Cell::TidText,
            Oid::FLOAT4 => Cell::Float4Text,
            Oid::FLOAT8 => Cell::Float8Text,
            Oid::NUMERIC => Cell::NumericText(Scale::of(pg_type)),
            Oid::MONEY => Cell::MoneyText,
            Oid::UUID => Cell::UuidText,
            Oid::BYTEA => Cell::ByteaText,
            Oid::DATE => Cell::DateText,
            Oid::TIME => Cell::TimeText(fraction_digits(pg_type)),
            Oid::TIMETZ => Cell::TimeTzText(fraction_digits(pg_type)),
            Oid::TIMESTAMP => Cell::TimestampText { fraction_digits: fraction_digits(pg_type), utc: false },
            Oid::TIMESTAMPTZ => Cell::TimestampText { fraction_digits: fraction_digits(pg_type), utc: true },
            Oid::INTERVAL => Cell::IntervalText,
            Oid::VECTOR => Cell::VectorText,
            Oid::VOID => Cell::Empty,
            Oid::BPCHAR => pg_type.characters().map_or(Cell::Text, Cell::PaddedText),
            // Text, and types that travel as the text they are: arrays, records, ranges, inet, money...
            _ => Cell::Text,
        }
    }

    fn binary(pg_type: PgType) -> Option<Cell> {
        if let Some(element) = element_of(pg_type) {
            return Cell::binary(element).map(|_| Cell::ArrayBinary(element));
        }
        Some(match pg_type.oid {
            // An enum, most likely: its binary form is its label (`enum_send`).
            Oid(16_384..) if pg_type.oid != Oid::VECTOR => Cell::Text,
            Oid::TEXT | Oid::VARCHAR | Oid::NAME | Oid::UNKNOWN | Oid::CSTRING | Oid::JSON | Oid::XML => Cell::Text,
            Oid::CHAR => Cell::CharBinary,
            Oid::BPCHAR => pg_type.characters().map_or(Cell::Text, Cell::PaddedText),
            Oid::JSONB => Cell::JsonbBinary,
            Oid::VOID => Cell::Empty,
            Oid::BOOL => Cell::BoolBinary,
            Oid::INT2 => Cell::IntBinary(IntType::Int2),
            Oid::INT4 => Cell::IntBinary(IntType::Int4),
            Oid::INT8 => Cell::IntBinary(IntType::Int8),
            Oid::OID
            | Oid::XID
            | Oid::CID
            | Oid::REGPROC
            | Oid::REGPROCEDURE
            | Oid::REGOPER
            | Oid::REGCLASS
            | Oid::REGTYPE
            | Oid::REGNAMESPACE
            | Oid::REGROLE => Cell::IntBinary(IntType::Oid),
            Oid::TID => Cell::TidBinary,
            Oid::FLOAT4 => Cell::Float4Binary,
            Oid::FLOAT8 => Cell::Float8Binary,
            Oid::NUMERIC => Cell::NumericBinary(Scale::of(pg_type)),
            Oid::MONEY => Cell::MoneyBinary,
            Oid::UUID => Cell::UuidBinary,
            Oid::BYTEA => Cell::ByteaBinary,
            Oid::DATE => Cell::DateBinary,
            Oid::TIME => Cell::TimeBinary(fraction_digits(pg_type)),
            Oid::TIMETZ => Cell::TimeTzBinary(fraction_digits(pg_type)),
            Oid::TIMESTAMP => Cell::TimestampBinary { fraction_digits: fraction_digits(pg_type), utc: false },
            Oid::TIMESTAMPTZ => Cell::TimestampBinary { fraction_digits: fraction_digits(pg_type), utc: true },
            Oid::INTERVAL => Cell::IntervalBinary,
            Oid::VECTOR => Cell::VectorBinary,
            Oid::INET | Oid::CIDR => Cell::AddressBinary { is_cidr: pg_type.oid == Oid::CIDR },
            Oid::MACADDR | Oid::MACADDR8 => Cell::MacaddrBinary,
            Oid::BIT | Oid::VARBIT => Cell::BitsBinary,
            _ => return None,
        })
    }
}

/// `bit_send`: the number of bits, and these from the highest on.
fn write_bits(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(text.as_bytes().chunks(8).map(|bits| {
        let byte = bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit == b'1'));
        byte << (8_usize.saturating_sub(bits.len()))
    }));
}

/// The low bytes of a value that was checked to fit.
fn write_integer(value: i64, int_type: IntType, out: &mut Vec<u8>) {
    let [_, _, _, _, low @ ..] = value.to_be_bytes();
    match int_type {
        IntType::Int8 => out.extend_from_slice(&value.to_be_bytes()),
        IntType::Int4 | IntType::Oid => out.extend_from_slice(&low),
        IntType::Int2 => {
            let [_, _, low @ ..] = low;
            out.extend_from_slice(&low);
        }
    }
}

fn write_padded(datum: &Datum<'_>, characters: usize, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    let start = out.len();
    transcode::write_text(datum, out)?;
    // A character is every byte of UTF-8 that does not continue one.
    let written = out.get(start..).unwrap_or(&[]).iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    out.resize(out.len() + characters.saturating_sub(written), b' ');
    Ok(())
}

fn write_numeric_text(number: &Numeric<'_>, scale: Scale, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    match number {
        Numeric::Finite(digits) => digits.write_text(scale.for_value(digits)?, out),
        Numeric::NotFinite(value) => {
            vector::write_f64(*value, out);
            Ok(())
        }
    }
}

/// Digits behind the point of a numeric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// As many as the value has.
    Own,
    /// The column's.
    Exactly(i32),
    /// What a computed value is shown with; more where it has more.
    AtLeast(i32),
}

impl Scale {
    fn of(pg_type: PgType) -> Self {
        match pg_type.numeric_scale() {
            None => Self::Own,
            Some(scale) if pg_type.typmod < -1 => Self::AtLeast(scale),
            Some(scale) => Self::Exactly(scale),
        }
    }

    /// # Errors
    /// 22003 for what IRIS has computed and rounded: its decimals have a mantissa of 63 bits.
    fn for_value(self, digits: &DecimalDigits<'_>) -> Result<Option<i32>, Box<PgError>> {
        Ok(match self {
            Self::Own => None,
            Self::Exactly(scale) => Some(scale),
            Self::AtLeast(scale) if digits.is_rounded_at(scale) => {
                return Err(PgError::error(
                    SqlState::NUMERIC_OUT_OF_RANGE,
                    "the result has more digits than IRIS's decimals, which hold about nineteen",
                ));
            }
            Self::AtLeast(scale) if digits.scale() > i64::from(scale) => None,
            Self::AtLeast(scale) => Some(scale),
        })
    }
}

fn write_numeric_binary(number: &Numeric<'_>, scale: Scale, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    match number {
        Numeric::Finite(digits) => digits.write_binary(scale.for_value(digits)?, out),
        Numeric::NotFinite(value) => {
            super::numeric::write_special_binary(*value, out);
            Ok(())
        }
    }
}

/// Types whose cast from another type is its text.
fn is_printed(oid: Oid) -> bool {
    matches!(oid, Oid::TEXT | Oid::VARCHAR)
}

#[cfg(test)]
mod tests;
