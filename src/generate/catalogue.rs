//! The items of the shop, with what is planted in them: intervals, fits, companions.

use super::{
    departments::{ATTACHMENTS, DEPARTMENTS, LEAVES, Leaf, Pet, Season, leaf_index, leaves_of},
    dice::Dice,
    spec::ShopSpec,
};
use crate::base::seed::derive_seed;

/// No item.
pub(super) const NO_ITEM: u32 = u32::MAX;
/// Rows that are no merchandise: item id, name, amount in minor units. They are in the items table, denied.
pub(super) const FEES: [(&str, &str, i32); 3] =
    [("FEE-POST", "邮费", 1000), ("FEE-WRAP", "礼品包装", 800), ("FEE-SERVICE", "上门安装服务费", 9900)];
/// Number of item ids that occur in lines but not in the items table.
pub(super) const UNKNOWN_ITEMS: u32 = 40;
/// Probability that a browsed item pulls its companion into the same order.
pub(super) const COMPANION_PROBABILITY: f64 = 0.25;

/// An item. Days are counted from the first day of the history.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) leaf: usize,
    pub(super) brand: &'static str,
    pub(super) collection: Option<&'static str>,
    /// Item this is a variant of, or [`NO_ITEM`] (the first variant is the parent of the others).
    pub(super) parent: u32,
    /// List price, minor units.
    pub(super) price: i32,
    /// 1 (lowest third of the leaf) … 3.
    pub(super) tier: u8,
    /// Day of launch; most lie before the history, a few after its end.
    pub(super) launch: i32,
    pub(super) stock: i64,
    /// True mean days between purchases; 0 = not consumed.
    pub(super) interval: f64,
    /// What the shop's table says about it: three in four consumables.
    pub(super) stated_days: Option<i32>,
    pub(super) denied: bool,
    /// Items this accessory fits; empty if it fits a whole category or is no accessory.
    pub(super) fits: Vec<u32>,
    /// Item often bought in the same order, or [`NO_ITEM`].
    pub(super) companion: u32,
}

/// All items and the look-ups a purchase needs.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) items: Vec<Item>,
    /// Items by leaf, most popular first.
    by_leaf: Vec<Vec<u32>>,
    /// By attachment and device (position in its leaf's items), the accessories that fit; empty where every accessory of
    /// the leaf does.
    fitting: Vec<Vec<Vec<u32>>>,
    /// By attachment, the leaf of the accessory.
    accessory_leaf: Vec<usize>,
    /// First item of each leaf.
    first: Vec<u32>,
}

impl Catalogue {
    pub(super) fn new(spec: &ShopSpec) -> Self {
        let sizes = leaf_sizes(spec.items);
        let mut items: Vec<Item> = Vec::with_capacity(spec.items as usize);
        let (mut by_leaf, mut first) = (Vec::new(), Vec::new());
        let mut numbers = [0u32; DEPARTMENTS.len()];
        for (at, leaf) in LEAVES.iter().enumerate() {
            let mut dice = Dice::of(derive_seed(spec.seed, "generate.catalogue"), at as u64);
            let start = items.len() as u32;
            first.push(start);
            let mut order: Vec<u32> = (start..start + sizes[at]).collect();
            dice.shuffle(&mut order);
            let mut popularity = vec![0u32; order.len()];
            for (rank, item) in order.iter().enumerate() {
                popularity[(item - start) as usize] = rank as u32;
            }
            for n in 0..sizes[at] {
                let variant = n % leaf.variants;
                let item = if variant == 0 {
                    numbers[leaf.department] += 1;
                    product(leaf, at, numbers[leaf.department], spec, &mut dice)
                } else {
                    let parent = start + n - variant;
                    Item { parent, ..items[parent as usize].clone() }
                };
                let rank = f64::from(popularity[n as usize]) / f64::from(sizes[at]);
                items.push(finish(item, leaf, variant, rank, spec, &mut dice));
            }
            by_leaf.push(order);
        }
        number_ids(&mut items);
        price_tiers(&mut items, &by_leaf);
        let mut catalogue = Self { items, by_leaf, fitting: Vec::new(), accessory_leaf: Vec::new(), first };
        catalogue.fit_accessories();
        catalogue.pair_companions();
        catalogue
    }

    /// Items of a leaf, most popular first.
    pub(super) fn of_leaf(&self, leaf: usize) -> &[u32] {
        &self.by_leaf[leaf]
    }

    /// The accessories of an attachment that fit a device.
    pub(super) fn accessories(&self, attachment: usize, device: u32) -> &[u32] {
        let leaf = self.items[device as usize].leaf;
        match self.fitting[attachment].get((device - self.first[leaf]) as usize) {
            Some(fitting) => fitting,
            None => self.of_leaf(self.accessory_leaf[attachment]),
        }
    }

    /// Gives every device family its accessories: accessory `j` fits family `j mod families`, or, where accessories are
    /// fewer than families, every family whose number is `j` modulo them.
    fn fit_accessories(&mut self) {
        for attachment in ATTACHMENTS {
            let (Some(device), Some(accessory)) = (leaf_index(attachment.device), leaf_index(attachment.accessory))
            else {
                continue;
            };
            let devices = self.by_leaf[device].len() as u32;
            let accessories = self.by_leaf[accessory].len() as u32;
            let variants = LEAVES[device].variants;
            let families = devices.div_ceil(variants);
            let mut fitting = Vec::new();
            if attachment.by_item {
                fitting = vec![Vec::new(); devices as usize];
                for n in 0..accessories.max(families) {
                    let (j, family) = (n % accessories, n % families);
                    for d in family * variants..((family + 1) * variants).min(devices) {
                        fitting[d as usize].push(self.first[accessory] + j);
                        self.items[(self.first[accessory] + j) as usize].fits.push(self.first[device] + d);
                    }
                }
            }
            self.fitting.push(fitting);
            self.accessory_leaf.push(accessory);
        }
    }

    fn pair_companions(&mut self) {
        for (at, leaf) in LEAVES.iter().enumerate() {
            let Some(other) = companion_leaf(at) else { continue };
            if leaf.browse == 0.0 {
                continue;
            }
            let (own, others) = (self.by_leaf[at].clone(), &self.by_leaf[other]);
            for (rank, item) in own.iter().enumerate() {
                // The same place among the popular ones, so that both are bought often enough to be seen together.
                self.items[*item as usize].companion = others[rank * others.len() / own.len()];
            }
        }
    }
}

/// A leaf whose items go with anything of the department: the next one that is neither device nor accessory, for any
/// pet and any season.
fn companion_leaf(at: usize) -> Option<usize> {
    let leaves = leaves_of(LEAVES[at].department);
    let n = leaves.len();
    (1..n).map(|step| leaves.start + (at - leaves.start + step) % n).find(|&other| {
        let leaf = &LEAVES[other];
        leaf.browse > 0.0
            && leaf.days == 0
            && leaf.pet == Pet::Any
            && leaf.season == Season::Flat
            && ATTACHMENTS.iter().all(|a| a.accessory != leaf.code)
    })
}

/// Items of each leaf: in proportion to the shares, at least two products each, `total` in all.
fn leaf_sizes(total: u32) -> Vec<u32> {
    let shares: f64 = LEAVES.iter().map(|leaf| leaf.share).sum();
    let least = |leaf: &Leaf| (2 * leaf.variants).max(3);
    let mut sizes: Vec<u32> =
        LEAVES.iter().map(|leaf| ((f64::from(total) * leaf.share / shares) as u32).max(least(leaf))).collect();
    loop {
        let sum: u32 = sizes.iter().sum();
        let step = |i: &usize| i64::from(sizes[*i]) - i64::from(least(&LEAVES[*i]));
        let Some(roomiest) = (0..sizes.len()).max_by_key(step) else { return sizes };
        match sum.cmp(&total) {
            std::cmp::Ordering::Equal => return sizes,
            std::cmp::Ordering::Less => sizes[roomiest] += (total - sum).min(sizes[roomiest]),
            std::cmp::Ordering::Greater => sizes[roomiest] -= 1,
        }
    }
}

fn blank(leaf: usize) -> Item {
    Item {
        id: String::new(),
        name: String::new(),
        leaf,
        brand: "",
        collection: None,
        parent: NO_ITEM,
        price: 100,
        tier: 1,
        launch: 0,
        stock: 0,
        interval: 0.0,
        stated_days: None,
        denied: false,
        fits: Vec::new(),
        companion: NO_ITEM,
    }
}

fn product(leaf: &Leaf, at: usize, number: u32, spec: &ShopSpec, dice: &mut Dice) -> Item {
    let department = &DEPARTMENTS[leaf.department];
    let brand = department.brands[dice.below(department.brands.len() as u32) as usize];
    let first = leaf.words.0[dice.below(leaf.words.0.len() as u32) as usize];
    let last = leaf.words.1[dice.below(leaf.words.1.len() as u32) as usize];
    let name =
        if leaf.variants > 1 { format!("{brand} {first}{number:03}") } else { format!("{brand} {first} {last}") };
    let u = dice.unit();
    let yuan = leaf.price.0 + (leaf.price.1 - leaf.price.0) * u * u;
    // Prices end in 9 yuan, or in .90 below a hundred.
    let price = if yuan >= 100.0 { (yuan / 10.0) as i32 * 1000 + 900 } else { yuan as i32 * 100 + 90 };
    let collection = dice.chance(0.25).then(|| dice.below(department.collections.len() as u32) as usize);
    let interval = if leaf.days > 0 { f64::from(leaf.days) * dice.between(0.8, 1.25) } else { 0.0 };
    let launch = -dice.range(1, 1500).max(spec.days as i32 / 20);
    Item {
        name,
        brand,
        price,
        collection: collection.map(|c| department.collections[c]),
        interval,
        stated_days: (leaf.days > 0 && dice.chance(0.75)).then_some(interval as i32),
        launch,
        ..blank(at)
    }
}

/// The draws of a single variant: launch (never of the popular ones), stock, whether it may be offered.
fn finish(mut item: Item, leaf: &Leaf, variant: u32, rank: f64, spec: &ShopSpec, dice: &mut Dice) -> Item {
    let days = spec.days as i32;
    // Accessories are there as long as what they fit.
    let accessory = ATTACHMENTS.iter().any(|attachment| attachment.accessory == leaf.code);
    let draw = if accessory { 1.0 } else { dice.unit() };
    if rank >= 0.5 && draw < 0.012 {
        item.launch = days + dice.range(0, 45);
    } else if rank >= 0.25 && draw < 0.16 {
        item.launch = dice.range(1, days - 30);
    } else if item.launch > 0 {
        // A variant of a product that came late, itself on sale from before the history.
        item.launch = -200;
    }
    item.stock = if dice.chance(0.03) { 0 } else { i64::from(dice.range(5, 2_000)) };
    item.denied = dice.chance(0.003);
    if leaf.variants > 1 {
        if variant > 0 {
            // The parent's name ends in its own variant word.
            item.name.truncate(item.name.rfind(' ').unwrap_or(item.name.len()));
        }
        item.name = format!("{} {}", item.name, leaf.words.1[variant as usize]);
    }
    item
}

fn number_ids(items: &mut [Item]) {
    let mut numbers = [0u32; DEPARTMENTS.len()];
    for item in items {
        let department = LEAVES[item.leaf].department;
        numbers[department] += 1;
        item.id = format!("{}{:06}", DEPARTMENTS[department].prefix, numbers[department]);
    }
}

fn price_tiers(items: &mut [Item], by_leaf: &[Vec<u32>]) {
    for leaf in by_leaf {
        let mut order = leaf.clone();
        order.sort_by_key(|i| (items[*i as usize].price, *i));
        for (rank, item) in order.iter().enumerate() {
            items[*item as usize].tier = 1 + (rank * 3 / order.len()) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogues_of_any_size_are_coherent() {
        for total in [200, 290, 5_000] {
            let spec = ShopSpec { items: total, ..ShopSpec::new(100, 1_000, 7) };
            let catalogue = Catalogue::new(&spec);
            assert_eq!(catalogue.items.len(), total as usize);
            let mut ids: Vec<_> = catalogue.items.iter().map(|item| item.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), total as usize);
            assert!(ids.iter().all(|id| id.len() <= 12));
            for (at, leaf) in LEAVES.iter().enumerate() {
                let popular = &catalogue.items[catalogue.of_leaf(at)[0] as usize];
                assert!(popular.launch <= 0, "the most popular item is always on sale");
                assert_eq!(popular.leaf, at, "{}", leaf.code);
            }
            for (a, attachment) in ATTACHMENTS.iter().enumerate() {
                for device in catalogue.of_leaf(leaf_index(attachment.device).unwrap()) {
                    let fitting = catalogue.accessories(a, *device);
                    assert!(!fitting.is_empty(), "{} {}", attachment.accessory, catalogue.items[*device as usize].id);
                    if attachment.by_item {
                        assert!(fitting.iter().all(|f| catalogue.items[*f as usize].fits.contains(device)));
                    }
                }
            }
        }
    }
}
