//! Leaving rows out changes no bit; many fits in step are the fits one by one.

use linfa::ParamGuard;
use ndarray::Array2;
use proptest::prelude::*;
use rand::RngCore;
use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};

use super::{super::*, blobs, narrow};
use crate::kmeans::{
    bounds::{Movement, search_all, search_some},
    kernel::{self, Search, Targets},
    lloyd::{self, Stop},
    panels::{BLOCK, Panels},
};

/// The end of one run, to the bit.
fn run<F: Element>(matrix: &Array2<F>, start: &Array2<F>, bounds: bool) -> (Vec<u64>, u32) {
    let data = Panels::pack(matrix.view(), None, None).unwrap();
    let stop = Stop { max_iterations: 80, tolerance: 0.0, bounds };
    let start: Vec<F> = start.iter().copied().collect();
    let mut end = None;
    lloyd::run_all(&data, 1, 1, |_| Ok((start.clone(), stop)), |_, run| end = Some(run)).unwrap();
    let end = end.unwrap();
    (end.centroids.iter().map(|v| v.wide().to_bits()).collect(), end.iterations)
}

#[test]
fn rows_left_out_are_the_rows_that_stay() {
    let (matrix, _) = blobs(9000, 12, 15, 25.0, 3);
    for k in [6, 15, 33] {
        let start = matrix.slice(ndarray::s![..k, ..]).to_owned();
        let (with, without) = (run(&matrix, &start, true), run(&matrix, &start, false));
        assert!(with == without, "f64, k = {k}");
        assert!(with.1 > 10);
        let (matrix, start) = (narrow(&matrix), narrow(&start));
        assert!(run(&matrix, &start, true) == run(&matrix, &start, false), "f32, k = {k}");
    }
}

#[test]
fn settled_centroids_leave_nearly_all_rows_out() {
    let (matrix, _) = blobs(5000, 12, 10, 6.0, 3);
    let matrix = narrow(&matrix);
    let params = KMeansParams::new(10).seed(4).max_iterations(300).tolerance(0.0).check().unwrap();
    let fitted = params.fit_rows(matrix.view(), None, None).unwrap();
    let centroids: Vec<f32> = fitted.centroids.iter().copied().collect();
    let data = Panels::pack(matrix.view(), None, None).unwrap();
    let targets = Targets::new(&centroids, data.dim);
    let still = Movement::new(&[0.0; 10], &centroids, &targets);
    let mut searched = 0;
    for block in 0..data.blocks() {
        let panels = data.block(block).len() / data.dim;
        let (mut found, mut gaps) = (vec![[0; LANES]; panels], vec![[0.0; LANES]; panels]);
        search_all(&data, block, &targets, &still, &mut found, &mut gaps);
        let before = found.clone();
        searched += search_some(&data, block, &targets, &still, &mut found, &mut gaps);
        assert_eq!(found, before);
        assert!(panels <= BLOCK);
    }
    assert!(searched * 100 < matrix.nrows(), "{searched}");
}

#[test]
fn fits_in_step_are_the_fits_one_by_one() {
    let (matrix, _) = blobs(5000, 7, 9, 8.0, 21);
    let matrix = narrow(&matrix);
    let cases: Vec<_> = (2..12)
        .flat_map(|k| (0..3).map(move |seed| (k, seed)))
        .map(|(k, seed)| KMeansParams::new(k).seed(seed).n_runs(2).max_iterations(50).check().unwrap())
        .collect();
    let mut ended = vec![0; cases.len()];
    let together = fit_side_by_side(&cases, matrix.view(), None, None, &mut |case| ended[case] += 1).unwrap();
    assert!(ended.iter().all(|runs| *runs == 2));
    for (case, fitted) in cases.iter().zip(together) {
        assert_eq!(case.fit_rows(matrix.view(), None, None).unwrap(), fitted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Ties, duplicates, and data far from zero, where rounding is coarse: the bounds allow for it.
    #[test]
    fn no_bit_changes(
        rows in 200usize..1500, dim in 1usize..6, k in 6usize..12, seed in 0u64..1000, grid in 1u64..40, offset in 0u32..6,
    ) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let offset = 10f64.powi(offset as i32) - 1.0;
        let matrix = Array2::from_shape_fn((rows, dim), |_| (rng.next_u64() % grid) as f64 / 4.0 + offset);
        let start = Array2::from_shape_fn((k, dim), |(c, d)| matrix[[c * (rows / k), d]] + c as f64 * 0.01);
        let distinct: std::collections::BTreeSet<Vec<u64>> =
            matrix.outer_iter().map(|r| r.iter().map(|v| v.to_bits()).collect()).collect();
        prop_assume!(distinct.len() > 4 * k);
        prop_assert!(run(&matrix, &start, true) == run(&matrix, &start, false));
        let (matrix, start) = (narrow(&matrix), narrow(&start));
        prop_assert!(run(&matrix, &start, true) == run(&matrix, &start, false));
    }

    /// A gap never promises more than there is, nor much less.
    #[test]
    fn gaps_are_lower_bounds(rows in 1usize..100, dim in 1usize..30, k in 2usize..20, seed in 0u64..1000) {
        let (matrix, _) = blobs(rows, dim, 5, 9.0, seed);
        let (centroids, _) = blobs(k, dim, 7, 9.0, seed + 1);
        let matrix = narrow(&matrix);
        let centroids = narrow(&centroids);
        let flat: Vec<f32> = centroids.iter().copied().collect();
        let data = Panels::pack(matrix.view(), None, None).unwrap();
        let targets = Targets::new(&flat, dim);
        let movement = Movement::new(&vec![0.0; k], &flat, &targets);
        let (mut found, mut gaps) = (vec![[0; LANES]; data.panels()], vec![[0.0; LANES]; data.panels()]);
        search_all(&data, 0, &targets, &movement, &mut found, &mut gaps);
        let exact = assign(matrix.view(), centroids.view()).unwrap();
        for row in 0..rows {
            let gap = gaps[row / LANES][row % LANES];
            let true_gap = exact.second[row] - exact.distance[row];
            prop_assert!(gap <= true_gap + 1e-5 * exact.second[row], "{gap} {true_gap}");
            prop_assert!(gap >= true_gap - 0.05, "{gap} {true_gap}");
        }
    }

    /// The search without wide registers and the one with them agree wherever a row is not between two centroids.
    #[test]
    fn registers_change_no_label(rows in 1usize..100, dim in 1usize..30, k in 1usize..40, seed in 0u64..1000) {
        let (matrix, _) = blobs(rows, dim, 5, 9.0, seed);
        let (centroids, _) = blobs(k, dim, 7, 9.0, seed + 1);
        let flat: Vec<f64> = centroids.iter().copied().collect();
        let data = Panels::pack(matrix.view(), None, None).unwrap();
        let targets = Targets::new(&flat, dim);
        let (mut wide, mut plain) = (vec![[0; LANES]; data.panels()], vec![[0; LANES]; data.panels()]);
        let search = |labels| Search { lanes: &data.lanes, labels, gaps: &mut [], slack: 0.0 };
        kernel::nearest(&mut search(&mut wide), &targets);
        kernel::plain_panels::<f64, false>(&mut search(&mut plain), &targets);
        let exact = assign(matrix.view(), centroids.view()).unwrap();
        for row in (0..rows).filter(|r| exact.second[*r] - exact.distance[*r] > 1e-6) {
            prop_assert_eq!(wide[row / LANES][row % LANES], exact.labels[row]);
            prop_assert_eq!(plain[row / LANES][row % LANES], exact.labels[row]);
        }
    }
}
