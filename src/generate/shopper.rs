//! One member's life as a customer: devices and what fits them, repeat purchases, browsing; exactly the rows of the quota.

mod till;
mod wish;

use super::{
    catalogue::{COMPANION_PROBABILITY, NO_ITEM},
    departments::{ATTACHMENTS, LEAVES, MAX_LAG_DAYS, leaf_index},
    dice::Dice,
    dirt::FUTURE_DAYS,
    line::{Cell, GUEST, PlantedDevice, PlantedStream, Summary},
    personas::{PERSONAS, Persona},
    profile::Profile,
    world::World,
};

/// Standard deviation of a repeat purchase's gap, as a share of the interval.
pub(super) const GAP_SPREAD: f64 = 0.12;
/// Probability that a browsed line is something the member bought before.
const REBUY_PROBABILITY: f64 = 0.2;

/// An order that lines can join.
#[derive(Debug, Clone, Copy)]
struct Order {
    number: u32,
    day: i32,
    time: u32,
    channel: u8,
    store: u16,
    city: u16,
    /// Every row is dirt already (guest or future): nothing more is planted in it.
    spoilt: Spoilt,
    /// Share of lines bought at a promotion.
    promotions: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoilt {
    No,
    Guest,
    Future,
}

/// What may be planted on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plant {
    /// A planted truth: only extra rows beside it.
    Beside,
    /// Anything.
    Any,
}

/// A persona's stretch of a member's life, days `from..to`.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    persona: usize,
    from: i32,
    to: i32,
}

impl Stretch {
    fn persona(self) -> &'static Persona {
        &PERSONAS[self.persona]
    }
}

/// Simulates one member into a cell.
pub(super) struct Shopper<'a> {
    world: &'a World,
    profile: &'a Profile,
    cell: &'a mut Cell,
    dice: Dice,
    member: u32,
    /// Index of the member's first row in the cell.
    start: usize,
    /// Rows still to be made in the current stretch.
    left: u32,
    orders: u32,
    open: Vec<Order>,
    /// Devices: item, day, leaf.
    owned: Vec<(u32, i32, usize)>,
}

impl<'a> Shopper<'a> {
    pub(super) fn new(world: &'a World, member: u64, profile: &'a Profile, cell: &'a mut Cell) -> Self {
        let start = cell.lines.len();
        Self {
            world,
            profile,
            cell,
            dice: Dice::of(world.streams.lines, member),
            member: member as u32,
            start,
            left: 0,
            orders: 0,
            open: Vec::new(),
            owned: Vec::new(),
        }
    }

    /// Makes exactly `quota` rows and says what they add up to.
    pub(super) fn live(mut self, quota: u32) -> Summary {
        let days = self.world.spec.days as i32;
        let (from, to) = (self.profile.joined.max(0), self.profile.lapse.unwrap_or(days));
        let strays =
            u32::from(quota >= 3 && self.dice.chance((f64::from(quota) * self.world.dirt.unmatched_return).min(1.0)));
        let rows = quota - strays;
        let persona = self.profile.persona;
        match self.profile.drift {
            Some((other, day)) => {
                let before = u64::from(rows) * (day - from) as u64 / (to - from).max(1) as u64;
                self.stretch(Stretch { persona, from, to: day }, before as u32);
                self.stretch(Stretch { persona: other, from: day, to }, rows - before as u32);
            }
            None => self.stretch(Stretch { persona, from, to }, rows),
        }
        self.left = strays;
        while self.left > 0 {
            self.stray_return(from, to);
        }
        self.summary(quota)
    }

    fn stretch(&mut self, stretch: Stretch, rows: u32) {
        self.left = rows;
        self.open.clear();
        self.devices(stretch, rows);
        self.repeats(stretch, rows);
        while self.left > 0 {
            self.browse(stretch);
        }
    }

    fn devices(&mut self, stretch: Stretch, rows: u32) {
        let persona = stretch.persona();
        let wished = if persona.devices > 0.0 {
            ((f64::from(rows) * 0.05 * persona.devices + self.dice.unit()) as u32).max(1)
        } else {
            u32::from(rows >= 15 && self.dice.chance(0.05))
        };
        for _ in 0..wished.min(6) {
            // The device, its accessories and the rows planted beside them: ten at most.
            if self.left < 10 {
                return;
            }
            self.device(stretch);
        }
    }

    fn device(&mut self, stretch: Stretch) {
        let leaves: Vec<usize> = ATTACHMENTS.iter().filter_map(|a| leaf_index(a.device)).collect();
        let wanted: Vec<usize> = leaves
            .into_iter()
            .filter(|leaf| stretch.persona().devices == 0.0 || LEAVES[*leaf].department == stretch.persona().main)
            .collect();
        let leaf = wanted[self.dice.below(wanted.len() as u32) as usize];
        let day = self.demand_day(stretch);
        // A second device of the kind only after a good while, and none where the first one's supplies are still bought.
        let supplied = ATTACHMENTS.iter().any(|a| {
            leaf_index(a.device) == Some(leaf)
                && leaf_index(a.accessory).is_some_and(|accessory| LEAVES[accessory].days > 0)
        });
        if self.owned.iter().any(|owned| owned.2 == leaf && (supplied || (day - owned.1).abs() < 150)) {
            return;
        }
        let item = self.choose(leaf, day, stretch.persona().taste);
        let order = self.order(stretch.persona(), day, Spoilt::No);
        self.sell(&order, item, 1, Plant::Beside);
        self.owned.push((item, day, leaf));
        let mut attached = Vec::new();
        for (a, attachment) in ATTACHMENTS.iter().enumerate() {
            if leaf_index(attachment.device) != Some(leaf) {
                continue;
            }
            let wanted = self.dice.chance(attachment.probability);
            let when = day + self.dice.lag(attachment.mean_days).min(MAX_LAG_DAYS);
            let accessory = if wanted && when < stretch.to { self.accessory(a, item, when) } else { None };
            if day + MAX_LAG_DAYS < stretch.to {
                self.cell.attached.record(a, accessory.is_some());
            }
            let Some(accessory) = accessory else { continue };
            attached.push((accessory, when));
            let interval = self.world.catalogue.items[accessory as usize].interval * self.dice.between(0.85, 1.18);
            if interval > 0.0 {
                let limit = 1 + (f64::from(self.left) * 0.4) as u32;
                self.stream(stretch, accessory, interval, f64::from(when), limit);
            } else {
                let order = if when == day { order } else { self.order(stretch.persona(), when, Spoilt::No) };
                self.sell(&order, accessory, 1, Plant::Beside);
            }
        }
        self.cell.devices.push(PlantedDevice { member: self.member, item, day, attached });
    }

    fn repeats(&mut self, stretch: Stretch, rows: u32) {
        let mut wished = ((f64::from(rows) * stretch.persona().repeats) as u32).min(self.left);
        let leaves: Vec<usize> = self.world.department_leaves[stretch.persona().main]
            .clone()
            .filter(|leaf| {
                LEAVES[*leaf].days > 0 && self.suits(&LEAVES[*leaf]) && self.world.accessory_of[*leaf].is_none()
            })
            .collect();
        let span = f64::from(stretch.to - stretch.from);
        for _ in 0..5 {
            if wished < 3 || leaves.is_empty() {
                return;
            }
            let leaf = leaves[self.dice.below(leaves.len() as u32) as usize];
            let item = self.choose(leaf, stretch.from, stretch.persona().taste);
            let known = self.cell.streams.iter().rev().take_while(|s| s.member == self.member).any(|s| s.item == item);
            if known {
                continue;
            }
            let interval = self.world.catalogue.items[item as usize].interval * self.dice.between(0.85, 1.18);
            // With fewer rows than the stretch has room for, the habit began later.
            let room = span - interval * f64::from(wished);
            let wait = room.max(0.0) + interval * self.dice.unit();
            wished -= self.stream(stretch, item, interval, f64::from(stretch.from) + wait, wished).min(wished);
        }
    }

    /// Buys an item again and again until the stretch or the limit ends; the number of purchases.
    fn stream(&mut self, stretch: Stretch, item: u32, interval: f64, start: f64, limit: u32) -> u32 {
        let most = LEAVES[self.world.catalogue.items[item as usize].leaf].quantity;
        let quantity = 1 + if self.dice.chance(0.4) { self.dice.below(most) } else { 0 };
        let (mut at, mut purchases, mut first, mut last) = (start, 0, 0, 0);
        while purchases < limit && self.left > 0 && (at as i32) < stretch.to {
            let day = at as i32;
            let order = self.order(stretch.persona(), day, Spoilt::No);
            self.sell(&order, item, quantity, Plant::Beside);
            self.open.push(order);
            first = if purchases == 0 { day } else { first };
            last = day;
            purchases += 1;
            at += (interval * (1.0 + GAP_SPREAD * self.dice.normal())).max(2.0);
        }
        if purchases > 0 {
            let interval = interval as f32;
            self.cell.streams.push(PlantedStream { member: self.member, item, interval, first, last, purchases });
        }
        purchases
    }

    fn browse(&mut self, stretch: Stretch) {
        let persona = stretch.persona();
        let order = if !self.open.is_empty() && self.dice.chance(persona.basket * 0.5) {
            self.open[self.dice.below(self.open.len() as u32) as usize]
        } else {
            let day = self.demand_day(stretch);
            let (u, dirt) = (self.dice.unit(), &self.world.dirt);
            let order = if u < dirt.null_member {
                self.order(persona, day, Spoilt::Guest)
            } else if u < dirt.null_member + dirt.future {
                let day = self.world.spec.days as i32 + self.dice.below(FUTURE_DAYS as u32) as i32;
                self.order(persona, day, Spoilt::Future)
            } else {
                self.order(persona, day, Spoilt::No)
            };
            if order.spoilt == Spoilt::No {
                self.open.push(order);
            }
            order
        };
        while self.left > 0 {
            self.browse_line(persona, &order);
            if !self.dice.chance(persona.basket) {
                break;
            }
        }
    }

    fn browse_line(&mut self, persona: &Persona, order: &Order) {
        for _ in 0..4 {
            let item = match self.known_item(order.day) {
                Some(item) => item,
                None => self.wish(persona, order.day),
            };
            if self.holds(order, item) {
                continue;
            }
            let most = LEAVES[self.world.catalogue.items[item as usize].leaf].quantity;
            let quantity = 1 + if self.dice.chance(0.25) { self.dice.below(most) } else { 0 };
            self.sell(order, item, quantity, Plant::Any);
            let companion = self.world.catalogue.items[item as usize].companion;
            if companion != NO_ITEM
                && self.left > 0
                && self.dice.chance(COMPANION_PROBABILITY)
                && self.world.catalogue.items[companion as usize].launch <= order.day
                && !self.holds(order, companion)
            {
                self.sell(order, companion, 1, Plant::Any);
            }
            return;
        }
    }

    fn demand_day(&mut self, stretch: Stretch) -> i32 {
        let u = self.dice.unit();
        self.world.demand.day(stretch.persona, stretch.from, stretch.to, u)
    }

    fn summary(&self, quota: u32) -> Summary {
        let days = self.world.spec.days as i32;
        let mut summary = Summary { rows: quota, ..Summary::default() };
        for line in &self.cell.lines[self.start..] {
            let day = line.day(self.world.first_day);
            if line.flags & GUEST != 0 || day >= days || line.price == 0 || line.item >= self.world.first_fee() {
                continue;
            }
            if day >= days - 365 {
                summary.spend_year += i64::from(line.price) * i64::from(line.quantity);
            }
            summary.purchases += u32::from(line.flags == 0);
        }
        summary.spend_year = summary.spend_year.max(0);
        summary
    }
}
