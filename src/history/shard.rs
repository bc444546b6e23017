//! A shard: the histories of the members whose hashed id falls in one bucket, in columns sorted by (member, time).

use std::ops::Range;

use fixedbitset::FixedBitSet;

use super::Column;
use crate::base::{Day, IdTable, LocalTime, Minor};

/// `item` of a line that names no item.
pub const NO_ITEM: u32 = u32::MAX;
/// `channel`, `store` or `city` of a line that names none.
pub const NO_CODE: u16 = u16::MAX;
/// One unit of quantity: quantities are thousandths.
pub const UNIT: i32 = 1000;

/// A purchase line that was later fully returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Returned {
    /// Index of the purchase line in the shard.
    pub line: u32,
    /// Day of the return that took the last of it.
    pub day: Day,
}

/// The purchase lines of a shard that were fully returned, by line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReturnedLines {
    lines: Vec<Returned>,
    /// By line, up to the last that is in it: few lines are ever returned, and most need no search.
    flags: FixedBitSet,
}

impl ReturnedLines {
    /// Adds a line after all those that it has.
    pub fn push(&mut self, returned: Returned) {
        self.flags.grow_and_insert(returned.line as usize);
        self.lines.push(returned);
    }

    /// The day of the return that took the last of a line; `None` where something of it was kept.
    #[must_use]
    pub fn day(&self, line: usize) -> Option<Day> {
        if !self.flags.contains(line) {
            return None;
        }
        let at = self.lines.binary_search_by_key(&(line as u32), |r| r.line).ok()?;
        Some(self.lines[at].day)
    }

    fn heap_bytes(&self) -> usize {
        8 * self.lines.capacity() + size_of_val(self.flags.as_slice())
    }
}

impl std::ops::Deref for ReturnedLines {
    type Target = [Returned];

    fn deref(&self) -> &[Returned] {
        &self.lines
    }
}

impl FromIterator<Returned> for ReturnedLines {
    fn from_iter<I: IntoIterator<Item = Returned>>(lines: I) -> Self {
        let mut all = Self::default();
        lines.into_iter().for_each(|line| all.push(line));
        all
    }
}

/// Histories of one shard's members. Members are in byte order of their ids; a member's orders are oldest first; lines
/// of an order are in canonical order (item, kind, quantity, amount).
///
/// Shapes: `member_orders` has `members.len() + 1` offsets into the orders; `order_lines` has `orders + 1` offsets into
/// the lines; every line column has one entry a line, or none at all where the shop does not have the column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shard {
    /// Member ids of this shard, in byte order.
    pub members: IdTable,
    /// Offsets into the orders, one more than members.
    pub member_orders: Vec<u32>,
    /// Time of each order's first line.
    pub order_time: Vec<LocalTime>,
    /// Offsets into the lines, one more than orders.
    pub order_lines: Vec<u32>,
    /// Item index ([`crate::input::ItemTable`]), or [`NO_ITEM`].
    pub item: Vec<u32>,
    /// Quantity in thousandths; negative on return lines.
    pub quantity: Column<i32>,
    /// Effect on net spend in minor units: the line total of a purchase; on a return line minus the refund of what it
    /// was matched to (0 where it matched nothing), so that a member's sum is never negative.
    pub amount: Column<Minor>,
    /// Discount given on the line, in minor units, positive; empty if the shop has no such column.
    pub discount: Column<Minor>,
    /// Index into [`crate::history::Dimensions::channels`], or [`NO_CODE`]; may be empty.
    pub channel: Column<u16>,
    /// Index into [`crate::history::Dimensions::stores`], or [`NO_CODE`]; may be empty.
    pub store: Column<u16>,
    /// Index into [`crate::history::Dimensions::cities`], or [`NO_CODE`]; may be empty.
    pub city: Column<u16>,
    /// The lines that are returns.
    pub is_return: FixedBitSet,
    /// Purchase lines that were fully returned, by line.
    pub returned: ReturnedLines,
}

impl Shard {
    /// Number of lines.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.item.len()
    }

    /// Number of orders.
    #[must_use]
    pub fn orders(&self) -> usize {
        self.order_time.len()
    }

    /// Indices of a member's orders, oldest first.
    #[must_use]
    pub fn orders_of(&self, member: usize) -> Range<usize> {
        self.member_orders[member] as usize..self.member_orders[member + 1] as usize
    }

    /// Indices of an order's lines.
    #[must_use]
    pub fn lines_of(&self, order: usize) -> Range<usize> {
        self.order_lines[order] as usize..self.order_lines[order + 1] as usize
    }

    /// Indices of all of a member's lines, oldest order first.
    #[must_use]
    pub fn member_lines(&self, member: usize) -> Range<usize> {
        let orders = self.orders_of(member);
        self.order_lines[orders.start] as usize..self.order_lines[orders.end] as usize
    }

    /// The day of an order.
    #[must_use]
    pub fn order_day(&self, order: usize) -> Day {
        self.order_time[order].day()
    }

    /// Whether a line counts as a purchase when nothing after `cut` (inclusive) is known: it is no return, and was not
    /// fully returned by then. Whether the line itself lies after the cut is the caller's to see.
    #[must_use]
    pub fn is_purchase(&self, line: usize, cut: Day) -> bool {
        !self.is_return.contains(line) && self.returned.day(line).is_none_or(|day| day > cut)
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.members.heap_bytes()
            + 4 * (self.member_orders.capacity() + self.order_time.capacity() + self.order_lines.capacity())
            + 4 * self.item.capacity()
            + self.quantity.heap_bytes()
            + self.amount.heap_bytes()
            + self.discount.heap_bytes()
            + [&self.channel, &self.store, &self.city].map(Column::heap_bytes).iter().sum::<usize>()
            + size_of_val(self.is_return.as_slice())
            + self.returned.heap_bytes()
    }
}
