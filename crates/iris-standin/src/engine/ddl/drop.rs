//! DROP and TRUNCATE, and schemas.

use super::super::catalog::{self, TableDef, TableKind, ViewDef, quote_identifier, same_name, storage_error};
use super::super::value::SqlError;
use super::cursor::{Cursor, ObjectName};
use super::index::drop_index;
use super::other::unknown_kind;
use super::routine::{KINDS, drop_routine};
use super::work::{Action, Ddl, table_not_found};
use super::{foreign_key, storage};

pub(super) fn drop(cursor: &mut Cursor) -> Result<Action, SqlError> {
    if cursor.take_word("TABLE") {
        drop_table(cursor)
    } else if cursor.take_word("VIEW") {
        drop_view(cursor)
    } else if cursor.take_word("INDEX") {
        drop_index(cursor)
    } else if cursor.take_word("SCHEMA") {
        drop_schema(cursor)
    } else if KINDS.into_iter().any(|kind| cursor.take_word(kind)) {
        drop_routine(cursor)
    } else {
        Err(unknown_kind(cursor))
    }
}

fn drop_table(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let if_exists = cursor.take_words(&["IF", "EXISTS"]);
    let name = cursor.object_name()?;
    let (mut cascade, mut restrict) = (false, false);
    loop {
        if cursor.take_word("CASCADE") {
            cascade = true;
        } else if cursor.take_word("RESTRICT") {
            restrict = true;
        } else if !cursor.take_word("%DELDATA") && !cursor.take_word("%NODELDATA") {
            break;
        }
    }
    cursor.end()?;
    if cascade && restrict {
        return Err(SqlError::prepare(1, "CASCADE and RESTRICT exclude each other"));
    }
    Ok(Box::new(move |ddl| match ddl.changeable_table(&name) {
        Ok(table) => ddl.remove_table(&table, cascade),
        Err(error) if error.sqlcode == 30 && if_exists => Ok(()),
        Err(error) => Err(error),
    }))
}

fn drop_view(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let if_exists = cursor.take_words(&["IF", "EXISTS"]);
    let name = cursor.object_name()?;
    let cascade = cascade(cursor);
    cursor.end()?;
    Ok(Box::new(move |ddl| match ddl.catalog.view(&name.schema, &name.name) {
        Some(view) => ddl.remove_view(&view, cascade),
        None if if_exists => Ok(()),
        None => Err(SqlError::execute(30, format!("View '{}' not found", name.shown()))),
    }))
}

/// `[CASCADE | RESTRICT]`
fn cascade(cursor: &mut Cursor) -> bool {
    let cascade = cursor.take_word("CASCADE");
    if !cascade {
        cursor.take_word("RESTRICT");
    }
    cascade
}

pub(super) fn create_schema(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let if_not_exists = cursor.take_words(&["IF", "NOT", "EXISTS"]);
    let name = cursor.identifier()?;
    cursor.end()?;
    Ok(Box::new(move |ddl| {
        if ddl.catalog.has_schema(&name) {
            let text = format!("Schema '{name}' already exists");
            return if if_not_exists { Ok(()) } else { Err(SqlError::execute(476, text)) };
        }
        catalog::persist_schema(ddl.conn, &name)?;
        ddl.catalog.put_schema(&name);
        ddl.changed = true;
        Ok(())
    }))
}

fn drop_schema(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let if_exists = cursor.take_words(&["IF", "EXISTS"]);
    let name = cursor.identifier()?;
    let cascade = cascade(cursor);
    cursor.end()?;
    Ok(Box::new(move |ddl| match ddl.remove_schema(&name, cascade) {
        Err(error) if error.sqlcode == 473 && if_exists => Ok(()),
        result => result,
    }))
}

/// Deletes every row and sets the counters back. Foreign keys are checked like those of DELETE.
pub(super) fn truncate(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let mut no_check = false;
    loop {
        if cursor.take_word("%NOCHECK") {
            no_check = true;
        } else if !cursor.take_word("%NOLOCK") && !cursor.take_word("%NOJOURN") {
            break;
        }
    }
    let name = cursor.object_name()?;
    cursor.end()?;
    Ok(Box::new(move |ddl| ddl.truncate_table(&name, no_check)))
}

impl Ddl<'_> {
    fn remove_table(&mut self, table: &TableDef, cascade: bool) -> Result<(), SqlError> {
        for (child, key) in self.catalog.references_to(&table.schema, &table.name) {
            // CASCADE does not reach foreign keys of other tables.
            if !same_name(&child.schema, &table.schema) || !same_name(&child.name, &table.name) {
                let text = format!(
                    "Cannot DROP table '{}' - foreign key '{}' of table '{}' references it",
                    table.qualified_name(),
                    key.name,
                    child.qualified_name()
                );
                return Err(SqlError::execute(320, text));
            }
        }
        self.remove_views_of(&table.schema, &table.name, cascade)?;
        storage::drop_parts(self.conn, table)?;
        storage::reset_counters(self.conn, table)?;
        storage::run(self.conn, &format!("DROP TABLE IF EXISTS {}", quote_identifier(&table.sqlite_name)))?;
        self.forget_table(table)
    }

    /// -321 when views read the relation, or drops them.
    fn remove_views_of(&mut self, schema: &str, name: &str, cascade: bool) -> Result<(), SqlError> {
        for view in self.catalog.dependent_views(schema, name) {
            if !cascade {
                let text =
                    format!("Cannot DROP '{schema}.{name}' - view '{}.{}' references it", view.schema, view.name);
                return Err(SqlError::execute(321, text));
            }
            self.remove_view(&view, true)?;
        }
        Ok(())
    }

    fn remove_view(&mut self, view: &ViewDef, cascade: bool) -> Result<(), SqlError> {
        // A view reached on two paths is gone the second time.
        if self.catalog.view(&view.schema, &view.name).is_none() {
            return Ok(());
        }
        self.forget_view(view)?;
        self.remove_views_of(&view.schema, &view.name, cascade)
    }

    fn remove_schema(&mut self, name: &str, cascade: bool) -> Result<(), SqlError> {
        let in_schema = |schema: &str| same_name(schema, name);
        let tables: Vec<_> = self.catalog.tables().filter(|table| in_schema(&table.schema)).cloned().collect();
        let views: Vec<_> = self.catalog.views().filter(|view| in_schema(&view.schema)).cloned().collect();
        if tables.iter().any(|table| table.kind == TableKind::System) {
            return Err(SqlError::execute(300, format!("DDL not allowed on schema '{name}'")));
        }
        let made = self.catalog.schemas().any(in_schema);
        if tables.is_empty() && views.is_empty() && !made {
            return Err(SqlError::execute(473, format!("Schema '{name}' not found")));
        }
        if !cascade && (!tables.is_empty() || !views.is_empty()) {
            return Err(SqlError::execute(482, format!("Schema '{name}' is not empty")));
        }
        for view in views {
            self.remove_view(&view, true)?;
        }
        // Children before their parents: a table is removed once no other one refers to it.
        let mut left = tables;
        while !left.is_empty() {
            let is_free = |table: &TableDef| {
                let references = self.catalog.references_to(&table.schema, &table.name);
                references.iter().all(|(child, _)| same_name(&child.name, &table.name) && in_schema(&child.schema))
            };
            let at = left.iter().position(|table| is_free(table)).unwrap_or(0);
            let table = left.swap_remove(at);
            self.remove_table(&table, true)?;
        }
        catalog::forget_schema(self.conn, name)?;
        self.catalog.remove_schema(name);
        self.changed = true;
        Ok(())
    }

    fn truncate_table(&mut self, name: &ObjectName, no_check: bool) -> Result<(), SqlError> {
        if self.catalog.view(&name.schema, &name.name).is_some() {
            let text = format!("'{}' is a view: only tables can be truncated", name.shown());
            return Err(SqlError::prepare(35, text));
        }
        let table = self.table(name)?;
        if table.kind == TableKind::System {
            return Err(SqlError::execute(115, format!("Table '{}' is read only", name.shown())));
        }
        if table.kind == TableKind::GlobalTemporary {
            storage::ensure_temporary(self.conn, &table)?;
        }
        self.delete_all(&table, no_check, name)?;
        storage::reset_counters(self.conn, &table)
    }

    fn delete_all(&self, table: &TableDef, no_check: bool, name: &ObjectName) -> Result<(), SqlError> {
        let children = self.catalog.references_to(&table.schema, &table.name);
        if no_check {
            for (child, key) in &children {
                foreign_key::drop(self.conn, child, key)?;
            }
        }
        let deleted = self.conn.execute(&format!("DELETE FROM {}", quote_identifier(&table.sqlite_name)), []);
        if no_check {
            for (child, key) in &children {
                foreign_key::create(self.conn, &self.catalog, child, key)?;
            }
        }
        match deleted {
            Ok(_) => Ok(()),
            Err(error) => Err(foreign_key::raised_error(&error).unwrap_or_else(|| {
                let SqlError { sqlcode, location, message } = storage_error(&error);
                SqlError { sqlcode, location, message: format!("{}: {message}", name.shown()) }
            })),
        }
    }

    /// The table or view, for statements that only name one.
    pub(super) fn known_relation(&self, name: &ObjectName) -> Result<(), SqlError> {
        match self.catalog.lookup(&name.schema, &name.name) {
            Some(_) => Ok(()),
            None => Err(table_not_found(name)),
        }
    }
}
