//! Words in both languages, and numbers as people read them.

use maud::{Markup, Render, html};

/// A text in Chinese and in English. On a page both are there and the reader's choice shows one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Text {
    /// Both, as given.
    #[must_use]
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// What reads the same in both: a code, a number, a date.
    #[must_use]
    pub fn same(text: impl Into<String>) -> Self {
        let zh = text.into();
        Self { en: zh.clone(), zh }
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.zh.is_empty() && self.en.is_empty()
    }

    /// Both in one line, for places that hold plain text only (a window's title, an SVG's `<title>`).
    #[must_use]
    pub fn plain(&self) -> String {
        if self.zh == self.en { self.zh.clone() } else { format!("{} · {}", self.zh, self.en) }
    }

    /// The same as SVG text: `tspan` stands where HTML has `span`.
    #[must_use]
    pub fn svg(&self) -> Markup {
        html! {
            @if self.zh == self.en { (self.zh) }
            @else { tspan lang="zh-CN" { (self.zh) } tspan lang="en" { (self.en) } }
        }
    }
}

impl Render for Text {
    fn render(&self) -> Markup {
        html! {
            @if self.zh == self.en { (self.zh) }
            @else { span lang="zh-CN" { (self.zh) } span lang="en" { (self.en) } }
        }
    }
}

/// Shorthand for [`Text::new`].
#[must_use]
pub fn text(zh: impl Into<String>, en: impl Into<String>) -> Text {
    Text::new(zh, en)
}

/// A whole number with a comma between thousands.
#[must_use]
pub fn count(value: u64) -> String {
    crate::base::round::grouped(value)
}

/// A share as a percentage: one decimal, two below 1%.
#[must_use]
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "–".to_owned();
    }
    let value = share * 100.0;
    let places = if value != 0.0 && value.abs() < 0.995 { 2 } else { 1 };
    format!("{}%", fixed(value, places))
}

/// A number with three significant digits and a comma between thousands; a dash where there is none.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    if size >= 1e12 || (size > 0.0 && size < 1e-6) {
        return format!("{value:.2e}");
    }
    let places = match size {
        s if s >= 99.95 || s == 0.0 => 0,
        s if s >= 9.995 => 1,
        s if s >= 0.9995 => 2,
        // Digits after the point up to the third that says something.
        s => (2 - s.log10().floor() as i32).clamp(2, 9) as usize,
    };
    let text = fixed(value, places);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A number with so many decimals and a comma between thousands; never minus nought.
#[must_use]
pub fn fixed(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{:.places$}", value.abs());
    let sign = if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) { "−" } else { "" };
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    match whole.parse() {
        Ok(whole) => format!("{sign}{}{rest}", count(whole)),
        Err(_) => format!("{sign}{text}"),
    }
}

/// The same with a sign in front of what is above nought.
#[must_use]
pub fn signed(value: f64, places: usize) -> String {
    let text = fixed(value, places);
    let above = value > 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if above { format!("+{text}") } else { text }
}

/// A coordinate within an SVG: one decimal, no minus nought, so that the bytes are few and the same everywhere.
#[must_use]
pub(super) fn at(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        _ => format!("{}{}.{}", if tenths < 0 { "-" } else { "" }, (tenths / 10).abs(), (tenths % 10).abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!([count(0), count(999), count(1000), count(12_345_678)], ["0", "999", "1,000", "12,345,678"]);
        assert_eq!([percent(0.5), percent(0.0), percent(0.004_56), percent(1.0)], ["50.0%", "0.0%", "0.46%", "100.0%"]);
        assert_eq!(percent(f64::NAN), "–");
        let shown = [0.0, 1234.5, 12.345, 1.5, 0.012_345, -0.25, 100.0, 3e13].map(number);
        assert_eq!(shown, ["0", "1,234", "12.3", "1.5", "0.0123", "−0.25", "100", "3.00e13"]);
        assert_eq!([fixed(-0.001, 2), fixed(-1234.567, 1)], ["0.00", "−1,234.6"]);
        assert_eq!([signed(0.25, 2), signed(0.0, 2), signed(-0.25, 2)], ["+0.25", "0.00", "−0.25"]);
        assert_eq!([at(1.0), at(-0.04), at(-0.26), at(12.34), at(-12.34)], ["1", "0", "-0.3", "12.3", "-12.3"]);
    }

    #[test]
    fn texts_are_escaped_and_tagged() {
        assert_eq!(
            text("宠物 <b>", "pets").render().0,
            r#"<span lang="zh-CN">宠物 &lt;b&gt;</span><span lang="en">pets</span>"#
        );
        assert_eq!(Text::same("a & b").render().0, "a &amp; b");
        assert_eq!(text("甲", "A").svg().0, r#"<tspan lang="zh-CN">甲</tspan><tspan lang="en">A</tspan>"#);
        assert_eq!(text("甲", "A").plain(), "甲 · A");
    }
}
