//! Tuning: the history's own tail is hidden, and the numbers that predict it best are kept.
//!
//! κ does not carry over from shop to shop, so every shop finds its own. Knowledge is fitted once, at the cut, with all
//! half-lives side by side, on a sample of the members fixed by hash; each judged member is then read once a round and scored under every setting of the round:
//! what the member has not bought keeps its order whatever the rebuy term is, so that its ten best are found once for
//! each setting of the explore term. A round varies a few numbers along with κ and keeps the setting with the highest mean
//! of recall@10 and NDCG@10; the number of settings is bounded and counted, never timed.

use super::{
    Calibration, HalfLives, ItemKnowledge, Parameters, RecommendSettings, Tuned, TunedFrom,
    judge::{Figures, Trial},
    tail::Tail,
};
use crate::{
    base::{Day, seed::derive_seed},
    history::{Dimensions, ShardError, ShardSet, Timeline},
    input::ItemTable,
    items::{MemberBaskets, MemberSample},
};

/// Length of the lists that probabilities are learned from.
const CALIBRATED: usize = 20;

/// Members, fixed by hash, whose histories tuning and calibration learn from.
const KNOWN_MEMBERS: usize = 60_000;

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
const TRENDS: [f64; 3] = [0.0, 0.5, 1.0];
const REBUY_EXPONENTS: [f64; 4] = [0.0, 0.25, 0.5, 0.75];
const TRANSITION_WEIGHTS: [f64; 6] = [0.1, 0.3, 0.5, 0.7, 0.85, 0.95];
const CATEGORY_WEIGHTS: [f64; 4] = [0.0, 0.05, 0.15, 0.3];
const ALIKE_WEIGHTS: [f64; 4] = [0.0, 0.15, 0.3, 0.5];
/// The first is what was found without them.
const ALIKE_NEAR: [f64; 3] = [1.0, 0.8, 1.25];
/// Standard errors by which members who are alike must help: a 95 % interval.
const CONFIDENCE: f64 = 1.96;
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
    let sampled = MemberSample::of(shards, KNOWN_MEMBERS, derive_seed(seed, "tuning members"))?;
    let tail = Tail::find(shards, dimensions, settings.horizon_days, 1, sampled)?;
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
        let sample = tail.sample(shards, settings.tuning_members)?;
        tuned.members = sample.iter().map(Vec::len).sum::<usize>() as u32;
        if tuned.members as usize >= settings.tuning_min_members {
            let half_lives = half_lives(dimensions.timeline, settings);
            let knowledge = ItemKnowledge::fit(shards, &tail.history, items, &half_lives, settings)?;
            let mut tuning = Tuning { shards, tail: &tail, sample: &sample, knowledge };
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
    tuned.calibration = calibrate(shards, items, dimensions, settings, &tuned.parameters, sampled)?;
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
        tastes: None,
        panel: false,
        trend: timeline == Timeline::Calendar && grid(given.trend_exponent, &TRENDS).iter().any(|t| *t > 0.0),
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
    sampled: MemberSample,
) -> Result<Option<Calibration>, ShardError> {
    let tail = Tail::find(shards, dimensions, settings.horizon_days, 2, sampled)?;
    let sample = tail.sample(shards, settings.tuning_members)?;
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
            trend_exponent: rebuy.trend_exponent,
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

/// What tuning reads, and learns.
struct Tuning<'a> {
    shards: &'a ShardSet,
    tail: &'a Tail,
    sample: &'a [Vec<u32>],
    knowledge: ItemKnowledge,
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
    /// shares once more, now that the rest is known, then trends where there is time; κ along with each.
    fn rounds(
        &mut self,
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
            all.retain(|p| fixed || p.popularity_weight() >= LEAST_POPULARITY);
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
        let mut best = round(fifth, Some(fourth))?;
        if half_lives.trend && given.trend_exponent.is_none() {
            let p = best.parameters;
            let trends = every(&p, [&TRENDS], |p, [trend]| p.trend_exponent = trend);
            best = round(Grid { explore: vec![p], rebuy: trends, kappas: near(p.kappa) }, Some(best))?;
        }
        let (best, more) = self.alike(best, settings)?;
        Ok((best, evaluated + more))
    }

    /// Members who are alike: their segments and the nearest of them, which cost more than the other terms together and
    /// are used only where they are surely worth it.
    fn alike(&mut self, best: Best, settings: &RecommendSettings) -> Result<(Best, u32), ShardError> {
        let given = &settings.given;
        let p = best.parameters;
        let weights = |given: Option<f64>| grid(given, &ALIKE_WEIGHTS);
        let (segments, neighbours) = (weights(given.segment_weight), weights(given.neighbour_weight));
        let tastes = segments.iter().any(|w| *w > 0.0).then_some(p.half_life_days);
        let panel = neighbours.iter().any(|w| *w > 0.0);
        self.knowledge.learn_alike(self.shards, tastes, panel)?;
        let (transition, category) = (given.transition_weight.is_none(), given.category_weight.is_none());
        let mut explore = every(&p, [&segments, &neighbours], |p, [segment, neighbour]| {
            (p.segment_weight, p.neighbour_weight) = (segment, neighbour);
            // They take from the other terms and from popularity alike.
            let left = 1.0 - segment - neighbour;
            p.transition_weight *= if transition { left } else { 1.0 };
            p.category_weight *= if category { left } else { 1.0 };
        });
        explore.retain(|p| p.popularity_weight() > 0.0);
        if explore.is_empty() {
            return Ok((best, 0));
        }
        let kappas = grid(given.kappa, &ALIKE_NEAR.map(|factor| factor * p.kappa));
        let trial = Grid { explore, rebuy: vec![p], kappas };
        let figures = self.trial().evaluate(&trial)?;
        // What the job gives has no choice but to be used.
        let fixed = segments[0] > 0.0 || neighbours[0] > 0.0;
        let first = Best { parameters: trial.get(0), recall: figures[0].recall, ndcg: figures[0].ndcg };
        let best = if fixed { first } else { best };
        let surely = figures.iter().enumerate().filter(|(_, f)| f.gain.0 > CONFIDENCE * f.gain.1);
        let found = surely.map(|(at, f)| Best { parameters: trial.get(at), recall: f.recall, ndcg: f.ndcg });
        let best = found.fold(best, |best, next| if next.better_than(&best) { next } else { best });
        Ok((best, trial.len() as u32))
    }

    fn trial(&self) -> Trial<'_> {
        Trial { shards: self.shards, tail: self.tail, sample: self.sample, knowledge: &self.knowledge }
    }

    fn best(&self, grid: &Grid) -> Result<Best, ShardError> {
        let figures = self.trial().evaluate(grid)?;
        let found = |(at, f): (usize, &Figures)| Best { parameters: grid.get(at), recall: f.recall, ndcg: f.ndcg };
        let all = figures.iter().enumerate().map(found);
        let first = Best { parameters: grid.get(0), recall: -1.0, ndcg: -1.0 };
        Ok(all.fold(first, |best, next| if next.better_than(&best) { next } else { best }))
    }
}
