//! Which items follow which: counts of "j in a basket, i in a later one" and of "i and j in one basket".
//!
//! A row is counted at a time: the baskets that hold j are walked and what stands in them and in the next four is added
//! up in a dense array, so that no pair is ever stored. Members are sampled where the shop has more pairs than the
//! budget: the sample is fixed by a salted hash of the member's id, and its size by an exact count of the pairs.

use rayon::prelude::*;

use super::{ItemStatistics, MemberBaskets, View, pool::Pool};
use crate::{
    base::hash::salted_hash,
    history::{ShardError, ShardSet},
};

/// Weight of lag 1, 2, 3 and 4, in thousandths: 0.7^(lag − 1).
pub const LAG_WEIGHTS: [u64; 4] = [1000, 700, 490, 343];

/// Weights are thousandths.
const SCALE: f64 = 1000.0;

/// Baskets with more distinct items are stock-taking, not taste: they are left out of pairs.
const LARGEST_BASKET: usize = 512;

/// Pairs one member may give; the newest baskets come first.
const MEMBER_PAIRS: u64 = 1 << 20;

/// Buckets of the members' sample hash.
const BUCKETS: usize = 4096;

/// Salt of the members' sample hash. Part of the format.
const SALT: u64 = 0x7472_616e_7369_7421;

/// What a stored event costs in pairs: keeps events within memory where baskets are small.
const EVENT_COST: u64 = 4;

fn bucket(member: &str) -> usize {
    (salted_hash(member.as_bytes(), SALT) % BUCKETS as u64) as usize
}

/// The newest baskets of a member whose pairs are counted: index of the first, and the pairs.
fn counted(baskets: &MemberBaskets) -> (usize, u64) {
    let mut pairs = 0;
    let mut first = baskets.len();
    while first > 0 {
        let size = size(baskets, first - 1);
        let later: u64 = (first..baskets.len().min(first + LAG_WEIGHTS.len())).map(|b| self::size(baskets, b)).sum();
        let more = size * (later + size.saturating_sub(1));
        if pairs + more > MEMBER_PAIRS {
            break;
        }
        pairs += more;
        first -= 1;
    }
    (first, pairs)
}

fn size(baskets: &MemberBaskets, basket: usize) -> u64 {
    let size = baskets.items(basket).len();
    if size > LARGEST_BASKET { 0 } else { size as u64 }
}

/// How much work each bucket of members is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairCensus(Vec<u64>);

impl Default for PairCensus {
    fn default() -> Self {
        Self(vec![0; BUCKETS])
    }
}

impl PairCensus {
    pub(super) fn add_member(&mut self, member: &str, baskets: &MemberBaskets) {
        let (first, pairs) = counted(baskets);
        if pairs > 0 {
            let events: u64 = (first..baskets.len()).map(|b| size(baskets, b)).sum();
            self.0[bucket(member)] += pairs + EVENT_COST * events;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a += b;
        }
    }

    /// Buckets, from the first, that fit the budget; never none.
    fn within(&self, budget: u64) -> usize {
        let mut sum = 0u64;
        let fitting = self.0.iter().take_while(|cost| {
            sum = sum.saturating_add(**cost);
            sum <= budget
        });
        fitting.count().max(1)
    }
}

/// One item that goes with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// The item.
    pub item: u32,
    /// Its count: thousandths of baskets.
    pub count: u64,
}

/// For every item the items that go with it most, highest count first, ties by item index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Items + 1 offsets into `entries`.
    offsets: Vec<usize>,
    entries: Vec<Neighbour>,
}

impl Neighbours {
    /// The neighbours of `item`.
    #[must_use]
    pub fn of(&self, item: u32) -> &[Neighbour] {
        match (self.offsets.get(item as usize), self.offsets.get(item as usize + 1)) {
            (Some(&start), Some(&end)) => &self.entries[start..end],
            _ => &[],
        }
    }

    /// (item, neighbour) pairs kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no item has a neighbour.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn push_row(&mut self, row: &[Neighbour]) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.entries.extend_from_slice(row);
        self.offsets.push(self.entries.len());
    }
}

/// What follows and what accompanies every item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transitions {
    /// Items in one of the next four baskets, weighted 0.7^(lag − 1).
    pub followers: Neighbours,
    /// Other items in the same basket.
    pub companions: Neighbours,
    /// Sampled baskets that hold the item, by item.
    baskets: Vec<u64>,
    /// Sampled share of the members' hash space.
    sampled: f64,
}

impl Transitions {
    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.baskets.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.baskets.is_empty()
    }

    /// n: sampled baskets that hold the item.
    #[must_use]
    pub fn baskets(&self, item: u32) -> u64 {
        self.baskets[item as usize]
    }

    /// Share of the members' hash space that was counted.
    #[must_use]
    pub fn sampled(&self) -> f64 {
        self.sampled
    }

    /// The count of a neighbour, in baskets.
    #[must_use]
    pub fn weight(neighbour: Neighbour) -> f64 {
        neighbour.count as f64 / SCALE
    }
}

/// Sampled baskets end to end, and for each how many of the next belong to the same member.
#[derive(Default)]
struct Sample {
    ends: Vec<u32>,
    later: Vec<u8>,
    items: Vec<u32>,
}

impl Sample {
    fn start(&self, basket: usize) -> usize {
        if basket == 0 { 0 } else { self.ends[basket - 1] as usize }
    }

    fn append(&mut self, other: &Self) {
        let base = self.items.len() as u32;
        self.ends.extend(other.ends.iter().map(|end| base + end));
        self.later.extend_from_slice(&other.later);
        self.items.extend_from_slice(&other.items);
    }
}

/// Counts which items follow and accompany which, keeping `kept` of each per item, within `pair_budget` pairs.
/// `statistics` must come from the same shards and view.
///
/// # Errors
/// If a spilled shard cannot be read back.
pub fn transitions(
    shards: &ShardSet,
    view: &View,
    statistics: &ItemStatistics,
    pair_budget: u64,
    kept: usize,
) -> Result<Transitions, ShardError> {
    let items = statistics.len();
    let buckets = statistics.census().within(pair_budget);
    let pool = Pool::new(|| (MemberBaskets::default(), vec![0u64; items]));
    let samples = shards.map(|_, shard| {
        Ok::<_, ShardError>(pool.with(|(baskets, holding)| {
            let mut sample = Sample::default();
            for member in 0..shard.members.len() {
                if bucket(shard.members.get(member)) < buckets {
                    baskets.fill(shard, member, view);
                    gather(baskets, holding, &mut sample);
                }
            }
            sample
        }))
    })?;
    let mut baskets = vec![0u64; items];
    for (_, holding) in pool.into_all() {
        for (a, b) in baskets.iter_mut().zip(holding) {
            *a += b;
        }
    }
    let mut whole = Sample::default();
    for sample in samples {
        whole.append(&sample);
    }
    let (followers, companions) = count_rows(&whole, items, kept);
    Ok(Transitions { followers, companions, baskets, sampled: buckets as f64 / BUCKETS as f64 })
}

fn gather(baskets: &MemberBaskets, holding: &mut [u64], sample: &mut Sample) {
    for item in baskets.all_items() {
        holding[*item as usize] += 1;
    }
    let (first, pairs) = counted(baskets);
    if pairs == 0 {
        return;
    }
    for basket in first..baskets.len() {
        if size(baskets, basket) > 0 {
            sample.items.extend_from_slice(baskets.items(basket));
        }
        sample.ends.push(sample.items.len() as u32);
        sample.later.push((baskets.len() - 1 - basket).min(LAG_WEIGHTS.len()) as u8);
    }
}

/// The baskets that hold each item: offsets and basket numbers.
fn holders(sample: &Sample, items: usize) -> (Vec<u32>, Vec<u32>) {
    let mut offsets = vec![0u32; items + 1];
    for item in &sample.items {
        offsets[*item as usize + 1] += 1;
    }
    for i in 0..items {
        offsets[i + 1] += offsets[i];
    }
    let mut next = offsets.clone();
    let mut baskets = vec![0u32; sample.items.len()];
    for basket in 0..sample.ends.len() {
        for item in &sample.items[sample.start(basket)..sample.ends[basket] as usize] {
            let at = &mut next[*item as usize];
            baskets[*at as usize] = basket as u32;
            *at += 1;
        }
    }
    (offsets, baskets)
}

/// A dense row of counts and the places that are not 0.
struct Row {
    counts: Vec<u64>,
    touched: Vec<u32>,
    best: Vec<Neighbour>,
}

impl Row {
    fn new(items: usize) -> Self {
        Self { counts: vec![0; items], touched: Vec::new(), best: Vec::new() }
    }

    fn add(&mut self, items: &[u32], weight: u64) {
        for &item in items {
            let count = &mut self.counts[item as usize];
            if *count == 0 {
                self.touched.push(item);
            }
            *count += weight;
        }
    }

    /// Moves the `kept` highest counts, other than of `but`, behind `out`, and empties the row.
    fn take(&mut self, but: u32, kept: usize, out: &mut Neighbours) {
        self.best.clear();
        for item in self.touched.drain(..) {
            let count = std::mem::take(&mut self.counts[item as usize]);
            if item != but {
                self.best.push(Neighbour { item, count });
            }
        }
        let order = |a: &Neighbour, b: &Neighbour| b.count.cmp(&a.count).then(a.item.cmp(&b.item));
        if self.best.len() > kept {
            self.best.select_nth_unstable_by(kept, order);
            self.best.truncate(kept);
        }
        self.best.sort_unstable_by(order);
        out.push_row(&self.best);
    }
}

/// Rows counted by one task.
const ROWS: usize = 64;

fn count_rows(sample: &Sample, items: usize, kept: usize) -> (Neighbours, Neighbours) {
    let (offsets, holders) = holders(sample, items);
    let pool = Pool::new(|| (Row::new(items), Row::new(items)));
    let blocks: Vec<(Neighbours, Neighbours)> = (0..items.div_ceil(ROWS))
        .into_par_iter()
        .with_max_len(1)
        .map(|block| {
            pool.with(|(next, same)| {
                let mut rows = (Neighbours::default(), Neighbours::default());
                for item in block * ROWS..((block + 1) * ROWS).min(items) {
                    for basket in &holders[offsets[item] as usize..offsets[item + 1] as usize] {
                        let basket = *basket as usize;
                        same.add(&sample.items[sample.start(basket)..sample.ends[basket] as usize], SCALE as u64);
                        for lag in 1..=usize::from(sample.later[basket]) {
                            let later = basket + lag;
                            let items = &sample.items[sample.start(later)..sample.ends[later] as usize];
                            next.add(items, LAG_WEIGHTS[lag - 1]);
                        }
                    }
                    next.take(item as u32, kept, &mut rows.0);
                    same.take(item as u32, kept, &mut rows.1);
                }
                rows
            })
        })
        .collect();
    let mut whole = (Neighbours::default(), Neighbours::default());
    for (followers, companions) in blocks {
        append(&mut whole.0, &followers);
        append(&mut whole.1, &companions);
    }
    (whole.0, whole.1)
}

fn append(to: &mut Neighbours, from: &Neighbours) {
    for row in from.offsets.windows(2) {
        to.push_row(&from.entries[row[0]..row[1]]);
    }
}
