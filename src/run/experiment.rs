//! A table of an experiment, a row a member: each arm against the one that got nothing.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{DataType, Float64Type},
};
use serde::Serialize;

use super::RunError;
use crate::{
    engine::{Engine, ScanRows},
    evaluate::{
        Moments,
        uplift::{
            Adjusted, Difference, SampleRatio, adjusted_difference, detectable, difference_of_means,
            difference_of_shares, holdout_needed, sample_ratio,
        },
    },
    store::Places,
};

/// What an experiment is read from.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentOptions {
    /// The table: a Parquet file, folder, glob or URL.
    pub file: String,
    /// Column of the arm.
    pub arm: String,
    /// The arm that got nothing.
    pub control: String,
    /// Columns of what came of it: numbers or flags.
    pub outcomes: Vec<String>,
    /// Columns of what was known before.
    pub covariates: Vec<String>,
    /// Shares that arms were drawn with; empty: all alike.
    pub shares: Vec<(String, f64)>,
    /// Column of groups that are shown on their own.
    pub by: Option<String>,
    /// The relative uplift that the control should be large enough to show.
    pub detect: f64,
}

/// What came of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    /// The table.
    pub file: String,
    /// The arm that got nothing.
    pub control: String,
    /// Rows that lack their arm, an outcome or a covariate: they are left out.
    pub left_out: u64,
    /// Members by arm, in byte order of the arms.
    pub arms: Vec<(String, u64)>,
    /// Whether the arms have the sizes they were drawn with.
    pub sample_ratio: Option<SampleRatio>,
    /// The relative uplift that is to be seen.
    pub detect: f64,
    /// Every arm but the control, outcome by outcome; of all members first, then by group.
    pub rows: Vec<ExperimentRow>,
}

/// An arm against the control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExperimentRow {
    /// The group; none: all members.
    pub group: Option<String>,
    /// The arm.
    pub arm: String,
    /// The outcome.
    pub outcome: String,
    /// Whether it is a share: 0 or 1 for every member.
    pub is_share: bool,
    /// Members of the arm and of the control.
    pub members: [u64; 2],
    /// Means of the arm and of the control.
    pub means: [f64; 2],
    /// Their difference: Newcombe's interval for shares, Welch's for the rest.
    pub uplift: Difference,
    /// The difference less what covariates explain.
    pub adjusted: Option<Adjusted>,
    /// The smallest difference that the two show with 80% power.
    pub detectable: f64,
    /// Members to leave in the control, of these two arms, to show `detect` with 80% power.
    pub control_needed: Option<u64>,
}

/// The sums of an arm in a group.
struct Cell {
    /// One an outcome: the outcome, then the covariates.
    moments: Vec<Moments>,
    hits: Vec<u64>,
}

/// The rows of a batch.
struct Row {
    arm: String,
    group: Option<String>,
    /// Outcomes, then covariates.
    values: Vec<f64>,
}

/// Reads the table and compares its arms.
///
/// # Errors
/// If the table cannot be read, lacks a column, or has no member in an arm.
pub fn experiment(options: &ExperimentOptions) -> Result<Experiment, RunError> {
    let bad = |why: String| RunError::NotAnExperiment { file: options.file.clone(), why };
    let (rows, left_out) = read(options)?;
    let n = options.outcomes.len();
    let is_share: Vec<bool> = (0..n).map(|o| rows.iter().all(|r| r.values[o] == 0.0 || r.values[o] == 1.0)).collect();
    let mut cells: BTreeMap<(Option<&str>, &str), Cell> = BTreeMap::new();
    for row in &rows {
        let (outcomes, covariates) = row.values.split_at(n);
        let groups = [None, row.group.as_deref()];
        for group in &groups[..if row.group.is_some() { 2 } else { 1 }] {
            let cell = cells
                .entry((*group, &row.arm))
                .or_insert_with(|| Cell { moments: vec![Moments::new(1 + covariates.len()); n], hits: vec![0; n] });
            for (at, outcome) in outcomes.iter().enumerate() {
                let mut full = vec![*outcome];
                full.extend_from_slice(covariates);
                cell.moments[at].add(&full);
                cell.hits[at] += u64::from(*outcome == 1.0);
            }
        }
    }
    let mut arms: BTreeMap<&str, u64> = BTreeMap::new();
    rows.iter().for_each(|r| *arms.entry(&r.arm).or_default() += 1);
    if !arms.contains_key(options.control.as_str()) {
        let known: Vec<&str> = arms.keys().copied().collect();
        return Err(bad(format!(
            "no row has `{}` in `{}`; there is {}",
            options.control,
            options.arm,
            known.join(", ")
        )));
    }
    if arms.len() < 2 {
        return Err(bad(format!(
            "every row has `{}` in `{}`: there is nothing to compare",
            options.control, options.arm
        )));
    }
    let ratio = expected(options, &arms).map_err(bad)?;
    let mut out = Vec::new();
    for ((group, arm), cell) in &cells {
        let control = cells.get(&(*group, options.control.as_str()));
        let Some(control) = control.filter(|_| *arm != options.control) else { continue };
        for (at, outcome) in options.outcomes.iter().enumerate() {
            out.extend(compare(options, (*group, arm, outcome, is_share[at]), (cell, control), at));
        }
    }
    Ok(Experiment {
        file: options.file.clone(),
        control: options.control.clone(),
        left_out,
        arms: arms.iter().map(|(arm, n)| ((*arm).to_owned(), *n)).collect(),
        sample_ratio: ratio,
        detect: options.detect,
        rows: out,
    })
}

fn expected(options: &ExperimentOptions, arms: &BTreeMap<&str, u64>) -> Result<Option<SampleRatio>, String> {
    let seen: Vec<u64> = arms.values().copied().collect();
    let mut shares = vec![1.0; arms.len()];
    if !options.shares.is_empty() {
        for (at, arm) in arms.keys().enumerate() {
            let found = options.shares.iter().find(|(name, _)| name == arm);
            shares[at] = found.map(|f| f.1).ok_or_else(|| format!("`--shares` does not say the share of `{arm}`"))?;
        }
    }
    Ok(sample_ratio(&seen, &shares))
}

fn compare(
    options: &ExperimentOptions,
    (group, arm, outcome, is_share): (Option<&str>, &str, &str, bool),
    (treated, control): (&Cell, &Cell),
    at: usize,
) -> Option<ExperimentRow> {
    let (a, b) = (&treated.moments[at], &control.moments[at]);
    let uplift = match is_share {
        true => difference_of_shares((treated.hits[at], a.rows()), (control.hits[at], b.rows()))?,
        false => difference_of_means(a, b, 0)?,
    };
    let covariates: Vec<usize> = (1..=options.covariates.len()).collect();
    let adjusted = adjusted_difference(a, b, 0, &covariates);
    let kept = 1.0 - adjusted.as_ref().map_or(0.0, |a| a.variance_reduction);
    let variance = kept * b.variance(0).max(f64::MIN_POSITIVE);
    Some(ExperimentRow {
        group: group.map(str::to_owned),
        arm: arm.to_owned(),
        outcome: outcome.to_owned(),
        is_share,
        members: [a.rows(), b.rows()],
        means: [a.mean(0), b.mean(0)],
        uplift,
        adjusted,
        detectable: detectable(variance, a.rows(), b.rows())?,
        control_needed: holdout_needed(variance, options.detect * b.mean(0).abs(), a.rows() + b.rows()),
    })
}

/// The usable rows, in their order, and the number of the others.
fn read(options: &ExperimentOptions) -> Result<(Vec<Row>, u64), RunError> {
    let bad = |why: String| RunError::NotAnExperiment { file: options.file.clone(), why };
    let places = Arc::new(Places::new(BTreeMap::new(), 1)?);
    let engine = Engine::new(Arc::clone(&places), 1, None, &std::env::temp_dir())?;
    let files = places.list(&options.file, Path::new("."))?;
    let files = files.into_iter().map(|f| engine.open_parquet(f)).collect::<Result<Vec<_>, _>>()?;
    let texts = std::iter::once(&options.arm).chain(&options.by);
    let columns: Vec<&String> = texts.chain(&options.outcomes).chain(&options.covariates).collect();
    let first = 1 + usize::from(options.by.is_some());
    let reads = files
        .iter()
        .map(|file| {
            let find = |name: &&String| {
                file.schema.index_of(name).map_err(|_| {
                    let known = file.schema.fields().iter().map(|f| f.name().as_str());
                    let near = crate::base::findings::nearest(name, known.clone());
                    let help = near.map_or_else(|| known.collect::<Vec<_>>().join(", "), |n| format!("`{n}`"));
                    bad(format!("it has no column `{name}`; there is {help}"))
                })
            };
            columns.iter().map(find).collect::<Result<Vec<_>, _>>()
        })
        .collect::<Result<Vec<_>, _>>()?;
    let parts = engine.scan(
        &files,
        &reads,
        |_| (Vec::new(), 0u64),
        |(rows, left_out), ScanRows { batch, .. }| {
            let as_type = |at: usize, kind: &DataType| -> Result<ArrayRef, RunError> {
                let array = cast(batch.column(at), kind);
                array.map_err(|e| bad(format!("column `{}` does not hold what it should: {e}", columns[at])))
            };
            let names = (0..first).map(|at| as_type(at, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
            let numbers = (first..columns.len()).map(|at| as_type(at, &DataType::Float64));
            let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                let text = |at: usize| {
                    let column: &ArrayRef = &names[at];
                    column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_owned())
                };
                let value = |column: &ArrayRef| {
                    let column = column.as_primitive::<Float64Type>();
                    Some(column.value(row)).filter(|v| column.is_valid(row) && v.is_finite())
                };
                let values: Option<Vec<f64>> = numbers.iter().map(value).collect();
                match (text(0), values) {
                    (Some(arm), Some(values)) => {
                        rows.push(Row { arm, group: options.by.as_ref().and_then(|_| text(1)), values });
                    }
                    _ => *left_out += 1,
                }
            }
            Ok::<_, RunError>(())
        },
    )?;
    let (mut rows, mut left_out) = (Vec::new(), 0);
    for (more, lost) in parts {
        rows.extend(more);
        left_out += lost;
    }
    Ok((rows, left_out))
}
