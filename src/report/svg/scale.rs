//! Axes: from values to coordinates, and where the ticks stand.

use crate::report::{Text, number, percent};

/// An axis.
#[derive(Debug, Clone)]
pub struct Axis {
    pub(super) label: Text,
    pub(super) zero: bool,
    format: Format,
    bounds: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Number,
    Percent,
    Whole,
}

impl Axis {
    /// An axis of plain numbers, as long as the values need.
    #[must_use]
    pub fn new(label: Text) -> Self {
        Self { label, zero: false, format: Format::Number, bounds: None }
    }

    /// It begins at nought.
    #[must_use]
    pub fn from_zero(mut self) -> Self {
        self.zero = true;
        self
    }

    /// Its values are shares, shown as percentages.
    #[must_use]
    pub fn percent(mut self) -> Self {
        self.format = Format::Percent;
        self
    }

    /// Its values are whole numbers, and so are its ticks.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.format = Format::Whole;
        self
    }

    /// It runs from `low` to `high`, whatever the values.
    #[must_use]
    pub fn bounds(mut self, low: f64, high: f64) -> Self {
        self.bounds = Some((low, high));
        self
    }

    /// A value as it stands at a tick.
    pub(super) fn show(&self, value: f64) -> String {
        match self.format {
            Format::Percent => {
                let text = percent(value);
                text.replace(".0%", "%")
            }
            Format::Number | Format::Whole => number(value),
        }
    }

    /// Bounds around the values.
    pub(super) fn range(&self, values: impl Iterator<Item = f64>) -> (f64, f64) {
        if let Some((low, high)) = self.bounds
            && low < high
        {
            return (low, high);
        }
        let start = if self.zero { Some((0.0, 0.0)) } else { None };
        let found = values.filter(|v| v.is_finite()).fold(start, |range: Option<(f64, f64)>, v| {
            Some(range.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
        });
        match found {
            None => (0.0, 1.0),
            Some((low, high)) if low < high => (low, high),
            Some((at, _)) => (at - at.abs().max(1.0) / 2.0, at + at.abs().max(1.0) / 2.0),
        }
    }

    /// Ticks of the axis within `range`.
    pub(super) fn ticks(&self, range: (f64, f64), about: usize) -> Vec<f64> {
        let least = if self.format == Format::Whole { 1.0 } else { 0.0 };
        ticks(range.0, range.1, about, least)
    }
}

/// Round numbers from `low` to `high`: steps of 1, 2 or 5 times a power of ten, about `about` of them, no step under
/// `least`.
#[must_use]
pub fn ticks(low: f64, high: f64, about: usize, least: f64) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return vec![low];
    }
    let rough = span / about.max(1) as f64;
    let power = 10f64.powi(rough.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough * 0.999).unwrap_or(rough);
    let step = step.max(least);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    // Multiples of the step, not sums of steps: no rounding adds up.
    (first..=last.min(first.saturating_add(200))).map(|n| n as f64 * step).collect()
}

/// A value's place between `from` and `to`; values outside of the range stand at its end.
pub(super) fn place(value: f64, range: (f64, f64), from: f64, to: f64) -> f64 {
    let share = ((value - range.0) / (range.1 - range.0)).clamp(0.0, 1.0);
    from + share * (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 1.0, 5, 0.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks(4.0, 20.0, 8, 1.0), [4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0]);
        assert_eq!(ticks(2.0, 4.0, 8, 1.0), [2.0, 3.0, 4.0]);
        assert_eq!(ticks(-130.0, 270.0, 4, 0.0), [-100.0, 0.0, 100.0, 200.0]);
        assert_eq!(ticks(3.0, 3.0, 4, 0.0), [3.0]);
        assert_eq!(ticks(0.0, f64::INFINITY, 4, 0.0), [0.0]);
    }

    #[test]
    fn axes_hold_their_values() {
        let axis = Axis::new(Text::same("x"));
        assert_eq!(axis.range([3.0, f64::NAN, 1.0].into_iter()), (1.0, 3.0));
        assert_eq!(axis.range([].into_iter()), (0.0, 1.0));
        assert_eq!(axis.range([4.0, 4.0].into_iter()), (2.0, 6.0));
        assert_eq!(axis.clone().from_zero().range([2.0].into_iter()), (0.0, 2.0));
        assert_eq!(axis.clone().bounds(0.0, 1.0).range([7.0].into_iter()), (0.0, 1.0));
        assert_eq!(axis.percent().show(0.25), "25%");
        assert!((place(9.0, (0.0, 1.0), 10.0, 20.0) - 20.0).abs() < 1e-9);
    }
}
