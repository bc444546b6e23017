//! Items too new to have sold: what they are worth, from the items that are like them.

use std::collections::BTreeMap;

use super::workspace::Sparse;
use crate::{
    history::Timeline,
    input::{ItemTable, NONE},
    items::{ItemStatistics, PSEUDO_COUNTS, View},
};

/// Days after its launch in which an item is new.
const NEW_DAYS: i32 = 60;
/// Items that have sold, in a group of neighbours.
const LEAST_NEIGHBOURS: u32 = 3;
/// Newest items of a group that take part.
const OF_A_GROUP: usize = 8;
/// Ages in days of the launches that say how new items sell against their neighbours, and how many of them it takes.
const LAUNCHED_DAYS: std::ops::RangeInclusive<i32> = 14..=365;
const LAUNCHES: u32 = 10;
/// Bounds of what they may say.
const LIFT: (f64, f64) = (0.25, 4.0);

/// A group of neighbours: category and brand, category, or brand.
type Key = (u32, u32);

/// New items, with what their neighbours lend them.
///
/// An item is new for 60 days from its launch; where no launch is known, if the items table has it and nobody ever bought
/// it. Its neighbours are the items of its category and brand that have sold and are not new themselves; where there are not
/// three of them, those of its category, else those of its brand. With `t = n / (n + 20)`, n the baskets that hold it:
///
/// * its popularity is `t · g / (1 − 2^(−age / half-life)) + (1 − t) · ℓ · mean g of the neighbours`: its own share of the
///   baskets since its launch, and theirs before it has sold;
/// * what follows the member's own purchases is, for the part `(1 − t) · ℓ`, the mean of what it is for the neighbours.
///
/// ℓ, how new items sell against their neighbours, is learned from the launches of the last year if there are ten, and
/// else 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ColdItems {
    /// By item, where anything is new: the part its neighbours lend it, 0 for all others.
    lent: Vec<f32>,
    /// (item, popularity), by item.
    popularity: Vec<(u32, f64)>,
    /// By group of neighbours: how many they are.
    sizes: Vec<u32>,
    /// By group: its new items.
    members: Vec<Vec<u32>>,
    /// By item: the groups it is a neighbour in; where there are fewer, the number of all groups.
    groups: Vec<[u32; 3]>,
}

impl ColdItems {
    pub(super) const NOTHING: Self =
        Self { lent: Vec::new(), popularity: Vec::new(), sizes: Vec::new(), members: Vec::new(), groups: Vec::new() };

    /// Finds the new items at the view's cut, under the half-life of that index.
    pub(super) fn new(items: &ItemTable, statistics: &ItemStatistics, view: &View, half_life: usize) -> Self {
        if view.timeline() == Timeline::Ordinal || statistics.half_lives().get(half_life).is_none() {
            return Self::default();
        }
        let all = 0..items.len().min(statistics.len()) as u32;
        // Lists are used from the day after the cut on.
        let age = |item: u32| Some(view.cut().plus(1).since(items.launch.get(item as usize).copied().flatten()?));
        let fresh = |item: u32| match age(item) {
            Some(age) => (0..NEW_DAYS).contains(&age),
            None => items.listed.get(item as usize) == Some(&true) && statistics.item_baskets(item) == 0,
        };
        let mut fresh: Vec<u32> = all.clone().filter(|i| fresh(*i)).collect();
        if fresh.is_empty() {
            return Self::default();
        }
        let mut lends = vec![true; items.len()];
        fresh.iter().for_each(|item| lends[*item as usize] = false);
        let neighbours = Neighbours::new(items, statistics, half_life, lends);
        let half = statistics.half_lives()[half_life];
        // Share of the baskets since its launch, were they evenly spread.
        let own = |item: u32, age: i32| {
            let since = 1.0 - (-f64::from(age.max(1)) / half).exp2();
            (statistics.popularity(item, half_life) / since).min(1.0)
        };
        let launched = all.clone().filter_map(|item| {
            let age = age(item).filter(|age| LAUNCHED_DAYS.contains(age))?;
            Some((own(item, age), neighbours.without(item, items, statistics, half_life)?))
        });
        let (count, sum, theirs) = launched.fold((0u32, 0.0, 0.0), |(n, a, b), (own, mean)| (n + 1, a + own, b + mean));
        let lift = if count >= LAUNCHES && theirs > 0.0 { (sum / theirs).clamp(LIFT.0, LIFT.1) } else { 1.0 };

        // The newest first, so that a group keeps those.
        fresh.sort_by_key(|item| (age(*item).unwrap_or(i32::MAX), *item));
        let mut cold = Self { lent: vec![0.0; items.len()], ..Self::default() };
        let mut index: BTreeMap<Key, usize> = BTreeMap::new();
        for item in fresh {
            let Some((key, size, mean)) = neighbours.of(item, items) else { continue };
            let group = *index.entry(key).or_insert_with(|| {
                cold.sizes.push(size);
                cold.members.push(Vec::new());
                cold.sizes.len() - 1
            });
            if cold.members[group].len() == OF_A_GROUP {
                continue;
            }
            let sold = statistics.item_baskets(item) as f64;
            let trust = sold / (sold + PSEUDO_COUNTS);
            let lent = (1.0 - trust) * lift;
            cold.members[group].push(item);
            cold.lent[item as usize] = lent as f32;
            cold.popularity.push((item, trust * age(item).map_or(0.0, |age| own(item, age)) + lent * mean));
        }
        cold.popularity.sort_unstable_by_key(|p| p.0);
        let no_group = cold.sizes.len() as u32;
        cold.groups = (0..items.len() as u32)
            .map(|item| {
                let keys = if neighbours.has(item, statistics) { keys(item, items) } else { [None; 3] };
                keys.map(|key| key.and_then(|k| index.get(&k)).map_or(no_group, |g| *g as u32))
            })
            .collect();
        cold
    }

    /// Whether the item is new and lives on what its neighbours lend it.
    pub(super) fn is_cold(&self, item: u32) -> bool {
        self.lent.get(item as usize).is_some_and(|lent| *lent > 0.0)
    }

    /// Puts the popularity of new items in its place.
    pub(super) fn adjust(&self, popularity: &mut [f32]) {
        for (item, share) in &self.popularity {
            popularity[*item as usize] = *share as f32;
        }
    }

    /// Adds to new items what `explore` holds for their neighbours. `sums` is scratch space.
    pub(super) fn lend(&self, explore: &mut Sparse, sums: &mut Vec<f32>) {
        if self.sizes.is_empty() {
            return;
        }
        // One place a group, and one for the groups that there are not.
        sums.clear();
        sums.resize(self.sizes.len() + 1, 0.0);
        for &item in explore.touched() {
            for group in self.groups[item as usize] {
                sums[group as usize] += explore.get(item);
            }
        }
        // An item is of one group, so that the groups may come in any order.
        for ((sum, size), members) in
            sums.iter().zip(&self.sizes).zip(&self.members).filter(|((sum, _), _)| **sum > 0.0)
        {
            let mean = sum / *size as f32;
            for &item in members {
                explore.add(item, self.lent[item as usize] * mean);
            }
        }
    }
}

/// Category and brand, category, brand, as far as they are known.
fn keys(item: u32, items: &ItemTable) -> [Option<Key>; 3] {
    let (category, brand) = (items.category_of(item), items.brand_of(item));
    [category.zip(brand), category.map(|c| (c, NONE)), brand.map(|b| (NONE, b))]
}

/// By group: the items in it that have sold and are not new themselves, and their popularity.
struct Neighbours {
    groups: BTreeMap<Key, (u32, f64)>,
    /// By item: whether it is not new.
    lends: Vec<bool>,
}

impl Neighbours {
    fn new(items: &ItemTable, statistics: &ItemStatistics, half_life: usize, lends: Vec<bool>) -> Self {
        let mut whole = Self { groups: BTreeMap::new(), lends };
        for item in (0..items.len() as u32).filter(|i| whole.has(*i, statistics)).collect::<Vec<_>>() {
            for key in keys(item, items).into_iter().flatten() {
                let group = whole.groups.entry(key).or_default();
                *group = (group.0 + 1, group.1 + statistics.popularity(item, half_life));
            }
        }
        whole
    }

    /// Whether the item is a neighbour of others.
    fn has(&self, item: u32, statistics: &ItemStatistics) -> bool {
        self.lends[item as usize] && (item as usize) < statistics.len() && statistics.item_baskets(item) > 0
    }

    /// The nearest group that is large enough, its size and the mean popularity in it.
    fn of(&self, item: u32, items: &ItemTable) -> Option<(Key, u32, f64)> {
        let large = |key: Option<Key>| {
            let key = key?;
            let (size, sum) = *self.groups.get(&key)?;
            (size >= LEAST_NEIGHBOURS).then(|| (key, size, sum / f64::from(size)))
        };
        keys(item, items).into_iter().find_map(large)
    }

    /// The mean popularity of the neighbours of an item, itself left out.
    fn without(&self, item: u32, items: &ItemTable, statistics: &ItemStatistics, half_life: usize) -> Option<f64> {
        let counted = self.has(item, statistics);
        let own = if counted { statistics.popularity(item, half_life) } else { 0.0 };
        let others = |key: Option<Key>| {
            let (size, sum) = *self.groups.get(&key?)?;
            let size = size - u32::from(counted);
            (size >= LEAST_NEIGHBOURS).then(|| (sum - own).max(0.0) / f64::from(size))
        };
        keys(item, items).into_iter().find_map(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{Day, IdTable},
        history::{
            ShardSet,
            testing::{Row, shards_of},
        },
        items::item_statistics,
        recommend::{Candidate, ItemKnowledge, Parameters, RawRecommend, RecommendSettings, Term},
    };

    fn settings() -> RecommendSettings {
        let at = crate::base::findings::JobPath::root();
        RawRecommend::default().check(&at, &mut crate::base::Findings::new())
    }

    const NEW: u32 = 3;
    const OLD: u32 = 4;

    /// Four dog foods, of which three sell and one is new; a cat food that nobody buys; tea.
    fn shop(launched: Option<Day>) -> ItemTable {
        ItemTable {
            ids: IdTable::from_unsorted(["a", "b", "c", "new", "old", "tea"]),
            categories: IdTable::from_unsorted(["cat", "dog", "tea"]),
            category: vec![1, 1, 1, 1, 0, 2],
            brands: IdTable::from_unsorted(["x", "y"]),
            brand: vec![0, 0, 0, 0, 1, 1],
            launch: vec![None, None, None, launched, Some(Day(-900)), None],
            listed: vec![true; 6],
            ..ItemTable::default()
        }
    }

    /// Forty members buy the dog foods in turn, ten days apart; forty others buy tea.
    fn rows() -> Vec<Row> {
        let mut rows = Vec::new();
        for m in 0..40 {
            for n in 0..6 {
                rows.push(Row::buy(&format!("dog{m:02}"), 30 + 10 * n, (n as u32 + m % 3) % 3, 10));
                rows.push(Row::buy(&format!("tea{m:02}"), 30 + 10 * n, 5, 10));
            }
        }
        rows
    }

    fn best_of(member: &str, items: &ItemTable, rows: &[Row]) -> Vec<Candidate> {
        let shards = ShardSet::in_memory(shards_of(rows, 1));
        let view = View::at(Day(85), Timeline::Calendar);
        let p = Parameters { category_weight: 0.0, ..Parameters::default() };
        let knowledge = ItemKnowledge::fit(&shards, &view, items, &p.half_lives(), &settings()).unwrap();
        let scorer = knowledge.scorer(&p);
        let (mut space, mut out) = (scorer.workspace(), Vec::new());
        let shard = shards.get(0).unwrap();
        let member = shard.members.find(member).unwrap();
        scorer.recommend(&shard, member, 10, &mut space, &mut out);
        for candidate in &out {
            let terms = scorer.terms(candidate.item, &space);
            assert!((terms.score - candidate.score).abs() < 1e-6 * candidate.score, "{terms:?}");
        }
        out
    }

    #[test]
    fn a_launch_is_worth_what_its_neighbours_are() {
        let shards = ShardSet::in_memory(shards_of(&rows(), 2));
        let view = View::at(Day(85), Timeline::Calendar);
        let items = shop(Some(Day(80)));
        let statistics = item_statistics(&shards, &view, &items, &[30.0]).unwrap();
        let cold = ColdItems::new(&items, &statistics, &view, 0);
        let mean = (0..3).map(|i| statistics.popularity(i, 0)).sum::<f64>() / 3.0;
        assert_eq!(cold.popularity.len(), 1);
        assert!((cold.popularity[0].1 - mean).abs() < 1e-12);
        assert!(cold.is_cold(NEW) && !cold.is_cold(OLD) && !cold.is_cold(0));
        // Bought twenty times since, it counts for half; its share of the baskets is one of those since its launch.
        let mut sold = rows();
        sold.extend((0..20).map(|m| Row::buy(&format!("dog{m:02}"), 84, NEW, 10)));
        let shards = ShardSet::in_memory(shards_of(&sold, 2));
        let statistics = item_statistics(&shards, &view, &items, &[30.0]).unwrap();
        let cold = ColdItems::new(&items, &statistics, &view, 0);
        let mean = (0..3).map(|i| statistics.popularity(i, 0)).sum::<f64>() / 3.0;
        let own = statistics.popularity(NEW, 0) / (1.0 - (-6.0f64 / 30.0).exp2());
        assert!((cold.popularity[0].1 - 0.5 * (own + mean)).abs() < 1e-12);
        // After sixty days it stands for itself; so does everything where days are no days.
        assert_eq!(ColdItems::new(&shop(Some(Day(20))), &statistics, &view, 0), ColdItems::default());
        let ordinal = View::at(Day(85), Timeline::Ordinal);
        assert_eq!(ColdItems::new(&items, &statistics, &ordinal, 0), ColdItems::default());
    }

    #[test]
    fn it_goes_to_who_buys_its_neighbours() {
        let of = |member: &str, launched| {
            let found = best_of(member, &shop(launched), &rows());
            found.into_iter().find(|c| c.item == NEW)
        };
        let dog = of("dog00", Some(Day(80))).unwrap();
        assert_eq!(dog.term, Term::New { category: Some(1) });
        let tea = of("tea00", Some(Day(80))).unwrap();
        assert_eq!(tea.term, Term::New { category: None });
        assert!(dog.score > 1.5 * tea.score, "{dog:?} {tea:?}");
        // Without a day of launch it is new while nobody has bought it; what was launched long ago is not.
        assert_eq!(of("dog00", None).map(|c| c.score), Some(dog.score));
        assert_eq!(of("dog00", Some(Day(-900))), None);
        assert!(best_of("dog00", &shop(None), &rows()).iter().all(|c| c.item != OLD));
    }

    #[test]
    fn launches_of_the_year_say_how_new_items_sell() {
        // Ten items launched three weeks ago that sell twice what their neighbours do.
        let mut items = ItemTable::default();
        let mut rows = Vec::new();
        let names: Vec<String> = (0..14).map(|i| format!("i{i:02}")).collect();
        items.ids = IdTable::from_unsorted(names.iter().map(String::as_str));
        items.categories = IdTable::from_unsorted(["tea"]);
        items.category = vec![0; 14];
        items.listed = vec![true; 14];
        items.launch = (0..14)
            .map(|i| match i {
                0..3 => None,
                13 => Some(Day(99)),
                _ => Some(Day(79)),
            })
            .collect();
        let mut number = 0;
        let mut buy = |item: u32, day: i32| {
            number += 1;
            rows.push(Row::buy(&format!("m{number:05}"), day, item, 10));
        };
        for day in 0..100 {
            (0..3).for_each(|item| buy(item, day));
            if day >= 79 {
                (3..13).for_each(|item| {
                    buy(item, day);
                    buy(item, day);
                });
            }
        }
        let shards = ShardSet::in_memory(shards_of(&rows, 1));
        let view = View::at(Day(99), Timeline::Calendar);
        let statistics = item_statistics(&shards, &view, &items, &[30.0]).unwrap();
        let cold = ColdItems::new(&items, &statistics, &view, 0);
        // Its neighbours are the three that are not new themselves: it is worth more than they are on average.
        let mean = (0..3).map(|i| statistics.popularity(i, 0)).sum::<f64>() / 3.0;
        assert!(cold.lent[13] > 1.2 && cold.lent[13] < 4.0, "{}", cold.lent[13]);
        let (_, worth) = *cold.popularity.iter().find(|p| p.0 == 13).unwrap();
        assert!((worth - f64::from(cold.lent[13]) * mean).abs() < 1e-6);
    }
}
