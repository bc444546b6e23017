//! How a member's list fills up: slot by slot the best entry that nothing stands against.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::{catalogue::Catalogue, proposal::Target, settings::Incentive};
use crate::{
    input::ItemTable,
    recommend::{Likeness, Quotas, marginal_relevance},
};

/// What stands for a place in a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    /// Comparable score.
    pub(super) score: f64,
    /// What is offered.
    pub(super) target: Target,
    /// Index of the offer in the catalogue.
    pub(super) offer: u16,
}

/// An entry that has a slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pick {
    pub(super) entry: Entry,
    /// Index among the entries, or among the fillers.
    pub(super) at: u32,
    /// Whether it is a filler.
    pub(super) filler: bool,
}

/// Buffers that are used again from list to list.
#[derive(Default)]
pub(super) struct PickSpace {
    /// The list, slot 1 first.
    pub(super) picks: Vec<Pick>,
    /// By entry: how it stands to what is on the member's list since the last run; those it is too short for are new.
    pub(super) stays: Vec<Stay>,
    heap: BinaryHeap<Head>,
    /// Entries that were passed over because the offer does not take the slot, best first.
    waiting: Vec<Head>,
    per_offer: Vec<u16>,
    per_kind: Vec<u16>,
    /// By head, where likeness counts: how alike the nearest pick is.
    nearest: Vec<f64>,
}

/// How an entry stands to what is on the member's list since the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    /// Nothing of it is there.
    New,
    /// It is there.
    Kept,
    /// Its item is there by another offer that proposes it still, for little less.
    Barred,
}

/// How much more another offer must score to take over an item that stands on a list.
const TAKE_OVER: f64 = 1.5;

impl PickSpace {
    /// Reads how entries stand to what the member has since the last run.
    pub(super) fn read_stays(&mut self, entries: &[Entry], has: impl Fn(&Entry) -> bool) {
        self.stays.clear();
        self.stays.extend(entries.iter().map(|e| if has(e) { Stay::Kept } else { Stay::New }));
        for at in 0..entries.len() {
            let Target::Item(_) = entries[at].target else { continue };
            let of_kept = |(other, stay): (&Entry, &Stay)| {
                *stay == Stay::Kept && other.target == entries[at].target && entries[at].score < TAKE_OVER * other.score
            };
            if self.stays[at] == Stay::New && entries.iter().zip(&self.stays).any(of_kept) {
                self.stays[at] = Stay::Barred;
            }
        }
    }
}

/// What an entry is ordered by.
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

/// What fills a list after its entries.
pub(super) struct Fillers<'f, F> {
    /// Best first.
    pub(super) entries: &'f [Entry],
    /// What their scores are multiplied by for this member.
    pub(super) factor: f64,
    /// Length of the list up to which they are taken.
    pub(super) up_to: u8,
    /// Whether the member may get an item.
    pub(super) allowed: F,
}

impl Fillers<'static, fn(u32) -> bool> {
    /// No fillers.
    pub(super) const NONE: Self = Self { entries: &[], factor: 1.0, up_to: 0, allowed: |_| true };
}

/// Why an entry cannot have a place beside what is in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The offer has all the slots it may take.
    OfferFull,
    /// The kind has all the slots it may take.
    KindFull,
    /// The category has all the slots it may take.
    CategoryFull,
    /// Discounts hold their share.
    DiscountsFull,
    /// The list has it already.
    Twice,
}

/// The rules of lists.
pub(super) struct ListRules<'a> {
    catalogue: &'a Catalogue,
    items: &'a ItemTable,
    /// By offer: index of its kind among the kinds that occur.
    kinds: Vec<usize>,
    has_discounts: bool,
    quotas: Quotas,
    /// Where likeness counts against the score.
    likeness: Option<Likeness>,
}

/// What has been taken, against the caps.
struct Taken<'s> {
    per_offer: &'s mut [u16],
    per_kind: &'s mut [u16],
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
        let decision = &catalogue.decision;
        let quotas = Quotas::new(items, &decision.diversity.quotas, decision.max_per_category);
        Self { catalogue, items, kinds, has_discounts, quotas, likeness: None }
    }

    /// The same rules, with likeness counting against the score if the job says so. What is scarce is allocated without:
    /// that goes where it is worth most.
    pub(super) fn with_diversity(self) -> Self {
        let counts = self.catalogue.decision.diversity.counts_likeness();
        Self { likeness: counts.then(|| Likeness::new(self.items)), ..self }
    }

    /// Discounts that a list of `len` may hold.
    pub(super) fn most_discounts(&self, len: usize) -> usize {
        match self.has_discounts {
            true => (self.catalogue.decision.max_discount_share * len as f64 + 1e-9).floor() as usize,
            false => usize::MAX,
        }
    }

    /// Fills `space.picks` with `entries`, then with `fillers`. Discounts may hold at most their share of the list as it
    /// turns out: if they hold more, it is put together again with fewer.
    pub(super) fn fill<F: Fn(u32) -> bool>(
        &self,
        entries: &[Entry],
        space: &mut PickSpace,
        slots: usize,
        fillers: &Fillers<'_, F>,
    ) {
        let mut discounts = self.most_discounts(slots);
        loop {
            self.fill_once(entries, space, slots, discounts, fillers);
            if !self.has_discounts {
                return;
            }
            let held = space.picks.iter().filter(|p| self.is_discount(p.entry.offer)).count();
            let most = self.most_discounts(space.picks.len());
            if held <= most {
                return;
            }
            discounts = most.min(held - 1);
        }
    }

    fn fill_once<F: Fn(u32) -> bool>(
        &self,
        entries: &[Entry],
        space: &mut PickSpace,
        slots: usize,
        discounts: usize,
        fillers: &Fillers<'_, F>,
    ) {
        let PickSpace { picks, stays, heap, waiting, per_offer, per_kind, nearest } = space;
        picks.clear();
        waiting.clear();
        for counts in [&mut *per_offer, &mut *per_kind] {
            counts.clear();
            counts.resize(self.kinds.len(), 0);
        }
        let mut heads = std::mem::take(heap).into_vec();
        heads.clear();
        heads.extend(entries.iter().enumerate().filter_map(|(at, entry)| {
            let worth = match stays.get(at) {
                Some(Stay::Barred) => return None,
                Some(Stay::Kept) => 1.0 + self.catalogue.decision.keep,
                Some(Stay::New) | None => 1.0,
            };
            Some(self.head(at, &Entry { score: entry.score * worth, ..*entry }))
        }));
        let mut taken = Taken { per_offer, per_kind, discounts };
        if let Some(likeness) = &self.likeness {
            self.fill_diverse(entries, likeness, &mut heads, nearest, slots, &mut taken, picks);
            heads.clear();
        }
        *heap = heads.into();
        let mut filler = 0;
        while picks.len() < slots {
            let slot = picks.len();
            // What a cap or a duplicate stands against now, it stands against for good.
            waiting.retain(|head| self.obstacle(&entries[head.at as usize], picks, &taken).is_none());
            let waited = waiting.iter().position(|head| self.takes_slot(entries[head.at as usize].offer, slot));
            let mut best = waited.map(|at| waiting.remove(at));
            while best.is_none() {
                let Some(head) = heap.pop() else { break };
                let entry = &entries[head.at as usize];
                if self.obstacle(entry, picks, &taken).is_some() {
                    continue;
                }
                if self.takes_slot(entry.offer, slot) { best = Some(head) } else { waiting.push(head) }
            }
            if let Some(head) = best {
                let pick = Pick { entry: entries[head.at as usize], at: head.at, filler: false };
                self.take(pick, &mut taken, picks);
                continue;
            }
            if slot >= usize::from(fillers.up_to) {
                return;
            }
            // A filler that cannot take this slot is passed over for good: they are many.
            let next = fillers.entries[filler..].iter().position(|e| {
                self.obstacle(e, picks, &taken).is_none()
                    && self.takes_slot(e.offer, slot)
                    && e.target.item().is_none_or(&fillers.allowed)
            });
            let Some(skipped) = next else { return };
            let entry = fillers.entries[filler + skipped];
            let entry = Entry { score: entry.score * fillers.factor, ..entry };
            let pick = Pick { entry, at: (filler + skipped) as u32, filler: true };
            filler += skipped + 1;
            self.take(pick, &mut taken, picks);
        }
    }

    /// Fills slot by slot with the entry of the largest marginal relevance, as long as one takes the slot.
    #[expect(clippy::too_many_arguments, reason = "the buffers of one list, taken apart; one caller")]
    fn fill_diverse(
        &self,
        entries: &[Entry],
        likeness: &Likeness,
        heads: &mut Vec<Head>,
        nearest: &mut Vec<f64>,
        slots: usize,
        taken: &mut Taken<'_>,
        picks: &mut Vec<Pick>,
    ) {
        let lambda = self.catalogue.decision.diversity.lambda;
        let best = heads.iter().map(|h| h.score).fold(0.0, f64::max);
        nearest.clear();
        nearest.resize(heads.len(), 0.0);
        while picks.len() < slots {
            let mut chosen: Option<(Head, usize)> = None;
            let mut at = 0;
            while at < heads.len() {
                let entry = &entries[heads[at].at as usize];
                // What a cap or a duplicate stands against now, it stands against for good.
                if self.obstacle(entry, picks, taken).is_some() {
                    heads.swap_remove(at);
                    nearest.swap_remove(at);
                    continue;
                }
                if self.takes_slot(entry.offer, picks.len()) {
                    let relevance = if best > 0.0 { heads[at].score / best } else { 0.0 };
                    let marginal = marginal_relevance(lambda, relevance, nearest[at]);
                    let head = Head { score: marginal, ..heads[at] };
                    if chosen.is_none_or(|(other, _)| head > other) {
                        chosen = Some((head, at));
                    }
                }
                at += 1;
            }
            let Some((head, at)) = chosen else { return };
            heads.swap_remove(at);
            nearest.swap_remove(at);
            let pick = Pick { entry: entries[head.at as usize], at: head.at, filler: false };
            self.take(pick, taken, picks);
            for (head, nearest) in heads.iter().zip(nearest.iter_mut()) {
                let like = self.likeness_of(likeness, entries[head.at as usize].target, pick.entry.target);
                *nearest = nearest.max(like);
            }
        }
    }

    /// How alike two things that are offered are; of things that are no item and of no category nothing is known.
    fn likeness_of(&self, likeness: &Likeness, a: Target, b: Target) -> f64 {
        match (a, b) {
            (Target::Item(a), Target::Item(b)) => likeness.of(a, b),
            _ => match (self.category(a), self.category(b)) {
                (Some(a), Some(b)) => likeness.of_categories(a, b),
                _ => 0.0,
            },
        }
    }

    fn head(&self, at: usize, entry: &Entry) -> Head {
        let (kind, index) = match entry.target {
            Target::None => (0, 0),
            Target::Item(item) => (1, item),
            Target::Category(category) => (2, category),
            Target::Subject(subject) => (3, subject),
        };
        let rank = u64::from(self.catalogue.rank[usize::from(entry.offer)]);
        Head { score: entry.score, tie: rank << 40 | kind << 32 | u64::from(index), at: at as u32 }
    }

    fn is_discount(&self, offer: u16) -> bool {
        self.catalogue.offers[usize::from(offer)].offer.incentive == Incentive::Discount
    }

    /// Whether the offer takes slot `slot + 1`.
    pub(super) fn takes_slot(&self, offer: u16, slot: usize) -> bool {
        self.catalogue.offers[usize::from(offer)].offer.slots >> slot & 1 == 1
    }

    /// The category that a target counts towards.
    fn category(&self, target: Target) -> Option<u32> {
        match target {
            Target::Item(item) => self.items.category_of(item),
            Target::Category(category) => Some(category),
            Target::None | Target::Subject(_) => None,
        }
    }

    /// What stands against one more entry in a list that is done, if anything does; its length is left out of account.
    pub(super) fn stands_against(&self, entry: &Entry, list: &[Pick], slots: usize) -> Option<Obstacle> {
        let (mut per_offer, mut per_kind) = (vec![0; self.kinds.len()], vec![0; self.kinds.len()]);
        let discounts = self.most_discounts(slots);
        let mut taken = Taken { per_offer: &mut per_offer, per_kind: &mut per_kind, discounts };
        let mut again = Vec::with_capacity(list.len());
        for pick in list {
            self.take(*pick, &mut taken, &mut again);
        }
        self.obstacle(entry, list, &taken)
    }

    /// Which cap or what on the list stands against an entry.
    fn obstacle(&self, entry: &Entry, list: &[Pick], taken: &Taken<'_>) -> Option<Obstacle> {
        let offer = usize::from(entry.offer);
        let decision = &self.catalogue.decision;
        if taken.per_offer[offer] >= self.catalogue.offers[offer].offer.max_per_member {
            return Some(Obstacle::OfferFull);
        }
        if decision.max_per_kind.is_some_and(|most| taken.per_kind[self.kinds[offer]] >= u16::from(most)) {
            return Some(Obstacle::KindFull);
        }
        if taken.discounts == 0 && self.is_discount(entry.offer) {
            return Some(Obstacle::DiscountsFull);
        }
        // An item is offered once, by whichever offer; anything else once by an offer.
        let twice = list.iter().any(|p| {
            p.entry.target == entry.target && (p.entry.offer == entry.offer || matches!(entry.target, Target::Item(_)))
        });
        if twice {
            return Some(Obstacle::Twice);
        }
        let full = !self.quotas.is_empty()
            && self
                .category(entry.target)
                .is_some_and(|c| self.quotas.is_full(c, &list.iter().filter_map(|p| self.category(p.entry.target))));
        full.then_some(Obstacle::CategoryFull)
    }

    fn take(&self, pick: Pick, taken: &mut Taken<'_>, picks: &mut Vec<Pick>) {
        let offer = usize::from(pick.entry.offer);
        taken.per_offer[offer] += 1;
        taken.per_kind[self.kinds[offer]] += 1;
        if self.has_discounts && self.is_discount(pick.entry.offer) {
            taken.discounts = taken.discounts.saturating_sub(1);
        }
        picks.push(pick);
    }
}
