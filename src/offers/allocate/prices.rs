//! Prices of what is scarce, by repeated sums over shards.
//!
//! Each round every member takes its best list at the prices, and what is asked for of each resource is added up. A
//! price moves against its own excess: up while more is asked for than there is, down while less. The step of each
//! resource grows while the direction stays and halves when it turns (resilient steps, Riedmiller and Braun 1993): the
//! demand for a resource falls as its price rises, so that the turns close in on the price, and a step of its own for
//! every resource needs no scale. The prices of the round with the lowest dual value are kept. Where members are many, the
//! first rounds look at a sample of them, fixed by a hash of their ranks, with limits to scale.

use rayon::prelude::*;

use super::{
    super::list::ListRules,
    BidMember, Resources, ShardBids,
    solve::{Offerings, Space, State},
};
use crate::base::hash::salted_hash;

/// Most rounds.
const ROUNDS: usize = 64;
/// Rounds in a row without a better dual value by [`BETTER`] after which prices are as good as they get.
const PATIENCE: usize = 10;
const BETTER: f64 = 2e-5;
/// Share of a resource that may stay unasked for at a price above 0.
const SLACK: f64 = 0.002;
/// The first step, as a share of the greatest score that a resource is asked for with.
const FIRST_STEP: f64 = 0.125;
const GROWTH: f64 = 1.6;

/// Prices, and what they are worth.
#[derive(Debug, Clone)]
pub(super) struct Prices {
    /// By resource, in score per unit.
    pub(super) prices: Vec<f64>,
    /// The dual value: no allocation is worth more.
    pub(super) bound: f64,
    /// Rounds taken.
    pub(super) rounds: u32,
}

/// Members of one piece of work: pieces are the same for any number of threads.
const PIECE: usize = 16_384;

/// Units of the fixed point in which values are added up.
pub(super) const UNIT: f64 = 1e-9;

pub(super) fn pieces(shards: &[ShardBids]) -> Vec<(usize, std::ops::Range<usize>)> {
    let of = |(shard, bids): (usize, &ShardBids)| {
        let len = bids.members().len();
        (0..len.div_ceil(PIECE)).map(move |p| (shard, p * PIECE..((p + 1) * PIECE).min(len))).collect::<Vec<_>>()
    };
    shards.iter().enumerate().flat_map(of).collect()
}

/// What is asked for of each resource, and the value of all lists in units of [`UNIT`].
fn demand(
    offerings: &Offerings<'_>,
    shards: &[ShardBids],
    pieces: &[(usize, std::ops::Range<usize>)],
    sample: Sample,
) -> (Vec<u64>, i128) {
    let resources = offerings.resources.list().len();
    let parts: Vec<(Vec<u64>, i128)> = pieces
        .par_iter()
        .with_max_len(1)
        .map_init(Space::default, |space, (shard, range)| {
            let shard = &shards[*shard];
            let (mut asked, mut value) = (vec![0u64; resources], 0i128);
            for at in range.clone() {
                let member = &shard.members()[at];
                if member.ghost || !sample.holds(member) {
                    continue;
                }
                let bids = shard.of(at);
                let worth = offerings.solve(member, bids, |_| State::Open, None, space);
                value += (worth / UNIT).round() as i128;
                for chosen in &space.chosen {
                    let bid = &bids[*chosen as usize];
                    if bid.is_request() && bid.is_ghost() {
                        // It is decided at the price like any other, and takes nothing that would cost it.
                        value += (offerings.price(bid, member) / UNIT).round() as i128;
                    } else if bid.is_request() {
                        offerings.resources.each(bid.offer(), member.city, member.segment, |r, cost| asked[r] += cost);
                    }
                }
            }
            (asked, value)
        })
        .collect();
    let (mut asked, mut value) = (vec![0u64; resources], 0i128);
    for (more, worth) in parts {
        value += worth;
        asked.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    }
    (asked, value)
}

/// By offer: members whose best list has the scarce offer, were there enough of everything.
pub(super) fn wanted(rules: &ListRules<'_>, shards: &[ShardBids], resources: &Resources) -> Vec<u64> {
    let prices = vec![0.0; resources.list().len()];
    let offerings = Offerings { rules, resources, prices: &prices, left: None };
    let parts: Vec<Vec<u64>> = pieces(shards)
        .into_par_iter()
        .with_max_len(1)
        .map_init(Space::default, |space, (shard, range)| {
            let shard = &shards[shard];
            let mut wanted = vec![0; resources.offers()];
            for at in range {
                let bids = shard.of(at);
                offerings.solve(&shard.members()[at], bids, |_| State::Open, None, space);
                for bid in space.chosen.iter().map(|at| &bids[*at as usize]) {
                    if resources.is_scarce(bid.offer()) {
                        wanted[usize::from(bid.offer())] += 1;
                    }
                }
            }
            wanted
        })
        .collect();
    let mut wanted = vec![0; resources.offers()];
    for part in parts {
        wanted.iter_mut().zip(part).for_each(|(sum, more)| *sum += more);
    }
    wanted
}

/// The greatest score per unit that each resource is asked for with.
fn greatest(shards: &[ShardBids], resources: &Resources) -> Vec<f64> {
    let parts: Vec<Vec<f64>> = shards
        .par_iter()
        .map(|shard| {
            let mut most = vec![0.0f64; resources.list().len()];
            for (at, member) in shard.members().iter().enumerate() {
                for bid in shard.of(at).iter().filter(|b| b.is_request()) {
                    let note = |r: usize, cost: u64| most[r] = most[r].max(bid.score() / cost as f64);
                    resources.each(bid.offer(), member.city, member.segment, note);
                }
            }
            most
        })
        .collect();
    let mut most = vec![0.0f64; resources.list().len()];
    for part in parts {
        most.iter_mut().zip(part).for_each(|(a, b)| *a = a.max(b));
    }
    most
}

/// One resource's way to its price.
#[derive(Clone, Copy)]
struct Step {
    length: f64,
    /// Direction of the last move; 0: none.
    last: i8,
}

/// Prices of all resources on their way.
struct Search<'a> {
    rules: &'a ListRules<'a>,
    shards: &'a [ShardBids],
    resources: &'a Resources,
    pieces: Vec<(usize, std::ops::Range<usize>)>,
    prices: Vec<f64>,
    steps: Vec<Step>,
    rounds: u32,
}

impl Search<'_> {
    /// Up to `rounds` rounds over the members of `sample`, of which there is `left` of each resource; gives the best prices
    /// and their dual value.
    fn run(&mut self, rounds: usize, sample: Sample, left: &[f64]) -> (Vec<f64>, f64) {
        let (mut best, mut bound) = (self.prices.clone(), f64::INFINITY);
        let mut waited = 0;
        for _ in 0..rounds {
            let offerings =
                Offerings { rules: self.rules, resources: self.resources, prices: &self.prices, left: None };
            let (asked, value) = demand(&offerings, self.shards, &self.pieces, sample);
            let paid: f64 = left.iter().zip(&self.prices).map(|(left, price)| price * left).sum();
            let now = value as f64 * UNIT + paid;
            waited = if now < bound * (1.0 - BETTER) { 0 } else { waited + 1 };
            if now < bound {
                best.clone_from(&self.prices);
                bound = now;
            }
            self.rounds += 1;
            if !self.step(&asked, left) || waited >= PATIENCE {
                break;
            }
        }
        (best, bound)
    }

    /// Moves every price against its own excess; tells whether any was moved.
    fn step(&mut self, asked: &[u64], left: &[f64]) -> bool {
        let mut moved = false;
        for ((left, asked), (step, price)) in left.iter().zip(asked).zip(self.steps.iter_mut().zip(&mut self.prices)) {
            let asked = *asked as f64;
            let direction = if asked > *left {
                1
            } else if *price > 0.0 && asked < left * (1.0 - SLACK) {
                -1
            } else {
                continue;
            };
            match step.last * direction {
                1 => step.length *= GROWTH,
                -1 => step.length *= 0.5,
                _ => {}
            }
            *price = (*price + f64::from(direction) * step.length).max(0.0);
            step.last = direction;
            moved = true;
        }
        moved
    }
}

/// Which members take part in a round: those whose rank falls to 0 of so many.
#[derive(Clone, Copy)]
struct Sample(u64);

impl Sample {
    fn holds(self, member: &BidMember) -> bool {
        self.0 <= 1 || salted_hash(&member.rank.to_le_bytes(), 0).is_multiple_of(self.0)
    }
}

/// Members above which the first rounds look at a sample of them.
const SAMPLED_FROM: usize = 200_000;
/// One in so many is in it.
const ONE_IN: u64 = 8;
/// Steps over all members, after those over the sample, as a share of the price.
const SECOND_STEP: f64 = 0.02;

pub(super) fn find(rules: &ListRules<'_>, shards: &[ShardBids], resources: &Resources) -> Prices {
    let list = resources.list();
    let greatest = greatest(shards, resources);
    let steps = greatest.iter().map(|m| Step { length: m * FIRST_STEP, last: 0 }).collect();
    let (pieces, prices) = (pieces(shards), vec![0.0; list.len()]);
    let mut search = Search { rules, shards, resources, pieces, prices, steps, rounds: 0 };
    let left: Vec<f64> = list.iter().map(|r| r.left as f64).collect();
    let members: usize = shards.iter().map(|s| s.members().len()).sum();
    let mut most = ROUNDS;
    if members > SAMPLED_FROM {
        let sample = Sample(ONE_IN);
        let count = |sample: Sample| {
            let treated = |s: &ShardBids| s.members().iter().filter(|m| !m.ghost && sample.holds(m)).count();
            shards.par_iter().map(treated).sum::<usize>() as f64
        };
        let share = count(sample) / count(Sample(1)).max(1.0);
        let scaled: Vec<f64> = left.iter().map(|left| left * share).collect();
        search.prices = search.run(ROUNDS, sample, &scaled).0;
        for ((step, price), most) in search.steps.iter_mut().zip(&search.prices).zip(&greatest) {
            *step = Step { length: (price * SECOND_STEP).max(most * SECOND_STEP * 0.1), last: 0 };
        }
        most = ROUNDS / 2;
    }
    let (prices, bound) = search.run(most, Sample(1), &left);
    Prices { prices, bound, rounds: search.rounds }
}
