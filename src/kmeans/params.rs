//! Parameters as written and as checked.

use linfa::ParamGuard;
use ndarray::Array2;

use super::Element;

/// Where the iterations start.
#[derive(Debug, Clone, PartialEq)]
pub enum Start<F> {
    /// Greedy k-means++ (Arthur and Vassilvitskii 2007, with the greedy trials of the authors' own code): each new
    /// centroid is the best of `2 + ln k` rows drawn with probability proportional to their squared distance to the
    /// centroids so far.
    PlusPlus,
    /// Given centroids, shape `(k, n_features)`: cluster `j` starts at row `j`, and only one run is made.
    Given(Array2<F>),
}

/// Checked parameters of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeansValidParams<F> {
    pub(super) k: usize,
    pub(super) seed: u64,
    pub(super) n_runs: usize,
    pub(super) max_iterations: u32,
    pub(super) tolerance: f64,
    pub(super) start: Start<F>,
}

/// Parameters of a fit as written; a builder whose every value has a default except `k`.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeansParams<F>(KMeansValidParams<F>);

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KMeansParamsError {
    /// `k` is 0, or does not fit a `u16` label.
    #[error("k = {0} clusters; it must lie between 1 and 65534")]
    K(usize),
    /// `n_runs` is 0.
    #[error("n_runs must be at least 1")]
    Runs,
    /// `max_iterations` is 0.
    #[error("max_iterations must be at least 1")]
    MaxIterations,
    /// The tolerance is negative or not a number.
    #[error("tolerance = {0}; it must be 0 or a positive number")]
    Tolerance(f64),
    /// The number of start centroids is not `k`.
    #[error("{found} start centroids for k = {k}")]
    StartCount {
        /// Clusters asked for.
        k: usize,
        /// Start centroids given.
        found: usize,
    },
    /// A start centroid is NaN or infinite.
    #[error("start centroid {centroid} is not finite in column {column}")]
    StartNotFinite {
        /// Row of the start centroids.
        centroid: usize,
        /// Column of the start centroids.
        column: usize,
    },
}

impl<F: Element> KMeansParams<F> {
    /// `k` clusters by greedy k-means++, seed 42, one run, at most 100 iterations, tolerance 1e-4.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self(KMeansValidParams { k, seed: 42, n_runs: 1, max_iterations: 100, tolerance: 1e-4, start: Start::PlusPlus })
    }

    /// Seed of the initialisation.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Runs from different starts; the one with the lowest inertia is kept, on equality the earlier.
    #[must_use]
    pub fn n_runs(mut self, n_runs: usize) -> Self {
        self.0.n_runs = n_runs;
        self
    }

    /// Most iterations of one run.
    #[must_use]
    pub fn max_iterations(mut self, max_iterations: u32) -> Self {
        self.0.max_iterations = max_iterations;
        self
    }

    /// A run has converged when the Euclidean distance between all its old and all its new centroids is below this.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.0.tolerance = tolerance;
        self
    }

    /// Where the iterations start.
    #[must_use]
    pub fn start(mut self, start: Start<F>) -> Self {
        self.0.start = start;
        self
    }
}

impl<F: Element> KMeansValidParams<F> {
    /// Number of clusters.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// Runs to make: a given start needs only one.
    #[must_use]
    pub fn runs(&self) -> usize {
        if matches!(self.start, Start::Given(_)) { 1 } else { self.n_runs }
    }
}

impl<F: Element> ParamGuard for KMeansParams<F> {
    type Checked = KMeansValidParams<F>;
    type Error = KMeansParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let p = &self.0;
        if p.k == 0 || p.k >= usize::from(u16::MAX) {
            return Err(KMeansParamsError::K(p.k));
        }
        if p.n_runs == 0 {
            return Err(KMeansParamsError::Runs);
        }
        if p.max_iterations == 0 {
            return Err(KMeansParamsError::MaxIterations);
        }
        if p.tolerance.is_nan() || p.tolerance < 0.0 {
            return Err(KMeansParamsError::Tolerance(p.tolerance));
        }
        if let Start::Given(start) = &p.start {
            if start.nrows() != p.k {
                return Err(KMeansParamsError::StartCount { k: p.k, found: start.nrows() });
            }
            if let Some(((centroid, column), _)) = start.indexed_iter().find(|(_, v)| !v.is_finite()) {
                return Err(KMeansParamsError::StartNotFinite { centroid, column });
            }
        }
        Ok(p)
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
