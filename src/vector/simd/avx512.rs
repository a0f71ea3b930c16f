//! 512-bit kernels.

use std::arch::x86_64::*;

use super::scalar::{self, cut};

/// Bytes in a register.
const BYTES: usize = 64;

/// Reverses the bytes of every 32-bit word.
#[target_feature(enable = "avx512f,avx512bw")]
fn swap_words(words: __m512i) -> __m512i {
    // The same 16 byte places in each of the four quarters, as 32-bit words.
    let order = _mm512_set4_epi32(0x0C0D_0E0F, 0x0809_0A0B, 0x0405_0607, 0x0001_0203);
    _mm512_shuffle_epi8(words, order)
}

#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn f32_from_be(bytes: &[u8], target: &mut [f32]) {
    let count = (bytes.len() / 4).min(target.len());
    let (bytes, target) = (cut(bytes, count * 4), target.split_at_mut(count).0);
    let (blocks, rest) = bytes.as_chunks::<BYTES>();
    let (target_blocks, target_rest) = target.as_chunks_mut::<{ BYTES / 4 }>();
    for (block, target) in blocks.iter().zip(target_blocks) {
        // SAFETY: both arrays are BYTES long; the instructions take any alignment, and any bits are a float.
        unsafe {
            let words = swap_words(_mm512_loadu_si512(block.as_ptr().cast()));
            _mm512_storeu_si512(target.as_mut_ptr().cast(), words);
        }
    }
    scalar::f32_from_be(rest, target_rest);
}

#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn f32_to_be(source: &[f32], target: &mut [u8]) {
    let count = (target.len() / 4).min(source.len());
    let (source, target) = (cut(source, count), target.split_at_mut(count * 4).0);
    let (blocks, rest) = source.as_chunks::<{ BYTES / 4 }>();
    let (target_blocks, target_rest) = target.as_chunks_mut::<BYTES>();
    for (block, target) in blocks.iter().zip(target_blocks) {
        // SAFETY: both arrays are BYTES long; the instructions take any alignment.
        unsafe {
            let words = swap_words(_mm512_loadu_si512(block.as_ptr().cast()));
            _mm512_storeu_si512(target.as_mut_ptr().cast(), words);
        }
    }
    scalar::f32_to_be(rest, target_rest);
}
