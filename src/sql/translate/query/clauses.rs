//! What a SELECT consists of beside its list, and whether its keys are any.

use super::limit::Limit;
use super::order::SortKey;
use super::select::Target;
use crate::sql::translate::frag::{Frag, Ty, list};
use crate::sql::translate::query::Place;

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
