//! Bootstrap of many figures at once: the same resamples for all of them, so that differences are paired.

use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng as _;

use super::Interval;
use crate::base::seed;

/// Units past this are drawn in groups of neighbours: the spread of a mean is the same, the work is bounded.
const MOST_GROUPS: usize = 8_192;

/// Resamples with replacement of `units` units (members), drawn once (Efron, Tibshirani 1993, ch. 13).
#[derive(Debug, Clone)]
pub struct Resamples {
    units: usize,
    groups: usize,
    /// How often each group is drawn: shape `(resamples, groups)`.
    drawn: Array2<f64>,
}

impl Resamples {
    /// Draws them. They depend on the job's seed, the label and the number of units alone.
    #[must_use]
    pub fn draw(units: usize, resamples: usize, job_seed: u64, label: &str) -> Self {
        let groups = units.min(MOST_GROUPS);
        let mut drawn = Array2::zeros((resamples, groups));
        let mut rng = seed::rng(job_seed, label);
        for mut row in drawn.axis_iter_mut(Axis(0)) {
            for _ in 0..groups {
                row[rng.gen_range(0..groups)] += 1.0;
            }
        }
        Self { units, groups, drawn }
    }

    /// Resampled means of several figures: shape `(resamples, figures)`. `values` has shape `(units, figures)`, `weights`
    /// one number a unit, how often the unit was observed: a mean is the sum of values over the sum of weights. Where a
    /// resample holds no observation the mean is 0.
    #[must_use]
    pub fn means(&self, values: ArrayView2<'_, f64>, weights: &[f64]) -> Array2<f64> {
        let mut grouped = Array2::zeros((self.groups, values.ncols() + 1));
        for (unit, row) in values.axis_iter(Axis(0)).enumerate() {
            let mut group = grouped.row_mut(unit * self.groups / self.units.max(1));
            for (sum, value) in group.iter_mut().zip(row) {
                *sum += value;
            }
            group[values.ncols()] += weights[unit];
        }
        let mut means = self.drawn.dot(&grouped);
        for mut row in means.axis_iter_mut(Axis(0)) {
            let weight = row[values.ncols()];
            row.mapv_inplace(|sum| if weight > 0.0 { sum / weight } else { 0.0 });
        }
        means.remove_index(Axis(1), values.ncols());
        means
    }

    /// The 95% percentile interval of resampled values around `mean`.
    #[must_use]
    pub fn interval(mean: f64, resampled: impl Iterator<Item = f64>) -> Interval {
        let mut sorted: Vec<f64> = resampled.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let at = |share: f64| sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(mean);
        Interval { mean, low: at(0.025), high: at(0.975) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::salted_hash;

    #[test]
    fn intervals_cover_and_differences_are_paired() {
        let n = 400;
        let values =
            Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { (i % 2) as f64 } else { (i % 2) as f64 + 0.25 });
        let resamples = Resamples::draw(n, 1000, 7, "test");
        let means = resamples.means(values.view(), &vec![1.0; n]);
        let first = Resamples::interval(0.5, means.column(0).iter().copied());
        // A normal interval is ±1.96 × 0.025.
        assert!((first.high - 0.549).abs() < 0.01 && (first.low - 0.451).abs() < 0.01, "{first:?}");
        // What differs by a constant differs by it in every resample.
        let difference = Resamples::interval(0.25, means.rows().into_iter().map(|r| r[1] - r[0]));
        assert!((difference.low - 0.25).abs() < 1e-12 && (difference.high - 0.25).abs() < 1e-12, "{difference:?}");
    }

    #[test]
    fn groups_keep_the_spread() {
        let n = 4 * MOST_GROUPS;
        let values = Array2::from_shape_fn((n, 1), |(i, _)| (salted_hash(&i.to_le_bytes(), 1) & 1) as f64);
        let weights = vec![1.0; n];
        let mean = values.sum() / n as f64;
        let means = Resamples::draw(n, 400, 7, "test").means(values.view(), &weights);
        let interval = Resamples::interval(mean, means.column(0).iter().copied());
        let expected = 1.96 * 0.5 / (n as f64).sqrt();
        assert!(((interval.high - interval.low) / 2.0 - expected).abs() < 0.2 * expected, "{interval:?} ± {expected}");
    }

    #[test]
    fn units_without_an_observation_do_not_count() {
        let values = Array2::from_shape_vec((4, 1), vec![1.0, 0.0, 0.0, 0.0]).unwrap();
        let means = Resamples::draw(4, 300, 1, "test").means(values.view(), &[1.0, 1.0, 0.0, 0.0]);
        let interval = Resamples::interval(0.5, means.column(0).iter().copied());
        assert!(interval.high == 1.0 && interval.low == 0.0, "{interval:?}");
    }
}
