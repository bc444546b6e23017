//! What is popular in the categories a member buys in.

use crate::{input::ItemTable, items::ItemStatistics};

/// Items of a category that the term speaks of: its most popular.
const KEPT: usize = 24;

/// By category its most popular items with their share of the category's popularity, `g_i / Σ_c g`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CategoryShares {
    /// By item: category index, or [`crate::input::NONE`]; empty where the shop has no categories.
    category: Vec<u32>,
    /// Categories + 1 offsets into `entries`.
    offsets: Vec<u32>,
    /// Most popular first, ties by index.
    entries: Vec<(u32, f32)>,
}

impl CategoryShares {
    pub(super) const NOTHING: Self = Self { category: Vec::new(), offsets: Vec::new(), entries: Vec::new() };

    pub(super) fn new(items: &ItemTable, statistics: &ItemStatistics, half_life: usize) -> Self {
        if items.categories.is_empty() || statistics.half_lives().is_empty() {
            return Self::default();
        }
        let mut by_category: Vec<Vec<(u32, f64)>> = vec![Vec::new(); items.categories.len()];
        for item in 0..items.len().min(statistics.len()) as u32 {
            let popularity = statistics.popularity(item, half_life);
            if let Some(c) = items.category_of(item).filter(|_| popularity > 0.0) {
                by_category[c as usize].push((item, popularity));
            }
        }
        let mut shares = Self { category: items.category.clone(), offsets: vec![0], entries: Vec::new() };
        for mut row in by_category {
            let whole: f64 = row.iter().map(|e| e.1).sum();
            row.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            shares.entries.extend(row.iter().take(KEPT).map(|(item, g)| (*item, (g / whole) as f32)));
            shares.offsets.push(shares.entries.len() as u32);
        }
        shares
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The category of an item.
    pub(super) fn category(&self, item: u32) -> Option<u32> {
        self.category.get(item as usize).copied().filter(|c| *c != crate::input::NONE)
    }

    /// The most popular items of a category with their shares.
    pub(super) fn of(&self, category: u32) -> &[(u32, f32)] {
        match (self.offsets.get(category as usize), self.offsets.get(category as usize + 1)) {
            (Some(&start), Some(&end)) => &self.entries[start as usize..end as usize],
            _ => &[],
        }
    }
}
