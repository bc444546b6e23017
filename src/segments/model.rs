//! The segments of a run: centroids in raw and scaled units, lasting ids, names.

use linfa::ParamGuard;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{
    ColumnAbout, Held, Kept, LastingIds, PreviousPlace, SegmentError, Segments, choose::start_seed, hold::hold,
    identity::Likeness, naming::give_names,
};
use crate::{
    base::Day,
    features::Scaling,
    kmeans::{Assignment, Fitted, KMeansError, KMeansParams, Start, assign},
};

/// Version of the written model: rises when a reader of the version before would misread it.
pub const FORMAT: u32 = 1;

/// One segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Lasting id, from 1: the same segment has the same id in later runs, and no other ever gets it.
    pub id: i32,
    /// Code of the segment's tag, `seg_` and the id.
    pub code: String,
    /// Chinese name, unique among the segments.
    pub name_zh: String,
    /// English name, unique among the segments.
    pub name_en: String,
    /// What sets it apart: features with `+`, `++` or `-`. Empty where nothing stands out.
    pub traits: Vec<String>,
    /// Members in it in the run that fitted the model.
    pub members: u64,
    /// Members nearest to its centroid in that run; it differs from `members` by those who are held.
    #[serde(default)]
    pub nearest: u64,
    /// Centroid in scaled units, one value a feature.
    pub scaled: Vec<f32>,
    /// Centroid in raw units (transforms undone), one value a feature: what the next run starts from.
    pub raw: Vec<f64>,
}

/// The segments of a run. Written as JSON into the run's `model/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentModel {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// Feature names, in the order of the centroids' values.
    pub features: Vec<String>,
    /// The segments; labels are indices into this list.
    pub segments: Vec<Segment>,
    /// Highest id ever given to a segment of this job.
    pub highest_id: i32,
    /// Whether the fit started from the previous run's centroids.
    pub warm_start: bool,
    /// Members the centroids were fitted on.
    pub fitted_on: u64,
    /// Sum of squared distances (scaled units) of those members to their centroids.
    pub inertia: f64,
    /// Iterations made.
    pub iterations: u32,
    /// Whether the tolerance was met.
    pub converged: bool,
}

/// What a fit works on.
#[derive(Debug, Clone, Copy)]
pub struct FitInput<'a> {
    /// Scaled features, shape `(n_members, n_features)`, members in (shard, member) order.
    pub matrix: ArrayView2<'a, f32>,
    /// How raw features became the matrix; one entry a column.
    pub scaling: &'a Scaling,
    /// What the columns are about; one entry a column.
    pub columns: &'a [ColumnAbout<'a>],
    /// Rows to fit on, `None` for all; see [`super::fit_sample`].
    pub sample: Option<&'a [u32]>,
    /// What the previous run left.
    pub previous: Option<PreviousSegments<'a>>,
    /// The as-of day.
    pub as_of: Day,
    /// The job's seed.
    pub job_seed: u64,
}

/// What the previous run left of its segments.
#[derive(Debug, Clone, Copy)]
pub struct PreviousSegments<'a> {
    /// Its model.
    pub model: &'a SegmentModel,
    /// Every id ever given.
    pub ids: &'a LastingIds,
    /// Each of tonight's members' place in it, in (shard, member) order.
    pub places: &'a [PreviousPlace],
}

/// Every member's place among the segments, in (shard, member) order; `segment` and `nearest` are indices into
/// [`SegmentModel::segments`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memberships {
    /// The segment the member is put in.
    pub segment: Vec<u16>,
    /// The segment whose centroid is nearest. The two are the same unless a member is held back at a border.
    pub nearest: Vec<u16>,
    /// Distance to the nearest centroid, scaled units.
    pub distance: Vec<f32>,
    /// Distance to the second nearest centroid minus `distance`.
    pub margin: Vec<f32>,
    /// Members held in a segment that is not the nearest, by rising row.
    pub held: Vec<Held>,
}

/// A fitted model and every member's place in it.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentFit {
    /// The model.
    pub model: SegmentModel,
    /// Every member's place.
    pub memberships: Memberships,
    /// Every id ever given, with tonight's segments.
    pub ids: LastingIds,
    /// Ids that were carried on from the previous run, by segment; `None` for new ones.
    pub kept: Vec<Option<Kept>>,
}

impl SegmentModel {
    /// Clusters the members.
    ///
    /// Where the previous model has the same features and as many segments, and the job allows it, the fit starts from
    /// its centroids, brought from raw units to the present scaling, and makes few iterations. Either way clusters are matched with the previous
    /// segments (see [`LastingIds`]): what matches keeps its id, its place in the list and, as long as it is true, its
    /// name; the others come after them by falling size (ties by centroid), numbered after the highest id ever used.
    /// Members stay in the segment they were in unless the move is clear (see [`super::Identity`]); centroids are those
    /// of the nearest, whoever is held.
    ///
    /// # Errors
    /// If there are fewer members, or fewer kinds of members, than segments.
    pub fn fit(input: &FitInput<'_>, settings: &Segments) -> Result<SegmentFit, SegmentError> {
        let features: Vec<String> = input.scaling.features.iter().map(|f| f.name.clone()).collect();
        let comparable = |p: &&PreviousSegments<'_>| p.model.format == FORMAT && p.model.features == features;
        let old = input.previous.as_ref().filter(comparable).map(|p| p.model.rescaled(input.scaling));
        let warm = old.as_ref().filter(|old| settings.warm_start && old.nrows() == settings.k);
        let seed = start_seed(input.job_seed, settings.seed_offset, 0);
        let params = KMeansParams::new(settings.k)
            .seed(seed)
            .n_runs(settings.restarts)
            .max_iterations(match warm {
                Some(_) => settings.max_iterations.min(settings.identity.warm_iterations),
                None => settings.max_iterations,
            })
            .tolerance(settings.tolerance)
            .start(warm.map_or(Start::PlusPlus, |centroids| Start::Given(centroids.clone())))
            .check()
            .map_err(KMeansError::from)?;
        let fitted = params.fit_rows(input.matrix, None, input.sample)?;
        let assignment = assign(input.matrix, fitted.centroids.view())?;
        let radius = (assignment.inertia / assignment.labels.len().max(1) as f64).sqrt();
        let matches: Vec<Option<(usize, Kept)>> = match &input.previous {
            Some(previous) => {
                let before: Vec<i32> = previous.places.iter().map(|p| p.nearest).collect();
                let likeness = Likeness {
                    previous: &previous.model.segments,
                    old: old.as_ref().map(Array2::view),
                    new: fitted.centroids.view(),
                    radius,
                    nearest: &assignment.labels,
                    before: &before,
                };
                likeness.matches(settings.identity.least_overlap)
            }
            None => vec![None; settings.k],
        };
        let order = in_order(&fitted.centroids, &assignment.counts, &matches);
        let highest = input.previous.map_or(0, |p| p.ids.highest_id.max(p.model.highest_id));
        let mut next = highest;
        let ids: Vec<i32> = order
            .iter()
            .map(|cluster| match &matches[*cluster] {
                Some((_, kept)) => kept.id,
                None => {
                    next += 1;
                    next
                }
            })
            .collect();
        let centroids = Array2::from_shape_fn(fitted.centroids.raw_dim(), |(s, f)| fitted.centroids[[order[s], f]]);
        let mut memberships = Memberships::nearest(renumbered(assignment, &order));
        if let Some(previous) = &input.previous {
            let (identity, nearest) = (&settings.identity, &memberships.nearest);
            (memberships.segment, memberships.held) =
                hold(input.matrix, centroids.view(), &ids, nearest, previous.places, identity, input.as_of);
        }
        let count = |labels: &[u16]| {
            let mut counts = vec![0u64; ids.len()];
            labels.iter().for_each(|label| counts[usize::from(*label)] += 1);
            counts
        };
        let (members, nearest) = (count(&memberships.segment), count(&memberships.nearest));
        let mut segments: Vec<Segment> = ids
            .iter()
            .enumerate()
            .map(|(s, id)| Segment {
                id: *id,
                code: format!("seg_{id:02}"),
                name_zh: String::new(),
                name_en: String::new(),
                traits: Vec::new(),
                members: members[s],
                nearest: nearest[s],
                scaled: centroids.row(s).to_vec(),
                raw: finite(input.scaling.invert(centroids.row(s))),
            })
            .collect();
        let earlier: Vec<Option<&Segment>> = order
            .iter()
            .map(|cluster| {
                let (at, _) = matches[*cluster].as_ref()?;
                input.previous.as_ref().and_then(|p| p.model.segments.get(*at))
            })
            .collect();
        give_names(&mut segments, input, &memberships.segment, &earlier, settings);
        let mut lasting = input.previous.map_or_else(LastingIds::default, |p| p.ids.clone());
        lasting.update(&segments, input.as_of);
        let model = Self {
            format: FORMAT,
            features,
            highest_id: next.max(highest),
            segments,
            warm_start: warm.is_some(),
            fitted_on: input.sample.map_or(input.matrix.nrows(), <[u32]>::len) as u64,
            inertia: fitted.inertia,
            iterations: fitted.iterations,
            converged: fitted.converged,
        };
        let kept = order.iter().map(|cluster| matches[*cluster].as_ref().map(|(_, kept)| kept.clone())).collect();
        Ok(SegmentFit { model, memberships, ids: lasting, kept })
    }

    /// Puts members into the segments of this model: `matrix` of shape `(n_members, n_features)`, scaled by the scaling
    /// the model was fitted with; any part of the members, such as one shard's.
    ///
    /// # Errors
    /// If the matrix does not have the model's number of features, or a value is not finite.
    pub fn assign(&self, matrix: ArrayView2<'_, f32>) -> Result<Memberships, SegmentError> {
        Ok(Memberships::nearest(assign(matrix, self.centroids().view())?))
    }

    /// The scaled centroids, shape `(k, n_features)`.
    #[must_use]
    pub fn centroids(&self) -> Array2<f32> {
        let at = |(s, f): (usize, usize)| self.segments[s].scaled.get(f).copied().unwrap_or(0.0);
        Array2::from_shape_fn((self.segments.len(), self.features.len()), at)
    }

    /// linfa's model of these segments; cluster `j` is segment `j` of the list.
    ///
    /// # Errors
    /// If linfa's model type does not take the centroids.
    pub fn to_linfa(&self) -> Result<linfa_clustering::KMeans<f32, linfa_nn::distance::L2Dist>, SegmentError> {
        let counts = self.segments.iter().map(|s| s.nearest).collect();
        let (inertia, weight) = (self.inertia, self.fitted_on as f64);
        let (iterations, converged) = (self.iterations, self.converged);
        let fitted = Fitted { centroids: self.centroids(), counts, inertia, weight, iterations, converged, run: 0 };
        Ok(fitted.to_linfa()?)
    }

    /// The segment of a label.
    #[must_use]
    pub fn segment(&self, label: u16) -> &Segment {
        &self.segments[usize::from(label)]
    }

    /// The raw centroids under another scaling of the same features, shape `(k, n_features)`.
    #[must_use]
    pub fn rescaled(&self, scaling: &Scaling) -> Array2<f32> {
        let at = |(s, f): (usize, usize)| match self.segments[s].raw.get(f) {
            Some(raw) => scaling.features[f].apply(*raw) as f32,
            None => 0.0,
        };
        Array2::from_shape_fn((self.segments.len(), scaling.features.len()), at)
    }
}

impl Memberships {
    fn nearest(found: Assignment) -> Self {
        let margin = found.distance.iter().zip(&found.second).map(|(best, second)| second - best).collect();
        Self {
            segment: found.labels.clone(),
            nearest: found.labels,
            distance: found.distance,
            margin,
            held: Vec::new(),
        }
    }
}

/// The clusters in the order of the list: those that carry on an id by last run's place, the others after them.
fn in_order(centroids: &Array2<f32>, counts: &[u64], matches: &[Option<(usize, Kept)>]) -> Vec<usize> {
    let mut carried: Vec<(usize, usize)> =
        matches.iter().enumerate().filter_map(|(c, m)| m.as_ref().map(|(at, _)| (*at, c))).collect();
    carried.sort_unstable();
    let fresh = by_size(centroids, counts).into_iter().filter(|c| matches[*c].is_none());
    carried.iter().map(|(_, c)| *c).chain(fresh).collect()
}

/// An assignment with the clusters in another order.
fn renumbered(mut assignment: Assignment, order: &[usize]) -> Assignment {
    let mut rank = vec![0u16; order.len()];
    for (to, from) in order.iter().enumerate() {
        rank[*from] = to as u16;
    }
    for label in &mut assignment.labels {
        *label = rank[usize::from(*label)];
    }
    assignment.counts = order.iter().map(|c| assignment.counts[*c]).collect();
    assignment
}

/// Cluster indices by falling size, ties by centroid.
fn by_size(centroids: &Array2<f32>, counts: &[u64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|a, b| {
        let values = centroids.row(*a).into_iter().zip(centroids.row(*b)).map(|(x, y)| x.total_cmp(y));
        let by_centroid = || values.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then);
        counts[*b].cmp(&counts[*a]).then_with(by_centroid).then(a.cmp(b))
    });
    order
}

/// A feature of weight 0 has no raw value to go back to; JSON has no NaN.
fn finite(raw: Vec<f64>) -> Vec<f64> {
    raw.into_iter().map(|v| if v.is_finite() { v } else { 0.0 }).collect()
}
