//! The functions and collations that translated SQL calls, registered on each SQLite connection.
//!
//! `dates`, `formats`, `patterns` are plain Rust, without SQLite; the others register.

mod aggregate;
mod arithmetic;
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

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering as AtomicOrdering};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Error};

use super::ddl::NO_CHECK_FUNCTION;
use super::decimal::{self, Dec};
use super::types::{DECIMAL_COLLATION, EXACT_COLLATION, STRING_COLLATION, UPPER_COLLATION};

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

/// Without the whitespace at the end, which SQLUPPER and SQLSTRING do not count: "spaces, tabs, and so on".
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_end()
}

/// EXACT: canonical numbers by their value, behind them strings by their units of UTF-16 (manual, %EXACT: "canonical numeric
/// values collate in numeric order before string values").
pub(super) fn compare_exact(a: &str, b: &str) -> Ordering {
    match (is_canonical_number(a), is_canonical_number(b)) {
        (true, true) => decimal::compare_text(a, b),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

/// More digits than these are no number to IRIS, whose subscripts they would not fit as one.
const CANONICAL_DIGITS_MAX: usize = 18;

/// Whether a text is a number as IRIS writes it: no plus sign, no zeros that say nothing, no bare point.
fn is_canonical_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = whole.len() + fraction.map_or(0, str::len) <= CANONICAL_DIGITS_MAX;
    let whole_is_plain = match (whole, fraction) {
        ("", fraction) => fraction.is_some(),
        ("0", fraction) => fraction.is_none() && !text.starts_with('-'),
        (whole, _) => !whole.starts_with('0'),
    };
    let fraction_is_plain = fraction.is_none_or(|fraction| !fraction.is_empty() && !fraction.ends_with('0'));
    fits && whole_is_plain && fraction_is_plain && all_digits(whole) && fraction.is_none_or(all_digits)
}

/// SQLUPPER: case and trailing blanks do not count.
pub(super) fn compare_upper(a: &str, b: &str) -> Ordering {
    let (a, b) = (trimmed(a), trimmed(b));
    if a.is_ascii() && b.is_ascii() {
        // Without allocating: the first difference decides.
        let first = a.bytes().zip(b.bytes()).find(|(x, y)| !x.eq_ignore_ascii_case(y));
        return match first {
            Some((x, y)) => x.to_ascii_uppercase().cmp(&y.to_ascii_uppercase()),
            None => a.len().cmp(&b.len()),
        };
    }
    a.chars().flat_map(char::to_uppercase).cmp(b.chars().flat_map(char::to_uppercase))
}

/// An IRIS error on its way through SQLite: read back by `errors::from_sqlite`.
pub(super) fn raise(sqlcode: i32, message: &str) -> Error {
    Error::UserFunctionError(format!("IRIS:{sqlcode}:{message}").into())
}

/// One call: arguments read by position.
pub(super) struct Call<'a, 'b>(&'a Context<'b>);

impl Call<'_, '_> {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn raw(&self, index: usize) -> ValueRef<'_> {
        if index < self.0.len() { self.0.get_raw(index) } else { ValueRef::Null }
    }

    pub(super) fn int(&self, index: usize) -> i64 {
        match self.raw(index) {
            ValueRef::Integer(number) => number,
            #[expect(clippy::cast_possible_truncation, reason = "a count given as a double")]
            ValueRef::Real(double) => double as i64,
            ValueRef::Text(text) => Dec::lenient(&String::from_utf8_lossy(text)).to_i64().unwrap_or(0),
            ValueRef::Null | ValueRef::Blob(_) => 0,
        }
    }

    pub(super) fn text(&self, index: usize) -> String {
        match self.raw(index) {
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(double) => Dec::from_f64(double).map_or_else(|| double.to_string(), Dec::iris_text),
            ValueRef::Blob(blob) => super::convert::latin1(blob),
            ValueRef::Null => String::new(),
        }
    }

    pub(super) fn double(&self, index: usize) -> f64 {
        match self.raw(index) {
            ValueRef::Real(double) => double,
            #[expect(clippy::cast_precision_loss, reason = "an integer where a double is wanted")]
            ValueRef::Integer(number) => number as f64,
            ValueRef::Text(text) => Dec::lenient(&String::from_utf8_lossy(text)).to_f64(),
            ValueRef::Null | ValueRef::Blob(_) => 0.0,
        }
    }

    pub(super) fn decimal(&self, index: usize) -> Dec {
        super::convert::number(self.raw(index), super::convert::Class::Decimal).unwrap_or(Dec::ZERO)
    }

    pub(super) fn has_null(&self) -> bool {
        (0..self.count()).any(|index| self.raw(index) == ValueRef::Null)
    }
}

/// A function whose result is NULL as soon as an argument is. `arguments` -1: any number.
fn strict(
    conn: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&Call<'_, '_>) -> rusqlite::Result<Stored> + Send + 'static,
) -> rusqlite::Result<()> {
    scalar(conn, name, arguments, move |call| if call.has_null() { Ok(Stored::Null) } else { function(call) })
}

/// A function that sees NULLs.
fn scalar(
    conn: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&Call<'_, '_>) -> rusqlite::Result<Stored> + Send + 'static,
) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function(name, arguments, flags, move |context| function(&Call(context)))
}

fn text(value: impl Into<String>) -> rusqlite::Result<Stored> {
    Ok(Stored::Text(value.into()))
}

fn integer(value: usize) -> rusqlite::Result<Stored> {
    Ok(Stored::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn decimal_result(value: Option<Dec>) -> rusqlite::Result<Stored> {
    value.map(|dec| Stored::Text(dec.text())).ok_or_else(|| raise(7, "Exponent out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the page on %EXACT, and what is nearly a number.
    #[test]
    fn exact_sorts_canonical_numbers_first() {
        let sorted = [
            "-2",
            "-.5",
            "0",
            ".5",
            "1",
            "2",
            "10",
            "22",
            "88",
            "",
            "#",
            "-0",
            "-00",
            "0 Elm St.",
            "0.5",
            "022",
            "1 Elm St.",
            "1.0",
            "1234567890123456789",
            "19 Elm St.",
            "19 elm St.",
            "19Elm St.",
            "2 Elm St.",
            "Elm St.",
            "a",
            "\u{1f600}",
            "\u{e000}",
        ];
        let mut by_collation = sorted;
        by_collation.reverse();
        by_collation.sort_by(|a, b| compare_exact(a, b));
        assert_eq!(by_collation, sorted);
        assert_eq!(sorted.iter().filter(|text| is_canonical_number(text)).count(), 9);
    }

    #[test]
    fn sqlupper_ignores_case_and_trailing_blanks() {
        assert_eq!(compare_upper("abc  ", "ABC"), Ordering::Equal);
        assert_eq!(compare_upper("ab", "ABC"), Ordering::Less);
        assert_eq!(compare_upper("straße", "STRASSE"), Ordering::Equal);
        assert_eq!(compare_upper("b", "A"), Ordering::Greater);
        assert_eq!(compare_upper("", "  "), Ordering::Equal);
        assert_eq!(compare_upper(" a", "a"), Ordering::Less);
        assert_eq!(compare_upper("a\t \n", "A"), Ordering::Equal);
    }
}
