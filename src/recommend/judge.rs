//! Scores sampled members under many settings at once.

use super::{
    ItemKnowledge, Parameters, Workspace,
    explore::{Explore, best_new},
    scorer::{by_popularity, hazard_term, popularities, rebuy_factors, rebuy_term, timing_powers},
    tail::Tail,
    tune::Grid,
    workspace::{at, powers},
};
use crate::{
    base::top_k::TopK,
    evaluate::ranking::gain,
    history::{Shard, ShardError, ShardSet},
    items::{MemberBaskets, TimingPowers},
};

/// Length of the lists that are judged.
const K: usize = 10;

/// What settings are judged on.
pub(super) struct Trial<'a> {
    pub(super) shards: &'a ShardSet,
    pub(super) tail: &'a Tail,
    pub(super) sample: &'a [Vec<u32>],
    pub(super) knowledge: &'a ItemKnowledge,
}

/// The figures of one setting.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    /// Mean recall@10.
    pub(super) recall: f64,
    /// Mean NDCG@10.
    pub(super) ndcg: f64,
    /// Mean of recall + NDCG above the same member's under the grid's first setting, and its standard error.
    pub(super) gain: (f64, f64),
}

impl Trial<'_> {
    /// The figures of every setting, in grid order.
    pub(super) fn evaluate(&self, grid: &Grid) -> Result<Vec<Figures>, ShardError> {
        let tables = Tables::new(grid, self.knowledge);
        let sums = self.shards.map(|index, shard| {
            let mut judge = Judge::new(self, grid, &tables);
            for member in &self.sample[index] {
                judge.member(shard, *member as usize);
            }
            Ok::<_, ShardError>(judge.sums)
        })?;
        let members = self.sample.iter().map(Vec::len).sum::<usize>().max(1) as f64;
        let mut whole = vec![[0.0; 4]; grid.len()];
        for sum in sums {
            for (a, b) in whole.iter_mut().zip(sum) {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            }
        }
        let figures = |[recall, ndcg, gain, squares]: [f64; 4]| {
            let mean = gain / members;
            let variance = (squares / members - mean * mean).max(0.0);
            Figures { recall: recall / members, ndcg: ndcg / members, gain: (mean, (variance / members).sqrt()) }
        };
        Ok(whole.into_iter().map(figures).collect())
    }
}

/// What an explore setting looks things up in.
struct ExploreTables<'a> {
    terms: Explore<'a>,
    /// Popularity by item, and the popular items in order.
    share: Vec<f32>,
    order: Vec<u32>,
}

/// Tables that every member of a round is scored with.
struct Tables<'a> {
    explore: Vec<ExploreTables<'a>>,
    /// By rebuy setting.
    rebuy: Vec<RebuyTables>,
    /// Of each η and ζ among the settings, `(ρ/ρ̄)^η τ^ζ` by item.
    factors: Vec<Vec<f32>>,
    /// Of each d, its powers.
    decays: Vec<Vec<f32>>,
    /// Of each θ, the factors of timing.
    timings: Vec<Option<TimingPowers>>,
}

/// Where the tables of a rebuy setting are.
#[derive(Debug, Clone, Copy)]
struct RebuyTables {
    factors: usize,
    decay: usize,
    timing: usize,
}

/// The different values of a number, in the order in which they come, and which of them each setting has.
fn distinct<T: Copy + PartialEq>(values: impl Iterator<Item = T>) -> (Vec<T>, Vec<usize>) {
    let (mut all, mut of): (Vec<T>, Vec<usize>) = (Vec::new(), Vec::new());
    for value in values {
        let at = all.iter().position(|known| *known == value).unwrap_or_else(|| {
            all.push(value);
            all.len() - 1
        });
        of.push(at);
    }
    (all, of)
}

impl<'a> Tables<'a> {
    fn new(grid: &Grid, knowledge: &'a ItemKnowledge) -> Self {
        let statistics = &knowledge.statistics;
        let explore = grid.explore.iter().map(|p| {
            let at = knowledge.half_life_index(p.half_life_days).unwrap_or(0);
            let share = popularities(statistics, at);
            ExploreTables { terms: Explore::new(knowledge, p), order: by_popularity(&share), share }
        });
        let (exponents, factors) = distinct(grid.rebuy.iter().map(|p| (p.rebuy_exponent, p.trend_exponent)));
        let (decays, decay) = distinct(grid.rebuy.iter().map(|p| p.decay));
        let (timings, timing) = distinct(grid.rebuy.iter().map(|p| p.timing_exponent));
        let tables = factors.into_iter().zip(decay).zip(timing);
        let rebuy = tables.map(|((factors, decay), timing)| RebuyTables { factors, decay, timing });
        let power =
            |timing_exponent| timing_powers(knowledge, &Parameters { timing_exponent, ..Parameters::default() });
        Self {
            explore: explore.collect(),
            rebuy: rebuy.collect(),
            factors: exponents.into_iter().map(|(rebuy, trend)| rebuy_factors(knowledge, rebuy, trend)).collect(),
            decays: decays.into_iter().map(powers).collect(),
            timings: timings.into_iter().map(power).collect(),
        }
    }
}

/// Scores members one after the other under every setting of a round.
struct Judge<'a> {
    trial: &'a Trial<'a>,
    grid: &'a Grid,
    tables: &'a Tables<'a>,
    space: Workspace,
    baskets: MemberBaskets,
    truth: Vec<u32>,
    /// Rebuy terms of every own item under every rebuy setting: shape `(settings, own)`.
    rebuy: Vec<f64>,
    /// Decayed counts of every own item: shape `(decays, own)`.
    decayed: Vec<f32>,
    /// Hazards of every own item: shape `(timings, own)`.
    hazards: Vec<f64>,
    /// Explore term over κ of every own item.
    own_explore: Vec<f64>,
    fresh: TopK,
    fresh_ranked: Vec<(f64, u32)>,
    /// Own items, then the best that the member does not have; places in it of those that are in the truth.
    items: Vec<u32>,
    sought: Vec<u32>,
    /// Scores of `items` under the setting at hand.
    scores: Vec<f64>,
    gains: Vec<f64>,
    /// Recall + NDCG of the member at hand under the first setting.
    first: f64,
    /// Sums of recall, NDCG, gain over the first setting and its square, by setting.
    sums: Vec<[f64; 4]>,
}

impl<'a> Judge<'a> {
    fn new(trial: &'a Trial<'a>, grid: &'a Grid, tables: &'a Tables<'a>) -> Self {
        let items = trial.knowledge.statistics.len();
        Self {
            trial,
            grid,
            tables,
            space: Workspace::new(items),
            baskets: MemberBaskets::default(),
            truth: Vec::new(),
            rebuy: Vec::new(),
            decayed: Vec::new(),
            hazards: Vec::new(),
            own_explore: Vec::new(),
            fresh: TopK::new(K),
            fresh_ranked: Vec::new(),
            items: Vec::new(),
            sought: Vec::new(),
            scores: Vec::new(),
            gains: (0..K).map(gain).collect(),
            first: 0.0,
            sums: vec![[0.0; 4]; grid.len()],
        }
    }

    fn member(&mut self, shard: &Shard, member: usize) {
        let (trial, tables) = (self.trial, self.tables);
        trial.tail.truth(shard, member, &mut self.baskets, &mut self.truth);
        if self.truth.is_empty() {
            return;
        }
        self.space.read(shard, member, trial.knowledge.view(), &tables.decays[0]);
        self.rebuy_terms();
        let mut setting = 0;
        for explore in &tables.explore {
            self.explore(explore, shard.members.get(member));
            for rebuy in 0..tables.rebuy.len() {
                for kappa in 0..self.grid.kappas.len() {
                    self.judge(setting, rebuy, self.grid.kappas[kappa]);
                    setting += 1;
                }
            }
        }
    }

    /// The rebuy terms of every own item under every setting.
    fn rebuy_terms(&mut self) {
        let (baskets, own) = (self.space.baskets(), &self.space.own);
        self.decayed.clear();
        self.decayed.resize(self.tables.decays.len() * own.len(), 0.0);
        for (powers, decayed) in self.tables.decays.iter().zip(self.decayed.chunks_mut(own.len().max(1))) {
            for (position, basket) in (0..baskets.len()).rev().enumerate() {
                for item in baskets.items(basket) {
                    decayed[self.space.slot(*item)] += at(powers, position);
                }
            }
        }
        self.hazards.clear();
        for timing in &self.tables.timings {
            let hazard = |own| hazard_term(own, baskets.len(), self.trial.knowledge, timing.as_ref());
            self.hazards.extend(own.iter().map(hazard));
        }
        self.rebuy.clear();
        for (p, tables) in self.grid.rebuy.iter().zip(&self.tables.rebuy) {
            let factors = &self.tables.factors[tables.factors];
            let decayed = &self.decayed[tables.decay * own.len()..][..own.len()];
            let hazards = &self.hazards[tables.timing * own.len()..][..own.len()];
            for ((own, decayed), hazard) in own.iter().zip(decayed).zip(hazards) {
                self.rebuy.push(f64::from(factors[own.item as usize]) * rebuy_term(*hazard, *decayed, p));
            }
        }
    }

    /// The ten best items that the member does not have, and the explore term of those the member has, over κ.
    fn explore(&mut self, tables: &ExploreTables<'_>, id: &str) {
        tables.terms.read(id, 1.0, &mut self.space);
        let popularity = |item: u32| f64::from(tables.share[item as usize]);
        best_new(&self.space, popularity, &tables.order, |_| true, &mut self.fresh);
        self.fresh.drain_sorted(&mut self.fresh_ranked);
        self.own_explore.clear();
        let Workspace { own, explore, popularity_weight, .. } = &self.space;
        let term = |item: u32| f64::from(explore.get(item)) + popularity_weight * popularity(item);
        self.own_explore.extend(own.iter().map(|own| term(own.item)));
        self.items.clear();
        self.items.extend(own.iter().map(|own| own.item).chain(self.fresh_ranked.iter().map(|(_, item)| *item)));
        self.sought.clear();
        let truth = (0u32..).zip(&self.items).filter(|(_, item)| self.truth.binary_search(item).is_ok());
        self.sought.extend(truth.map(|(place, _)| place));
    }

    /// Adds the recall and the NDCG of one setting. Only the ranks of what is in the truth are looked for.
    fn judge(&mut self, setting: usize, rebuy: usize, kappa: f64) {
        let own = self.space.own.len();
        let terms = &self.rebuy[rebuy * own..(rebuy + 1) * own];
        self.scores.clear();
        if !self.sought.is_empty() {
            self.scores.extend(terms.iter().zip(&self.own_explore).map(|(rebuy, explore)| rebuy + kappa * explore));
            self.scores.extend(self.fresh_ranked.iter().map(|(term, _)| kappa * term));
        }
        let mut hits = 0;
        let mut found = [false; K];
        for place in &self.sought {
            let (score, item) = (self.scores[*place as usize], self.items[*place as usize]);
            let before = |(other, of): (&f64, &u32)| usize::from((*other > score) | ((*other == score) & (*of < item)));
            let rank: usize = self.scores.iter().zip(&self.items).map(before).sum();
            if let Some(found) = found.get_mut(rank) {
                *found = true;
                hits += 1;
            }
        }
        let (mut gained, mut ideal) = (0.0, 0.0);
        for (gain, _) in self.gains.iter().zip(found).filter(|(_, found)| *found) {
            gained += gain;
        }
        for gain in self.gains.iter().take(self.truth.len()) {
            ideal += gain;
        }
        let (recall, ndcg) = (f64::from(hits) / self.truth.len() as f64, gained / ideal);
        if setting == 0 {
            self.first = recall + ndcg;
        }
        let gain = recall + ndcg - self.first;
        self.sums[setting].iter_mut().zip([recall, ndcg, gain, gain * gain]).for_each(|(sum, value)| *sum += value);
    }
}
