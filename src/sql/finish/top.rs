//! The first rows of a query: where they are those of the first rows of one of its tables.

use std::fmt::Write as _;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Cut;
use super::nearby::is_row_by_row;
use super::relations::Base;
use super::resolution::made_labels;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;

impl Cut<'_, '_> {
    /// ORDER BY and LIMIT of a query that has a row, or several in a row, for each row of a table: the first of these are
    /// enough.
    pub(super) fn top(&self, base: &Base, bases: &[Base]) -> Option<String> {
        let select = &base.select;
        let is_plain = select.children().all(|part| {
            matches!(
                part.kind(),
                SyntaxKind::SELECT_CLAUSE
                    | SyntaxKind::FROM_CLAUSE
                    | SyntaxKind::WHERE_CLAUSE
                    | SyntaxKind::ORDER_BY_CLAUSE
                    | SyntaxKind::LIMIT_CLAUSE
                    | SyntaxKind::FETCH_CLAUSE
                    | SyntaxKind::OFFSET_CLAUSE
                    | SyntaxKind::WITH_CLAUSE
            )
        });
        // Behind parentheses there may be more.
        let is_inside = select.parent().is_some_and(|parent| {
            parent.kind() == SyntaxKind::PAREN_SELECT
                && parent.children().any(|part| part != *select && part.kind() != SyntaxKind::WITH_CLAUSE)
        });
        let targets = nodes::child(select, SyntaxKind::SELECT_CLAUSE)?;
        if is_inside || !is_plain || base.sample.is_some() || !leads(base) || !is_row_by_row(&targets) {
            return None;
        }
        let count = count(select)?;
        let mut text = String::new();
        if let Some(order) = nodes::child(select, SyntaxKind::ORDER_BY_CLAUSE) {
            let made = made_labels(self.cx, base, &targets);
            for key in order.descendants().filter(|node| node.kind() == SyntaxKind::SORT_BY) {
                // What stands for an output column means something else elsewhere. Inside of an expression a name is that
                // of a column of the table (`findTargetlistEntrySQL92`).
                let named = key.first_child().map(|value| nodes::unwrapped(&value));
                let named = named.filter(|value| value.kind() == SyntaxKind::NAME_REF);
                let named = named.and_then(|value| names::first(&value)).map(|name| names::folded(&name));
                if named.is_some_and(|name| made.contains(&name)) || !self.is_about(key.descendants(), base, bases) {
                    return None;
                }
            }
            let range = order.text_range();
            text.push_str(self.cx.sql.get(range.start().into()..range.end().into())?);
            text.push(' ');
        }
        let _ = write!(text, "LIMIT {count}");
        Some(text)
    }
}

/// Whether a table is all that FROM has, but for what LEFT JOIN adds to each of its rows.
fn leads(base: &Base) -> bool {
    let from = nodes::child(&base.select, SyntaxKind::FROM_CLAUSE);
    let mut items = from.iter().flat_map(SyntaxNode::children);
    let (Some(item), None) = (items.next(), items.next()) else { return false };
    let Some((first, steps)) = nodes::joins(&item) else { return false };
    first.kind() == SyntaxKind::RELATION_FROM_ITEM
        && usize::from(first.text_range().start()) == base.range.start
        && steps.iter().all(|(join, _)| nodes::child(join, SyntaxKind::JOIN_LEFT).is_some())
}

/// How many rows are enough: as many as are shown, and those in front of them.
fn count(select: &SyntaxNode) -> Option<String> {
    let limit = nodes::child(select, SyntaxKind::LIMIT_CLAUSE);
    let fetch = nodes::child(select, SyntaxKind::FETCH_CLAUSE);
    let literal = |clause: &SyntaxNode| {
        let found = clause.children().find(|part| !matches!(part.kind(), SyntaxKind::FETCH_ONLY));
        found.filter(|count| count.kind() == SyntaxKind::LITERAL).map(|count| count.text().to_string())
    };
    let shown = match (limit, fetch) {
        (Some(limit), None) => literal(&limit)?,
        (None, Some(fetch)) if nodes::child(&fetch, SyntaxKind::WITH_TIES).is_none() => literal(&fetch)?,
        _ => return None,
    };
    let Some(offset) = nodes::child(select, SyntaxKind::OFFSET_CLAUSE) else { return Some(shown) };
    let skipped: u64 = literal(&offset)?.parse().ok()?;
    Some(shown.parse::<u64>().ok()?.checked_add(skipped)?.to_string())
}
