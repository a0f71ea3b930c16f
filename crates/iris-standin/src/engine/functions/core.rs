//! Conversions, collation values, predicates over strings.

use rusqlite::types::Value as Stored;
use rusqlite::{Connection, Error};

use super::super::convert::{self, Class, Purpose};
use super::call::{Call, raise, scalar, strict, text};
use super::collation::trimmed;
use super::patterns;

pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_convert", 4, |call| {
        let purpose = match call.int(3) {
            0 => Purpose::Assign,
            1 => Purpose::Cast,
            _ => Purpose::Compare,
        };
        let from = Class::from_code(call.int(1));
        let to = convert::unpack(call.int(2));
        convert::convert(call.raw(0), from, &to, purpose).map_err(|error| raise(error.sqlcode(), error.words()))
    })?;
    // (value, class, type, field, sqlcode)
    strict(conn, "iris_assign", 5, |call| {
        let from = Class::from_code(call.int(1));
        let to = convert::unpack(call.int(2));
        convert::convert(call.raw(0), from, &to, Purpose::Assign).map_err(|_| {
            let shown = convert::logical_text(call.raw(0), from).unwrap_or_default();
            validation_failed(&call.text(3), &shown, i32::try_from(call.int(4)).unwrap_or(104))
        })
    })?;
    strict(conn, "iris_upper", 1, |call| text(trimmed(&call.text(0)).to_uppercase()))?;
    strict(conn, "iris_sqlstring", 1, |call| text(trimmed(&call.text(0))))?;
    strict(conn, "iris_like", 4, |call| {
        let escape = call.text(2);
        let mut characters = escape.chars();
        let escape = characters.next();
        if characters.next().is_some() {
            return Err(raise(63, "Invalid escape character in LIKE"));
        }
        let (value, pattern) = folded(call, 3);
        Ok(Stored::Integer(i64::from(patterns::like(&value, &pattern, escape))))
    })?;
    strict(conn, "iris_starts", 3, |call| {
        let (value, prefix) = folded(call, 2);
        Ok(Stored::Integer(i64::from(value.starts_with(&prefix))))
    })?;
    strict(conn, "iris_contains", 3, |call| {
        let (value, part) = folded(call, 2);
        Ok(Stored::Integer(i64::from(value.contains(&part))))
    })?;
    strict(conn, "iris_matches", 3, |call| {
        Ok(Stored::Integer(i64::from(patterns::matches(&call.text(0), &call.text(1), '\\'))))
    })?;
    strict(conn, "iris_pattern", 3, |call| match patterns::pattern(&call.text(0), &call.text(1)) {
        Some(found) => Ok(Stored::Integer(i64::from(found))),
        None => Err(raise(400, "Invalid pattern in %PATTERN")),
    })?;
    scalar(conn, "iris_routine", -1, |call| {
        let (name, language) = (call.text(0), call.text(1));
        Err(raise(149, &format!("SQL function {name} failed: the stand-in has no engine for {language}")))
    })?;
    scalar(conn, "iris_computed", 1, |call| {
        let name = call.text(0);
        Err(raise(400, &format!("The stand-in runs no COMPUTECODE: field '{name}' has no value here")))
    })?;
    // The option, and the number of the isolation level in force.
    scalar(conn, "iris_option", 2, |call| {
        let value = match call.text(0).to_lowercase().as_str() {
            "isolationmode" => return text(call.text(1)),
            "autocommit" | "ddlpkeynotidkey" | "delimitedidentifiers" => "1",
            "identityinsert" | "defaulttimeprecision" => "0",
            "selectmode" => "1",
            "locktimeout" => "10",
            "tcpkeepalive" => "300",
            "todatedefaultformat" => super::formats::DATE_FORMAT,
            _ => return Ok(Stored::Null),
        };
        text(value)
    })
}

/// -104 or -105 as IRIS words it.
pub(super) fn validation_failed(field: &str, value: &str, sqlcode: i32) -> Error {
    raise(sqlcode, &validation_message(field, value))
}

/// The `%msg` of a failed validation. Long values are cut; why it failed IRIS does not say.
pub(crate) fn validation_message(field: &str, value: &str) -> String {
    let mut shown: String = value.chars().take(60).collect();
    if shown.len() < value.len() {
        shown.push_str("...");
    }
    format!("Field '{field}' (value '{shown}') failed validation")
}

/// The first two arguments, upper-cased when the argument at `flag` says so.
fn folded(call: &Call<'_, '_>, flag: usize) -> (String, String) {
    let (a, b) = (call.text(0), call.text(1));
    if call.int(flag) == 1 { (a.to_uppercase(), b.to_uppercase()) } else { (a, b) }
}
