//! What has changed since the previous run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Distributions, Kept, PreviousPlaces, PreviousSegments, SegmentFit, identity::distance};
use crate::{
    features::{FeatureTable, Scaling},
    kmeans::adjusted_rand_index,
};

/// What has changed since the previous run. Written as JSON into `model/drift.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Members in both runs.
    pub both: u64,
    /// Members who were not in the previous run.
    pub joined: u64,
    /// Members of the previous run who are not in this one.
    pub left: u64,
    /// Members of both who are in a segment of another id.
    pub moved: u64,
    /// Their share of the members in both.
    pub moved_share: f64,
    /// Members of both whose nearest segment has another id.
    pub nearest_moved: u64,
    /// Members held in a segment that is not the nearest.
    pub held: u64,
    /// Adjusted Rand index of this run's segments with the previous run's, over the members in both; 1 without any.
    pub adjusted_rand: f64,
    /// From which segment to which, over all members; 0 stands for members who were or are not there.
    pub migration: Vec<Migration>,
    /// Ids that were kept, and how surely.
    pub kept: Vec<Kept>,
    /// Ids that were created.
    pub created: Vec<i32>,
    /// Ids that were retired.
    pub retired: Vec<i32>,
    /// Segments that kept their id and are called otherwise.
    pub renamed: Vec<Renamed>,
    /// How far the centroids of kept segments moved; empty where the features have changed.
    pub centroids: Vec<CentroidShift>,
    /// Population stability index of every feature that was there before.
    pub psi: Vec<FeatureStability>,
}

/// Members who went from one segment to another, or stayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Id in the previous run, 0 for who was not there.
    pub from: i32,
    /// Id in this run, 0 for who is not there.
    pub to: i32,
    /// Members.
    pub members: u64,
}

/// A segment that is called otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// Its id.
    pub id: i32,
    /// Chinese name before.
    pub from_zh: String,
    /// Chinese name now.
    pub to_zh: String,
    /// English name before.
    pub from_en: String,
    /// English name now.
    pub to_en: String,
}

/// How far a centroid moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CentroidShift {
    /// Id of the segment.
    pub id: i32,
    /// Distance of the centroid from the previous run's (brought from raw units to this run's scaling), in root mean
    /// square distances of members to their centroids.
    pub shift: f64,
    /// The feature that moved most in scaled units.
    pub feature: String,
    /// Its value at the previous centroid, in raw units.
    pub from: f64,
    /// Its value at the centroid, in raw units.
    pub to: f64,
}

/// How much the spread of a feature over the members has changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureStability {
    /// The feature.
    pub feature: String,
    /// Population stability index, from 0; see [`Distributions::stability`].
    pub psi: f64,
    /// Whether the segments are made from it.
    pub in_segments: bool,
}

/// What drift is measured on.
#[derive(Debug, Clone, Copy)]
pub struct DriftInput<'a> {
    /// What the previous run left.
    pub previous: PreviousSegments<'a>,
    /// All its members.
    pub before: &'a PreviousPlaces,
    /// How its features were spread, if known.
    pub distributions: Option<&'a Distributions>,
    /// This run's segments.
    pub fit: &'a SegmentFit,
    /// This run's features.
    pub features: &'a FeatureTable,
    /// This run's scaling.
    pub scaling: &'a Scaling,
}

impl Drift {
    /// Measures what has changed.
    #[must_use]
    pub fn measure(input: &DriftInput<'_>) -> Self {
        let SegmentFit { model, memberships, kept, .. } = input.fit;
        let previous = input.previous.model;
        let id_of = |label: u16| model.segments[usize::from(label)].id;
        let mut migration: BTreeMap<(i32, i32), u64> = BTreeMap::new();
        // Who was in the previous run and is not found again has left.
        for segment in input.before.segments() {
            *migration.entry((segment, 0)).or_default() += 1;
        }
        let (mut then, mut now) = (Vec::new(), Vec::new());
        let mut drift = Self { held: memberships.held.len() as u64, ..Self::default() };
        for (row, place) in input.previous.places.iter().enumerate() {
            let (to, nearest) = (id_of(memberships.segment[row]), id_of(memberships.nearest[row]));
            *migration.entry((place.segment, to)).or_default() += 1;
            if place.segment == 0 {
                drift.joined += 1;
                continue;
            }
            if let Some(left) = migration.get_mut(&(place.segment, 0)) {
                *left = left.saturating_sub(1);
            }
            drift.both += 1;
            drift.moved += u64::from(place.segment != to);
            drift.nearest_moved += u64::from(place.nearest != nearest);
            then.push(place.segment);
            now.push(to);
        }
        drift.left = input.before.len() as u64 - drift.both;
        drift.moved_share = if drift.both > 0 { drift.moved as f64 / drift.both as f64 } else { 0.0 };
        drift.adjusted_rand = adjusted_rand_index(&then, &now);
        drift.migration = migration
            .into_iter()
            .filter(|(_, members)| *members > 0)
            .map(|((from, to), members)| Migration { from, to, members })
            .collect();

        drift.kept = kept.iter().flatten().cloned().collect();
        drift.created = model.segments.iter().zip(kept).filter(|(_, k)| k.is_none()).map(|(s, _)| s.id).collect();
        let gone = |id: &i32| model.segments.iter().all(|s| s.id != *id);
        drift.retired = previous.segments.iter().map(|s| s.id).filter(gone).collect();
        for segment in &model.segments {
            let Some(before) = previous.segments.iter().find(|s| s.id == segment.id) else { continue };
            if (&before.name_zh, &before.name_en) != (&segment.name_zh, &segment.name_en) {
                drift.renamed.push(Renamed {
                    id: segment.id,
                    from_zh: before.name_zh.clone(),
                    to_zh: segment.name_zh.clone(),
                    from_en: before.name_en.clone(),
                    to_en: segment.name_en.clone(),
                });
            }
        }
        drift.centroids = shifts(input);
        drift.psi = input.distributions.map_or_else(Vec::new, |before| {
            let stability = before.stability(input.features).into_iter();
            stability
                .map(|(feature, psi)| {
                    let in_segments = model.features.contains(&feature);
                    FeatureStability { feature, psi, in_segments }
                })
                .collect()
        });
        drift
    }
}

fn shifts(input: &DriftInput<'_>) -> Vec<CentroidShift> {
    let (model, previous) = (&input.fit.model, input.previous.model);
    if model.features != previous.features {
        return Vec::new();
    }
    let old = previous.rescaled(input.scaling);
    let radius = (model.inertia / (model.fitted_on.max(1)) as f64).sqrt();
    model
        .segments
        .iter()
        .filter_map(|segment| {
            let at = previous.segments.iter().position(|s| s.id == segment.id)?;
            let row = old.row(at);
            let moved = distance(segment.scaled.iter().zip(row));
            let by = |f: &usize| (segment.scaled[*f] - row[*f]).abs();
            let most = (0..row.len()).max_by(|a, b| by(a).total_cmp(&by(b)).then(b.cmp(a)))?;
            Some(CentroidShift {
                id: segment.id,
                shift: if radius > 0.0 { moved / radius } else { moved },
                feature: model.features[most].clone(),
                from: previous.segments[at].raw.get(most).copied().unwrap_or(0.0),
                to: segment.raw.get(most).copied().unwrap_or(0.0),
            })
        })
        .collect()
}
