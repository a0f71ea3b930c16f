//! What a node of a query is in, or calls.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::names;

/// The SELECT that a node is in.
pub(super) fn select_of(node: &SyntaxNode) -> Option<SyntaxNode> {
    node.ancestors().find(|node| node.kind() == SyntaxKind::SELECT)
}

/// The function of a call, folded; `None` for EXISTS and the like, and for functions of other schemas.
pub(super) fn called(call: &SyntaxNode) -> Option<String> {
    let name = call.first_child()?;
    if !matches!(name.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
        return None;
    }
    names::parts(&name).last().map(|name| names::folded(name))
}

/// Whether a name is that of a function that is called.
pub(super) fn is_called(name: &SyntaxNode) -> bool {
    name.parent().is_some_and(|parent| {
        parent.kind() == SyntaxKind::CALL_EXPR && parent.first_child().is_some_and(|first| first == *name)
    })
}
