//! 256-bit kernels.

use std::arch::x86_64::*;

use super::scalar::{ProductLanes, add_dot, cut};
use super::sums::sums;
use super::{DOT_LANES, PRODUCT_LANES, Products, reduce};

sums!(
    "avx2",
    4,
    __m256d,
    _mm256_setzero_pd,
    _mm256_add_pd,
    _mm256_mul_pd,
    _mm256_loadu_pd,
    _mm_loadu_ps,
    _mm256_cvtps_pd,
    _mm256_storeu_pd
);
