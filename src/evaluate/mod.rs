//! Floor 5: what a fair figure is: a split by time, ranking metrics, intervals over members, calibration,
//! and what a treatment changes.

pub mod beyond;
pub mod bootstrap;
pub mod calibration;
mod moments;
pub mod ranking;
mod resample;
pub mod special;
mod split;
pub mod uplift;

pub use bootstrap::{Interval, bootstrap_mean};
pub use moments::Moments;
pub use resample::Resamples;
pub use split::TimeSplit;
