//! What is the same for every member: the shop's items, what its history says about them, and what may be offered.

use super::{
    bits::Bits,
    catalogue::{Catalogue, is_below},
    standing::Participation,
};
use crate::{
    input::ItemTable,
    items::{AttachStatistics, Fits, ItemStatistics, PriceTiers, RhythmRule},
    recommend::{RepeatPolicy, RepeatRules},
};

/// Holders that never buy again, added to every item's own: an item has to show that it is bought again.
const PSEUDO_HOLDERS: f64 = 5.0;
/// Purchases again per holder from which an item counts as one that is bought again.
const LEAST_REBUYS: f64 = 0.1;

/// What the kinds look things up in.
pub struct World<'a> {
    /// The offers.
    pub catalogue: &'a Catalogue,
    /// The shop's items.
    pub items: &'a ItemTable,
    /// What the history says about them.
    pub statistics: &'a ItemStatistics,
    /// What fits what, and how often it is bought with it.
    pub attach: &'a AttachStatistics,
    /// What is not offered again, or not so soon.
    pub repeat: &'a RepeatRules,
    /// Who is a regular buyer.
    pub regular: RhythmRule,
    /// What segments take part in.
    pub participation: Participation,
    /// Items that may be offered: in the items table if there is one, not denied, in stock, launched, in no denied
    /// category.
    offerable: Bits,
    /// Items that may not even be named in a reason.
    denied: Bits,
    /// Categories that are denied.
    denied_categories: Bits,
    /// Items that are bought again.
    rebuys: Bits,
    /// Items that are only of use with a device.
    accessories: Bits,
    has_accessories: bool,
    /// By item: what it and its variants are variants of; empty where the shop has no variants.
    family: Vec<u32>,
    price_tiers: PriceTiers,
}

impl<'a> World<'a> {
    /// Gathers it.
    #[must_use]
    pub fn new(
        catalogue: &'a Catalogue,
        items: &'a ItemTable,
        statistics: &'a ItemStatistics,
        attach: &'a AttachStatistics,
        repeat: &'a RepeatRules,
        regular: RhythmRule,
    ) -> Self {
        let settings = &catalogue.decision;
        let denied_categories = Bits::from_fn(items.categories.len(), |c| {
            settings.deny_categories.iter().any(|top| is_below(items.categories.get(c), top))
        });
        // Where there is an items table, what is not in it is not sold any more, and has no name.
        let has_table = items.listed.contains(&true);
        let denied = Bits::from_fn(items.len(), |i| {
            (has_table && !items.listed[i])
                || items.denied.get(i).copied().unwrap_or(false)
                || items.category_of(i as u32).is_some_and(|c| denied_categories.contains(c as usize))
        });
        let first = catalogue.first_valid();
        let offerable = Bits::from_fn(items.len(), |i| !denied.contains(i) && items.offerable(i as u32, first));
        let rebuys = Bits::from_fn(items.len(), |i| {
            let item = i as u32;
            let consumable = items.consumable_days.get(i).copied().flatten().is_some();
            let again = statistics.rebought(item) as f64 / (statistics.item_members(item) as f64 + PSEUDO_HOLDERS);
            match repeat.policy(item) {
                RepeatPolicy::NeverRepeat => false,
                RepeatPolicy::Replenish => true,
                RepeatPolicy::Always => consumable || again >= LEAST_REBUYS,
            }
        });
        let mut accessory = vec![false; items.len()];
        for (i, fits) in items.fits.iter().enumerate() {
            accessory[i] = !fits.is_empty();
        }
        for device in 0..items.len() as u32 {
            for a in attach.fits().accessories(device) {
                accessory[*a as usize] = true;
            }
        }
        let family = match items.parent.is_empty() {
            true => Vec::new(),
            false => (0..items.len() as u32).map(|i| items.parent_of(i).unwrap_or(i)).collect(),
        };
        Self {
            catalogue,
            items,
            statistics,
            attach,
            repeat,
            regular,
            participation: Participation::default(),
            offerable,
            denied,
            denied_categories,
            rebuys,
            accessories: Bits::from_fn(items.len(), |i| accessory[i]),
            has_accessories: accessory.contains(&true),
            family,
            price_tiers: PriceTiers::new(items, statistics),
        }
    }

    /// One flag an item: whether it may be offered to nobody. For [`crate::recommend::Scorer::blocking`].
    #[must_use]
    pub fn blocked(&self) -> Vec<bool> {
        (0..self.items.len()).map(|i| !self.offerable.contains(i)).collect()
    }

    /// Whether the item may be offered to anyone at all.
    #[must_use]
    pub fn offerable(&self, item: u32) -> bool {
        self.offerable.contains(item as usize)
    }

    /// Whether the item may be named as a reason.
    #[must_use]
    pub fn may_name(&self, item: u32) -> bool {
        !self.denied.contains(item as usize)
    }

    /// Whether the category may be offered or named.
    #[must_use]
    pub fn category_allowed(&self, category: u32) -> bool {
        !self.denied_categories.contains(category as usize)
    }

    /// Whether the item is one that members buy again.
    #[must_use]
    pub fn rebuys(&self, item: u32) -> bool {
        self.rebuys.contains(item as usize)
    }

    /// The item's price tier within its category, 1 = lowest: as the items table has it, else learned from prices.
    #[must_use]
    pub fn price_tier(&self, item: u32) -> Option<u8> {
        self.price_tiers.get(item)
    }

    /// Whether the item is only of use with a device.
    #[must_use]
    pub fn is_accessory(&self, item: u32) -> bool {
        self.accessories.contains(item as usize)
    }

    /// By item: the item that it and its variants are variants of; empty where the shop has no variants.
    pub(super) fn families(&self) -> &[u32] {
        &self.family
    }

    /// Whether the shop has any accessory.
    pub(super) fn has_accessories(&self) -> bool {
        self.has_accessories
    }

    /// What fits what.
    #[must_use]
    pub fn fits(&self) -> &Fits {
        self.attach.fits()
    }
}
