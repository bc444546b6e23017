//! The gates of a night: what it measures of itself, held against the nights before, and what it leaves for the next.

use std::collections::BTreeMap;

use super::{
    RunError,
    decide::Decided,
    fit::{Described, Scene},
    outputs,
};
use crate::{
    base::{Day, Findings, digest::sha256_hex, findings::JobPath},
    gates::{
        Baseline, Baselines, Evidence, GateResult, GateStatus, History, LateLines, LineDays, Night, OfferNight,
        RecentLines, judge,
    },
    history::{NO_ITEM, Shard, Timeline},
    input::{ItemTable, accounting::RowCounts},
    offers::Catalogue,
    report::{gates::RefusalView, text},
    store::{OutputRoot, Places, Staging},
};

/// The reason of an item that is offered because it is popular with all.
const POPULAR: &str = "popular_now";

/// What the gates found, and what the next night needs of this one.
pub(super) struct Judged {
    /// Every gate that does not hold, and of each other the one that came closest.
    pub(super) results: Vec<GateResult>,
    /// Lines that came late, where there is a run before and a calendar.
    pub(super) late: Option<LateLines>,
    /// Share of the slots that the fallback offer filled with what is popular.
    pub(super) fallback: f64,
    history: History,
    baselines: Baselines,
    line_days: Option<LineDays>,
}

/// Measures the night and holds it against the limits.
pub(super) fn judge_night(
    scene: &Scene<'_>,
    described: &Described,
    decided: &Decided,
    catalogue: &Catalogue,
    rows: &BTreeMap<String, RowCounts>,
) -> Result<Judged, RunError> {
    let settings = scene.job.gates();
    let places = scene.engine.places();
    let dimensions = &scene.histories.dimensions;
    let before = |file: &str| -> Result<Option<Vec<u8>>, RunError> {
        scene.previous.map(|p| p.bytes(file, places)).transpose().map(Option::flatten)
    };
    let history: History = parsed(before(HISTORY)?);
    let baselines: Baselines = parsed(before(BASELINES)?);
    let line_days = (dimensions.timeline == Timeline::Calendar).then(|| LineDays::new(&scene.histories.line_days));
    let late = match (&line_days, before(LINE_DAYS)?, scene.previous) {
        (Some(now), Some(bytes), Some(previous)) => {
            let from = scene.job.cleaning().first_day(dimensions.as_of);
            Some(now.since(&parsed(Some(bytes)), from, previous.manifest.as_of))
        }
        _ => None,
    };

    let measured = measure(scene, settings.recent_days)?;
    let members = described.features.members() as u64;
    let share = |n: u64| if members == 0 { 0.0 } else { n as f64 / members as f64 };
    let mut night = Night {
        as_of: dimensions.as_of,
        tables: rows.iter().map(|(name, counts)| (name.clone(), counts.into())).collect(),
        stale_days: line_days.as_ref().and_then(LineDays::newest).map(|newest| dimensions.as_of.since(newest)),
        unknown_items: measured.unknown_items(scene.items),
        recent: measured.recent,
        segments: described.model.segments.iter().map(|s| (s.id, share(s.members))).collect(),
        offers: lists(decided, catalogue, members),
        accepted: Vec::new(),
    };
    let baseline = baselines.at(dimensions.as_of, settings.baseline_days);
    let slow: Vec<(String, f64)> = baseline.map_or_else(Vec::new, |b| {
        let all = b.distributions.stability(&described.features).into_iter();
        all.filter(|(feature, _)| described.model.features.contains(feature)).collect()
    });
    let limits_of_drift = described.drift.as_ref().map_or_else(Vec::new, |d| scene.job.segments().drift.gates(d));
    let evidence = Evidence {
        drift: described.drift.as_ref(),
        members,
        slow: &slow,
        segments_before: baseline.map(|b| &b.segments),
        late: late.as_ref(),
        limits_of_drift: &limits_of_drift,
        digits: scene.job.currency().exponent(),
    };
    let results = judge(&night, &history, &evidence, settings);
    let accepted = results.iter().filter(|r| r.status == GateStatus::Accepted);
    night.accepted = accepted.map(|r| r.gate.clone()).collect();
    night.accepted.dedup();
    let tonight = Baseline {
        as_of: dimensions.as_of,
        distributions: described.distributions.clone(),
        segments: night.segments.clone(),
    };
    Ok(Judged {
        late,
        fallback: night.offers.fallback,
        history: history.with(&night, settings.history),
        baselines: baselines.with(tonight, settings.baseline_days),
        line_days,
        results,
    })
}

const HISTORY: &str = "model/gates_history.json";
const BASELINES: &str = "model/baselines.json";
const LINE_DAYS: &str = "model/line_days.json";

/// What an earlier run left, as far as this build understands it.
fn parsed<T: Default + serde::de::DeserializeOwned>(bytes: Option<Vec<u8>>) -> T {
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

impl Judged {
    /// Writes what the next night needs.
    pub(super) fn write(&self, staging: &Staging) -> Result<(), RunError> {
        outputs::json(staging, HISTORY, &self.history)?;
        outputs::json(staging, BASELINES, &self.baselines)?;
        match &self.line_days {
            Some(days) => outputs::json(staging, LINE_DAYS, days),
            None => Ok(()),
        }
    }

    /// Says what does not hold, and what came late.
    pub(super) fn note(&self, notes: &mut Findings) {
        let root = JobPath::root().key("gates");
        for result in &self.results {
            let at = if result.subject == "segments.drift" {
                JobPath::root().key("segments").key("drift").key(&result.gate)
            } else {
                root.key(&result.gate)
            };
            match result.status {
                GateStatus::Warned => notes.warn("gates::warned", at, &result.words[1], "look whether this is meant"),
                GateStatus::Accepted => {
                    notes.warn("gates::accepted", at, &result.words[1], "it was let through by name")
                }
                GateStatus::Passed | GateStatus::Refused => {}
            }
        }
        let Some(late) = self.late.as_ref().filter(|l| !l.days.is_empty()) else { return };
        let (first, last) = (late.days[0].day, late.days[late.days.len() - 1].day);
        let mut message = format!("{} lines of days from {first} to {last} came late", late.came());
        if late.gone() > 0 {
            message = format!("{message}, {} are gone", late.gone());
        }
        let message = format!("{message}: the last run had read up to {} without them", late.up_to);
        let help = "they count from tonight on; `nextoffer run JOB --from DAY --to DAY` works earlier days out again";
        notes.note("input::late_lines", JobPath::root().key("inputs").key("transactions"), message, help);
    }

    /// Refuses the night if a gate does: leaves a report in `refused/` of the output place, if there is one to write to.
    pub(super) fn refuse(
        &self,
        scene: &Scene<'_>,
        run_id: &str,
        out: Option<&OutputRoot>,
        places: &Places,
    ) -> Result<(), RunError> {
        if self.results.iter().all(|r| r.status != GateStatus::Refused) {
            return Ok(());
        }
        let as_of = scene.histories.dimensions.as_of;
        let previous = scene.previous.map(|p| (p.manifest.as_of, p.manifest.run_id.clone()));
        let report = match out {
            Some(out) => Some(self.report(scene, run_id, previous.as_ref(), out, places)?),
            None => None,
        };
        Err(RunError::Refused { as_of, previous: previous.map(|p| p.1), report, results: self.results.clone() })
    }

    fn report(
        &self,
        scene: &Scene<'_>,
        run_id: &str,
        previous: Option<&(Day, String)>,
        out: &OutputRoot,
        places: &Places,
    ) -> Result<String, RunError> {
        let as_of = scene.histories.dimensions.as_of;
        let view = RefusalView {
            language: scene.job.report().language,
            job: scene.job.name(),
            as_of,
            run_id,
            previous: previous.map(|(day, id)| (*day, id.as_str())),
            results: &self.results,
            late: self.late.as_ref(),
            remedy: text(
                format!("确认无误后可单次放行：--accept-gates {}", accept(&self.results)),
                format!("If this is meant, let it through once: --accept-gates {}", accept(&self.results)),
            ),
        };
        let folder = format!("refused/dt={as_of}/run={run_id}");
        let staging = out.stage(run_id).map_err(RunError::Output)?;
        let refusal = serde_json::json!({
            "run_id": run_id,
            "job": scene.job.name(),
            "job_sha256": sha256_hex(scene.job.canonical_json().as_bytes()),
            "as_of": as_of,
            "previous_run": previous.map(|(_, id)| id),
            "refused": accept(&self.results).split(',').collect::<Vec<_>>(),
            "gates": self.results,
            "tonight": self.history.nights.last(),
        });
        outputs::json(&staging, "gates.json", &refusal)?;
        staging.write("gates.html", view.page().as_bytes())?;
        staging.files()?;
        out.replace(staging, &folder, places)?;
        Ok(out.place(&folder))
    }
}

/// The gates that refuse, as `--accept-gates` takes them.
pub(super) fn accept(results: &[GateResult]) -> String {
    let mut names: Vec<&str> =
        results.iter().filter(|r| r.status == GateStatus::Refused).map(|r| r.gate.as_str()).collect();
    names.dedup();
    names.join(",")
}

/// What is measured of the lines.
#[derive(Default)]
struct Measured {
    recent: Option<RecentLines>,
    with_item: u64,
    unlisted: u64,
}

impl Measured {
    fn unknown_items(&self, items: &ItemTable) -> Option<f64> {
        let listed = items.listed.iter().any(|listed| *listed);
        (listed && self.with_item > 0).then(|| self.unlisted as f64 / self.with_item as f64)
    }
}

fn measure(scene: &Scene<'_>, recent_days: u32) -> Result<Measured, RunError> {
    let dimensions = &scene.histories.dimensions;
    // Where days are baskets, every line is as recent as any other.
    let from = match dimensions.timeline {
        Timeline::Calendar => dimensions.as_of.plus(1 - i32::try_from(recent_days).unwrap_or(i32::MAX)),
        Timeline::Ordinal => dimensions.first_day,
    };
    let parts = scene.histories.shards.map(|_, shard| Ok::<_, RunError>(measure_shard(shard, scene.items, from)))?;
    let (mut amounts, mut measured) = (Vec::new(), Measured::default());
    for (own, with_item, unlisted) in parts {
        amounts.extend(own);
        measured.with_item += with_item;
        measured.unlisted += unlisted;
    }
    if !amounts.is_empty() {
        let sum: i128 = amounts.iter().map(|a| i128::from(*a)).sum();
        let lines = amounts.len();
        let (_, median, _) = amounts.select_nth_unstable((lines - 1) / 2);
        let mean = crate::base::round::significant(sum as f64 / lines as f64, 9);
        measured.recent = Some(RecentLines { lines: lines as u64, mean_minor: mean, median_minor: *median });
    }
    Ok(measured)
}

/// Amounts of the recent purchase lines, lines with an item, and those of them whose item is not in the items table.
fn measure_shard(shard: &Shard, items: &ItemTable, from: Day) -> (Vec<i64>, u64, u64) {
    let mut amounts = Vec::new();
    for order in (0..shard.orders()).filter(|order| shard.order_day(*order) >= from) {
        amounts.extend(
            shard.lines_of(order).filter(|line| !shard.is_return.contains(*line)).map(|line| shard.amount.at(line)),
        );
    }
    let with_item = shard.item.iter().filter(|item| **item != NO_ITEM);
    let unlisted = with_item.clone().filter(|item| !items.listed[**item as usize]).count();
    (amounts, with_item.count() as u64, unlisted as u64)
}

/// What the lists are like.
fn lists(decided: &Decided, catalogue: &Catalogue, members: u64) -> OfferNight {
    let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut slots, mut popular, mut with_list) = (0u64, 0u64, 0u64);
    for decisions in &decided.decisions {
        with_list += (0..decisions.members()).filter(|m| !decisions.of(*m).is_empty()).count() as u64;
        for decision in decisions.all() {
            let kind = &catalogue.offers[usize::from(decision.offer())].offer.kind;
            slots += 1;
            *kinds.entry(kind.code()).or_default() += 1;
            let reason = usize::from(decision.unpack(catalogue.as_of).reason);
            let is_popular = kind.reasons().get(reason).is_some_and(|r| r.code == POPULAR);
            popular += u64::from(catalogue.decision.fallback == Some(decision.offer()) && is_popular);
        }
    }
    let share = |n: u64, of: u64| if of == 0 { 0.0 } else { crate::base::round::significant(n as f64 / of as f64, 9) };
    OfferNight {
        kinds: kinds.into_iter().map(|(kind, n)| (kind.to_owned(), share(n, slots))).collect(),
        reach: share(with_list, members),
        fallback: share(popular, slots),
    }
}
