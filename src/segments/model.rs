//! The segments of a run: centroids in raw and scaled units, lasting ids, names.

use linfa::ParamGuard;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{
    ColumnAbout, SegmentError, Segments,
    names::{Name, names},
};
use crate::{
    base::seed::derive_seed,
    features::Scaling,
    kmeans::{Assignment, Fitted, KMeansError, KMeansParams, Start, assign},
};

/// Version of the written model. A reader accepts its own version only: a run whose previous model has another version
/// fits afresh.
pub const FORMAT: u32 = 1;

/// Rows are summed in blocks of this many, block after block.
const BLOCK: usize = 4096;

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
    /// What the name stands on: features with `+` or `-`. Empty where the job gives the name, or nothing stands out.
    pub traits: Vec<String>,
    /// Members assigned in the run that fitted the model.
    pub members: u64,
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
    /// The previous run's model.
    pub previous: Option<&'a SegmentModel>,
    /// The job's seed.
    pub job_seed: u64,
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
}

/// A fitted model and every member's place in it.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentFit {
    /// The model.
    pub model: SegmentModel,
    /// Every member's place.
    pub memberships: Memberships,
}

impl SegmentModel {
    /// Clusters the members.
    ///
    /// Where the previous model has the same features and as many segments, and the job allows it, the fit starts from
    /// its centroids, brought from raw units to the present scaling, and every segment keeps its id; a name stays as
    /// long as it is true. Otherwise segments are numbered by falling size (ties by centroid), after the highest id
    /// ever used.
    ///
    /// # Errors
    /// If there are fewer members, or fewer kinds of members, than segments.
    pub fn fit(input: &FitInput<'_>, settings: &Segments) -> Result<SegmentFit, SegmentError> {
        let features: Vec<String> = input.scaling.features.iter().map(|f| f.name.clone()).collect();
        let matches = |m: &&SegmentModel| {
            settings.warm_start && m.format == FORMAT && m.features == features && m.segments.len() == settings.k
        };
        let warm = input.previous.filter(matches);
        let seed = derive_seed(input.job_seed.wrapping_add(settings.seed_offset), "segments/k-means");
        let params = KMeansParams::new(settings.k)
            .seed(seed)
            .n_runs(settings.restarts)
            .max_iterations(settings.max_iterations)
            .tolerance(settings.tolerance)
            .start(warm.map_or(Start::PlusPlus, |model| Start::Given(model.rescaled(input.scaling))))
            .check()
            .map_err(KMeansError::from)?;
        let fitted = params.fit_rows(input.matrix, None, input.sample)?;
        let mut assignment = assign(input.matrix, fitted.centroids.view())?;
        let order = match warm {
            Some(_) => (0..settings.k).collect(),
            None => by_size(&fitted.centroids, &assignment.counts),
        };
        let first_id = input.previous.map_or(0, |m| m.highest_id) + 1;
        let ids: Vec<i32> = match warm {
            Some(model) => model.segments.iter().map(|s| s.id).collect(),
            None => (first_id..).take(settings.k).collect(),
        };
        let mut rank = vec![0u16; settings.k];
        for (to, from) in order.iter().enumerate() {
            rank[*from] = to as u16;
        }
        for label in &mut assignment.labels {
            *label = rank[usize::from(*label)];
        }
        let mut segments: Vec<Segment> = order
            .iter()
            .zip(&ids)
            .map(|(from, id)| Segment {
                id: *id,
                code: format!("seg_{id:02}"),
                name_zh: String::new(),
                name_en: String::new(),
                traits: Vec::new(),
                members: assignment.counts[*from],
                scaled: fitted.centroids.row(*from).to_vec(),
                raw: finite(input.scaling.invert(fitted.centroids.row(*from))),
            })
            .collect();
        give_names(&mut segments, input, warm, settings);
        let model = Self {
            format: FORMAT,
            features,
            highest_id: ids.iter().copied().max().unwrap_or(0).max(first_id - 1),
            segments,
            warm_start: warm.is_some(),
            fitted_on: input.sample.map_or(input.matrix.nrows(), <[u32]>::len) as u64,
            inertia: fitted.inertia,
            iterations: fitted.iterations,
            converged: fitted.converged,
        };
        Ok(SegmentFit { model, memberships: Memberships::nearest(assignment) })
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
        let counts = self.segments.iter().map(|s| s.members).collect();
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
    fn rescaled(&self, scaling: &Scaling) -> Array2<f32> {
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
        Self { segment: found.labels.clone(), nearest: found.labels, distance: found.distance, margin }
    }
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

/// Mean and standard deviation of every column, each of shape `(n_features)`.
fn moments(matrix: ArrayView2<'_, f32>) -> (Vec<f64>, Vec<f64>) {
    let sums = |of: &dyn Fn(usize, f64) -> f64| {
        let mut total = vec![0.0; matrix.ncols()];
        for block in matrix.axis_chunks_iter(ndarray::Axis(0), BLOCK) {
            let mut part = vec![0.0; matrix.ncols()];
            for row in block.outer_iter() {
                for (f, (sum, value)) in part.iter_mut().zip(row).enumerate() {
                    *sum += of(f, f64::from(*value));
                }
            }
            total.iter_mut().zip(part).for_each(|(t, p)| *t += p);
        }
        let members = matrix.nrows() as f64;
        total.into_iter().map(|t| t / members).collect::<Vec<f64>>()
    };
    let means = sums(&|_, v| v);
    let spreads = sums(&|f, v| (v - means[f]) * (v - means[f])).into_iter().map(f64::sqrt).collect();
    (means, spreads)
}

fn give_names(segments: &mut [Segment], input: &FitInput<'_>, warm: Option<&SegmentModel>, settings: &Segments) {
    let (means, spreads) = moments(input.matrix);
    let differences: Vec<Vec<f64>> = segments
        .iter()
        .map(|segment| {
            let of = |(f, value): (usize, &f32)| {
                if spreads[f] > 0.0 { (f64::from(*value) - means[f]) / spreads[f] } else { 0.0 }
            };
            segment.scaled.iter().enumerate().map(of).collect()
        })
        .collect();
    let kept: Vec<Option<Name>> = warm.map_or_else(Vec::new, |model| {
        let name = |s: &Segment| Name { zh: s.name_zh.clone(), en: s.name_en.clone(), traits: s.traits.clone() };
        model.segments.iter().map(|s| Some(name(s))).collect()
    });
    for (segment, name) in segments.iter_mut().zip(names(input.columns, &differences, &kept)) {
        segment.name_zh = name.zh;
        segment.name_en = name.en;
        segment.traits = name.traits;
    }
    let given = |segment: &Segment| settings.names.get(&segment.code);
    for segment in segments.iter_mut() {
        let Some(name) = given(segment) else { continue };
        segment.name_zh = name.zh.clone().unwrap_or_else(|| segment.name_zh.clone());
        segment.name_en = name.en.clone().unwrap_or_else(|| segment.name_en.clone());
        segment.traits.clear();
    }
    // A name the job gives may be one that was made for another segment; the made one gives way.
    for i in 0..segments.len() {
        if given(&segments[i]).is_some() {
            continue;
        }
        let clash = |s: &Segment, other: &Segment| {
            s.id != other.id && (s.name_zh == other.name_zh || s.name_en == other.name_en)
        };
        if segments.iter().any(|other| clash(&segments[i], other)) {
            let id = segments[i].id;
            segments[i].name_zh.push_str(&format!(" {id}"));
            segments[i].name_en.push_str(&format!(" {id}"));
        }
    }
}
