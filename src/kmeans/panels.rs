//! Rows packed for the kernels: panels of [`LANES`] rows, one feature after the other.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::{Element, KMeansError};

/// Rows in a panel: two 512-bit or four 256-bit registers of `f32`.
pub const LANES: usize = 32;
/// Panels in a block, the unit of parallel work and of partial sums: 2048 rows. Part of the promise that results do not
/// depend on the thread count; a change of it changes the last bits of centroids.
pub(super) const BLOCK: usize = 64;

/// The rows of a fit. Rows of weight 0 are left out; the lanes after the last row hold zeros.
pub(super) struct Panels<'a, F> {
    /// Features.
    pub dim: usize,
    /// Rows held.
    pub rows: usize,
    /// `panels × dim` lanes: feature `d` of panel `p` is at `p * dim + d`.
    pub lanes: Vec<[F; LANES]>,
    /// One weight a row; `None` if all weigh 1.
    pub weights: Option<Vec<f64>>,
    /// Greatest squared length of a row, by block.
    pub longest: Vec<F>,
    /// What was packed: a single row is read faster where its features lie side by side.
    matrix: ArrayView2<'a, F>,
    /// Row of the matrix by row held; `None` if they are the same.
    origin: Option<Vec<u32>>,
}

impl<'a, F: Element> Panels<'a, F> {
    /// Packs the rows `sample` of `matrix` (all, if `None`), in that order. `weights` has one entry a row of `matrix`.
    pub fn pack(
        matrix: ArrayView2<'a, F>,
        weights: Option<&[f32]>,
        sample: Option<&[u32]>,
    ) -> Result<Self, KMeansError> {
        let dim = matrix.ncols();
        if dim == 0 {
            return Err(KMeansError::NoFeatures);
        }
        let rows = matrix.nrows();
        if let Some(&row) = sample.and_then(|s| s.iter().find(|r| **r as usize >= rows)) {
            return Err(KMeansError::SampleRow { row: row as usize, rows });
        }
        let Some(weights) = weights else {
            return Self::gather(matrix, sample.map(<[u32]>::to_vec), None);
        };
        if weights.len() != rows {
            return Err(KMeansError::WeightCount { weights: weights.len(), rows });
        }
        if let Some(row) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
            return Err(KMeansError::Weight { row, weight: weights[row] });
        }
        let has_weight = |row: &u32| weights[*row as usize] > 0.0;
        let kept: Vec<u32> = match sample {
            None => (0..rows as u32).filter(has_weight).collect(),
            Some(sample) => sample.iter().copied().filter(has_weight).collect(),
        };
        let weights = kept.iter().map(|r| f64::from(weights[*r as usize])).collect();
        Self::gather(matrix, Some(kept), Some(weights))
    }

    fn gather(
        matrix: ArrayView2<'a, F>,
        origin: Option<Vec<u32>>,
        weights: Option<Vec<f64>>,
    ) -> Result<Self, KMeansError> {
        let dim = matrix.ncols();
        let rows = origin.as_ref().map_or(matrix.nrows(), Vec::len);
        let row_of = |row: usize| origin.as_ref().map_or(row, |o| o[row] as usize);
        let mut lanes = vec![[F::zero(); LANES]; rows.div_ceil(LANES) * dim];
        let blocks: Vec<Result<F, KMeansError>> = lanes
            .par_chunks_mut(BLOCK * dim)
            .enumerate()
            .map(|(block, lanes)| {
                let mut longest = F::zero();
                for (p, panel) in lanes.chunks_exact_mut(dim).enumerate() {
                    let first = (block * BLOCK + p) * LANES;
                    for lane in 0..LANES.min(rows - first) {
                        longest = longest.max(copy_row(matrix, row_of(first + lane), panel, lane)?);
                    }
                }
                Ok(longest)
            })
            .collect();
        // The lowest block's error, so that the same cell is named for any thread count.
        let longest = blocks.into_iter().collect::<Result<Vec<F>, _>>()?;
        Ok(Self { dim, rows, lanes, weights, longest, matrix, origin })
    }

    /// Panels at an even stride, at most about `panels` of them: a cheap picture of the whole.
    pub fn thinned(&self, panels: usize) -> Option<Self> {
        let stride = self.panels() / panels;
        if stride < 2 {
            return None;
        }
        // Only full panels, so that no row is counted that is not there.
        let kept: Vec<usize> = (0..self.rows / LANES).step_by(stride).collect();
        let lanes = kept.iter().flat_map(|p| &self.lanes[p * self.dim..(p + 1) * self.dim]).copied().collect();
        let weights =
            self.weights.as_ref().map(|w| kept.iter().flat_map(|p| &w[p * LANES..(p + 1) * LANES]).copied().collect());
        let origin = kept.iter().flat_map(|p| p * LANES..(p + 1) * LANES).map(|r| self.origin_of(r) as u32).collect();
        let (dim, rows, longest) = (self.dim, kept.len() * LANES, Vec::new());
        Some(Self { dim, rows, lanes, weights, longest, matrix: self.matrix, origin: Some(origin) })
    }

    fn origin_of(&self, row: usize) -> usize {
        self.origin.as_ref().map_or(row, |o| o[row] as usize)
    }

    /// A row's features.
    pub fn row(&self, row: usize) -> ArrayView1<'_, F> {
        self.matrix.row(self.origin_of(row))
    }

    /// Copies a row into a lane of a panel.
    pub fn copy_row(&self, row: usize, panel: &mut [[F; LANES]], lane: usize) {
        let row = self.row(row);
        match row.as_slice() {
            Some(row) => panel.iter_mut().zip(row).for_each(|(cell, value)| cell[lane] = *value),
            None => panel.iter_mut().zip(row).for_each(|(cell, value)| cell[lane] = *value),
        }
    }

    /// Says that a row will soon be copied.
    pub fn expect_row(&self, row: usize) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let row = self.row(row);
            let step = 64 / size_of::<F>();
            for cell in row.iter().step_by(step).chain(row.last()) {
                // SAFETY: a hint about an address; nothing is read or written.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(cell).cast()) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = row;
    }

    /// Number of panels.
    pub fn panels(&self) -> usize {
        self.lanes.len() / self.dim
    }

    /// The lanes of one block of panels.
    pub fn block(&self, block: usize) -> &[[F; LANES]] {
        let size = BLOCK * self.dim;
        &self.lanes[block * size..((block + 1) * size).min(self.lanes.len())]
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.panels().div_ceil(BLOCK)
    }

    /// The rows of one block.
    pub fn rows_of(&self, block: usize) -> std::ops::Range<usize> {
        block * BLOCK * LANES..((block + 1) * BLOCK * LANES).min(self.rows)
    }

    /// One cell.
    pub fn cell(&self, row: usize, column: usize) -> F {
        self.lanes[row / LANES * self.dim + column][row % LANES]
    }

    /// The weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[row])
    }
}

/// Copies one row into a lane of a panel and gives its squared length, refusing what cannot be clustered.
#[inline]
fn copy_row<F: Element>(
    matrix: ArrayView2<'_, F>,
    row: usize,
    panel: &mut [[F; LANES]],
    lane: usize,
) -> Result<F, KMeansError> {
    let mut square = F::zero();
    for (cell, value) in panel.iter_mut().zip(matrix.row(row)) {
        cell[lane] = *value;
        square += *value * *value;
    }
    if square.is_finite() {
        return Ok(square);
    }
    match matrix.row(row).iter().position(|v| !v.is_finite()) {
        Some(column) => Err(KMeansError::NotFinite { row, column, value: matrix[[row, column]].wide() }),
        None => Err(KMeansError::RowTooLong { row }),
    }
}
