//! Per item: popularity, rebuy rate, recency, usual gaps; and what is pooled from them per category.

use super::{
    MemberBaskets, View,
    decay::DecayTable,
    gaps::{self, BINS, GapShape, UsualGap},
    transitions::PairCensus,
};
use crate::{
    base::{Day, Minor, pool::Pool, round::div_half_even},
    history::{Shard, ShardError, ShardSet},
    input::{ItemTable, NONE},
};

/// Pseudo-counts of the shop's mean that every item's rebuy rate is shrunk by.
pub const PSEUDO_COUNTS: f64 = 20.0;

/// Half-lives in days of an item's sales of late and of those they are held against.
pub const TREND_HALF_LIVES: [f64; 2] = [7.0, 60.0];

/// Gaps an item needs before its own median is trusted over its category's.
const OWN_GAPS: u64 = 20;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    baskets: u64,
    members: u64,
    rebought: u64,
    opportunities: u64,
    /// Thousandths.
    units: i64,
    /// Minor units paid for them.
    paid: i64,
    /// `i32::MIN` where never sold.
    last_day: i32,
}

/// The sums of some shards. Parts of the same kind add up to the same whole in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsPart {
    counts: Vec<Counts>,
    /// Shape `(items, half_lives)`.
    weighted: Vec<u64>,
    weight_total: Vec<u64>,
    /// Shape `(items, BINS)`.
    gaps: Vec<u32>,
    /// Shape `(categories, BINS)`.
    category_gaps: Vec<u32>,
    members: u64,
    baskets: u64,
    census: PairCensus,
}

impl StatisticsPart {
    /// No member yet, for `items` items of `categories` categories and `half_lives` half-lives.
    #[must_use]
    pub fn empty(items: usize, categories: usize, half_lives: usize) -> Self {
        Self {
            counts: vec![Counts { last_day: i32::MIN, ..Counts::default() }; items],
            weighted: vec![0; items * half_lives],
            weight_total: vec![0; half_lives],
            gaps: vec![0; items * BINS],
            category_gaps: vec![0; categories * BINS],
            members: 0,
            baskets: 0,
            census: PairCensus::default(),
        }
    }

    /// Adds another part of the same shape.
    pub fn add(&mut self, other: &Self) {
        for (a, b) in self.counts.iter_mut().zip(&other.counts) {
            a.baskets += b.baskets;
            a.members += b.members;
            a.rebought += b.rebought;
            a.opportunities += b.opportunities;
            a.units = a.units.saturating_add(b.units);
            a.paid = a.paid.saturating_add(b.paid);
            a.last_day = a.last_day.max(b.last_day);
        }
        add_all(&mut self.weighted, &other.weighted);
        add_all(&mut self.weight_total, &other.weight_total);
        for (a, b) in self.gaps.iter_mut().zip(&other.gaps) {
            *a = a.saturating_add(*b);
        }
        for (a, b) in self.category_gaps.iter_mut().zip(&other.category_gaps) {
            *a = a.saturating_add(*b);
        }
        self.members += other.members;
        self.baskets += other.baskets;
        self.census.add(&other.census);
    }
}

fn add_all(to: &mut [u64], from: &[u64]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a = a.saturating_add(*b);
    }
}

/// When the member at hand last bought something; entries of earlier members are told by their stamp.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    stamp: u32,
    day: i32,
}

/// A part in the making, with the scratch space of one thread.
struct Work {
    part: StatisticsPart,
    baskets: MemberBaskets,
    item_seen: Vec<Seen>,
    category_seen: Vec<Seen>,
    stamp: u32,
}

impl Work {
    fn new(items: usize, categories: usize, half_lives: usize) -> Self {
        Self {
            part: StatisticsPart::empty(items, categories, half_lives),
            baskets: MemberBaskets::default(),
            item_seen: vec![Seen::default(); items],
            category_seen: vec![Seen::default(); categories],
            stamp: 0,
        }
    }

    fn next_stamp(&mut self) -> u32 {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.item_seen.fill(Seen::default());
            self.category_seen.fill(Seen::default());
            self.stamp = 1;
        }
        self.stamp
    }

    fn shard(&mut self, shard: &Shard, view: &View, category: &[u32], decay: &DecayTable) {
        for member in 0..shard.members.len() {
            let part = &mut self.part;
            self.baskets.fill_with(shard, member, view, |line, item| {
                let counts = &mut part.counts[item as usize];
                counts.units = counts.units.saturating_add(i64::from(shard.quantity.at(line)));
                counts.paid = counts.paid.saturating_add(shard.amount.at(line));
            });
            if self.baskets.is_empty() {
                continue;
            }
            self.member(category, decay);
            self.part.census.add_member(shard.members.get(member), &self.baskets);
        }
    }

    fn member(&mut self, category: &[u32], decay: &DecayTable) {
        let stamp = self.next_stamp();
        let Self { part, baskets, item_seen, category_seen, .. } = self;
        part.members += 1;
        part.baskets += baskets.len() as u64;
        for basket in 0..baskets.len() {
            let day = baskets.day(basket).0;
            let later = (baskets.len() - 1 - basket) as u64;
            let weights = decay.at(baskets.age(basket));
            add_all(&mut part.weight_total, weights);
            for &item in baskets.items(basket) {
                let i = item as usize;
                let counts = &mut part.counts[i];
                counts.baskets += 1;
                counts.last_day = counts.last_day.max(day);
                let start = i * part.weight_total.len();
                for (sum, weight) in part.weighted[start..].iter_mut().zip(weights) {
                    *sum += weight;
                }
                let seen = &mut item_seen[i];
                if seen.stamp == stamp {
                    counts.rebought += 1;
                    let gap = &mut part.gaps[i * BINS + gaps::bin(day.abs_diff(seen.day))];
                    *gap = gap.saturating_add(1);
                } else {
                    counts.members += 1;
                    counts.opportunities += later;
                }
                *seen = Seen { stamp, day };
                let Some(&c) = category.get(i).filter(|c| **c != NONE) else { continue };
                let seen = &mut category_seen[c as usize];
                if seen.stamp == stamp && seen.day != day {
                    let gap = &mut part.category_gaps[c as usize * BINS + gaps::bin(day.abs_diff(seen.day))];
                    *gap = gap.saturating_add(1);
                }
                *seen = Seen { stamp, day };
            }
        }
    }
}

/// The day of the newest order up to `until`; `None` without one.
///
/// # Errors
/// If a spilled shard cannot be read back.
pub fn last_day(shards: &ShardSet, until: Day) -> Result<Option<Day>, ShardError> {
    let days = shards.map(|_, shard| {
        Ok::<_, ShardError>(shard.order_time.iter().map(|t| t.day()).filter(|day| *day <= until).max())
    })?;
    Ok(days.into_iter().flatten().max())
}

/// Adds up what the shards say about `items`, as far as `view` lets see, with popularity under each of `half_lives`
/// (days, or baskets where the data has no time).
///
/// # Errors
/// If a spilled shard cannot be read back.
pub fn item_statistics(
    shards: &ShardSet,
    view: &View,
    items: &ItemTable,
    half_lives: &[f64],
) -> Result<ItemStatistics, ShardError> {
    let decay = DecayTable::new(half_lives);
    let pool = Pool::new(|| Work::new(items.len(), items.categories.len(), half_lives.len()));
    shards.map(|_, shard| {
        pool.with(|work| work.shard(shard, view, &items.category, &decay));
        Ok::<_, ShardError>(())
    })?;
    let mut parts = pool.into_all().into_iter().map(|work| work.part);
    let mut whole =
        parts.next().unwrap_or_else(|| StatisticsPart::empty(items.len(), items.categories.len(), half_lives.len()));
    for part in parts {
        whole.add(&part);
    }
    Ok(ItemStatistics::from_part(whole, view.cut(), half_lives, &items.category))
}

/// What the shop's history says about its items, by item index (and category index).
#[derive(Debug, Clone, PartialEq)]
pub struct ItemStatistics {
    cut: Day,
    half_lives: Vec<f64>,
    counts: Vec<Counts>,
    weighted: Vec<u64>,
    weight_total: Vec<u64>,
    gaps: Vec<Option<GapShape>>,
    category: Vec<u32>,
    category_gaps: Vec<Option<UsualGap>>,
    /// By category: the gaps between a member's purchases of one and the same item of it.
    repeat_gaps: Vec<Option<GapShape>>,
    /// Rebought and opportunities, by category.
    category_rebuy: Vec<(u64, u64)>,
    members: u64,
    baskets: u64,
    rebought: u64,
    opportunities: u64,
    census: PairCensus,
}

impl ItemStatistics {
    fn from_part(part: StatisticsPart, cut: Day, half_lives: &[f64], category: &[u32]) -> Self {
        let medians = |histograms: &[u32]| histograms.chunks_exact(BINS).map(gaps::usual).collect::<Vec<_>>();
        let shapes = |histograms: &[u32]| histograms.chunks_exact(BINS).map(gaps::shape).collect::<Vec<_>>();
        let mut category_rebuy = vec![(0, 0); part.category_gaps.len() / BINS];
        let mut repeat_gaps = vec![0u32; part.category_gaps.len()];
        for ((counts, gaps), &c) in part.counts.iter().zip(part.gaps.chunks_exact(BINS)).zip(category) {
            if c != NONE {
                category_rebuy[c as usize].0 += counts.rebought;
                category_rebuy[c as usize].1 += counts.opportunities;
                let pooled = &mut repeat_gaps[c as usize * BINS..][..BINS];
                pooled.iter_mut().zip(gaps).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
            }
        }
        Self {
            cut,
            half_lives: half_lives.to_vec(),
            gaps: shapes(&part.gaps),
            category: category.to_vec(),
            category_gaps: medians(&part.category_gaps),
            repeat_gaps: shapes(&repeat_gaps),
            category_rebuy,
            members: part.members,
            baskets: part.baskets,
            rebought: part.counts.iter().map(|c| c.rebought).sum(),
            opportunities: part.counts.iter().map(|c| c.opportunities).sum(),
            census: part.census,
            counts: part.counts,
            weighted: part.weighted,
            weight_total: part.weight_total,
        }
    }

    /// Last day that was visible.
    #[must_use]
    pub fn cut(&self) -> Day {
        self.cut
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Members with a basket.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.members
    }

    /// Baskets of all members.
    #[must_use]
    pub fn baskets(&self) -> u64 {
        self.baskets
    }

    /// Baskets that hold the item.
    #[must_use]
    pub fn item_baskets(&self, item: u32) -> u64 {
        self.counts[item as usize].baskets
    }

    /// Members with the item in a basket.
    #[must_use]
    pub fn item_members(&self, item: u32) -> u64 {
        self.counts[item as usize].members
    }

    /// Baskets that hold the item and are not the member's first that does.
    #[must_use]
    pub fn rebought(&self, item: u32) -> u64 {
        self.counts[item as usize].rebought
    }

    /// Baskets of the item's members after their first that holds it.
    #[must_use]
    pub fn opportunities(&self, item: u32) -> u64 {
        self.counts[item as usize].opportunities
    }

    /// Units bought, in thousandths.
    #[must_use]
    pub fn units(&self, item: u32) -> i64 {
        self.counts[item as usize].units
    }

    /// Mean price paid for a unit, in minor units, rounded half-even.
    #[must_use]
    pub fn mean_price(&self, item: u32) -> Option<Minor> {
        let Counts { units, paid, .. } = self.counts[item as usize];
        if units <= 0 {
            return None;
        }
        Minor::try_from(div_half_even(i128::from(paid) * 1000, i128::from(units))).ok()
    }

    /// Day of the item's newest purchase.
    #[must_use]
    pub fn last_day(&self, item: u32) -> Option<Day> {
        Some(self.counts[item as usize].last_day).filter(|d| *d != i32::MIN).map(Day)
    }

    /// ρ̄: rebought over opportunities of all items; 0 where nobody had an opportunity.
    #[must_use]
    pub fn mean_rebuy_rate(&self) -> f64 {
        ratio(self.rebought, self.opportunities)
    }

    /// ρ: `(rebought + 20 ρ̄) / (opportunities + 20)`.
    #[must_use]
    pub fn rebuy_rate(&self, item: u32) -> f64 {
        let counts = &self.counts[item as usize];
        (counts.rebought as f64 + PSEUDO_COUNTS * self.mean_rebuy_rate())
            / (counts.opportunities as f64 + PSEUDO_COUNTS)
    }

    /// Rebought and opportunities of a category's items together: how often the *same* item is bought again.
    #[must_use]
    pub fn category_rebuy(&self, category: u32) -> (u64, u64) {
        self.category_rebuy.get(category as usize).copied().unwrap_or_default()
    }

    /// The half-lives popularity was taken under.
    #[must_use]
    pub fn half_lives(&self) -> &[f64] {
        &self.half_lives
    }

    /// g: the share of baskets that hold the item, each basket weighted by `2^(-age / half-life)`, under the half-life
    /// at index `half_life`. A share of 0 to 1; 0 where no basket has any weight.
    #[must_use]
    pub fn popularity(&self, item: u32, half_life: usize) -> f64 {
        ratio(self.weighted[item as usize * self.half_lives.len() + half_life], self.weight_total[half_life])
    }

    /// τ, the item's trend: `(B + 20) / (g · W + 20)`. B is the weighted count of baskets that hold the item and W of all
    /// baskets under the half-life at index `recent`, g the item's popularity under that at index `usual`: what it sold of late
    /// over what its share of a longer time would have sold, both with 20 baskets of no news. As the mean of a Poisson rate
    /// under a Gamma prior (Robbins 1956), it stays near 1 where little is sold. 1 where no basket has any weight.
    #[must_use]
    pub fn trend(&self, item: u32, recent: usize, usual: usize) -> f64 {
        let one = super::ONE as f64;
        let sold = self.weighted[item as usize * self.half_lives.len() + recent] as f64 / one;
        let expected = self.popularity(item, usual) * self.weight_total[recent] as f64 / one;
        (sold + PSEUDO_COUNTS) / (expected + PSEUDO_COUNTS)
    }

    /// Median days between a member's successive baskets with the item, on the item's own count.
    #[must_use]
    pub fn item_gap(&self, item: u32) -> Option<UsualGap> {
        self.repeat_gap(item).map(|shape| shape.usual)
    }

    /// How the days between a member's successive baskets with the item lie about their median.
    #[must_use]
    pub fn repeat_gap(&self, item: u32) -> Option<GapShape> {
        self.gaps[item as usize]
    }

    /// The same of a category: between a member's successive baskets with one and the same item of it.
    #[must_use]
    pub fn category_repeat_gap(&self, category: u32) -> Option<GapShape> {
        self.repeat_gaps.get(category as usize).copied().flatten()
    }

    /// Median days between a member's successive baskets with anything of the category.
    #[must_use]
    pub fn category_gap(&self, category: u32) -> Option<UsualGap> {
        self.category_gaps.get(category as usize).copied().flatten()
    }

    /// The gap to expect for an item: its own where it rests on 20 gaps or more, else its category's, else its own
    /// however few.
    #[must_use]
    pub fn usual_gap(&self, item: u32) -> Option<UsualGap> {
        let own = self.item_gap(item);
        if own.is_some_and(|gap| gap.count >= OWN_GAPS) {
            return own;
        }
        let category = self.category.get(item as usize).and_then(|c| self.category_gap(*c));
        category.filter(|gap| gap.count >= OWN_GAPS).or(own).or(category)
    }

    /// Pairs of items to count, by member sample.
    pub(super) fn census(&self) -> &PairCensus {
        &self.census
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
