//! Item statistics and what goes with what: sums over shards of exact integers.

#![expect(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros; a bench that cannot start should say so and stop"
)]

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nextoffer::items::{View, item_statistics, transitions};

const HALF_LIVES: [f64; 3] = [15.0, 30.0, 60.0];

fn items(c: &mut Criterion) {
    let shop = common::Shop::new(40_000, 2_000_000, 20_000);
    let view = View::at(shop.dimensions.as_of, shop.dimensions.timeline);
    let mut group = c.benchmark_group("items");
    group.sample_size(10).throughput(Throughput::Elements(shop.lines));
    group.bench_function("statistics", |b| {
        b.iter(|| black_box(item_statistics(&shop.shards, &view, &shop.items, &HALF_LIVES)));
    });
    let statistics = item_statistics(&shop.shards, &view, &shop.items, &HALF_LIVES).expect("statistics");
    group.bench_function("transitions", |b| {
        b.iter(|| black_box(transitions(&shop.shards, &view, &statistics, 30.0, 20_000_000, 32)));
    });
    group.finish();
}

criterion_group!(benches, items);
criterion_main!(benches);
