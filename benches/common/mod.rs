//! A shop in memory for the kernels' benches: histories without the cost of reading them.

use nextoffer::{
    base::{Day, IdTable, LocalTime},
    history::{Dimensions, Shard, ShardSet, Timeline, UNIT},
    input::ItemTable,
};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// First day of the histories: 2024-01-01.
pub const FIRST_DAY: i32 = 19_723;
/// Days of the histories.
pub const DAYS: i32 = 730;
const LINES_AN_ORDER: u32 = 3;
const CATEGORIES: u32 = 40;

/// Histories and what their codes stand for.
pub struct Shop {
    /// 64 shards.
    pub shards: ShardSet,
    /// Items with two-level categories.
    pub items: ItemTable,
    /// Four channels.
    pub dimensions: Dimensions,
    /// Lines in all shards.
    pub lines: u64,
}

impl Shop {
    /// A shop of about `lines` lines; the same arguments give the same shop.
    pub fn new(members: u32, lines: u64, items: u32) -> Self {
        let mean_orders = (lines as f64 / f64::from(members) / f64::from(LINES_AN_ORDER)).max(1.0);
        let shards: Vec<Shard> = (0..64).map(|s| shard(s, members / 64, mean_orders, items)).collect();
        let lines = shards.iter().map(|s| s.lines() as u64).sum();
        let items = ItemTable {
            ids: IdTable::from_unsorted((0..items).map(|i| format!("i{i:07}"))),
            categories: IdTable::from_unsorted((0..CATEGORIES).map(|c| format!("c{:02}/{c:02}", c / 3))),
            category: (0..items).map(|i| i.wrapping_mul(2_654_435_761) % CATEGORIES).collect(),
            ..ItemTable::default()
        };
        let dimensions = Dimensions {
            channels: IdTable::from_unsorted(["app", "douyin", "store", "tmall"]),
            stores: IdTable::default(),
            cities: IdTable::default(),
            timeline: Timeline::Calendar,
            as_of: Day(FIRST_DAY + DAYS - 1),
            first_day: Day(FIRST_DAY),
        };
        Self { shards: ShardSet::in_memory(shards), items, dimensions, lines }
    }
}

fn shard(index: u64, members: u32, mean_orders: f64, items: u32) -> Shard {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(index);
    let mut shard = Shard { member_orders: vec![0], order_lines: vec![0], ..Shard::default() };
    for m in 0..members {
        shard.members.push_sorted(&format!("m{index:02}{m:07}"));
        // Exponentially distributed activity: a few members buy much.
        let orders = (-rng.r#gen::<f64>().ln() * mean_orders).ceil().max(1.0) as u32;
        let mut times: Vec<u32> = (0..orders)
            .map(|_| (FIRST_DAY + rng.gen_range(0..DAYS)) as u32 * 86_400 + rng.gen_range(0..86_400))
            .collect();
        times.sort_unstable();
        let taste: u32 = rng.gen_range(0..items);
        for time in times {
            for _ in 0..rng.gen_range(1..2 * LINES_AN_ORDER) {
                let popular = (rng.r#gen::<f64>().powi(3) * f64::from(items)) as u32;
                let item =
                    if rng.gen_bool(0.4) { (taste + rng.gen_range(0..10)) % items } else { popular.min(items - 1) };
                shard.item.push(item);
                shard.quantity.push(UNIT * rng.gen_range(1..4));
                shard.amount.push(rng.gen_range(500..50_000));
                shard.discount.push(if rng.gen_bool(0.2) { rng.gen_range(100..1_000) } else { 0 });
                shard.channel.push(rng.gen_range(0..4));
            }
            shard.order_time.push(LocalTime(time));
            shard.order_lines.push(shard.item.len() as u32);
        }
        shard.member_orders.push(shard.order_time.len() as u32);
    }
    shard
}
