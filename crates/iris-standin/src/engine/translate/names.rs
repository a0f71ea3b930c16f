//! What a name means where translation is.

use std::sync::Arc;

use super::super::SqlError;
use super::super::parse::ast::Name;
use super::scope::{Cte, SourceColumn};
use super::term::Term;
use super::translator::Translator;

impl Translator<'_> {
    /// A column by one, two or three name parts; outer queries are searched last.
    ///
    /// -29 not found, -27 ambiguous, -23 label not among the tables.
    pub(super) fn column(&self, parts: &[Name]) -> Result<Term, SqlError> {
        match parts {
            [name] => {
                for scope in self.scopes.iter().rev() {
                    if let Some(column) = scope.find_unqualified(&name.0)? {
                        return Ok(column.term());
                    }
                }
                Err(not_found(&name.0))
            }
            [label, name] => self.qualified(None, &label.0, &name.0),
            [schema, label, name] => self.qualified(Some(&schema.0), &label.0, &name.0),
            _ => Err(SqlError::prepare(1, "Invalid field name")),
        }
    }

    fn qualified(&self, schema: Option<&str>, label: &str, name: &str) -> Result<Term, SqlError> {
        for scope in self.scopes.iter().rev() {
            if let Some(source) = scope.source(schema, label) {
                return source.find(name).map(SourceColumn::term).ok_or_else(|| not_found(name));
            }
        }
        Err(SqlError::prepare(23, format!("Label '{label}' is not listed among the applicable tables")))
    }

    /// Whether a column is of a table of WITH in the innermost FROM.
    pub(super) fn is_of_cte(&self, parts: &[Name]) -> bool {
        let Some(scope) = self.scopes.last() else { return false };
        let source = match parts {
            [name] => scope.sources.iter().find(|source| source.find(&name.0).is_some()),
            [.., label, _] => scope.source(None, &label.0),
            [] => None,
        };
        source.is_some_and(|source| source.is_cte)
    }

    pub(super) fn find_cte(&self, name: &Name) -> Option<Arc<Cte>> {
        self.ctes.iter().rev().flat_map(|level| level.iter().rev()).find(|cte| cte.name == *name).cloned()
    }
}

fn not_found(name: &str) -> SqlError {
    SqlError::prepare(29, format!("Field '{}' not found in the applicable tables", name.to_uppercase()))
}
