//! One key of ORDER BY. PostgreSQL sorts NULL as larger than everything unless told; IRIS sorts it lowest and cannot be
//! told.

use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::sql::translate::context::text_order::as_sorted;

/// One key of ORDER BY.
#[derive(Debug, Clone)]
pub(crate) struct SortKey {
    /// What is sorted by; for the test on NULL.
    pub value: Frag,
    /// What the text says: an alias, or the value itself.
    pub text: Frag,
    pub descending: bool,
    pub nulls_first: bool,
    /// The entry of the select list it is.
    pub target: Option<usize>,
    /// IRIS sorts by it only where it is selected: an aggregate (SQLCODE -73), a subquery (ignored), a column of WITH
    /// (SQLCODE -23).
    pub is_inner: bool,
}

impl SortKey {
    /// A key that is in no select list.
    pub(crate) fn of(value: Frag, descending: bool, nulls_first: bool) -> Self {
        Self { text: value.clone(), value, descending, nulls_first, target: None, is_inner: false }
    }

    /// Whether IRIS sorts as PostgreSQL does by the bare value.
    fn is_in_place(&self) -> bool {
        self.has_null_in_place() && !self.value.ty.is_string()
    }

    fn has_null_in_place(&self) -> bool {
        // IRIS: NULL first when ascending, last when descending.
        self.value.not_null || self.nulls_first != self.descending
    }

    /// The key as IRIS needs it: with a test on NULL in front where IRIS would put NULL at the other end.
    pub(crate) fn render(&self) -> Frag {
        let direction = if self.descending { " DESC" } else { "" };
        let text = if self.value.ty.is_string() { as_sorted(&self.value) } else { self.text.clone() };
        let key = Frag::cat(&[&text, &direction], Ty::Any);
        if self.has_null_in_place() {
            return key;
        }
        let (null, other) = if self.nulls_first { ("0", "1") } else { ("1", "0") };
        let value = self.value.clone().within(level::OTHER);
        Frag::cat(&[&"CASE WHEN ", &value, &" IS NULL THEN ", &null, &" ELSE ", &other, &" END, ", &key], Ty::Any)
    }

    /// Whether IRIS takes it from the select list alone.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_in_place() && (self.target.is_some() || !self.is_inner)
    }

    /// What of it is not in the select list of a query that is distinct, or that IRIS would not sort by.
    pub(crate) fn needs_outer(&self, distinct: bool) -> bool {
        if distinct || self.is_inner { !(self.is_in_place() && self.target.is_some()) } else { false }
    }
}
