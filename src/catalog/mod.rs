//! Who answers a statement, and what the gateway knows of IRIS tables.

mod enums;
mod iris_column;
mod load;
mod mirror;
mod oracle;
mod tables;

pub use enums::EnumTypes;
pub use load::{LoadStep, TableLoad, TableQueries};
pub use mirror::{MirrorBatch, MirrorLoad, MirrorOptions, MirrorSnapshot, MirrorStep};
pub use oracle::{MirrorChange, OraclePurpose, OracleRequest};
pub use tables::TableCache;
