//! Horizontal bars, with intervals and a base to compare with.

use maud::{Markup, html};

use super::{
    Frame, cut,
    scale::{Axis, place},
    width, width_of,
};
use crate::report::{
    Text,
    table::{Cell, Column, Table},
    text,
    text::at,
};

const WIDTH: f64 = 680.0;
const ROW: f64 = 25.0;
const TOP: f64 = 22.0;

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar {
    label: Text,
    value: f64,
    shown: String,
    interval: Option<(f64, f64)>,
    strong: bool,
}

impl Bar {
    /// A bar of length `value`, with the value as it is read.
    #[must_use]
    pub fn new(label: Text, value: f64, shown: impl Into<String>) -> Self {
        Self { label, value, shown: shown.into(), interval: None, strong: false }
    }

    /// With an interval.
    #[must_use]
    pub fn interval(mut self, low: f64, high: f64) -> Self {
        self.interval = Some((low, high)).filter(|(l, h)| l.is_finite() && h.is_finite());
        self
    }

    /// Set apart from the others: ours.
    #[must_use]
    pub fn strong(mut self) -> Self {
        self.strong = true;
        self
    }
}

/// A chart of horizontal bars.
#[derive(Debug, Clone)]
pub struct BarChart {
    id: String,
    caption: Text,
    summary: Text,
    axis: Axis,
    bars: Vec<Bar>,
    base: Option<(f64, Text)>,
}

impl BarChart {
    /// A chart with an id (once on the page), a caption and an axis; bars begin at nought.
    #[must_use]
    pub fn new(id: impl Into<String>, caption: Text, axis: Axis) -> Self {
        Self { id: id.into(), caption, summary: Text::default(), axis: axis.from_zero(), bars: Vec::new(), base: None }
    }

    /// What it shows, in a sentence.
    #[must_use]
    pub fn summary(mut self, words: Text) -> Self {
        self.summary = words;
        self
    }

    /// Adds a bar.
    #[must_use]
    pub fn bar(mut self, bar: Bar) -> Self {
        self.bars.push(bar);
        self
    }

    /// A line to compare with.
    #[must_use]
    pub fn base(mut self, value: f64, label: Text) -> Self {
        self.base = Some((value, label)).filter(|b| b.0.is_finite());
        self
    }

    /// The figure.
    #[must_use]
    pub fn render(&self) -> Markup {
        let ends = self.bars.iter().flat_map(|b| [Some(b.value), b.interval.map(|i| i.0), b.interval.map(|i| i.1)]);
        let range = self.axis.range(ends.flatten().chain(self.base.as_ref().map(|b| b.0)));
        let left = self.bars.iter().map(|b| width(&b.label)).fold(30.0, f64::max).min(220.0) + 10.0;
        let right = WIDTH - self.bars.iter().map(|b| width_of(&b.shown)).fold(20.0, f64::max) - 14.0;
        let x = |v: f64| place(v, range, left, right);
        let height = TOP + ROW * self.bars.len() as f64 + 34.0;
        let floor = height - 34.0;
        let drawing = html! {
            @for t in &self.axis.ticks(range, 6) {
                line.rule x1=(at(x(*t))) x2=(at(x(*t))) y1=(at(TOP)) y2=(at(floor)) {}
                text.soft.mid x=(at(x(*t))) y=(at(floor + 15.0)) { (self.axis.show(*t)) }
            }
            text.soft.end x=(at(right)) y=(at(height - 4.0)) { (self.axis.label.svg()) }
            @for (i, bar) in self.bars.iter().enumerate() {
                @let middle = TOP + ROW * (i as f64 + 0.5);
                @let value = if bar.value.is_finite() { bar.value } else { 0.0 };
                @let (from, to) = (x(value.min(0.0)), x(value.max(0.0)));
                text.end x=(at(left - 8.0)) y=(at(middle + 4.0)) { (cut(&bar.label, left - 10.0).svg()) }
                rect class={ "bar" @if !bar.strong { " f8" } } x=(at(from)) y=(at(middle - 7.0)) width=(at(to - from)) height="14" {}
                @if let Some((low, high)) = bar.interval {
                    line.whisker x1=(at(x(low))) x2=(at(x(high))) y1=(at(middle)) y2=(at(middle)) {}
                    line.whisker x1=(at(x(low))) x2=(at(x(low))) y1=(at(middle - 4.0)) y2=(at(middle + 4.0)) {}
                    line.whisker x1=(at(x(high))) x2=(at(x(high))) y1=(at(middle - 4.0)) y2=(at(middle + 4.0)) {}
                }
                text x=(at(right + 8.0)) y=(at(middle + 4.0)) { (bar.shown) }
            }
            line.axis x1=(at(x(0.0))) x2=(at(x(0.0))) y1=(at(TOP)) y2=(at(floor)) {}
            @if let Some((base, label)) = &self.base {
                line.mark x1=(at(x(*base))) x2=(at(x(*base))) y1=(at(TOP - 4.0)) y2=(at(floor)) {}
                text.soft.mid x=(at(x(*base))) y=(at(TOP - 8.0)) { (label.svg()) }
            }
        };
        let frame = Frame { id: &self.id, caption: &self.caption, summary: &self.summary, size: (WIDTH, height) };
        frame.render(&drawing, Some(&self.figures()))
    }

    fn figures(&self) -> Table {
        let columns = [Column::text(text("名称", "Name")), Column::number(self.axis.label.clone())];
        let mut table = Table::new(self.caption.clone(), columns);
        for bar in &self.bars {
            let range = bar.interval.map(|(l, h)| format!(" ({} – {})", self.axis.show(l), self.axis.show(h)));
            let value = format!("{}{}", bar.shown, range.unwrap_or_default());
            table.push([Cell::head(&bar.label), Cell::plain(value)]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_bars() {
        let chart = BarChart::new("b", text("条", "Bars"), Axis::new(text("召回", "recall")).percent())
            .bar(Bar::new(text("我们", "ours"), 0.2, "20.0%").interval(0.15, 0.25).strong())
            .bar(Bar::new(Text::same("a<b"), f64::NAN, "–"))
            .bar(Bar::new(Text::same("below"), -0.1, "−10.0%"))
            .base(0.15, text("基线", "base"));
        let markup = chart.render().0;
        assert_eq!(markup.matches("<rect").count(), 3);
        for part in ["a&lt;b", "class=\"mark\"", "(15% – 25%)", "基线"] {
            assert!(markup.contains(part), "{part} in {markup}");
        }
        assert!(!markup.contains("NaN") && !markup.contains("width=\"-"));
    }
}
