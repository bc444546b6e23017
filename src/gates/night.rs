//! What a night measures of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{base::Day, input::accounting::RowCounts};

/// What a night measures of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Night {
    /// Last day that was read.
    pub as_of: Day,
    /// The input tables.
    pub tables: BTreeMap<String, TableNight>,
    /// Days from the newest kept line to the last day; none where lines have no calendar.
    pub stale_days: Option<i32>,
    /// Share of the lines that name an item which the items table does not have; none without such a table.
    pub unknown_items: Option<f64>,
    /// Lines of the last days.
    pub recent: Option<RecentLines>,
    /// Share of the members by id of their segment.
    pub segments: BTreeMap<i32, f64>,
    /// The lists.
    pub offers: OfferNight,
    /// Gates that were let through: what is usual for them starts anew here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<String>,
}

/// Rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableNight {
    /// Rows read.
    pub read: u64,
    /// Rows kept.
    pub kept: u64,
    /// Rows lost as duplicates.
    pub duplicates: u64,
    /// Rows without a value, by mapped column.
    pub blank: BTreeMap<String, u64>,
}

/// Purchase lines of the last days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct RecentLines {
    /// How many.
    pub lines: u64,
    /// Mean amount in minor units.
    pub mean_minor: f64,
    /// Median amount in minor units.
    pub median_minor: i64,
}

/// The lists of a night.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OfferNight {
    /// Share of the slots by kind of offer.
    pub kinds: BTreeMap<String, f64>,
    /// Share of the members with a list.
    pub reach: f64,
    /// Share of the slots that the fallback offer filled with what is popular.
    pub fallback: f64,
}

impl From<&RowCounts> for TableNight {
    fn from(rows: &RowCounts) -> Self {
        let lost = |reasons: &BTreeMap<String, u64>| reasons.get("duplicate").copied().unwrap_or_default();
        Self {
            read: rows.read,
            kept: rows.kept,
            duplicates: lost(&rows.dropped) + lost(&rows.quarantined),
            blank: rows.blank.iter().map(|(column, rows)| ((*column).to_owned(), *rows)).collect(),
        }
    }
}

impl TableNight {
    /// `rows` as a share of the rows read.
    pub(super) fn share(&self, rows: u64) -> f64 {
        if self.read == 0 { 0.0 } else { rows as f64 / self.read as f64 }
    }
}
