//! What the family of statements comes to, and what all of them ask of their nodes.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::plan::Action;
use crate::sql::syntax::names;
use crate::sql::translate::context::Result;

/// A statement of this family, and its tag.
#[derive(Debug)]
pub(crate) struct Utility {
    pub action: Action,
    pub tag: String,
}

pub(crate) fn utility(action: Action, tag: &str) -> Result<Option<Utility>> {
    Ok(Some(Utility { action, tag: tag.to_owned() }))
}

/// The folded name under a node of `kind`.
pub(crate) fn object(stmt: &SyntaxNode, kind: SyntaxKind) -> String {
    let node = stmt.descendants().skip(1).find(|node| node.kind() == kind);
    node.and_then(|node| names::first(&node)).map(|name| names::folded(&name)).unwrap_or_default()
}
