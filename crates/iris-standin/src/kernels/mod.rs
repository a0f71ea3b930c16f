//! Sums over vectors, chosen once for the machine. The only unsafe code of the crate.
//!
//! Sums run in a fixed number of lanes that meet in a fixed order, and no product is fused into a sum, so every
//! machine gives the same bits: what ranks first does not depend on where it is computed.

#![allow(unsafe_code)]

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod scalar;
#[cfg(target_arch = "x86_64")]
mod sums;

/// Sums of `a*b`, `a*a` and `b*b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Products {
    /// Of `a*b`.
    pub dot: f64,
    /// Of `a*a`.
    pub aa: f64,
    /// Of `b*b`.
    pub bb: f64,
}

impl Products {
    /// The cosine of the angle; NaN where a vector is zero. Rounding does not leave -1 ..= 1.
    fn cosine(self) -> f64 {
        // One root is one rounding less, as in pgvector; two where the product leaves the range.
        let squares = self.aa * self.bb;
        let norms = if squares.is_normal() { squares.sqrt() } else { self.aa.sqrt() * self.bb.sqrt() };
        (self.dot / norms).clamp(-1.0, 1.0)
    }
}

/// Functions for one instruction set. Slices of unequal length count as far as both go.
#[derive(Debug, Clone, Copy)]
pub struct Kernels {
    name: &'static str,
    dot_f32: unsafe fn(&[f32], &[f32]) -> f64,
    dot_f64: unsafe fn(&[f64], &[f64]) -> f64,
    products_f32: unsafe fn(&[f32], &[f32]) -> Products,
    products_f64: unsafe fn(&[f64], &[f64]) -> Products,
}

impl Kernels {
    /// The twins every other set is compared with.
    pub const SCALAR: Kernels = Kernels {
        name: "scalar",
        dot_f32: scalar::dot_f32,
        dot_f64: scalar::dot_f64,
        products_f32: scalar::products_f32,
        products_f64: scalar::products_f64,
    };

    #[cfg(target_arch = "x86_64")]
    const AVX2: Kernels = Kernels {
        name: "avx2",
        dot_f32: avx2::dot_f32,
        dot_f64: avx2::dot_f64,
        products_f32: avx2::products_f32,
        products_f64: avx2::products_f64,
    };

    #[cfg(target_arch = "x86_64")]
    const AVX512: Kernels = Kernels {
        name: "avx512",
        dot_f32: avx512::dot_f32,
        dot_f64: avx512::dot_f64,
        products_f32: avx512::products_f32,
        products_f64: avx512::products_f64,
    };

    /// The best set this machine has.
    pub fn detect() -> Kernels {
        Self::available().last().copied().unwrap_or(Self::SCALAR)
    }

    /// Every set this machine has, the best last.
    pub fn available() -> Vec<Kernels> {
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut sets = vec![Self::SCALAR];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                sets.push(Self::AVX2);
            }
            if is_x86_feature_detected!("avx512f") {
                sets.push(Self::AVX512);
            }
        }
        sets
    }

    /// The set detected at first use.
    pub fn get() -> &'static Kernels {
        static KERNELS: OnceLock<Kernels> = OnceLock::new();
        KERNELS.get_or_init(Self::detect)
    }

    /// Of the instruction set.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The inner product, summed in double precision.
    pub fn dot_f32(&self, a: &[f32], b: &[f32]) -> f64 {
        // SAFETY: a set with other than baseline instructions is only made after detecting them (`available`).
        unsafe { (self.dot_f32)(a, b) }
    }

    /// The inner product.
    pub fn dot_f64(&self, a: &[f64], b: &[f64]) -> f64 {
        // SAFETY: as in `dot_f32`.
        unsafe { (self.dot_f64)(a, b) }
    }

    /// The three sums of a cosine, in one pass.
    pub fn products_f32(&self, a: &[f32], b: &[f32]) -> Products {
        // SAFETY: as in `dot_f32`.
        unsafe { (self.products_f32)(a, b) }
    }

    /// The three sums of a cosine, in one pass.
    pub fn products_f64(&self, a: &[f64], b: &[f64]) -> Products {
        // SAFETY: as in `dot_f32`.
        unsafe { (self.products_f64)(a, b) }
    }

    /// Cosine similarity; NaN where a vector is zero.
    pub fn cosine_f32(&self, a: &[f32], b: &[f32]) -> f64 {
        self.products_f32(a, b).cosine()
    }

    /// Cosine similarity; NaN where a vector is zero.
    pub fn cosine_f64(&self, a: &[f64], b: &[f64]) -> f64 {
        self.products_f64(a, b).cosine()
    }
}

/// Lanes of the inner product: enough for every set to keep its adders busy.
const DOT_LANES: usize = 32;
/// Lanes of each of the three sums, as many as AVX2 has registers for.
const PRODUCT_LANES: usize = 16;

/// Halves meet until one is left.
fn reduce<const LANES: usize>(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        let (low, high) = lanes.split_at_mut(width);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        width /= 2;
    }
    lanes.first().copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests;
