//! Where a member stands among the others, and what members of a segment take part in.

use std::collections::BTreeMap;

/// Where a member stands. A rank is the share of members who are at least as good: 0.01 is the best hundredth, 1 the last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Index of the segment in the model.
    pub segment: u32,
    /// By orders among the members of the segment.
    pub rank_in_segment: f32,
    /// By net spend among all members.
    pub rank_by_spend: f32,
}

impl Default for Standing {
    /// Nothing is known: last everywhere.
    fn default() -> Self {
        Self { segment: u32::MAX, rank_in_segment: 1.0, rank_by_spend: 1.0 }
    }
}

/// By segment and cause: the share of the segment's members who took part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Participation {
    shares: BTreeMap<(u32, String), f64>,
}

impl Participation {
    /// Shares from members counted by segment, and takers counted by segment and cause.
    #[must_use]
    pub fn new(members: &BTreeMap<u32, u64>, takers: &BTreeMap<(u32, String), u64>) -> Self {
        let shares = takers.iter().map(|((segment, cause), count)| {
            let all = members.get(segment).copied().unwrap_or(0).max(*count).max(1);
            ((*segment, cause.clone()), *count as f64 / all as f64)
        });
        Self { shares: shares.collect() }
    }

    /// The share of a segment's members who took part in a cause.
    #[must_use]
    pub fn share(&self, segment: u32, cause: &str) -> f64 {
        if self.shares.is_empty() {
            return 0.0;
        }
        self.shares.get(&(segment, cause.to_owned())).copied().unwrap_or(0.0)
    }
}
