//! Categories at the level of the path that the job counts.

use crate::{
    base::IdTable,
    input::{ItemTable, NONE},
};

/// The categories of a shop cut to one level of their paths, and each item's.
#[derive(Debug, Clone, Default)]
pub(super) struct CategoryGroups {
    /// Path prefixes in byte order.
    pub names: IdTable,
    /// Group by item index, [`NONE`] where the item has no category; empty if the shop has no categories.
    pub of_item: Vec<u32>,
}

impl CategoryGroups {
    /// Cuts every path to its first `level` parts (0: the whole path).
    pub fn new(items: &ItemTable, level: usize) -> Self {
        let names = IdTable::from_unsorted(items.categories.iter().map(|path| ancestor(path, level)));
        let of_category: Vec<u32> = items
            .categories
            .iter()
            .map(|path| names.find(ancestor(path, level)).and_then(|i| u32::try_from(i).ok()).unwrap_or(NONE))
            .collect();
        let of_item = items.category.iter().map(|c| of_category.get(*c as usize).copied().unwrap_or(NONE)).collect();
        Self { names, of_item }
    }

    /// The group of an item.
    pub fn of(&self, item: u32) -> Option<usize> {
        self.of_item.get(item as usize).copied().filter(|g| *g != NONE).map(|g| g as usize)
    }
}

fn ancestor(path: &str, level: usize) -> &str {
    if level == 0 {
        return path;
    }
    path.match_indices('/').nth(level - 1).map_or(path, |(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut() {
        assert_eq!(ancestor("a/b/c", 0), "a/b/c");
        assert_eq!(ancestor("a/b/c", 1), "a");
        assert_eq!(ancestor("a/b/c", 2), "a/b");
        assert_eq!(ancestor("a", 2), "a");
        let items = ItemTable {
            categories: IdTable::from_unsorted(["pet/cat", "pet/dog", "tea"]),
            category: vec![2, 0, NONE, 1],
            ..ItemTable::default()
        };
        let groups = CategoryGroups::new(&items, 1);
        assert_eq!(groups.names.iter().collect::<Vec<_>>(), ["pet", "tea"]);
        assert_eq!((0..5).map(|i| groups.of(i)).collect::<Vec<_>>(), [Some(1), Some(0), None, Some(0), None]);
    }
}
