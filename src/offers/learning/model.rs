//! A plain logistic regression (linfa's, L-BFGS) on what was known when a contact was sent.

use linfa::{Dataset, traits::Fit};
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::{
    SoFar,
    calibration::{logistic, logit},
    rates::Row,
};

/// What it looks at, in the order of [`LogisticModel::coefficients`].
pub const INPUTS: [&str; 6] =
    ["rate", "days_since_purchase", "purchase_days", "own_acceptance", "contacts", "days_since_contact"];
/// Weight of the rate of all in a member's own rate, in contacts.
const OWN_WEIGHT: f64 = 3.0;
/// Gradients a contact at which the search may end, tried one after the other.
const TOLERANCES: [f64; 4] = [1e-7, 1e-6, 1e-5, 1e-4];
/// Ridge on the coefficients of scaled inputs.
const RIDGE: f64 = 1.0;

/// The model: `logit(p) = intercept + Σ coefficient · (input − mean) / spread`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogisticModel {
    /// Names of the inputs.
    pub inputs: Vec<String>,
    /// Logarithm of the odds where every input is at its mean.
    pub intercept: f64,
    /// By input, for an input of one spread.
    pub coefficients: Vec<f64>,
    /// By input: mean of what it was fitted on.
    pub mean: Vec<f64>,
    /// By input: standard deviation of what it was fitted on.
    pub spread: Vec<f64>,
}

/// The inputs: the logarithm of the odds of the rate; of days and counts the logarithm of one more; and how much the
/// logarithm of the odds of the member's own rate lies above that of all.
fn inputs(rate: f64, base: f64, so_far: &SoFar) -> [f64; INPUTS.len()] {
    let log = |count: u16| f64::from(count).ln_1p();
    let own = (f64::from(so_far.accepted) + OWN_WEIGHT * base) / (f64::from(so_far.known) + OWN_WEIGHT);
    [
        logit(rate),
        log(so_far.activity.recency),
        log(so_far.activity.days),
        logit(own) - logit(base),
        log(so_far.contacts),
        log(so_far.since_contact),
    ]
}

impl LogisticModel {
    /// Fits it on the newest `most` of the rows whose outcome is known; `None` where they have but one outcome, or where
    /// the search for the likeliest coefficients fails.
    pub(super) fn fit(rows: &[Row], most: usize) -> Option<Self> {
        let known: Vec<&Row> = rows.iter().filter(|r| r.known.is_some()).collect();
        let known = &known[known.len().saturating_sub(most)..];
        let n = known.len();
        let mut x = Array2::<f64>::zeros((n, INPUTS.len()));
        for (row, mut to) in known.iter().zip(x.rows_mut()) {
            to.assign(&Array1::from_iter(inputs(row.rate, row.base, &row.so_far)));
        }
        let mut mean = vec![0.0; INPUTS.len()];
        let mut spread = vec![1.0; INPUTS.len()];
        for (input, mut column) in x.columns_mut().into_iter().enumerate() {
            let centre = column.sum() / n.max(1) as f64;
            column -= centre;
            let deviation = (column.iter().map(|v| v * v).sum::<f64>() / n.max(1) as f64).sqrt();
            mean[input] = centre;
            if deviation > 1e-9 {
                column /= deviation;
                spread[input] = deviation;
            }
        }
        let targets = Array1::from_iter(known.iter().map(|r| r.accepted));
        let data = Dataset::new(x, targets);
        // The gradient is a sum over the contacts; a line search that cannot come as close as asked for gives up, and is
        // asked for less.
        let fitted = TOLERANCES.iter().find_map(|tolerance| {
            LogisticRegression::default()
                .alpha(RIDGE)
                .max_iterations(200)
                .gradient_tolerance(tolerance * n as f64)
                .fit(&data)
                .ok()
        })?;
        // linfa calls the more frequent outcome positive, whichever it is.
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        let coefficients: Vec<f64> = fitted.params().iter().map(|c| sign * c).collect();
        let intercept = sign * fitted.intercept();
        let finite = intercept.is_finite() && coefficients.iter().all(|c| c.is_finite());
        finite.then(|| Self {
            inputs: INPUTS.iter().map(|i| (*i).to_owned()).collect(),
            intercept,
            coefficients,
            mean,
            spread,
        })
    }

    /// The probability before calibration.
    pub(super) fn probability(&self, rate: f64, base: f64, so_far: &SoFar) -> f64 {
        let inputs = inputs(rate, base, so_far);
        let terms = inputs.iter().zip(&self.coefficients).zip(self.mean.iter().zip(&self.spread));
        logistic(self.intercept + terms.map(|((x, c), (mean, spread))| c * (x - mean) / spread).sum::<f64>())
    }
}
