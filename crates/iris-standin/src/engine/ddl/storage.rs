//! Tables of the catalog as SQLite tables: creation, indexes, and the copy that every change of columns makes.
//!
//! Keys are unique indexes and foreign keys are triggers (`foreign_key`), so that both come and go without a copy.

use rusqlite::types::Value as SqliteValue;
use rusqlite::{Connection, params_from_iter};

use super::super::catalog::{
    Catalog, ColumnDef, IdentityKind, IndexKind, ROW_ID_COLUMN, TableDef, TableKind, quote_identifier, storage_error,
};
use super::super::types::{DataType, Storage};
use super::super::value::SqlError;
use super::foreign_key;

pub(super) fn run(conn: &Connection, sql: &str) -> Result<(), SqlError> {
    conn.execute_batch(sql).map_err(|error| storage_error(&error))
}

/// SQLite's name of a table. `sqlite_` is SQLite's own prefix.
pub(super) fn sqlite_name(schema: &str, name: &str) -> String {
    let own = schema.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("sqlite_"));
    format!("{}{schema}.{name}", if own { "_" } else { "" })
}

/// Name of something that belongs to a table: indexes and triggers share one name space in SQLite.
pub(super) fn part_name(table: &TableDef, part: &str, kind: &str) -> String {
    quote_identifier(&format!("{}.{part}.{kind}", table.sqlite_name))
}

fn column_sql(column: &ColumnDef) -> String {
    let name = quote_identifier(&column.name);
    if column.identity == IdentityKind::Identity {
        return format!("{name} INTEGER PRIMARY KEY AUTOINCREMENT");
    }
    let affinity = match column.data_type.storage() {
        Storage::Integer => "INTEGER",
        Storage::Real => "REAL",
        Storage::Text | Storage::Decimal => "TEXT",
        Storage::Blob | Storage::Any => "BLOB",
    };
    let collation = match column.sqlite_collation() {
        "BINARY" => String::new(),
        collation => format!(" COLLATE {collation}"),
    };
    // Counters are filled after the row is in, by triggers.
    let required = column.not_null && !is_counter(column);
    format!("{name} {affinity}{collation}{}", if required { " NOT NULL" } else { "" })
}

fn is_counter(column: &ColumnDef) -> bool {
    column.identity == IdentityKind::SerialCounter || column.data_type == DataType::RowVersion
}

fn create_table_sql(table: &TableDef, name: &str) -> String {
    let mut columns: Vec<String> = table.columns.iter().map(column_sql).collect();
    if table.identity_column().is_none() {
        columns.insert(0, format!("{} INTEGER PRIMARY KEY AUTOINCREMENT", quote_identifier(ROW_ID_COLUMN)));
    }
    let (temporary, exists) = match table.kind {
        TableKind::GlobalTemporary => ("TEMP ", "IF NOT EXISTS "),
        TableKind::Base | TableKind::System => ("", ""),
    };
    format!("CREATE {temporary}TABLE {exists}{} ({})", quote_identifier(name), columns.join(", "))
}

/// The SQLite table without indexes and triggers.
pub(in crate::engine) fn create_table(conn: &Connection, table: &TableDef) -> Result<(), SqlError> {
    run(conn, &create_table_sql(table, &table.sqlite_name))
}

/// Makes this connection's own rows of a GLOBAL TEMPORARY table, unless they are there. Call it before a statement
/// that names one.
///
/// # Errors
/// -400 when SQLite refuses.
pub(crate) fn ensure_temporary(conn: &Connection, table: &TableDef) -> Result<(), SqlError> {
    create_table(conn, table)?;
    for (name, columns) in table.unique_keys() {
        let part = part_name(table, name, "key");
        let list = column_list(columns);
        let target = quote_identifier(&table.sqlite_name);
        run(conn, &format!("CREATE UNIQUE INDEX IF NOT EXISTS temp.{part} ON {target} ({list})"))?;
    }
    Ok(())
}

pub(super) fn column_list(columns: &[String]) -> String {
    columns.iter().map(|name| quote_identifier(name)).collect::<Vec<_>>().join(", ")
}

/// Keys, indexes, counters and the foreign keys that begin at this table.
pub(super) fn create_parts(conn: &Connection, catalog: &Catalog, table: &TableDef) -> Result<(), SqlError> {
    let target = quote_identifier(&table.sqlite_name);
    for (name, columns) in table.unique_keys() {
        // An IDENTITY column alone is unique by itself.
        run(
            conn,
            &format!("CREATE UNIQUE INDEX {} ON {target} ({})", part_name(table, name, "key"), column_list(columns)),
        )?;
    }
    for index in &table.indexes {
        if matches!(index.kind, IndexKind::Plain | IndexKind::Bitmap | IndexKind::Bitslice) {
            let columns: Vec<String> = index.columns.iter().chain(&index.data).cloned().collect();
            let part = part_name(table, &index.name, "index");
            run(conn, &format!("CREATE INDEX {part} ON {target} ({})", column_list(&columns)))?;
        }
    }
    create_counters(conn, table)?;
    for key in &table.foreign_keys {
        foreign_key::create(conn, catalog, table, key)?;
    }
    Ok(())
}

pub(super) fn drop_parts(conn: &Connection, table: &TableDef) -> Result<(), SqlError> {
    for key in &table.foreign_keys {
        foreign_key::drop(conn, table, key)?;
    }
    for (name, _) in table.unique_keys() {
        run(conn, &format!("DROP INDEX IF EXISTS {}", part_name(table, name, "key")))?;
    }
    for index in &table.indexes {
        run(conn, &format!("DROP INDEX IF EXISTS {}", part_name(table, &index.name, "index")))?;
    }
    for column in table.columns.iter().filter(|column| is_counter(column)) {
        for event in ["insert", "higher", "update"] {
            run(conn, &format!("DROP TRIGGER IF EXISTS {}", part_name(table, &column.name, event)))?;
        }
    }
    Ok(())
}

/// SERIAL takes the next number when it is given none or 0, and follows a higher one that it is given. ROWVERSION
/// takes the next number of the namespace on every write.
fn create_counters(conn: &Connection, table: &TableDef) -> Result<(), SqlError> {
    let target = quote_identifier(&table.sqlite_name);
    let row_id = quote_identifier(table.row_id_column());
    for column in table.columns.iter().filter(|column| is_counter(column)) {
        let name = quote_identifier(&column.name);
        let (counter, taken) = if column.data_type == DataType::RowVersion {
            ("ROWVERSION".to_owned(), "1".to_owned())
        } else {
            (counter_name(table, &column.name), format!("coalesce(NEW.{name}, 0) = 0"))
        };
        let counter = text_literal(&counter);
        let take = format!(
            "INSERT INTO iris_counters VALUES ({counter}, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1;
             UPDATE {target} SET {name} = (SELECT value FROM iris_counters WHERE name = {counter})
               WHERE {row_id} = NEW.{row_id};"
        );
        let part = part_name(table, &column.name, "insert");
        run(conn, &format!("CREATE TRIGGER {part} AFTER INSERT ON {target} WHEN {taken} BEGIN {take} END"))?;
        if column.data_type == DataType::RowVersion {
            let part = part_name(table, &column.name, "update");
            let when = format!("NEW.{name} IS OLD.{name}");
            run(conn, &format!("CREATE TRIGGER {part} AFTER UPDATE ON {target} WHEN {when} BEGIN {take} END"))?;
        } else {
            let part = part_name(table, &column.name, "higher");
            let follow = format!(
                "INSERT INTO iris_counters VALUES ({counter}, NEW.{name})
                   ON CONFLICT (name) DO UPDATE SET value = max(value, NEW.{name});"
            );
            let when = format!("NEW.{name} > 0");
            run(conn, &format!("CREATE TRIGGER {part} AFTER INSERT ON {target} WHEN {when} BEGIN {follow} END"))?;
        }
    }
    Ok(())
}

fn counter_name(table: &TableDef, column: &str) -> String {
    format!("{}.{column}", table.sqlite_name)
}

pub(super) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Sets the row id and SERIAL counters back: TRUNCATE TABLE and a table made again begin with 1.
pub(super) fn reset_counters(conn: &Connection, table: &TableDef) -> Result<(), SqlError> {
    let name = text_literal(&table.sqlite_name);
    run(conn, &format!("DELETE FROM sqlite_sequence WHERE name = {name}"))?;
    for column in &table.columns {
        if column.identity == IdentityKind::SerialCounter {
            let counter = text_literal(&counter_name(table, &column.name));
            run(conn, &format!("DELETE FROM iris_counters WHERE name = {counter}"))?;
        }
    }
    Ok(())
}

/// What a column of the new table holds for a row of the old one.
pub(super) enum Fill<'a> {
    Copy {
        from: usize,
    },
    /// The type changed: through the engine.
    Convert {
        from: usize,
        convert: &'a dyn Fn(SqliteValue) -> Result<SqliteValue, SqlError>,
    },
    Constant(SqliteValue),
}

/// Puts `new` in the place of `old`, rows copied, row ids kept. Parts (`drop_parts`, `create_parts`) are the caller's.
pub(super) fn rebuild(conn: &Connection, old: &TableDef, new: &TableDef, fills: &[Fill]) -> Result<(), SqlError> {
    let interim = format!("{}.interim", new.sqlite_name);
    run(conn, &create_table_sql(new, &interim))?;
    copy_rows(conn, old, new, &interim, fills)?;
    run(
        conn,
        &format!(
            "UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT seq FROM sqlite_sequence WHERE name = {old_name}), 0))
               WHERE name = {interim_name};
             DROP TABLE {old_table};
             ALTER TABLE {interim_table} RENAME TO {new_table};",
            old_name = text_literal(&old.sqlite_name),
            interim_name = text_literal(&interim),
            old_table = quote_identifier(&old.sqlite_name),
            interim_table = quote_identifier(&interim),
            new_table = quote_identifier(&new.sqlite_name),
        ),
    )
}

fn copy_rows(conn: &Connection, old: &TableDef, new: &TableDef, interim: &str, fills: &[Fill]) -> Result<(), SqlError> {
    let mut source: Vec<String> = vec![quote_identifier(old.row_id_column())];
    source.extend(old.columns.iter().map(|column| quote_identifier(&column.name)));
    let mut target: Vec<String> = vec![quote_identifier(new.row_id_column())];
    let mut filled = Vec::new();
    for (column, fill) in new.columns.iter().zip(fills) {
        if column.identity != IdentityKind::Identity {
            target.push(quote_identifier(&column.name));
            filled.push((column, fill));
        }
    }
    let marks = vec!["?"; target.len()].join(", ");
    let insert = format!("INSERT INTO {} ({}) VALUES ({marks})", quote_identifier(interim), target.join(", "));
    let select = format!("SELECT {} FROM {} ORDER BY 1", source.join(", "), quote_identifier(&old.sqlite_name));
    let mut insert = conn.prepare(&insert).map_err(|error| storage_error(&error))?;
    let mut select = conn.prepare(&select).map_err(|error| storage_error(&error))?;
    let mut rows = select.query([]).map_err(|error| storage_error(&error))?;
    while let Some(row) = rows.next().map_err(|error| storage_error(&error))? {
        let value = |at: usize| row.get::<_, SqliteValue>(at).map_err(|error| storage_error(&error));
        let mut values = vec![value(0)?];
        for (_, fill) in &filled {
            values.push(match fill {
                Fill::Copy { from } => value(from.saturating_add(1))?,
                Fill::Convert { from, convert } => convert(value(from.saturating_add(1))?)?,
                Fill::Constant(constant) => constant.clone(),
            });
        }
        insert.execute(params_from_iter(values)).map_err(|error| not_null_or_storage(&error, &filled))?;
    }
    Ok(())
}

fn not_null_or_storage(error: &rusqlite::Error, filled: &[(&ColumnDef, &Fill)]) -> SqlError {
    let text = error.to_string();
    match filled.iter().find(|(column, _)| text.ends_with(&format!(".{}", column.name)) && text.contains("NOT NULL")) {
        Some((column, Fill::Constant(_))) => SqlError::execute(
            304,
            format!(
                "Attempt to add a NOT NULL field ('{}') with no default value to a table which contains data",
                column.name
            ),
        ),
        Some((column, _)) => required_with_nulls(&column.name),
        None => storage_error(error),
    }
}

pub(super) fn required_with_nulls(column: &str) -> SqlError {
    SqlError::execute(
        305,
        format!("Attempt to make field '{column}' required when the table has rows where it is NULL"),
    )
}

/// Has the table any row?
pub(super) fn has_rows(conn: &Connection, table: &TableDef) -> Result<bool, SqlError> {
    exists(conn, &format!("SELECT 1 FROM {}", quote_identifier(&table.sqlite_name)))
}

/// Does the query give a row?
pub(super) fn exists(conn: &Connection, query: &str) -> Result<bool, SqlError> {
    conn.query_row(&format!("SELECT EXISTS ({query})"), [], |row| row.get(0)).map_err(|error| storage_error(&error))
}
