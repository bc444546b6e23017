//! Runs that an operator took back: they stay where they are, but nothing follows them and `current` leaves them alone.

use std::collections::BTreeSet;

use super::{OutputRoot, Places, StoreError};

const LIST: &str = "rolled_back.json";

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct RolledBack {
    runs: BTreeSet<String>,
}

impl OutputRoot {
    /// Ids of the runs that were taken back.
    ///
    /// # Errors
    /// If the list is there and cannot be read.
    pub fn rolled_back(&self, places: &Places) -> Result<BTreeSet<String>, StoreError> {
        let Some(bytes) = self.read(LIST, places)? else { return Ok(BTreeSet::new()) };
        let list: RolledBack = serde_json::from_slice(&bytes)
            .map_err(|e| StoreError::BadPlace { place: self.place(LIST), why: e.to_string() })?;
        Ok(list.runs)
    }

    /// Notes which runs are taken back.
    ///
    /// # Errors
    /// If the list cannot be written; the old one then stays.
    pub fn set_rolled_back(&self, runs: BTreeSet<String>, places: &Places) -> Result<(), StoreError> {
        let mut bytes = serde_json::to_vec_pretty(&RolledBack { runs }).unwrap_or_default();
        bytes.push(b'\n');
        self.put_small(LIST, &bytes, places)
    }
}
