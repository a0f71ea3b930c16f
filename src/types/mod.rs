//! PostgreSQL types: OIDs, values between the two worlds, text and binary codecs.

mod array;
mod array_nested;
mod assign;
mod convert;
pub(crate) mod datetime;
#[cfg(test)]
mod datetime_cases;
pub(crate) mod datetime_input;
#[cfg(test)]
mod datetime_tests;
mod datetime_words;
mod datum;
mod decode;
mod encode;
mod encoding;
mod fit;
mod input;
mod interval;
mod interval_input;
mod json;
mod json_canonical;
mod money;
mod network;
pub(crate) mod numeric;
mod oid;
mod quote;
mod style;
#[cfg(test)]
mod style_tests;
mod tid;
mod transcode;
mod zone;

pub(crate) use array::{
    elements as array_elements, elements_of_binary as binary_array_elements, text_of as array_text,
};
pub(crate) use assign::{assign, assigns_as_is};
pub(crate) use datetime::write_timestamp;
pub use datum::Datum;
pub use decode::decode;
pub(crate) use decode::{BinaryDecoder, TextDecoder, decode_text, decode_with};
pub use encode::{Encoder, IsNull};
pub(crate) use encoding::Encoding;
pub(crate) use fit::{Fitting, fit};
pub(crate) use input::boolean_word;
pub(crate) use interval::Interval;
pub use iris_protocol::Decimal;
use iris_protocol::calendar;
pub(crate) use json::has_number as json_has_number;
pub use oid::{Oid, PgType};
pub(crate) use quote::{quoted_name, quoted_text, read_quoted_name};
pub(crate) use style::{DateFormat, DateOrder, IntervalFormat, Style, local_us};
pub(crate) use transcode::write_text;
pub(crate) use zone::Zone;

use crate::vector::VectorError;
use crate::wire::{PgError, SqlState};

/// The error of a vector as pgvector raises it; `text` is the input where the message quotes it.
fn vector_error(error: VectorError, text: &str) -> Box<PgError> {
    match error {
        VectorError::Syntax { detail } => {
            let invalid = input::invalid_text("vector", text);
            match detail {
                Some(detail) => invalid.detail(detail),
                None => invalid,
            }
        }
        VectorError::OutOfRange { start, end } => {
            let number = text.get(start..end).unwrap_or("value");
            PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, format!("\"{number}\" is out of range for type vector"))
        }
        VectorError::TooManyDimensions => PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, error.to_string()),
        VectorError::NoDimensions | VectorError::NotANumber | VectorError::Infinite | VectorError::Unused(_) => {
            PgError::error(SqlState::DATA_EXCEPTION, error.to_string())
        }
        VectorError::BinaryTooShort => PgError::error(SqlState::PROTOCOL_VIOLATION, error.to_string()),
        VectorError::BinaryTooLong => PgError::error(SqlState::INVALID_BINARY, error.to_string()),
    }
}
