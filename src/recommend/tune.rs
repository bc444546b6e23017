//! Tuning: the history's own tail is hidden, and the numbers that predict it best are kept.
//!
//! κ does not carry over from shop to shop, so every shop finds its own. Statistics are fitted once, at the cut, with
//! all half-lives side by side; each sampled member is then read once a round and scored under every setting of the
//! round: what the member has not bought keeps its order whatever κ, d and η are, so that its ten best are found once
//! for each half-life and transition weight.

use super::{
    ItemKnowledge, Parameters, RecommendSettings, Tuned, TunedFrom, Workspace,
    scorer::{by_popularity, explore, popularities, rebuy_factors},
    workspace::{NO_SLOT, at, powers},
};
use crate::{
    base::{Day, hash::salted_hash, top_k::TopK},
    evaluate::{TimeSplit, ranking::gain},
    history::{Dimensions, Shard, ShardError, ShardSet, Timeline},
    input::ItemTable,
    items::{MemberBaskets, View, last_day, newest_basket_day},
};

/// Length of the lists that are judged.
const K: usize = 10;

const KAPPAS: [f64; 12] = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
/// Steps of √2 around the best κ so far.
const NEAR_KAPPAS: [f64; 9] = [0.25, 0.354, 0.5, 0.707, 1.0, 1.414, 2.0, 2.828, 4.0];
const HALF_LIVES: [f64; 5] = [7.0, 15.0, 30.0, 60.0, 120.0];
/// In baskets: a weight of .1, .3, .5, .7 and .9 a basket.
const ORDINAL_HALF_LIVES: [f64; 5] = [0.301, 0.576, 1.0, 1.943, 6.579];
const DECAYS: [f64; 5] = [0.6, 0.75, 0.85, 0.92, 1.0];
const REBUY_EXPONENTS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
const TRANSITION_WEIGHTS: [f64; 5] = [0.05, 0.15, 0.3, 0.5, 0.7];

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
/// `horizon_days` days of the data. `seed` fixes the sample of members.
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
    let tail = Tail::find(shards, dimensions, settings.horizon_days)?;
    let untuned = |parameters, from, members| Tuned {
        parameters,
        from,
        recall_at_10: 0.0,
        ndcg_at_10: 0.0,
        evaluated: 0,
        members,
        cut: tail.history.cut(),
        tuned_on: dimensions.as_of,
    };
    if let Some(parameters) = settings.given.all() {
        return Ok(untuned(parameters, TunedFrom::Job, 0));
    }
    let defaults = settings.given.or(&Parameters::default());
    let sample = tail.sample(shards, settings.tuning_members, seed)?;
    let members: usize = sample.iter().map(Vec::len).sum();
    if members < settings.tuning_min_members {
        return Ok(untuned(defaults, TunedFrom::Defaults, members as u32));
    }
    let half_lives: &[f64] = match dimensions.timeline {
        Timeline::Calendar => &HALF_LIVES,
        Timeline::Ordinal => &ORDINAL_HALF_LIVES,
    };
    let half_lives = settings.given.half_life_days.map_or_else(|| half_lives.to_vec(), |given| vec![given]);
    let knowledge = ItemKnowledge::fit(shards, &tail.history, items, &half_lives, settings)?;
    let tuning = Tuning { shards, tail: &tail, sample: &sample, knowledge: &knowledge };

    let grid = |given: Option<f64>, values: &[f64]| given.map_or_else(|| values.to_vec(), |given| vec![given]);
    let near = |kappa: f64| grid(settings.given.kappa, &NEAR_KAPPAS.map(|factor| factor * kappa));
    let given = &settings.given;
    // First what is popular, then what follows, then what is bought again, then what is popular once more, now that
    // the rest is known; κ along with each.
    let popular = Grid {
        half_lives: half_lives.clone(),
        transition_weights: vec![defaults.transition_weight],
        decays: vec![defaults.decay],
        rebuy_exponents: vec![defaults.rebuy_exponent],
        kappas: grid(given.kappa, &KAPPAS),
    };
    let first = tuning.best(&popular)?;
    let follows = Grid {
        half_lives: vec![first.parameters.half_life_days],
        transition_weights: grid(given.transition_weight, &TRANSITION_WEIGHTS),
        kappas: near(first.parameters.kappa),
        ..popular.clone()
    };
    let second = tuning.best(&follows)?.or_earlier(first);
    let rebought = Grid {
        half_lives: vec![second.parameters.half_life_days],
        transition_weights: vec![second.parameters.transition_weight],
        decays: grid(given.decay, &DECAYS),
        rebuy_exponents: grid(given.rebuy_exponent, &REBUY_EXPONENTS),
        kappas: near(second.parameters.kappa),
    };
    let third = tuning.best(&rebought)?.or_earlier(second);
    let again = Grid {
        half_lives,
        transition_weights: vec![third.parameters.transition_weight],
        decays: vec![third.parameters.decay],
        rebuy_exponents: vec![third.parameters.rebuy_exponent],
        kappas: near(third.parameters.kappa),
    };
    let best = tuning.best(&again)?.or_earlier(third);
    let evaluated = [&popular, &follows, &rebought, &again].iter().map(|grid| grid.len()).sum::<usize>();
    Ok(Tuned {
        parameters: best.parameters,
        from: TunedFrom::History,
        recall_at_10: best.recall,
        ndcg_at_10: best.ndcg,
        evaluated: evaluated as u32,
        members: members as u32,
        cut: tail.history.cut(),
        tuned_on: dimensions.as_of,
    })
}

/// The hidden end of the history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) history: View,
    whole: View,
}

impl Tail {
    fn find(shards: &ShardSet, dimensions: &Dimensions, horizon_days: u32) -> Result<Self, ShardError> {
        let Dimensions { timeline, as_of, .. } = *dimensions;
        if timeline == Timeline::Ordinal {
            return Ok(Self { history: View::hiding_newest(as_of, timeline), whole: View::at(as_of, timeline) });
        }
        let split = TimeSplit::tail(last_day(shards, as_of)?.unwrap_or(as_of), horizon_days);
        Ok(Self { history: View::at(split.cut, timeline), whole: View::at(split.until, timeline) })
    }

    /// Whether the member has a basket on both sides.
    fn is_scored(&self, shard: &Shard, member: usize) -> bool {
        let Some(newest) = newest_basket_day(shard, member, self.whole.cut()) else { return false };
        match self.history.timeline() {
            Timeline::Ordinal => newest_basket_day(shard, member, newest.plus(-1)).is_some(),
            Timeline::Calendar => {
                newest > self.history.cut() && newest_basket_day(shard, member, self.history.cut()).is_some()
            }
        }
    }

    /// At most `limit` members that can be scored, those of the lowest hash, by shard.
    fn sample(&self, shards: &ShardSet, limit: usize, seed: u64) -> Result<Vec<Vec<u32>>, ShardError> {
        let salt = crate::base::seed::derive_seed(seed, "tuning members");
        let hashed: Vec<Vec<(u64, u32)>> = shards.map(|_, shard| {
            let members = (0..shard.members.len()).filter(|m| self.is_scored(shard, *m));
            let hash = |m: usize| salted_hash(shard.members.get(m).as_bytes(), salt);
            Ok::<_, ShardError>(members.map(|m| (hash(m), m as u32)).collect())
        })?;
        let mut all: Vec<u64> = hashed.iter().flatten().map(|h| h.0).collect();
        let last = if all.len() > limit { *all.select_nth_unstable(limit.saturating_sub(1)).1 } else { u64::MAX };
        let chosen = |shard: Vec<(u64, u32)>| shard.into_iter().filter(|h| h.0 <= last).map(|h| h.1).collect();
        Ok(hashed.into_iter().map(chosen).collect())
    }

    /// What the member bought in the tail: distinct items in rising order.
    pub(super) fn truth(&self, shard: &Shard, member: usize, baskets: &mut MemberBaskets, out: &mut Vec<u32>) {
        out.clear();
        baskets.fill(shard, member, &self.whole);
        for basket in 0..baskets.len() {
            let is_truth = match self.history.timeline() {
                Timeline::Ordinal => basket > 0 && basket + 1 == baskets.len(),
                Timeline::Calendar => baskets.day(basket) > self.history.cut(),
            };
            if is_truth {
                out.extend_from_slice(baskets.items(basket));
            }
        }
        out.sort_unstable();
        out.dedup();
    }
}

/// The settings of one round: every combination, the last list running fastest.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    pub(super) half_lives: Vec<f64>,
    pub(super) transition_weights: Vec<f64>,
    pub(super) decays: Vec<f64>,
    pub(super) rebuy_exponents: Vec<f64>,
    pub(super) kappas: Vec<f64>,
}

impl Grid {
    pub(super) fn len(&self) -> usize {
        self.half_lives.len()
            * self.transition_weights.len()
            * self.decays.len()
            * self.rebuy_exponents.len()
            * self.kappas.len()
    }

    pub(super) fn get(&self, index: usize) -> Parameters {
        let mut rest = index;
        let mut pick = |values: &[f64]| {
            let value = values[rest % values.len()];
            rest /= values.len();
            value
        };
        let kappa = pick(&self.kappas);
        let rebuy_exponent = pick(&self.rebuy_exponents);
        let decay = pick(&self.decays);
        let transition_weight = pick(&self.transition_weights);
        let half_life_days = pick(&self.half_lives);
        Parameters { kappa, half_life_days, decay, rebuy_exponent, transition_weight }
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
        self.recall.total_cmp(&other.recall).then(self.ndcg.total_cmp(&other.ndcg)).is_gt()
    }
}

/// What tuning reads.
pub(super) struct Tuning<'a> {
    pub(super) shards: &'a ShardSet,
    pub(super) tail: &'a Tail,
    pub(super) sample: &'a [Vec<u32>],
    pub(super) knowledge: &'a ItemKnowledge,
}

/// Per half-life: popularity by item, and the popular items in order.
struct Popular {
    share: Vec<f32>,
    order: Vec<u32>,
}

/// Tables that every member of a round is scored with.
struct Tables {
    popular: Vec<Popular>,
    rebuy: Vec<Vec<f32>>,
    decays: Vec<Vec<f32>>,
}

impl Tuning<'_> {
    fn best(&self, grid: &Grid) -> Result<Best, ShardError> {
        let figures = self.evaluate(grid)?;
        let all = figures.iter().enumerate().map(|(at, f)| Best { parameters: grid.get(at), recall: f.0, ndcg: f.1 });
        let first = Best { parameters: grid.get(0), recall: -1.0, ndcg: -1.0 };
        Ok(all.fold(first, |best, next| if next.better_than(&best) { next } else { best }))
    }

    /// Mean recall@10 and NDCG@10 of every setting, in grid order.
    pub(super) fn evaluate(&self, grid: &Grid) -> Result<Vec<(f64, f64)>, ShardError> {
        let statistics = &self.knowledge.statistics;
        let index = |h: &f64| statistics.half_lives().iter().position(|own| own == h).unwrap_or(0);
        let popular = |h: &f64| {
            let share = popularities(statistics, index(h));
            Popular { order: by_popularity(&share), share }
        };
        let tables = Tables {
            popular: grid.half_lives.iter().map(popular).collect(),
            rebuy: grid.rebuy_exponents.iter().map(|e| rebuy_factors(statistics, *e)).collect(),
            decays: grid.decays.iter().map(|d| powers(*d)).collect(),
        };
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

/// Scores members one after the other under every setting of a round.
struct Judge<'a> {
    tuning: &'a Tuning<'a>,
    grid: &'a Grid,
    tables: &'a Tables,
    space: Workspace,
    baskets: MemberBaskets,
    truth: Vec<u32>,
    /// X of every own item under every decay: shape `(own, decays)`.
    rebuy: Vec<f32>,
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
    fn new(tuning: &'a Tuning<'a>, grid: &'a Grid, tables: &'a Tables) -> Self {
        Self {
            tuning,
            grid,
            tables,
            space: Workspace::new(tuning.knowledge.statistics.len()),
            baskets: MemberBaskets::default(),
            truth: Vec::new(),
            rebuy: Vec::new(),
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
        let knowledge = self.tuning.knowledge;
        self.tuning.tail.truth(shard, member, &mut self.baskets, &mut self.truth);
        self.space.read(shard, member, knowledge.view(), &self.tables.decays[0]);
        self.space.associate(&knowledge.associations, knowledge.profile_items());
        self.rebuy_terms();
        let mut setting = 0;
        for half_life in 0..self.grid.half_lives.len() {
            for weight in 0..self.grid.transition_weights.len() {
                self.explore(half_life, self.grid.transition_weights[weight]);
                for decay in 0..self.grid.decays.len() {
                    for exponent in 0..self.grid.rebuy_exponents.len() {
                        for kappa in 0..self.grid.kappas.len() {
                            self.judge(setting, decay, exponent, self.grid.kappas[kappa]);
                            setting += 1;
                        }
                    }
                }
            }
        }
    }

    /// X of every own item under every decay, summed in the order the scorer sums it.
    fn rebuy_terms(&mut self) {
        let width = self.tables.decays.len();
        self.rebuy.clear();
        self.rebuy.resize(self.space.own.len() * width, 0.0);
        let baskets = self.space.baskets();
        for (position, basket) in (0..baskets.len()).rev().enumerate() {
            for item in baskets.items(basket) {
                let slot = self.space.cells[*item as usize].slot as usize;
                for (sum, decay) in self.rebuy[slot * width..(slot + 1) * width].iter_mut().zip(&self.tables.decays) {
                    *sum += at(decay, position);
                }
            }
        }
    }

    /// The ten best items that the member does not have, and the explore term of those the member has.
    fn explore(&mut self, half_life: usize, weight: f64) {
        let popular = &self.tables.popular[half_life];
        let cells = &self.space.cells;
        let mut floor = 0.0;
        for item in &self.space.touched {
            let cell = &cells[*item as usize];
            let term = explore(popular.share[*item as usize], cell.transition, weight);
            if term >= floor && cell.slot == NO_SLOT {
                self.fresh.push(term, *item);
                floor = self.fresh.threshold().unwrap_or(0.0);
            }
        }
        for item in &popular.order {
            let cell = &cells[*item as usize];
            let term = explore(popular.share[*item as usize], 0.0, weight);
            if term < floor {
                break;
            }
            if cell.slot == NO_SLOT && cell.transition == 0.0 {
                self.fresh.push(term, *item);
                floor = self.fresh.threshold().unwrap_or(0.0);
            }
        }
        self.fresh.drain_sorted(&mut self.fresh_ranked);
        self.own_explore.clear();
        self.own_explore.extend(self.space.own.iter().map(|own| {
            let i = own.item as usize;
            explore(popular.share[i], cells[i].transition, weight)
        }));
    }

    /// Adds the recall and the NDCG of one setting.
    fn judge(&mut self, setting: usize, decay: usize, exponent: usize, kappa: f64) {
        let width = self.tables.decays.len();
        let factors = &self.tables.rebuy[exponent];
        let mut floor = 0.0;
        for (slot, own) in self.space.own.iter().enumerate() {
            let rebuy = f64::from(factors[own.item as usize]) * f64::from(self.rebuy[slot * width + decay]);
            let score = rebuy + kappa * self.own_explore[slot];
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
        if !self.truth.is_empty() {
            self.sums[setting].0 += hits as f64 / self.truth.len() as f64;
            self.sums[setting].1 += gained / ideal;
        }
    }
}
