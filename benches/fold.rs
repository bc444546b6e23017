//! The fold: a scan of Parquet lines, cleaned and folded into shards. Reports lines a second, reading included.

#![expect(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros; a bench that cannot start should say so and stop"
)]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nextoffer::{
    base::{Findings, findings::JobPath, progress::Silent},
    engine::Engine,
    generate::{ShopSpec, generate},
    history::{FoldOptions, Standing, fold_lines, scan_lines},
    input::{
        TableInput,
        contract::Table,
        lines::{CleaningContext, LineCleaner},
    },
    job::load_text,
    store::Places,
};

const LINES: u64 = 500_000;

const JOB: &str = r#"
version = 1
name = "fold"
as_of = "2026-06-30"
out = "unused"
inputs.transactions.path = "transactions"
consent.lawful_basis = "contract"
"#;

fn bench(criterion: &mut Criterion) {
    let shop = tempfile::tempdir().expect("a temporary folder");
    generate(&ShopSpec::new(10_000, LINES, 1), shop.path(), &Silent).expect("a shop");
    let job = load_text(&shop.path().join("job.toml"), JOB, &[]).expect("the job is right").job;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let places = Arc::new(Places::new(std::collections::BTreeMap::new(), threads).expect("a runtime"));
    let engine = Engine::new(places, threads, None, shop.path()).expect("an engine");
    let source = job.inputs().table(Table::Transactions).expect("the job names the lines");
    let mut findings = Findings::new();
    let input = TableInput::open(&engine, Table::Transactions, source, job.folder(), &JobPath::root(), &mut findings)
        .expect("the shop's lines open");
    let as_of = nextoffer::base::Day::parse("2026-06-30").expect("a day");
    let context = CleaningContext {
        cleaning: job.cleaning(),
        zone: job.timezone(),
        as_of,
        currency_digits: job.currency().exponent(),
        listed_items: None,
    };
    let cleaner = LineCleaner::new(&input, &context).expect("the rules fit");
    let options = FoldOptions {
        shards: 64,
        as_of,
        cleaning: job.cleaning(),
        memory_limit: None,
        spill: shop.path(),
        keep: [false; 2],
    };
    let everyone = |_: &str| Standing::Personalised;
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(LINES)).sample_size(10);
    group.bench_function("scan, clean and fold", |b| {
        b.iter(|| {
            let lines = scan_lines(&engine, &input, &cleaner, &options, &Silent);
            let histories = lines.and_then(|lines| fold_lines(lines, &input, None, &everyone, &options, &Silent));
            black_box(histories.expect("a fold").members_seen)
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
