//! What a treatment changes: differences between randomised arms with 95% intervals, whether the arms have the sizes they
//! were drawn with, and how large they must be.
//!
//! Nothing here knows what an arm, an outcome or a member is: arms are counts and [`Moments`](super::Moments).

mod adjusted;
mod difference;
mod power;
mod ratio;
#[cfg(test)]
mod tests;

pub use adjusted::{Adjusted, adjusted_difference};
pub use difference::{Difference, difference_of_means, difference_of_shares, wilson};
pub use power::{detectable, holdout_needed};
pub use ratio::{SampleRatio, sample_ratio};

/// Both tails of a 95% interval together.
pub(super) const ALPHA: f64 = 0.05;
