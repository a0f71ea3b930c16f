//! Kernels over floats, chosen once for the machine. The only unsafe code of the gateway.

#![allow(unsafe_code)]

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod scalar;

/// Functions for one instruction set. Slices of unequal length count as far as both go.
#[derive(Debug, Clone, Copy)]
pub struct Kernels {
    name: &'static str,
    f32_from_be: unsafe fn(&[u8], &mut [f32]),
    f32_to_be: unsafe fn(&[f32], &mut [u8]),
}

impl Kernels {
    /// The twins every other set is compared with.
    pub const SCALAR: Kernels =
        Kernels { name: "scalar", f32_from_be: scalar::f32_from_be, f32_to_be: scalar::f32_to_be };

    #[cfg(target_arch = "x86_64")]
    const AVX2: Kernels = Kernels { name: "avx2", f32_from_be: avx2::f32_from_be, f32_to_be: avx2::f32_to_be };

    #[cfg(target_arch = "x86_64")]
    const AVX512: Kernels = Kernels { name: "avx512", f32_from_be: avx512::f32_from_be, f32_to_be: avx512::f32_to_be };

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
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
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

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Reads big-endian floats: as many as `target` has room for and `bytes` holds whole.
    pub fn f32_from_be(&self, bytes: &[u8], target: &mut [f32]) {
        // SAFETY: a set with other than baseline instructions is only made after detecting them (`available`).
        unsafe { (self.f32_from_be)(bytes, target) }
    }

    /// Writes floats big-endian: as many as `target` has room for whole.
    pub fn f32_to_be(&self, source: &[f32], target: &mut [u8]) {
        // SAFETY: as in `f32_from_be`.
        unsafe { (self.f32_to_be)(source, target) }
    }
}

#[cfg(test)]
mod tests;
