//! The job's section `[recommend]`: as written and as checked.

use std::collections::BTreeMap;

use super::{Parameters, RepeatPolicy};
use crate::{
    base::findings::{Findings, JobPath},
    items::RhythmRule,
};

/// `[recommend]` as written: how items are scored for members.
#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawRecommend {
    /// Candidates worked out for each member.
    pub candidates: usize,
    /// Weight of what a member has not bought against what the member has (κ). Left out: tuned.
    pub kappa: Option<f64>,
    /// Half-life of popularity in days. Left out: tuned.
    pub half_life_days: Option<f64>,
    /// Weight of a purchase per basket of the member's since, below 1 (d). Left out: tuned.
    pub decay: Option<f64>,
    /// How much an item's own rebuy rate counts, 0 = not at all (η). Left out: tuned.
    pub rebuy_exponent: Option<f64>,
    /// Share of the explore term that goes to what follows the member's own purchases, 0 to 1; the rest goes to
    /// popularity. Left out: tuned.
    pub transition_weight: Option<f64>,
    /// Share of the rebuy term that goes to the hazard of buying again, 0 to 1; the rest to the decayed frequency. Left
    /// out: tuned.
    pub hazard_weight: Option<f64>,
    /// How much the days since the last purchase over the item's usual gap count, 0 = not at all. Left out: tuned.
    pub timing_exponent: Option<f64>,
    /// How much an item's sales of late over those of two months count for buying it again, 0 = not at all. Left out: tuned.
    pub trend_exponent: Option<f64>,
    /// Half-life in days of the baskets in which something followed what the member bought. Left out: tuned.
    pub transition_half_life_days: Option<f64>,
    /// Share of the explore term that goes to what is popular in the categories the member buys in, 0 to 1. Left out:
    /// tuned.
    pub category_weight: Option<f64>,
    /// Share of the explore term that goes to what is popular in the member's segment of taste, 0 to 1. Left out: tuned.
    pub segment_weight: Option<f64>,
    /// Share of the explore term that goes to what the nearest members of a reference panel bought next, 0 to 1. Left out:
    /// tuned.
    pub neighbour_weight: Option<f64>,
    /// Days at the end of the history that tuning hides and predicts.
    pub horizon_days: u32,
    /// Days for which the previous run's tuned numbers are used again; 0 tunes every night.
    pub retune_days: u32,
    /// Members, fixed by hash, that tuning predicts.
    pub tuning_members: usize,
    /// Fewer members than this in the tail: nothing is tuned.
    pub tuning_min_members: usize,
    /// Items kept that follow or accompany an item.
    pub neighbours: usize,
    /// A member's newest distinct items that speak in "because you bought".
    pub profile_items: usize,
    /// Pairs of items that are counted; above it members are sampled, fixed by hash.
    pub pair_budget: u64,
    /// Whether the same item may be offered again, by category (or the start of its path). Left out: learned.
    pub repeat: BTreeMap<String, RepeatPolicy>,
    /// A category whose items are rebought less than this share of the shop's mean is `never_repeat`, unless `repeat` says
    /// otherwise.
    pub never_repeat_below: f64,
    /// Days for which `never_repeat` holds.
    pub never_repeat_days: u32,
    /// Fewest purchase days in a category that make a regular buyer.
    pub regular_min_days: u32,
    /// A regular buyer's last purchase lies at most this many of their own median gaps back.
    pub regular_max_gaps: f64,
    /// Days after a device within which an accessory counts as bought for it.
    pub attach_days: u32,
    /// Whether what fits what is learned from purchases where neither a compatibility table nor the items' `fits` say it.
    pub learn_fits: bool,
}

impl Default for RawRecommend {
    fn default() -> Self {
        Self {
            candidates: 50,
            kappa: None,
            half_life_days: None,
            decay: None,
            rebuy_exponent: None,
            transition_weight: None,
            hazard_weight: None,
            timing_exponent: None,
            trend_exponent: None,
            transition_half_life_days: None,
            category_weight: None,
            segment_weight: None,
            neighbour_weight: None,
            horizon_days: 30,
            retune_days: 7,
            tuning_members: 5_000,
            tuning_min_members: 50,
            neighbours: 32,
            profile_items: 32,
            pair_budget: 32_000_000,
            repeat: BTreeMap::new(),
            never_repeat_below: 0.1,
            never_repeat_days: 365,
            regular_min_days: 3,
            regular_max_gaps: 2.0,
            attach_days: 30,
            learn_fits: true,
        }
    }
}

/// The numbers of the score that the job fixes; the others are tuned.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct GivenParameters {
    /// κ.
    pub kappa: Option<f64>,
    /// Half-life of popularity in days.
    pub half_life_days: Option<f64>,
    /// d.
    pub decay: Option<f64>,
    /// η.
    pub rebuy_exponent: Option<f64>,
    /// w.
    pub transition_weight: Option<f64>,
    /// Share of the hazard.
    pub hazard_weight: Option<f64>,
    /// θ.
    pub timing_exponent: Option<f64>,
    /// ζ.
    pub trend_exponent: Option<f64>,
    /// Half-life of transitions in days.
    pub transition_half_life_days: Option<f64>,
    /// Share of the categories.
    pub category_weight: Option<f64>,
    /// Share of the segments of taste.
    pub segment_weight: Option<f64>,
    /// Share of the nearest members.
    pub neighbour_weight: Option<f64>,
}

impl GivenParameters {
    /// What is given, and `others` for the rest.
    #[must_use]
    pub fn or(&self, others: &Parameters) -> Parameters {
        Parameters {
            kappa: self.kappa.unwrap_or(others.kappa),
            half_life_days: self.half_life_days.unwrap_or(others.half_life_days),
            decay: self.decay.unwrap_or(others.decay),
            rebuy_exponent: self.rebuy_exponent.unwrap_or(others.rebuy_exponent),
            transition_weight: self.transition_weight.unwrap_or(others.transition_weight),
            hazard_weight: self.hazard_weight.unwrap_or(others.hazard_weight),
            timing_exponent: self.timing_exponent.unwrap_or(others.timing_exponent),
            trend_exponent: self.trend_exponent.unwrap_or(others.trend_exponent),
            transition_half_life_days: self.transition_half_life_days.unwrap_or(others.transition_half_life_days),
            category_weight: self.category_weight.unwrap_or(others.category_weight),
            segment_weight: self.segment_weight.unwrap_or(others.segment_weight),
            neighbour_weight: self.neighbour_weight.unwrap_or(others.neighbour_weight),
        }
    }

    /// All of them, if all are given.
    #[must_use]
    pub fn all(&self) -> Option<Parameters> {
        Some(Parameters {
            kappa: self.kappa?,
            half_life_days: self.half_life_days?,
            decay: self.decay?,
            rebuy_exponent: self.rebuy_exponent?,
            transition_weight: self.transition_weight?,
            hazard_weight: self.hazard_weight?,
            timing_exponent: self.timing_exponent?,
            trend_exponent: self.trend_exponent?,
            transition_half_life_days: self.transition_half_life_days?,
            category_weight: self.category_weight?,
            segment_weight: self.segment_weight?,
            neighbour_weight: self.neighbour_weight?,
        })
    }
}

/// `[recommend]`, checked.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RecommendSettings {
    /// Candidates worked out for each member.
    pub candidates: usize,
    /// The numbers of the score that the job fixes.
    pub given: GivenParameters,
    /// Days at the end of the history that tuning hides and predicts.
    pub horizon_days: u32,
    /// Days for which tuned numbers are used again.
    pub retune_days: u32,
    /// Most members that tuning predicts.
    pub tuning_members: usize,
    /// Fewest members that tuning needs.
    pub tuning_min_members: usize,
    /// Items kept that follow or accompany an item.
    pub neighbours: usize,
    /// A member's newest distinct items that speak in the transition term.
    pub profile_items: usize,
    /// Pairs of items that are counted.
    pub pair_budget: u64,
    /// Declared policies of repeating, by category path or the start of one.
    pub repeat: BTreeMap<String, RepeatPolicy>,
    /// Share of the shop's mean rebuy rate below which a category is `never_repeat`.
    pub never_repeat_below: f64,
    /// Days for which `never_repeat` holds.
    pub never_repeat_days: u32,
    /// Who is a regular buyer.
    pub regular: RhythmRule,
    /// Days after a device within which an accessory counts as bought for it.
    pub attach_days: u32,
    /// Whether what fits what is learned where the shop does not say it.
    pub learn_fits: bool,
}

impl RawRecommend {
    /// Checks the section; every problem becomes a finding below `at`.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> RecommendSettings {
        let mut check = Check { at, findings };
        let given = GivenParameters {
            kappa: check.optional("kappa", self.kappa, 1e-6, 1e9),
            half_life_days: check.optional("half_life_days", self.half_life_days, 0.1, 3650.0),
            decay: check.optional("decay", self.decay, 0.01, 0.999),
            rebuy_exponent: check.optional("rebuy_exponent", self.rebuy_exponent, 0.0, 4.0),
            transition_weight: check.optional("transition_weight", self.transition_weight, 0.0, 1.0),
            hazard_weight: check.optional("hazard_weight", self.hazard_weight, 0.0, 1.0),
            timing_exponent: check.optional("timing_exponent", self.timing_exponent, 0.0, 4.0),
            trend_exponent: check.optional("trend_exponent", self.trend_exponent, 0.0, 4.0),
            transition_half_life_days: check.optional(
                "transition_half_life_days",
                self.transition_half_life_days,
                0.1,
                3650.0,
            ),
            category_weight: check.optional("category_weight", self.category_weight, 0.0, 1.0),
            segment_weight: check.optional("segment_weight", self.segment_weight, 0.0, 1.0),
            neighbour_weight: check.optional("neighbour_weight", self.neighbour_weight, 0.0, 1.0),
        };
        RecommendSettings {
            candidates: check.whole("candidates", self.candidates as u64, 1, 1000) as usize,
            given,
            horizon_days: check.whole("horizon_days", self.horizon_days.into(), 1, 365) as u32,
            retune_days: check.whole("retune_days", self.retune_days.into(), 0, 365) as u32,
            tuning_members: check.whole("tuning_members", self.tuning_members as u64, 1, 1_000_000) as usize,
            tuning_min_members: check.whole("tuning_min_members", self.tuning_min_members as u64, 1, 1_000_000)
                as usize,
            neighbours: check.whole("neighbours", self.neighbours as u64, 1, 1000) as usize,
            profile_items: check.whole("profile_items", self.profile_items as u64, 1, 10_000) as usize,
            pair_budget: check.whole("pair_budget", self.pair_budget, 1000, 100_000_000_000),
            repeat: self.repeat.clone(),
            never_repeat_below: check.number("never_repeat_below", self.never_repeat_below, 0.0, 1.0),
            never_repeat_days: check.whole("never_repeat_days", self.never_repeat_days.into(), 0, 36_500) as u32,
            regular: RhythmRule {
                min_days: check.whole("regular_min_days", self.regular_min_days.into(), 2, 1000) as u32,
                max_gaps: check.number("regular_max_gaps", self.regular_max_gaps, 1.0, 100.0),
            },
            attach_days: check.whole("attach_days", self.attach_days.into(), 1, 3650) as u32,
            learn_fits: self.learn_fits,
        }
    }
}

struct Check<'a> {
    at: &'a JobPath,
    findings: &'a mut Findings,
}

impl Check<'_> {
    fn refuse(&mut self, key: &str, value: &str, low: &str, high: &str) {
        self.findings.error(
            "recommend::out_of_range",
            self.at.key(key),
            format!("`{key}` is {value}, which is not between {low} and {high}"),
            format!("write a value from {low} to {high}, or leave the key out"),
        );
    }

    fn whole(&mut self, key: &str, value: u64, low: u64, high: u64) -> u64 {
        if !(low..=high).contains(&value) {
            self.refuse(key, &value.to_string(), &low.to_string(), &high.to_string());
        }
        value.clamp(low, high)
    }

    fn number(&mut self, key: &str, value: f64, low: f64, high: f64) -> f64 {
        if (low..=high).contains(&value) {
            return value;
        }
        self.refuse(key, &value.to_string(), &low.to_string(), &high.to_string());
        low
    }

    fn optional(&mut self, key: &str, value: Option<f64>, low: f64, high: f64) -> Option<f64> {
        value.map(|value| self.number(key, value, low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_fine_and_every_fault_is_told() {
        let at = JobPath::root().key("recommend");
        let mut findings = Findings::new();
        let settings = RawRecommend::default().check(&at, &mut findings);
        assert!(findings.is_empty());
        assert_eq!(settings.given.all(), None);
        let raw: RawRecommend =
            toml::from_str("kappa = -1.0\ndecay = nan\ncandidates = 0\n[repeat]\nphone = \"never_repeat\"").unwrap();
        let settings = raw.check(&at, &mut findings);
        let paths: Vec<&str> = findings.iter().map(|f| f.at.as_str()).collect();
        assert_eq!(paths, ["recommend.kappa", "recommend.decay", "recommend.candidates"]);
        assert_eq!(settings.repeat["phone"], RepeatPolicy::NeverRepeat);
        assert!(toml::from_str::<RawRecommend>("kapa = 1.0").is_err());
    }
}
