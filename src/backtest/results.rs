//! The figures of a backtest, over all folds, with intervals over members.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::Serialize;

use super::{
    measure::{Beyond, FIGURES, Measured, Scope, figure_name},
    settings::BacktestSettings,
};
use crate::{
    base::Day,
    evaluate::{Interval, Resamples, calibration::Calibration},
};

/// Version of `backtest.json`.
pub const FORMAT: u32 = 1;

/// One figure of one method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// Mean and 95% interval.
    #[serde(flatten)]
    pub value: Interval,
    /// Ours less this, over the same members, with its 95% interval; none for ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours_minus_this: Option<Interval>,
}

/// The figures of one method in one scope.
#[derive(Debug, Clone, Serialize)]
pub struct ScopeResult {
    /// Members with such a truth, counted once a fold.
    pub observations: u64,
    /// By name, such as `recall@10`.
    pub figures: BTreeMap<String, Figure>,
}

/// One method's result.
#[derive(Debug, Clone, Serialize)]
pub struct MethodResult {
    /// The method.
    pub name: String,
    /// What it was set to, in the last fold.
    pub settings: String,
    /// By scope.
    pub scopes: BTreeMap<&'static str, ScopeResult>,
    /// Beyond accuracy, over the lists of ten.
    pub beyond: Beyond,
}

impl MethodResult {
    /// A figure, by scope and name.
    #[must_use]
    pub fn figure(&self, scope: Scope, name: &str) -> Option<&Figure> {
        self.scopes.get(scope.name())?.figures.get(name)
    }
}

/// One cut.
#[derive(Debug, Clone, Serialize)]
pub struct FoldResult {
    /// What the truth is, in words.
    pub truth: String,
    /// Last day of the history, where there is a calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Day>,
    /// Last day of the truth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Members in the history.
    pub members: u64,
    /// Members that could be scored.
    pub candidates: u64,
    /// Members that were scored.
    pub scored: u64,
    /// Those among them whom the history does not know.
    pub new_members: u64,
    /// Items with a purchase in the history.
    pub items: u64,
    /// What our score was tuned to.
    pub tuned: serde_json::Value,
    /// Means of a few figures by method.
    pub methods: Vec<(String, BTreeMap<String, f64>)>,
}

/// Everything a backtest found.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    /// Version of this file.
    pub format: u32,
    /// The job.
    pub job: String,
    /// SHA-256 of the job, checked.
    pub job_sha256: String,
    /// How it was measured.
    pub settings: BacktestSettings,
    /// Seed of samples and resamples.
    pub seed: u64,
    /// Different members that were scored.
    pub members: u64,
    /// The cuts, latest first.
    pub folds: Vec<FoldResult>,
    /// Ours first, then the baselines.
    pub methods: Vec<MethodResult>,
    /// Whether our probabilities came true, over the places of our lists of ten; none if the score gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// One fold's observations.
#[derive(Debug)]
pub struct FoldObservations {
    /// Ids of the scored members, in the order of the cases.
    pub members: Vec<String>,
    /// Whether each scope applies to each case: shape `(4, cases)`.
    pub applies: Vec<bool>,
    /// A method each.
    pub measured: Vec<Measured>,
}

/// Figures of every method over all folds. The first method is ours.
#[must_use]
pub fn figures(
    folds: &[FoldObservations],
    names: &[(String, String)],
    resamples: usize,
    seed: u64,
) -> (u64, Vec<MethodResult>) {
    let mut ids: Vec<&str> = folds.iter().flat_map(|fold| fold.members.iter().map(String::as_str)).collect();
    ids.sort_unstable();
    ids.dedup();
    let drawn = Resamples::draw(ids.len(), resamples, seed, "backtest resamples");
    let unit = |id: &str| ids.binary_search(&id).unwrap_or(0);
    let units: Vec<Vec<usize>> = folds.iter().map(|f| f.members.iter().map(|id| unit(id)).collect()).collect();

    let mut methods: Vec<MethodResult> = names
        .iter()
        .enumerate()
        .map(|(at, (name, settings))| MethodResult {
            name: name.clone(),
            settings: settings.clone(),
            scopes: BTreeMap::new(),
            beyond: Beyond::mean(
                &folds.iter().map(|f| (f.members.len() as f64, f.measured[at].beyond)).collect::<Vec<_>>(),
            ),
        })
        .collect();
    for (s, scope) in Scope::ALL.into_iter().enumerate() {
        let mut weights = vec![0.0; ids.len()];
        for (fold, units) in folds.iter().zip(&units) {
            for (case, unit) in units.iter().enumerate() {
                weights[*unit] += if fold.applies[s * units.len() + case] { 1.0 } else { 0.0 };
            }
        }
        let observations: f64 = weights.iter().sum();
        let by_method: Vec<(Vec<f64>, Array2<f64>)> = (0..names.len())
            .into_par_iter()
            .map(|method| {
                let values = sums(folds, &units, ids.len(), method, s);
                let means = values.sum_axis(Axis(0)).iter().map(|sum| sum / observations.max(1.0)).collect();
                (means, drawn.means(values.view(), &weights))
            })
            .collect();
        let Some((our_means, ours)) = by_method.first() else { continue };
        for (method, (means, resampled)) in by_method.iter().enumerate() {
            let figure = |at: usize| {
                let value = Resamples::interval(means[at], resampled.column(at).iter().copied());
                let against = (method > 0).then(|| {
                    let pairs =
                        ours.column(at).iter().zip(resampled.column(at)).map(|(a, b)| a - b).collect::<Vec<_>>();
                    rounded(Resamples::interval(our_means[at] - means[at], pairs.into_iter()))
                });
                (figure_name(at), Figure { value: rounded(value), ours_minus_this: against })
            };
            let figures = (0..FIGURES).map(figure).collect();
            let result = ScopeResult { observations: observations as u64, figures };
            methods[method].scopes.insert(scope.name(), result);
        }
    }
    (ids.len() as u64, methods)
}

/// Sums of a method's figures by unit: shape `(units, FIGURES)`.
fn sums(folds: &[FoldObservations], units: &[Vec<usize>], n: usize, method: usize, scope: usize) -> Array2<f64> {
    let mut sums = Array2::zeros((n, FIGURES));
    for (fold, units) in folds.iter().zip(units) {
        let values = &fold.measured[method].values;
        for (case, unit) in units.iter().enumerate() {
            let at = (scope * units.len() + case) * FIGURES;
            for (sum, value) in sums.row_mut(*unit).iter_mut().zip(&values[at..at + FIGURES]) {
                *sum += value;
            }
        }
    }
    sums
}

/// Means of one fold over all its cases, for the figures of `names`.
#[must_use]
pub fn fold_means(fold: &FoldObservations, method: usize, names: &[&str]) -> BTreeMap<String, f64> {
    let n = fold.members.len();
    let Ok(values) = ArrayView2::from_shape((n, FIGURES), &fold.measured[method].values[..n * FIGURES]) else {
        return BTreeMap::new();
    };
    (0..FIGURES)
        .filter(|at| names.contains(&figure_name(*at).as_str()))
        .map(|at| (figure_name(at), round(values.column(at).sum() / n.max(1) as f64)))
        .collect()
}

/// Six digits: what lies behind them is not in the data, and files stay readable.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn rounded(interval: Interval) -> Interval {
    Interval { mean: round(interval.mean), low: round(interval.low), high: round(interval.high) }
}
