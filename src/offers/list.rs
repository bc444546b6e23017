//! How a member's list fills up: slot by slot the best proposal that nothing stands against.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::{
    catalogue::Catalogue,
    proposal::{Proposal, Target},
    settings::Incentive,
};
use crate::input::ItemTable;

/// A proposal with its comparable score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored {
    pub(super) score: f64,
    pub(super) proposal: Proposal,
}

/// Buffers that are used again from list to list.
#[derive(Default)]
pub(super) struct ListSpace {
    /// What is proposed, in any order.
    pub(super) proposals: Vec<Proposal>,
    /// The list, slot 1 first.
    pub(super) list: Vec<Scored>,
    heap: BinaryHeap<Head>,
    /// Indices of proposals that were passed over because the offer does not take the slot, best first.
    waiting: Vec<Head>,
    per_offer: Vec<u16>,
    per_kind: Vec<u16>,
    per_category: Vec<(u32, u8)>,
}

/// What a proposal is ordered by.
#[derive(Debug, Clone, Copy)]
struct Head {
    score: f64,
    /// Rank of the offer's id, then the target: the lower goes first.
    tie: u64,
    at: u32,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.tie.cmp(&self.tie)).then(other.at.cmp(&self.at))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// What fills a list after its proposals.
pub(super) struct Fillers<'f, F> {
    /// Best first.
    pub(super) proposals: &'f [Proposal],
    /// Length of the list up to which they are taken.
    pub(super) up_to: u8,
    /// Whether the member may get an item.
    pub(super) allowed: F,
}

/// The rules of lists.
pub(super) struct ListRules<'a> {
    catalogue: &'a Catalogue,
    items: &'a ItemTable,
    /// By offer: index of its kind among the kinds that occur.
    kinds: Vec<usize>,
    has_discounts: bool,
}

/// What has been taken, against the caps.
struct Taken<'s> {
    per_offer: &'s mut [u16],
    per_kind: &'s mut [u16],
    per_category: &'s mut Vec<(u32, u8)>,
    /// Discounts that may still be taken.
    discounts: usize,
}

impl<'a> ListRules<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, items: &'a ItemTable) -> Self {
        let offers = &catalogue.offers;
        let mut codes: Vec<&str> = offers.iter().map(|o| o.offer.kind.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        let kinds = offers.iter().map(|o| codes.binary_search(&o.offer.kind.code()).unwrap_or(0)).collect();
        let has_discounts = offers.iter().any(|o| o.offer.incentive == Incentive::Discount);
        Self { catalogue, items, kinds, has_discounts }
    }

    /// Fills `space.list` with `space.proposals`, then with `fillers`. Discounts may hold at most their share of the
    /// list as it turns out: if they hold more, it is put together again with fewer.
    pub(super) fn fill<F: Fn(u32) -> bool>(&self, space: &mut ListSpace, slots: u8, fillers: &Fillers<'_, F>) {
        let share = self.catalogue.decision.max_discount_share;
        let most = |len: usize| (share * len as f64 + 1e-9).floor() as usize;
        let mut discounts = if self.has_discounts { most(usize::from(slots)) } else { usize::MAX };
        loop {
            self.fill_once(space, usize::from(slots), discounts, fillers);
            if !self.has_discounts {
                return;
            }
            let held = space.list.iter().filter(|s| self.is_discount(s.proposal.offer)).count();
            if held <= most(space.list.len()) {
                return;
            }
            discounts = most(space.list.len()).min(held - 1);
        }
    }

    fn fill_once<F: Fn(u32) -> bool>(
        &self,
        space: &mut ListSpace,
        slots: usize,
        discounts: usize,
        fillers: &Fillers<'_, F>,
    ) {
        let ListSpace { proposals, list, heap, waiting, per_offer, per_kind, per_category } = space;
        list.clear();
        waiting.clear();
        per_category.clear();
        for counts in [&mut *per_offer, &mut *per_kind] {
            counts.clear();
            counts.resize(self.kinds.len(), 0);
        }
        let mut heads = std::mem::take(heap).into_vec();
        heads.clear();
        heads.extend(proposals.iter().enumerate().map(|(at, p)| self.head(at, p)));
        *heap = heads.into();
        let mut taken = Taken { per_offer, per_kind, per_category, discounts };
        let mut filler = 0;
        while list.len() < slots {
            let slot = list.len();
            // What a cap or a duplicate stands against now, it stands against for good.
            waiting.retain(|head| self.stands(&proposals[head.at as usize], list, &taken));
            let waited = waiting.iter().position(|head| self.takes_slot(proposals[head.at as usize].offer, slot));
            let mut best = waited.map(|at| waiting.remove(at));
            while best.is_none() {
                let Some(head) = heap.pop() else { break };
                let proposal = &proposals[head.at as usize];
                if !self.stands(proposal, list, &taken) {
                    continue;
                }
                if self.takes_slot(proposal.offer, slot) { best = Some(head) } else { waiting.push(head) }
            }
            if let Some(head) = best {
                self.take(Scored { score: head.score, proposal: proposals[head.at as usize] }, &mut taken, list);
                continue;
            }
            if slot >= usize::from(fillers.up_to) {
                return;
            }
            // A filler that cannot take this slot is passed over for good: they are many.
            let next = fillers.proposals[filler..].iter().position(|p| {
                self.stands(p, list, &taken)
                    && self.takes_slot(p.offer, slot)
                    && p.target.item().is_none_or(&fillers.allowed)
            });
            let Some(skipped) = next else { return };
            let proposal = fillers.proposals[filler + skipped];
            filler += skipped + 1;
            self.take(Scored { score: self.score(&proposal), proposal }, &mut taken, list);
        }
    }

    fn score(&self, proposal: &Proposal) -> f64 {
        proposal.fit * self.catalogue.offers[usize::from(proposal.offer)].weight
    }

    fn head(&self, at: usize, proposal: &Proposal) -> Head {
        let (kind, index) = match proposal.target {
            Target::None => (0, 0),
            Target::Item(item) => (1, item),
            Target::Category(category) => (2, category),
            Target::Subject(subject) => (3, subject),
        };
        let rank = u64::from(self.catalogue.rank[usize::from(proposal.offer)]);
        Head { score: self.score(proposal), tie: rank << 40 | kind << 32 | u64::from(index), at: at as u32 }
    }

    fn is_discount(&self, offer: u16) -> bool {
        self.catalogue.offers[usize::from(offer)].offer.incentive == Incentive::Discount
    }

    fn takes_slot(&self, offer: u16, slot: usize) -> bool {
        self.catalogue.offers[usize::from(offer)].offer.slots >> slot & 1 == 1
    }

    /// The category that a proposal counts towards.
    fn category(&self, target: Target) -> Option<u32> {
        match target {
            Target::Item(item) => self.items.category_of(item),
            Target::Category(category) => Some(category),
            Target::None | Target::Subject(_) => None,
        }
    }

    /// Whether neither a cap nor what is on the list already stands against a proposal.
    fn stands(&self, proposal: &Proposal, list: &[Scored], taken: &Taken<'_>) -> bool {
        let offer = usize::from(proposal.offer);
        let decision = &self.catalogue.decision;
        if taken.per_offer[offer] >= self.catalogue.offers[offer].offer.max_per_member
            || decision.max_per_kind.is_some_and(|most| taken.per_kind[self.kinds[offer]] >= u16::from(most))
            || (taken.discounts == 0 && self.is_discount(proposal.offer))
        {
            return false;
        }
        // An item is offered once, by whichever offer; anything else once by an offer.
        let twice = list.iter().any(|s| {
            s.proposal.target == proposal.target
                && (s.proposal.offer == proposal.offer || matches!(proposal.target, Target::Item(_)))
        });
        let full = decision.max_per_category.is_some_and(|most| {
            self.category(proposal.target)
                .is_some_and(|c| taken.per_category.iter().any(|(known, count)| *known == c && *count >= most))
        });
        !twice && !full
    }

    fn take(&self, scored: Scored, taken: &mut Taken<'_>, list: &mut Vec<Scored>) {
        let offer = usize::from(scored.proposal.offer);
        taken.per_offer[offer] += 1;
        taken.per_kind[self.kinds[offer]] += 1;
        if self.has_discounts && self.is_discount(scored.proposal.offer) {
            taken.discounts -= 1;
        }
        if self.catalogue.decision.max_per_category.is_some()
            && let Some(category) = self.category(scored.proposal.target)
        {
            match taken.per_category.iter_mut().find(|(known, _)| *known == category) {
                Some((_, count)) => *count += 1,
                None => taken.per_category.push((category, 1)),
            }
        }
        list.push(scored);
    }
}
