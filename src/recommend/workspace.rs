//! One thread's scratch space: a member's purchases and what goes with them, in dense arrays that are reused.

use super::Associations;
use crate::{
    base::{Day, top_k::TopK},
    history::Shard,
    items::{MemberBaskets, View},
};

/// Weight in the member's profile of a purchase per basket of the member's since.
const PROFILE_DECAY: f64 = 0.8;

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
    /// X: the rebuy term.
    pub(super) rebuy: f32,
    /// Its weight in the profile, before the profile is made to sum to 1.
    pub(super) profile: f32,
}

/// What is summed up for an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// T: the transition term.
    pub(super) transition: f32,
    /// The largest part of it …
    best: f32,
    /// … and the own item it came from.
    pub(super) because: u32,
    /// Place in the list of own items.
    pub(super) slot: u32,
}

const EMPTY: Cell = Cell { transition: 0.0, best: 0.0, because: NO_SLOT, slot: NO_SLOT };

/// Scratch space for scoring one member after the other. After a member was read it also tells what the member has.
#[derive(Debug)]
pub struct Workspace {
    baskets: MemberBaskets,
    pub(super) cells: Vec<Cell>,
    pub(super) own: Vec<OwnItem>,
    /// Items with a transition term.
    pub(super) touched: Vec<u32>,
    profile: Vec<f32>,
    pub(super) top: TopK,
    pub(super) top_k: usize,
    pub(super) ranked: Vec<(f64, u32)>,
}

impl Workspace {
    /// Space for `items` items.
    #[must_use]
    pub fn new(items: usize) -> Self {
        Self {
            baskets: MemberBaskets::default(),
            cells: vec![EMPTY; items],
            own: Vec::new(),
            touched: Vec::new(),
            profile: powers(PROFILE_DECAY),
            top: TopK::new(0),
            top_k: 0,
            ranked: Vec::new(),
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
        self.own.get(self.cells.get(item as usize)?.slot as usize)
    }

    /// An empty selection of the best `n`.
    pub(super) fn select(&mut self, n: usize) {
        if self.top_k != n {
            self.top = TopK::new(n);
            self.top_k = n;
        }
    }

    /// Reads a member: own items with their rebuy terms under `decay`.
    pub(super) fn read(&mut self, shard: &Shard, member: usize, view: &View, decay: &[f32]) {
        self.clear();
        self.baskets.fill(shard, member, view);
        for (position, basket) in (0..self.baskets.len()).rev().enumerate() {
            let (day, age) = (self.baskets.day(basket), self.baskets.age(basket) as u32);
            let (rebuy, profile) = (at(decay, position), at(&self.profile, position));
            for &item in self.baskets.items(basket) {
                let cell = &mut self.cells[item as usize];
                if cell.slot == NO_SLOT {
                    cell.slot = self.own.len() as u32;
                    let last = OwnItem { item, count: 0, first_day: day, last_day: day, age, rebuy: 0.0, profile: 0.0 };
                    self.own.push(last);
                }
                let own = &mut self.own[cell.slot as usize];
                own.count += 1;
                own.first_day = day;
                own.rebuy += rebuy;
                own.profile += profile;
            }
        }
    }

    /// Adds the transition terms of the member that was read, from the newest `sources` own items.
    pub(super) fn associate(&mut self, associations: &Associations, sources: usize) {
        let sources = &self.own[..sources.min(self.own.len())];
        let whole: f32 = sources.iter().map(|own| own.profile).sum();
        for own in sources {
            let share = own.profile / whole;
            for &(item, weight) in associations.of(own.item) {
                let cell = &mut self.cells[item as usize];
                let part = share * weight;
                if cell.transition == 0.0 {
                    self.touched.push(item);
                }
                cell.transition += part;
                if part > cell.best {
                    cell.best = part;
                    cell.because = own.item;
                }
            }
        }
    }

    fn clear(&mut self) {
        for item in self.touched.drain(..) {
            self.cells[item as usize] = EMPTY;
        }
        for own in self.own.drain(..) {
            self.cells[own.item as usize] = EMPTY;
        }
    }
}
