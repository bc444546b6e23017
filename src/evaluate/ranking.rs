//! Metrics of one member's ranked list against the set of items the member then bought.
//!
//! `ranked` is best first and without repeats; `truth` is in rising order and without repeats. A member without truth
//! is not scored: every metric is then 0, and the caller leaves the member out of the mean.

/// Which list an NDCG compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ideal {
    /// The ideal list holds all of the truth, however long: the convention of the next-basket papers.
    Whole,
    /// The ideal list is as long as the list that is scored (`min(k, |truth|)`): the textbook's.
    AtK,
}

fn hits<'a>(ranked: &'a [u32], truth: &'a [u32], k: usize) -> impl Iterator<Item = usize> + 'a {
    ranked.iter().take(k).enumerate().filter(|(_, item)| truth.binary_search(item).is_ok()).map(|(at, _)| at)
}

/// The gain of a hit at rank `at`, counted from 0: `1 / log2(at + 2)`.
#[must_use]
pub fn gain(at: usize) -> f64 {
    1.0 / ((at + 2) as f64).log2()
}

/// Share of the truth that the first `k` hold.
#[must_use]
pub fn recall(ranked: &[u32], truth: &[u32], k: usize) -> f64 {
    if truth.is_empty() { 0.0 } else { hits(ranked, truth, k).count() as f64 / truth.len() as f64 }
}

/// Share of the first `k` places that hold truth; a list shorter than `k` has empty places.
#[must_use]
pub fn precision(ranked: &[u32], truth: &[u32], k: usize) -> f64 {
    if k == 0 { 0.0 } else { hits(ranked, truth, k).count() as f64 / k as f64 }
}

/// 1 if the first `k` hold any truth, else 0.
#[must_use]
pub fn hit(ranked: &[u32], truth: &[u32], k: usize) -> f64 {
    if hits(ranked, truth, k).next().is_some() { 1.0 } else { 0.0 }
}

/// Discounted gain of the first `k` over that of the ideal list.
#[must_use]
pub fn ndcg(ranked: &[u32], truth: &[u32], k: usize, ideal: Ideal) -> f64 {
    let length = match ideal {
        Ideal::Whole => truth.len(),
        Ideal::AtK => truth.len().min(k),
    };
    if length == 0 {
        return 0.0;
    }
    let best: f64 = (0..length).map(gain).sum();
    hits(ranked, truth, k).map(gain).sum::<f64>() / best
}

/// Mean over the first `min(k, |truth|)` hits there could be of the precision at each hit: average precision at `k`, whose
/// mean over members is MAP.
#[must_use]
pub fn average_precision(ranked: &[u32], truth: &[u32], k: usize) -> f64 {
    let most = truth.len().min(k);
    if most == 0 {
        return 0.0;
    }
    let sum: f64 = hits(ranked, truth, k).enumerate().map(|(so_far, at)| (so_far + 1) as f64 / (at + 1) as f64).sum();
    sum / most as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let ranked = [7, 3, 9, 1];
        let truth = [1, 3, 20];
        assert!((recall(&ranked, &truth, 4) - 2.0 / 3.0).abs() < 1e-12);
        assert!((recall(&ranked, &truth, 2) - 1.0 / 3.0).abs() < 1e-12);
        assert!((precision(&ranked, &truth, 10) - 0.2).abs() < 1e-12);
        assert_eq!(hit(&ranked, &truth, 1), 0.0);
        assert_eq!(hit(&ranked, &truth, 2), 1.0);
        let got = 1.0 / 3f64.log2() + 1.0 / 5f64.log2();
        let whole = 1.0 + 1.0 / 3f64.log2() + 0.5;
        assert!((ndcg(&ranked, &truth, 4, Ideal::Whole) - got / whole).abs() < 1e-12);
        let two = 1.0 + 1.0 / 3f64.log2();
        assert!((ndcg(&ranked, &truth, 2, Ideal::AtK) - (1.0 / 3f64.log2()) / two).abs() < 1e-12);
        assert_eq!(ndcg(&ranked, &[], 4, Ideal::AtK), 0.0);
        // Hits at ranks 2 and 4 of three that could be.
        assert!((average_precision(&ranked, &truth, 10) - (0.5 + 0.5) / 3.0).abs() < 1e-12);
        assert!((average_precision(&ranked, &truth, 2) - 0.5 / 2.0).abs() < 1e-12);
        assert_eq!(average_precision(&ranked, &[], 2), 0.0);
        assert_eq!(recall(&[], &truth, 4), 0.0);
    }
}
