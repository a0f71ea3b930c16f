//! Where the catalog is kept: the snapshot that all read, and its rows in the database.

use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, params};
use serde::Serialize;

use super::super::value::SqlError;
use super::{Catalog, RoutineDef, TableDef, ViewDef, fold, storage_error};

/// Kinds of rows of the persisted catalog.
const KIND_TABLE: &str = "table";
const KIND_VIEW: &str = "view";
const KIND_ROUTINE: &str = "routine";
const KIND_SCHEMA: &str = "schema";

/// The current snapshot of one database. Readers take an [`Arc`]; a DDL statement swaps it.
#[derive(Debug, Default)]
pub(in crate::engine) struct CatalogStore {
    current: RwLock<Arc<Catalog>>,
}

impl CatalogStore {
    /// Makes the catalog's own tables when they are missing and reads what they hold.
    ///
    /// # Errors
    /// -400 when SQLite refuses or a definition cannot be read.
    pub(in crate::engine) fn open(conn: &Connection) -> Result<Self, SqlError> {
        conn.execute_batch(
            "CREATE TABLE IF NOT EXISTS iris_catalog (
               kind TEXT NOT NULL, schema_key TEXT NOT NULL, name_key TEXT NOT NULL, definition TEXT NOT NULL,
               PRIMARY KEY (kind, schema_key, name_key)) WITHOUT ROWID",
        )
        .map_err(|error| storage_error(&error))?;
        let store = Self::default();
        store.reload(conn)?;
        Ok(store)
    }

    pub(in crate::engine) fn snapshot(&self) -> Arc<Catalog> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the catalog again: after a rollback that undid DDL.
    ///
    /// # Errors
    /// -400 as for [`CatalogStore::open`].
    pub(in crate::engine) fn reload(&self, conn: &Connection) -> Result<(), SqlError> {
        let mut catalog = Catalog { version: self.snapshot().version, ..Catalog::default() };
        for table in super::super::information_schema::tables() {
            catalog.put_table(table);
        }
        let mut rows =
            conn.prepare("SELECT kind, definition FROM iris_catalog").map_err(|error| storage_error(&error))?;
        let rows = rows
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
            .map_err(|error| storage_error(&error))?;
        for row in rows {
            let (kind, definition) = row.map_err(|error| storage_error(&error))?;
            match kind.as_str() {
                KIND_TABLE => catalog.put_table(read_definition(&definition)?),
                KIND_VIEW => catalog.put_view(read_definition(&definition)?),
                KIND_ROUTINE => catalog.put_routine(read_definition(&definition)?),
                _ => catalog.put_schema(&definition),
            }
        }
        self.publish(catalog);
        Ok(())
    }

    /// Makes `catalog` the current snapshot, under a new version.
    pub(in crate::engine) fn publish(&self, mut catalog: Catalog) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        catalog.version = current.version.saturating_add(1);
        *current = Arc::new(catalog);
    }
}

fn read_definition<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, SqlError> {
    toml::from_str(text)
        .map_err(|error| SqlError::execute(400, format!("catalog of the stand-in cannot be read: {error}")))
}

fn write_definition<T: Serialize>(definition: &T) -> Result<String, SqlError> {
    toml::to_string(definition)
        .map_err(|error| SqlError::execute(400, format!("catalog of the stand-in cannot be written: {error}")))
}

/// Writes one table into the persisted catalog.
pub(in crate::engine) fn persist_table(conn: &Connection, table: &TableDef) -> Result<(), SqlError> {
    persist(conn, KIND_TABLE, &table.schema, &table.name, &write_definition(table)?)
}

pub(in crate::engine) fn persist_view(conn: &Connection, view: &ViewDef) -> Result<(), SqlError> {
    persist(conn, KIND_VIEW, &view.schema, &view.name, &write_definition(view)?)
}

pub(in crate::engine) fn persist_routine(conn: &Connection, routine: &RoutineDef) -> Result<(), SqlError> {
    persist(conn, KIND_ROUTINE, &routine.schema, &routine.name, &write_definition(routine)?)
}

pub(in crate::engine) fn persist_schema(conn: &Connection, schema: &str) -> Result<(), SqlError> {
    persist(conn, KIND_SCHEMA, schema, "", schema)
}

pub(in crate::engine) fn forget_table(conn: &Connection, schema: &str, name: &str) -> Result<(), SqlError> {
    forget(conn, KIND_TABLE, schema, name)
}

pub(in crate::engine) fn forget_view(conn: &Connection, schema: &str, name: &str) -> Result<(), SqlError> {
    forget(conn, KIND_VIEW, schema, name)
}

pub(in crate::engine) fn forget_routine(conn: &Connection, schema: &str, name: &str) -> Result<(), SqlError> {
    forget(conn, KIND_ROUTINE, schema, name)
}

pub(in crate::engine) fn forget_schema(conn: &Connection, schema: &str) -> Result<(), SqlError> {
    forget(conn, KIND_SCHEMA, schema, "")
}

fn persist(conn: &Connection, kind: &str, schema: &str, name: &str, definition: &str) -> Result<(), SqlError> {
    conn.prepare_cached("INSERT OR REPLACE INTO iris_catalog VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut statement| statement.execute(params![kind, fold(schema), fold(name), definition]))
        .map(|_| ())
        .map_err(|error| storage_error(&error))
}

fn forget(conn: &Connection, kind: &str, schema: &str, name: &str) -> Result<(), SqlError> {
    conn.prepare_cached("DELETE FROM iris_catalog WHERE kind = ?1 AND schema_key = ?2 AND name_key = ?3")
        .and_then(|mut statement| statement.execute(params![kind, fold(schema), fold(name)]))
        .map(|_| ())
        .map_err(|error| storage_error(&error))
}
