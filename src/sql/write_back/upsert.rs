//! INSERT .. ON CONFLICT DO UPDATE whose SET or WHERE IRIS cannot compute: the rows are joined with those that they
//! conflict with.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::joined::{Action, Joined, Write};
use super::target::Table;
use super::{Change, Made};
use crate::sql::rule_text::whole;
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::is_default;
use crate::types::{Oid, quoted_name};

impl Change<'_, '_> {
    /// `head`: all in front of the rows of `source`; `listed`: the columns that get values, folded.
    pub(super) fn upsert(&self, table: &Table, head: &str, source: &SyntaxNode, listed: &[String]) -> Made {
        let Some(key) = table.key() else { return Ok(None) };
        let Some(conflict) = nodes::child(self.node, SyntaxKind::ON_CONFLICT_CLAUSE) else { return Ok(None) };
        let Some(update) = nodes::child(&conflict, SyntaxKind::CONFLICT_DO_UPDATE_SET) else { return Ok(None) };
        let Some(target) = nodes::child(&conflict, SyntaxKind::CONFLICT_ON_INDEX) else { return Ok(None) };
        let Some(arbiter) = arbiter(&target, listed) else { return Ok(None) };
        let Some(assignments) = self.assignments(&update) else { return Ok(None) };
        // What EXCLUDED has of a column that is not listed is its default, which only IRIS knows.
        let is_known = |name: &String| listed.contains(name);
        if source.descendants().any(|node| is_default(&node)) || !excluded(&update).iter().all(is_known) {
            return Ok(None);
        }
        let Some(columns) = listed.iter().map(|name| table.column(name)).collect::<Option<Vec<&ColumnFacts>>>() else {
            return Ok(None);
        };
        let renamed: Vec<String> = (0..columns.len()).map(|n| format!("pgw_{n}")).collect();
        let cast = |(n, column): (usize, &&ColumnFacts)| {
            format!("pgw_s.pgw_{n}::{} AS {}", whole(column), table.called(column))
        };
        let casts: Vec<String> = columns.iter().enumerate().map(cast).collect();
        let equal = |name: &String| {
            let name = quoted_name(name);
            format!("{}.{name} = excluded.{name}", table.visible)
        };
        let on: Vec<String> = arbiter.iter().map(equal).collect();
        let from = format!(
            "({}) AS pgw_s({}) CROSS JOIN LATERAL (SELECT {}) AS excluded LEFT JOIN {} ON {}",
            self.text_of(source),
            renamed.join(", "),
            casts.join(", "),
            table.named,
            on.join(" AND ")
        );
        let there = key.first().map(|column| format!("{}.{column} IS", table.visible)).unwrap_or_default();
        let filter = nodes::child(&update, SyntaxKind::WHERE_CLAUSE).and_then(|clause| clause.first_child());
        let filter = filter.map(|filter| format!(" AND ({})", self.text_of(&filter))).unwrap_or_default();
        let changed = Action { condition: format!("{there} NOT NULL{filter}"), write: Write::Update(assignments) };
        let new = Write::Insert {
            head: head.to_owned(),
            columns: listed.to_vec(),
            values: renamed.iter().map(|name| Some(format!("pgw_s.{name}"))).collect(),
            tail: format!("ON CONFLICT {} DO NOTHING", self.text(nodes::range(&target))),
        };
        let inserted = Action { condition: format!("{there} NULL"), write: new };
        let distinct = arbiter.iter().map(|name| format!("excluded.{}", quoted_name(name))).collect();
        let limited = columns.iter().zip(&renamed).filter(|(column, _)| {
            column.enum_type.is_none() && [Oid::VARCHAR, Oid::BPCHAR].contains(&column.pg_type.oid)
        });
        let fits = limited.map(|(column, name)| (format!("pgw_s.{name}"), column.pg_type)).collect();
        self.joined(table, &key, &Joined { from, distinct, fits, actions: vec![changed, inserted] })
    }
}

/// The columns of ON CONFLICT's key, all of which have values. `None`: it is not understood.
fn arbiter(target: &SyntaxNode, listed: &[String]) -> Option<Vec<String>> {
    let items = target.descendants().filter(|node| node.kind() == SyntaxKind::CONFLICT_INDEX_ITEM);
    let names: Option<Vec<String>> = items
        .map(|item| {
            let name = item.first_child().filter(|name| name.kind() == SyntaxKind::NAME_REF)?;
            Some(names::folded(&nodes::plain_text(&name))).filter(|name| listed.contains(name))
        })
        .collect();
    names.filter(|names| !names.is_empty())
}

/// The columns of EXCLUDED that a clause reads.
fn excluded(clause: &SyntaxNode) -> Vec<String> {
    let fields = clause.descendants().filter(|node| node.kind() == SyntaxKind::FIELD_EXPR);
    let read = fields.filter_map(|field| match names::folded_parts(&field).as_slice() {
        [qualifier, column] if qualifier == "excluded" => Some(column.clone()),
        _ => None,
    });
    read.collect()
}
