//! The allocation against its linear relaxation, and what must hold of every allocation.

#![expect(clippy::disallowed_macros, reason = "a test prints its figures")]

use clarabel::{
    algebra::CscMatrix,
    solver::{DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SupportedConeT},
};
use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::{
    base::Findings,
    history::Timeline,
    offers::{Target, testing::bind},
};

/// A member's city, segment, whether it is held out, and (offer, score, scarce) of its bids.
type Bidder = (u32, u32, bool, Vec<(u16, f64, bool)>);

/// A market: members with bids, offers with limits.
struct Market {
    catalogue: Catalogue,
    resources: Resources,
    members: Vec<Bidder>,
    slots: u8,
}

fn catalogue(offers: usize, extra: &str) -> Catalogue {
    let mut job = String::new();
    for i in 0..offers {
        job += &format!("[[offers]]\nid = \"o{i:03}\"\nkind = \"next_item\"\nmax_per_member = 1\n");
    }
    bind(&format!("{job}{extra}"), &ItemTable::default(), 100, Timeline::Calendar, &mut Findings::new())
}

impl Market {
    /// `scarce` of the offers have a limit in all; every third of those one a city too, every fourth one a segment.
    /// Limits are between `low` and `high`.
    fn random(seed: u64, members: usize, offers: usize, scarce: usize, slots: u8, low: u64, high: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let catalogue = catalogue(offers, "");
        let mut resources = Resources::new(&catalogue);
        for offer in 0..scarce as u16 {
            resources.limit(Scope::Offer(offer), rng.gen_range(low..=high));
            for at in 0..4 {
                if offer % 3 == 0 {
                    resources.limit(Scope::City(offer, at), rng.gen_range(low..=high));
                }
                if offer % 4 == 1 {
                    resources.limit(Scope::Segment(offer, at), rng.gen_range(low..=high));
                }
            }
        }
        let appeal: Vec<f64> = (0..offers).map(|_| rng.gen_range(0.2..1.0)).collect();
        let members = (0..members)
            .map(|_| {
                let taste = rng.gen_range(0.5..1.5);
                let mut bids = Vec::new();
                for (offer, appeal) in appeal.iter().enumerate() {
                    if rng.gen_bool(0.6) {
                        bids.push((offer as u16, appeal * taste * rng.gen_range(0.3..1.0), offer < scarce));
                    }
                }
                (rng.gen_range(0..4), rng.gen_range(0..4), rng.gen_bool(0.05), bids)
            })
            .collect();
        Self { catalogue, resources, members, slots }
    }

    /// The members in `order`, dealt to `shards` shards; ranks are those of the members themselves.
    fn shards(&self, order: &[usize], shards: usize) -> Vec<ShardBids> {
        let mut out = vec![ShardBids::default(); shards];
        for (place, at) in order.iter().enumerate() {
            let (city, segment, ghost, bids) = &self.members[*at];
            let member = BidMember {
                member: *at as u32,
                rank: *at as u32,
                city: *city,
                segment: *segment,
                slots: self.slots,
                ghost: *ghost,
            };
            let bid = |(offer, score, scarce): &(u16, f64, bool)| {
                let bid = Bid::new(*offer, Target::None, *score);
                if *scarce { bid.scarce() } else { bid }
            };
            out[place % shards].push(member, bids.iter().map(bid));
        }
        out
    }

    fn allocate(&self) -> (Vec<ShardBids>, Allocation) {
        let shards = self.shards(&(0..self.members.len()).collect::<Vec<_>>(), 3);
        let items = ItemTable::default();
        let allocation = Allocator::new(&self.catalogue, &items).allocate(&shards, &self.resources);
        (shards, allocation)
    }

    /// The optimum of the linear relaxation, by an interior-point solver.
    fn relaxation(&self) -> f64 {
        let (mut rows, mut columns, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (mut b, mut q) = (Vec::new(), Vec::new());
        let treated: Vec<_> = self.members.iter().filter(|m| !m.2).collect();
        b.extend(treated.iter().map(|_| f64::from(self.slots)));
        let first = b.len();
        b.extend(self.resources.list().iter().map(|r| r.left as f64));
        let mut put = |row: usize, column: usize, value: f64| {
            rows.push(row);
            columns.push(column);
            values.push(value);
        };
        for (row, (city, segment, _, bids)) in treated.iter().enumerate() {
            for (offer, score, scarce) in bids {
                let x = q.len();
                q.push(-f64::from(*score as f32));
                put(row, x, 1.0);
                if *scarce {
                    self.resources.each(*offer, *city, *segment, |r, cost| put(first + r, x, cost as f64));
                }
                for (value, bound) in [(1.0, 1.0), (-1.0, 0.0)] {
                    put(b.len(), x, value);
                    b.push(bound);
                }
            }
        }
        let n = q.len();
        let a = CscMatrix::new_from_triplets(b.len(), n, rows, columns, values);
        let p = CscMatrix::zeros((n, n));
        let cones: [SupportedConeT<f64>; 1] = [NonnegativeConeT(b.len())];
        let settings = DefaultSettings { verbose: false, ..DefaultSettings::default() };
        let mut solver = DefaultSolver::new(&p, &q, &a, &b, &cones, settings).unwrap();
        solver.solve();
        -solver.solution.obj_val
    }

    /// What of each resource the lists take; also checks that no list is longer than it may be or says a thing twice.
    fn taken(&self, shards: &[ShardBids], allocation: &Allocation) -> Vec<u64> {
        let mut taken = vec![0; self.resources.list().len()];
        for (index, shard) in shards.iter().enumerate() {
            for (at, member) in shard.members().iter().enumerate() {
                let list = allocation.of(index, at);
                assert!(list.len() <= usize::from(member.slots));
                let mut offers: Vec<u16> = list.iter().map(|bid| shard.of(at)[*bid as usize].offer()).collect();
                offers.sort_unstable();
                offers.dedup();
                assert_eq!(offers.len(), list.len());
                for bid in list.iter().map(|bid| &shard.of(at)[*bid as usize]).filter(|b| b.is_request()) {
                    if !member.ghost {
                        self.resources.each(bid.offer(), member.city, member.segment, |r, cost| taken[r] += cost);
                    }
                }
            }
        }
        taken
    }
}

#[test]
fn within_one_percent_of_the_relaxation_where_every_limit_is_a_hundred_or_more() {
    for (seed, members, offers, scarce, slots) in
        [(1, 1500, 12, 6, 3), (2, 2000, 10, 10, 1), (3, 1200, 16, 8, 5), (4, 2500, 6, 5, 2), (5, 1800, 9, 9, 3)]
    {
        let market = Market::random(seed, members, offers, scarce, slots, 100, 260);
        let optimum = market.relaxation();
        let (shards, allocation) = market.allocate();
        market.taken(&shards, &allocation);
        let short = (optimum - allocation.value) / optimum;
        println!(
            "{members} members, {offers} offers, {scarce} scarce, {slots} slots: optimum {optimum:.3}, allocated {:.3}, short by {:.4}%, own bound {:.4}%, {} rounds",
            allocation.value,
            100.0 * short,
            100.0 * allocation.gap(),
            allocation.rounds
        );
        assert!(allocation.bound >= optimum * (1.0 - 1e-6), "the bound is one");
        assert!(short <= 0.01, "short by {short}");
        assert!(allocation.value <= optimum * (1.0 + 1e-6));
    }
}

#[test]
fn small_limits_report_their_gap() {
    for seed in 0..4 {
        let market = Market::random(seed, 400, 8, 6, 2, 1, 12);
        let optimum = market.relaxation();
        let (_, allocation) = market.allocate();
        let short = (optimum - allocation.value) / optimum;
        println!("limits of 1 to 12: short of the relaxation by {:.3}%", 100.0 * short);
        assert!(short <= allocation.gap() + 1e-6, "what is reported is no less than what is lost");
        assert!(short < 0.05);
    }
}

#[test]
fn equal_members_go_by_their_ids() {
    let mut market = Market::random(1, 0, 2, 1, 1, 40, 40);
    market.members = vec![(9, 9, false, vec![(0, 0.8, true), (1, 0.5, false)]); 1000];
    let (shards, allocation) = market.allocate();
    let mut got = Vec::new();
    for (index, shard) in shards.iter().enumerate() {
        for (at, member) in shard.members().iter().enumerate() {
            let list = allocation.of(index, at);
            assert_eq!(list.len(), 1);
            if shard.of(at)[list[0] as usize].offer() == 0 {
                got.push(member.rank);
            }
        }
    }
    got.sort_unstable();
    assert_eq!(got, (0..40).collect::<Vec<_>>());
    assert_eq!(allocation.left[0], 0);
}

#[test]
fn a_seat_goes_where_it_is_worth_most_not_first_come() {
    let mut market = Market::random(1, 0, 2, 1, 1, 1, 1);
    // The first member loses little without the seat, the second much.
    market.members = vec![
        (9, 9, false, vec![(0, 0.9, true), (1, 0.85, false)]),
        (9, 9, false, vec![(0, 0.7, true), (1, 0.1, false)]),
    ];
    let (shards, allocation) = market.allocate();
    let offer = |rank: u32| {
        let (shard, at) = (rank as usize % 3, rank as usize / 3);
        shards[shard].of(at)[allocation.of(shard, at)[0] as usize].offer()
    };
    assert_eq!((offer(0), offer(1)), (1, 0));
}

#[test]
fn who_holds_a_seat_keeps_it_and_uses_no_other() {
    let catalogue = catalogue(2, "");
    let mut resources = Resources::new(&catalogue);
    resources.limit(Scope::Offer(0), 0);
    let mut shard = ShardBids::default();
    let member = BidMember { member: 0, rank: 0, city: 0, segment: 0, slots: 1, ghost: false };
    shard.push(member, [Bid::new(0, Target::None, 0.2).scarce().held(), Bid::new(1, Target::None, 0.9)]);
    shard.push(BidMember { member: 1, rank: 1, ..member }, [Bid::new(0, Target::None, 0.9).scarce()]);
    let items = ItemTable::default();
    let allocation = Allocator::new(&catalogue, &items).allocate(&[shard], &resources);
    assert_eq!(allocation.of(0, 0), [0]);
    assert_eq!(allocation.of(0, 1), [] as [u32; 0]);
}

#[test]
fn money_of_all_offers_is_counted_at_face_value() {
    let catalogue = catalogue(3, "");
    let mut resources = Resources::new(&catalogue);
    resources.limit(Scope::Money, 10_000);
    resources.costs(0, 700);
    resources.costs(1, 300);
    let mut market = Market { catalogue, resources, members: Vec::new(), slots: 2 };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    for _ in 0..300 {
        let mut score = || rng.gen_range(0.1..1.0);
        market.members.push((0, 0, false, vec![(0, score(), true), (1, score(), true), (2, score(), false)]));
    }
    let (shards, allocation) = market.allocate();
    let taken = market.taken(&shards, &allocation);
    assert!(taken[0] <= 10_000 && taken[0] > 9_000, "{taken:?}");
    assert_eq!(allocation.left[0], 10_000 - taken[0]);
    assert!((market.relaxation() - allocation.value) / allocation.value < 0.01);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn nothing_is_ever_exceeded_and_nothing_depends_on_threads_or_order(
        seed in any::<u64>(), members in 0usize..160, offers in 1usize..8, slots in 1u8..4, low in 0u64..6,
        spread in 0u64..30, share in 0u8..=4, per_kind in prop::option::of(1u8..3),
    ) {
        let scarce = (seed % (offers as u64 + 1)) as usize;
        let mut market = Market::random(seed, members, offers, scarce, slots, low, low + spread);
        // Ties in plenty.
        for (_, _, _, bids) in &mut market.members {
            bids.iter_mut().for_each(|b| b.1 = (b.1 * 5.0).round() / 5.0);
        }
        market.catalogue.decision.max_discount_share = f64::from(share) / 4.0;
        market.catalogue.decision.max_per_kind = per_kind;
        for (i, offer) in market.catalogue.offers.iter_mut().enumerate() {
            offer.offer.slots = if i % 3 == 2 { 2 } else { u64::MAX };
            if i % 2 == 1 {
                offer.offer.incentive = crate::offers::Incentive::Discount;
            }
        }
        let (shards, allocation) = market.allocate();
        let taken = market.taken(&shards, &allocation);
        for ((resource, taken), left) in market.resources.list().iter().zip(&taken).zip(&allocation.left) {
            prop_assert!(*taken <= resource.left, "{resource:?}: {taken}");
            prop_assert_eq!(resource.left - taken, *left);
        }
        // Members in another order, on other shards, on one thread.
        let list = |shards: &[ShardBids], allocation: &Allocation| {
            let mut all = Vec::new();
            for (index, shard) in shards.iter().enumerate() {
                all.extend(shard.members().iter().enumerate().map(|(at, m)| (m.rank, allocation.of(index, at).to_vec())));
            }
            all.sort();
            all
        };
        let mut order: Vec<usize> = (0..market.members.len()).collect();
        order.reverse();
        order.rotate_left(market.members.len() / 3);
        let other = market.shards(&order, 5);
        let items = ItemTable::default();
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let again = one.install(|| Allocator::new(&market.catalogue, &items).allocate(&other, &market.resources));
        prop_assert_eq!(list(&shards, &allocation), list(&other, &again));
        prop_assert_eq!(allocation.prices, again.prices);
        prop_assert_eq!((allocation.value, allocation.bound), (again.value, again.bound));
    }
}
