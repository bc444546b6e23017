//! One thread's scratch space: a member's purchases and what goes with them, in dense arrays that are reused.

use super::{Associations, categories::CategoryShares, panel::Nearest};
use crate::{
    base::{Day, top_k::TopK},
    history::Shard,
    items::{LAG_WEIGHTS, MemberBaskets, PROFILE_DECAY, View},
};

/// Positions past this weigh as this.
const POSITIONS: usize = 1024;

/// No place in the list of own items; no item.
pub(super) const NO_SLOT: u32 = u32::MAX;

/// `base^position` for the first positions.
pub(super) fn powers(base: f64) -> Vec<f32> {
    (0..POSITIONS as i32).map(|position| base.powi(position) as f32).collect()
}

/// The power at a position, or the last there is.
pub(super) fn at(powers: &[f32], position: usize) -> f32 {
    powers[position.min(powers.len() - 1)]
}

/// An item the member has bought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnItem {
    /// The item.
    pub item: u32,
    /// Baskets that hold it.
    pub count: u32,
    /// Day of the first of them.
    pub first_day: Day,
    /// Day of the last of them.
    pub last_day: Day,
    /// How old the last of them is: days, or baskets where the data has no time.
    pub age: u32,
    /// Baskets ago of the last of them; 1 = the newest basket.
    pub gap: u32,
    /// `Σ d^pos` over the baskets that hold it.
    pub(super) decayed: f32,
    /// Its weight in the profile.
    pub(super) profile: f32,
}

/// Values of a few items in a dense array.
#[derive(Debug)]
pub(super) struct Sparse {
    values: Vec<f32>,
    /// The first `len` are the items with a value. One place more than there are items, so that the next is always there.
    touched: Vec<u32>,
    len: usize,
}

impl Default for Sparse {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Sparse {
    pub(super) fn new(items: usize) -> Self {
        Self { values: vec![0.0; items], touched: vec![0; items + 1], len: 0 }
    }

    /// Adds a value that is not negative.
    pub(super) fn add(&mut self, item: u32, value: f32) {
        let sum = &mut self.values[item as usize];
        // Without a branch: whether an item is new could only be guessed.
        self.touched[self.len] = item;
        self.len += usize::from(*sum == 0.0 && value > 0.0);
        *sum += value;
    }

    pub(super) fn get(&self, item: u32) -> f32 {
        self.values[item as usize]
    }

    /// Items with a value, in the order in which they got the first.
    pub(super) fn touched(&self) -> &[u32] {
        &self.touched[..self.len]
    }

    pub(super) fn clear(&mut self) {
        for item in &self.touched[..self.len] {
            self.values[*item as usize] = 0.0;
        }
        self.len = 0;
    }
}

/// Scratch space for scoring one member after the other. After a member was read it also tells what the member has.
#[derive(Debug)]
pub struct Workspace {
    baskets: MemberBaskets,
    /// By item: place in the list of own items.
    slot: Vec<u32>,
    pub(super) own: Vec<OwnItem>,
    /// Explore terms other than popularity, weighted.
    pub(super) explore: Sparse,
    /// By group of neighbours of new items: what their explore terms add up to.
    pub(super) lent: Vec<f32>,
    /// Own items that speak in the transition term, with `u_j / Σ u m`.
    pub(super) sources: Vec<(u32, f32)>,
    /// Categories of the profile with their shares of it.
    pub(super) categories: Vec<(u32, f32)>,
    /// The segment of taste, once it was asked for.
    pub(super) segment: Option<Option<usize>>,
    pub(super) near: Nearest,
    /// κ times the share of the explore term that goes to popularity.
    pub(super) popularity_weight: f64,
    profile: Vec<f32>,
    pub(super) top: TopK,
    pub(super) top_k: usize,
    pub(super) ranked: Vec<(f64, u32)>,
    /// By item: place in the list that is being explained + 1; 0: not in it.
    pub(super) place: Vec<u8>,
}

impl Workspace {
    /// Space for `items` items.
    #[must_use]
    pub fn new(items: usize) -> Self {
        let profile = (0..LAG_WEIGHTS.len() as i32).map(|position| PROFILE_DECAY.powi(position) as f32).collect();
        Self {
            baskets: MemberBaskets::default(),
            slot: vec![NO_SLOT; items],
            own: Vec::new(),
            explore: Sparse::new(items),
            lent: Vec::new(),
            sources: Vec::new(),
            categories: Vec::new(),
            segment: None,
            near: Nearest::default(),
            popularity_weight: 0.0,
            profile,
            top: TopK::new(0),
            top_k: 0,
            ranked: Vec::new(),
            place: vec![0; items],
        }
    }

    /// The baskets of the member that was read last.
    #[must_use]
    pub fn baskets(&self) -> &MemberBaskets {
        &self.baskets
    }

    /// What that member has bought: newest purchase first, by item index within a basket.
    #[must_use]
    pub fn own(&self) -> &[OwnItem] {
        &self.own
    }

    /// What that member has bought of `item`.
    #[must_use]
    pub fn own_item(&self, item: u32) -> Option<&OwnItem> {
        self.own.get(*self.slot.get(item as usize)? as usize)
    }

    /// Whether that member has bought `item`.
    pub(super) fn has(&self, item: u32) -> bool {
        self.slot[item as usize] != NO_SLOT
    }

    /// Place of `item` in the list of own items.
    pub(super) fn slot(&self, item: u32) -> usize {
        self.slot[item as usize] as usize
    }

    /// An empty selection of the best `n`.
    pub(super) fn select(&mut self, n: usize) {
        if self.top_k != n {
            self.top = TopK::new(n);
            self.top_k = n;
        }
    }

    /// Reads a member: own items with their decayed counts under `decay`.
    pub(super) fn read(&mut self, shard: &Shard, member: usize, view: &View, decay: &[f32]) {
        self.clear();
        self.baskets.fill(shard, member, view);
        for (position, basket) in (0..self.baskets.len()).rev().enumerate() {
            let (day, age) = (self.baskets.day(basket), self.baskets.age(basket) as u32);
            let weight = at(decay, position);
            let profile = self.profile.get(position).copied().unwrap_or(0.0);
            for &item in self.baskets.items(basket) {
                let slot = &mut self.slot[item as usize];
                if *slot == NO_SLOT {
                    *slot = self.own.len() as u32;
                    self.own.push(OwnItem {
                        item,
                        count: 0,
                        first_day: day,
                        last_day: day,
                        age,
                        gap: position as u32 + 1,
                        decayed: 0.0,
                        profile: 0.0,
                    });
                }
                let own = &mut self.own[*slot as usize];
                own.count += 1;
                own.first_day = day;
                own.decayed += weight;
                own.profile += profile;
            }
        }
    }

    /// Finds who speaks in the transition term: of the newest `most` own items those of the profile.
    pub(super) fn find_sources(&mut self, associations: &Associations, most: usize) {
        self.sources.clear();
        let mut whole = 0.0;
        for own in self.own.iter().take(most).take_while(|own| own.profile > 0.0) {
            whole += own.profile * associations.mass(own.item);
            self.sources.push((own.item, own.profile));
        }
        if whole > 0.0 {
            self.sources.iter_mut().for_each(|source| source.1 /= whole);
        } else {
            self.sources.clear();
        }
    }

    /// Adds `weight` times what goes with the sources to `to`.
    pub(super) fn associate(sources: &[(u32, f32)], associations: &Associations, weight: f32, to: &mut Sparse) {
        for &(source, share) in sources {
            let scale = share * weight;
            for &(item, count) in associations.of(source) {
                to.add(item, scale * count);
            }
        }
    }

    /// Finds the profile's shares by category.
    pub(super) fn find_categories(&mut self, shares: &CategoryShares) {
        self.categories.clear();
        if shares.is_empty() {
            return;
        }
        let mut whole = 0.0;
        for own in self.own.iter().take_while(|own| own.profile > 0.0) {
            whole += own.profile;
            let Some(category) = shares.category(own.item) else { continue };
            match self.categories.iter_mut().find(|known| known.0 == category) {
                Some(known) => known.1 += own.profile,
                None => self.categories.push((category, own.profile)),
            }
        }
        self.categories.iter_mut().for_each(|known| known.1 /= whole);
    }

    /// Adds `weight` times what is popular in the categories to `to`.
    pub(super) fn in_categories(categories: &[(u32, f32)], shares: &CategoryShares, weight: f32, to: &mut Sparse) {
        for &(category, share) in categories {
            for &(item, popularity) in shares.of(category) {
                to.add(item, weight * share * popularity);
            }
        }
    }

    fn clear(&mut self) {
        self.explore.clear();
        self.sources.clear();
        self.categories.clear();
        self.segment = None;
        self.near.clear();
        for own in self.own.drain(..) {
            self.slot[own.item as usize] = NO_SLOT;
        }
    }
}
