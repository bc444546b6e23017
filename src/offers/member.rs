//! What a kind sees of one member.

use super::{
    previous::{Held, validity},
    proposal::{Proposal, Target},
    standing::Standing,
    world::World,
};
use crate::{
    base::Day,
    history::Shard,
    input::MemberAttributes,
    items::{MemberBaskets, Rhythm, rhythm_where},
    recommend::{Candidate, OwnItem, RepeatPolicy, Workspace},
};

/// One member, borrowed.
pub struct MemberView<'a> {
    /// What is the same for everyone.
    pub world: &'a World<'a>,
    /// The member's shard.
    pub shard: &'a Shard,
    /// The member's index in it.
    pub member: usize,
    /// What the shop says about the member.
    pub attributes: &'a MemberAttributes,
    /// Where the member stands among the others.
    pub standing: Standing,
    /// Suggested items, best first; only what the member may get.
    pub candidates: &'a [Candidate],
    /// By offer: what it proposes to anyone, best first.
    pub(super) for_anyone: &'a [Vec<Proposal>],
    /// What the last run assigned and what still is valid.
    pub(super) held: &'a [Held],
    pub(super) space: &'a Workspace,
    pub(super) marks: &'a Marks,
}

impl MemberView<'_> {
    /// First day on which the list is used.
    #[must_use]
    pub fn first_valid(&self) -> Day {
        self.world.catalogue.first_valid()
    }

    /// The run's as-of day.
    #[must_use]
    pub fn as_of(&self) -> Day {
        self.world.catalogue.as_of
    }

    /// Whether the last run assigned this to the member, valid still: what is begun is kept until it ends.
    #[must_use]
    pub fn holds(&self, offer: u16, target: Target) -> bool {
        validity(self.held, offer, target).is_some()
    }

    /// Every basket up to the as-of day.
    #[must_use]
    pub fn baskets(&self) -> &MemberBaskets {
        self.space.baskets()
    }

    /// What the member has bought, the newest purchase first.
    #[must_use]
    pub fn own(&self) -> &[OwnItem] {
        self.space.own()
    }

    /// What the member has bought of `item`.
    #[must_use]
    pub fn own_item(&self, item: u32) -> Option<&OwnItem> {
        self.space.own_item(item)
    }

    /// When the member buys `item`, if they ever did.
    #[must_use]
    pub fn rhythm_of(&self, item: u32) -> Option<Rhythm> {
        rhythm_where(self.baskets(), |i| i == item)
    }

    /// What an offer proposes to anyone, best first.
    #[must_use]
    pub fn for_anyone(&self, offer: u16) -> &[Proposal] {
        self.for_anyone.get(usize::from(offer)).map_or(&[], Vec::as_slice)
    }

    /// The rules that hold for every item of every kind: it may be offered at all; the time in which it is not offered
    /// again is over, for its variants too if it is no item that is bought again; and if it is an accessory, the
    /// member has a device that it fits, or has bought it before.
    #[must_use]
    pub fn may_get(&self, item: u32) -> bool {
        let world = self.world;
        world.offerable(item)
            && self.own_item(item).is_none_or(|own| !world.repeat.rests(own))
            && self.marks.suits(item, world)
    }

    /// Units of `item` bought on `day`, in thousandths.
    #[must_use]
    pub fn units_on(&self, item: u32, day: Day) -> i64 {
        let cut = self.world.catalogue.as_of;
        self.shard
            .orders_of(self.member)
            .filter(|order| self.shard.order_day(*order) == day)
            .flat_map(|order| self.shard.lines_of(order))
            .filter(|line| self.shard.item[*line] == item && self.shard.is_purchase(*line, cut))
            .map(|line| i64::from(self.shard.quantity.at(line)))
            .sum()
    }
}

/// What holds of items for the member at hand; entries of earlier members are told by their stamp.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    stamp: u32,
    /// By item: accessories that fit a device of the member's, and what the member has.
    fitting: Vec<u32>,
    /// By item: families of which the member has a variant that is not bought again.
    settled: Vec<u32>,
}

impl Marks {
    pub(super) fn new(items: usize) -> Self {
        Self { stamp: 0, fitting: vec![0; items], settled: vec![0; items] }
    }

    /// Marks what holds for the member whose items these are.
    pub(super) fn read(&mut self, own: &[OwnItem], world: &World<'_>) {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.fitting.fill(0);
            self.settled.fill(0);
            self.stamp = 1;
        }
        if !world.has_accessories() && world.families().is_empty() {
            return;
        }
        for bought in own {
            self.fitting[bought.item as usize] = self.stamp;
            for accessory in world.fits().accessories(bought.item) {
                self.fitting[*accessory as usize] = self.stamp;
            }
            if let Some(family) = world.families().get(bought.item as usize)
                && world.repeat.policy(bought.item) == RepeatPolicy::NeverRepeat
                && bought.age < world.repeat.wait(bought.item)
            {
                self.settled[*family as usize] = self.stamp;
            }
        }
    }

    /// Whether an item is neither an accessory without its device nor one more variant of what the member has.
    pub(super) fn suits(&self, item: u32, world: &World<'_>) -> bool {
        let at = item as usize;
        (!world.is_accessory(item) || self.fitting[at] == self.stamp)
            && world.families().get(at).is_none_or(|family| {
                self.settled[*family as usize] != self.stamp || world.repeat.policy(item) != RepeatPolicy::NeverRepeat
            })
    }
}
