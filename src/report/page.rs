//! A page: one HTML file that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Text;

const STYLE: &str = include_str!("page.css");

/// A language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Simplified Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

/// A page. `render` gives the file.
#[derive(Debug, Clone)]
pub struct Page {
    title: Text,
    stamp: Text,
    language: Language,
    lead: Vec<Text>,
    figures: Vec<(Text, Text, Text)>,
    sections: Vec<Section>,
    foot: Vec<Text>,
}

/// A section of a page: a heading, and what stands under it.
#[derive(Debug, Clone)]
pub struct Section {
    id: String,
    title: Text,
    lead: Option<Text>,
    parts: Vec<Markup>,
}

/// A paragraph.
#[must_use]
pub fn paragraph(words: &Text) -> Markup {
    html! { p { (words) } }
}

/// A remark in small print.
#[must_use]
pub fn note(words: &Text) -> Markup {
    html! { p.note { (words) } }
}

impl Section {
    /// A section with an anchor (letters, digits and `-`, once on the page) and a heading.
    #[must_use]
    pub fn new(id: impl Into<String>, title: Text) -> Self {
        Self { id: id.into(), title, lead: None, parts: Vec::new() }
    }

    /// What the section shows and how to read it, in a sentence or two under the heading.
    #[must_use]
    pub fn lead(mut self, words: Text) -> Self {
        self.lead = Some(words);
        self
    }

    /// Adds what comes next: a chart, a table, a paragraph.
    #[must_use]
    pub fn with(mut self, part: Markup) -> Self {
        self.parts.push(part);
        self
    }

    /// Adds it if there is one.
    #[must_use]
    pub fn with_some(self, part: Option<Markup>) -> Self {
        match part {
            Some(part) => self.with(part),
            None => self,
        }
    }

    fn render(&self) -> Markup {
        let heading = format!("{}-heading", self.id);
        html! {
            section id=(self.id) aria-labelledby=(heading) {
                h2 id=(heading) { (self.title) }
                @if let Some(lead) = &self.lead { p.lead { (lead) } }
                @for part in &self.parts { (part) }
            }
        }
    }
}

impl Page {
    /// A page with a title.
    #[must_use]
    pub fn new(title: Text) -> Self {
        let (lead, figures, sections, foot) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { title, stamp: Text::default(), language: Language::Zh, lead, figures, sections, foot }
    }

    /// What tells this page from others of its kind, such as a date: beside the brand and in the window's title.
    #[must_use]
    pub fn stamp(mut self, words: Text) -> Self {
        self.stamp = words;
        self
    }

    /// The language that is shown at first.
    #[must_use]
    pub fn language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// Adds a line under the title: what the page is about, where it comes from.
    #[must_use]
    pub fn lead(mut self, words: Text) -> Self {
        self.lead.push(words);
        self
    }

    /// Adds a key figure to the strip at the top: what it is, its value, and what to compare it with (may be empty).
    #[must_use]
    pub fn figure(mut self, name: Text, value: Text, remark: Text) -> Self {
        self.figures.push((name, value, remark));
        self
    }

    /// Adds a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Adds a line at the foot.
    #[must_use]
    pub fn foot(mut self, words: Text) -> Self {
        self.foot.push(words);
        self
    }

    /// The file. The same page gives the same bytes.
    #[must_use]
    pub fn render(&self) -> String {
        let (zh, code) = match self.language {
            Language::Zh => (true, "zh-CN"),
            Language::En => (false, "en"),
        };
        let markup = html! {
            (DOCTYPE)
            html lang=(code) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    // The page cannot load anything and runs nothing, even if a name in it tried to.
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                    title { (self.title.plain()) @if !self.stamp.is_empty() { " · " (self.stamp.plain()) } }
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    input #lang-zh .lang type="radio" name="lang" checked[zh] aria-label="中文";
                    input #lang-en .lang type="radio" name="lang" checked[!zh] aria-label="English";
                    header {
                        div.bar {
                            p.brand { "nextoffer" @if !self.stamp.is_empty() { span.stamp { (self.stamp) } } }
                            p.choice aria-hidden="true" {
                                label for="lang-zh" { "中文" }
                                label for="lang-en" { "English" }
                            }
                        }
                        h1 { (self.title) }
                        @for line in &self.lead { p.lead { (line) } }
                        @if self.sections.len() > 2 {
                            nav aria-label="目录 · Contents" {
                                ol { @for s in &self.sections { li { a href={ "#" (s.id) } { (s.title) } } } }
                            }
                        }
                    }
                    main {
                        @if !self.figures.is_empty() {
                            dl.figures {
                                @for (name, value, remark) in &self.figures {
                                    div {
                                        dt { (name) }
                                        dd.value { (value) }
                                        @if !remark.is_empty() { dd.remark { (remark) } }
                                    }
                                }
                            }
                        }
                        @for section in &self.sections { (section.render()) }
                    }
                    footer { @for line in &self.foot { p { (line) } } }
                }
            }
        };
        let mut file = markup.into_string();
        file.push('\n');
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text;

    #[test]
    fn a_page_stands_on_its_own() {
        let section = |id: &str| Section::new(id, text("节 <1>", "Section <1>")).with(paragraph(&text("甲", "A")));
        let page = Page::new(text("标题", "Title"))
            .figure(text("会员", "Members"), Text::same("12"), Text::default())
            .section(section("a"))
            .section(section("b"))
            .section(section("c"));
        let file = page.render();
        assert_eq!(file, page.clone().render());
        for outside in ["<script", "http://", "https://", "@import", "url(", "src="] {
            assert!(!file.contains(outside), "{outside}");
        }
        assert!(file.contains(r#"<html lang="zh-CN">"#) && file.contains(r##"<a href="#b">"##));
        assert!(!file.contains("<1>") && file.contains("Section &lt;1&gt;"));
        let english = page.language(Language::En).render();
        assert!(english.contains(r#"<html lang="en">"#));
        assert!(english.contains(r#"id="lang-en" type="radio" name="lang" checked"#), "{english}");
    }
}
