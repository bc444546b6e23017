//! The probability that a member accepts an offer, learned from contacts.
//!
//! **What is learned from.** Contacts whose outcome is known: accepted or refused within the response days, or left
//! unanswered when they ended (that is no refusal, but it is no acceptance either). Contacts whose response days are
//! not over are unknown, and nothing is learned from them (not even from an answer that is there already: acceptances
//! come early and silence late); outcomes after the as-of day are not seen.
//!
//! **Rates** ([`rates`]): acceptances per offer × segment, shrunk to the offer's rate, that to its kind's, that to the
//! rate of all contacts. How strongly each level is shrunk comes from the contacts themselves (empirical Bayes).
//!
//! **A model** ([`model`]): where there are contacts enough, a plain logistic regression that adds to the logarithm of the
//! odds of that rate what was known of the member when the contact was sent: how lately and how often the member had
//! bought, how often and how lately the member had been contacted, and what had come of it. While it is fitted, each
//! offer has a random effect of its own: what a campaign's luck was is not taken for something about members.
//!
//! **Which of them** is decided out of time: both are fitted on the earlier contacts and predict the later ones, and the
//! model is taken only if its log-loss is lower. Where the later contacts are of ten offers or more, what is
//! taken is calibrated on them by two numbers, shrunk towards none (Platt 1999). With fewer it is not: that the later
//! offers did better or worse than foreseen then says what these offers were like, and correcting the next ones by it
//! makes their probabilities worse. In the end all is fitted again on everything.

mod calibration;
mod model;
mod observe;
mod out_of_time;
mod rates;
#[cfg(test)]
mod tests;

pub use calibration::{Bin, Calibration, log_loss, reliability};
pub use model::LogisticModel;
pub(super) use observe::purchase_days;
pub use observe::{Activity, Observation, SoFar, observe};
pub use out_of_time::{OutOfTime, Prediction, ReliableBin, Scored, out_of_time};
pub use rates::{Level, Rates};

use serde::{Deserialize, Serialize};

use crate::base::Day;

/// Share of the contacts, the latest ones, that decide between rates and model.
const LATER: f64 = 0.3;
/// Acceptances below which no model is fitted.
const LEAST_ACCEPTED: usize = 30;
/// Offers among the later contacts from which on their outcome corrects the probabilities.
const LEAST_OFFERS: usize = 10;

/// What offers are, for learning: each offer's kind, and how many of each there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offering {
    /// By offer: index of its kind.
    pub kind: Vec<u16>,
    /// Number of kinds.
    pub kinds: usize,
    /// Number of segments.
    pub segments: usize,
}

/// How much is needed before something is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enough {
    /// Contacts with a known outcome for rates.
    pub for_rates: usize,
    /// Contacts with a known outcome for a model.
    pub for_model: usize,
    /// Most contacts that a model is fitted on.
    pub most: usize,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Rates by offer and segment.
    pub rates: Rates,
    /// The model, where it was better.
    pub model: Option<LogisticModel>,
    /// What the probability is corrected by.
    pub calibration: Calibration,
    /// How it was found.
    pub report: LearningReport,
}

/// How well what was learned predicts contacts that were sent after those it was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningReport {
    /// Contacts with a known outcome.
    pub contacts: u64,
    /// Acceptances among them.
    pub accepted: u64,
    /// Contacts whose outcome is not known yet.
    pub unknown: u64,
    /// Last day whose knowledge the trial was fitted on; `None` where there was too little for a trial.
    pub split: Option<Day>,
    /// Contacts that were predicted.
    pub predicted: u64,
    /// Mean log-loss of the rate of all contacts, in nats.
    pub log_loss_base: Option<f64>,
    /// Mean log-loss of the rates.
    pub log_loss_rates: Option<f64>,
    /// Mean log-loss of the model.
    pub log_loss_model: Option<f64>,
    /// What was predicted against what came, by tenths of the predictions of what was taken.
    pub reliability: Vec<Bin>,
}

impl Acceptance {
    /// Learns from observations, in any order; `None` where there are too few contacts with a known outcome, or no
    /// acceptance among them, or nothing but.
    #[must_use]
    pub fn learn(mut observations: Vec<Observation>, offering: &Offering, enough: Enough) -> Option<Self> {
        observations.sort_unstable_by_key(Observation::order);
        let known = observations.iter().filter(|o| o.known.is_some()).count();
        let accepted = observations.iter().filter(|o| o.known.is_some() && o.accepted).count();
        if known < enough.for_rates.max(1) || accepted == 0 || accepted == known {
            return None;
        }
        let rates = Rates::fit(observations.iter(), offering);
        let rows = rates.walk(&observations, offering);
        let mut report = LearningReport {
            contacts: known as u64,
            accepted: accepted as u64,
            unknown: (observations.len() - known) as u64,
            split: None,
            predicted: 0,
            log_loss_base: None,
            log_loss_rates: None,
            log_loss_model: None,
            reliability: Vec::new(),
        };
        let may_model = known >= enough.for_model && accepted >= LEAST_ACCEPTED;
        let mut calibration = Calibration::default();
        let mut with_model = false;
        let alike = rates.weights[1];
        if let Some(trial) = Trial::hold(&rows, may_model.then_some(enough.most), alike) {
            with_model = trial.model.as_ref().is_some_and(|m| log_loss(m) < log_loss(&trial.rates));
            let taken = match &trial.model {
                Some(model) if with_model => model,
                _ => &trial.rates,
            };
            if trial.offers >= LEAST_OFFERS {
                calibration = Calibration::fit(taken);
            }
            report.split = Some(trial.split);
            report.predicted = trial.rates.len() as u64;
            report.log_loss_base = Some(log_loss(&trial.base));
            report.log_loss_rates = Some(log_loss(&trial.rates));
            report.log_loss_model = trial.model.as_deref().map(log_loss);
            report.reliability = reliability(taken, 10);
        }
        let model = if with_model { LogisticModel::fit(&rows, enough.most, alike) } else { None };
        Some(Self { rates, model, calibration, report })
    }

    /// The calibrated probability that a member of `segment` of whom `so_far` is known accepts `offer`.
    #[must_use]
    pub fn probability(&self, offer: u16, segment: u16, so_far: &SoFar) -> f64 {
        let rate = self.rates.rate(offer, segment);
        let p = match &self.model {
            Some(model) => model.probability(rate, self.rates.base(), so_far),
            None => rate,
        };
        self.calibration.apply(p)
    }
}

/// Predictions of later contacts by what was known before.
struct Trial {
    split: Day,
    /// How many offers the later contacts are of.
    offers: usize,
    base: Vec<Prediction>,
    rates: Vec<Prediction>,
    model: Option<Vec<Prediction>>,
}

impl Trial {
    /// `rows` come in the order of sending. `most`: contacts for a model; `None`: no model is tried.
    fn hold(rows: &[rates::Row], most: Option<usize>, alike: f64) -> Option<Self> {
        let known: Vec<&rates::Row> = rows.iter().filter(|r| r.known.is_some()).collect();
        let first = known.get((known.len() as f64 * (1.0 - LATER)) as usize)?;
        let split = first.sent.plus(-1);
        let earlier: Vec<rates::Row> =
            known.iter().filter(|r| r.known.is_some_and(|day| day <= split)).map(|r| **r).collect();
        let later: Vec<&rates::Row> = known.into_iter().filter(|r| r.sent > split).collect();
        let accepted = earlier.iter().filter(|r| r.accepted).count();
        if earlier.is_empty() || later.is_empty() || accepted == 0 || accepted == earlier.len() {
            return None;
        }
        let base = accepted as f64 / earlier.len() as f64;
        let predict = |p: &dyn Fn(&rates::Row) -> f64| -> Vec<Prediction> {
            let one = |r: &&rates::Row| Prediction {
                member: r.member,
                offer: r.offer,
                probability: p(r),
                accepted: r.accepted,
            };
            later.iter().map(one).collect()
        };
        let model = most.and_then(|most| LogisticModel::fit(&earlier, most, alike));
        let offers: std::collections::BTreeSet<Option<u16>> = later.iter().map(|r| r.offer).collect();
        Some(Self {
            split,
            offers: offers.len(),
            base: predict(&|_| base),
            rates: predict(&|r| r.rate),
            model: model.map(|m| predict(&|r| m.probability(r.rate, r.base, &r.so_far))),
        })
    }
}
