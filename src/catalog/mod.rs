//! Who answers a statement, and what the gateway knows of IRIS tables.

mod load;
mod oracle;
mod tables;

pub use load::{LoadStep, TableLoad, TableQueries};
pub use oracle::{MirrorChange, OraclePurpose, OracleRequest};
pub use tables::TableCache;
