//! The types of what operators and expressions of several branches make.

use crate::sql::translate::context::frag::Ty;
use crate::types::{Oid, PgType};

fn is_plain_text(oid: Oid) -> bool {
    matches!(oid, Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR)
}

/// The type of several expressions that become one column or result (manual, "UNION, CASE, and Related Constructs").
pub(crate) fn common_type(types: impl IntoIterator<Item = Ty>) -> Ty {
    let mut common = Ty::Untyped;
    let mut is_open = false;
    for ty in types {
        is_open |= ty.is_open();
        common = match (common, ty) {
            (Ty::Untyped | Ty::Parameter(_), other) => other,
            (known, Ty::Untyped | Ty::Parameter(_)) => known,
            (Ty::Any, _) | (_, Ty::Any) => Ty::Any,
            (Ty::Known(a), Ty::Known(b)) if a == b => common,
            (Ty::Known(a), Ty::Known(b)) if a.oid == b.oid => Ty::of(a.oid),
            // Between numbers and a real it is the real: an operator would take both as doubles.
            (a, b)
                if a.is_number()
                    && b.is_number()
                    && !a.is(Oid::FLOAT8)
                    && !b.is(Oid::FLOAT8)
                    && (a.is(Oid::FLOAT4) || b.is(Oid::FLOAT4)) =>
            {
                Ty::of(Oid::FLOAT4)
            }
            (a, b) if a.is_number() && b.is_number() => wider(a, b),
            // Each of these can be made the other: the first decides (select_common_type).
            (Ty::Known(a), Ty::Known(b)) if is_plain_text(a.oid) && is_plain_text(b.oid) => Ty::of(a.oid),
            (a, b) if a.is_string() && b.is_string() => Ty::TEXT,
            (a, b) if a.is_moment() && b.is_moment() => {
                if a.is(Oid::TIMESTAMPTZ) || b.is(Oid::TIMESTAMPTZ) {
                    Ty::of(Oid::TIMESTAMPTZ)
                } else {
                    Ty::of(Oid::TIMESTAMP)
                }
            }
            _ => Ty::Any,
        };
    }
    // A constant has no length of its own, so neither has what it shares with a character(n).
    if is_open && common.is(Oid::BPCHAR) { Ty::of(Oid::BPCHAR) } else { common }
}

/// The digits behind the point that values of a type are shown with, where the type tells.
fn scale(ty: Ty) -> Option<i32> {
    match ty {
        Ty::Known(pg_type) if ty.is(Oid::NUMERIC) => pg_type.numeric_scale(),
        _ if ty.is_integer() => Some(0),
        _ => None,
    }
}

/// `numeric` and `character` made of values of `ty`: no modifier, but the same digits behind the point (numeric.c keeps
/// the display scale), the same blanks.
pub(crate) fn shown(ty: Ty) -> Ty {
    if let Ty::Known(pg_type) = ty
        && pg_type.oid == Oid::BPCHAR
    {
        return Ty::Known(pg_type.characters().map_or(pg_type, PgType::bpchar_shown));
    }
    scale(ty).map_or(Ty::NUMERIC, |scale| Ty::Known(PgType::numeric_shown(scale)))
}

/// `a op b` of numerics with the display scale PostgreSQL gives it, where both sides tell theirs.
pub(crate) fn scaled(op: &str, a: Ty, b: Ty) -> Ty {
    let shown = |scale: i32| Ty::Known(PgType::numeric_shown(scale));
    match (op, scale(a), scale(b)) {
        ("+" | "-" | "%", Some(a), Some(b)) => shown(a.max(b)),
        ("*", Some(a), Some(b)) => shown(a.saturating_add(b)),
        // The other side shows as many as it has: never less than this one.
        ("+" | "-" | "%", Some(scale), None) | ("+" | "-" | "%", None, Some(scale)) => shown(scale),
        _ => Ty::NUMERIC,
    }
}

/// The type of `a op b` for numbers.
pub(crate) fn wider(a: Ty, b: Ty) -> Ty {
    const ORDER: [Oid; 6] = [Oid::INT2, Oid::INT4, Oid::INT8, Oid::NUMERIC, Oid::FLOAT4, Oid::FLOAT8];
    let rank = |ty: Ty| ORDER.iter().position(|oid| ty.is(*oid)).unwrap_or(0);
    let wide = rank(a).max(rank(b));
    // real with anything but real is double precision.
    match ORDER.get(wide) {
        Some(&Oid::FLOAT4) if !(a.is(Oid::FLOAT4) && b.is(Oid::FLOAT4)) => Ty::FLOAT8,
        Some(oid) => Ty::of(*oid),
        None => Ty::Any,
    }
}

/// The type CAST is given for it, `None` where IRIS keeps plain text (or bytes) and a cast would only cut it.
pub(crate) fn iris_cast_type(ty: PgType) -> Option<String> {
    let mods = ty.modifiers();
    Some(match (ty.oid, mods.as_slice()) {
        (Oid::BOOL, _) => "BIT".into(),
        (Oid::INT2, _) => "SMALLINT".into(),
        (Oid::INT4, _) => "INTEGER".into(),
        (Oid::INT8 | Oid::OID, _) => "BIGINT".into(),
        (Oid::NUMERIC, [precision, scale]) => format!("NUMERIC({precision},{scale})"),
        (Oid::NUMERIC, _) => "NUMERIC".into(),
        (Oid::FLOAT4 | Oid::FLOAT8, _) => "DOUBLE".into(),
        (Oid::VARCHAR, [length]) => format!("VARCHAR({length})"),
        (Oid::BPCHAR, [length]) => format!("CHAR({length})"),
        (Oid::VARCHAR | Oid::TEXT | Oid::BPCHAR | Oid(18 | 19), _) => "VARCHAR(32767)".into(),
        (Oid::DATE, _) => "DATE".into(),
        (Oid::TIME, _) => "TIME(6)".into(),
        (Oid::TIMESTAMP | Oid::TIMESTAMPTZ, _) => "TIMESTAMP".into(),
        _ => return None,
    })
}
