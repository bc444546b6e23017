//! Segments and features of two runs' models side by side.

use std::collections::BTreeMap;

use arrow::{array::AsArray, compute::cast, datatypes::DataType, datatypes::Float64Type};

use super::{FeatureDrift, FeatureShift, Pair, SegmentChange};
use crate::{
    features::{ScaledFeature, Scaling},
    run::{RunError, manifest::SegmentEntry, published::Published},
    segments::{Drift, Segment, SegmentModel},
};

/// Features named beside a centroid's shift.
const NAMED: usize = 3;
/// Bins of the stability index.
const BINS: usize = 10;
/// Least share of a bin, so that an empty one does not make the index infinite.
const LEAST: f64 = 1e-4;

fn model_of(run: &Published, pair: &Pair) -> Result<Option<SegmentModel>, RunError> {
    run.json("model/segments.json", pair.places())
}

fn scaling_of(run: &Published, pair: &Pair) -> Result<Option<Scaling>, RunError> {
    run.json("model/scaling.json", pair.places())
}

/// What became of each segment, by id.
pub(super) fn segments(pair: &Pair) -> Result<Vec<SegmentChange>, RunError> {
    let by_id = |run: &Published| -> BTreeMap<i32, SegmentEntry> {
        run.manifest.segments.iter().map(|s| (s.id, s.clone())).collect()
    };
    let (was, is) = (by_id(&pair.before), by_id(&pair.after));
    let (model_before, model_after) = (model_of(&pair.before, pair)?, model_of(&pair.after, pair)?);
    let scaling = scaling_of(&pair.after, pair)?;
    let mut ids: Vec<i32> = was.keys().chain(is.keys()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let names = |entry: &SegmentEntry| [entry.name_zh.clone(), entry.name_en.clone()];
    Ok(ids
        .into_iter()
        .filter_map(|id| {
            let (a, b) = (was.get(&id), is.get(&id));
            let code = b.or(a)?.code.clone();
            let mut shifts = Vec::new();
            if let (Some(before), Some(after), Some(scaling)) = (&model_before, &model_after, &scaling) {
                shifts = shift(before, after, scaling, id);
            }
            let distance = shifts.iter().map(|s| s.shift * s.shift).sum::<f64>().sqrt();
            shifts.sort_by(|x, y| y.shift.abs().total_cmp(&x.shift.abs()).then_with(|| x.feature.cmp(&y.feature)));
            let centroid_shift = (!shifts.is_empty()).then_some(distance);
            shifts.truncate(NAMED);
            shifts.retain(|s| s.shift != 0.0);
            Some(SegmentChange {
                id,
                code,
                name_before: a.map(names),
                name_after: b.map(names),
                members_before: a.map_or(0, |s| s.members),
                members_after: b.map_or(0, |s| s.members),
                centroid_shift,
                shifted: shifts,
            })
        })
        .collect())
}

/// How far each coordinate of a segment's centroid moved; nothing where the runs do not both have the segment.
fn shift(before: &SegmentModel, after: &SegmentModel, scaling: &Scaling, id: i32) -> Vec<FeatureShift> {
    let find = |model: &SegmentModel| model.segments.iter().find(|s| s.id == id).cloned();
    let (Some(a), Some(b)) = (find(before), find(after)) else { return Vec::new() };
    let raw = |model: &SegmentModel, segment: &Segment, feature: &str| {
        let at = model.features.iter().position(|f| f == feature)?;
        segment.raw.get(at).copied()
    };
    scaling
        .features
        .iter()
        .filter_map(|feature| {
            let (x, y) = (raw(before, &a, &feature.name)?, raw(after, &b, &feature.name)?);
            Some(FeatureShift {
                feature: feature.name.clone(),
                before: x,
                after: y,
                shift: feature.apply(y) - feature.apply(x),
            })
        })
        .collect()
}

/// How each feature's distribution over all members moved.
pub(super) fn features(pair: &Pair) -> Result<Vec<FeatureDrift>, RunError> {
    let (Some(before), Some(after)) = (scaling_of(&pair.before, pair)?, scaling_of(&pair.after, pair)?) else {
        return Ok(Vec::new());
    };
    // What the second run measured against the first, if it followed it.
    let follows = pair.after.manifest.previous_run.as_ref() == Some(&pair.before.manifest.run_id);
    let measured: Option<Drift> = if follows { pair.after.json("model/drift.json", pair.places())? } else { None };
    let mut drifts = Vec::new();
    for new in &after.features {
        let comparable =
            |f: &&ScaledFeature| f.name == new.name && f.transform == new.transform && f.scale == new.scale;
        let Some(old) = before.features.iter().find(comparable) else { continue };
        let spread = if old.spread > 0.0 { old.spread } else { 1.0 };
        drifts.push(FeatureDrift {
            feature: new.name.clone(),
            centre_before: old.center,
            centre_after: new.center,
            shift: (new.center - old.center) / spread,
            spread_ratio: new.spread / spread,
            psi: match measured.as_ref().and_then(|d| d.psi.iter().find(|f| f.feature == new.name)) {
                Some(found) => Some(found.psi),
                None => stability(pair, &new.name)?,
            },
        });
    }
    let weight = |d: &FeatureDrift| d.psi.unwrap_or(0.0) + d.shift.abs();
    drifts.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then_with(|| a.feature.cmp(&b.feature)));
    Ok(drifts)
}

/// Population stability index `Σ (q − p) · ln(q / p)` over the deciles of the first run, missing values a bin of their
/// own; `None` unless both runs wrote the feature.
fn stability(pair: &Pair, feature: &str) -> Result<Option<f64>, RunError> {
    let values = |run: &Published| -> Result<Option<Vec<f64>>, RunError> {
        if !run.manifest.outputs.iter().any(|o| o.path == "features.parquet") {
            return Ok(None);
        }
        let column = run.table(&pair.engine, "features.parquet", &[feature], |batch| {
            let Ok(array) = cast(batch.column(0), &DataType::Float64) else { return Vec::new() };
            array.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)).collect::<Vec<f64>>()
        })?;
        Ok(column.map(|parts| parts.concat()))
    };
    let (Some(before), Some(after)) = (values(&pair.before)?, values(&pair.after)?) else { return Ok(None) };
    Ok(Some(psi(&before, &after)))
}

fn psi(before: &[f64], after: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = before.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut edges: Vec<f64> = (1..BINS).filter_map(|i| sorted.get(sorted.len() * i / BINS).copied()).collect();
    edges.dedup();
    let shares = |values: &[f64]| {
        let mut counts = vec![0u64; edges.len() + 2];
        for value in values {
            let bin = if value.is_nan() { edges.len() + 1 } else { edges.partition_point(|e| e <= value) };
            counts[bin] += 1;
        }
        let all = values.len().max(1) as f64;
        counts.into_iter().map(move |n| (n as f64 / all).max(LEAST)).collect::<Vec<_>>()
    };
    shares(before).into_iter().zip(shares(after)).map(|(p, q)| (q - p) * (q / p).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stability_of_known_shifts() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        assert!(psi(&values, &values).abs() < 1e-12);
        let later: Vec<f64> = values.iter().map(|v| v + 100.0).collect();
        // The lowest decile is empty, the highest has twice its share: 0.1·ln(0.1/1e-4)… computed by hand.
        let want = (1e-4 - 0.1) * (1e-4f64 / 0.1).ln() + (0.2 - 0.1) * 2f64.ln();
        assert!((psi(&values, &later) - want).abs() < 1e-9, "{}", psi(&values, &later));
        let missing: Vec<f64> = values.iter().map(|v| if *v < 500.0 { f64::NAN } else { *v }).collect();
        assert!(psi(&values, &missing) > 1.0);
        assert!(psi(&[], &[1.0]).is_finite() && psi(&[1.0], &[]).is_finite());
    }
}
