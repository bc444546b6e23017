//! A finished run as a Prometheus text file, for the node exporter's textfile collector.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>. Everything is a gauge: the file tells of the last run.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write},
    path::Path,
};

use super::{ExitCode, RunSummary};
use crate::{
    gates::{GateResult, GateStatus},
    store::{StoreError, atomic},
};

/// Names of what a run that failed leaves as it was.
const OF_SUCCESS: &str = "nextoffer_last_success_";

/// Text in the making.
struct Text {
    out: String,
    job: String,
}

impl Text {
    fn new(job: &str) -> Self {
        Self { out: String::new(), job: escaped(job) }
    }

    /// A metric with its samples: further labels and value of each.
    fn metric<'a, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(&'a str, &'a str)>, V)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let more: String = labels.iter().map(|(key, text)| format!(",{key}=\"{}\"", escaped(text))).collect();
            let _ = writeln!(self.out, "{name}{{job_name=\"{}\"{more}}} {value}", self.job);
        }
    }

    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.metric(name, help, [(Vec::new(), value)]);
    }
}

/// A label's value: backslash, quote and line end are written with a backslash.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn last_run(text: &mut Text, code: ExitCode, now: f64) {
    text.one("nextoffer_last_run_timestamp_seconds", "When the last run ended, well or not.", now);
    text.one("nextoffer_last_run_exit_code", "Exit code of the last run.", code as u8);
}

/// The text of a run that was published; `now` is the time in seconds since 1970.
#[must_use]
pub fn success_metrics(summary: &RunSummary, now: f64) -> String {
    let manifest = &summary.manifest;
    let mut text = Text::new(&manifest.job);
    text.one("nextoffer_last_success_timestamp_seconds", "When the last run was published.", now);
    let as_of = i64::from(manifest.as_of.0) * 86_400;
    text.one(
        "nextoffer_last_success_as_of_timestamp_seconds",
        "Start of the last day that was read, as if in UTC.",
        as_of,
    );
    last_run(&mut text, ExitCode::Done, now);
    text.one("nextoffer_run_duration_seconds", "Wall time of the run.", summary.seconds);
    let stages = || summary.stages.iter();
    let of = |stage: &'static str| vec![("stage", stage)];
    text.metric("nextoffer_stage_duration_seconds", "Wall time by stage.", stages().map(|s| (of(s.stage), s.wall_s)));
    let cpu = stages().filter_map(|s| Some((of(s.stage), s.cpu_s?)));
    text.metric("nextoffer_stage_cpu_seconds", "Processor time by stage.", cpu);
    let peak = stages().filter_map(|s| s.peak_bytes).max();
    text.metric("nextoffer_peak_memory_bytes", "Largest memory of the process.", peak.map(|bytes| (Vec::new(), bytes)));

    let mut rows = Vec::new();
    for (table, counts) in &manifest.rows {
        let table = table.as_str();
        rows.push((vec![("table", table), ("outcome", "read"), ("reason", "")], counts.read));
        rows.push((vec![("table", table), ("outcome", "kept"), ("reason", "")], counts.kept));
        for (outcome, reasons) in [("dropped", &counts.dropped), ("quarantined", &counts.quarantined)] {
            rows.extend(
                reasons.iter().map(|(r, n)| (vec![("table", table), ("outcome", outcome), ("reason", r.as_str())], *n)),
            );
        }
    }
    text.metric("nextoffer_rows", "Rows of the input tables by what became of them.", rows);

    let members = &manifest.members;
    let mut states = vec![("seen", members.seen), ("in_fit", members.in_fit), ("opted_out", members.opted_out)];
    states.extend(members.excluded.iter().map(|(why, n)| (why.as_str(), *n)));
    states.extend([("with_list", summary.with_list), ("held_out", summary.held_out)]);
    let states = states.into_iter().map(|(state, n)| (vec![("state", state)], n));
    text.metric("nextoffer_members", "Members by what they are to the run.", states);
    let coverage = if members.in_fit == 0 { 0.0 } else { summary.with_list as f64 / members.in_fit as f64 };
    text.one("nextoffer_list_coverage_ratio", "Share of the members in the fit who have a list.", coverage);
    let segments = manifest.segments.iter().map(|s| (vec![("segment", s.code.as_str())], s.members));
    text.metric("nextoffer_segment_members", "Members by segment.", segments);
    if let Some(drift) = &summary.drift {
        text.one(
            "nextoffer_members_moved_ratio",
            "Share of members who changed segment since the run before.",
            drift.moved_share,
        );
        text.one(
            "nextoffer_segments_adjusted_rand_ratio",
            "Adjusted Rand index with the run before.",
            drift.adjusted_rand,
        );
        let psi = drift.psi.iter().map(|p| (vec![("feature", p.feature.as_str())], p.psi));
        text.metric("nextoffer_feature_drift", "Stability index of a feature against the run before.", psi);
    }
    if let Some(share) = manifest.kpis.get("fallback_share") {
        text.one("nextoffer_fallback_ratio", "Share of the slots filled with what is popular with all.", share);
    }
    for (name, kpi, help) in [
        ("nextoffer_late_lines", "late_lines", "Lines of days that the run before had read, which it did not have."),
        ("nextoffer_vanished_lines", "vanished_lines", "Lines that the run before had and that are gone."),
    ] {
        text.metric(name, help, manifest.kpis.get(kpi).map(|value| (Vec::new(), value)));
    }
    gates(&mut text, &manifest.gates);
    let offers = || manifest.offers.iter();
    let chosen = offers().map(|o| (vec![("offer", o.offer_id.as_str())], o.chosen));
    text.metric("nextoffer_offer_slots", "Slots by offer.", chosen);
    let left = offers().filter_map(|o| Some((vec![("offer", o.offer_id.as_str())], o.cap_left?)));
    text.metric("nextoffer_offer_cap_left", "What is left of an offer's cap.", left);
    let kpis = manifest.kpis.iter().map(|(name, value)| (vec![("name", name.as_str())], *value));
    text.metric("nextoffer_kpi", "Key figures of the manifest.", kpis);
    text.out
}

/// What became of the gates: the worst result of each.
fn gates(text: &mut Text, results: &[GateResult]) {
    let mut worst: BTreeMap<&str, &GateResult> = BTreeMap::new();
    for result in results {
        let known = worst.entry(&result.gate).or_insert(result);
        if (result.status, result.value) > (known.status, known.value) {
            *known = result;
        }
    }
    let number = |status| match status {
        GateStatus::Passed => 0,
        GateStatus::Warned => 1,
        GateStatus::Accepted => 2,
        GateStatus::Refused => 3,
    };
    let of = |gate: &&'_ str| (*gate).to_owned();
    let names: Vec<String> = worst.keys().map(of).collect();
    let status = names.iter().zip(worst.values()).map(|(name, r)| (vec![("gate", name.as_str())], number(r.status)));
    let help = "Quality gates: 0 passed, 1 warned, 2 let through by name, 3 refused.";
    text.metric("nextoffer_gate_status", help, status);
    let values = names.iter().zip(worst.values()).map(|(name, r)| (vec![("gate", name.as_str())], r.value));
    text.metric("nextoffer_gate_value", "What a quality gate held against its limits.", values);
}

/// The text of a run that failed: what the file in place says of the last success stays.
#[must_use]
pub fn failure_metrics(job: &str, code: ExitCode, results: &[GateResult], before: &str, now: f64) -> String {
    let mut text = Text::new(job);
    last_run(&mut text, code, now);
    gates(&mut text, results);
    let stays = |line: &&str| line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").starts_with(OF_SUCCESS);
    let kept: String = before.lines().filter(stays).map(|line| format!("{line}\n")).collect();
    kept + &text.out
}

/// Puts the file in place in one step, so that a collector never reads half of it.
///
/// # Errors
/// If it cannot be written; the old file then stays.
pub fn write_metrics(file: &Path, text: &str) -> Result<(), StoreError> {
    atomic::write(file, text.as_bytes())
}

/// What the file holds; nothing if it is not there.
#[must_use]
pub fn read_metrics(file: &Path) -> String {
    atomic::read(file).ok().flatten().map_or_else(String::new, |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_the_last_success() {
        let before = "# HELP nextoffer_last_success_timestamp_seconds When.\n\
                      # TYPE nextoffer_last_success_timestamp_seconds gauge\n\
                      nextoffer_last_success_timestamp_seconds{job_name=\"demo\"} 12\n\
                      nextoffer_rows{job_name=\"demo\"} 7\n";
        let text = failure_metrics("demo", ExitCode::NoInput, &[], before, 20.5);
        assert!(text.starts_with("# HELP nextoffer_last_success_timestamp_seconds"), "{text}");
        assert!(text.contains("nextoffer_last_success_timestamp_seconds{job_name=\"demo\"} 12\n"), "{text}");
        assert!(text.contains("nextoffer_last_run_exit_code{job_name=\"demo\"} 66\n"), "{text}");
        assert!(!text.contains("nextoffer_rows"), "{text}");
    }

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::new("a\"b");
        text.metric("m", "Help.", [(vec![("reason", "back\\slash\nline")], 1)]);
        assert!(text.out.ends_with("m{job_name=\"a\\\"b\",reason=\"back\\\\slash\\nline\"} 1\n"), "{}", text.out);
    }
}
