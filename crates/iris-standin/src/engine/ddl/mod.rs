//! Definition statements: CREATE, ALTER, DROP, TRUNCATE and their kin, by IRIS's grammar and with IRIS's refusals.
//!
//! A statement runs inside the engine's writer gate and transaction; it is atomic by itself. Facts: `iris-sql.md` 8,
//! `iris-sql-from-clients.md` "DDL".

mod alter;
mod code;
mod column;
mod create_table;
mod cursor;
mod drop;
mod foreign_key;
mod index;
mod object_script;
mod other;
mod routine;
pub(super) mod storage;
mod view;
mod work;

use rusqlite::Connection;

pub(super) use foreign_key::{NO_CHECK_FUNCTION, raised_error, violated_key};
pub(super) use storage::ensure_temporary;
pub(super) use work::{QueryEngine, QueryShape};

use super::catalog::CatalogStore;
use super::information_schema;
use super::value::SqlError;
use code::without_comments;
use cursor::Cursor;
use work::{Action, Ddl};

/// First words of the statements that this module answers.
const FIRST_WORDS: [&str; 15] = [
    "CREATE",
    "ALTER",
    "DROP",
    "TRUNCATE",
    "TUNE",
    "BUILD",
    "PURGE",
    "FREEZE",
    "UNFREEZE",
    "GRANT",
    "REVOKE",
    "LOCK",
    "UNLOCK",
    "CANCELBUILD",
    "USE",
];

/// Is the statement one of [`execute`]'s? Looks at the first word only; comments before it do not count.
pub(super) fn is_ddl(sql: &str) -> bool {
    let word = first_word(sql);
    FIRST_WORDS.iter().any(|first| first.eq_ignore_ascii_case(word))
}

/// Those that belong to the transaction they run in: TRUNCATE deletes rows, LOCK lasts to the end of it.
pub(super) fn holds_writer(sql: &str) -> bool {
    let word = first_word(sql);
    ["TRUNCATE", "LOCK"].iter().any(|first| first.eq_ignore_ascii_case(word))
}

fn first_word(sql: &str) -> &str {
    let rest = without_comments(sql);
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    rest.get(..length).unwrap_or("")
}

/// Makes the tables that definitions keep their own state in, and INFORMATION_SCHEMA anew from the catalog. Once when a
/// database is opened, with the collations registered; the engine wraps it in a transaction.
///
/// # Errors
/// -400 when SQLite refuses.
pub(super) fn prepare_database(conn: &Connection, store: &CatalogStore) -> Result<(), SqlError> {
    storage::run(conn, "CREATE TABLE IF NOT EXISTS iris_counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")?;
    information_schema::rebuild(conn, &store.snapshot())
}

/// Reads a definition without running it: what a prepare does.
///
/// # Errors
/// -1, -25 and the other codes of a statement that cannot be read.
pub(super) fn check(sql: &str) -> Result<(), SqlError> {
    match database_change(sql)? {
        Some(_) => Ok(()),
        None => statement(sql).map(|_| ()),
    }
}

/// CREATE DATABASE and DROP DATABASE: what the engine does, not one of its databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DatabaseChange {
    Create(String),
    Drop { name: String, if_exists: bool },
}

/// None for other statements.
///
/// # Errors
/// -1 and -25 for what cannot be read, -343 for a name that no namespace can have.
pub(super) fn database_change(sql: &str) -> Result<Option<DatabaseChange>, SqlError> {
    let mut words = without_comments(sql).split_whitespace().map(str::to_ascii_uppercase);
    let (verb, kind) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !["CREATE", "DROP"].contains(&verb.as_str()) || kind != "DATABASE" {
        return Ok(None);
    }
    let mut cursor = Cursor::new(sql)?;
    let create = cursor.take_word("CREATE");
    let _ = create || cursor.take_word("DROP");
    cursor.word("DATABASE")?;
    let if_exists = !create && cursor.take_words(&["IF", "EXISTS"]);
    let name = cursor.identifier()?;
    if create && cursor.take_words(&["ON", "DIRECTORY"]) {
        cursor.string()?;
    } else if !create {
        cursor.take_word("RETAIN_FILES");
    }
    cursor.end()?;
    if name.starts_with('_') || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '%')) {
        return Err(SqlError::prepare(343, format!("Invalid database name '{name}'")));
    }
    Ok(Some(if create { DatabaseChange::Create(name) } else { DatabaseChange::Drop { name, if_exists } }))
}

/// Runs one definition statement. On success the catalog is published under a new version; on failure nothing has
/// changed.
///
/// # Errors
/// IRIS's code of the refusal.
pub(super) fn execute(
    conn: &Connection,
    store: &CatalogStore,
    engine: &dyn QueryEngine,
    sql: &str,
) -> Result<(), SqlError> {
    let action = statement(sql)?;
    let before = store.snapshot();
    let mut ddl = Ddl { conn, catalog: (*before).clone(), engine, changed: false };
    storage::run(conn, "SAVEPOINT iris_ddl")?;
    match action(&mut ddl) {
        Ok(()) => {
            storage::run(conn, "RELEASE iris_ddl")?;
            if ddl.changed {
                store.publish(ddl.catalog);
            }
            Ok(())
        }
        Err(error) => {
            storage::run(conn, "ROLLBACK TO iris_ddl; RELEASE iris_ddl")?;
            Err(error)
        }
    }
}

/// Reads a whole statement.
fn statement(sql: &str) -> Result<Action, SqlError> {
    let (sql, body) = routine::split_body(sql).unwrap_or((sql, ""));
    let (text, codes) = code::cut(sql).unwrap_or_else(|| (sql.to_owned(), Vec::new()));
    let mut cursor = Cursor::new(&text)?;
    cursor.codes = codes;
    let cursor = &mut cursor;
    if cursor.take_word("CREATE") {
        create(cursor, body)
    } else if cursor.take_words(&["ALTER", "TABLE"]) {
        alter::alter_table(cursor)
    } else if cursor.take_words(&["ALTER", "VIEW"]) {
        view::create_view(cursor, view::Replace::Only)
    } else if cursor.take_word("DROP") {
        drop::drop(cursor)
    } else if cursor.take_words(&["TRUNCATE", "TABLE"]) {
        drop::truncate(cursor)
    } else {
        other::other(cursor)
    }
}

fn create(cursor: &mut Cursor, body: &str) -> Result<Action, SqlError> {
    if cursor.take_word("TABLE") {
        return create_table::create_table(cursor, false);
    }
    if cursor.take_words(&["GLOBAL", "TEMPORARY", "TABLE"]) {
        return create_table::create_table(cursor, true);
    }
    if cursor.take_words(&["OR", "REPLACE", "VIEW"]) {
        return view::create_view(cursor, view::Replace::Yes);
    }
    if cursor.take_word("VIEW") {
        return view::create_view(cursor, view::Replace::No);
    }
    if cursor.take_word("SCHEMA") {
        return drop::create_schema(cursor);
    }
    if let Some(kind) = index::index_kind(cursor) {
        return index::create_index(cursor, kind);
    }
    let replace = cursor.take_words(&["OR", "REPLACE"]);
    match routine::KINDS.into_iter().find(|kind| cursor.take_word(kind)) {
        Some(kind) => routine::create_routine(cursor, kind, replace, body),
        None => Err(other::unknown_kind(cursor)),
    }
}

#[cfg(test)]
mod tests;
