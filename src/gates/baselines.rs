//! How features were spread some weeks ago: what creeps is seen against that, not against the night before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{base::Day, segments::Distributions};

/// Snapshots a few days apart, the newest last: enough of them that one is as old as the job wants. Written as JSON into
/// `model/baselines.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The snapshots.
    pub snapshots: Vec<Baseline>,
}

/// How a night was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its last day.
    pub as_of: Day,
    /// How features were spread.
    pub distributions: Distributions,
    /// Share of the members by id of their segment.
    pub segments: BTreeMap<i32, f64>,
}

/// Snapshots in the age of a baseline.
const STEPS: u32 = 4;

impl Baselines {
    /// What a night is held against: the newest snapshot that is `days` old, and while there is none so old the oldest.
    #[must_use]
    pub fn at(&self, as_of: Day, days: u32) -> Option<&Baseline> {
        self.snapshots[self.oldest_needed(as_of, days)..].first()
    }

    /// The snapshots that the next run finds: tonight's is added once the last one is a quarter of `days` old, and those
    /// go that are older than the baseline. Features that tonight has not go from all of them.
    #[must_use]
    pub fn with(&self, tonight: Baseline, days: u32) -> Self {
        let step = i64::from(days.div_ceil(STEPS));
        let due = self.snapshots.last().is_none_or(|last| i64::from(tonight.as_of.since(last.as_of)) >= step);
        // What is no feature any more is held against nothing; a category that is denied is named no longer.
        let known = |name: &str| tonight.distributions.features.iter().any(|f| f.name == name);
        let mut snapshots = self.snapshots[self.oldest_needed(tonight.as_of, days)..].to_vec();
        for snapshot in &mut snapshots {
            snapshot.distributions.features.retain(|f| known(&f.name));
        }
        snapshots.extend(due.then_some(tonight));
        Self { snapshots }
    }

    fn oldest_needed(&self, as_of: Day, days: u32) -> usize {
        let old = |b: &Baseline| i64::from(as_of.since(b.as_of)) >= i64::from(days);
        self.snapshots.iter().rposition(old).unwrap_or(0)
    }
}
