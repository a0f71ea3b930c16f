//! Whether a SELECT has at most one row.

use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::from::From;
use crate::sql::syntax::equalities::{Equality, equated};
use crate::sql::syntax::nodes;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::query::Place;
use crate::sql::translate::context::scope::Conditions;
use crate::sql::translate::context::target::Target;
use crate::sql::translate::expr::aggregate_calls::holds_aggregate;
use crate::sql::translate::expr::unique::is_determined;

impl Cx<'_> {
    /// Whether a SELECT without set operations has at most one row, whatever its tables hold.
    pub(crate) fn has_one_row(&self, node: &SyntaxNode, from: &From, targets: &[Target], place: Place) -> bool {
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
        if let Some(fetch) = nodes::clause(node, SyntaxKind::FETCH_CLAUSE) {
            let count = fetch.children().find(|child| child.kind() != SyntaxKind::FETCH_ONLY);
            return count.is_none_or(|count| self.constant_integer(&count).is_some_and(|n| n <= 1));
        }
        nodes::clause(node, SyntaxKind::LIMIT_CLAUSE)
            .and_then(|clause| clause.first_child())
            .is_some_and(|count| self.constant_integer(&count).is_some_and(|n| n <= 1))
    }
}

impl Conditions {
    pub(crate) fn of(depth: usize, node: &SyntaxNode, from: &From) -> Self {
        Self {
            depth,
            of_joins: from.conditions.clone(),
            has_full_join: from.has_full_join,
            group_by: nodes::child(node, SyntaxKind::GROUP_BY_CLAUSE),
        }
    }
}
