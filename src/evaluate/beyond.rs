//! What lists are like apart from hits: how much of the shop they show, how evenly, and how unlike their items are.

use std::collections::HashMap;

/// How often each item is listed.
#[derive(Debug, Clone)]
pub struct Exposure {
    shown: Vec<u64>,
}

impl Exposure {
    /// Nothing is shown yet, of `items` items.
    #[must_use]
    pub fn new(items: usize) -> Self {
        Self { shown: vec![0; items] }
    }

    /// An item stands on a list.
    pub fn show(&mut self, item: u32) {
        if let Some(shown) = self.shown.get_mut(item as usize) {
            *shown += 1;
        }
    }

    /// Over the items of `catalogue`: the share that is shown at all, and the Gini coefficient
    /// `Σ_k (2k − n − 1) x_(k) / (n Σ x)` of how often each is shown (x in rising order, k from 1).
    #[must_use]
    pub fn spread(&self, catalogue: impl Iterator<Item = usize>) -> (f64, f64) {
        let mut shown: Vec<u64> = catalogue.map(|item| self.shown[item]).collect();
        shown.sort_unstable();
        let n = shown.len() as f64;
        let total: u64 = shown.iter().sum();
        if total == 0 {
            return (0.0, 0.0);
        }
        let covered = shown.iter().filter(|x| **x > 0).count() as f64;
        let ranked = shown.iter().enumerate().map(|(k, x)| (2.0 * (k as f64 + 1.0) - n - 1.0) * *x as f64);
        (covered / n, ranked.sum::<f64>() / (n * total as f64))
    }
}

/// The mean over the pairs of a list; `None` for a list without a pair.
pub fn mean_of_pairs(items: &[u32], mut of: impl FnMut(u32, u32) -> f64) -> Option<f64> {
    let (mut sum, mut pairs) = (0.0, 0.0);
    for (at, a) in items.iter().enumerate() {
        for b in &items[at + 1..] {
            sum += of(*a, *b);
            pairs += 1.0;
        }
    }
    (pairs > 0.0).then(|| sum / pairs)
}

/// How unlike two items are: 1 − cosine of the sets of members who bought them. Pairs are remembered.
pub struct Unlikeness<F> {
    buyers: F,
    known: HashMap<(u32, u32), f64>,
}

impl<I: Iterator<Item = u32>, F: Fn(u32) -> I> Unlikeness<F> {
    /// `buyers` gives the members who bought an item, rising.
    #[must_use]
    pub fn new(buyers: F) -> Self {
        Self { buyers, known: HashMap::new() }
    }

    /// The mean over the pairs of a list; `None` for a list without a pair.
    pub fn of_list(&mut self, items: &[u32]) -> Option<f64> {
        mean_of_pairs(items, |a, b| self.of(a.min(b), a.max(b)))
    }

    fn of(&mut self, a: u32, b: u32) -> f64 {
        let buyers = &self.buyers;
        *self.known.entry((a, b)).or_insert_with(|| {
            let (mut left, mut right) = (buyers(a).peekable(), buyers(b).peekable());
            let (mut n_left, mut n_right, mut both) = (0u64, 0u64, 0u64);
            loop {
                match (left.peek().copied(), right.peek().copied()) {
                    (None, None) => break,
                    (l, r) => {
                        let take_left = l.is_some_and(|l| r.is_none_or(|r| l <= r));
                        let take_right = r.is_some_and(|r| l.is_none_or(|l| r <= l));
                        both += u64::from(take_left && take_right);
                        if take_left {
                            n_left += 1;
                            left.next();
                        }
                        if take_right {
                            n_right += 1;
                            right.next();
                        }
                    }
                }
            }
            if n_left == 0 || n_right == 0 { 1.0 } else { 1.0 - both as f64 / ((n_left * n_right) as f64).sqrt() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_by_hand() {
        let mut exposure = Exposure::new(5);
        for item in [0, 0, 0, 1] {
            exposure.show(item);
        }
        // Of four items shown 0, 0, 1, 3 times: Σ (2k − 5) x = 1 + 9 = 10, over 4 × 4.
        assert_eq!(exposure.spread(0..4), (0.5, 0.625));
        assert_eq!(Exposure::new(3).spread(0..3), (0.0, 0.0));
        let mut even = Exposure::new(2);
        even.show(0);
        even.show(1);
        assert_eq!(even.spread(0..2), (1.0, 0.0));
    }

    #[test]
    fn unlikeness_by_hand() {
        let buyers: [&[u32]; 3] = [&[1, 2, 3, 4], &[3, 4, 9, 10], &[]];
        let mut unlike = Unlikeness::new(|item| buyers[item as usize].iter().copied());
        assert_eq!(unlike.of_list(&[0, 1]), Some(0.5));
        assert_eq!(unlike.of_list(&[1, 0]), Some(0.5));
        assert_eq!(unlike.of_list(&[0, 2]), Some(1.0));
        assert_eq!(unlike.of_list(&[0]), None);
    }
}
