//! Casts of a whole column, which the gateway carries out on the values that IRIS sends: IRIS's own casts print and
//! read values in its own forms.

use std::sync::Arc;

use super::{Encoder, is_printed};
use crate::types::numeric::DecimalDigits;
use crate::types::style::{Style, write_general};
use crate::types::{Datum, Fitting, Oid, PgType, convert, decode, fit, transcode};
use crate::wire::{Format, PgError, SqlState};

/// How a cell of one type becomes one of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cast {
    /// The text of the first type, as the client's settings ask for, cut to so many characters.
    Print { source: Box<Encoder>, length: Option<usize> },
    /// A boolean's text in a cast is a word.
    PrintBool { length: Option<usize> },
    /// Text read as the other type's input reads it, of `character(n)` with its blanks, which IRIS does not keep. A vector
    /// must have the length its type says.
    Parse { padded: Option<usize>, to: PgType, style: Arc<Style>, target: Box<Encoder> },
    /// A double (15 digits) or single (6) as a decimal number (`float8_numeric`, `float4_numeric`).
    /// Rounded to `scale`, where there is one.
    Decimal { digits: i32, target: Box<Encoder>, scale: Option<i32>, precision: Option<(i32, i32)> },
    /// A number as one of another kind; `precision` and scale of a numeric with a limit.
    Number { target: Box<Encoder>, precision: Option<(i32, i32)> },
}

impl Encoder {
    /// The encoder of a column of type `from` that is cast to `to`.
    ///
    /// # Errors
    /// 0A000 when `to` has no form in the wanted format.
    pub fn select_cast(from: PgType, to: PgType, format: Format, style: &Arc<Style>) -> Result<Encoder, Box<PgError>> {
        let cast = if is_printed(to.oid) {
            let length = to.characters();
            match from.oid {
                Oid::BOOL => Cast::PrintBool { length },
                _ => Cast::Print { source: Box::new(Self::select_styled(from, Format::Text, style)?), length },
            }
        } else {
            let target = Box::new(Self::select_styled(to, format, style)?);
            let precision = precision_and_scale(to);
            match from.oid {
                Oid::FLOAT8 | Oid::FLOAT4 if to.oid == Oid::NUMERIC => {
                    let digits = if from.oid == Oid::FLOAT8 { 15 } else { 6 };
                    Cast::Decimal { digits, target, scale: to.numeric_scale(), precision }
                }
                oid if is_printed(oid) || oid == Oid::BPCHAR => {
                    let padded = from.characters().filter(|_| oid == Oid::BPCHAR);
                    Cast::Parse { padded, to, style: Arc::clone(style), target }
                }
                _ => Cast::Number { target, precision },
            }
        };
        Ok(Self { cell: super::Cell::Cast(cast), has_nan: false })
    }

    /// Whether some setting of the client can change a column of type `from` that is cast to `to`.
    pub fn cast_depends_on_style(from: PgType, to: PgType, format: Format) -> bool {
        is_printed(from.oid) || Self::depends_on_style(from, Format::Text) || Self::depends_on_style(to, format)
    }
}

/// What `numeric(precision, scale)` may hold.
fn precision_and_scale(pg_type: PgType) -> Option<(i32, i32)> {
    let scale = pg_type.numeric_scale().filter(|_| pg_type.typmod >= 0)?;
    Some(((pg_type.typmod.saturating_sub(4) >> 16) & 0xFFFF, scale))
}

pub(super) fn encode(cast: &Cast, datum: &Datum<'_>, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    let start = out.len();
    match cast {
        Cast::Print { source, length } => {
            source.encode(datum, out)?;
            cut(start, *length, out);
        }
        Cast::PrintBool { length } => {
            out.extend_from_slice(if convert::boolean(datum)? { b"true" } else { b"false" });
            cut(start, *length, out);
        }
        Cast::Parse { padded, to, style, target } => match transcode::as_text(datum) {
            Some(mut text) => {
                let missing = padded.map_or(0, |length| length.saturating_sub(text.chars().count()));
                if missing > 0 {
                    text.to_mut().push_str(&" ".repeat(missing));
                }
                let mut parsed = decode::decode_text_with(to.oid, &text, style)?;
                if to.oid == Oid::VECTOR {
                    parsed = fit(parsed, *to, Fitting::Cast)?;
                }
                target.encode(&parsed, out)?;
            }
            None => {
                target.encode(datum, out)?;
            }
        },
        Cast::Decimal { digits, target, scale, precision } => {
            let value = convert::double(datum)?;
            let mut printed = Vec::new();
            write_general(value, *digits, &mut printed);
            if let (Some(scale), Some(digits)) = (scale, DecimalDigits::parse(&printed)) {
                let mut rounded = Vec::new();
                digits.write_text(Some(*scale), &mut rounded)?;
                printed = rounded;
            }
            let printed = Datum::Owned(String::from_utf8_lossy(&printed).into_owned());
            check_precision(&printed, *precision)?;
            target.encode(&printed, out)?;
        }
        Cast::Number { target, precision } => {
            check_precision(datum, *precision)?;
            target.encode(datum, out)?;
        }
    }
    Ok(())
}

/// Leaves so many characters of what was written from `start` on.
fn cut(start: usize, length: Option<usize>, out: &mut Vec<u8>) {
    let Some(length) = length else { return };
    let written = out.get(start..).unwrap_or_default();
    // A character begins with every byte that does not continue one.
    let mut begins = written.iter().enumerate().filter(|(_, byte)| **byte & 0xC0 != 0x80);
    if let Some((end, _)) = begins.nth(length) {
        out.truncate(start.saturating_add(end));
    }
}

/// 22003 for a number that `numeric(precision, scale)` cannot hold after rounding (`apply_typmod`).
fn check_precision(datum: &Datum<'_>, limit: Option<(i32, i32)>) -> Result<(), Box<PgError>> {
    let Some((precision, scale)) = limit else { return Ok(()) };
    let mut text = Vec::new();
    convert::numeric(datum, |number| match number {
        convert::Numeric::Finite(digits) => digits.write_text(Some(scale.max(0)), &mut text),
        convert::Numeric::NotFinite(_) => Ok(()),
    })?;
    let whole = text.split(|byte| *byte == b'.').next().unwrap_or_default();
    let whole = whole.iter().filter(|byte| byte.is_ascii_digit()).skip_while(|byte| **byte == b'0').count();
    if i64::try_from(whole).unwrap_or(i64::MAX) <= i64::from(precision.saturating_sub(scale)) {
        return Ok(());
    }
    let detail = format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than 10^{}.",
        precision.saturating_sub(scale)
    );
    Err(PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, "numeric field overflow").detail(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(from: PgType, to: PgType, datum: &Datum<'_>) -> Result<String, String> {
        let encoder = Encoder::select_cast(from, to, Format::Text, Style::standard()).unwrap();
        let mut out = Vec::new();
        match encoder.encode(datum, &mut out) {
            Ok(_) => Ok(String::from_utf8(out).unwrap()),
            Err(error) => Err(error.code.to_string()),
        }
    }

    #[test]
    fn values_print_as_their_type_does() {
        let text = PgType::new(Oid::TEXT);
        assert_eq!(cast(PgType::numeric(10, 4), text, &Datum::Owned(".5".into())), Ok("0.5000".into()));
        assert_eq!(cast(PgType::new(Oid::BOOL), text, &Datum::Int(1)), Ok("true".into()));
        assert_eq!(cast(PgType::new(Oid::BOOL), PgType::varchar(3), &Datum::Int(0)), Ok("fal".into()));
        assert_eq!(cast(PgType::new(Oid::DATE), PgType::varchar(4), &Datum::Date(0)), Ok("2000".into()));
        assert_eq!(cast(PgType::new(Oid::FLOAT8), text, &Datum::Double(1e20)), Ok("1e+20".into()));
        assert_eq!(cast(PgType::new(Oid::VECTOR), text, &Datum::Text("1,2")), Ok("[1,2]".into()));
    }

    #[test]
    fn text_is_read_by_the_types_own_input() {
        let text = PgType::new(Oid::TEXT);
        assert_eq!(cast(text, PgType::new(Oid::INT4), &Datum::Text(" 42 ")), Ok("42".into()));
        assert_eq!(cast(text, PgType::new(Oid::INT4), &Datum::Text("a1")), Err("22P02".into()));
        assert_eq!(cast(text, PgType::new(Oid::INT4), &Datum::Text("12.0")), Err("22P02".into()));
        assert_eq!(cast(text, PgType::new(Oid::BOOL), &Datum::Text("off")), Ok("f".into()));
        assert_eq!(cast(text, PgType::new(Oid::DATE), &Datum::Text("2023-02-29")), Err("22008".into()));
        let vector = PgType { oid: Oid::VECTOR, typmod: 3 };
        assert_eq!(cast(text, vector, &Datum::Text("[1, 2,3]")), Ok("[1,2,3]".into()));
        assert_eq!(cast(text, vector, &Datum::Text("[1,2]")), Err("22000".into()));
        assert_eq!(cast(text, PgType::new(Oid::VECTOR), &Datum::Text("1,2")), Err("22P02".into()));
        let bpchar = PgType { oid: Oid::BPCHAR, typmod: 9 };
        assert_eq!(cast(bpchar, PgType::new(Oid::INT4), &Datum::Text("x")), Err("22P02".into()));
        assert_eq!(cast(bpchar, PgType::new(Oid::JSON), &Datum::Text("{")), Err("22P02".into()));
        assert_eq!(cast(bpchar, PgType::new(Oid::JSON), &Datum::Text("[1]")), Ok("[1]  ".into()));
    }

    #[test]
    fn doubles_become_decimals_of_fifteen_digits() {
        let double = PgType::new(Oid::FLOAT8);
        assert_eq!(cast(double, PgType::new(Oid::NUMERIC), &Datum::Double(0.1 + 0.2)), Ok("0.3".into()));
        assert_eq!(cast(double, PgType::numeric_shown(2), &Datum::Double(1.005)), Ok("1.01".into()));
        assert_eq!(cast(double, PgType::numeric(5, 2), &Datum::Double(-0.125)), Ok("-0.13".into()));
        assert_eq!(cast(double, PgType::numeric(5, 2), &Datum::Double(999.995)), Err("22003".into()));
        assert_eq!(cast(double, PgType::new(Oid::NUMERIC), &Datum::Double(1e20)), Ok("100000000000000000000".into()));
    }

    #[test]
    fn numbers_keep_to_their_limits() {
        let numeric = PgType::new(Oid::NUMERIC);
        assert_eq!(cast(numeric, PgType::new(Oid::INT4), &Datum::Owned("-2.5".into())), Ok("-3".into()));
        assert_eq!(cast(numeric, PgType::new(Oid::INT2), &Datum::Int(70_000)), Err("22003".into()));
        assert_eq!(cast(PgType::new(Oid::FLOAT8), PgType::new(Oid::INT4), &Datum::Double(2.5)), Ok("2".into()));
        assert_eq!(cast(numeric, PgType::numeric(4, 2), &Datum::Owned("99.994".into())), Ok("99.99".into()));
        assert_eq!(cast(numeric, PgType::numeric(4, 2), &Datum::Owned("99.995".into())), Err("22003".into()));
        assert_eq!(cast(numeric, PgType::numeric(3, 3), &Datum::Owned(".5".into())), Ok("0.500".into()));
    }
}
