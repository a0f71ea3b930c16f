//! What an expression is made of, by its tree alone.

use super::super::parse::ast::{Condition, Expr, Name};

const AGGREGATES: [&str; 16] = [
    "COUNT",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "LIST",
    "%DLIST",
    "STDDEV",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "VARIANCE",
    "VAR_POP",
    "VAR_SAMP",
    "JSON_ARRAYAGG",
    "XMLAGG",
    "APPROX_COUNT_DISTINCT",
];

const WINDOW_ONLY: [&str; 11] = [
    "ROW_NUMBER",
    "RANK",
    "DENSE_RANK",
    "PERCENT_RANK",
    "CUME_DIST",
    "NTILE",
    "LAG",
    "LEAD",
    "FIRST_VALUE",
    "LAST_VALUE",
    "NTH_VALUE",
];

pub(super) fn is_aggregate(upper: &str) -> bool {
    AGGREGATES.contains(&upper)
}

pub(super) fn is_window_only(upper: &str) -> bool {
    WINDOW_ONLY.contains(&upper)
}

/// The expressions directly in one; not those of queries in it.
fn parts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Literal(_)
        | Expr::Null
        | Expr::Mark(_)
        | Expr::Column(_)
        | Expr::Variable(_)
        | Expr::Subquery(_)
        | Expr::Default => Vec::new(),
        Expr::Arrow(expr, _) | Expr::Negate(expr) | Expr::Cast(expr, _) | Expr::OdbcLiteral(_, expr) => vec![expr],
        Expr::Binary(first, rest) => std::iter::once(&**first).chain(rest.iter().map(|(_, part)| part)).collect(),
        Expr::Function(function) => {
            let window = function.over.iter();
            let keys = window
                .flat_map(|window| window.partition_by.iter().chain(window.order_by.iter().map(|item| &item.expr)));
            function.arguments.iter().chain(keys).collect()
        }
        Expr::Convert { expr, style, .. } => std::iter::once(&**expr).chain(style.as_deref()).collect(),
        Expr::Case { operand, branches, otherwise } => operand
            .as_deref()
            .into_iter()
            .chain(branches.iter().flat_map(|(when, then)| [when, then]))
            .chain(otherwise.as_deref())
            .collect(),
        Expr::JsonObject { pairs, .. } => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
        Expr::JsonArray { items, .. } => items.iter().collect(),
        Expr::Condition(condition) => parts_of_condition(condition),
    }
}

fn parts_of_condition(condition: &Condition) -> Vec<&Expr> {
    match condition {
        Condition::Exists(_) => Vec::new(),
        Condition::Not(expr)
        | Condition::IsNull { expr, .. }
        | Condition::IsJson { expr, .. }
        | Condition::CompareQuery { expr, .. }
        | Condition::InQuery { expr, .. } => vec![expr],
        Condition::Compare(_, a, b) => vec![a, b],
        Condition::And(parts) | Condition::Or(parts) => parts.iter().collect(),
        Condition::StartsWith { expr, prefix: other, .. }
        | Condition::Contains { expr, part: other, .. }
        | Condition::Matches { expr, pattern: other, .. }
        | Condition::Pattern { expr, pattern: other, .. }
        | Condition::InList { expr, list: other, .. } => vec![expr, other],
        Condition::Like { expr, pattern, escape, .. } => {
            [&**expr, &**pattern].into_iter().chain(escape.as_deref()).collect()
        }
        Condition::Between { expr, low, high, .. } => vec![expr, low, high],
        Condition::InValues { expr, values, .. } => std::iter::once(&**expr).chain(values).collect(),
    }
}

/// Whether it reads no column: a literal, a mark, a subquery, or made of them.
pub(super) fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Arrow(..) => false,
        Expr::Function(function) if function.star || function.over.is_some() => false,
        expr => parts(expr).into_iter().all(is_constant),
    }
}

/// Whether an aggregate that is no window function stands in it.
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    let is_one = match expr {
        Expr::Function(function) => function.over.is_none() && is_aggregate(&function.name.to_uppercase()),
        _ => false,
    };
    is_one || parts(expr).into_iter().any(has_aggregate)
}

/// The columns it names, window clauses included.
pub(super) fn columns(expr: &Expr) -> Vec<&[Name]> {
    match expr {
        Expr::Column(parts) => vec![parts.as_slice()],
        expr => parts(expr).into_iter().flat_map(columns).collect(),
    }
}
