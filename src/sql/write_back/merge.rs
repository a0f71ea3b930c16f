//! MERGE.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::joined::{Action, Joined, Write};
use super::{Change, Made};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::is_default;

impl Change<'_, '_> {
    pub(super) fn merge(&self) -> Made {
        let Some(table) = self.table() else { return Ok(None) };
        let Some(key) = table.key() else { return Ok(None) };
        let there = key.first().map(|column| format!("{}.{column} IS", table.visible)).unwrap_or_default();
        let Some(from) = self.merged(&table.named) else { return Ok(None) };
        let mut actions = Vec::new();
        for when in self.node.children() {
            let is_matched = match when.kind() {
                SyntaxKind::MERGE_WHEN_MATCHED => true,
                SyntaxKind::MERGE_WHEN_NOT_MATCHED_TARGET => false,
                SyntaxKind::MERGE_WHEN_NOT_MATCHED_SOURCE => return Ok(None),
                _ => continue,
            };
            let more = nodes::child(&when, SyntaxKind::MERGE_CONDITION).and_then(|condition| condition.first_child());
            let more = more.map(|condition| format!(" AND ({})", self.text_of(&condition))).unwrap_or_default();
            let condition = format!("{there} {}{more}", if is_matched { "NOT NULL" } else { "NULL" });
            let Some(write) = self.merge_action(&when, &table.typed) else { return Ok(None) };
            actions.push(Action { condition, write });
        }
        if actions.is_empty() {
            return Ok(None);
        }
        self.joined(&table, &key, &Joined { from, distinct: Vec::new(), fits: Vec::new(), actions })
    }

    /// The rows of USING, with those of the table that they are about.
    fn merged(&self, named: &str) -> Option<String> {
        let using = nodes::child(self.node, SyntaxKind::USING_ON_CLAUSE)?;
        let on = nodes::child(&using, SyntaxKind::ON_CLAUSE)?;
        let source = using.children().find(|child| *child != on)?;
        Some(format!("{} LEFT JOIN {named} {}", self.text_of(&source), self.text_of(&on)))
    }

    /// `typed`: the table as written.
    fn merge_action(&self, when: &SyntaxNode, typed: &str) -> Option<Write> {
        let action = when.children().last()?;
        match action.kind() {
            SyntaxKind::MERGE_DO_NOTHING => Some(Write::Nothing),
            SyntaxKind::MERGE_DELETE => Some(Write::Delete),
            SyntaxKind::MERGE_UPDATE => self.assignments(&action).map(Write::Update),
            SyntaxKind::MERGE_INSERT => {
                let values = nodes::child(&action, SyntaxKind::VALUES)?;
                let rows = nodes::grandchildren(&values, SyntaxKind::ROW_LIST, SyntaxKind::ROW);
                let [row] = rows.as_slice() else { return None };
                let word = nodes::token(&action, SyntaxKind::INSERT_KW)?;
                let columns = self.text(word.text_range().end().into()..nodes::range(&values).start).trim();
                let text = |value: SyntaxNode| (!is_default(&value)).then(|| self.text_of(&value).to_owned());
                let list = nodes::child(&action, SyntaxKind::COLUMN_TARGET_LIST);
                let targets = list.iter().flat_map(|list| nodes::children(list, SyntaxKind::COLUMN_TARGET));
                Some(Write::Insert {
                    columns: targets.map(|column| names::folded_parts(&column).join(".")).collect(),
                    head: format!("INSERT INTO {typed} {columns}").trim_end().to_owned(),
                    values: expressions(row).map(text).collect(),
                    tail: String::new(),
                })
            }
            _ => None,
        }
    }
}
