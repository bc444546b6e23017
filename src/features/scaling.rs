//! From raw features to the matrix the segments are made from, and back.

use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    FeatureError, FeatureTable,
    dictionary::FeatureEntry,
    quantile::nearest_rank,
    settings::{FeatureUse, Fill, Scale, Transform},
    table::ShardFeatures,
};
use crate::base::{Findings, findings::JobPath};

/// Values are summed in blocks of this many, block after block, so that a sum does not depend on the thread count.
const BLOCK: usize = 4096;

/// How one feature is scaled: `weight · (transform(clamp(fill(x))) − center) / spread`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScaledFeature {
    /// Name of the feature.
    pub name: String,
    /// What stands in for a missing value, in raw units.
    pub fill_value: f64,
    /// Raw values are held within these, if at all.
    pub bounds: Option<[f64; 2]>,
    /// Applied to the raw value.
    pub transform: Transform,
    /// How center and spread were found.
    pub scale: Scale,
    /// Subtracted after the transform.
    pub center: f64,
    /// Divided by; 0 where all members have the same value, which is then scaled to 0.
    pub spread: f64,
    /// Factor on the scaled value.
    pub weight: f64,
}

/// How the features of the segments are scaled, one a column of the matrix. Part of the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The features, in column order.
    pub features: Vec<ScaledFeature>,
}

impl Transform {
    /// The transformed value.
    #[must_use]
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Self::None => x,
            Self::Log1p => x.abs().ln_1p().copysign(x),
            Self::Sqrt => x.abs().sqrt().copysign(x),
        }
    }

    /// The value whose transform is `y`.
    #[must_use]
    pub fn invert(self, y: f64) -> f64 {
        match self {
            Self::None => y,
            Self::Log1p => y.abs().exp_m1().copysign(y),
            Self::Sqrt => (y * y).copysign(y),
        }
    }
}

impl ScaledFeature {
    /// The scaled value of a raw one; NaN is "missing".
    #[must_use]
    pub fn apply(&self, raw: f64) -> f64 {
        if self.spread == 0.0 {
            return 0.0;
        }
        (self.transformed(raw) - self.center) / self.spread * self.weight
    }

    /// The raw value of a scaled one, such as a centroid's coordinate.
    #[must_use]
    pub fn invert(&self, scaled: f64) -> f64 {
        self.transform.invert(scaled / self.weight * self.spread + self.center)
    }

    fn transformed(&self, raw: f64) -> f64 {
        let filled = if raw.is_nan() { self.fill_value } else { raw };
        let held = match self.bounds {
            Some([low, high]) => filled.clamp(low, high),
            None => filled,
        };
        self.transform.apply(held)
    }

    /// Fits one feature on its raw values in (shard, member) order.
    fn fit(entry: &FeatureEntry, used: &FeatureUse, raw: &[f64]) -> Self {
        let known = || raw.iter().copied().filter(|v| !v.is_nan()).collect::<Vec<f64>>();
        let winsorise = used.winsorise.or(entry.defaults.winsorise);
        let mut sorted = if winsorise.is_some() || entry.fill == Fill::Median { known() } else { Vec::new() };
        let fill_value = match entry.fill {
            Fill::Zero => 0.0,
            Fill::Constant(value) => value,
            Fill::Median => nearest_rank(&mut sorted, 0.5).unwrap_or(0.0),
        };
        let bounds =
            winsorise.and_then(|[low, high]| Some([nearest_rank(&mut sorted, low)?, nearest_rank(&mut sorted, high)?]));
        let mut feature = Self {
            name: entry.name.clone(),
            fill_value,
            bounds,
            transform: used.transform.unwrap_or(entry.defaults.transform),
            scale: used.scale.unwrap_or(entry.defaults.scale),
            center: 0.0,
            spread: 1.0,
            weight: used.weight.unwrap_or(entry.defaults.weight),
        };
        let mut values: Vec<f64> = raw.iter().map(|v| feature.transformed(*v)).collect();
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if lowest >= highest {
            feature.center = if values.is_empty() { 0.0 } else { lowest };
            feature.spread = 0.0;
            return feature;
        }
        (feature.center, feature.spread) = match feature.scale {
            Scale::None => (0.0, 1.0),
            Scale::Standard => standard(&values),
            Scale::Minmax => (lowest, highest - lowest),
            Scale::Robust => {
                let mut quantile = |p| nearest_rank(&mut values, p).unwrap_or(0.0);
                let (low, middle, high) = (quantile(0.25), quantile(0.5), quantile(0.75));
                // Half of the members may share one value; the standard deviation still tells the others apart.
                if high > low { (middle, high - low) } else { (middle, standard(&values).1) }
            }
        };
        feature
    }
}

/// Mean and population standard deviation, in two passes of block sums.
fn standard(values: &[f64]) -> (f64, f64) {
    let mean = block_sum(values, |v| v) / values.len() as f64;
    let variance = block_sum(values, |v| (v - mean) * (v - mean)) / values.len() as f64;
    (mean, variance.sqrt())
}

/// Sum in blocks of [`BLOCK`], added in order.
fn block_sum(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    values.chunks(BLOCK).map(|block| block.iter().map(|v| f(*v)).sum::<f64>()).sum()
}

impl Scaling {
    /// Fits the scaling of the features in use. Returns notes on features that do not tell members apart and on
    /// defaults this shop cannot give.
    ///
    /// # Errors
    /// If the job names a feature that is not in the table, or none of those in use is.
    pub fn fit(uses: &[FeatureUse], table: &FeatureTable) -> Result<(Self, Findings), FeatureError> {
        let mut notes = Findings::new();
        let at = JobPath::root().key("segments").key("features");
        let mut chosen: Vec<(usize, &FeatureUse)> = Vec::new();
        let entries = table.dictionary().entries();
        for used in uses {
            let covered: Vec<usize> = (0..entries.len()).filter(|i| used.covers(&entries[*i].name)).collect();
            if covered.is_empty() && used.named {
                return Err(FeatureError::Unavailable {
                    feature: used.name.clone(),
                    why: "no such column, category or channel in the data".to_owned(),
                });
            }
            // A feature named by itself goes before the same one under a `*`.
            let by_itself = |i: usize| uses.iter().any(|u| u.name == entries[i].name && u != used);
            chosen.extend(covered.into_iter().filter(|i| !by_itself(*i)).map(|i| (i, used)));
        }
        chosen.sort_by_key(|(i, _)| *i);
        chosen.dedup_by_key(|(i, _)| *i);
        if chosen.is_empty() {
            return Err(FeatureError::NothingToUse);
        }
        let features: Vec<ScaledFeature> = chosen
            .par_iter()
            .map(|(i, used)| ScaledFeature::fit(&entries[*i], used, &table.values(*i).collect::<Vec<f64>>()))
            .collect();
        let flat: Vec<&str> = features
            .iter()
            .zip(&chosen)
            .filter(|(f, (_, used))| f.spread == 0.0 && !used.name.ends_with('*'))
            .map(|(f, _)| f.name.as_str())
            .collect();
        if !flat.is_empty() {
            notes.note(
                "features::no_variance",
                at,
                format!("all members have the same value of {}: no part in the segments", flat.join(", ")),
                "",
            );
        }
        Ok((Self { features }, notes))
    }

    /// Number of columns of the matrix.
    #[must_use]
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there is no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// The scaled features of all members, shape `(n_members, n_features)`, rows in (shard, member) order. Every value
    /// is finite.
    ///
    /// # Errors
    /// If the table lacks a feature of the scaling, or a scaled value is not finite; `member_id` names the member of a
    /// (shard, index in shard) then.
    pub fn apply(
        &self,
        table: &FeatureTable,
        member_id: &(dyn Fn(usize, usize) -> String + Sync),
    ) -> Result<Array2<f32>, FeatureError> {
        let columns = self.columns(table)?;
        let width = self.features.len();
        let mut matrix = Array2::<f32>::zeros((table.members(), width));
        let Some(mut rest) = matrix.as_slice_mut() else { return Ok(matrix) };
        let mut parts: Vec<(usize, &ShardFeatures, &mut [f32])> = Vec::with_capacity(table.shards().len());
        for (index, shard) in table.shards().iter().enumerate() {
            let (rows, after) = rest.split_at_mut(shard.members * width);
            rest = after;
            parts.push((index, shard, rows));
        }
        let results: Vec<Result<(), FeatureError>> = parts
            .into_par_iter()
            .map(|(index, shard, rows)| {
                for (f, (feature, column)) in self.features.iter().zip(&columns).enumerate() {
                    for (member, row) in rows.chunks_exact_mut(width).enumerate() {
                        row[f] = feature.apply(shard.columns[*column].get(member)) as f32;
                    }
                }
                match rows.iter().position(|v| !v.is_finite()) {
                    None => Ok(()),
                    Some(at) => Err(FeatureError::NotFinite {
                        feature: self.features[at % width].name.clone(),
                        member: member_id(index, at / width),
                        value: f64::from(rows[at]),
                    }),
                }
            })
            .collect();
        results.into_iter().collect::<Result<(), _>>()?;
        Ok(matrix)
    }

    /// A scaled row, such as a centroid of shape `(n_features)`, in raw units.
    #[must_use]
    pub fn invert(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        self.features.iter().zip(row).map(|(feature, value)| feature.invert(f64::from(*value))).collect()
    }

    fn columns(&self, table: &FeatureTable) -> Result<Vec<usize>, FeatureError> {
        self.features
            .iter()
            .map(|f| {
                let missing = || FeatureError::ModelMismatch { feature: f.name.clone() };
                table.dictionary().find(&f.name).ok_or_else(missing)
            })
            .collect()
    }
}
