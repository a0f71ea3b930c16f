//! What is known while one statement is translated, and what becomes of it.

use std::sync::Arc;

use super::super::SqlError;
use super::super::catalog::{Catalog, TableDef, TableKind};
use super::super::convert::Purpose;
use super::super::parse::ast::{Expr, Query};
use super::super::types::DataType;
use super::output::QueryOutput;
use super::scope::{Cte, Scope};
use super::slot::{Field, Slot, SlotSource};
use super::term::{Shape, Term};
use iris_protocol::{ColumnDescription, ParameterDescription, ParameterKind, StatementMetadata};

/// What a statement does; decides how it runs and which codes its violations get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Verb {
    Query,
    Insert,
    Update,
    Delete,
}

/// A statement ready to run.
#[derive(Debug)]
pub(in crate::engine) struct Plan {
    pub verb: Verb,
    /// SQLite SQL with `?1`, `?2`... for the slots.
    pub sql: String,
    pub slots: Vec<Slot>,
    /// Types of the result columns, for decoding.
    pub column_types: Vec<DataType>,
    pub metadata: StatementMetadata,
    /// The table that DML changes.
    pub target: Option<Arc<TableDef>>,
    pub no_check: bool,
    /// GLOBAL TEMPORARY tables that must exist on the connection.
    pub temporaries: Vec<Arc<TableDef>>,
    /// Tables and views that the text names, `(schema, name)`.
    pub relations: Vec<(String, String)>,
    /// Those that the views among them read.
    pub view_relations: Vec<(String, String)>,
}

/// Where unqualified names are looked for, and what else translation depends on.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Environment<'a> {
    pub catalog: &'a Catalog,
    pub default_schema: &'a str,
    pub kinds: &'a [ParameterKind],
    pub marks_count: u32,
}

/// What stands within an expression or a query: rules have it translated by these, and know only the files below them.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub value: fn(&mut Translator<'_>, &Expr) -> Result<Term, SqlError>,
    pub condition: fn(&mut Translator<'_>, &Expr) -> Result<String, SqlError>,
    pub query: fn(&mut Translator<'_>, &Query) -> Result<QueryOutput, SqlError>,
}

pub(super) struct Translator<'a> {
    rules: Rules,
    pub(super) environment: &'a Environment<'a>,
    /// Innermost last. Empty outside FROM.
    pub(super) scopes: Vec<Scope>,
    pub(super) ctes: Vec<Vec<Arc<Cte>>>,
    pub(super) slots: Vec<Slot>,
    /// Type of each mark of the client, once something said it.
    pub(super) parameter_types: Vec<Option<DataType>>,
    /// Number for the next alias of a FROM item.
    pub(super) next_alias: u32,
    pub(super) aggregates: Aggregates,
    /// Aggregates in the SELECT at work so far: ORDER BY may have them only in a query that aggregates.
    pub(super) aggregates_count: u32,
    /// In the select list and ORDER BY.
    pub(super) windows_allowed: bool,
    /// SQL texts of the GROUP BY items that collate SQLUPPER: they come out upper-cased.
    pub(super) upper_groups: Vec<String>,
    pub(super) temporaries: Vec<Arc<TableDef>>,
    pub(super) relations: Vec<(String, String)>,
    pub(super) view_relations: Vec<(String, String)>,
    /// Views being expanded: a view that reads itself would not end.
    pub(super) view_depth: u32,
}

/// Whether an aggregate may stand where translation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregates {
    Allowed,
    /// WHERE, ON, GROUP BY, VALUES, SET: -19.
    Forbidden,
    /// Inside another aggregate.
    Nested,
}

impl<'a> Translator<'a> {
    pub(super) fn new(environment: &'a Environment<'a>, rules: Rules) -> Self {
        let marks = usize::try_from(environment.marks_count).unwrap_or(0);
        Self {
            rules,
            environment,
            scopes: Vec::new(),
            ctes: Vec::new(),
            slots: Vec::new(),
            parameter_types: vec![None; marks],
            next_alias: 1,
            aggregates: Aggregates::Forbidden,
            aggregates_count: 0,
            windows_allowed: false,
            upper_groups: Vec::new(),
            temporaries: Vec::new(),
            relations: Vec::new(),
            view_relations: Vec::new(),
            view_depth: 0,
        }
    }

    pub(super) fn alias(&mut self) -> String {
        let alias = format!("t{}", self.next_alias);
        self.next_alias += 1;
        alias
    }

    /// Runs `inside` where aggregates have another standing.
    pub(super) fn with_aggregates<T>(&mut self, standing: Aggregates, inside: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.aggregates, standing);
        let result = inside(self);
        self.aggregates = before;
        result
    }

    pub(super) fn remember_table(&mut self, table: &Arc<TableDef>) {
        self.remember_relation(&table.schema, &table.name);
        if table.kind == TableKind::GlobalTemporary {
            self.temporaries.push(Arc::clone(table));
        }
    }

    pub(super) fn remember_relation(&mut self, schema: &str, name: &str) {
        let relations = if self.view_depth == 0 { &mut self.relations } else { &mut self.view_relations };
        relations.push((schema.to_owned(), name.to_owned()));
    }

    pub(super) fn plan(
        &mut self,
        verb: Verb,
        sql: String,
        columns: Vec<ColumnDescription>,
        column_types: Vec<DataType>,
        target: Option<Arc<TableDef>>,
        no_check: bool,
    ) -> Plan {
        let parameters = self.parameter_types.iter().map(|data_type| {
            let data_type = data_type.unwrap_or(DataType::VarChar { length: None });
            ParameterDescription {
                iris_type: data_type.iris_type(),
                precision: data_type.precision(),
                scale: data_type.scale(),
                nullable: 1,
            }
        });
        let metadata = StatementMetadata { columns, parameters: parameters.collect(), cacheable: true };
        Plan {
            verb,
            sql,
            slots: std::mem::take(&mut self.slots),
            column_types,
            metadata,
            target,
            no_check,
            temporaries: std::mem::take(&mut self.temporaries),
            relations: std::mem::take(&mut self.relations),
            view_relations: std::mem::take(&mut self.view_relations),
        }
    }

    /// An expression as a value.
    pub(super) fn value(&mut self, expr: &Expr) -> Result<Term, SqlError> {
        (self.rules.value)(self, expr)
    }

    pub(super) fn condition(&mut self, expr: &Expr) -> Result<String, SqlError> {
        (self.rules.condition)(self, expr)
    }

    pub(super) fn query(&mut self, query: &Query) -> Result<QueryOutput, SqlError> {
        (self.rules.query)(self, query)
    }

    pub(super) fn add_slot(&mut self, source: SlotSource, data_type: DataType) -> (usize, String) {
        let slot = self.slots.len();
        self.slots.push(Slot { source, data_type, purpose: Purpose::Compare, field: None });
        (slot, format!("?{}", slot + 1))
    }

    pub(super) fn mark_kind(&self, mark: u32) -> ParameterKind {
        usize::try_from(mark)
            .ok()
            .and_then(|mark| self.environment.kinds.get(mark))
            .copied()
            .unwrap_or(ParameterKind::User)
    }

    /// A literal that the client took out of the text.
    pub(super) fn is_literal_mark(&self, slot: usize) -> bool {
        match self.slots.get(slot).map(|slot| slot.source) {
            Some(SlotSource::Parameter(mark)) => self.mark_kind(mark) != ParameterKind::User,
            _ => false,
        }
    }

    /// What the place of a mark wants. The first place that says something types the parameter.
    pub(super) fn set_slot(&mut self, slot: usize, data_type: DataType, purpose: Purpose, field: Option<Field>) {
        let Some(entry) = self.slots.get_mut(slot) else { return };
        entry.data_type = data_type;
        entry.purpose = purpose;
        entry.field = field;
        if let SlotSource::Parameter(mark) = entry.source
            && let Some(known) = usize::try_from(mark).ok().and_then(|mark| self.parameter_types.get_mut(mark))
            && (known.is_none()
                || self
                    .environment
                    .kinds
                    .get(usize::try_from(mark).unwrap_or(usize::MAX))
                    .is_some_and(|kind| *kind != ParameterKind::User))
        {
            *known = Some(data_type);
        }
    }

    /// Nothing at all is known about its type: NULL and marks of the user.
    pub(super) fn is_untyped(&self, term: &Term) -> bool {
        match term.shape {
            Shape::Null => true,
            Shape::Mark { slot, typed } => !typed && !self.is_literal_mark(slot),
            _ => false,
        }
    }
}
