//! What a SELECT consists of beside its list.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::from::From;
use super::limit::Limit;
use crate::sql::syntax::nodes::{self, is_constant, is_query};
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::{Cx, stream_refused};
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::context::query::Place;
use crate::sql::translate::context::target::Target;
use crate::sql::translate::expr::aggregate_calls::holds_aggregate;
use crate::sql::translate::value::sort_key::SortKey;

/// What follows a select list.
pub(crate) struct Rest {
    pub frag: Frag,
    /// The query has at most one row: whether it has none where no row is read.
    pub one_group: Option<bool>,
}

/// Head and tail of a query whose order IRIS understands as it stands.
pub(crate) fn plain_order(
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

impl Cx<'_> {
    /// FROM, WHERE, GROUP BY, HAVING.
    pub(crate) fn rest(&self, node: &SyntaxNode, from: &From, targets: &[Target]) -> Result<Rest> {
        let mut frag = Frag::atom(String::new(), Ty::Any);
        if !from.is_empty() {
            frag.push(&" FROM ");
            frag.push(&self.write_from(from)?);
        }
        if let Some(clause) = nodes::child(node, SyntaxKind::WHERE_CLAUSE)
            && let Some(condition) = clause.first_child()
        {
            frag.push(&" WHERE ");
            frag.push(&self.filter(&condition)?);
        }
        let mut one_group = None;
        if let Some(clause) = nodes::child(node, SyntaxKind::GROUP_BY_CLAUSE) {
            let keys = self.inlined(true, || self.group_by(&clause, targets))?;
            if keys.is_empty() {
                one_group = Some(true);
            } else {
                frag.push(&" GROUP BY ");
                frag.push(&list(&keys));
            }
        }
        if let Some(clause) = nodes::child(node, SyntaxKind::HAVING_CLAUSE)
            && let Some(condition) = clause.first_child()
        {
            frag.push(&" HAVING ");
            frag.push(&self.filter(&condition)?);
            let grouped = nodes::child(node, SyntaxKind::GROUP_BY_CLAUSE).is_some();
            let aggregates = |target: &Target| target.node.as_ref().is_some_and(holds_aggregate);
            if !grouped && !targets.iter().all(aggregates) {
                one_group = Some(false);
            }
        }
        Ok(Rest { frag, one_group })
    }

    fn group_by(&self, clause: &SyntaxNode, targets: &[Target]) -> Result<Vec<Frag>> {
        let mut keys = Vec::new();
        for item in nodes::child(clause, SyntaxKind::GROUP_BY_LIST).iter().flat_map(SyntaxNode::children) {
            let at = usize::from(item.text_range().start());
            if item.kind() != SyntaxKind::GROUPING_EXPR {
                return Err(self
                    .unsupported("ROLLUP, CUBE and GROUPING SETS are not supported by IRIS", at)
                    .hint("Write one query per grouping and join them by UNION ALL."));
            }
            let Some(key) = item.first_child() else { continue };
            // GROUP BY (a, b) is GROUP BY a, b.
            let parts: Vec<SyntaxNode> =
                if key.kind() == SyntaxKind::TUPLE_EXPR { expressions(&key).collect() } else { vec![key] };
            for part in parts {
                let target = self.target_of(&part, targets, false)?.and_then(|number| targets.get(number));
                let named = target.and_then(|target| target.node.clone());
                let key = named.as_ref().unwrap_or(&part);
                if key.descendants().any(|child| is_query(child.kind())) {
                    return Err(self
                        .unsupported("GROUP BY a subquery is not supported by IRIS", at)
                        .hint("Give the subquery a name in a query in FROM, and group by the name."));
                }
                // To IRIS a constant is no key: it makes one group of all rows, or of none.
                if (target.is_none() || named.is_some()) && is_constant(key) {
                    continue;
                }
                let key = match target {
                    Some(target) if target.frag.is_stream => return Err(stream_refused(&target.label, at)),
                    Some(target) => target.value(),
                    None => self.value(&part)?,
                };
                keys.push(self.grouped(key)?);
            }
        }
        Ok(keys)
    }
}
