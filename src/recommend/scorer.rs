//! The score: exact best items of a member, each with its largest term as the reason.

use super::{
    Calibration, Fallback, ItemKnowledge, Parameters, RepeatRules, ScoreTerms, TermEvidence, TermPart, Workspace,
    cold::ColdItems,
    explore::{Explore, best_new},
    workspace::{OwnItem, powers},
};
use crate::{
    base::{Day, top_k::TopK},
    history::Shard,
    items::{ItemStatistics, TimingPowers},
};

/// The largest term of a score: its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// The member buys it.
    Rebuy {
        /// Baskets of the member's that hold it.
        count: u32,
        /// Day of the last of them.
        last_day: Day,
    },
    /// It goes with what the member bought.
    BecauseOf {
        /// The member's item that says most: after which it is bought the most beyond what is bought anyway.
        item: u32,
        /// Day the member last bought that item.
        last_day: Day,
    },
    /// It is popular in a category the member buys in.
    InCategory {
        /// The category.
        category: u32,
    },
    /// Members like this one buy it.
    PopularAmongAlike {
        /// How many: those of the nearest who bought it next, or those of the segment of taste.
        members: u32,
    },
    /// It is new: its neighbours by category and brand speak for it.
    New {
        /// Its category, where they go with what the member bought.
        category: Option<u32>,
    },
    /// Members like this one buy it now: nothing of the member's own speaks for anything.
    PopularAmong {
        /// Whose members they are; never [`Fallback::Everyone`].
        group: Fallback,
    },
    /// The shop's members buy it now.
    PopularNow,
}

/// Which term of a score a reason rests on, without what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// [`Term::Rebuy`].
    Rebuy,
    /// [`Term::BecauseOf`] this item of the member's.
    BecauseOf(u32),
    /// [`Term::InCategory`].
    InCategory,
    /// [`Term::PopularAmongAlike`].
    PopularAmongAlike,
    /// [`Term::PopularNow`].
    PopularNow,
}

impl Term {
    /// Which term it is, where it can last.
    #[must_use]
    pub fn kind(self) -> Option<TermKind> {
        match self {
            Self::Rebuy { .. } => Some(TermKind::Rebuy),
            Self::BecauseOf { item, .. } => Some(TermKind::BecauseOf(item)),
            Self::InCategory { .. } => Some(TermKind::InCategory),
            Self::PopularAmongAlike { .. } => Some(TermKind::PopularAmongAlike),
            Self::PopularNow => Some(TermKind::PopularNow),
            Self::New { .. } | Self::PopularAmong { .. } => None,
        }
    }
}

/// Share of the largest term that a reason's term must keep for the reason to last.
const LASTS: f64 = 0.5;

/// A score like many: of an item that stands in one of ten of the member's baskets. Where a fit of 0 to 1 is made of a
/// score, it is one half here.
pub const USUAL_SCORE: f64 = 0.1;

/// An item for a member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The item.
    pub item: u32,
    /// S; comparable between members.
    pub score: f64,
    /// Its largest term.
    pub term: Term,
}

/// What a score is made of: the terms add up to it.
#[derive(Debug, Clone, Copy, Default)]
struct Contributions {
    item: u32,
    /// What speaks for buying it again: `(ρ/ρ̄)^η τ^ζ X`, and how often it follows itself.
    rebuy: f64,
    /// κ w F without that: what goes with other items of the member's.
    transition: f64,
    /// The member's item after which it is bought the most beyond what is bought anyway.
    because: Option<u32>,
    /// What is popular in the item's category, if the member buys in it.
    category: f64,
    /// What is popular in the member's segment of taste.
    segment: f64,
    /// What the nearest members bought next.
    neighbours: f64,
    /// What its neighbours lend a new item of what goes with the member's purchases.
    lent: f64,
    /// What is popular now.
    popularity: f64,
}

/// What the score needs of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemTerms {
    /// `(ρ/ρ̄)^η τ^ζ`.
    pub(super) rebuy: f32,
    /// g.
    pub(super) popularity: f32,
}

/// `(ρ/ρ̄)^η τ^ζ` of every item; the first factor is 1 where the shop has no rebuy rate.
pub(super) fn rebuy_factors(knowledge: &ItemKnowledge, rebuy_exponent: f64, trend_exponent: f64) -> Vec<f32> {
    let statistics = &knowledge.statistics;
    let mean = statistics.mean_rebuy_rate();
    let rate = |item| if mean > 0.0 { (statistics.rebuy_rate(item) / mean).powf(rebuy_exponent) } else { 1.0 };
    let factor = |item| (rate(item) * knowledge.trend(item).powf(trend_exponent)) as f32;
    (0..statistics.len() as u32).map(factor).collect()
}

/// g of every item.
pub(super) fn popularities(statistics: &ItemStatistics, half_life: usize) -> Vec<f32> {
    (0..statistics.len() as u32).map(|item| statistics.popularity(item, half_life) as f32).collect()
}

/// Items of positive popularity, most popular first, ties by index.
pub(super) fn by_popularity(popularity: &[f32]) -> Vec<u32> {
    let mut items: Vec<u32> = (0..popularity.len() as u32).filter(|i| popularity[*i as usize] > 0.0).collect();
    items.sort_unstable_by(|a, b| popularity[*b as usize].total_cmp(&popularity[*a as usize]).then(a.cmp(b)));
    items
}

/// The hazard of the next basket, `h · timing^θ` on its odds. `timing` is that power, `None` where θ is 0.
pub(super) fn hazard_term(
    own: &OwnItem,
    baskets: usize,
    knowledge: &ItemKnowledge,
    timing: Option<&TimingPowers>,
) -> f64 {
    let hazard = f64::from(knowledge.hazard.rate(own.count, own.gap as usize, baskets));
    let Some(powers) = timing else { return hazard };
    let days = knowledge.view().cut().since(own.last_day) + knowledge.ahead();
    let odds = hazard * knowledge.hazard.timing_power(own.item, days, powers);
    odds / (odds + 1.0 - hazard)
}

/// What [`hazard_term`] needs under these parameters.
pub(super) fn timing_powers(knowledge: &ItemKnowledge, parameters: &Parameters) -> Option<TimingPowers> {
    let exponent = parameters.timing_exponent;
    (exponent > 0.0).then(|| knowledge.hazard.timing_powers(exponent))
}

/// X but for ρ and τ: `hazard · m + (1 − d) Σ d^pos · (1 − m)`. Both parts are shares of baskets: the hazard of the next basket
/// and the exponentially smoothed frequency.
pub(super) fn rebuy_term(hazard: f64, decayed: f32, parameters: &Parameters) -> f64 {
    let Parameters { decay, hazard_weight, .. } = *parameters;
    let frequency = (1.0 - decay) * f64::from(decayed);
    if hazard_weight <= 0.0 {
        return frequency;
    }
    hazard_weight * hazard + (1.0 - hazard_weight) * frequency
}

/// The score of a run, for every member.
#[derive(Debug)]
pub struct Scorer<'a> {
    knowledge: &'a ItemKnowledge,
    explore: Explore<'a>,
    cold: &'a ColdItems,
    parameters: Parameters,
    calibration: Option<Calibration>,
    terms: Vec<ItemTerms>,
    by_popularity: Vec<u32>,
    decay: Vec<f32>,
    timing: Option<TimingPowers>,
    blocked: Vec<bool>,
    repeat: RepeatRules,
}

impl<'a> Scorer<'a> {
    /// A scorer of what was learned. Popularity and transitions are taken under the half-lives that are nearest to the
    /// parameters'. Nothing is blocked yet, and there are no probabilities.
    #[must_use]
    pub fn new(knowledge: &'a ItemKnowledge, parameters: &Parameters) -> Self {
        let statistics = &knowledge.statistics;
        let nearest = knowledge.half_life_index(parameters.half_life_days);
        let mut popularity = nearest.map_or_else(|| vec![0.0; statistics.len()], |at| popularities(statistics, at));
        let cold = knowledge.cold(nearest.unwrap_or(0));
        cold.adjust(&mut popularity);
        let rebuy = rebuy_factors(knowledge, parameters.rebuy_exponent, parameters.trend_exponent);
        Self {
            knowledge,
            explore: Explore::new(knowledge, parameters),
            cold,
            parameters: *parameters,
            calibration: None,
            by_popularity: by_popularity(&popularity),
            terms: rebuy
                .into_iter()
                .zip(popularity)
                .map(|(rebuy, popularity)| ItemTerms { rebuy, popularity })
                .collect(),
            decay: powers(parameters.decay),
            timing: timing_powers(knowledge, parameters),
            blocked: vec![false; statistics.len()],
            repeat: RepeatRules::none(statistics.len()),
        }
    }

    /// Gives scores their probabilities.
    #[must_use]
    pub fn calibrated(mut self, calibration: Option<Calibration>) -> Self {
        self.calibration = calibration;
        self
    }

    /// Blocks items for everyone: one flag an item (not offerable, denied).
    #[must_use]
    pub fn blocking(mut self, blocked: Vec<bool>) -> Self {
        self.by_popularity.retain(|item| !blocked[*item as usize]);
        self.blocked = blocked;
        self
    }

    /// Keeps members from being offered too soon what they have.
    #[must_use]
    pub fn repeating(mut self, repeat: RepeatRules) -> Self {
        self.repeat = repeat;
        self
    }

    /// Space to score with.
    #[must_use]
    pub fn workspace(&self) -> Workspace {
        Workspace::new(self.terms.len())
    }

    /// Items of positive popularity that are not blocked, most popular first.
    #[must_use]
    pub fn popular(&self) -> &[u32] {
        &self.by_popularity
    }

    /// The rules of repeating.
    #[must_use]
    pub fn repeat(&self) -> &RepeatRules {
        &self.repeat
    }

    /// The numbers it scores with.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Whether scores have probabilities.
    #[must_use]
    pub fn is_calibrated(&self) -> bool {
        self.calibration.is_some()
    }

    /// The score of an item for the member that was read last, whether or not it may be offered.
    #[must_use]
    pub fn score(&self, item: u32, space: &Workspace) -> f64 {
        let rebuy = space.own_item(item).map_or(0.0, |own| self.rebuy_part(own, space));
        rebuy + f64::from(space.explore.get(item)) + self.popular_part(item, space)
    }

    /// The calibrated probability that a member buys an item of this score within the horizon; `None` without a
    /// calibration.
    #[must_use]
    pub fn probability(&self, score: f64) -> Option<f64> {
        self.calibration.map(|curve| curve.probability(score))
    }

    /// The `n` best items of a member into `out` (which is cleared), best first, ties by item index: exactly those of
    /// scoring every item. Items of score 0 are left out.
    pub fn recommend(&self, shard: &Shard, member: usize, n: usize, space: &mut Workspace, out: &mut Vec<Candidate>) {
        self.read(shard, member, space);
        self.best(n, |_| true, space, out);
    }

    /// Reads a member into `space`; [`Scorer::best`] can then be asked as often as needed.
    pub fn read(&self, shard: &Shard, member: usize, space: &mut Workspace) {
        space.read(shard, member, self.knowledge.view(), &self.decay);
        self.explore.read(shard.members.get(member), self.parameters.kappa, space);
        self.cold.lend(&mut space.explore, &mut space.lent);
    }

    /// The score of an item of that popularity of which nothing else is known, for the member that was read last.
    #[must_use]
    pub(super) fn popular_score(&self, popularity: f64, space: &Workspace) -> f64 {
        space.popularity_weight * popularity
    }

    /// The shop's popularity by item.
    #[must_use]
    pub fn popularity(&self) -> Vec<f64> {
        self.terms.iter().map(|t| f64::from(t.popularity)).collect()
    }

    /// Popularity's part of an item's score.
    fn popular_part(&self, item: u32, space: &Workspace) -> f64 {
        space.popularity_weight * f64::from(self.terms[item as usize].popularity)
    }

    fn rebuy_part(&self, own: &OwnItem, space: &Workspace) -> f64 {
        let hazard = match self.parameters.hazard_weight > 0.0 {
            true => hazard_term(own, space.baskets().len(), self.knowledge, self.timing.as_ref()),
            false => 0.0,
        };
        f64::from(self.terms[own.item as usize].rebuy) * rebuy_term(hazard, own.decayed, &self.parameters)
    }

    /// The `n` best items that pass `keep`, for the member that was read last.
    pub fn best(&self, n: usize, keep: impl Fn(u32) -> bool, space: &mut Workspace, out: &mut Vec<Candidate>) {
        out.clear();
        space.select(n);
        for at in 0..space.own.len() {
            let own = space.own[at];
            if self.blocked[own.item as usize] || self.repeat.rests(&own) || !keep(own.item) {
                continue;
            }
            let score = self.rebuy_part(&own, space)
                + f64::from(space.explore.get(own.item))
                + self.popular_part(own.item, space);
            if score > 0.0 {
                space.top.push(score, own.item);
            }
        }
        let mut top = std::mem::replace(&mut space.top, TopK::new(0));
        let popularity = |item: u32| f64::from(self.terms[item as usize].popularity);
        let wanted = |item: u32| !self.blocked[item as usize] && keep(item);
        best_new(space, popularity, &self.by_popularity, wanted, &mut top);
        space.top = top;
        let mut ranked = std::mem::take(&mut space.ranked);
        space.top.drain_sorted(&mut ranked);
        for chunk in ranked.chunks(usize::from(u8::MAX)) {
            self.attribute(chunk, space, out);
        }
        space.ranked = ranked;
    }

    /// Appends scored items with their largest terms.
    fn attribute(&self, ranked: &[(f64, u32)], space: &mut Workspace, out: &mut Vec<Candidate>) {
        let first = out.len();
        let mut open = false;
        for (at, &(score, item)) in ranked.iter().enumerate() {
            let bought = space.own_item(item).filter(|own| self.is_plainly_rebuy(own, space));
            let term = bought.map_or(Term::PopularNow, |own| Term::Rebuy { count: own.count, last_day: own.last_day });
            out.push(Candidate { item, score, term });
            if bought.is_none() {
                space.place[item as usize] = at as u8 + 1;
                open = true;
            }
        }
        if !open {
            return;
        }
        // Transition parts by place: from others, the most telling of them and its source, from itself.
        let mut parts = [(0.0f32, f32::NEG_INFINITY, u32::MAX, 0.0f32); u8::MAX as usize];
        let weight = (self.parameters.kappa * self.parameters.transition_weight) as f32;
        for &(source, share) in &space.sources {
            let scale = share * weight;
            for (item, count, lift) in self.explore.associations.telling(source) {
                let place = space.place[item as usize];
                if place == 0 {
                    continue;
                }
                let part = &mut parts[usize::from(place) - 1];
                let value = scale * count;
                if item == source {
                    part.3 += value;
                    continue;
                }
                part.0 += value;
                let telling = value * lift;
                if telling > part.1 {
                    (part.1, part.2) = (telling, source);
                }
            }
        }
        for (candidate, (transition, _, because, itself)) in out[first..].iter_mut().zip(parts) {
            let item = candidate.item;
            if std::mem::take(&mut space.place[item as usize]) == 0 {
                continue;
            }
            let own = space.own_item(item);
            let mut contributions = Contributions {
                item,
                rebuy: own.map_or(0.0, |own| self.rebuy_part(own, space)) + f64::from(itself),
                transition: transition.into(),
                because: (because != u32::MAX).then_some(because),
                category: self.category_part(item, space),
                segment: self.segment_part(item, space),
                neighbours: self.neighbour_part(item, space),
                lent: 0.0,
                popularity: self.popular_part(item, space),
            };
            contributions.lent = self.lent_part(&contributions, itself.into(), space);
            candidate.term = self.largest(&contributions, space);
        }
    }

    /// Whether what speaks for buying an item again is more than all other terms but popularity together, and more than
    /// popularity: the largest term then needs no look at the others.
    fn is_plainly_rebuy(&self, own: &OwnItem, space: &Workspace) -> bool {
        // The others are added up in another order elsewhere: far more than rounding must lie between.
        let others = 1.001 * f64::from(space.explore.get(own.item)).max(self.popular_part(own.item, space));
        self.rebuy_part(own, space) > others
    }

    fn category_part(&self, item: u32, space: &Workspace) -> f64 {
        if space.categories.is_empty() {
            return 0.0;
        }
        let Some(category) = self.explore.categories.category(item) else { return 0.0 };
        let Some(known) = space.categories.iter().find(|known| known.0 == category) else { return 0.0 };
        let share = self.explore.categories.of(category).iter().find(|e| e.0 == item).map_or(0.0, |e| e.1);
        self.parameters.kappa * self.parameters.category_weight * f64::from(known.1) * f64::from(share)
    }

    fn segment_part(&self, item: u32, space: &Workspace) -> f64 {
        let Some(Some(segment)) = space.segment else { return 0.0 };
        let share = self.explore.tastes.get(segment).share(item);
        self.parameters.kappa * self.parameters.segment_weight * f64::from(share)
    }

    fn neighbour_part(&self, item: u32, space: &Workspace) -> f64 {
        if space.near.found.is_empty() {
            return 0.0;
        }
        self.parameters.kappa * self.parameters.neighbour_weight * f64::from(space.near.shares.get(item))
    }

    /// How many of that member's nearest members bought the item next.
    fn neighbours_of(&self, item: u32, space: &Workspace) -> u32 {
        if space.near.found.is_empty() { 0 } else { self.explore.panel.buyers(item, &space.near) }
    }

    /// Members of the segment of taste of the member that was read last.
    fn segment_members(&self, space: &Workspace) -> u32 {
        space.segment.flatten().map_or(0, |segment| self.explore.tastes.get(segment).members)
    }

    /// What neighbours lend a new item: what the explore terms hold beyond what the item has of its own. `itself` is how
    /// often it follows itself.
    fn lent_part(&self, made: &Contributions, itself: f64, space: &Workspace) -> f64 {
        if !self.cold.is_cold(made.item) {
            return 0.0;
        }
        (f64::from(space.explore.get(made.item))
            - made.transition
            - itself
            - made.category
            - made.segment
            - made.neighbours)
            .max(0.0)
    }

    /// What the score of an item is made of for the member that was read last, whether or not it may be offered.
    #[must_use]
    pub fn terms(&self, item: u32, space: &Workspace) -> ScoreTerms {
        let made = self.contributions(item, space);
        let own = space.own_item(item);
        let bought = own.map(|own| TermEvidence::Purchases { count: own.count, last_day: own.last_day });
        let source = made.because.and_then(|because| space.own_item(because));
        let because = source.map(|source| TermEvidence::Item { item: source.item, last_day: source.last_day });
        let part = |term, value, evidence: Option<TermEvidence>| TermPart {
            term,
            value,
            evidence: evidence.unwrap_or(TermEvidence::None),
        };
        let mut parts = vec![
            part("rebuy", made.rebuy, bought),
            part("transition", made.transition, because),
            part("category", made.category, None),
            part("segment", made.segment, Some(TermEvidence::Alike { members: self.segment_members(space) })),
            part("neighbours", made.neighbours, Some(TermEvidence::Alike { members: self.neighbours_of(item, space) })),
            part("popularity", made.popularity, None),
        ];
        if self.cold.is_cold(item) {
            parts.push(part("neighbours_of_new", made.lent, None));
        }
        ScoreTerms { item, score: parts.iter().map(|p| p.value).sum(), parts }
    }

    /// The term of that kind for an item of the member that was read last, if it still is at least half of the largest:
    /// a reason that was given lasts, for terms move a little every night and the two largest of a score would change
    /// places on many lists of a shop in which nothing happened.
    #[must_use]
    pub fn lasting(&self, item: u32, kind: TermKind, space: &Workspace) -> Option<Term> {
        let made = self.contributions(item, space);
        let Contributions { rebuy, transition, category, segment, neighbours, lent, popularity, .. } = made;
        let largest = [transition, category, neighbours, segment, lent, popularity].into_iter().fold(rebuy, f64::max);
        let lasts = |value: f64| value > 0.0 && value >= LASTS * largest;
        match kind {
            TermKind::Rebuy => {
                let own = space.own_item(item).filter(|_| lasts(rebuy))?;
                Some(Term::Rebuy { count: own.count, last_day: own.last_day })
            }
            TermKind::BecauseOf(source) if source != item && lasts(transition) => {
                let own = space.own_item(source)?;
                let best = self.telling_of(made.because?, item, space)?;
                let telling = self.telling_of(source, item, space)?;
                let tells = made.because == Some(source) || (telling > 0.0 && telling >= LASTS as f32 * best);
                tells.then_some(Term::BecauseOf { item: source, last_day: own.last_day })
            }
            TermKind::InCategory if lasts(category) => {
                self.explore.categories.category(item).map(|category| Term::InCategory { category })
            }
            TermKind::PopularAmongAlike if lasts(neighbours.max(segment)) => {
                let members = match neighbours >= segment {
                    true => self.neighbours_of(item, space),
                    false => self.segment_members(space),
                };
                Some(Term::PopularAmongAlike { members })
            }
            TermKind::PopularNow if lasts(popularity) && !self.cold.is_cold(item) => Some(Term::PopularNow),
            _ => None,
        }
    }

    /// How much an item of the member's tells of `item`; `None` if it speaks not at all.
    fn telling_of(&self, source: u32, item: u32, space: &Workspace) -> Option<f32> {
        let (_, share) = *space.sources.iter().find(|s| s.0 == source)?;
        let (_, count, lift) = self.explore.associations.telling(source).find(|e| e.0 == item)?;
        let weight = (self.parameters.kappa * self.parameters.transition_weight) as f32;
        Some(weight * share * count * lift)
    }

    fn contributions(&self, item: u32, space: &Workspace) -> Contributions {
        let weight = self.parameters.kappa * self.parameters.transition_weight;
        let mut made = Contributions {
            item,
            category: self.category_part(item, space),
            segment: self.segment_part(item, space),
            neighbours: self.neighbour_part(item, space),
            popularity: self.popular_part(item, space),
            rebuy: space.own_item(item).map_or(0.0, |own| self.rebuy_part(own, space)),
            ..Contributions::default()
        };
        let mut largest = f32::NEG_INFINITY;
        let mut itself = 0.0;
        for &(source, share) in &space.sources {
            let entry = self.explore.associations.telling(source).find(|e| e.0 == item);
            let Some((_, count, lift)) = entry else { continue };
            let value = weight * f64::from(share) * f64::from(count);
            if source == item {
                made.rebuy += value;
                itself += value;
                continue;
            }
            made.transition += value;
            let telling = value as f32 * lift;
            if telling > largest {
                largest = telling;
                made.because = Some(source);
            }
        }
        made.lent = self.lent_part(&made, itself, space);
        made
    }

    /// The `n` most popular items into `out` (which is cleared): what a member gets who is not personalised.
    pub fn generic(&self, n: usize, out: &mut Vec<Candidate>) {
        out.clear();
        out.extend(self.by_popularity.iter().take(n).map(|&item| Candidate {
            item,
            score: self.parameters.kappa * f64::from(self.terms[item as usize].popularity),
            term: if self.cold.is_cold(item) { Term::New { category: None } } else { Term::PopularNow },
        }));
    }

    /// The largest term of an item's score; on equal terms rebuy, then transition, category, neighbours and segment, then what
    /// its neighbours lend a new item.
    fn largest(&self, made: &Contributions, space: &Workspace) -> Term {
        let Contributions { rebuy, transition, category, segment, neighbours, lent, popularity, .. } = *made;
        let source = made.because.and_then(|because| space.own_item(because));
        let largest = [transition, category, neighbours, segment, lent, popularity].into_iter().fold(rebuy, f64::max);
        match (space.own_item(made.item), source, self.explore.categories.category(made.item)) {
            (Some(own), ..) if rebuy >= largest => Term::Rebuy { count: own.count, last_day: own.last_day },
            (_, Some(source), _) if transition >= largest => {
                Term::BecauseOf { item: source.item, last_day: source.last_day }
            }
            (_, _, Some(of)) if category > 0.0 && category >= largest => Term::InCategory { category: of },
            _ if neighbours > 0.0 && neighbours >= largest => {
                Term::PopularAmongAlike { members: self.neighbours_of(made.item, space) }
            }
            _ if segment > 0.0 && segment >= largest => {
                Term::PopularAmongAlike { members: self.segment_members(space) }
            }
            (None, _, of) if self.cold.is_cold(made.item) => Term::New { category: of.filter(|_| lent >= popularity) },
            _ => Term::PopularNow,
        }
    }
}
