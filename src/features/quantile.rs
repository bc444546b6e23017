//! Exact quantiles by selection.

/// The `p` quantile (0…1) of `values` by nearest rank: the smallest value that at least `p` of them do not exceed.
/// `None` of no values. Reorders `values`.
pub(super) fn nearest_rank(values: &mut [f64], p: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let rank = (p * values.len() as f64).ceil() as usize;
    let at = rank.clamp(1, values.len()) - 1;
    Some(*values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// The median of whole numbers: the middle one, or the mean of the two middle ones. `None` of none. Reorders `values`.
pub(super) fn median(values: &mut [u32]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let at = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, middle, _) = values.select_nth_unstable(at);
    let middle = f64::from(*middle);
    if odd {
        return Some(middle);
    }
    let lower = below.iter().copied().max().map_or(middle, f64::from);
    Some(f64::midpoint(lower, middle))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equals_sorting(mut values in prop::collection::vec(0u32..50, 1..60), p in 0.0f64..=1.0) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let n = sorted.len();
            let want = f64::from(sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
            let mut floats: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
            prop_assert_eq!(median(&mut values), Some(want));
            let q = nearest_rank(&mut floats, p).unwrap();
            let at_most = sorted.iter().filter(|v| f64::from(**v) <= q).count() as f64;
            let below = sorted.iter().filter(|v| f64::from(**v) < q).count() as f64;
            prop_assert!(at_most >= p * n as f64 && (below < p * n as f64 || p == 0.0));
        }
    }
}
