//! The table a statement changes.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::schema::{ColumnFacts, TableFacts};
use crate::sql::syntax::equalities::equated;
use crate::sql::syntax::names;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::scope::{Relation, column_of};
use crate::wire::{PgError, SqlState};

pub(crate) struct Target {
    /// `SQLUser.t`
    pub text: String,
    /// As PostgreSQL says it in messages.
    pub name: String,
    pub alias: Option<String>,
    pub facts: Option<Rc<TableFacts>>,
}

impl Target {
    pub(crate) fn read(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Target> {
        let name = node.descendants().find(|node| node.kind() == SyntaxKind::RELATION_NAME_REF);
        let parts = name.map(|name| names::parts(&name)).unwrap_or_default();
        let (text, lookup) = cx.relation(&parts)?;
        let alias = node
            .children()
            .find(|child| matches!(child.kind(), SyntaxKind::OPTIONAL_AS_ALIAS | SyntaxKind::REQUIRED_AS_ALIAS))
            .and_then(|alias| names::parts(&alias).into_iter().next_back());
        let facts = cx.known(&lookup);
        if facts.as_ref().is_some_and(|facts| facts.is_materialized) {
            let message = format!("cannot change materialized view \"{}\"", lookup.name);
            return Err(PgError::error(SqlState(*b"42809"), message));
        }
        Ok(Target { text, facts, name: lookup.name, alias })
    }

    /// As the statement names it: `SQLUser.t` or `SQLUser.t x`.
    pub(crate) fn named(&self) -> Result<String> {
        Ok(match &self.alias {
            Some(alias) => format!("{} {}", self.text, names::iris_name(alias)?),
            None => self.text.clone(),
        })
    }

    /// As a relation of the statement's own scope.
    pub(crate) fn relation(&self) -> Result<Relation> {
        let typed = self.alias.clone().unwrap_or_else(|| names::iris_name_of(&self.name));
        let columns = self.facts.as_ref().map(|facts| facts.columns.iter().map(column_of).collect());
        Ok(Relation::new(names::folded(&typed), names::iris_name(&typed)?, columns))
    }

    /// The column that a list of INSERT or a SET names, as typed.
    ///
    /// # Errors
    /// 0A000 for an element, a slice or a field of a column.
    pub(crate) fn column_name(cx: &Cx<'_>, node: &SyntaxNode) -> Result<String> {
        let is_part = node
            .descendants_with_tokens()
            .any(|element| matches!(element.kind(), SyntaxKind::L_BRACK | SyntaxKind::DOT | SyntaxKind::COLON));
        match names::parts(node).as_slice() {
            [name] if !is_part => Ok(name.clone()),
            _ => Err(cx
                .unsupported(
                    "elements, slices and fields of a column cannot be assigned: IRIS keeps the column as a whole",
                    node.text_range().start().into(),
                )
                .hint("Read the column, change it on the client, and assign the whole value.")),
        }
    }

    /// `changed`: the columns of SET; all where a row is new.
    ///
    /// # Errors
    /// 0A000 for a change of rows that PostgreSQL has to look at before IRIS stores them.
    pub(crate) fn refuse_ruled(&self, cx: &Cx<'_>, changed: Option<&[String]>, at: usize) -> Result<()> {
        let Some(facts) = self.facts.as_ref().filter(|facts| !cx.options.stores && !facts.rules.is_empty()) else {
            return Ok(());
        };
        if changed.is_some_and(|changed| !facts.rules.concern(changed)) {
            return Ok(());
        }
        let message = format!(
            "this change of \"{}\" is not supported: IRIS does not know the CHECK constraints, generated columns and \
             unique indexes that it has",
            self.name
        );
        Err(cx.unsupported(message, at).hint(
            "List the columns of an INSERT, with a value for the number that a rule reads; write the \
             change in a simpler way.",
        ))
    }

    /// IRIS looks at references row by row, PostgreSQL when all rows are changed: of a table that refers to itself several rows are
    /// changed in the order in which they can be.
    ///
    /// # Errors
    /// 0A000 for such a change.
    pub(crate) fn refuse_own_references(&self, cx: &Cx<'_>, at: usize) -> Result<()> {
        if cx.options.stores || self.facts.as_ref().is_none_or(|facts| facts.own_references.is_empty()) {
            return Ok(());
        }
        let message = format!("this change of \"{}\", which refers to itself, is not supported", self.name);
        Err(cx.unsupported(message, at).hint("Write the change in a simpler way, or change one row at a time."))
    }

    /// Whether a condition is true of one row at most.
    pub(crate) fn is_one(&self, condition: Option<&SyntaxNode>) -> bool {
        let key = self.facts.as_ref().map(|facts| facts.primary_key.as_slice()).unwrap_or_default();
        let equal = condition.map(equated).unwrap_or_default();
        let is_fixed = |column: &str| {
            equal.iter().any(|equality| {
                equality.reads.is_empty()
                    && names::folded_parts(&equality.column).pop().is_some_and(|name| name.eq_ignore_ascii_case(column))
            })
        };
        let is_known = self.facts.is_some();
        match key.is_empty() {
            true => is_known && is_fixed("ctid"),
            false => key.iter().all(|column| is_fixed(column)),
        }
    }

    /// The facts of a column; an error where the table is known and has no such column.
    pub(crate) fn column(&self, folded: &str) -> Result<Option<&ColumnFacts>> {
        let Some(facts) = &self.facts else { return Ok(None) };
        match facts.columns.iter().find(|column| column.name.eq_ignore_ascii_case(folded)) {
            Some(column) => Ok(Some(column)),
            // Only the gateway's own statements name it: PostgreSQL knows of no such column.
            None if facts.rules.is_hidden(folded) => Ok(None),
            None => Err(PgError::error(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{folded}\" of relation \"{}\" does not exist", self.name),
            )),
        }
    }
}
