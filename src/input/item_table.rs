//! What the shop says about its items, aligned to one index: the rank of the item's id in byte order.

use crate::base::{Day, IdTable, Minor};

/// No category, brand, collection or parent.
pub const NONE: u32 = u32::MAX;

/// Attributes of every item that occurs in a line or in the items table. Index `i` in every column is item `ids.get(i)`.
/// A column that the shop does not have is empty (`len() == 0`); use the accessors, which then give `None`.
#[derive(Debug, Clone, Default)]
pub struct ItemTable {
    /// Item ids in byte order.
    pub ids: IdTable,
    /// Whether the item has a row in the items table (false: it is only known from lines).
    pub listed: Vec<bool>,
    /// Display name; empty where the shop gives none.
    pub name: Vec<String>,
    /// Category paths in byte order (`a/b/c`, as the shop writes them).
    pub categories: IdTable,
    /// Index into `categories`, or [`NONE`].
    pub category: Vec<u32>,
    /// Brands in byte order.
    pub brands: IdTable,
    /// Index into `brands`, or [`NONE`].
    pub brand: Vec<u32>,
    /// Collections in byte order.
    pub collections: IdTable,
    /// Index into `collections`, or [`NONE`].
    pub collection: Vec<u32>,
    /// Item index of the parent this is a variant of, or [`NONE`].
    pub parent: Vec<u32>,
    /// List price in minor units.
    pub price: Vec<Option<Minor>>,
    /// Price tier within the category, 1 = lowest; 0 = not given.
    pub price_tier: Vec<u8>,
    /// Day of launch.
    pub launch: Vec<Option<Day>>,
    /// Units in stock.
    pub stock: Vec<Option<i64>>,
    /// What an accessory fits: item ids or category paths, as written.
    pub fits: Vec<Vec<String>>,
    /// Days one unit lasts.
    pub consumable_days: Vec<Option<u32>>,
    /// Days of warranty.
    pub warranty_days: Vec<Option<u32>>,
    /// Members that buy the item together as a group; 0 = it is not sold to groups.
    pub group_size: Vec<u16>,
    /// Whether the item must never be offered.
    pub denied: Vec<bool>,
}

impl ItemTable {
    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no item at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The item's display name, or its id where the shop gives none.
    #[must_use]
    pub fn display_name(&self, item: u32) -> &str {
        match self.name.get(item as usize) {
            Some(name) if !name.is_empty() => name,
            _ => self.ids.get(item as usize),
        }
    }

    /// The item's category index.
    #[must_use]
    pub fn category_of(&self, item: u32) -> Option<u32> {
        known(&self.category, item)
    }

    /// The item's brand index.
    #[must_use]
    pub fn brand_of(&self, item: u32) -> Option<u32> {
        known(&self.brand, item)
    }

    /// The item's collection index.
    #[must_use]
    pub fn collection_of(&self, item: u32) -> Option<u32> {
        known(&self.collection, item)
    }

    /// The item this one is a variant of.
    #[must_use]
    pub fn parent_of(&self, item: u32) -> Option<u32> {
        known(&self.parent, item)
    }

    /// Forgets that the table lists items whose launch is not known: what is asked about an earlier day must not see them.
    pub fn forget_listing_of_undated(&mut self) {
        for (at, listed) in self.listed.iter_mut().enumerate() {
            *listed &= self.launch.get(at).copied().flatten().is_some();
        }
    }

    /// Whether the item may be offered on `day`: not denied, in stock where stock is known, and launched.
    #[must_use]
    pub fn offerable(&self, item: u32, day: Day) -> bool {
        let i = item as usize;
        !self.denied.get(i).copied().unwrap_or(false)
            && self.stock.get(i).copied().flatten().is_none_or(|s| s > 0)
            && self.launch.get(i).copied().flatten().is_none_or(|l| l <= day)
    }
}

fn known(column: &[u32], item: u32) -> Option<u32> {
    column.get(item as usize).copied().filter(|v| *v != NONE)
}
