//! `[decision.uplift]`, as written and checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::settings::{fraction, ranged};
use crate::base::{Findings, findings::JobPath};

/// `[decision.uplift]`: what the offers change, measured against the members held out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawUplift {
    /// Days from a member's first assignment in which counts what the member does (28). Members whose days are not over are
    /// not measured yet.
    pub window_days: Option<u32>,
    /// Days before the first assignment that tell what a member would have done anyway (364): the more they tell, the
    /// narrower the intervals.
    pub history_days: Option<u32>,
    /// The uplift that the holdout should be large enough to show, as a share of what the holdout does (0.1): a tenth more.
    pub detect: Option<f64>,
}

/// How uplift is measured, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpliftSettings {
    /// Days measured from the first assignment on.
    pub window_days: u32,
    /// Days before it that adjust.
    pub history_days: u32,
    /// Relative uplift that is to be seen.
    pub detect: f64,
}

impl RawUplift {
    /// Checks the section found at `at`.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> UpliftSettings {
        UpliftSettings {
            window_days: ranged(self.window_days, 28, 1..=730, &at.key("window_days"), findings),
            history_days: ranged(self.history_days, 364, 1..=3650, &at.key("history_days"), findings),
            detect: fraction(self.detect, 0.1, 0.001, 10.0, &at.key("detect"), findings),
        }
    }
}
