//! Vectors: every kernel set beside its scalar twin, and text beside the standard library's way.
//!
//! `cargo bench --bench vector`.

#[path = "../crates/iris-standin/benches/embedding/mod.rs"]
mod embedding;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embedding::{DIMENSIONS, embedding};
use iris_pgwire::iris::{IrisType, ParameterDescription};
use iris_pgwire::parts::bridge::put_value;
use iris_pgwire::parts::types::Datum;
use iris_pgwire::parts::vector::{Kernels, parse_binary, parse_text, write_binary, write_text};

fn kernels(criterion: &mut Criterion) {
    let a = embedding(1);
    let mut bytes = vec![0; DIMENSIONS * 4];
    Kernels::SCALAR.f32_to_be(&a, &mut bytes);
    let mut floats = vec![0.0; DIMENSIONS];
    for set in Kernels::available() {
        let mut group = criterion.benchmark_group("kernels");
        group.throughput(Throughput::Elements(DIMENSIONS as u64));
        let id = |name: &str| BenchmarkId::new(name, set.name());
        group.bench_function(id("f32_from_be"), |bench| {
            bench.iter(|| set.f32_from_be(black_box(&bytes), black_box(&mut floats)));
        });
        group.bench_function(id("f32_to_be"), |bench| {
            bench.iter(|| set.f32_to_be(black_box(&a), black_box(&mut bytes)));
        });
        group.finish();
    }
}

fn forms(criterion: &mut Criterion) {
    let vector = embedding(3);
    let mut text = Vec::new();
    let mut binary = Vec::new();
    if write_text(&vector, &mut text).is_err() || write_binary(&vector, &mut binary).is_err() {
        return;
    }
    let singles = String::from_utf8_lossy(&text).into_owned();
    // What Python's float prints: the double nearest to the single, up to 17 digits.
    let doubles: Vec<String> = vector.iter().map(|element| f64::from(*element).to_string()).collect();
    let doubles = format!("[{}]", doubles.join(","));
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Elements(DIMENSIONS as u64));
    for (name, text) in [("singles", &singles), ("doubles", &doubles)] {
        group.bench_function(BenchmarkId::new("parse", name), |bench| bench.iter(|| parse_text(black_box(text))));
        group.bench_function(BenchmarkId::new("parse_std", name), |bench| {
            bench.iter(|| {
                let inside = black_box(text.as_str()).trim_matches(['[', ']']);
                inside.split(',').filter_map(|part| part.parse::<f32>().ok()).collect::<Vec<_>>()
            });
        });
    }
    let mut out = Vec::new();
    group.bench_function("write", |bench| {
        bench.iter(|| {
            out.clear();
            write_text(black_box(&vector), &mut out)
        });
    });
    let datum = Datum::Vector(vector.clone());
    let declared = ParameterDescription { iris_type: IrisType::VARCHAR, precision: 0, scale: 0, nullable: 1 };
    group.bench_function("parameter", |bench| {
        bench.iter(|| {
            out.clear();
            put_value(&mut out, &declared, black_box(&datum))
        });
    });
    group.bench_function("write_std", |bench| {
        bench.iter(|| {
            let parts: Vec<String> = black_box(&vector).iter().map(ToString::to_string).collect();
            format!("[{}]", parts.join(","))
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("binary");
    group.throughput(Throughput::Elements(DIMENSIONS as u64));
    group.bench_function("parse", |bench| bench.iter(|| parse_binary(black_box(&binary))));
    group.bench_function("write", |bench| {
        bench.iter(|| {
            out.clear();
            write_binary(black_box(&vector), &mut out)
        });
    });
    group.finish();
}

criterion_group!(benches, kernels, forms);
criterion_main!(benches);
