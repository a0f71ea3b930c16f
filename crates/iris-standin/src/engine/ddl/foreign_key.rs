//! Foreign keys as triggers on both tables: IRIS checks row by row, tells the codes -121 to -124 apart, and lets
//! `%NOCHECK` skip the checks of one statement, none of which SQLite's own foreign keys can do.

use rusqlite::Connection;

use super::super::catalog::{
    Catalog, DefaultExpr, ForeignKeyDef, KeyDef, ReferentialAction, TableDef, quote_identifier, same_name,
};
use super::super::value::SqlError;
use super::storage::{column_list, part_name, run, text_literal};

/// SQL function without arguments, registered by the engine on each connection: not 0 while a `%NOCHECK` statement runs.
pub(crate) const NO_CHECK_FUNCTION: &str = "IRIS_NOCHECK";

/// What `RAISE` texts of the triggers begin with: `IRIS:<sqlcode>:<message>`.
const RAISED: &str = "IRIS:";

const EVENTS: [&str; 4] = ["child insert", "child update", "parent delete", "parent update"];

/// The IRIS error inside a failure that one of the triggers raised.
pub(crate) fn raised_error(error: &rusqlite::Error) -> Option<SqlError> {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text,
        _ => return None,
    };
    let (sqlcode, message) = text.strip_prefix(RAISED)?.split_once(':')?;
    Some(SqlError::execute(sqlcode.parse().ok()?, message))
}

/// Which key a failed UNIQUE check of SQLite means. `message` is SQLite's: the columns, each after the table's name.
pub(crate) fn violated_key<'a>(table: &'a TableDef, message: &str) -> Option<(&'a str, &'a [String])> {
    let list = message.strip_prefix("UNIQUE constraint failed: ")?;
    let prefix = format!("{}.", table.sqlite_name);
    let columns: Vec<&str> = list.split(", ").map(|column| column.strip_prefix(&prefix).unwrap_or(column)).collect();
    let same = |key: &[String]| key.len() == columns.len() && key.iter().zip(&columns).all(|(a, b)| same_name(a, b));
    table.unique_keys().find(|(_, key)| same(key))
}

pub(super) fn drop(conn: &Connection, child: &TableDef, key: &ForeignKeyDef) -> Result<(), SqlError> {
    for event in EVENTS {
        run(conn, &format!("DROP TRIGGER IF EXISTS {}", part_name(child, &key.name, event)))?;
    }
    run(conn, &format!("DROP INDEX IF EXISTS {}", part_name(child, &key.name, "child")))
}

/// Makes the triggers. The parent must be in the catalog (or be the child itself).
pub(super) fn create(
    conn: &Connection,
    catalog: &Catalog,
    child: &TableDef,
    key: &ForeignKeyDef,
) -> Result<(), SqlError> {
    if key.no_check {
        return Ok(());
    }
    let own = same_name(&child.schema, &key.parent_schema) && same_name(&child.name, &key.parent_table);
    let parent = match catalog.table(&key.parent_schema, &key.parent_table) {
        _ if own => child.clone(),
        Some(parent) => (*parent).clone(),
        None => return Ok(()),
    };
    let sql = Triggers { child, parent: &parent, key, own };
    run(
        conn,
        &format!(
            "CREATE INDEX {} ON {} ({})",
            part_name(child, &key.name, "child"),
            quote_identifier(&child.sqlite_name),
            column_list(&key.columns)
        ),
    )?;
    let [child_insert, child_update, parent_delete, parent_update] = EVENTS;
    sql.create(conn, child_insert, child, "AFTER INSERT", &sql.missing_parent(), &sql.raise(121))?;
    sql.create(conn, child_update, child, &sql.after_update(&key.columns), &sql.missing_parent(), &sql.raise(122))?;
    match key.on_delete {
        ReferentialAction::NoAction => {
            let when = sql.has_children("");
            sql.create(conn, parent_delete, &parent, "BEFORE DELETE", &when, &sql.raise(124))?;
        }
        ReferentialAction::Cascade => {
            let action = format!("DELETE FROM {} WHERE {};", quote_identifier(&child.sqlite_name), sql.is_child("OLD"));
            sql.create(conn, parent_delete, &parent, "AFTER DELETE", &sql.checked(), &action)?;
        }
        ReferentialAction::SetNull | ReferentialAction::SetDefault => {
            let action = sql.set_children(key.on_delete == ReferentialAction::SetDefault);
            sql.create(conn, parent_delete, &parent, "AFTER DELETE", &sql.checked(), &action)?;
        }
    }
    let changed = sql.parent_changed();
    match key.on_update {
        ReferentialAction::NoAction => {
            let event = sql.update_of("BEFORE", &key.parent_columns);
            sql.create(conn, parent_update, &parent, &event, &sql.has_children(&changed), &sql.raise(123))
        }
        ReferentialAction::Cascade => {
            let assignments: Vec<String> = key
                .columns
                .iter()
                .zip(&key.parent_columns)
                .map(|(column, parent)| format!("{} = NEW.{}", quote_identifier(column), quote_identifier(parent)))
                .collect();
            let table = quote_identifier(&child.sqlite_name);
            let action = format!("UPDATE {table} SET {} WHERE {};", assignments.join(", "), sql.is_child("OLD"));
            let when = format!("{} AND {changed}", sql.checked());
            sql.create(conn, parent_update, &parent, &sql.after_update(&key.parent_columns), &when, &action)
        }
        ReferentialAction::SetNull | ReferentialAction::SetDefault => {
            let action = sql.set_children(key.on_update == ReferentialAction::SetDefault);
            let when = format!("{} AND {changed}", sql.checked());
            sql.create(conn, parent_update, &parent, &sql.after_update(&key.parent_columns), &when, &action)
        }
    }
}

struct Triggers<'a> {
    child: &'a TableDef,
    parent: &'a TableDef,
    key: &'a ForeignKeyDef,
    /// The table refers to itself.
    own: bool,
}

impl Triggers<'_> {
    fn create(
        &self,
        conn: &Connection,
        part: &str,
        on: &TableDef,
        event: &str,
        when: &str,
        action: &str,
    ) -> Result<(), SqlError> {
        let name = part_name(self.child, &self.key.name, part);
        let table = quote_identifier(&on.sqlite_name);
        run(conn, &format!("CREATE TRIGGER {name} {event} ON {table} FOR EACH ROW WHEN {when} BEGIN {action} END"))
    }

    fn checked(&self) -> String {
        format!("{NO_CHECK_FUNCTION}() = 0")
    }

    fn update_of(&self, moment: &str, columns: &[String]) -> String {
        format!("{moment} UPDATE OF {}", column_list(columns))
    }

    fn after_update(&self, columns: &[String]) -> String {
        self.update_of("AFTER", columns)
    }

    fn raise(&self, sqlcode: i32) -> String {
        let ForeignKeyDef { name, columns, parent_columns, .. } = self.key;
        let (child, parent) = (self.child.qualified_name(), self.parent.qualified_name());
        let (columns, parent_columns) = (columns.join(","), parent_columns.join(","));
        let message = match sqlcode {
            121 | 122 => format!(
                "Table '{child}', Foreign Key Constraint '{name}', Field(s) ({columns}): no row of '{parent}' ({parent_columns})"
            ),
            _ => format!(
                "At least 1 row exists in table '{child}' which references key ({parent_columns}) of '{parent}' \
                 - Foreign Key Constraint '{name}' (Field(s) ({columns})) failed on referential action of NO ACTION"
            ),
        };
        format!("SELECT RAISE(ABORT, {});", text_literal(&format!("{RAISED}{sqlcode}:{message}")))
    }

    /// WHEN of the child's triggers: every column has a value and no parent has them all.
    fn missing_parent(&self) -> String {
        let mut parts = vec![self.checked()];
        let mut equal = Vec::new();
        for (column, parent) in self.key.columns.iter().zip(&self.key.parent_columns) {
            let (column, parent) = (quote_identifier(column), quote_identifier(parent));
            parts.push(format!("NEW.{column} IS NOT NULL"));
            equal.push(format!("p.{parent} = NEW.{column}"));
        }
        let parent = quote_identifier(&self.parent.sqlite_name);
        parts.push(format!("NOT EXISTS (SELECT 1 FROM {parent} p WHERE {})", equal.join(" AND ")));
        parts.join(" AND ")
    }

    /// Condition on rows of the child: they refer to the parent's row `row` (OLD).
    fn is_child(&self, row: &str) -> String {
        let pairs = self.key.columns.iter().zip(&self.key.parent_columns);
        let equal: Vec<String> = pairs
            .map(|(column, parent)| format!("{} = {row}.{}", quote_identifier(column), quote_identifier(parent)))
            .collect();
        equal.join(" AND ")
    }

    fn has_children(&self, and: &str) -> String {
        let table = quote_identifier(&self.child.sqlite_name);
        // A row that refers to itself does not hold itself back.
        let other = if self.own {
            let row_id = quote_identifier(self.child.row_id_column());
            format!(" AND {row_id} <> OLD.{row_id}")
        } else {
            String::new()
        };
        let and = if and.is_empty() { String::new() } else { format!(" AND {and}") };
        format!("{}{and} AND EXISTS (SELECT 1 FROM {table} WHERE {}{other})", self.checked(), self.is_child("OLD"))
    }

    fn parent_changed(&self) -> String {
        let changed: Vec<String> = self
            .key
            .parent_columns
            .iter()
            .map(|column| format!("NEW.{0} IS NOT OLD.{0}", quote_identifier(column)))
            .collect();
        format!("({})", changed.join(" OR "))
    }

    fn set_children(&self, to_default: bool) -> String {
        let assignments: Vec<String> = self
            .key
            .columns
            .iter()
            .map(|name| {
                let default = self.child.column(name).filter(|_| to_default).and_then(|column| column.default.as_ref());
                let value = match default {
                    Some(DefaultExpr::Number(number)) => number.clone(),
                    Some(DefaultExpr::Text(text)) => text_literal(text),
                    _ => "NULL".to_owned(),
                };
                format!("{} = {value}", quote_identifier(name))
            })
            .collect();
        let table = quote_identifier(&self.child.sqlite_name);
        format!("UPDATE {table} SET {} WHERE {};", assignments.join(", "), self.is_child("OLD"))
    }
}

/// Is there a row of the child without its parent?
pub(super) fn has_orphans(
    conn: &Connection,
    child: &TableDef,
    parent: &TableDef,
    key: &ForeignKeyDef,
) -> Result<bool, SqlError> {
    let mut given = Vec::new();
    let mut equal = Vec::new();
    for (column, parent) in key.columns.iter().zip(&key.parent_columns) {
        given.push(format!("c.{} IS NOT NULL", quote_identifier(column)));
        equal.push(format!("p.{} = c.{}", quote_identifier(parent), quote_identifier(column)));
    }
    let query = format!(
        "SELECT 1 FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
        quote_identifier(&child.sqlite_name),
        given.join(" AND "),
        quote_identifier(&parent.sqlite_name),
        equal.join(" AND ")
    );
    super::storage::exists(conn, &query)
}

/// Are there two rows with the same values of a key?
pub(super) fn has_duplicates(conn: &Connection, table: &TableDef, key: &KeyDef) -> Result<bool, SqlError> {
    let columns = column_list(&key.columns);
    let given: Vec<String> = key.columns.iter().map(|name| format!("{} IS NOT NULL", quote_identifier(name))).collect();
    let query = format!(
        "SELECT 1 FROM {} WHERE {} GROUP BY {columns} HAVING count(*) > 1",
        quote_identifier(&table.sqlite_name),
        given.join(" AND ")
    );
    super::storage::exists(conn, &query)
}
