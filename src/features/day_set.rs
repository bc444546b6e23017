//! A set of days, for asking once a line whether a day is one of them.

use crate::base::Day;

/// A set of days between two bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaySet {
    first: Day,
    days: Vec<bool>,
}

impl DaySet {
    /// The days from `first` to `last` (inclusive) for which `is_member` holds.
    pub fn from_fn(first: Day, last: Day, is_member: impl Fn(Day) -> bool) -> Self {
        Self { first, days: (first.0..=last.0).map(|day| is_member(Day(day))).collect() }
    }

    /// Whether the day is in the set; days outside its bounds are not.
    #[must_use]
    pub fn contains(&self, day: Day) -> bool {
        usize::try_from(day.since(self.first)).is_ok_and(|i| self.days.get(i).copied().unwrap_or(false))
    }
}
