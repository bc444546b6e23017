//! Scarce offers over all members at once: seats, stock, budgets, per city and per segment.
//!
//! The linear programme behind it: choose `x ∈ [0, 1]` for every bid (member, offer, score) so that the sum of
//! `score · x` is largest, each member's list keeps to the rules of lists, and every [`Resource`] holds what is taken of
//! it. Its dual gives every resource a price. Given prices, members are independent of each other: each takes the list
//! that is best after the prices of what is scarce are taken off its scores. So prices are found by repeated sums over
//! the shards ([`prices`]): where more is asked for than there is a price rises, where less it falls.
//!
//! Prices alone cannot tell equal members apart, so one fill comes last ([`fill`]): requests are granted by what their
//! member would lose without them, the greatest loss first, ties to the lower member id, and never beyond what is left
//! of a resource. A member who is refused asks for the next best thing. What is left over in the end is offered once
//! more without a price.
//!
//! Every sum is one of integers (values in fixed point), so neither threads nor the order of members change a byte.

mod bids;
mod fill;
mod prices;
mod resources;
mod solve;
#[cfg(test)]
mod tests;

pub use bids::{Bid, BidMember, ShardBids};
pub use fill::Allocation;
pub use resources::{Resource, Resources, Scope};

use super::{
    catalogue::Catalogue,
    decision::Choice,
    list::{Entry, ListRules, Pick},
};
use crate::input::ItemTable;

/// Allocates scarce offers.
pub struct Allocator<'a> {
    rules: ListRules<'a>,
    catalogue: &'a Catalogue,
}

impl<'a> Allocator<'a> {
    /// An allocator by the rules of the catalogue's lists.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, items: &'a ItemTable) -> Self {
        Self { rules: ListRules::new(catalogue, items), catalogue }
    }

    /// The offer that stands by for one that is used up.
    pub(super) fn stands_by(&self, offer: u16) -> Option<u16> {
        self.catalogue.stands_by(offer)
    }

    /// Whether there is only so much of an offer.
    pub(super) fn is_scarce(&self, offer: u16) -> bool {
        self.catalogue.is_scarce(offer)
    }

    /// Whether a decision may stand in a slot (0 = first) beside the others of a list.
    pub(super) fn takes(&self, list: &[Choice], choice: &Choice, slot: usize) -> bool {
        let entry = |c: &Choice| Entry { score: c.score, target: c.target, offer: c.offer };
        let pick = |c: &Choice| Pick { entry: entry(c), at: 0, filler: false };
        let picks: Vec<Pick> = list.iter().map(pick).collect();
        self.rules.takes_slot(choice.offer, slot)
            && self.rules.stands_against(&entry(choice), &picks, picks.len() + 1).is_none()
    }

    /// By offer: members whose best list has the scarce offer, were there enough of everything.
    #[must_use]
    pub fn wanted(&self, shards: &[ShardBids], resources: &Resources) -> Vec<u64> {
        prices::wanted(&self.rules, shards, resources)
    }

    /// Allocates: finds prices, then fills. `shards` are read in parallel; their order and number do not matter.
    #[must_use]
    pub fn allocate(&self, shards: &[ShardBids], resources: &Resources) -> Allocation {
        let prices = prices::find(&self.rules, shards, resources);
        fill::fill(&self.rules, shards, resources, prices)
    }
}
