//! Greedy k-means++ on the packed rows.

use rand::RngCore;
use rayon::prelude::*;

use super::{
    Element, KMeansError, kernel,
    panels::{BLOCK, LANES, Panels},
};

/// Panels the initialisation looks at: 65,536 rows at an even stride are as good a picture as all of them, and the
/// drawing then costs less than one iteration.
const PANELS: usize = 2048;

/// `k` centroids, shape `(k, dim)`, each one of the rows.
///
/// # Errors
/// If fewer than `k` rows are distinct.
pub(super) fn plus_plus<F: Element>(
    data: &Panels<'_, F>,
    k: usize,
    rng: &mut impl RngCore,
) -> Result<Vec<F>, KMeansError> {
    if let Some(thin) = data.thinned(PANELS)
        && let Ok(centroids) = draw(&thin, k, rng)
    {
        return Ok(centroids);
    }
    // Either few rows, or so few distinct ones that only a look at all of them can tell.
    draw(data, k, rng)
}

/// One candidate for the next centroid.
struct Trial<F> {
    /// Sum of all squared distances with it.
    potential: f64,
    centroid: Vec<F>,
    closest: Vec<[F; LANES]>,
    sums: Vec<f64>,
}

fn draw<F: Element>(data: &Panels<'_, F>, k: usize, rng: &mut impl RngCore) -> Result<Vec<F>, KMeansError> {
    let trials = 2 + (k as f64).ln() as usize;
    let mut centroids = Vec::with_capacity(k * data.dim);
    let mut closest = vec![[F::one(); LANES]; data.panels()];
    let mut sums = block_sums(data, &closest);
    // The first centroid is any row, by weight; then the distances to it take the place of the ones.
    let first = pick(data, &closest, &sums, unit(rng));
    push_row(data, first, &mut centroids);
    closest.fill([F::infinity(); LANES]);
    sums = lower(data, &centroids, &mut closest);
    for chosen in 1..k {
        if sums.iter().sum::<f64>() <= 0.0 {
            return Err(KMeansError::TooFewDistinct { distinct: chosen, k });
        }
        let mut best: Option<Trial<F>> = None;
        for _ in 0..trials {
            let mut centroid = Vec::with_capacity(data.dim);
            push_row(data, pick(data, &closest, &sums, unit(rng)), &mut centroid);
            let mut lowered = closest.clone();
            let sums = lower(data, &centroid, &mut lowered);
            let potential = sums.iter().sum::<f64>();
            if best.as_ref().is_none_or(|b| potential < b.potential) {
                best = Some(Trial { potential, centroid, closest: lowered, sums });
            }
        }
        if let Some(trial) = best {
            centroids.extend(trial.centroid);
            closest = trial.closest;
            sums = trial.sums;
        }
    }
    Ok(centroids)
}

/// A number in [0, 1) with 53 random bits.
fn unit(rng: &mut impl RngCore) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

fn push_row<F: Element>(data: &Panels<'_, F>, row: usize, out: &mut Vec<F>) {
    out.extend((0..data.dim).map(|d| data.cell(row, d)));
}

/// Lowers the squared distances to those to `centroid`; gives their weighted sum by block.
fn lower<F: Element>(data: &Panels<'_, F>, centroid: &[F], closest: &mut [[F; LANES]]) -> Vec<f64> {
    closest
        .par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, closest)| kernel::closer(data.block(block), centroid, closest));
    block_sums(data, closest)
}

fn block_sums<F: Element>(data: &Panels<'_, F>, closest: &[[F; LANES]]) -> Vec<f64> {
    (0..data.blocks())
        .into_par_iter()
        .map(|block| data.rows_of(block).map(|row| mass(data, closest, row)).sum())
        .collect()
}

fn mass<F: Element>(data: &Panels<'_, F>, closest: &[[F; LANES]], row: usize) -> f64 {
    closest[row / LANES][row % LANES].wide() * data.weight(row)
}

/// The row at the share `at` (0…1) of the summed masses, by block and then by row.
fn pick<F: Element>(data: &Panels<'_, F>, closest: &[[F; LANES]], sums: &[f64], at: f64) -> usize {
    let mut left = at * sums.iter().sum::<f64>();
    let mut last = 0;
    for (block, sum) in sums.iter().enumerate() {
        if left >= *sum && block + 1 < sums.len() {
            left -= sum;
            continue;
        }
        for row in data.rows_of(block) {
            let mass = mass(data, closest, row);
            if mass > 0.0 {
                last = row;
                if left < mass {
                    return row;
                }
            }
            left -= mass;
        }
    }
    // Rounding can leave a rest after the last row with any mass.
    last
}
