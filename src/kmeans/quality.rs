//! How good a clustering is.

use std::collections::BTreeMap;

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{
    Assignment, Element,
    panels::{BLOCK, LANES},
};

/// Rows whose parts are added up before the blocks' are.
const ROWS: usize = BLOCK * LANES;

/// The simplified silhouette: the mean over all rows of `(b − a) / max(a, b)`, with `a` the distance to the own centroid
/// and `b` the distance to the next nearest one (Hruschka, de Castro and Campello 2004). Between 0 and 1 here, since
/// every row is with its nearest centroid; `None` without rows or with one centroid.
#[must_use]
pub fn simplified_silhouette(assignment: &Assignment) -> Option<f64> {
    if assignment.labels.is_empty() || assignment.counts.len() < 2 {
        return None;
    }
    let sum: f64 = assignment
        .distance
        .iter()
        .zip(&assignment.second)
        .map(|(a, b)| if *b > 0.0 { 1.0 - f64::from(*a) / f64::from(*b) } else { 0.0 })
        .sum();
    Some(sum / assignment.labels.len() as f64)
}

/// How good a clustering is, by three measures that cost one look at every row and centroid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// [`simplified_silhouette`]: the higher the better, at most 1.
    pub silhouette: f64,
    /// Scatter between the clusters over scatter within, each over its degrees of freedom (Caliński and Harabasz 1974):
    /// the higher the better.
    pub calinski_harabasz: f64,
    /// Mean over the clusters of the worst ratio of two clusters' widths to the distance of their centroids (Davies and
    /// Bouldin 1979): the lower the better.
    pub davies_bouldin: f64,
}

/// What one block of rows adds to [`assess`].
struct Scatter {
    /// Sums of the rows' features, shape `(k, n_features)`.
    sums: Vec<f64>,
    /// Sums of the distances to the centroid, one a cluster.
    widths: Vec<f64>,
}

/// Judges an assignment of the rows of `matrix`, shape `(rows, n_features)`, to `centroids`, shape `(k, n_features)`.
///
/// The scatter within the clusters is about their means, the widths and distances of Davies–Bouldin about the given
/// centroids; where a fit has converged the two are the same. `None` with one cluster, with an empty one, or with no
/// more rows than clusters.
#[must_use]
pub fn assess<F: Element>(
    matrix: ArrayView2<'_, F>,
    centroids: ArrayView2<'_, F>,
    assignment: &Assignment,
) -> Option<Quality> {
    let (k, dim) = centroids.dim();
    let rows = assignment.labels.len();
    if rows <= k || assignment.counts.len() != k || assignment.counts.contains(&0) || matrix.dim() != (rows, dim) {
        return None;
    }
    let silhouette = simplified_silhouette(assignment)?;
    let parts: Vec<Scatter> = assignment
        .labels
        .par_chunks(ROWS)
        .enumerate()
        .map(|(block, labels)| {
            let mut part = Scatter { sums: vec![0.0; k * dim], widths: vec![0.0; k] };
            for (i, label) in labels.iter().enumerate() {
                let (row, cluster) = (block * ROWS + i, usize::from(*label));
                part.widths[cluster] += f64::from(assignment.distance[row]);
                for (sum, value) in part.sums[cluster * dim..].iter_mut().zip(matrix.row(row)) {
                    *sum += value.wide();
                }
            }
            part
        })
        .collect();
    let mut all = Scatter { sums: vec![0.0; k * dim], widths: vec![0.0; k] };
    for part in parts {
        all.sums.iter_mut().zip(part.sums).for_each(|(total, part)| *total += part);
        all.widths.iter_mut().zip(part.widths).for_each(|(total, part)| *total += part);
    }
    let mean_of_all: Vec<f64> =
        (0..dim).map(|d| all.sums[d..].iter().step_by(dim).sum::<f64>() / rows as f64).collect();
    let (mut within, mut between) = (assignment.inertia, 0.0);
    for (cluster, count) in assignment.counts.iter().enumerate() {
        for (d, middle) in mean_of_all.iter().enumerate() {
            let mean = all.sums[cluster * dim + d] / *count as f64;
            // Steiner: scatter about the mean is scatter about any point, less the point's distance to the mean.
            within -= *count as f64 * (mean - centroids[[cluster, d]].wide()).powi(2);
            between += *count as f64 * (mean - middle).powi(2);
        }
    }
    let calinski_harabasz = (between / (k - 1) as f64) / (within.max(f64::MIN_POSITIVE) / (rows - k) as f64);
    let widths: Vec<f64> = all.widths.iter().zip(&assignment.counts).map(|(sum, n)| sum / *n as f64).collect();
    let distance = |a: usize, b: usize| {
        let squares = centroids.row(a).into_iter().zip(centroids.row(b)).map(|(x, y)| (x.wide() - y.wide()).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let worst = |a: usize| {
        let ratio = |b: usize| match (widths[a] + widths[b], distance(a, b)) {
            (_, d) if d > 0.0 => (widths[a] + widths[b]) / d,
            (0.0, _) => 0.0,
            _ => f64::INFINITY,
        };
        (0..k).filter(|b| *b != a).map(ratio).fold(0.0, f64::max)
    };
    let davies_bouldin = (0..k).map(worst).sum::<f64>() / k as f64;
    Some(Quality { silhouette, calinski_harabasz, davies_bouldin })
}

/// How well clusters are found again: for each label of `reference`, the greatest Jaccard similarity (rows in both over
/// rows in either) with any label of `other`, averaged over the labels that occur (Hennig 2007). 1 for equal partitions;
/// rows past the shorter labelling are not looked at.
#[must_use]
pub fn mean_jaccard(reference: &[u16], other: &[u16]) -> f64 {
    let size = |labels: &[u16]| labels.iter().max().map_or(0, |most| usize::from(*most) + 1);
    let (a, b) = (size(reference), size(other));
    let mut cells = vec![0u64; a * b];
    for (x, y) in reference.iter().zip(other) {
        cells[usize::from(*x) * b + usize::from(*y)] += 1;
    }
    let columns: Vec<u64> = (0..b).map(|y| cells.iter().skip(y).step_by(b.max(1)).sum()).collect();
    let best: Vec<f64> = cells
        .chunks_exact(b.max(1))
        .filter_map(|row| {
            let rows: u64 = row.iter().sum();
            let similarity = |(both, column): (&u64, &u64)| *both as f64 / (rows + column - both) as f64;
            (rows > 0).then(|| row.iter().zip(&columns).map(similarity).fold(0.0, f64::max))
        })
        .collect();
    if best.is_empty() { 1.0 } else { best.iter().sum::<f64>() / best.len() as f64 }
}

/// The adjusted Rand index of two labellings of the same rows (Hubert and Arabie 1985): 1 for equal partitions, about 0
/// for unrelated ones. Rows past the shorter labelling are not looked at.
#[must_use]
pub fn adjusted_rand_index<A: Ord + Copy, B: Ord + Copy>(a: &[A], b: &[B]) -> f64 {
    let mut cells: BTreeMap<(A, B), u64> = BTreeMap::new();
    let mut rows: BTreeMap<A, u64> = BTreeMap::new();
    let mut columns: BTreeMap<B, u64> = BTreeMap::new();
    for (x, y) in a.iter().zip(b) {
        *cells.entry((*x, *y)).or_default() += 1;
        *rows.entry(*x).or_default() += 1;
        *columns.entry(*y).or_default() += 1;
    }
    let pairs = |n: u64| n as f64 * (n as f64 - 1.0) / 2.0;
    let together: f64 = cells.values().map(|n| pairs(*n)).sum();
    let in_a: f64 = rows.values().map(|n| pairs(*n)).sum();
    let in_b: f64 = columns.values().map(|n| pairs(*n)).sum();
    let all = pairs(a.len().min(b.len()) as u64);
    let expected = if all > 0.0 { in_a * in_b / all } else { 0.0 };
    let most = f64::midpoint(in_a, in_b);
    // Both partitions trivial: nothing to disagree about.
    if most == expected { 1.0 } else { (together - expected) / (most - expected) }
}
