//! Small multiples: one small drawing a group, all on one scale, each against the base of all.

use maud::{Markup, html};

use super::{COLOURS, cut, width_of};
use crate::report::{Text, text::at};

const WIDTH: f64 = 346.0;
const ROW: f64 = 20.0;
const LABEL: f64 = 132.0;
const MIDDLE: f64 = 192.0;
const REACH: f64 = 50.0;

/// A row of a panel: one measure of the group.
#[derive(Debug, Clone)]
pub struct PanelRow {
    /// What is measured.
    pub label: Text,
    /// How far the group lies from the base, in the panels' unit (such as standard deviations of all members).
    pub effect: f64,
    /// The group's value as it is read.
    pub value: String,
    /// The base's.
    pub base: String,
}

/// One group.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Its name.
    pub title: Text,
    /// A line under the name.
    pub below: Text,
    /// Colour of the group elsewhere on the page, as an index.
    pub colour: Option<usize>,
    /// Its measures; the same in the same order in every panel.
    pub rows: Vec<PanelRow>,
    /// What else there is to say, under the drawing.
    pub foot: Option<Markup>,
}

/// Panels side by side.
#[derive(Debug, Clone)]
pub struct Panels {
    /// Once on the page.
    pub id: String,
    /// The groups.
    pub panels: Vec<Panel>,
    /// Effects from which a bar is full; longer ones are cut, and marked so.
    pub limit: f64,
}

impl Panels {
    /// The panels, as a list.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            ul.panels id=(self.id) {
                @for (i, panel) in self.panels.iter().enumerate() { li { (self.panel(i, panel)) } }
            }
        }
    }

    fn panel(&self, index: usize, panel: &Panel) -> Markup {
        let heading = format!("{}-{index}", self.id);
        let height = ROW * panel.rows.len() as f64 + 4.0;
        let view = format!("0 0 {} {}", at(WIDTH), at(height));
        html! {
            h3 id=(heading) {
                @if let Some(colour) = panel.colour { span class={ "swatch f" (colour % COLOURS) } aria-hidden="true" {} }
                (panel.title)
                @if !panel.below.is_empty() { span.sub { (panel.below) } }
            }
            div.plot {
                svg viewBox=(view) role="img" aria-labelledby=(heading) aria-describedby={ (heading) "-desc" } {
                    title { (panel.title.plain()) }
                    desc id={ (heading) "-desc" } { (describe(panel)) }
                    @for (i, row) in panel.rows.iter().enumerate() { (self.row(i, row)) }
                    line.axis x1=(at(MIDDLE)) x2=(at(MIDDLE)) y1="0" y2=(at(height)) {}
                }
            }
            @if let Some(foot) = &panel.foot { (foot) }
        }
    }

    fn row(&self, index: usize, row: &PanelRow) -> Markup {
        let middle = ROW * (index as f64 + 0.5) + 2.0;
        let effect = if row.effect.is_finite() { row.effect } else { 0.0 };
        let share = (effect / self.limit).clamp(-1.0, 1.0);
        let (from, to) = (MIDDLE + REACH * share.min(0.0), MIDDLE + REACH * share.max(0.0));
        let base = format!(" / {}", row.base);
        let room = WIDTH - MIDDLE - REACH - 8.0;
        let fits = width_of(&row.value) + width_of(&base) <= room;
        html! {
            text.soft.end x=(at(LABEL)) y=(at(middle + 4.0)) { (cut(&row.label, LABEL - 4.0).svg()) }
            rect class=(if share < 0.0 { "down" } else { "up" }) x=(at(from)) y=(at(middle - 5.0)) width=(at(to - from)) height="10" {}
            // A bar that is cut shows a gap before its end.
            @if effect.abs() > self.limit {
                @let gap = MIDDLE + (REACH - 6.0) * share.signum();
                line.gap x1=(at(gap - 2.0)) y1=(at(middle + 6.0)) x2=(at(gap + 2.0)) y2=(at(middle - 6.0)) {}
            }
            text x=(at(MIDDLE + REACH + 8.0)) y=(at(middle + 4.0)) {
                (row.value)
                @if fits { tspan.soft { (base) } }
            }
        }
    }
}

/// The panel in words, strongest first.
fn describe(panel: &Panel) -> String {
    let mut rows: Vec<&PanelRow> = panel.rows.iter().collect();
    rows.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
    let words = |r: &&PanelRow| format!("{} {} ({})", r.label.plain(), r.value, r.base);
    rows.iter().take(6).map(words).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text;

    #[test]
    fn draws_panels() {
        let row = |effect| PanelRow { label: text("近度", "Recency"), effect, value: "12".into(), base: "40".into() };
        let panel = Panel {
            title: text("甲 & 乙", "A & B"),
            below: Text::default(),
            colour: Some(13),
            rows: vec![row(0.5), row(-9.0), row(f64::NAN)],
            foot: None,
        };
        let markup = Panels { id: "p".into(), panels: vec![panel], limit: 2.0 }.render().0;
        for part in ["class=\"up\"", "class=\"down\"", "class=\"gap\"", "A &amp; B", "swatch f1", " / 40"] {
            assert!(markup.contains(part), "{part} in {markup}");
        }
        assert!(!markup.contains("NaN") && !markup.contains("width=\"-"));
    }
}
