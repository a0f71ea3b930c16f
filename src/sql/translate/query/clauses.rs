//! What a SELECT consists of beside its list, and whether its keys are any.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Place;
use super::limit::Limit;
use super::order::SortKey;
use super::select::Target;
use crate::sql::translate::expr::{is_query, is_type};
use crate::sql::translate::frag::{Frag, Ty, list};

/// What follows a select list.
pub(super) struct Rest {
    pub frag: Frag,
    /// The query has at most one row: whether it has none where no row is read.
    pub one_group: Option<bool>,
}

/// Head and tail of a query whose order IRIS understands as it stands.
pub(super) fn plain_order(
    word: &str,
    rest: Frag,
    targets: &[Target],
    keys: &[SortKey],
    limit: &Limit,
    place: Place,
) -> (Frag, Frag) {
    let mut head = Frag::atom(word, Ty::Any);
    if let Some(top) = limit.top() {
        head.push(&top);
    } else if !keys.is_empty() && place != Place::Top && limit.is_none() {
        // Without TOP, IRIS refuses ORDER BY in a subquery.
        head.push(&"TOP ALL ");
    }
    let mut tail = rest;
    let rendered: Vec<Frag> = keys.iter().map(|key| in_list(key, targets).render()).collect();
    if !rendered.is_empty() {
        tail.push(&" ORDER BY ");
        tail.push(&list(&rendered));
    }
    if limit.offset.is_some() {
        tail.push(&limit.clause());
    }
    (head, tail)
}

/// An aggregate or subquery of the select list that has no name there goes by its number.
fn in_list(key: &SortKey, targets: &[Target]) -> SortKey {
    match key.target {
        Some(n) if key.is_inner && targets.get(n).is_some_and(|target| target.alias.is_none()) => {
            SortKey { text: Frag::atom((n + 1).to_string(), Ty::Any), ..key.clone() }
        }
        _ => key.clone(),
    }
}

/// Whether an expression says the same for every row: it reads no column and no table.
pub(in crate::sql::translate) fn is_constant(node: &SyntaxNode) -> bool {
    if is_query(node.kind()) {
        return false;
    }
    match node.kind() {
        // Functions without parentheses; other words that look like keywords are columns.
        SyntaxKind::NAME_REF => node.first_token().is_some_and(|token| {
            matches!(
                token.kind(),
                SyntaxKind::CURRENT_TIMESTAMP_KW
                    | SyntaxKind::CURRENT_DATE_KW
                    | SyntaxKind::CURRENT_TIME_KW
                    | SyntaxKind::LOCALTIME_KW
                    | SyntaxKind::LOCALTIMESTAMP_KW
                    | SyntaxKind::CURRENT_USER_KW
                    | SyntaxKind::CURRENT_ROLE_KW
                    | SyntaxKind::SESSION_USER_KW
                    | SyntaxKind::USER_KW
                    | SyntaxKind::CURRENT_CATALOG_KW
                    | SyntaxKind::CURRENT_SCHEMA_KW
            )
        }),
        SyntaxKind::CALL_EXPR => {
            let named = |n: usize, child: &SyntaxNode| {
                n == 0 && matches!(child.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR)
            };
            node.children().enumerate().all(|(n, child)| named(n, &child) || is_constant(&child))
        }
        kind if is_type(kind) => true,
        _ => node.children().all(|child| is_constant(&child)),
    }
}
