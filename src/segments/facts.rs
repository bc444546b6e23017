//! What one pass over a shard finds out about each member: days, gaps, net spend, favourites.

use super::{Segments, TagRules};
use crate::{
    base::{Day, IdTable, Minor},
    history::{Dimensions, NO_CODE, Shard},
    input::{ItemTable, NONE},
};

/// Most favourite categories of a member.
pub const MAX_FAVOURITES: usize = 3;

/// Facts about one member as of the cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemberFacts {
    /// First purchase day; first order day if every purchase was returned.
    pub first: Day,
    /// Last purchase day; last order day if every purchase was returned.
    pub last: Day,
    /// Different days with a purchase.
    pub purchase_days: u32,
    /// Median days between successive purchase days; `None` under two of them.
    pub median_gap: Option<f32>,
    /// Net spend within the window of the value bands, in minor units.
    pub net_spend: Minor,
    /// Channel with enough of the spend, or [`NO_CODE`].
    pub channel: u16,
    /// Category groups with enough of the net spend, the biggest first, then [`NONE`].
    pub categories: [u32; MAX_FAVOURITES],
}

/// How shards are read for facts.
#[derive(Debug, Clone)]
pub struct FactsPlan {
    cut: Day,
    /// First day of the window of the value bands.
    window_start: Day,
    rules: TagRules,
    /// Category paths cut to the job's level, in byte order.
    groups: IdTable,
    /// Group by category index of the item table, then by item.
    group_of_item: Vec<u32>,
    channels: usize,
}

impl FactsPlan {
    /// A plan for reading up to `cut` (inclusive), usually the as-of day.
    #[must_use]
    pub fn new(settings: &Segments, items: &ItemTable, dimensions: &Dimensions, cut: Day) -> Self {
        let level = settings.tags.category_level;
        let groups = IdTable::from_unsorted(items.categories.iter().map(|path| ancestor(path, level)));
        let of_category: Vec<u32> = items
            .categories
            .iter()
            .map(|path| groups.find(ancestor(path, level)).and_then(|g| u32::try_from(g).ok()).unwrap_or(NONE))
            .collect();
        let group_of_item =
            items.category.iter().map(|c| of_category.get(*c as usize).copied().unwrap_or(NONE)).collect();
        let window_start = match settings.value.on(dimensions.timeline).window_days {
            Some(days) => cut.plus(1 - i32::try_from(days).unwrap_or(i32::MAX)),
            None => Day(i32::MIN),
        };
        let rules = settings.tags.clone();
        Self { cut, window_start, rules, groups, group_of_item, channels: dimensions.channels.len() }
    }

    /// Category groups, in byte order; [`MemberFacts::categories`] are indices into it.
    #[must_use]
    pub fn category_groups(&self) -> &IdTable {
        &self.groups
    }

    /// The facts of a shard's members, in member order.
    #[must_use]
    pub fn shard(&self, shard: &Shard) -> Vec<MemberFacts> {
        let mut scratch = Scratch {
            days: Vec::new(),
            by_group: Tally::new(self.groups.len()),
            by_channel: Tally::new(self.channels),
            returned: 0,
        };
        (0..shard.members.len()).map(|member| self.member(shard, member, &mut scratch)).collect()
    }

    fn member(&self, shard: &Shard, member: usize, scratch: &mut Scratch) -> MemberFacts {
        let Scratch { days, by_group, by_channel, returned } = scratch;
        days.clear();
        let orders = shard.orders_of(member);
        let mut net_spend = 0;
        let mut seen: Option<(Day, Day)> = None;
        for order in orders {
            let day = shard.order_day(order);
            if day > self.cut {
                continue;
            }
            seen = Some((seen.map_or(day, |s| s.0), day));
            let mut bought = false;
            for line in shard.lines_of(order) {
                // Lines come in rising order, and so does the list of returned ones.
                while shard.returned.get(*returned).is_some_and(|r| (r.line as usize) < line) {
                    *returned += 1;
                }
                let gone = shard.returned.get(*returned).is_some_and(|r| r.line as usize == line && r.day <= self.cut);
                let is_purchase = !shard.is_return[line] && !gone;
                bought |= is_purchase;
                let amount = shard.amount[line];
                if day >= self.window_start {
                    net_spend += amount;
                }
                let item = shard.item[line] as usize;
                if let Some(group) = self.group_of_item.get(item).filter(|g| **g != NONE) {
                    by_group.add(*group as usize, amount);
                }
                if is_purchase && let Some(channel) = shard.channel.get(line).filter(|c| **c != NO_CODE) {
                    by_channel.add(usize::from(*channel), amount);
                }
            }
            if bought && days.last() != Some(&day) {
                days.push(day);
            }
        }
        let (first, last) = match (days.first(), days.last(), seen) {
            (Some(first), Some(last), _) => (*first, *last),
            (_, _, Some((first, last))) => (first, last),
            // A member whose lines all lie after the cut is not known yet.
            _ => (self.cut, self.cut),
        };
        let purchase_days = days.len() as u32;
        let settled = purchase_days >= self.rules.min_purchase_days;
        let mut favourites = [NONE; MAX_FAVOURITES];
        let mut channel = [NONE; 1];
        by_group
            .take(if settled { self.rules.category_share } else { 2.0 }, &mut favourites[..self.rules.max_categories]);
        by_channel.take(if settled { self.rules.channel_share } else { 2.0 }, &mut channel);
        MemberFacts {
            first,
            last,
            purchase_days,
            median_gap: median_gap(days),
            net_spend,
            channel: u16::try_from(channel[0]).unwrap_or(NO_CODE),
            categories: favourites,
        }
    }
}

/// What is filled again for each member of a shard.
struct Scratch {
    days: Vec<Day>,
    by_group: Tally,
    by_channel: Tally,
    /// Position in the shard's list of returned lines.
    returned: usize,
}

/// Amounts by a small code, cleared at the cost of what was touched.
struct Tally {
    amounts: Vec<Minor>,
    is_touched: Vec<bool>,
    touched: Vec<u32>,
}

impl Tally {
    fn new(codes: usize) -> Self {
        Self { amounts: vec![0; codes], is_touched: vec![false; codes], touched: Vec::new() }
    }

    fn add(&mut self, code: usize, amount: Minor) {
        let Some(slot) = self.amounts.get_mut(code) else { return };
        *slot += amount;
        if !std::mem::replace(&mut self.is_touched[code], true) {
            self.touched.push(code as u32);
        }
    }

    /// Fills `out` with the codes that have at least `share` of the sum, the biggest first, ties to the lower code;
    /// then starts anew.
    fn take(&mut self, share: f64, out: &mut [u32]) {
        let total: Minor = self.touched.iter().map(|c| self.amounts[*c as usize]).sum();
        let amounts = &self.amounts;
        let enough = |c: &u32| amounts[*c as usize] > 0 && amounts[*c as usize] as f64 >= share * total as f64;
        let mut best: Vec<u32> = self.touched.iter().copied().filter(enough).collect();
        best.sort_unstable_by_key(|c| (std::cmp::Reverse(amounts[*c as usize]), *c));
        for (slot, code) in out.iter_mut().zip(best) {
            *slot = code;
        }
        for code in self.touched.drain(..) {
            self.amounts[code as usize] = 0;
            self.is_touched[code as usize] = false;
        }
    }
}

/// Median of the gaps between successive days, the mean of the two middle ones for an even number.
fn median_gap(days: &mut [Day]) -> Option<f32> {
    let gaps = days.len().checked_sub(1).filter(|n| *n > 0)?;
    for i in 0..gaps {
        days[i] = Day(days[i + 1].since(days[i]));
    }
    let gaps = &mut days[..gaps];
    let middle = gaps.len() / 2;
    let even = gaps.len().is_multiple_of(2);
    let (below, upper, _) = gaps.select_nth_unstable(middle);
    let upper = upper.0 as f32;
    let lower = below.iter().max().filter(|_| even).map_or(upper, |d| d.0 as f32);
    Some(f32::midpoint(lower, upper))
}

fn ancestor(path: &str, level: usize) -> &str {
    if level == 0 {
        return path;
    }
    path.match_indices('/').nth(level - 1).map_or(path, |(at, _)| &path[..at])
}
