//! One pass over a shard's lines: every built-in feature of every member.

use super::{
    FeatureError, FeaturePlan,
    families::Source,
    quantile::median,
    sql,
    table::{Column, ShardFeatures},
};
use crate::{
    base::{Day, Minor},
    history::{NO_ITEM, Shard, UNIT},
};

/// What the kernel reuses from member to member, so that none costs an allocation.
#[derive(Debug)]
pub struct Scratch {
    /// By item, group and channel: the number of the member (from 1) last seen buying it.
    items: Vec<u32>,
    groups: Vec<u32>,
    channels: Vec<u32>,
    /// Gaps between the member's purchase days.
    gaps: Vec<u32>,
    /// Net spend by top category, then rest.
    category_spend: Vec<Minor>,
    /// Purchase spend by top channel, then rest.
    channel_spend: Vec<Minor>,
    /// Net spend by window.
    window_spend: Vec<Minor>,
}

impl Scratch {
    /// Scratch space for one shard of this plan.
    #[must_use]
    pub fn new(plan: &FeaturePlan<'_>) -> Self {
        Self {
            items: vec![0; plan.view.items.len()],
            groups: vec![0; plan.groups.names.len()],
            channels: vec![0; plan.view.dimensions.channels.len()],
            gaps: Vec::new(),
            category_spend: vec![0; plan.top_categories() + 1],
            channel_spend: vec![0; plan.top_channels() + 1],
            window_spend: vec![0; plan.view.settings.spend_windows.len()],
        }
    }
}

/// One member's sums.
#[derive(Debug, Default)]
struct Sums {
    net: Minor,
    gross: Minor,
    refunded: Minor,
    bought: Minor,
    discount: Minor,
    quantity: i64,
    lines: u32,
    orders: u32,
    weekend_orders: u32,
    festival_orders: u32,
    days: u32,
    items: u32,
    groups: u32,
    channels: u32,
    first: Option<Day>,
    last: Option<Day>,
}

impl FeaturePlan<'_> {
    /// The raw features of one shard's members.
    ///
    /// # Errors
    /// If a SQL feature fails or gives an infinite value.
    pub fn shard(&self, shard: &Shard, scratch: &mut Scratch) -> Result<ShardFeatures, FeatureError> {
        let members = shard.members.len();
        let entries = self.dictionary().entries();
        let mut columns: Vec<Column> = entries
            .iter()
            .map(|e| match e.source {
                Source::Sql(_) => Column::Double(Vec::new()),
                Source::NetSpend | Source::BasketValue | Source::Window(_) => {
                    Column::Double(Vec::with_capacity(members))
                }
                _ => Column::Single(Vec::with_capacity(members)),
            })
            .collect();
        scratch.items.fill(0);
        scratch.groups.fill(0);
        scratch.channels.fill(0);
        for member in 0..members {
            let sums = self.member(shard, member, scratch);
            let rhythm = median(&mut scratch.gaps).unwrap_or(f64::NAN);
            for (column, entry) in columns.iter_mut().zip(entries) {
                if !matches!(entry.source, Source::Sql(_)) {
                    column.push(self.value(entry.source, &sums, rhythm, scratch));
                }
            }
        }
        if let Some(aggregates) = &self.sql {
            let values = sql::evaluate(self, aggregates, shard)?;
            for (column, entry) in columns.iter_mut().zip(entries) {
                if let Source::Sql(i) = entry.source {
                    let values = &values[usize::from(i)];
                    if let Some(at) = values.iter().position(|v| v.is_infinite()) {
                        return Err(FeatureError::NotFinite {
                            feature: entry.name.clone(),
                            member: shard.members.get(at).to_owned(),
                            value: values[at],
                        });
                    }
                    *column = Column::Double(values.clone());
                }
            }
        }
        Ok(ShardFeatures { members, columns })
    }

    /// Adds up a member's lines up to the cut.
    fn member(&self, shard: &Shard, member: usize, scratch: &mut Scratch) -> Sums {
        let cut = self.view.cut;
        let mut sums = Sums::default();
        // Members of a shard are fewer than u32::MAX, as its lines are.
        let stamp = member as u32 + 1;
        scratch.gaps.clear();
        scratch.category_spend.fill(0);
        scratch.channel_spend.fill(0);
        scratch.window_spend.fill(0);
        let rest = self.top_categories() as u8;
        for order in shard.orders_of(member) {
            let day = shard.order_day(order);
            if day > cut {
                break;
            }
            let mut order_net = 0;
            let mut has_purchase = false;
            for line in shard.lines_of(order) {
                let amount = shard.amount.at(line);
                let item = shard.item[line];
                order_net += amount;
                let slot = self.item_slot.get(item as usize).copied().unwrap_or(rest);
                scratch.category_spend[usize::from(slot)] += amount;
                if shard.is_return.contains(line) {
                    sums.refunded -= amount;
                    continue;
                }
                sums.gross += amount;
                if !shard.is_purchase(line, cut) {
                    continue;
                }
                has_purchase = true;
                sums.lines += 1;
                sums.bought += amount;
                sums.quantity += i64::from(shard.quantity.at(line));
                if let Some(discount) = shard.discount.get(line) {
                    sums.discount += discount;
                }
                if item != NO_ITEM {
                    sums.items += first_time(&mut scratch.items, item as usize, stamp);
                    if let Some(group) = self.groups.of(item) {
                        sums.groups += first_time(&mut scratch.groups, group, stamp);
                    }
                }
                if let Some(channel) = shard.channel.get(line) {
                    let channel = usize::from(channel);
                    sums.channels += first_time(&mut scratch.channels, channel, stamp);
                    let slot = self.channel_slot.get(channel).map_or(self.top_channels(), |s| usize::from(*s));
                    scratch.channel_spend[slot] += amount;
                }
            }
            sums.net += order_net;
            let age = cut.since(day);
            for (spend, days) in scratch.window_spend.iter_mut().zip(&self.view.settings.spend_windows) {
                if i64::from(age) < i64::from(*days) {
                    *spend += order_net;
                }
            }
            if has_purchase {
                sums.orders += 1;
                sums.weekend_orders += u32::from(day.is_weekend());
                sums.festival_orders += u32::from(self.view.festivals.contains(day));
                if sums.last != Some(day) {
                    sums.days += 1;
                    if let Some(last) = sums.last {
                        scratch.gaps.push(day.since(last).unsigned_abs());
                    }
                }
                sums.first = sums.first.or(Some(day));
                sums.last = Some(day);
            }
        }
        sums
    }

    fn value(&self, source: Source, sums: &Sums, rhythm: f64, scratch: &Scratch) -> f64 {
        let major = |amount: Minor| amount as f64 / self.view.currency.minor_per_major() as f64;
        let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { f64::NAN };
        let of_orders = |n: u32| ratio(f64::from(n), f64::from(sums.orders));
        let days_since = |day: Option<Day>| day.map_or(f64::NAN, |d| f64::from(self.view.cut.since(d)));
        match source {
            Source::Recency => days_since(sums.last),
            Source::Orders => f64::from(sums.orders),
            Source::PurchaseDays => f64::from(sums.days),
            Source::NetSpend => major(sums.net),
            Source::BasketValue => ratio(major(sums.net), f64::from(sums.orders)),
            Source::Tenure => days_since(sums.first),
            Source::Rhythm => rhythm,
            Source::Lateness => days_since(sums.last) / rhythm,
            Source::DistinctItems => f64::from(sums.items),
            Source::DistinctCategories => f64::from(sums.groups),
            Source::Channels => f64::from(sums.channels),
            Source::ReturnRate => ratio(sums.refunded as f64, sums.gross as f64),
            Source::DiscountShare => ratio(sums.discount as f64, (sums.bought + sums.discount) as f64),
            Source::WeekendShare => of_orders(sums.weekend_orders),
            Source::FestivalShare => of_orders(sums.festival_orders),
            Source::MeanQuantity => ratio(sums.quantity as f64 / f64::from(UNIT), f64::from(sums.lines)),
            Source::Window(i) => major(scratch.window_spend[usize::from(i)].max(0)),
            Source::CategoryShare(i) => ratio(scratch.category_spend[usize::from(i)] as f64, sums.net as f64),
            Source::ChannelShare(i) => ratio(scratch.channel_spend[usize::from(i)] as f64, sums.bought as f64),
            // Filled in from the SQL engine.
            Source::Sql(_) => f64::NAN,
        }
    }
}

/// 1 if the member with this stamp meets `index` for the first time, else 0; codes beyond the table (none) count 0.
fn first_time(seen: &mut [u32], index: usize, stamp: u32) -> u32 {
    match seen.get_mut(index) {
        Some(last) if *last != stamp => {
            *last = stamp;
            1
        }
        _ => 0,
    }
}
