//! Statements that are legal and have little or nothing to do here, and definitions that the stand-in has no engine for.

use super::super::parse::TokenKind;
use super::super::value::SqlError;
use super::create_table::has_part;
use super::cursor::{Cursor, ObjectName};
use super::work::Action;

/// What CREATE and DROP can name in IRIS, and what the stand-in lacks for it.
const NOT_HERE: [(&str, &str); 8] = [
    ("AGGREGATE", "user-defined aggregates need routines"),
    ("TRIGGER", "triggers need an ObjectScript or Python engine"),
    ("USER", "there is one user"),
    ("ROLE", "there are no roles"),
    ("MODEL", "there is no IntegratedML"),
    ("ML", "there is no IntegratedML"),
    ("FOREIGN", "foreign servers and tables are not available"),
    ("SERVER", "foreign servers are not available"),
];

/// -400 for what IRIS has and the stand-in has not; -1 for what IRIS does not know either.
pub(super) fn unknown_kind(cursor: &Cursor) -> SqlError {
    match NOT_HERE.iter().find(|(kind, _)| cursor.is_word(kind)) {
        Some((kind, reason)) => SqlError::prepare(400, format!("{kind} is not available in the stand-in: {reason}")),
        None => cursor.expected("TABLE, VIEW, INDEX or SCHEMA"),
    }
}

/// A statement with nothing to do once the table or view it names is known to exist.
fn only_known(name: ObjectName) -> Action {
    Box::new(move |ddl| ddl.known_relation(&name))
}

fn nothing() -> Action {
    Box::new(|_| Ok(()))
}

/// TUNE, BUILD INDEX, PURGE, FREEZE, GRANT, REVOKE, LOCK and UNLOCK.
pub(super) fn other(cursor: &mut Cursor) -> Result<Action, SqlError> {
    if cursor.take_words(&["TUNE", "TABLE"]) {
        let name = cursor.object_name()?;
        percent_options(cursor);
        cursor.end()?;
        return Ok(only_known(name));
    }
    if cursor.take_words(&["BUILD", "INDEX"]) {
        return build_index(cursor);
    }
    if cursor.take_words(&["PURGE", "CACHED", "QUERIES"]) {
        let mut action = nothing();
        if cursor.take_words(&["BY", "AGE"]) {
            cursor.integer()?;
        } else if cursor.take_words(&["BY", "TABLE"]) || cursor.take_words(&["FOR", "TABLE"]) {
            action = only_known(cursor.object_name()?);
        }
        cursor.end()?;
        return Ok(action);
    }
    if cursor.take_words(&["FREEZE", "PLANS"]) || cursor.take_words(&["UNFREEZE", "PLANS"]) {
        while !cursor.at_end() {
            cursor.advance();
        }
        return Ok(nothing());
    }
    if cursor.is_word("LOCK") || cursor.is_word("UNLOCK") {
        return lock(cursor);
    }
    if cursor.is_word("GRANT") || cursor.is_word("REVOKE") {
        return grant(cursor);
    }
    Err(cursor.expected("SQL STATEMENT"))
}

/// `BUILD INDEX [%options] FOR TABLE t [INDEX i, ...]` or `FOR SCHEMA s`: indexes are never out of date here.
fn build_index(cursor: &mut Cursor) -> Result<Action, SqlError> {
    percent_options(cursor);
    cursor.word("FOR")?;
    if cursor.take_word("SCHEMA") {
        cursor.identifier()?;
        cursor.end()?;
        return Ok(nothing());
    }
    cursor.word("TABLE")?;
    let name = cursor.object_name()?;
    let mut indexes = Vec::new();
    if cursor.take_word("INDEX") {
        indexes.push(cursor.identifier()?);
        while cursor.take_symbol(",") {
            indexes.push(cursor.identifier()?);
        }
    }
    cursor.end()?;
    Ok(Box::new(move |ddl| {
        let table = ddl.table(&name)?;
        match indexes.iter().find(|index| !has_part(&table, index)) {
            Some(index) => Err(SqlError::execute(333, format!("No such index defined: '{index}'"))),
            None => Ok(()),
        }
    }))
}

/// `LOCK [TABLE] t IN SHARE | EXCLUSIVE MODE [WAIT n]`. Writers are one at a time here, so a lock has nothing to add.
fn lock(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let unlock = cursor.is_word("UNLOCK");
    cursor.advance();
    cursor.take_word("TABLE");
    let name = cursor.object_name()?;
    cursor.word("IN")?;
    if !cursor.take_word("SHARE") && !cursor.take_word("EXCLUSIVE") {
        return Err(cursor.expected("SHARE or EXCLUSIVE"));
    }
    cursor.word("MODE")?;
    if unlock {
        cursor.take_word("IMMEDIATE");
    } else if cursor.take_word("WAIT") {
        cursor.integer()?;
    }
    cursor.end()?;
    Ok(only_known(name))
}

/// Privileges are read and have no effect: the one user may do everything. What they name must exist.
fn grant(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let target = if cursor.is_word("GRANT") { "TO" } else { "FROM" };
    cursor.advance();
    while !cursor.is_word("ON") && !cursor.is_word(target) {
        let plain = cursor.peek().is_some_and(|token| {
            matches!(token.kind, TokenKind::Word | TokenKind::Quoted | TokenKind::Symbol("(" | ")" | "," | "*"))
        });
        if !plain {
            return Err(cursor.expected(target));
        }
        cursor.advance();
    }
    let mut names = Vec::new();
    if cursor.take_word("ON") {
        if cursor.take_word("SCHEMA") {
            cursor.identifier()?;
        } else if !cursor.take_symbol("*") {
            let _ = cursor.take_word("TABLE") || cursor.take_word("VIEW");
            names.push(cursor.object_name()?);
            while cursor.take_symbol(",") {
                names.push(cursor.object_name()?);
            }
        }
    }
    cursor.word(target)?;
    loop {
        if !cursor.take_symbol("*") && !cursor.take_word("PUBLIC") {
            cursor.identifier()?;
        }
        if !cursor.take_symbol(",") {
            break;
        }
    }
    let _ = cursor.take_words(&["WITH", "GRANT", "OPTION"]) || cursor.take_words(&["WITH", "ADMIN", "OPTION"]);
    let _ = cursor.take_word("CASCADE") || cursor.take_word("RESTRICT");
    cursor.end()?;
    Ok(Box::new(move |ddl| names.iter().try_for_each(|name| ddl.known_relation(name))))
}

/// `%NOJOURN`, `%CLEAR_VALUES`, `%SAMPLE_PERCENT 50` and the like.
fn percent_options(cursor: &mut Cursor) {
    while cursor.peek().is_some_and(|token| token.kind == TokenKind::Word && token.text.starts_with('%')) {
        cursor.advance();
        if cursor.peek().is_some_and(|token| matches!(token.kind, TokenKind::String | TokenKind::Integer)) {
            cursor.advance();
        }
    }
}
