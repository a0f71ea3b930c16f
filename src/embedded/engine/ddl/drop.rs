//! DROP and TRUNCATE, and schemas.

use super::super::catalog::{self, TableDef, TableKind, ViewDef, quote_identifier, same_name, storage_error};
use super::super::value::SqlError;
use super::cursor::{Cursor, ObjectName};
use super::{Ddl, foreign_key, not_allowed, storage, table_not_found};

impl Ddl<'_> {
    pub(super) fn drop(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        if cursor.take_word("TABLE") {
            self.drop_table(cursor)
        } else if cursor.take_word("VIEW") {
            self.drop_view(cursor)
        } else if cursor.take_word("INDEX") {
            self.drop_index(cursor)
        } else if cursor.take_word("SCHEMA") {
            self.drop_schema(cursor)
        } else {
            self.drop_other(cursor)
        }
    }

    fn drop_table(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        let if_exists = cursor.take_words(&["IF", "EXISTS"]);
        let name = cursor.object_name()?;
        let (mut cascade, mut behaviours) = (false, 0);
        loop {
            if cursor.take_word("CASCADE") {
                cascade = true;
                behaviours += 1;
            } else if cursor.take_word("RESTRICT") {
                behaviours += 1;
            } else if !cursor.take_word("%DELDATA") && !cursor.take_word("%NODELDATA") {
                break;
            }
        }
        cursor.end()?;
        if behaviours > 1 {
            return Err(SqlError::prepare(326, "Option specified more than once"));
        }
        match self.changeable_table(&name) {
            Ok(table) => self.remove_table(&table, cascade),
            Err(error) if error.sqlcode == 30 && if_exists => Ok(()),
            Err(error) => Err(error),
        }
    }

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

    fn drop_view(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        let if_exists = cursor.take_words(&["IF", "EXISTS"]);
        let name = cursor.object_name()?;
        let cascade = cursor.take_word("CASCADE");
        if !cascade {
            cursor.take_word("RESTRICT");
        }
        cursor.end()?;
        match self.catalog.view(&name.schema, &name.name) {
            Some(view) => self.remove_view(&view, cascade),
            None if if_exists => Ok(()),
            None => Err(SqlError::prepare(30, format!("View '{}' not found", name.shown()))),
        }
    }

    pub(super) fn create_schema(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        let if_not_exists = cursor.take_words(&["IF", "NOT", "EXISTS"]);
        let name = cursor.identifier()?;
        cursor.end()?;
        if self.catalog.has_schema(&name) {
            let text = format!("Schema '{name}' already exists");
            return if if_not_exists { Ok(()) } else { Err(SqlError::execute(476, text)) };
        }
        catalog::persist_schema(self.conn, &name)?;
        self.catalog.put_schema(&name);
        self.changed = true;
        Ok(())
    }

    fn drop_schema(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        let if_exists = cursor.take_words(&["IF", "EXISTS"]);
        let name = cursor.identifier()?;
        let cascade = cursor.take_word("CASCADE");
        if !cascade {
            cursor.take_word("RESTRICT");
        }
        cursor.end()?;
        let in_schema = |schema: &str| same_name(schema, &name);
        let tables: Vec<_> = self.catalog.tables().filter(|table| in_schema(&table.schema)).cloned().collect();
        let views: Vec<_> = self.catalog.views().filter(|view| in_schema(&view.schema)).cloned().collect();
        if tables.iter().any(|table| table.kind == TableKind::System) {
            return Err(SqlError::execute(300, format!("DDL not allowed on schema '{name}'")));
        }
        let made = self.catalog.schemas().any(in_schema);
        if tables.is_empty() && views.is_empty() && !made {
            let text = format!("Schema '{name}' not found");
            return if if_exists { Ok(()) } else { Err(SqlError::execute(473, text)) };
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
        catalog::forget_schema(self.conn, &name)?;
        self.catalog.remove_schema(&name);
        self.changed = true;
        Ok(())
    }

    /// Deletes every row and sets the counters back. Foreign keys are checked like those of DELETE.
    pub(super) fn truncate(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
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
        if self.catalog.view(&name.schema, &name.name).is_some() {
            let text = format!("'{}' is a view: only tables can be truncated", name.shown());
            return Err(SqlError::prepare(35, text));
        }
        let table = self.table(&name)?;
        if table.kind == TableKind::System {
            return Err(SqlError::execute(115, format!("Table '{}' is read only", name.shown())));
        }
        if table.kind == TableKind::GlobalTemporary {
            storage::ensure_temporary(self.conn, &table)?;
        }
        self.delete_all(&table, no_check, &name)?;
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

    pub(super) fn drop_other(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        if cursor.take_word("SYSTEM") {
            return Err(not_allowed(&cursor.object_name()?));
        }
        self.refuse_kind(cursor)
    }
}
