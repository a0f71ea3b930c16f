//! ORDER BY, of queries and of windows.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::aggregate_calls::{holds_aggregate, holds_inner};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::alike;
use crate::sql::translate::context::cx::{Cx, stream_refused};
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::target::Target;
use crate::sql::translate::value::enums;
use crate::sql::translate::value::sort_key::SortKey;
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    /// `targets` are the select list's, for ordinals and aliases.
    pub(crate) fn sort_keys(&self, clause: &SyntaxNode, targets: Option<&[Target]>) -> Result<Vec<SortKey>> {
        let items = nodes::grandchildren(clause, SyntaxKind::SORT_BY_LIST, SyntaxKind::SORT_BY);
        let sorts = |item: &&SyntaxNode| {
            targets.is_none() || !item.first_child().is_some_and(|node| self.is_typed_constant(&node))
        };
        items.iter().filter(sorts).filter_map(|item| self.sort_key(item, targets).transpose()).collect()
    }

    /// A constant with a type, or a parameter, is no ordinal and sorts nothing: IRIS would take it for one.
    fn is_typed_constant(&self, node: &SyntaxNode) -> bool {
        let node = nodes::unwrapped(node);
        match node.kind() {
            SyntaxKind::CAST_EXPR => node
                .children()
                .any(|child| nodes::unwrapped(&child).kind() == SyntaxKind::LITERAL || self.is_typed_constant(&child)),
            SyntaxKind::LITERAL => self.literal_of(&node).is_none() && nodes::plain_text(&node).starts_with('$'),
            SyntaxKind::PREFIX_EXPR => node.first_child().is_some_and(|operand| self.is_typed_constant(&operand)),
            _ => false,
        }
    }

    /// Direction, and whether NULLs come first, of one key.
    pub(crate) fn direction(&self, item: &SyntaxNode) -> Result<(bool, bool)> {
        if nodes::child(item, SyntaxKind::SORT_USING).is_some() {
            let at = usize::from(item.text_range().start());
            return Err(self.unsupported("ORDER BY .. USING is not supported by IRIS", at));
        }
        let descending = nodes::child(item, SyntaxKind::SORT_DESC).is_some();
        let nulls_first = if nodes::child(item, SyntaxKind::NULLS_FIRST).is_some() {
            true
        } else if nodes::child(item, SyntaxKind::NULLS_LAST).is_some() {
            false
        } else {
            descending
        };
        Ok((descending, nulls_first))
    }

    /// `None` for a constant of the select list, which sorts nothing: its text would be an ordinal to IRIS.
    fn sort_key(&self, item: &SyntaxNode, targets: Option<&[Target]>) -> Result<Option<SortKey>> {
        let at = usize::from(item.text_range().start());
        let (descending, nulls_first) = self.direction(item)?;
        let Some(node) = item.first_child() else {
            return Err(self.unsupported("ORDER BY needs an expression", at));
        };
        let number = match targets {
            Some(targets) => self.target_of(&node, targets, true)?,
            None => None,
        };
        let target = number.and_then(|number| targets?.get(number));
        if target.is_none() && nodes::unwrapped(&node).kind() == SyntaxKind::NAME_REF {
            let name = names::folded(&nodes::plain_text(&nodes::unwrapped(&node)));
            let aliases =
                targets.iter().flat_map(|targets| targets.iter()).filter_map(|target| target.alias.as_deref());
            if let Some(alias) = aliases.map(names::folded).find(|alias| alike::is_confused(alias, &name)) {
                return Err(alike::refusal("names", &alias, &name).position(nodes::offset(at)));
            }
        }
        if let Some(target) = target.filter(|target| target.frag.is_stream) {
            return Err(stream_refused(&target.label, at));
        }
        if target.is_some_and(|target| target.node.as_ref().is_some_and(is_same_in_all_rows)) {
            return Ok(None);
        }
        let node = match target {
            Some(target) => target.node.clone(),
            None => Some(node),
        };
        if let Some(node) = &node
            && let Some(distance) = self.distance_of(node)?
        {
            // In the form that sorts the same way and that an index serves. An index on cosines leaves zero vectors out,
            // whose distance is NaN; a query of all rows sorts them last, as PostgreSQL does.
            let (value, turned) =
                if self.is_limited.get() { (distance.sort, distance.sort_descending) } else { distance.exact_sort() };
            return Ok(Some(SortKey::of(value, descending != turned, nulls_first)));
        }
        let is_inner = node.as_ref().is_some_and(holds_inner) || (targets.is_some() && self.reads_cte());
        if let Some(target) = target
            && let Some(to) = target.cast_to
            && !self.sorts_alike(target.frag.ty, to)
        {
            let value = self.cast(target.frag.clone(), to)?;
            return Ok(Some(SortKey { is_inner, ..SortKey::of(value, descending, nulls_first) }));
        }
        let enum_type = match (target, &node) {
            (Some(target), _) => target.enum_type.clone(),
            (None, Some(node)) => enums::of_column(self, node),
            (None, None) => None,
        };
        let value = match (target, &node) {
            (Some(target), _) => target.value(),
            (None, Some(node)) => self.inlined(true, || self.value(node))?,
            (None, None) => Frag::atom(String::new(), Ty::Any),
        };
        // What translation finds to be a constant sorts nothing, either.
        let is_number = !value.text.is_empty() && value.text.bytes().all(|byte| byte.is_ascii_digit());
        if target.is_some() && (is_number || value.is_null()) {
            return Ok(None);
        }
        if let Some(enum_type) = enum_type {
            let value = enums::place(&value, &enum_type, nulls_first == descending);
            return Ok(Some(SortKey { is_inner, ..SortKey::of(value, descending, nulls_first) }));
        }
        let sorted = self.sorted(value.clone())?;
        // The same column in the select list.
        let number = number.or_else(|| {
            let is_column = node.as_ref().is_some_and(|node| is_name(&nodes::unwrapped(node)));
            let same = |target: &Target| value.marks.is_empty() && target.frag.text == value.text;
            targets.filter(|_| is_column)?.iter().position(same)
        });
        // As text, an alias would be sorted in IRIS's way.
        let number = number.filter(|n| !targets.and_then(|targets| targets.get(*n)).is_some_and(|t| t.folds_case));
        let is_same = sorted.text == value.text;
        let text = target.filter(|_| is_same).map_or_else(|| sorted.clone(), Target::reference);
        let value = sorted;
        Ok(Some(SortKey { value, text, descending, nulls_first, target: number, is_inner }))
    }

    /// Whether the innermost query reads a table of WITH.
    fn reads_cte(&self) -> bool {
        self.scopes.borrow().last().is_some_and(|scope| scope.iter().any(|relation| relation.is_cte))
    }

    /// The target an ordinal or an output name stands for. `aliases_first`: in ORDER BY an output name wins over a
    /// column of the tables, in GROUP BY it is the other way round (manual, "SELECT").
    pub(crate) fn target_of(
        &self,
        node: &SyntaxNode,
        targets: &[Target],
        aliases_first: bool,
    ) -> Result<Option<usize>> {
        let node = nodes::unwrapped(node);
        match node.kind() {
            SyntaxKind::LITERAL => {
                let Some(n) = self.constant_integer(&node) else { return Ok(None) };
                let clause = if aliases_first { "ORDER BY" } else { "GROUP BY" };
                let out_of_range = || {
                    PgError::error(SqlState(*b"42P10"), format!("{clause} position {n} is not in select list"))
                        .position(nodes::offset(node.text_range().start().into()))
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
                if index < targets.len() { Ok(Some(index)) } else { Err(out_of_range()) }
            }
            SyntaxKind::NAME_REF => {
                let name = names::folded(&nodes::plain_text(&node));
                if !aliases_first && self.column(None, &name).is_some() {
                    return Ok(None);
                }
                Ok(targets.iter().position(|target| target.label == name))
            }
            _ => Ok(None),
        }
    }
}

/// Whether an expression of a select list is a constant: no aggregate or window of constants.
fn is_same_in_all_rows(node: &SyntaxNode) -> bool {
    nodes::is_constant(node)
        && !holds_aggregate(node)
        && !node.descendants().any(|child| child.kind() == SyntaxKind::OVER_CLAUSE)
}

fn is_name(node: &SyntaxNode) -> bool {
    matches!(node.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR)
}
