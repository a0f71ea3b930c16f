//! INSERT .. ON CONFLICT DO UPDATE of several rows: none may change a row that another of them has made or changed.

use std::collections::HashSet;
use std::sync::Arc;

use crate::sql::Bind;
use crate::types::{Datum, Style};
use crate::wire::{PgError, SqlState};

use super::values::{Sources, typed};
use crate::session::client::Client;

/// `keys`: for each row what it has for the columns of the key.
///
/// # Errors
/// 21000 when two rows have the same key; what is wrong with a value.
pub(crate) fn check_keys(
    keys: &[Vec<Bind>],
    sources: &Sources<'_>,
    client: &mut Client,
    style: &Arc<Style>,
) -> Result<(), Box<PgError>> {
    let mut seen = HashSet::with_capacity(keys.len());
    for key in keys {
        let mut values = Vec::with_capacity(key.len());
        for bind in key {
            values.push(comparable(&typed(bind, sources, client, style)?.0));
        }
        // A key with a NULL conflicts with nothing.
        let Some(values) = values.into_iter().collect::<Option<Vec<String>>>() else { continue };
        if !seen.insert(values) {
            return Err(second_time());
        }
    }
    Ok(())
}

/// Two rows of an upsert have the same key.
pub(crate) fn second_time() -> Box<PgError> {
    PgError::error(SqlState(*b"21000"), "ON CONFLICT DO UPDATE command cannot affect row a second time")
        .hint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
}

/// A text that is the same for equal values of one column; `None` for NULL.
fn comparable(datum: &Datum<'_>) -> Option<String> {
    let number = |mantissa: i64, scale: i8| {
        let (mut mantissa, mut scale) = (mantissa, i32::from(scale));
        while mantissa != 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale += 1;
        }
        if mantissa == 0 { "0".to_owned() } else { format!("{mantissa}e{scale}") }
    };
    Some(match datum {
        Datum::Null => return None,
        Datum::Int(value) => number(*value, 0),
        Datum::Decimal(value) => number(value.mantissa, value.scale),
        // Both zeros are equal.
        Datum::Double(value) => (value + 0.0).to_string(),
        Datum::Text(text) => (*text).to_owned(),
        Datum::Owned(text) => text.clone(),
        other => format!("{other:?}"),
    })
}
