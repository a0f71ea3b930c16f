//! Which names are those of tables of WITH.

use squawk_syntax::SyntaxKind;
use squawk_syntax::SyntaxNode;

use super::{names, nodes};

/// Whether a name in FROM is that of a table of WITH, of the query it is in or of one around it.
pub(crate) fn is_with_table(name: &SyntaxNode) -> bool {
    with_table(name).is_some()
}

/// The table of WITH that a name in FROM means.
pub(crate) fn with_table(name: &SyntaxNode) -> Option<SyntaxNode> {
    let parts = names::parts(name);
    let [only] = parts.as_slice() else { return None };
    let folded = names::folded(only);
    let start = name.text_range().start();
    name.ancestors().find_map(|query| {
        let with = with_of(&query)?;
        let is_inside = with.text_range().contains(start);
        let recursive = nodes::has_token(&with, SyntaxKind::RECURSIVE_KW);
        nodes::children(&with, SyntaxKind::WITH_TABLE).find(|table| {
            // Without RECURSIVE a query of WITH sees those in front of it.
            let is_seen = !is_inside || recursive || table.text_range().end() <= start;
            is_seen && names::first(table).is_some_and(|table| names::folded(&table) == folded)
        })
    })
}

/// The WITH of a query. That of a set operation stands in the tree of its first query, of which it is not.
pub(crate) fn with_of(query: &SyntaxNode) -> Option<SyntaxNode> {
    let is_first = query.parent().is_some_and(|parent| {
        parent.kind() == SyntaxKind::COMPOUND_SELECT && parent.first_child().is_some_and(|first| first == *query)
    });
    if is_first {
        return None;
    }
    let mut query = query.clone();
    while query.kind() == SyntaxKind::COMPOUND_SELECT {
        query = query.first_child()?;
    }
    nodes::child(&query, SyntaxKind::WITH_CLAUSE)
}
