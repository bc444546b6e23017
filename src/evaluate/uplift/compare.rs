//! One outcome of two arms, from its sums.

use serde::{Deserialize, Serialize};

use super::{
    super::Moments,
    adjusted::{Adjusted, adjusted_difference},
    difference::{Difference, difference_of_means, difference_of_shares},
    power::{detectable, holdout_needed},
};

/// The sums of an outcome in an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeSum {
    /// The outcome in column 0, then the covariates.
    pub moments: Moments,
    /// Rows whose outcome is not 0.
    pub hits: u64,
}

impl OutcomeSum {
    /// Nothing yet, with so many covariates.
    #[must_use]
    pub fn new(covariates: usize) -> Self {
        Self { moments: Moments::new(1 + covariates), hits: 0 }
    }

    /// Adds a row: the outcome, then the covariates.
    pub fn add(&mut self, row: &[f64]) {
        self.moments.add(row);
        self.hits += u64::from(row.first().is_some_and(|outcome| *outcome != 0.0));
    }

    /// Adds the rows of another one.
    pub fn merge(&mut self, other: &Self) {
        self.moments.merge(&other.moments);
        self.hits += other.hits;
    }
}

/// What comes of two arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Treated less control: shares with Newcombe's interval, other means with Welch's.
    pub uplift: Difference,
    /// The difference less what covariates explain; none where they explain nothing.
    pub adjusted: Option<Adjusted>,
    /// The smallest difference that arms of these sizes show with 80% power.
    pub detectable: f64,
    /// Rows to leave in the control, of all rows of both arms, to show an uplift of `detect` times the control's mean with 80%
    /// power; none where not even half of them would do.
    pub control_needed: Option<u64>,
}

/// Compares two arms; `None` where one has fewer than two rows. `is_share`: the outcome is 0 or 1 in every row. The sizes that
/// are needed are those for the better of the two estimates: adjustment saves rows.
#[must_use]
pub fn compare(treated: &OutcomeSum, control: &OutcomeSum, is_share: bool, covariates: usize, detect: f64) -> Option<Comparison> {
    let (a, b) = (&treated.moments, &control.moments);
    if a.rows().min(b.rows()) < 2 {
        return None;
    }
    let uplift = match is_share {
        true => difference_of_shares((treated.hits, a.rows()), (control.hits, b.rows()))?,
        false => difference_of_means(a, b, 0)?,
    };
    let columns: Vec<usize> = (1..=covariates).collect();
    let adjusted = adjusted_difference(a, b, 0, &columns).filter(|a| a.variance_reduction > 0.0);
    let kept = 1.0 - adjusted.as_ref().map_or(0.0, |a| a.variance_reduction);
    let variance = kept * b.variance(0).max(f64::MIN_POSITIVE);
    Some(Comparison {
        uplift,
        adjusted,
        detectable: detectable(variance, a.rows(), b.rows())?,
        control_needed: holdout_needed(variance, detect * b.mean(0).abs(), a.rows() + b.rows()),
    })
}
