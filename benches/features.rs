//! Every built-in feature of every member, the scaled matrix, and three SQL features.

#![expect(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros; a bench that cannot start should say so and stop"
)]

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nextoffer::{
    base::Currency,
    features::{DaySet, FeaturePlan, FeatureUse, FeatureView, Features, Fill, Scaling, SqlFeature},
    input::Labels,
};

fn features(c: &mut Criterion) {
    let shop = common::Shop::new(40_000, 2_000_000, 20_000);
    let festivals = DaySet::from_fn(shop.dimensions.first_day, shop.dimensions.as_of, |d| d.0 % 60 < 5);
    let settings = Features::default();
    let labels = Labels::default();
    let view = |settings| FeatureView {
        settings,
        items: &shop.items,
        dimensions: &shop.dimensions,
        currency: Currency::from_code("CNY").expect("a currency"),
        festivals: &festivals,
        cut: shop.dimensions.as_of,
        labels: &labels,
    };
    let mut group = c.benchmark_group("features");
    group.sample_size(10).throughput(Throughput::Elements(shop.lines));
    let plan = FeaturePlan::new(view(&settings), &shop.shards, None).expect("a plan");
    group.bench_function("plan", |b| b.iter(|| black_box(FeaturePlan::new(view(&settings), &shop.shards, None))));
    group.bench_function("families", |b| b.iter(|| black_box(plan.compute(&shop.shards, None))));
    let table = plan.compute(&shop.shards, None).expect("features");
    let scale = || {
        let (scaling, _) = Scaling::fit(&FeatureUse::defaults(), &table).expect("a scaling");
        scaling.apply(&table, &|_, _| String::new())
    };
    group.bench_function("scaling", |b| b.iter(|| black_box(scale())));
    let sql = ["sum(amount) filter (where category like 'c01%')", "count(distinct item_id)", "avg(quantity)"]
        .into_iter()
        .enumerate()
        .map(|(i, expr)| SqlFeature {
            name: format!("sql_{i}"),
            expr: expr.to_owned(),
            unit: String::new(),
            fill: Fill::Zero,
            name_zh: String::new(),
            name_en: String::new(),
        })
        .collect();
    let with_sql = Features { sql, ..Features::default() };
    let plan = FeaturePlan::new(view(&with_sql), &shop.shards, None).expect("a plan");
    group.bench_function("families_and_sql", |b| b.iter(|| black_box(plan.compute(&shop.shards, None))));
    group.finish();
}

criterion_group!(benches, features);
criterion_main!(benches);
