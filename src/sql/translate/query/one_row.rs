//! Queries that stand for a value: PostgreSQL fails with 21000 where one has several rows, IRIS takes the first.
//!
//! A query of at most one row is sent as it stands. Any other counts its rows, and fails in IRIS when there are several.

use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::convert::Parts;
use super::from::From;
use super::order::{SortKey, holds_aggregate};
use super::select::Target;
use crate::sql::syntax::equalities::{Equality, equated};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::translate::cx::{Cx, Relation, Result};
use crate::sql::translate::frag::{Frag, Ty, level};
use crate::sql::translate::query::Place;
use crate::types::Oid;

impl Cx<'_> {
    /// A query that stands for a value, in parentheses: NULL where it has no row, 21000 where it has several.
    ///
    /// # Errors
    /// 0A000 where neither can be known nor be had from IRIS.
    pub fn scalar(&self, node: &SyntaxNode) -> Result<Frag> {
        let node = match node.kind() {
            SyntaxKind::PAREN_SELECT => node.first_child().unwrap_or_else(|| node.clone()),
            _ => node.clone(),
        };
        let before = self.outermost.replace(usize::MAX);
        let query = self.query(&node, Place::Scalar, None);
        let outermost = self.outermost.get();
        self.outermost.set(before.min(outermost));
        let query = query?;
        let ty = match query.shape.as_deref() {
            Some([column]) => column.ty,
            _ => Ty::Any,
        };
        if query.is_one_row {
            return Ok(query.frag.parenthesised().with_ty(ty));
        }
        let at = usize::from(node.text_range().start());
        let refused = |why: &str| {
            Err(self
                .unsupported(format!("a subquery that may give several rows stands for a value, and {why}"), at)
                .hint("Add LIMIT 1, take the min() or max() of it, or compare with the columns of a unique key."))
        };
        let is_stream = query.shape.iter().flatten().any(|column| column.is_stream);
        if ty.is(Oid::VECTOR) || ty.is(Oid::BYTEA) || is_stream {
            return refused("IRIS cannot count the rows of such a value");
        }
        let is_simple = node.kind() == SyntaxKind::SELECT
            && nodes::child(&node, SyntaxKind::GROUP_BY_CLAUSE).is_none()
            && nodes::child(&node, SyntaxKind::LIMIT_CLAUSE).is_none()
            && nodes::child(&node, SyntaxKind::FETCH_CLAUSE).is_none()
            && nodes::child(&node, SyntaxKind::OFFSET_CLAUSE).is_none()
            && !node.descendants().any(|child| child.kind() == SyntaxKind::OVER_CLAUSE);
        if is_simple
            && let Parts::Select { head, targets, tail, .. } = &query.parts
            && let [target] = targets.as_slice()
            && !target.is_star()
        {
            let value = &target.frag;
            let frag = match head.text.strip_suffix("DISTINCT ") {
                None => Frag::cat(&[head, &only(value, &Frag::atom("COUNT(*)", Ty::INT8)), tail], Ty::Any),
                Some(head) => {
                    let null = value.clone().within(level::OTHER);
                    let count = Frag::cat(
                        &[&"COUNT(DISTINCT ", value, &") + MAX(CASE WHEN ", &null, &" IS NULL THEN 1 ELSE 0 END)"],
                        Ty::INT8,
                    );
                    Frag::cat(&[&head, &only(value, &count), tail], Ty::Any)
                }
            };
            return Ok(frag.parenthesised().with_ty(ty));
        }
        if outermost < self.scopes.borrow().len() {
            return refused("its rows cannot be counted: it reads columns of the query around it");
        }
        let Some((query, names)) = query.named() else { return refused("its columns are not known") };
        let [name] = names.as_slice() else { return refused("has not one column") };
        let value = only(&Frag::atom(name.clone(), ty), &Frag::atom("COUNT(*)", Ty::INT8));
        Ok(Frag::cat(&[&"(SELECT ", &value, &" FROM (", &query.frag, &") pgw)"], ty))
    }

    /// Whether a SELECT without set operations has at most one row, whatever its tables hold.
    pub(super) fn has_one_row(&self, node: &SyntaxNode, from: &From, targets: &[Target], place: Place) -> bool {
        if self.limits_to_one(node, place) || from.is_empty() {
            return true;
        }
        let grouped = nodes::child(node, SyntaxKind::GROUP_BY_CLAUSE).is_some();
        let aggregates = nodes::child(node, SyntaxKind::HAVING_CLAUSE).is_some()
            || targets.iter().any(|target| target.node.as_ref().is_some_and(holds_aggregate));
        if !grouped && aggregates {
            return true;
        }
        let mut facts: Vec<(Equality, Option<Range<usize>>)> = Vec::new();
        if let Some(condition) = nodes::child(node, SyntaxKind::WHERE_CLAUSE).and_then(|clause| clause.first_child()) {
            facts.extend(equated(&condition).into_iter().map(|equality| (equality, None)));
        }
        for (condition, of) in &from.conditions {
            facts.extend(equated(condition).into_iter().map(|equality| (equality, of.clone())));
        }
        !from.has_full_join && is_determined(&from.relations, &facts)
    }

    fn limits_to_one(&self, node: &SyntaxNode, place: Place) -> bool {
        // Elsewhere nobody asks, and a literal that is read makes a translation of its own.
        if place != Place::Scalar {
            return false;
        }
        if let Some(fetch) = nodes::child(node, SyntaxKind::FETCH_CLAUSE) {
            let count = fetch.children().find(|child| child.kind() != SyntaxKind::FETCH_ONLY);
            return count.is_none_or(|count| self.constant_integer(&count).is_some_and(|n| n <= 1));
        }
        nodes::child(node, SyntaxKind::LIMIT_CLAUSE)
            .and_then(|clause| clause.first_child())
            .is_some_and(|count| self.constant_integer(&count).is_some_and(|n| n <= 1))
    }
}

/// What stands in FROM and WHERE of the query being read, for what they say of its rows.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// How many queries are around it.
    depth: usize,
    of_joins: Vec<(SyntaxNode, Option<Range<usize>>)>,
    has_full_join: bool,
    group_by: Option<SyntaxNode>,
}

impl Conditions {
    pub(super) fn of(depth: usize, node: &SyntaxNode, from: &From) -> Self {
        Self {
            depth,
            of_joins: from.conditions.clone(),
            has_full_join: from.has_full_join,
            group_by: nodes::child(node, SyntaxKind::GROUP_BY_CLAUSE),
        }
    }
}

impl Cx<'_> {
    /// Whether no two rows of the query being read have the same values of all these expressions, NULLs being the same.
    pub fn is_unique(&self, keys: &[SyntaxNode]) -> bool {
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
    pub fn tie_breakers(&self) -> Option<Vec<SortKey>> {
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

/// The one value, NULL for no row, an error of IRIS (`<LIST>`, read as 21000) for several: a string is no list.
fn only(value: &Frag, count: &Frag) -> Frag {
    Frag::cat(
        &[&"CASE WHEN $LISTLENGTH(CASE WHEN ", count, &" > 1 THEN 'rows' END) IS NULL THEN MIN(", value, &") END"],
        value.ty,
    )
}

/// Whether every relation has at most one row, once those before it in some order have theirs: a unique key of it is
/// equal to something that reads none but these.
fn is_determined(relations: &[Relation], facts: &[(Equality, Option<Range<usize>>)]) -> bool {
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
    let parts: Vec<String> = names::parts(name).iter().map(|part| names::folded(part)).collect();
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
    let parts: Vec<String> = names::parts(name).iter().map(|part| names::folded(part)).collect();
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
