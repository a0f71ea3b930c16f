//! ORDER BY. PostgreSQL sorts NULL as larger than everything unless told; IRIS sorts it lowest and cannot be told.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::select::Target;
use crate::sql::translate::cx::{self, Cx, Result};
use crate::sql::translate::expr::stream_refused;
use crate::sql::translate::frag::{Frag, Ty, level, list};
use crate::sql::translate::{enums, names};
use crate::wire::{PgError, SqlState};

/// One key of ORDER BY.
#[derive(Debug, Clone)]
pub struct SortKey {
    /// What is sorted by; for the test on NULL.
    pub value: Frag,
    /// What the text says: an alias, or the value itself.
    pub text: Frag,
    pub descending: bool,
    pub nulls_first: bool,
}

impl SortKey {
    /// The key as IRIS needs it: with a test on NULL in front where IRIS would put NULL at the other end.
    pub fn render(&self) -> Frag {
        let direction = if self.descending { " DESC" } else { "" };
        let key = Frag::cat(&[&self.text, &direction], Ty::Any);
        // IRIS: NULL first when ascending, last when descending.
        if self.value.not_null || self.nulls_first != self.descending {
            return key;
        }
        let (null, other) = if self.nulls_first { ("0", "1") } else { ("1", "0") };
        let value = self.value.clone().within(level::OTHER);
        Frag::cat(&[&"CASE WHEN ", &value, &" IS NULL THEN ", &null, &" ELSE ", &other, &" END, ", &key], Ty::Any)
    }
}

impl Cx<'_> {
    /// `ORDER BY ..`; `targets` are the select list's, for ordinals and aliases.
    pub fn order_by(&self, clause: &SyntaxNode, targets: Option<&[Target]>) -> Result<Frag> {
        let keys = self.sort_keys(clause, targets)?;
        let rendered: Vec<Frag> = keys.iter().map(SortKey::render).collect();
        Ok(Frag::cat(&[&"ORDER BY ", &list(&rendered)], Ty::Any))
    }

    pub fn sort_keys(&self, clause: &SyntaxNode, targets: Option<&[Target]>) -> Result<Vec<SortKey>> {
        let items = cx::grandchildren(clause, SyntaxKind::SORT_BY_LIST, SyntaxKind::SORT_BY);
        items.iter().map(|item| self.sort_key(item, targets)).collect()
    }

    fn sort_key(&self, item: &SyntaxNode, targets: Option<&[Target]>) -> Result<SortKey> {
        let at = usize::from(item.text_range().start());
        if cx::child(item, SyntaxKind::SORT_USING).is_some() {
            return Err(self.unsupported("ORDER BY .. USING is not supported by IRIS", at));
        }
        let descending = cx::child(item, SyntaxKind::SORT_DESC).is_some();
        let nulls_first = if cx::child(item, SyntaxKind::NULLS_FIRST).is_some() {
            true
        } else if cx::child(item, SyntaxKind::NULLS_LAST).is_some() {
            false
        } else {
            descending
        };
        let Some(value) = item.first_child() else {
            return Err(self.unsupported("ORDER BY needs an expression", at));
        };
        let target = match targets {
            Some(targets) => self.target_of(&value, targets, true)?,
            None => None,
        };
        if let Some(target) = target {
            if target.frag.is_stream {
                return Err(stream_refused(&target.label, at));
            }
            if let Some(node) = &target.node
                && let Some(key) = self.distance_key(node, descending, nulls_first)?
            {
                return Ok(key);
            }
            if let Some(to) = target.cast_to
                && !self.sorts_alike(target.frag.ty, to)
            {
                let value = self.cast(target.frag.clone(), to)?;
                return Ok(SortKey { text: value.clone(), value, descending, nulls_first });
            }
            let value = target.frag.clone();
            if let Some(enum_type) = &target.enum_type {
                let value = enums::place(&value, enum_type, nulls_first == descending);
                return Ok(SortKey { text: value.clone(), value, descending, nulls_first });
            }
            // A test on NULL in front would keep the vector index from being used.
            let value = if value.text.starts_with("VECTOR_") { value.sure() } else { value };
            let sorted = self.sorted(value.clone())?;
            let text = if sorted.text == value.text { target.reference() } else { sorted.clone() };
            return Ok(SortKey { value: sorted, text, descending, nulls_first });
        }
        if let Some(key) = self.distance_key(&value, descending, nulls_first)? {
            return Ok(key);
        }
        let enum_type = enums::of_column(self, &value);
        let value = self.inlined(true, || self.value(&value))?;
        if let Some(enum_type) = enum_type {
            let value = enums::place(&value, &enum_type, nulls_first == descending);
            return Ok(SortKey { text: value.clone(), value, descending, nulls_first });
        }
        let value = if value.text.starts_with("VECTOR_") { value.sure() } else { self.sorted(value)? };
        let text = value.clone();
        Ok(SortKey { value, text, descending, nulls_first })
    }

    /// A vector distance, in the form that sorts the same way and that an index serves. An index on cosines leaves zero
    /// vectors out, whose distance is NaN; a query of all rows sorts them last, as PostgreSQL does.
    fn distance_key(&self, node: &SyntaxNode, descending: bool, nulls_first: bool) -> Result<Option<SortKey>> {
        let Some(distance) = self.distance_of(node)? else { return Ok(None) };
        let (value, turned) =
            if self.is_limited.get() { (distance.sort, distance.sort_descending) } else { distance.exact_sort() };
        let text = value.clone();
        Ok(Some(SortKey { value, text, descending: descending != turned, nulls_first }))
    }

    /// The target an ordinal or an output name stands for. `aliases_first`: in ORDER BY an output name wins over a
    /// column of the tables, in GROUP BY it is the other way round (manual, "SELECT").
    pub fn target_of<'t>(
        &self,
        node: &SyntaxNode,
        targets: &'t [Target],
        aliases_first: bool,
    ) -> Result<Option<&'t Target>> {
        let node = cx::unwrapped(node);
        match node.kind() {
            SyntaxKind::LITERAL => {
                let Some(n) = self.constant_integer(&node) else { return Ok(None) };
                let clause = if aliases_first { "ORDER BY" } else { "GROUP BY" };
                let out_of_range = || {
                    PgError::error(SqlState(*b"42P10"), format!("{clause} position {n} is not in select list"))
                        .position(cx::offset(node.text_range().start().into()))
                };
                let index = usize::try_from(n).ok().and_then(|n| n.checked_sub(1)).ok_or_else(out_of_range)?;
                // A `*` that IRIS expands hides what the ordinal means.
                if targets.iter().take(index + 1).any(|target| target.is_star()) {
                    return Err(self
                        .unsupported(
                            format!("{clause} {n} after * needs the table's columns, which are not known"),
                            node.text_range().start().into(),
                        )
                        .hint("Use the column's name."));
                }
                targets.get(index).map(Some).ok_or_else(out_of_range)
            }
            SyntaxKind::NAME_REF => {
                let name = names::folded(&cx::plain_text(&node));
                if !aliases_first && self.column(None, &name).is_some() {
                    return Ok(None);
                }
                Ok(targets.iter().find(|target| target.alias.is_some() && target.label == name))
            }
            _ => Ok(None),
        }
    }
}
