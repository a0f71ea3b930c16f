//! Constants and parameters whose conversion is the gateway's own work, done when they are bound.

use crate::sql::plan::Bind;
use crate::sql::translate::context::frag::{Frag, MARK, Ty};
use crate::sql::translate::context::vectors::to_vector;
use crate::types::{Oid, PgType};

fn is_open_text(ty: Ty) -> bool {
    matches!(ty, Ty::Known(pg_type) if pg_type.typmod < 0 && ty.is_string())
}

/// A constant or a parameter, to be converted and checked when it is bound; `None` for what IRIS computes.
pub(crate) fn bound(value: &Frag, to: PgType) -> Option<Frag> {
    let [mark] = value.marks.as_slice() else { return None };
    let (before, after) = value.text.split_once(MARK)?;
    let is_vector = before == "TO_VECTOR(" && (after == ", DOUBLE)" || after.starts_with(", DOUBLE, "));
    let negated = match (before, after) {
        ("", "") => false,
        ("-", "") if matches!(mark.bind, Bind::Literal(_)) => true,
        // A cast to text of any length.
        ("CAST(", after) if after.starts_with(" AS VARCHAR(") && is_open_text(value.ty) => false,
        _ if is_vector => false,
        _ => return None,
    };
    let is_value = match mark.bind {
        Bind::Elements { .. } | Bind::ElementsCount { .. } | Bind::EnumParameter { .. } | Bind::RowCount { .. } => {
            false
        }
        // Moments come as text.
        Bind::Session(_) => value.ty.is_number(),
        _ => true,
    };
    if !is_value {
        return None;
    }
    let from = if is_vector { Oid::VECTOR } else { value.ty.oid()? };
    // Every numeric is checked: IRIS rounds what has too many digits. Names are cut at their length.
    if !negated && to.typmod < 0 && from == to.oid && !matches!(to.oid, Oid::NUMERIC | Oid::NAME) {
        return Some(Frag { ty: Ty::Known(to), ..value.clone() });
    }
    let bind = match &mark.bind {
        // Already checked against a vector of the same length.
        Bind::Assigned { to: already, .. } if *already == to => mark.bind.clone(),
        bind => Bind::Assigned { value: Box::new(bind.clone()), negated, from, to },
    };
    let frag = Frag::mark(bind, mark.kind, Ty::Known(to));
    let frag = if to.oid == Oid::VECTOR { to_vector(frag, to) } else { frag };
    Some(if value.not_null { frag.sure() } else { frag })
}
