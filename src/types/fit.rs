//! A value as its type's modifier wants it: the length conversions that PostgreSQL runs when a value is stored or cast.

use super::datetime::{self, round_fraction};
use super::interval::Interval;
use super::{Datum, Oid, PgType};
use crate::wire::{PgError, SqlState};

/// Why a value is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fitting {
    /// It goes into a column: what does not fit is an error.
    Assignment,
    /// `CAST`: what is too long is cut.
    Cast,
    /// It is the pattern of a LIKE whose escape character is the backslash.
    Pattern,
    /// It is a side of a distance between vectors.
    Operand { is_left: bool, may_be_zero: bool },
}

/// The value with the modifier of its type applied.
///
/// # Errors
/// 22001, 22026 for what is too long or short; 22025 for a pattern that ends in an escape; 22003 for what a real does not hold; 22000 for a vector of another
/// length.
pub(crate) fn fit(datum: Datum<'_>, to: PgType, fitting: Fitting) -> Result<Datum<'_>, Box<PgError>> {
    let digits = u8::try_from(to.typmod).ok().filter(|digits| *digits < 6);
    if fitting == Fitting::Pattern {
        let text = super::transcode::as_text(&datum);
        if text.is_some_and(|text| text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1) {
            return Err(PgError::error(SqlState(*b"22025"), "LIKE pattern must not end with escape character"));
        }
        return Ok(datum);
    }
    Ok(match (to.oid, datum) {
        (Oid::FLOAT4, datum @ (Datum::Double(_) | Datum::Int(_) | Datum::Decimal(_) | Datum::BigDecimal(_))) => {
            Datum::Double(f64::from(super::convert::single(&datum)?))
        }
        (Oid::TIME, Datum::Time(time_us)) => match digits {
            Some(digits) => Datum::Time(round_fraction(time_us, digits)),
            None => Datum::Time(time_us),
        },
        (Oid::TIMESTAMP | Oid::TIMESTAMPTZ, Datum::Timestamp(timestamp_us)) => match digits {
            Some(digits)
                if !matches!(timestamp_us, datetime::TIMESTAMP_INFINITY | datetime::TIMESTAMP_NEG_INFINITY) =>
            {
                Datum::Timestamp(round_fraction(timestamp_us, digits))
            }
            _ => Datum::Timestamp(timestamp_us),
        },
        (Oid::INTERVAL, datum) if to.typmod >= 0 => {
            let Some(digits) = u8::try_from(to.typmod & 0xFFFF).ok().filter(|digits| *digits < 6) else {
                return Ok(datum);
            };
            let Some(text) = super::transcode::as_text(&datum) else { return Ok(datum) };
            let interval = Interval::from_text(&text)?;
            let mut out = Vec::new();
            Interval { time_us: round_fraction(interval.time_us, digits), ..interval }.write_text(&mut out);
            Datum::Owned(String::from_utf8_lossy(&out).into_owned())
        }
        (Oid::BPCHAR, datum) => characters(datum, to, fitting)?,
        (Oid::BIT | Oid::VARBIT, datum) if to.typmod >= 0 => bits(datum, to, fitting)?,
        (Oid::VECTOR, Datum::Vector(elements)) => {
            if let Fitting::Operand { is_left, may_be_zero } = fitting {
                check_operand(&elements, to, is_left, may_be_zero)?;
                return Ok(Datum::Vector(elements));
            }
            if let Ok(dimensions) = usize::try_from(to.typmod)
                && dimensions != elements.len()
            {
                let message = format!("expected {dimensions} dimensions, not {}", elements.len());
                return Err(PgError::error(SqlState::DATA_EXCEPTION, message));
            }
            Datum::Vector(elements)
        }
        (oid, datum) if to.typmod >= 0 && oid.element().is_some() => {
            let element = PgType { oid: oid.element().unwrap_or_default(), typmod: to.typmod };
            match super::transcode::as_text(&datum) {
                Some(text) => Datum::Owned(super::array::fitted(element, &text, fitting)?),
                None => datum,
            }
        }
        (_, datum) => datum,
    })
}

fn check_operand(elements: &[f32], to: PgType, is_left: bool, may_be_zero: bool) -> Result<(), Box<PgError>> {
    if let Ok(dimensions) = usize::try_from(to.typmod)
        && dimensions != elements.len()
    {
        let (left, right) = if is_left { (elements.len(), dimensions) } else { (dimensions, elements.len()) };
        let message = format!("different vector dimensions {left} and {right}");
        return Err(PgError::error(SqlState::DATA_EXCEPTION, message));
    }
    if !may_be_zero && elements.iter().all(|element| *element == 0.0) {
        return Err(PgError::unsupported("the cosine distance to a zero vector is not supported")
            .detail("It is NaN in PostgreSQL, which IRIS has not.")
            .hint("Ask with a vector that has a direction."));
    }
    Ok(())
}

/// Text that is too long is an error unless only blanks would be cut.
fn characters(datum: Datum<'_>, to: PgType, fitting: Fitting) -> Result<Datum<'_>, Box<PgError>> {
    let datum = match datum {
        Datum::Bool(_) | Datum::Bytes(_) | Datum::OwnedBytes(_) => {
            let mut text = Vec::new();
            super::transcode::write_text(&datum, &mut text)?;
            Datum::Owned(String::from_utf8_lossy(&text).into_owned())
        }
        datum => datum,
    };
    let Some(text) = super::transcode::as_text(&datum) else { return Ok(datum) };
    let trimmed = text.trim_end_matches(' ');
    let limit = to.characters().unwrap_or(usize::MAX);
    match trimmed.char_indices().nth(limit) {
        Some((end, _)) if fitting == Fitting::Cast => {
            let cut = trimmed.get(..end).unwrap_or(trimmed).trim_end_matches(' ');
            Ok(Datum::Owned(cut.to_owned()))
        }
        Some(_) => {
            let message = format!("value too long for type character({limit})");
            Err(PgError::error(SqlState::STRING_TOO_LONG, message))
        }
        None if trimmed.len() == text.len() => {
            drop(text);
            Ok(datum)
        }
        None => Ok(Datum::Owned(trimmed.to_owned())),
    }
}

fn bits(datum: Datum<'_>, to: PgType, fitting: Fitting) -> Result<Datum<'_>, Box<PgError>> {
    let (Some(text), Ok(length)) = (super::transcode::as_text(&datum), usize::try_from(to.typmod)) else {
        return Ok(datum);
    };
    if text.len() == length || to.oid == Oid::VARBIT && text.len() < length {
        drop(text);
        return Ok(datum);
    }
    if fitting == Fitting::Cast {
        let mut cut: String = text.chars().take(length).collect();
        cut.extend(std::iter::repeat_n('0', length.saturating_sub(cut.len())));
        return Ok(Datum::Owned(cut));
    }
    Err(if to.oid == Oid::BIT {
        let message = format!("bit string length {} does not match type bit({length})", text.len());
        PgError::error(SqlState(*b"22026"), message)
    } else {
        PgError::error(SqlState::STRING_TOO_LONG, format!("bit string too long for type bit varying({length})"))
    })
}

/// `bit_in`: digits 0 and 1, or behind `x` hexadecimal ones; `b` may stand in front.
///
/// # Errors
/// 22P02.
pub(super) fn bit_text(text: &str) -> Result<String, Box<PgError>> {
    let invalid =
        |c: char, kind: &str| PgError::error(SqlState::INVALID_TEXT, format!("\"{c}\" is not a valid {kind} digit"));
    if let Some(digits) = text.strip_prefix(['x', 'X']) {
        let nibble =
            |c: char| c.to_digit(16).map(|digit| format!("{digit:04b}")).ok_or_else(|| invalid(c, "hexadecimal"));
        return digits.chars().map(nibble).collect();
    }
    let digits = text.strip_prefix(['b', 'B']).unwrap_or(text);
    match digits.chars().find(|c| !matches!(c, '0' | '1')) {
        Some(c) => Err(invalid(c, "binary")),
        None => Ok(digits.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(datum: Datum<'_>, to: PgType, fitting: Fitting) -> String {
        match fit(datum, to, fitting) {
            Ok(datum) => format!("{datum:?}"),
            Err(error) => format!("{} {}", error.code, error.message),
        }
    }

    #[test]
    fn modifiers_are_applied() {
        use Fitting::{Assignment, Cast};
        let with = |oid, typmod| PgType { oid, typmod };
        let cases = [
            (Datum::Time(1_499_999), with(Oid::TIME, 0), Assignment, "Time(1000000)"),
            (Datum::Timestamp(678_912), with(Oid::TIMESTAMP, 3), Assignment, "Timestamp(679000)"),
            (Datum::Timestamp(678_912), with(Oid::TIMESTAMP, -1), Assignment, "Timestamp(678912)"),
            (Datum::Text("1 day 00:00:00.678"), with(Oid::INTERVAL, 0x7FFF << 16), Cast, "Owned(\"1 day 00:00:01\")"),
            (Datum::Text("ab   "), with(Oid::BPCHAR, 7), Assignment, "Owned(\"ab\")"),
            (Datum::Text("abcd"), with(Oid::BPCHAR, 7), Assignment, "22001 value too long for type character(3)"),
            (Datum::Text("ab d"), with(Oid::BPCHAR, 7), Cast, "Owned(\"ab\")"),
            (Datum::Text("101"), with(Oid::BIT, 4), Assignment, "22026 bit string length 3 does not match type bit(4)"),
            (Datum::Text("101"), with(Oid::BIT, 4), Cast, "Owned(\"1010\")"),
            (Datum::Text("101"), with(Oid::VARBIT, 2), Assignment, "22001 bit string too long for type bit varying(2)"),
            (Datum::Double(0.1), PgType::new(Oid::FLOAT4), Assignment, "Double(0.10000000149011612)"),
            (Datum::Double(1e39), PgType::new(Oid::FLOAT4), Assignment, "22003 value out of range: overflow"),
            (Datum::Vector(vec![1.0, 2.0]), with(Oid::VECTOR, 3), Assignment, "22000 expected 3 dimensions, not 2"),
        ];
        for (datum, to, fitting, expected) in cases {
            assert_eq!(said(datum, to, fitting), expected);
        }
        assert_eq!(bit_text("x1F").unwrap(), "00011111");
        assert_eq!(bit_text("b101").unwrap(), "101");
        assert!(bit_text("102").is_err());
    }
}
