//! Names of tables that IRIS made itself: the mirror has them folded, since IRIS compares names without case. A client
//! that quotes them as IRIS spells them (`"Sample"."Person"`) means the same, so PostgreSQL is asked for what the mirror has.

use std::cell::RefCell;
use std::rc::Rc;

use crate::catalog::{DescribedColumn, TableCache};
use crate::sql::{
    EnumType, Named, NamedFacts, NamedType, RelationName, Schema, TableLookup, ViewLookup, quoted_names_at,
};
use crate::wire::{PgError, SqlState};

/// The tables a shard knows, and which of them were asked for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    tables: &'a TableCache,
    names: &'a RefCell<Vec<RelationName>>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(tables: &'a TableCache, names: &'a RefCell<Vec<RelationName>>) -> Self {
        Self { tables, names }
    }
}

impl Schema for Asked<'_> {
    fn table(&self, name: &RelationName) -> TableLookup {
        let mut names = self.names.borrow_mut();
        if !names.contains(name) {
            names.push(name.clone());
        }
        self.tables.table(name)
    }

    fn views(&self, name: &RelationName) -> ViewLookup {
        self.tables.views(name)
    }

    fn named(&self, what: Named, name: &str) -> Option<Rc<Vec<NamedFacts>>> {
        self.tables.named(what, name)
    }

    fn enum_type(&self, name: &RelationName) -> Option<EnumType> {
        self.tables.enum_type(name)
    }

    fn default_of(&self, named: &NamedType) -> Option<String> {
        self.tables.default_of(named)
    }

    fn named_type(&self, name: &RelationName) -> Option<NamedType> {
        self.tables.named_type(name)
    }

    fn has_sequence(&self, schema: &str, name: &str) -> bool {
        self.tables.has_sequence(schema, name)
    }
}

/// A statement in PostgreSQL's spelling.
#[derive(Debug, Default)]
pub(super) struct Spelled {
    pub sql: Option<String>,
    /// The names of columns that differ from it, as typed.
    columns: Vec<String>,
}

impl Spelled {
    /// Columns go by the names that the client has for them.
    pub(super) fn name(&self, columns: &mut [DescribedColumn]) {
        for column in columns {
            if let Some(typed) = self.columns.iter().find(|typed| typed.to_lowercase() == column.name) {
                column.name.clone_from(typed);
            }
        }
    }

    /// Whether there is another spelling to try: the name that PostgreSQL does not know is one of IRIS's own.
    pub(super) fn correct(
        &mut self,
        typed: &str,
        error: &PgError,
        tables: &TableCache,
        asked: &[RelationName],
    ) -> bool {
        let Some((sql, names)) = folded(self.sql.as_deref().unwrap_or(typed), error, tables, asked) else {
            return false;
        };
        self.sql = Some(sql);
        self.columns.extend(names);
        true
    }
}

/// The statement in which the name that PostgreSQL does not know is folded, and that name; `None` where it is none of IRIS's own.
fn folded(sql: &str, error: &PgError, tables: &TableCache, asked: &[RelationName]) -> Option<(String, Vec<String>)> {
    if !matches!(error.code, SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN) {
        return None;
    }
    let names = quoted_names_at(sql, error.position?);
    let is_of_iris = |text: &str| {
        asked.iter().any(|name| {
            let TableLookup::Known(facts) = tables.table(name) else { return false };
            facts.spelled.as_ref().is_some_and(|spelled| {
                spelled.name == text
                    || spelled.schema.as_deref() == Some(text)
                    || facts.columns.iter().any(|column| column.name == text)
            })
        })
    };
    let mut spelled = String::with_capacity(sql.len());
    let (mut end, mut changed) = (0, Vec::new());
    for range in names {
        let typed = sql.get(range.clone())?;
        let lower = typed.to_lowercase();
        if lower == typed || lower.chars().count() != typed.chars().count() || !is_of_iris(typed.trim_matches('"')) {
            continue;
        }
        spelled.push_str(sql.get(end..range.start)?);
        spelled.push_str(&lower);
        changed.push(typed.trim_matches('"').to_owned());
        end = range.end;
    }
    spelled.push_str(sql.get(end..)?);
    (!changed.is_empty()).then_some((spelled, changed))
}
