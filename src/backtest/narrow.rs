//! Histories as they would be if some of the lines had never been written.

use crate::{
    base::{Day, IdTable},
    history::{Cell, Column, NO_ITEM, Returned, Shard, ShardError, ShardSet},
    items::{MemberBaskets, View, newest_basket_day},
};

/// What is taken out of the histories.
#[derive(Debug, Clone, Copy)]
pub struct Narrowing {
    /// Last day that stays.
    pub as_of: Day,
    /// Whether each member's newest basket goes, and all after it, where the member has an earlier one.
    pub hide_newest: bool,
    /// Baskets that hold an item at least, for its lines to stay.
    pub min_item_baskets: u32,
}

/// Narrowed histories.
#[derive(Debug)]
pub struct Narrowed {
    /// The shards, in memory.
    pub shards: ShardSet,
    /// Ids of the items that are left: those of a line that stays, and those for which `listed` holds.
    pub items: IdTable,
}

/// Takes lines out and numbers the items that are left anew. Members, orders and items without a line that stays are gone,
/// except for items that are listed; a return after a member's last day is invisible.
///
/// # Errors
/// If a spilled shard cannot be read back.
pub fn narrow(
    shards: &ShardSet,
    view: &View,
    items: &IdTable,
    listed: &(dyn Fn(&str) -> bool + Sync),
    narrowing: &Narrowing,
) -> Result<Narrowed, ShardError> {
    let last_days: Vec<Vec<Day>> = shards.map(|_, shard| {
        Ok::<_, ShardError>((0..shard.members.len()).map(|member| last_day(shard, member, narrowing)).collect())
    })?;
    let counts = item_baskets(shards, view, items.len(), &last_days)?;
    let least = u64::from(narrowing.min_item_baskets.max(1));
    // Items of too few baskets take no part, listed or not.
    let rare = |item: usize| narrowing.min_item_baskets > 0 && counts[item] < least;
    let stays: Vec<bool> =
        (0..items.len()).map(|item| !rare(item) && (counts[item] > 0 || listed(items.get(item)))).collect();
    let mut rank = vec![NO_ITEM; items.len()];
    let mut left = IdTable::default();
    for (item, id) in items.iter().enumerate().filter(|(item, _)| stays[*item]) {
        rank[item] = left.push_sorted(id) as u32;
    }
    let shards = shards.map(|index, shard| Ok::<_, ShardError>(narrow_shard(shard, &last_days[index], &rank)))?;
    Ok(Narrowed { shards: ShardSet::in_memory(shards), items: left })
}

/// The last day of a member's that stays.
fn last_day(shard: &Shard, member: usize, narrowing: &Narrowing) -> Day {
    if narrowing.hide_newest
        && let Some(newest) = newest_basket_day(shard, member, narrowing.as_of)
        && newest_basket_day(shard, member, newest.plus(-1)).is_some()
    {
        return newest.plus(-1);
    }
    narrowing.as_of
}

/// Baskets up to each member's last day that hold each item.
fn item_baskets(shards: &ShardSet, view: &View, items: usize, last_days: &[Vec<Day>]) -> Result<Vec<u64>, ShardError> {
    let parts = shards.map(|index, shard| {
        let mut counts = vec![0u64; items];
        let mut baskets = MemberBaskets::default();
        for (member, last) in last_days[index].iter().enumerate() {
            baskets.fill(shard, member, &View::at(*last, view.timeline()));
            for item in baskets.all_items() {
                counts[*item as usize] += 1;
            }
        }
        Ok::<_, ShardError>(counts)
    })?;
    let mut whole = vec![0; items];
    for part in parts {
        for (sum, more) in whole.iter_mut().zip(part) {
            *sum += more;
        }
    }
    Ok(whole)
}

fn narrow_shard(shard: &Shard, last_days: &[Day], rank: &[u32]) -> Shard {
    let mut out = Shard { member_orders: vec![0], order_lines: vec![0], ..Shard::default() };
    let mut returned = shard.returned.iter().peekable();
    for (member, last) in last_days.iter().enumerate() {
        let orders_before = out.order_time.len();
        for order in shard.orders_of(member).take_while(|order| shard.order_day(*order) <= *last) {
            let lines_before = out.item.len();
            for line in shard.lines_of(order) {
                let item = shard.item[line];
                let item = if item == NO_ITEM { NO_ITEM } else { rank[item as usize] };
                if item == NO_ITEM && shard.item[line] != NO_ITEM {
                    continue;
                }
                while returned.next_if(|r| (r.line as usize) < line).is_some() {}
                if let Some(back) = returned.next_if(|r| r.line as usize == line).filter(|back| back.day <= *last) {
                    out.returned.push(Returned { line: out.item.len() as u32, day: back.day });
                }
                push_line(&mut out, shard, line, item);
            }
            if out.item.len() > lines_before {
                out.order_time.push(shard.order_time[order]);
                out.order_lines.push(out.item.len() as u32);
            }
        }
        if out.order_time.len() > orders_before {
            out.members.push_sorted(shard.members.get(member));
            out.member_orders.push(out.order_time.len() as u32);
        }
    }
    out
}

fn push_line(out: &mut Shard, shard: &Shard, line: usize, item: u32) {
    fn copy<T: Cell>(to: &mut Column<T>, from: &Column<T>, line: usize) {
        to.extend(from.get(line));
    }
    out.item.push(item);
    copy(&mut out.quantity, &shard.quantity, line);
    copy(&mut out.amount, &shard.amount, line);
    copy(&mut out.discount, &shard.discount, line);
    copy(&mut out.channel, &shard.channel, line);
    copy(&mut out.store, &shard.store, line);
    copy(&mut out.city, &shard.city, line);
    if shard.is_return.contains(line) {
        out.is_return.grow_and_insert(out.item.len() - 1);
    }
}
