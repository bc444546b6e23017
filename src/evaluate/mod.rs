//! Floor 5: what a fair figure is: a split by time, ranking metrics, intervals over members.

pub mod bootstrap;
pub mod ranking;
mod split;

pub use bootstrap::{Interval, bootstrap_mean};
pub use split::TimeSplit;
