//! The exact assignment: direct distances in `f64`, the same on every CPU.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use super::{
    Element, KMeansError,
    kernel::{NearestTwo, nearest_two},
    panels::{BLOCK, LANES, Panels},
};

/// Rows assigned to centroids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assignment {
    /// Index of the nearest centroid, one a row; ties to the lower index.
    pub labels: Vec<u16>,
    /// Euclidean distance to it, one a row.
    pub distance: Vec<f32>,
    /// Euclidean distance to the next nearest centroid, one a row; infinite if there is only one.
    pub second: Vec<f32>,
    /// Rows by centroid.
    pub counts: Vec<u64>,
    /// Sum of the squared distances to the nearest centroid, added in row order within blocks and then by block.
    pub inertia: f64,
}

/// Rows of a block.
const ROWS: usize = BLOCK * LANES;

/// Assigns every row of `matrix`, shape `(rows, n_features)`, to the nearest of `centroids`, shape `(k, n_features)`.
///
/// # Errors
/// If the numbers of columns differ, or a cell is NaN or infinite.
pub fn assign<F: Element>(matrix: ArrayView2<'_, F>, centroids: ArrayView2<'_, F>) -> Result<Assignment, KMeansError> {
    if matrix.ncols() != centroids.ncols() {
        return Err(KMeansError::Columns { centroids: centroids.ncols(), matrix: matrix.ncols() });
    }
    if matrix.ncols() == 0 {
        return Err(KMeansError::NoFeatures);
    }
    let rows = matrix.nrows();
    let flat: Vec<F> = centroids.iter().copied().collect();
    let mut out = Assignment {
        labels: vec![0; rows],
        distance: vec![0.0; rows],
        second: vec![0.0; rows],
        counts: vec![0; centroids.nrows()],
        inertia: 0.0,
    };
    let parts: Vec<Result<f64, KMeansError>> =
        (out.labels.par_chunks_mut(ROWS), out.distance.par_chunks_mut(ROWS), out.second.par_chunks_mut(ROWS))
            .into_par_iter()
            .enumerate()
            .map(|(block, (labels, distance, second))| {
                let first = block * ROWS;
                let mut inertia = 0.0;
                let mut panel = vec![[0.0f64; LANES]; matrix.ncols()];
                let mut found = NearestTwo::new();
                for start in (0..labels.len()).step_by(LANES) {
                    let end = (start + LANES).min(labels.len());
                    let part = matrix.slice_axis(Axis(0), (first + start..first + end).into());
                    fill(part, &mut panel).map_err(|(lane, column, value)| KMeansError::NotFinite {
                        row: first + start + lane,
                        column,
                        value,
                    })?;
                    nearest_two(&panel, &flat, &mut found);
                    for row in start..end {
                        let lane = row - start;
                        labels[row] = found.label[lane];
                        distance[row] = found.best[lane].sqrt() as f32;
                        second[row] = found.second[lane].sqrt() as f32;
                        inertia += found.best[lane];
                    }
                }
                Ok(inertia)
            })
            .collect();
    for part in parts {
        out.inertia += part?;
    }
    for label in &out.labels {
        out.counts[usize::from(*label)] += 1;
    }
    Ok(out)
}

/// Copies up to [`LANES`] rows into a panel; says where a cell is not finite.
fn fill<F: Element>(rows: ArrayView2<'_, F>, panel: &mut [[f64; LANES]]) -> Result<(), (usize, usize, f64)> {
    for (lane, row) in rows.outer_iter().enumerate() {
        for (column, (cell, value)) in panel.iter_mut().zip(row).enumerate() {
            cell[lane] = value.wide();
            if !value.is_finite() {
                return Err((lane, column, value.wide()));
            }
        }
    }
    Ok(())
}

/// Rows by centroid and weighted inertia of packed rows; `centroids` has shape `(k, dim)` in row order.
pub(super) fn summary<F: Element>(data: &Panels<'_, F>, centroids: &[F]) -> (Vec<u64>, f64) {
    let parts: Vec<(Vec<u64>, f64)> = (0..data.blocks())
        .into_par_iter()
        .map(|block| {
            let mut counts = vec![0; centroids.len() / data.dim];
            let mut inertia = 0.0;
            let mut panel = vec![[0.0f64; LANES]; data.dim];
            let mut found = NearestTwo::new();
            let rows = data.rows_of(block);
            for (p, lanes) in data.block(block).chunks_exact(data.dim).enumerate() {
                for (wide, lane) in panel.iter_mut().zip(lanes) {
                    *wide = lane.map(Element::wide);
                }
                nearest_two(&panel, centroids, &mut found);
                let first = rows.start + p * LANES;
                for lane in 0..LANES.min(rows.end - first) {
                    counts[usize::from(found.label[lane])] += 1;
                    inertia += found.best[lane] * data.weight(first + lane);
                }
            }
            (counts, inertia)
        })
        .collect();
    let mut counts = vec![0; centroids.len() / data.dim];
    let mut inertia = 0.0;
    for (part, sum) in parts {
        counts.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        inertia += sum;
    }
    (counts, inertia)
}
