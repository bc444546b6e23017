//! The numbers of the score, and where they came from.

use super::Calibration;
use crate::base::Day;

/// The numbers of the score.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Parameters {
    /// κ: weight of what the member has not bought, against what the member has.
    pub kappa: f64,
    /// Half-life of popularity in days (in baskets where the data has no time).
    pub half_life_days: f64,
    /// d: weight of a purchase per basket of the member's since.
    pub decay: f64,
    /// η: how much an item's own rebuy rate counts; 0 = not at all.
    pub rebuy_exponent: f64,
    /// Share of the rebuy term that goes to the hazard of buying again; the rest to the decayed frequency.
    pub hazard_weight: f64,
    /// How much the days since the last purchase over the item's usual gap count; 0 = not at all.
    pub timing_exponent: f64,
    /// How much an item's trend counts for buying it again; 0 = not at all.
    pub trend_exponent: f64,
    /// w: share of the explore term that goes to what follows the member's own purchases. What no share goes to is
    /// popularity.
    pub transition_weight: f64,
    /// Half-life in days (in baskets where the data has no time) of the baskets in which something followed.
    pub transition_half_life_days: f64,
    /// Share of the explore term that goes to what is popular in the categories the member buys in.
    pub category_weight: f64,
    /// Share of the explore term that goes to what is popular in the member's segment of taste.
    pub segment_weight: f64,
    /// Share of the explore term that goes to what the nearest members of the reference panel bought next.
    pub neighbour_weight: f64,
}

impl Default for Parameters {
    /// What a shop too small to tune on gets.
    fn default() -> Self {
        Self {
            kappa: 1.0,
            half_life_days: 30.0,
            decay: 0.9,
            rebuy_exponent: 0.5,
            hazard_weight: 0.5,
            timing_exponent: 0.0,
            trend_exponent: 0.0,
            transition_weight: 0.5,
            transition_half_life_days: 60.0,
            category_weight: 0.1,
            segment_weight: 0.0,
            neighbour_weight: 0.0,
        }
    }
}

impl Parameters {
    /// Share of the explore term that goes to popularity.
    #[must_use]
    pub fn popularity_weight(&self) -> f64 {
        let others = self.transition_weight + self.category_weight + self.segment_weight + self.neighbour_weight;
        (1.0 - others).max(0.0)
    }

    /// What knowledge has to be fitted under for these numbers.
    #[must_use]
    pub fn half_lives(&self) -> HalfLives {
        HalfLives {
            popularity: vec![self.half_life_days],
            transitions: vec![self.transition_half_life_days],
            trend: self.trend_exponent > 0.0,
            tastes: (self.segment_weight > 0.0).then_some(self.half_life_days),
            panel: self.neighbour_weight > 0.0,
        }
    }
}

/// Half-lives (days, or baskets where the data has no time) under which knowledge is fitted side by side, and which of
/// the terms that are not always used.
#[derive(Debug, Clone, PartialEq)]
pub struct HalfLives {
    /// Of popularity.
    pub popularity: Vec<f64>,
    /// Of the baskets in which something followed.
    pub transitions: Vec<f64>,
    /// Whether the items' trends are learned, where the data has time.
    pub trend: bool,
    /// Of popularity in segments of taste; `None`: the term is not used.
    pub tastes: Option<f64>,
    /// Whether the nearest members of a reference panel are asked.
    pub panel: bool,
}

/// Where parameters came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TunedFrom {
    /// Tuned on the history's tail.
    History,
    /// Every number stands in the job.
    Job,
    /// The tail has too few members to tune on: the defaults, with what the job gives.
    Defaults,
}

/// Parameters with how they were found.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tuned {
    /// The numbers.
    #[serde(flatten)]
    pub parameters: Parameters,
    /// Where they came from.
    pub from: TunedFrom,
    /// Mean recall@10 on the tail; 0 where nothing was tuned.
    pub recall_at_10: f64,
    /// Mean NDCG@10 on the tail (ideal list cut at 10).
    pub ndcg_at_10: f64,
    /// Settings evaluated.
    pub evaluated: u32,
    /// Members the tail was scored on.
    pub members: u32,
    /// Last day of the history that was fitted.
    pub cut: Day,
    /// As-of day of the run that tuned.
    pub tuned_on: Day,
    /// From scores to probabilities; `None` where there are too few members to learn it from.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}
