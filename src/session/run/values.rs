//! The values of an IRIS statement: literals, parameters and what the session knows, as `$LIST` items by the types
//! IRIS declared.

mod elements;

use std::sync::Arc;

use crate::bridge::put_value;
use crate::iris::{IrisType, ParameterDescription, StatementMetadata};
use crate::sql::{Bind, Given, LiteralKind, Plan, SessionValue, SetConfig, Template};
use crate::types::{Datum, Decimal, Fitting, Oid, PgType, Style, assign, boolean_word, decode, decode_with, fit};
use crate::wire::{Format, PgError, SendBuf, SqlState};

use crate::session::client::Client;
use crate::session::understand::context::ShardContext;
pub(crate) use crate::session::understand::parameter::Parameter;
use crate::session::understand::session_values::session_value;

/// Where values come from.
pub(crate) struct Sources<'a> {
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
pub(crate) fn put_values(
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
            Bind::Elements { source, refuse_nulls, element } => {
                match elements::joined(source, sources, *refuse_nulls, *element)? {
                    None => put_value(values, &declared, &Datum::Null)?,
                    Some(joined) => put_value(values, &declared, &Datum::Text(&joined))?,
                }
            }
            Bind::ElementsCount { source, empty } => {
                let count = elements::count(source, sources, *empty)?;
                put_value(values, &declared, &count.map_or(Datum::Null, Datum::Int))?;
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
                let datum = session_value(value, client, sources.context)?;
                put_value(values, &declared, &datum)?;
            }
        }
    }
    Ok(())
}

/// The arguments of `set_config`; `None` = NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingValue {
    pub name: Option<String>,
    pub value: Option<String>,
    pub local: bool,
}

impl SettingValue {
    /// # Errors
    /// 22P02 for a flag that is none; 42P02 for `$n` without a value.
    pub(crate) fn of(call: &SetConfig, sources: &Sources<'_>) -> Result<Self, Box<PgError>> {
        Self::read(&call.name, &call.value, &call.local, sources)
    }

    fn read(name: &Given, value: &Given, local: &Given, sources: &Sources<'_>) -> Result<Self, Box<PgError>> {
        let local = given(local, sources)?;
        let is_local = match local.as_deref().map(boolean_word) {
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
pub(in crate::session) fn typed<'a>(
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
        Bind::Session(value) => (session_value(value, client, sources.context)?, Oid::UNSPECIFIED),
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
        Bind::Elements { .. } | Bind::ElementsCount { .. } | Bind::EnumParameter { .. } | Bind::RowCount { .. } => {
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

pub(in crate::session) fn parameter<'a>(sources: &Sources<'a>, n: u16) -> Result<Parameter<'a>, Box<PgError>> {
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

fn missing(what: &str, n: u16) -> Box<PgError> {
    PgError::error(SqlState::INTERNAL_ERROR, format!("the statement has no {what} {n}"))
}
