//! Texts that are compared by every character of them, and without the blanks that do not count.

use super::frag::Frag;
use super::kept::{Kept, kept};
use crate::types::Oid;

/// Without the blanks at its end, which do not count in `character(n)`.
pub(crate) fn trimmed(frag: Frag) -> Frag {
    if frag.is_null() || frag.text.starts_with("RTRIM(") && frag.is_exact {
        return frag;
    }
    let (ty, not_null) = (frag.ty, frag.not_null);
    Frag { not_null, ..Frag::cat(&[&"RTRIM(", &frag, &")"], ty).exact() }
}

/// A `character(n)` without its blanks; anything else as it is.
pub(crate) fn trimmed_character(frag: Frag) -> Frag {
    if frag.ty.is(Oid::BPCHAR) { trimmed(frag) } else { frag }
}

/// A text that is compared by every character of it.
pub(crate) fn exact(frag: Frag) -> Frag {
    if frag.is_exact || frag.is_null() || !frag.ty.oid().is_some_and(|oid| kept(oid) != Kept::Native) {
        return frag;
    }
    let (ty, not_null, enum_type) = (frag.ty, frag.not_null, frag.enum_type.clone());
    Frag { not_null, enum_type, ..Frag::cat(&[&"%EXACT(", &frag, &")"], ty).exact() }
}

/// Two texts; the stronger collation decides for both.
pub(crate) fn exactly(left: Frag, right: Frag) -> (Frag, Frag) {
    if right.is_exact { (left, right) } else { (exact(left), right) }
}

const EXACT: &str = "%EXACT(";

/// The values of a column as they are, where IRIS would compare and give them back in capitals.
pub(crate) fn unfolded(column: &Frag) -> Frag {
    let (not_null, enum_type) = (column.not_null, column.enum_type.clone());
    Frag { not_null, enum_type, ..Frag::cat(&[&EXACT, column, &")"], column.ty).exact() }
}

/// The column inside of [`unfolded`].
pub(crate) fn inexact(frag: &Frag) -> Option<Frag> {
    let inner = frag.text.strip_prefix(EXACT)?.strip_suffix(')')?;
    let is_column = !inner.contains(['(', ')', '\'']) && frag.marks.is_empty();
    is_column.then(|| Frag { text: inner.to_owned(), is_exact: false, ..frag.clone() })
}
