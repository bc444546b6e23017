//! The k best of a stream, with ties broken by index.

use std::cmp::Ordering;

/// Keeps the `k` entries with the highest score; on equal scores the lower index wins. Scores must not be NaN.
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
    /// A binary heap whose root is the worst entry kept.
    heap: Vec<(f64, u32)>,
}

/// Whether `a` ranks before `b`: higher score first, then lower index.
fn better(a: (f64, u32), b: (f64, u32)) -> bool {
    match a.0.total_cmp(&b.0) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => a.1 < b.1,
    }
}

impl TopK {
    /// An empty selection of at most `k` entries.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { k, heap: Vec::with_capacity(k) }
    }

    /// Offers an entry.
    pub fn push(&mut self, score: f64, index: u32) {
        if self.k == 0 {
            return;
        }
        let entry = (score, index);
        if self.heap.len() < self.k {
            self.heap.push(entry);
            let mut child = self.heap.len() - 1;
            while child > 0 {
                let parent = (child - 1) / 2;
                if better(self.heap[child], self.heap[parent]) {
                    break;
                }
                self.heap.swap(child, parent);
                child = parent;
            }
        } else if better(entry, self.heap[0]) {
            self.heap[0] = entry;
            self.sift_down();
        }
    }

    fn sift_down(&mut self) {
        let mut parent = 0;
        loop {
            let mut worst = parent;
            for child in [2 * parent + 1, 2 * parent + 2] {
                if child < self.heap.len() && better(self.heap[worst], self.heap[child]) {
                    worst = child;
                }
            }
            if worst == parent {
                return;
            }
            self.heap.swap(parent, worst);
            parent = worst;
        }
    }

    /// The score an entry must beat to be kept, once the selection is full.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        (self.heap.len() == self.k && self.k > 0).then(|| self.heap[0].0)
    }

    /// Moves the entries, best first, into `out` (which is cleared) and empties the selection for reuse.
    pub fn drain_sorted(&mut self, out: &mut Vec<(f64, u32)>) {
        out.clear();
        out.append(&mut self.heap);
        out.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
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
