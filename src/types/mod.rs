//! PostgreSQL types: OIDs, values between the two worlds, text and binary codecs.

mod datum;
mod oid;

pub use datum::{Datum, Decimal};
pub use oid::{Oid, PgType};
