//! Orders and the rows they make, with the dirt that chance brings.

use super::{Order, Plant, Shopper, Spoilt, Stretch};
use crate::{
    base::date::DAY_SECONDS,
    generate::{
        catalogue::{FEES, UNKNOWN_ITEMS},
        demand::Demand,
        departments::LEAVES,
        line::{GUEST, Line, NO_STORE, RETURN},
        personas::{Persona, STORE},
    },
};

impl Shopper<'_> {
    pub(super) fn order(&mut self, persona: &Persona, day: i32, spoilt: Spoilt) -> Order {
        let channel = self.dice.pick(&persona.channels);
        let in_store = channel == STORE;
        let store = if in_store { self.profile.store } else { NO_STORE };
        let away = self.dice.chance(0.03);
        let city = if in_store {
            self.world.stores[usize::from(store)].1
        } else if away {
            self.dice.pick(&self.world.city_weights) as u16
        } else {
            self.profile.city
        };
        let midnight = self.world.date(day).0.max(0) as u32 * DAY_SECONDS;
        let time = midnight + Demand::seconds(in_store, u64::from(self.dice.below(u32::MAX)));
        let number = self.orders;
        self.orders += 1;
        Order { number, day, time, channel: channel as u8, store, city, spoilt, promotions: persona.promotions }
    }

    pub(super) fn holds(&self, order: &Order, item: u32) -> bool {
        self.cell.lines[self.start..].iter().any(|line| line.order == order.number && line.item == item)
    }

    /// Sells an item in an order, with what dirt chance brings. Makes at least one row.
    pub(super) fn sell(&mut self, order: &Order, item: u32, quantity: u32, plant: Plant) {
        let facts = &self.world.catalogue.items[item as usize];
        let price = self.price_paid(order, facts.price);
        let mut line = Line {
            time: order.time,
            member: self.member,
            item,
            order: order.number,
            price,
            discount: (facts.price - price) * quantity as i32,
            quantity: quantity as i16,
            store: order.store,
            city: order.city,
            channel: order.channel,
            flags: if order.spoilt == Spoilt::Guest { GUEST } else { 0 },
        };
        match order.spoilt {
            Spoilt::No => {}
            Spoilt::Guest => {
                self.cell.planted.null_member += 1;
                return self.push(line);
            }
            Spoilt::Future => {
                self.cell.planted.after_last_day += 1;
                return self.push(line);
            }
        }
        let (dirt, leaf) = (&self.world.dirt, &LEAVES[facts.leaf]);
        let mut u = self.dice.unit();
        let mut falls = |probability: f64| {
            let hit = (0.0..probability).contains(&u);
            u -= probability;
            hit
        };
        if plant == Plant::Any {
            if falls(dirt.zero_price) {
                line.price = 0;
                line.discount = 0;
                self.cell.planted.zero_price += 1;
                return self.push(line);
            }
            if falls(dirt.unknown_item) {
                line.item = self.world.first_unknown() + item % UNKNOWN_ITEMS;
                if !self.holds(order, line.item) {
                    self.cell.planted.unknown_item += 1;
                    return self.push(line);
                }
                line.item = item;
            }
        }
        self.cell.planted.purchase += 1;
        self.push(line);
        if self.left == 0 {
            return;
        }
        if falls(dirt.duplicate) {
            self.cell.planted.duplicate += 1;
            self.push(line);
        } else if falls(dirt.fee) {
            self.fee(order, line);
        } else if plant == Plant::Any && falls(leaf.returns * dirt.returns) {
            self.give_back(order, line);
        }
    }

    fn fee(&mut self, order: &Order, line: Line) {
        let which = self.dice.below(FEES.len() as u32);
        let item = self.world.first_fee() + which;
        if !self.holds(order, item) {
            let price = FEES[which as usize].2;
            self.cell.planted.not_merchandise += 1;
            self.push(Line { item, price, discount: 0, quantity: 1, ..line });
        }
    }

    fn give_back(&mut self, order: &Order, line: Line) {
        let lag = self.dice.range(2, 14);
        let partly = line.quantity > 1 && self.dice.chance(0.3);
        if order.day + lag >= self.world.spec.days as i32 {
            return;
        }
        let number = self.orders;
        self.orders += 1;
        self.cell.planted.matched_return += 1;
        self.push(Line {
            time: line.time + lag as u32 * DAY_SECONDS,
            order: number,
            quantity: if partly { -1 } else { -line.quantity },
            discount: 0,
            flags: RETURN,
            ..line
        });
    }

    /// A return of an item that no row of the member's names; an ordinary row if every item tried is known.
    pub(super) fn stray_return(&mut self, from: i32, to: i32) {
        let stretch = Stretch { persona: self.profile.persona, from, to };
        let day = self.demand_day(stretch);
        let order = self.order(stretch.persona(), day, Spoilt::No);
        for _ in 0..16 {
            let leaf = self.dice.below(LEAVES.len() as u32) as usize;
            let item = self.choose(leaf, day, 0.0);
            if LEAVES[leaf].browse > 0.0 && !self.cell.lines[self.start..].iter().any(|line| line.item == item) {
                let price = self.world.catalogue.items[item as usize].price;
                self.cell.planted.unmatched_return += 1;
                return self.push(Line {
                    time: order.time,
                    member: self.member,
                    item,
                    order: order.number,
                    price,
                    discount: 0,
                    quantity: -1,
                    store: order.store,
                    city: order.city,
                    channel: order.channel,
                    flags: RETURN,
                });
            }
        }
        let item = self.wish(stretch.persona(), day);
        self.sell(&order, item, 1, Plant::Beside);
    }

    /// List price less the promotion of the day, in whole jiao.
    fn price_paid(&mut self, order: &Order, list: i32) -> i32 {
        let on_sale = self.world.demand.sale.get(order.day as usize).copied().unwrap_or(false);
        if !self.dice.chance(order.promotions * if on_sale { 1.4 } else { 0.7 }) {
            return list;
        }
        let step = self.dice.below(4) as i32;
        let permille = if on_sale { 150 + 50 * step } else { 50 + 50 * step };
        (i64::from(list) * i64::from(1000 - permille) / 10_000 * 10) as i32
    }

    pub(super) fn push(&mut self, line: Line) {
        self.cell.lines.push(line);
        self.cell.planted.rows += 1;
        self.left -= 1;
    }
}
