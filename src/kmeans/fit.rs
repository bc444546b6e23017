//! The fit: start, iterate, keep the best run, sum up exactly, hand over to linfa.

use linfa::{DatasetBase, traits::Fit};
use linfa_clustering::KMeans;
use linfa_nn::distance::L2Dist;
use ndarray::{Array2, ArrayBase, ArrayView2, Data, Ix2};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{
    Element, KMeansError, KMeansParamsError, KMeansValidParams, Start,
    assign::summary,
    init,
    lloyd::{self, Run, Stop},
    panels::Panels,
};

/// Most runs that go in step: their labels and gaps take six bytes a row each.
pub(super) const SIDE_BY_SIDE: usize = 16;

/// A fit with what linfa's model does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted<F: Element> {
    /// Centroids, shape `(k, n_features)`.
    pub centroids: Array2<F>,
    /// Rows by cluster, from the exact assignment of the fitted rows to these centroids.
    pub counts: Vec<u64>,
    /// Weighted sum of squared distances of the fitted rows to their centroids.
    pub inertia: f64,
    /// Sum of the weights of the fitted rows (their number, without weights).
    pub weight: f64,
    /// Iterations of the run that was kept.
    pub iterations: u32,
    /// Whether that run met the tolerance.
    pub converged: bool,
    /// Which run was kept, from 0.
    pub run: usize,
}

impl<F: Element> KMeansValidParams<F> {
    /// Fits on the rows of `matrix`, shape `(rows, n_features)`.
    ///
    /// `weights` has one entry a row; rows of weight 0 take no part. `sample` names the rows to fit on, in the order in
    /// which their sums are added up; `None` takes all.
    ///
    /// # Errors
    /// If a cell is not finite, or too few rows, or too few distinct ones, take part; see [`KMeansError`].
    pub fn fit_rows(
        &self,
        matrix: ArrayView2<'_, F>,
        weights: Option<&[f32]>,
        sample: Option<&[u32]>,
    ) -> Result<Fitted<F>, KMeansError> {
        let mut fits = fit_side_by_side(std::slice::from_ref(self), matrix, weights, sample, &mut |_| {})?;
        // One fit for one set of parameters.
        fits.pop().ok_or_else(|| KMeansParamsError::Runs.into())
    }
}

/// Many fits on the same rows: every entry of `cases` (its own k, seed, start, restarts), in that order, each with
/// exactly the result of [`KMeansValidParams::fit_rows`].
///
/// The rows are packed once, and up to 16 runs go in step, so that a block of rows that was read from memory serves all
/// of them. `done` hears of every run that ends, with the number of its case.
///
/// # Errors
/// As [`KMeansValidParams::fit_rows`].
pub fn fit_side_by_side<F: Element>(
    cases: &[KMeansValidParams<F>],
    matrix: ArrayView2<'_, F>,
    weights: Option<&[f32]>,
    sample: Option<&[u32]>,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<Fitted<F>>, KMeansError> {
    let data = Panels::pack(matrix, weights, sample)?;
    for case in cases {
        if data.rows < case.k {
            return Err(KMeansError::TooFewRows { rows: data.rows, k: case.k });
        }
        if let Start::Given(start) = &case.start
            && start.ncols() != data.dim
        {
            return Err(KMeansError::Columns { centroids: start.ncols(), matrix: data.dim });
        }
    }
    let runs: Vec<(usize, usize)> =
        cases.iter().enumerate().flat_map(|(c, case)| (0..case.runs()).map(move |run| (c, run))).collect();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let start = |i: usize| {
        let (case, run) = runs[i];
        let case = &cases[case];
        if run == 0 {
            rng = Xoshiro256PlusPlus::seed_from_u64(case.seed);
        }
        let centroids = match &case.start {
            Start::PlusPlus => init::plus_plus(&data, case.k, &mut rng)?,
            Start::Given(start) => start.iter().copied().collect(),
        };
        Ok((centroids, Stop { max_iterations: case.max_iterations, tolerance: case.tolerance, bounds: true }))
    };
    let weight = data.weights.as_ref().map_or(data.rows as f64, |w| w.iter().sum());
    let mut best: Vec<Option<Fitted<F>>> = vec![None; cases.len()];
    lloyd::run_all(&data, runs.len(), SIDE_BY_SIDE, start, |i, end| {
        let (case, run) = runs[i];
        let (counts, inertia) = summary(&data, &end.centroids);
        // Runs end in any order: on equality the earlier one is kept.
        if best[case].as_ref().is_none_or(|b| (inertia, run) < (b.inertia, b.run)) {
            best[case] = Some(Fitted::new(&end, data.dim, counts, inertia, weight, run));
        }
        done(case);
    })?;
    // Every case has at least one run.
    Ok(best.into_iter().flatten().collect())
}

impl<F: Element> Fitted<F> {
    pub(super) fn new(end: &Run<F>, dim: usize, counts: Vec<u64>, inertia: f64, weight: f64, run: usize) -> Self {
        let k = counts.len();
        let centroids = Array2::from_shape_fn((k, dim), |(c, d)| end.centroids[c * dim + d]);
        let (iterations, converged) = (end.iterations, end.converged);
        Self { centroids, counts, inertia, weight, iterations, converged, run }
    }

    /// linfa's model with exactly these centroids, counts and (mean) inertia.
    ///
    /// # Errors
    /// If linfa's model type does not take them.
    pub fn to_linfa(&self) -> Result<KMeans<F, L2Dist>, KMeansError> {
        linfa_model(&self.centroids, &self.counts, self.inertia / self.weight)
    }
}

/// linfa's model with exactly the given centroids, shape `(k, n_features)`, rows by cluster and mean inertia.
///
/// linfa offers no constructor, and its own `Fit` would move the centroids by one more iteration; its serde form takes
/// them as they are. No number passes through text on the way.
///
/// # Errors
/// If linfa's model type does not take them.
pub fn linfa_model<F: Element>(
    centroids: &Array2<F>,
    counts: &[u64],
    mean_inertia: f64,
) -> Result<KMeans<F, L2Dist>, KMeansError> {
    let counts = ndarray::Array1::from_iter(counts.iter().map(|c| F::narrow(*c as f64)));
    let form = || -> serde_json::Result<KMeans<F, L2Dist>> {
        serde_json::from_value(serde_json::json!({
            "centroids": serde_json::to_value(centroids)?,
            "cluster_count": serde_json::to_value(counts)?,
            "inertia": serde_json::to_value(F::narrow(mean_inertia))?,
            "dist_fn": serde_json::to_value(L2Dist)?,
        }))
    };
    form().map_err(KMeansError::Model)
}

impl<F: Element, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, KMeansError> for KMeansValidParams<F> {
    type Object = KMeans<F, L2Dist>;

    /// Fits on all records, shape `(rows, n_features)`, under the dataset's weights if it has any.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, KMeansError> {
        self.fit_rows(dataset.records().view(), dataset.weights(), None)?.to_linfa()
    }
}
