//! What a score is made of, for people who ask why.

use crate::base::Day;

/// What an item's score for a member is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTerms {
    /// The item.
    pub item: u32,
    /// The score.
    pub score: f64,
    /// The terms in a fixed order; their values add up to the score.
    pub parts: Vec<TermPart>,
}

/// One term of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TermPart {
    /// What it is called in the score's formula: `rebuy`, `transition`, `popularity` …
    pub term: &'static str,
    /// What it adds to the score.
    pub value: f64,
    /// What it rests on.
    pub evidence: TermEvidence,
}

/// What a term rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermEvidence {
    /// Nothing of the member's.
    None,
    /// The member's own purchases of the item.
    Purchases {
        /// Baskets that hold it.
        count: u32,
        /// Day of the last of them.
        last_day: Day,
    },
    /// Members who are alike.
    Alike {
        /// How many: those of the nearest who bought the item next, or those of the segment of taste.
        members: u32,
    },
    /// The member's item that adds most to the term.
    Item {
        /// That item.
        item: u32,
        /// Day the member last bought it.
        last_day: Day,
    },
}
