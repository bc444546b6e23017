//! Floor 5: what a fair figure is: a split by time, ranking metrics, intervals over members, calibration.

pub mod beyond;
pub mod bootstrap;
pub mod calibration;
pub mod ranking;
mod resample;
mod split;

pub use bootstrap::{Interval, bootstrap_mean};
pub use resample::Resamples;
pub use split::TimeSplit;
