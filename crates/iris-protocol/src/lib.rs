//! The IRIS superserver's SQL protocol, sans IO. Facts and their certainty: `shared/facts/iris-wire-protocol.md`.
//!
//! Shared by both sides: a client drives [`IrisConnection`], a server answers with the same codecs.

mod buffer;
mod connection;
pub mod datetime;
pub mod decimal;
pub mod header;
pub mod list;
mod metadata;
mod opcode;
mod reply;
mod request;
pub mod scramble;

pub use buffer::RecvBuf;
pub use connection::{ConnectOptions, IrisConnection, LinkError, ParkedConnection, Poll, Progress, SubmitOutcome};
pub use decimal::Decimal;
pub use header::{HEADER_BYTES, Header, MessageWriter, STATUS_END, STATUS_FORGOTTEN, STATUS_OK};
pub use list::{
    Item, ItemReader, ListError, RawItem, put_bytes, put_decimal, put_double, put_empty, put_int, put_latin1, put_null,
    put_string, put_text,
};
pub use metadata::{
    ColumnDescription, IrisType, ParameterDescription, StatementMetadata, put_columns, put_parameters, read_columns,
    read_parameters,
};
pub use opcode::Opcode;
pub use reply::Reply;
pub use request::{IrisError, IrisStatement, ParameterKind, Request};
