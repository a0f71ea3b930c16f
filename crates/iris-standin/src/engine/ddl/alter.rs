//! ALTER TABLE: one kind of change a statement.

use super::super::catalog::{Catalog, Collation, ColumnDef, DefaultExpr, IdentityKind, TableDef, TableKind, same_name};
use super::super::types::DataType;
use super::super::value::SqlError;
use super::column::{ParsedColumn, ParsedConstraint};
use super::create_table::{has_part, users_of_column};
use super::cursor::{Cursor, ObjectName};
use super::foreign_key;
use super::storage::{self, Fill};
use super::work::{Action, Ddl};

/// For each column of the new table its place in the old one; None: new.
type Origins = Vec<Option<usize>>;

pub(super) fn alter_table(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let name = cursor.object_name()?;
    let shown = format!("{}.{}", name.schema, name.name);
    if cursor.take_word("ADD") {
        let additions = parse_additions(cursor, &shown)?;
        cursor.end()?;
        return Ok(Box::new(move |ddl| {
            let table = ddl.changeable_table(&name)?;
            ddl.add(&table, additions)
        }));
    }
    if cursor.take_word("DROP") || cursor.take_word("DELETE") {
        let removal = parse_removal(cursor)?;
        cursor.end()?;
        return Ok(Box::new(move |ddl| {
            let table = ddl.changeable_table(&name)?;
            match removal {
                Removal::Columns(columns) => ddl.drop_columns(&table, &columns),
                Removal::PrimaryKey => ddl.drop_constraint(&table, None, false),
                Removal::ForeignKey(key) => ddl.drop_constraint(&table, Some(&key), true),
                Removal::Constraint(key) => ddl.drop_constraint(&table, Some(&key), false),
            }
        }));
    }
    if cursor.take_word("ALTER") {
        cursor.take_word("COLUMN");
        let column = cursor.identifier()?;
        let change = parse_change(cursor, &shown, &column)?;
        cursor.end()?;
        return Ok(Box::new(move |ddl| ddl.change_column(&name, &column, vec![change])));
    }
    if cursor.take_word("MODIFY") {
        cursor.take_word("COLUMN");
        let mut modified = vec![parse_modification(cursor, &shown)?];
        while cursor.take_symbol(",") {
            modified.push(parse_modification(cursor, &shown)?);
        }
        cursor.end()?;
        return Ok(Box::new(move |ddl| {
            modified.into_iter().try_for_each(|(column, changes)| ddl.change_column(&name, &column, changes))
        }));
    }
    if cursor.take_word("RENAME") {
        let new_name = cursor.new_name()?;
        if cursor.is_symbol(".") {
            return Err(cursor.expected("end of statement"));
        }
        cursor.end()?;
        return Ok(Box::new(move |ddl| {
            let table = ddl.changeable_table(&name)?;
            ddl.rename_table(&table, new_name)
        }));
    }
    Err(cursor.expected("ADD, ALTER, DELETE, DROP, MODIFY or RENAME"))
}

/// One change of one column.
enum Change {
    Rename(String),
    Default(Option<DefaultExpr>),
    Required(bool),
    Collation(Collation),
    Type(DataType, IdentityKind),
}

/// What may follow ALTER COLUMN c: one change.
fn parse_change(cursor: &mut Cursor, table: &str, column: &str) -> Result<Change, SqlError> {
    if cursor.take_word("RENAME") {
        return cursor.new_name().map(Change::Rename);
    }
    if cursor.take_words(&["SET", "DEFAULT"]) || cursor.take_word("DEFAULT") {
        return cursor.default_expression().map(|default| Change::Default(Some(default)));
    }
    if cursor.take_words(&["DROP", "DEFAULT"]) {
        return Ok(Change::Default(None));
    }
    if cursor.take_words(&["NOT", "NULL"]) {
        return Ok(Change::Required(true));
    }
    if cursor.take_word("NULL") {
        return Ok(Change::Required(false));
    }
    if cursor.is_word("SET") || cursor.is_word("DROP") {
        cursor.advance();
        return Err(cursor.expected("DEFAULT"));
    }
    if let Some(collation) = cursor.collation()? {
        return Ok(Change::Collation(collation));
    }
    cursor.column_type(table, column).map(|(data_type, identity)| Change::Type(data_type, identity))
}

/// `c RENAME d` or `c [type] [DEFAULT v] [CONSTRAINT n] [NULL | NOT NULL]`.
fn parse_modification(cursor: &mut Cursor, table: &str) -> Result<(String, Vec<Change>), SqlError> {
    let column = cursor.identifier()?;
    if cursor.take_word("RENAME") {
        return Ok((column, vec![Change::Rename(cursor.new_name()?)]));
    }
    let start = cursor.offset();
    let mut changes = Vec::new();
    if !["DEFAULT", "CONSTRAINT", "NULL", "NOT"].iter().any(|word| cursor.is_word(word)) {
        let (data_type, identity) = cursor.column_type(table, &column)?;
        changes.push(Change::Type(data_type, identity));
    }
    loop {
        if cursor.take_word("DEFAULT") {
            changes.push(Change::Default(Some(cursor.default_expression()?)));
        } else if cursor.take_word("CONSTRAINT") {
            cursor.identifier()?;
        } else if cursor.take_words(&["NOT", "NULL"]) {
            changes.push(Change::Required(true));
        } else if cursor.take_word("NULL") {
            changes.push(Change::Required(false));
        } else if cursor.offset() == start {
            return Err(cursor.expected("DATATYPE"));
        } else {
            return Ok((column, changes));
        }
    }
}

impl Ddl<'_> {
    fn add(&mut self, before: &TableDef, additions: Additions) -> Result<(), SqlError> {
        let mut after = before.clone();
        if let Some((column, default)) = additions.default {
            column_mut(&mut after, &column)?.default = Some(default);
            return self.save_table(after);
        }
        if additions.columns.iter().any(|parsed| parsed.column.identity == IdentityKind::Identity) {
            let text = format!("IDENTITY cannot be added to the existing table '{}'", before.qualified_name());
            return Err(SqlError::execute(400, text));
        }
        let mut constraints = additions.constraints;
        // DJ: ADD COLUMN with UNIQUE makes no unique index on the real server. Being unique is what was asked for.
        self.add_columns(&mut after, additions.columns, std::mem::take(&mut constraints))?;
        let origins = (0..after.columns.len()).map(|at| (at < before.columns.len()).then_some(at)).collect();
        let new_columns = after.columns.len() > before.columns.len();
        if new_columns && storage_has_rows(self, before)? {
            for column in after.columns.iter().skip(before.columns.len()) {
                if column.not_null && column.default.is_none() && column.identity == IdentityKind::No {
                    let text = format!(
                        "Attempt to add NOT NULL field '{}' with no default value to table '{}' which contains data",
                        column.name,
                        before.qualified_name()
                    );
                    return Err(SqlError::execute(304, text));
                }
            }
        }
        if !new_columns {
            self.check_rows(before, &after)?;
        }
        self.replace(before, after, origins)
    }

    fn drop_columns(&mut self, before: &TableDef, columns: &[(String, bool)]) -> Result<(), SqlError> {
        let mut after = before.clone();
        for (name, cascade) in columns {
            let Some(at) = after.column_index(name) else { return Err(column_not_found(&after, name)) };
            let users = users_of_column(&after, name);
            if !users.is_empty() && !cascade {
                let text = format!(
                    "Cannot DROP column '{name}' - column is defined on index or constraint: {}",
                    users.join(", ")
                );
                return Err(SqlError::execute(322, text));
            }
            let has = |columns: &[String]| columns.iter().any(|column| same_name(column, name));
            for (child, key) in self.catalog.references_to(&after.schema, &after.name) {
                if has(&key.parent_columns) {
                    let text = format!(
                        "Cannot DROP column '{name}' - foreign key '{}' of table '{}' references it",
                        key.name,
                        child.qualified_name()
                    );
                    return Err(SqlError::execute(317, text));
                }
            }
            if after.primary_key.as_ref().is_some_and(|key| has(&key.columns)) {
                after.primary_key = None;
            }
            after.uniques.retain(|key| !has(&key.columns));
            after.foreign_keys.retain(|key| !has(&key.columns));
            after.indexes.retain(|index| !has(&index.columns) && !has(&index.data));
            after.columns.remove(at);
        }
        let origins = after.columns.iter().map(|column| before.column_index(&column.name)).collect();
        self.replace(before, after, origins)
    }

    /// None: the primary key.
    fn drop_constraint(&mut self, before: &TableDef, name: Option<&str>, foreign_only: bool) -> Result<(), SqlError> {
        let mut after = before.clone();
        let key_columns = match name {
            None => before.primary_key.as_ref().map(|key| key.columns.clone()),
            Some(_) if foreign_only => None,
            Some(name) => before
                .primary_key
                .iter()
                .chain(&before.uniques)
                .find(|key| same_name(&key.name, name))
                .map(|key| key.columns.clone()),
        };
        if let Some(columns) = key_columns {
            let other_key = |key: &[String]| before.unique_keys().filter(|(_, other)| *other == key).count() > 1;
            for (child, key) in self.catalog.references_to(&before.schema, &before.name) {
                if key.parent_columns == columns && !other_key(&columns) {
                    let text = format!(
                        "Cannot DROP constraint - foreign key '{}' of table '{}' references it",
                        key.name,
                        child.qualified_name()
                    );
                    return Err(SqlError::execute(317, text));
                }
            }
            let gone = |key: &str| name.is_none_or(|name| same_name(key, name));
            if after.primary_key.as_ref().is_some_and(|key| gone(&key.name)) {
                after.primary_key = None;
            }
            if let Some(name) = name {
                after.uniques.retain(|key| !same_name(&key.name, name));
            }
        } else {
            let count = after.foreign_keys.len();
            after.foreign_keys.retain(|key| name.is_none_or(|name| !same_name(&key.name, name)));
            if name.is_none() || after.foreign_keys.len() == count {
                let text = format!(
                    "Constraint '{}' not found for table '{}'",
                    name.unwrap_or("PRIMARY KEY"),
                    before.qualified_name()
                );
                return Err(SqlError::execute(315, text));
            }
        }
        let origins = (0..after.columns.len()).map(Some).collect();
        self.replace(before, after, origins)
    }

    fn change_column(&mut self, table: &ObjectName, name: &str, changes: Vec<Change>) -> Result<(), SqlError> {
        let before = self.changeable_table(table)?;
        let mut after = before.clone();
        for change in changes {
            let column = column_mut(&mut after, name)?;
            match change {
                Change::Rename(new_name) => return self.rename_column(&before, name, &new_name),
                Change::Default(default) => column.default = default,
                Change::Required(required) => column.not_null = required,
                Change::Collation(collation) => column.collation = collation,
                Change::Type(data_type, identity) => {
                    if identity != column.identity {
                        let text = format!("IDENTITY can neither be given to field '{name}' nor taken from it");
                        return Err(SqlError::execute(400, text));
                    }
                    if column.data_type.is_character() != data_type.is_character() {
                        column.collation = ColumnDef::new("", data_type).collation;
                    }
                    column.data_type = data_type;
                }
            }
        }
        self.replace_column(&before, after, name)
    }

    fn replace_column(&mut self, before: &TableDef, after: TableDef, name: &str) -> Result<(), SqlError> {
        let (Some(old), Some(new)) = (before.column(name), after.column(name)) else { return Ok(()) };
        if old.identity == IdentityKind::Identity && (old.data_type != new.data_type || old.not_null != new.not_null) {
            let text = format!("IDENTITY field '{name}' of table '{}' cannot change", before.qualified_name());
            return Err(SqlError::execute(400, text));
        }
        if old.data_type != new.data_type && (old.data_type.is_stream() || new.data_type.is_stream()) {
            let text = format!(
                "Cannot change the datatype of field '{name}' from {} to {}",
                old.data_type.class_name(),
                new.data_type.class_name()
            );
            return Err(SqlError::execute(374, text));
        }
        let origins = (0..after.columns.len()).map(Some).collect();
        self.replace(before, after, origins)
    }

    fn rename_column(&mut self, before: &TableDef, name: &str, new_name: &str) -> Result<(), SqlError> {
        if !same_name(name, new_name) && before.column(new_name).is_some() {
            let text = format!("Column '{new_name}' already exists in table '{}'", before.qualified_name());
            return Err(SqlError::execute(306, text));
        }
        let mut after = before.clone();
        let old_name = column_mut(&mut after, name)?.name.clone();
        column_mut(&mut after, name)?.name = new_name.to_owned();
        let rename = |columns: &mut Vec<String>| {
            columns
                .iter_mut()
                .filter(|column| same_name(column, &old_name))
                .for_each(|column| new_name.clone_into(column));
        };
        after.primary_key.iter_mut().chain(&mut after.uniques).for_each(|key| rename(&mut key.columns));
        for key in &mut after.foreign_keys {
            rename(&mut key.columns);
            if same_name(&key.parent_schema, &before.schema) && same_name(&key.parent_table, &before.name) {
                rename(&mut key.parent_columns);
            }
        }
        for index in &mut after.indexes {
            rename(&mut index.columns);
            rename(&mut index.data);
        }
        let origins = (0..after.columns.len()).map(Some).collect();
        self.replace_with(before, after, origins, |key| rename(&mut key.parent_columns))
    }

    fn rename_table(&mut self, before: &TableDef, new_name: String) -> Result<(), SqlError> {
        if !same_name(&before.name, &new_name) && self.catalog.lookup(&before.schema, &new_name).is_some() {
            let text = format!("Table or view '{}.{new_name}' already exists", before.schema);
            return Err(SqlError::execute(201, text));
        }
        let mut after = before.clone();
        after.sqlite_name = storage::sqlite_name(&before.schema, &new_name);
        after.name = new_name;
        for key in &mut after.foreign_keys {
            if same_name(&key.parent_schema, &before.schema) && same_name(&key.parent_table, &before.name) {
                key.parent_table.clone_from(&after.name);
            }
        }
        let parent = after.name.clone();
        let origins = (0..after.columns.len()).map(Some).collect();
        self.replace_with(before, after, origins, |key| key.parent_table.clone_from(&parent))
    }

    fn replace(&mut self, before: &TableDef, after: TableDef, origins: Origins) -> Result<(), SqlError> {
        self.replace_with(before, after, origins, |_| ())
    }

    /// Puts `after` in the place of `before`: rows, parts, the foreign keys of other tables (changed by `adapt`).
    fn replace_with(
        &mut self,
        before: &TableDef,
        after: TableDef,
        origins: Origins,
        adapt: impl Fn(&mut super::super::catalog::ForeignKeyDef),
    ) -> Result<(), SqlError> {
        if before.kind == TableKind::GlobalTemporary {
            // Rows of other connections stay as they are until those end; this one begins anew.
            let name = super::super::catalog::quote_identifier(&before.sqlite_name);
            storage::run(self.conn, &format!("DROP TABLE IF EXISTS temp.{name}"))?;
            self.forget_table(before)?;
            return self.save_table(after);
        }
        let own = |table: &TableDef| same_name(&table.schema, &before.schema) && same_name(&table.name, &before.name);
        let children: Vec<_> = self
            .catalog
            .references_to(&before.schema, &before.name)
            .into_iter()
            .filter(|(child, _)| !own(child))
            .collect();
        for (child, key) in &children {
            foreign_key::drop(self.conn, child, key)?;
        }
        storage::drop_parts(self.conn, before)?;
        if before.columns != after.columns || before.sqlite_name != after.sqlite_name {
            self.copy(before, &after, &origins)?;
        }
        if before.name != after.name {
            self.forget_table(before)?;
        }
        self.catalog.put_table(after.clone());
        for (child, key) in children {
            // A child may come up once for each of its keys: always the newest definition.
            let Some(current) = self.catalog.table(&child.schema, &child.name) else { continue };
            let mut changed = (*current).clone();
            if let Some(own_key) = changed.foreign_keys.iter_mut().find(|own_key| own_key.name == key.name) {
                adapt(own_key);
                let adapted = own_key.clone();
                self.save_table(changed.clone())?;
                foreign_key::create(self.conn, &self.catalog, &changed, &adapted)?;
            }
        }
        create_parts(self, &after)?;
        self.save_table(after)
    }

    fn copy(&mut self, before: &TableDef, after: &TableDef, origins: &Origins) -> Result<(), SqlError> {
        let engine = self.engine;
        let pairs: Vec<_> = after
            .columns
            .iter()
            .zip(origins)
            .map(|(new, origin)| (new, origin.and_then(|at| before.columns.get(at).map(|old| (at, old)))))
            .collect();
        let converters: Vec<_> = pairs
            .iter()
            .map(|(new, origin)| {
                let (new, old): (&ColumnDef, Option<&ColumnDef>) = (new, origin.map(|(_, old)| old));
                move |value| match old {
                    Some(old) => engine.convert(value, old, new),
                    None => Ok(value),
                }
            })
            .collect();
        let mut fills = Vec::with_capacity(pairs.len());
        for ((new, origin), convert) in pairs.iter().zip(&converters) {
            fills.push(match origin {
                Some((from, old)) if old.data_type != new.data_type => Fill::Convert { from: *from, convert },
                Some((from, _)) => Fill::Copy { from: *from },
                None if new.default.is_some() => Fill::Constant(engine.default_value(new)?),
                None => Fill::Constant(rusqlite::types::Value::Null),
            });
        }
        storage::rebuild(self.conn, before, after, &fills)
    }
}

fn create_parts(ddl: &Ddl, table: &TableDef) -> Result<(), SqlError> {
    let catalog: &Catalog = &ddl.catalog;
    storage::create_parts(ddl.conn, catalog, table)
}

fn storage_has_rows(ddl: &Ddl, table: &TableDef) -> Result<bool, SqlError> {
    Ok(table.kind == TableKind::Base && storage::has_rows(ddl.conn, table)?)
}

fn column_mut<'a>(table: &'a mut TableDef, name: &str) -> Result<&'a mut ColumnDef, SqlError> {
    let error = column_not_found(table, name);
    table.columns.iter_mut().find(|column| same_name(&column.name, name)).ok_or(error)
}

fn column_not_found(table: &TableDef, name: &str) -> SqlError {
    SqlError::execute(31, format!("Field '{name}' not found in table '{}'", table.qualified_name()))
}

#[derive(Debug, Default)]
struct Additions {
    columns: Vec<ParsedColumn>,
    constraints: Vec<ParsedConstraint>,
    /// ADD DEFAULT v FOR c.
    default: Option<(String, DefaultExpr)>,
}

fn parse_additions(cursor: &mut Cursor, table: &str) -> Result<Additions, SqlError> {
    let mut additions = Additions::default();
    if cursor.take_word("DEFAULT") {
        let default = cursor.default_expression()?;
        cursor.word("FOR")?;
        additions.default = Some((cursor.identifier()?, default));
        return Ok(additions);
    }
    // COLUMN is no reserved word, but `COLUMN (` and `COLUMN name type` can be nothing else.
    let said_column = cursor.take_word("COLUMN");
    let parenthesised = cursor.take_symbol("(");
    loop {
        if !said_column && cursor.at_constraint() {
            additions.constraints.push(cursor.table_constraint()?);
        } else {
            additions.columns.push(cursor.column_definition(table)?);
        }
        if !cursor.take_symbol(",") {
            break;
        }
    }
    if parenthesised {
        cursor.symbol(")")?;
    }
    Ok(additions)
}

enum Removal {
    /// Names, each with CASCADE or not.
    Columns(Vec<(String, bool)>),
    ForeignKey(String),
    PrimaryKey,
    Constraint(String),
}

fn parse_removal(cursor: &mut Cursor) -> Result<Removal, SqlError> {
    if cursor.take_words(&["FOREIGN", "KEY"]) {
        return Ok(Removal::ForeignKey(cursor.identifier()?));
    }
    if cursor.take_words(&["PRIMARY", "KEY"]) {
        return Ok(Removal::PrimaryKey);
    }
    if cursor.take_word("CONSTRAINT") {
        let name = cursor.identifier()?;
        let _ = cursor.take_word("CASCADE") || cursor.take_word("RESTRICT");
        return Ok(Removal::Constraint(name));
    }
    cursor.take_word("COLUMN");
    let mut columns = Vec::new();
    loop {
        let name = cursor.identifier()?;
        let cascade = cursor.take_word("CASCADE");
        if !cascade {
            cursor.take_word("RESTRICT");
        }
        let _ = cursor.take_word("%DELDATA") || cursor.take_word("%NODELDATA");
        columns.push((name, cascade));
        if !cursor.take_symbol(",") {
            return Ok(Removal::Columns(columns));
        }
        cursor.take_word("COLUMN");
    }
}

/// Is the name free for an index of the table? -324.
pub(super) fn free_index_name(table: &TableDef, name: &str) -> Result<(), SqlError> {
    if has_part(table, name) {
        let text = format!("Index '{name}' already defined for table '{}'", table.qualified_name());
        return Err(SqlError::execute(324, text));
    }
    Ok(())
}
