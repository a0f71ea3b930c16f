//! Sums over vectors: every kernel set beside its scalar twin.
//!
//! `cargo bench -p iris-standin`.

mod embedding;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embedding::{DIMENSIONS, embedding};
use iris_standin::kernels::Kernels;

fn kernels(criterion: &mut Criterion) {
    let (a, b) = (embedding(1), embedding(2));
    let wide = |vector: &[f32]| vector.iter().map(|element| f64::from(*element)).collect::<Vec<_>>();
    let (a64, b64) = (wide(&a), wide(&b));
    for set in Kernels::available() {
        let mut group = criterion.benchmark_group("kernels");
        group.throughput(Throughput::Elements(DIMENSIONS as u64));
        let id = |name: &str| BenchmarkId::new(name, set.name());
        group.bench_function(id("dot_f64"), |bench| bench.iter(|| set.dot_f64(black_box(&a64), black_box(&b64))));
        group.bench_function(id("dot_f32"), |bench| bench.iter(|| set.dot_f32(black_box(&a), black_box(&b))));
        group.bench_function(id("cosine_f64"), |bench| bench.iter(|| set.cosine_f64(black_box(&a64), black_box(&b64))));
        group.bench_function(id("cosine_f32"), |bench| bench.iter(|| set.cosine_f32(black_box(&a), black_box(&b))));
        group.finish();
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
