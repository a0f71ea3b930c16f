//! A value on its way into a column: PostgreSQL's assignment casts (`pg_cast.castcontext` = 'a' or 'i'), then the
//! column's modifier (length, precision and scale, digits of the fraction, dimensions).

use std::sync::Arc;

use super::array;
use super::convert;
use super::datetime;
use super::decode::decode_text_with;
use super::encode::Encoder;
use super::fit::{Fitting, fit};
use super::input::IntType;
use super::numeric::{self, DecimalDigits};
use super::style::{Style, instant_us, local_us};
use super::{Datum, Oid, PgType};
use crate::wire::{Format, PgError, SqlState};

/// Digits on each side of the point that IRIS keeps for a numeric without a scale: columns of that type are NUMERIC(38,19).
const OPEN_SCALE_DIGITS: i64 = 19;

/// `DBL_DIG` and `FLT_DIG`: the digits that float8 and float4 give a numeric.
const DOUBLE_DIGITS: usize = 15;
const SINGLE_DIGITS: usize = 6;

/// `datum`, read as a value of type `from`, as a column of type `to` takes it.
///
/// # Errors
/// 22001, 22003, 22008, 22026, 22000 (dimensions) as PostgreSQL; 42804 where it has no such cast; 0A000 where the
/// conversion is not available here.
pub(crate) fn assign<'a>(
    datum: Datum<'a>,
    from: Oid,
    to: PgType,
    style: &Arc<Style>,
) -> Result<Datum<'a>, Box<PgError>> {
    if matches!(datum, Datum::Null) {
        return Ok(datum);
    }
    let of_type = if is_open(from) { to.oid } else { from };
    if let (Some(from), Some(oid)) = (of_type.element(), to.oid.element()) {
        return elements(datum, from, PgType { oid, ..to }, style);
    }
    let datum = if of_type == to.oid { datum } else { converted(datum, from, to, style)? };
    fit(modified(datum, to)?, to, Fitting::Assignment)
}

/// Whether [`assign`] leaves every value of this type as it is, so that it need not be asked for each.
pub(crate) fn assigns_as_is(from: Oid, to: PgType) -> bool {
    let is_plain = matches!(
        to.oid,
        Oid::BOOL
            | Oid::INT2
            | Oid::INT4
            | Oid::FLOAT8
            | Oid::TEXT
            | Oid::VARCHAR
            | Oid::BYTEA
            | Oid::UUID
            | Oid::DATE
            | Oid::TIME
            | Oid::TIMESTAMP
            | Oid::TIMESTAMPTZ
            | Oid::JSON
            | Oid::JSONB
            | Oid::VECTOR
    );
    is_plain && from == to.oid && to.typmod < 0
}

/// Types whose values are read as the column's own type.
fn is_open(oid: Oid) -> bool {
    matches!(oid, Oid::UNSPECIFIED | Oid::UNKNOWN)
}

fn is_text(oid: Oid) -> bool {
    matches!(oid, Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::NAME)
}

fn is_number(oid: Oid) -> bool {
    matches!(oid, Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::FLOAT4 | Oid::FLOAT8 | Oid::NUMERIC)
}

fn int_type(oid: Oid) -> Option<IntType> {
    Some(match oid {
        Oid::INT2 => IntType::Int2,
        Oid::INT4 => IntType::Int4,
        Oid::INT8 => IntType::Int8,
        _ => return None,
    })
}

fn converted<'a>(datum: Datum<'a>, from: Oid, to: PgType, style: &Arc<Style>) -> Result<Datum<'a>, Box<PgError>> {
    let result = match to.oid {
        Oid::INT2 | Oid::INT4 | Oid::INT8 if is_number(from) => {
            Datum::Int(whole(&datum, int_type(to.oid).unwrap_or(IntType::Int8))?)
        }
        Oid::FLOAT8 if from == Oid::FLOAT4 => Datum::Double(f64::from(convert::single(&datum)?)),
        Oid::FLOAT8 if is_number(from) => Datum::Double(convert::double(&datum)?),
        Oid::FLOAT4 if is_number(from) => Datum::Double(f64::from(convert::single(&datum)?)),
        Oid::NUMERIC if matches!(from, Oid::FLOAT4 | Oid::FLOAT8) => of_float(&datum, from)?,
        Oid::NUMERIC if is_number(from) => datum,
        Oid::NAME | Oid::CHAR if is_text(from) => datum,
        // `$1::text::vector`, and an array of numbers.
        Oid::VECTOR if is_text(from) => vector_of(datum, |text| text.to_owned())?,
        Oid::VECTOR if from.element().is_some_and(is_number) => {
            vector_of(datum, |text| text.replace('{', "[").replace('}', "]"))?
        }
        Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR => as_text(datum, from, style)?,
        Oid::DATE => match (&datum, from) {
            (Datum::Timestamp(us), Oid::TIMESTAMP) => Datum::Date(datetime::split_timestamp(*us).0),
            (Datum::Timestamp(us), Oid::TIMESTAMPTZ) => {
                Datum::Date(datetime::split_timestamp(local_us(&style.zone, *us)).0)
            }
            _ => return Err(mismatch(from, to)),
        },
        Oid::TIME => match (&datum, from) {
            (Datum::Timestamp(us), Oid::TIMESTAMP) => Datum::Time(datetime::split_timestamp(*us).1),
            (Datum::Timestamp(us), Oid::TIMESTAMPTZ) => {
                Datum::Time(datetime::split_timestamp(local_us(&style.zone, *us)).1)
            }
            _ => return Err(mismatch(from, to)),
        },
        Oid::TIMESTAMP => match (&datum, from) {
            (Datum::Date(_), Oid::DATE) => Datum::Timestamp(convert::timestamp(&datum, false)?),
            (Datum::Timestamp(us), Oid::TIMESTAMPTZ) => Datum::Timestamp(local_us(&style.zone, *us)),
            _ => return Err(mismatch(from, to)),
        },
        Oid::TIMESTAMPTZ => match (&datum, from) {
            (Datum::Date(days), Oid::DATE) => Datum::Timestamp(instant(style, i64::from(*days), 0)?),
            (Datum::Timestamp(us), Oid::TIMESTAMP) => {
                let (days, time_us) = datetime::split_timestamp(*us);
                Datum::Timestamp(instant(style, i64::from(days), time_us)?)
            }
            _ => return Err(mismatch(from, to)),
        },
        // The same bits or text in IRIS.
        Oid::VARBIT if from == Oid::BIT => datum,
        Oid::BIT if from == Oid::VARBIT => datum,
        Oid::INET if from == Oid::CIDR => datum,
        Oid::OID if matches!(from, Oid::INT2 | Oid::INT4 | Oid::INT8) => {
            let value = convert::integer(&datum, IntType::Int8)?;
            let value = if from != Oid::INT8 && value < 0 { value + (1 << 32) } else { value };
            if !IntType::Oid.holds(value) {
                return Err(PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, "OID out of range"));
            }
            Datum::Int(value)
        }
        Oid::INT4 | Oid::INT8 if from == Oid::OID => datum,
        _ => return Err(mismatch(from, to)),
    };
    Ok(result)
}

/// An array, element by element.
fn elements<'a>(datum: Datum<'a>, from: Oid, to: PgType, style: &Arc<Style>) -> Result<Datum<'a>, Box<PgError>> {
    if from == to.oid && to.typmod < 0 {
        return Ok(datum);
    }
    let text = match &datum {
        Datum::Text(text) => *text,
        Datum::Owned(text) => text.as_str(),
        _ => return Err(mismatch(from, to)),
    };
    let array::ArrayLiteral::OneDimension(items) = array::literal(text)? else {
        return Err(PgError::unsupported(format!(
            "an array of several dimensions for a column of type {}[] is not supported",
            to.name()
        )));
    };
    let encoder = Encoder::select(PgType::new(to.oid), Format::Text)?;
    let mut writer = array::LiteralWriter::default();
    for item in items {
        let Some(item) = item? else {
            writer.element(None);
            continue;
        };
        let mut text = Vec::new();
        let element = assign(decode_text_with(from, &item, style)?, from, to, style)?;
        encoder.encode(&element, &mut text)?;
        writer.element(Some(&text));
    }
    Ok(Datum::Owned(writer.finish()))
}

fn mismatch(from: Oid, to: PgType) -> Box<PgError> {
    let (from, to) = (PgType::new(from).name(), PgType::new(to.oid).name());
    PgError::unsupported(format!("a value of type {from} for a column of type {to} is not supported"))
        .hint(format!("Give the value as {to}."))
}

/// A number rounded to a whole one: halves of a numeric away from zero, of a float to even.
fn whole(datum: &Datum<'_>, int_type: IntType) -> Result<i64, Box<PgError>> {
    let out_of_range = || PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, format!("{} out of range", int_type.name()));
    match datum {
        Datum::BigDecimal(_) | Datum::Owned(_) => {
            let value = convert::numeric(datum, |number| match number {
                convert::Numeric::Finite(digits) => digits.round_to_i64().ok_or_else(out_of_range),
                convert::Numeric::NotFinite(_) => Err(out_of_range()),
            })?;
            if int_type.holds(value) { Ok(value) } else { Err(out_of_range()) }
        }
        _ => convert::integer(datum, int_type),
    }
}

/// `float8_numeric`: the value in as many digits as its type is good for.
fn of_float(datum: &Datum<'_>, from: Oid) -> Result<Datum<'static>, Box<PgError>> {
    let value = convert::double(datum)?;
    if !value.is_finite() {
        return Ok(Datum::Double(value));
    }
    let digits = if from == Oid::FLOAT4 { SINGLE_DIGITS } else { DOUBLE_DIGITS };
    // Exponential notation, as many digits in all; a correctly rounded conversion like C's "%.*g".
    let text = format!("{value:.precision$e}", precision = digits - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    owned_numeric(&format!("{mantissa}e{exponent}"))
}

fn owned_numeric(text: &str) -> Result<Datum<'static>, Box<PgError>> {
    Ok(match numeric::decode_text(text)? {
        Datum::Decimal(value) => Datum::Decimal(value),
        Datum::Double(value) => Datum::Double(value),
        Datum::BigDecimal(text) => Datum::Owned(text.to_owned()),
        Datum::Owned(text) => Datum::Owned(text),
        _ => return Err(PgError::error(SqlState::INTERNAL_ERROR, "a numeric became something else")),
    })
}

/// The output function, and for a boolean its cast.
fn as_text<'a>(datum: Datum<'a>, from: Oid, style: &Arc<Style>) -> Result<Datum<'a>, Box<PgError>> {
    // Numbers above are those of types made by users: enums, whose values are their labels.
    if is_text(from) || from == Oid::CHAR || from.0 >= 16_384 && from != Oid::VECTOR {
        // bpchar loses its blanks on the way to another type.
        return Ok(match datum {
            Datum::Text(text) if from == Oid::BPCHAR => Datum::Text(text.trim_end_matches(' ')),
            other => other,
        });
    }
    if let Datum::Bool(value) = datum {
        return Ok(Datum::Text(if value { "true" } else { "false" }));
    }
    let mut text = Vec::new();
    Encoder::select_styled(PgType::new(from), Format::Text, style)?.encode(&datum, &mut text)?;
    Ok(Datum::Owned(String::from_utf8_lossy(&text).into_owned()))
}

/// A vector from text that `spelled` brings into pgvector's form.
fn vector_of(datum: Datum<'_>, spelled: impl FnOnce(&str) -> String) -> Result<Datum<'static>, Box<PgError>> {
    let text = match &datum {
        Datum::Text(text) => spelled(text),
        Datum::Owned(text) => spelled(text),
        _ => return Err(PgError::error(SqlState::INTERNAL_ERROR, "a text became something else")),
    };
    match super::decode_text(Oid::VECTOR, &text)? {
        Datum::Vector(elements) => Ok(Datum::Vector(elements)),
        _ => Err(PgError::error(SqlState::INTERNAL_ERROR, "a vector became something else")),
    }
}

/// The instant at which the session's clock shows a moment.
fn instant(style: &Style, days: i64, time_us: i64) -> Result<i64, Box<PgError>> {
    instant_us(&style.zone, days, time_us)
        .filter(|us| (datetime::TIMESTAMP_MIN..datetime::TIMESTAMP_END).contains(us))
        .ok_or_else(|| PgError::error(SqlState::DATETIME_OVERFLOW, "timestamp out of range"))
}

/// The column's modifier.
fn modified<'a>(datum: Datum<'a>, to: PgType) -> Result<Datum<'a>, Box<PgError>> {
    if to.typmod < 0 {
        return match (to.oid, datum) {
            // IRIS's BIGINT begins one later.
            (Oid::INT8, Datum::Int(i64::MIN)) => Err(PgError::error(
                SqlState::NUMERIC_OUT_OF_RANGE,
                format!("bigint out of range: IRIS holds {} at the least", i64::MIN + 1),
            )),
            (Oid::NUMERIC, datum) => {
                check_open_scale(&datum)?;
                Ok(datum)
            }
            (Oid::NAME, Datum::Text(text)) => Ok(Datum::Text(clipped(text))),
            (_, datum) => Ok(datum),
        };
    }
    match (to.oid, datum) {
        (Oid::VARCHAR | Oid::BPCHAR, datum) => fitted(datum, to),
        (Oid::NUMERIC, datum) => scaled(datum, to),
        (_, datum) => Ok(datum),
    }
}

/// `namein`: a name has at most 63 bytes (`NAMEDATALEN` - 1).
fn clipped(text: &str) -> &str {
    let mut end = text.len().min(63);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// `varchar()` and `bpchar()` for an assignment: only blanks may be cut.
fn fitted<'a>(datum: Datum<'a>, to: PgType) -> Result<Datum<'a>, Box<PgError>> {
    let Some(length) = to.characters() else { return Ok(datum) };
    let cut = |text: &str| -> Result<Option<usize>, Box<PgError>> {
        match text.char_indices().nth(length) {
            None => Ok(None),
            Some((end, _)) if text.get(end..).is_some_and(|rest| rest.bytes().all(|byte| byte == b' ')) => {
                Ok(Some(end))
            }
            Some(_) => Err(PgError::error(SqlState::STRING_TOO_LONG, format!("value too long for type {}", to.name()))),
        }
    };
    Ok(match datum {
        Datum::Text(text) => match cut(text)? {
            Some(end) => Datum::Text(text.get(..end).unwrap_or(text)),
            None => Datum::Text(text),
        },
        Datum::Owned(mut text) => {
            if let Some(end) = cut(&text)? {
                text.truncate(end);
            }
            Datum::Owned(text)
        }
        other => other,
    })
}

/// # Errors
/// 22003 for a number that has more digits on one side of the point than IRIS keeps.
fn check_open_scale(datum: &Datum<'_>) -> Result<(), Box<PgError>> {
    convert::numeric(datum, |number| match number {
        convert::Numeric::Finite(digits)
            if digits.last_place() > OPEN_SCALE_DIGITS || digits.whole_digits_count() > Some(OPEN_SCALE_DIGITS) =>
        {
            Err(PgError::error(
                SqlState::NUMERIC_OUT_OF_RANGE,
                format!("a numeric column holds at most {OPEN_SCALE_DIGITS} digits on each side of the point in IRIS"),
            )
            .hint("Declare the column as numeric(p, s) with the scale that it needs, or round the value."))
        }
        _ => Ok(()),
    })
}

/// `apply_typmod`: rounded to the scale, and checked against the precision.
fn scaled<'a>(datum: Datum<'a>, to: PgType) -> Result<Datum<'a>, Box<PgError>> {
    let Some(scale) = to.numeric_scale() else { return Ok(datum) };
    let precision = ((to.typmod - 4) >> 16) & 0xFFFF;
    let overflow =
        |detail: String| PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, "numeric field overflow").detail(detail);
    convert::numeric(&datum, |number| match number {
        convert::Numeric::NotFinite(value) if value.is_nan() => Ok(Datum::Double(value)),
        convert::Numeric::NotFinite(_) => {
            Err(overflow(format!("A field with precision {precision}, scale {scale} cannot hold an infinite value.")))
        }
        convert::Numeric::Finite(digits) => {
            let mut text = Vec::new();
            digits.write_text(Some(scale), &mut text)?;
            let text = String::from_utf8_lossy(&text);
            let whole = precision - scale;
            if DecimalDigits::parse(text.as_bytes())
                .is_some_and(|rounded| rounded.whole_digits_count() > Some(i64::from(whole)))
            {
                let power = if whole == 0 { "1".to_owned() } else { format!("10^{whole}") };
                return Err(overflow(format!(
                    "A field with precision {precision}, scale {scale} must round to an absolute value less than {power}."
                )));
            }
            owned_numeric(&text)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::decode_text;

    fn assigned(text: &str, from: Oid, to: PgType) -> Result<String, String> {
        let style = Style::standard();
        let datum = decode_text(from, text).unwrap();
        let datum = assign(datum, from, to, style).map_err(|error| error.message)?;
        let mut out = Vec::new();
        Encoder::select(PgType::new(to.oid), Format::Text).unwrap().encode(&datum, &mut out).unwrap();
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn halves_of_numerics_go_away_from_zero_and_those_of_floats_to_even() {
        for (text, from, expected) in [
            ("2.5", Oid::NUMERIC, "3"),
            ("3.5", Oid::NUMERIC, "4"),
            ("-2.5", Oid::NUMERIC, "-3"),
            ("0.4999999999999999999999", Oid::NUMERIC, "0"),
            ("2.5", Oid::FLOAT8, "2"),
            ("3.5", Oid::FLOAT8, "4"),
            ("-0.5", Oid::FLOAT8, "0"),
            ("2.5", Oid::FLOAT4, "2"),
        ] {
            assert_eq!(assigned(text, from, PgType::new(Oid::INT4)).unwrap(), expected, "{text}");
        }
        let message = |text, from, to| assigned(text, from, PgType::new(to)).unwrap_err();
        assert_eq!(message("32767.5", Oid::NUMERIC, Oid::INT2), "smallint out of range");
        assert_eq!(message("2147483648", Oid::INT8, Oid::INT4), "integer out of range");
        assert_eq!(message("9223372036854775807.5", Oid::NUMERIC, Oid::INT8), "bigint out of range");
        assert_eq!(message("1e30", Oid::FLOAT8, Oid::INT8), "bigint out of range");
    }

    #[test]
    fn numerics_take_the_scale_of_the_column() {
        let to = PgType::numeric(5, 2);
        for (text, from, expected) in [
            ("1.005", Oid::NUMERIC, "1.01"),
            ("-1.005", Oid::NUMERIC, "-1.01"),
            ("999.994", Oid::NUMERIC, "999.99"),
            ("7", Oid::INT4, "7.00"),
            ("2.675", Oid::FLOAT8, "2.68"),
            ("0.1", Oid::FLOAT4, "0.10"),
        ] {
            assert_eq!(assigned(text, from, to).unwrap(), expected, "{text}");
        }
        assert_eq!(assigned("999.995", Oid::NUMERIC, to).unwrap_err(), "numeric field overflow");
        assert_eq!(assigned("Infinity", Oid::NUMERIC, to).unwrap_err(), "numeric field overflow");
        assert_eq!(assigned("1234", Oid::NUMERIC, PgType::numeric(2, -2)).unwrap(), "1200");
        assert_eq!(assigned("0.1", Oid::NUMERIC, PgType::numeric(2, 2)).unwrap(), "0.10");
        assert_eq!(assigned("0.3", Oid::FLOAT8, PgType::new(Oid::NUMERIC)).unwrap(), "0.3");
        assert_eq!(assigned("16777217", Oid::FLOAT8, PgType::new(Oid::NUMERIC)).unwrap(), "16777217");
        assert_eq!(assigned("123456789", Oid::FLOAT4, PgType::new(Oid::NUMERIC)).unwrap(), "123457000");
    }

    #[test]
    fn only_blanks_are_cut() {
        let to = PgType::varchar(3);
        assert_eq!(assigned("abc  ", Oid::TEXT, to).unwrap(), "abc");
        assert_eq!(assigned("ab ", Oid::TEXT, to).unwrap(), "ab ");
        assert_eq!(assigned("é😀ü ", Oid::TEXT, to).unwrap(), "é😀ü");
        assert_eq!(assigned("abc d", Oid::TEXT, to).unwrap_err(), "value too long for type character varying(3)");
        assert_eq!(assigned("12345", Oid::INT4, to).unwrap_err(), "value too long for type character varying(3)");
        assert_eq!(assigned("t", Oid::BOOL, PgType::new(Oid::TEXT)).unwrap(), "true");
    }

    #[test]
    fn characters_are_kept_without_their_blanks() {
        let to = PgType { oid: Oid::BPCHAR, typmod: 4 + 3 };
        let kept = |datum, from| match assign(datum, from, to, Style::standard()).unwrap() {
            Datum::Text(text) => text.to_owned(),
            Datum::Owned(text) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(kept(Datum::Text("a  "), Oid::TEXT), "a");
        assert_eq!(kept(Datum::Text("a     "), Oid::VARCHAR), "a");
        assert_eq!(kept(Datum::Text(""), Oid::TEXT), "");
        assert_eq!(kept(Datum::Int(7), Oid::INT4), "7");
        assert!(assign(Datum::Text("abcd"), Oid::TEXT, to, Style::standard()).is_err());
    }

    #[test]
    fn floats_and_moments() {
        let to = |oid| PgType::new(oid);
        assert_eq!(assigned("0.1", Oid::FLOAT4, to(Oid::FLOAT8)).unwrap(), "0.10000000149011612");
        assert_eq!(assigned("16777217", Oid::INT4, to(Oid::FLOAT4)).unwrap(), "1.6777216e+07");
        assert_eq!(assigned("1e39", Oid::FLOAT8, to(Oid::FLOAT4)).unwrap_err(), "value out of range: overflow");
        assert_eq!(assigned("2024-02-29 23:59:59.5", Oid::TIMESTAMP, to(Oid::DATE)).unwrap(), "2024-02-29");
        assert_eq!(assigned("2024-02-29", Oid::DATE, to(Oid::TIMESTAMP)).unwrap(), "2024-02-29 00:00:00");
        let seconds = PgType { oid: Oid::TIMESTAMP, typmod: 0 };
        assert_eq!(assigned("1999-12-31 23:59:59.5", Oid::TIMESTAMP, seconds).unwrap(), "1999-12-31 23:59:59");
        assert_eq!(assigned("2024-12-31 23:59:59.5", Oid::TIMESTAMP, seconds).unwrap(), "2025-01-01 00:00:00");
    }

    #[test]
    fn arrays_go_element_by_element() {
        let to = |oid: Oid, typmod| PgType { oid: oid.array().unwrap(), typmod };
        let numbers = Oid::NUMERIC.array().unwrap();
        assert_eq!(assigned("{2.5,NULL,-2.5}", numbers, to(Oid::INT4, -1)).unwrap(), "{3,NULL,-3}");
        let texts = Oid::TEXT.array().unwrap();
        let varchar = to(Oid::VARCHAR, 7);
        assert_eq!(assigned("{abc,\"ab  \",\"abc  \"}", texts, varchar).unwrap(), "{abc,\"ab \",abc}");
        assert_eq!(
            assigned("{abcd}", varchar.oid, varchar).unwrap_err(),
            "value too long for type character varying(3)"
        );
        assert_eq!(assigned(&"n".repeat(70), Oid::NAME, PgType::new(Oid::NAME)).unwrap().len(), 63);
    }

    #[test]
    fn what_is_plain_stays_as_it_is() {
        let style = Style::standard();
        let mut plain_count = 0;
        for (oid, text) in [
            (Oid::BOOL, "t"),
            (Oid::INT2, "-32768"),
            (Oid::INT4, "-2147483648"),
            (Oid::INT8, "7"),
            (Oid::FLOAT4, "0.1"),
            (Oid::FLOAT8, "-1e308"),
            (Oid::NUMERIC, "1.50"),
            (Oid::TEXT, "a  "),
            (Oid::VARCHAR, " a\u{20AC} "),
            (Oid::BPCHAR, "a  "),
            (Oid::NAME, "n"),
            (Oid::BYTEA, "\\x00ff"),
            (Oid::UUID, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
            (Oid::DATE, "0044-03-15 BC"),
            (Oid::TIME, "24:00:00"),
            (Oid::TIMESTAMP, "2024-02-29 23:59:59.999999"),
            (Oid::TIMESTAMPTZ, "2024-02-29 23:59:59.999999+14"),
            (Oid::JSON, "{ \"b\":1 }"),
            (Oid::JSONB, "{ \"b\":1 }"),
            (Oid::VECTOR, "[0.1,-0]"),
        ] {
            for to in [PgType::new(oid), PgType { oid, typmod: 7 }] {
                if assigns_as_is(oid, to) {
                    plain_count += 1;
                    let datum = decode_text(oid, text).unwrap();
                    let before = format!("{datum:?}");
                    assert_eq!(format!("{:?}", assign(datum, oid, to, style).unwrap()), before, "{to:?}");
                }
            }
            assert!(!assigns_as_is(Oid::UNKNOWN, PgType::new(oid)), "{oid:?}");
        }
        assert_eq!(plain_count, 15);
    }

    #[test]
    fn dimensions_are_checked() {
        let to = PgType { oid: Oid::VECTOR, typmod: 3 };
        assert_eq!(assigned("[1,2]", Oid::VECTOR, to).unwrap_err(), "expected 3 dimensions, not 2");
        assert_eq!(assigned("[1,2,3]", Oid::VECTOR, to).unwrap(), "[1,2,3]");
    }
}
