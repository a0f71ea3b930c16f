//! The values of an IRIS statement: literals, parameters and what the session knows, as `$LIST` items by the types
//! IRIS declared.

use std::sync::Arc;

use crate::iris::datetime::horolog_of_day;
use crate::iris::{IrisType, ParameterDescription, StatementMetadata, put_value};
use crate::sql::{Bind, Given, LiteralKind, Plan, SessionValue, SetConfig, Template, array_elements};
use crate::types::{Datum, Decimal, Encoder, Fitting, Oid, PgType, Style, assign, decode, decode_with, fit};
use crate::wire::{Format, PgError, SendBuf, SqlState};

use super::client::Client;
use super::context::ShardContext;
use super::settings::parse_bool;

/// One parameter as Bind (or SQL-level EXECUTE) gives it.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    pub oid: Oid,
    pub format: Format,
    /// `None` = NULL.
    pub bytes: Option<&'a [u8]>,
}

/// Where values come from.
pub struct Sources<'a> {
    /// The statement as the client wrote it.
    pub sql: &'a str,
    pub template: &'a Template,
    pub parameters: &'a [Parameter<'a>],
    pub context: &'a ShardContext,
}

/// Appends the values of one set of `plan` to `values`.
///
/// # Errors
/// 22xxx when a parameter cannot be read or does not fit what IRIS declares; 42P02 for `$n` without a value.
pub fn put_values(
    plan: &Plan,
    metadata: Option<&StatementMetadata>,
    sources: &Sources<'_>,
    client: &mut Client,
    out: &mut SendBuf,
    values: &mut Vec<u8>,
) -> Result<(), Box<PgError>> {
    let style = Arc::clone(client.settings.style());
    for (index, bind) in plan.binds.iter().enumerate() {
        let declared = metadata
            .and_then(|metadata| metadata.parameters.get(index))
            .copied()
            .unwrap_or(ParameterDescription { iris_type: IrisType::VARCHAR, precision: 0, scale: 0, nullable: 1 });
        match bind {
            Bind::Literal(n) => {
                let (kind, text) = sources.template.literal(*n).ok_or_else(|| missing("literal", *n))?;
                put_value(values, &declared, &literal(kind, text)?)?;
            }
            Bind::TypedLiteral { literal: n, oid } => {
                let (_, text) = sources.template.literal(*n).ok_or_else(|| missing("literal", *n))?;
                put_value(values, &declared, &decode_with(*oid, Format::Text, text.as_bytes(), &style)?)?;
            }
            Bind::Parameter(n) => {
                let parameter = parameter(sources, *n)?;
                let datum = match parameter.bytes {
                    None => Datum::Null,
                    Some(bytes) => decode_with(parameter.oid, parameter.format, bytes, &style)?,
                };
                put_value(values, &declared, &datum)?;
            }
            Bind::EnumParameter { parameter: n, enum_type } => {
                let parameter = parameter(sources, *n)?;
                let datum = match parameter.bytes {
                    None => Datum::Null,
                    // Labels look the same in both formats (`enum_send`).
                    Some(bytes) => decode(Oid::TEXT, Format::Text, bytes)?,
                };
                if let Datum::Text(label) = datum {
                    enum_type.check(label)?;
                }
                put_value(values, &declared, &datum)?;
            }
            Bind::CastParameter { parameter: n, oid } => {
                let datum = cast_parameter(parameter(sources, *n)?, *oid, &style)?;
                put_value(values, &declared, &datum)?;
            }
            Bind::RowCount { parameter: n, when_null } => {
                let parameter = parameter(sources, *n)?;
                let datum = match parameter.bytes {
                    None => Datum::Int(*when_null),
                    Some(bytes) => decode_with(parameter.oid, parameter.format, bytes, &style)?,
                };
                if matches!(datum, Datum::Int(count) if count < 0) {
                    let (code, clause) = if *when_null == 0 { (b"2201X", "OFFSET") } else { (b"2201W", "LIMIT") };
                    return Err(PgError::error(SqlState(*code), format!("{clause} must not be negative")));
                }
                put_value(values, &declared, &datum)?;
            }
            Bind::Elements { parameter: n, refuse_nulls, element } => {
                let parameter = parameter(sources, *n)?;
                match parameter.bytes {
                    None => put_value(values, &declared, &Datum::Null)?,
                    Some(bytes) => {
                        let joined = elements(parameter, bytes, *refuse_nulls, *element)?;
                        put_value(values, &declared, &Datum::Text(&joined))?;
                    }
                }
            }
            Bind::TypedConstant { text, oid } => {
                put_value(values, &declared, &decode_with(*oid, Format::Text, text.as_bytes(), &style)?)?;
            }
            Bind::Constant(text) => put_value(values, &declared, &Datum::Text(text))?,
            Bind::Fitted { .. } | Bind::Assigned { .. } => {
                let (datum, _) = typed(bind, sources, client, &style)?;
                put_value(values, &declared, &datum)?;
            }
            Bind::Session(SessionValue::SetConfig { name, value, local }) => {
                let SettingValue { name, value, local } = SettingValue::read(name, value, local, sources)?;
                let now = client.set_config(name.as_deref(), value.as_deref(), local, out)?;
                put_value(values, &declared, &Datum::Text(&now))?;
            }
            Bind::Session(value) => {
                let datum = client.value(value, sources.context)?;
                put_value(values, &declared, &datum)?;
            }
        }
    }
    Ok(())
}

/// The arguments of `set_config`; `None` = NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingValue {
    pub name: Option<String>,
    pub value: Option<String>,
    pub local: bool,
}

impl SettingValue {
    /// # Errors
    /// 22P02 for a flag that is none; 42P02 for `$n` without a value.
    pub fn of(call: &SetConfig, sources: &Sources<'_>) -> Result<Self, Box<PgError>> {
        Self::read(&call.name, &call.value, &call.local, sources)
    }

    fn read(name: &Given, value: &Given, local: &Given, sources: &Sources<'_>) -> Result<Self, Box<PgError>> {
        let local = given(local, sources)?;
        let is_local = match local.as_deref().map(parse_bool) {
            None => false,
            Some(Some(local)) => local,
            Some(None) => {
                let message = format!("invalid input syntax for type boolean: \"{}\"", local.unwrap_or_default());
                return Err(PgError::error(SqlState(*b"22P02"), message));
            }
        };
        Ok(Self { name: given(name, sources)?, value: given(value, sources)?, local: is_local })
    }
}

/// The value of a bind, and its type. Of a constant whose type its place gives, the type is
/// [`UNSPECIFIED`](Oid::UNSPECIFIED) and the value its text.
pub(super) fn typed<'a>(
    bind: &'a Bind,
    sources: &Sources<'a>,
    client: &mut Client,
    style: &Arc<Style>,
) -> Result<(Datum<'a>, Oid), Box<PgError>> {
    Ok(match bind {
        Bind::Literal(n) => {
            let (kind, text) = sources.template.literal(*n).ok_or_else(|| missing("literal", *n))?;
            let oid = match kind {
                LiteralKind::Int4 => Oid::INT4,
                LiteralKind::Int8 => Oid::INT8,
                LiteralKind::Numeric => Oid::NUMERIC,
                LiteralKind::String => Oid::UNSPECIFIED,
            };
            (literal(kind, text)?, oid)
        }
        Bind::TypedLiteral { literal: n, oid } => {
            let (_, text) = sources.template.literal(*n).ok_or_else(|| missing("literal", *n))?;
            (decode_with(*oid, Format::Text, text.as_bytes(), style)?, *oid)
        }
        Bind::TypedConstant { text, oid } => (decode_with(*oid, Format::Text, text.as_bytes(), style)?, *oid),
        Bind::Constant(text) => (Datum::Text(text), Oid::UNSPECIFIED),
        Bind::Parameter(n) => {
            let parameter = parameter(sources, *n)?;
            match (parameter.bytes, parameter.oid) {
                (None, oid) => (Datum::Null, oid),
                (Some(bytes), Oid::UNSPECIFIED | Oid::UNKNOWN) => {
                    (decode(Oid::TEXT, Format::Text, bytes)?, Oid::UNSPECIFIED)
                }
                (Some(bytes), oid) => (decode_with(oid, parameter.format, bytes, style)?, oid),
            }
        }
        Bind::CastParameter { parameter: n, oid } => (cast_parameter(parameter(sources, *n)?, *oid, style)?, *oid),
        Bind::Session(value) => (client.value(value, sources.context)?, Oid::UNSPECIFIED),
        Bind::Assigned { value, negated, from, to } => {
            let (mut datum, mut oid) = typed(value, sources, client, style)?;
            if *negated {
                datum = negative(datum);
            }
            // Computed by the session, or a constant of a type that is kept as text.
            let is_made = match **value {
                Bind::Session(_) => true,
                Bind::Constant(_) => *from != to.oid,
                _ => false,
            };
            if oid == Oid::UNSPECIFIED && is_made {
                oid = *from;
            }
            if oid == Oid::UNSPECIFIED
                && let Datum::Text(text) = datum
            {
                (datum, oid) = (decode_with(to.oid, Format::Text, text.as_bytes(), style)?, to.oid);
            }
            (assign(datum, oid, *to, style)?, to.oid)
        }
        Bind::Fitted { source, to, fitting } => (fitted(source, *to, *fitting, sources, style)?, to.oid),
        Bind::Elements { .. } | Bind::EnumParameter { .. } | Bind::RowCount { .. } => {
            return Err(PgError::error(SqlState::INTERNAL_ERROR, "a value of this kind cannot be assigned"));
        }
    })
}

/// A text read as the input function of another type reads it.
fn cast_parameter<'a>(parameter: Parameter<'a>, oid: Oid, style: &Style) -> Result<Datum<'a>, Box<PgError>> {
    let Some(bytes) = parameter.bytes else { return Ok(Datum::Null) };
    match decode(Oid::TEXT, parameter.format, bytes)? {
        Datum::Text(text) => decode_with(oid, Format::Text, text.as_bytes(), style),
        _ => Err(PgError::error(SqlState::INTERNAL_ERROR, "a text became something else")),
    }
}

/// A value as its type's modifier wants it.
fn fitted<'a>(
    source: &'a Bind,
    to: PgType,
    fitting: Fitting,
    sources: &Sources<'a>,
    style: &Style,
) -> Result<Datum<'a>, Box<PgError>> {
    let datum = match source {
        Bind::Parameter(n) => {
            let parameter = parameter(sources, *n)?;
            let is_text = matches!(parameter.oid, Oid::TEXT | Oid::VARCHAR | Oid::UNKNOWN | Oid::UNSPECIFIED);
            match parameter.bytes {
                // A text that is cast: `$1::text::vector`.
                _ if is_text => cast_parameter(parameter, to.oid, style)?,
                None => Datum::Null,
                Some(bytes) => decode_with(parameter.oid, parameter.format, bytes, style)?,
            }
        }
        Bind::CastParameter { parameter: n, oid } => cast_parameter(parameter(sources, *n)?, *oid, style)?,
        Bind::Literal(n) | Bind::TypedLiteral { literal: n, .. } => {
            let (_, text) = sources.template.literal(*n).ok_or_else(|| missing("literal", *n))?;
            decode_with(to.oid, Format::Text, text.as_bytes(), style)?
        }
        Bind::Constant(text) | Bind::TypedConstant { text, .. } => {
            decode_with(to.oid, Format::Text, text.as_bytes(), style)?
        }
        _ => return Err(PgError::error(SqlState::INTERNAL_ERROR, "a value that cannot be fitted")),
    };
    fit(datum, to, fitting)
}

fn negative(datum: Datum<'_>) -> Datum<'_> {
    match datum {
        Datum::Int(value) => match value.checked_neg() {
            Some(value) => Datum::Int(value),
            None => Datum::Owned(format!("{}", -i128::from(value))),
        },
        Datum::Decimal(Decimal { mantissa, scale }) => match mantissa.checked_neg() {
            Some(mantissa) => Datum::Decimal(Decimal { mantissa, scale }),
            None => datum,
        },
        Datum::Double(value) => Datum::Double(-value),
        Datum::BigDecimal(digits) => Datum::Owned(format!("-{digits}")),
        Datum::Owned(digits) => Datum::Owned(format!("-{digits}")),
        other => other,
    }
}

/// A literal by the kind its spelling gives it; the declared type of its place decides how it travels.
fn literal(kind: LiteralKind, text: &str) -> Result<Datum<'_>, Box<PgError>> {
    match kind {
        LiteralKind::Int4 | LiteralKind::Int8 => match text.parse() {
            Ok(number) => Ok(Datum::Int(number)),
            Err(_) => decode(Oid::NUMERIC, Format::Text, text.as_bytes()),
        },
        LiteralKind::Numeric => decode(Oid::NUMERIC, Format::Text, text.as_bytes()),
        LiteralKind::String => Ok(Datum::Text(text)),
    }
}

pub(super) fn parameter<'a>(sources: &Sources<'a>, n: u16) -> Result<Parameter<'a>, Box<PgError>> {
    usize::from(n)
        .checked_sub(1)
        .and_then(|index| sources.parameters.get(index))
        .copied()
        .ok_or_else(|| PgError::error(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${n}")))
}

/// `None`: NULL.
fn given(argument: &Given, sources: &Sources<'_>) -> Result<Option<String>, Box<PgError>> {
    let n = match argument {
        Given::Null => return Ok(None),
        Given::Constant(text) => return Ok(Some(text.clone())),
        Given::Parameter(n) => *n,
    };
    let parameter = parameter(sources, n)?;
    let Some(bytes) = parameter.bytes else { return Ok(None) };
    Ok(Some(match decode(parameter.oid, parameter.format, bytes)? {
        Datum::Text(text) => text.to_owned(),
        Datum::Owned(text) => text,
        Datum::Bool(value) => value.to_string(),
        _ => {
            let message = format!("a parameter of type {} cannot be used here", PgType::new(parameter.oid).name());
            return Err(PgError::error(SqlState::DATATYPE_MISMATCH, message));
        }
    }))
}

/// The elements of an array parameter as text, U+0001 between them.
fn elements(
    parameter: Parameter<'_>,
    bytes: &[u8],
    refuse_nulls: bool,
    element: Option<Oid>,
) -> Result<String, Box<PgError>> {
    let items = match parameter.format {
        Format::Text => {
            let text = std::str::from_utf8(bytes).map_err(|_| malformed_array())?;
            array_elements(text)?
        }
        Format::Binary => binary_elements(bytes)?,
    };
    if refuse_nulls && items.iter().any(Option::is_none) {
        return Err(PgError::unsupported("an array with a NULL element is not supported here")
            .hint("The answer is NULL where no other element decides; leave the NULL out."));
    }
    // Numbers of the client's own type stay what they are; a text of no type is one of the other side's.
    let is_number = |oid: &Oid| matches!(*oid, Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::NUMERIC);
    let own = parameter.oid.element().filter(is_number);
    let items = items.into_iter().flatten().map(|item| match element {
        Some(oid) => listed(own.filter(|_| is_number(&oid)).unwrap_or(oid), &item),
        None => Ok(item),
    });
    let items: Vec<String> = items.collect::<Result<_, _>>()?;
    if items.iter().any(|item| item.contains('\u{1}')) {
        return Err(PgError::unsupported("array elements with the character U+0001 are not supported"));
    }
    Ok(items.join("\u{1}"))
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
                PgError::error(SqlState::DATETIME_OVERFLOW, "date out of range: IRIS holds years 1 to 9999")
            })?
            .to_string(),
        Datum::Text(text) => text.to_owned(),
        Datum::Owned(text) => text,
        _ => item.to_owned(),
    })
}

/// The binary form of a one-dimensional array (`array_send`): dimensions, flags, element type, then count and lower
/// bound, then each element behind its length.
fn binary_elements(bytes: &[u8]) -> Result<Vec<Option<String>>, Box<PgError>> {
    let (dimensions, rest) = word(bytes)?;
    let (_, rest) = word(rest)?;
    let (element, mut rest) = word(rest)?;
    if dimensions == 0 {
        return Ok(Vec::new());
    }
    if dimensions != 1 {
        return Err(PgError::unsupported("arrays of more than one dimension are not supported"));
    }
    let element = Oid(u32::from_be_bytes(element.to_be_bytes()));
    let encoder = Encoder::select(PgType::new(element), Format::Text)?;
    rest = word(word(rest)?.1)?.1;
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (length, after) = word(rest)?;
        let Ok(length) = usize::try_from(length) else {
            items.push(None);
            rest = after;
            continue;
        };
        let (value, after) = after.split_at_checked(length).ok_or_else(malformed_array)?;
        let mut text = Vec::new();
        encoder.encode(&decode(element, Format::Binary, value)?, &mut text)?;
        items.push(Some(String::from_utf8(text).map_err(|_| malformed_array())?));
        rest = after;
    }
    Ok(items)
}

fn word(bytes: &[u8]) -> Result<(i32, &[u8]), Box<PgError>> {
    let (word, rest) = bytes.split_first_chunk().ok_or_else(malformed_array)?;
    Ok((i32::from_be_bytes(*word), rest))
}

fn malformed_array() -> Box<PgError> {
    PgError::error(SqlState::INVALID_BINARY, "malformed array parameter")
}

fn missing(what: &str, n: u16) -> Box<PgError> {
    PgError::error(SqlState::INTERNAL_ERROR, format!("the statement has no {what} {n}"))
}
