//! The fill: requests are granted one after the other, and nothing beyond what is left.

use std::{cmp::Ordering, collections::BinaryHeap};

use rayon::prelude::*;

use super::{
    super::list::ListRules,
    Bid, BidMember, Resources, ShardBids,
    prices::{Prices, UNIT, pieces},
    solve::{Offerings, Space, State},
};

/// What came of an allocation.
#[derive(Debug, Clone)]
pub struct Allocation {
    /// Of every bidding member of every shard: the bids that make the list, slot 1 first.
    lists: Vec<Lists>,
    /// By resource: its price, in score per unit.
    pub prices: Vec<f64>,
    /// By resource: what is left.
    pub left: Vec<u64>,
    /// The sum of the scores of all lists but those of members who are held out.
    pub value: f64,
    /// The dual value: no allocation is worth more.
    pub bound: f64,
    /// Rounds in which prices were found.
    pub rounds: u32,
}

#[derive(Debug, Clone, Default)]
struct Lists {
    offsets: Vec<u32>,
    bids: Vec<u32>,
}

impl Allocation {
    /// The list of the member at a position of [`ShardBids::members`], as indices of its bids, slot 1 first.
    #[must_use]
    pub fn of(&self, shard: usize, at: usize) -> &[u32] {
        let lists = &self.lists[shard];
        &lists.bids[lists.offsets[at] as usize..lists.offsets[at + 1] as usize]
    }

    /// By which share of the bound the allocation falls short of it.
    #[must_use]
    pub fn gap(&self) -> f64 {
        if self.bound > 0.0 { ((self.bound - self.value) / self.bound).max(0.0) } else { 0.0 }
    }
}

/// A bid that is asked for.
#[derive(Debug, Clone, Copy)]
struct Request {
    /// What the member's list is worth less without it.
    loss: f64,
    rank: u32,
    member: u32,
    shard: u32,
    bid: u32,
}

impl Ord for Request {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_loss = self.loss.total_cmp(&other.loss);
        by_loss.then(other.rank.cmp(&self.rank)).then(other.bid.cmp(&self.bid))
    }
}

impl PartialOrd for Request {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Request {}

struct Filler<'a> {
    rules: &'a ListRules<'a>,
    shards: &'a [ShardBids],
    resources: &'a Resources,
    prices: Vec<f64>,
    left: Vec<u64>,
    /// By shard and bid.
    state: Vec<Vec<State>>,
}

pub(super) fn fill(rules: &ListRules<'_>, shards: &[ShardBids], resources: &Resources, prices: Prices) -> Allocation {
    let left: Vec<u64> = resources.list().iter().map(|r| r.left).collect();
    let state = shards.iter().map(|s| vec![State::Open; s.all().len()]).collect();
    let mut filler = Filler { rules, shards, resources, prices: prices.prices.clone(), left, state };
    filler.grant();
    // What is left over costs nothing any more; each round can only take away from it.
    for _ in 0..3 {
        let open = filler.left.iter().zip(&filler.prices).any(|(left, price)| *left > 0 && *price > 0.0);
        if !open {
            break;
        }
        for (price, left) in filler.prices.iter_mut().zip(&filler.left) {
            if *left > 0 {
                *price = 0.0;
            }
        }
        if filler.grant() == 0 {
            break;
        }
    }
    filler.finish(prices)
}

impl<'a> Filler<'a> {
    fn offerings(&self) -> Offerings<'_> {
        Offerings { rules: self.rules, resources: self.resources, prices: &self.prices, left: Some(&self.left) }
    }

    /// Grants what can be granted at the prices; gives the number of grants.
    fn grant(&mut self) -> usize {
        let parts: Vec<Vec<Request>> = pieces(self.shards)
            .into_par_iter()
            .with_max_len(1)
            .map_init(Space::default, |space, (shard, range)| {
                let mut requests = Vec::new();
                range.for_each(|at| self.ask(shard, at, space, &mut requests));
                requests
            })
            .collect();
        let mut granted = 0;
        let mut heap: BinaryHeap<Request> = parts.concat().into();
        for request in &heap {
            self.set(request, State::Asked);
        }
        let mut space = Space::default();
        let mut again = Vec::new();
        while let Some(request) = heap.pop() {
            let (member, bid) = self.about(&request);
            if self.resources.exhausted(bid.offer(), member.city, member.segment, &self.left).is_none() {
                if !member.ghost && !bid.is_ghost() {
                    let left = &mut self.left;
                    self.resources.each(bid.offer(), member.city, member.segment, |r, cost| left[r] -= cost);
                }
                self.set(&request, State::Granted);
                granted += 1;
                continue;
            }
            self.set(&request, State::Refused);
            again.clear();
            self.ask(request.shard as usize, request.member as usize, &mut space, &mut again);
            for request in &again {
                self.set(request, State::Asked);
            }
            heap.extend(again.iter().copied());
        }
        granted
    }

    fn about(&self, request: &Request) -> (BidMember, Bid) {
        let shard = &self.shards[request.shard as usize];
        let at = request.member as usize;
        (shard.members()[at], shard.of(at)[request.bid as usize])
    }

    fn set(&mut self, request: &Request, state: State) {
        let (shard, at) = (request.shard as usize, request.member as usize);
        let first = self.shards[shard].range(at).start;
        self.state[shard][first + request.bid as usize] = state;
    }

    /// Adds what a member asks for and has not asked for yet.
    fn ask(&self, shard: usize, at: usize, space: &mut Space, out: &mut Vec<Request>) {
        let bids = self.shards[shard].of(at);
        let states = &self.state[shard][self.shards[shard].range(at)];
        let member = &self.shards[shard].members()[at];
        let offerings = self.offerings();
        let value = offerings.solve(member, bids, |bid| states[bid], None, space);
        let start = out.len();
        for bid in &space.chosen {
            if bids[*bid as usize].is_request() && states[*bid as usize] == State::Open {
                let request =
                    Request { loss: 0.0, rank: member.rank, member: at as u32, shard: shard as u32, bid: *bid };
                out.push(request);
            }
        }
        for request in &mut out[start..] {
            let without = offerings.solve(member, bids, |bid| states[bid], Some(request.bid), space);
            request.loss = value - without;
        }
    }

    /// The lists.
    fn finish(mut self, prices: Prices) -> Allocation {
        // Nothing more is asked for: what is not granted is refused.
        for state in self.state.iter_mut().flatten() {
            if *state != State::Granted {
                *state = State::Refused;
            }
        }
        let parts: Vec<(Lists, i128, Vec<u64>)> = self
            .shards
            .par_iter()
            .enumerate()
            .with_max_len(1)
            .map_init(Space::default, |space, (index, shard)| self.lists(index, shard, space))
            .collect();
        let (mut lists, mut value) = (Vec::with_capacity(parts.len()), 0);
        for (list, worth, given_back) in parts {
            lists.push(list);
            value += worth;
            self.left.iter_mut().zip(given_back).for_each(|(left, more)| *left += more);
        }
        Allocation {
            lists,
            prices: prices.prices,
            left: self.left,
            value: value as f64 * UNIT,
            bound: prices.bound,
            rounds: prices.rounds,
        }
    }

    fn lists(&self, index: usize, shard: &ShardBids, space: &mut Space) -> (Lists, i128, Vec<u64>) {
        let offerings = self.offerings();
        let mut lists = Lists { offsets: vec![0], bids: Vec::new() };
        let (mut value, mut given_back) = (0i128, vec![0; self.left.len()]);
        for (at, member) in shard.members().iter().enumerate() {
            let bids = shard.of(at);
            let states = &self.state[index][shard.range(at)];
            let worth = offerings.solve(member, bids, |bid| states[bid], None, space);
            offerings.arrange(member, bids, space);
            lists.bids.extend_from_slice(&space.chosen);
            lists.offsets.push(lists.bids.len() as u32);
            if member.ghost {
                continue;
            }
            value += (worth / UNIT).round() as i128;
            // A grant that the rules of the list stand against after all goes back.
            for (bid, state) in states.iter().enumerate() {
                if *state == State::Granted && !bids[bid].is_ghost() && !space.chosen.contains(&(bid as u32)) {
                    let give = |r: usize, cost: u64| given_back[r] += cost;
                    self.resources.each(bids[bid].offer(), member.city, member.segment, give);
                }
            }
        }
        (lists, value, given_back)
    }
}
