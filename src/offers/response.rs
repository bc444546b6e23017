//! What contacts with members mean for the decision, as written and checked: how long an answer is waited for, how long
//! an offer rests, what is learned, and how much is explored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{fraction, ranged};
use crate::base::{Findings, findings::JobPath};

/// `[decision.contacts]`: what the contact history keeps away from a member.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawContactRules {
    /// Days after a contact in which its outcome is still unknown; without one by then it was not accepted (14).
    pub response_days: Option<u32>,
    /// Days after an acceptance in which the offer is not made again (0).
    pub accepted_days: Option<u32>,
    /// Days after a contact whose response days ended without an outcome in which the offer is not made again (0).
    pub unanswered_days: Option<u32>,
    /// Most contacts of a member within `max_days` days, over all offers: the list is no longer than what is left of
    /// them; default: no cap.
    pub max: Option<u32>,
    /// Length of the period of `max` in days (7).
    pub max_days: Option<u32>,
}

/// `[decision.learning]`: the probability that a member accepts an offer, learned from contacts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLearning {
    /// Whether it is learned (true).
    pub enabled: Option<bool>,
    /// Contacts with a known outcome below which nothing is learned (200).
    pub min_contacts: Option<u32>,
    /// Contacts with a known outcome from which a logistic model may take the place of the rates (2000).
    pub min_for_model: Option<u32>,
    /// Most contacts that the model is fitted on, the newest ones (200000).
    pub max_for_model: Option<u32>,
}

/// `[decision.exploration]`: a share of members whose last slot is drawn by lot, so that more is learned than what is
/// thought best today.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawExploration {
    /// Share of the members whose last slot is drawn by lot among the offers that may stand there (0).
    pub share: Option<f64>,
    /// Days for which a member's lot holds (14).
    pub days: Option<u32>,
    /// Salt of the lots (`exploration`).
    pub salt: Option<String>,
}

/// What contacts keep away, checked.
#[derive(Debug, Clone, Serialize)]
pub struct ContactRules {
    /// Days in which an outcome is unknown.
    pub response_days: u32,
    /// Days after an acceptance.
    pub accepted_days: u32,
    /// Days after a contact without an outcome.
    pub unanswered_days: u32,
    /// Most contacts of a member.
    pub max: Option<u32>,
    /// In how many days.
    pub max_days: u32,
}

/// What is learned, checked.
#[derive(Debug, Clone, Serialize)]
pub struct LearningSettings {
    /// Whether anything is.
    pub enabled: bool,
    /// From how many contacts on.
    pub min_contacts: u32,
    /// From how many contacts on by a model.
    pub min_for_model: u32,
    /// Most contacts of a model.
    pub max_for_model: u32,
}

/// How much is explored, checked.
#[derive(Debug, Clone, Serialize)]
pub struct ExplorationSettings {
    /// Share of members.
    pub share: f64,
    /// Days a lot holds.
    pub days: u32,
    /// Salt.
    pub salt: String,
}

impl RawContactRules {
    /// Checks the section found at `at`.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> ContactRules {
        let mut days = |key: &str, value: Option<u32>, default: u32, low: u32, high: u32| {
            ranged(value, default, low..=high, &at.key(key), findings)
        };
        let rules = ContactRules {
            response_days: days("response_days", self.response_days, 14, 1, 3650),
            accepted_days: days("accepted_days", self.accepted_days, 0, 0, 3650),
            unanswered_days: days("unanswered_days", self.unanswered_days, 0, 0, 3650),
            max: self.max.map(|max| days("max", Some(max), 1, 0, 100_000)),
            max_days: days("max_days", self.max_days, 7, 1, 3650),
        };
        if self.max_days.is_some() && self.max.is_none() {
            findings.warn(
                "offers::period_without_cap",
                at.key("max_days"),
                "`max_days` without `max` does nothing",
                "add the cap or take it out",
            );
        }
        rules
    }
}

impl RawLearning {
    /// Checks the section found at `at`.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> LearningSettings {
        let mut count = |key: &str, value: Option<u32>, default: u32, low: u32| {
            ranged(value, default, low..=10_000_000, &at.key(key), findings)
        };
        LearningSettings {
            enabled: self.enabled.unwrap_or(true),
            min_contacts: count("min_contacts", self.min_contacts, 200, 1),
            min_for_model: count("min_for_model", self.min_for_model, 2000, 100),
            max_for_model: count("max_for_model", self.max_for_model, 200_000, 1000),
        }
    }
}

impl RawExploration {
    /// Checks the section found at `at`.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> ExplorationSettings {
        ExplorationSettings {
            share: fraction(self.share, 0.0, 0.0, 0.5, &at.key("share"), findings),
            days: ranged(self.days, 14, 1..=3650, &at.key("days"), findings),
            salt: self.salt.clone().unwrap_or_else(|| "exploration".into()),
        }
    }
}
