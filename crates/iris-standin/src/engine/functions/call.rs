//! A call of a function from SQLite: its arguments, its result, its registration.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Error};

use super::super::convert;
use super::super::decimal::Dec;

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
            ValueRef::Blob(blob) => convert::latin1(blob),
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
        convert::number(self.raw(index), convert::Class::Decimal).unwrap_or(Dec::ZERO)
    }

    pub(super) fn has_null(&self) -> bool {
        (0..self.count()).any(|index| self.raw(index) == ValueRef::Null)
    }
}

/// A function whose result is NULL as soon as an argument is. `arguments` -1: any number.
pub(super) fn strict(
    conn: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&Call<'_, '_>) -> rusqlite::Result<Stored> + Send + 'static,
) -> rusqlite::Result<()> {
    scalar(conn, name, arguments, move |call| if call.has_null() { Ok(Stored::Null) } else { function(call) })
}

/// A function that sees NULLs.
pub(super) fn scalar(
    conn: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&Call<'_, '_>) -> rusqlite::Result<Stored> + Send + 'static,
) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function(name, arguments, flags, move |context| function(&Call(context)))
}

pub(super) fn text(value: impl Into<String>) -> rusqlite::Result<Stored> {
    Ok(Stored::Text(value.into()))
}

pub(super) fn integer(value: usize) -> rusqlite::Result<Stored> {
    Ok(Stored::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
}

pub(super) fn decimal_result(value: Option<Dec>) -> rusqlite::Result<Stored> {
    value.map(|dec| Stored::Text(dec.text())).ok_or_else(|| raise(7, "Exponent out of range"))
}
