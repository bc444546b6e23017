//! Which rows an iteration may leave out: bounds from the triangle inequality (Hamerly 2010, with one number a row).
//!
//! A row's *gap* is a lower bound of its distance to the next nearest centroid minus its distance to the nearest. When
//! the centroids move, it falls by no more than its own centroid's way and the longest way of any other. As long as it
//! is above what rounding can do, the full search would find the same centroid again, to the bit, and the row is left
//! out: six bytes are read of it and not its features.

use super::{
    Element,
    kernel::{self, Search, Targets},
    panels::{BLOCK, LANES, Panels},
};

/// From as many rows of a panel on it is searched as a whole; fewer are gathered with those of other panels.
const DENSE: u32 = 12;

/// What all blocks need to know of an iteration's centroids.
pub(super) struct Movement {
    /// By how much the gap of a cluster's rows falls, one a cluster.
    falls: Vec<f32>,
    /// Half the least distance of two centroids.
    half: f64,
    /// Greatest length of a prepared centroid's score at zero, and of its weights.
    reach: (f64, f64),
    /// Length of the point the scores are taken from.
    centre: f64,
}

impl Movement {
    /// `ways` holds how far each centroid moved to where it is in `centroids`, shape `(k, dim)`.
    pub fn new<F: Element>(ways: &[f64], centroids: &[F], targets: &Targets<F>) -> Self {
        let dim = targets.dim;
        let (mut first, mut second, mut at) = (0.0, 0.0, usize::MAX);
        for (cluster, way) in ways.iter().enumerate() {
            if *way > first {
                (second, first, at) = (first, *way, cluster);
            } else if *way > second {
                second = *way;
            }
        }
        let (mut least, mut most) = (f64::INFINITY, 0.0f64);
        for (c, one) in centroids.chunks_exact(dim).enumerate() {
            for other in centroids[..c * dim].chunks_exact(dim) {
                let square: f64 =
                    one.iter().zip(other).map(|(a, b)| (a.wide() - b.wide()) * (a.wide() - b.wide())).sum();
                least = least.min(square);
                most = most.max(square);
            }
        }
        // A gap is no longer than the two centroids are apart, so that this covers the rounding of the subtraction.
        let rounding = f64::from(f32::EPSILON) * most.sqrt();
        let fall = |(cluster, way): (usize, &f64)| {
            let others = if cluster == at { second } else { first };
            ((way + others) * (1.0 + 1e-6) + rounding) as f32 * (1.0 + f32::EPSILON)
        };
        Self {
            falls: ways.iter().enumerate().map(fall).collect(),
            half: least.sqrt() / 2.0,
            reach: targets.reach(),
            centre: targets.centre_length(),
        }
    }

    /// Bound of the rounding error of a computed score, for rows of at most this squared length.
    fn score_error<F: Element>(&self, dim: usize, longest: F) -> f64 {
        let unit = F::epsilon().wide() * (dim + 4) as f64;
        unit * (self.reach.0 + longest.wide().sqrt() * self.reach.1)
    }

    /// Bound of the rounding error of a computed squared distance.
    fn slack<F: Element>(&self, dim: usize, longest: F) -> f32 {
        let length = longest.wide().sqrt() + self.centre;
        let unit = F::epsilon().wide() * (dim + 4) as f64;
        (self.score_error(dim, longest) + unit * length * length) as f32 * (1.0 + f32::EPSILON)
    }

    /// The gap above which a row cannot be anywhere else: with a gap `g` the scores differ by at least `g` times the
    /// distance of the two centroids, and each may be off by the error.
    fn threshold<F: Element>(&self, dim: usize, longest: F) -> f32 {
        (self.score_error(dim, longest) / self.half) as f32 * (1.0 + 1e-6)
    }
}

/// Searches all rows of a block; fills `found` and `gaps`.
pub(super) fn search_all<F: Element>(
    data: &Panels<'_, F>,
    block: usize,
    targets: &Targets<F>,
    movement: &Movement,
    found: &mut [[u16; LANES]],
    gaps: &mut [[f32; LANES]],
) {
    let slack = movement.slack(data.dim, data.longest[block]);
    kernel::nearest_gap(&mut Search { lanes: data.block(block), labels: found, gaps, slack }, targets);
}

/// Searches those rows of a block that may have another nearest centroid than in `found`, where the last iteration's
/// stand; changes `found` and `gaps`, and gives the number of rows searched.
pub(super) fn search_some<F: Element>(
    data: &Panels<'_, F>,
    block: usize,
    targets: &Targets<F>,
    movement: &Movement,
    found: &mut [[u16; LANES]],
    gaps: &mut [[f32; LANES]],
) -> usize {
    let dim = data.dim;
    let slack = movement.slack(dim, data.longest[block]);
    let threshold = movement.threshold(dim, data.longest[block]);
    let rows = data.rows_of(block);
    // Numbers of the rows to gather, within the block.
    let mut open_rows = [0u16; BLOCK * LANES];
    let (mut open_count, mut dense_rows) = (0, 0);
    for p in 0..found.len() {
        let mut open = open_lanes(&found[p], &mut gaps[p], &movement.falls, threshold);
        let lanes = LANES.min(rows.end - rows.start - p * LANES);
        if lanes < LANES {
            open &= (1 << lanes) - 1;
        }
        if open.count_ones() >= DENSE {
            dense_rows += LANES;
            let lanes = &data.block(block)[p * dim..(p + 1) * dim];
            let (labels, gaps) = (&mut found[p..=p], &mut gaps[p..=p]);
            kernel::nearest_gap(&mut Search { lanes, labels, gaps, slack }, targets);
            continue;
        }
        while open != 0 {
            open_rows[open_count] = (p * LANES) as u16 + open.trailing_zeros() as u16;
            open_count += 1;
            open &= open - 1;
        }
    }
    let open_rows = &open_rows[..open_count];
    let mut panel = vec![[F::zero(); LANES]; dim];
    for row in open_rows.iter().take(LANES) {
        data.expect_row(rows.start + usize::from(*row));
    }
    for (chunk, part) in open_rows.chunks(LANES).enumerate() {
        // Rows far apart come late from memory: the next ones are asked for before these are worked on.
        for row in open_rows.iter().skip((chunk + 1) * LANES).take(LANES) {
            data.expect_row(rows.start + usize::from(*row));
        }
        for (lane, row) in part.iter().enumerate() {
            data.copy_row(rows.start + usize::from(*row), &mut panel, lane);
        }
        let (mut labels, mut new) = ([[0; LANES]], [[0.0; LANES]]);
        kernel::nearest_gap(&mut Search { lanes: &panel, labels: &mut labels, gaps: &mut new, slack }, targets);
        for (lane, row) in part.iter().enumerate() {
            let row = usize::from(*row);
            found[row / LANES][row % LANES] = labels[0][lane];
            gaps[row / LANES][row % LANES] = new[0][lane];
        }
    }
    dense_rows + open_count
}

/// Lowers the gaps of a panel by what their clusters' rows fall; gives the lanes with a gap at or below the threshold.
#[inline]
fn open_lanes(labels: &[u16; LANES], gaps: &mut [f32; LANES], falls: &[f32], threshold: f32) -> u32 {
    let mut fallen = [0.0f32; LANES];
    for (fall, label) in fallen.iter_mut().zip(labels) {
        *fall = falls[usize::from(*label)];
    }
    let mut count = 0;
    for l in 0..LANES {
        gaps[l] -= fallen[l];
        count += u32::from(gaps[l] <= threshold);
    }
    if count == 0 {
        return 0;
    }
    (0..LANES).map(|l| u32::from(gaps[l] <= threshold) << l).sum()
}

/// Room for the labels found in one block.
pub(super) type Found = [[u16; LANES]; BLOCK];
