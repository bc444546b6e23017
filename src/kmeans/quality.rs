//! How good a clustering is.

use std::collections::BTreeMap;

use super::Assignment;

/// The simplified silhouette: the mean over all rows of `(b − a) / max(a, b)`, with `a` the distance to the own centroid
/// and `b` the distance to the next nearest one (Hruschka, de Castro and Campello 2004). Between 0 and 1 here, since
/// every row is with its nearest centroid; `None` without rows or with one centroid.
#[must_use]
pub fn simplified_silhouette(assignment: &Assignment) -> Option<f64> {
    if assignment.labels.is_empty() || assignment.counts.len() < 2 {
        return None;
    }
    let sum: f64 = assignment
        .distance
        .iter()
        .zip(&assignment.second)
        .map(|(a, b)| if *b > 0.0 { 1.0 - f64::from(*a) / f64::from(*b) } else { 0.0 })
        .sum();
    Some(sum / assignment.labels.len() as f64)
}

/// The adjusted Rand index of two labellings of the same rows (Hubert and Arabie 1985): 1 for equal partitions, about 0
/// for unrelated ones. Rows past the shorter labelling are not looked at.
#[must_use]
pub fn adjusted_rand_index<A: Ord + Copy, B: Ord + Copy>(a: &[A], b: &[B]) -> f64 {
    let mut cells: BTreeMap<(A, B), u64> = BTreeMap::new();
    let mut rows: BTreeMap<A, u64> = BTreeMap::new();
    let mut columns: BTreeMap<B, u64> = BTreeMap::new();
    for (x, y) in a.iter().zip(b) {
        *cells.entry((*x, *y)).or_default() += 1;
        *rows.entry(*x).or_default() += 1;
        *columns.entry(*y).or_default() += 1;
    }
    let pairs = |n: u64| n as f64 * (n as f64 - 1.0) / 2.0;
    let together: f64 = cells.values().map(|n| pairs(*n)).sum();
    let in_a: f64 = rows.values().map(|n| pairs(*n)).sum();
    let in_b: f64 = columns.values().map(|n| pairs(*n)).sum();
    let all = pairs(a.len().min(b.len()) as u64);
    let expected = if all > 0.0 { in_a * in_b / all } else { 0.0 };
    let most = f64::midpoint(in_a, in_b);
    // Both partitions trivial: nothing to disagree about.
    if most == expected { 1.0 } else { (together - expected) / (most - expected) }
}
