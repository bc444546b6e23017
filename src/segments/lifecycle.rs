//! Where a member stands between the first purchase and the last, measured by the member's own rhythm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    facts::{MemberFacts, median_gap},
    settings::in_range,
};
use crate::{
    base::{
        Day,
        findings::{Findings, JobPath},
    },
    history::Timeline,
};

/// A stage of a member's life with the shop, as of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Bought for the first time lately.
    New,
    /// Buys in the usual rhythm.
    Active,
    /// Late against the usual rhythm.
    AtRisk,
    /// Very late.
    Dormant,
    /// So late that a return would be a surprise.
    Lost,
}

/// When a member counts as new, active, at risk, dormant or lost. A member's *usual gap* is the median number of days
/// between successive purchase days; the time since the last purchase is counted in usual gaps.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLifecycle {
    /// New: the first purchase is at most this many days ago.
    pub new_days: u32,
    /// At risk: more than this many usual gaps since the last purchase. If gaps vary as if by chance, a quarter of them
    /// is longer than 2 medians.
    pub at_risk_after: f64,
    /// Dormant: more than this many usual gaps (one gap in 16 is longer than 4 medians).
    pub dormant_after: f64,
    /// Lost: more than this many usual gaps (one gap in 256 is longer than 8 medians).
    pub lost_after: f64,
    /// Purchase days from which on a member's own usual gap counts; before, it is the median of all members' gaps.
    pub own_rhythm_from: u32,
    /// Usual gaps are held to at least this many days, so that nobody is at risk after a quiet weekend.
    pub min_gap_days: u32,
    /// Usual gaps are held to at most this many days.
    pub max_gap_days: u32,
    /// Reactivated: dormant or lost this many days ago, and back since.
    pub reactivation_days: u32,
}

impl Default for RawLifecycle {
    fn default() -> Self {
        Self {
            new_days: 30,
            at_risk_after: 2.0,
            dormant_after: 4.0,
            lost_after: 8.0,
            own_rhythm_from: 3,
            min_gap_days: 7,
            max_gap_days: 180,
            reactivation_days: 90,
        }
    }
}

/// Checked lifecycle thresholds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LifecycleSettings {
    /// Days since the first purchase up to which a member is new.
    pub new_days: u32,
    /// Usual gaps after which a member is at risk, > 0.
    pub at_risk_after: f64,
    /// Usual gaps after which a member is dormant, > `at_risk_after`.
    pub dormant_after: f64,
    /// Usual gaps after which a member is lost, > `dormant_after`.
    pub lost_after: f64,
    /// Purchase days that make a rhythm of one's own, at least 2.
    pub own_rhythm_from: u32,
    /// Least usual gap in days, at least 1.
    pub min_gap_days: u32,
    /// Largest usual gap in days, at least `min_gap_days`.
    pub max_gap_days: u32,
    /// Days within which who was dormant or lost counts as reactivated, at least 1.
    pub reactivation_days: u32,
}

impl RawLifecycle {
    /// Checks the section.
    pub(super) fn check(&self, at: &JobPath, findings: &mut Findings) -> LifecycleSettings {
        let code = "segments::lifecycle_out_of_range";
        let new_days = in_range(at.key("new_days"), code, self.new_days, 0, 3650, findings);
        let own_rhythm_from = in_range(at.key("own_rhythm_from"), code, self.own_rhythm_from, 2, 1000, findings);
        let min_gap_days = in_range(at.key("min_gap_days"), code, self.min_gap_days, 1, 3650, findings);
        let max_gap_days = in_range(at.key("max_gap_days"), code, self.max_gap_days, min_gap_days, 36_500, findings);
        let reactivation_days = in_range(at.key("reactivation_days"), code, self.reactivation_days, 1, 3650, findings);
        let mut steps = [self.at_risk_after, self.dormant_after, self.lost_after];
        let rising = steps[0] > 0.0 && steps[0] < steps[1] && steps[1] < steps[2] && steps[2].is_finite();
        if !rising {
            findings.error(
                "segments::lifecycle_order",
                at.clone(),
                format!(
                    "at_risk_after {}, dormant_after {} and lost_after {} do not rise from above 0",
                    steps[0], steps[1], steps[2]
                ),
                "use rising numbers of usual gaps, such as 2, 4 and 8",
            );
            let usual = Self::default();
            steps = [usual.at_risk_after, usual.dormant_after, usual.lost_after];
        }
        let [at_risk_after, dormant_after, lost_after] = steps;
        LifecycleSettings {
            new_days,
            at_risk_after,
            dormant_after,
            lost_after,
            own_rhythm_from,
            min_gap_days,
            max_gap_days,
            reactivation_days,
        }
    }
}

impl LifecycleSettings {
    /// The usual gap of a member in days: the own median gap where there are enough purchase days, else that of all
    /// members (`max_gap_days` if nobody has one), held within the bounds.
    #[must_use]
    pub fn usual_gap(&self, facts: &MemberFacts, population: Option<f64>) -> f64 {
        self.gap_of(facts.purchase_days, facts.median_gap, population)
    }

    fn gap_of(&self, purchase_days: u32, median_gap: Option<f32>, population: Option<f64>) -> f64 {
        let own = median_gap.filter(|_| purchase_days >= self.own_rhythm_from).map(f64::from);
        let (low, high) = (f64::from(self.min_gap_days), f64::from(self.max_gap_days));
        own.or(population).unwrap_or(high).clamp(low, high)
    }

    /// The day the next purchase is expected: the last one and the member's own usual gap, in whole days. It stays the
    /// same until the member buys again. `None` for members without a rhythm of their own.
    #[must_use]
    pub fn expected(&self, facts: &MemberFacts) -> Option<Day> {
        let gap = facts.median_gap.filter(|_| facts.purchase_days >= self.own_rhythm_from)?;
        let held = f64::from(gap).clamp(f64::from(self.min_gap_days), f64::from(self.max_gap_days));
        Some(facts.last.plus(held.round() as i32))
    }

    /// Whether a member who was dormant or lost `reactivation_days` before `as_of` has bought since; `None` for members
    /// who were not. All members' usual gap is taken as it is today.
    #[must_use]
    pub fn reactivated(&self, facts: &MemberFacts, population: Option<f64>, as_of: Day) -> Option<bool> {
        let earlier = &facts.earlier;
        if earlier.purchase_days == 0 {
            return None;
        }
        let then = as_of.plus(-(self.reactivation_days as i32));
        let usual = self.gap_of(earlier.purchase_days, earlier.median_gap, population);
        let was_away = f64::from(then.since(earlier.last)) / usual > self.dormant_after;
        was_away.then_some(facts.last > then)
    }

    /// Whether a member who had bought on these days up to `on`, rising, was dormant or lost then. `scratch` is room.
    #[must_use]
    pub fn away(&self, days: &[Day], population: Option<f64>, on: Day, scratch: &mut Vec<Day>) -> bool {
        let Some(last) = days.last() else { return false };
        scratch.clear();
        scratch.extend_from_slice(days);
        let usual = self.gap_of(days.len() as u32, median_gap(scratch), population);
        f64::from(on.since(*last)) / usual > self.dormant_after
    }

    /// The stage of a member as of a day.
    ///
    /// Without calendar time there is neither late nor lost: a member with one basket is new, any other active.
    #[must_use]
    pub fn stage(&self, facts: &MemberFacts, population: Option<f64>, timeline: Timeline, as_of: Day) -> Lifecycle {
        if timeline == Timeline::Ordinal {
            return if facts.purchase_days <= 1 { Lifecycle::New } else { Lifecycle::Active };
        }
        if as_of.since(facts.first) <= self.new_days as i32 {
            return Lifecycle::New;
        }
        let gaps = f64::from(as_of.since(facts.last)) / self.usual_gap(facts, population);
        if gaps > self.lost_after {
            Lifecycle::Lost
        } else if gaps > self.dormant_after {
            Lifecycle::Dormant
        } else if gaps > self.at_risk_after {
            Lifecycle::AtRisk
        } else {
            Lifecycle::Active
        }
    }

    /// The rule of a stage in words, for the tag dictionary.
    pub(super) fn rule(&self, stage: Lifecycle, population: Option<f64>) -> String {
        let range =
            |low: f64, high: f64| format!("more than {low} and at most {high} usual gaps since the last purchase");
        let gap = match population {
            Some(days) => format!("all members' median of {days} days"),
            None => format!("{} days", self.max_gap_days),
        };
        let usual = format!(
            "; usual gap: the own median from {} purchase days on, else {gap}; {} to {} days",
            self.own_rhythm_from, self.min_gap_days, self.max_gap_days
        );
        match stage {
            Lifecycle::New => format!("first purchase at most {} days ago", self.new_days),
            Lifecycle::Active => format!("at most {} usual gaps since the last purchase{usual}", self.at_risk_after),
            Lifecycle::AtRisk => range(self.at_risk_after, self.dormant_after) + &usual,
            Lifecycle::Dormant => range(self.dormant_after, self.lost_after) + &usual,
            Lifecycle::Lost => format!("more than {} usual gaps since the last purchase{usual}", self.lost_after),
        }
    }
}

impl Lifecycle {
    /// Every stage, in the order of a member's life.
    pub const ALL: [Self; 5] = [Self::New, Self::Active, Self::AtRisk, Self::Dormant, Self::Lost];

    /// The stage in snake_case, as outputs carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Active => "active",
            Self::AtRisk => "at_risk",
            Self::Dormant => "dormant",
            Self::Lost => "lost",
        }
    }

    /// Chinese and English name.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::New => ("新客", "New"),
            Self::Active => ("活跃", "Active"),
            Self::AtRisk => ("流失预警", "At risk"),
            Self::Dormant => ("沉睡", "Dormant"),
            Self::Lost => ("流失", "Lost"),
        }
    }
}
