//! `report.html` of a run, from what the run holds.

use ndarray::Array2;

use super::{
    Manifest, RunError,
    closing::{Closing, Lists},
    decide::Decided,
    fairness::Fairness,
    fit::{Described, Scene},
};
use crate::{
    base::{IdTable, seed::derive_seed},
    report::{
        SegmentMap, curves,
        night::{MemberFigures, NightView, OfferView, UpliftView, page, uplift_section},
        text,
    },
    segments::fit_sample,
    store::Staging,
};

/// The report's file.
const FILE: &str = "report.html";
/// Members whose covariance makes the plane of the map.
const PLANE: usize = 20_000;

/// Writes the report. `manifest` may lack the list of files yet.
pub(super) fn write(
    closing: &Closing<'_>,
    described: &Described,
    decided: &Decided,
    manifest: &Manifest,
    lists: &Lists,
    fairness: &Fairness,
    staging: &Staging,
) -> Result<(), RunError> {
    let Closing { scene, members, known, notes, .. } = *closing;
    let settings = scene.job.report();
    let offers = lists.offers.iter().map(|offer| {
        let left = manifest.offers.iter().find(|o| o.offer_id == offer.offer_id).and_then(|o| o.cap_left);
        OfferView {
            id: offer.offer_id.clone(),
            kind: offer.kind.clone(),
            name: text(offer.name_zh.clone(), offer.name_en.clone()),
            funnel: vec![
                (text("符合规则", "Eligible"), offer.reach.eligible),
                (text("渠道授权", "Opted in"), offer.reach.consented),
                (text("触达规则后", "After contact rules"), offer.reach.rested),
                (text("有理由", "With a reason"), offer.reach.with_reason),
                (text("入选", "Wanted"), offer.reach.wanted),
            ],
            slots: offer.chosen,
            members: offer.members,
            left,
            by_segment: offer.segments.clone(),
            reasons: offer
                .reasons
                .iter()
                .map(|r| (r.code.to_owned(), r.slots, text(r.example.0.clone(), r.example.1.clone())))
                .collect(),
        }
    });
    let uplift = UpliftView {
        report: decided.uplift.report.as_ref(),
        periods: &decided.uplift.periods,
        days: closing.catalogue.decision.uplift.window_days,
        model: &described.model,
        currency: scene.job.currency(),
    };
    let view = NightView {
        language: settings.language,
        job: &manifest.job,
        as_of: manifest.as_of,
        run_id: &manifest.run_id,
        previous: scene.previous.map(|p| (p.manifest.as_of, p.manifest.run_id.as_str())),
        currency: scene.job.currency(),
        members: MemberFigures {
            seen: manifest.members.seen,
            in_fit: manifest.members.in_fit,
            opted_out: manifest.members.opted_out,
            excluded: &manifest.members.excluded,
        },
        kpis: &manifest.kpis,
        profiles: &described.profiles,
        model: &described.model,
        map: map(scene, members, described),
        curves: described.k_choice.as_ref().map(|choice| curves(&choice.curve)),
        drift: described.drift.as_ref(),
        offers: offers.collect(),
        with_list: lists.with_list,
        held_out: lists.held_out,
        rows: &manifest.rows,
        gates: &closing.judged.results,
        late: closing.judged.late.as_ref(),
        tuned: &known.tuned,
        notes,
        fairness: fairness.rows(),
        more: uplift_section(&uplift).into_iter().collect(),
    };
    Ok(staging.write(FILE, page(&view).as_bytes())?)
}

/// The map of the segments, over members chosen by hash; none if the job wants no member on it.
fn map(scene: &Scene<'_>, members: &[IdTable], described: &Described) -> Option<SegmentMap> {
    let shown = scene.job.report().map_members as usize;
    if shown == 0 {
        return None;
    }
    let (features, scaling) = (&described.features, &described.scaling);
    let seed = derive_seed(scene.job.seed(), "report/map");
    let rows: Vec<usize> = match fit_sample(members.iter().flat_map(IdTable::iter), PLANE.max(shown), seed) {
        Some(rows) => rows.into_iter().map(|row| row as usize).collect(),
        None => (0..features.members()).collect(),
    };
    let columns: Vec<_> =
        scaling.features.iter().filter_map(|f| Some((f, features.dictionary().find(&f.name)?))).collect();
    let mut sample = Array2::<f32>::zeros((rows.len(), columns.len()));
    for (mut into, row) in sample.outer_iter_mut().zip(&rows) {
        let (shard, member) = features.locate(*row);
        for (cell, (feature, column)) in into.iter_mut().zip(&columns) {
            *cell = feature.apply(features.value(*column, shard, member).unwrap_or(f64::NAN)) as f32;
        }
    }
    let labels: Vec<u16> = rows.iter().map(|row| described.memberships.segment[*row]).collect();
    SegmentMap::of(sample.view(), &labels, described.model.centroids().view(), shown)
}
