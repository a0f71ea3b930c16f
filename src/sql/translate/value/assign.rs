//! A value on its way into a column: PostgreSQL's assignment casts (`pg_cast.castcontext` = 'a' or 'i'), where IRIS
//! converts in another way or not at all. Constants and parameters are converted when they are bound; what IRIS
//! computes gets the conversion around it, or is refused where IRIS has no exact one.

use super::bound::bound;
use super::enums;
use crate::sql::plan::Bind;
use crate::sql::schema::{ColumnFacts, VectorElement};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::exact::trimmed;
use crate::sql::translate::context::frag::{Frag, Mark, Ty, level};
use crate::sql::translate::context::vectors::{is_made, with_element};
use crate::types::{Fitting, Oid, PgType};
use crate::wire::PgError;

/// # Errors
/// 0A000 for a conversion that IRIS cannot do exactly.
pub(crate) fn assigned(cx: &Cx<'_>, value: Frag, column: Option<&ColumnFacts>) -> Result<Frag> {
    let Some(column) = column else { return Ok(value) };
    // What PostgreSQL has made of a value of such a type is stored as its text.
    let is_text = column.named.as_ref().is_some_and(|named| named.base.is_none());
    let to = if is_text { PgType::new(Oid::TEXT) } else { column.pg_type };
    if let Some(enum_type) = &column.enum_type {
        let mut value = cx.coerce(value, to);
        enums::checked(cx, &mut value, enum_type)?;
        return Ok(value);
    }
    if to.oid == Oid::MONEY {
        return cx.fitted(cx.coerce(value, to), to, Fitting::Assignment);
    }
    if value.is_null() || value.marks.is_empty() && value.text.starts_with("CAST(NULL AS ") {
        return Ok(Frag::atom("NULL", Ty::Known(to)));
    }
    let element = value.vector_element;
    let value = brought(cx, value, to)?;
    if to.oid != Oid::VECTOR || is_made(&value) {
        return of_element(value, column);
    }
    if element != column.vector_element {
        return Err(other_elements(column));
    }
    Ok(value)
}

/// A constant or parameter for a column of vectors that IRIS may have made with other elements than the gateway's.
fn of_element(value: Frag, column: &ColumnFacts) -> Result<Frag> {
    match column.vector_element {
        VectorElement::Double | VectorElement::Decimal | VectorElement::Float => {
            Ok(with_element(value, column.vector_element))
        }
        // Whole numbers lose their fraction, and what is unknown may do so.
        VectorElement::Integer | VectorElement::Other | VectorElement::Unknown => Err(other_elements(column)),
    }
}

fn other_elements(column: &ColumnFacts) -> Box<PgError> {
    let message = format!("IRIS keeps other elements in the vectors of column \"{}\" than the value has", column.name);
    PgError::unsupported(message)
        .hint("Constants and parameters can be stored in vectors of DOUBLE, DECIMAL and FLOAT.")
}

fn brought(cx: &Cx<'_>, value: Frag, to: PgType) -> Result<Frag> {
    let is_open = value.ty.is_open();
    // Of character values of several lengths the blanks stand in the value.
    let value = if is_open || value.ty.is(Oid::BPCHAR) { cx.coerce(value, to) } else { value };
    let value = match bound(&value, to) {
        Some(value) => value,
        None if is_open => value,
        None => converted(cx, value, to)?,
    };
    cx.fitted(value, to, Fitting::Assignment)
}

/// Whether a value of the one type is one of the other as it is: nothing to convert, and what there is to check IRIS
/// checks by the column.
pub(crate) fn is_same(from: Ty, to: PgType) -> bool {
    let Ty::Known(pg_type) = from else { return false };
    if pg_type == to {
        return true;
    }
    if pg_type.oid == to.oid {
        return match to.oid {
            Oid::NUMERIC => to.typmod < 0 || pg_type.typmod >= 0 && pg_type.numeric_scale() <= to.numeric_scale(),
            Oid::VECTOR | Oid::BIT | Oid::VARBIT => to.typmod < 0,
            _ => true,
        };
    }
    if from.is_integer() {
        return matches!(to.oid, Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::NUMERIC | Oid::FLOAT8);
    }
    // A character(n) is kept without the blanks at its end.
    (from.is(Oid::NUMERIC) || from.is(Oid::FLOAT4)) && to.oid == Oid::FLOAT8
        || from.is_string() && Ty::Known(to).is_string() && to.oid != Oid::BPCHAR
}

fn converted(cx: &Cx<'_>, value: Frag, to: PgType) -> Result<Frag> {
    let Ty::Known(from) = value.ty else {
        // Only IRIS knows what it is: a number may have a fraction, a text may be no vector.
        return match to.oid {
            Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::NUMERIC | Oid::FLOAT4 | Oid::VECTOR => {
                Err(PgError::unsupported(format!("an expression of unknown type for a column of type {}", to.name()))
                    .hint("Cast the expression to the type of the column."))
            }
            _ => Ok(value),
        };
    };
    let refuse = || {
        let message = format!("IRIS cannot convert an expression of type {} to {} exactly", from.name(), to.name());
        Err(PgError::unsupported(message).hint("Compute the value on the client and send it as a parameter."))
    };
    // What is computed from singles is a double in IRIS.
    if to.oid == Oid::FLOAT4 && !is_column(&value) {
        return refuse();
    }
    if is_same(value.ty, to) {
        return Ok(value);
    }
    let source = value.ty;
    if to.oid == Oid::BPCHAR && source.is_string() {
        return Ok(trimmed(value).with_ty(Ty::Known(to)));
    }
    match to.oid {
        Oid::INT2 | Oid::INT4 | Oid::INT8 if source.is(Oid::NUMERIC) => {
            Ok(Frag::cat(&[&"ROUND(", &value, &", 0)"], Ty::Known(to)))
        }
        Oid::INT2 | Oid::INT4 | Oid::INT8 if source.is_number() && !is_volatile(&value) => Ok(half_even(&value, to)),
        Oid::NUMERIC if source.is(Oid::NUMERIC) => match to.numeric_scale() {
            Some(scale) => Ok(Frag::cat(&[&"ROUND(", &value, &", ", &scale.to_string(), &")"], Ty::Known(to))),
            None => Ok(value),
        },
        Oid::FLOAT4 if source.is(Oid::INT2) => Ok(value),
        Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR if !source.is_string() => cx.cast(value, PgType::new(Oid::TEXT)),
        Oid::DATE | Oid::TIME if matches!(from.oid, Oid::TIMESTAMP | Oid::TIMESTAMPTZ) => {
            cx.cast(value, PgType::new(to.oid))
        }
        // The digits of the fraction are the business of what follows.
        Oid::TIMESTAMP | Oid::TIMESTAMPTZ if source.is_moment() => cx.cast(value, PgType::new(to.oid)),
        _ => refuse(),
    }
}

fn is_column(value: &Frag) -> bool {
    value.marks.is_empty() && value.text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '%'))
}

/// Fresh for each mark: must not be written twice.
fn is_volatile(value: &Frag) -> bool {
    value.marks.iter().any(|Mark { bind, .. }| matches!(bind, Bind::Session(_)))
}

/// `rint`: a float goes to the nearest whole number, from the middle to the even one.
fn half_even(value: &Frag, to: PgType) -> Frag {
    let floor = Frag::cat(&[&"FLOOR(", value, &")"], Ty::Known(to));
    let rest = Frag::cat(&[&value.clone().within(level::MULTIPLY), &" - ", &floor], Ty::FLOAT8);
    Frag::cat(
        &[
            &"CASE WHEN ",
            &rest,
            &" < .5 OR ",
            &rest,
            &" = .5 AND MOD(",
            &floor,
            &", 2) = 0 THEN ",
            &floor,
            &" ELSE ",
            &floor,
            &" + 1 END",
        ],
        Ty::Known(to),
    )
}
