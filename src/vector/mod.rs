//! Vector text and binary forms, with SIMD kernels beside scalar twins.

mod binary;
mod error;
mod shortest;
pub mod simd;
mod text;

pub use binary::{parse_binary, write_binary};
pub use error::VectorError;
pub use shortest::{write_f32, write_f64};
pub use simd::Kernels;
pub use text::{parse_literal, parse_text, write_literal, write_text};

/// `VECTOR_MAX_DIM` of pgvector.
pub const DIMENSIONS_MAX: usize = 16_000;
