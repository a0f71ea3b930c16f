//! IRIS SQL over SQLite: parse strictly, translate, run.
//!
//! `server` sees only what this file exports.

mod catalog;
mod information_schema;
mod types;
mod value;

pub use value::{SqlError, Value};
