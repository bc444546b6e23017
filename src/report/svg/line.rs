//! Lines over an axis, with bands.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{
    Frame, cut, fill,
    scale::{Axis, place},
    stroke, width, width_of,
};
use crate::report::{
    Text,
    table::{Cell, Column, Table},
    text::at,
};

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 320.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 46.0;
/// Series that are labelled where they end; more get a legend.
const LABELLED: usize = 8;

/// One line.
#[derive(Debug, Clone)]
pub struct Series {
    name: Text,
    points: Vec<(f64, f64)>,
    band: Vec<(f64, f64, f64)>,
}

impl Series {
    /// A line through points (x, y), drawn in the order given; points that are no numbers are left out.
    #[must_use]
    pub fn new(name: Text, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        Self { name, points, band: Vec::new() }
    }

    /// With a band around it, as (x, low, high).
    #[must_use]
    pub fn band(mut self, band: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let finite = |(x, low, high): &(f64, f64, f64)| x.is_finite() && low.is_finite() && high.is_finite();
        self.band = band.into_iter().filter(finite).collect();
        self
    }
}

/// A chart of lines.
#[derive(Debug, Clone)]
pub struct LineChart {
    id: String,
    caption: Text,
    summary: Text,
    x: Axis,
    y: Axis,
    series: Vec<Series>,
    mark: Option<(f64, Text)>,
    diagonal: bool,
}

impl LineChart {
    /// A chart with an id (once on the page) and a caption.
    #[must_use]
    pub fn new(id: impl Into<String>, caption: Text) -> Self {
        Self {
            id: id.into(),
            caption,
            summary: Text::default(),
            x: Axis::new(Text::same("x")),
            y: Axis::new(Text::same("y")),
            series: Vec::new(),
            mark: None,
            diagonal: false,
        }
    }

    /// What it shows, in a sentence.
    #[must_use]
    pub fn summary(mut self, words: Text) -> Self {
        self.summary = words;
        self
    }

    /// The axis to the right.
    #[must_use]
    pub fn x(mut self, axis: Axis) -> Self {
        self.x = axis;
        self
    }

    /// The axis upwards.
    #[must_use]
    pub fn y(mut self, axis: Axis) -> Self {
        self.y = axis;
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Marks a place on the x axis.
    #[must_use]
    pub fn mark(mut self, x: f64, label: Text) -> Self {
        self.mark = Some((x, label));
        self
    }

    /// Draws the line y = x: what a calibrated probability would lie on.
    #[must_use]
    pub fn diagonal(mut self) -> Self {
        self.diagonal = true;
        self
    }

    /// The figure.
    #[must_use]
    pub fn render(&self) -> Markup {
        let points = || self.series.iter().flat_map(|s| &s.points);
        let bands = || self.series.iter().flat_map(|s| &s.band);
        let xs = self.x.range(points().map(|p| p.0).chain(bands().map(|b| b.0)));
        let ys = self.y.range(points().map(|p| p.1).chain(bands().flat_map(|b| [b.1, b.2])));
        let (x_ticks, y_ticks) = (self.x.ticks(xs, 9), self.y.ticks(ys, 5));
        let left = y_ticks.iter().map(|t| width_of(&self.y.show(*t))).fold(20.0, f64::max) + 10.0;
        let labelled = self.series.len() > 1 && self.series.len() <= LABELLED;
        let gutter = self.series.iter().map(|s| width(&s.name)).fold(0.0, f64::max).min(150.0) + 12.0;
        let right = if labelled { gutter } else { 16.0 };
        let x = |v: f64| place(v, xs, left, WIDTH - right);
        let y = |v: f64| place(v, ys, HEIGHT - BOTTOM, TOP);
        let path = |points: &[(f64, f64)]| {
            let mut d = String::new();
            for (i, (px, py)) in points.iter().enumerate() {
                // Writing into a String cannot fail.
                let _ = write!(d, "{}{} {}", if i == 0 { "M" } else { "L" }, at(x(*px)), at(y(*py)));
            }
            d
        };
        let band = |band: &[(f64, f64, f64)]| {
            let there = band.iter().map(|b| (b.0, b.2));
            let back = band.iter().rev().map(|b| (b.0, b.1));
            path(&there.chain(back).collect::<Vec<_>>()) + "Z"
        };
        let (floor, end) = (HEIGHT - BOTTOM, WIDTH - right);
        let drawing = html! {
            @for t in &y_ticks {
                line.rule x1=(at(left)) x2=(at(end)) y1=(at(y(*t))) y2=(at(y(*t))) {}
                text.soft.end x=(at(left - 7.0)) y=(at(y(*t) + 4.0)) { (self.y.show(*t)) }
            }
            line.axis x1=(at(left)) x2=(at(end)) y1=(at(floor)) y2=(at(floor)) {}
            @for t in &x_ticks {
                line.axis x1=(at(x(*t))) x2=(at(x(*t))) y1=(at(floor)) y2=(at(floor + 4.0)) {}
                text.soft.mid x=(at(x(*t))) y=(at(floor + 18.0)) { (self.x.show(*t)) }
            }
            text.soft.end x=(at(end)) y=(at(HEIGHT - 8.0)) { (self.x.label.svg()) }
            text.soft x="0" y="14" { (self.y.label.svg()) }
            @if self.diagonal {
                @let (low, high) = (xs.0.max(ys.0), xs.1.min(ys.1));
                @if low < high {
                    line.mark x1=(at(x(low))) y1=(at(y(low))) x2=(at(x(high))) y2=(at(y(high))) {}
                }
            }
            @if let Some((mark, label)) = &self.mark {
                @if (xs.0..=xs.1).contains(mark) {
                    line.mark x1=(at(x(*mark))) x2=(at(x(*mark))) y1=(at(TOP - 4.0)) y2=(at(floor)) {}
                    text.mid x=(at(x(*mark))) y=(at(TOP - 9.0)) { (label.svg()) }
                }
            }
            @for (i, s) in self.series.iter().enumerate() {
                @if !s.band.is_empty() { path class={ "band " (fill(i)) } d=(band(&s.band)) {} }
            }
            @for (i, s) in self.series.iter().enumerate() {
                path class={ "line d" (i % 4) " " (stroke(i)) } d=(path(&s.points)) {}
                @if s.points.len() <= 40 {
                    @for (px, py) in &s.points { circle class=(fill(i)) cx=(at(x(*px))) cy=(at(y(*py))) r="2.6" {} }
                }
            }
            @if labelled {
                @for (i, label_y) in self.label_heights(&y, floor) {
                    text class=(fill(i)) x=(at(end + 8.0)) y=(at(label_y + 4.0)) {
                        (cut(&self.series[i].name, gutter - 8.0).svg())
                    }
                }
            }
        };
        let frame = Frame { id: &self.id, caption: &self.caption, summary: &self.summary, size: (WIDTH, HEIGHT) };
        html! {
            (frame.render(&drawing, Some(&self.figures())))
            @if self.series.len() > LABELLED {
                ul.legend {
                    @for (i, s) in self.series.iter().enumerate() {
                        li { span class={ "swatch " (fill(i)) } {} (s.name) }
                    }
                }
            }
        }
    }

    /// Where each series is labelled: at its end, moved apart.
    fn label_heights(&self, y: &dyn Fn(f64) -> f64, floor: f64) -> Vec<(usize, f64)> {
        const APART: f64 = 14.0;
        let ends = self.series.iter().enumerate().filter_map(|(i, s)| Some((i, y(s.points.last()?.1))));
        let mut labels: Vec<(usize, f64)> = ends.collect();
        labels.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let mut above = f64::NEG_INFINITY;
        for (_, label_y) in &mut labels {
            *label_y = label_y.max(above + APART);
            above = *label_y;
        }
        // What was pushed below the floor goes back up.
        let mut below = floor + 2.0;
        for (_, label_y) in labels.iter_mut().rev() {
            *label_y = label_y.min(below);
            below = *label_y - APART;
        }
        labels
    }

    /// The values: a row a place on the x axis, a column a series.
    fn figures(&self) -> Table {
        let mut places: Vec<f64> = self.series.iter().flat_map(|s| s.points.iter().map(|p| p.0)).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let columns = self.series.iter().map(|s| Column::number(s.name.clone()));
        let mut table =
            Table::new(self.caption.clone(), std::iter::once(Column::text(self.x.label.clone())).chain(columns));
        for px in places {
            let value = |s: &Series| {
                let at = s.points.iter().find(|p| p.0 == px).map_or(f64::NAN, |p| p.1);
                let band = s.band.iter().find(|b| b.0 == px);
                let range = band.map(|b| format!(" ({} – {})", self.y.show(b.1), self.y.show(b.2)));
                Cell::plain(format!("{}{}", self.y.show(at), range.unwrap_or_default()))
            };
            let head = Cell::head(&Text::same(self.x.show(px)));
            table.push(std::iter::once(head).chain(self.series.iter().map(value)));
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text;

    #[test]
    fn draws_lines_with_bands() {
        let chart = LineChart::new("c", text("曲线", "Curve <x>"))
            .x(Axis::new(Text::same("k")).whole())
            .y(Axis::new(text("值", "value")).percent())
            .series(
                Series::new(text("一", "one"), [(4.0, 0.2), (5.0, f64::NAN), (6.0, 0.4)])
                    .band([(4.0, 0.1, 0.3), (6.0, 0.3, 0.5)]),
            )
            .series(Series::new(text("二", "two"), [(4.0, 0.4), (6.0, 0.4)]))
            .mark(6.0, text("所选", "chosen"))
            .diagonal();
        let markup = chart.render().0;
        assert_eq!(markup.matches("class=\"line ").count(), 2);
        assert_eq!(markup.matches("<circle").count(), 4);
        for part in ["role=\"img\"", "Curve &lt;x&gt;", "chosen", "20%", "(10% – 30%)", "class=\"band f0\""] {
            assert!(markup.contains(part), "{part} in {markup}");
        }
        assert!(!markup.contains("NaN") && !markup.contains("inf"));
        // Two lines that end at one height are labelled apart.
        let heights = chart.label_heights(&|_| 100.0, 274.0);
        assert!((heights[1].1 - heights[0].1 - 14.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_to_draw_is_drawn() {
        let markup = LineChart::new("c", text("空", "Nothing")).render().0;
        assert!(markup.contains("<svg") && !markup.contains("NaN"));
    }
}
