//! A night held against its limits.

use std::collections::BTreeMap;

use super::{
    GateResult, GateSettings, GateStatus, History, LateLines, Night, TableNight, history::median,
    settings::DRIFT_LIMITS, spec::SPECS,
};
use crate::segments::{Drift, Gate, stability_index};

/// What gates look at beside the night and those before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// What has changed since the last run.
    pub drift: Option<&'a Drift>,
    /// Members in the fit.
    pub members: u64,
    /// By feature the segments are made from: its stability index against the baseline.
    pub slow: &'a [(String, f64)],
    /// Share of the members by segment at the baseline.
    pub segments_before: Option<&'a BTreeMap<i32, f64>>,
    /// Lines that came late.
    pub late: Option<&'a LateLines>,
    /// Limits of `[segments.drift]`.
    pub limits_of_drift: &'a [Gate],
    /// Digits of the currency.
    pub digits: u8,
}

struct Bench<'a> {
    settings: &'a GateSettings,
    history: &'a History,
    digits: u8,
    /// By gate.
    results: BTreeMap<&'static str, Vec<GateResult>>,
}

/// Holds a night against the limits. Every result that is not `passed` is told, and of those that are the one that came
/// closest; in the order of the gates.
#[must_use]
pub fn judge(night: &Night, history: &History, evidence: &Evidence<'_>, settings: &GateSettings) -> Vec<GateResult> {
    let mut bench = Bench { settings, history, digits: evidence.digits, results: BTreeMap::new() };
    for (name, table) in &night.tables {
        rows(&mut bench, name, table);
    }
    lines(&mut bench, night, evidence);
    members(&mut bench, night, evidence);
    offers(&mut bench, night);
    let mut all: Vec<GateResult> =
        SPECS.iter().filter_map(|spec| bench.results.remove(spec.name)).flat_map(telling).collect();
    all.extend(evidence.limits_of_drift.iter().map(|gate| of_drift(gate, settings)));
    all
}

/// Every result that does not hold, else the one that came closest.
fn telling(mut results: Vec<GateResult>) -> Vec<GateResult> {
    results.sort_by(|a, b| b.status.cmp(&a.status).then(b.value.total_cmp(&a.value)).then(a.subject.cmp(&b.subject)));
    let broken = results.iter().filter(|r| r.status != GateStatus::Passed).count();
    results.truncate(broken.max(1));
    results
}

impl Bench<'_> {
    /// The median over earlier nights.
    fn usual(&self, gate: &str, of: impl Fn(&Night) -> Option<f64>) -> Option<f64> {
        median(self.history.usual(gate, self.settings.history).iter().filter_map(of))
    }

    fn hold(&mut self, gate: &'static str, subject: &str, found: f64, usual: Option<f64>, value: f64) {
        let limits = self.settings.limits(gate);
        let above = |limit: Option<f64>| limit.is_some_and(|limit| value > limit);
        let status = match (above(limits.refuse), above(limits.warn)) {
            (true, _) if self.settings.accepts(gate) => GateStatus::Accepted,
            (true, _) => GateStatus::Refused,
            (false, true) => GateStatus::Warned,
            (false, false) => GateStatus::Passed,
        };
        let mut result = GateResult {
            gate: gate.to_owned(),
            subject: subject.to_owned(),
            status,
            found: rounded(found),
            usual: usual.map(rounded),
            value: rounded(value),
            warn: limits.warn,
            refuse: limits.refuse,
            words: Default::default(),
        };
        result.describe(self.digits);
        self.results.entry(gate).or_default().push(result);
    }

    /// Holds the rise of something above the usual against a limit.
    fn hold_rise(&mut self, gate: &'static str, subject: &str, found: f64, of: impl Fn(&Night) -> Option<f64>) {
        if let Some(usual) = self.usual(gate, of) {
            self.hold(gate, subject, found, Some(usual), found - usual);
        }
    }
}

/// Six digits: what a file carries.
fn rounded(value: f64) -> f64 {
    crate::base::round::significant(value, 6)
}

fn rows(bench: &mut Bench<'_>, name: &str, table: &TableNight) {
    let read = |night: &Night| Some(night.tables.get(name)?.read as f64);
    let least = bench.settings.min_rows;
    let found = table.read as f64;
    for (gate, sign) in [("rows_fall", -1.0), ("rows_growth", 1.0)] {
        let Some(usual) = bench.usual(gate, read).filter(|usual| *usual >= least as f64) else { continue };
        bench.hold(gate, name, found, Some(usual), sign * (found - usual) / usual);
    }
    if table.read < least {
        return;
    }
    // Nights with few rows say little about shares.
    let of = |night: &Night, rows: &dyn Fn(&TableNight) -> Option<u64>| {
        let table = night.tables.get(name).filter(|t| t.read >= least)?;
        Some(table.share(rows(table)?))
    };
    bench.hold_rise("lost_rise", name, table.share(table.read - table.kept), |n| of(n, &|t| Some(t.read - t.kept)));
    bench.hold_rise("duplicates_rise", name, table.share(table.duplicates), |n| of(n, &|t| Some(t.duplicates)));
    for (column, blank) in &table.blank {
        let subject = format!("{name}.{column}");
        bench.hold_rise("blank_rise", &subject, table.share(*blank), |n| of(n, &|t| t.blank.get(column).copied()));
    }
}

fn lines(bench: &mut Bench<'_>, night: &Night, evidence: &Evidence<'_>) {
    if let Some(share) = night.unknown_items {
        bench.hold_rise("unknown_items_rise", "transactions", share, |n| n.unknown_items);
    }
    if let Some(days) = night.stale_days.map(f64::from) {
        bench.hold("stale_days", "", days, None, days);
    }
    let kept = night.tables.get("transactions").map_or(0, |t| t.kept);
    if let Some(late) = evidence.late.filter(|_| kept > 0) {
        let share = late.came() as f64 / kept as f64;
        bench.hold("late_lines", "", share, None, share);
    }
    let enough = |recent: &super::RecentLines| recent.lines >= 100;
    let Some(recent) = night.recent.filter(|r| enough(r)) else { return };
    let mean = |r: &super::RecentLines| r.mean_minor;
    let median = |r: &super::RecentLines| r.median_minor as f64;
    type Figure<'f> = &'f dyn Fn(&super::RecentLines) -> f64;
    let figures: [(_, Figure<'_>); 2] = [("amount_mean", &mean), ("amount_median", &median)];
    for (gate, of) in figures {
        let usual = bench.usual(gate, |n| n.recent.filter(|r| enough(r)).map(|r| of(&r)));
        let found = of(&recent);
        if let Some(usual) = usual.filter(|usual| *usual > 0.0 && found > 0.0) {
            bench.hold(gate, "", found, Some(usual), (found / usual).max(usual / found) - 1.0);
        }
    }
}

fn members(bench: &mut Bench<'_>, night: &Night, evidence: &Evidence<'_>) {
    if let Some(drift) = evidence.drift {
        let joined = if evidence.members == 0 { 0.0 } else { drift.joined as f64 / evidence.members as f64 };
        bench.hold("new_members", "", joined, None, joined);
        bench.hold("moved", "", drift.moved_share, None, drift.moved_share);
        for feature in drift.psi.iter().filter(|p| p.in_segments) {
            bench.hold("feature_drift", &feature.feature, feature.psi, None, feature.psi);
        }
    }
    for (feature, psi) in evidence.slow {
        bench.hold("slow_drift", feature, *psi, None, *psi);
    }
    if let Some(before) = evidence.segments_before {
        let mut ids: Vec<i32> = before.keys().chain(night.segments.keys()).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let shares = |of: &BTreeMap<i32, f64>| -> Vec<f64> {
            ids.iter().map(|id| of.get(id).copied().unwrap_or_default()).collect()
        };
        let psi = stability_index(&shares(before), &shares(&night.segments));
        bench.hold("segment_mix", "", psi, None, psi);
    }
}

fn offers(bench: &mut Bench<'_>, night: &Night) {
    let earlier = bench.history.usual("offer_mix", bench.settings.history);
    if !earlier.is_empty() {
        let mean = |kind: &str| {
            earlier.iter().map(|n| n.offers.kinds.get(kind).copied().unwrap_or_default()).sum::<f64>()
                / earlier.len() as f64
        };
        let mut kinds: Vec<&String> = earlier.iter().chain([night]).flat_map(|n| n.offers.kinds.keys()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let moved: f64 = kinds
            .into_iter()
            .map(|kind| (night.offers.kinds.get(kind).copied().unwrap_or_default() - mean(kind)).abs())
            .sum();
        bench.hold("offer_mix", "", moved / 2.0, None, moved / 2.0);
    }
    let reach = night.offers.reach;
    if let Some(usual) = bench.usual("reach_fall", |n| Some(n.offers.reach)) {
        bench.hold("reach_fall", "", reach, Some(usual), usual - reach);
    }
    bench.hold_rise("fallback_rise", "", night.offers.fallback, |n| Some(n.offers.fallback));
}

fn of_drift(gate: &Gate, settings: &GateSettings) -> GateResult {
    let status = match gate.passed {
        true => GateStatus::Passed,
        false if settings.accepts(gate.key) => GateStatus::Accepted,
        false => GateStatus::Refused,
    };
    debug_assert!(DRIFT_LIMITS.contains(&gate.key));
    let words = gate.to_string();
    GateResult {
        gate: gate.key.to_owned(),
        subject: "segments.drift".to_owned(),
        status,
        found: rounded(gate.found),
        usual: None,
        value: rounded(gate.found),
        warn: None,
        refuse: Some(gate.limit),
        words: [words.clone(), words],
    }
}
