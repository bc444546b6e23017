//! Price tiers within a category: as the shop gives them, else learned.

use super::ItemStatistics;
use crate::{base::Minor, input::ItemTable};

/// Tiers that are learned: basic, middle, premium.
const TIERS: u64 = 3;
/// Priced items a category needs before its tiers are learned.
const LEAST_ITEMS: usize = 6;
/// Least ratio of two neighbouring tiers' median prices: below it they are one tier.
const LEAST_STEP: f64 = 1.15;

/// The price tier of every item within its category, 1 = lowest.
///
/// An item keeps the tier that the items table gives. In a category in which no item has one, tiers are learned: its items
/// in order of price (the list price, else the mean price paid for a unit) are cut where a third and two thirds of the
/// category's purchases lie below, items of one price staying together; neighbouring tiers whose median prices differ by less
/// than 15% become one. A category of fewer than six priced items, or of one tier, has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceTiers {
    /// 0 = none.
    tier: Vec<u8>,
    /// Categories whose tiers were learned.
    learned: usize,
}

impl PriceTiers {
    /// The tiers of all items.
    #[must_use]
    pub fn new(items: &ItemTable, statistics: &ItemStatistics) -> Self {
        let mut tiers = Self { tier: items.price_tier.clone(), learned: 0 };
        tiers.tier.resize(items.len(), 0);
        let mut by_category: Vec<Vec<u32>> = vec![Vec::new(); items.categories.len()];
        for item in 0..items.len() as u32 {
            if let Some(category) = items.category_of(item) {
                by_category[category as usize].push(item);
            }
        }
        for category in by_category {
            if category.iter().any(|item| tiers.tier[*item as usize] > 0) {
                continue;
            }
            let mut priced: Vec<(Minor, u32)> =
                category.iter().filter_map(|i| Some((price(items, statistics, *i)?, *i))).collect();
            if priced.len() < LEAST_ITEMS {
                continue;
            }
            priced.sort_unstable();
            let found = learn(&priced, |item| statistics.item_baskets(item).max(1));
            if found.last().is_some_and(|top| *top > 1) {
                tiers.learned += 1;
                for ((_, item), tier) in priced.iter().zip(found) {
                    tiers.tier[*item as usize] = tier;
                }
            }
        }
        tiers
    }

    /// The item's tier within its category, 1 = lowest.
    #[must_use]
    pub fn get(&self, item: u32) -> Option<u8> {
        self.tier.get(item as usize).copied().filter(|tier| *tier > 0)
    }

    /// Categories whose tiers were learned.
    #[must_use]
    pub fn learned(&self) -> usize {
        self.learned
    }
}

/// The list price, else the mean price paid.
pub(super) fn price(items: &ItemTable, statistics: &ItemStatistics, item: u32) -> Option<Minor> {
    let listed = items.price.get(item as usize).copied().flatten();
    listed.or_else(|| statistics.mean_price(item)).filter(|price| *price > 0)
}

/// Tiers of items in order of price.
fn learn(priced: &[(Minor, u32)], weight: impl Fn(u32) -> u64) -> Vec<u8> {
    let whole: u64 = priced.iter().map(|(_, item)| weight(*item)).sum();
    let mut tiers: Vec<u8> = Vec::with_capacity(priced.len());
    let mut below = 0;
    for (at, (price, item)) in priced.iter().enumerate() {
        // The middle of the item's own purchases decides.
        let own = weight(*item);
        let tier = ((2 * below + own) * TIERS / (2 * whole)).min(TIERS - 1) as u8 + 1;
        let same_price = at > 0 && priced[at - 1].0 == *price;
        tiers.push(if same_price { tiers[at - 1] } else { tier });
        below += own;
    }
    let median = |tier: u8| {
        let inside: Vec<Minor> = priced.iter().zip(&tiers).filter(|(_, t)| **t == tier).map(|(p, _)| p.0).collect();
        inside.get(inside.len().saturating_sub(1) / 2).copied()
    };
    // New numbers without gaps; a tier too near to the one below joins it.
    let mut numbers = [0u8; TIERS as usize + 1];
    let mut last: Option<Minor> = None;
    let mut next = 0;
    for tier in 1..=TIERS as u8 {
        let Some(price) = median(tier) else { continue };
        if last.is_none_or(|last| price as f64 >= LEAST_STEP * last as f64) {
            next += 1;
            last = Some(price);
        }
        numbers[usize::from(tier)] = next;
    }
    tiers.iter_mut().for_each(|tier| *tier = numbers[usize::from(*tier)]);
    tiers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{Day, IdTable},
        history::{
            ShardSet, Timeline,
            testing::{Row, shards_of},
        },
        items::{View, item_statistics},
    };

    fn tiers_of(prices: &[Option<Minor>], given: Vec<u8>) -> PriceTiers {
        let items = ItemTable {
            ids: IdTable::from_unsorted((0..prices.len()).map(|i| format!("i{i:02}"))),
            categories: IdTable::from_unsorted(["tea"]),
            category: vec![0; prices.len()],
            price: prices.to_vec(),
            price_tier: given,
            ..ItemTable::default()
        };
        let rows: Vec<Row> =
            (0..prices.len() as u32).map(|i| Row::buy("m", i as i32, i, 900 + 10 * i64::from(i))).collect();
        let shards = ShardSet::in_memory(shards_of(&rows, 1));
        let statistics = item_statistics(&shards, &View::at(Day(90), Timeline::Calendar), &items, &[]).unwrap();
        PriceTiers::new(&items, &statistics)
    }

    #[test]
    fn thirds_of_the_purchases() {
        let prices = [1000, 1100, 1050, 3000, 3100, 2900, 9000, 8000, 9000].map(Some);
        let tiers = tiers_of(&prices, Vec::new());
        let all: Vec<u8> = (0..9).filter_map(|i| tiers.get(i)).collect();
        assert_eq!(all, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
        assert_eq!(tiers.learned(), 1);
    }

    #[test]
    fn no_tiers_where_prices_are_alike_or_few_or_given() {
        assert_eq!(tiers_of(&[1000, 1010, 1020, 1030, 1040, 1050].map(Some), Vec::new()).get(5), None);
        assert_eq!(tiers_of(&[1000, 5000, 9000].map(Some), Vec::new()).get(2), None);
        let given = tiers_of(&[100, 100, 500, 500, 900, 900].map(Some), vec![2, 0, 0, 0, 0, 0]);
        assert_eq!((given.get(0), given.get(5), given.learned()), (Some(2), None, 0));
        // Without list prices the prices paid are too near each other here.
        assert_eq!(tiers_of(&[None; 8], Vec::new()).learned(), 0);
    }
}
