//! Choosing k: what clusterings into k segments are worth, for a range of k, and the rule that takes one of them.

use linfa::ParamGuard;
use ndarray::{ArrayView2, Axis};
use rand::RngCore;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{AutoK, SegmentError, Segments};
use crate::{
    base::{
        Day,
        seed::{derive_seed, rng},
    },
    kmeans::{
        Fitted, KMeansError, KMeansParams, KMeansValidParams, adjusted_rand_index, assess, assign, fit_side_by_side,
        mean_jaccard,
    },
};

/// Starts of one fit to a resample.
const STARTS: usize = 2;
/// Where no k is stable enough, those within this of the most stable one are looked at.
const NEARLY: f64 = 0.02;

/// One fit of a curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KFit {
    /// Segments.
    pub k: usize,
    /// Number of the start, from 0.
    pub seed: u64,
    /// Sum of squared distances (scaled units) of the fitted members to their centroids.
    pub inertia: f64,
    /// Simplified silhouette; `None` where a segment has no member.
    pub silhouette: Option<f64>,
    /// Caliński–Harabasz index.
    pub calinski_harabasz: Option<f64>,
    /// Davies–Bouldin index.
    pub davies_bouldin: Option<f64>,
    /// Iterations made.
    pub iterations: u32,
    /// Whether the tolerance was met.
    pub converged: bool,
}

/// One k of a curve. The measures are those of the fit with the least inertia.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KPoint {
    /// Segments.
    pub k: usize,
    /// Least inertia over the seeds.
    pub inertia: f64,
    /// Simplified silhouette: the higher the better.
    pub silhouette: f64,
    /// Caliński–Harabasz index: the higher the better.
    pub calinski_harabasz: f64,
    /// Davies–Bouldin index: the lower the better.
    pub davies_bouldin: f64,
    /// Mean adjusted Rand index between the segments and those of a fit to a bootstrap resample.
    pub stability: f64,
    /// Mean over the segments and resamples of the Jaccard similarity with the most similar segment of the resample.
    pub jaccard: f64,
    /// Mean adjusted Rand index between the fits from two seeds; `None` with one seed.
    pub seed_agreement: Option<f64>,
}

/// What every k of a range is worth, and which is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KCurve {
    /// Members fitted on.
    pub members: u64,
    /// Members of the resamples.
    pub resampled: u64,
    /// Number of resamples.
    pub resamples: u32,
    /// Stability a k needs.
    pub least_stability: f64,
    /// By rising k.
    pub points: Vec<KPoint>,
    /// By rising k and seed.
    pub fits: Vec<KFit>,
    /// The k that [`choose`] takes.
    pub chosen: usize,
}

/// A choice of k that later runs keep for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KChoice {
    /// As-of day of the run that chose.
    pub chosen_on: Day,
    /// What it chose from.
    pub curve: KCurve,
}

/// What a curve is made from.
#[derive(Debug, Clone, Copy)]
pub struct CurveInput<'a> {
    /// Scaled features, shape `(n_members, n_features)`, members in (shard, member) order.
    pub matrix: ArrayView2<'a, f32>,
    /// Rows to fit on, `None` for all.
    pub sample: Option<&'a [u32]>,
    /// Rows to resample, `None` for all.
    pub resample: Option<&'a [u32]>,
    /// The range, seeds and resamples.
    pub auto: &'a AutoK,
    /// The job's seed.
    pub job_seed: u64,
}

/// Fits every k from every seed and to every resample. `done` hears of every fit that ends; there are [`fits`] of them.
///
/// # Errors
/// If there are fewer members, or fewer kinds of members, than segments.
pub fn curve(input: &CurveInput<'_>, settings: &Segments, done: &mut dyn FnMut()) -> Result<KCurve, SegmentError> {
    let auto = input.auto;
    let ks: Vec<usize> = (auto.from..=auto.to).collect();
    let params = |k: usize, seed: u64, starts: usize| -> Result<KMeansValidParams<f32>, SegmentError> {
        let params = KMeansParams::new(k).seed(seed).n_runs(starts);
        let params = params.max_iterations(settings.max_iterations).tolerance(settings.tolerance).check();
        Ok(params.map_err(KMeansError::from)?)
    };
    let seeds = u64::from(auto.seeds);
    let cases: Vec<KMeansValidParams<f32>> = ks
        .iter()
        .flat_map(|k| (0..seeds).map(move |seed| (*k, seed)))
        .map(|(k, seed)| params(k, start_seed(input.job_seed, settings.seed_offset, seed), 1))
        .collect::<Result<_, _>>()?;
    let fitted = fit_side_by_side(&cases, input.matrix, None, input.sample, &mut |_| done())?;

    let rows_fitted = input.sample.map(|rows| select(input.matrix, rows));
    let on = rows_fitted.as_ref().map_or_else(|| input.matrix.view(), |m| m.view());
    let resampled = input.resample.map(|rows| select(input.matrix, rows));
    let inner = resampled.as_ref().map_or_else(|| input.matrix.view(), |m| m.view());
    let mut fits = Vec::with_capacity(fitted.len());
    // The labels of the resampled rows by fit: what seeds and resamples are compared on.
    let mut labels: Vec<Vec<u16>> = Vec::with_capacity(fitted.len());
    for (at, fit) in fitted.iter().enumerate() {
        let found = assign(on, fit.centroids.view())?;
        let quality = assess(on, fit.centroids.view(), &found);
        fits.push(KFit {
            k: ks[at / seeds as usize],
            seed: at as u64 % seeds,
            inertia: fit.inertia,
            silhouette: quality.map(|q| q.silhouette),
            calinski_harabasz: quality.map(|q| q.calinski_harabasz),
            davies_bouldin: quality.map(|q| q.davies_bouldin),
            iterations: fit.iterations,
            converged: fit.converged,
        });
        labels.push(assign(inner, fit.centroids.view())?.labels);
    }
    let best: Vec<usize> = ks
        .iter()
        .enumerate()
        .map(|(k, _)| {
            let of_k = k * seeds as usize..(k + 1) * seeds as usize;
            // On equal inertia the earlier seed.
            of_k.min_by(|a, b| fits[*a].inertia.total_cmp(&fits[*b].inertia)).unwrap_or_default()
        })
        .collect();
    let found_again = resample(input, inner, &ks, &params, done)?;
    let points = ks
        .iter()
        .zip(&best)
        .enumerate()
        .map(|(i, (k, best))| {
            let of_k = &labels[i * seeds as usize..(i + 1) * seeds as usize];
            let again: Vec<(f64, f64)> = found_again
                .par_iter()
                .map(|resample| match &resample[i] {
                    Some(other) => (adjusted_rand_index(&labels[*best], other), mean_jaccard(&labels[*best], other)),
                    None => (0.0, 0.0),
                })
                .collect();
            let mean = |of: fn(&(f64, f64)) -> f64| again.iter().map(of).sum::<f64>() / again.len().max(1) as f64;
            let best = &fits[*best];
            KPoint {
                k: *k,
                inertia: best.inertia,
                silhouette: best.silhouette.unwrap_or(0.0),
                calinski_harabasz: best.calinski_harabasz.unwrap_or(0.0),
                davies_bouldin: best.davies_bouldin.unwrap_or(f64::MAX),
                stability: mean(|a| a.0),
                jaccard: mean(|a| a.1),
                seed_agreement: agreement(of_k),
            }
        })
        .collect::<Vec<KPoint>>();
    let chosen = choose(&points, auto.least_stability).unwrap_or(auto.from);
    Ok(KCurve {
        members: on.nrows() as u64,
        resampled: inner.nrows() as u64,
        resamples: auto.resamples,
        least_stability: auto.least_stability,
        points,
        fits,
        chosen,
    })
}

/// Fits that [`curve`] makes, counting each start.
#[must_use]
pub fn fits(auto: &AutoK) -> u64 {
    let ks = (auto.from..=auto.to).count() as u64;
    ks * (u64::from(auto.seeds) + u64::from(auto.resamples) * STARTS as u64)
}

/// The k to take: of those whose segments are found again on resamples (a stability of at least `least_stability`; if
/// none is so stable, those within 0.02 of the most stable), the one with the best mean rank over the simplified
/// silhouette, Caliński–Harabasz and Davies–Bouldin. Ties go to the smaller k. `None` without points.
#[must_use]
pub fn choose(points: &[KPoint], least_stability: f64) -> Option<usize> {
    let most = points.iter().map(|p| p.stability).fold(f64::NEG_INFINITY, f64::max);
    let least = if most >= least_stability { least_stability } else { most - NEARLY };
    let stable: Vec<&KPoint> = points.iter().filter(|p| p.stability >= least).collect();
    let better = |measure: fn(&KPoint) -> f64, point: &KPoint| {
        stable.iter().filter(|other| measure(other) > measure(point)).count()
    };
    let rank = |point: &KPoint| {
        better(|p| p.silhouette, point) + better(|p| p.calinski_harabasz, point) + better(|p| -p.davies_bouldin, point)
    };
    stable.iter().min_by_key(|p| (rank(p), p.k)).map(|p| p.k)
}

/// The seed of the fits of a job's `number`-th start, 0 for the one a run begins with.
pub(super) fn start_seed(job_seed: u64, offset: u64, number: u64) -> u64 {
    derive_seed(job_seed.wrapping_add(offset).wrapping_add(number), "segments/k-means")
}

fn select(matrix: ArrayView2<'_, f32>, rows: &[u32]) -> ndarray::Array2<f32> {
    let rows: Vec<usize> = rows.iter().map(|r| *r as usize).collect();
    matrix.select(Axis(0), &rows)
}

/// Mean adjusted Rand index over the pairs of labellings.
fn agreement(labels: &[Vec<u16>]) -> Option<f64> {
    let pairs: Vec<(usize, usize)> =
        (0..labels.len()).flat_map(|a| (a + 1..labels.len()).map(move |b| (a, b))).collect();
    let each: Vec<f64> = pairs.par_iter().map(|(a, b)| adjusted_rand_index(&labels[*a], &labels[*b])).collect();
    (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
}

/// By resample and k, the labels of all rows of `inner` by a fit to a resample of them; `None` where the resample has
/// too few kinds of members for that k.
fn resample(
    input: &CurveInput<'_>,
    inner: ArrayView2<'_, f32>,
    ks: &[usize],
    params: &dyn Fn(usize, u64, usize) -> Result<KMeansValidParams<f32>, SegmentError>,
    done: &mut dyn FnMut(),
) -> Result<Vec<Vec<Option<Vec<u16>>>>, SegmentError> {
    (0..input.auto.resamples)
        .map(|number| {
            let label = format!("segments/resample-{number}");
            let mut draws = rng(input.job_seed, &label);
            let weights: Vec<f32> = (0..inner.nrows()).map(|_| times_drawn(draws.next_u64())).collect();
            let seed = derive_seed(input.job_seed, &label);
            let cases: Vec<KMeansValidParams<f32>> =
                ks.iter().map(|k| params(*k, seed, STARTS)).collect::<Result<_, _>>()?;
            let fitted: Vec<Option<Fitted<f32>>> =
                match fit_side_by_side(&cases, inner, Some(&weights), None, &mut |_| done()) {
                    Ok(fitted) => fitted.into_iter().map(Some).collect(),
                    // One k too many for the resample must not take the others with it.
                    Err(KMeansError::TooFewDistinct { .. } | KMeansError::TooFewRows { .. }) => {
                        cases.iter().map(|case| case.fit_rows(inner, Some(&weights), None).ok()).collect()
                    }
                    Err(error) => return Err(error.into()),
                };
            fitted
                .into_iter()
                .map(|fit| {
                    Ok(fit.map(|fit| assign(inner, fit.centroids.view())).transpose()?.map(|found| found.labels))
                })
                .collect()
        })
        .collect()
}

/// How often a row is in a bootstrap resample: Poisson with mean 1, which is what drawing with replacement comes to
/// with many rows.
fn times_drawn(bits: u64) -> f32 {
    let unit = (bits >> 11) as f64 / (1u64 << 53) as f64;
    let (mut times, mut chance) = (0u32, (-1.0f64).exp());
    let mut below = chance;
    while unit >= below && times < 16 {
        times += 1;
        chance /= f64::from(times);
        below += chance;
    }
    times as f32
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn point(k: usize, silhouette: f64, ch: f64, db: f64, stability: f64) -> KPoint {
        KPoint {
            k,
            inertia: 1.0,
            silhouette,
            calinski_harabasz: ch,
            davies_bouldin: db,
            stability,
            jaccard: stability,
            seed_agreement: None,
        }
    }

    #[test]
    fn the_rule() {
        // 5 is best by every measure but falls apart on resamples.
        let points = [point(4, 0.5, 90.0, 1.0, 0.9), point(5, 0.9, 99.0, 0.5, 0.5), point(6, 0.6, 80.0, 0.9, 0.95)];
        assert_eq!(choose(&points, 0.8), Some(6));
        // None is stable enough: those near the most stable.
        assert_eq!(choose(&points, 0.97), Some(6));
        // On equal ranks the smaller k.
        let points = [point(7, 0.5, 90.0, 1.0, 0.9), point(8, 0.5, 90.0, 1.0, 0.9)];
        assert_eq!(choose(&points, 0.8), Some(7));
        assert_eq!(choose(&[], 0.8), None);
    }

    #[test]
    fn a_resample_draws_each_row_once_on_average() {
        let mut draws = rng(3, "test");
        let times: Vec<f32> = (0..100_000).map(|_| times_drawn(draws.next_u64())).collect();
        let mean = times.iter().sum::<f32>() / times.len() as f32;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        let none = times.iter().filter(|t| **t == 0.0).count() as f64 / times.len() as f64;
        assert!((none - (-1.0f64).exp()).abs() < 0.01, "{none}");
    }

    #[test]
    fn the_number_of_planted_blobs_is_chosen() {
        for planted in [3, 6] {
            let mut draws = rng(planted, "blobs");
            let mut unit = || (draws.next_u64() >> 40) as f32 / (1u64 << 24) as f32;
            let corners = Array2::from_shape_simple_fn((planted as usize, 4), || unit() * 20.0);
            let matrix =
                Array2::from_shape_fn((1500, 4), |(r, c)| corners[[r % planted as usize, c]] + unit() + unit());
            let settings = Segments::default();
            let auto = &AutoK { from: 2, to: 9, resamples: 4, ..AutoK::default() };
            let rows: Vec<u32> = (0..1500).filter(|r| r % 5 < 3).collect();
            let input = CurveInput { matrix: matrix.view(), sample: None, resample: Some(&rows), auto, job_seed: 5 };
            let mut ended = 0;
            let curve = curve(&input, &settings, &mut || ended += 1).unwrap();
            assert_eq!(curve.chosen, planted as usize, "{:?}", curve.points);
            assert_eq!(ended, fits(auto));
            assert_eq!((curve.points.len(), curve.fits.len()), (8, 8 * auto.seeds as usize));
            assert_eq!((curve.members, curve.resampled), (1500, 900));
            let at = curve.points.iter().find(|p| p.k == planted as usize).unwrap();
            assert!(at.stability > 0.99 && at.jaccard > 0.99, "{at:?}");
        }
    }
}
