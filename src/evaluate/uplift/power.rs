//! How large arms must be, by the normal approximation (Cohen 1988, ch. 2): a difference `δ` of means of variance `σ²` is
//! seen with 80% power at 5% (two-sided) if `σ² (1/n₁ + 1/n₂) <= (δ / (z₀.₉₇₅ + z₀.₈))²`.

use super::{super::special::normal_quantile, ALPHA};

/// Probability with which what is there is to be seen.
const POWER: f64 = 0.8;

fn reach() -> f64 {
    normal_quantile(1.0 - ALPHA / 2.0) + normal_quantile(POWER)
}

/// The smallest difference that arms of these sizes show with 80% power. `None` where an arm is empty.
#[must_use]
pub fn detectable(variance: f64, first: u64, second: u64) -> Option<f64> {
    if first == 0 || second == 0 {
        return None;
    }
    Some(reach() * (variance * (1.0 / first as f64 + 1.0 / second as f64)).sqrt())
}

/// The smallest holdout among `members` that shows a difference of `effect` with 80% power, the rest being treated.
/// `None` where not even half of the members would do, or there is no effect to look for.
#[must_use]
pub fn holdout_needed(variance: f64, effect: f64, members: u64) -> Option<u64> {
    let n = members as f64;
    let reached = (effect.abs() / reach()).powi(2);
    if reached <= 0.0 || !reached.is_finite() || variance < 0.0 {
        return None;
    }
    // h (n − h) = n σ² / reached, the smaller root.
    let inside = n * n - 4.0 * n * variance / reached;
    if inside < 0.0 {
        return None;
    }
    let needed = (2.0 * n * variance / reached / (n + inside.sqrt())).ceil().max(2.0);
    (needed <= n / 2.0).then_some(needed as u64)
}
