//! IRIS SQL over SQLite: parse strictly, translate, run.
//!
//! `server` sees only what this file exports.

mod value;

pub use value::{SqlError, Value};
