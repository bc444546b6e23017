//! From proposals to a member's list.
//!
//! The comparable score of a proposal is `fit × priority × weight of the incentive`: the kind's fit in (0, 1] (each
//! kind says how it comes about), the offer's priority, and `discount_weight` for discounts, 1 for the rest. The
//! face value of an offer is no part of it.
//!
//! The list takes the best proposal that no cap stands against, slot by slot; ties go to the lower offer id, then to
//! the lower item or category id.

use super::{
    bits::Bits,
    catalogue::Catalogue,
    contacts::{ContactLog, Contacted, rests},
    decision::{Choice, Decisions},
    member::{Marks, MemberView},
    previous::{Held, PreviousDecisions, validity},
    proposal::{Proposal, Target},
    settings::Incentive,
    world::World,
};
use crate::{
    history::Shard,
    input::{MemberAttributes, MemberTable},
    recommend::{Candidate, Scorer, Workspace},
};

/// What the decision needs to know of a shard's members beyond their histories.
#[derive(Clone, Copy)]
pub struct ShardInputs<'a> {
    /// By offer: the members (by index in the shard) whom its `eligible` rule admits; `None` where it has no rule.
    pub eligible: &'a [Option<Bits>],
    /// Attributes by member id.
    pub members: &'a MemberTable,
    /// Whether the shop says which channels its members agreed to.
    pub channel_opt_in_known: bool,
    /// Contacts up to the as-of day.
    pub contacts: &'a ContactLog,
    /// What the previous run assigned.
    pub previous: &'a PreviousDecisions,
}

/// Puts lists together.
pub struct Decider<'a> {
    world: &'a World<'a>,
    scorer: &'a Scorer<'a>,
    /// Suggested items asked for a member.
    candidates: usize,
    /// By offer: what it proposes to anyone, best first.
    for_anyone: Vec<Vec<Proposal>>,
    /// Index of each offer's kind among the kinds that occur.
    kinds: Vec<usize>,
    has_discounts: bool,
}

/// Buffers that are used again from member to member.
pub struct DecideSpace {
    workspace: Workspace,
    marks: Marks,
    candidates: Vec<Candidate>,
    scratch: DecideScratch,
}

#[derive(Default)]
struct DecideScratch {
    proposals: Vec<Scored>,
    proposed: Vec<Proposal>,
    used: Vec<bool>,
    per_offer: Vec<u16>,
    per_kind: Vec<u16>,
    per_category: Vec<(u32, u8)>,
    list: Vec<Scored>,
    choices: Vec<Choice>,
}

#[derive(Debug, Clone, Copy)]
struct Scored {
    score: f64,
    proposal: Proposal,
}

impl<'a> Decider<'a> {
    /// A decider over the world's catalogue. `scorer` must block what the world does ([`World::blocked`]) and keep the
    /// same rules of repeating; `candidates` items are asked of it for each member.
    #[must_use]
    pub fn new(world: &'a World<'a>, scorer: &'a Scorer<'a>, candidates: usize) -> Self {
        let offers = &world.catalogue.offers;
        let mut popular = Vec::new();
        scorer.generic(world.items.len(), &mut popular);
        let for_anyone = offers
            .iter()
            .enumerate()
            .map(|(index, offer)| match offer.active {
                true => offer.offer.kind.for_anyone(index as u16, offer, world, &popular),
                false => Vec::new(),
            })
            .collect();
        let mut codes: Vec<&str> = offers.iter().map(|o| o.offer.kind.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        let kinds = offers.iter().map(|o| codes.binary_search(&o.offer.kind.code()).unwrap_or(0)).collect();
        let has_discounts = offers.iter().any(|o| o.offer.incentive == Incentive::Discount);
        Self { world, scorer, candidates, for_anyone, kinds, has_discounts }
    }

    fn catalogue(&self) -> &'a Catalogue {
        self.world.catalogue
    }

    /// Decides for every member of a shard. The space is used again from shard to shard.
    pub fn shard(&self, shard: &Shard, inputs: &ShardInputs<'_>, space: &mut DecideSpace) -> Decisions {
        let catalogue = self.catalogue();
        let mut out = Decisions::new(catalogue.as_of);
        out.reserve(shard.members.len(), usize::from(catalogue.decision.slots));
        let DecideSpace { workspace, marks, candidates, scratch } = space;
        for (member, id) in shard.members.iter().enumerate() {
            self.scorer.read(shard, member, workspace);
            marks.read(workspace.own(), self.world);
            self.scorer.best(self.candidates, |item| marks.suits(item, self.world), workspace, candidates);
            let seen = MemberView {
                world: self.world,
                shard,
                member,
                candidates,
                for_anyone: &self.for_anyone,
                space: workspace,
                marks,
            };
            let attributes = inputs.members.get(id);
            let contacts = inputs.contacts.of(id);
            let open = |offer: u16| self.open_to(offer, member, attributes, contacts, inputs);
            out.push(self.member(&seen, open, inputs.previous.of(id), scratch));
        }
        out.shrink();
        out
    }

    /// Space to decide with, for one thread.
    #[must_use]
    pub fn space(&self) -> DecideSpace {
        DecideSpace {
            workspace: self.scorer.workspace(),
            marks: Marks::new(self.world.items.len()),
            candidates: Vec::new(),
            scratch: DecideScratch::default(),
        }
    }

    /// Whether an offer may go to a member at all.
    fn open_to(
        &self,
        offer: u16,
        member: usize,
        attributes: &MemberAttributes,
        contacts: &[Contacted],
        inputs: &ShardInputs<'_>,
    ) -> bool {
        let at = usize::from(offer);
        let eligible = inputs.eligible.get(at).and_then(Option::as_ref).is_none_or(|bits| bits.contains(member));
        let reachable = match &self.catalogue().offers[at].offer.channel {
            Some(channel) if inputs.channel_opt_in_known => attributes.channel_opt_in.contains(channel),
            _ => true,
        };
        eligible && reachable && !rests(contacts, offer, self.catalogue())
    }

    /// Decides for one member: every open offer proposes, then the list is filled.
    fn member<'s>(
        &self,
        member: &MemberView<'_>,
        open: impl Fn(u16) -> bool,
        held: &[Held],
        scratch: &'s mut DecideScratch,
    ) -> &'s [Choice] {
        scratch.proposals.clear();
        for (index, offer) in self.catalogue().offers.iter().enumerate() {
            let index = index as u16;
            if !offer.active || !open(index) {
                continue;
            }
            scratch.proposed.clear();
            offer.offer.kind.propose(index, offer, member, &mut scratch.proposed);
            scratch
                .proposals
                .extend(scratch.proposed.iter().map(|p| Scored { score: p.fit * offer.weight, proposal: *p }));
        }
        scratch.proposals.sort_unstable_by(|a, b| self.order(a, b));
        let decision = &self.catalogue().decision;
        let fillers = decision.fallback.filter(|f| open(*f)).map_or(&[][..], |f| &self.for_anyone[usize::from(f)]);
        self.fill(scratch, decision.slots, decision.fill_to, fillers, |item| member.may_get(item));
        self.finish(scratch, held)
    }

    /// The one list of every member who opted out of personalisation: what anyone would be offered.
    #[must_use]
    pub fn generic(&self, held: &[Held]) -> Vec<Choice> {
        let slots = self.catalogue().decision.generic_slots;
        let mut scratch = DecideScratch::default();
        let fallback = self.catalogue().decision.fallback;
        let fillers = fallback.map_or(&[][..], |f| &self.for_anyone[usize::from(f)]);
        self.fill(&mut scratch, slots, slots, fillers, |_| true);
        self.finish(&mut scratch, held).to_vec()
    }

    fn order(&self, a: &Scored, b: &Scored) -> std::cmp::Ordering {
        let rank = &self.catalogue().rank;
        b.score.total_cmp(&a.score).then_with(|| {
            let place = |s: &Scored| (rank[usize::from(s.proposal.offer)], s.proposal.target);
            place(a).cmp(&place(b))
        })
    }

    /// Fills `scratch.list` with `scratch.proposals` (in order), then with `fillers` up to `fill_to`. Discounts may
    /// hold at most their share of the list as it turns out: if they hold more, it is put together again with fewer.
    fn fill(
        &self,
        scratch: &mut DecideScratch,
        slots: u8,
        fill_to: u8,
        fillers: &[Proposal],
        filler_allowed: impl Fn(u32) -> bool,
    ) {
        let share = self.catalogue().decision.max_discount_share;
        let most = |len: usize| (share * len as f64 + 1e-9).floor() as usize;
        let mut discounts = if self.has_discounts { most(usize::from(slots)) } else { usize::MAX };
        loop {
            self.fill_once(scratch, usize::from(slots), usize::from(fill_to), discounts, fillers, &filler_allowed);
            if !self.has_discounts {
                return;
            }
            let held = scratch.list.iter().filter(|s| self.is_discount(s.proposal.offer)).count();
            if held <= most(scratch.list.len()) {
                return;
            }
            discounts = most(scratch.list.len()).min(held - 1);
        }
    }

    fn fill_once(
        &self,
        scratch: &mut DecideScratch,
        slots: usize,
        fill_to: usize,
        discounts: usize,
        fillers: &[Proposal],
        filler_allowed: &impl Fn(u32) -> bool,
    ) {
        let DecideScratch { proposals, used, per_offer, per_kind, per_category, list, .. } = scratch;
        list.clear();
        used.clear();
        used.resize(proposals.len(), false);
        per_offer.clear();
        per_offer.resize(self.kinds.len(), 0);
        per_kind.clear();
        per_kind.resize(self.kinds.len(), 0);
        per_category.clear();
        let mut caps = Caps { per_offer, per_kind, per_category, discounts };
        let (mut first, mut filler) = (0, 0);
        while list.len() < slots {
            let slot = list.len();
            let mut found = None;
            let mut at = first;
            while at < proposals.len() {
                if !used[at] {
                    let proposal = &proposals[at].proposal;
                    // What a cap or a duplicate stands against now, it stands against for good.
                    if !self.stands(proposal, list, &caps) {
                        used[at] = true;
                    } else if self.takes_slot(proposal.offer, slot) {
                        found = Some(at);
                        break;
                    }
                }
                if used[at] && at == first {
                    first += 1;
                }
                at += 1;
            }
            if let Some(at) = found {
                used[at] = true;
                self.take(proposals[at], &mut caps, list);
                continue;
            }
            if slot >= fill_to {
                return;
            }
            // A filler that cannot take this slot is passed over for good: they are many.
            let next = fillers[filler..].iter().position(|p| {
                self.stands(p, list, &caps)
                    && self.takes_slot(p.offer, slot)
                    && p.target.item().is_none_or(filler_allowed)
            });
            let Some(skipped) = next else { return };
            let proposal = fillers[filler + skipped];
            filler += skipped + 1;
            let score = proposal.fit * self.catalogue().offers[usize::from(proposal.offer)].weight;
            self.take(Scored { score, proposal }, &mut caps, list);
        }
    }

    fn is_discount(&self, offer: u16) -> bool {
        self.catalogue().offers[usize::from(offer)].offer.incentive == Incentive::Discount
    }

    fn takes_slot(&self, offer: u16, slot: usize) -> bool {
        self.catalogue().offers[usize::from(offer)].offer.slots >> slot & 1 == 1
    }

    /// The category that a proposal counts towards.
    fn category(&self, target: Target) -> Option<u32> {
        match target {
            Target::Item(item) => self.world.items.category_of(item),
            Target::Category(category) => Some(category),
            Target::None => None,
        }
    }

    /// Whether neither a cap nor what is on the list already stands against a proposal.
    fn stands(&self, proposal: &Proposal, list: &[Scored], caps: &Caps<'_>) -> bool {
        let offer = usize::from(proposal.offer);
        let decision = &self.catalogue().decision;
        if caps.per_offer[offer] >= self.catalogue().offers[offer].offer.max_per_member
            || decision.max_per_kind.is_some_and(|most| caps.per_kind[self.kinds[offer]] >= u16::from(most))
            || (caps.discounts == 0 && self.is_discount(proposal.offer))
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
                .is_some_and(|c| caps.per_category.iter().any(|(known, count)| *known == c && *count >= most))
        });
        !twice && !full
    }

    fn take(&self, scored: Scored, caps: &mut Caps<'_>, list: &mut Vec<Scored>) {
        let offer = usize::from(scored.proposal.offer);
        caps.per_offer[offer] += 1;
        caps.per_kind[self.kinds[offer]] += 1;
        if self.is_discount(scored.proposal.offer) {
            caps.discounts -= 1;
        }
        if self.catalogue().decision.max_per_category.is_some()
            && let Some(category) = self.category(scored.proposal.target)
        {
            match caps.per_category.iter_mut().find(|(known, _)| *known == category) {
                Some((_, count)) => *count += 1,
                None => caps.per_category.push((category, 1)),
            }
        }
        list.push(scored);
    }

    /// Adds the validity: that of the first assignment where the previous run had the same and it still holds.
    fn finish<'s>(&self, scratch: &'s mut DecideScratch, held: &[Held]) -> &'s [Choice] {
        let DecideScratch { list, choices, .. } = scratch;
        choices.clear();
        choices.extend(list.iter().map(|Scored { score, proposal }| {
            let offer = &self.catalogue().offers[usize::from(proposal.offer)];
            let (valid_from, valid_until) = validity(held, proposal.offer, proposal.target)
                .map_or((offer.valid_from, offer.valid_until), |(from, until)| {
                    (from, offer.offer.ends.map_or(until, |end| until.min(end)))
                });
            Choice {
                offer: proposal.offer,
                target: proposal.target,
                score: *score,
                reason: proposal.reason,
                evidence: proposal.evidence,
                valid_from,
                valid_until,
            }
        }));
        choices
    }
}

struct Caps<'s> {
    per_offer: &'s mut [u16],
    per_kind: &'s mut [u16],
    per_category: &'s mut Vec<(u32, u8)>,
    /// Discounts that may still be taken.
    discounts: usize,
}

/// The filling of a list alone, for its twin in the tests.
#[cfg(test)]
pub(super) mod twin {
    use super::*;
    use crate::{input::ItemTable, recommend::RepeatRules};

    pub(in super::super) fn fill_for_test(
        catalogue: &Catalogue,
        items: &ItemTable,
        proposals: &[Proposal],
    ) -> Vec<Proposal> {
        use crate::{
            base::Day,
            history::{ShardSet, Timeline},
            items::{AttachStatistics, Fits, RhythmRule, View, item_statistics},
            recommend::{Associations, Parameters},
        };
        let (shards, view) = (ShardSet::default(), View::at(Day(1), Timeline::Calendar));
        let statistics = item_statistics(&shards, &view, items, &[]).unwrap();
        let attach = AttachStatistics::count(&shards, &view, Fits::new(items, &[]).0, 1).unwrap();
        let repeat = RepeatRules::none(items.len());
        let world =
            World::new(catalogue, items, &statistics, &attach, &repeat, RhythmRule { min_days: 3, max_gaps: 2.0 });
        let associations = Associations::default();
        let scorer = Scorer::new(view, &statistics, &associations, &Parameters::default(), 1);
        let decider = Decider::new(&world, &scorer, 1);
        let mut scratch = DecideScratch::default();
        let weight = |p: &Proposal| catalogue.offers[usize::from(p.offer)].weight;
        scratch.proposals = proposals.iter().map(|p| Scored { score: p.fit * weight(p), proposal: *p }).collect();
        scratch.proposals.sort_unstable_by(|a, b| decider.order(a, b));
        decider.fill(&mut scratch, catalogue.decision.slots, 0, &[], |_| true);
        scratch.list.iter().map(|s| s.proposal).collect()
    }
}
