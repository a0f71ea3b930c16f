//! Which calls are of aggregates, and which expressions hold one.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};

const NAMES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "bool_and",
    "bool_or",
    "every",
    "string_agg",
    "array_agg",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "stddev",
    "stddev_samp",
    "stddev_pop",
    "variance",
    "var_samp",
    "var_pop",
    "bit_and",
    "bit_or",
    "corr",
    "covar_pop",
    "covar_samp",
    "percentile_cont",
    "percentile_disc",
    "mode",
    "any_value",
    "xmlagg",
    "regr_slope",
    "regr_intercept",
    "regr_count",
    "regr_r2",
];

/// Whether a call is of an aggregate, so a query of it without GROUP BY has one row.
pub(crate) fn is_aggregate(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Whether an aggregate is called somewhere in an expression.
pub(crate) fn has_aggregate(node: &SyntaxNode) -> bool {
    node.descendants().filter(|node| node.kind() == SyntaxKind::CALL_EXPR).any(|call| {
        let name = call.first_child().map(|name| names::parts(&name)).unwrap_or_default();
        let is_window = nodes::child(&call, SyntaxKind::OVER_CLAUSE).is_some();
        !is_window && name.last().is_some_and(|name| is_aggregate(&names::folded(name)))
    })
}

/// Whether an expression has an aggregate of the query itself, or a subquery.
pub(crate) fn holds_inner(node: &SyntaxNode) -> bool {
    holds_aggregate(node) || node.descendants().any(|child| is_query(child.kind()))
}

/// Whether an expression has an aggregate of the query itself: one over a window, or in a subquery, is none.
pub(crate) fn holds_aggregate(node: &SyntaxNode) -> bool {
    if is_query(node.kind()) {
        return false;
    }
    if node.kind() == SyntaxKind::CALL_EXPR
        && nodes::child(node, SyntaxKind::OVER_CLAUSE).is_none()
        && node
            .first_child()
            .is_some_and(|name| names::parts(&name).last().is_some_and(|name| is_aggregate(&names::folded(name))))
    {
        return true;
    }
    node.children().any(|child| holds_aggregate(&child))
}
