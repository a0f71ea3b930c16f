//! Every set against the twin: all lengths up to 257, slices at every offset from alignment.

use super::*;

/// Floats of mixed sign and size, different for each seed.
fn floats(length: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 11) as f64 / (1u64 << 53) as f64 - 0.5) * 10f64.powi((state % 7) as i32 - 3)
        })
        .collect()
}

fn narrow(wide: &[f64]) -> Vec<f32> {
    wide.iter().map(|element| *element as f32).collect()
}

fn product_bits(products: Products) -> [u64; 3] {
    [products.dot.to_bits(), products.aa.to_bits(), products.bb.to_bits()]
}

#[test]
fn sums_are_the_same_bits_on_every_set() {
    for kernels in Kernels::available() {
        for offset in 0..8 {
            let (a, b) = (floats(300, 1 + offset), floats(300, 100 + offset));
            let (a32, b32) = (narrow(&a), narrow(&b));
            let offset = usize::try_from(offset).unwrap();
            for length in 0..=257 {
                let (range_a, range_b) = (offset..offset + length, offset / 2..offset / 2 + length);
                let context = format!("{} offset {offset} length {length}", kernels.name());
                let (a, b) = (&a[range_a.clone()], &b[range_b.clone()]);
                assert_eq!(kernels.dot_f64(a, b).to_bits(), scalar::dot_f64(a, b).to_bits(), "{context}");
                let expected = product_bits(scalar::products_f64(a, b));
                assert_eq!(product_bits(kernels.products_f64(a, b)), expected, "{context}");
                let (a, b) = (&a32[range_a], &b32[range_b]);
                assert_eq!(kernels.dot_f32(a, b).to_bits(), scalar::dot_f32(a, b).to_bits(), "{context}");
                let expected = product_bits(scalar::products_f32(a, b));
                assert_eq!(product_bits(kernels.products_f32(a, b)), expected, "{context}");
            }
        }
    }
}

#[test]
fn the_twin_sums_what_a_plain_loop_sums() {
    for length in 0..=257 {
        let (a, b) = (floats(length, 7), floats(length, 8));
        let plain: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        let size: f64 = a.iter().zip(&b).map(|(a, b)| (a * b).abs()).sum();
        assert!((scalar::dot_f64(&a, &b) - plain).abs() <= size * 1e-13, "{length}");
        let products = scalar::products_f64(&a, &b);
        assert!((products.dot - plain).abs() <= size * 1e-13, "{length}");
        assert!((products.aa - scalar::dot_f64(&a, &a)).abs() <= products.aa * 1e-13, "{length}");
        assert!((products.bb - scalar::dot_f64(&b, &b)).abs() <= products.bb * 1e-13, "{length}");
    }
}

#[test]
fn cosines_and_lengths() {
    for kernels in Kernels::available() {
        assert_eq!(kernels.cosine_f64(&[1.0, 0.0], &[0.0, 2.0]), 0.0);
        assert_eq!(kernels.cosine_f64(&[1.0, 1.0], &[-2.0, -2.0]), -1.0);
        assert_eq!(kernels.cosine_f32(&[3.0, 4.0], &[3.0, 4.0]), 1.0);
        assert_eq!(kernels.cosine_f64(&[1e100], &[1e100]), 1.0);
        assert!(kernels.cosine_f64(&[1e-200], &[1e-200]).is_nan());
        assert!(kernels.cosine_f64(&[0.0, 0.0], &[1.0, 2.0]).is_nan());
        assert_eq!(kernels.dot_f64(&[1.0, 2.0, 3.0], &[4.0, 5.0]), 14.0);
    }
}
