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
    /// Group by item index, [`NONE`] where the item has no category or one that is denied; empty if the shop has no
    /// categories.
    pub of_item: Vec<u32>,
    /// Groups of which every item is denied, in byte order.
    denied: IdTable,
}

impl CategoryGroups {
    /// Cuts every path to its first `level` parts (0: the whole path). A category of which every item is denied is in no
    /// group: a sensitive category is never a feature.
    pub fn new(items: &ItemTable, level: usize) -> Self {
        let (mut has_items, mut has_open) = (vec![false; items.categories.len()], vec![false; items.categories.len()]);
        for (item, category) in items.category.iter().enumerate().filter(|(_, category)| **category != NONE) {
            has_items[*category as usize] = true;
            has_open[*category as usize] |= !items.denied.get(item).copied().unwrap_or(false);
        }
        let is_denied = |category: usize| has_items[category] && !has_open[category];
        let cut = |denied: bool| {
            let paths = items.categories.iter().enumerate().filter(|(category, _)| is_denied(*category) == denied);
            IdTable::from_unsorted(paths.map(|(_, path)| ancestor(path, level)))
        };
        let (names, all_denied) = (cut(false), cut(true));
        let group = |(category, path): (usize, &str)| {
            let found = names.find(ancestor(path, level)).and_then(|i| u32::try_from(i).ok());
            found.filter(|_| !is_denied(category)).unwrap_or(NONE)
        };
        let of_category: Vec<u32> = items.categories.iter().enumerate().map(group).collect();
        let of_item = items.category.iter().map(|c| of_category.get(*c as usize).copied().unwrap_or(NONE)).collect();
        let denied = IdTable::from_unsorted(all_denied.iter().filter(|name| names.find(name).is_none()));
        Self { names, of_item, denied }
    }

    /// Whether a group is one of which every item is denied.
    pub fn is_denied(&self, group: &str) -> bool {
        self.denied.find(group).is_some()
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

    #[test]
    fn denied_categories_are_in_no_group() {
        let items = ItemTable {
            categories: IdTable::from_unsorted(["beauty/adult", "beauty/mask", "health", "tea"]),
            category: vec![0, 1, 2, 2, 3, 3],
            denied: vec![true, false, true, true, true, false],
            ..ItemTable::default()
        };
        let groups = CategoryGroups::new(&items, 1);
        assert_eq!(groups.names.iter().collect::<Vec<_>>(), ["beauty", "tea"]);
        // An item that is denied by itself makes no secret of its category.
        assert_eq!((0..6).map(|i| groups.of(i)).collect::<Vec<_>>(), [None, Some(0), None, None, Some(1), Some(1)]);
        assert!(groups.is_denied("health") && !groups.is_denied("beauty"));
        let whole = CategoryGroups::new(&items, 0);
        assert!(whole.is_denied("beauty/adult") && !whole.is_denied("beauty/mask"));
    }
}
