//! 512-bit kernels.

use std::arch::x86_64::*;

use super::scalar::{ProductLanes, add_dot, cut};
use super::sums::sums;
use super::{DOT_LANES, PRODUCT_LANES, Products, reduce};

sums!(
    "avx512f",
    8,
    __m512d,
    _mm512_setzero_pd,
    _mm512_add_pd,
    _mm512_mul_pd,
    _mm512_loadu_pd,
    _mm256_loadu_ps,
    _mm512_cvtps_pd,
    _mm512_storeu_pd
);
