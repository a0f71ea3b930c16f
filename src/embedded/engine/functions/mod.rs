//! Functions of IRIS SQL in plain Rust: no SQLite, no catalog.
//!
//! `patterns`: LIKE, %MATCHES, %PATTERN. `dates`: parts, DATEADD, DATEDIFF, DATEPART, DATENAME, DATETRUNC. `formats`:
//! TO_CHAR, TO_DATE, TO_TIMESTAMP, TO_NUMBER. `json`: IS JSON, paths of JSON_TABLE.

pub mod dates;
pub mod formats;
pub mod patterns;
