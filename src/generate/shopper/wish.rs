//! What a member wants: by department, season, what they own and what they like.

use super::{REBUY_PROBABILITY, Shopper};
use crate::generate::{
    departments::{ATTACHMENTS, LEAVES, Leaf, MAX_LAG_DAYS, Pet, Season},
    personas::Persona,
};

impl Shopper<'_> {
    /// Something the member bought earlier and might buy again.
    pub(super) fn known_item(&mut self, day: i32) -> Option<u32> {
        let own = &self.cell.lines[self.start..];
        if own.is_empty() || !self.dice.chance(REBUY_PROBABILITY) {
            return None;
        }
        let line = own[self.dice.below(own.len() as u32) as usize];
        let item = self.world.catalogue.items.get(line.item as usize)?;
        let wanted = line.flags == 0
            && line.day(self.world.first_day) < day
            && LEAVES[item.leaf].browse > 0.0
            && item.launch <= day
            && self.world.accessory_of[item.leaf].is_none();
        wanted.then_some(line.item)
    }

    /// Something new: a department, a leaf in season that suits what the member has, an item.
    pub(super) fn wish(&mut self, persona: &Persona, day: i32) -> u32 {
        let department = self.dice.pick(&persona.departments);
        let leaves = self.world.department_leaves[department].clone();
        let mut weights = [0.0; 16];
        for (weight, leaf) in weights.iter_mut().zip(leaves.clone()) {
            *weight = self.appeal(leaf, day);
        }
        let leaf = leaves.start + self.dice.pick(&weights[..leaves.len()]);
        if let Some(attachment) = self.world.accessory_of[leaf]
            && let Some(device) = self.fitting_device(attachment, day)
            && let Some(item) = self.accessory(attachment, device, day)
        {
            return item;
        }
        self.choose(leaf, day, persona.taste)
    }

    fn appeal(&self, leaf: usize, day: i32) -> f64 {
        let facts = &LEAVES[leaf];
        if facts.browse == 0.0 || !self.suits(facts) {
            return 0.0;
        }
        if let Some(attachment) = self.world.accessory_of[leaf] {
            let relation = &ATTACHMENTS[attachment];
            let owns_any = self.owned.iter().any(|owned| LEAVES[owned.2].code == relation.device);
            let fits_all_and_none_known = !relation.by_item && !owns_any;
            if !fits_all_and_none_known && self.fitting_device(attachment, day).is_none() {
                return 0.0;
            }
        }
        let season = match facts.season {
            Season::Flat => 1.0,
            Season::Winter => {
                if self.world.demand.is_winter(day) {
                    1.0
                } else {
                    0.1
                }
            }
            Season::Gift => {
                if self.world.demand.is_gift_time(day) {
                    1.0
                } else {
                    0.2
                }
            }
        };
        facts.browse * season
    }

    /// A device of the member's that an accessory of this attachment would fit, owned long enough that buying it says
    /// nothing about the planted attachment.
    fn fitting_device(&self, attachment: usize, day: i32) -> Option<u32> {
        let of_kind = |owned: &&(u32, i32, usize)| LEAVES[owned.2].code == ATTACHMENTS[attachment].device;
        if self.owned.iter().filter(of_kind).any(|owned| (0..=MAX_LAG_DAYS).contains(&(day - owned.1))) {
            return None;
        }
        self.owned.iter().filter(of_kind).rev().find(|owned| owned.1 + MAX_LAG_DAYS < day).map(|owned| owned.0)
    }

    pub(super) fn suits(&self, leaf: &Leaf) -> bool {
        match leaf.pet {
            Pet::Any => true,
            Pet::Cat => self.profile.has_cat,
            Pet::Dog => !self.profile.has_cat,
        }
    }

    /// An item of a leaf that is on sale, by popularity and taste.
    pub(super) fn choose(&mut self, leaf: usize, day: i32, taste: f64) -> u32 {
        let items = self.world.catalogue.of_leaf(leaf);
        let facts = &self.world.catalogue.items;
        for _ in 0..4 {
            let mut item = items[self.dice.rank(items.len() as u32) as usize];
            if self.dice.chance(taste.abs()) {
                let other = items[self.dice.rank(items.len() as u32) as usize];
                let dearer = facts[other as usize].price > facts[item as usize].price;
                item = if dearer == (taste > 0.0) { other } else { item };
            }
            if facts[item as usize].launch <= day {
                return item;
            }
        }
        items[0]
    }

    /// An accessory that fits and is on sale.
    pub(super) fn accessory(&mut self, attachment: usize, device: u32, day: i32) -> Option<u32> {
        let fitting = self.world.catalogue.accessories(attachment, device);
        (0..8).find_map(|_| {
            let item = fitting[self.dice.below(fitting.len() as u32) as usize];
            (self.world.catalogue.items[item as usize].launch <= day).then_some(item)
        })
    }
}
