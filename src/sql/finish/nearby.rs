//! What a node of a query is in, and what a list of it does to rows.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::functions::changes_rows;
use crate::sql::syntax::nodes;

/// The SELECT that a node is in.
pub(super) fn select_of(node: &SyntaxNode) -> Option<SyntaxNode> {
    node.ancestors().find(|node| node.kind() == SyntaxKind::SELECT)
}

/// Whether a select list makes one row of each: it has no DISTINCT, and calls nothing that makes more rows or fewer.
pub(super) fn is_row_by_row(targets: &SyntaxNode) -> bool {
    let select = select_of(targets);
    nodes::child(targets, SyntaxKind::DISTINCT_CLAUSE).is_none()
        && !targets.descendants().filter(|node| select_of(node) == select).any(|node| match node.kind() {
            SyntaxKind::OVER_CLAUSE => true,
            SyntaxKind::CALL_EXPR => nodes::called(&node).is_none_or(|name| changes_rows(&name)),
            _ => false,
        })
}

/// Whether a name is that of a function that is called.
pub(super) fn is_called(name: &SyntaxNode) -> bool {
    name.parent().is_some_and(|parent| {
        parent.kind() == SyntaxKind::CALL_EXPR && parent.first_child().is_some_and(|first| first == *name)
    })
}
