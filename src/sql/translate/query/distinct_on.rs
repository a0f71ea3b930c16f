//! DISTINCT ON: the first row of each group, by a window function.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Query;
use super::from::From;
use super::order::SortKey;
use super::select::{Target, outputs, shape};
use crate::sql::translate::cx::{self, Cx, Result};
use crate::sql::translate::expr::expressions;
use crate::sql::translate::frag::{Frag, Ty, list};
use crate::sql::translate::names;

impl Cx<'_> {
    /// ```text
    /// SELECT a AS a, b AS b FROM (SELECT a AS a_1, b AS b_2, k AS k_1,
    ///     ROW_NUMBER() OVER (PARTITION BY on ORDER BY k) AS row_number FROM ..) WHERE row_number = 1 ORDER BY k_1
    /// ```
    pub(super) fn distinct_on(
        &self,
        node: &SyntaxNode,
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
                .map(|key| match self.target_of(&key, &targets, true)? {
                    Some(target) => self.grouped(target.frag.clone()),
                    None => self.grouped(self.value(&key)?),
                })
                .collect::<Result<Vec<_>>>()
        })?;
        let keys = match cx::child(node, SyntaxKind::ORDER_BY_CLAUSE) {
            Some(order) => self.inlined(true, || self.sort_keys(&order, Some(&targets)))?,
            None => Vec::new(),
        };
        let mut inner = Vec::new();
        let mut outer = Vec::new();
        for (n, target) in targets.iter().enumerate() {
            let name = format!("pgw_c{}", n + 1);
            inner.push(Frag::cat(&[&target.frag, &" AS ", &name], Ty::Any));
            let alias = target.alias.clone().unwrap_or_else(|| names::iris_name_of(&target.label));
            let alias = if target.label == "?column?" { String::new() } else { format!(" AS {alias}") };
            outer.push(Frag::cat(&[&name, &alias], Ty::Any));
        }
        let mut sorted = Vec::new();
        for (n, key) in keys.iter().enumerate() {
            let name = format!("pgw_k{}", n + 1);
            inner.push(Frag::cat(&[&key.value, &" AS ", &name], Ty::Any));
            let mut column = Frag::atom(name, Ty::Any);
            column.not_null = key.value.not_null;
            sorted.push(SortKey { value: column.clone(), text: column, ..key.clone() }.render());
        }
        let in_window: Vec<Frag> =
            keys.iter().map(|key| SortKey { text: key.value.clone(), ..key.clone() }.render()).collect();
        let mut window = Frag::cat(&[&"ROW_NUMBER() OVER (PARTITION BY ", &list(&groups)], Ty::Any);
        if !in_window.is_empty() {
            window.push(&" ORDER BY ");
            window.push(&list(&in_window));
        }
        window.push(&") AS pgw_row");
        inner.push(window);
        let limit = self.limit(node)?;
        let mut frag = Frag::atom("SELECT ", Ty::Any);
        if let Some(top) = limit.top() {
            frag.push(&top);
        }
        frag.push(&list(&outer));
        frag.push(&" FROM (SELECT ");
        frag.push(&list(&inner));
        frag.push(&self.rest(node, from, &targets)?);
        frag.push(&") pgw WHERE pgw_row = 1");
        if !sorted.is_empty() {
            frag.push(&" ORDER BY ");
            frag.push(&list(&sorted));
        }
        if limit.offset.is_some() {
            frag.push(&limit.clause());
        }
        Ok(Query { frag, columns: outputs(&targets, super::Place::Top), shape: shape(&targets) })
    }
}
