//! Quality on the Ta-Feng supermarket data, where it lies beside the project.

use std::{collections::BTreeMap, path::PathBuf};

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::Int32Type,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{
    base::{Day, IdTable, findings::{Findings, JobPath}},
    evaluate::ranking,
    history::{
        Dimensions, ShardSet, Timeline,
        testing::{Row, shards_of},
    },
    input::ItemTable,
    items::View,
    recommend::{ItemKnowledge, Parameters, RawRecommend, RecommendSettings, tune},
};

struct TaFeng {
    shards: ShardSet,
    items: ItemTable,
    /// Test members' next baskets.
    truth: BTreeMap<String, Vec<u32>>,
    dimensions: Dimensions,
}

fn read(path: &PathBuf) -> Vec<RecordBatch> {
    let file = std::fs::File::open(path).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect()
}

fn text(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = arrow::compute::cast(batch.column_by_name(column).unwrap(), &arrow::datatypes::DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|v| v.unwrap().to_owned()).collect()
}

fn load() -> Option<TaFeng> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tafeng");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    let mut lines = Vec::new();
    for batch in read(&folder.join("baskets.parquet")) {
        let days = batch.column_by_name("basket_index").unwrap().as_primitive::<Int32Type>();
        let (members, items, split) = (text(&batch, "member_id"), text(&batch, "item_id"), text(&batch, "split"));
        for (at, member) in members.into_iter().enumerate() {
            lines.push((member, days.value(at), items[at].clone(), split[at] == "history"));
        }
    }
    let ids = IdTable::from_unsorted(lines.iter().map(|l| l.2.as_str()));
    let mut truth: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for batch in read(&folder.join("members.parquet")) {
        let keyset = text(&batch, "keyset");
        let members = text(&batch, "member_id").into_iter().zip(keyset).filter(|(_, k)| k == "test");
        truth.extend(members.map(|(m, _)| (m, Vec::new())));
    }
    let mut rows = Vec::new();
    for (member, day, item, known) in &lines {
        let item = ids.find(item).unwrap() as u32;
        if *known {
            rows.push(Row::buy(member, *day, item, 100));
        } else if let Some(bought) = truth.get_mut(member) {
            bought.push(item);
        }
    }
    for bought in truth.values_mut() {
        bought.sort_unstable();
        bought.dedup();
    }
    let none = IdTable::default;
    let dimensions = Dimensions {
        channels: none(),
        stores: none(),
        cities: none(),
        timeline: Timeline::Ordinal,
        as_of: Day(10_000),
        first_day: Day(0),
    };
    let shards = ShardSet::in_memory(shards_of(&rows, 64));
    Some(TaFeng { shards, items: ItemTable { ids, ..ItemTable::default() }, truth, dimensions })
}

fn settings() -> RecommendSettings {
    RawRecommend::default().check(&JobPath::root(), &mut Findings::new())
}

/// Mean recall@10 and whole-ideal NDCG@10 over the test members.
fn score(data: &TaFeng, knowledge: &ItemKnowledge, parameters: &Parameters) -> (f64, f64) {
    let scorer = knowledge.scorer(parameters);
    let figures = data.shards.map(|_, shard| {
        let (mut space, mut out, mut sums) = (scorer.workspace(), Vec::new(), (0.0, 0.0, 0.0));
        for member in 0..shard.members.len() {
            let Some(truth) = data.truth.get(shard.members.get(member)) else { continue };
            scorer.recommend(shard, member, 10, &mut space, &mut out);
            let ranked: Vec<u32> = out.iter().map(|c| c.item).collect();
            sums.0 += ranking::recall(&ranked, truth, 10);
            sums.1 += ranking::ndcg(&ranked, truth, 10, ranking::Ideal::Whole);
            sums.2 += 1.0;
        }
        Ok::<_, crate::history::ShardError>(sums)
    });
    let sum = figures.unwrap().into_iter().fold((0.0, 0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    assert_eq!(sum.2, 5091.0, "test members");
    (sum.0 / sum.2, sum.1 / sum.2)
}

#[test]
fn reaches_the_published_method() {
    let Some(data) = load() else { return };
    let view = View::at(data.dimensions.as_of, Timeline::Ordinal);
    // δ = .3 a basket.
    let half_life = 0.5f64.ln() / 0.3f64.ln();
    let knowledge = ItemKnowledge::fit(&data.shards, &view, &data.items, &[half_life], &settings()).unwrap();
    let fixed = Parameters { kappa: 25.0, half_life_days: half_life, decay: 0.9, rebuy_exponent: 0.5, transition_weight: 0.0 };
    let (recall, ndcg) = score(&data, &knowledge, &fixed);
    println!("Ta-Feng, two terms: recall@10 {recall:.4}, NDCG@10 {ndcg:.4}");
    if std::env::var("EXPLORE").is_ok() {
        for w in [0.1, 0.3, 0.5, 0.7, 0.9] {
            for kappa in [5.0, 10.0, 25.0, 50.0] {
                let p = Parameters { kappa, transition_weight: w, ..fixed };
                println!("w {w} k {kappa} {:?}", score(&data, &knowledge, &p));
            }
        }
    }
    let t0 = std::time::Instant::now();
    let tuned = tune(&data.shards, &data.items, &data.dimensions, &settings(), 7).unwrap();
    println!("{tuned:?} {:?}", t0.elapsed());
    let knowledge =
        ItemKnowledge::fit(&data.shards, &view, &data.items, &[tuned.parameters.half_life_days], &settings()).unwrap();
    let (tuned_recall, tuned_ndcg) = score(&data, &knowledge, &tuned.parameters);
    println!("Ta-Feng, tuned on the histories' tails: recall@10 {tuned_recall:.4}, NDCG@10 {tuned_ndcg:.4}");
    assert!((recall - 0.1656).abs() < 0.003, "{recall}");
    assert!(tuned_recall > 0.163, "{tuned_recall}");
}
