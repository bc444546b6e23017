//! The figures lifecycle and value bands take from all members.

use serde::{Deserialize, Serialize};

use super::{Lifecycle, MemberFacts, Segments, ValueBand, ValueThresholds};
use crate::{base::Day, history::Timeline};

/// What lifecycle and value band need to know about everyone else. Part of the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct MemberThresholds {
    /// Lower median of the median gaps of members with enough purchase days, in days; `None` if there is none.
    pub population_gap: Option<f64>,
    /// Least net spend of the bands.
    pub value: ValueThresholds,
}

impl MemberThresholds {
    /// Takes the figures from all members' facts; their order does not matter.
    #[must_use]
    pub fn fit<'a>(facts: impl IntoIterator<Item = &'a MemberFacts>, settings: &Segments) -> Self {
        let mut gaps = Vec::new();
        let mut spends = Vec::new();
        for member in facts {
            spends.push(member.net_spend);
            gaps.extend(member.median_gap.filter(|_| member.purchase_days >= settings.lifecycle.own_rhythm_from));
        }
        let middle = gaps.len().saturating_sub(1) / 2;
        let population_gap = if gaps.is_empty() {
            None
        } else {
            Some(f64::from(*gaps.select_nth_unstable_by(middle, f32::total_cmp).1))
        };
        Self { population_gap, value: settings.value.thresholds(spends) }
    }

    /// The lifecycle stage of a member.
    #[must_use]
    pub fn lifecycle(&self, facts: &MemberFacts, settings: &Segments, timeline: Timeline, as_of: Day) -> Lifecycle {
        settings.lifecycle.stage(facts, self.population_gap, timeline, as_of)
    }

    /// The value band of a member.
    #[must_use]
    pub fn value_band(&self, facts: &MemberFacts) -> ValueBand {
        self.value.band(facts.net_spend)
    }
}
