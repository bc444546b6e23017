//! What became of every offer for one member: for people who ask why.

use super::{
    allocate::{Allocation, Scope},
    decide::{DecideSpace, Decider, Scored, ShardInputs, entry},
    decision::Choice,
    draft::ScarceInputs,
    list::{Entry, Obstacle, Pick},
    proposal::Proposal,
    settings::Incentive,
};
use crate::{base::Day, history::Shard};

/// What became of one offer for one member.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferTrace {
    /// Index of the offer in the catalogue.
    pub offer: u16,
    /// The best it proposed to the member, with its score; `None` if it proposed nothing or was closed before.
    pub best: Option<(Proposal, ScoreParts)>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is in the member's list.
    Kept {
        /// The slots it has (1 = first), with what stands there.
        slots: Vec<(u8, Choice, ScoreParts)>,
    },
    /// It is not: the first rule that stood against it.
    Refused(Refusal),
}

/// What a score is made of: `score = fit × probability × worth × priority × incentive weight`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreParts {
    /// How well it fits the member, in (0, 1].
    pub fit: f64,
    /// Calibrated probability that the member accepts it; `None` while nothing is learned (then it counts as 1).
    pub probability: Option<f64>,
    /// What it is worth to the shop.
    pub worth: f64,
    /// The offer's priority.
    pub priority: f64,
    /// Weight of its incentive.
    pub incentive: f64,
    /// The comparable score.
    pub score: f64,
    /// What its scarce resources cost at their prices; 0 where nothing is scarce. The list takes the best of
    /// `score − price`.
    pub price: f64,
}

/// The first rule that stood against an offer.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Its window is not open on this day, or it needs a calendar that the data does not have.
    NotOpen,
    /// Its `eligible` rule does not admit the member.
    NotEligible,
    /// The member did not opt in to its channel.
    NoOptIn,
    /// The member complains or waits for a return, and it sells something.
    AtOdds,
    /// The member lives in none of its cities or city tiers, or has none of its loyalty tiers.
    NotForMember,
    /// It was refused; it rests until the end of a day.
    RefusedLately {
        /// That day.
        until: Day,
    },
    /// It was accepted; it rests until the end of a day.
    AcceptedLately {
        /// That day.
        until: Day,
    },
    /// It was sent; it rests until the end of a day.
    Cooldown {
        /// That day.
        until: Day,
    },
    /// It was sent and not answered; it rests until the end of a day.
    UnansweredLately {
        /// That day.
        until: Day,
    },
    /// It was sent as often as its cap for one member allows.
    SentOften {
        /// Times it was sent.
        times: u64,
        /// In so many days.
        days: u32,
    },
    /// The member was contacted as often as the cap over all offers allows.
    ContactedOften,
    /// Its kind found nothing to propose to the member.
    NothingToPropose,
    /// It has all the slots of the list that it may take.
    OfferFull,
    /// Its kind has all the slots it may take.
    KindFull,
    /// Its category has all the slots it may take.
    CategoryFull,
    /// Discounts hold their share of the list.
    DiscountsFull,
    /// The list has the same thing by another offer.
    Twice,
    /// It takes none of the slots that were left.
    SlotTaken,
    /// Better offers fill the list.
    Outranked {
        /// The lowest score in the list.
        lowest: f64,
    },
    /// A cap over all members is full: members for whom it is worth more have what there is.
    CapFull {
        /// Which cap, such as `caps.total`, `budget.seats`, `caps.per_city (上海)`, `caps.per_segment (seg_03)`,
        /// `decision.budget`.
        cap: String,
        /// Its price, in score per assignment.
        price: f64,
    },
}

impl Refusal {
    /// A code for the rule, as tables and tests name it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOpen => "not_open",
            Self::NotEligible => "not_eligible",
            Self::NoOptIn => "no_opt_in",
            Self::AtOdds => "at_odds",
            Self::NotForMember => "not_for_member",
            Self::RefusedLately { .. } => "refused_lately",
            Self::AcceptedLately { .. } => "accepted_lately",
            Self::Cooldown { .. } => "cooldown",
            Self::UnansweredLately { .. } => "unanswered_lately",
            Self::SentOften { .. } => "sent_often",
            Self::ContactedOften => "contacted_often",
            Self::NothingToPropose => "nothing_to_propose",
            Self::OfferFull => "offer_full",
            Self::KindFull => "kind_full",
            Self::CategoryFull => "category_full",
            Self::DiscountsFull => "discounts_full",
            Self::Twice => "twice",
            Self::SlotTaken => "slot_taken",
            Self::Outranked { .. } => "outranked",
            Self::CapFull { .. } => "cap_full",
        }
    }
}

/// What a trace needs of the whole night's outcome.
#[derive(Clone, Copy)]
pub struct TraceContext<'a> {
    /// What the member's list came to.
    pub list: &'a [Choice],
    /// What came of the allocation; `None` where nothing is scarce.
    pub allocation: Option<&'a Allocation>,
    /// Segments' codes by position, for the names of caps.
    pub segments: &'a [&'a str],
}

impl Decider<'_> {
    /// What became of every offer for one member, in the order of the catalogue. `list` and `allocation` in `context` are
    /// those of the night; `inputs` must be the same as they were for [`Decider::shard`].
    pub fn trace(
        &self,
        shard: &Shard,
        member: usize,
        inputs: &ShardInputs<'_>,
        context: TraceContext<'_>,
        space: &mut DecideSpace,
    ) -> Vec<OfferTrace> {
        let catalogue = self.catalogue();
        let id = shard.members.get(member);
        let slots = self.decide(shard, member, id, inputs, space);
        let (attributes, contacts) = (inputs.members.get(id), inputs.contacts.of(id));
        let city = inputs.scarce.and_then(|s| attributes.city.as_deref().and_then(|c| s.cities.find(c)));
        let place = Place { city: city.map_or(u32::MAX, |c| c as u32), segment: u32::from(inputs.segment(member)) };
        let list = &space.list;
        (0..catalogue.offers.len() as u16)
            .map(|offer| {
                let price = self.price(offer, place, inputs, context);
                let parts = |scored: &Scored| self.parts(scored, list.probability.get(usize::from(offer)), price);
                let proposed = list.proposals.iter().filter(|p| p.offer == offer).map(|proposal| Scored {
                    score: entry(proposal, catalogue).score * list.factor(offer),
                    proposal: *proposal,
                });
                let scarce = list.scarce.iter().filter(|s| s.proposal.offer == offer).copied();
                let best = proposed
                    .chain(scarce)
                    .max_by(|a, b| a.score.total_cmp(&b.score).then(b.proposal.target.cmp(&a.proposal.target)));
                let kept: Vec<(u8, Choice, ScoreParts)> = context
                    .list
                    .iter()
                    .enumerate()
                    .filter(|(_, choice)| choice.offer == offer)
                    .map(|(slot, choice)| (slot as u8 + 1, *choice, self.parts_of(choice, price)))
                    .collect();
                let verdict = if kept.is_empty() {
                    let closed = self.closed_to(offer, member, attributes, contacts, inputs);
                    Verdict::Refused(closed.unwrap_or_else(|| match &best {
                        None => Refusal::NothingToPropose,
                        Some(_) if slots == 0 => Refusal::ContactedOften,
                        Some(best) => self.stood_against(best, place, slots, inputs, context),
                    }))
                } else {
                    Verdict::Kept { slots: kept }
                };
                OfferTrace { offer, best: best.map(|b| (b.proposal, parts(&b))), verdict }
            })
            .collect()
    }

    /// What kept the best proposal of an open offer out of the list.
    fn stood_against(
        &self,
        best: &Scored,
        place: Place,
        slots: u8,
        inputs: &ShardInputs<'_>,
        context: TraceContext<'_>,
    ) -> Refusal {
        let offer = best.proposal.offer;
        if let (Some(scarce), Some(allocation)) = (inputs.scarce, context.allocation)
            && scarce.resources.is_scarce(offer)
            && let Some(full) = scarce.resources.exhausted(offer, place.city, place.segment, &allocation.left)
        {
            let cap = self.cap_name(scarce.resources.list()[full].scope, scarce, context.segments);
            return Refusal::CapFull { cap, price: self.price(offer, place, inputs, context) };
        }
        let picks: Vec<Pick> = context
            .list
            .iter()
            .enumerate()
            .map(|(at, c)| Pick {
                entry: Entry { score: c.score, target: c.target, offer: c.offer },
                at: at as u32,
                filler: false,
            })
            .collect();
        let wanted = Entry { score: best.score, target: best.proposal.target, offer };
        if let Some(obstacle) = self.rules.stands_against(&wanted, &picks, usize::from(slots).min(picks.len() + 1)) {
            return match obstacle {
                Obstacle::OfferFull => Refusal::OfferFull,
                Obstacle::KindFull => Refusal::KindFull,
                Obstacle::CategoryFull => Refusal::CategoryFull,
                Obstacle::DiscountsFull => Refusal::DiscountsFull,
                Obstacle::Twice => Refusal::Twice,
            };
        }
        let lowest = context.list.iter().map(|c| c.score).fold(f64::INFINITY, f64::min);
        let taken_by_better = (0..usize::from(slots))
            .filter(|slot| self.rules.takes_slot(offer, *slot))
            .all(|slot| context.list.get(slot).is_some_and(|c| c.score >= best.score));
        if best.score > lowest && taken_by_better { Refusal::SlotTaken } else { Refusal::Outranked { lowest } }
    }

    /// What one assignment of an offer costs at the prices of the night.
    fn price(&self, offer: u16, place: Place, inputs: &ShardInputs<'_>, context: TraceContext<'_>) -> f64 {
        let mut price = 0.0;
        if let (Some(scarce), Some(allocation)) = (inputs.scarce, context.allocation) {
            scarce.resources.each(offer, place.city, place.segment, |resource, cost| {
                price += allocation.prices[resource] * cost as f64;
            });
        }
        price
    }

    fn parts(&self, scored: &Scored, probability: Option<&f64>, price: f64) -> ScoreParts {
        let offer = &self.catalogue().offers[usize::from(scored.proposal.offer)].offer;
        ScoreParts {
            fit: scored.proposal.fit,
            probability: probability.copied(),
            worth: offer.worth,
            priority: offer.priority,
            incentive: self.incentive_weight(offer.incentive),
            score: scored.score,
            price,
        }
    }

    /// The parts of a decision's score; the fit is what is left of it.
    fn parts_of(&self, choice: &Choice, price: f64) -> ScoreParts {
        let bound = &self.catalogue().offers[usize::from(choice.offer)];
        let probability = choice.chance.probability.map(f64::from);
        ScoreParts {
            fit: choice.score / (bound.weight * probability.unwrap_or(1.0)),
            probability,
            worth: bound.offer.worth,
            priority: bound.offer.priority,
            incentive: self.incentive_weight(bound.offer.incentive),
            score: choice.score,
            price,
        }
    }

    fn incentive_weight(&self, incentive: Incentive) -> f64 {
        if incentive == Incentive::Discount { self.catalogue().decision.discount_weight } else { 1.0 }
    }

    /// The name of a limit as the job writes it. Of several limits on an offer in all, the one that holds the fewest.
    fn cap_name(&self, scope: Scope, scarce: &ScarceInputs<'_>, segments: &[&str]) -> String {
        let settings = |offer: u16| &self.catalogue().offers[usize::from(offer)].offer;
        match scope {
            Scope::Money => "decision.budget".to_owned(),
            Scope::City(_, city) => format!("caps.per_city ({})", scarce.cities.get(city as usize)),
            Scope::Segment(_, segment) => {
                format!("caps.per_segment ({})", segments.get(segment as usize).copied().unwrap_or_default())
            }
            Scope::Offer(offer) => {
                let (caps, budget) = (&settings(offer).caps, &settings(offer).budget);
                let value = settings(offer).value_minor.max(1);
                let limits = [
                    ("caps.total", caps.total),
                    ("budget.seats", budget.seats),
                    ("budget.stock", budget.stock),
                    ("budget.money", budget.money_minor.map(|m| (m / value).unsigned_abs())),
                ];
                let most = limits.into_iter().filter_map(|(name, limit)| Some((limit?, name))).min();
                most.map_or("caps.per_period", |(_, name)| name).to_owned()
            }
        }
    }
}

/// Where a member counts.
#[derive(Debug, Clone, Copy)]
struct Place {
    city: u32,
    segment: u32,
}
