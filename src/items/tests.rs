//! Naive twins of the statistics: rows in plain maps, one pass a question.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{gaps, *};
use crate::{
    base::{Day, IdTable},
    history::{
        Shard, ShardSet, Timeline,
        testing::{Row, shards_of},
    },
    input::{ItemTable, NONE},
};

pub(crate) const ITEMS: u32 = 12;

/// A shop of [`ITEMS`] items in three categories, the last item in none.
pub(crate) fn shop() -> ItemTable {
    let ids: Vec<String> = (0..ITEMS).map(|i| format!("i{i:02}")).collect();
    ItemTable {
        ids: IdTable::from_unsorted(&ids),
        categories: IdTable::from_unsorted(["baby", "pet", "tea"]),
        category: (0..ITEMS).map(|i| if i + 1 == ITEMS { NONE } else { i % 3 }).collect(),
        ..ItemTable::default()
    }
}

/// Rows of a small shop: a line in ten is bought twice, a line in eight is returned some days later.
pub(crate) fn rows() -> impl Strategy<Value = Vec<Row>> {
    let line = (0u32..14, 0i32..60, 0u32..ITEMS, 1i32..3, 0u32..3, 0u32..8, 1i32..20);
    prop::collection::vec(line, 1..160).prop_map(|lines| {
        let mut rows = Vec::new();
        for (member, day, item, units, second, fate, later) in lines {
            let member = format!("m{member}");
            let bought =
                Row { units, second, order: format!("{member}-{day}-{second}"), ..Row::buy(&member, day, item, 100) };
            if fate == 0 {
                let day = day + later;
                rows.push(Row {
                    day,
                    units: -units,
                    amount: -100,
                    order: format!("r-{member}-{day}"),
                    ..bought.clone()
                });
            }
            rows.push(bought);
        }
        rows
    })
}

/// Every member's baskets the slow way: the items of each visible day, by member id.
pub(crate) fn naive_baskets(
    shards: &[Shard],
    view: &View,
    hide: bool,
) -> BTreeMap<String, BTreeMap<Day, BTreeSet<u32>>> {
    let mut members = BTreeMap::new();
    for shard in shards {
        for member in 0..shard.members.len() {
            let mut baskets = naive_member(shard, member, view.cut());
            if let Some(newest) = baskets.keys().next_back().filter(|_| hide) {
                let before = naive_member(shard, member, newest.plus(-1));
                baskets = if before.is_empty() { baskets } else { before };
            }
            members.insert(shard.members.get(member).to_owned(), baskets);
        }
    }
    members
}

fn naive_member(shard: &Shard, member: usize, cut: Day) -> BTreeMap<Day, BTreeSet<u32>> {
    let mut baskets: BTreeMap<Day, BTreeSet<u32>> = BTreeMap::new();
    for order in shard.orders_of(member).filter(|order| shard.order_day(*order) <= cut) {
        for line in shard.lines_of(order).filter(|line| shard.is_purchase(*line, cut)) {
            baskets.entry(shard.order_day(order)).or_default().insert(shard.item[line]);
        }
    }
    baskets
}

fn age(view: &View, baskets: &BTreeMap<Day, BTreeSet<u32>>, day: Day) -> usize {
    match view.timeline() {
        Timeline::Calendar => view.cut().since(day) as usize,
        Timeline::Ordinal => baskets.range(day.plus(1)..).count(),
    }
}

fn check_statistics(rows: &[Row], view: &View, hide: bool) -> Result<(), TestCaseError> {
    let shop = shop();
    let parts = shards_of(rows, 4);
    let members = naive_baskets(&parts, view, hide);
    let half_lives = [5.0, 30.0];
    let got = item_statistics(&ShardSet::in_memory(parts), view, &shop, &half_lives).unwrap();
    let all: Vec<_> = members.values().collect();
    prop_assert_eq!(got.members(), all.iter().filter(|b| !b.is_empty()).count() as u64);
    prop_assert_eq!(got.baskets(), all.iter().map(|b| b.len() as u64).sum::<u64>());
    let (mut rebought, mut opportunities) = (0, 0);
    for item in 0..ITEMS {
        let holding: Vec<Vec<usize>> = all
            .iter()
            .map(|b| b.values().enumerate().filter(|(_, s)| s.contains(&item)).map(|(at, _)| at).collect())
            .collect();
        let count: usize = holding.iter().map(Vec::len).sum();
        prop_assert_eq!(got.item_baskets(item), count as u64);
        prop_assert_eq!(got.item_members(item), holding.iter().filter(|h| !h.is_empty()).count() as u64);
        let again: usize = holding.iter().map(|h| h.len().saturating_sub(1)).sum();
        let chances: usize =
            holding.iter().zip(&all).filter(|(h, _)| !h.is_empty()).map(|(h, b)| b.len() - 1 - h[0]).sum();
        prop_assert_eq!(got.rebought(item), again as u64);
        prop_assert_eq!(got.opportunities(item), chances as u64);
        rebought += again;
        opportunities += chances;
        let last = all.iter().flat_map(|b| b.iter()).filter(|(_, s)| s.contains(&item)).map(|(d, _)| *d).max();
        prop_assert_eq!(got.last_day(item), last);
        let weigh = |wanted: Option<u32>, half_life: f64| -> f64 {
            all.iter()
                .flat_map(|b| b.iter().map(move |(d, s)| (*b, *d, s)))
                .filter(|(_, _, s)| wanted.is_none_or(|i| s.contains(&i)))
                .map(|(b, d, _)| (-(age(view, b, d) as f64) / half_life).exp2())
                .sum()
        };
        for (h, half_life) in half_lives.iter().enumerate() {
            let share = weigh(Some(item), *half_life) / weigh(None, *half_life).max(1e-9);
            prop_assert!((got.popularity(item, h) - share).abs() < 1e-6);
        }
        let expected = weigh(Some(item), 30.0) / weigh(None, 30.0).max(1e-9) * weigh(None, 5.0);
        prop_assert!((got.trend(item, 0, 1) - (weigh(Some(item), 5.0) + 20.0) / (expected + 20.0)).abs() < 1e-6);
        let mut gaps: Vec<u32> = all.iter().flat_map(|b| day_gaps(b, |s| s.contains(&item))).collect();
        gaps.sort_unstable();
        prop_assert_eq!(got.item_gap(item).map(|g| (g.days, g.count)), lower_median(&gaps));
    }
    for category in 0..3 {
        let holds = |s: &BTreeSet<u32>| s.iter().any(|i| shop.category_of(*i) == Some(category));
        let mut gaps: Vec<u32> = all.iter().flat_map(|b| day_gaps(b, holds)).collect();
        gaps.sort_unstable();
        prop_assert_eq!(got.category_gap(category).map(|g| (g.days, g.count)), lower_median(&gaps));
    }
    let mean = if opportunities == 0 { 0.0 } else { rebought as f64 / opportunities as f64 };
    prop_assert!((got.mean_rebuy_rate() - mean).abs() < 1e-12);
    let shrunk = (got.rebought(3) as f64 + 20.0 * mean) / (got.opportunities(3) as f64 + 20.0);
    prop_assert!((got.rebuy_rate(3) - shrunk).abs() < 1e-12);
    Ok(())
}

fn day_gaps(baskets: &BTreeMap<Day, BTreeSet<u32>>, holds: impl Fn(&BTreeSet<u32>) -> bool) -> Vec<u32> {
    let days: Vec<Day> = baskets.iter().filter(|(_, s)| holds(s)).map(|(d, _)| *d).collect();
    days.windows(2).map(|w| gaps::middle(gaps::bin(w[1].since(w[0]) as u32))).collect()
}

fn lower_median(sorted: &[u32]) -> Option<(u32, u64)> {
    (!sorted.is_empty()).then(|| (sorted[(sorted.len() - 1) / 2], sorted.len() as u64))
}

fn check_transitions(rows: &[Row], view: &View, half_life: f64) -> Result<(), TestCaseError> {
    let parts = shards_of(rows, 4);
    let members = naive_baskets(&parts, view, false);
    let shards = ShardSet::in_memory(parts);
    let statistics = item_statistics(&shards, view, &shop(), &[]).unwrap();
    let kept = 5;
    let got = transitions(&shards, view, &statistics, half_life, u64::MAX, kept).unwrap();
    let mut counts: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    let mut mass = vec![0u64; ITEMS as usize];
    for own in members.values() {
        let baskets: Vec<(Day, &BTreeSet<u32>)> = own.iter().map(|(day, basket)| (*day, basket)).collect();
        for target in baskets.len().saturating_sub(16)..baskets.len() {
            let (day, basket) = baskets[target];
            let recency = (-(age(view, own, day) as f64) / half_life).exp2();
            let recency = (recency * ONE as f64).round() / ONE as f64 * f64::from(1 << 28);
            let mut profile = vec![0u64; ITEMS as usize];
            for lag in 1..=6usize.min(target) {
                baskets[target - lag].1.iter().for_each(|j| profile[*j as usize] += LAG_WEIGHTS[lag - 1]);
            }
            let length = (profile.iter().map(|w| w * w).sum::<u64>() as f64).sqrt() / 1024.0;
            let weight = if length > 0.0 { (recency / length).round() as u64 } else { 0 };
            for (j, held) in profile.iter().enumerate() {
                mass[j] += weight * held;
                for i in basket.iter().filter(|_| weight * held > 0) {
                    *counts.entry((j as u32, *i)).or_default() += weight * held;
                }
            }
            let weight = (recency / (basket.len() as f64).sqrt()).round() as u64 * SAME_BASKET;
            for j in basket.iter().filter(|_| basket.len() > 1 && weight > 0) {
                mass[*j as usize] += weight;
                basket.iter().filter(|i| *i != j).for_each(|i| *counts.entry((*j, *i)).or_default() += weight);
            }
        }
    }
    for j in 0..ITEMS {
        let row = counts.range((j, 0)..(j + 1, 0)).map(|((_, item), count)| Neighbour { item: *item, count: *count });
        let mut row: Vec<Neighbour> = row.collect();
        row.sort_by(|a, b| b.count.cmp(&a.count).then(a.item.cmp(&b.item)));
        row.truncate(kept);
        prop_assert_eq!(got.of(j), row);
        prop_assert_eq!(got.mass(j), mass[j as usize]);
    }
    Ok(())
}

proptest! {
    #[test]
    fn statistics_equal_their_naive_twin(rows in rows(), cut in 20i32..80) {
        check_statistics(&rows, &View::at(Day(cut), Timeline::Calendar), false)?;
        check_statistics(&rows, &View::at(Day(cut), Timeline::Ordinal), false)?;
        check_statistics(&rows, &View::hiding_newest(Day(cut), Timeline::Ordinal), true)?;
    }

    #[test]
    fn transitions_equal_their_naive_twin(rows in rows(), cut in 20i32..80) {
        check_transitions(&rows, &View::at(Day(cut), Timeline::Calendar), 20.0)?;
        check_transitions(&rows, &View::at(Day(cut), Timeline::Ordinal), 1.0)?;
    }

    #[test]
    fn neither_threads_nor_shards_matter(rows in rows(), budget in 1u64..4000) {
        let view = View::at(Day(70), Timeline::Calendar);
        let run = |threads: usize, shards: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let shards = ShardSet::in_memory(shards_of(&rows, shards));
                let statistics = item_statistics(&shards, &view, &shop(), &[7.0]).unwrap();
                let transitions = transitions(&shards, &view, &statistics, 30.0, budget, 4).unwrap();
                (statistics, transitions)
            })
        };
        let one = run(1, 1);
        prop_assert!(one == run(3, 5));
    }
}

#[test]
fn a_planted_refill_shows() {
    let mut rows = Vec::new();
    for m in 0..60 {
        let member = format!("m{m}");
        rows.extend((0..6).map(|n| Row::buy(&member, m % 7 + 28 * n, 2, 10)));
        rows.push(Row::buy(&member, m % 7 + 28, 4, 10));
    }
    let shards = ShardSet::in_memory(shards_of(&rows, 4));
    let view = View::at(Day(200), Timeline::Calendar);
    let statistics = item_statistics(&shards, &view, &shop(), &[30.0]).unwrap();
    assert_eq!(statistics.usual_gap(2).map(|g| (g.days, g.count)), Some((28, 300)));
    assert!(statistics.rebuy_rate(2) > 0.9 && statistics.rebuy_rate(4) < 0.1);
    assert_eq!(statistics.units(2), 360 * 1000);
    // What has no gaps of its own takes its category's.
    assert_eq!(statistics.item_gap(4), None);
    assert_eq!(statistics.usual_gap(4), statistics.category_gap(1));
    let found = transitions(&shards, &view, &statistics, 30.0, 1 << 20, 10).unwrap();
    assert_eq!(found.of(4)[0].item, 2);
    assert_eq!(found.sampled(), 1.0);
    let some = transitions(&shards, &view, &statistics, 30.0, 1000, 10).unwrap();
    assert!(some.sampled() < 0.9 && some.mass(2) < found.mass(2), "{}", some.sampled());
}

#[test]
fn a_shop_without_items_copes() {
    let rows = [Row::buy("m", 3, crate::history::NO_ITEM, 5)];
    let shards = ShardSet::in_memory(shards_of(&rows, 2));
    let view = View::at(Day(9), Timeline::Calendar);
    let statistics = item_statistics(&shards, &view, &ItemTable::default(), &[7.0]).unwrap();
    assert_eq!((statistics.members(), statistics.len(), statistics.mean_rebuy_rate()), (0, 0, 0.0));
    assert!(transitions(&shards, &view, &statistics, 30.0, 100, 10).unwrap().is_empty());
    assert_eq!(last_day(&shards, Day(9)).unwrap(), Some(Day(3)));
    assert_eq!(last_day(&shards, Day(2)).unwrap(), None);
}
