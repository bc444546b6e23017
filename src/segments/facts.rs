//! What one pass over a shard finds out about each member: days, gaps, net spend, favourites, habits.

use super::{PriceTiers, Segments};
use crate::{
    base::{Day, IdTable, Minor},
    features::DaySet,
    history::{Dimensions, NO_CODE, Shard, Timeline},
    input::{ItemTable, NONE},
    items::{CategoryRhythms, RhythmRule},
};

/// Most favourite categories of a member, and most categories a member is a regular buyer of.
pub const MAX_FAVOURITES: usize = 3;

/// Standard deviations above what chance would give from which on purchase days in festivals are hardly chance: 5 %,
/// one-sided.
const HARDLY_CHANCE: f64 = 1.645;

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
    /// Price tier with enough of the bought lines, 0 for none.
    pub price_tier: u8,
    /// Ways of buying that have a tag.
    pub habits: Habits,
    /// Category groups with enough of the net spend, the biggest first, then [`NONE`].
    pub categories: [u32; MAX_FAVOURITES],
    /// Category groups the member is a regular buyer of, those with the most purchase days first, then [`NONE`].
    pub regular: [u32; MAX_FAVOURITES],
    /// What was known of the member `reactivation_days` before the cut.
    pub earlier: Earlier,
}

/// Ways of buying that have a tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Habits {
    /// Bought through a channel that is named.
    pub any_channel: bool,
    /// Bought through two channels or more, the second with enough of the amounts.
    pub cross_channel: bool,
    /// Enough of the bought lines had a discount.
    pub discounts: bool,
    /// Enough of the purchase days lie in festivals.
    pub festivals: bool,
}

/// A member's rhythm as of an earlier day.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Earlier {
    /// Purchase days until then; 0 for members who had not bought yet.
    pub purchase_days: u32,
    /// The last of them.
    pub last: Day,
    /// Median days between them; `None` under two of them.
    pub median_gap: Option<f32>,
}

/// What shards are read for facts with.
#[derive(Debug, Clone, Copy)]
pub struct FactsView<'a> {
    /// Segment settings.
    pub settings: &'a Segments,
    /// The shop's items.
    pub items: &'a ItemTable,
    /// What the shards' codes stand for.
    pub dimensions: &'a Dimensions,
    /// Days that count as festival.
    pub festivals: &'a DaySet,
    /// Who is a regular buyer.
    pub regular: RhythmRule,
    /// The last day that is looked at, usually the as-of day.
    pub cut: Day,
}

/// How shards are read for facts.
#[derive(Debug, Clone)]
pub struct FactsPlan<'a> {
    view: FactsView<'a>,
    /// First day of the window of the value bands.
    window_start: Day,
    /// Category paths cut to the job's level, in byte order.
    groups: IdTable,
    /// Group by category index of the item table, then by item; none for items that must not be talked about.
    group_of_item: Vec<u32>,
    /// By group: whether any item is left in it.
    spoken_of: Vec<bool>,
    tiers: PriceTiers,
    /// Share of all days in festivals.
    festival_days: f64,
}

impl<'a> FactsPlan<'a> {
    /// A plan for reading up to the view's cut (inclusive).
    #[must_use]
    pub fn new(view: FactsView<'a>) -> Self {
        let FactsView { settings, items, dimensions, festivals, cut, .. } = view;
        let level = settings.tags.category_level;
        let groups = IdTable::from_unsorted(items.categories.iter().map(|path| ancestor(path, level)));
        let of_category: Vec<u32> = items
            .categories
            .iter()
            .map(|path| groups.find(ancestor(path, level)).and_then(|g| u32::try_from(g).ok()).unwrap_or(NONE))
            .collect();
        let denied = |item: usize| items.denied.get(item).copied().unwrap_or(false);
        let group_of_item: Vec<u32> = items
            .category
            .iter()
            .enumerate()
            .map(|(i, c)| of_category.get(*c as usize).copied().filter(|_| !denied(i)).unwrap_or(NONE))
            .collect();
        let mut spoken_of = vec![false; groups.len()];
        for group in group_of_item.iter().filter(|g| **g != NONE) {
            spoken_of[*group as usize] = true;
        }
        let window_start = match settings.value.on(dimensions.timeline).window_days {
            Some(days) => cut.plus(1 - i32::try_from(days).unwrap_or(i32::MAX)),
            None => Day(i32::MIN),
        };
        let days = dimensions.first_day.0..=cut.0;
        let in_festivals = days.clone().filter(|day| festivals.contains(Day(*day))).count();
        let festival_days = in_festivals as f64 / days.count().max(1) as f64;
        let tiers = PriceTiers::new(items);
        Self { view, window_start, groups, group_of_item, spoken_of, tiers, festival_days }
    }

    /// Category groups, in byte order; [`MemberFacts::categories`] are indices into it.
    #[must_use]
    pub fn category_groups(&self) -> &IdTable {
        &self.groups
    }

    /// Whether a group has an item that may be talked about.
    pub(super) fn is_spoken_of(&self, group: usize) -> bool {
        self.spoken_of.get(group).copied().unwrap_or(false)
    }

    /// Price tiers of the items.
    #[must_use]
    pub fn price_tiers(&self) -> &PriceTiers {
        &self.tiers
    }

    /// Share of all days that lie in festivals.
    #[must_use]
    pub fn festival_days(&self) -> f64 {
        self.festival_days
    }

    /// Who is a regular buyer of a category.
    #[must_use]
    pub fn regular(&self) -> RhythmRule {
        self.view.regular
    }

    /// The group of an item.
    pub(super) fn group_of(&self, item: u32) -> Option<usize> {
        self.group_of_item.get(item as usize).filter(|g| **g != NONE).map(|g| *g as usize)
    }

    /// The last day that is looked at.
    pub(super) fn cut(&self) -> Day {
        self.view.cut
    }

    /// Number of channels.
    pub(super) fn channels(&self) -> usize {
        self.view.dimensions.channels.len()
    }

    /// The facts of a shard's members, in member order.
    #[must_use]
    pub fn shard(&self, shard: &Shard) -> Vec<MemberFacts> {
        let mut scratch = Scratch {
            days: Vec::new(),
            gaps: Vec::new(),
            by_group: Tally::new(self.groups.len()),
            by_channel: Tally::new(self.channels()),
            by_tier: Tally::new(usize::from(self.tiers.tiers) + 1),
            rhythms: CategoryRhythms::default(),
        };
        (0..shard.members.len()).map(|member| self.member(shard, member, &mut scratch)).collect()
    }

    fn member(&self, shard: &Shard, member: usize, scratch: &mut Scratch) -> MemberFacts {
        let cut = self.view.cut;
        let Scratch { days, gaps, by_group, by_channel, by_tier, rhythms } = scratch;
        days.clear();
        rhythms.clear();
        let mut net_spend = 0;
        let mut seen: Option<(Day, Day)> = None;
        let (mut bought_lines, mut discounted) = (0u64, 0u64);
        for order in shard.orders_of(member) {
            let day = shard.order_day(order);
            if day > cut {
                continue;
            }
            seen = Some((seen.map_or(day, |s| s.0), day));
            let mut bought = false;
            for line in shard.lines_of(order) {
                let amount = shard.amount.at(line);
                if day >= self.window_start {
                    net_spend += amount;
                }
                let group = self.group_of(shard.item[line]);
                if let Some(group) = group {
                    by_group.add(group, amount);
                }
                if !shard.is_purchase(line, cut) {
                    continue;
                }
                bought = true;
                bought_lines += 1;
                discounted += u64::from(shard.discount.get(line).is_some_and(|d| d > 0));
                if let Some(group) = group {
                    rhythms.add(group as u32, day);
                }
                if self.tiers.tiers > 0 {
                    by_tier.add(usize::from(self.tiers.of(shard.item[line])), 1);
                }
                if let Some(channel) = shard.channel.get(line).filter(|c| *c != NO_CODE) {
                    by_channel.add(usize::from(channel), amount);
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
            _ => (cut, cut),
        };
        let rules = &self.view.settings.tags;
        let purchase_days = days.len() as u32;
        let settled = purchase_days >= rules.min_purchase_days;
        // More than everything: nobody reaches it.
        let least = |share: f64| if settled { share } else { 2.0 };
        let any_channel = by_channel.any();
        let cross_channel = settled && by_channel.second_share() >= rules.cross_channel_share;
        let habits = Habits {
            any_channel,
            cross_channel,
            discounts: bought_lines > 0 && discounted as f64 >= least(rules.discount_share) * bought_lines as f64,
            festivals: settled && self.buys_in_festivals(days),
        };
        let mut favourites = [NONE; MAX_FAVOURITES];
        let (mut channel, mut price_tier) = ([NONE; 1], [0; 1]);
        by_group.take(least(rules.category_share), &mut favourites[..rules.max_categories]);
        by_channel.take(least(rules.channel_share), &mut channel);
        by_tier.take(least(rules.price_tier_share), &mut price_tier);
        MemberFacts {
            first,
            last,
            purchase_days,
            net_spend,
            channel: u16::try_from(channel[0]).unwrap_or(NO_CODE),
            price_tier: price_tier[0] as u8,
            habits,
            categories: favourites,
            regular: self.regular_of(rhythms),
            earlier: self.earlier(days, gaps),
            median_gap: median_gap(days),
        }
    }

    /// Whether enough purchase days lie in festivals, and more than chance would put there.
    fn buys_in_festivals(&self, days: &[Day]) -> bool {
        if self.view.dimensions.timeline == Timeline::Ordinal || days.is_empty() {
            return false;
        }
        let within = days.iter().filter(|day| self.view.festivals.contains(**day)).count() as f64;
        let (n, p) = (days.len() as f64, self.festival_days);
        let by_chance = n * p + HARDLY_CHANCE * (n * p * (1.0 - p)).sqrt();
        within >= self.view.settings.tags.festival_share * n && within > by_chance
    }

    fn regular_of(&self, rhythms: &mut CategoryRhythms) -> [u32; MAX_FAVOURITES] {
        let mut found = [NONE; MAX_FAVOURITES];
        if self.view.dimensions.timeline == Timeline::Ordinal {
            // Baskets of one member have no distance to those of another.
            return found;
        }
        rhythms.close();
        let regular = rhythms.all().iter().filter(|(_, rhythm)| rhythm.is_regular(self.view.cut, &self.view.regular));
        let mut best: Vec<(std::cmp::Reverse<u32>, u32)> =
            regular.map(|(group, rhythm)| (std::cmp::Reverse(rhythm.days), *group)).collect();
        best.sort_unstable();
        for (slot, (_, group)) in found.iter_mut().zip(best) {
            *slot = group;
        }
        found
    }

    fn earlier(&self, days: &[Day], scratch: &mut Vec<Day>) -> Earlier {
        let then = self.view.cut.plus(-(self.view.settings.lifecycle.reactivation_days as i32));
        let known = &days[..days.partition_point(|day| *day <= then)];
        scratch.clear();
        scratch.extend_from_slice(known);
        Earlier {
            purchase_days: known.len() as u32,
            last: known.last().copied().unwrap_or_default(),
            median_gap: median_gap(scratch),
        }
    }
}

/// What is filled again for each member of a shard.
struct Scratch {
    days: Vec<Day>,
    gaps: Vec<Day>,
    by_group: Tally,
    by_channel: Tally,
    by_tier: Tally,
    rhythms: CategoryRhythms,
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

    fn any(&self) -> bool {
        !self.touched.is_empty()
    }

    /// The share of the sum that the second biggest code has; 0 where nothing is positive.
    fn second_share(&self) -> f64 {
        let (mut first, mut second, mut total) = (0, 0, 0);
        for code in &self.touched {
            let amount = self.amounts[*code as usize];
            total += amount;
            if amount > first {
                (first, second) = (amount, first);
            } else {
                second = second.max(amount);
            }
        }
        if total > 0 { second as f64 / total as f64 } else { 0.0 }
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
pub(super) fn median_gap(days: &mut [Day]) -> Option<f32> {
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
