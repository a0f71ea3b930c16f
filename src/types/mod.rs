//! PostgreSQL types: OIDs, values between the two worlds, text and binary codecs.

pub mod datetime;
#[cfg(test)]
mod datetime_cases;
pub mod datetime_input;
#[cfg(test)]
mod datetime_tests;
mod datum;
mod decode;
mod encode;
pub mod numeric;
mod oid;

pub use datum::{Datum, Decimal};
pub use decode::decode;
pub use encode::{Encoder, IsNull};
pub use oid::{Oid, PgType};
