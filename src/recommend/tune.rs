//! Tuning: the history's own tail is hidden, and the numbers that predict it best are kept.
//!
//! κ does not carry over from shop to shop, so every shop finds its own. Knowledge is fitted once, at the cut, with all
//! half-lives side by side; each sampled member is then read once a round and scored under every setting of the round:
//! what the member has not bought keeps its order whatever the rebuy term is, so that its ten best are found once for
//! each setting of the explore term. A round varies a few numbers along with κ and keeps the setting with the highest mean
//! of recall@10 and NDCG@10; the number of settings is bounded and counted, never timed.

use super::{
    Associations, Calibration, HalfLives, ItemKnowledge, Parameters, RecommendSettings, Tuned, TunedFrom, Workspace,
    categories::CategoryShares,
    scorer::{by_popularity, popularities, rebuy_factors, rebuy_term},
    tail::Tail,
    workspace::{Sparse, at, powers},
};
use crate::{
    base::{Day, top_k::TopK},
    evaluate::ranking::gain,
    history::{Dimensions, Shard, ShardError, ShardSet, Timeline},
    input::ItemTable,
    items::MemberBaskets,
};

/// Length of the lists that are judged.
const K: usize = 10;
/// Length of the lists that probabilities are learned from.
const CALIBRATED: usize = 20;

const KAPPAS: [f64; 9] = [0.125, 0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0, 8.0];
const NEAR: [f64; 5] = [0.6, 0.8, 1.0, 1.25, 1.6];
const HALF_LIVES: [f64; 5] = [7.0, 15.0, 30.0, 60.0, 120.0];
const FOLLOWED: [f64; 2] = [15.0, 60.0];
/// In baskets: a weight of .1, .3, .5, .7 and .9 a basket.
const ORDINAL_HALF_LIVES: [f64; 5] = [0.301, 0.576, 1.0, 1.943, 6.579];
/// A weight of .01 and .5 a basket.
const ORDINAL_FOLLOWED: [f64; 2] = [0.151, 1.0];
const DECAYS: [f64; 4] = [0.75, 0.85, 0.92, 0.97];
const HAZARDS: [f64; 3] = [0.0, 0.5, 1.0];
const TIMINGS: [f64; 3] = [0.0, 0.5, 1.0];
const REBUY_EXPONENTS: [f64; 4] = [0.0, 0.25, 0.5, 0.75];
const TRANSITION_WEIGHTS: [f64; 6] = [0.1, 0.3, 0.5, 0.7, 0.85, 0.95];
const CATEGORY_WEIGHTS: [f64; 4] = [0.0, 0.05, 0.15, 0.3];
/// Popularity keeps at least this share of the explore term.
const LEAST_POPULARITY: f64 = 0.02;

/// Whether the numbers of an earlier run can be used again: tuned on the history less than `retune_days` before, and
/// not against what the job now gives.
#[must_use]
pub fn reusable(earlier: &Tuned, as_of: Day, settings: &RecommendSettings) -> bool {
    let age = as_of.since(earlier.tuned_on);
    earlier.from == TunedFrom::History
        && age >= 0
        && age.unsigned_abs() < settings.retune_days
        && settings.given.or(&earlier.parameters) == earlier.parameters
}

/// Tunes what the job does not give. Without time in the data each member's newest basket is hidden, else the last
/// `horizon_days` days of the data. `seed` fixes the sample of members. Probabilities are learned on the stretch of
/// history before that, which tuning does not judge on.
///
/// # Errors
/// If a spilled shard cannot be read back.
pub fn tune(
    shards: &ShardSet,
    items: &ItemTable,
    dimensions: &Dimensions,
    settings: &RecommendSettings,
    seed: u64,
) -> Result<Tuned, ShardError> {
    let tail = Tail::find(shards, dimensions, settings.horizon_days, 1)?;
    let mut tuned = Tuned {
        parameters: settings.given.or(&Parameters::default()),
        from: TunedFrom::Defaults,
        recall_at_10: 0.0,
        ndcg_at_10: 0.0,
        evaluated: 0,
        members: 0,
        cut: tail.history.cut(),
        tuned_on: dimensions.as_of,
        calibration: None,
    };
    if let Some(parameters) = settings.given.all() {
        tuned = Tuned { parameters, from: TunedFrom::Job, ..tuned };
    } else {
        let sample = tail.sample(shards, settings.tuning_members, seed)?;
        tuned.members = sample.iter().map(Vec::len).sum::<usize>() as u32;
        if tuned.members as usize >= settings.tuning_min_members {
            let half_lives = half_lives(dimensions.timeline, settings);
            let knowledge = ItemKnowledge::fit(shards, &tail.history, items, &half_lives, settings)?;
            let tuning = Tuning { shards, tail: &tail, sample: &sample, knowledge: &knowledge };
            let (best, evaluated) = tuning.rounds(&half_lives, settings, tuned.parameters)?;
            tuned = Tuned {
                parameters: best.parameters,
                from: TunedFrom::History,
                recall_at_10: best.recall,
                ndcg_at_10: best.ndcg,
                evaluated,
                ..tuned
            };
        }
    }
    tuned.calibration = calibrate(shards, items, dimensions, settings, &tuned.parameters, seed)?;
    Ok(tuned)
}

/// Every half-life that is tried.
fn half_lives(timeline: Timeline, settings: &RecommendSettings) -> HalfLives {
    let (popularity, transitions) = match timeline {
        Timeline::Calendar => (&HALF_LIVES, &FOLLOWED),
        Timeline::Ordinal => (&ORDINAL_HALF_LIVES, &ORDINAL_FOLLOWED),
    };
    let given = &settings.given;
    HalfLives {
        popularity: grid(given.half_life_days, popularity),
        transitions: grid(given.transition_half_life_days, transitions),
    }
}

fn grid(given: Option<f64>, values: &[f64]) -> Vec<f64> {
    given.map_or_else(|| values.to_vec(), |given| vec![given])
}

/// Learns probabilities on the stretch of history before the one that tuning judges on.
fn calibrate(
    shards: &ShardSet,
    items: &ItemTable,
    dimensions: &Dimensions,
    settings: &RecommendSettings,
    parameters: &Parameters,
    seed: u64,
) -> Result<Option<Calibration>, ShardError> {
    let tail = Tail::find(shards, dimensions, settings.horizon_days, 2)?;
    let sample = tail.sample(shards, settings.tuning_members, seed)?;
    if sample.iter().map(Vec::len).sum::<usize>() < settings.tuning_min_members {
        return Ok(None);
    }
    let knowledge = ItemKnowledge::fit(shards, &tail.history, items, &parameters.half_lives(), settings)?;
    let scorer = knowledge.scorer(parameters);
    let pairs = shards.map(|index, shard| {
        let (mut space, mut baskets) = (scorer.workspace(), MemberBaskets::default());
        let (mut truth, mut list, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        for member in &sample[index] {
            tail.truth(shard, *member as usize, &mut baskets, &mut truth);
            scorer.recommend(shard, *member as usize, CALIBRATED, &mut space, &mut list);
            pairs.extend(list.iter().map(|c| (c.score, truth.binary_search(&c.item).is_ok())));
        }
        Ok::<_, ShardError>(pairs)
    })?;
    Ok(Calibration::fit(pairs.into_iter().flatten().collect()))
}

/// The settings of one round: every combination of an explore term, a rebuy term and κ. Of each list's settings only the
/// numbers of its term are read.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    pub(super) explore: Vec<Parameters>,
    pub(super) rebuy: Vec<Parameters>,
    pub(super) kappas: Vec<f64>,
}

impl Grid {
    pub(super) fn len(&self) -> usize {
        self.explore.len() * self.rebuy.len() * self.kappas.len()
    }

    /// κ runs fastest, then the rebuy term.
    pub(super) fn get(&self, index: usize) -> Parameters {
        let kappa = self.kappas[index % self.kappas.len()];
        let rest = index / self.kappas.len();
        let rebuy = &self.rebuy[rest % self.rebuy.len()];
        let explore = &self.explore[rest / self.rebuy.len()];
        Parameters {
            kappa,
            decay: rebuy.decay,
            rebuy_exponent: rebuy.rebuy_exponent,
            hazard_weight: rebuy.hazard_weight,
            timing_exponent: rebuy.timing_exponent,
            ..*explore
        }
    }
}

/// A setting with its figures.
#[derive(Debug, Clone, Copy)]
struct Best {
    parameters: Parameters,
    recall: f64,
    ndcg: f64,
}

impl Best {
    /// This round's best, unless an earlier round's was as good.
    fn or_earlier(self, earlier: Self) -> Self {
        if self.better_than(&earlier) { self } else { earlier }
    }

    fn better_than(&self, other: &Self) -> bool {
        (self.recall + self.ndcg)
            .total_cmp(&(other.recall + other.ndcg))
            .then(self.recall.total_cmp(&other.recall))
            .is_gt()
    }
}

/// What tuning reads.
pub(super) struct Tuning<'a> {
    pub(super) shards: &'a ShardSet,
    pub(super) tail: &'a Tail,
    pub(super) sample: &'a [Vec<u32>],
    pub(super) knowledge: &'a ItemKnowledge,
}

/// Every setting that `vary` makes of `base`.
fn every<const N: usize>(
    base: &Parameters,
    lists: [&[f64]; N],
    vary: impl Fn(&mut Parameters, [f64; N]),
) -> Vec<Parameters> {
    let count: usize = lists.iter().map(|list| list.len()).product();
    (0..count)
        .map(|index| {
            let (mut rest, mut values) = (index, [0.0; N]);
            for (value, list) in values.iter_mut().zip(lists) {
                *value = list[rest % list.len()];
                rest /= list.len();
            }
            let mut made = *base;
            vary(&mut made, values);
            made
        })
        .collect()
}

impl Tuning<'_> {
    /// First what is popular and what followed when, then how much of each, then what is bought again, then half-lives and
    /// shares once more, now that the rest is known; κ along with each.
    fn rounds(
        &self,
        half_lives: &HalfLives,
        settings: &RecommendSettings,
        start: Parameters,
    ) -> Result<(Best, u32), ShardError> {
        let given = &settings.given;
        let near = |kappa: f64| grid(given.kappa, &NEAR.map(|factor| factor * kappa));
        let mut evaluated = 0;
        let mut round = |grid: Grid, earlier: Option<Best>| {
            evaluated += grid.len() as u32;
            let best = self.best(&grid)?;
            Ok::<_, ShardError>(earlier.map_or(best, |earlier| best.or_earlier(earlier)))
        };
        let when = |base: &Parameters| {
            every(base, [&half_lives.popularity, &half_lives.transitions], |p, [popularity, transitions]| {
                p.half_life_days = popularity;
                p.transition_half_life_days = transitions;
            })
        };
        let categories = if self.knowledge.has_categories() {
            grid(given.category_weight, &CATEGORY_WEIGHTS)
        } else {
            vec![given.category_weight.unwrap_or(0.0)]
        };
        let shares = |base: &Parameters, weights: &[f64]| {
            let transitions = grid(given.transition_weight, weights);
            let mut all = every(base, [&transitions, &categories], |p, [transition, category]| {
                p.transition_weight = transition;
                p.category_weight = category;
            });
            let fixed = given.transition_weight.is_some() && given.category_weight.is_some();
            all.retain(|p| fixed || p.transition_weight + p.category_weight <= 1.0 - LEAST_POPULARITY);
            if all.is_empty() { vec![*base] } else { all }
        };
        let start = Parameters { category_weight: categories[0], ..start };
        let first = Grid { explore: when(&start), rebuy: vec![start], kappas: grid(given.kappa, &KAPPAS) };
        let first = round(first, None)?;
        let p = first.parameters;
        let second = Grid { explore: shares(&p, &TRANSITION_WEIGHTS), rebuy: vec![p], kappas: near(p.kappa) };
        let second = round(second, Some(first))?;
        let p = second.parameters;
        let timings = match self.knowledge.view().timeline() {
            Timeline::Calendar => grid(given.timing_exponent, &TIMINGS),
            Timeline::Ordinal => vec![0.0],
        };
        let lists = [
            &grid(given.decay, &DECAYS)[..],
            &grid(given.hazard_weight, &HAZARDS),
            &grid(given.rebuy_exponent, &REBUY_EXPONENTS),
            &timings,
        ];
        let mut rebuy = every(&p, lists, |p, [decay, hazard, exponent, timing]| {
            p.decay = decay;
            p.hazard_weight = hazard;
            p.rebuy_exponent = exponent;
            p.timing_exponent = timing;
        });
        // What has no weight is not varied.
        rebuy.retain(|p| p.hazard_weight < 1.0 || p.decay == lists[0][0]);
        rebuy.retain(|p| p.hazard_weight > 0.0 || p.timing_exponent == timings[0]);
        let third = round(Grid { explore: vec![p], rebuy, kappas: near(p.kappa) }, Some(second))?;
        let p = third.parameters;
        let fourth = round(Grid { explore: when(&p), rebuy: vec![p], kappas: near(p.kappa) }, Some(third))?;
        let p = fourth.parameters;
        let finer = [0.85, 0.93, 1.0, 1.06, 1.12].map(|f| (p.transition_weight * f).min(0.97));
        let fifth = Grid { explore: shares(&p, &finer), rebuy: vec![p], kappas: near(p.kappa) };
        let best = round(fifth, Some(fourth))?;
        Ok((best, evaluated))
    }

    fn best(&self, grid: &Grid) -> Result<Best, ShardError> {
        let figures = self.evaluate(grid)?;
        let all = figures.iter().enumerate().map(|(at, f)| Best { parameters: grid.get(at), recall: f.0, ndcg: f.1 });
        let first = Best { parameters: grid.get(0), recall: -1.0, ndcg: -1.0 };
        Ok(all.fold(first, |best, next| if next.better_than(&best) { next } else { best }))
    }

    /// Mean recall@10 and NDCG@10 of every setting, in grid order.
    pub(super) fn evaluate(&self, grid: &Grid) -> Result<Vec<(f64, f64)>, ShardError> {
        let tables = Tables::new(grid, self.knowledge);
        let sums = self.shards.map(|index, shard| {
            let mut judge = Judge::new(self, grid, &tables);
            for member in &self.sample[index] {
                judge.member(shard, *member as usize);
            }
            Ok::<_, ShardError>(judge.sums)
        })?;
        let members = self.sample.iter().map(Vec::len).sum::<usize>().max(1) as f64;
        let mut whole = vec![(0.0, 0.0); grid.len()];
        for sum in sums {
            for (a, b) in whole.iter_mut().zip(sum) {
                a.0 += b.0;
                a.1 += b.1;
            }
        }
        Ok(whole.into_iter().map(|(recall, ndcg)| (recall / members, ndcg / members)).collect())
    }
}

/// What an explore setting looks things up in.
struct ExploreTables<'a> {
    parameters: Parameters,
    /// Popularity by item, and the popular items in order.
    share: Vec<f32>,
    order: Vec<u32>,
    associations: &'a Associations,
    categories: &'a CategoryShares,
}

/// Tables that every member of a round is scored with.
struct Tables<'a> {
    explore: Vec<ExploreTables<'a>>,
    /// `(ρ/ρ̄)^η` by item and powers of d, by rebuy setting.
    rebuy: Vec<(Vec<f32>, Vec<f32>)>,
}

impl<'a> Tables<'a> {
    fn new(grid: &Grid, knowledge: &'a ItemKnowledge) -> Self {
        let statistics = &knowledge.statistics;
        let explore = grid.explore.iter().map(|p| {
            let at = knowledge.half_life_index(p.half_life_days).unwrap_or(0);
            let share = popularities(statistics, at);
            ExploreTables {
                parameters: *p,
                order: by_popularity(&share),
                share,
                associations: knowledge.associations(p.transition_half_life_days),
                categories: knowledge.categories(at),
            }
        });
        let rebuy = grid.rebuy.iter().map(|p| (rebuy_factors(statistics, p.rebuy_exponent), powers(p.decay)));
        Self { explore: explore.collect(), rebuy: rebuy.collect() }
    }
}

/// Scores members one after the other under every setting of a round.
struct Judge<'a> {
    tuning: &'a Tuning<'a>,
    grid: &'a Grid,
    tables: &'a Tables<'a>,
    space: Workspace,
    terms: Sparse,
    baskets: MemberBaskets,
    truth: Vec<u32>,
    /// Rebuy terms of every own item under every rebuy setting: shape `(settings, own)`.
    rebuy: Vec<f64>,
    decayed: Vec<f32>,
    /// Explore term over κ of every own item.
    own_explore: Vec<f64>,
    fresh: TopK,
    fresh_ranked: Vec<(f64, u32)>,
    list: TopK,
    ranked: Vec<(f64, u32)>,
    gains: Vec<f64>,
    /// Sums of recall and NDCG by setting.
    sums: Vec<(f64, f64)>,
}

impl<'a> Judge<'a> {
    fn new(tuning: &'a Tuning<'a>, grid: &'a Grid, tables: &'a Tables<'a>) -> Self {
        let items = tuning.knowledge.statistics.len();
        Self {
            tuning,
            grid,
            tables,
            space: Workspace::new(items),
            terms: Sparse::new(items),
            baskets: MemberBaskets::default(),
            truth: Vec::new(),
            rebuy: Vec::new(),
            decayed: Vec::new(),
            own_explore: Vec::new(),
            fresh: TopK::new(K),
            fresh_ranked: Vec::new(),
            list: TopK::new(K),
            ranked: Vec::new(),
            gains: (0..K).map(gain).collect(),
            sums: vec![(0.0, 0.0); grid.len()],
        }
    }

    fn member(&mut self, shard: &Shard, member: usize) {
        let (tuning, tables) = (self.tuning, self.tables);
        tuning.tail.truth(shard, member, &mut self.baskets, &mut self.truth);
        if self.truth.is_empty() {
            return;
        }
        self.space.read(shard, member, tuning.knowledge.view(), &tables.rebuy[0].1);
        self.rebuy_terms();
        let mut setting = 0;
        for explore in &tables.explore {
            self.explore(explore);
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
        self.rebuy.clear();
        let baskets = self.space.baskets();
        for (p, (factors, decay)) in self.grid.rebuy.iter().zip(&self.tables.rebuy) {
            self.decayed.clear();
            self.decayed.resize(self.space.own.len(), 0.0);
            for (position, basket) in (0..baskets.len()).rev().enumerate() {
                for item in baskets.items(basket) {
                    self.decayed[self.space.slot(*item)] += at(decay, position);
                }
            }
            for (own, decayed) in self.space.own.iter().zip(&self.decayed) {
                let term = rebuy_term(own, *decayed, baskets.len(), self.tuning.knowledge, p);
                self.rebuy.push(f64::from(factors[own.item as usize]) * term);
            }
        }
    }

    /// The ten best items that the member does not have, and the explore term of those the member has, over κ.
    fn explore(&mut self, tables: &ExploreTables<'_>) {
        let Parameters { transition_weight, category_weight, .. } = tables.parameters;
        let mut popularity_weight = tables.parameters.popularity_weight();
        self.terms.clear();
        if transition_weight > 0.0 {
            self.space.find_sources(tables.associations, self.tuning.knowledge.profile_items());
            Workspace::associate(&self.space.sources, tables.associations, transition_weight as f32, &mut self.terms);
            if self.space.sources.is_empty() {
                popularity_weight += transition_weight;
            }
        }
        if category_weight > 0.0 {
            self.space.find_categories(tables.categories);
            Workspace::in_categories(
                &self.space.categories,
                tables.categories,
                category_weight as f32,
                &mut self.terms,
            );
            if self.space.categories.is_empty() {
                popularity_weight += category_weight;
            }
        }
        let popular = |item: u32| popularity_weight * f64::from(tables.share[item as usize]);
        let mut floor = 0.0;
        for &item in &self.terms.touched {
            let term = f64::from(self.terms.get(item)) + popular(item);
            if term >= floor && !self.space.has(item) {
                self.fresh.push(term, item);
                floor = self.fresh.threshold().unwrap_or(0.0);
            }
        }
        for &item in &tables.order {
            let term = popular(item);
            if term < floor || term <= 0.0 {
                break;
            }
            if !self.space.has(item) && self.terms.get(item) == 0.0 {
                self.fresh.push(term, item);
                floor = self.fresh.threshold().unwrap_or(0.0);
            }
        }
        self.fresh.drain_sorted(&mut self.fresh_ranked);
        self.own_explore.clear();
        let terms = &self.terms;
        let own = self.space.own.iter().map(|own| f64::from(terms.get(own.item)) + popular(own.item));
        self.own_explore.extend(own);
    }

    /// Adds the recall and the NDCG of one setting.
    fn judge(&mut self, setting: usize, rebuy: usize, kappa: f64) {
        let own = self.space.own.len();
        let terms = &self.rebuy[rebuy * own..(rebuy + 1) * own];
        let mut floor = 0.0;
        for ((own, rebuy), explore) in self.space.own.iter().zip(terms).zip(&self.own_explore) {
            let score = rebuy + kappa * explore;
            if score >= floor {
                self.list.push(score, own.item);
                floor = self.list.threshold().unwrap_or(0.0);
            }
        }
        for (term, item) in &self.fresh_ranked {
            self.list.push(kappa * term, *item);
        }
        self.list.drain_sorted(&mut self.ranked);
        let (mut hits, mut gained, mut ideal) = (0usize, 0.0, 0.0);
        for (rank, (_, item)) in self.ranked.iter().enumerate() {
            if self.truth.binary_search(item).is_ok() {
                hits += 1;
                gained += self.gains[rank];
            }
        }
        for gain in self.gains.iter().take(self.truth.len()) {
            ideal += gain;
        }
        self.sums[setting].0 += hits as f64 / self.truth.len() as f64;
        self.sums[setting].1 += gained / ideal;
    }
}
