//! IRIS SQL over SQLite: parse strictly, translate, run.
//!
//! `server` sees only what this file exports.

mod catalog;
mod convert;
mod database;
mod datetime;
mod ddl;
mod decimal;
mod errors;
mod functions;
mod gate;
mod information_schema;
mod lists;
mod parse;
mod prepared;
mod queries;
mod scratch;
mod session;
mod transaction;
mod translate;
mod types;
mod value;
mod vectors;

pub use catalog::DEFAULT_SCHEMA;
pub use database::{Engine, EngineOpenError, EngineOptions};
pub use parse::ast::Isolation;
pub use prepared::Prepared;
pub use session::{EngineSession, Interrupter};
pub use value::{SqlError, Value};

/// `$ZVERSION` of the stand-in: its first word is IRIS, as clients look for.
pub const VERSION_TEXT: &str = "IRIS for UNIX (iris-pgwire stand-in) 2025.1 (Build 1U)";
