//! RETURNING: by the statements that store rows where IRIS can compute it, else by PostgreSQL over what they stored.

use squawk_syntax::SyntaxKind;

use super::Change;
use super::target::Table;
use crate::sql::finish::{SYSTEM_COLUMNS, fetched};
use crate::sql::options::TranslateError;
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::write_plan::Returning;

/// A RETURNING as those statements have it, and the query over their rows.
pub(super) struct Returned {
    /// With a blank in front; nothing where nothing is returned.
    pub(super) clause: String,
    pub(super) by_query: Option<Returning>,
}

impl Change<'_, '_> {
    fn returns_system_column(&self, table: &Table) -> bool {
        let Some(clause) = nodes::child(self.node, SyntaxKind::RETURNING_CLAUSE) else { return false };
        let mut names = clause.descendants().filter(|node| node.kind() == SyntaxKind::NAME_REF);
        names.any(|name| {
            let name = names::folded_parts(&name).pop().unwrap_or_default();
            SYSTEM_COLUMNS.contains(&name.as_str()) && table.column(&name).is_none()
        })
    }

    /// `write`: the statement that stores a row, by its RETURNING. `None`: it cannot be served.
    pub(super) fn returned(
        &self,
        table: &Table,
        write: impl Fn(&str) -> String,
    ) -> Result<Option<Returned>, TranslateError> {
        let clause = self.clause(SyntaxKind::RETURNING_CLAUSE);
        let own = self.own_list(table);
        // The statement for a row knows the row's table alone.
        if !clause.is_empty() && own.is_none() && !self.is_alone() {
            return Ok(None);
        }
        if self.is_written(&write(&clause))? {
            return Ok(Some(Returned { clause, by_query: None }));
        }
        let Some(list) = own.filter(|_| !self.returns_system_column(table)) else { return Ok(None) };
        let columns = table.facts.columns.iter().map(|column| fetched(&table.spelled(column), column)).collect();
        let shown = |column: &ColumnFacts| {
            // What IRIS keeps as text travels as text.
            format!("{}{}", table.called(column), if column.is_opaque() { "::text" } else { "" })
        };
        let all: Vec<String> = table.facts.columns.iter().map(shown).collect();
        let clause = format!(" RETURNING {}", all.join(", "));
        let by_query = Returning { list, name: table.visible.clone(), columns };
        Ok(self.is_written(&write(&clause))?.then_some(Returned { clause, by_query: Some(by_query) }))
    }

    /// Whether no other table stands beside the one that is changed.
    fn is_alone(&self) -> bool {
        let others = [SyntaxKind::FROM_CLAUSE, SyntaxKind::USING_CLAUSE];
        others.iter().all(|kind| nodes::child(self.node, *kind).is_none())
    }

    /// The list of RETURNING, where it is about the columns of the table alone.
    fn own_list(&self, table: &Table) -> Option<String> {
        let clause = nodes::child(self.node, SyntaxKind::RETURNING_CLAUSE)?;
        if clause.descendants().any(|node| node.kind() == SyntaxKind::RETURNING_OPTION_LIST) {
            return None;
        }
        let list = nodes::child(&clause, SyntaxKind::TARGET_LIST)?;
        let visible = names::folded(&table.visible);
        let is_alone = self.is_alone();
        let is_own = list.descendants().all(|node| match node.kind() {
            kind if nodes::is_query(kind) => false,
            SyntaxKind::FIELD_EXPR => {
                let parts = names::folded_parts(&node);
                let qualifier = parts.first();
                is_alone || qualifier == Some(&visible) && parts.len() == 2
            }
            SyntaxKind::NAME_REF => {
                is_alone
                    || names::folded_parts(&node).iter().all(|name| {
                        *name == visible || table.facts.columns.iter().any(|column| table.spelled(column) == *name)
                    })
            }
            SyntaxKind::TARGET => is_alone || !nodes::has_token(&node, SyntaxKind::STAR),
            _ => true,
        });
        is_own.then(|| self.text_of(&list).to_owned())
    }
}
