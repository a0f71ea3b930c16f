//! COPY formats. Rows survive being cut anywhere across CopyData.
//!
//! [`RowDecoder`] takes the rows off CopyData where it lies; [`RowEncoder`] writes the rows of COPY TO. The rules are
//! PostgreSQL's (`copyfromparse.c`, `copyto.c`); the two places where they differ between versions follow version 18:
//! an end marker must stand alone on its line, and in CSV `\.` is data.

mod binary;
#[cfg(test)]
mod cases;
mod decoder;
mod encoder;
mod error;
mod fields;
mod format;
mod lines;

pub(crate) use binary::{BINARY_HEADER, BINARY_TRAILER, BinaryDecoder};
pub use decoder::RowDecoder;
pub use encoder::RowEncoder;
pub use error::CopyError;
pub use fields::Row;
pub use format::{CsvFormat, RowFormat, TextFormat};

#[cfg(test)]
mod tests;
