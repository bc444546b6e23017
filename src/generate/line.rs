//! A row of the transactions table before it is written, and what one cell of members brings forth.

use super::{
    attach::AttachCounts,
    dirt::{FUTURE_DAYS, PlantedRows},
    profile::Profile,
};
use crate::base::{Day, LocalTime};

/// The row names no member.
pub(super) const GUEST: u8 = 1;
/// The row is a return.
pub(super) const RETURN: u8 = 2;
/// No store.
pub(super) const NO_STORE: u16 = u16::MAX;

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// Local seconds since 1970.
    pub(super) time: u32,
    pub(super) member: u32,
    /// Index among [`super::world::World::line_item_ids`].
    pub(super) item: u32,
    /// The member's order, counted from 0.
    pub(super) order: u32,
    /// Price paid for one unit, minor units.
    pub(super) price: i32,
    /// Discount on the whole line against the list price, minor units.
    pub(super) discount: i32,
    pub(super) quantity: i16,
    pub(super) store: u16,
    pub(super) city: u16,
    pub(super) channel: u8,
    pub(super) flags: u8,
}

impl Line {
    pub(super) fn day(&self, first_day: Day) -> i32 {
        LocalTime(self.time).day().since(first_day)
    }
}

/// A planted repeat purchase.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlantedStream {
    pub(super) member: u32,
    pub(super) item: u32,
    /// Mean gap, days.
    pub(super) interval: f32,
    pub(super) first: i32,
    pub(super) last: i32,
    pub(super) purchases: u32,
}

/// A planted device with the accessories that followed it.
#[derive(Debug, Clone)]
pub(super) struct PlantedDevice {
    pub(super) member: u32,
    pub(super) item: u32,
    pub(super) day: i32,
    /// Accessory items and the days they were bought.
    pub(super) attached: Vec<(u32, i32)>,
}

/// What the lines of a member add up to, as the shop's loyalty programme sees it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Summary {
    /// Spend of the last 365 days, minor units, returns taken off.
    pub(super) spend_year: i64,
    /// Ordinary purchase rows.
    pub(super) purchases: u32,
    /// Rows of the member's quota.
    pub(super) rows: u32,
}

/// A run of members and everything they did: the unit of parallel work.
#[derive(Debug, Default)]
pub(super) struct Cell {
    pub(super) first_member: u64,
    pub(super) profiles: Vec<Profile>,
    pub(super) summaries: Vec<Summary>,
    /// Rows by day, then member.
    pub(super) lines: Vec<Line>,
    /// Offset of each day's rows, one more than days.
    pub(super) day_starts: Vec<u32>,
    pub(super) streams: Vec<PlantedStream>,
    pub(super) devices: Vec<PlantedDevice>,
    pub(super) planted: PlantedRows,
    pub(super) attached: AttachCounts,
}

impl Cell {
    /// Sorts the rows by day, keeping the order of members within a day.
    pub(super) fn sort_by_day(&mut self, first_day: Day, days: u32) {
        let slots = days as usize + FUTURE_DAYS as usize + 1;
        let slot = |line: &Line| (line.day(first_day).max(0) as usize).min(slots - 1);
        let mut starts = vec![0u32; slots + 1];
        for line in &self.lines {
            starts[slot(line) + 1] += 1;
        }
        for i in 0..slots {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut sorted = self.lines.clone();
        for line in &self.lines {
            let to = &mut next[slot(line)];
            sorted[*to as usize] = *line;
            *to += 1;
        }
        self.lines = sorted;
        self.day_starts = starts;
    }

    /// Rows of the days `from..to`.
    pub(super) fn days(&self, from: usize, to: usize) -> &[Line] {
        let last = self.day_starts.len() - 1;
        &self.lines[self.day_starts[from.min(last)] as usize..self.day_starts[to.min(last)] as usize]
    }
}
