//! Columns that a query compares for equality: rows of one table that have no partner among those of the other are not
//! needed.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::nearby::is_row_by_row;
use super::relations::{Base, Merge};
use super::sources::{Meaning, Source, Sources};
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::nodes::{self, unwrapped};
use crate::sql::syntax::tree::{self, Expr};
use crate::types::Oid;

/// Of `base` only those rows are needed whose `column` is equal to the `other_column` of some row of `other`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub base: usize,
    pub column: String,
    pub other: usize,
    pub other_column: String,
}

/// All that a query says of this.
pub(super) fn pairs(bases: &[Base]) -> Vec<Pair> {
    let mut found = Found { sources: Sources { bases }, pairs: Vec::new() };
    for (at, base) in bases.iter().enumerate() {
        let mut seen: Vec<&SyntaxNode> = Vec::new();
        for conjunct in &base.conjuncts {
            if !seen.contains(&&conjunct.condition) {
                seen.push(&conjunct.condition);
                found.of_condition(&conjunct.condition, at);
            }
        }
        for merge in &base.merges {
            found.of_merge(merge, at);
        }
    }
    found.pairs
}

struct Found<'a> {
    sources: Sources<'a>,
    pairs: Vec<Pair>,
}

impl Found<'_> {
    /// By a condition that is true of all rows of a table that are needed.
    fn of_condition(&mut self, condition: &SyntaxNode, at: usize) {
        if let Ok(expr) = tree::read(&unwrapped(condition)) {
            self.of_expr(&expr, at);
        }
    }

    fn of_expr(&mut self, expr: &Expr, at: usize) {
        // A chain of ANDs leans to the left.
        let mut expr = expr;
        while let Expr::Logic { and: true, left, right } = expr {
            self.of_expr(right, at);
            expr = left;
        }
        match expr {
            Expr::Atom(node) if node.kind() == SyntaxKind::PAREN_EXPR => {
                let inner = unwrapped(node);
                if inner.kind() != SyntaxKind::PAREN_EXPR {
                    self.of_condition(&inner, at);
                }
            }
            Expr::Binary { op, left, right, .. } if op == "=" => {
                if let (Expr::Atom(left), Expr::Atom(right)) = (&**left, &**right) {
                    let (left, right) =
                        (self.sources.meaning(&unwrapped(left)), self.sources.meaning(&unwrapped(right)));
                    self.put_both(&left, &right, at);
                }
            }
            Expr::In { not: false, operand, list } => {
                if let (Expr::Atom(operand), Some(query)) = (&**operand, subquery(list)) {
                    self.of_query(&self.sources.meaning(&unwrapped(operand)), &query, at);
                }
            }
            _ => {}
        }
    }

    /// `value IN (query)`, of a query that has one column.
    fn of_query(&mut self, value: &Meaning, query: &SyntaxNode, at: usize) {
        let targets = nodes::child(query, SyntaxKind::SELECT_CLAUSE)
            .map(|clause| nodes::grandchildren(&clause, SyntaxKind::TARGET_LIST, SyntaxKind::TARGET))
            .unwrap_or_default();
        let [target] = targets.as_slice() else { return };
        let Some(shown) = target.first_child() else { return };
        let shown = self.sources.meaning(&unwrapped(&shown));
        self.put(value, &shown, at);
        // The other way round, where a row of the query's table is nothing but one of its rows.
        if let Meaning::Column(base, _) = &shown
            && self.sources.bases.get(*base).is_some_and(|base| base.select == *query)
            && is_rowwise(query)
        {
            self.put(&shown, value, *base);
        }
    }

    /// By USING or NATURAL.
    fn of_merge(&mut self, merge: &Merge, at: usize) {
        let (_, right) = self.sources.item(&merge.right);
        let names = match (Merge::names(&merge.join), &right) {
            (Some(names), _) => names,
            (None, Source::Base(base)) => {
                self.sources.bases.get(*base).map(|base| base.column_names().collect()).unwrap_or_default()
            }
            _ => return,
        };
        for name in names {
            let left = self.held_left(merge, &name);
            let right = self.sources.column(&right, &name, 0);
            self.put_both(&left, &right, at);
        }
    }

    /// The column that a name means left of a join.
    fn held_left(&self, merge: &Merge, name: &str) -> Meaning {
        let (_, first) = self.sources.item(&merge.first);
        let mut found = self.sources.column(&first, name, 0);
        for (join, item) in &merge.before {
            let (_, source) = self.sources.item(item);
            match (self.sources.column(&source, name, 0), &found) {
                (Meaning::Absent, _) => {}
                (Meaning::Column(base, column), Meaning::Absent) => found = Meaning::Column(base, column),
                // One of two that were compared before: the left one, but where that may be missing.
                (Meaning::Column(..), Meaning::Column(..)) => {
                    let is_merged = match Merge::names(join) {
                        Some(names) => names.iter().any(|merged| merged == name),
                        None => nodes::has_token(join, SyntaxKind::NATURAL_KW),
                    };
                    let has = |kind| nodes::child(join, kind).is_some();
                    if !is_merged || has(SyntaxKind::JOIN_RIGHT) || has(SyntaxKind::JOIN_FULL) {
                        return Meaning::Unknown;
                    }
                }
                _ => return Meaning::Unknown,
            }
        }
        found
    }

    fn put_both(&mut self, left: &Meaning, right: &Meaning, at: usize) {
        self.put(left, right, at);
        self.put(right, left, at);
    }

    /// `by` is what the column of the table has to be equal to.
    fn put(&mut self, of: &Meaning, by: &Meaning, at: usize) {
        let (Meaning::Column(base, column), Meaning::Column(other, other_column)) = (of, by) else { return };
        if *base != at || base == other {
            return;
        }
        let facts = |base: usize, column: &str| self.sources.bases.get(base)?.column(column);
        let alike = facts(*base, column).zip(facts(*other, other_column)).is_some_and(|(a, b)| are_alike(a, b));
        let pair = Pair { base: *base, column: column.clone(), other: *other, other_column: other_column.clone() };
        if alike && !self.pairs.contains(&pair) {
            self.pairs.push(pair);
        }
    }
}

/// Whether values of two columns are equal where their bytes are, or where they are the same integer.
fn are_alike(a: &ColumnFacts, b: &ColumnFacts) -> bool {
    if a.enum_type.is_some() || b.enum_type.is_some() {
        return false;
    }
    let of = |oids: &[Oid]| oids.contains(&a.pg_type.oid) && oids.contains(&b.pg_type.oid);
    of(&[Oid::INT2, Oid::INT4, Oid::INT8]) || of(&[Oid::TEXT, Oid::VARCHAR]) || of(&[Oid::UUID]) || of(&[Oid::DATE])
}

/// The SELECT that is all there is in the parentheses behind IN.
fn subquery(list: &SyntaxNode) -> Option<SyntaxNode> {
    match list.kind() {
        SyntaxKind::SELECT => Some(list.clone()),
        SyntaxKind::PAREN_SELECT | SyntaxKind::PAREN_EXPR if list.children().count() == 1 => {
            subquery(&list.first_child()?)
        }
        _ => None,
    }
}

/// Whether a query has a row for each row of its tables that its conditions are true of.
pub(super) fn is_rowwise(select: &SyntaxNode) -> bool {
    let is_plain = select.children().all(|part| {
        matches!(
            part.kind(),
            SyntaxKind::SELECT_CLAUSE
                | SyntaxKind::FROM_CLAUSE
                | SyntaxKind::WHERE_CLAUSE
                | SyntaxKind::ORDER_BY_CLAUSE
        )
    });
    is_plain && nodes::child(select, SyntaxKind::SELECT_CLAUSE).is_some_and(|targets| is_row_by_row(&targets))
}
