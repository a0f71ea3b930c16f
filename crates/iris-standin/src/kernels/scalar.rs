//! The definition of correct.

use super::{DOT_LANES, PRODUCT_LANES, Products, reduce};

/// See [`Kernels::dot_f32`](super::Kernels::dot_f32).
pub fn dot_f32(a: &[f32], b: &[f32]) -> f64 {
    let (mut lanes, a, b) = ([0.0; DOT_LANES], cut(a, b.len()), cut(b, a.len()));
    let (a_chunks, a_rest) = a.as_chunks::<DOT_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<DOT_LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        add_dot(&mut lanes, a.iter().map(|x| f64::from(*x)), b.iter().map(|x| f64::from(*x)));
    }
    add_dot(&mut lanes, a_rest.iter().map(|x| f64::from(*x)), b_rest.iter().map(|x| f64::from(*x)));
    reduce(lanes)
}

/// See [`Kernels::dot_f64`](super::Kernels::dot_f64).
pub fn dot_f64(a: &[f64], b: &[f64]) -> f64 {
    let (mut lanes, a, b) = ([0.0; DOT_LANES], cut(a, b.len()), cut(b, a.len()));
    let (a_chunks, a_rest) = a.as_chunks::<DOT_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<DOT_LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        add_dot(&mut lanes, a.iter().copied(), b.iter().copied());
    }
    add_dot(&mut lanes, a_rest.iter().copied(), b_rest.iter().copied());
    reduce(lanes)
}

/// See [`Kernels::products_f32`](super::Kernels::products_f32).
pub fn products_f32(a: &[f32], b: &[f32]) -> Products {
    let (mut lanes, a, b) = (ProductLanes::default(), cut(a, b.len()), cut(b, a.len()));
    let (a_chunks, a_rest) = a.as_chunks::<PRODUCT_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<PRODUCT_LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        lanes.add(a.iter().map(|x| f64::from(*x)), b.iter().map(|x| f64::from(*x)));
    }
    lanes.add(a_rest.iter().map(|x| f64::from(*x)), b_rest.iter().map(|x| f64::from(*x)));
    lanes.reduce()
}

/// See [`Kernels::products_f64`](super::Kernels::products_f64).
pub fn products_f64(a: &[f64], b: &[f64]) -> Products {
    let (mut lanes, a, b) = (ProductLanes::default(), cut(a, b.len()), cut(b, a.len()));
    let (a_chunks, a_rest) = a.as_chunks::<PRODUCT_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<PRODUCT_LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        lanes.add(a.iter().copied(), b.iter().copied());
    }
    lanes.add(a_rest.iter().copied(), b_rest.iter().copied());
    lanes.reduce()
}

/// Slices of unequal length count as far as both go.
pub(super) fn cut<T>(slice: &[T], length_max: usize) -> &[T] {
    slice.get(..length_max).unwrap_or(slice)
}

/// Adds products to the lanes in turn, from the first.
pub(super) fn add_dot(lanes: &mut [f64], a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) {
    for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
        *lane += a * b;
    }
}

#[derive(Default)]
pub(super) struct ProductLanes {
    pub dot: [f64; PRODUCT_LANES],
    pub aa: [f64; PRODUCT_LANES],
    pub bb: [f64; PRODUCT_LANES],
}

impl ProductLanes {
    pub(super) fn add(&mut self, a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) {
        let lanes = self.dot.iter_mut().zip(&mut self.aa).zip(&mut self.bb);
        for ((((dot, aa), bb), a), b) in lanes.zip(a).zip(b) {
            *dot += a * b;
            *aa += a * a;
            *bb += b * b;
        }
    }

    pub(super) fn reduce(self) -> Products {
        Products { dot: reduce(self.dot), aa: reduce(self.aa), bb: reduce(self.bb) }
    }
}
