//! What reasons name beside items and categories: brands, collections, channels, cities, festivals, tiers, causes.

use std::collections::BTreeMap;

use super::{proposal::Target, text::one_line};

/// What sort of thing a subject is: one name may stand for several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubjectKind {
    /// A brand of items.
    Brand,
    /// A collection of items.
    Collection,
    /// A channel of purchase lines.
    Channel,
    /// A city.
    City,
    /// A festival or holiday.
    Occasion,
    /// A loyalty tier.
    Tier,
    /// A cause or a group.
    Cause,
}

impl SubjectKind {
    const CODES: [(Self, &'static str); 7] = [
        (Self::Brand, "brand"),
        (Self::Collection, "collection"),
        (Self::Channel, "channel"),
        (Self::City, "city"),
        (Self::Occasion, "occasion"),
        (Self::Tier, "tier"),
        (Self::Cause, "cause"),
    ];

    /// The code written to files.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::CODES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, code)| code)
    }

    /// The sort of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::CODES.iter().find(|(_, known)| *known == code).map(|(kind, _)| *kind)
    }
}

/// The names, by index.
#[derive(Debug, Clone, Default)]
pub struct Subjects {
    /// In Chinese and English.
    names: Vec<[String; 2]>,
    index: BTreeMap<(SubjectKind, String), u32>,
}

impl Subjects {
    /// Adds a subject, or finds it.
    pub(super) fn add(&mut self, kind: SubjectKind, code: &str, zh: &str, en: &str) -> Target {
        let next = self.names.len() as u32;
        let index = *self.index.entry((kind, code.to_owned())).or_insert(next);
        if index == next {
            self.names.push([one_line(zh).into_owned(), one_line(en).into_owned()]);
        }
        Target::Subject(index)
    }

    /// The subject of a code; [`Target::None`] if it has no name.
    #[must_use]
    pub fn find(&self, kind: SubjectKind, code: &str) -> Target {
        // Borrowed look-ups in a map of pairs need the pair: the codes are short, and only what is offered is looked up.
        self.index.get(&(kind, code.to_owned())).map_or(Target::None, |i| Target::Subject(*i))
    }

    /// What a subject is and its code.
    #[must_use]
    pub fn code_of(&self, subject: u32) -> Option<(SubjectKind, &str)> {
        self.index.iter().find(|(_, index)| **index == subject).map(|((kind, code), _)| (*kind, code.as_str()))
    }

    /// The name of a subject in Chinese, or in English.
    #[must_use]
    pub fn name(&self, subject: u32, english: bool) -> &str {
        self.names.get(subject as usize).map_or("", |names| names[usize::from(english)].as_str())
    }
}
