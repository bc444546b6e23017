//! k-means on a matrix of the size of a shop's members: overlapping centres, 24 features.

#![expect(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros; a bench that cannot start should say so and stop"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use linfa::ParamGuard;
use ndarray::Array2;
use nextoffer::kmeans::{KMeansParams, Start, assign};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const ROWS: usize = 100_000;
const FEATURES: usize = 24;
const K: usize = 12;

fn matrix() -> Array2<f32> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let centres = Array2::from_shape_simple_fn((K, FEATURES), || rng.gen_range(-0.5f32..0.5));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    Array2::from_shape_fn((ROWS, FEATURES), |(row, column)| {
        centres[(row % K, column)] + rng.gen_range(-1.0f32..1.0) + rng.gen_range(-1.0f32..1.0)
    })
}

fn kmeans(c: &mut Criterion) {
    let matrix = matrix();
    let start = matrix.slice(ndarray::s![..K, ..]).to_owned();
    let mut group = c.benchmark_group("kmeans");
    group.sample_size(10).throughput(Throughput::Elements(ROWS as u64));
    let twenty = KMeansParams::new(K).max_iterations(20).tolerance(0.0).start(Start::Given(start.clone()));
    let twenty = twenty.check().expect("parameters");
    group.bench_function("twenty_iterations", |b| b.iter(|| black_box(twenty.fit_rows(matrix.view(), None, None))));
    let from_scratch = KMeansParams::new(K).seed(3).check().expect("parameters");
    group.bench_function("plus_plus_to_convergence", |b| {
        b.iter(|| black_box(from_scratch.fit_rows(matrix.view(), None, None)));
    });
    group.bench_function("assign", |b| b.iter(|| black_box(assign(matrix.view(), start.view()))));
    group.finish();
}

criterion_group!(benches, kmeans);
criterion_main!(benches);
