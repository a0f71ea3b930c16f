//! NaN, which a cosine distance to a zero vector is in PostgreSQL, and which IRIS has not.
//!
//! Where such a value is compared, sorted by or shown, a number stands for NaN that no distance reaches: PostgreSQL
//! sorts NaN behind all numbers. Arithmetic with NaN is NaN. Elsewhere the statement fails when a row has such a value.

use std::rc::Rc;

use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::types::PgType;

/// Stands for NaN. The encoder knows it by the type, [`PgType::FLOAT8_OR_NAN`].
const PLACEHOLDER: &str = "CAST(1E100 AS DOUBLE)";

/// `value`, which is NaN where one of `squares` is 0.
pub(crate) fn unless_zero(value: Frag, squares: &[Frag]) -> Frag {
    let (Some(first), rest) = (squares.first(), squares.get(1..).unwrap_or_default()) else { return value };
    // Of a vector that is NULL the product is NULL, and so is the distance, whatever the other one is.
    let mut product = first.clone();
    for square in rest {
        product.push(&" * ");
        product.push(square);
    }
    let condition = Frag::cat(&[&product, &" = 0"], Ty::BOOL);
    let divided = if rest.is_empty() { product } else { product.parenthesised() };
    let failing = Frag::cat(&[&value.clone().within(level::ADD), &" + 0 / ", &divided], Ty::FLOAT8);
    let nan = Some(Rc::new((condition, value)));
    Frag { nan, ..failing.with_level(level::ADD) }
}

/// What `make` makes of values that may be NaN, which is NaN where one of them is.
pub(crate) fn lifted<E>(frags: &[&Frag], make: impl FnOnce(Vec<Frag>) -> Result<Frag, E>) -> Option<Result<Frag, E>> {
    frags.iter().any(|frag| frag.nan.is_some()).then(|| {
        let plain = |frag: &&Frag| frag.nan.as_ref().map_or_else(|| (*frag).clone(), |nan| nan.1.clone());
        let conditions: Vec<Frag> =
            frags.iter().filter_map(|frag| frag.nan.as_ref()).map(|nan| nan.0.clone()).collect();
        let mut condition = Frag::atom(String::new(), Ty::BOOL);
        for (n, one) in conditions.iter().enumerate() {
            condition.push(&if n > 0 { " OR " } else { "" });
            condition.push(one);
        }
        let plain: Vec<Frag> = frags.iter().map(plain).collect();
        let value = make(plain)?;
        Ok(guarded(condition, value))
    })
}

fn guarded(condition: Frag, value: Frag) -> Frag {
    // 0 divided by the answer whether there is a value at all.
    let zero = Frag::cat(&[&"0 / CASE WHEN ", &condition, &" THEN 0 ELSE 1 END"], Ty::FLOAT8);
    let failing = Frag::cat(&[&value.clone().within(level::ADD), &" + ", &zero], value.ty).with_level(level::ADD);
    Frag { nan: Some(Rc::new((condition, value))), ..failing }
}

/// With the number that stands for NaN.
pub(crate) fn placed(frag: Frag) -> Frag {
    let Some(nan) = frag.nan.clone() else { return frag };
    let (condition, value) = &*nan;
    let text = Frag::cat(
        &[&"CASE WHEN ", condition, &" THEN ", &PLACEHOLDER, &" ELSE ", value, &" END"],
        Ty::Known(PgType::FLOAT8_OR_NAN),
    );
    Frag { not_null: frag.not_null, ..text }
}
