//! The IRIS superserver's SQL protocol, sans IO. Facts and their certainty: `shared/facts/iris-wire-protocol.md`.
//!
//! Shared by both sides: `runtime` drives [`IrisConnection`] as a client, `embedded` answers with the same codecs.

mod metadata;
mod reply;
mod request;

pub use metadata::{ColumnDescription, IrisType, ParameterDescription, StatementMetadata};
pub use reply::Reply;
pub use request::{IrisError, IrisStatement, ParameterKind, Request};
