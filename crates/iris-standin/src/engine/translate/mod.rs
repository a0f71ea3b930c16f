//! From the syntax tree to SQLite SQL: names resolved, types inferred, IRIS semantics spelled out.
//!
//! Every construct is matched exhaustively and written anew; no text of a client reaches SQLite.

mod aggregate;
mod compare;
mod condition;
mod dml;
mod expr;
mod from;
mod function;
mod function_date;
mod function_json;
mod function_text;
mod nearest;
mod order;
mod query;
mod scope;
mod shape;
mod slot;
mod term;
mod type_name;

use std::sync::Arc;

use super::SqlError;
use super::catalog::{Catalog, TableDef, TableKind};
use super::parse::ast::{Query, Statement};
use super::types::DataType;
use iris_protocol::{ColumnDescription, ParameterDescription, ParameterKind, StatementMetadata};
use scope::{Cte, Scope};
pub(super) use slot::{Slot, SlotSource};

/// What a statement does; decides how it runs and which codes its violations get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Query,
    Insert,
    Update,
    Delete,
}

/// A statement ready to run.
#[derive(Debug)]
pub(super) struct Plan {
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
pub(super) struct Environment<'a> {
    pub catalog: &'a Catalog,
    pub default_schema: &'a str,
    pub kinds: &'a [ParameterKind],
    pub marks_count: u32,
}

/// Translates a query, INSERT, UPDATE or DELETE.
///
/// # Errors
/// What IRIS's Prepare would refuse.
pub(super) fn translate(statement: &Statement, environment: &Environment<'_>) -> Result<Plan, SqlError> {
    let mut translator = Translator::new(environment);
    match statement {
        Statement::Query(query) => translator.query_plan(query),
        Statement::Insert(insert) => translator.insert(insert),
        Statement::Update(update) => translator.update(update),
        Statement::Delete(delete) => translator.delete(delete),
        Statement::Explain(_) | Statement::Transaction(_) | Statement::Accepted => {
            Err(SqlError::prepare(1, "statement cannot be translated"))
        }
    }
}

/// Translates `query` with its columns converted to those of `target`, as CREATE TABLE AS fills them.
///
/// # Errors
/// What Prepare would refuse.
pub(super) fn translate_fill(
    query: &Query,
    target: &Arc<TableDef>,
    environment: &Environment<'_>,
) -> Result<Plan, SqlError> {
    Translator::new(environment).fill(query, target)
}

pub(super) struct Translator<'a> {
    environment: &'a Environment<'a>,
    /// Innermost last. Empty outside FROM.
    scopes: Vec<Scope>,
    ctes: Vec<Vec<Arc<Cte>>>,
    slots: Vec<Slot>,
    /// Type of each mark of the client, once something said it.
    parameter_types: Vec<Option<DataType>>,
    /// Number for the next alias of a FROM item.
    next_alias: u32,
    aggregates: Aggregates,
    /// Aggregates in the SELECT at work so far: ORDER BY may have them only in a query that aggregates.
    aggregates_count: u32,
    /// In the select list and ORDER BY.
    windows_allowed: bool,
    /// SQL texts of the GROUP BY items that collate SQLUPPER: they come out upper-cased.
    upper_groups: Vec<String>,
    temporaries: Vec<Arc<TableDef>>,
    relations: Vec<(String, String)>,
    view_relations: Vec<(String, String)>,
    /// Views being expanded: a view that reads itself would not end.
    view_depth: u32,
}

/// Whether an aggregate may stand where translation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregates {
    Allowed,
    /// WHERE, ON, GROUP BY, VALUES, SET: -19.
    Forbidden,
    /// Inside another aggregate.
    Nested,
}

impl<'a> Translator<'a> {
    fn new(environment: &'a Environment<'a>) -> Self {
        let marks = usize::try_from(environment.marks_count).unwrap_or(0);
        Self {
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

    fn alias(&mut self) -> String {
        let alias = format!("t{}", self.next_alias);
        self.next_alias += 1;
        alias
    }

    /// Runs `inside` where aggregates have another standing.
    fn with_aggregates<T>(&mut self, standing: Aggregates, inside: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.aggregates, standing);
        let result = inside(self);
        self.aggregates = before;
        result
    }

    fn remember_table(&mut self, table: &Arc<TableDef>) {
        self.remember_relation(&table.schema, &table.name);
        if table.kind == TableKind::GlobalTemporary {
            self.temporaries.push(Arc::clone(table));
        }
    }

    fn remember_relation(&mut self, schema: &str, name: &str) {
        let relations = if self.view_depth == 0 { &mut self.relations } else { &mut self.view_relations };
        relations.push((schema.to_owned(), name.to_owned()));
    }

    fn query_plan(&mut self, query: &Query) -> Result<Plan, SqlError> {
        let output = self.query(query)?;
        let column_types = output.columns.iter().map(|column| column.data_type).collect();
        let columns = output.columns.iter().map(query::OutColumn::describe).collect();
        Ok(self.plan(Verb::Query, output.sql, columns, column_types, None, false))
    }

    fn plan(
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
}
