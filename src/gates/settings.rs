//! The job's section `[gates]`, as written and as checked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spec::SPECS;
use crate::base::findings::{Findings, JobPath, nearest};

/// A limit, or `false` for none.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RawLimit {
    /// The limit.
    At(f64),
    /// `false`: no limit.
    Off(bool),
}

/// The limits of a gate: what is above them warns, or refuses to publish. What is left out keeps its default; `false`
/// takes it away.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLimits {
    /// Above this it is said, on the screen and in the report.
    pub warn: Option<RawLimit>,
    /// Above this nothing is published: exit code 65, and a report under `refused/` of the output place.
    pub refuse: Option<RawLimit>,
}

/// Quality gates: what a night is held against before it is published. *Usual* is the median of the nights before it (up
/// to `history`). Without an earlier run only `stale_days` holds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawGates {
    /// Earlier nights that make up what is usual, 1 to 90 (14).
    pub history: Option<u32>,
    /// Last days whose lines make up the amounts, 1 to 366 (28).
    pub recent_days: Option<u32>,
    /// Age in days of the baseline that slow drift is measured against, 2 to 366 (28).
    pub baseline_days: Option<u32>,
    /// Rows below which shares of a table are too rough to be held against a limit (200).
    pub min_rows: Option<u64>,
    /// Gates that refuse nothing this time, by name, such as `rows_fall`; `--accept-gates` sets it for one run. What is
    /// usual starts anew from such a night.
    pub accept: Vec<String>,
    /// Share by which the rows of a table are fewer than usual (0.1, 0.3).
    pub rows_fall: RawLimits,
    /// Share by which they are more (0.5, none).
    pub rows_growth: RawLimits,
    /// Rise of the share of a table's rows that are dropped or quarantined (0.05, 0.2).
    pub lost_rise: RawLimits,
    /// Rise of the share of duplicate rows of a table (0.02, 0.1).
    pub duplicates_rise: RawLimits,
    /// Rise of the share of rows without a value in a mapped column (0.05, 0.2).
    pub blank_rise: RawLimits,
    /// Rise of the share of lines of items that the items table does not have (0.05, 0.2).
    pub unknown_items_rise: RawLimits,
    /// Days from the newest line to the last day that is read (3, 31).
    pub stale_days: RawLimits,
    /// Share of the lines that came late: of days up to the last run's, and not in it (0.05, none).
    pub late_lines: RawLimits,
    /// How far the mean amount of a recent line is from the usual, as a share of the smaller of the two (0.3, 2).
    pub amount_mean: RawLimits,
    /// The same of the median (0.3, 2).
    pub amount_median: RawLimits,
    /// Share of the members whom the last run did not have (0.1, 0.5).
    pub new_members: RawLimits,
    /// Share of the members who changed their segment since the last run (0.1, none).
    pub moved: RawLimits,
    /// Largest population stability index of a feature the segments are made from, against the last run (0.25, none).
    pub feature_drift: RawLimits,
    /// The same against the baseline (0.25, none).
    pub slow_drift: RawLimits,
    /// Stability index of the segments' sizes against the baseline (0.25, none).
    pub segment_mix: RawLimits,
    /// Share of the slots that went to other kinds of offers than usual (0.3, none).
    pub offer_mix: RawLimits,
    /// Fall of the share of members with a list (0.1, 0.5).
    pub reach_fall: RawLimits,
    /// Rise of the share of slots that the fallback offer filled with what is popular (0.1, 0.5).
    pub fallback_rise: RawLimits,
}

/// The checked limits of a gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Limits {
    /// Above this it warns.
    pub warn: Option<f64>,
    /// Above this it refuses.
    pub refuse: Option<f64>,
}

/// Checked settings of the gates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateSettings {
    /// Earlier nights that make up what is usual, at least 1.
    pub history: usize,
    /// Last days whose lines make up the amounts.
    pub recent_days: u32,
    /// Age of the baseline.
    pub baseline_days: u32,
    /// Rows below which shares are too rough.
    pub min_rows: u64,
    /// Names of gates that refuse nothing this time.
    pub accept: Vec<String>,
    limits: BTreeMap<&'static str, Limits>,
}

impl Default for GateSettings {
    fn default() -> Self {
        RawGates::default().check(&JobPath::root(), &mut Findings::new())
    }
}

impl GateSettings {
    /// The limits of a gate.
    #[must_use]
    pub fn limits(&self, gate: &str) -> Limits {
        self.limits.get(gate).copied().unwrap_or_default()
    }

    /// Whether a gate refuses nothing this time.
    #[must_use]
    pub fn accepts(&self, gate: &str) -> bool {
        self.accept.iter().any(|name| name == gate)
    }
}

impl RawGates {
    /// The limits as written, in the order of [`SPECS`].
    fn limits(&self) -> [&RawLimits; 18] {
        [
            &self.rows_fall,
            &self.rows_growth,
            &self.lost_rise,
            &self.duplicates_rise,
            &self.blank_rise,
            &self.unknown_items_rise,
            &self.stale_days,
            &self.late_lines,
            &self.amount_mean,
            &self.amount_median,
            &self.new_members,
            &self.moved,
            &self.feature_drift,
            &self.slow_drift,
            &self.segment_mix,
            &self.offer_mix,
            &self.reach_fall,
            &self.fallback_rise,
        ]
    }

    /// Checks the section.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> GateSettings {
        let mut within = |key: &str, value: Option<u32>, usual: u32, low: u32, high: u32| {
            let value = value.unwrap_or(usual);
            if !(low..=high).contains(&value) {
                let message = format!("{value} is out of range");
                findings.error("gates::out_of_range", at.key(key), message, format!("use {low} to {high}"));
            }
            value.clamp(low, high)
        };
        let history = within("history", self.history, 14, 1, 90) as usize;
        let recent_days = within("recent_days", self.recent_days, 28, 1, 366);
        let baseline_days = within("baseline_days", self.baseline_days, 28, 2, 366);
        let mut limits = BTreeMap::new();
        for (spec, raw) in SPECS.iter().zip(self.limits()) {
            let at = at.key(spec.name);
            let warn = limit(raw.warn, spec.warn, &at.key("warn"), findings);
            let refuse = limit(raw.refuse, spec.refuse, &at.key("refuse"), findings);
            if let (Some(warn), Some(refuse)) = (warn, refuse)
                && warn > refuse
                && raw.warn.is_some()
            {
                let message = format!("it warns above {warn} but refuses above {refuse} already");
                findings.warn("gates::idle_warning", at.key("warn"), message, "let it warn earlier");
            }
            limits.insert(spec.name, Limits { warn, refuse });
        }
        for (index, name) in self.accept.iter().enumerate() {
            let known = SPECS.iter().map(|s| s.name).chain(DRIFT_LIMITS.iter().copied());
            if !known.clone().any(|k| k == name) {
                let help = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "name gates as the refusal did".to_owned(),
                };
                findings.error(
                    "gates::unknown_gate",
                    at.key("accept").index(index),
                    format!("there is no gate `{name}`"),
                    help,
                );
            }
        }
        let min_rows = self.min_rows.unwrap_or(200);
        GateSettings { history, recent_days, baseline_days, min_rows, accept: self.accept.clone(), limits }
    }
}

/// Limits under `[segments.drift]`, which are gates too.
pub(super) const DRIFT_LIMITS: [&str; 5] =
    ["refuse_moved_above", "refuse_rand_below", "refuse_psi_above", "refuse_shift_above", "refuse_new_ids_above"];

fn limit(raw: Option<RawLimit>, usual: Option<f64>, at: &JobPath, findings: &mut Findings) -> Option<f64> {
    match raw {
        None => usual,
        Some(RawLimit::Off(false)) => None,
        Some(RawLimit::At(limit)) if limit.is_finite() && limit >= 0.0 => Some(limit),
        Some(wrong) => {
            let found = match wrong {
                RawLimit::At(limit) => limit.to_string(),
                RawLimit::Off(word) => word.to_string(),
            };
            findings.error(
                "gates::bad_limit",
                at.clone(),
                format!("{found} is no limit"),
                "use a number from 0 on, or false",
            );
            usual
        }
    }
}
