//! The k best of a stream, with ties broken by index.

/// Keeps the `k` entries with the highest score; on equal scores the lower index wins. Scores are ordered by
/// [`f64::total_cmp`].
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
    /// A binary heap of [`key`]s whose root is the worst entry kept.
    heap: Vec<u128>,
}

/// Score and index as one number: the better an entry, the higher it is.
fn key(score: f64, index: u32) -> u128 {
    let bits = score.to_bits();
    // Of negative numbers every bit is turned, of the others the sign: their order as integers is then `total_cmp`.
    let ordered = bits ^ (((bits as i64 >> 63) as u64) | (1 << 63));
    (u128::from(ordered) << 32) | u128::from(!index)
}

/// The entry of a key.
fn entry(key: u128) -> (f64, u32) {
    let ordered = (key >> 32) as u64;
    let bits = ordered ^ (((!ordered as i64 >> 63) as u64) | (1 << 63));
    (f64::from_bits(bits), !(key as u32))
}

impl TopK {
    /// An empty selection of at most `k` entries.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { k, heap: Vec::with_capacity(k) }
    }

    /// Offers an entry.
    #[inline]
    pub fn push(&mut self, score: f64, index: u32) {
        let key = key(score, index);
        if self.heap.len() < self.k {
            self.add(key);
        } else if self.heap.first().is_some_and(|worst| key > *worst) {
            self.replace(key);
        }
    }

    fn add(&mut self, key: u128) {
        self.heap.push(key);
        let heap = self.heap.as_mut_slice();
        let mut child = heap.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if heap[parent] <= key {
                break;
            }
            heap[child] = heap[parent];
            child = parent;
        }
        heap[child] = key;
    }

    /// Puts `key` in the place of the worst.
    fn replace(&mut self, key: u128) {
        let heap = self.heap.as_mut_slice();
        let (mut parent, mut child) = (0, 1);
        while child < heap.len() {
            let other = (child + 1).min(heap.len() - 1);
            child = if heap[other] < heap[child] { other } else { child };
            if key <= heap[child] {
                break;
            }
            heap[parent] = heap[child];
            (parent, child) = (child, 2 * child + 1);
        }
        heap[parent] = key;
    }

    /// The score an entry must beat to be kept, once the selection is full.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        (self.heap.len() == self.k && self.k > 0).then(|| entry(self.heap[0]).0)
    }

    /// Moves the entries, best first, into `out` (which is cleared) and empties the selection for reuse.
    pub fn drain_sorted(&mut self, out: &mut Vec<(f64, u32)>) {
        self.heap.sort_unstable();
        out.clear();
        out.extend(self.heap.drain(..).rev().map(entry));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_in_total_order(a: (f64, u32), b: (f64, u32)) {
            let order = a.0.total_cmp(&b.0).then(b.1.cmp(&a.1));
            prop_assert_eq!(key(a.0, a.1).cmp(&key(b.0, b.1)), order);
            let (score, index) = entry(key(a.0, a.1));
            prop_assert_eq!((score.to_bits(), index), (a.0.to_bits(), a.1));
        }

        #[test]
        fn equals_sorting_everything(scores in prop::collection::vec(0u8..20, 0..200), k in 0usize..12) {
            let mut all: Vec<(f64, u32)> = scores.iter().enumerate().map(|(i, s)| (f64::from(*s), i as u32)).collect();
            let mut top = TopK::new(k);
            for (s, i) in &all {
                top.push(*s, *i);
            }
            let mut got = Vec::new();
            top.drain_sorted(&mut got);
            all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            all.truncate(k);
            prop_assert_eq!(got, all);
        }
    }
}
