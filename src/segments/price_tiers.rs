//! Which price tier of its category an item is in.

use crate::input::{ItemTable, NONE};

/// Priced items a category needs before its prices are cut into tiers.
const LEAST_ITEMS: usize = 6;

/// The price tier of every item: as the shop gives it, else by list price within the category.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceTiers {
    /// By item: 1 is the lowest tier, 0 where it is not known.
    pub of_item: Vec<u8>,
    /// Number of tiers; 0 where no item has one.
    pub tiers: u8,
    /// Whether the shop gives them.
    pub given: bool,
}

impl PriceTiers {
    /// The tiers of a shop's items. Where the items table gives none, the list prices of each category are cut into
    /// thirds by number of items: low, middle and high; items of one price are in one tier, the lower one.
    #[must_use]
    pub fn new(items: &ItemTable) -> Self {
        if let Some(tiers) = items.price_tier.iter().copied().max().filter(|t| *t > 0) {
            return Self { of_item: items.price_tier.clone(), tiers, given: true };
        }
        let mut priced: Vec<(u32, i64, usize)> = items
            .price
            .iter()
            .enumerate()
            .filter_map(|(i, price)| {
                let category = items.category.get(i).copied().filter(|c| *c != NONE)?;
                Some((category, price.filter(|p| *p > 0)?, i))
            })
            .collect();
        priced.sort_unstable();
        let mut of_item = vec![0; if priced.is_empty() { 0 } else { items.len() }];
        let mut tiers = 0;
        for category in priced.chunk_by(|a, b| a.0 == b.0).filter(|c| c.len() >= LEAST_ITEMS) {
            let end = |third: usize| category[(third * category.len()).div_ceil(3) - 1].1;
            let (low, middle) = (end(1), end(2));
            for (_, price, item) in category {
                of_item[*item] = 1 + u8::from(*price > low) + u8::from(*price > middle);
            }
            tiers = 3;
        }
        Self { of_item, tiers, given: false }
    }

    /// The tier of an item, 0 where it is not known.
    #[must_use]
    pub fn of(&self, item: u32) -> u8 {
        self.of_item.get(item as usize).copied().unwrap_or(0)
    }

    /// Chinese and English name of a tier.
    #[must_use]
    pub fn names(&self, tier: u8) -> (String, String) {
        match (self.tiers, tier) {
            (2 | 3, 1) => ("低价位".into(), "low".into()),
            (3, 2) => ("中价位".into(), "middle".into()),
            (2, 2) | (3, 3) => ("高价位".into(), "high".into()),
            (tiers, tier) => (format!("第 {tier} 档价位（共 {tiers} 档）"), format!("{tier} of {tiers}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::IdTable;

    #[test]
    fn thirds_of_a_category() {
        let ids: Vec<String> = (0..9).map(|i| format!("i{i}")).collect();
        let mut items = ItemTable {
            ids: IdTable::from_unsorted(ids.iter().map(String::as_str)),
            categories: IdTable::from_unsorted(["pet", "tea"]),
            category: vec![0, 0, 0, 0, 0, 0, 0, 1, NONE],
            price: [10, 20, 30, 40, 50, 60, 60, 5, 5].map(Some).into(),
            ..ItemTable::default()
        };
        let tiers = PriceTiers::new(&items);
        // Seven prices: three, two and two; too few of tea.
        assert_eq!(tiers.of_item, [1, 1, 1, 2, 2, 3, 3, 0, 0]);
        assert_eq!((tiers.tiers, tiers.of(99), tiers.names(3).0.as_str()), (3, 0, "高价位"));
        items.price_tier = vec![0, 2, 5, 0, 0, 0, 0, 1, 0];
        let tiers = PriceTiers::new(&items);
        assert_eq!((tiers.of(2), tiers.tiers, tiers.given), (5, 5, true));
        assert_eq!(PriceTiers::new(&ItemTable::default()), PriceTiers::default());
    }
}
