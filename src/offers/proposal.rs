//! What a kind proposes for a member, before anything is decided.

use crate::base::{Day, Minor};

/// What an offer or a piece of evidence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Target {
    /// Nothing in particular.
    #[default]
    None,
    /// An item, by index in [`crate::input::ItemTable`].
    Item(u32),
    /// A category, by index in [`crate::input::ItemTable::categories`].
    Category(u32),
    /// Something else with a name, by index in [`super::Subjects`]: a brand, a collection, a channel, a city, a festival,
    /// a tier, a cause. Only reasons are about it; no offer is of it.
    Subject(u32),
}

impl Target {
    /// The item, if it is one.
    #[must_use]
    pub fn item(self) -> Option<u32> {
        if let Self::Item(i) = self { Some(i) } else { None }
    }

    /// The category, if it is one.
    #[must_use]
    pub fn category(self) -> Option<u32> {
        if let Self::Category(c) = self { Some(c) } else { None }
    }
}

/// What a reason rests on. Days and counts are of the history as it stands, dates are dates: nothing here changes
/// merely because a night has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The item or the category.
    pub about: Target,
    /// How many times.
    pub count: Option<u16>,
    /// A length of time in days (a usual gap).
    pub days: Option<u16>,
    /// A day (a due date, the last purchase).
    pub date: Option<Day>,
    /// An amount in minor units; for the kinds about points, points.
    pub amount: Option<Minor>,
}

/// One offer for one member, with a reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Index of the offer in the catalogue.
    pub offer: u16,
    /// What is offered.
    pub target: Target,
    /// How well it fits the member, in (0, 1]; comparable between kinds.
    pub fit: f64,
    /// Index into the kind's reasons.
    pub reason: u8,
    /// What the reason rests on.
    pub evidence: Evidence,
}

/// `x / (x + half)`: grows from 0 towards 1 and is ½ where `x = half`. The common shape of every kind's fit.
#[must_use]
pub fn saturate(x: f64, half: f64) -> f64 {
    if x > 0.0 { x / (x + half) } else { 0.0 }
}
