//! CREATE TABLE, and the constraints that ALTER TABLE adds.

use super::super::catalog::{
    self, ForeignKeyDef, IdentityKind, IndexKind, KeyDef, ReferentialAction, TableDef, TableKind, same_name,
};
use super::super::value::SqlError;
use super::column::{ParsedColumn, ParsedConstraint, Reference};
use super::cursor::{Cursor, ObjectName};
use super::work::{Action, Ddl, not_allowed};
use super::{foreign_key, storage};

pub(super) fn create_table(cursor: &mut Cursor, temporary: bool) -> Result<Action, SqlError> {
    let if_not_exists = cursor.take_words(&["IF", "NOT", "EXISTS"]);
    let name = cursor.object_name()?;
    let mut table = TableDef {
        sqlite_name: storage::sqlite_name(&name.schema, &name.name),
        schema: name.schema.clone(),
        name: name.name.clone(),
        kind: if temporary { TableKind::GlobalTemporary } else { TableKind::Base },
        allow_identity_insert: false,
        columnar: false,
        description: None,
        columns: Vec::new(),
        primary_key: None,
        uniques: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
    };
    if cursor.take_word("AS") {
        return create_table_as(cursor, table, name, if_not_exists);
    }
    let (columns, constraints) = parse_elements(cursor, &mut table)?;
    table_options(cursor, &mut table)?;
    cursor.end()?;
    Ok(Box::new(move |ddl| {
        if ddl.exists_already(&name, if_not_exists)? {
            return Ok(());
        }
        ddl.add_columns(&mut table, columns, constraints)?;
        ddl.make_table(table)
    }))
}

/// `AS query [WITH options]`; the query may stand in parentheses.
fn create_table_as(
    cursor: &mut Cursor,
    mut table: TableDef,
    name: ObjectName,
    if_not_exists: bool,
) -> Result<Action, SqlError> {
    let start = cursor.offset();
    if !cursor.is_word("SELECT") && !cursor.is_word("WITH") && !cursor.is_symbol("(") {
        return Err(cursor.expected("SELECT"));
    }
    let mut query = None;
    if cursor.is_symbol("(") {
        cursor.skip_parentheses()?;
        if cursor.at_end() || cursor.is_word("WITH") {
            let text = cursor.text_since(start);
            query = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        } else if !cursor.is_word("UNION") {
            return Err(cursor.expected(")"));
        }
    }
    while !cursor.at_end()
        && !cursor.is_words(&["WITH", "%CLASSPARAMETER"])
        && !cursor.is_words(&["WITH", "STORAGETYPE"])
    {
        cursor.advance();
    }
    let query = query.unwrap_or_else(|| cursor.text_since(start)).to_owned();
    table_options(cursor, &mut table)?;
    cursor.end()?;
    Ok(Box::new(move |ddl| {
        if ddl.exists_already(&name, if_not_exists)? {
            return Ok(());
        }
        let shape = ddl.engine.describe(ddl.conn, &ddl.catalog, &query)?;
        for mut column in shape.columns {
            if table.column(&column.name).is_some() {
                return Err(duplicate_column(&table, &column.name));
            }
            column.identity = IdentityKind::No;
            column.default = None;
            table.columns.push(column);
        }
        ddl.make_table(table.clone())?;
        ddl.engine.fill(ddl.conn, &ddl.catalog, &query, &table).map(|_| ())
    }))
}

impl Ddl<'_> {
    /// -201 unless IF NOT EXISTS was said.
    fn exists_already(&self, name: &ObjectName, if_not_exists: bool) -> Result<bool, SqlError> {
        if catalog::same_name(&name.schema, "INFORMATION_SCHEMA") {
            return Err(not_allowed(name));
        }
        match self.catalog.lookup(&name.schema, &name.name) {
            None => Ok(false),
            Some(_) if if_not_exists => Ok(true),
            Some(_) => Err(exists(name)),
        }
    }

    fn make_table(&mut self, table: TableDef) -> Result<(), SqlError> {
        if table.kind != TableKind::GlobalTemporary {
            storage::create_table(self.conn, &table)?;
            storage::reset_counters(self.conn, &table)?;
            storage::create_parts(self.conn, &self.catalog, &table)?;
        }
        self.save_table(table)
    }

    /// Puts parsed columns and constraints into the table, each checked against what is there.
    pub(super) fn add_columns(
        &self,
        table: &mut TableDef,
        columns: Vec<ParsedColumn>,
        constraints: Vec<ParsedConstraint>,
    ) -> Result<(), SqlError> {
        let mut keys = Vec::new();
        for parsed in columns {
            let ParsedColumn { column, primary_key, unique, references } = parsed;
            if table.column(&column.name).is_some() || same_name(&column.name, "%ID") {
                return Err(duplicate_column(table, &column.name));
            }
            if column.identity == IdentityKind::Identity && table.identity_column().is_some() {
                return Err(SqlError::execute(
                    308,
                    format!("An identity column already defined for table '{}'", table.qualified_name()),
                ));
            }
            let columns = vec![column.name.clone()];
            if primary_key {
                keys.push(ParsedConstraint::PrimaryKey { name: None, columns: columns.clone() });
            }
            if unique {
                keys.push(ParsedConstraint::Unique { name: None, columns: columns.clone() });
            }
            if let Some(reference) = references {
                keys.push(ParsedConstraint::ForeignKey { name: None, columns, reference });
            }
            table.columns.push(column);
        }
        for constraint in keys.into_iter().chain(constraints) {
            self.add_constraint(table, constraint)?;
        }
        Ok(())
    }

    pub(super) fn add_constraint(&self, table: &mut TableDef, constraint: ParsedConstraint) -> Result<(), SqlError> {
        match constraint {
            ParsedConstraint::PrimaryKey { name, columns } => {
                let key = self.key(table, name, columns, "PKEY")?;
                if table.primary_key.is_some() {
                    return Err(SqlError::execute(
                        307,
                        format!("Primary key already defined for table '{}'", table.qualified_name()),
                    ));
                }
                for column in &mut table.columns {
                    if key.columns.iter().any(|name| same_name(name, &column.name)) {
                        column.not_null = true;
                    }
                }
                table.primary_key = Some(key);
            }
            ParsedConstraint::Unique { name, columns } => {
                let key = self.key(table, name, columns, "UNIQUE")?;
                table.uniques.push(key);
            }
            ParsedConstraint::ForeignKey { name, columns, reference } => {
                let key = self.foreign_key(table, name, columns, reference)?;
                table.foreign_keys.push(key);
            }
        }
        Ok(())
    }

    fn key(
        &self,
        table: &TableDef,
        name: Option<String>,
        columns: Vec<String>,
        suffix: &str,
    ) -> Result<KeyDef, SqlError> {
        let columns = key_columns(table, &columns)?;
        let name = match name {
            Some(name) if has_part(table, &name) => return Err(name_conflict(table, &name)),
            Some(name) => name,
            None => default_name(table, suffix),
        };
        Ok(KeyDef { name, columns })
    }

    fn foreign_key(
        &self,
        table: &TableDef,
        name: Option<String>,
        columns: Vec<String>,
        reference: Reference,
    ) -> Result<ForeignKeyDef, SqlError> {
        let name = match name {
            Some(name) if table.foreign_keys.iter().any(|key| same_name(&key.name, &name)) => {
                return Err(SqlError::execute(
                    311,
                    format!("Foreign key '{name}' already defined for table '{}'", table.qualified_name()),
                ));
            }
            Some(name) => name,
            None => default_name(table, "FKEY"),
        };
        let mut own_columns = Vec::new();
        for column in &columns {
            match table.column(column) {
                Some(column) => own_columns.push(column.name.clone()),
                None => {
                    return Err(SqlError::execute(
                        315,
                        format!(
                            "Foreign key '{name}': field '{column}' not found in table '{}'",
                            table.qualified_name()
                        ),
                    ));
                }
            }
        }
        let parent_name = &reference.table;
        let own = same_name(&parent_name.schema, &table.schema) && same_name(&parent_name.name, &table.name);
        let parent = match self.catalog.table(&parent_name.schema, &parent_name.name) {
            _ if own => table.clone(),
            Some(parent) if parent.kind != TableKind::System => (*parent).clone(),
            _ => {
                return Err(SqlError::execute(
                    310,
                    format!("Foreign key '{name}' references non-existent table '{}'", parent_name.shown()),
                ));
            }
        };
        let parent_columns = referenced_columns(&parent, &name, &reference.columns)?;
        if parent_columns.len() != own_columns.len() {
            return Err(SqlError::execute(
                314,
                format!("Foreign key '{name}' and the key it references differ in the number of fields"),
            ));
        }
        let nullable = |column: &String| table.column(column).is_some_and(|column| !column.not_null);
        if [reference.on_delete, reference.on_update].contains(&ReferentialAction::SetNull)
            && !own_columns.iter().all(nullable)
        {
            return Err(SqlError::execute(
                400,
                format!("ERROR #5540: foreign key '{name}': SET NULL on a required field"),
            ));
        }
        Ok(ForeignKeyDef {
            name,
            columns: own_columns,
            parent_schema: parent.schema,
            parent_table: parent.name,
            parent_columns,
            on_delete: reference.on_delete,
            on_update: reference.on_update,
            no_check: reference.no_check,
        })
    }

    /// Before ALTER TABLE: do the rows obey the new constraint? -125, -305, -127.
    pub(super) fn check_rows(&self, before: &TableDef, after: &TableDef) -> Result<(), SqlError> {
        let is_new = |key: &&KeyDef| {
            !before.primary_key.iter().chain(&before.uniques).any(|old| same_name(&old.name, &key.name))
        };
        for key in after.primary_key.iter().chain(&after.uniques).filter(is_new) {
            if foreign_key::has_duplicates(self.conn, before, key)? {
                return Err(duplicates(after, key));
            }
        }
        for key in &after.foreign_keys {
            let old = before.foreign_keys.iter().any(|old| same_name(&old.name, &key.name));
            if old || key.no_check {
                continue;
            }
            let own = same_name(&key.parent_schema, &after.schema) && same_name(&key.parent_table, &after.name);
            let parent = match self.catalog.table(&key.parent_schema, &key.parent_table) {
                _ if own => before.clone(),
                Some(parent) => (*parent).clone(),
                None => continue,
            };
            if foreign_key::has_orphans(self.conn, before, &parent, key)? {
                let text = format!(
                    "Foreign key '{}' cannot be added to table '{}': rows refer to missing rows of '{}'",
                    key.name,
                    after.qualified_name(),
                    parent.qualified_name()
                );
                return Err(SqlError::execute(127, text));
            }
        }
        Ok(())
    }
}

pub(super) fn duplicates(table: &TableDef, key: &KeyDef) -> SqlError {
    let text = format!(
        "Constraint '{}' on ({}) cannot be added to table '{}': values are not unique",
        key.name,
        key.columns.join(","),
        table.qualified_name()
    );
    SqlError::execute(125, text)
}

pub(super) fn exists(name: &ObjectName) -> SqlError {
    SqlError::execute(201, format!("Table or view '{}' already exists", name.shown()))
}

fn duplicate_column(table: &TableDef, name: &str) -> SqlError {
    SqlError::execute(306, format!("Column '{name}' already exists in table '{}'", table.qualified_name()))
}

/// The columns of a key as declared: -31 for unknown ones, -400 for streams and repeated ones.
pub(super) fn key_columns(table: &TableDef, names: &[String]) -> Result<Vec<String>, SqlError> {
    let mut columns: Vec<String> = Vec::new();
    for name in names {
        let Some(column) = table.column(name) else {
            return Err(SqlError::execute(
                31,
                format!("Field '{name}' not found in table '{}'", table.qualified_name()),
            ));
        };
        if column.data_type.is_stream() {
            let text = format!("ERROR #5414: Invalid index attribute: '{}' is a stream", column.name);
            return Err(SqlError::execute(400, text));
        }
        if columns.contains(&column.name) {
            return Err(SqlError::execute(400, format!("Field '{}' stands twice in one key", column.name)));
        }
        columns.push(column.name.clone());
    }
    Ok(columns)
}

/// Constraint names and index names share one space within a table: both are indexes of the class.
pub(super) fn has_part(table: &TableDef, name: &str) -> bool {
    table.unique_keys().any(|(key, _)| same_name(key, name))
        || table.indexes.iter().any(|index| same_name(&index.name, name))
}

fn name_conflict(table: &TableDef, name: &str) -> SqlError {
    let text = format!("ERROR #5804: Key name not unique: '{}:{name}' index name conflict", table.class_name());
    SqlError::execute(400, text)
}

/// `PERSON_PKEY1`: the table in capitals and the first number that is free.
fn default_name(table: &TableDef, suffix: &str) -> String {
    let base = format!("{}_{suffix}", table.name.to_uppercase());
    let taken = |name: &str| has_part(table, name) || table.foreign_keys.iter().any(|key| same_name(&key.name, name));
    let mut number = 1u32;
    loop {
        let name = format!("{base}{number}");
        if !taken(&name) {
            return name;
        }
        number = number.saturating_add(1);
    }
}

/// What a foreign key refers to: the named columns, which must be a key (-316, -314), or the primary key (-319).
/// The row id may stand for a key.
fn referenced_columns(parent: &TableDef, key: &str, names: &[String]) -> Result<Vec<String>, SqlError> {
    if names.is_empty() {
        return match (&parent.primary_key, parent.identity_column()) {
            (Some(primary_key), _) => Ok(primary_key.columns.clone()),
            (None, Some(identity)) => Ok(vec![identity.name.clone()]),
            (None, None) => Err(SqlError::execute(
                319,
                format!(
                    "Foreign key '{key}': referenced table '{}' has no primary key defined",
                    parent.qualified_name()
                ),
            )),
        };
    }
    let mut columns = Vec::new();
    for name in names {
        match parent.column(name) {
            Some(column) => columns.push(column.name.clone()),
            None if same_name(name, "ID") && parent.identity_column().is_none() => {
                columns.push(catalog::ROW_ID_COLUMN.to_owned());
            }
            None => {
                return Err(SqlError::execute(
                    316,
                    format!(
                        "Foreign key '{key}' references non-existent field '{name}' of '{}'",
                        parent.qualified_name()
                    ),
                ));
            }
        }
    }
    let is_row_id = matches!(&columns[..], [column] if same_name(column, parent.row_id_column()));
    let same = |key: &[String]| key.len() == columns.len() && key.iter().all(|name| columns.contains(name));
    if is_row_id || parent.unique_keys().any(|(_, key)| same(key)) {
        return Ok(columns);
    }
    Err(SqlError::execute(
        314,
        format!(
            "Foreign key '{key}' references non-unique key/field collection ({}) of '{}'",
            names.join(","),
            parent.qualified_name()
        ),
    ))
}

/// `( element, ... )`.
fn parse_elements(
    cursor: &mut Cursor,
    table: &mut TableDef,
) -> Result<(Vec<ParsedColumn>, Vec<ParsedConstraint>), SqlError> {
    let shown = table.qualified_name();
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    cursor.symbol("(")?;
    loop {
        if cursor.at_constraint() {
            constraints.push(cursor.table_constraint()?);
        } else if !table_keyword(cursor, table)? {
            columns.push(cursor.column_definition(&shown)?);
        }
        if !cursor.take_symbol(",") {
            break;
        }
    }
    if !cursor.is_symbol(")") {
        return Err(cursor.expected(")"));
    }
    cursor.advance();
    Ok((columns, constraints))
}

/// `%DESCRIPTION '..'` and its siblings as elements of the list.
fn table_keyword(cursor: &mut Cursor, table: &mut TableDef) -> Result<bool, SqlError> {
    if cursor.take_word("%DESCRIPTION") {
        table.description = Some(cursor.string()?);
    } else if cursor.take_word("%FILE") || cursor.take_word("%ROUTINE") {
        cursor.string()?;
    } else if cursor.take_word("%EXTENTSIZE") || cursor.take_word("%NUMROWS") {
        cursor.integer()?;
    } else if cursor.take_word("%CLASSPARAMETER") {
        class_parameter(cursor, table)?;
    } else if cursor.is_word("SHARD") {
        return Err(sharded());
    } else {
        return Ok(cursor.take_word("%PUBLICROWID"));
    }
    Ok(true)
}

fn class_parameter(cursor: &mut Cursor, table: &mut TableDef) -> Result<(), SqlError> {
    let name = cursor.identifier()?;
    cursor.take_symbol("=");
    let value = cursor.option_value()?;
    if name.eq_ignore_ascii_case("ALLOWIDENTITYINSERT") {
        table.allow_identity_insert = value.trim() == "1";
    }
    Ok(())
}

fn sharded() -> SqlError {
    SqlError::prepare(400, "Sharded tables need a sharded namespace")
}

/// What may follow the list: `WITH %CLASSPARAMETER n = v, STORAGETYPE = ROW`. Anything else is left for `end`.
fn table_options(cursor: &mut Cursor, table: &mut TableDef) -> Result<(), SqlError> {
    if cursor.is_word("SHARD") {
        return Err(sharded());
    }
    if !cursor.take_word("WITH") {
        return Ok(());
    }
    loop {
        if cursor.take_word("%CLASSPARAMETER") {
            class_parameter(cursor, table)?;
        } else if cursor.take_word("STORAGETYPE") {
            cursor.symbol("=")?;
            table.columnar = cursor.storage_type()?;
        } else {
            return Err(cursor.expected("%CLASSPARAMETER or STORAGETYPE"));
        }
        if !cursor.take_symbol(",") {
            return Ok(());
        }
    }
}

/// Does any key or index, or a foreign key, use the column?
pub(super) fn users_of_column(table: &TableDef, column: &str) -> Vec<String> {
    let mut users = Vec::new();
    let has = |columns: &[String]| columns.iter().any(|name| same_name(name, column));
    for key in table.primary_key.iter().chain(&table.uniques) {
        if has(&key.columns) {
            users.push(key.name.clone());
        }
    }
    for key in &table.foreign_keys {
        if has(&key.columns) {
            users.push(key.name.clone());
        }
    }
    for index in &table.indexes {
        if index.kind != IndexKind::BitmapExtent && (has(&index.columns) || has(&index.data)) {
            users.push(index.name.clone());
        }
    }
    users
}
