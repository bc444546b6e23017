//! A sorted table of distinct strings: an id's index is its rank in byte order.

/// Distinct strings in byte order, stored end to end. Index order is byte order, so that "ties break by id"
/// is a comparison of indices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdTable {
    /// `len + 1` offsets into `bytes`.
    offsets: Vec<u32>,
    bytes: String,
}

impl IdTable {
    /// Builds the table; duplicates collapse.
    pub fn from_unsorted<S: AsRef<str>>(ids: impl IntoIterator<Item = S>) -> Self {
        let mut all: Vec<S> = ids.into_iter().collect();
        all.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
        let mut table = Self::default();
        let mut last: Option<usize> = None;
        for id in &all {
            if let Some(i) = last
                && table.get(i) == id.as_ref()
            {
                continue;
            }
            last = Some(table.push_sorted(id.as_ref()));
        }
        table
    }

    /// Appends an id that sorts after every id already held, and returns its index.
    ///
    /// # Panics
    /// If the order would break, or past 4 GiB of id bytes: both are bugs of the caller.
    #[expect(clippy::expect_used, reason = "tables are per shard or of items: 4 GiB of ids in one is no shop")]
    pub fn push_sorted(&mut self, id: &str) -> usize {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        let index = self.len();
        assert!(index == 0 || self.get(index - 1) < id, "ids must arrive in strictly rising order");
        self.bytes.push_str(id);
        self.offsets.push(u32::try_from(self.bytes.len()).expect("an id table holds less than 4 GiB"));
        index
    }

    /// Number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether the table holds no id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        &self.bytes[self.offsets[index] as usize..self.offsets[index + 1] as usize]
    }

    /// The index of `id`, by binary search.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = usize::midpoint(low, high);
            match self.get(mid).cmp(id) {
                std::cmp::Ordering::Less => low = mid + 1,
                std::cmp::Ordering::Greater => high = mid,
                std::cmp::Ordering::Equal => return Some(mid),
            }
        }
        None
    }

    /// Every id, in byte order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.offsets.capacity() * 4 + self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_dedups_and_finds() {
        let table = IdTable::from_unsorted(["b", "a", "b", "ä", "10", "9"]);
        assert_eq!(table.iter().collect::<Vec<_>>(), ["10", "9", "a", "b", "ä"]);
        assert_eq!(table.find("b"), Some(3));
        assert_eq!(table.find("c"), None);
        assert_eq!(IdTable::default().find("a"), None);
    }
}
