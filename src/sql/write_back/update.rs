//! UPDATE and DELETE: a query gives the key of each row, and what it becomes.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::target::Table;
use super::{Change, Made};
use crate::sql::options::TranslateError;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::translate::is_default;
use crate::sql::write_plan::{Lock, RowWrite, WriteBack, WritePart};
use crate::types::quoted_name;

/// What SET says of a column; `None`: DEFAULT.
type Assignment = (String, Option<String>);

impl Change<'_, '_> {
    pub(super) fn update(&self) -> Made {
        let Some(table) = self.table() else { return Ok(None) };
        let Some(key) = table.key() else { return Ok(None) };
        let Some(assignments) = self.assignments() else { return Ok(None) };
        let mut listed = qualified(&table, &key);
        let mut sets = Vec::new();
        for (column, value) in &assignments {
            match value {
                Some(value) => {
                    listed.push(value.clone());
                    sets.push(format!("{column} = ${}", listed.len()));
                }
                None => sets.push(format!("{column} = DEFAULT")),
            }
        }
        let write = format!("UPDATE {} SET {} WHERE {}", table.named, sets.join(", "), table.has_key(&key));
        self.keyed(&table, &key, &listed, SyntaxKind::FROM_CLAUSE, write)
    }

    pub(super) fn delete(&self) -> Made {
        let Some(table) = self.table() else { return Ok(None) };
        let Some(key) = table.key() else { return Ok(None) };
        let listed = qualified(&table, &key);
        let write = format!("DELETE FROM {} WHERE {}", table.named, table.has_key(&key));
        self.keyed(&table, &key, &listed, SyntaxKind::USING_CLAUSE, write)
    }

    /// The change of rows that have a key. `beside`: the clause with the other tables; `write`: what changes a row, without RETURNING.
    fn keyed(&self, table: &Table, key: &[String], listed: &[String], beside: SyntaxKind, write: String) -> Made {
        if nodes::child(self.node, SyntaxKind::WHERE_CURRENT_OF).is_some() {
            return Ok(None);
        }
        let Some(returned) = self.returned(table, |clause| format!("{write}{clause}"))? else { return Ok(None) };
        let (with, condition) = (self.with(), self.clause(SyntaxKind::WHERE_CLAUSE));
        let others = nodes::child(self.node, beside);
        let tables = match &others {
            Some(others) => {
                let items: Vec<&str> = others.children().map(|item| self.text_of(&item)).collect();
                format!("{}, {}", table.named, items.join(", "))
            }
            None => table.named.clone(),
        };
        let query = format!("{with}SELECT {} FROM {tables}{condition}", listed.join(", "));
        let is_alone = others.is_none() && with.is_empty();
        let lock = self.lock(table, key, is_alone.then_some(condition.as_str()))?;
        let rows = vec![RowWrite::Of { sql: format!("{write}{}", returned.clause), columns: 0..listed.len() }];
        Ok(Some(WriteBack {
            parts: vec![WritePart { query, rows }],
            lock,
            keys_count: key.len(),
            distinct: Vec::new(),
            returning: returned.by_query,
        }))
    }

    /// How the rows are locked before they are read: all for which the condition is true, where IRIS can tell, else those
    /// that the query has found.
    fn lock(&self, table: &Table, key: &[String], condition: Option<&str>) -> Result<Lock, TranslateError> {
        let Some(idle) = table.idle_column() else { return Ok(Lock::None) };
        let locking = format!("UPDATE {} SET {idle} = {}.{idle}", table.named, table.visible);
        if let Some(condition) = condition {
            let all = format!("{locking}{condition}");
            if self.translates(&all)? {
                return Ok(Lock::All(all));
            }
        }
        let one = format!("{locking} WHERE {}", table.has_key(key));
        Ok(if self.is_written(&one)? { Lock::Each(one) } else { Lock::None })
    }

    /// `None` where there is more to it than columns and expressions.
    fn assignments(&self) -> Option<Vec<Assignment>> {
        let set = nodes::child(self.node, SyntaxKind::SET_CLAUSE)?;
        let mut all = Vec::new();
        let items = set
            .descendants()
            .filter(|node| matches!(node.kind(), SyntaxKind::SET_SINGLE_COLUMN | SyntaxKind::SET_MULTIPLE_COLUMNS));
        for item in items {
            let of = |kind: SyntaxKind| -> Vec<SyntaxNode> {
                item.descendants().filter(|node| node.kind() == kind).collect()
            };
            let columns = of(SyntaxKind::COLUMN_TARGET);
            let is_single = item.kind() == SyntaxKind::SET_SINGLE_COLUMN;
            if !is_single && item.children().any(|child| is_query(child.kind())) {
                return None;
            }
            let values = match is_single {
                true => nodes::children(&item, SyntaxKind::SET_EXPR).collect(),
                false => of(SyntaxKind::SET_EXPR),
            };
            if columns.len() != values.len() {
                return None;
            }
            for (column, value) in columns.iter().zip(&values) {
                let parts = names::folded_parts(column);
                let [name] = parts.as_slice() else { return None };
                let is_whole = self.text_of(column).trim() == names::parts(column).join(".");
                if !is_whole {
                    return None;
                }
                let text = (!is_default(value)).then(|| self.text_of(value).to_owned());
                all.push((quoted_name(name), text));
            }
        }
        (!all.is_empty()).then_some(all)
    }
}

fn qualified(table: &Table, key: &[String]) -> Vec<String> {
    key.iter().map(|column| format!("{}.{column}", table.visible)).collect()
}
