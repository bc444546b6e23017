//! Sentences written out: a template's pieces appended to a buffer.

use std::{borrow::Cow, fmt::Write as _};

use super::{
    catalogue::Catalogue,
    decision::Choice,
    proposal::Target,
    template::{Piece, Placeholder, Template},
};
use crate::{base::Day, input::ItemTable};

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
    /// By category: the last part of its path.
    categories: Vec<Cow<'a, str>>,
    /// By offer: the face value as members read it.
    values: Vec<String>,
    dates: DateTexts,
}

impl<'a> SentenceWriter<'a> {
    /// A writer for a catalogue and the shop's names.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, items: &'a ItemTable) -> Self {
        let leaf = |path: &'a str| one_line(path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path));
        let currency = catalogue.currency;
        Self {
            catalogue,
            names: (0..items.len() as u32).map(|i| one_line(items.display_name(i))).collect(),
            categories: items.categories.iter().map(leaf).collect(),
            values: catalogue.offers.iter().map(|o| currency.format_signed(o.offer.value_minor)).collect(),
            dates: DateTexts::new(catalogue.as_of),
        }
    }

    /// Appends the sentence of a decision.
    pub fn push(&self, choice: &Choice, language: Language, out: &mut String) {
        let offer = &self.catalogue.offers[usize::from(choice.offer)].offer;
        let Some(pair) = offer.sentences.0.get(usize::from(choice.reason)) else { return };
        let (template, name): (&Template, _) = match language {
            Language::Zh => (&pair.zh, &offer.name_zh),
            Language::En => (&pair.en, &offer.name_en),
        };
        let start = out.len();
        for piece in template.pieces() {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Fill(Placeholder::Offer) => out.push_str(name),
                Piece::Fill(placeholder) => self.fill(*placeholder, choice, language, out),
            }
        }
        self.cut(start, out);
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
            Placeholder::Item => self.name(choice.target, out),
            Placeholder::Because => self.name(evidence.about, out),
            Placeholder::Category => match (choice.target, evidence.about) {
                (Target::Category(_), _) => self.name(choice.target, out),
                (_, about) => self.name(about, out),
            },
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
            Placeholder::Value => out.push_str(&self.values[usize::from(choice.offer)]),
            Placeholder::ValidFrom => self.dates.push(choice.valid_from, language, out),
            Placeholder::ValidUntil => self.dates.push(choice.valid_until, language, out),
        }
    }

    fn name(&self, target: Target, out: &mut String) {
        match target {
            Target::Item(item) => out.push_str(&self.names[item as usize]),
            Target::Category(category) => out.push_str(&self.categories[category as usize]),
            Target::None => {}
        }
    }

    /// Cuts what was written from `start` to the longest sentence the job allows.
    fn cut(&self, start: usize, out: &mut String) {
        let most = usize::from(self.catalogue.decision.max_sentence_chars);
        // No text has more characters than bytes.
        if out.len() - start <= most {
            return;
        }
        let mut ends = out[start..].char_indices();
        let Some((last, _)) = ends.nth(most - 1) else { return };
        if ends.next().is_some() {
            out.truncate(start + last);
            out.push('…');
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

/// The text without line breaks and other control characters.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
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
}
