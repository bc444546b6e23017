//! Less noise by what was known before: CUPED (Deng, Xu, Kohavi, Walker 2013), with several covariates.

use serde::{Deserialize, Serialize};

use super::{
    super::Moments,
    difference::{Difference, difference_of_means, welch},
};

/// A pivot this small against its diagonal says that a covariate is made up of those before it.
const DEPENDENT: f64 = 1e-9;

/// A difference of means after adjustment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adjusted {
    /// The difference.
    pub difference: Difference,
    /// Share of the variance of the unadjusted difference that is gone, 0 to 1; 0 where covariates tell nothing.
    pub variance_reduction: f64,
}

/// The difference of the means of `column` less `θ · (difference of the covariates' means)`. `θ` is the least-squares
/// slope within arms, pooled over both; covariates must be of the time before the assignment. Variances are those of the
/// residuals, less a degree of freedom a covariate. `None` where an arm has too few rows, or no covariate varies.
#[must_use]
pub fn adjusted_difference(first: &Moments, second: &Moments, column: usize, covariates: &[usize]) -> Option<Adjusted> {
    let least = covariates.len() as u64 + 2;
    if covariates.is_empty() || first.rows() < least || second.rows() < least {
        return None;
    }
    let pooled = |a: usize, b: usize| first.cross(a, b) + second.cross(a, b);
    let theta = slopes(covariates, column, pooled)?;
    let shift: f64 = theta.iter().zip(covariates).map(|(t, x)| t * (first.mean(*x) - second.mean(*x))).sum();
    let residual = |arm: &Moments| {
        let mut sum = arm.cross(column, column);
        for (t, x) in theta.iter().zip(covariates) {
            sum -= 2.0 * t * arm.cross(*x, column);
            sum += theta.iter().zip(covariates).map(|(u, z)| t * u * arm.cross(*x, *z)).sum::<f64>();
        }
        let used = theta.iter().filter(|t| **t != 0.0).count() as f64;
        (sum.max(0.0) / (arm.rows() as f64 - 1.0 - used), arm.rows())
    };
    let (a, b) = (residual(first), residual(second));
    let difference = welch(first.mean(column) - second.mean(column) - shift, a, b)?;
    let variance = |(v, n): (f64, u64)| v / n as f64;
    let before = variance((first.variance(column), first.rows())) + variance((second.variance(column), second.rows()));
    let after = variance(a) + variance(b);
    // Covariates that tell nothing cost their degrees of freedom; then the plain difference is the better one.
    if after >= before {
        let plain = difference_of_means(first, second, column)?;
        return Some(Adjusted { difference: plain, variance_reduction: 0.0 });
    }
    Some(Adjusted { difference, variance_reduction: 1.0 - after / before })
}

/// Least squares by Cholesky's decomposition of the covariates' cross products; a covariate that does not vary beyond
/// those before it has the slope 0. `None` where none varies.
fn slopes(covariates: &[usize], column: usize, cross: impl Fn(usize, usize) -> f64) -> Option<Vec<f64>> {
    let n = covariates.len();
    let mut lower = vec![0.0; n * n];
    let mut right = vec![0.0; n];
    let mut any = false;
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
            let rest = cross(covariates[i], covariates[j]) - known;
            lower[i * n + j] = if i == j {
                let whole = cross(covariates[i], covariates[i]);
                if whole > 0.0 && rest > DEPENDENT * whole { rest.sqrt() } else { 0.0 }
            } else if lower[j * n + j] > 0.0 {
                rest / lower[j * n + j]
            } else {
                0.0
            };
        }
        let known: f64 = (0..i).map(|k| lower[i * n + k] * right[k]).sum();
        let pivot = lower[i * n + i];
        right[i] = if pivot > 0.0 { (cross(covariates[i], column) - known) / pivot } else { 0.0 };
        any |= pivot > 0.0;
    }
    let mut theta = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| lower[k * n + i] * theta[k]).sum();
        let pivot = lower[i * n + i];
        theta[i] = if pivot > 0.0 { (right[i] - known) / pivot } else { 0.0 };
    }
    any.then_some(theta)
}
