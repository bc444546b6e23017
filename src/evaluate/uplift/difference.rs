//! Differences of shares and of means between two arms.

use serde::{Deserialize, Serialize};

use super::{
    super::{
        Moments,
        special::{normal_quantile, t_quantile},
    },
    ALPHA,
};

/// A difference with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// First arm less second.
    pub difference: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Difference {
    /// Whether the interval holds a value.
    #[must_use]
    pub fn covers(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// A difference with an interval of equal halves.
    pub(super) fn around(difference: f64, half: f64) -> Self {
        Self { difference, low: difference - half, high: difference + half }
    }
}

/// Wilson's score interval of a share, 95% (Wilson 1927): `hits` of `n`. From 0 to 1 where `n` is 0.
#[must_use]
pub fn wilson(hits: u64, n: u64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let z = normal_quantile(1.0 - ALPHA / 2.0);
    let (n, p) = (n as f64, hits as f64 / n as f64);
    let square = z * z / n;
    let centre = p + square / 2.0;
    let half = z * (p * (1.0 - p) / n + square / (4.0 * n)).sqrt();
    let below = 1.0 + square;
    (((centre - half) / below).max(0.0), ((centre + half) / below).min(1.0))
}

/// The difference of two shares with Newcombe's hybrid score interval (Newcombe 1998, method 10): each end is as far from
/// the difference as the Wilson limits of the two shares add up to. `None` where an arm is empty.
#[must_use]
pub fn difference_of_shares(first: (u64, u64), second: (u64, u64)) -> Option<Difference> {
    if first.1 == 0 || second.1 == 0 {
        return None;
    }
    let share = |(hits, n): (u64, u64)| hits as f64 / n as f64;
    let (p1, p2) = (share(first), share(second));
    let ((l1, u1), (l2, u2)) = (wilson(first.0, first.1), wilson(second.0, second.1));
    let difference = p1 - p2;
    Some(Difference {
        difference,
        low: difference - (p1 - l1).hypot(u2 - p2),
        high: difference + (u1 - p1).hypot(p2 - l2),
    })
}

/// The difference of two means of a column with Welch's interval: variances of their own, degrees of freedom after
/// Satterthwaite (Welch 1947). `None` where an arm has fewer than two rows.
#[must_use]
pub fn difference_of_means(first: &Moments, second: &Moments, column: usize) -> Option<Difference> {
    let difference = first.mean(column) - second.mean(column);
    welch(difference, (first.variance(column), first.rows()), (second.variance(column), second.rows()))
}

/// Welch's interval around a difference, from the variance and size of each arm.
pub(super) fn welch(difference: f64, first: (f64, u64), second: (f64, u64)) -> Option<Difference> {
    if first.1 < 2 || second.1 < 2 {
        return None;
    }
    let part = |(variance, n): (f64, u64)| variance / n as f64;
    let (a, b) = (part(first), part(second));
    if a + b <= 0.0 {
        return Some(Difference::around(difference, 0.0));
    }
    let freedom = (a + b).powi(2) / (a * a / (first.1 - 1) as f64 + b * b / (second.1 - 1) as f64);
    Some(Difference::around(difference, t_quantile(1.0 - ALPHA / 2.0, freedom) * (a + b).sqrt()))
}
