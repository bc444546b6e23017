//! The score: exact best items of a member, each with its largest term as the reason.

use super::{
    Associations, Parameters, RepeatRules, ScoreTerms, TermEvidence, TermPart, Workspace,
    workspace::{NO_SLOT, powers},
};
use crate::{
    base::Day,
    history::Shard,
    items::{ItemStatistics, View},
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
        /// The member's item that adds most to the score.
        item: u32,
        /// Day the member last bought that item.
        last_day: Day,
    },
    /// The shop's members buy it now.
    PopularNow,
}

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

/// What the score needs of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemTerms {
    /// `(ρ/ρ̄)^η`.
    pub(super) rebuy: f32,
    /// g.
    pub(super) popularity: f32,
}

/// The explore term over κ.
pub(super) fn explore(popularity: f32, transition: f32, transition_weight: f64) -> f64 {
    (1.0 - transition_weight) * f64::from(popularity) + transition_weight * f64::from(transition)
}

/// `(ρ/ρ̄)^η` of every item; 1 where the shop has no rebuy rate.
pub(super) fn rebuy_factors(statistics: &ItemStatistics, exponent: f64) -> Vec<f32> {
    let mean = statistics.mean_rebuy_rate();
    let factor = |item| if mean > 0.0 { (statistics.rebuy_rate(item) / mean).powf(exponent) as f32 } else { 1.0 };
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

/// The score of a run, for every member.
#[derive(Debug)]
pub struct Scorer<'a> {
    view: View,
    associations: &'a Associations,
    parameters: Parameters,
    /// Own items that speak in the transition term, newest first.
    sources: usize,
    terms: Vec<ItemTerms>,
    by_popularity: Vec<u32>,
    decay: Vec<f32>,
    blocked: Vec<bool>,
    repeat: RepeatRules,
}

impl<'a> Scorer<'a> {
    /// A scorer over what `view` lets see. Popularity is taken under the half-life of `statistics` that is nearest to
    /// the parameters'. `sources` newest own items of a member speak in the transition term. Nothing is blocked yet.
    #[must_use]
    pub fn new(
        view: View,
        statistics: &ItemStatistics,
        associations: &'a Associations,
        parameters: &Parameters,
        sources: usize,
    ) -> Self {
        let far = |h: &f64| (h - parameters.half_life_days).abs();
        let half_lives = statistics.half_lives().iter().enumerate();
        let nearest = half_lives.min_by(|a, b| far(a.1).total_cmp(&far(b.1))).map(|(at, _)| at);
        let popularity = nearest.map_or_else(|| vec![0.0; statistics.len()], |at| popularities(statistics, at));
        let rebuy = rebuy_factors(statistics, parameters.rebuy_exponent);
        Self {
            view,
            associations,
            parameters: *parameters,
            sources,
            by_popularity: by_popularity(&popularity),
            terms: rebuy
                .into_iter()
                .zip(popularity)
                .map(|(rebuy, popularity)| ItemTerms { rebuy, popularity })
                .collect(),
            decay: powers(parameters.decay),
            blocked: vec![false; statistics.len()],
            repeat: RepeatRules::none(statistics.len()),
        }
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

    /// The `n` best items of a member into `out` (which is cleared), best first, ties by item index: exactly those of
    /// scoring every item. Items of score 0 are left out.
    pub fn recommend(&self, shard: &Shard, member: usize, n: usize, space: &mut Workspace, out: &mut Vec<Candidate>) {
        self.read(shard, member, space);
        self.best(n, |_| true, space, out);
    }

    /// Reads a member into `space`; [`Scorer::best`] can then be asked as often as needed.
    pub fn read(&self, shard: &Shard, member: usize, space: &mut Workspace) {
        space.read(shard, member, &self.view, &self.decay);
        if self.parameters.transition_weight > 0.0 {
            space.associate(self.associations, self.sources);
        }
    }

    /// The `n` best items that pass `keep`, for the member that was read last.
    pub fn best(&self, n: usize, keep: impl Fn(u32) -> bool, space: &mut Workspace, out: &mut Vec<Candidate>) {
        out.clear();
        space.select(n);
        let Parameters { kappa, transition_weight, .. } = self.parameters;
        let Workspace { cells, own, touched, top, ranked, .. } = space;
        for bought in own.iter() {
            let item = bought.item as usize;
            if self.blocked[item] || bought.age < self.repeat.wait(bought.item) || !keep(bought.item) {
                continue;
            }
            let terms = self.terms[item];
            let explore = explore(terms.popularity, cells[item].transition, transition_weight);
            let score = f64::from(terms.rebuy) * f64::from(bought.rebuy) + kappa * explore;
            if score > 0.0 {
                top.push(score, bought.item);
            }
        }
        let mut floor = top.threshold().unwrap_or(0.0);
        for &item in touched.iter() {
            let cell = &cells[item as usize];
            let score = kappa * explore(self.terms[item as usize].popularity, cell.transition, transition_weight);
            if score >= floor && score > 0.0 && cell.slot == NO_SLOT && !self.blocked[item as usize] && keep(item) {
                top.push(score, item);
                floor = top.threshold().unwrap_or(0.0);
            }
        }
        // What neither was bought nor follows scores by popularity alone: the first that falls short ends the search.
        for &item in &self.by_popularity {
            let score = kappa * explore(self.terms[item as usize].popularity, 0.0, transition_weight);
            if score <= 0.0 || score < floor {
                break;
            }
            let cell = &cells[item as usize];
            if cell.slot == NO_SLOT && cell.transition == 0.0 && keep(item) {
                top.push(score, item);
                floor = top.threshold().unwrap_or(0.0);
            }
        }
        top.drain_sorted(ranked);
        out.extend(space.ranked.iter().map(|&(score, item)| Candidate { item, score, term: self.term(item, space) }));
    }

    /// The `n` most popular items into `out` (which is cleared): what a member gets who is not personalised.
    pub fn generic(&self, n: usize, out: &mut Vec<Candidate>) {
        out.clear();
        out.extend(self.by_popularity.iter().take(n).map(|&item| {
            let explore = explore(self.terms[item as usize].popularity, 0.0, self.parameters.transition_weight);
            Candidate { item, score: self.parameters.kappa * explore, term: Term::PopularNow }
        }));
    }

    /// What the score of an item is made of for the member that was read last, whether or not it may be offered.
    #[must_use]
    pub fn terms(&self, item: u32, space: &Workspace) -> ScoreTerms {
        let Parameters { kappa, transition_weight: w, .. } = self.parameters;
        let (terms, cell) = (self.terms[item as usize], space.cells[item as usize]);
        let own = space.own_item(item);
        let rebuy = own.map_or(0.0, |own| f64::from(terms.rebuy) * f64::from(own.rebuy));
        let bought = own.map(|own| TermEvidence::Purchases { count: own.count, last_day: own.last_day });
        let source = space.own_item(cell.because);
        let because = source.map(|source| TermEvidence::Item { item: source.item, last_day: source.last_day });
        let part = |term, value, evidence: Option<TermEvidence>| TermPart {
            term,
            value,
            evidence: evidence.unwrap_or(TermEvidence::None),
        };
        let parts = vec![
            part("rebuy", rebuy, bought),
            part("transition", kappa * w * f64::from(cell.transition), because),
            part("popularity", kappa * (1.0 - w) * f64::from(terms.popularity), None),
        ];
        ScoreTerms { item, score: parts.iter().map(|p| p.value).sum(), parts }
    }

    /// The largest term of an item's score; on equal terms rebuy, then transition.
    fn term(&self, item: u32, space: &Workspace) -> Term {
        let Parameters { kappa, transition_weight: w, .. } = self.parameters;
        let terms = self.terms[item as usize];
        let cell = space.cells[item as usize];
        let own = space.own_item(item);
        let rebuy = own.map_or(0.0, |own| f64::from(terms.rebuy) * f64::from(own.rebuy));
        let transition = kappa * w * f64::from(cell.transition);
        let popular = kappa * (1.0 - w) * f64::from(terms.popularity);
        match (own, space.own_item(cell.because)) {
            (Some(own), _) if rebuy >= transition && rebuy >= popular => {
                Term::Rebuy { count: own.count, last_day: own.last_day }
            }
            (_, Some(source)) if transition >= popular => {
                Term::BecauseOf { item: source.item, last_day: source.last_day }
            }
            _ => Term::PopularNow,
        }
    }
}
