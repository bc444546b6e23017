//! Ten recommendations for every member.

#![expect(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros; a bench that cannot start should say so and stop"
)]

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nextoffer::{
    base::{Findings, findings::JobPath},
    history::ShardError,
    items::View,
    recommend::{Candidate, ItemKnowledge, Parameters, RawRecommend, Scorer, tune},
};

fn recommend_all(shop: &common::Shop, scorer: &Scorer<'_>) -> Result<Vec<f64>, ShardError> {
    shop.shards.map(|_, shard| {
        let mut space = scorer.workspace();
        let mut out: Vec<Candidate> = Vec::new();
        let mut sum = 0.0;
        for member in 0..shard.members.len() {
            scorer.recommend(shard, member, 10, &mut space, &mut out);
            sum += out.iter().map(|candidate| candidate.score).sum::<f64>();
        }
        Ok(sum)
    })
}

fn scoring(c: &mut Criterion) {
    let shop = common::Shop::new(40_000, 2_000_000, 20_000);
    let settings = RawRecommend::default().check(&JobPath::root(), &mut Findings::new());
    let parameters = Parameters::default();
    let view = View::at(shop.dimensions.as_of, shop.dimensions.timeline);
    let half_lives = parameters.half_lives();
    let fit = || ItemKnowledge::fit(&shop.shards, &view, &shop.items, &half_lives, &settings).expect("knowledge");
    let knowledge = fit();
    let scorer = knowledge.scorer(&parameters);
    let mut group = c.benchmark_group("scoring");
    group.sample_size(10).throughput(Throughput::Elements(shop.lines));
    group.bench_function("knowledge", |b| b.iter(|| black_box(fit())));
    group.bench_function("tune", |b| {
        b.iter(|| black_box(tune(&shop.shards, &shop.items, &shop.dimensions, &settings, 1)));
    });
    let members = shop.shards.map(|_, shard| Ok::<_, ShardError>(shard.members.len() as u64)).expect("shards");
    group.throughput(Throughput::Elements(members.iter().sum()));
    group.bench_function("recommend_ten", |b| b.iter(|| black_box(recommend_all(&shop, &scorer))));
    for (name, segment_weight, neighbour_weight) in [("with_segments", 0.3, 0.0), ("with_neighbours", 0.0, 0.3)] {
        let more = Parameters { segment_weight, neighbour_weight, transition_weight: 0.4, ..parameters };
        let half_lives = more.half_lives();
        let knowledge =
            ItemKnowledge::fit(&shop.shards, &view, &shop.items, &half_lives, &settings).expect("knowledge");
        let scorer = knowledge.scorer(&more);
        group.bench_function(format!("recommend_ten_{name}"), |b| b.iter(|| black_box(recommend_all(&shop, &scorer))));
    }
    group.finish();
}

criterion_group!(benches, scoring);
criterion_main!(benches);
