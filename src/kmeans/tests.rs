use linfa::{
    DatasetBase, ParamGuard,
    traits::{Fit, Predict},
};
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, array};
use proptest::prelude::*;
use rand::RngCore;
use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};

use super::*;

mod bounds;
mod golden;

/// Plain Lloyd in f64, row by row: the naive twin. Assumes that no cluster becomes empty.
fn naive(matrix: &Array2<f64>, start: &Array2<f64>, iterations: usize) -> (Array2<f64>, Vec<u16>, f64) {
    let mut centroids = start.clone();
    for _ in 0..iterations {
        let (labels, _) = naive_assign(matrix, &centroids);
        let mut sums = Array2::<f64>::zeros(centroids.raw_dim());
        let mut counts = vec![0.0; centroids.nrows()];
        for (row, label) in matrix.outer_iter().zip(labels) {
            let mut sum = sums.row_mut(usize::from(label));
            sum += &row;
            counts[usize::from(label)] += 1.0;
        }
        for (c, count) in counts.iter().enumerate() {
            assert!(*count > 0.0, "the twin knows no empty clusters");
            centroids.row_mut(c).assign(&(&sums.row(c) / *count));
        }
    }
    let (labels, inertia) = naive_assign(matrix, &centroids);
    (centroids, labels, inertia)
}

fn naive_assign(matrix: &Array2<f64>, centroids: &Array2<f64>) -> (Vec<u16>, f64) {
    let mut inertia = 0.0;
    let labels = matrix
        .outer_iter()
        .map(|row| {
            let (mut best, mut label) = (f64::INFINITY, 0);
            for (c, centroid) in centroids.outer_iter().enumerate() {
                let d: f64 = row.iter().zip(centroid).fold(0.0, |sum, (x, y)| sum + (x - y) * (x - y));
                if d < best {
                    (best, label) = (d, c as u16);
                }
            }
            inertia += best;
            label
        })
        .collect();
    (labels, inertia)
}

/// Blobs round `k` random corners, and which blob each row belongs to.
fn blobs(rows: usize, dim: usize, k: usize, spread: f64, seed: u64) -> (Array2<f64>, Vec<u16>) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut unit = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let corners = Array2::from_shape_fn((k, dim), |_| unit() * 20.0 - 10.0);
    let truth: Vec<u16> = (0..rows).map(|r| (r % k) as u16).collect();
    // The sum of three uniforms is near enough to a bell.
    let matrix =
        Array2::from_shape_fn((rows, dim), |(r, d)| corners[[r % k, d]] + spread * (unit() + unit() + unit() - 1.5));
    (matrix, truth)
}

fn narrow(matrix: &Array2<f64>) -> Array2<f32> {
    matrix.mapv(|v| v as f32)
}

#[test]
fn planted_blobs_are_found() {
    let (matrix, truth) = blobs(5000, 6, 7, 2.0, 1);
    let params = KMeansParams::new(7).seed(3).n_runs(3).check().unwrap();
    let fitted = params.fit_rows(narrow(&matrix).view(), None, None).unwrap();
    let found = assign(narrow(&matrix).view(), fitted.centroids.view()).unwrap();
    assert!(adjusted_rand_index(&found.labels, &truth) > 0.999);
    assert!(fitted.converged);
    assert_eq!(fitted.counts, found.counts);
    assert_eq!(fitted.inertia.to_bits(), found.inertia.to_bits());
    assert!(simplified_silhouette(&found).unwrap() > 0.6);
}

#[test]
fn equals_the_naive_twin() {
    let (matrix, _) = blobs(3001, 5, 9, 12.0, 2);
    let start = matrix.slice(ndarray::s![..9, ..]).to_owned();
    for iterations in [1usize, 2, 10, 40] {
        let (centroids, labels, inertia) = naive(&matrix, &start, iterations);
        let params = KMeansParams::new(9)
            .start(Start::Given(start.clone()))
            .max_iterations(iterations as u32)
            .tolerance(0.0)
            .check()
            .unwrap();
        let fitted = params.fit_rows(matrix.view(), None, None).unwrap();
        let gap = (&fitted.centroids - &centroids).mapv(f64::abs).into_iter().fold(0.0, f64::max);
        assert!(gap < 1e-9, "{iterations}: {gap}");
        assert!((fitted.inertia / inertia - 1.0).abs() < 1e-10);
        assert_eq!(assign(matrix.view(), fitted.centroids.view()).unwrap().labels, labels);
    }
}

#[test]
fn f32_comes_to_the_same_inertia_as_f64() {
    let (matrix, _) = blobs(4000, 24, 8, 6.0, 5);
    let start = matrix.slice(ndarray::s![..8, ..]).to_owned();
    let wide = KMeansParams::new(8).start(Start::Given(start.clone())).tolerance(1e-6).check().unwrap();
    let slim = KMeansParams::new(8).start(Start::Given(narrow(&start))).tolerance(1e-6).check().unwrap();
    let wide = wide.fit_rows(matrix.view(), None, None).unwrap();
    let slim = slim.fit_rows(narrow(&matrix).view(), None, None).unwrap();
    assert!((wide.inertia / slim.inertia - 1.0).abs() < 1e-5, "{} {}", wide.inertia, slim.inertia);
}

#[test]
fn equals_linfas_lloyd_from_the_same_start() {
    let (matrix, _) = blobs(2000, 4, 5, 6.0, 11);
    let start = matrix.slice(ndarray::s![..5, ..]).to_owned();
    let dataset = DatasetBase::from(matrix.clone());
    let theirs = KMeans::params_with_rng(5, Xoshiro256PlusPlus::seed_from_u64(1))
        .init_method(KMeansInit::Precomputed(start.clone()))
        .n_runs(1)
        .max_n_iterations(500)
        .tolerance(1e-9)
        .fit(&dataset)
        .unwrap();
    let params = KMeansParams::new(5).start(Start::Given(start)).max_iterations(500).tolerance(1e-9);
    let ours = params.fit(&dataset).unwrap();
    assert!((ours.inertia() / theirs.inertia() - 1.0).abs() < 1e-6, "{} {}", ours.inertia(), theirs.inertia());
    let gap = (ours.centroids() - theirs.centroids()).mapv(f64::abs).into_iter().fold(0.0, f64::max);
    assert!(gap < 1e-4, "{gap}");
}

#[test]
fn linfas_model_holds_exactly_our_centroids() {
    let (matrix, _) = blobs(1000, 3, 4, 5.0, 8);
    let matrix = narrow(&matrix);
    let params = KMeansParams::new(4).check().unwrap();
    let fitted = params.fit_rows(matrix.view(), None, None).unwrap();
    let dataset = DatasetBase::from(matrix.clone());
    let model = params.fit(&dataset).unwrap();
    assert_eq!(model.centroids(), &fitted.centroids);
    assert_eq!(model.cluster_count().iter().map(|c| *c as u64).collect::<Vec<_>>(), fitted.counts);
    let labels = assign(matrix.view(), fitted.centroids.view()).unwrap().labels;
    let predicted: Vec<u16> = model.predict(&matrix).iter().map(|c| *c as u16).collect();
    assert_eq!(predicted, labels);
}

#[test]
fn thread_count_changes_no_bit() {
    let (matrix, _) = blobs(30_000, 7, 6, 9.0, 4);
    let matrix = narrow(&matrix);
    let params = KMeansParams::new(13).seed(9).n_runs(2).max_iterations(30).check().unwrap();
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let fitted = params.fit_rows(matrix.view(), None, None).unwrap();
            let found = assign(matrix.view(), fitted.centroids.view()).unwrap();
            let bits: Vec<u32> = fitted.centroids.iter().map(|v| v.to_bits()).collect();
            (bits, fitted.inertia.to_bits(), found)
        })
    };
    let one = fit(1);
    assert!(one == fit(2));
    assert!(one == fit(5));
}

#[test]
fn a_sample_and_weights_choose_the_rows() {
    let (matrix, _) = blobs(600, 3, 3, 4.0, 6);
    let sample: Vec<u32> = (0..600).filter(|r| r % 5 == 0).collect();
    let picked = matrix.select(ndarray::Axis(0), &sample.iter().map(|r| *r as usize).collect::<Vec<_>>());
    let params = KMeansParams::new(3).seed(2).check().unwrap();
    let alone = params.fit_rows(picked.view(), None, None).unwrap();
    assert_eq!(params.fit_rows(matrix.view(), None, Some(&sample)).unwrap(), alone);
    let weights: Vec<f32> = (0..600).map(|r| if r % 5 == 0 { 1.0 } else { 0.0 }).collect();
    assert_eq!(params.fit_rows(matrix.view(), Some(&weights), None).unwrap(), alone);
    // A row of weight 3 pulls like three rows.
    let line = array![[0.0], [10.0], [1.0]];
    let params = KMeansParams::new(2).start(Start::Given(array![[0.0], [9.0]])).check().unwrap();
    let fitted = params.fit_rows(line.view(), Some(&[3.0, 1.0, 1.0]), None).unwrap();
    assert_eq!(fitted.centroids, array![[0.25], [10.0]]);
    assert_eq!((fitted.weight, fitted.counts), (5.0, vec![2, 1]));
    assert_eq!(fitted.inertia, 3.0 * 0.0625 + 0.5625);
}

#[test]
fn empty_clusters_are_refilled_from_the_farthest_row() {
    let matrix = array![[0.0, 0.0], [0.1, 0.0], [5.0, 5.0], [9.0, 9.0], [9.0, 9.1]];
    // Two starts coincide, one lies where nothing is.
    let start = array![[0.0, 0.0], [0.0, 0.0], [-50.0, 40.0]];
    let params = KMeansParams::new(3).start(Start::Given(start)).check().unwrap();
    let fitted = params.fit_rows(matrix.view(), None, None).unwrap();
    assert!(fitted.counts.iter().all(|c| *c > 0), "{:?}", fitted.counts);
    assert_eq!(fitted.counts.iter().sum::<u64>(), 5);
}

#[test]
fn what_cannot_be_clustered_is_refused() {
    let params = |k| KMeansParams::<f64>::new(k).check().unwrap();
    let bad = array![[1.0, 2.0], [3.0, f64::NAN], [5.0, 6.0]];
    let text = params(2).fit_rows(bad.view(), None, None).unwrap_err().to_string();
    assert_eq!(text, "row 1, column 1 of the matrix is NaN; only finite numbers can be clustered");
    assert!(assign(bad.view(), array![[1.0, 2.0]].view()).is_err());
    let twins = Array2::<f64>::ones((10, 2));
    let text = params(3).fit_rows(twins.view(), None, None).unwrap_err().to_string();
    assert_eq!(text, "only 1 of the rows are distinct; they cannot form 3 clusters");
    let start = Start::Given(array![[1.0, 1.0], [2.0, 2.0]]);
    let warm = KMeansParams::new(2).start(start).check().unwrap();
    assert!(matches!(warm.fit_rows(twins.view(), None, None), Err(KMeansError::TooFewDistinct { distinct: 1, k: 2 })));
    assert!(matches!(params(11).fit_rows(twins.view(), None, None), Err(KMeansError::TooFewRows { rows: 10, k: 11 })));
    let long = array![[1e200, 0.0], [0.0, 1.0]];
    assert!(matches!(params(2).fit_rows(long.view(), None, None), Err(KMeansError::RowTooLong { row: 0 })));
    assert!(matches!(params(2).fit_rows(Array2::zeros((5, 0)).view(), None, None), Err(KMeansError::NoFeatures)));
    assert!(matches!(params(2).fit_rows(twins.view(), None, Some(&[3, 99])), Err(KMeansError::SampleRow { .. })));
    assert_eq!(KMeansParams::<f32>::new(0).check().unwrap_err(), KMeansParamsError::K(0));
    assert_eq!(KMeansParams::<f32>::new(2).n_runs(0).check().unwrap_err(), KMeansParamsError::Runs);
    // Few rows in many panels, all alike but one: found although the thinned look misses it.
    let mut many = Array2::<f32>::zeros((300_000, 1));
    many[[299_999, 0]] = 1.0;
    let fitted = KMeansParams::new(2).check().unwrap().fit_rows(many.view(), None, None).unwrap();
    let mut counts = fitted.counts;
    counts.sort_unstable();
    assert_eq!(counts, [1, 299_999]);
}

#[test]
fn rand_index_of_known_tables() {
    assert_eq!(adjusted_rand_index(&[0, 0, 1, 1], &["b", "b", "a", "a"]), 1.0);
    // scikit-learn's documented example.
    assert!((adjusted_rand_index(&[0, 0, 1, 2], &[0, 0, 1, 1]) - 0.571_428_571_428_571_4).abs() < 1e-12);
    assert_eq!(adjusted_rand_index::<u8, u8>(&[], &[]), 1.0);
}

#[test]
fn jaccard_and_quality_of_small_tables() {
    assert_eq!(mean_jaccard(&[0, 0, 1, 1], &[1, 1, 0, 0]), 1.0);
    // Cluster 0 is found as two of its three rows, cluster 1 with a row too many.
    assert_eq!(mean_jaccard(&[0, 0, 0, 1, 1], &[0, 0, 1, 1, 1]), (2.0 / 3.0 + 2.0 / 3.0) / 2.0);
    assert_eq!(mean_jaccard(&[], &[]), 1.0);
    let matrix = array![[0.0], [2.0], [10.0], [14.0]];
    let centroids = array![[1.0], [12.0]];
    let found = assign(matrix.view(), centroids.view()).unwrap();
    let quality = assess(matrix.view(), centroids.view(), &found).unwrap();
    // Within 2 + 8, between 2 · 5.5² · 2; widths 1 and 2, 11 apart.
    assert!((quality.calinski_harabasz - 121.0 / (10.0 / 2.0)).abs() < 1e-9);
    assert!((quality.davies_bouldin - 3.0 / 11.0).abs() < 1e-6);
    let of = |a: f64, b: f64| 1.0 - a / b;
    assert!((quality.silhouette - (of(1.0, 12.0) + of(1.0, 10.0) + of(2.0, 9.0) + of(2.0, 13.0)) / 4.0).abs() < 1e-6);
    assert_eq!(assess(matrix.view(), array![[1.0]].view(), &found), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Labels, distances and inertia of the kernel are those of the plain loop, to the bit.
    #[test]
    fn assignment_is_the_plain_loop(
        rows in 1usize..200, dim in 1usize..9, k in 1usize..12, seed in 0u64..1000, grid in prop::bool::ANY,
    ) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        // A coarse grid makes ties.
        let mut value = || if grid { (rng.next_u64() % 4) as f64 } else { (rng.next_u64() >> 11) as f64 * 1e-15 };
        let matrix = Array2::from_shape_fn((rows, dim), |_| value());
        let centroids = Array2::from_shape_fn((k, dim), |_| value());
        let found = assign(matrix.view(), centroids.view()).unwrap();
        let (labels, inertia) = naive_assign(&matrix, &centroids);
        prop_assert_eq!(&found.labels, &labels);
        prop_assert!((found.inertia - inertia).abs() <= 1e-12 * inertia);
        prop_assert_eq!(found.counts.iter().sum::<u64>(), rows as u64);
        prop_assert!(found.distance.iter().zip(&found.second).all(|(a, b)| a <= b));
        // The product form agrees with the direct form wherever no other centroid is as near.
        let data = panels::Panels::pack(matrix.view(), None, None).unwrap();
        let flat: Vec<f64> = centroids.iter().copied().collect();
        let mut fast = vec![[0; LANES]; data.panels()];
        let mut search = kernel::Search { lanes: &data.lanes, labels: &mut fast, gaps: &mut [], slack: 0.0 };
        kernel::nearest(&mut search, &kernel::Targets::new(&flat, dim));
        for row in (0..rows).filter(|r| found.second[*r] - found.distance[*r] > 1e-6) {
            prop_assert_eq!(fast[row / LANES][row % LANES], labels[row]);
        }
    }

    /// A fit never ends worse than it starts, keeps every row, and leaves no cluster without rows to its name.
    #[test]
    fn a_fit_improves_on_its_start(rows in 20usize..400, dim in 1usize..6, k in 1usize..8, seed in 0u64..1000) {
        let (matrix, _) = blobs(rows, dim, 4, 8.0, seed);
        let start = matrix.slice(ndarray::s![..k, ..]).to_owned();
        let before = assign(matrix.view(), start.view()).unwrap().inertia;
        let params = KMeansParams::new(k).start(Start::Given(start)).check().unwrap();
        let fitted = params.fit_rows(matrix.view(), None, None).unwrap();
        prop_assert!(fitted.inertia <= before * (1.0 + 1e-12));
        prop_assert_eq!(fitted.counts.iter().sum::<u64>(), rows as u64);
    }
}
