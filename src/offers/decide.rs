//! From proposals to a member's list.
//!
//! The comparable score of a proposal is `fit × probability × worth × priority × weight of the incentive`: the kind's fit
//! in (0, 1] (each kind says how it comes about); the calibrated probability that the member accepts the offer, learned
//! from contacts (1 for every offer while nothing is learned); what the offer is worth to the shop when it is taken; the
//! offer's priority; and `discount_weight` for discounts, 1 for the rest. Face value and cost are no part of it.
//!
//! The list takes the best proposal that no cap stands against, slot by slot; ties go to the lower offer id, then to
//! the lower item or category id. What is scarce over all members is kept apart in a [`Draft`] until it is allocated
//! ([`super::Allocator`]). With exploration the last slot of some members is drawn by lot.

use super::{
    bits::Bits,
    catalogue::Catalogue,
    contacts::{ContactLog, Contacted, rests, slots_left},
    decision::{Chance, Choice, six_digits},
    draft::{Draft, ScarceInputs},
    exploration::Lots,
    learning::{Acceptance, Activity, SoFar, purchase_days},
    list::{Entry, Fillers, ListRules, PickSpace},
    member::{Marks, MemberView},
    previous::{Held, PreviousDecisions, reasons_of, validity},
    proposal::Proposal,
    reach::Reach,
    standing::Standing,
    trace::Refusal,
    world::World,
};
use crate::{
    history::Shard,
    input::{MemberAttributes, MemberTable},
    recommend::{Boards, Candidate, Scorer, Workspace},
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
    /// Where the shard's members stand among all, by index in the shard; empty where it is not known.
    pub standing: &'a [Standing],
    /// Positions of the members' segments, by index in the shard; empty where they do not matter.
    pub segments: &'a [u16],
    /// What contacts taught; `None`: nothing.
    pub acceptance: Option<&'a Acceptance>,
    /// What is scarce; `None`: nothing.
    pub scarce: Option<&'a ScarceInputs<'a>>,
}

impl<'a> ShardInputs<'a> {
    /// Inputs of a shop without rules, segments, learning and scarce offers.
    #[must_use]
    pub fn plain(members: &'a MemberTable, contacts: &'a ContactLog, previous: &'a PreviousDecisions) -> Self {
        Self {
            eligible: &[],
            members,
            channel_opt_in_known: false,
            contacts,
            previous,
            standing: &[],
            segments: &[],
            acceptance: None,
            scarce: None,
        }
    }

    /// Position of a member's segment.
    pub(super) fn segment(&self, member: usize) -> u16 {
        self.segments.get(member).copied().unwrap_or_default()
    }
}

/// Puts lists together.
pub struct Decider<'a> {
    world: &'a World<'a>,
    scorer: &'a Scorer<'a>,
    /// Suggested items asked for a member.
    candidates: usize,
    /// By offer: what it proposes to anyone, best first.
    for_anyone: Vec<Vec<Proposal>>,
    /// What the fallback offer proposes to anyone, as entries of a list.
    fillers: Vec<Entry>,
    pub(super) rules: ListRules<'a>,
    lots: Option<Lots>,
    /// What members get whose own purchases say nothing.
    boards: Option<&'a Boards>,
}

/// A proposal with its comparable score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored {
    pub(super) score: f64,
    pub(super) proposal: Proposal,
}

/// Buffers of one list.
#[derive(Default)]
pub(super) struct ListSpace {
    /// What is proposed, in any order.
    pub(super) proposals: Vec<Proposal>,
    /// The list, slot 1 first.
    pub(super) list: Vec<Scored>,
    /// What is proposed of scarce offers.
    pub(super) scarce: Vec<Scored>,
    /// By offer: probability of an acceptance; empty while nothing is learned.
    pub(super) probability: Vec<f64>,
    /// Propensity of the last slot, and whether it was drawn by lot.
    pub(super) last: Option<(f32, bool)>,
    /// What the member at hand has since the last run.
    held: Vec<Held>,
    pub(super) entries: Vec<Entry>,
    pub(super) picks: PickSpace,
}

impl ListSpace {
    /// What scores of an offer are multiplied by.
    pub(super) fn factor(&self, offer: u16) -> f64 {
        self.probability.get(usize::from(offer)).copied().unwrap_or(1.0)
    }
}

/// Buffers that are used again from member to member.
pub struct DecideSpace {
    workspace: Workspace,
    marks: Marks,
    candidates: Vec<Candidate>,
    pub(super) list: ListSpace,
    choices: Vec<Choice>,
    scarce: Vec<Choice>,
    /// By offer: whether it is open to the member at hand.
    open: Vec<bool>,
    /// By offer: how far it reached in the shards decided with this space.
    reach: Vec<Reach>,
}

impl DecideSpace {
    /// By offer, how far it reached in the shards decided with this space, and starts to count anew.
    pub fn take_reach(&mut self) -> Vec<Reach> {
        let offers = self.reach.len();
        std::mem::replace(&mut self.reach, vec![Reach::default(); offers])
    }

    /// The suggested items of the member that was decided for last, best first.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// What that member has, as the score sees it.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }
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
        let rules = ListRules::new(world.catalogue, world.items).with_diversity();
        let for_anyone: Vec<Vec<Proposal>> = for_anyone;
        // What is scarce cannot fill everybody's list.
        let fallback = world.catalogue.decision.fallback.filter(|f| !world.catalogue.is_scarce(*f));
        let fillers = fallback.map_or(&[][..], |f| &for_anyone[usize::from(f)]);
        let fillers = fillers.iter().map(|p| entry(p, world.catalogue)).collect();
        let lots = Lots::new(&world.catalogue.decision.exploration);
        Self { world, scorer, candidates, for_anyone, fillers, rules, lots, boards: None }
    }

    /// With boards of what is popular among members like those whose own purchases say nothing.
    #[must_use]
    pub fn with_boards(self, boards: &'a Boards) -> Self {
        Self { boards: Some(boards), ..self }
    }

    pub(super) fn catalogue(&self) -> &'a Catalogue {
        self.world.catalogue
    }

    /// Decides for every member of a shard, but for what is scarce. The space is used again from shard to shard.
    pub fn shard(&self, shard: &Shard, inputs: &ShardInputs<'_>, space: &mut DecideSpace) -> Draft {
        let catalogue = self.catalogue();
        let mut draft = Draft::new(catalogue.as_of);
        draft.lists.reserve(shard.members.len(), usize::from(catalogue.decision.slots));
        for (member, id) in shard.members.iter().enumerate() {
            let slots = self.decide(shard, member, id, inputs, space);
            let DecideSpace { list, choices, .. } = &mut *space;
            self.finish(&list.list, inputs.previous.of(id), list, choices);
            self.foretell(&space.candidates, &space.workspace, &mut space.choices);
            draft.lists.push(&space.choices);
            let DecideSpace { list, choices, scarce, .. } = &mut *space;
            if let Some(known) = inputs.scarce {
                self.finish(&list.scarce, &[], list, scarce);
                let standby = |offer: u16| self.best_of(offer, list);
                draft.bid(member, id, slots, inputs, known, choices, scarce, standby, catalogue);
            }
        }
        draft.shrink();
        draft
    }

    /// Fills the list of one member and finds what is proposed to them of scarce offers, into `space.list`; gives the
    /// slots of the list.
    pub(super) fn decide(
        &self,
        shard: &Shard,
        member: usize,
        id: &str,
        inputs: &ShardInputs<'_>,
        space: &mut DecideSpace,
    ) -> u8 {
        let DecideSpace { workspace, marks, candidates, list, open, reach, .. } = space;
        self.scorer.read(shard, member, workspace);
        marks.read(workspace.own(), self.world);
        self.scorer.best(self.candidates, |item| marks.suits(item, self.world), workspace, candidates);
        let attributes = inputs.members.get(id);
        let held = inputs.previous.of(id);
        if let Some(boards) = self.boards.filter(|_| Boards::are_called_for(candidates)) {
            let rested = |item| workspace.own_item(item).is_none_or(|own| !self.world.repeat.rests(own));
            let keep = |item| self.world.offerable(item) && rested(item) && marks.suits(item, self.world);
            let (segment, tier) = (inputs.segment(member), attributes.city_tier.unwrap_or(0));
            boards.stand_in(segment, tier, self.candidates, keep, self.scorer, workspace, candidates);
        } else {
            self.keep_reasons(held, workspace, candidates);
        }
        let seen = MemberView {
            world: self.world,
            shard,
            member,
            attributes,
            standing: inputs.standing.get(member).copied().unwrap_or_default(),
            candidates,
            for_anyone: &self.for_anyone,
            held,
            space: workspace,
            marks,
        };
        let contacts = inputs.contacts.of(id);
        self.read_chances(shard, member, contacts, inputs, list);
        let slots = slots_left(contacts, self.catalogue());
        open.clear();
        for (offer, reach) in reach.iter_mut().enumerate() {
            let refusal = self.closed_to(offer as u16, member, attributes, contacts, inputs);
            reach.count(refusal.as_ref());
            open.push(refusal.is_none());
        }
        list.held.clear();
        list.held.extend_from_slice(held);
        self.member(&seen, |offer| open[usize::from(offer)], inputs.scarce, slots, list);
        count_proposals(list, reach);
        list.last = None;
        if let Some(lots) = &self.lots {
            lots.draw(self, id, slots, inputs.scarce, list);
        }
        slots
    }

    /// Lets items that are on the member's list since the last run keep the reasons they were given with, as long as those
    /// hold ([`Scorer::lasting`]).
    fn keep_reasons(&self, held: &[Held], space: &Workspace, candidates: &mut [Candidate]) {
        if held.is_empty() {
            return;
        }
        for candidate in candidates.iter_mut() {
            let given = reasons_of(held, candidate.item).find_map(|(offer, reason, about)| {
                self.catalogue().offers[usize::from(offer)].offer.kind.rests_on(reason, about)
            });
            let Some(given) = given.filter(|given| candidate.term.kind().is_some_and(|now| now != *given)) else {
                continue;
            };
            if let Some(term) = self.scorer.lasting(candidate.item, given, space) {
                candidate.term = term;
            }
        }
    }

    /// Probabilities of the member's acceptance, by offer.
    fn read_chances(
        &self,
        shard: &Shard,
        member: usize,
        contacts: &[Contacted],
        inputs: &ShardInputs<'_>,
        list: &mut ListSpace,
    ) {
        list.probability.clear();
        let Some(acceptance) = inputs.acceptance else { return };
        let catalogue = self.catalogue();
        let today = catalogue.first_valid();
        let activity = Activity::of(purchase_days(shard, member, catalogue.as_of), today);
        let so_far = SoFar::read(activity, contacts, today, catalogue.decision.contacts.response_days);
        let segment = inputs.segment(member);
        let offers = 0..catalogue.offers.len() as u16;
        list.probability.extend(offers.map(|offer| acceptance.probability(offer, segment, &so_far)));
    }

    /// Space to decide with, for one thread.
    #[must_use]
    pub fn space(&self) -> DecideSpace {
        DecideSpace {
            workspace: self.scorer.workspace(),
            marks: Marks::new(self.world.items.len()),
            candidates: Vec::new(),
            list: ListSpace::default(),
            choices: Vec::new(),
            scarce: Vec::new(),
            open: Vec::new(),
            reach: vec![Reach::default(); self.catalogue().offers.len()],
        }
    }

    /// Why an offer may not go to a member at all, if it may not.
    pub(super) fn closed_to(
        &self,
        offer: u16,
        member: usize,
        attributes: &MemberAttributes,
        contacts: &[Contacted],
        inputs: &ShardInputs<'_>,
    ) -> Option<Refusal> {
        let at = usize::from(offer);
        let bound = &self.catalogue().offers[at];
        if !bound.active {
            return Some(Refusal::NotOpen);
        }
        if !inputs.eligible.get(at).and_then(Option::as_ref).is_none_or(|bits| bits.contains(member)) {
            return Some(Refusal::NotEligible);
        }
        // Whoever complains or waits for a return is not sold anything.
        if bound.offer.kind.sells() && attributes.is_at_odds(self.catalogue().as_of) {
            return Some(Refusal::AtOdds);
        }
        if !bound.is_for(attributes) {
            return Some(Refusal::NotForMember);
        }
        let channels = &bound.offer.channels;
        let reachable = channels.is_empty()
            || !inputs.channel_opt_in_known
            || channels.iter().any(|channel| attributes.channel_opt_in.contains(channel));
        if !reachable {
            return Some(Refusal::NoOptIn);
        }
        rests(contacts, offer, self.catalogue())
    }

    /// Decides for one member: every open offer proposes, then the list is filled with what is not scarce.
    fn member(
        &self,
        member: &MemberView<'_>,
        open: impl Fn(u16) -> bool,
        scarce: Option<&ScarceInputs<'_>>,
        slots: u8,
        space: &mut ListSpace,
    ) {
        space.proposals.clear();
        space.scarce.clear();
        for (index, offer) in self.catalogue().offers.iter().enumerate() {
            let index = index as u16;
            if !open(index) {
                continue;
            }
            let start = space.proposals.len();
            offer.offer.kind.propose(index, offer, member, &mut space.proposals);
            if scarce.is_some_and(|s| s.resources.is_scarce(index)) {
                let factor = space.factor(index);
                let scored = space
                    .proposals
                    .drain(start..)
                    .map(|proposal| Scored { score: entry(&proposal, self.catalogue()).score * factor, proposal });
                space.scarce.extend(scored);
            }
        }
        let decision = &self.catalogue().decision;
        let fills = decision.fallback.is_some_and(&open);
        let fillers = if fills { &self.fillers[..] } else { &[] };
        let factor = decision.fallback.map_or(1.0, |f| space.factor(f));
        let allowed = |item| member.may_get(item);
        self.fill(space, slots, &Fillers { entries: fillers, factor, up_to: decision.fill_to, allowed });
    }

    /// Fills the list of a space with its proposals, then with fillers.
    fn fill<F: Fn(u32) -> bool>(&self, space: &mut ListSpace, slots: u8, fillers: &Fillers<'_, F>) {
        space.entries.clear();
        for proposal in &space.proposals {
            let entry = entry(proposal, self.catalogue());
            let factor = space.probability.get(usize::from(proposal.offer)).copied().unwrap_or(1.0);
            space.entries.push(Entry { score: entry.score * factor, ..entry });
        }
        let ListSpace { proposals, list, held, entries, picks, .. } = space;
        picks.stays.clear();
        if !held.is_empty() {
            picks.read_stays(entries, |e| validity(held, e.offer, e.target).is_some());
        }
        self.rules.fill(entries, picks, usize::from(slots), fillers);
        list.clear();
        list.extend(picks.picks.iter().map(|pick| {
            let proposal = if pick.filler { self.filler(pick.at) } else { proposals[pick.at as usize] };
            Scored { score: pick.entry.score, proposal }
        }));
    }

    /// A proposal of the fallback offer to anyone.
    fn filler(&self, at: u32) -> Proposal {
        self.for_anyone[usize::from(self.catalogue().decision.fallback.unwrap_or_default())][at as usize]
    }

    /// The one list of every member who opted out of personalisation: what anyone would be offered.
    #[must_use]
    pub fn generic(&self, held: &[Held]) -> Vec<Choice> {
        let slots = self.catalogue().decision.generic_slots;
        let (mut space, mut choices) = (ListSpace::default(), Vec::new());
        let fillers = Fillers { entries: &self.fillers, factor: 1.0, up_to: slots, allowed: |_| true };
        self.fill(&mut space, slots, &fillers);
        self.finish(&space.list, held, &space, &mut choices);
        // The lists of members get this when they are packed.
        choices.iter_mut().for_each(|choice| choice.score = six_digits(choice.score));
        choices
    }

    /// Adds the validity (that of the first assignment where the previous run had the same and it still holds) and the
    /// chances.
    fn finish(&self, list: &[Scored], held: &[Held], space: &ListSpace, choices: &mut Vec<Choice>) {
        choices.clear();
        choices.extend(list.iter().map(|scored| self.choice(scored, held, space)));
        if let (Some((propensity, explored)), Some(last)) = (space.last, choices.last_mut()) {
            last.chance.propensity = propensity;
            last.chance.explored = explored;
        }
    }

    /// The best that an offer proposes to the member at hand.
    fn best_of(&self, offer: u16, list: &ListSpace) -> Option<Choice> {
        let score = |p: &Proposal| entry(p, self.catalogue()).score * list.factor(offer);
        let own = list.proposals.iter().filter(|p| p.offer == offer);
        let best = own.max_by(|a, b| score(a).total_cmp(&score(b)).then(b.target.cmp(&a.target)))?;
        Some(self.choice(&Scored { score: score(best), proposal: *best }, &[], list))
    }

    /// Gives items that nothing is learned of from contacts the probability that the member buys them within the horizon.
    fn foretell(&self, candidates: &[Candidate], space: &Workspace, choices: &mut [Choice]) {
        if !self.scorer.is_calibrated() {
            return;
        }
        for choice in choices.iter_mut().filter(|choice| choice.chance.probability.is_none()) {
            let Some(item) = choice.target.item() else { continue };
            let known = candidates.iter().find(|c| c.item == item).map(|c| c.score);
            let score = known.unwrap_or_else(|| self.scorer.score(item, space));
            choice.chance.probability = self.scorer.probability(score).map(|p| ((p * 1e3).round() / 1e3) as f32);
        }
    }

    /// A scored proposal as a decision.
    pub(super) fn choice(&self, scored: &Scored, held: &[Held], space: &ListSpace) -> Choice {
        let Scored { score, proposal } = scored;
        let offer = &self.catalogue().offers[usize::from(proposal.offer)];
        let (valid_from, valid_until) = validity(held, proposal.offer, proposal.target)
            .map_or((offer.valid_from, offer.valid_until), |(from, until)| {
                (from, offer.offer.ends.map_or(until, |end| until.min(end)))
            });
        let probability = space.probability.get(usize::from(proposal.offer)).map(|p| *p as f32);
        Choice {
            offer: proposal.offer,
            target: proposal.target,
            score: *score,
            reason: proposal.reason,
            evidence: proposal.evidence,
            valid_from,
            valid_until,
            chance: Chance { probability, ..Chance::default() },
        }
    }
}

/// Counts the offers that had a reason for a member, and those that got a slot.
fn count_proposals(space: &ListSpace, reach: &mut [Reach]) {
    let mut last = None;
    // Proposals come offer by offer.
    for offer in space.proposals.iter().chain(space.scarce.iter().map(|s| &s.proposal)).map(|p| p.offer) {
        if last != Some(offer) {
            reach[usize::from(offer)].with_reason += 1;
            last = Some(offer);
        }
    }
    for (slot, taken) in space.list.iter().enumerate() {
        let offer = taken.proposal.offer;
        if space.list[..slot].iter().all(|before| before.proposal.offer != offer) {
            reach[usize::from(offer)].wanted += 1;
        }
    }
}

/// A proposal as an entry of a list, with its comparable score before the probability.
pub(super) fn entry(proposal: &Proposal, catalogue: &Catalogue) -> Entry {
    let weight = catalogue.offers[usize::from(proposal.offer)].weight;
    Entry { score: proposal.fit * weight, target: proposal.target, offer: proposal.offer }
}
