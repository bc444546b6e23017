//! What members bought in what the fit does not see.

use crate::{
    base::{Day, IdTable},
    history::{NO_ITEM, Shard, ShardError, ShardSet, Timeline},
    items::{MemberBaskets, View},
};

/// Purchases of every member that may be truth, by shard as in the histories. Only what may be asked for is kept.
#[derive(Debug, Clone, Default)]
pub struct Future {
    parts: Vec<Part>,
    items: IdTable,
}

#[derive(Debug, Clone, Default)]
struct Part {
    members: IdTable,
    /// Members + 1 offsets.
    offsets: Vec<u32>,
    /// Day and item, days rising.
    bought: Vec<(Day, u32)>,
}

/// The days of a truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Last day of the history; the first of the truth is the next.
    pub after: Day,
    /// Last day of the truth.
    pub until: Day,
}

impl Window {
    /// Every day.
    pub const ALWAYS: Self = Self { after: Day(i32::MIN), until: Day(i32::MAX) };

    fn holds(&self, day: Day) -> bool {
        self.after < day && day <= self.until
    }
}

impl Future {
    /// Every purchase in `window`. A return is invisible: what was bought is truth, whatever became of it later.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn read(shards: &ShardSet, items: IdTable, window: Window) -> Result<Self, ShardError> {
        let parts = shards.map(|_, shard| {
            let mut part = Part::new();
            let mut bought = Vec::new();
            for member in 0..shard.members.len() {
                bought.clear();
                for order in shard.orders_of(member).filter(|order| window.holds(shard.order_day(*order))) {
                    let day = shard.order_day(order);
                    let lines =
                        shard.lines_of(order).filter(|l| !shard.is_return.contains(*l) && shard.item[*l] != NO_ITEM);
                    bought.extend(lines.map(|line| (day, shard.item[line])));
                }
                part.push(shard.members.get(member), &mut bought);
            }
            Ok::<_, ShardError>(part)
        })?;
        Ok(Self { parts, items })
    }

    /// Each member's newest basket, for members with an earlier one.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn newest_baskets(
        shards: &ShardSet,
        items: IdTable,
        as_of: Day,
        timeline: Timeline,
    ) -> Result<Self, ShardError> {
        let view = View::at(as_of, timeline);
        let parts = shards.map(|_, shard: &Shard| {
            let mut part = Part::new();
            let (mut baskets, mut bought) = (MemberBaskets::default(), Vec::new());
            for member in 0..shard.members.len() {
                baskets.fill(shard, member, &view);
                bought.clear();
                if let Some(newest) = baskets.len().checked_sub(1).filter(|newest| *newest > 0) {
                    bought.extend(baskets.items(newest).iter().map(|item| (baskets.day(newest), *item)));
                }
                part.push(shard.members.get(member), &mut bought);
            }
            Ok::<_, ShardError>(part)
        })?;
        Ok(Self { parts, items })
    }

    /// Ids of the items that were bought.
    #[must_use]
    pub fn items(&self) -> &IdTable {
        &self.items
    }

    /// Ids of a shard's members who bought anything.
    #[must_use]
    pub fn members(&self, shard: usize) -> &IdTable {
        &self.parts[shard].members
    }

    /// What a member of a shard bought in the window, as item numbers of [`Future::items`]: distinct, rising. Empty for a
    /// member who bought nothing.
    pub fn bought(&self, shard: usize, member: &str, window: Window, out: &mut Vec<u32>) {
        out.clear();
        let Some(part) = self.parts.get(shard) else { return };
        let Some(at) = part.members.find(member) else { return };
        let bought = &part.bought[part.offsets[at] as usize..part.offsets[at + 1] as usize];
        out.extend(bought.iter().filter(|(day, _)| window.holds(*day)).map(|(_, item)| *item));
        out.sort_unstable();
        out.dedup();
    }
}

impl Part {
    fn new() -> Self {
        Self { offsets: vec![0], ..Self::default() }
    }

    fn push(&mut self, member: &str, bought: &mut Vec<(Day, u32)>) {
        if bought.is_empty() {
            return;
        }
        bought.sort_unstable();
        bought.dedup();
        self.members.push_sorted(member);
        self.bought.extend_from_slice(bought);
        self.offsets.push(self.bought.len() as u32);
    }
}
