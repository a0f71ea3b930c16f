//! A query around a query: for sort keys IRIS takes from the select list only, and for an offset inside a statement.

use super::limit::Limit;
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::context::query::{Place, column_name};
use crate::sql::translate::context::target::Target;
use crate::sql::translate::value::sort_key::SortKey;

/// Its pieces.
pub(crate) struct Outer<'a> {
    pub targets: &'a [Target],
    /// Texts in the terms of the query inside, one for each target.
    pub values: Vec<Frag>,
    /// The query inside.
    pub inner: Frag,
    /// What the query inside calls its columns.
    pub inner_names: Vec<String>,
    pub filter: Option<&'a str>,
    /// In the terms of the query inside.
    pub keys: Vec<SortKey>,
    pub limit: &'a Limit,
    pub place: Place,
}

impl Outer<'_> {
    /// Head and tail around the targets, whose texts are [`values`](Self::values).
    pub(crate) fn parts(self) -> (Frag, Vec<Target>, Frag) {
        let mut targets: Vec<Target> = self.targets.to_vec();
        for (target, value) in targets.iter_mut().zip(self.values) {
            let name = target.column_name();
            let ty = target.frag.ty;
            target.frag = Frag { ty, not_null: target.frag.not_null, ..value };
            target.alias = Some(name);
            target.node = None;
        }
        let keys: Vec<Frag> = self.keys.iter().map(SortKey::render).collect();
        let mut head = Frag::atom("SELECT ", Ty::Any);
        let mut tail = Frag::atom(" FROM (", Ty::Any);
        match &self.limit.offset {
            // A LIMIT behind ORDER BY stands in the statement itself only: rows are numbered and counted off.
            Some(offset) if self.place != Place::Top && !keys.is_empty() => {
                head.push(&"TOP ALL ");
                tail.push(&"SELECT ");
                tail.push(&self.inner_names.join(", "));
                tail.push(&", ROW_NUMBER() OVER (ORDER BY ");
                tail.push(&list(&keys));
                tail.push(&") AS pgw_row FROM (");
                tail.push(&self.inner);
                tail.push(&") pgw");
                if let Some(filter) = self.filter {
                    tail.push(&" WHERE ");
                    tail.push(&filter);
                }
                tail.push(&") pgw WHERE pgw_row > ");
                tail.push(offset);
                if let Some(count) = &self.limit.count {
                    tail.push(&" AND pgw_row - ");
                    tail.push(offset);
                    tail.push(&" <= ");
                    tail.push(count);
                }
                tail.push(&" ORDER BY pgw_row");
            }
            _ => {
                match self.limit.top() {
                    Some(top) => head.push(&top),
                    // Without TOP, IRIS refuses ORDER BY in a subquery.
                    None if self.place != Place::Top && self.limit.offset.is_none() && !keys.is_empty() => {
                        head.push(&"TOP ALL ");
                    }
                    None => {}
                }
                tail.push(&self.inner);
                tail.push(&") pgw");
                if let Some(filter) = self.filter {
                    tail.push(&" WHERE ");
                    tail.push(&filter);
                }
                if !keys.is_empty() {
                    tail.push(&" ORDER BY ");
                    tail.push(&list(&keys));
                }
                if self.limit.offset.is_some() {
                    tail.push(&self.limit.clause());
                }
            }
        }
        (head, targets, tail)
    }
}

/// A select list for a query inside: the targets under names of their own, and the keys that are none of them. Answers
/// the list, the names, and the keys in these names.
pub(crate) fn numbered_list(targets: &[Target], keys: &[SortKey]) -> (Vec<Frag>, Vec<String>, Vec<SortKey>) {
    let mut items = Vec::new();
    let mut names = Vec::new();
    let mut add = |value: &Frag, name: String| {
        items.push(Frag::cat(&[value, &" AS ", &name], Ty::Any));
        names.push(name);
    };
    for (n, target) in targets.iter().enumerate() {
        add(&target.frag, column_name(n));
    }
    let mut outer = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        let name = match key.target {
            Some(target) => column_name(target),
            None => {
                let name = format!("pgw_k{}", n + 1);
                add(&key.value, name.clone());
                name
            }
        };
        let mut column = Frag::atom(name, key.value.ty);
        column.not_null = key.value.not_null;
        outer.push(SortKey { value: column.clone(), text: column, is_inner: false, ..key.clone() });
    }
    (items, names, outer)
}
