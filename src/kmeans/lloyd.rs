//! Lloyd's iterations over packed rows.

use rayon::prelude::*;

use super::{
    Element, KMeansError,
    bounds::{Found, Movement, search_all, search_some},
    kernel::{self, Search, Targets},
    panels::{BLOCK, LANES, Panels},
};

/// Bounds are tried from this many clusters on; with fewer a look at every row costs no more than what it is read for.
const LEAST_K: usize = 6;
/// Bounds are tried once fewer than one row in this many changes its cluster.
const CALM: usize = 20;

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
    /// Rows whose distances were computed.
    searched: usize,
}

/// When a run ends, and how it may go about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    /// Most iterations.
    pub max_iterations: u32,
    /// A run has converged when all its centroids together move by less than this.
    pub tolerance: f64,
    /// Whether rows may be left out by bounds; changes the time only, never a bit of the result.
    pub bounds: bool,
}

/// A run under way.
///
/// Sums are kept from one iteration to the next: only rows that change their cluster are added and subtracted, which is
/// exact up to the rounding of `f64`. A row that bounds show to stay where it is can therefore be left out without any
/// other change.
struct Going<F> {
    /// Which of the runs it is.
    number: usize,
    stop: Stop,
    centroids: Vec<F>,
    iterations: u32,
    labels: Vec<[u16; LANES]>,
    /// One entry a panel while bounds are in use, else none.
    gaps: Vec<[f32; LANES]>,
    changes: Vec<Change>,
    totals: Change,
    /// How far each centroid moved last.
    ways: Vec<f64>,
    bounds: Bounds,
    targets: Targets<F>,
    movement: Option<Movement>,
}

/// One run's part of a block.
struct Part<'a, F> {
    labels: &'a mut [[u16; LANES]],
    gaps: &'a mut [[f32; LANES]],
    change: &'a mut Change,
    targets: &'a Targets<F>,
    movement: Option<&'a Movement>,
    bounds: Bounds,
}

/// Iterates `count` runs, the `i`-th from the centroids that `start(i)` gives (shape `(k, dim)`), each until it stops as
/// given beside them; `done` takes the ends as they come, and `start` is called in order.
///
/// Up to `side_by_side` runs go in step: a block of rows is read from memory once and searched for all of them. No run
/// knows of the others.
///
/// # Errors
/// If a start cannot be made, or a cluster stays empty because there are fewer distinct rows than clusters.
pub(super) fn run_all<F: Element>(
    data: &Panels<'_, F>,
    count: usize,
    side_by_side: usize,
    mut start: impl FnMut(usize) -> Result<(Vec<F>, Stop), KMeansError>,
    mut done: impl FnMut(usize, Run<F>),
) -> Result<(), KMeansError> {
    let mut going: Vec<Going<F>> = Vec::new();
    let mut next = 0;
    loop {
        while next < count && going.len() < side_by_side.max(1) {
            let (centroids, stop) = start(next)?;
            going.push(Going::new(data, next, centroids, stop));
            next += 1;
        }
        if going.is_empty() {
            return Ok(());
        }
        let mut blocks: Vec<Vec<Part<'_, F>>> = (0..data.blocks()).map(|_| Vec::with_capacity(going.len())).collect();
        for one in &mut going {
            one.prepare(data);
            one.share_out(&mut blocks);
        }
        blocks.into_par_iter().enumerate().for_each(|(block, parts)| {
            for part in parts {
                part.step(data, block);
            }
        });
        let mut still = Vec::with_capacity(going.len());
        for mut one in going {
            match one.finish(data)? {
                Some(converged) => {
                    let (centroids, iterations) = (one.centroids, one.iterations);
                    done(one.number, Run { centroids, iterations, converged });
                }
                None => still.push(one),
            }
        }
        going = still;
    }
}

impl<F: Element> Going<F> {
    fn new(data: &Panels<'_, F>, number: usize, centroids: Vec<F>, stop: Stop) -> Self {
        let dim = data.dim;
        let k = centroids.len() / dim;
        Self {
            number,
            stop,
            iterations: 0,
            labels: vec![[UNASSIGNED; LANES]; data.panels()],
            gaps: Vec::new(),
            changes: (0..data.blocks()).map(|_| Change::new(k, dim)).collect(),
            totals: Change::new(k, dim),
            ways: vec![0.0; k],
            bounds: Bounds::Off,
            targets: Targets::new(&centroids, dim),
            movement: None,
            centroids,
        }
    }

    /// Makes ready for an iteration.
    fn prepare(&mut self, data: &Panels<'_, F>) {
        self.targets = Targets::new(&self.centroids, data.dim);
        self.movement = match self.bounds {
            Bounds::Off => None,
            Bounds::Fill | Bounds::On => Some(Movement::new(&self.ways, &self.centroids, &self.targets)),
        };
        self.gaps.resize(if self.movement.is_some() { data.panels() } else { 0 }, [0.0; LANES]);
    }

    /// Gives every block its part.
    fn share_out<'a>(&'a mut self, blocks: &mut [Vec<Part<'a, F>>]) {
        let mut gaps = self.gaps.chunks_mut(BLOCK);
        for ((labels, change), parts) in self.labels.chunks_mut(BLOCK).zip(&mut self.changes).zip(blocks) {
            let gaps = gaps.next().unwrap_or_default();
            let (targets, movement, bounds) = (&self.targets, self.movement.as_ref(), self.bounds);
            parts.push(Part { labels, gaps, change, targets, movement, bounds });
        }
    }

    /// Moves the centroids; tells whether the run has converged, if it ends here.
    fn finish(&mut self, data: &Panels<'_, F>) -> Result<Option<bool>, KMeansError> {
        let totals = &mut self.totals;
        totals.moved = 0;
        for change in self.changes.iter().filter(|c| c.moved > 0) {
            totals.add(change);
        }
        let searched = self.changes.iter().map(|c| c.searched).sum();
        let refilled = totals.rows.contains(&0);
        if refilled {
            refill(data, &self.centroids, &mut self.labels, totals)?;
        }
        if self.stop.bounds {
            self.bounds = self.bounds.next(totals.rows.len(), data.rows, searched, totals.moved, refilled);
        }
        let mut shift = 0.0;
        for (cluster, centroid) in self.centroids.chunks_exact_mut(data.dim).enumerate() {
            let mut square = 0.0;
            for (value, sum) in centroid.iter_mut().zip(&totals.sums[cluster * data.dim..]) {
                let mean = F::narrow(sum / totals.weights[cluster]);
                let difference = mean.wide() - value.wide();
                square += difference * difference;
                *value = mean;
            }
            self.ways[cluster] = square.sqrt();
            shift += square;
        }
        self.iterations += 1;
        if totals.moved == 0 || shift.sqrt() < self.stop.tolerance {
            return Ok(Some(true));
        }
        Ok((self.iterations >= self.stop.max_iterations).then_some(false))
    }
}

impl<F: Element> Part<'_, F> {
    /// Assigns one block's rows and notes what that changes, in row order.
    fn step(self, data: &Panels<'_, F>, block: usize) {
        let Self { labels, gaps, change, targets, movement, bounds } = self;
        change.clear();
        let rows = data.rows_of(block);
        // The labels of the last iteration, which become those of this one.
        let mut found: Found = [[0; LANES]; BLOCK];
        let found = &mut found[..labels.len()];
        found.copy_from_slice(labels);
        change.searched = match (movement, bounds) {
            (Some(movement), Bounds::On) => search_some(data, block, targets, movement, found, gaps),
            (Some(movement), _) => {
                search_all(data, block, targets, movement, found, gaps);
                rows.len()
            }
            (None, _) => {
                let (lanes, slack) = (data.block(block), 0.0);
                kernel::nearest(&mut Search { lanes, labels: found, gaps: &mut [], slack }, targets);
                rows.len()
            }
        };
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
}

/// Whether the next iteration uses bounds. What is chosen changes the time only, never a bit of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bounds {
    /// Every row is searched.
    Off,
    /// Every row is searched, and gaps are noted.
    Fill,
    /// Rows with a gap are left out.
    On,
}

impl Bounds {
    fn next(self, k: usize, rows: usize, searched: usize, moved: usize, refilled: bool) -> Self {
        // Refilled rows are not where their gap says.
        if refilled || k < LEAST_K {
            return Self::Off;
        }
        match self {
            Self::Off if moved * CALM < rows => Self::Fill,
            Self::Off => Self::Off,
            Self::Fill => Self::On,
            Self::On if searched * 10 > rows * 9 => Self::Off,
            Self::On => Self::On,
        }
    }
}

impl Change {
    fn new(k: usize, dim: usize) -> Self {
        Self { sums: vec![0.0; k * dim], weights: vec![0.0; k], rows: vec![0; k], moved: 0, searched: 0 }
    }

    fn clear(&mut self) {
        self.sums.fill(0.0);
        self.weights.fill(0.0);
        self.rows.fill(0);
        self.moved = 0;
        self.searched = 0;
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
    fn shift_row<F: Element>(&mut self, data: &Panels<'_, F>, row: usize, from: u16, to: u16) {
        if from != UNASSIGNED {
            self.count_row(data, row, usize::from(from), -1);
        }
        self.count_row(data, row, usize::from(to), 1);
        self.moved += 1;
    }

    fn count_row<F: Element>(&mut self, data: &Panels<'_, F>, row: usize, cluster: usize, sign: i64) {
        let weight = data.weight(row) * sign as f64;
        for (sum, cell) in self.sums[cluster * data.dim..].iter_mut().zip(data.row(row)) {
            *sum += weight * cell.wide();
        }
        self.weights[cluster] += weight;
        self.rows[cluster] += sign;
    }
}

/// Gives every empty cluster the row that lies farthest from its own centroid and is not alone in its cluster; on equal
/// distances the earlier row.
fn refill<F: Element>(
    data: &Panels<'_, F>,
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
