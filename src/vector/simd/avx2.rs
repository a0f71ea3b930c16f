//! 256-bit kernels.

use std::arch::x86_64::*;

use super::scalar::{self, cut};

/// Bytes in a register.
const BYTES: usize = 32;

/// Reverses the bytes of every 32-bit word.
#[target_feature(enable = "avx2")]
fn swap_words(words: __m256i) -> __m256i {
    let order = _mm256_setr_epi8(
        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
    );
    _mm256_shuffle_epi8(words, order)
}

#[target_feature(enable = "avx2")]
pub(super) fn f32_from_be(bytes: &[u8], target: &mut [f32]) {
    let count = (bytes.len() / 4).min(target.len());
    let (bytes, target) = (cut(bytes, count * 4), target.split_at_mut(count).0);
    let (blocks, rest) = bytes.as_chunks::<BYTES>();
    let (target_blocks, target_rest) = target.as_chunks_mut::<{ BYTES / 4 }>();
    for (block, target) in blocks.iter().zip(target_blocks) {
        // SAFETY: both arrays are BYTES long; the instructions take any alignment, and any bits are a float.
        unsafe {
            let words = swap_words(_mm256_loadu_si256(block.as_ptr().cast()));
            _mm256_storeu_si256(target.as_mut_ptr().cast(), words);
        }
    }
    scalar::f32_from_be(rest, target_rest);
}

#[target_feature(enable = "avx2")]
pub(super) fn f32_to_be(source: &[f32], target: &mut [u8]) {
    let count = (target.len() / 4).min(source.len());
    let (source, target) = (cut(source, count), target.split_at_mut(count * 4).0);
    let (blocks, rest) = source.as_chunks::<{ BYTES / 4 }>();
    let (target_blocks, target_rest) = target.as_chunks_mut::<BYTES>();
    for (block, target) in blocks.iter().zip(target_blocks) {
        // SAFETY: both arrays are BYTES long; the instructions take any alignment.
        unsafe {
            let words = swap_words(_mm256_loadu_si256(block.as_ptr().cast()));
            _mm256_storeu_si256(target.as_mut_ptr().cast(), words);
        }
    }
    scalar::f32_to_be(rest, target_rest);
}
