//! IRIS SQL over SQLite: parse strictly, translate, run.
//!
//! `server` sees only what this file exports.

mod catalog;
mod ddl;
mod functions;
mod information_schema;
mod parse;
mod types;
mod value;

pub use value::{SqlError, Value};
