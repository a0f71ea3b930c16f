//! Vector text and binary forms, with SIMD kernels beside scalar twins.

/// `VECTOR_MAX_DIM` of pgvector.
pub const DIMENSIONS_MAX: usize = 16_000;
