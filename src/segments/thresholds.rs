//! The figures lifecycle and value bands take from all members.

use serde::{Deserialize, Serialize};

use super::{Lifecycle, MemberFacts, RfmClass, RfmThresholds, Segments, ValueBand, ValueThresholds};
use crate::{base::Day, history::Timeline};

/// What lifecycle and value band need to know about everyone else. Part of the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct MemberThresholds {
    /// Lower median of the median gaps of members with enough purchase days, in days; `None` if there is none.
    pub population_gap: Option<f64>,
    /// Least net spend of the bands.
    pub value: ValueThresholds,
    /// The middle of recency, frequency and money; `None` where the data has no calendar time or no money.
    #[serde(default)]
    pub rfm: Option<RfmThresholds>,
}

impl MemberThresholds {
    /// Takes the figures from all members' facts; their order does not matter.
    #[must_use]
    pub fn fit<'a>(
        facts: &(impl Iterator<Item = &'a MemberFacts> + Clone),
        settings: &Segments,
        timeline: Timeline,
        as_of: Day,
    ) -> Self {
        let mut gaps = Vec::new();
        let mut spends = Vec::new();
        for member in facts.clone() {
            spends.push(member.net_spend);
            gaps.extend(member.median_gap.filter(|_| member.purchase_days >= settings.lifecycle.own_rhythm_from));
        }
        let middle = gaps.len().saturating_sub(1) / 2;
        let population_gap = if gaps.is_empty() {
            None
        } else {
            Some(f64::from(*gaps.select_nth_unstable_by(middle, f32::total_cmp).1))
        };
        let rfm = match timeline {
            Timeline::Calendar => settings.rfm.thresholds(facts, as_of),
            Timeline::Ordinal => None,
        };
        Self { population_gap, value: settings.value.thresholds(spends), rfm }
    }

    /// The lifecycle stage of a member.
    #[must_use]
    pub fn lifecycle(&self, facts: &MemberFacts, settings: &Segments, timeline: Timeline, as_of: Day) -> Lifecycle {
        settings.lifecycle.stage(facts, self.population_gap, timeline, as_of)
    }

    /// The class of recency, frequency and money of a member.
    #[must_use]
    pub fn rfm_class(&self, facts: &MemberFacts, as_of: Day) -> Option<RfmClass> {
        self.rfm.map(|thresholds| thresholds.class(facts, as_of))
    }

    /// The value band of a member.
    #[must_use]
    pub fn value_band(&self, facts: &MemberFacts) -> ValueBand {
        self.value.band(facts.net_spend)
    }
}
