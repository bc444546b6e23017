//! One k-means fit of this crate or of linfa on a matrix from a file, timed; `kmeans_peers.py` calls it in turn with
//! scikit-learn.
//!
//! Arguments: `ours|linfa|sweep FOLDER ROWS COLUMNS f32|f64 K TOLERANCE MAX_ITERATIONS OUT [SEEDS]`. FOLDER holds `x_f32.bin`,
//! `x_f64.bin` and `start_K.bin` (row order, little-endian; starts are f64). The centroids go to OUT as f64. A
//! sweep takes a range such as `4..20` for K and the number of seeds; it makes its own starts and writes no centroids.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a bench that cannot start should say so and stop; it is called by a script that reads what it prints"
)]

use std::time::Instant;

use linfa::{DatasetBase, ParamGuard, traits::Fit};
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::Array2;
use nextoffer::kmeans::{Element, KMeansParams, Start, fit_side_by_side};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// The arguments that all modes share.
struct Call {
    who: String,
    folder: String,
    rows: usize,
    columns: usize,
    k: String,
    tolerance: f64,
    max_iterations: u32,
    out: String,
    rest: Vec<String>,
}

fn main() {
    // cargo bench adds an argument of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [who, folder, rows, columns, element, k, tolerance, max_iterations, out, rest @ ..] = &arguments[..] else {
        // `cargo test --benches` and a bare `cargo bench` call it without arguments.
        println!("called by kmeans_peers.py");
        return;
    };
    let call = Call {
        who: who.clone(),
        folder: folder.clone(),
        rows: rows.parse().expect("rows"),
        columns: columns.parse().expect("columns"),
        k: k.clone(),
        tolerance: tolerance.parse().expect("tolerance"),
        max_iterations: max_iterations.parse().expect("iterations"),
        out: out.clone(),
        rest: rest.to_vec(),
    };
    match element.as_str() {
        "f32" => work::<f32>(&call, |bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes")), "x_f32.bin", 4),
        _ => work::<f64>(&call, |bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes")), "x_f64.bin", 8),
    }
}

/// Processor seconds of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    ticks / 100.0
}

fn work<F: Element>(call: &Call, read: impl Fn(&[u8]) -> F, matrix: &str, width: usize) {
    let bytes = std::fs::read(format!("{}/{matrix}", call.folder)).expect("matrix");
    let cells: Vec<F> = bytes.chunks_exact(width).map(read).collect();
    let matrix = Array2::from_shape_vec((call.rows, call.columns), cells).expect("shape");
    if call.who == "sweep" {
        return sweep(call, &matrix);
    }
    let k: usize = call.k.parse().expect("k");
    let bytes = std::fs::read(format!("{}/start_{k}.bin", call.folder)).expect("start");
    let cells = bytes.chunks_exact(8).map(|b| F::narrow(f64::from_le_bytes(b.try_into().expect("eight bytes"))));
    let start = Array2::from_shape_vec((k, call.columns), cells.collect()).expect("shape");
    let dataset = DatasetBase::from(matrix);
    let (began, cpu_began) = (Instant::now(), cpu());
    let (centroids, iterations) = if call.who == "linfa" {
        let model = KMeans::params_with_rng(k, Xoshiro256PlusPlus::seed_from_u64(1))
            .init_method(KMeansInit::Precomputed(start))
            .n_runs(1)
            .max_n_iterations(u64::from(call.max_iterations))
            .tolerance(F::narrow(call.tolerance))
            .fit(&dataset);
        match model {
            Ok(model) => (model.centroids().clone(), 0),
            Err(error) => {
                println!("{{\"error\": \"{error}\"}}");
                return;
            }
        }
    } else {
        let params = KMeansParams::new(k)
            .start(Start::Given(start))
            .max_iterations(call.max_iterations)
            .tolerance(call.tolerance);
        let fitted = params.check().expect("parameters").fit_rows(dataset.records().view(), None, None).expect("fit");
        (fitted.centroids, fitted.iterations)
    };
    let (wall, cpu_s) = (began.elapsed().as_secs_f64(), cpu() - cpu_began);
    let flat: Vec<u8> = centroids.iter().flat_map(|v| v.wide().to_le_bytes()).collect();
    std::fs::write(&call.out, flat).expect("centroids");
    println!("{{\"wall\": {wall:.6}, \"cpu\": {cpu_s:.2}, \"iterations\": {iterations}}}");
}

/// k of a range and seeds side by side, as scikit-learn's loop makes them one by one.
fn sweep<F: Element>(call: &Call, matrix: &Array2<F>) {
    let (from, to) = call.k.split_once("..").expect("a range of k");
    let (from, to): (usize, usize) = (from.parse().expect("k"), to.parse().expect("k"));
    let seeds: u64 = call.rest.first().and_then(|s| s.parse().ok()).expect("seeds");
    let (began, cpu_began) = (Instant::now(), cpu());
    let cases: Vec<_> = (from..=to)
        .flat_map(|k| (0..seeds).map(move |seed| (k, seed)))
        .map(|(k, seed)| {
            let params = KMeansParams::new(k).seed(seed);
            params.max_iterations(call.max_iterations).tolerance(call.tolerance).check().expect("parameters")
        })
        .collect();
    let fits = fit_side_by_side(&cases, matrix.view(), None, None, &mut |_| {}).expect("fits");
    let (wall, cpu_s) = (began.elapsed().as_secs_f64(), cpu() - cpu_began);
    let iterations: u32 = fits.iter().map(|f| f.iterations).sum();
    // Over the k, the best of the seeds.
    let best: f64 =
        fits.chunks(seeds as usize).map(|of_k| of_k.iter().map(|f| f.inertia).fold(f64::MAX, f64::min)).sum();
    println!("{{\"wall\": {wall:.6}, \"cpu\": {cpu_s:.2}, \"iterations\": {iterations}, \"inertia\": {best}}}");
}
