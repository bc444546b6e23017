//! One global cut in time: what lies before is known, what lies after is the truth.

use crate::base::Day;

/// A split by time: history up to and including `cut`, truth after it up to and including `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSplit {
    /// Last day of the history.
    pub cut: Day,
    /// Last day of the truth.
    pub until: Day,
}

impl TimeSplit {
    /// The split whose truth is the last `horizon_days` days up to `last`.
    #[must_use]
    pub fn tail(last: Day, horizon_days: u32) -> Self {
        Self { cut: last.plus(-i32::try_from(horizon_days).unwrap_or(i32::MAX)), until: last }
    }

    /// Whether `day` belongs to the history.
    #[must_use]
    pub fn is_history(self, day: Day) -> bool {
        day <= self.cut
    }

    /// Whether `day` belongs to the truth.
    #[must_use]
    pub fn is_truth(self, day: Day) -> bool {
        self.cut < day && day <= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_on_one_side() {
        let split = TimeSplit::tail(Day(100), 30);
        assert_eq!(split.cut, Day(70));
        for day in 0..=100 {
            assert_ne!(split.is_history(Day(day)), split.is_truth(Day(day)), "{day}");
        }
        assert!(!split.is_truth(Day(101)));
    }
}
