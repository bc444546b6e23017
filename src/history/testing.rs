//! A naive twin of the fold for tests: rows in, shards out, the slow and plain way.

use std::collections::BTreeMap;

use super::{Cell, Column, NO_CODE, NO_ITEM, Returned, Shard, UNIT};
use crate::base::{Day, IdTable, LocalTime, Minor, hash::shard_of};

/// One clean line, as a test writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Member id.
    pub member: String,
    /// Day of the line.
    pub day: i32,
    /// Seconds within the day.
    pub second: u32,
    /// Order id; empty: member and day.
    pub order: String,
    /// Item index.
    pub item: u32,
    /// Whole units; negative for a return.
    pub units: i32,
    /// Line total in minor units; negative for a return.
    pub amount: Minor,
    /// Discount in minor units.
    pub discount: Minor,
    /// Channel index.
    pub channel: u16,
}

impl Row {
    /// One unit of `item` bought by `member` on `day` for `amount`.
    pub fn buy(member: &str, day: i32, item: u32, amount: Minor) -> Self {
        Self {
            member: member.into(),
            day,
            second: 0,
            order: String::new(),
            item,
            units: 1,
            amount,
            discount: 0,
            channel: NO_CODE,
        }
    }
}

/// Builds `shards` shards of `rows`.
pub fn shards_of(rows: &[Row], shards: usize) -> Vec<Shard> {
    (0..shards)
        .map(|index| {
            let mine: Vec<&Row> = rows.iter().filter(|r| shard_of(r.member.as_bytes(), shards) == index).collect();
            shard(&mine)
        })
        .collect()
}

fn shard(rows: &[&Row]) -> Shard {
    let members = IdTable::from_unsorted(rows.iter().map(|r| r.member.as_str()));
    let mut out = Shard { members, member_orders: vec![0], order_lines: vec![0], ..Shard::default() };
    for m in 0..out.members.len() {
        let mut orders: BTreeMap<(i32, String), Vec<&Row>> = BTreeMap::new();
        for r in rows.iter().filter(|r| r.member == out.members.get(m)) {
            let day = if r.order.is_empty() { r.day } else { i32::MIN };
            orders.entry((day, r.order.clone())).or_default().push(r);
        }
        let mut orders: Vec<(u32, String, Vec<&Row>)> = orders
            .into_iter()
            .map(|((_, id), rows)| (rows.iter().map(|r| r.day as u32 * 86_400 + r.second).min().unwrap(), id, rows))
            .collect();
        orders.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let mut open: Vec<(usize, i32, Minor)> = Vec::new();
        for (time, _, mut lines) in orders {
            lines.sort_by_key(|r| (r.item, r.units < 0, r.units, r.amount, r.discount, r.channel));
            for r in lines {
                let line = out.item.len();
                out.item.push(r.item);
                out.quantity.push(r.units * UNIT);
                out.discount.push(r.discount);
                out.channel.push(r.channel);
                if r.units < 0 {
                    out.is_return.grow_and_insert(line);
                }
                if r.units >= 0 {
                    out.amount.push(r.amount);
                    open.push((line, r.units, r.amount));
                    continue;
                }
                let mut left = -r.units;
                let mut refunded = 0;
                for (bought, units, money) in open.iter_mut().rev() {
                    if left == 0 || out.item[*bought] != r.item || r.item == NO_ITEM || *units == 0 {
                        continue;
                    }
                    let taken = left.min(*units);
                    let refund = (-r.amount * i64::from(taken) / i64::from(-r.units)).min(*money);
                    *units -= taken;
                    *money -= refund;
                    left -= taken;
                    refunded += refund;
                    if *units == 0 {
                        out.returned.push(Returned { line: *bought as u32, day: Day(r.day) });
                    }
                }
                out.amount.push(-refunded);
            }
            sort_returns(&mut out);
            out.order_time.push(LocalTime(time));
            out.order_lines.push(out.item.len() as u32);
        }
        out.member_orders.push(out.order_time.len() as u32);
    }
    let mut returned = out.returned.to_vec();
    returned.sort();
    out.returned = returned.into_iter().collect();
    out
}

/// Brings the lines of the last order into the order of what they came to: returns of one item may change places, for
/// they were taken by the amount they named.
fn sort_returns(out: &mut Shard) {
    let first = out.order_lines.last().map_or(0, |l| *l as usize);
    let mut order: Vec<usize> = (first..out.item.len()).collect();
    order.sort_by_key(|i| {
        let values = (out.quantity.at(*i), out.amount.at(*i), out.discount.at(*i), out.channel.at(*i));
        (out.item[*i], out.is_return.contains(*i), values)
    });
    out.amount = in_order(&out.amount, &order);
    out.discount = in_order(&out.discount, &order);
    out.channel = in_order(&out.channel, &order);
}

/// A column whose last values stand in this order.
fn in_order<T: Cell>(column: &Column<T>, order: &[usize]) -> Column<T> {
    let before = column.len() - order.len();
    column.iter().take(before).chain(order.iter().map(|i| column.at(*i))).collect()
}
