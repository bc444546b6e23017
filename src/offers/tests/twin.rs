//! The list against a twin that tries everything the plain way.

use proptest::prelude::*;

use super::items;
use crate::{
    base::Findings,
    history::Timeline,
    input::ItemTable,
    offers::{
        Catalogue, Incentive, Proposal, Target,
        list::{Entry, Fillers, ListRules, PickSpace},
        proposal::Evidence,
        testing::bind,
    },
    recommend::Likeness,
};

/// Slot by slot the best proposal that breaks no rule; with fewer discounts from the start if they are too many in the
/// end. Likeness counts by its weight.
fn naive(catalogue: &Catalogue, table: &ItemTable, proposals: &[Proposal]) -> Vec<Proposal> {
    let category = &table.category;
    let decision = &catalogue.decision;
    let likeness = Likeness::new(table);
    let lambda = decision.diversity.lambda;
    let best = proposals.iter().map(|p| p.fit * catalogue.offers[usize::from(p.offer)].weight).fold(0.0, f64::max);
    let offer = |p: &Proposal| &catalogue.offers[usize::from(p.offer)];
    let discount = |p: &Proposal| offer(p).offer.incentive == Incentive::Discount;
    let score = |p: &Proposal| p.fit * offer(p).weight;
    let of = |p: &Proposal| match p.target {
        Target::Item(i) => Some(category[i as usize]),
        Target::Category(c) => Some(c),
        Target::Subject(_) | Target::None => None,
    };
    for limit in (0..=usize::from(decision.slots)).rev() {
        if limit as f64 > decision.max_discount_share * f64::from(decision.slots) + 1e-9 {
            continue;
        }
        let mut list: Vec<Proposal> = Vec::new();
        while list.len() < usize::from(decision.slots) {
            let count = |rule: &dyn Fn(&Proposal) -> bool| list.iter().filter(|p| rule(p)).count();
            let best = proposals
                .iter()
                .filter(|p| offer(p).offer.slots >> list.len() & 1 == 1)
                .filter(|p| {
                    !list
                        .iter()
                        .any(|l| l.target == p.target && (l.offer == p.offer || matches!(p.target, Target::Item(_))))
                })
                .filter(|p| count(&|l| l.offer == p.offer) < usize::from(offer(p).offer.max_per_member))
                .filter(|p| {
                    let kind = |l: &Proposal| offer(l).offer.kind.code();
                    decision.max_per_kind.is_none_or(|most| count(&|l| kind(l) == kind(p)) < usize::from(most))
                })
                .filter(|p| {
                    let full = |most: u8| of(p).is_some() && count(&|l| of(l) == of(p)) >= usize::from(most);
                    !decision.max_per_category.is_some_and(full)
                })
                .filter(|p| !discount(p) || count(&discount) < limit)
                .filter(|p| {
                    let path = |p: &Proposal| of(p).map(|c| table.categories.get(c as usize).to_owned());
                    decision.diversity.quotas.iter().all(|(top, most)| {
                        let within = |l: &Proposal| path(l).is_some_and(|path| path.starts_with(top.as_str()));
                        !within(p) || count(&within) < usize::from(*most)
                    })
                })
                .min_by(|a, b| {
                    let id = |p: &Proposal| offer(p).offer.id.clone();
                    let like = |p: &Proposal, l: &Proposal| match (p.target, l.target) {
                        (Target::Item(a), Target::Item(b)) => likeness.of(a, b),
                        _ => of(p).zip(of(l)).map_or(0.0, |(a, b)| likeness.of_categories(a, b)),
                    };
                    let value = |p: &Proposal| {
                        let nearest = list.iter().map(|l| like(p, l)).fold(0.0, f64::max);
                        lambda * (score(p) / best) - (1.0 - lambda) * nearest
                    };
                    let value = |p: &Proposal| if lambda < 1.0 { value(p) } else { score(p) };
                    value(b).total_cmp(&value(a)).then(id(a).cmp(&id(b))).then(a.target.cmp(&b.target))
                });
            match best {
                Some(best) => list.push(*best),
                None => break,
            }
        }
        let held = list.iter().filter(|p| discount(p)).count();
        if held as f64 <= decision.max_discount_share * list.len() as f64 + 1e-9 {
            return list;
        }
    }
    unreachable!("no discount at all is always allowed")
}

proptest! {
    #[test]
    fn equals_the_twin(
        slots in 1u8..8, per_category in prop::option::of(1u8..3), per_kind in prop::option::of(1u8..5),
        lambda in prop::sample::select(vec![1.0, 0.8, 0.4]), quota in prop::option::of(1u8..4),
        share in 0u8..=4, masks in prop::collection::vec(0u8..16, 4), caps in prop::collection::vec(1u16..5, 4),
        raw in prop::collection::vec((0u16..4, 0u32..12, 1u8..10, prop::bool::ANY), 0..40),
    ) {
        let names = ["b", "d", "a", "c"];
        let mut job = String::new();
        for (i, id) in names.iter().enumerate() {
            let kind = if i % 2 == 0 { "next_item" } else { "replenish" };
            let incentive = if i < 2 { "discount" } else { "service" };
            let some: Vec<u8> = (0..8).filter(|s| masks[i] >> (s % 4) & 1 == 1).map(|s| s + 1).collect();
            job += &format!("[[offers]]\nid = \"{id}\"\nkind = \"{kind}\"\nincentive = \"{incentive}\"\n");
            job += &format!("slots = {some:?}\nmax_per_member = {}\n", caps[i]);
        }
        job += &format!("[decision]\nslots = {slots}\nmax_discount_share = {}\n", f64::from(share) / 4.0);
        if let Some(n) = per_category { job += &format!("max_per_category = {n}\n"); }
        if let Some(n) = per_kind { job += &format!("max_per_kind = {n}\n"); }
        job += &format!("[decision.diversity]\nlambda = {lambda:?}\n");
        if let Some(n) = quota { job += &format!("quotas = {{ \"p\" = {n} }}\n"); }
        let table = items(&(0..12).map(|i| (["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"][i], ["p/x", "p/y", "z"][i % 3])).collect::<Vec<_>>());
        let catalogue = bind(&job, &table, 100, Timeline::Calendar, &mut Findings::new());
        let proposals: Vec<Proposal> = raw
            .iter()
            .map(|(offer, target, fit, is_item)| Proposal {
                offer: *offer,
                target: if *is_item { Target::Item(*target) } else { Target::Category(target % 3) },
                fit: f64::from(*fit) / 10.0,
                reason: 0,
                evidence: Evidence::default(),
            })
            .collect();
        let mut space = PickSpace::default();
        let score = |p: &Proposal| p.fit * catalogue.offers[usize::from(p.offer)].weight;
        let entries: Vec<Entry> =
            proposals.iter().map(|p| Entry { score: score(p), target: p.target, offer: p.offer }).collect();
        ListRules::new(&catalogue, &table).with_diversity().fill(&entries, &mut space, usize::from(slots), &Fillers::NONE);
        let got: Vec<(u16, Target)> = space.picks.iter().map(|p| (p.entry.offer, p.entry.target)).collect();
        let want = naive(&catalogue, &table, &proposals);
        let want: Vec<(u16, Target)> = want.iter().map(|p| (p.offer, p.target)).collect();
        prop_assert_eq!(got, want);
    }
}
