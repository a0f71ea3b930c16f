//! PostgreSQL types: OIDs, values between the two worlds, text and binary codecs.

mod datum;
mod decode;
mod encode;
mod oid;

pub use datum::{Datum, Decimal};
pub use decode::decode;
pub use encode::{Encoder, IsNull};
pub use oid::{Oid, PgType};
