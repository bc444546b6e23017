//! Everything that is the same for all members of a shop.

use std::ops::Range;

use super::{
    catalogue::{Catalogue, FEES, UNKNOWN_ITEMS},
    cities::{CITIES, stores},
    demand::Demand,
    departments::{ATTACHMENTS, DEPARTMENTS, LEAVES, leaves_of},
    dice::Dice,
    dirt::DirtRates,
    personas::PERSONAS,
    spec::ShopSpec,
};
use crate::base::{Day, seed::derive_seed};

/// Seeds of the streams; every member has one of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    pub(super) profiles: u64,
    pub(super) lines: u64,
    pub(super) consent: u64,
    pub(super) identities: u64,
    pub(super) contacts: u64,
    pub(super) activities: u64,
    pub(super) groups: u64,
    pub(super) members: u64,
    pub(super) tags: u64,
}

/// The shop without its members.
#[derive(Debug)]
pub(super) struct World {
    pub(super) spec: ShopSpec,
    pub(super) first_day: Day,
    pub(super) catalogue: Catalogue,
    pub(super) demand: Demand,
    pub(super) dirt: DirtRates,
    pub(super) streams: Streams,
    pub(super) persona_shares: Vec<f64>,
    pub(super) city_weights: Vec<f64>,
    /// Store ids and the index of their city.
    pub(super) stores: Vec<(String, u16)>,
    /// By department, its leaves.
    pub(super) department_leaves: Vec<Range<usize>>,
    /// By leaf, the attachment that sells its items, if it holds accessories.
    pub(super) accessory_of: Vec<Option<usize>>,
    /// By city: first of its stores and how many.
    city_stores: Vec<(u16, u16)>,
}

impl World {
    pub(super) fn new(spec: &ShopSpec) -> Self {
        let seed = |label| derive_seed(spec.seed, label);
        let stores = stores();
        let city_stores = (0..CITIES.len() as u16)
            .map(|city| {
                let first = stores.partition_point(|(_, at)| *at < city) as u16;
                (first, CITIES[usize::from(city)].stores)
            })
            .collect();
        Self {
            first_day: spec.first_day(),
            catalogue: Catalogue::new(spec),
            demand: Demand::new(spec),
            dirt: DirtRates::scaled(spec.dirt),
            streams: Streams {
                profiles: seed("generate.profiles"),
                lines: seed("generate.lines"),
                consent: seed("generate.consent"),
                identities: seed("generate.identities"),
                contacts: seed("generate.contacts"),
                activities: seed("generate.activities"),
                groups: seed("generate.groups"),
                members: seed("generate.members"),
                tags: seed("generate.tags"),
            },
            persona_shares: PERSONAS.iter().map(|persona| persona.share).collect(),
            city_weights: CITIES.iter().map(|city| city.weight).collect(),
            department_leaves: (0..DEPARTMENTS.len()).map(leaves_of).collect(),
            accessory_of: LEAVES.iter().map(|leaf| ATTACHMENTS.iter().position(|a| a.accessory == leaf.code)).collect(),
            stores,
            city_stores,
            spec: spec.clone(),
        }
    }

    /// A store in the city, or in any city where it has none.
    pub(super) fn store_near(&self, city: u16, dice: &mut Dice) -> u16 {
        match self.city_stores[usize::from(city)] {
            (_, 0) => dice.below(self.stores.len() as u32) as u16,
            (first, count) => first + dice.below(u32::from(count)) as u16,
        }
    }

    /// Every item id that lines may hold: the catalogue's, then fees, then ids that no table knows.
    pub(super) fn line_item_ids(&self) -> Vec<String> {
        let listed = self.catalogue.items.iter().map(|item| item.id.clone());
        let fees = FEES.iter().map(|fee| fee.0.to_owned());
        listed.chain(fees).chain((1..=UNKNOWN_ITEMS).map(|n| format!("OLD-{n:04}"))).collect()
    }

    /// Index of the first fee among [`World::line_item_ids`].
    pub(super) fn first_fee(&self) -> u32 {
        self.catalogue.items.len() as u32
    }

    /// Index of the first unknown item among [`World::line_item_ids`].
    pub(super) fn first_unknown(&self) -> u32 {
        self.first_fee() + FEES.len() as u32
    }

    /// The calendar day of a day of the history.
    pub(super) fn date(&self, day: i32) -> Day {
        self.first_day.plus(day)
    }
}

/// A member's id.
pub(super) fn member_id(index: u64) -> String {
    format!("M{index:08}")
}
