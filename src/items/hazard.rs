//! The hazard of buying again: how often a basket holds an item that the member bought c times before, last `gap` baskets
//! ago, as the member's (n + 1)-th basket.
//!
//! `h[c, gap, n]` is the share of baskets, over all members and all prefixes of their histories, that held such an item;
//! c, gap and n in the classes 1, 2, 3, 4–5, 6–9, 10+. Backed off (c, gap, n) → (c, gap) → c → mean with 30 pseudo-counts:
//! a discrete-time hazard model (Cox, Oakes 1984, ch. 7) whose cells are shrunk towards coarser ones.
//!
//! Where the data has a calendar, `timing` says how the odds of a repeat purchase change with the days since the last one
//! over the item's usual gap: observed over expected odds, by class of that ratio. On odds, as in the discrete-time logit
//! model (Allison 1982), a factor takes no probability past 1.

use super::{ItemStatistics, MemberBaskets, View};
use crate::{
    base::{Day, pool::Pool},
    history::{ShardError, ShardSet, Timeline},
};

/// Classes of a count.
pub const CLASSES: usize = 6;

/// First count of each class.
const CLASS_STARTS: [usize; CLASSES] = [1, 2, 3, 4, 6, 10];

/// Pseudo-counts of the coarser cell.
const BACK_OFF: f64 = 30.0;

/// Upper bounds of the classes of (days since the last purchase) / (usual gap).
const RATIO_BOUNDS: [f64; 7] = [0.25, 0.5, 0.8, 1.25, 2.0, 4.0, f64::INFINITY];

/// Repeats, and baskets without, that every class of the ratio is shrunk to 1 by.
const TIMING_SHRINK: f64 = 50.0;

/// The class of a count of 1 or more.
#[must_use]
pub fn class(count: usize) -> usize {
    match count {
        0..=3 => count.max(1) - 1,
        4..=5 => 3,
        6..=9 => 4,
        _ => 5,
    }
}

fn ratio_class(ratio: f64) -> usize {
    RATIO_BOUNDS.iter().position(|bound| ratio < *bound).unwrap_or(RATIO_BOUNDS.len() - 1)
}

/// For each class of the ratio, the first number of days that is in a higher one.
type DayLimits = [i32; RATIO_BOUNDS.len()];

/// The limits under a usual gap in days; without one every number of days is in the first class.
fn day_limits(usual: f32) -> DayLimits {
    let mut limits = [i32::MAX; RATIO_BOUNDS.len()];
    if usual > 0.0 {
        let usual = f64::from(usual);
        for (limit, bound) in limits.iter_mut().zip(RATIO_BOUNDS).filter(|(_, bound)| bound.is_finite()) {
            // The product may be off by its rounding: what counts is the quotient.
            let below = |days: i32| f64::from(days) / usual < bound;
            let mut days = (bound * usual).ceil() as i32;
            while days > 0 && !below(days - 1) {
                days -= 1;
            }
            while days < i32::MAX && below(days) {
                days += 1;
            }
            *limit = days;
        }
    }
    limits
}

fn cell(c: usize, gap: usize, n: usize) -> usize {
    (c * CLASSES + gap) * CLASSES + n
}

const CELLS: usize = CLASSES * CLASSES * CLASSES;

/// Chances and repeats, by cell and class of the ratio.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counts {
    /// Shape `(CELLS, RATIO_BOUNDS)`.
    chances: Vec<u64>,
    repeats: Vec<u64>,
}

impl Counts {
    fn empty() -> Self {
        Self { chances: vec![0; CELLS * RATIO_BOUNDS.len()], repeats: vec![0; CELLS * RATIO_BOUNDS.len()] }
    }
}

/// Baskets after the last purchase up to which their classes of gap and number still change: each one further is one more
/// of the last cell, as it is for a last purchase in any basket from this one on.
const CHANGES: usize = CLASS_STARTS[CLASSES - 1] - 1;

/// Stretches of baskets after a purchase, counted by where they end before they are spread over the cells that they go
/// through.
#[derive(Debug)]
struct Stretches {
    /// How many stretches, by class of the ratio, class of c, the purchase's basket (up to [`CHANGES`]) and number of
    /// baskets (up to there too). One that begins later than right after the purchase is the difference of two.
    ended: Vec<i64>,
    /// Baskets past [`CHANGES`], by class of the ratio and class of c.
    beyond: Vec<i64>,
}

impl Stretches {
    fn empty() -> Self {
        let groups = RATIO_BOUNDS.len() * CLASSES;
        Self { ended: vec![0; groups * (CHANGES + 1) * (CHANGES + 1)], beyond: vec![0; groups] }
    }

    /// Adds the baskets `start..stop` after a purchase in the basket `last`.
    fn add(&mut self, ratio: usize, c: usize, last: usize, start: usize, stop: usize) {
        let group = ratio * CLASSES + c;
        let from = (group * (CHANGES + 1) + last.min(CHANGES)) * (CHANGES + 1);
        let (before, all) = (start - last - 1, stop - last - 1);
        self.ended[from + before.min(CHANGES)] -= 1;
        self.ended[from + all.min(CHANGES)] += 1;
        self.beyond[group] += all.saturating_sub(CHANGES) as i64 - before.saturating_sub(CHANGES) as i64;
    }

    /// Adds them to the cells.
    fn spread(&self, chances: &mut [u64]) {
        let ratios = RATIO_BOUNDS.len();
        for (group, (ended, beyond)) in
            self.ended.chunks_exact((CHANGES + 1) * (CHANGES + 1)).zip(&self.beyond).enumerate()
        {
            let (ratio, c) = (group / CLASSES, group % CLASSES);
            let mut add = |gap: usize, n: usize, more: i64| {
                let at = &mut chances[cell(c, class(gap), class(n)) * ratios + ratio];
                // The sum of a cell is never negative, whatever its parts are.
                *at = at.wrapping_add_signed(more);
            };
            add(CHANGES + 1, CHANGES + 1, *beyond);
            for (last, ended) in ended.chunks_exact(CHANGES + 1).enumerate() {
                let mut longer = 0;
                for gap in (1..=CHANGES).rev() {
                    longer += ended[gap];
                    add(gap, last + gap, longer);
                }
            }
        }
    }
}

/// An item of the member at hand; entries of earlier members are told by their stamp.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    stamp: u32,
    count: u32,
    last: u32,
}

struct Work {
    stretches: Stretches,
    repeats: Vec<u64>,
    baskets: MemberBaskets,
    held: Vec<Held>,
    own: Vec<u32>,
    stamp: u32,
}

impl Work {
    /// Walks a member's baskets. Between two purchases of an item the class of the ratio changes at most six times, so that
    /// a purchase costs a bounded number of steps however long the history is.
    fn member(&mut self, limits: &[DayLimits]) {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.held.fill(Held::default());
            self.stamp = 1;
        }
        self.own.clear();
        for basket in 0..self.baskets.len() {
            for at in 0..self.baskets.items(basket).len() {
                let item = self.baskets.items(basket)[at];
                let held = self.held[item as usize];
                if held.stamp == self.stamp {
                    self.stretch(item, held, basket, true, limits);
                    self.held[item as usize] = Held { count: held.count + 1, last: basket as u32, ..held };
                } else {
                    self.held[item as usize] = Held { stamp: self.stamp, count: 1, last: basket as u32 };
                    self.own.push(item);
                }
            }
        }
        let end = self.baskets.len();
        for at in 0..self.own.len() {
            let item = self.own[at];
            self.stretch(item, self.held[item as usize], end, false, limits);
        }
    }

    /// Adds the chances of the baskets after the last purchase: up to and including `end` if it holds the item.
    fn stretch(&mut self, item: u32, held: Held, end: usize, repeats: bool, limits: &[DayLimits]) {
        let limits = limits.get(item as usize).unwrap_or(&NO_LIMITS);
        let (last, c) = (held.last as usize, class(held.count as usize));
        let until = end + usize::from(repeats);
        let days = &self.baskets.days()[..until];
        let Some(newest) = days[last + 1..].last() else { return };
        let bought = days[last];
        let passed = newest.since(bought);
        let mut start = last + 1;
        let mut ratio = 0;
        loop {
            // Days only rise.
            while days[start].since(bought) >= limits[ratio] && ratio + 1 < limits.len() {
                ratio += 1;
            }
            let stop = match passed >= limits[ratio] && ratio + 1 < limits.len() {
                true => start + 1 + within(&days[start + 1..], bought, limits[ratio]),
                false => until,
            };
            self.stretches.add(ratio, c, last, start, stop);
            if stop == until {
                break;
            }
            start = stop;
        }
        if repeats {
            self.repeats[cell(c, class(end - last), class(end)) * RATIO_BOUNDS.len() + ratio] += 1;
        }
    }
}

/// How many of rising days are less than so many days after one; mostly it is few of them.
fn within(days: &[Day], after: Day, limit: i32) -> usize {
    let near = days.iter().take(8).take_while(|day| day.since(after) < limit).count();
    if near < 8 { near } else { near + days[near..].partition_point(|day| day.since(after) < limit) }
}

/// No usual gap is known.
const NO_LIMITS: DayLimits = [i32::MAX; RATIO_BOUNDS.len()];

/// Counts what `view` lets see of so many items with these usual gaps.
fn count(shards: &ShardSet, view: &View, items: usize, gaps: &[f32]) -> Result<Counts, ShardError> {
    let limits: Vec<DayLimits> = gaps.iter().map(|gap| day_limits(*gap)).collect();
    let pool = Pool::new(|| Work {
        stretches: Stretches::empty(),
        repeats: vec![0; CELLS * RATIO_BOUNDS.len()],
        baskets: MemberBaskets::default(),
        held: vec![Held::default(); items],
        own: Vec::new(),
        stamp: 0,
    });
    shards.map(|_, shard| {
        pool.with(|work| {
            for member in 0..shard.members.len() {
                work.baskets.fill(shard, member, view);
                work.member(&limits);
            }
        });
        Ok::<_, ShardError>(())
    })?;
    let mut whole = Counts::empty();
    for work in pool.into_all() {
        work.stretches.spread(&mut whole.chances);
        for (a, b) in whole.repeats.iter_mut().zip(&work.repeats) {
            *a += b;
        }
    }
    Ok(whole)
}

/// The factors of timing to a power, by class of the ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimingPowers([f64; RATIO_BOUNDS.len()]);

/// What the shop's histories say of buying again.
#[derive(Debug, Clone, PartialEq)]
pub struct Hazard {
    /// h, by cell.
    table: Vec<f32>,
    /// By class of the ratio; 1 throughout where the data has no calendar.
    timing: [f32; RATIO_BOUNDS.len()],
    /// The items' usual gaps in days; 0 where unknown or the data has no calendar.
    gaps: Vec<f32>,
}

impl Hazard {
    /// Counts what `view` lets see. `statistics` must come from the same shards and view.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn fit(shards: &ShardSet, view: &View, statistics: &ItemStatistics) -> Result<Self, ShardError> {
        let items = statistics.len();
        let gaps: Vec<f32> = match view.timeline() {
            Timeline::Calendar => {
                (0..items as u32).map(|i| statistics.usual_gap(i).map_or(0.0, |gap| gap.days.max(1) as f32)).collect()
            }
            Timeline::Ordinal => Vec::new(),
        };
        Ok(Self::from_counts(&count(shards, view, items, &gaps)?, gaps))
    }

    fn from_counts(counts: &Counts, gaps: Vec<f32>) -> Self {
        let ratios = RATIO_BOUNDS.len();
        let sum = |values: &[u64], keep: &dyn Fn(usize) -> bool| -> f64 {
            (0..CELLS)
                .filter(|at| keep(*at))
                .map(|at| values[at * ratios..(at + 1) * ratios].iter().sum::<u64>())
                .sum::<u64>() as f64
        };
        let share = |keep: &dyn Fn(usize) -> bool, coarser: f64| {
            (sum(&counts.repeats, keep) + BACK_OFF * coarser) / (sum(&counts.chances, keep) + BACK_OFF)
        };
        let all = sum(&counts.chances, &|_| true);
        let mean = if all > 0.0 { sum(&counts.repeats, &|_| true) / all } else { 0.0 };
        let mut table = vec![0.0; CELLS];
        for c in 0..CLASSES {
            let by_count = share(&|at| at / (CLASSES * CLASSES) == c, mean);
            for gap in 0..CLASSES {
                let by_gap = share(&|at| at / CLASSES == c * CLASSES + gap, by_count);
                for n in 0..CLASSES {
                    table[cell(c, gap, n)] = share(&|at| at == cell(c, gap, n), by_gap);
                }
            }
        }
        let mut timing = [1.0f32; RATIO_BOUNDS.len()];
        if !gaps.is_empty() {
            for (ratio, factor) in timing.iter_mut().enumerate() {
                let at = |cell: usize| cell * ratios + ratio;
                let chances = (0..CELLS).map(|c| counts.chances[at(c)]).sum::<u64>() as f64;
                let observed = (0..CELLS).map(|c| counts.repeats[at(c)]).sum::<u64>() as f64;
                let expected: f64 = (0..CELLS).map(|c| counts.chances[at(c)] as f64 * table[c]).sum();
                let odds = |repeats: f64| (repeats + TIMING_SHRINK) / (chances - repeats + TIMING_SHRINK);
                *factor = (odds(observed) / odds(expected)) as f32;
            }
        }
        Self { table: table.into_iter().map(|h| h as f32).collect(), timing, gaps }
    }

    /// h for an item bought in `count` baskets, last `gap` baskets ago (1 = the newest), by a member with `baskets`.
    #[must_use]
    pub fn rate(&self, count: u32, gap: usize, baskets: usize) -> f32 {
        self.table[cell(class(count as usize), class(gap), class(baskets))]
    }

    /// The factor on the odds of a repeat purchase of `item`, `days` after the last; 1 where nothing is known.
    #[must_use]
    pub fn timing(&self, item: u32, days: i32) -> f32 {
        self.timing_class(item, days).map_or(1.0, |class| self.timing[class])
    }

    /// These factors to the power of `exponent`.
    #[must_use]
    pub fn timing_powers(&self, exponent: f64) -> TimingPowers {
        TimingPowers(self.timing.map(|factor| f64::from(factor).powf(exponent)))
    }

    /// [`Hazard::timing`] to the power that `powers` are of.
    #[must_use]
    pub fn timing_power(&self, item: u32, days: i32, powers: &TimingPowers) -> f64 {
        self.timing_class(item, days).map_or(1.0, |class| powers.0[class])
    }

    fn timing_class(&self, item: u32, days: i32) -> Option<usize> {
        let usual = self.gaps.get(item as usize).filter(|usual| **usual > 0.0)?;
        Some(ratio_class(f64::from(days) / f64::from(*usual)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        base::Day,
        history::testing::shards_of,
        items::{
            item_statistics,
            tests::{ITEMS, naive_baskets, rows, shop},
        },
    };

    proptest! {
        #[test]
        fn equals_its_naive_twin(rows in rows(), cut in 20i32..80) {
            let view = View::at(Day(cut), Timeline::Ordinal);
            let parts = shards_of(&rows, 3);
            let members = naive_baskets(&parts, &view, false);
            let mut cells: BTreeMap<(usize, usize, usize), (u64, u64)> = BTreeMap::new();
            for baskets in members.values() {
                let baskets: Vec<_> = baskets.values().collect();
                for at in 1..baskets.len() {
                    for item in 0..ITEMS {
                        let before: Vec<usize> = (0..at).filter(|b| baskets[*b].contains(&item)).collect();
                        if let Some(last) = before.last() {
                            let sums = cells.entry((class(before.len()), class(at - last), class(at))).or_default();
                            sums.0 += 1;
                            sums.1 += u64::from(baskets[at].contains(&item));
                        }
                    }
                }
            }
            let shards = ShardSet::in_memory(parts);
            let statistics = item_statistics(&shards, &view, &shop(), &[7.0]).unwrap();
            let got = Hazard::fit(&shards, &view, &statistics).unwrap();
            let share = |keep: &dyn Fn(&(usize, usize, usize)) -> bool, coarser: f64| {
                let (chances, repeats) = cells.iter().filter(|(k, _)| keep(k)).fold((0, 0), |a, (_, b)| (a.0 + b.0, a.1 + b.1));
                (repeats as f64 + 30.0 * coarser) / (chances as f64 + 30.0)
            };
            let (chances, repeats) = cells.values().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
            let mean = if chances > 0 { repeats as f64 / chances as f64 } else { 0.0 };
            for (c, gap, n) in [(1usize, 1usize, 1usize), (1, 2, 3), (2, 1, 4), (3, 5, 9), (7, 1, 12)] {
                let wanted = (class(c), class(gap), class(n));
                let by_count = share(&|k| k.0 == wanted.0, mean);
                let by_gap = share(&|k| (k.0, k.1) == (wanted.0, wanted.1), by_count);
                let expected = share(&|k| *k == wanted, by_gap);
                prop_assert!((f64::from(got.rate(c as u32, gap, n)) - expected).abs() < 1e-6);
            }
            prop_assert_eq!(got.timing(0, 5), 1.0);
        }

        #[test]
        fn chances_by_days_equal_their_naive_twin(
            rows in rows(),
            cut in 20i32..80,
            gaps in prop::collection::vec(prop_oneof![Just(0.0f32), 1.0f32..40.0], ITEMS as usize),
        ) {
            let view = View::at(Day(cut), Timeline::Calendar);
            let parts = shards_of(&rows, 3);
            let mut want = Counts::empty();
            for baskets in naive_baskets(&parts, &view, false).values() {
                let baskets: Vec<_> = baskets.iter().collect();
                for at in 1..baskets.len() {
                    for item in 0..ITEMS {
                        let before: Vec<usize> = (0..at).filter(|b| baskets[*b].1.contains(&item)).collect();
                        let Some(last) = before.last() else { continue };
                        let usual = gaps[item as usize];
                        let days = f64::from(baskets[at].0.since(*baskets[*last].0));
                        let ratio = if usual > 0.0 { ratio_class(days / f64::from(usual)) } else { 0 };
                        let cell = cell(class(before.len()), class(at - last), class(at)) * RATIO_BOUNDS.len() + ratio;
                        want.chances[cell] += 1;
                        want.repeats[cell] += u64::from(baskets[at].1.contains(&item));
                    }
                }
            }
            let got = count(&ShardSet::in_memory(parts), &view, ITEMS as usize, &gaps).unwrap();
            prop_assert_eq!(got, want);
        }

        #[test]
        fn limits_of_days_are_those_of_the_ratio(usual in prop_oneof![1.0f32..400.0, (1u16..800).prop_map(f32::from)],
            days in 0i32..3000) {
            let limits = day_limits(usual);
            let class = limits.iter().position(|limit| days < *limit).unwrap();
            prop_assert_eq!(class, ratio_class(f64::from(days) / f64::from(usual)));
        }
    }

    #[test]
    fn a_planted_interval_shows_in_the_timing() {
        use crate::history::testing::Row;
        let mut rows = Vec::new();
        for m in 0..60 {
            let member = format!("m{m}");
            // Something every week, item 2 every four weeks.
            rows.extend((0..24).map(|n| Row::buy(&member, m % 7 + 7 * n, 4, 10)));
            rows.extend((0..6).map(|n| Row::buy(&member, m % 7 + 28 * n, 2, 10)));
        }
        let shards = ShardSet::in_memory(shards_of(&rows, 3));
        let view = View::at(Day(200), Timeline::Calendar);
        let statistics = item_statistics(&shards, &view, &shop(), &[30.0]).unwrap();
        let hazard = Hazard::fit(&shards, &view, &statistics).unwrap();
        assert!(hazard.timing(2, 28) > 1.1 && hazard.timing(2, 14) < 0.9, "{hazard:?}");
    }
}
