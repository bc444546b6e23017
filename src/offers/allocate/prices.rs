//! Prices of what is scarce, by repeated sums over shards.
//!
//! Each round every member takes its best list at the prices, and what is asked for of each resource is added up. A
//! price moves against its own excess: up while more is asked for than there is, down while less. The step of each
//! resource grows while the direction stays and halves when it turns (resilient steps, Riedmiller and Braun 1993): the
//! demand for a resource falls as its price rises, so that the turns close in on the price, and a step of its own for
//! every resource needs no scale. The prices of the round with the lowest dual value are kept.

use rayon::prelude::*;

use super::{
    super::list::ListRules,
    Resources, ShardBids,
    solve::{Offerings, Space, State},
};

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
                if member.ghost {
                    continue;
                }
                let bids = shard.of(at);
                let worth = offerings.solve(member, bids, |_| State::Open, None, space);
                value += (worth / UNIT).round() as i128;
                for chosen in &space.chosen {
                    let bid = &bids[*chosen as usize];
                    if bid.is_request() {
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

#[derive(Clone, Copy)]
struct Step {
    length: f64,
    /// Direction of the last move; 0: none.
    last: i8,
}

pub(super) fn find(rules: &ListRules<'_>, shards: &[ShardBids], resources: &Resources) -> Prices {
    let list = resources.list();
    let mut steps: Vec<Step> =
        greatest(shards, resources).into_iter().map(|m| Step { length: m * FIRST_STEP, last: 0 }).collect();
    let mut prices = vec![0.0; list.len()];
    let mut best = Prices { prices: prices.clone(), bound: f64::INFINITY, rounds: 0 };
    let pieces = pieces(shards);
    let mut waited = 0;
    for round in 1..=ROUNDS {
        let offerings = Offerings { rules, resources, prices: &prices, left: None };
        let (asked, value) = demand(&offerings, shards, &pieces);
        let paid: f64 = list.iter().zip(&prices).map(|(r, price)| price * r.left as f64).sum();
        let bound = value as f64 * UNIT + paid;
        waited = if bound < best.bound * (1.0 - BETTER) { 0 } else { waited + 1 };
        if bound < best.bound {
            best = Prices { prices: prices.clone(), bound, rounds: best.rounds };
        }
        best.rounds = round as u32;
        let mut moved = false;
        for ((resource, asked), (step, price)) in list.iter().zip(&asked).zip(steps.iter_mut().zip(&mut prices)) {
            let direction = if *asked > resource.left {
                1
            } else if *price > 0.0 && (*asked as f64) < resource.left as f64 * (1.0 - SLACK) {
                -1
            } else {
                0
            };
            if direction != 0 {
                match step.last * direction {
                    1 => step.length *= GROWTH,
                    -1 => step.length *= 0.5,
                    _ => {}
                }
                *price = (*price + f64::from(direction) * step.length).max(0.0);
                step.last = direction;
                moved = true;
            }
        }
        if !moved || waited >= PATIENCE {
            break;
        }
    }
    best
}
