//! A definition at work: the copy of the catalog that it changes, and what it needs of the rest of the engine.

use rusqlite::Connection;
use rusqlite::types::Value as SqliteValue;

use super::super::catalog::{self, Catalog, ColumnDef, TableDef, ViewDef};
use super::super::information_schema;
use super::super::value::SqlError;
use super::cursor::ObjectName;

/// Columns and sources of a query that a view or CREATE TABLE AS is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct QueryShape {
    pub columns: Vec<ColumnDef>,
    /// Tables and views named anywhere in the query, `(schema, name)`.
    pub relations: Vec<(String, String)>,
    /// Those that the views among them read.
    pub view_relations: Vec<(String, String)>,
}

/// What definitions need from the query side of the engine.
pub(in crate::engine) trait QueryEngine {
    /// Compiles a query without running it.
    ///
    /// # Errors
    /// Whatever the query's own preparation gives.
    fn describe(&self, conn: &Connection, catalog: &Catalog, query: &str) -> Result<QueryShape, SqlError>;

    /// Runs a query into a table whose columns are those of its shape.
    ///
    /// # Errors
    /// Whatever the query's execution gives, -104 for values that do not fit.
    fn fill(&self, conn: &Connection, catalog: &Catalog, query: &str, target: &TableDef) -> Result<u64, SqlError>;

    /// The stored form of the column's default, evaluated now.
    ///
    /// # Errors
    /// -104 when the default does not fit the type.
    fn default_value(&self, column: &ColumnDef) -> Result<SqliteValue, SqlError>;

    /// A stored value of one column as the other stores it.
    ///
    /// # Errors
    /// -104 when it does not fit.
    fn convert(&self, value: SqliteValue, from: &ColumnDef, to: &ColumnDef) -> Result<SqliteValue, SqlError>;
}

/// What a statement that has been read does when it runs.
pub(super) type Action = Box<dyn FnOnce(&mut Ddl<'_>) -> Result<(), SqlError>>;

/// One statement at work: the catalog here is its own copy until it succeeds.
pub(super) struct Ddl<'a> {
    pub conn: &'a Connection,
    pub catalog: Catalog,
    pub engine: &'a dyn QueryEngine,
    pub changed: bool,
}

impl Ddl<'_> {
    /// The table, or -30.
    pub(super) fn table(&self, name: &ObjectName) -> Result<TableDef, SqlError> {
        match self.catalog.table(&name.schema, &name.name) {
            Some(table) => Ok((*table).clone()),
            None => Err(table_not_found(name)),
        }
    }

    /// The table when its definition may change: -300 for the system's.
    pub(super) fn changeable_table(&self, name: &ObjectName) -> Result<TableDef, SqlError> {
        let table = self.table(name)?;
        match table.kind {
            catalog::TableKind::System => Err(not_allowed(name)),
            _ => Ok(table),
        }
    }

    pub(super) fn save_table(&mut self, table: TableDef) -> Result<(), SqlError> {
        catalog::persist_table(self.conn, &table)?;
        information_schema::put_table(self.conn, &self.catalog, &table)?;
        self.catalog.put_table(table);
        self.changed = true;
        Ok(())
    }

    pub(super) fn forget_table(&mut self, table: &TableDef) -> Result<(), SqlError> {
        catalog::forget_table(self.conn, &table.schema, &table.name)?;
        information_schema::remove(self.conn, &table.schema, &table.name)?;
        self.catalog.remove_table(&table.schema, &table.name);
        self.changed = true;
        Ok(())
    }

    pub(super) fn save_view(&mut self, view: ViewDef) -> Result<(), SqlError> {
        catalog::persist_view(self.conn, &view)?;
        information_schema::put_view(self.conn, &view)?;
        self.catalog.put_view(view);
        self.changed = true;
        Ok(())
    }

    pub(super) fn forget_view(&mut self, view: &ViewDef) -> Result<(), SqlError> {
        catalog::forget_view(self.conn, &view.schema, &view.name)?;
        information_schema::remove(self.conn, &view.schema, &view.name)?;
        self.catalog.remove_view(&view.schema, &view.name);
        self.changed = true;
        Ok(())
    }
}

pub(super) fn table_not_found(name: &ObjectName) -> SqlError {
    SqlError::execute(30, format!("Table '{}' not found", name.shown()))
}

pub(super) fn not_allowed(name: &ObjectName) -> SqlError {
    SqlError::execute(300, format!("DDL not allowed on this table definition: '{}'", name.shown()))
}
