//! Sentences written out: a template's pieces appended to a buffer.

use std::{borrow::Cow, fmt::Write as _};

use super::{
    catalogue::Catalogue,
    decision::Choice,
    proposal::Target,
    template::{Piece, Placeholder, Template, is_layout},
};
use crate::{
    base::Day,
    input::{ItemTable, Labels},
};

/// The language of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// Writes the sentences of decisions.
pub struct SentenceWriter<'a> {
    catalogue: &'a Catalogue,
    /// By item: the name on one line.
    names: Vec<Cow<'a, str>>,
    /// By category: its label in Chinese and English.
    categories: Vec<[String; 2]>,
    /// By offer: the labels of the categories it is limited to, in Chinese and English; empty if it is not.
    offered: Vec<[String; 2]>,
    /// By offer: the face value as members read it.
    values: Vec<String>,
    /// By offer: the longest sentence in characters that its channels take.
    most: Vec<usize>,
    dates: DateTexts,
}

impl<'a> SentenceWriter<'a> {
    /// A writer for a catalogue, the shop's names and the labels of its categories.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, items: &'a ItemTable, labels: &Labels) -> Self {
        let label = |path: &str| {
            let label = labels.category(path);
            [one_line(&label.zh).into_owned(), one_line(&label.en).into_owned()]
        };
        let currency = catalogue.currency;
        Self {
            catalogue,
            names: (0..items.len() as u32).map(|i| item_name(items, i)).collect(),
            offered: catalogue.offers.iter().map(|o| listed(&o.offer.categories, label)).collect(),
            categories: items.categories.iter().map(label).collect(),
            values: catalogue.offers.iter().map(|o| currency.format_signed(o.offer.value_minor)).collect(),
            most: catalogue.offers.iter().map(|o| usize::from(catalogue.decision.most_chars(&o.offer))).collect(),
            dates: DateTexts::new(catalogue.as_of),
        }
    }

    /// Appends the sentence of a decision. Where it would be longer than the offer's channels take, the reason's shorter
    /// sentence stands in its place; where that is too long too, the offer's name.
    pub fn push(&self, choice: &Choice, language: Language, out: &mut String) {
        let offer = &self.catalogue.offers[usize::from(choice.offer)].offer;
        let Some(pair) = offer.sentences.0.get(usize::from(choice.reason)) else { return };
        let (templates, name) = match language {
            Language::Zh => ([&pair.zh, &pair.short_zh], &offer.name_zh),
            Language::En => ([&pair.en, &pair.short_en], &offer.name_en),
        };
        let (start, most) = (out.len(), self.most[usize::from(choice.offer)]);
        for template in templates {
            self.render(template, name, choice, language, out);
            // No text has more characters than bytes.
            let fits = out.len() - start <= most || out[start..].chars().count() <= most;
            if fits && out.len() > start {
                return;
            }
            out.truncate(start);
        }
        out.push_str(name);
    }

    fn render(&self, template: &Template, name: &str, choice: &Choice, language: Language, out: &mut String) {
        let mut end = out.len();
        for piece in template.pieces() {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Fill(Placeholder::Offer) => out.push_str(name),
                Piece::Fill(placeholder) => self.fill(*placeholder, choice, language, out),
            }
            let is_date =
                matches!(piece, Piece::Fill(Placeholder::Date | Placeholder::ValidFrom | Placeholder::ValidUntil));
            if language == Language::Zh && !is_date {
                set_apart(out, end);
            }
            end = out.len();
        }
    }

    fn fill(&self, placeholder: Placeholder, choice: &Choice, language: Language, out: &mut String) {
        let evidence = &choice.evidence;
        let number = |value: Option<u16>, out: &mut String| {
            if let Some(value) = value {
                push_integer(out, i64::from(value));
            }
        };
        match placeholder {
            Placeholder::Offer => {}
            Placeholder::Item => self.name(choice.target, language, out),
            Placeholder::Because => self.name(evidence.about, language, out),
            Placeholder::Category if !self.offered[usize::from(choice.offer)][0].is_empty() => {
                out.push_str(&self.offered[usize::from(choice.offer)][usize::from(language == Language::En)]);
            }
            Placeholder::Category => match (choice.target, evidence.about) {
                (Target::Category(_), _) => self.name(choice.target, language, out),
                (_, about) => self.name(about, language, out),
            },
            Placeholder::Subject => self.name(evidence.about, language, out),
            Placeholder::Channel => {
                self.name(self.catalogue.offers[usize::from(choice.offer)].to_channel, language, out);
            }
            Placeholder::Count => number(evidence.count, out),
            Placeholder::Days => number(evidence.days, out),
            Placeholder::Date => {
                if let Some(day) = evidence.date {
                    self.dates.push(day, language, out);
                }
            }
            Placeholder::Amount => {
                if let Some(amount) = evidence.amount {
                    out.push_str(&self.catalogue.currency.format_signed(amount));
                }
            }
            Placeholder::Points => push_integer(out, evidence.amount.unwrap_or_default()),
            Placeholder::Value => out.push_str(&self.values[usize::from(choice.offer)]),
            Placeholder::ValidFrom => self.dates.push(choice.valid_from, language, out),
            Placeholder::ValidUntil => self.dates.push(choice.valid_until, language, out),
        }
    }

    fn name(&self, target: Target, language: Language, out: &mut String) {
        match target {
            Target::Item(item) => out.push_str(&self.names[item as usize]),
            Target::Category(category) => {
                out.push_str(&self.categories[category as usize][usize::from(language == Language::En)])
            }
            Target::Subject(subject) => out.push_str(self.catalogue.subjects.name(subject, language == Language::En)),
            Target::None => {}
        }
    }
}

/// Appends an integer: millions of rows carry some, and the formatter of the standard library takes its time.
pub fn push_integer(out: &mut String, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut left = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        out.push('-');
    }
    if let Ok(text) = std::str::from_utf8(&digits[at..]) {
        out.push_str(text);
    }
}

/// The most categories that a sentence names.
const NAMED: usize = 3;

/// The labels of categories as a list, in Chinese and English.
fn listed(paths: &[String], label: impl Fn(&str) -> [String; 2]) -> [String; 2] {
    let labels: Vec<[String; 2]> = paths.iter().take(NAMED).map(|path| label(path)).collect();
    let mut texts = [(0, "、", "等"), (1, ", ", " and more")].map(|(at, between, more)| {
        let mut text = labels.iter().map(|l| l[at].as_str()).collect::<Vec<_>>().join(between);
        if paths.len() > NAMED {
            text.push_str(more);
        }
        text
    });
    if paths.len() <= NAMED
        && let Some(last) = texts[1].rfind(", ")
    {
        texts[1].replace_range(last..last + 2, " and ");
    }
    texts
}

/// Puts a space at the byte `at` if a Latin letter or a digit and a Chinese character meet there.
fn set_apart(out: &mut String, at: usize) {
    let bytes = out.as_bytes();
    let (Some(before), Some(after)) = (at.checked_sub(1).and_then(|i| bytes.get(i)), bytes.get(at)) else { return };
    // Chinese characters take three bytes, the first of which is one of these; punctuation has others.
    let chinese = 0xe4..=0xe9;
    let meet = (before.is_ascii_alphanumeric() && chinese.contains(after))
        || (after.is_ascii_alphanumeric() && at >= 3 && chinese.contains(&bytes[at - 3]));
    if meet {
        out.insert(at, ' ');
    }
}

/// The text on one line, without what would move the text after it: a run of line breaks and control characters becomes
/// one space, marks of direction go.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_layout) {
        return Cow::Borrowed(text);
    }
    let turns = |c: &char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !(is_layout(*c) && turns(c))) {
        match is_layout(c) {
            true if out.is_empty() || out.ends_with(' ') => {}
            true => out.push(' '),
            false => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    Cow::Owned(out)
}

/// The name of an item as a sentence has it: its id where the shop gives it no name that can be read.
fn item_name(items: &ItemTable, item: u32) -> Cow<'_, str> {
    let name = one_line(items.display_name(item));
    if name.trim().is_empty() { one_line(items.ids.get(item as usize)) } else { name }
}

/// Days before the as-of day that are written from the table.
const BACK: i32 = 3000;
/// Days after it.
const AHEAD: i32 = 1000;

/// Dates near the as-of day, written once.
#[derive(Debug)]
pub struct DateTexts {
    first: Day,
    /// End to end, in Chinese and English.
    texts: [String; 2],
    /// One more than days, by language.
    offsets: [Vec<u32>; 2],
}

impl DateTexts {
    /// The dates near `as_of`.
    #[must_use]
    pub fn new(as_of: Day) -> Self {
        let first = as_of.plus(-BACK);
        let mut texts = [String::new(), String::new()];
        let mut offsets = [vec![0], vec![0]];
        for ahead in 0..=BACK + AHEAD {
            for (at, language) in [Language::Zh, Language::En].into_iter().enumerate() {
                write_date(first.plus(ahead), language, &mut texts[at]);
                offsets[at].push(texts[at].len() as u32);
            }
        }
        Self { first, texts, offsets }
    }

    /// Appends a date: `2026年3月31日` in Chinese, `2026-03-31` in English.
    pub fn push(&self, day: Day, language: Language, out: &mut String) {
        let at = usize::from(language == Language::En);
        let index = usize::try_from(day.since(self.first)).unwrap_or(usize::MAX);
        match (self.offsets[at].get(index), self.offsets[at].get(index.saturating_add(1))) {
            (Some(start), Some(end)) => out.push_str(&self.texts[at][*start as usize..*end as usize]),
            _ => write_date(day, language, out),
        }
    }
}

fn write_date(day: Day, language: Language, out: &mut String) {
    let (year, month, date) = day.ymd();
    // Writing into a String cannot fail.
    let _ = match language {
        Language::Zh => write!(out, "{year}年{month}月{date}日"),
        Language::En => write!(out, "{year:04}-{month:02}-{date:02}"),
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_and_dates_are_those_of_the_formatter(value in prop::num::i64::ANY, small in -20i64..2000, day in 15_000i32..22_000) {
            for value in [value, small] {
                let mut out = String::from("x");
                push_integer(&mut out, value);
                prop_assert_eq!(out, format!("x{value}"));
            }
            let dates = DateTexts::new(Day(20_000));
            let mut out = String::new();
            dates.push(Day(day), Language::En, &mut out);
            prop_assert_eq!(&out, &Day(day).to_string());
        }
    }

    #[test]
    fn chinese_and_latin_are_set_apart() {
        for (before, after, together) in [
            ("买", "iPad", "买 iPad"),
            ("iPad", "适配", "iPad 适配"),
            ("12", "次", "12 次"),
            ("买", "「iPad", "买「iPad"),
            ("iPad", "，", "iPad，"),
            ("买 ", "iPad", "买 iPad"),
            ("买", "手机", "买手机"),
            ("", "iPad", "iPad"),
            ("买", "", "买"),
        ] {
            let mut out = format!("{before}{after}");
            set_apart(&mut out, before.len());
            assert_eq!(out, together);
        }
    }

    #[test]
    fn names_are_one_line_and_turn_nothing() {
        for (name, shown) in [
            ("plain  name", "plain  name"),
            ("two\r\n\r\nlines\u{2028}three", "two lines three"),
            ("\n\ttab\n", "tab"),
            ("a\u{202e}b\u{2066}c", "abc"),
            ("👨‍👩‍👧 {item}", "👨‍👩‍👧 {item}"),
            ("שלום", "שלום"),
        ] {
            assert_eq!(one_line(name), shown);
        }
    }

    #[test]
    fn categories_are_listed() {
        let label = |path: &str| [format!("《{path}》"), path.to_owned()];
        let texts = |paths: &[&str]| listed(&paths.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>(), label);
        assert_eq!(texts(&[]), ["", ""]);
        assert_eq!(texts(&["a"]), ["《a》", "a"]);
        assert_eq!(texts(&["a", "b", "c"]), ["《a》、《b》、《c》", "a, b and c"]);
        assert_eq!(texts(&["a", "b", "c", "d"]), ["《a》、《b》、《c》等", "a, b, c and more"]);
    }
}
