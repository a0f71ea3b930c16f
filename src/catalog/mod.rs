//! Who answers a statement, and what the gateway knows of IRIS tables.

mod load;
mod tables;

pub use load::{LoadStep, TableLoad, TableQueries};
pub use tables::TableCache;
