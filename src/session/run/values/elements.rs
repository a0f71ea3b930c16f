//! The elements of a list that goes to IRIS as one text.

use std::borrow::Cow;

use crate::iris::datetime::horolog_of_day;
use crate::sql::ElementSource;
use crate::types::{Datum, Encoder, Oid, PgType, array_elements, binary_array_elements, decode};
use crate::wire::{Format, PgError, SqlState};

use super::{Parameter, Sources, parameter};

/// As text, U+0001 between them; `None` for an array that is NULL. Empty ones are left out.
pub(super) fn joined(
    source: &ElementSource,
    sources: &Sources<'_>,
    refuse_nulls: bool,
    element: Option<Oid>,
) -> Result<Option<String>, Box<PgError>> {
    let Some(items) = items(source, sources)? else { return Ok(None) };
    if refuse_nulls && items.iter().any(|(item, _)| item.is_none()) {
        return Err(PgError::unsupported("a list with a NULL element is not supported here")
            .hint("The answer is NULL where no other element decides; leave the NULL out."));
    }
    // Numbers of the client's own type stay what they are; a text of no type is one of the other side's.
    let is_number = |oid: &Oid| matches!(*oid, Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::NUMERIC);
    let mut joined = String::new();
    for (item, own) in items {
        let Some(item) = item.filter(|item| !element.is_some_and(|oid| is_empty(oid, item))) else { continue };
        let item = match element {
            // Its blanks do not count, and IRIS's column has none.
            Some(Oid::BPCHAR) => item.trim_end_matches(' ').to_owned(),
            Some(oid) => listed(own.filter(|own| is_number(own) && is_number(&oid)).unwrap_or(oid), &item)?,
            None => item,
        };
        if item.contains('\u{1}') {
            return Err(PgError::unsupported("list elements with the character U+0001 are not supported"));
        }
        if !joined.is_empty() {
            joined.push('\u{1}');
        }
        joined.push_str(&item);
    }
    Ok(Some(joined))
}

/// Whether a text is the empty one as a value of the type.
fn is_empty(oid: Oid, item: &str) -> bool {
    match oid {
        Oid::TEXT | Oid::VARCHAR | Oid::NAME => item.is_empty(),
        // Its blanks do not count.
        Oid::BPCHAR => item.bytes().all(|byte| byte == b' '),
        _ => false,
    }
}

/// How many there are, or how many of them are empty texts of a type; `None` for an array that is NULL.
pub(super) fn count(
    source: &ElementSource,
    sources: &Sources<'_>,
    empty: Option<Oid>,
) -> Result<Option<i64>, Box<PgError>> {
    let Some(items) = items(source, sources)? else { return Ok(None) };
    let is_counted = |item: &Option<String>| match (empty, item) {
        (None, _) => true,
        (Some(oid), Some(item)) => is_empty(oid, item),
        (Some(_), None) => false,
    };
    let counted = items.iter().filter(|(item, _)| is_counted(item)).count();
    Ok(Some(i64::try_from(counted).unwrap_or(i64::MAX)))
}

/// The elements as text and of which type they are, where their parameter says so.
type Items = Vec<(Option<String>, Option<Oid>)>;

fn items(source: &ElementSource, sources: &Sources<'_>) -> Result<Option<Items>, Box<PgError>> {
    match source {
        ElementSource::Array(n) => {
            let parameter = parameter(sources, *n)?;
            let Some(bytes) = parameter.bytes else { return Ok(None) };
            let items: Vec<Option<String>> = match parameter.format {
                Format::Text => {
                    let text = std::str::from_utf8(bytes).map_err(|_| malformed_array())?;
                    array_elements(text)?.into_iter().map(|item| item.map(Cow::into_owned)).collect()
                }
                Format::Binary => binary_array_elements(bytes)?,
            };
            Ok(Some(items.into_iter().map(|item| (item, parameter.oid.element())).collect()))
        }
        ElementSource::Parameters(all) => {
            let item = |n: &u16| {
                let parameter = parameter(sources, *n)?;
                Ok((text_of(parameter)?, Some(parameter.oid)))
            };
            all.iter().map(item).collect::<Result<_, _>>().map(Some)
        }
    }
}

fn text_of(parameter: Parameter<'_>) -> Result<Option<String>, Box<PgError>> {
    let Some(bytes) = parameter.bytes else { return Ok(None) };
    let text = match parameter.format {
        Format::Text => bytes.to_vec(),
        Format::Binary => {
            let mut text = Vec::new();
            let encoder = Encoder::select(PgType::new(parameter.oid), Format::Text)?;
            encoder.encode(&decode(parameter.oid, Format::Binary, bytes)?, &mut text)?;
            text
        }
    };
    String::from_utf8(text).map(Some).map_err(|_| malformed_array())
}

/// An element as IRIS writes a value of the type in a list: numbers without zeros that say nothing, days by number.
fn listed(oid: Oid, item: &str) -> Result<String, Box<PgError>> {
    Ok(match decode(oid, Format::Text, item.as_bytes())? {
        Datum::Bool(value) => u8::from(value).to_string(),
        Datum::Int(value) => value.to_string(),
        Datum::Decimal(_) | Datum::BigDecimal(_) => {
            let plain = item.trim().trim_start_matches('+');
            let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |digits| ("-", digits));
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            if !is_plain {
                return Err(PgError::unsupported(
                    "numbers with exponents are not supported in an array parameter here",
                ));
            }
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
            match (whole, fraction) {
                ("", "") => "0".to_owned(),
                (whole, "") => format!("{sign}{whole}"),
                (whole, fraction) => format!("{sign}{whole}.{fraction}"),
            }
        }
        Datum::Date(day) => horolog_of_day(day)
            .ok_or_else(|| {
                PgError::beyond_iris(SqlState::DATETIME_OVERFLOW, "date out of range: IRIS holds years 1 to 9999")
            })?
            .to_string(),
        Datum::Text(text) => text.to_owned(),
        Datum::Owned(text) => text,
        _ => item.to_owned(),
    })
}

fn malformed_array() -> Box<PgError> {
    PgError::error(SqlState::INVALID_BINARY, "malformed array parameter")
}
