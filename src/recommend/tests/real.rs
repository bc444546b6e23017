//! Reading real data that lies beside the project, and scoring lists against what members then bought.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use arrow::{
    array::{Array as _, AsArray as _, RecordBatch},
    datatypes::{DataType, Int64Type},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{
    base::{
        Day, IdTable,
        findings::{Findings, JobPath},
    },
    evaluate::ranking::{self, Ideal},
    history::{Dimensions, ShardError, ShardSet, Timeline},
    recommend::{Candidate, ItemKnowledge, Parameters, RawRecommend, RecommendSettings, Tuned},
};

/// The data set's folder, or `None` (said aloud) where it is absent.
pub(super) fn folder(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let there = folder.is_dir();
    if !there {
        eprintln!("skipped: {} is not there", folder.display());
    }
    there.then_some(folder)
}

pub(super) fn read(path: &Path) -> Vec<RecordBatch> {
    let file = std::fs::File::open(path).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect()
}

/// A column as text; nulls are empty.
pub(super) fn text(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = arrow::compute::cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|v| v.unwrap_or_default().to_owned()).collect()
}

/// A column as integers (times in their unit); nulls are 0.
pub(super) fn whole(batch: &RecordBatch, column: &str) -> Vec<i64> {
    let column = arrow::compute::cast(batch.column_by_name(column).unwrap(), &DataType::Int64).unwrap();
    let column = column.as_primitive::<Int64Type>();
    (0..column.len()).map(|at| if column.is_null(at) { 0 } else { column.value(at) }).collect()
}

pub(super) fn settings() -> RecommendSettings {
    RawRecommend::default().check(&JobPath::root(), &mut Findings::new())
}

pub(super) fn dimensions(timeline: Timeline, as_of: Day) -> Dimensions {
    let none = IdTable::default;
    Dimensions { channels: none(), stores: none(), cities: none(), timeline, as_of, first_day: Day(0) }
}

/// Mean figures over the members that have a truth.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) recall: f64,
    pub(super) ndcg_whole: f64,
    pub(super) ndcg: f64,
    pub(super) hit: f64,
    pub(super) members: f64,
}

/// Scores the ten best of every member in `truth`.
pub(super) fn score(
    shards: &ShardSet,
    truth: &BTreeMap<String, Vec<u32>>,
    knowledge: &ItemKnowledge,
    parameters: &Parameters,
) -> Figures {
    let scorer = knowledge.scorer(parameters);
    let parts = shards.map(|_, shard| {
        let (mut space, mut out, mut sums) = (scorer.workspace(), Vec::<Candidate>::new(), Figures::default());
        for member in 0..shard.members.len() {
            let Some(truth) = truth.get(shard.members.get(member)) else { continue };
            scorer.recommend(shard, member, 10, &mut space, &mut out);
            let ranked: Vec<u32> = out.iter().map(|c| c.item).collect();
            sums.recall += ranking::recall(&ranked, truth, 10);
            sums.ndcg_whole += ranking::ndcg(&ranked, truth, 10, Ideal::Whole);
            sums.ndcg += ranking::ndcg(&ranked, truth, 10, Ideal::AtK);
            sums.hit += ranking::hit(&ranked, truth, 10);
            sums.members += 1.0;
        }
        Ok::<_, ShardError>(sums)
    });
    let mut all = Figures::default();
    for part in parts.unwrap() {
        all.recall += part.recall;
        all.ndcg_whole += part.ndcg_whole;
        all.ndcg += part.ndcg;
        all.hit += part.hit;
        all.members += part.members;
    }
    let n = all.members;
    Figures { recall: all.recall / n, ndcg_whole: all.ndcg_whole / n, ndcg: all.ndcg / n, hit: all.hit / n, members: n }
}

/// Mean probability said, share bought and number of the items in the 20 best of every member in `truth`: of the most
/// probable hundredth and tenth of them, and of all.
pub(super) fn reliability(
    shards: &ShardSet,
    truth: &BTreeMap<String, Vec<u32>>,
    knowledge: &ItemKnowledge,
    tuned: &Tuned,
) -> [(f64, f64, usize); 3] {
    let scorer = knowledge.scorer(&tuned.parameters).calibrated(tuned.calibration);
    let parts = shards.map(|_, shard| {
        let (mut space, mut out, mut said) = (scorer.workspace(), Vec::<Candidate>::new(), Vec::new());
        for member in 0..shard.members.len() {
            let Some(truth) = truth.get(shard.members.get(member)) else { continue };
            scorer.recommend(shard, member, 20, &mut space, &mut out);
            let pair = |c: &Candidate| (scorer.probability(c.score).unwrap(), truth.binary_search(&c.item).is_ok());
            said.extend(out.iter().map(pair));
        }
        Ok::<_, ShardError>(said)
    });
    let mut said = parts.unwrap().concat();
    said.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    [said.len() / 100, said.len() / 10, said.len()].map(|n| {
        let best = &said[..n];
        let mean = best.iter().map(|s| s.0).sum::<f64>() / n as f64;
        (mean, best.iter().filter(|s| s.1).count() as f64 / n as f64, n)
    })
}
