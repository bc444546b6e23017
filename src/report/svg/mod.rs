//! Drawings: lines, horizontal bars, small multiples, scatter. Each is a `figure` with a caption in both languages; the
//! SVG has `role="img"`, is named by the caption and described by a sentence, and its figures stand beside it as a
//! table where the drawing does not print them all. Colours come from the page's style, so that they suit light, dark
//! and paper; series also differ in their dashes, and everything is labelled in place.
//!
//! Coordinates are written with one decimal: same values, same bytes.

mod bars;
mod line;
mod panels;
mod scale;
mod scatter;

use maud::{Markup, html};

pub use bars::{Bar, BarChart};
pub use line::{LineChart, Series};
pub use panels::{Panel, PanelRow, Panels};
pub use scale::{Axis, ticks};
pub use scatter::{Scatter, ScatterGroup};

use super::{Text, table::Table, text};

/// Colours of the style; a further series takes the first again.
pub const COLOURS: usize = 12;

/// The style's class for a line in the colour of series `index`.
#[must_use]
pub fn stroke(index: usize) -> String {
    format!("s{}", index % COLOURS)
}

/// The style's class for an area in the colour of series `index`.
#[must_use]
pub fn fill(index: usize) -> String {
    format!("f{}", index % COLOURS)
}

/// Width of a text of 12 px in user units, near enough to leave room for it: a Chinese character takes 12.
fn width_of(words: &str) -> f64 {
    let of = |c: char| match c {
        c if !c.is_ascii() && c >= '\u{1100}' => 12.0,
        'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | ' ' => 3.6,
        'm' | 'w' | 'M' | 'W' | '%' => 10.0,
        c if c.is_ascii_uppercase() => 8.2,
        _ => 6.7,
    };
    words.chars().map(of).sum()
}

/// Width of the wider of the two languages.
fn width(words: &Text) -> f64 {
    width_of(&words.zh).max(width_of(&words.en))
}

/// The text, cut to a width with an ellipsis.
fn cut(words: &Text, most: f64) -> Text {
    let one = |words: &str| {
        if width_of(words) <= most {
            return words.to_owned();
        }
        let mut kept = String::new();
        for c in words.chars() {
            kept.push(c);
            if width_of(&kept) > most - 12.0 {
                kept.pop();
                break;
            }
        }
        format!("{}…", kept.trim_end())
    };
    Text::new(one(&words.zh), one(&words.en))
}

/// A drawing's outside: its `figure`, caption and description, and its figures as a table that folds out.
struct Frame<'a> {
    /// Once on the page.
    id: &'a str,
    caption: &'a Text,
    /// What the drawing shows, for who cannot see it and, in small print, for who can.
    summary: &'a Text,
    size: (f64, f64),
}

impl Frame<'_> {
    fn render(&self, drawing: &Markup, figures: Option<&Table>) -> Markup {
        let caption = format!("{}-caption", self.id);
        let description = format!("{}-desc", self.id);
        let view = format!("0 0 {} {}", text::at(self.size.0), text::at(self.size.1));
        html! {
            figure id=(self.id) {
                figcaption id=(caption) {
                    (self.caption)
                    @if !self.summary.is_empty() { span.sub { (self.summary) } }
                }
                // Reached by the keyboard, so that it can be scrolled by it where the page is narrow.
                div.plot tabindex="0" {
                    svg viewBox=(view) role="img" aria-labelledby=(caption) aria-describedby=(description) {
                        title { (self.caption.plain()) }
                        desc id=(description) { (self.summary.plain()) }
                        (drawing)
                    }
                }
                @if let Some(figures) = figures {
                    details {
                        summary { (text("数据表", "Figures as a table")) }
                        (figures.render())
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_to_their_room() {
        let long = text("非常非常非常长的名字", "a very very long name");
        let short = cut(&long, 60.0);
        assert_eq!(short.zh, "非常非常…");
        assert!(short.en.ends_with('…') && width_of(&short.en) <= 61.0, "{}", short.en);
        assert_eq!(cut(&long, 500.0), long);
        assert!((width(&text("甲乙", "ab")) - 24.0).abs() < 1e-9);
    }
}
