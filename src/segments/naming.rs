//! Names of segments from what sets their members apart from all members.

use ndarray::ArrayView2;

use super::{
    FitInput, Segment, Segments,
    names::{Difference, Name, names},
    z_of,
};

/// Rows are summed in blocks of this many, block after block.
const BLOCK: usize = 4096;

/// Names the segments. `earlier` are last run's segments of the same ids: their names stay as long as they are true.
pub(super) fn give_names(
    segments: &mut [Segment],
    input: &FitInput<'_>,
    segment_of: &[u16],
    earlier: &[Option<&Segment>],
    settings: &Segments,
) {
    let differences = differences(input.matrix, segment_of, segments.len());
    let name = |s: &Segment| Name { zh: s.name_zh.clone(), en: s.name_en.clone(), traits: s.traits.clone() };
    let kept: Vec<Option<Name>> = earlier.iter().map(|s| s.map(name)).collect();
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

/// How far the members of each segment lie from all members, by segment and column of the matrix.
fn differences(matrix: ArrayView2<'_, f32>, segment_of: &[u16], k: usize) -> Vec<Vec<Difference>> {
    let columns = matrix.ncols();
    let members = matrix.nrows() as f64;
    let mut counts = vec![0u64; k];
    segment_of.iter().for_each(|s| counts[usize::from(*s)] += 1);
    let by_segment = block_sums(matrix, segment_of, k, &|_, v| v);
    let mean: Vec<f64> =
        (0..columns).map(|f| (0..k).map(|s| by_segment[s * columns + f]).sum::<f64>() / members).collect();
    let squares = block_sums(matrix, segment_of, k, &|f, v| (v - mean[f]).powi(2));
    let spread: Vec<f64> =
        (0..columns).map(|f| ((0..k).map(|s| squares[s * columns + f]).sum::<f64>() / members).sqrt()).collect();
    (0..k)
        .map(|s| {
            (0..columns)
                .map(|f| {
                    let own = by_segment[s * columns + f] / counts[s] as f64;
                    let effect = (own - mean[f]) / spread[f];
                    let effect = if effect.is_finite() { effect } else { 0.0 };
                    Difference { effect, z: z_of(effect, counts[s], matrix.nrows() as u64).unwrap_or(0.0) }
                })
                .collect()
        })
        .collect()
}

/// Sums by segment and column, shape `(k · n_features)`.
fn block_sums(matrix: ArrayView2<'_, f32>, segment_of: &[u16], k: usize, of: &dyn Fn(usize, f64) -> f64) -> Vec<f64> {
    let columns = matrix.ncols();
    let mut total = vec![0.0; k * columns];
    for (block, segments) in matrix.axis_chunks_iter(ndarray::Axis(0), BLOCK).zip(segment_of.chunks(BLOCK)) {
        let mut part = vec![0.0; k * columns];
        for (row, segment) in block.outer_iter().zip(segments) {
            let sums = &mut part[usize::from(*segment) * columns..][..columns];
            for (f, (sum, value)) in sums.iter_mut().zip(row).enumerate() {
                *sum += of(f, f64::from(*value));
            }
        }
        total.iter_mut().zip(part).for_each(|(t, p)| *t += p);
    }
    total
}
