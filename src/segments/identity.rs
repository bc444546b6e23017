//! Lasting ids: which of tonight's clusters is which of last run's segments.
//!
//! Clusters and segments are matched one to one by the assignment with the highest total **likeness** (Kuhn 1955, Munkres
//! 1957). The likeness of a cluster and a segment is `0.75 · overlap + 0.25 · closeness`:
//! - *overlap*: members nearest to both, over members nearest to either, among those who were in both runs (Jaccard);
//! - *closeness*: `1 / (1 + distance / radius)`, with the distance of the two centroids after last run's is brought from
//!   raw units to tonight's scaling, and the radius the root mean square of tonight's distances of members to their
//!   centroids. Where the features have changed there is none, and it counts 0.
//!
//! A matched cluster carries the id on if the overlap reaches `least_overlap`; where no member was in both runs, if the
//! closeness reaches one half. All others get new ids, above the highest ever given; segments without a successor are
//! retired. An id is never used again.

use ndarray::ArrayView2;
use pathfinding::prelude::{Matrix, kuhn_munkres};
use serde::{Deserialize, Serialize};

use super::{Segment, SegmentModel};
use crate::base::Day;

/// Weight of the overlap in the likeness; the rest is the closeness'.
const OVERLAP_WEIGHT: f64 = 0.75;
/// Closeness that carries an id on where no member was in both runs.
const LEAST_CLOSENESS: f64 = 0.5;
/// Likeness is compared in steps of this part of one.
const STEPS: f64 = 1e9;

/// Every id ever given to a segment of a job. Written as JSON into `model/segment_ids.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastingIds {
    /// The highest id ever given.
    pub highest_id: i32,
    /// The segments by rising id.
    pub segments: Vec<LastingId>,
}

/// One segment's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastingId {
    /// The id.
    pub id: i32,
    /// Code of the segment's tag.
    pub code: String,
    /// Chinese name, the last it had.
    pub name_zh: String,
    /// English name, the last it had.
    pub name_en: String,
    /// As-of day of the run that created it.
    pub created: Day,
    /// As-of day of the first run without it.
    pub retired: Option<Day>,
    /// Members in it, in the last run that had it.
    pub members: u64,
}

/// A cluster that carries an id on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The id.
    pub id: i32,
    /// Members of both over members of either, among those in both runs.
    pub overlap: f64,
    /// `1 / (1 + distance / radius)` of the centroids; `None` where the features have changed.
    pub closeness: Option<f64>,
}

impl LastingIds {
    /// The ids of a model without a table of its own.
    #[must_use]
    pub fn of_model(model: &SegmentModel, as_of: Day) -> Self {
        let mut ids = Self { highest_id: model.highest_id, segments: Vec::new() };
        ids.update(&model.segments, as_of);
        ids
    }

    /// Takes over the segments of a run: new ones are created, those that are gone retired.
    pub fn update(&mut self, segments: &[Segment], as_of: Day) {
        for known in &mut self.segments {
            if known.retired.is_none() && segments.iter().all(|s| s.id != known.id) {
                known.retired = Some(as_of);
            }
        }
        for segment in segments {
            match self.segments.binary_search_by_key(&segment.id, |s| s.id) {
                Ok(at) => {
                    let known = &mut self.segments[at];
                    known.name_zh.clone_from(&segment.name_zh);
                    known.name_en.clone_from(&segment.name_en);
                    known.members = segment.members;
                }
                Err(at) => self.segments.insert(
                    at,
                    LastingId {
                        id: segment.id,
                        code: segment.code.clone(),
                        name_zh: segment.name_zh.clone(),
                        name_en: segment.name_en.clone(),
                        created: as_of,
                        retired: None,
                        members: segment.members,
                    },
                ),
            }
            self.highest_id = self.highest_id.max(segment.id);
        }
    }
}

/// What tells which cluster is which segment.
pub(super) struct Likeness<'a> {
    /// Last run's segments.
    pub previous: &'a [Segment],
    /// Last run's centroids in tonight's scaled units, shape `(n_segments, n_features)`; `None` where the features
    /// have changed.
    pub old: Option<ArrayView2<'a, f32>>,
    /// Tonight's centroids, shape `(k, n_features)`.
    pub new: ArrayView2<'a, f32>,
    /// Root mean square distance of members to their centroids.
    pub radius: f64,
    /// Tonight's nearest cluster, a member each.
    pub nearest: &'a [u16],
    /// Id of the segment nearest to each member in last run, 0 for those who were not there.
    pub before: &'a [i32],
}

impl Likeness<'_> {
    /// By cluster, the segment (index into `previous`) whose id it carries on, if any, and how alike they are.
    pub(super) fn matches(&self, least_overlap: f64) -> Vec<Option<(usize, Kept)>> {
        let (clusters, segments) = (self.new.nrows(), self.previous.len());
        let overlaps = self.overlaps();
        let nobody = overlaps.is_none();
        let overlap = |c: usize, s: usize| overlaps.as_ref().map_or(0.0, |o| o[c * segments + s]);
        let size = clusters.max(segments);
        let weight = |(c, s): (usize, usize)| -> i64 {
            if c >= clusters || s >= segments {
                return 0;
            }
            let closeness = self.closeness(c, s).unwrap_or(0.0);
            ((OVERLAP_WEIGHT * overlap(c, s) + (1.0 - OVERLAP_WEIGHT) * closeness) * STEPS).round() as i64
        };
        let weights = Matrix::from_fn(size, size, weight);
        let (_, found) = kuhn_munkres(&weights);
        (0..clusters)
            .map(|c| {
                let s = found.get(c).copied().filter(|s| *s < segments)?;
                let (overlap, closeness) = (overlap(c, s), self.closeness(c, s));
                let same = if nobody { closeness >= Some(LEAST_CLOSENESS) } else { overlap >= least_overlap };
                same.then(|| (s, Kept { id: self.previous[s].id, overlap, closeness }))
            })
            .collect()
    }

    /// Overlap by cluster and segment; `None` where no member was in both runs.
    fn overlaps(&self) -> Option<Vec<f64>> {
        let (clusters, segments) = (self.new.nrows(), self.previous.len());
        let mut both = vec![0u64; clusters * segments];
        let (mut of_cluster, mut of_segment) = (vec![0u64; clusters], vec![0u64; segments]);
        // Ids are few: a table by id.
        let highest = self.previous.iter().map(|s| s.id).max().unwrap_or(0);
        let mut place = vec![usize::MAX; usize::try_from(highest).unwrap_or(0) + 1];
        for (at, segment) in self.previous.iter().enumerate() {
            if let Some(slot) = usize::try_from(segment.id).ok().and_then(|id| place.get_mut(id)) {
                *slot = at;
            }
        }
        let mut shared = 0u64;
        for (cluster, id) in self.nearest.iter().zip(self.before) {
            let at = usize::try_from(*id).ok().filter(|id| *id > 0).and_then(|id| place.get(id).copied());
            let Some(s) = at.filter(|s| *s != usize::MAX) else { continue };
            let c = usize::from(*cluster);
            both[c * segments + s] += 1;
            of_cluster[c] += 1;
            of_segment[s] += 1;
            shared += 1;
        }
        (shared > 0).then(|| {
            let jaccard = |at: usize| {
                let either = of_cluster[at / segments] + of_segment[at % segments] - both[at];
                if either > 0 { both[at] as f64 / either as f64 } else { 0.0 }
            };
            (0..both.len()).map(jaccard).collect()
        })
    }

    fn closeness(&self, cluster: usize, segment: usize) -> Option<f64> {
        let old = self.old?;
        let between = distance(self.new.row(cluster).iter().zip(old.row(segment)));
        if between == 0.0 {
            return Some(1.0);
        }
        Some(if self.radius > 0.0 { 1.0 / (1.0 + between / self.radius) } else { 0.0 })
    }
}

/// Euclidean distance of two rows.
pub(super) fn distance<'a>(pairs: impl Iterator<Item = (&'a f32, &'a f32)>) -> f64 {
    pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    fn segment(id: i32) -> Segment {
        Segment {
            id,
            code: format!("seg_{id:02}"),
            name_zh: String::new(),
            name_en: String::new(),
            traits: Vec::new(),
            members: 1,
            nearest: 1,
            scaled: Vec::new(),
            raw: Vec::new(),
        }
    }

    #[test]
    fn ids_follow_members_and_centroids() {
        let previous = [segment(3), segment(7)];
        let (old, new) = (array![[0.0f32], [10.0]], array![[9.0f32], [1.0], [50.0]]);
        let likeness = |nearest, before| {
            let (old, new) = (Some(old.view()), new.view());
            Likeness { previous: &previous, old, new, radius: 1.0, nearest, before }
        };
        let ids = |found: Vec<Option<(usize, Kept)>>| -> Vec<Option<i32>> {
            found.into_iter().map(|m| m.map(|(_, kept)| kept.id)).collect()
        };
        // Nobody known: the centroids decide.
        assert_eq!(ids(likeness(&[0, 1, 2], &[0, 0, 0]).matches(0.3)), [Some(7), Some(3), None]);
        // Members outweigh centroids.
        assert_eq!(ids(likeness(&[0, 0, 1, 1, 2], &[3, 3, 7, 7, 7]).matches(0.3)), [Some(3), Some(7), None]);
        // Too few in common: a new segment.
        assert_eq!(ids(likeness(&[0, 0, 0, 0, 1], &[3, 7, 7, 3, 3]).matches(0.5)), [Some(7), None, None]);
    }

    #[test]
    fn ids_are_created_and_retired_openly() {
        let mut ids = LastingIds::default();
        ids.update(&[segment(1), segment(2)], Day(10));
        ids.update(&[segment(2), segment(4)], Day(11));
        let life: Vec<(i32, i32, Option<i32>)> =
            ids.segments.iter().map(|s| (s.id, s.created.0, s.retired.map(|d| d.0))).collect();
        assert_eq!(life, [(1, 10, Some(11)), (2, 10, None), (4, 11, None)]);
        assert_eq!(ids.highest_id, 4);
    }

    proptest! {
        /// The assignment is the best of all, by trying every one.
        #[test]
        fn the_best_of_all_assignments(
            nearest in prop::collection::vec(0u16..4, 40), before in prop::collection::vec(0i32..4, 40),
        ) {
            let previous = [segment(1), segment(2), segment(3)];
            let new = array![[0.0f32], [1.0], [2.0], [3.0]];
            let likeness =
                Likeness { previous: &previous, old: None, new: new.view(), radius: 1.0, nearest: &nearest, before: &before };
            let Some(overlaps) = likeness.overlaps() else { return Ok(()) };
            let found = likeness.matches(0.0);
            let mut seen: Vec<usize> = found.iter().flatten().map(|(s, _)| *s).collect();
            let total: f64 = found.iter().flatten().map(|(_, kept)| kept.overlap).sum();
            seen.sort_unstable();
            prop_assert_eq!(seen, vec![0, 1, 2]);
            let mut best = 0.0f64;
            for a in 0..4 { for b in 0..4 { for c in 0..4 {
                if a != b && b != c && a != c {
                    best = best.max(overlaps[a * 3] + overlaps[b * 3 + 1] + overlaps[c * 3 + 2]);
                }
            } } }
            prop_assert!((best - total).abs() < 1e-8, "{best} {total}");
        }
    }
}
