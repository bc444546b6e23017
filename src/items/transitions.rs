//! What goes with what: how often an item stands in a basket after another was bought.
//!
//! `C_ji = Σ_b q_b · p_bj` over the baskets b that hold i, and `m_j = Σ_b q_b · p_bj` over all baskets: p_b is the profile of
//! the member's earlier baskets (0.85^(lag − 1) for an item of the basket `lag` before, up to six), scaled to length 1,
//! and q_b = 2^(−age / half-life) makes recent baskets speak louder. `C_ji / m_j` is the share of later baskets that hold i
//! among members who held j, and `Σ_j u_j C_ji / Σ_j u_j m_j` a kernel regression of the next basket on the profile u
//! (Nadaraya 1964, Watson 1964) whose kernel is the inner product: what the most similar members bought next, without
//! ever looking for them. What stands in one basket counts 0.1 of that in both directions.
//!
//! A row is counted at a time: the baskets that hold j are walked and what stands in them and in the next six is added
//! up in a dense array, so that no pair is ever stored. Members are sampled where the shop has more pairs than the
//! budget: the sample is fixed by a salted hash of the member's id, and its size by an exact count of the pairs.

use rayon::prelude::*;

use super::{ItemStatistics, MemberBaskets, View, decay::DecayTable};
use crate::{
    base::{hash::salted_hash, pool::Pool},
    history::{ShardError, ShardSet},
};

/// Weight of a purchase in the profile per basket of the member's since.
pub const PROFILE_DECAY: f64 = 0.85;

/// Baskets of the profile: 0.85^(lag − 1) for lag 1 to 6, in 1024ths.
pub const LAG_WEIGHTS: [u64; 6] = [1024, 870, 740, 629, 535, 454];

/// Weight of what stands in the same basket, in 1024ths.
pub const SAME_BASKET: u64 = 102;

/// Weights of baskets are 2^28 ths.
const BASKET_ONE: f64 = (1u64 << 28) as f64;

/// Newest baskets of a member that are looked at as what came next.
const TARGETS: usize = 16;

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

/// The newest baskets of a member that are looked at as what came next: index of the first, and the pairs.
fn counted(baskets: &MemberBaskets) -> (usize, u64) {
    let mut pairs = 0;
    let mut first = baskets.len();
    while first > baskets.len().saturating_sub(TARGETS) {
        let target = first - 1;
        let size = size(baskets, target);
        let earlier: u64 = (target.saturating_sub(LAG_WEIGHTS.len())..target).map(|b| self::size(baskets, b)).sum();
        let more = size * (earlier + size.saturating_sub(1));
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
    /// C: its weighted count.
    pub count: u64,
}

/// For every item the items that go with it most, highest count first, ties by item index. An item may go with itself:
/// it is bought again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transitions {
    /// Items + 1 offsets into `entries`.
    offsets: Vec<usize>,
    entries: Vec<Neighbour>,
    /// m, by item, in the unit of the counts.
    mass: Vec<u64>,
    /// Sampled members, in 4096ths of the hash space.
    buckets: usize,
}

impl Transitions {
    /// What goes with `item`.
    #[must_use]
    pub fn of(&self, item: u32) -> &[Neighbour] {
        match (self.offsets.get(item as usize), self.offsets.get(item as usize + 1)) {
            (Some(&start), Some(&end)) => &self.entries[start..end],
            _ => &[],
        }
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mass.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mass.is_empty()
    }

    /// (item, neighbour) pairs kept.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.entries.len()
    }

    /// m: the weight of the baskets that came after the item, in the unit of the counts.
    #[must_use]
    pub fn mass(&self, item: u32) -> u64 {
        self.mass[item as usize]
    }

    /// Share of the members' hash space that was counted.
    #[must_use]
    pub fn sampled(&self) -> f64 {
        self.buckets as f64 / BUCKETS as f64
    }
}

/// Sampled baskets end to end.
#[derive(Default)]
struct Sample {
    ends: Vec<u32>,
    /// How many of the next baskets belong to the same member.
    later: Vec<u8>,
    /// q over the length of the profile before the basket; 0: not looked at.
    next_weight: Vec<u32>,
    /// q over the square root of the basket's size; 0: not looked at.
    same_weight: Vec<u32>,
    items: Vec<u32>,
}

impl Sample {
    fn start(&self, basket: usize) -> usize {
        if basket == 0 { 0 } else { self.ends[basket - 1] as usize }
    }

    fn of(&self, basket: usize) -> &[u32] {
        &self.items[self.start(basket)..self.ends[basket] as usize]
    }

    fn append(&mut self, other: &Self) {
        let base = self.items.len() as u32;
        self.ends.extend(other.ends.iter().map(|end| base + end));
        self.later.extend_from_slice(&other.later);
        self.next_weight.extend_from_slice(&other.next_weight);
        self.same_weight.extend_from_slice(&other.same_weight);
        self.items.extend_from_slice(&other.items);
    }
}

/// Counts what goes with what under `half_life` (days, or baskets where the data has no time), keeping `kept` of each
/// item's row, within `pair_budget` pairs. `statistics` must come from the same shards and view.
///
/// # Errors
/// If a spilled shard cannot be read back.
pub fn transitions(
    shards: &ShardSet,
    view: &View,
    statistics: &ItemStatistics,
    half_life: f64,
    pair_budget: u64,
    kept: usize,
) -> Result<Transitions, ShardError> {
    let items = statistics.len();
    let buckets = statistics.census().within(pair_budget);
    let decay = DecayTable::new(&[half_life]);
    let pool = Pool::new(|| (MemberBaskets::default(), vec![0u64; items]));
    let samples = shards.map(|_, shard| {
        Ok::<_, ShardError>(pool.with(|(baskets, profile)| {
            let mut sample = Sample::default();
            for member in 0..shard.members.len() {
                if bucket(shard.members.get(member)) < buckets {
                    baskets.fill(shard, member, view);
                    gather(baskets, &decay, profile, &mut sample);
                }
            }
            sample
        }))
    })?;
    drop(pool);
    let mut whole = Sample::default();
    for sample in samples {
        whole.append(&sample);
    }
    let mut found = count_rows(&whole, items, kept);
    found.buckets = buckets;
    Ok(found)
}

/// Appends the baskets of a member whose pairs count: those looked at and those in their profiles. `profile` is one 0 an
/// item, and is left so.
fn gather(baskets: &MemberBaskets, decay: &DecayTable, profile: &mut [u64], sample: &mut Sample) {
    let (first, pairs) = counted(baskets);
    if pairs == 0 {
        return;
    }
    let start = first.saturating_sub(LAG_WEIGHTS.len());
    for basket in start..baskets.len() {
        let size = size(baskets, basket);
        if size > 0 {
            sample.items.extend_from_slice(baskets.items(basket));
        }
        sample.ends.push(sample.items.len() as u32);
        sample.later.push((baskets.len() - 1 - basket).min(LAG_WEIGHTS.len()) as u8);
        let weight = match decay.at(baskets.age(basket)).first() {
            Some(weight) if basket >= first && size > 0 => *weight as f64 / super::ONE as f64 * BASKET_ONE,
            _ => 0.0,
        };
        let length = if weight > 0.0 { profile_length(baskets, basket, profile) } else { 0.0 };
        sample.next_weight.push(if length > 0.0 { (weight / length).round() as u32 } else { 0 });
        sample.same_weight.push(if size > 1 { (weight / (size as f64).sqrt()).round() as u32 } else { 0 });
    }
}

/// The length of the profile before `target`; 0 where nothing was bought before. `profile` is one 0 an item, and is left
/// so.
fn profile_length(baskets: &MemberBaskets, target: usize, profile: &mut [u64]) -> f64 {
    let mut squares = 0u64;
    let lags = || (1..=LAG_WEIGHTS.len().min(target)).filter(|lag| size(baskets, target - lag) > 0);
    for lag in lags() {
        let weight = LAG_WEIGHTS[lag - 1];
        for item in baskets.items(target - lag) {
            let held = &mut profile[*item as usize];
            // (a + w)² − a²
            squares += weight * (2 * *held + weight);
            *held += weight;
        }
    }
    for lag in lags() {
        for item in baskets.items(target - lag) {
            profile[*item as usize] = 0;
        }
    }
    (squares as f64).sqrt() / LAG_WEIGHTS[0] as f64
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
        for item in sample.of(basket) {
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
    /// The first `len` are the places that are not 0. One more than there are items, so that the next is always there.
    touched: Vec<u32>,
    len: usize,
    best: Vec<Neighbour>,
}

/// Rows of neighbouring items.
#[derive(Default)]
struct Rows {
    /// Lengths of the rows.
    lengths: Vec<usize>,
    entries: Vec<Neighbour>,
    mass: Vec<u64>,
}

impl Row {
    fn new(items: usize) -> Self {
        Self { counts: vec![0; items], touched: vec![0; items + 1], len: 0, best: Vec::new() }
    }

    fn add(&mut self, items: &[u32], weight: u64) {
        for &item in items {
            let count = &mut self.counts[item as usize];
            // Without a branch: whether an item is new could only be guessed.
            self.touched[self.len] = item;
            self.len += usize::from(*count == 0 && weight > 0);
            *count += weight;
        }
    }

    /// Adds all that goes with `item` in the baskets that hold it; its mass.
    fn count(&mut self, item: u32, holders: &[u32], sample: &Sample) -> u64 {
        let mut mass = 0;
        for basket in holders {
            let basket = *basket as usize;
            let same = u64::from(sample.same_weight[basket]) * SAME_BASKET;
            if same > 0 {
                mass += same;
                let whole = sample.of(basket);
                let own = whole.partition_point(|other| *other < item);
                self.add(&whole[..own], same);
                self.add(&whole[own + 1..], same);
            }
            for lag in 1..=usize::from(sample.later[basket]) {
                let weight = u64::from(sample.next_weight[basket + lag]) * LAG_WEIGHTS[lag - 1];
                if weight > 0 {
                    mass += weight;
                    self.add(sample.of(basket + lag), weight);
                }
            }
        }
        mass
    }

    /// Moves the `kept` highest counts behind `out`, and empties the row.
    fn take(&mut self, kept: usize, mass: u64, out: &mut Rows) {
        self.best.clear();
        for item in &self.touched[..std::mem::take(&mut self.len)] {
            let item = *item;
            let count = std::mem::take(&mut self.counts[item as usize]);
            self.best.push(Neighbour { item, count });
        }
        let order = |a: &Neighbour, b: &Neighbour| b.count.cmp(&a.count).then(a.item.cmp(&b.item));
        if self.best.len() > kept {
            self.best.select_nth_unstable_by(kept, order);
            self.best.truncate(kept);
        }
        self.best.sort_unstable_by(order);
        out.entries.extend_from_slice(&self.best);
        out.lengths.push(self.best.len());
        out.mass.push(mass);
    }
}

/// Rows counted by one task.
const ROWS: usize = 64;

fn count_rows(sample: &Sample, items: usize, kept: usize) -> Transitions {
    let (offsets, holders) = holders(sample, items);
    let pool = Pool::new(|| Row::new(items));
    let blocks: Vec<Rows> = (0..items.div_ceil(ROWS))
        .into_par_iter()
        .with_max_len(1)
        .map(|block| {
            pool.with(|row| {
                let mut rows = Rows::default();
                for item in block * ROWS..((block + 1) * ROWS).min(items) {
                    let baskets = &holders[offsets[item] as usize..offsets[item + 1] as usize];
                    let mass = row.count(item as u32, baskets, sample);
                    row.take(kept, mass, &mut rows);
                }
                rows
            })
        })
        .collect();
    let mut whole = Transitions { offsets: vec![0], ..Transitions::default() };
    for rows in blocks {
        let mut end = whole.entries.len();
        for length in rows.lengths {
            end += length;
            whole.offsets.push(end);
        }
        whole.entries.extend_from_slice(&rows.entries);
        whole.mass.extend_from_slice(&rows.mass);
    }
    whole
}
