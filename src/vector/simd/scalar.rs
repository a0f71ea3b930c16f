//! The definition of correct.

pub(crate) fn f32_from_be(bytes: &[u8], target: &mut [f32]) {
    for (chunk, element) in bytes.as_chunks::<4>().0.iter().zip(target) {
        *element = f32::from_be_bytes(*chunk);
    }
}

pub(crate) fn f32_to_be(source: &[f32], target: &mut [u8]) {
    for (element, chunk) in source.iter().zip(target.as_chunks_mut::<4>().0) {
        *chunk = element.to_be_bytes();
    }
}

/// Slices of unequal length count as far as both go.
pub(super) fn cut<T>(slice: &[T], length_max: usize) -> &[T] {
    slice.get(..length_max).unwrap_or(slice)
}
