//! Whether arms have the sizes that they were drawn with: if not, something other than chance decides who is seen, and
//! nothing that is measured can be trusted (Fabijan et al. 2019).

use serde::{Deserialize, Serialize};

use super::super::special::chi_square_above;

/// Probability below which a mismatch is no chance. The check is made every night, so that a usual 0.05 would cry wolf.
const CHANCE: f64 = 0.001;

/// Sizes of arms against what they should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRatio {
    /// Members seen, by arm.
    pub seen: Vec<u64>,
    /// Members expected, by arm.
    pub expected: Vec<f64>,
    /// Pearson's chi-square of the two.
    pub chi_square: f64,
    /// Probability of one at least as large if the arms were drawn as declared.
    pub p_value: f64,
}

impl SampleRatio {
    /// Whether the sizes are what chance gives.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.p_value >= CHANCE
    }
}

/// Compares sizes of arms with the shares that they were drawn with; shares need not add up to 1. `None` with fewer than
/// two arms, nobody in them, or a share that is not above 0.
#[must_use]
pub fn sample_ratio(seen: &[u64], shares: &[f64]) -> Option<SampleRatio> {
    let (all, whole) = (seen.iter().sum::<u64>() as f64, shares.iter().sum::<f64>());
    if seen.len() < 2 || seen.len() != shares.len() || all == 0.0 || !shares.iter().all(|s| *s > 0.0 && s.is_finite()) {
        return None;
    }
    let expected: Vec<f64> = shares.iter().map(|s| all * s / whole).collect();
    let chi_square = seen.iter().zip(&expected).map(|(o, e)| (*o as f64 - e).powi(2) / e).sum();
    let p_value = chi_square_above(chi_square, (seen.len() - 1) as f64);
    Some(SampleRatio { seen: seen.to_vec(), expected, chi_square, p_value })
}
