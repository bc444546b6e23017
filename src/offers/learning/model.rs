//! A plain logistic regression on what was known when a contact was sent, on top of the rate of the offer.
//!
//! `logit(p) = logit(rate) + intercept + Σ coefficient · (input − mean) / spread`: the rate speaks for the offer, the rest for
//! the member. While it is fitted, each offer also has an effect of its own, drawn from a normal distribution of variance
//! `τ²` (a random intercept; Gelman, Hill 2007, ch. 12): the contacts of a campaign share its luck (its season, its coupon),
//! which is not to be taken for something about members or about offers as a whole. The next offer's luck is not known: it
//! is 0. `τ²` comes from how much rates of offers differ, `1 / ((κ + 1) p (1 − p))` with the weight `κ` of
//! [`super::Rates::weights`] and the rate `p` of all.

use serde::{Deserialize, Serialize};

use super::{
    SoFar,
    calibration::{logistic, logit},
    rates::Row,
};

/// What it looks at, in the order of [`LogisticModel::coefficients`].
pub const INPUTS: [&str; 5] =
    ["days_since_purchase", "purchase_days", "own_acceptance", "contacts", "days_since_contact"];
/// Coefficients, with the intercept.
const N: usize = INPUTS.len() + 1;
/// Weight of the rate of all in a member's own rate, in contacts.
const OWN_WEIGHT: f64 = 3.0;
/// Ridge on the coefficients of scaled inputs.
const RIDGE: f64 = 1.0;
/// Ridge on the intercept: the rates are right as a whole unless much speaks against it.
const RIDGE_INTERCEPT: f64 = 10.0;
/// Newton's steps.
const STEPS: usize = 50;

/// The model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogisticModel {
    /// Names of the inputs.
    pub inputs: Vec<String>,
    /// Added to the logarithm of the odds of the rate where every input is at its mean.
    pub intercept: f64,
    /// By input, for an input of one spread.
    pub coefficients: Vec<f64>,
    /// By input: mean of what it was fitted on.
    pub mean: Vec<f64>,
    /// By input: standard deviation of what it was fitted on.
    pub spread: Vec<f64>,
}

/// The inputs: of days and counts the logarithm of one more; and how much the logarithm of the odds of the member's own rate
/// lies above that of all.
fn inputs(base: f64, so_far: &SoFar) -> [f64; INPUTS.len()] {
    let log = |count: u16| f64::from(count).ln_1p();
    let own = (f64::from(so_far.accepted) + OWN_WEIGHT * base) / (f64::from(so_far.known) + OWN_WEIGHT);
    [
        log(so_far.activity.recency),
        log(so_far.activity.days),
        logit(own) - logit(base),
        log(so_far.contacts),
        log(so_far.since_contact),
    ]
}

impl LogisticModel {
    /// Fits it on the newest `most` of the rows whose outcome is known; `None` where they have but one outcome. `alike` is the
    /// weight `κ` of offers in their rates.
    pub(super) fn fit(rows: &[Row], most: usize, alike: f64) -> Option<Self> {
        let known: Vec<&Row> = rows.iter().filter(|r| r.known.is_some()).collect();
        let known = &known[known.len().saturating_sub(most)..];
        let accepted = known.iter().filter(|r| r.accepted).count();
        if accepted == 0 || accepted == known.len() {
            return None;
        }
        let n = known.len() as f64;
        let mut x: Vec<[f64; INPUTS.len()]> = known.iter().map(|r| inputs(r.base, &r.so_far)).collect();
        let (mut mean, mut spread) = (vec![0.0; INPUTS.len()], vec![1.0; INPUTS.len()]);
        for input in 0..INPUTS.len() {
            let centre = x.iter().map(|x| x[input]).sum::<f64>() / n;
            let deviation = (x.iter().map(|x| (x[input] - centre).powi(2)).sum::<f64>() / n).sqrt();
            mean[input] = centre;
            if deviation > 1e-9 {
                spread[input] = deviation;
            }
            x.iter_mut().for_each(|x| x[input] = (x[input] - mean[input]) / spread[input]);
        }
        let p = accepted as f64 / n;
        let coefficients = newton(known, &x, (alike + 1.0) * p * (1.0 - p))?;
        Some(Self {
            inputs: INPUTS.iter().map(|i| (*i).to_owned()).collect(),
            intercept: coefficients[0],
            coefficients: coefficients[1..].to_vec(),
            mean,
            spread,
        })
    }

    /// The probability before calibration.
    pub(super) fn probability(&self, rate: f64, base: f64, so_far: &SoFar) -> f64 {
        let inputs = inputs(base, so_far);
        let terms = inputs.iter().zip(&self.coefficients).zip(self.mean.iter().zip(&self.spread));
        let sum = terms.map(|((x, c), (mean, spread))| c * (x - mean) / spread).sum::<f64>();
        logistic(logit(rate) + self.intercept + sum)
    }
}

/// The likeliest coefficients under the ridge, by Newton's method; `None` where a step leads nowhere. `precision` is `1 / τ²` of
/// the offers' own effects, which are taken out of each step by their Schur complement.
fn newton(rows: &[&Row], x: &[[f64; INPUTS.len()]], precision: f64) -> Option<[f64; N]> {
    let mut offers: Vec<Option<u16>> = rows.iter().map(|r| r.offer).collect();
    offers.sort_unstable();
    offers.dedup();
    let at: Vec<usize> = rows.iter().map(|r| offers.binary_search(&r.offer).unwrap_or_default()).collect();
    let mut b = [0.0; N];
    let mut own = vec![0.0; offers.len()];
    for _ in 0..STEPS {
        let mut gradient = [0.0; N];
        let mut hessian = [[0.0; N]; N];
        for i in 0..N {
            let ridge = if i == 0 { RIDGE_INTERCEPT } else { RIDGE };
            gradient[i] = ridge * b[i];
            hessian[i][i] = ridge;
        }
        // By offer: gradient, curvature, and curvature with each coefficient.
        let mut effects: Vec<(f64, f64, [f64; N])> = own.iter().map(|u| (precision * u, precision, [0.0; N])).collect();
        for ((row, x), offer) in rows.iter().zip(x).zip(&at) {
            let mut full = [1.0; N];
            full[1..].copy_from_slice(x);
            let p = logistic(logit(row.rate) + own[*offer] + b.iter().zip(&full).map(|(b, x)| b * x).sum::<f64>());
            let error = p - f64::from(u8::from(row.accepted));
            let curve = p * (1.0 - p);
            let effect = &mut effects[*offer];
            effect.0 += error;
            effect.1 += curve;
            for i in 0..N {
                gradient[i] += error * full[i];
                effect.2[i] += curve * full[i];
                for j in 0..=i {
                    hessian[i][j] += curve * full[i] * full[j];
                }
            }
        }
        for (g, d, with) in &effects {
            for i in 0..N {
                gradient[i] -= with[i] * g / d;
                for j in 0..=i {
                    hessian[i][j] -= with[i] * with[j] / d;
                }
            }
        }
        let step = solve(hessian, gradient)?;
        let steps: Vec<f64> = effects
            .iter()
            .map(|(g, d, with)| (g - with.iter().zip(&step).map(|(w, s)| w * s).sum::<f64>()) / d)
            .collect();
        let longest = step.iter().chain(&steps).fold(0.0, |most: f64, s| most.max(s.abs()));
        // A step that is far too long comes from odds far out; a part of it still goes the right way.
        let short = (2.0 / longest).min(1.0);
        b.iter_mut().zip(step).for_each(|(b, s)| *b -= short * s);
        own.iter_mut().zip(steps).for_each(|(u, s)| *u -= short * s);
        if longest < 1e-9 {
            break;
        }
    }
    b.iter().all(|c| c.is_finite()).then_some(b)
}

/// Solves a positive definite system, of which the lower half is given, by Cholesky's decomposition.
fn solve(mut a: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for i in 0..N {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            let rest = a[i][j] - known;
            a[i][j] = if i == j { rest.sqrt() } else { rest / a[j][j] };
        }
        if !(a[i][i].is_finite() && a[i][i] > 0.0) {
            return None;
        }
        let known: f64 = (0..i).map(|k| a[i][k] * right[k]).sum();
        right[i] = (right[i] - known) / a[i][i];
    }
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|k| a[k][i] * right[k]).sum();
        right[i] = (right[i] - known) / a[i][i];
    }
    Some(right)
}
