//! The nights before.

use serde::{Deserialize, Serialize};

use super::Night;

/// Nights in the order of their days, the newest last. Written as JSON into `model/gates_history.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The nights.
    pub nights: Vec<Night>,
}

impl History {
    /// The history that the next run finds: `most` nights, tonight the last.
    #[must_use]
    pub fn with(&self, tonight: &Night, most: usize) -> Self {
        let earlier = self.nights.len().saturating_sub(most.saturating_sub(1));
        Self { nights: self.nights[earlier..].iter().chain([tonight]).cloned().collect() }
    }

    /// The nights that say what is usual for a gate: the newest `most`, from the last one on at which it was let through.
    pub(super) fn usual(&self, gate: &str, most: usize) -> &[Night] {
        let newest = &self.nights[self.nights.len().saturating_sub(most)..];
        let anew = newest.iter().rposition(|night| night.accepted.iter().any(|name| name == gate));
        &newest[anew.unwrap_or(0)..]
    }
}

/// The median; of an even number of values the mean of the two in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}
