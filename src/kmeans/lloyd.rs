//! Lloyd's iterations over packed rows.

use rayon::prelude::*;

use super::{
    Element, KMeansError,
    kernel::{self, Targets},
    panels::{BLOCK, LANES, Panels},
};

/// No cluster yet.
const UNASSIGNED: u16 = u16::MAX;

/// The end of one run.
pub(super) struct Run<F> {
    /// Shape `(k, dim)`.
    pub centroids: Vec<F>,
    /// Iterations made.
    pub iterations: u32,
    /// Whether the tolerance was met.
    pub converged: bool,
}

/// What one block changes in the sums of an iteration.
struct Change {
    /// `(k, dim)` sums of rows that came minus rows that went.
    sums: Vec<f64>,
    /// The same for the weights.
    weights: Vec<f64>,
    /// The same for the rows.
    rows: Vec<i64>,
    /// Rows that changed their cluster.
    moved: usize,
}

/// Iterates from `centroids`, shape `(k, dim)`, until the centroids move by less than `tolerance` or `max_iterations`
/// are made.
///
/// Sums are kept from one iteration to the next: only rows that change their cluster are added and subtracted, which is
/// exact up to the rounding of `f64`. A row that bounds (Hamerly 2010) show to stay where it is may therefore be left out
/// of [`kernel::nearest`] without any other change here.
///
/// # Errors
/// If a cluster stays empty because there are fewer distinct rows than clusters.
pub(super) fn run<F: Element>(
    data: &Panels<F>,
    mut centroids: Vec<F>,
    max_iterations: u32,
    tolerance: f64,
) -> Result<Run<F>, KMeansError> {
    let dim = data.dim;
    let k = centroids.len() / dim;
    let mut labels = vec![[UNASSIGNED; LANES]; data.panels()];
    let mut changes: Vec<Change> = (0..data.blocks())
        .map(|_| Change { sums: vec![0.0; k * dim], weights: vec![0.0; k], rows: vec![0; k], moved: 0 })
        .collect();
    let mut totals = Change { sums: vec![0.0; k * dim], weights: vec![0.0; k], rows: vec![0; k], moved: 0 };
    for iteration in 1..=max_iterations {
        let targets = Targets::new(&centroids, dim);
        changes.par_iter_mut().zip(labels.par_chunks_mut(BLOCK)).enumerate().for_each(|(block, (change, labels))| {
            step(data, block, &targets, labels, change);
        });
        totals.moved = 0;
        for change in changes.iter().filter(|c| c.moved > 0) {
            totals.add(change);
        }
        if totals.rows.contains(&0) {
            refill(data, &centroids, &mut labels, &mut totals)?;
        }
        let mut shift = 0.0;
        for (cluster, centroid) in centroids.chunks_exact_mut(dim).enumerate() {
            for (value, sum) in centroid.iter_mut().zip(&totals.sums[cluster * dim..]) {
                let mean = F::narrow(sum / totals.weights[cluster]);
                let difference = mean.wide() - value.wide();
                shift += difference * difference;
                *value = mean;
            }
        }
        if totals.moved == 0 || shift.sqrt() < tolerance {
            return Ok(Run { centroids, iterations: iteration, converged: true });
        }
    }
    Ok(Run { centroids, iterations: max_iterations, converged: false })
}

impl Change {
    fn clear(&mut self) {
        self.sums.fill(0.0);
        self.weights.fill(0.0);
        self.rows.fill(0);
        self.moved = 0;
    }

    fn add(&mut self, other: &Self) {
        for (sum, part) in self.sums.iter_mut().zip(&other.sums) {
            *sum += part;
        }
        for (weight, part) in self.weights.iter_mut().zip(&other.weights) {
            *weight += part;
        }
        for (rows, part) in self.rows.iter_mut().zip(&other.rows) {
            *rows += part;
        }
        self.moved += other.moved;
    }

    /// Takes a row out of cluster `from` and puts it into cluster `to`.
    fn shift_row<F: Element>(&mut self, data: &Panels<F>, row: usize, from: u16, to: u16) {
        if from != UNASSIGNED {
            self.count_row(data, row, usize::from(from), -1);
        }
        self.count_row(data, row, usize::from(to), 1);
        self.moved += 1;
    }

    fn count_row<F: Element>(&mut self, data: &Panels<F>, row: usize, cluster: usize, sign: i64) {
        let weight = data.weight(row) * sign as f64;
        let lane = row % LANES;
        let panel = &data.lanes[row / LANES * data.dim..(row / LANES + 1) * data.dim];
        for (sum, cell) in self.sums[cluster * data.dim..].iter_mut().zip(panel) {
            *sum += weight * cell[lane].wide();
        }
        self.weights[cluster] += weight;
        self.rows[cluster] += sign;
    }
}

/// Assigns one block's rows and notes what that changes, in row order.
fn step<F: Element>(
    data: &Panels<F>,
    block: usize,
    targets: &Targets<F>,
    labels: &mut [[u16; LANES]],
    change: &mut Change,
) {
    change.clear();
    let mut found = [[0u16; LANES]; BLOCK];
    let found = &mut found[..labels.len()];
    kernel::nearest(data.block(block), data.dim, targets, found);
    let rows = data.rows_of(block);
    for (p, (old, new)) in labels.iter_mut().zip(found).enumerate() {
        if old == new {
            continue;
        }
        let first = rows.start + p * LANES;
        for lane in 0..LANES.min(rows.end - first) {
            if old[lane] != new[lane] {
                change.shift_row(data, first + lane, old[lane], new[lane]);
            }
        }
        *old = *new;
    }
}

/// Gives every empty cluster the row that lies farthest from its own centroid and is not alone in its cluster; on equal
/// distances the earlier row.
fn refill<F: Element>(
    data: &Panels<F>,
    centroids: &[F],
    labels: &mut [[u16; LANES]],
    totals: &mut Change,
) -> Result<(), KMeansError> {
    let dim = data.dim;
    let k = totals.rows.len();
    let distance = |row: usize, labels: &[[u16; LANES]]| -> f64 {
        let cluster = usize::from(labels[row / LANES][row % LANES]);
        (0..dim).map(|d| data.cell(row, d).wide() - centroids[cluster * dim + d].wide()).map(|v| v * v).sum()
    };
    for cluster in 0..k {
        if totals.rows[cluster] != 0 {
            continue;
        }
        // A scan for each empty cluster: rare, and each refill changes who is alone.
        let farthest = (0..data.blocks())
            .into_par_iter()
            .map(|block| {
                let mut best: Option<(f64, usize)> = None;
                for row in data.rows_of(block) {
                    if totals.rows[usize::from(labels[row / LANES][row % LANES])] < 2 {
                        continue;
                    }
                    let d = distance(row, labels);
                    if best.is_none_or(|b| d > b.0) {
                        best = Some((d, row));
                    }
                }
                best
            })
            .collect::<Vec<_>>()
            .into_iter()
            .flatten()
            .reduce(|a, b| if b.0 > a.0 { b } else { a });
        let Some((_, row)) = farthest.filter(|f| f.0 > 0.0) else {
            return Err(KMeansError::TooFewDistinct { distinct: totals.rows.iter().filter(|r| **r > 0).count(), k });
        };
        let from = labels[row / LANES][row % LANES];
        // What rounding left in the emptied cluster must not pull its new centroid.
        totals.sums[cluster * dim..(cluster + 1) * dim].fill(0.0);
        totals.weights[cluster] = 0.0;
        totals.shift_row(data, row, from, cluster as u16);
        labels[row / LANES][row % LANES] = cluster as u16;
    }
    Ok(())
}
