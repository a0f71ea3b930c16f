//! IRIS SQL over SQLite: parse strictly, translate, run.
//!
//! `server` sees only what this file exports.

mod catalog;
mod convert;
mod datetime;
mod ddl;
mod decimal;
mod functions;
mod information_schema;
mod parse;
mod types;
mod value;
mod vectors;

pub use value::{SqlError, Value};
