//! GROUP BY of a primary key: PostgreSQL knows of tables only that it is GROUP BY of all their columns.

use std::fmt::Write as _;
use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::columns::{Mentions, needed};
use super::nearby::{is_called, select_of};
use super::relations::Base;
use super::{Cut, Edit, tables_of};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, unwrapped};
use crate::sql::translate::expr::aggregate_calls::is_aggregate;
use crate::types::{Oid, quoted_name};

impl Cut<'_, '_> {
    /// The columns that are added to GROUP BY; `None` where PostgreSQL cannot group by one of them, and it is not clear where
    /// it is shown.
    pub(super) fn grouped(&self, bases: &[Base], mentions: &Mentions) -> Option<Vec<(Range<usize>, Edit)>> {
        let mut edits = Vec::new();
        for select in self.query.descendants().filter(|node| node.kind() == SyntaxKind::SELECT) {
            let Some(list) = nodes::child(&select, SyntaxKind::GROUP_BY_CLAUSE)
                .and_then(|clause| nodes::child(&clause, SyntaxKind::GROUP_BY_LIST))
            else {
                continue;
            };
            // What stands beside GROUPING SETS is in each set.
            let keys: Vec<Vec<String>> = list
                .children()
                .filter(|key| key.kind() == SyntaxKind::GROUPING_EXPR)
                .filter_map(|key| meant(&select, &unwrapped(&key.first_child()?), bases))
                .filter(|key| matches!(key.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR))
                .map(|key| names::folded_parts(&key))
                .collect();
            let keyed = |base: &&Base| base.select == select && !base.is_hidden && !base.facts.primary_key.is_empty();
            for base in bases.iter().filter(keyed) {
                let is_key = |column: &String| {
                    let Some(column) = base.called(column) else { return false };
                    keys.iter().any(|key| match key.as_slice() {
                        [name] => {
                            *name == column
                                && (self.is_column_of(name, base, bases) || is_merged_from(name, base, bases))
                        }
                        [.., qualifier, name] => *qualifier == base.folded && *name == column,
                        [] => false,
                    })
                };
                if !base.facts.primary_key.iter().all(is_key) {
                    continue;
                }
                let mut more = String::new();
                for column in needed(base, mentions) {
                    let name = base.called(&column.name)?;
                    if !has_equality(base, &column.name) {
                        if shows_row(&select, base) {
                            return None;
                        }
                        edits.extend(self.any_values(&select, &name, base, bases)?);
                        continue;
                    }
                    let _ = write!(more, ", {}.{}", base.shown, quoted_name(&name));
                }
                if mentions.names_row(base) && shows_row(&select, base) {
                    let _ = write!(more, ", {}", base.shown);
                }
                let end = usize::from(list.text_range().end());
                edits.push((end..end, Edit::Text(more)));
            }
        }
        Some(edits)
    }
}

impl Cut<'_, '_> {
    /// A column that PostgreSQL cannot group by, where groups are shown: it is the same in all rows of a group. `None` for
    /// what is not understood.
    fn any_values(
        &self,
        select: &SyntaxNode,
        column: &str,
        base: &Base,
        bases: &[Base],
    ) -> Option<Vec<(Range<usize>, Edit)>> {
        let mut edits = Vec::new();
        let parts = select
            .children()
            .filter(|part| !matches!(part.kind(), SyntaxKind::FROM_CLAUSE | SyntaxKind::WHERE_CLAUSE))
            .flat_map(|part| part.descendants().collect::<Vec<_>>());
        for node in parts {
            let parent = node.parent()?;
            let is_part = parent.kind() == SyntaxKind::FIELD_EXPR;
            if is_part || !matches!(node.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) || is_called(&node) {
                continue;
            }
            let is_own = match names::folded_parts(&node).as_slice() {
                // A name by itself is sorted by as an output column.
                [name] => {
                    name == column
                        && parent.kind() != SyntaxKind::SORT_BY
                        && (select_of(&node).is_some_and(|of| of != *select) || self.is_column_of(name, base, bases))
                }
                [qualifier, name] => name == column && *qualifier == base.folded,
                [schema, table, name] => name == column && base.is_named(schema, table),
                _ => false,
            };
            if !is_own || is_aggregated(&node, select) {
                continue;
            }
            if select_of(&node).is_none_or(|of| of != *select) {
                return None;
            }
            let range = node.text_range();
            let (start, end) = (usize::from(range.start()), usize::from(range.end()));
            let is_label = parent.kind() == SyntaxKind::TARGET && nodes::child(&parent, SyntaxKind::AS_NAME).is_none();
            let label = if is_label { format!(" AS {}", quoted_name(column)) } else { String::new() };
            edits.push((start..start, Edit::Text("pg_catalog.any_value(".to_owned())));
            edits.push((end..end, Edit::Text(format!("){label}"))));
        }
        Some(edits)
    }
}

/// What a key of GROUP BY means: a number is that of an item of the select list, a name that of one where no table has
/// such a column.
fn meant(select: &SyntaxNode, key: &SyntaxNode, bases: &[Base]) -> Option<SyntaxNode> {
    let list = nodes::child(select, SyntaxKind::SELECT_CLAUSE)
        .and_then(|clause| nodes::child(&clause, SyntaxKind::TARGET_LIST))?;
    if key.kind() == SyntaxKind::NAME_REF {
        let name = names::folded(&names::first(key)?);
        let is_column = tables_of(select, bases).is_none_or(|beside| beside.iter().any(|base| base.has_column(&name)));
        let label = |target: &SyntaxNode| {
            let label = nodes::child(target, SyntaxKind::AS_NAME)?;
            names::parts(&label).last().map(|label| names::folded(label))
        };
        let target = list.children().find(|target| !is_column && label(target).as_deref() == Some(name.as_str()));
        return Some(target.and_then(|target| target.first_child()).map_or(key.clone(), |shown| unwrapped(&shown)));
    }
    if key.kind() != SyntaxKind::LITERAL {
        return Some(key.clone());
    }
    let n = key.text().to_string().parse::<usize>().ok()?.checked_sub(1)?;
    let targets: Vec<SyntaxNode> = list.children().take(n.checked_add(1)?).collect();
    let is_star = |target: &SyntaxNode| {
        target.descendants_with_tokens().any(|element| element.kind() == SyntaxKind::STAR)
            && target.first_child().is_none_or(|shown| shown.kind() == SyntaxKind::FIELD_EXPR)
    };
    if targets.iter().any(is_star) {
        return None;
    }
    Some(unwrapped(&targets.get(n)?.first_child()?))
}

/// Whether a bare name is that of a column that joins by USING make of this table's.
fn is_merged_from(name: &str, base: &Base, bases: &[Base]) -> bool {
    let from = nodes::child(&base.select, SyntaxKind::FROM_CLAUSE);
    let mut items = from.iter().flat_map(SyntaxNode::children);
    let (Some(item), None) = (items.next(), items.next()) else { return false };
    let Some((first, steps)) = nodes::joins(&item) else { return false };
    // `None`: not a table by itself.
    let table = |item: &SyntaxNode| {
        let start = usize::from(item.text_range().start());
        bases.iter().filter(|_| item.kind() == SyntaxKind::RELATION_FROM_ITEM).find(|base| base.range.start == start)
    };
    let Some(first) = table(&first) else { return false };
    let mut holder = first.has_column(name).then_some(first);
    for (join, right) in &steps {
        let Some(right) = table(right) else { return false };
        let using = nodes::child(join, SyntaxKind::JOIN_USING_CLAUSE);
        let has = |kind| nodes::child(join, kind).is_some();
        let is_named = using
            .iter()
            .flat_map(SyntaxNode::descendants)
            .any(|node| node.kind() == SyntaxKind::COLUMN_NAME_REF && names::folded(&nodes::plain_text(&node)) == name);
        if nodes::has_token(join, SyntaxKind::NATURAL_KW) || (is_named && has(SyntaxKind::JOIN_FULL)) {
            return false;
        }
        if is_named && has(SyntaxKind::JOIN_RIGHT) {
            holder = Some(right);
        } else if !is_named && right.has_column(name) {
            // Beside another it would be ambiguous.
            if holder.is_some() {
                return false;
            }
            holder = Some(right);
        }
    }
    holder.is_some_and(|holder| holder.range == base.range)
}

/// Whether PostgreSQL can compare two values of a column.
fn has_equality(base: &Base, column: &str) -> bool {
    let facts = base.own_names().zip(&base.facts.columns).find(|(name, _)| name == column);
    facts.is_none_or(|(_, facts)| !matches!(facts.pg_type.oid, Oid::JSON | Oid::XML))
}

/// Whether all columns of a table are named where groups are shown, other than within an aggregate.
fn shows_row(select: &SyntaxNode, base: &Base) -> bool {
    select
        .children()
        .filter(|part| !matches!(part.kind(), SyntaxKind::FROM_CLAUSE | SyntaxKind::WHERE_CLAUSE))
        .flat_map(|part| part.descendants().collect::<Vec<_>>())
        .any(|node| {
            let is_all = match node.kind() {
                SyntaxKind::TARGET => node.first_child().is_none(),
                SyntaxKind::NAME_REF => {
                    let field = node.parent().filter(|parent| parent.kind() == SyntaxKind::FIELD_EXPR);
                    names::folded_parts(&node).last() == Some(&base.folded)
                        && field.is_none_or(|field| nodes::has_token(&field, SyntaxKind::STAR))
                }
                _ => false,
            };
            is_all && !is_aggregated(&node, select)
        })
}

/// Whether a node stands in an aggregate of its query.
fn is_aggregated(node: &SyntaxNode, select: &SyntaxNode) -> bool {
    node.ancestors().take_while(|around| around != select).any(|around| {
        around.kind() == SyntaxKind::CALL_EXPR
            && nodes::child(&around, SyntaxKind::OVER_CLAUSE).is_none()
            && nodes::called(&around).is_some_and(|name| is_aggregate(&name))
    })
}
