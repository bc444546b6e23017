//! A set of small indices.

/// A set of indices below a fixed length, one bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// The indices below `len` for which `holds` is true.
    #[must_use]
    pub fn from_fn(len: usize, mut holds: impl FnMut(usize) -> bool) -> Self {
        let mut words = vec![0u64; len.div_ceil(64)];
        for i in 0..len {
            words[i / 64] |= u64::from(holds(i)) << (i % 64);
        }
        Self { words }
    }

    /// Whether `index` is in the set; an index past the end is not.
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|w| w >> (index % 64) & 1 == 1)
    }

    /// Number of indices in the set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }
}
