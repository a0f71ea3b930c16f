//! The functions and collations that translated SQL calls, registered on each SQLite connection.
//!
//! `dates`, `formats`, `patterns` are plain Rust, without SQLite; the others register.

mod aggregate;
mod arithmetic;
mod call;
mod collation;
mod core;
mod date;
pub(super) mod dates;
pub(super) mod formats;
mod json;
mod list;
pub(super) mod patterns;
mod text;
mod vector;

pub(super) use core::validation_message;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering as AtomicOrdering};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::ddl::NO_CHECK_FUNCTION;
use super::decimal;
use super::types::{DECIMAL_COLLATION, EXACT_COLLATION, STRING_COLLATION, UPPER_COLLATION};
use collation::{compare_exact, compare_upper, trimmed};

/// Registers everything.
///
/// # Errors
/// SQLite's refusal.
pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    conn.create_collation(UPPER_COLLATION, compare_upper)?;
    conn.create_collation(EXACT_COLLATION, compare_exact)?;
    conn.create_collation(STRING_COLLATION, |a, b| trimmed(a).cmp(trimmed(b)))?;
    conn.create_collation(DECIMAL_COLLATION, decimal::compare_text)?;
    core::register(conn)?;
    arithmetic::register(conn)?;
    aggregate::register(conn)?;
    text::register(conn)?;
    date::register(conn)?;
    json::register(conn)?;
    list::register(conn)?;
    vector::register(conn)
}

/// Registers what needs the session: whether a `%NOCHECK` statement is running.
///
/// # Errors
/// SQLite's refusal.
pub(super) fn register_session(conn: &Connection, no_check: &Arc<AtomicBool>) -> rusqlite::Result<()> {
    let no_check = Arc::clone(no_check);
    conn.create_scalar_function(NO_CHECK_FUNCTION, 0, FunctionFlags::SQLITE_UTF8, move |_| {
        Ok(i64::from(no_check.load(AtomicOrdering::Relaxed)))
    })
}
