//! Accessories: what fits which device, and how many owners of the device buy it.

use std::collections::{BTreeMap, BTreeSet};

use super::{ItemStatistics, MemberBaskets, PSEUDO_COUNTS, View};
use crate::{
    base::pool::Pool,
    history::{Shard, ShardError, ShardSet},
    input::ItemTable,
};

/// A declared rule: every accessory fits every device. Both sides are an item id or a category path (which stands for
/// the items of that category and of those below it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FitRule {
    /// Item id or category path of the device.
    pub device: String,
    /// Item id or category path of the accessory.
    pub accessory: String,
}

/// A name that is neither an item nor a category.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownFit {
    /// The name as written.
    pub name: String,
    /// Id of the item whose `fits` names it; `None` where a declared rule does.
    pub item: Option<String>,
}

/// Which accessories fit which device. Nothing that the shop does not say fits, ever fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fits {
    /// Items + 1 offsets into `accessories`.
    offsets: Vec<u32>,
    /// By device, in rising order.
    accessories: Vec<u32>,
}

impl Fits {
    /// Joins the items' own `fits` lists with declared rules. Names that stand for nothing are given back, in order.
    #[must_use]
    pub fn new(items: &ItemTable, rules: &[FitRule]) -> (Self, Vec<UnknownFit>) {
        let names = Names::new(items);
        let mut unknown = BTreeSet::new();
        let mut by_device: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        let mut add = |devices: &[u32], accessories: &[u32]| {
            for device in devices {
                by_device.entry(*device).or_default().extend(accessories.iter().filter(|a| *a != device));
            }
        };
        for (accessory, fits) in items.fits.iter().enumerate() {
            for name in fits {
                match names.find(name) {
                    Some(devices) => add(&devices, &[accessory as u32]),
                    None => {
                        let item = Some(items.ids.get(accessory).to_owned());
                        unknown.insert(UnknownFit { name: name.clone(), item });
                    }
                }
            }
        }
        for rule in rules {
            let sides = [&rule.device, &rule.accessory].map(|name| {
                names.find(name).unwrap_or_else(|| {
                    unknown.insert(UnknownFit { name: name.clone(), item: None });
                    Vec::new()
                })
            });
            add(&sides[0], &sides[1]);
        }
        (Self::from_pairs(items.len(), &by_device), unknown.into_iter().collect())
    }

    /// Of `items` items, by device what fits it.
    pub(super) fn from_pairs(items: usize, by_device: &BTreeMap<u32, BTreeSet<u32>>) -> Self {
        let mut fits = Self { offsets: vec![0], accessories: Vec::new() };
        for device in 0..items as u32 {
            fits.accessories.extend(by_device.get(&device).into_iter().flatten());
            fits.offsets.push(fits.accessories.len() as u32);
        }
        fits
    }

    /// Items that something fits, in rising order.
    pub fn devices(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.offsets.len().saturating_sub(1) as u32).filter(|device| self.is_device(*device))
    }

    fn range(&self, device: u32) -> std::ops::Range<usize> {
        match (self.offsets.get(device as usize), self.offsets.get(device as usize + 1)) {
            (Some(&start), Some(&end)) => start as usize..end as usize,
            _ => 0..0,
        }
    }

    /// What fits `device`, in rising order; empty where it is no device.
    #[must_use]
    pub fn accessories(&self, device: u32) -> &[u32] {
        &self.accessories[self.range(device)]
    }

    /// Whether anything fits `device`.
    #[must_use]
    pub fn is_device(&self, device: u32) -> bool {
        !self.range(device).is_empty()
    }

    /// Whether `accessory` fits `device`.
    #[must_use]
    pub fn fits(&self, device: u32, accessory: u32) -> bool {
        self.pair(device, accessory).is_some()
    }

    fn pair(&self, device: u32, accessory: u32) -> Option<usize> {
        let range = self.range(device);
        self.accessories[range.clone()].binary_search(&accessory).ok().map(|at| range.start + at)
    }

    /// (device, accessory) pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.accessories.len()
    }

    /// Whether nothing fits anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accessories.is_empty()
    }
}

/// Items by id and by category.
struct Names<'a> {
    items: &'a ItemTable,
    by_category: BTreeMap<u32, Vec<u32>>,
}

impl<'a> Names<'a> {
    fn new(items: &'a ItemTable) -> Self {
        let mut by_category: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for item in 0..items.len() as u32 {
            if let Some(c) = items.category_of(item) {
                by_category.entry(c).or_default().push(item);
            }
        }
        Self { items, by_category }
    }

    fn find(&self, name: &str) -> Option<Vec<u32>> {
        if let Some(item) = self.items.ids.find(name) {
            return Some(vec![item as u32]);
        }
        let mut known = false;
        let mut found = Vec::new();
        for (index, path) in self.items.categories.iter().enumerate() {
            if path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
                known = true;
                found.extend(self.by_category.get(&(index as u32)).into_iter().flatten());
            }
        }
        known.then_some(found)
    }
}

/// How a device's owners take to an accessory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attach {
    /// The accessory.
    pub accessory: u32,
    /// Members with the device.
    pub owners: u64,
    /// Owners whose whole window has been seen.
    pub exposed: u64,
    /// Of those, who bought the accessory within it.
    pub attached: u64,
    /// Days from the device to the accessory, on average; none where nobody bought it.
    pub mean_days: Option<f64>,
    /// `(attached + 20 · base) / (exposed + 20)`.
    pub rate: f64,
    /// Share of all members who have the accessory.
    pub base: f64,
    /// Rate over base; 1 where nobody has the accessory.
    pub lift: f64,
}

/// Attach counts of every pair that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachStatistics {
    fits: Fits,
    window_days: u32,
    /// By item.
    owners: Vec<u64>,
    /// By item.
    exposed: Vec<u64>,
    /// By pair of `fits`.
    attached: Vec<u64>,
    /// By pair of `fits`: days from the device to the accessory, added up.
    days: Vec<u64>,
}

struct Work {
    baskets: MemberBaskets,
    stamp: u64,
    item_seen: Vec<u64>,
    pair_seen: Vec<u64>,
    owners: Vec<u64>,
    exposed: Vec<u64>,
    attached: Vec<u64>,
    days: Vec<u64>,
}

impl Work {
    fn shard(&mut self, shard: &Shard, view: &View, fits: &Fits, window_days: i32) {
        for member in 0..shard.members.len() {
            self.stamp += 1;
            self.baskets.fill(shard, member, view);
            for bought in 0..self.baskets.len() {
                for &device in self.baskets.items(bought) {
                    let range = fits.range(device);
                    if range.is_empty() || self.item_seen[device as usize] == self.stamp {
                        continue;
                    }
                    self.item_seen[device as usize] = self.stamp;
                    self.owners[device as usize] += 1;
                    let until = self.baskets.day(bought).plus(window_days);
                    if until > view.cut() {
                        continue;
                    }
                    self.exposed[device as usize] += 1;
                    for later in (bought..self.baskets.len()).take_while(|b| self.baskets.day(*b) <= until) {
                        for &item in self.baskets.items(later) {
                            let Ok(at) = fits.accessories[range.clone()].binary_search(&item) else { continue };
                            let pair = range.start + at;
                            if self.pair_seen[pair] != self.stamp {
                                self.pair_seen[pair] = self.stamp;
                                self.attached[pair] += 1;
                                let days = self.baskets.day(later).since(self.baskets.day(bought));
                                self.days[pair] += u64::from(days.unsigned_abs());
                            }
                        }
                    }
                }
            }
        }
    }
}

impl AttachStatistics {
    /// Counts, for every pair that fits, the owners who bought the accessory within `window_days` of their first
    /// purchase of the device, that day included. Owners whose window reaches past the view's cut are not exposed yet.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn count(shards: &ShardSet, view: &View, fits: Fits, window_days: u32) -> Result<Self, ShardError> {
        let items = fits.offsets.len().saturating_sub(1);
        let pool = Pool::new(|| Work {
            baskets: MemberBaskets::default(),
            stamp: 0,
            item_seen: vec![0; items],
            pair_seen: vec![0; fits.len()],
            owners: vec![0; items],
            exposed: vec![0; items],
            attached: vec![0; fits.len()],
            days: vec![0; fits.len()],
        });
        let window = i32::try_from(window_days).unwrap_or(i32::MAX);
        if !fits.is_empty() {
            shards.map(|_, shard| {
                pool.with(|work| work.shard(shard, view, &fits, window));
                Ok::<_, ShardError>(())
            })?;
        }
        let parts = pool.into_all();
        let sum = |length: usize, column: fn(&Work) -> &[u64]| {
            let mut whole = vec![0; length];
            for part in &parts {
                whole.iter_mut().zip(column(part)).for_each(|(a, b): (&mut u64, _)| *a += b);
            }
            whole
        };
        Ok(Self {
            owners: sum(items, |w| &w.owners),
            exposed: sum(items, |w| &w.exposed),
            attached: sum(fits.len(), |w| &w.attached),
            days: sum(fits.len(), |w| &w.days),
            fits,
            window_days,
        })
    }

    /// What fits what.
    #[must_use]
    pub fn fits(&self) -> &Fits {
        &self.fits
    }

    /// Days after the purchase of the device within which an accessory counts.
    #[must_use]
    pub fn window_days(&self) -> u32 {
        self.window_days
    }

    /// The figures of one pair; `None` if the accessory does not fit. `statistics` must come from the same view.
    #[must_use]
    pub fn get(&self, device: u32, accessory: u32, statistics: &ItemStatistics) -> Option<Attach> {
        let pair = self.fits.pair(device, accessory)?;
        let (exposed, attached) = (self.exposed[device as usize], self.attached[pair]);
        let base = statistics.item_members(accessory) as f64 / statistics.members().max(1) as f64;
        let rate = (attached as f64 + PSEUDO_COUNTS * base) / (exposed as f64 + PSEUDO_COUNTS);
        let lift = if base > 0.0 { rate / base } else { 1.0 };
        let mean_days = (attached > 0).then(|| self.days[pair] as f64 / attached as f64);
        Some(Attach { accessory, owners: self.owners[device as usize], exposed, attached, mean_days, rate, base, lift })
    }

    /// What fits `device`, highest rate first, ties by item index.
    #[must_use]
    pub fn of(&self, device: u32, statistics: &ItemStatistics) -> Vec<Attach> {
        let pairs = self.fits.accessories(device).iter();
        let mut all: Vec<Attach> = pairs.filter_map(|a| self.get(device, *a, statistics)).collect();
        all.sort_by(|a, b| b.rate.total_cmp(&a.rate).then(a.accessory.cmp(&b.accessory)));
        all
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
    };

    fn shop() -> ItemTable {
        ItemTable {
            ids: IdTable::from_unsorted(["case", "film", "phone-a", "phone-b", "tea"]),
            categories: IdTable::from_unsorted(["phone", "phone/flagship", "phonebook"]),
            category: vec![2, 2, 0, 1, crate::input::NONE],
            fits: vec![vec!["phone".into()], vec!["phone-b".into(), "phone-z".into()], vec![], vec![], vec![]],
            ..ItemTable::default()
        }
    }

    #[test]
    fn only_what_is_said_to_fit_fits() {
        let (fits, unknown) = Fits::new(&shop(), &[]);
        assert_eq!(unknown, [UnknownFit { name: "phone-z".into(), item: Some("film".into()) }]);
        assert_eq!(fits.accessories(2), [0]);
        assert_eq!(fits.accessories(3), [0, 1]);
        assert!(!fits.is_device(4) && !fits.fits(2, 1) && fits.fits(3, 1));
        let rules = [FitRule { device: "phone-a".into(), accessory: "phonebook".into() }];
        assert_eq!(Fits::new(&shop(), &rules).0.accessories(2), [0, 1]);
    }

    #[test]
    fn attach_rate_by_hand() {
        let mut rows = Vec::new();
        for m in 0..40 {
            let name = format!("m{m}");
            rows.push(Row::buy(&name, 0, 2, 10));
            // 30 buy the case in time, five too late, five never; the film fits nobody's phone.
            if m < 30 {
                rows.push(Row::buy(&name, 10, 0, 1));
                rows.push(Row::buy(&name, 12, 0, 1));
            } else if m < 35 {
                rows.push(Row::buy(&name, 31, 0, 1));
            }
            rows.push(Row::buy(&name, 1, 1, 1));
        }
        rows.push(Row::buy("late", 90, 2, 10));
        rows.push(Row::buy("late", 91, 0, 10));
        rows.extend((0..59).map(|m| Row::buy(&format!("t{m}"), 5, 4, 1)));
        let shop = shop();
        let shards = ShardSet::in_memory(shards_of(&rows, 3));
        let view = View::at(Day(100), Timeline::Calendar);
        let statistics = super::super::item_statistics(&shards, &view, &shop, &[]).unwrap();
        let attach = AttachStatistics::count(&shards, &view, Fits::new(&shop, &[]).0, 30).unwrap();
        let case = attach.get(2, 0, &statistics).unwrap();
        assert_eq!((case.owners, case.exposed, case.attached), (41, 40, 30));
        // The first case counts.
        assert_eq!(case.mean_days, Some(10.0));
        assert!((case.base - 0.36).abs() < 1e-12);
        assert!((case.rate - (30.0 + 7.2) / 60.0).abs() < 1e-12);
        assert_eq!(attach.get(2, 1, &statistics), None);
        assert_eq!(attach.of(2, &statistics), [case]);
    }
}
