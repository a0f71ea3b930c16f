//! The IRIS superserver's SQL protocol, sans IO. Facts and their certainty: `shared/facts/iris-wire-protocol.md`.
//!
//! Shared by both sides: `runtime` drives [`IrisConnection`] as a client, `embedded` answers with the same codecs.

pub mod decimal;
pub mod header;
pub mod list;
mod metadata;
mod opcode;
mod reply;
mod request;
pub mod scramble;

pub use header::{HEADER_BYTES, Header, MessageWriter, STATUS_END, STATUS_OK};
pub use list::{Item, ItemReader, ListError, RawItem};
pub use metadata::{
    ColumnDescription, IrisType, ParameterDescription, StatementMetadata, put_columns, put_parameters, read_columns,
    read_parameters,
};
pub use opcode::Opcode;
pub use reply::Reply;
pub use request::{IrisError, IrisStatement, ParameterKind, Request};
