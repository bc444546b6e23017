//! What the offers changed so far: first assignments carried on from the previous run, and what members did since.

use std::{collections::BTreeMap, collections::HashSet};

use super::{
    RunError,
    fit::{Described, Scene},
    outputs,
};
use crate::{
    base::{Findings, IdTable, findings::JobPath},
    export::{FIRST_ASSIGNED_PATH, UPLIFT_PATH, WrittenFile, write_first_assigned, write_uplift},
    history::{Shard, Timeline},
    offers::{
        Arm, Catalogue, Decisions, Enrolled, Enrolments, EnrolmentsBuilder, HeldOut, Holdout, Measure, Outcome,
        PeriodMeasures, PeriodSums, Periods, UpliftReport, UpliftSums, six_digits,
    },
    store::Staging,
};

/// What was measured tonight.
#[derive(Debug, Default)]
pub(super) struct Uplifted {
    /// Who was first assigned what; none where nobody is held out.
    pub(super) enrolments: Option<Enrolments>,
    /// What it changed.
    pub(super) report: Option<UpliftReport>,
    /// The measures of the last period against the one before; empty for data without a calendar.
    pub(super) periods: Vec<PeriodMeasures>,
}

/// Carries first assignments on to tonight's decisions, and measures those whose days are over. `members` are the ids by
/// shard; `has_activities`: the shop logs what members do beside buying.
pub(super) fn measure(
    scene: &Scene<'_>,
    described: &Described,
    decisions: &[Decisions],
    catalogue: &Catalogue,
    members: &[IdTable],
    has_activities: bool,
    notes: &mut Findings,
) -> Result<Uplifted, RunError> {
    let dimensions = &scene.histories.dimensions;
    if dimensions.timeline == Timeline::Ordinal {
        // Without a calendar there are no days to measure in.
        return Ok(Uplifted::default());
    }
    let holdout = Holdout::new(&catalogue.decision);
    let settings = &catalogue.decision.uplift;
    let has_channels = !dimensions.channels.is_empty();
    let periods = periods(scene, described, settings.window_days, |outcome| match outcome {
        Outcome::Referral => has_activities,
        Outcome::CrossChannel => has_channels,
        _ => true,
    })?;
    if !holdout.is_any() {
        return Ok(Uplifted { periods, ..Uplifted::default() });
    }
    let mut builder = EnrolmentsBuilder::new(members, &holdout);
    if let Some(previous) = scene.previous {
        previous.first_assigned(scene.engine, &mut builder)?;
    }
    let mut enrolments = builder.build();
    enrol(described, decisions, catalogue, members, &holdout, &mut enrolments);
    let measure = Measure {
        settings,
        holdout: &holdout,
        as_of: dimensions.as_of,
        members: scene.members,
        has_activities,
        has_channels,
    };
    let parts = scene
        .histories
        .shards
        .map(|index, shard: &Shard| Ok::<_, RunError>(measure.shard(index, shard, &enrolments)))?;
    let mut sums = UpliftSums::default();
    parts.into_iter().for_each(|part| sums.merge(part));
    let report = measure.report(&sums, &enrolments);
    note(&report, notes);
    Ok(Uplifted { enrolments: Some(enrolments), report: Some(report), periods })
}

/// Adds whoever has something for the first time tonight.
fn enrol(
    described: &Described,
    decisions: &[Decisions],
    catalogue: &Catalogue,
    members: &[IdTable],
    holdout: &Holdout,
    enrolments: &mut Enrolments,
) {
    let codes: Vec<u16> = described.model.segments.iter().map(|s| enrolments.segment(&s.code)).collect();
    let track_of: Vec<u8> = catalogue
        .offers
        .iter()
        .map(|offer| enrolments.tracks.find(offer.offer.kind.code()).unwrap_or_default())
        .collect();
    let names: Vec<&str> = (0..enrolments.tracks.len() as u8).map(|track| enrolments.tracks.name(track)).collect();
    for (index, (lists, ids)) in decisions.iter().zip(members).enumerate() {
        let first = described.features.offset(index);
        let tracks = |member: usize| {
            let list = lists.of(member);
            list.iter().fold(u64::from(!list.is_empty()), |bits, d| bits | 1 << track_of[usize::from(d.offer())])
        };
        let about = |member: usize, track: u8| {
            let id = ids.get(member);
            let held_out = match holdout.arm(id) {
                Arm::Holdout => HeldOut::OfAll,
                Arm::Treated if track > 0 && holdout.is_held_out_of(id, names[usize::from(track)]) => HeldOut::OfKind,
                Arm::Treated => HeldOut::No,
            };
            Enrolled {
                member: member as u32,
                track,
                held_out,
                lifecycle: described.lifecycle[first + member],
                segment: codes[usize::from(described.memberships.segment[first + member])],
                first: catalogue.as_of,
            }
        };
        enrolments.enrol(index, ids.len(), tracks, about);
    }
}

fn periods(
    scene: &Scene<'_>,
    described: &Described,
    days: u32,
    logged: impl Fn(Outcome) -> bool,
) -> Result<Vec<PeriodMeasures>, RunError> {
    let periods = Periods {
        as_of: scene.histories.dimensions.as_of,
        days,
        lifecycle: &scene.job.segments().lifecycle,
        population_gap: described.thresholds.population_gap,
        members: scene.members,
    };
    let segments = described.model.segments.len();
    let parts = scene.histories.shards.map(|index, shard: &Shard| {
        let first = described.features.offset(index);
        let mut sums = PeriodSums::new(segments);
        sums.shard(shard, &described.memberships.segment[first..first + shard.members.len()], &periods);
        Ok::<_, RunError>(sums)
    })?;
    let mut sums = PeriodSums::new(segments);
    parts.iter().for_each(|part| sums.merge(part));
    let codes: Vec<&str> = described.model.segments.iter().map(|s| s.code.as_str()).collect();
    Ok(sums.measures(&codes, logged))
}

/// Says what stands against trusting the figures.
fn note(report: &UpliftReport, notes: &mut Findings) {
    let at = JobPath::root().key("decision");
    for track in &report.tracks {
        let Some(ratio) = track.sample_ratio.as_ref().filter(|ratio| !ratio.holds()) else { continue };
        let message = format!(
            "of {} members assigned an offer of {}, {} are held out where {:.1} were to be expected (chi-square {:.1}, p {:.1e}): \
             the arms are not what the lot makes them, and its uplift cannot be trusted",
            track.assigned.treated + track.assigned.holdout,
            if track.kind == crate::offers::ALL_OFFERS { "any kind" } else { &track.kind },
            track.assigned.holdout,
            ratio.expected[1],
            ratio.chi_square,
            ratio.p_value,
        );
        let help =
            "look for what treats the arms differently: rows that go missing, or offers that change who gets the next";
        notes.warn("uplift::sample_ratio", at.key("holdout_share"), message, help);
    }
    if report.over > 0 {
        let message = format!(
            "the holdout's share or salt is not what it was: {} first assignments belong to an experiment that is over, and \
             uplift is measured afresh",
            report.over
        );
        notes.note("uplift::new_experiment", at.key("holdout_salt"), message, "");
    }
}

impl Uplifted {
    /// Takes the names of members away.
    pub(super) fn withdraw(&mut self, members: &[IdTable], withdrawn: &HashSet<String>) {
        if let Some(enrolments) = &mut self.enrolments {
            enrolments.forget(members, |id| withdrawn.contains(id));
        }
    }

    /// What was measured, in a few words.
    pub(super) fn says(&self) -> String {
        let all = self.report.as_ref().and_then(UpliftReport::all);
        match all.map(|all| (all, all.outcome(Outcome::RepeatPurchase))) {
            None => "nobody is held out".to_owned(),
            Some((all, None)) => {
                format!(
                    "{} members assigned, too few days ago to be measured",
                    all.assigned.treated + all.assigned.holdout
                )
            }
            Some((_, Some(repeat))) => {
                let best = repeat.best();
                let [low, middle, high] = [best.low, best.difference, best.high].map(|share| 100.0 * share);
                format!(
                    "{} members measured against {}: repeat purchase {middle:+.2} points ({low:+.2} to {high:+.2})",
                    repeat.members.treated, repeat.members.holdout
                )
            }
        }
    }

    /// Writes its files.
    pub(super) fn write(
        &self,
        scene: &Scene<'_>,
        members: &[IdTable],
        withdrawn: &HashSet<String>,
        staging: &Staging,
    ) -> Result<Vec<WrittenFile>, RunError> {
        let compression = scene.job.output().compression;
        let mut files = Vec::new();
        if let Some(enrolments) = &self.enrolments {
            let rows = write_first_assigned(staging, members, enrolments, withdrawn, compression)?;
            files.push(WrittenFile { path: FIRST_ASSIGNED_PATH.to_owned(), rows });
        }
        if let Some(report) = &self.report {
            outputs::json(staging, "uplift.json", report)?;
            let rows = write_uplift(staging, report, compression)?;
            files.push(WrittenFile { path: UPLIFT_PATH.to_owned(), rows });
        }
        Ok(files)
    }

    /// Adds its key figures: of all offers together the better estimate of each outcome with its interval, and the
    /// probability of arms of these sizes.
    pub(super) fn kpis(&self, kpis: &mut BTreeMap<String, f64>) {
        let Some(all) = self.report.as_ref().and_then(UpliftReport::all) else { return };
        for outcome in &all.outcomes {
            let code = outcome.outcome.code();
            let best = outcome.best();
            for (end, value) in [("", best.difference), ("_low", best.low), ("_high", best.high)] {
                kpis.insert(format!("uplift_{code}{end}"), six_digits(value));
            }
        }
        if let Some(ratio) = &all.sample_ratio {
            kpis.insert("uplift_sample_ratio_p".to_owned(), six_digits(ratio.p_value));
        }
    }
}
