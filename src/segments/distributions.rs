//! How the values of each feature are spread, to tell one run's members from another's.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::features::FeatureTable;

/// Bins of the known values: tenths of the members.
const BINS: usize = 10;

/// Shares below this count as this, so that an empty bin does not make the index infinite.
const LEAST_SHARE: f64 = 1e-4;

/// How the values of each feature are spread over the members. Written as JSON into `model/distributions.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Distributions {
    /// The features, in the order of the feature dictionary.
    pub features: Vec<Distribution>,
}

/// How the values of one feature are spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Name of the feature.
    pub name: String,
    /// Upper ends of all bins but the last, rising: deciles (nearest rank) without repetitions. A value on an end is
    /// below it.
    pub ends: Vec<f64>,
    /// Share of all members in each bin, one more than `ends`, and last the share without a value.
    pub shares: Vec<f64>,
}

impl Distributions {
    /// The spread of every feature's raw values over all members.
    #[must_use]
    pub fn new(features: &FeatureTable) -> Self {
        let entries = features.dictionary().entries();
        let one = |(feature, entry): (usize, &crate::features::FeatureEntry)| {
            let values: Vec<f64> = features.values(feature).collect();
            let mut known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
            known.sort_unstable_by(f64::total_cmp);
            let mut ends: Vec<f64> = (1..BINS)
                .filter_map(|i| known.get((i * known.len()).div_ceil(BINS).saturating_sub(1)).copied())
                .collect();
            ends.dedup();
            // Nothing lies above the largest value.
            ends.retain(|end| known.last().is_some_and(|last| end < last));
            let shares = shares(&ends, &values);
            Distribution { name: entry.name.clone(), ends, shares }
        };
        let features = entries.par_iter().enumerate().map(|(i, e)| one((i, e))).collect();
        Self { features }
    }

    /// The population stability index of each feature these have in common with `features`: `Σ (q − p) · ln(q / p)` over
    /// the bins of this (earlier) distribution, with `p` its shares and `q` those of `features`. Below 0.1 hardly
    /// anything has changed, from 0.25 on much has.
    #[must_use]
    pub fn stability(&self, features: &FeatureTable) -> Vec<(String, f64)> {
        self.features
            .par_iter()
            .filter_map(|before| {
                let feature = features.dictionary().find(&before.name)?;
                let values: Vec<f64> = features.values(feature).collect();
                let after = shares(&before.ends, &values);
                (before.shares.len() == after.len())
                    .then(|| (before.name.clone(), stability_index(&before.shares, &after)))
            })
            .collect()
    }
}

/// Population stability index of two lists of shares: `Σ (q − p) ln(q / p)`, where shares below 0.0001 count as that.
#[must_use]
pub fn stability_index(before: &[f64], after: &[f64]) -> f64 {
    let held = |share: &f64| share.max(LEAST_SHARE);
    before.iter().zip(after).map(|(p, q)| (held(q) - held(p)) * (held(q) / held(p)).ln()).sum()
}

fn shares(ends: &[f64], values: &[f64]) -> Vec<f64> {
    let mut counts = vec![0u64; ends.len() + 2];
    for value in values {
        let bin = if value.is_nan() { ends.len() + 1 } else { ends.partition_point(|end| end < value) };
        counts[bin] += 1;
    }
    counts.into_iter().map(|n| n as f64 / values.len().max(1) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_and_their_index() {
        assert_eq!(shares(&[1.0, 3.0], &[0.0, 1.0, 2.0, 9.0, f64::NAN]), [0.4, 0.2, 0.2, 0.2]);
        assert_eq!(stability_index(&[0.5, 0.5], &[0.5, 0.5]), 0.0);
        // (0.6 − 0.5) ln 1.2 + (0.4 − 0.5) ln 0.8
        assert!((stability_index(&[0.5, 0.5], &[0.6, 0.4]) - 0.040_546_510_810_816_4).abs() < 1e-12);
        assert!(stability_index(&[1.0, 0.0], &[0.0, 1.0]).is_finite());
    }
}
