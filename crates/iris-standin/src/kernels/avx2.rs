//! 256-bit kernels.

use std::arch::x86_64::*;

use super::scalar::{ProductLanes, add_dot, cut};
use super::{DOT_LANES, PRODUCT_LANES, Products, reduce};

/// Doubles in a register.
const WIDTH: usize = 4;

#[target_feature(enable = "avx2")]
fn load_f64(source: &[f64; WIDTH]) -> __m256d {
    // SAFETY: the array is one register long; the instruction takes any alignment.
    unsafe { _mm256_loadu_pd(source.as_ptr()) }
}

#[target_feature(enable = "avx2")]
fn load_f32(source: &[f32; WIDTH]) -> __m256d {
    let pointer = source.as_ptr();
    // SAFETY: the array is half a register long; the instruction takes any alignment.
    unsafe { _mm256_cvtps_pd(_mm_loadu_ps(pointer)) }
}

/// Writes registers into lanes.
#[target_feature(enable = "avx2")]
fn store<const LANES: usize, const REGISTERS: usize>(registers: [__m256d; REGISTERS]) -> [f64; LANES] {
    let mut lanes = [0.0; LANES];
    for (register, target) in registers.into_iter().zip(lanes.as_chunks_mut::<WIDTH>().0) {
        // SAFETY: the array is one register long; the instruction takes any alignment.
        unsafe { _mm256_storeu_pd(target.as_mut_ptr(), register) };
    }
    lanes
}

#[target_feature(enable = "avx2")]
pub fn dot_f32(a: &[f32], b: &[f32]) -> f64 {
    let (a, b) = (cut(a, b.len()), cut(b, a.len()));
    let (a_chunks, a_rest) = a.as_chunks::<DOT_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<DOT_LANES>();
    let mut sums = [_mm256_setzero_pd(); DOT_LANES / WIDTH];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        let pairs = a.as_chunks::<WIDTH>().0.iter().zip(b.as_chunks::<WIDTH>().0);
        for (sum, (a, b)) in sums.iter_mut().zip(pairs) {
            *sum = _mm256_add_pd(*sum, _mm256_mul_pd(load_f32(a), load_f32(b)));
        }
    }
    let mut lanes = store::<DOT_LANES, _>(sums);
    add_dot(&mut lanes, a_rest.iter().map(|x| f64::from(*x)), b_rest.iter().map(|x| f64::from(*x)));
    reduce(lanes)
}

#[target_feature(enable = "avx2")]
pub fn products_f32(a: &[f32], b: &[f32]) -> Products {
    let (a, b) = (cut(a, b.len()), cut(b, a.len()));
    let (a_chunks, a_rest) = a.as_chunks::<PRODUCT_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<PRODUCT_LANES>();
    let zeros = [_mm256_setzero_pd(); PRODUCT_LANES / WIDTH];
    let (mut dots, mut aas, mut bbs) = (zeros, zeros, zeros);
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        let pairs = a.as_chunks::<WIDTH>().0.iter().zip(b.as_chunks::<WIDTH>().0);
        for (((dot, aa), bb), (a, b)) in dots.iter_mut().zip(&mut aas).zip(&mut bbs).zip(pairs) {
            let (a, b) = (load_f32(a), load_f32(b));
            *dot = _mm256_add_pd(*dot, _mm256_mul_pd(a, b));
            *aa = _mm256_add_pd(*aa, _mm256_mul_pd(a, a));
            *bb = _mm256_add_pd(*bb, _mm256_mul_pd(b, b));
        }
    }
    let mut lanes = ProductLanes { dot: store(dots), aa: store(aas), bb: store(bbs) };
    lanes.add(a_rest.iter().map(|x| f64::from(*x)), b_rest.iter().map(|x| f64::from(*x)));
    lanes.reduce()
}

#[target_feature(enable = "avx2")]
pub fn dot_f64(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (cut(a, b.len()), cut(b, a.len()));
    let (a_chunks, a_rest) = a.as_chunks::<DOT_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<DOT_LANES>();
    let mut sums = [_mm256_setzero_pd(); DOT_LANES / WIDTH];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        let pairs = a.as_chunks::<WIDTH>().0.iter().zip(b.as_chunks::<WIDTH>().0);
        for (sum, (a, b)) in sums.iter_mut().zip(pairs) {
            *sum = _mm256_add_pd(*sum, _mm256_mul_pd(load_f64(a), load_f64(b)));
        }
    }
    let mut lanes = store::<DOT_LANES, _>(sums);
    add_dot(&mut lanes, a_rest.iter().copied(), b_rest.iter().copied());
    reduce(lanes)
}

#[target_feature(enable = "avx2")]
pub fn products_f64(a: &[f64], b: &[f64]) -> Products {
    let (a, b) = (cut(a, b.len()), cut(b, a.len()));
    let (a_chunks, a_rest) = a.as_chunks::<PRODUCT_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<PRODUCT_LANES>();
    let zeros = [_mm256_setzero_pd(); PRODUCT_LANES / WIDTH];
    let (mut dots, mut aas, mut bbs) = (zeros, zeros, zeros);
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        let pairs = a.as_chunks::<WIDTH>().0.iter().zip(b.as_chunks::<WIDTH>().0);
        for (((dot, aa), bb), (a, b)) in dots.iter_mut().zip(&mut aas).zip(&mut bbs).zip(pairs) {
            let (a, b) = (load_f64(a), load_f64(b));
            *dot = _mm256_add_pd(*dot, _mm256_mul_pd(a, b));
            *aa = _mm256_add_pd(*aa, _mm256_mul_pd(a, a));
            *bb = _mm256_add_pd(*bb, _mm256_mul_pd(b, b));
        }
    }
    let mut lanes = ProductLanes { dot: store(dots), aa: store(aas), bb: store(bbs) };
    lanes.add(a_rest.iter().copied(), b_rest.iter().copied());
    lanes.reduce()
}
