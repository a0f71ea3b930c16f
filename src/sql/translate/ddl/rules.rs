//! Rules that IRIS does not know of, in ALTER TABLE: a column that no client sees keeps the definition.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::constraint::{AlikeKeys, Keys, NamedCheck};
use super::create_table::Column;
use super::definition::{first_name, has_child, need, unsupported};
use super::hidden::hidden_column;
use super::table::Table;
use super::types::type_node;
use super::unique_index::{key_rehearsal, pg_schema};
use crate::sql::plan::{Proof, Rehearsal};
use crate::sql::schema::TableFacts;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::mirror;
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

/// What a new CHECK is to the rows that are there.
fn violated_by_rows(table: &Table, check: &NamedCheck, from: &str) -> Proof {
    let message =
        format!("check constraint \"{}\" of relation \"{}\" is violated by some row", check.name, table.name());
    let mut error = PgError::error(SqlState::CHECK_VIOLATION, message).routine("ATRewriteTable");
    let fields = error.fields_mut();
    fields.schema = Some(pg_schema(table));
    fields.table = Some(table.name().to_owned());
    fields.constraint = Some(check.name.clone());
    let query = format!("SELECT NULL::pg_catalog.text FROM {from} WHERE ({}) IS FALSE LIMIT 1", check.expression);
    Proof { query, error }
}

/// What the actions of an ALTER TABLE do to rules.
pub(super) struct RuleChanges<'a> {
    pub cx: &'a Cx<'a>,
    pub table: &'a Table,
    pub facts: Option<Rc<TableFacts>>,
    /// Hidden columns, those of the actions so far among them.
    pub hidden: Vec<String>,
    /// What the rows that are there have for the columns of the actions so far: `value AS column`.
    new_values: Vec<String>,
    /// Of rules that IRIS does not know of.
    pub rehearsal: Option<Rehearsal>,
    /// What the action does to IRIS's table.
    pub changes: Vec<String>,
}

impl<'a> RuleChanges<'a> {
    pub(super) fn new(cx: &'a Cx<'a>, table: &'a Table, facts: Option<Rc<TableFacts>>) -> Self {
        let hidden = facts.as_ref().map(|facts| facts.rules.hidden.clone()).unwrap_or_default();
        Self { cx, table, facts, hidden, new_values: Vec::new(), rehearsal: None, changes: Vec::new() }
    }

    fn push(&mut self, change: String) {
        self.changes.push(change);
    }

    /// The table with the columns that the statement adds, for queries.
    fn rows(&self) -> String {
        if self.new_values.is_empty() {
            return self.table.pg.clone();
        }
        let name = quoted_name(self.table.name());
        format!("(SELECT {name}.*, {} FROM {}) AS {name}", self.new_values.join(", "), self.table.pg)
    }

    fn push_rule(&mut self, note: &str) -> Result<()> {
        let (_, definition) = hidden_column(&mut self.hidden, note, "VARCHAR(1)")?;
        self.push(format!("ADD COLUMN {definition}"));
        self.rehearsal.get_or_insert_default();
        Ok(())
    }

    pub(super) fn add_check(&mut self, node: &SyntaxNode, mut keys: Keys<'_>) -> Result<()> {
        let check = {
            let checks = self.facts.iter().flat_map(|facts| &facts.rules.checks);
            keys.reserve(checks.map(|check| check.name.clone()));
            keys.check(self.cx, node)?
        };
        let is_valid = !has_child(node, SyntaxKind::NOT_VALID);
        self.push_rule(&format!("ADD {}{}", check.clause, if is_valid { "" } else { " NOT VALID" }))?;
        if is_valid {
            let proof = violated_by_rows(self.table, &check, &self.rows());
            self.rehearsal.get_or_insert_default().proofs.push(proof);
        }
        Ok(())
    }

    /// UNIQUE NULLS NOT DISTINCT, which is kept in hidden columns.
    pub(super) fn add_alike_keys(&mut self, alike: AlikeKeys) -> Result<()> {
        self.hidden = alike.taken;
        for definition in alike.columns {
            self.push(format!("ADD COLUMN {definition}"));
        }
        let Some(facts) = self.facts.clone() else { return Ok(()) };
        for key in alike.rules {
            let Rehearsal { proofs, fills, index, .. } = key_rehearsal(self.table, &facts, &key, &key.name);
            let undo = format!("ALTER TABLE {} DROP CONSTRAINT {}", self.table.pg, quoted_name(&key.name));
            let rehearsal = self.rehearsal.get_or_insert_default();
            rehearsal.proofs.extend(proofs);
            rehearsal.fills.extend(fills);
            rehearsal.undo.push(undo);
            rehearsal.index = index;
        }
        Ok(())
    }

    /// Whether it is one of the rules.
    pub(super) fn drop_rule(&mut self, folded: &str) -> Result<bool> {
        let Some(facts) = self.facts.clone() else { return Ok(false) };
        if let Some(check) = facts.rules.checks.iter().find(|check| check.name == folded) {
            match &check.hidden {
                Some(hidden) => self.push(format!("DROP COLUMN {}", names::iris_name_of(hidden))),
                None => self.push_rule(&format!("DROP CONSTRAINT {}", quoted_name(folded)))?,
            }
            self.rehearsal.get_or_insert_default();
            return Ok(true);
        }
        if let Some(key) = facts.rules.keys.iter().find(|key| key.is_constraint && key.name == folded) {
            self.push(format!("DROP CONSTRAINT {}", names::iris_name_of(folded)));
            self.push(format!("DROP COLUMN {}", names::iris_name_of(&key.hidden)));
            self.rehearsal.get_or_insert_default();
            return Ok(true);
        }
        Ok(false)
    }

    pub(super) fn validate_constraint(&mut self, action: &SyntaxNode) -> Result<()> {
        let name = names::folded(&first_name(&need(action, SyntaxKind::CONSTRAINT_NAME_REF)?)?);
        let Some(facts) = self.facts.clone() else { return Ok(()) };
        let Some(rule) = facts.rules.checks.iter().find(|check| check.name == name && !check.is_validated) else {
            return Ok(());
        };
        let check = NamedCheck { name: name.clone(), clause: String::new(), expression: rule.expression.clone() };
        let proof = violated_by_rows(self.table, &check, &self.rows());
        self.push_rule(&format!("VALIDATE CONSTRAINT {}", quoted_name(&name)))?;
        self.rehearsal.get_or_insert_default().proofs.push(proof);
        Ok(())
    }

    /// Whether it is one of the rules.
    pub(super) fn rename_constraint(&mut self, action: &SyntaxNode) -> Result<bool> {
        let from = names::folded(&first_name(&need(action, SyntaxKind::CONSTRAINT_NAME_REF)?)?);
        let to = names::folded(&first_name(&need(action, SyntaxKind::CONSTRAINT_NAME)?)?);
        let is_check =
            self.facts.as_ref().is_some_and(|facts| facts.rules.checks.iter().any(|check| check.name == from));
        if is_check {
            self.push_rule(&format!("RENAME CONSTRAINT {} TO {}", quoted_name(&from), quoted_name(&to)))?;
        }
        Ok(is_check)
    }

    /// Rules go by the new name of a column.
    pub(super) fn rename_column(&mut self, from: &str, to: &str) -> Result<()> {
        if self.facts.as_ref().is_some_and(|facts| facts.rules.read(from)) {
            self.push_rule(&format!("RENAME COLUMN {} TO {}", quoted_name(from), quoted_name(to)))?;
        }
        Ok(())
    }

    /// What goes with a column: rules that read it.
    pub(super) fn drop_column(&mut self, folded: &str, cascades: bool) {
        let Some(facts) = self.facts.clone() else { return };
        let rules = &facts.rules;
        if rules.is_empty() {
            return;
        }
        self.rehearsal.get_or_insert_default();
        let is_read = |reads: &[String]| reads.iter().any(|read| read.eq_ignore_ascii_case(folded));
        let checks =
            rules.checks.iter().filter(|check| is_read(&check.reads)).filter_map(|check| check.hidden.as_ref());
        let keys = rules.keys.iter().filter(|key| is_read(&key.reads)).map(|key| &key.hidden);
        let generated = rules.generated.iter().filter(|rule| cascades && is_read(&rule.reads)).map(|rule| &rule.column);
        let all: Vec<String> = checks.chain(keys).chain(generated).cloned().collect();
        for column in all {
            self.push(format!("DROP COLUMN {} CASCADE", names::iris_name_of(&column)));
        }
    }

    /// What a column that is added is to the rows that are there.
    pub(super) fn add_column(&mut self, action: &SyntaxNode, column: &mut Column, checks: &[NamedCheck]) -> Result<()> {
        let folded = names::folded(&column.name);
        let called = quoted_name(&folded);
        if column.has_rules() && self.facts.as_ref().is_some_and(|facts| facts.rules.renamed.contains(&folded)) {
            return Err(unsupported(
                action,
                format!("the column \"{folded}\" cannot have rules: another one had its name"),
            )
            .hint("Give it another name."));
        }
        if column.is_generated {
            let table = &self.table.pg;
            let is_not_null = std::mem::take(&mut column.not_null);
            let rehearsal = self.rehearsal.get_or_insert_default();
            rehearsal.fills.push(format!("UPDATE {table} SET {called} = DEFAULT"));
            if is_not_null {
                rehearsal.fills.push(format!("ALTER TABLE {table} ALTER COLUMN {called} SET NOT NULL"));
            }
            rehearsal.undo.push(format!("ALTER TABLE {table} DROP COLUMN {called}"));
            return Ok(());
        }
        let default = nodes::child(action, SyntaxKind::DEFAULT_CONSTRAINT).and_then(|clause| clause.children().last());
        let default =
            default.map_or("NULL".to_owned(), |value| mirror::requalified(&value, self.cx.options.default_schema));
        let type_text = type_node(action)
            .map(|node| mirror::requalified(&node, self.cx.options.default_schema))
            .unwrap_or_default();
        if let Some(named) = &column.column_type.named {
            if default == "NULL" && self.cx.schema.default_of(named).is_some() {
                return Err(unsupported(action, "a column cannot be added with the default of its domain")
                    .hint("Write the default behind the type."));
            }
            // What the rows that are there get is looked at as any value is.
            let value = format!("(({default})::{type_text})::pg_catalog.text");
            let query = format!(
                "SELECT NULL::pg_catalog.text FROM {} WHERE pg_catalog.length({value}) < 0 LIMIT 1",
                self.table.pg
            );
            let error = PgError::error(SqlState::INTERNAL_ERROR, "a text has no length");
            self.rehearsal.get_or_insert_default().proofs.push(Proof { query, error });
        }
        if !column.identity {
            self.new_values.push(format!("({default})::{type_text} AS {called}"));
        }
        for check in checks {
            let proof = violated_by_rows(self.table, check, &self.rows());
            self.rehearsal.get_or_insert_default().proofs.push(proof);
        }
        Ok(())
    }

    /// SET EXPRESSION and DROP EXPRESSION.
    pub(super) fn alter_expression(&mut self, option: &SyntaxNode, typed: &str) -> Result<()> {
        let folded = names::folded(typed);
        let called = quoted_name(&folded);
        if option.kind() == SyntaxKind::DROP_EXPRESSION {
            let is_generated = self.facts.as_ref().is_some_and(|facts| facts.rules.generated(&folded).is_some());
            if is_generated {
                return self.push_rule(&format!("ALTER COLUMN {called} DROP EXPRESSION"));
            }
            self.rehearsal.get_or_insert_default();
            return Ok(());
        }
        let text = mirror::requalified(option, self.cx.options.default_schema);
        self.push_rule(&format!("ALTER COLUMN {called} {text}"))?;
        let fill = format!("UPDATE {} SET {called} = DEFAULT", self.table.pg);
        self.rehearsal.get_or_insert_default().fills.push(fill);
        Ok(())
    }
}
