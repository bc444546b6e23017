//! Every row is accounted for: read = kept + dropped + quarantined.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::DataType,
};
use serde::{Deserialize, Serialize};

use super::{Action, CleaningSettings, MappedBatch, Reason, contract::Table};

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
    /// Of the rows read, those without a value (or with an empty text), by mapped column. Not in the manifest.
    #[serde(skip)]
    pub blank: BTreeMap<&'static str, u64>,
}

/// Rows without a value by column, as they gather.
#[derive(Debug, Clone, Default)]
pub struct BlankCounts {
    rows: u64,
    /// By position in the contract: rows with the column, and those of them that have a value.
    filled: Vec<Option<u64>>,
}

impl BlankCounts {
    /// Counts a batch.
    pub fn add(&mut self, table: Table, batch: &MappedBatch) {
        self.rows += batch.len() as u64;
        self.filled.resize(table.columns().len(), None);
        for (position, filled) in self.filled.iter_mut().enumerate() {
            if let Some(column) = batch.column(position) {
                *filled.get_or_insert(0) += (batch.len() - blank(column)) as u64;
            }
        }
    }

    /// Takes over another count.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.filled.resize(self.filled.len().max(other.filled.len()), None);
        for (mine, theirs) in self.filled.iter_mut().zip(&other.filled) {
            if let Some(more) = theirs {
                *mine.get_or_insert(0) += more;
            }
        }
    }

    /// Rows without a value by name of the column. Where only some files have a column, rows of the others have none.
    #[must_use]
    pub fn by_column(&self, table: Table) -> BTreeMap<&'static str, u64> {
        let named = table.columns().iter().zip(&self.filled);
        named.filter_map(|(column, filled)| Some((column.name, self.rows - (*filled)?))).collect()
    }
}

/// Values of a column that are null, or texts of no length.
fn blank(column: &ArrayRef) -> usize {
    let empty = match column.data_type() {
        // The length is the low half of a view.
        DataType::Utf8View => {
            let texts = column.as_string_view();
            texts.views().iter().enumerate().filter(|(i, view)| **view as u32 == 0 && texts.is_valid(*i)).count()
        }
        DataType::Utf8 => {
            let texts = column.as_string::<i32>();
            texts.offsets().windows(2).enumerate().filter(|(i, w)| w[0] == w[1] && texts.is_valid(*i)).count()
        }
        _ => 0,
    };
    column.null_count() + empty
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
