//! Lines that came late: of days that an earlier run has read already.

use serde::{Deserialize, Serialize};

use crate::base::Day;

/// Kept lines by day. Written as JSON into `model/line_days.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineDays {
    /// The first day.
    pub first: Day,
    /// Lines of each day from there on.
    pub lines: Vec<u64>,
}

/// A day of which lines came late, or are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateDay {
    /// The day.
    pub day: Day,
    /// Lines that the previous run did not have.
    pub came: u64,
    /// Lines that it had and that are not there any more.
    pub gone: u64,
}

/// What became of the days that the previous run has read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LateLines {
    /// The previous run's last day.
    pub up_to: Day,
    /// The days that changed, in order.
    pub days: Vec<LateDay>,
}

impl LineDays {
    /// Lines by day number (days since 1970, from 0).
    #[must_use]
    pub fn new(by_number: &[u64]) -> Self {
        let first = by_number.iter().position(|lines| *lines > 0).unwrap_or(by_number.len());
        Self { first: Day(i32::try_from(first).unwrap_or_default()), lines: by_number[first..].to_vec() }
    }

    /// The newest day with a line.
    #[must_use]
    pub fn newest(&self) -> Option<Day> {
        let last = self.lines.iter().rposition(|lines| *lines > 0)?;
        Some(self.first.plus(i32::try_from(last).ok()?))
    }

    fn of(&self, day: Day) -> u64 {
        usize::try_from(day.since(self.first)).ok().and_then(|at| self.lines.get(at)).copied().unwrap_or_default()
    }

    /// What is otherwise of the days from `from` (the beginning of the window) to `up_to` than it was `before`.
    #[must_use]
    pub fn since(&self, before: &Self, from: Option<Day>, up_to: Day) -> LateLines {
        let first = self.first.min(before.first).max(from.unwrap_or(Day(0)));
        let change = |day: Day| {
            let (now, then) = (self.of(day), before.of(day));
            (now != then).then_some(LateDay { day, came: now.saturating_sub(then), gone: then.saturating_sub(now) })
        };
        LateLines { up_to, days: (first.0..=up_to.0).filter_map(|day| change(Day(day))).collect() }
    }
}

impl LateLines {
    /// Lines that came late.
    #[must_use]
    pub fn came(&self) -> u64 {
        self.days.iter().map(|d| d.came).sum()
    }

    /// Lines that are gone.
    #[must_use]
    pub fn gone(&self) -> u64 {
        self.days.iter().map(|d| d.gone).sum()
    }
}
