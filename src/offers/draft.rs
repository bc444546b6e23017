//! What is decided before anything scarce is allocated, and what becomes of it after.

use super::{
    allocate::{Allocation, Allocator, Bid, BidMember, Resources, ShardBids},
    catalogue::Catalogue,
    decide::ShardInputs,
    decision::{Choice, Decisions},
    holdout::{Arm, Holdout},
    ledger::Ledger,
};
use crate::base::{Day, IdTable};

/// What is scarce, for the members of every shard.
pub struct ScarceInputs<'a> {
    /// What is left tonight.
    pub resources: &'a Resources,
    /// What is assigned already.
    pub ledger: &'a Ledger,
    /// Cities that have a limit, in byte order; a member's city is its index among them.
    pub cities: &'a IdTable,
    /// Who is held out.
    pub holdout: Holdout,
}

/// The lists of a shard's members without anything scarce, and what members bid for beyond them.
pub struct Draft {
    /// The lists.
    pub lists: Decisions,
    bids: ShardBids,
    /// By bidding member: what the bids for scarce offers would be as decisions.
    scarce: Decisions,
    /// By bidding member: what stands by for scarce offers that are used up.
    standby: Decisions,
}

/// An assignment of something scarce.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grant {
    /// Index of the member in its shard.
    pub member: usize,
    /// The decision.
    pub choice: Choice,
    /// Whether the member is held out.
    pub arm: Arm,
    /// Whether the member held it before.
    pub held: bool,
}

impl Draft {
    pub(super) fn new(as_of: Day) -> Self {
        Self {
            lists: Decisions::new(as_of),
            bids: ShardBids::default(),
            scarce: Decisions::new(as_of),
            standby: Decisions::new(as_of),
        }
    }

    pub(super) fn shrink(&mut self) {
        self.lists.shrink();
        self.scarce.shrink();
        self.standby.shrink();
        self.bids.shrink();
    }

    /// Enters a member's bids, if there is anything scarce for the member: the list as it is without, what the member
    /// holds, and the best of every scarce offer.
    #[expect(clippy::too_many_arguments, reason = "a member's list from each of its sides; one caller")]
    pub(super) fn bid(
        &mut self,
        member: usize,
        id: &str,
        slots: u8,
        inputs: &ShardInputs<'_>,
        known: &ScarceInputs<'_>,
        list: &[Choice],
        scarce: &mut Vec<Choice>,
        standby: impl Fn(u16) -> Option<Choice>,
        catalogue: &Catalogue,
    ) {
        // Of every offer the best; ties go to the lower target.
        scarce.sort_by(|a, b| a.offer.cmp(&b.offer).then(b.score.total_cmp(&a.score)).then(a.target.cmp(&b.target)));
        let held = known.ledger.of(id);
        let mut held_choices: Vec<Choice> = Vec::new();
        for seat in held {
            let Some(stored) = seat.held_choice(catalogue) else { continue };
            // Tonight's reason for the same thing goes before the one it was assigned with.
            let tonight = scarce.iter().find(|c| c.offer == stored.offer && c.target == stored.target);
            let choice = match tonight {
                Some(tonight) => Choice { valid_from: stored.valid_from, valid_until: stored.valid_until, ..*tonight },
                None if seat.has_reason => stored,
                None => match scarce.iter().find(|c| c.offer == stored.offer) {
                    Some(other) => Choice { valid_from: stored.valid_from, valid_until: stored.valid_until, ..*other },
                    None => continue,
                },
            };
            held_choices.push(choice);
        }
        scarce.retain(|c| !held_choices.iter().any(|h| h.offer == c.offer) && !known.ledger.has(id, c.offer));
        scarce.dedup_by_key(|c| c.offer);
        if scarce.is_empty() && held_choices.is_empty() {
            return;
        }
        let city = inputs.members.get(id).city.as_deref().and_then(|city| known.cities.find(city));
        let bidder = BidMember {
            member: member as u32,
            rank: 0,
            city: city.map_or(u32::MAX, |c| c as u32),
            segment: u32::from(inputs.segment(member)),
            slots,
            ghost: known.holdout.arm(id) == Arm::Holdout,
        };
        let base = list.iter().map(|c| {
            let bid = Bid::new(c.offer, c.target, c.score);
            // What was drawn by lot stays drawn.
            if c.chance.explored { bid.held() } else { bid }
        });
        let kind = |offer: u16| catalogue.offers[usize::from(offer)].offer.kind.code();
        let bid = |c: &Choice| {
            let bid = Bid::new(c.offer, c.target, c.score).scarce();
            if known.holdout.is_held_out_of(id, kind(c.offer)) { bid.ghost() } else { bid }
        };
        let kept = held_choices.iter().map(|c| bid(c).held());
        let asked = scarce.iter().map(bid);
        self.bids.push(bidder, base.chain(kept).chain(asked));
        // In the order of the bids they stand by for.
        for choice in scarce.iter().filter_map(|c| standby(catalogue.stands_by(c.offer)?)) {
            self.standby.push_choice(&choice);
        }
        self.standby.end_list();
        held_choices.append(scarce);
        self.scarce.push(&held_choices);
    }

    /// Puts what stands by in the place of what a member would have got, had there been enough of it: in a free slot, or
    /// in that of the last decision that is worth less than what is used up.
    fn stand_in(&self, at: usize, granted: &[u32], slots: usize, allocator: &Allocator<'_>, list: &mut Vec<Choice>) {
        let standby: Vec<Choice> = self.standby.choices(at).collect();
        if standby.is_empty() {
            return;
        }
        for (bid, about) in self.bids.of(at).iter().enumerate() {
            let used_up = about.is_request() && !granted.contains(&(bid as u32));
            let Some(offer) = allocator.stands_by(about.offer()).filter(|_| used_up) else { continue };
            let Some(choice) = standby.iter().find(|c| c.offer == offer) else { continue };
            let last = list.iter().rposition(|c| !c.chance.explored && !allocator.is_scarce(c.offer));
            let place = if list.len() < slots {
                None
            } else {
                match last.filter(|last| list[*last].score < about.score()) {
                    Some(last) => Some(last),
                    None => continue,
                }
            };
            let rest: Vec<Choice> =
                list.iter().enumerate().filter(|(slot, _)| Some(*slot) != place).map(|(_, c)| *c).collect();
            if allocator.takes(&rest, choice, place.unwrap_or(list.len())) {
                match place {
                    Some(slot) => list[slot] = *choice,
                    None => list.push(*choice),
                }
            }
        }
    }

    /// The member at a position of the bidding members, and the bid's place in the list or among the scarce.
    fn choice(&self, at: usize, bid: u32) -> Choice {
        let member = self.bids.members()[at].member as usize;
        let own = self.lists.of(member).len();
        let found = match (bid as usize).checked_sub(own) {
            None => self.lists.choices(member).nth(bid as usize),
            Some(scarce) => self.scarce.choices(at).nth(scarce),
        };
        // A bid is one of the two by the way it was entered.
        found.unwrap_or_else(|| unreachable_choice(self.lists.as_of))
    }
}

/// What stands for a bid that is not there; no bid is.
fn unreachable_choice(as_of: Day) -> Choice {
    Choice {
        offer: 0,
        target: super::Target::None,
        score: 0.0,
        reason: 0,
        evidence: super::Evidence::default(),
        valid_from: as_of,
        valid_until: as_of,
        chance: super::Chance::default(),
    }
}

/// What is decided in the end.
pub struct Settled {
    /// The lists, by shard.
    pub decisions: Vec<Decisions>,
    /// By shard: what is assigned of scarce offers tonight, held or new.
    pub grants: Vec<Vec<Grant>>,
    /// What came of the allocation; `None` where nobody bid.
    pub allocation: Option<Allocation>,
    /// By offer: members whose list would have the scarce offer if there were enough of it; empty where nobody bid.
    pub wanted: Vec<u64>,
}

/// Allocates what is scarce over all drafts. `members` are the members' ids by shard.
#[must_use]
pub fn settle(
    drafts: Vec<Draft>,
    members: &[IdTable],
    scarce: Option<&ScarceInputs<'_>>,
    allocator: &Allocator<'_>,
) -> Settled {
    let nobody = drafts.iter().all(|d| d.bids.members().is_empty());
    let Some(scarce) = scarce.filter(|_| !nobody) else {
        let grants = drafts.iter().map(|_| Vec::new()).collect();
        return Settled {
            decisions: drafts.into_iter().map(|d| d.lists).collect(),
            grants,
            allocation: None,
            wanted: Vec::new(),
        };
    };
    let (mut bids, mut rest) = (Vec::with_capacity(drafts.len()), Vec::with_capacity(drafts.len()));
    for mut draft in drafts {
        bids.push(std::mem::take(&mut draft.bids));
        rest.push(draft);
    }
    rank(&mut bids, members);
    let wanted = allocator.wanted(&bids, scarce.resources);
    let allocation = allocator.allocate(&bids, scarce.resources);
    let mut decisions = Vec::with_capacity(rest.len());
    let mut grants = Vec::with_capacity(rest.len());
    for (index, (mut draft, bids)) in rest.into_iter().zip(bids).enumerate() {
        draft.bids = bids;
        let mut granted = Vec::new();
        let mut out = Decisions::new(draft.lists.as_of);
        out.reserve(draft.lists.members(), draft.lists.all().len().div_ceil(draft.lists.members().max(1)));
        let mut next = 0;
        for member in 0..draft.lists.members() {
            let bidder = draft.bids.members().get(next).filter(|b| b.member as usize == member).copied();
            let Some(bidder) = bidder else {
                out.push_from(&draft.lists, member);
                continue;
            };
            let mut list: Vec<Choice> = allocation.of(index, next).iter().map(|bid| draft.choice(next, *bid)).collect();
            draft.stand_in(next, allocation.of(index, next), usize::from(bidder.slots), allocator, &mut list);
            list.iter().for_each(|choice| out.push_choice(choice));
            for bid in allocation.of(index, next) {
                let choice = draft.choice(next, *bid);
                let about = draft.bids.of(next)[*bid as usize];
                if scarce.resources.is_scarce(about.offer()) {
                    let arm = if bidder.ghost || about.is_ghost() { Arm::Holdout } else { Arm::Treated };
                    granted.push(Grant { member, choice, arm, held: about.is_held() });
                }
            }
            out.end_list();
            next += 1;
        }
        out.shrink();
        decisions.push(out);
        grants.push(granted);
    }
    Settled { decisions, grants, allocation: Some(allocation), wanted }
}

/// Ranks bidding members by their ids.
fn rank(bids: &mut [ShardBids], members: &[IdTable]) {
    use rayon::prelude::*;
    let mut order: Vec<(u32, u32)> = bids
        .iter()
        .enumerate()
        .flat_map(|(shard, bids)| (0..bids.members().len()).map(move |at| (shard as u32, at as u32)))
        .collect();
    let id = |bids: &[ShardBids], (shard, at): (u32, u32)| {
        let shard = shard as usize;
        let member = bids[shard].members()[at as usize].member as usize;
        members[shard].get(member)
    };
    let known: &[ShardBids] = bids;
    order.par_sort_unstable_by(|a, b| id(known, *a).cmp(id(known, *b)));
    for (rank, (shard, at)) in order.into_iter().enumerate() {
        bids[shard as usize].members_mut()[at as usize].rank = rank as u32;
    }
}
