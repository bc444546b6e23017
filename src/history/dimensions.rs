//! What a shard's small codes stand for, and what its times mean.

use crate::base::{Day, IdTable};

/// What the times of a history mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeline {
    /// Local calendar time.
    Calendar,
    /// The data has an order of baskets but no time: day `n` is the member's basket `n`.
    Ordinal,
}

/// Code tables shared by every shard, and the bounds of the data.
#[derive(Debug, Clone)]
pub struct Dimensions {
    /// Channels in byte order.
    pub channels: IdTable,
    /// Stores in byte order.
    pub stores: IdTable,
    /// Cities of the lines in byte order.
    pub cities: IdTable,
    /// What the times mean.
    pub timeline: Timeline,
    /// The run's as-of day: the last day that is read.
    pub as_of: Day,
    /// Day of the earliest kept line.
    pub first_day: Day,
}
