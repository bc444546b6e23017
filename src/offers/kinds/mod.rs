//! The kinds, a file each.

mod accessory;
mod category_early_access;
mod next_item;
mod replenish;

use super::kind::OfferKind;

/// Every kind there is.
pub static KINDS: &[&dyn OfferKind] =
    &[&next_item::NextItem, &replenish::Replenish, &accessory::Accessory, &category_early_access::CategoryEarlyAccess];
