//! What a gate found, in figures and in words.

use serde::{Deserialize, Serialize};

use super::spec::{Unit, named};
use crate::base::round::{grouped, significant};

/// What became of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateStatus {
    /// It holds.
    Passed,
    /// It is above the limit that warns.
    Warned,
    /// It is above the limit that refuses, and was let through by name.
    Accepted,
    /// It is above the limit that refuses.
    Refused,
}

impl GateStatus {
    /// The word in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }
}

/// A gate held against a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// Name of the gate.
    pub gate: String,
    /// What it is about: a table, a table's column, a feature; empty where it is about the night.
    pub subject: String,
    /// What became of it.
    pub status: GateStatus,
    /// What was found.
    pub found: f64,
    /// What is usual, where it is held against earlier nights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<f64>,
    /// What is held against the limits.
    pub value: f64,
    /// Above this it warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<f64>,
    /// Above this it refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse: Option<f64>,
    /// In Chinese and English.
    pub words: [String; 2],
}

impl GateResult {
    /// The limit that speaks: the one it is above, else the next one.
    #[must_use]
    pub fn limit(&self) -> Option<f64> {
        match self.status {
            GateStatus::Refused | GateStatus::Accepted => self.refuse,
            GateStatus::Warned => self.warn,
            GateStatus::Passed => self.warn.or(self.refuse),
        }
    }

    /// What was found and what the limit was, in Chinese and English; `digits` of the currency.
    pub(super) fn describe(&mut self, digits: u8) {
        let Some(spec) = named(&self.gate) else { return };
        let show = |unit, value| shown(unit, value, digits);
        let (found, value) = (show(spec.found, self.found), show(spec.held, self.value));
        let usual = self.usual.map(|usual| show(spec.found, usual));
        let limit = self.limit().map(|limit| show(spec.held, limit));
        let subject = if self.subject.is_empty() { String::new() } else { format!(" ({})", self.subject) };
        let [zh, en] = spec.what;
        let [measure_zh, measure_en] = spec.measure;
        let held = |found: &str, value: &str| found == value && self.usual.is_none();
        self.words = [
            match (&usual, held(&found, &value)) {
                (_, true) => format!("{zh}{subject}：{found}"),
                (Some(usual), _) => format!("{zh}{subject}：{found}，通常 {usual}，{measure_zh} {value}"),
                (None, _) => format!("{zh}{subject}：{found}，{measure_zh} {value}"),
            },
            match (&usual, held(&found, &value)) {
                (_, true) => format!("{en}{subject}: {found}"),
                (Some(usual), _) => format!("{en}{subject}: {found}, usually {usual}; {measure_en} {value}"),
                (None, _) => format!("{en}{subject}: {found}; {measure_en} {value}"),
            },
        ];
        if let Some(limit) = limit {
            self.words[0].push_str(&format!("，限度 {limit}"));
            self.words[1].push_str(&format!(", limit {limit}"));
        }
    }
}

fn shown(unit: Unit, value: f64, digits: u8) -> String {
    match unit {
        Unit::Rows => grouped(value.round() as u64),
        Unit::Share => format!("{}%", significant(value * 100.0, 3)),
        Unit::Days => significant(value, 3).to_string(),
        Unit::Money => format!("{:.*}", usize::from(digits), value / 10f64.powi(i32::from(digits))),
        Unit::Index => significant(value, 3).to_string(),
    }
}

impl std::fmt::Display for GateResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.subject == "segments.drift" {
            f.write_str(&self.words[1])
        } else {
            write!(f, "{}: {}", self.gate, self.words[1])
        }
    }
}
