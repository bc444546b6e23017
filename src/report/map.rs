//! A plane on which segments lie as they lie to each other: the two directions in which members differ most.

use linfa_linalg::eigh::{EigSort, Eigh};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Rows are summed in blocks of this many, block after block.
const BLOCK: usize = 4096;

/// One direction of the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct MapAxis {
    /// Share of the members' variance along it, 0 to 1.
    pub explained: f64,
    /// Weight of every feature in it; the largest (by size) is positive.
    pub loadings: Vec<f64>,
}

/// Members of a sample and the centroids of all segments on the plane of the first two principal components.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentMap {
    /// The two directions.
    pub axes: [MapAxis; 2],
    /// The sampled members: label and place.
    pub points: Vec<(u16, f64, f64)>,
    /// The centroids, in the order of the segments.
    pub centres: Vec<(f64, f64)>,
}

impl SegmentMap {
    /// The map of sampled members: `sample` of shape `(n_sampled, n_features)`, scaled as the segments were fitted;
    /// `labels` their segments; `centroids` of shape `(n_segments, n_features)`. The plane is found from all rows of the
    /// sample (eigenvectors of their covariance, Pearson 1901) and the first `shown` are kept as points. `None` where
    /// members do not differ, or by one direction only.
    #[must_use]
    pub fn of(
        sample: ArrayView2<'_, f32>,
        labels: &[u16],
        centroids: ArrayView2<'_, f32>,
        shown: usize,
    ) -> Option<Self> {
        if sample.nrows() < 3 || sample.ncols() < 2 || centroids.ncols() != sample.ncols() {
            return None;
        }
        let wide = sample.mapv(f64::from);
        let mean = block_sum(&wide, |block| block.sum_axis(Axis(0)).insert_axis(Axis(0)))? / wide.nrows() as f64;
        let centred = &wide - &mean;
        let covariance = block_sum(&centred, |block| block.t().dot(&block))? / wide.nrows() as f64;
        let total: f64 = covariance.diag().sum();
        if !total.is_finite() || total <= 0.0 {
            return None;
        }
        let (values, vectors) = covariance.eigh().ok()?.sort_eig_desc();
        let axis = |i: usize| -> Option<(MapAxis, Array1<f64>)> {
            let explained = *values.get(i)? / total;
            if !explained.is_finite() || explained < 1e-9 {
                return None;
            }
            let column = vectors.column(i);
            let turn = sign(column);
            let direction = column.mapv(|v| v * turn);
            Some((MapAxis { explained, loadings: direction.to_vec() }, direction))
        };
        let ((first, x), (second, y)) = (axis(0)?, axis(1)?);
        let mean = mean.row(0).to_owned();
        let place = |row: ArrayView1<'_, f32>| {
            let row = row.mapv(f64::from) - &mean;
            (row.dot(&x), row.dot(&y))
        };
        let points = sample.outer_iter().zip(labels).take(shown);
        Some(Self {
            axes: [first, second],
            points: points.map(|(row, label)| (*label, place(row).0, place(row).1)).collect(),
            centres: centroids.outer_iter().map(place).collect(),
        })
    }
}

/// Sum over blocks of rows, block after block, so that it does not depend on threads.
fn block_sum(rows: &Array2<f64>, of: impl Fn(ArrayView2<'_, f64>) -> Array2<f64>) -> Option<Array2<f64>> {
    rows.axis_chunks_iter(Axis(0), BLOCK).map(of).reduce(|sum, part| sum + part)
}

/// What makes the largest entry of a vector positive: an eigenvector's sign means nothing and must not flip between runs.
fn sign(vector: ArrayView1<'_, f64>) -> f64 {
    let mut largest = 0.0f64;
    for value in vector {
        // Nearly equal entries must not change places by rounding: the first stays.
        if value.abs() > largest.abs() * (1.0 + 1e-6) {
            largest = *value;
        }
    }
    if largest < 0.0 { -1.0 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points along (3, 4)/5 with a little spread across, moved away from the origin.
    fn line() -> Array2<f32> {
        Array2::from_shape_fn((200, 3), |(i, f)| {
            let (along, across) = (i as f32 / 10.0 - 10.0, if i % 2 == 0 { 0.1 } else { -0.1 });
            [7.0 + 0.6 * along - 0.8 * across, 2.0 + 0.8 * along + 0.6 * across, 5.0][f]
        })
    }

    #[test]
    fn finds_the_direction_in_which_members_differ() {
        let sample = line();
        let centroids = ndarray::array![[7.0f32, 2.0, 5.0], [13.0, 10.0, 5.0]];
        let labels = vec![1u16; 200];
        let map = SegmentMap::of(sample.view(), &labels, centroids.view(), 50).unwrap();
        let want = [0.6, 0.8, 0.0];
        assert!(map.axes[0].loadings.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-3), "{:?}", map.axes[0]);
        assert!(map.axes[0].explained > 0.99 && map.axes[0].explained + map.axes[1].explained > 0.999_999);
        assert_eq!(map.points.len(), 50);
        let (a, b) = (map.centres[0], map.centres[1]);
        assert!(((b.0 - a.0) - 10.0).abs() < 1e-2 && (b.1 - a.1).abs() < 1e-2, "{a:?} {b:?}");
        // Turned around, the same.
        let back = sample.slice(ndarray::s![..;-1, ..]).to_owned();
        let other = SegmentMap::of(back.view(), &labels, centroids.view(), 50).unwrap();
        assert!((other.axes[0].loadings[0] - map.axes[0].loadings[0]).abs() < 1e-6);
    }

    #[test]
    fn no_map_where_nobody_differs() {
        let same = Array2::<f32>::ones((50, 3));
        let centroids = Array2::<f32>::ones((1, 3));
        assert_eq!(SegmentMap::of(same.view(), &[0; 50], centroids.view(), 10), None);
        let one = Array2::from_shape_fn((50, 2), |(i, _)| i as f32);
        assert_eq!(SegmentMap::of(one.view(), &[0; 50], centroids.slice(ndarray::s![.., ..2]), 10), None);
    }
}
