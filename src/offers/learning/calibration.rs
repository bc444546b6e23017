//! Whether probabilities are what they say, and what corrects them.

use serde::{Deserialize, Serialize};

use super::Prediction;

/// How strongly the correction is held to none, in contacts.
const HELD: f64 = 10.0;
/// Newton's steps.
const STEPS: usize = 50;

/// `logit(p') = shift + slope · logit(p)` (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Added to the logarithm of the odds.
    pub shift: f64,
    /// What it is multiplied by before.
    pub slope: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { shift: 0.0, slope: 1.0 }
    }
}

/// Logarithm of the odds, held within ±16.
pub(super) fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-7, 1.0 - 1e-7);
    (p / (1.0 - p)).ln()
}

pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Calibration {
    /// The likeliest correction of predictions, held towards none.
    #[must_use]
    pub fn fit(predictions: &[Prediction]) -> Self {
        let (mut shift, mut slope) = (0.0, 1.0);
        for _ in 0..STEPS {
            // Gradient and Hessian of the penalised likelihood.
            let (mut g0, mut g1) = (HELD * shift, HELD * (slope - 1.0));
            let (mut h00, mut h01, mut h11) = (HELD, 0.0, HELD);
            for prediction in predictions {
                let x = logit(prediction.probability);
                let p = logistic(shift + slope * x);
                let error = p - f64::from(u8::from(prediction.accepted));
                let weight = p * (1.0 - p);
                g0 += error;
                g1 += error * x;
                h00 += weight;
                h01 += weight * x;
                h11 += weight * x * x;
            }
            let determinant = h00 * h11 - h01 * h01;
            if determinant <= f64::MIN_POSITIVE {
                break;
            }
            let (step0, step1) = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
            // A step that is far too long comes from odds far out; half of it still goes the right way.
            let short = (1.0 / step0.abs().max(step1.abs())).min(1.0);
            shift -= step0 * short;
            slope -= step1 * short;
            if step0.abs().max(step1.abs()) < 1e-10 {
                break;
            }
        }
        // A correction that turns the order around says that there is nothing to be learned.
        if slope.is_finite() && shift.is_finite() && slope > 0.0 { Self { shift, slope } } else { Self::default() }
    }

    /// Corrects a probability.
    #[must_use]
    pub fn apply(&self, p: f64) -> f64 {
        logistic(self.shift + self.slope * logit(p))
    }
}

/// Mean log-loss in nats; 0 for no prediction.
#[must_use]
pub fn log_loss(predictions: &[Prediction]) -> f64 {
    predictions.iter().map(Prediction::loss).sum::<f64>() / predictions.len().max(1) as f64
}

/// Predictions that are next to each other, and what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Predictions.
    pub contacts: u64,
    /// Their mean.
    pub predicted: f64,
    /// Share that was accepted.
    pub accepted: f64,
}

/// Predictions by size in `bins` bins of equal numbers; those with one probability stay together.
#[must_use]
pub fn reliability(predictions: &[Prediction], bins: usize) -> Vec<Bin> {
    let mut sorted: Vec<&Prediction> = predictions.iter().collect();
    sorted.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    let mut out: Vec<Bin> = Vec::new();
    let mut start = 0;
    while start < sorted.len() {
        let mut end = (sorted.len() * (out.len() + 1)).div_ceil(bins.max(1)).clamp(start + 1, sorted.len());
        while end < sorted.len() && sorted[end].probability == sorted[end - 1].probability {
            end += 1;
        }
        let part = &sorted[start..end];
        let n = part.len() as f64;
        out.push(Bin {
            contacts: part.len() as u64,
            predicted: part.iter().map(|p| p.probability).sum::<f64>() / n,
            accepted: part.iter().filter(|p| p.accepted).count() as f64 / n,
        });
        start = end;
    }
    out
}
