//! Whether rows can be told apart, by the keys of tables and by what conditions say of columns.

use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::equalities::{Equality, equated};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::scope::Relation;
use crate::sql::translate::value::sort_key::SortKey;

impl Cx<'_> {
    /// Whether no two rows of the query being read have the same values of all these expressions, NULLs being the same.
    pub(crate) fn is_unique(&self, keys: &[SyntaxNode]) -> bool {
        let scopes = self.scopes.borrow();
        let conditions = self.conditions.borrow();
        let (Some(relations), Some(conditions)) = (scopes.last(), conditions.last()) else { return false };
        if conditions.depth != scopes.len() {
            return false;
        }
        let texts: Vec<String> = keys.iter().map(|key| nodes::plain_text(&nodes::unwrapped(key))).collect();
        if let Some(clause) = &conditions.group_by {
            let list = nodes::child(clause, SyntaxKind::GROUP_BY_LIST);
            return list.iter().flat_map(SyntaxNode::children).all(|item| {
                item.first_child().is_some_and(|key| texts.contains(&nodes::plain_text(&nodes::unwrapped(&key))))
            });
        }
        let mut facts: Vec<(Equality, Option<Range<usize>>)> = Vec::new();
        for key in keys {
            let column = nodes::unwrapped(key);
            if !matches!(column.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
                continue;
            }
            // NULL is the same as NULL here, and a unique key may have many of them.
            let is_sure = relation_of(relations, &column).is_some_and(|(at, name)| {
                relations.get(at).is_some_and(|relation| {
                    let mut columns = relation.columns.iter().flatten();
                    !relation.optional && columns.any(|known| known.name.eq_ignore_ascii_case(&name) && !known.nullable)
                })
            });
            if is_sure {
                facts.push((Equality { column, reads: Vec::new() }, None));
            }
        }
        for (condition, of) in &conditions.of_joins {
            facts.extend(equated(condition).into_iter().map(|equality| (equality, of.clone())));
        }
        !conditions.has_full_join && is_determined(relations, &facts)
    }

    /// Sort keys that tell every row of the query being read from every other; `None` where there are none.
    pub(crate) fn tie_breakers(&self) -> Option<Vec<SortKey>> {
        let scopes = self.scopes.borrow();
        let conditions = self.conditions.borrow();
        let (relations, conditions) = (scopes.last()?, conditions.last()?);
        if conditions.depth != scopes.len() || conditions.group_by.is_some() {
            return None;
        }
        let mut keys = Vec::new();
        for relation in relations.iter().filter(|relation| !relation.is_merged) {
            let key = relation.keys.iter().find(|key| {
                key.iter().all(|name| {
                    let mut columns = relation.columns.iter().flatten();
                    columns.any(|column| column.name.eq_ignore_ascii_case(name) && !column.nullable)
                })
            })?;
            for name in key {
                let column = names::iris_name_of(name);
                let text =
                    if relation.iris_name.is_empty() { column } else { format!("{}.{column}", relation.iris_name) };
                // Where NULL stands does not matter, so that it stands somewhere does.
                keys.push(SortKey::of(Frag::atom(text, Ty::Any).sure(), false, false));
            }
        }
        Some(keys)
    }
}

/// Whether every relation has at most one row, once those before it in some order have theirs: a unique key of it is
/// equal to something that reads none but these.
pub(crate) fn is_determined(relations: &[Relation], facts: &[(Equality, Option<Range<usize>>)]) -> bool {
    let mut known = vec![false; relations.len()];
    loop {
        let mut changed = false;
        for (n, relation) in relations.iter().enumerate() {
            if known.get(n) == Some(&true) {
                continue;
            }
            let is_fixed = |key: &String| {
                facts.iter().any(|(equality, of)| {
                    of.as_ref().is_none_or(|of| of.contains(&n))
                        && relation_of(relations, &equality.column)
                            .is_some_and(|(at, name)| at == n && name.eq_ignore_ascii_case(key))
                        && equality.reads.iter().all(|read| {
                            if is_query(read.kind()) {
                                return false;
                            }
                            match relation_of(relations, read) {
                                Some((at, _)) => known.get(at) == Some(&true),
                                // Of a query further out, or the name of a function.
                                None => !is_here(relations, read),
                            }
                        })
                })
            };
            if relation.is_merged || relation.keys.iter().any(|key| key.iter().all(is_fixed)) {
                if let Some(known) = known.get_mut(n) {
                    *known = true;
                }
                changed = true;
            }
        }
        if !changed {
            return known.iter().all(|known| *known);
        }
    }
}

/// The relation of these a name is a column of; `None` where it is of none, or might be of several.
fn relation_of(relations: &[Relation], name: &SyntaxNode) -> Option<(usize, String)> {
    let parts = names::folded_parts(name);
    let (column, qualifier) = match parts.as_slice() {
        [column] => (column, None),
        [.., qualifier, column] => (column, Some(qualifier)),
        [] => return None,
    };
    let mut found = relations.iter().enumerate().filter(|(_, relation)| {
        !relation.is_merged
            && qualifier.is_none_or(|name| relation.name.eq_ignore_ascii_case(name))
            && relation.columns.iter().flatten().any(|known| known.name.eq_ignore_ascii_case(column))
    });
    let (at, _) = found.next()?;
    found.next().is_none().then(|| (at, column.clone()))
}

/// Whether a name may be a column of one of these.
fn is_here(relations: &[Relation], name: &SyntaxNode) -> bool {
    let parts = names::folded_parts(name);
    match parts.as_slice() {
        [column] => relations.iter().any(|relation| {
            relation
                .columns
                .as_ref()
                .is_none_or(|columns| columns.iter().any(|known| known.name.eq_ignore_ascii_case(column)))
        }),
        [.., qualifier, _] => relations.iter().any(|relation| relation.name.eq_ignore_ascii_case(qualifier)),
        [] => true,
    }
}
