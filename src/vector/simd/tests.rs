//! Every set against the twin: all lengths up to 257, slices at every offset from alignment.

use super::*;

#[test]
fn conversions_are_the_same_bytes_on_every_set() {
    for kernels in Kernels::available() {
        for offset in 0..8 {
            for length in 0..=257usize {
                let source: Vec<u8> = (0..offset + length * 4 + 3).map(|index| (index * 37 + 11) as u8).collect();
                let bytes = &source[offset..];
                let context = format!("{} offset {offset} length {length}", kernels.name());
                let mut expected = vec![0f32; length];
                scalar::f32_from_be(bytes, &mut expected);
                let mut padded = vec![0f32; length + offset];
                kernels.f32_from_be(bytes, &mut padded[offset..]);
                let bits = |vector: &[f32]| vector.iter().map(|element| element.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&padded[offset..]), bits(&expected), "{context}");
                let mut out = vec![0xAA; offset + length * 4 + 3];
                kernels.f32_to_be(&expected, &mut out[offset..]);
                assert_eq!(&out[offset..offset + length * 4], &bytes[..length * 4], "{context}");
                assert_eq!(&out[offset + length * 4..], &[0xAA; 3], "{context}");
                // Fewer bytes than floats: the rest of the target stays.
                let mut longer = vec![7f32; length + 2];
                kernels.f32_from_be(&bytes[..length * 4], &mut longer);
                assert_eq!(longer[length..], [7.0, 7.0], "{context}");
            }
        }
    }
}
