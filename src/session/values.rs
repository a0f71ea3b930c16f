//! The values of an IRIS statement: literals, parameters and what the session knows, as `$LIST` items by the types
//! IRIS declared.

use crate::iris::{IrisType, ParameterDescription, StatementMetadata, put_value};
use crate::sql::{Bind, LiteralKind, Plan, Template};
use crate::types::{Datum, Oid, decode};
use crate::wire::{Format, PgError, SendBuf, SqlState};

use super::client::Client;
use super::context::ShardContext;

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
            Bind::Parameter(n) => {
                let parameter =
                    usize::from(*n).checked_sub(1).and_then(|index| sources.parameters.get(index)).ok_or_else(
                        || PgError::error(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${n}")),
                    )?;
                let datum = match parameter.bytes {
                    None => Datum::Null,
                    Some(bytes) => decode(parameter.oid, parameter.format, bytes)?,
                };
                put_value(values, &declared, &datum)?;
            }
            Bind::Constant(text) => put_value(values, &declared, &Datum::Text(text))?,
            Bind::Session(value) => {
                let datum = client.value(value, sources.context, out)?;
                put_value(values, &declared, &datum)?;
            }
        }
    }
    Ok(())
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

fn missing(what: &str, n: u16) -> Box<PgError> {
    PgError::error(SqlState::INTERNAL_ERROR, format!("the statement has no {what} {n}"))
}
