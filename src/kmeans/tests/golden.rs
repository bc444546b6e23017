//! Against scikit-learn's figures, which `benches/peers/kmeans_golden.py` writes.

use linfa::ParamGuard;
use ndarray::Array2;
use serde::Deserialize;

use super::super::*;

const GOLDEN: &str = include_str!("../../../fixtures/kmeans/golden.json");

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    empty: Empty,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    seed: u64,
    rows: usize,
    columns: usize,
    planted: usize,
    k: usize,
    spread: f64,
    element: String,
    weighted: bool,
    tolerance: f64,
    iterations: u32,
    inertia: Inertia,
    centroids: Vec<Vec<f64>>,
    calinski_harabasz: Option<f64>,
    davies_bouldin: Option<f64>,
    adjusted_rand: Option<f64>,
}

#[derive(Deserialize)]
struct Inertia {
    lloyd: f64,
    elkan: f64,
}

#[derive(Deserialize)]
struct Empty {
    seed: u64,
    rows: usize,
    columns: usize,
    planted: usize,
    spread: f64,
    start: Vec<Vec<f64>>,
    inertia: f64,
    centroids: Vec<Vec<f64>>,
}

/// The script's numbers in [0, 1): SplitMix64 of the position.
fn uniform(seed: u64, shape: (usize, usize)) -> Array2<f64> {
    let mut position = 0u64;
    Array2::from_shape_simple_fn(shape, || {
        position += 1;
        let mut z = position.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    })
}

fn blobs(seed: u64, rows: usize, columns: usize, blobs: usize, spread: f64) -> Array2<f64> {
    let corners = uniform(seed, (blobs, columns)) * 8.0;
    let noise = (uniform(seed + 1, (rows, columns)) + uniform(seed + 2, (rows, columns))) * spread;
    Array2::from_shape_fn((rows, columns), |(r, c)| f64::from((corners[[r % blobs, c]] + noise[[r, c]]) as f32))
}

fn from_rows(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(r, c)| rows[r][c])
}

fn check<F: Element>(case: &Case) {
    let wide = blobs(case.seed, case.rows, case.columns, case.planted, case.spread);
    let matrix = wide.mapv(F::narrow);
    let weights: Option<Vec<f32>> =
        case.weighted.then(|| uniform(7, (case.rows, 1)).iter().map(|u| (u * 4.0).floor() as f32).collect());
    let start = Start::Given(matrix.slice(ndarray::s![..case.k, ..]).to_owned());
    let params = KMeansParams::new(case.k).start(start).max_iterations(300).tolerance(case.tolerance).check().unwrap();
    let fitted = params.fit_rows(matrix.view(), weights.as_deref(), None).unwrap();
    let name = format!("{} {} weighted {} tolerance {}", case.name, case.element, case.weighted, case.tolerance);
    for theirs in [case.inertia.lloyd, case.inertia.elkan] {
        assert!((fitted.inertia / theirs - 1.0).abs() < 1e-6, "{name}: inertia {} for {theirs}", fitted.inertia);
    }
    let theirs = from_rows(&case.centroids);
    let gap = (&fitted.centroids.mapv(F::wide) - &theirs).mapv(f64::abs).into_iter().fold(0.0, f64::max);
    let allowed = if case.element == "f32" { 1e-3 } else { 1e-9 };
    assert!(gap < allowed, "{name}: centroids differ by {gap}");
    if case.element == "f64" {
        assert_eq!(fitted.iterations, case.iterations, "{name}");
    }
    let found = assign(matrix.view(), fitted.centroids.view()).unwrap();
    let quality = assess(matrix.view(), fitted.centroids.view(), &found).unwrap();
    let close = |ours: f64, theirs: Option<f64>, what: &str| {
        if let Some(theirs) = theirs {
            assert!((ours / theirs - 1.0).abs() < 1e-5, "{name}: {what} {ours} for {theirs}");
        }
    };
    close(quality.calinski_harabasz, case.calinski_harabasz, "Calinski-Harabasz");
    close(quality.davies_bouldin, case.davies_bouldin, "Davies-Bouldin");
    let truth: Vec<usize> = (0..case.rows).map(|r| r % case.planted).collect();
    close(adjusted_rand_index(&truth, &found.labels), case.adjusted_rand, "adjusted Rand");
}

#[test]
fn equals_scikit_learn() {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden.cases.len(), 24);
    for case in &golden.cases {
        match case.element.as_str() {
            "f32" => check::<f32>(case),
            _ => check::<f64>(case),
        }
    }
}

#[test]
fn empty_clusters_are_refilled_as_by_scikit_learn() {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    let case = golden.empty;
    let matrix = blobs(case.seed, case.rows, case.columns, case.planted, case.spread);
    let start = from_rows(&case.start);
    let params = KMeansParams::new(start.nrows()).start(Start::Given(start)).max_iterations(300).tolerance(0.0);
    let fitted = params.check().unwrap().fit_rows(matrix.view(), None, None).unwrap();
    assert!((fitted.inertia / case.inertia - 1.0).abs() < 1e-9, "{} for {}", fitted.inertia, case.inertia);
    let gap = (&fitted.centroids - &from_rows(&case.centroids)).mapv(f64::abs).into_iter().fold(0.0, f64::max);
    assert!(gap < 1e-9, "{gap}");
}
