//! Every row is accounted for: read = kept + dropped + quarantined.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Action, CleaningSettings, Reason};

/// What became of a table's rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows read (after the job's own filter).
    pub read: u64,
    /// Rows kept.
    pub kept: u64,
    /// Rows dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Rows quarantined, by reason.
    pub quarantined: BTreeMap<String, u64>,
    /// Of the kept rows, returns that matched no earlier purchase.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unmatched_returns: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl RowCounts {
    /// Counts `rows` rows that were not kept for `reason`.
    pub fn lose(&mut self, reason: Reason, rows: u64, cleaning: &CleaningSettings) {
        if rows == 0 {
            return;
        }
        let by_reason = match action_of(reason, cleaning) {
            Action::Drop => &mut self.dropped,
            Action::Quarantine => &mut self.quarantined,
        };
        *by_reason.entry(reason.name().to_owned()).or_default() += rows;
    }

    /// Whether the sum holds.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.read == self.kept + self.dropped.values().sum::<u64>() + self.quarantined.values().sum::<u64>()
    }
}

/// What becomes of rows lost for `reason`; unreadable rows are always kept aside.
#[must_use]
pub fn action_of(reason: Reason, cleaning: &CleaningSettings) -> Action {
    if reason == Reason::Unreadable { Action::Quarantine } else { cleaning.action(reason) }
}

/// Counts of the reasons, as they gather.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReasonCounts([u64; Reason::ALL.len()]);

impl ReasonCounts {
    /// One more row for `reason`.
    pub fn add(&mut self, reason: Reason) {
        self.0[reason as usize] += 1;
    }

    /// Takes over another count.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// Rows lost for `reason`.
    #[must_use]
    pub fn get(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }
}

/// A row that goes to quarantine: where it stands and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostRow {
    /// Index of the file in its table.
    pub file: u32,
    /// Row number within the file, from 0.
    pub row: u64,
    /// Why.
    pub reason: Reason,
    /// What was wrong in particular.
    pub problem: Problem,
}

/// What was wrong with a row in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// The reason says it all.
    None,
    /// The named column has no value.
    Empty(&'static str),
    /// The named column holds bytes that are not UTF-8.
    NotText(&'static str),
    /// The named column holds NaN, an infinity, or a number too large to be meant.
    NotFinite(&'static str),
    /// The named column holds a time outside 1970–2106.
    OutOfCalendar(&'static str),
    /// The named column holds more than can be counted.
    TooLarge(&'static str),
    /// The named column holds a word that the contract does not know.
    Unknown(&'static str),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Empty(column) => write!(f, "{column} is empty"),
            Self::NotText(column) => write!(f, "{column} is not UTF-8 text"),
            Self::NotFinite(column) => write!(f, "{column} is no number, infinite, or too large to be meant"),
            Self::OutOfCalendar(column) => write!(f, "{column} lies outside 1970 to 2106"),
            Self::TooLarge(column) => write!(f, "{column} is too large"),
            Self::Unknown(column) => write!(f, "{column} is none that is known"),
        }
    }
}
