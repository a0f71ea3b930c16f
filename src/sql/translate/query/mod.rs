//! Queries: SELECT, set operations, VALUES, TABLE, WITH.

pub(crate) mod clauses;
pub(crate) mod convert;
pub(crate) mod distinct_on;
pub(crate) mod from;
pub(crate) mod limit;
pub(crate) mod merged;
pub(crate) mod one_row;
pub(crate) mod outer;
pub(crate) mod select;
pub(crate) mod set_operations;
pub(crate) mod with;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::query::{Place, Query};

/// What stands in parentheses, behind their WITH.
fn inside(node: &SyntaxNode) -> Option<SyntaxNode> {
    node.children().find(|child| child.kind() != SyntaxKind::WITH_CLAUSE)
}

/// A query by the rule for what it is. `names`: what the columns are to be called, from an alias list.
pub(crate) fn query(cx: &Cx<'_>, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
    cx.under_with(node, || without_with(cx, node, place, names))
}

fn without_with(cx: &Cx<'_>, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
    match node.kind() {
        SyntaxKind::SELECT => cx.select(node, place, names),
        SyntaxKind::COMPOUND_SELECT => cx.set_operation(node, place, names),
        SyntaxKind::VALUES => cx.values(node, place, names),
        SyntaxKind::TABLE => cx.table(node, place, names),
        SyntaxKind::PAREN_SELECT | SyntaxKind::PAREN_EXPR => match inside(node) {
            Some(inner) => {
                let query = cx.query(&inner, place, names)?;
                let plain = match inner.kind() {
                    SyntaxKind::SELECT => !matches!(place, Place::Inner | Place::Leg | Place::Scalar),
                    SyntaxKind::COMPOUND_SELECT => place != Place::Leg,
                    _ => true,
                };
                Ok(if plain { query } else { query.parenthesised() })
            }
            None => Err(cx.unsupported("empty parentheses", node.text_range().start().into())),
        },
        SyntaxKind::SELECT_INTO => {
            Err(cx.unsupported("SELECT INTO is not allowed here", node.text_range().start().into()))
        }
        SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE => Err(cx
            .unsupported(
                "a change in WITH is not supported where another part of the statement reads the table that it changes",
                node.text_range().start().into(),
            )
            .hint("Send it as a statement of its own, in a transaction.")),
        kind => Err(cx.unsupported(
            format!("{} is not supported here", format!("{kind:?}").replace('_', " ")),
            node.text_range().start().into(),
        )),
    }
}
