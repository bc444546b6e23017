//! What fits what, learned from purchases where the shop does not say it.

use std::collections::BTreeMap;

use super::{ItemStatistics, MemberBaskets, View, attach::Fits, price::price};
use crate::{
    base::pool::Pool,
    history::{Shard, ShardError, ShardSet},
    input::ItemTable,
};

/// Purchases of the devices of a category, and largest share of them that are repeats: what is bought again and again is
/// no device.
const DEVICE_BASKETS: u64 = 30;
const DEVICE_REPEATS: f64 = 0.2;
/// A category's median price is at least this many times that of its accessories, where prices are known.
const DEVICE_PRICE: f64 = 2.0;
/// Categories of devices that are looked at, those with the most purchases.
const DEVICE_CATEGORIES: usize = 256;
/// Members who bought the accessory.
const BUYERS: u64 = 8;
/// Least share of an accessory's buyers who had a device of the category by then, and what that share surely (95%) is not
/// below.
const OWNERS: f64 = 0.9;
const OWNERS_AT_LEAST: f64 = 0.65;
/// Least lift of that share over the share of all members who have such a device.
const LIFT: f64 = 3.0;
/// Buyers whose device was of one family (variants of one product) for the family to fit.
const FAMILY_BUYERS: u64 = 5;
/// Least share of a family among those devices, over its share among all devices of the category.
const FAMILY_LIFT: f64 = 0.5;

/// Learns which accessories fit which devices; nothing is said of what is bought too seldom.
///
/// An accessory is what members buy only once they have the device. So, in two steps:
///
/// 1. **The category of the devices.** Categories in which things are hardly bought again (at most a fifth of at least 30
///    purchases) hold devices. An item is an accessory of the one of them that most of its first purchases follow (or
///    share a basket with), if these are at least 90% of at least 8, surely (Wilson's interval) at least 65%, and at least
///    3 times as many as members have such a device; and if it costs at most half of what the devices do.
/// 2. **The devices themselves.** Each first purchase speaks for the device bought last before it. The accessory fits the
///    variants of a product if at least 5 do, and if they are at least half as frequent as the product is among the
///    devices: what fits another phone follows this one only by chance.
///
/// Items without a category are a category of their own. Exact counts, so that the order of the shards does not matter;
/// memory is (categories of devices × items), time linear in the purchases for each category of devices a member has.
///
/// # Errors
/// If a spilled shard cannot be read back.
pub fn learn_fits(
    shards: &ShardSet,
    view: &View,
    items: &ItemTable,
    statistics: &ItemStatistics,
) -> Result<Fits, ShardError> {
    let classes = Classes::find(items, statistics);
    if classes.len() == 0 {
        return Ok(Fits::from_pairs(items.len(), &BTreeMap::new()));
    }
    let pool = Pool::new(|| Before::new(items.len(), classes.len()));
    shards.map(|_, shard| {
        pool.with(|work| work.shard(shard, view, &classes));
        Ok::<_, ShardError>(())
    })?;
    let mut before = Before::new(items.len(), classes.len());
    pool.into_all().iter().for_each(|part| before.add(part));
    let class_of = before.classes_of_accessories(items, statistics, &classes);
    drop(before);

    let pool = Pool::new(|| Last::new(items.len(), classes.len()));
    shards.map(|_, shard| {
        pool.with(|work| work.shard(shard, view, &classes, &class_of));
        Ok::<_, ShardError>(())
    })?;
    let mut last = Last::new(items.len(), classes.len());
    pool.into_all().iter().for_each(|part| last.add(part));
    Ok(last.fits(items, &classes, &class_of))
}

/// No category of devices.
const NO_CLASS: u32 = u32::MAX;

/// Categories of devices.
struct Classes {
    /// By item: its category among those of devices, or [`NO_CLASS`].
    of_item: Vec<u32>,
    /// By item: the product it is a variant of.
    family: Vec<u32>,
    /// By category of devices: the median price, where known.
    price: Vec<Option<i64>>,
}

impl Classes {
    fn find(items: &ItemTable, statistics: &ItemStatistics) -> Self {
        let categories = items.categories.len() as u32;
        let group = |item: u32| items.category_of(item).unwrap_or(categories + item);
        let family: Vec<u32> = (0..items.len() as u32).map(|i| items.parent_of(i).unwrap_or(i)).collect();
        // Baskets and repeats.
        let mut sums: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for item in 0..items.len() as u32 {
            let sum = sums.entry(group(item)).or_default();
            sum.0 += statistics.item_baskets(item);
            sum.1 += statistics.rebought(item);
        }
        let lasting = |(baskets, repeats): (u64, u64)| {
            baskets >= DEVICE_BASKETS && repeats as f64 <= DEVICE_REPEATS * baskets as f64
        };
        let mut found: Vec<(u64, u32)> = sums.iter().filter(|s| lasting(*s.1)).map(|(g, s)| (s.0, *g)).collect();
        found.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(DEVICE_CATEGORIES);
        let mut groups: Vec<u32> = found.into_iter().map(|(_, g)| g).collect();
        groups.sort_unstable();
        let of_item: Vec<u32> = (0..items.len() as u32)
            .map(|item| groups.binary_search(&group(item)).map_or(NO_CLASS, |class| class as u32))
            .collect();
        let mut prices: Vec<Vec<i64>> = vec![Vec::new(); groups.len()];
        for (item, class) in of_item.iter().enumerate().filter(|(_, class)| **class != NO_CLASS) {
            prices[*class as usize].extend(price(items, statistics, item as u32));
        }
        let median = |mut all: Vec<i64>| {
            all.sort_unstable();
            all.get(all.len().saturating_sub(1) / 2).copied()
        };
        Self { of_item, family, price: prices.into_iter().map(median).collect() }
    }

    fn len(&self) -> usize {
        self.price.len()
    }
}

/// Entries of earlier members are told by their stamp.
#[derive(Clone)]
struct Seen {
    stamp: u64,
    at: Vec<u64>,
}

impl Seen {
    fn new(len: usize) -> Self {
        Self { stamp: 0, at: vec![0; len] }
    }

    fn next(&mut self) {
        self.stamp += 1;
    }

    /// Marks an entry; whether it was not marked yet.
    fn mark(&mut self, entry: usize) -> bool {
        std::mem::replace(&mut self.at[entry], self.stamp) != self.stamp
    }
}

/// Step 1: who had a device of which category when they first bought an item.
struct Before {
    baskets: MemberBaskets,
    items: Seen,
    classes: Seen,
    members: u64,
    /// By category of devices.
    owners: Vec<u64>,
    /// By category of devices and item.
    followed: Vec<u32>,
}

impl Before {
    fn new(items: usize, classes: usize) -> Self {
        Self {
            baskets: MemberBaskets::default(),
            items: Seen::new(items),
            classes: Seen::new(classes),
            members: 0,
            owners: vec![0; classes],
            followed: vec![0; classes * items],
        }
    }

    fn add(&mut self, other: &Self) {
        self.members += other.members;
        self.owners.iter_mut().zip(&other.owners).for_each(|(a, b)| *a += b);
        self.followed.iter_mut().zip(&other.followed).for_each(|(a, b)| *a += b);
    }

    fn shard(&mut self, shard: &Shard, view: &View, classes: &Classes) {
        let items = classes.of_item.len();
        let mut owned: Vec<u32> = Vec::new();
        for member in 0..shard.members.len() {
            self.baskets.fill(shard, member, view);
            self.members += u64::from(!self.baskets.is_empty());
            self.items.next();
            self.classes.next();
            owned.clear();
            for basket in 0..self.baskets.len() {
                for item in self.baskets.items(basket) {
                    let class = classes.of_item[*item as usize];
                    if class != NO_CLASS && self.classes.mark(class as usize) {
                        self.owners[class as usize] += 1;
                        owned.push(class);
                    }
                }
                for item in self.baskets.items(basket) {
                    if self.items.mark(*item as usize) {
                        owned.iter().for_each(|class| self.followed[*class as usize * items + *item as usize] += 1);
                    }
                }
            }
        }
    }

    /// By item: the category of the devices it is an accessory of.
    fn classes_of_accessories(&self, items: &ItemTable, statistics: &ItemStatistics, classes: &Classes) -> Vec<u32> {
        let of = |item: u32| {
            let buyers = statistics.item_members(item);
            if buyers < BUYERS {
                return NO_CLASS;
            }
            let own = price(items, statistics, item);
            let mut best: Option<(f64, f64, u32)> = None;
            for class in 0..classes.len() as u32 {
                let cheap = match (classes.price[class as usize], own) {
                    (Some(device), Some(own)) => DEVICE_PRICE * own as f64 <= device as f64,
                    _ => true,
                };
                if class == classes.of_item[item as usize] || !cheap {
                    continue;
                }
                let followed = u64::from(self.followed[class as usize * classes.of_item.len() + item as usize]);
                let share = followed as f64 / buyers as f64;
                let base = self.owners[class as usize] as f64 / self.members.max(1) as f64;
                if share < OWNERS || at_least(followed, buyers) < OWNERS_AT_LEAST || share < LIFT * base {
                    continue;
                }
                let lift = share / base;
                if best.is_none_or(|(s, l, _)| share > s || (share == s && lift > l)) {
                    best = Some((share, lift, class));
                }
            }
            best.map_or(NO_CLASS, |(_, _, class)| class)
        };
        (0..items.len() as u32).map(of).collect()
    }
}

/// Lower end of Wilson's 95% interval of a share.
fn at_least(hits: u64, of: u64) -> f64 {
    let (n, p, z) = (of as f64, hits as f64 / of as f64, 1.96f64);
    (p + z * z / (2.0 * n) - z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt()) / (1.0 + z * z / n)
}

/// Step 2: which device was bought last before an accessory.
struct Last {
    baskets: MemberBaskets,
    items: Seen,
    families: Seen,
    /// By category of devices: the family bought last, by the member at hand.
    last: Vec<u32>,
    /// By family (its item): members who have it.
    owners: Vec<u64>,
    /// First purchases of an accessory by the family of the device before, (accessory, family).
    pairs: BTreeMap<(u32, u32), u64>,
}

impl Last {
    fn new(items: usize, classes: usize) -> Self {
        Self {
            baskets: MemberBaskets::default(),
            items: Seen::new(items),
            families: Seen::new(items),
            last: vec![NO_CLASS; classes],
            owners: vec![0; items],
            pairs: BTreeMap::new(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.owners.iter_mut().zip(&other.owners).for_each(|(a, b)| *a += b);
        other.pairs.iter().for_each(|(pair, n)| *self.pairs.entry(*pair).or_default() += n);
    }

    fn shard(&mut self, shard: &Shard, view: &View, classes: &Classes, class_of: &[u32]) {
        for member in 0..shard.members.len() {
            self.baskets.fill(shard, member, view);
            self.items.next();
            self.families.next();
            self.last.fill(NO_CLASS);
            for basket in 0..self.baskets.len() {
                for item in self.baskets.items(basket) {
                    let class = classes.of_item[*item as usize];
                    if class == NO_CLASS {
                        continue;
                    }
                    let family = classes.family[*item as usize];
                    self.last[class as usize] = family;
                    if self.families.mark(family as usize) {
                        self.owners[family as usize] += 1;
                    }
                }
                for item in self.baskets.items(basket) {
                    let class = class_of[*item as usize];
                    if class == NO_CLASS || !self.items.mark(*item as usize) {
                        continue;
                    }
                    let family = self.last[class as usize];
                    if family != NO_CLASS {
                        *self.pairs.entry((*item, family)).or_default() += 1;
                    }
                }
            }
        }
    }

    fn fits(&self, items: &ItemTable, classes: &Classes, class_of: &[u32]) -> Fits {
        let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut owners = vec![0u64; classes.len()];
        for (item, class) in classes.of_item.iter().enumerate().filter(|(_, class)| **class != NO_CLASS) {
            members.entry(classes.family[item]).or_default().push(item as u32);
            owners[*class as usize] += self.owners[item];
        }
        let mut by_device: BTreeMap<u32, std::collections::BTreeSet<u32>> = BTreeMap::new();
        let all: Vec<((u32, u32), u64)> = self.pairs.iter().map(|(pair, n)| (*pair, *n)).collect();
        for pairs in all.chunk_by(|a, b| a.0.0 == b.0.0) {
            let accessory = pairs[0].0.0;
            let whole: u64 = pairs.iter().map(|p| p.1).sum();
            let of_class = owners[class_of[accessory as usize] as usize].max(1);
            for ((_, family), followed) in pairs {
                let share = *followed as f64 / whole as f64;
                let usual = self.owners[*family as usize] as f64 / of_class as f64;
                if *followed < FAMILY_BUYERS || share < FAMILY_LIFT * usual {
                    continue;
                }
                for device in members.get(family).into_iter().flatten().filter(|d| **d != accessory) {
                    by_device.entry(*device).or_default().insert(accessory);
                }
            }
        }
        Fits::from_pairs(items.len(), &by_device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{Day, IdTable},
        history::{
            Timeline,
            testing::{Row, shards_of},
        },
        items::item_statistics,
    };

    const CASE: u32 = 0;
    const CHARM: u32 = 1;
    const PHONE_A: u32 = 2;
    const PHONE_A_RED: u32 = 3;
    const PHONE_B: u32 = 4;
    const TEA: u32 = 5;

    fn shop(priced: bool) -> ItemTable {
        let none = crate::input::NONE;
        let price = [30, 20, 3000, 3000, 2500, 40].map(|p| priced.then_some(p * 100));
        ItemTable {
            ids: IdTable::from_unsorted(["case", "charm", "phone-a", "phone-a-red", "phone-b", "tea"]),
            categories: IdTable::from_unsorted(["extra", "phone", "tea"]),
            category: vec![0, 0, 1, 1, 1, 2],
            parent: vec![none, none, none, PHONE_A, none, none],
            price: price.to_vec(),
            ..ItemTable::default()
        }
    }

    /// 240 members: 20 have a phone A, 20 the red one, 20 phone B. Most owners of an A buy the case, a few of B do (they
    /// had an A before); the charm is bought by anyone, tea every week.
    fn rows(case_before: bool) -> Vec<Row> {
        let mut rows = Vec::new();
        for m in 0..240 {
            let name = format!("m{m:03}");
            let phone = [PHONE_A, PHONE_A_RED, PHONE_B].get(m / 20);
            if let Some(phone) = phone {
                rows.push(Row::buy(&name, 10, *phone, 100));
            }
            if m < 40 && m % 5 != 0 {
                rows.push(Row::buy(&name, if case_before { 3 } else { 12 }, CASE, 1));
            }
            if (40..44).contains(&m) {
                rows.push(Row::buy(&name, 5, PHONE_A, 100));
                rows.push(Row::buy(&name, 7, CASE, 1));
            }
            if m % 3 == 0 {
                rows.push(Row::buy(&name, 20, CHARM, 1));
            }
            rows.extend((0..4).map(|week| Row::buy(&name, 7 * week, TEA, 4)));
        }
        rows
    }

    fn learned(rows: &[Row], items: &ItemTable, shards: usize) -> Fits {
        let shards = ShardSet::in_memory(shards_of(rows, shards));
        let view = View::at(Day(100), Timeline::Calendar);
        let statistics = item_statistics(&shards, &view, items, &[]).unwrap();
        learn_fits(&shards, &view, items, &statistics).unwrap()
    }

    #[test]
    fn what_is_bought_for_the_device_fits_it() {
        for (priced, shards) in [(true, 1), (false, 3)] {
            let fits = learned(&rows(false), &shop(priced), shards);
            assert_eq!(fits.accessories(PHONE_A), [CASE]);
            assert_eq!(fits.accessories(PHONE_A_RED), [CASE]);
            // Neither the phone bought later nor what anyone buys.
            assert!(!fits.is_device(PHONE_B) && !fits.is_device(TEA));
            assert_eq!(fits.len(), 2);
        }
    }

    #[test]
    fn what_is_bought_before_the_device_is_no_accessory() {
        assert!(learned(&rows(true), &shop(true), 2).is_empty());
        // Nor what costs as much as the device.
        let dear = ItemTable { price: vec![Some(300_000); 6], ..shop(true) };
        assert!(learned(&rows(false), &dear, 2).is_empty());
        assert!(learned(&[Row::buy("m", 1, TEA, 1)], &shop(true), 1).is_empty());
    }

    #[test]
    fn wilson() {
        assert!((at_least(8, 8) - 0.6756).abs() < 1e-4);
        assert!((at_least(19, 23) - 0.6286).abs() < 1e-4);
    }
}
