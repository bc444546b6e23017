//! Percentile bootstrap over members (Efron, Tibshirani 1993, ch. 13), seeded.

use rand::Rng as _;

use crate::base::seed;

/// A mean with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The mean over the members.
    pub mean: f64,
    /// 2.5th percentile of the resampled means.
    pub low: f64,
    /// 97.5th percentile of the resampled means.
    pub high: f64,
}

/// The mean of `values` (one a member) and its 95% interval from `resamples` resamples with replacement. `None` where
/// there is no member. The draws depend on `job_seed` and `label` alone.
#[must_use]
pub fn bootstrap_mean(values: &[f64], resamples: usize, job_seed: u64, label: &str) -> Option<Interval> {
    if values.is_empty() {
        return None;
    }
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let mut rng = seed::rng(job_seed, label);
    let mut means: Vec<f64> =
        (0..resamples).map(|_| (0..n).map(|_| values[rng.gen_range(0..n)]).sum::<f64>() / n as f64).collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| means.get(((resamples.max(1) - 1) as f64 * share).round() as usize).copied().unwrap_or(mean);
    Some(Interval { mean, low: at(0.025), high: at(0.975) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_the_mean_and_repeats() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let a = bootstrap_mean(&values, 500, 7, "recall").unwrap();
        assert_eq!(Some(a), bootstrap_mean(&values, 500, 7, "recall"));
        assert_eq!(a.mean, 0.5);
        // A normal interval is ±1.96 × 0.025.
        assert!((a.high - 0.549).abs() < 0.01 && (a.low - 0.451).abs() < 0.01, "{a:?}");
        assert_ne!(Some(a), bootstrap_mean(&values, 500, 8, "recall"));
        assert_eq!(bootstrap_mean(&[], 500, 7, "recall"), None);
    }
}
