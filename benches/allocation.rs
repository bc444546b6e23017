//! Scarce offers over all members at once: `cargo bench --bench allocation -- [members] [offers] [slots]` (2,000,000 60 3
//! if not said). Every member bids for every offer; a third of the offers are scarce, some of them by city too.

#![expect(
    clippy::expect_used,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "a bench prints, measures time, and says so if it cannot start"
)]

use std::time::Instant;

use nextoffer::{
    base::{Currency, Day, Findings, IdTable, findings::JobPath},
    history::Timeline,
    input::{ItemTable, Labels},
    offers::{
        Allocator, Bid, BidMember, Catalogue, OfferSettings, Programme, RawCalendar, RawCities, RawDecision,
        RawLoyalty, RawOffer, Resources, Scope, ShardBids, ShopFacts, Target, check_offers,
    },
};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

const SHARDS: usize = 64;
const CITIES: u32 = 300;

fn settings(offers: usize) -> OfferSettings {
    let raw: Vec<RawOffer> = (0..offers)
        .map(|i| RawOffer {
            id: format!("o{i:03}"),
            kind: "next_item".into(),
            max_per_member: Some(1),
            ..RawOffer::default()
        })
        .collect();
    let (root, mut findings) = (JobPath::root(), Findings::new());
    let currency = Currency::from_code("CNY").expect("a currency");
    let programme = Programme::check(
        &RawLoyalty::default(),
        &RawCalendar::default(),
        &RawCities::default(),
        &root,
        currency,
        &mut findings,
    );
    check_offers(&raw, &RawDecision::default(), programme, &root, &root, currency, &mut findings)
}

fn bids(shard: usize, members: usize, offers: usize, scarce: usize, slots: u8) -> ShardBids {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(shard as u64);
    let mut out = ShardBids::default();
    for member in 0..members {
        let taste = rng.gen_range(0.3..1.0);
        let about = BidMember {
            member: member as u32,
            rank: (member * SHARDS + shard) as u32,
            city: rng.gen_range(0..CITIES),
            segment: rng.gen_range(0..12),
            slots,
            ghost: rng.gen_bool(0.05),
        };
        let bids = (0..offers).map(|offer| {
            let appeal = 0.4 + 0.6 * ((offer * 7) % offers) as f64 / offers as f64;
            let bid = Bid::new(offer as u16, Target::None, appeal * taste * rng.gen_range(0.1..1.0));
            if offer < scarce { bid.scarce() } else { bid }
        });
        out.push(about, bids.collect::<Vec<_>>());
    }
    out.shrink();
    out
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or_default().to_owned();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() / 1024
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let of = |at: usize, default: usize| numbers.get(at).copied().unwrap_or(default);
    let (members, offers, slots) = (of(0, 2_000_000), of(1, 60), of(2, 3));
    let scarce = offers / 3;
    let settings = settings(offers);
    let items = ItemTable::default();
    let shop = ShopFacts {
        items: &items,
        channels: &IdTable::default(),
        labels: &Labels::default(),
        currency: Currency::from_code("CNY").expect("a currency"),
        as_of: Day(20_000),
        timeline: Timeline::Calendar,
    };
    let catalogue = Catalogue::bind(&settings, &shop, &JobPath::root(), &mut Findings::new());
    let mut resources = Resources::new(&catalogue);
    for offer in 0..scarce as u16 {
        // From 40 seats to a twentieth of the members.
        let share = f64::from(offer) / scarce as f64;
        resources.limit(Scope::Offer(offer), 40 + (members as f64 * share * 0.05) as u64);
        if offer % 4 == 1 {
            (0..CITIES).for_each(|city| resources.limit(Scope::City(offer, city), 20 + u64::from(city % 7) * 15));
        }
    }
    let shards: Vec<ShardBids> =
        (0..SHARDS).into_par_iter().map(|s| bids(s, members / SHARDS, offers, scarce, slots as u8)).collect();
    let before = peak_mib();
    let start = Instant::now();
    let allocation = Allocator::new(&catalogue, &items).allocate(&shards, &resources);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{members} members × {offers} offers ({scarce} scarce, {} limits) × {slots} slots, {} threads: {seconds:.1} s wall, \
         {} rounds, at most {:.3}% below the bound, {} MiB of bids and {} MiB peak",
        resources.list().len(),
        rayon::current_num_threads(),
        allocation.rounds,
        100.0 * allocation.gap(),
        before,
        peak_mib(),
    );
}
