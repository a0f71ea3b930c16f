//! Vector text and binary forms, with SIMD kernels beside scalar twins.
