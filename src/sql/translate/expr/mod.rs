//! Expressions: what is written, and how it is read. The values are the business of the floor below.

pub(crate) mod aggregate_calls;
pub(crate) mod aggregates;
pub(crate) mod argument;
pub(crate) mod array;
pub(crate) mod atoms;
pub(crate) mod casts;
pub(crate) mod column_cast;
pub(crate) mod dates;
pub(crate) mod functions;
pub(crate) mod interval;
pub(crate) mod known;
pub(crate) mod labels;
pub(crate) mod operand;
pub(crate) mod operators;
pub(crate) mod order;
pub(crate) mod predicates;
pub(crate) mod strings;
pub(crate) mod subquery;
pub(crate) mod unique;
pub(crate) mod window;
pub(crate) mod window_value;

use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::Expr;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::Frag;

/// An expression, by the rule for what it is.
pub(crate) fn expression(cx: &Cx<'_>, expr: &Expr) -> Result<Frag> {
    match expr {
        Expr::Atom(node) => cx.atom(node),
        Expr::Not(operand) => cx.not(operand),
        Expr::Prefix { op, operand, at } => cx.prefix(op, operand, *at),
        Expr::Binary { op, left, right, at } => cx.binary(op, left, right, *at),
        Expr::Logic { and, left, right } => cx.logic(*and, left, right),
        Expr::Is { what, not, operand } => cx.is(*what, *not, operand),
        Expr::IsDistinct { not, left, right } => cx.is_distinct(*not, left, right),
        Expr::Between { not, symmetric, operand, low, high } => cx.between(*not, *symmetric, operand, low, high),
        Expr::In { not, operand, list } => cx.is_in(*not, operand, list),
        Expr::Like { kind, not, operand, pattern, escape } => cx.like(*kind, *not, operand, pattern, escape.as_deref()),
        Expr::Cast { operand, to } => cx.cast_expr(operand, to),
        Expr::AtTimeZone { operand, zone } => cx.at_time_zone(operand, zone.as_deref()),
        Expr::Collate { operand, collation } => cx.collate(operand, collation),
        Expr::Overlaps { at } => Err(cx.unsupported("the OVERLAPS operator is not supported by IRIS", *at)),
        Expr::IsOther(node) => Err(cx.unsupported(
            format!("{} is not supported by IRIS", nodes::plain_text(node).to_uppercase()),
            node.text_range().start().into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::expression;
    use crate::sql::syntax::{nodes, parse, tree};
    use crate::sql::translate::context::cx::{Cx, Rules};
    use crate::sql::translate::context::frag::{Frag, Ty};
    use crate::sql::{NoSchema, Template, TranslateOptions};
    use crate::wire::PgError;

    /// What stands within is a number called `x`.
    const WITHIN: Rules = Rules {
        expression: |_, _| Ok(Frag::atom("x", Ty::INT4)),
        query: |_, _, _, _| Err(PgError::unsupported("no query")),
    };

    #[test]
    fn a_rule_leaves_what_is_within_to_the_rules() {
        for (sql, expected) in [
            ("select a + f(b)", "x + x"),
            ("select (select 1) between a and 2", "x BETWEEN x AND x"),
            ("select not a", "x = 0"),
            ("select case when a then b end", "CASE WHEN x = 1 THEN x END"),
        ] {
            let mut template = Template::default();
            template.scan(sql).unwrap();
            let (keys, schema) = (Cell::new(1), NoSchema);
            let options = TranslateOptions::new("SQLUser", &keys);
            let cx = Cx::new(sql, &template, &schema, &options, &WITHIN);
            let statement = parse::lone_statement(sql).unwrap();
            let target = statement.descendants().find(|node| node.kind() == squawk_syntax::SyntaxKind::TARGET).unwrap();
            let expr = tree::read(&nodes::unwrapped(&target.first_child().unwrap())).unwrap();
            assert_eq!(expression(&cx, &expr).unwrap().text, expected, "{sql}");
        }
    }
}
