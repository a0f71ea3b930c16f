//! DISTINCT ON: the first row of each group, by a window function.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::from::From;
use super::outer::{Outer, numbered_list};
use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::context::query::{Place, Query};
use crate::sql::translate::context::target::{Target, outputs};
use crate::sql::translate::expr::aggregate_calls::holds_aggregate;
use crate::sql::translate::value::sort_key::SortKey;

impl Cx<'_> {
    /// ```text
    /// SELECT a AS a, b AS b FROM (SELECT a AS a_1, b AS b_2, k AS k_1,
    ///     ROW_NUMBER() OVER (PARTITION BY on ORDER BY k) AS row_number FROM ..) WHERE row_number = 1 ORDER BY k_1
    /// ```
    pub(crate) fn distinct_on(
        &self,
        node: &SyntaxNode,
        place: Place,
        on: &SyntaxNode,
        targets: Vec<Target>,
        from: &From,
    ) -> Result<Query> {
        let at = usize::from(on.text_range().start());
        if targets.iter().any(Target::is_star) {
            return Err(self
                .unsupported("DISTINCT ON with * needs the table's columns, which are not known", at)
                .hint("Name the columns."));
        }
        let groups = self.inlined(true, || {
            expressions(on)
                .map(|key| match self.target_of(&key, &targets, true)?.and_then(|number| targets.get(number)) {
                    Some(target) => self.grouped(target.value()),
                    None => self.grouped(self.value(&key)?),
                })
                .collect::<Result<Vec<Frag>>>()
        })?;
        let keys = match nodes::clause(node, SyntaxKind::ORDER_BY_CLAUSE) {
            Some(order) => self.inlined(true, || self.sort_keys(&order, Some(&targets)))?,
            None => Vec::new(),
        };
        let rest = self.rest(node, from, &targets)?;
        if rest.one_group.is_some() {
            return Err(self.unsupported("DISTINCT ON in a query of aggregates is not supported", at));
        }
        let (mut items, mut inner_names, outer_keys) = numbered_list(&targets, &keys);
        let number = |groups: &[Frag], keys: &[SortKey]| {
            let keys: Vec<Frag> = keys.iter().map(SortKey::render).collect();
            let mut window = Frag::cat(&[&"ROW_NUMBER() OVER (PARTITION BY ", &list(groups)], Ty::Any);
            if !keys.is_empty() {
                window.push(&" ORDER BY ");
                window.push(&list(&keys));
            }
            window.push(&") AS pgw_place");
            window
        };
        let aggregates = nodes::child(node, SyntaxKind::GROUP_BY_CLAUSE).is_some()
            || targets.iter().any(|target| target.node.as_ref().is_some_and(holds_aggregate))
            || keys.iter().any(|key| key.is_inner);
        let mut inner = Frag::atom("SELECT ", Ty::Any);
        if aggregates {
            // What a window may not read: the groups come first, their order next.
            let mut named = Vec::new();
            for (n, group) in groups.iter().enumerate() {
                let name = format!("pgw_g{}", n + 1);
                items.push(Frag::cat(&[group, &" AS ", &name], Ty::Any));
                named.push(Frag::atom(name, Ty::Any));
            }
            inner.push(&inner_names.join(", "));
            inner.push(&", ");
            inner.push(&number(&named, &outer_keys));
            inner.push(&" FROM (SELECT ");
            inner.push(&list(&items));
            inner.push(&rest.frag);
            inner.push(&") pgw");
        } else {
            let plain: Vec<SortKey> =
                keys.iter().map(|key| SortKey { text: key.value.clone(), ..key.clone() }).collect();
            items.push(number(&groups, &plain));
            inner.push(&list(&items));
            inner.push(&rest.frag);
        }
        inner_names.push("pgw_place".to_owned());
        let limit = self.limit(node)?;
        let columns = outputs(&targets, place);
        let values = inner_names.iter().take(targets.len()).map(|name| Frag::atom(name.clone(), Ty::Any)).collect();
        let outer = Outer {
            targets: &targets,
            values,
            inner,
            inner_names,
            filter: Some("pgw_place = 1"),
            keys: outer_keys,
            limit: &limit,
            place,
        };
        let (head, targets, tail) = outer.parts();
        Ok(Query { columns, ..Query::of_parts(head, targets, tail) })
    }
}
