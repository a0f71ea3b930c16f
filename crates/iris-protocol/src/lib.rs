//! The SQL protocol of an InterSystems IRIS superserver (TCP 1972), sans IO: bytes in, bytes out, no socket, no clock.
//!
//! Both sides are here. A client drives [`IrisConnection`], a state machine that logs in, prepares, runs, fetches, reads
//! streams, and ends transactions; the runtime around it only moves bytes. A server writes replies with the same
//! codecs ([`MessageWriter`], [`StatementMetadata`], the `put_*` functions).
//!
//! All bodies of messages are `$LIST` items:
//!
//! ```
//! use iris_protocol::{Decimal, Item, ItemReader, put_decimal, put_int, put_null, put_text};
//!
//! let mut body = Vec::new();
//! put_int(&mut body, 1972);
//! put_text(&mut body, "Köln");
//! put_decimal(&mut body, Decimal { mantissa: 1250, scale: -2 });
//! put_null(&mut body);
//! assert_eq!(body[..4], [4, 4, 0xb4, 7]); // length, type, 1972 in little-endian order
//!
//! let mut reader = ItemReader::new(&body);
//! assert_eq!(reader.int("port")?, 1972);
//! assert_eq!(reader.text("city")?, "Köln");
//! assert_eq!(reader.item()?, Some(Item::Decimal(Decimal { mantissa: 1250, scale: -2 })));
//! assert_eq!(reader.item()?, Some(Item::Null));
//! reader.finish("example")?;
//! # Ok::<(), iris_protocol::ListError>(())
//! ```
//!
//! What a peer sends is never trusted: every length is checked, memory grows with what arrives and not with what is
//! announced, and nothing panics.
//!
//! The protocol is not published. What this crate does was seen in conversations of official clients with a server
//! (`tests/data` holds some); comments name the sections of the notes taken then ("facts", "protocol facts").

#![warn(missing_docs, unreachable_pub)]
#![warn(clippy::missing_errors_doc)]

mod buffer;
pub mod calendar;
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
