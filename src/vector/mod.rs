//! Vector text and binary forms, with SIMD kernels beside scalar twins.

mod shortest;

pub use shortest::{write_f32, write_f64};

/// `VECTOR_MAX_DIM` of pgvector.
pub const DIMENSIONS_MAX: usize = 16_000;
