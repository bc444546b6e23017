//! Points in groups on a plane, with the groups' centres.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{Frame, fill, stroke};
use crate::report::{Text, text::at};

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 500.0;
const EDGE: f64 = 24.0;
/// Room for the label of the upward axis.
const HEAD: f64 = 24.0;
/// Room for the label of the other.
const FOOT: f64 = 20.0;

/// A group of points.
#[derive(Debug, Clone)]
pub struct ScatterGroup {
    /// Its name, for the legend.
    pub name: Text,
    /// What stands at its centre.
    pub label: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
    /// Its centre.
    pub centre: (f64, f64),
}

/// A scatter of groups. Both axes have one scale, so that distances are true; the outermost points may lie beyond the
/// edge and are then drawn on it.
#[derive(Debug, Clone)]
pub struct Scatter {
    id: String,
    caption: Text,
    summary: Text,
    x: Text,
    y: Text,
    groups: Vec<ScatterGroup>,
}

impl Scatter {
    /// A scatter with an id (once on the page), a caption and the axes' labels.
    #[must_use]
    pub fn new(id: impl Into<String>, caption: Text, x: Text, y: Text) -> Self {
        Self { id: id.into(), caption, summary: Text::default(), x, y, groups: Vec::new() }
    }

    /// What it shows, in a sentence.
    #[must_use]
    pub fn summary(mut self, words: Text) -> Self {
        self.summary = words;
        self
    }

    /// Adds a group; its colour is that of its place.
    #[must_use]
    pub fn group(mut self, group: ScatterGroup) -> Self {
        self.groups.push(group);
        self
    }

    /// The range that holds all centres and 99% of the points.
    fn range(&self, of: impl Fn(&(f64, f64)) -> f64) -> (f64, f64) {
        let mut values: Vec<f64> = self.groups.iter().flat_map(|g| g.points.iter().map(&of)).collect();
        values.retain(|v| v.is_finite());
        values.sort_by(f64::total_cmp);
        let outside = values.len() / 200;
        let mut ends = match values.get(outside..values.len() - outside) {
            Some([low, .., high]) => (*low, *high),
            Some([one]) => (*one, *one),
            _ => (-1.0, 1.0),
        };
        for centre in self.groups.iter().map(|g| of(&g.centre)).filter(|v| v.is_finite()) {
            ends = (ends.0.min(centre), ends.1.max(centre));
        }
        ends
    }

    /// The labels of the centres: above each, or below it where another label is in the way.
    fn labels(&self, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> Vec<(&str, f64, f64)> {
        let mut set: Vec<(&str, f64, f64)> = Vec::new();
        let mut order: Vec<&ScatterGroup> = self.groups.iter().collect();
        order.sort_by(|a, b| b.centre.1.total_cmp(&a.centre.1).then_with(|| a.label.cmp(&b.label)));
        for group in order {
            let (cx, cy) = (x(group.centre.0), y(group.centre.1));
            let half = super::width_of(&group.label) / 2.0;
            let clash = |at: f64| {
                let near = |other: &(&str, f64, f64)| {
                    (other.1 - cx).abs() < half + super::width_of(other.0) / 2.0 && (other.2 - at).abs() < 14.0
                };
                // A label's middle is 4 above its baseline; a centre takes 8 around it.
                let covers = |centre: &(f64, f64)| {
                    (x(centre.0) - cx).abs() < half + 8.0 && (y(centre.1) - (at - 4.0)).abs() < 12.0
                };
                let others = self.groups.iter().filter(|g| g.centre != group.centre);
                set.iter().any(near) || others.map(|g| &g.centre).any(covers)
            };
            let places = [cy - 10.0, cy + 19.0, cy - 24.0, cy + 33.0];
            let at = places.into_iter().find(|at| !clash(*at)).unwrap_or(cy - 10.0);
            set.push((&group.label, cx, at));
        }
        set
    }

    /// The figure.
    #[must_use]
    pub fn render(&self) -> Markup {
        let (xs, ys) = (self.range(|p| p.0), self.range(|p| p.1));
        let room = (WIDTH - 2.0 * EDGE, HEIGHT - HEAD - FOOT - 2.0 * EDGE);
        let scale = (room.0 / (xs.1 - xs.0).max(1e-9)).min(room.1 / (ys.1 - ys.0).max(1e-9));
        let middle = ((xs.0 + xs.1) / 2.0, (ys.0 + ys.1) / 2.0);
        let x = |v: f64| (WIDTH / 2.0 + (v - middle.0) * scale).clamp(4.0, WIDTH - 4.0);
        let y = |v: f64| ((HEAD + HEIGHT - FOOT) / 2.0 - (v - middle.1) * scale).clamp(HEAD + 4.0, HEIGHT - FOOT - 4.0);
        let dots = |points: &[(f64, f64)]| {
            let mut d = String::with_capacity(points.len() * 14);
            for (px, py) in points.iter().filter(|p| p.0.is_finite() && p.1.is_finite()) {
                // A line of no length with round ends is a dot in a dozen bytes. Writing into a String cannot fail.
                let _ = write!(d, "M{} {}h0", at(x(*px)), at(y(*py)));
            }
            d
        };
        let drawing = html! {
            line.rule x1="0" x2=(at(WIDTH)) y1=(at(y(0.0))) y2=(at(y(0.0))) {}
            line.rule x1=(at(x(0.0))) x2=(at(x(0.0))) y1=(at(HEAD)) y2=(at(HEIGHT - FOOT)) {}
            @for (i, group) in self.groups.iter().enumerate() {
                path class={ "dots " (stroke(i)) } d=(dots(&group.points)) {}
            }
            @for (i, group) in self.groups.iter().enumerate() {
                @let (cx, cy) = (x(group.centre.0), y(group.centre.1));
                circle class={ "centre " (fill(i)) } cx=(at(cx)) cy=(at(cy)) r="6" {}
            }
            @for (label, cx, cy) in self.labels(&x, &y) {
                text.mid.halo.strong x=(at(cx)) y=(at(cy)) { (label) }
            }
            text.soft.end x=(at(WIDTH - 4.0)) y=(at(HEIGHT - 4.0)) { (self.x.svg()) }
            text.soft x="4" y="14" { (self.y.svg()) }
        };
        let frame = Frame { id: &self.id, caption: &self.caption, summary: &self.summary, size: (WIDTH, HEIGHT) };
        html! {
            (frame.render(&drawing, None))
            ul.legend {
                @for (i, group) in self.groups.iter().enumerate() {
                    li { span class={ "swatch " (fill(i)) } aria-hidden="true" {} (group.label) " " (group.name) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text;

    #[test]
    fn draws_points() {
        let group = |at: f64| ScatterGroup {
            name: text("甲", "A"),
            label: "seg_01".into(),
            points: vec![(at, at), (at + 1.0, f64::NAN), (1e300, -1e300)],
            centre: (at, at),
        };
        let scatter = Scatter::new("s", text("图", "Map"), Text::same("PC1"), Text::same("PC2"));
        let markup = scatter.clone().group(group(0.0)).group(group(3.0)).render().0;
        assert_eq!(markup.matches("class=\"dots ").count(), 2);
        assert_eq!(markup.matches("h0").count(), 4);
        assert!(!markup.contains("NaN") && !markup.contains("inf"));
        assert!(scatter.render().0.contains("<svg"));
    }
}
