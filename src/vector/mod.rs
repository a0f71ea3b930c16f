//! Vector text and binary forms, with SIMD kernels beside scalar twins.

mod binary;
mod error;
mod shortest;
pub(crate) mod simd;
mod text;

pub use binary::{parse_binary, write_binary};
pub(crate) use error::VectorError;
pub(crate) use shortest::{write_f32, write_f64};
pub use simd::Kernels;
pub(crate) use text::{parse_literal, write_literal};
pub use text::{parse_text, write_text};

/// `VECTOR_MAX_DIM` of pgvector.
pub(crate) const DIMENSIONS_MAX: usize = 16_000;
