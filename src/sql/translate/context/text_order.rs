//! The order of text. IRIS sorts and compares strings that are numbers (`9`, `10`, `-.5`) as numbers, in front of all
//! other strings (manual, "Collation", EXACT); PostgreSQL sorts them as any text. With a blank in front no string is a
//! number, and the order of strings is what it was.

use super::frag::{Frag, Ty, level};

/// A string to sort or compare by.
pub(crate) fn as_sorted(value: &Frag) -> Frag {
    let not_null = value.not_null;
    let frag = Frag::cat(&[&"' ' || ", &value.clone().within(level::ATOM)], value.ty);
    Frag { not_null, ..frag.with_level(level::OTHER) }
}

/// Whether `left op right` goes by the order of texts.
pub(crate) fn goes_by_text(op: &str, left: Ty, right: Ty) -> bool {
    let is_text = |ty: Ty| ty.is_string() || ty.is_open();
    let orders = matches!(op, "<" | ">" | "<=" | ">=");
    orders && (left.is_string() || right.is_string()) && is_text(left) && is_text(right)
}

/// Both sides of `<`, `>`, `<=`, `>=`.
pub(crate) fn both_as_sorted(op: &str, left: Frag, right: Frag) -> (Frag, Frag) {
    if goes_by_text(op, left.ty, right.ty) {
        return (as_sorted(&left).within(level::ATOM), as_sorted(&right).within(level::ATOM));
    }
    (left, right)
}

/// `MIN(value)` or `MAX(value)` of text; `distinct` is "" or "DISTINCT ".
pub(crate) fn extreme(call: &str, distinct: &str, value: &Frag, ty: Ty) -> Frag {
    without_blank(&Frag::cat(&[&call, &"(", &distinct, &as_sorted(value), &")"], ty))
}

/// The string that [`as_sorted`] has put a blank in front of.
pub(crate) fn without_blank(found: &Frag) -> Frag {
    let not_null = found.not_null;
    // A string without characters may be NULL to a function of IRIS.
    let frag =
        Frag::cat(&[&"CASE WHEN CHAR_LENGTH(", found, &") = 1 THEN '' ELSE SUBSTRING(", found, &", 2) END"], found.ty);
    Frag { not_null, ..frag }
}
