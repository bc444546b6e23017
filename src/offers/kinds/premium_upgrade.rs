//! `premium_upgrade`: who buys a category regularly is shown the next better price tier of it.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::{Because, Count, Days, Item, Subject},
        world::World,
    },
    common::{of_item, regular, small},
};
use crate::{input::contract::Table, items::rhythm_where, recommend::Candidate};

/// Popular items kept for a category and price tier.
const OF_A_TIER: usize = 3;

/// The kind.
pub(super) struct PremiumUpgrade;

static REASONS: &[Reason] = &[Reason::new(
    "next_tier",
    &[Item, Because, Subject, Count, Days],
    (
        "您约每 {days} 天选购一次{because}，已购 {count} 次；为您推荐更高一档的「{item}」。",
        "You buy {because} about every {days} days, {count} times so far: {item} is one step up.",
    ),
    ("{because}升级之选：「{item}」。", "A step up in {because}: {item}."),
)];

impl OfferKind for PremiumUpgrade {
    fn code(&self) -> &'static str {
        "premium_upgrade"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["min_purchases", "max_gap_days"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Items, "category")], &[(Table::Items, "price_tier"), (Table::Items, "price")]]
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let world = member.world;
        let tier = |item: u32| world.price_tier(item).filter(|t| *t > 0);
        let category = |item: u32| world.items.category_of(item).filter(|c| world.category_allowed(*c));
        // By category: baskets, and the tier that most of them are of.
        let mut bought: Vec<(u32, u32, [u32; 8])> = Vec::new();
        for own in member.own() {
            let (Some(c), Some(t)) = (category(own.item), tier(own.item)) else { continue };
            if !offer.allows(own.item) {
                continue;
            }
            let at = bought.iter().position(|b| b.0 == c).unwrap_or_else(|| {
                bought.push((c, 0, [0; 8]));
                bought.len() - 1
            });
            bought[at].1 += own.count;
            bought[at].2[usize::from(t).min(7)] += own.count;
        }
        let parameters = &offer.offer.parameters;
        let rule = regular(offer, world);
        bought.retain(|b| b.1 >= rule.min_days);
        bought.sort_unstable_by_key(|b| (std::cmp::Reverse(b.1), b.0));
        for (favourite, _, tiers) in bought {
            let Some(usual) = (1..8).rev().max_by_key(|t| tiers[*t]) else { continue };
            let next = |item: u32| {
                category(item) == Some(favourite)
                    && tier(item).is_some_and(|t| usize::from(t) > usual)
                    && member.own_item(item).is_none()
            };
            let suggested = member.candidates.iter().map(|c| c.item).find(|i| offer.allows(*i) && next(*i));
            let popular = || {
                let pool = member.for_anyone(index).iter().filter_map(|p| p.target.item());
                pool.into_iter().filter(|i| next(*i) && member.may_get(*i)).min_by_key(|i| (tier(*i), *i))
            };
            let Some(item) = suggested.or_else(popular) else { continue };
            let Some(rhythm) = rhythm_where(member.baskets(), |i| category(i) == Some(favourite)) else { continue };
            if !rhythm.is_regular(member.as_of(), &rule) || rhythm.median_gap > parameters.max_gap_days {
                continue;
            }
            out.push(Proposal {
                offer: index,
                target: Target::Item(item),
                fit: 0.8 * saturate(f64::from(rhythm.days), 4.0),
                reason: 0,
                evidence: Evidence {
                    about: Target::Category(favourite),
                    count: small(rhythm.days),
                    days: small(rhythm.median_gap),
                    ..Evidence::default()
                },
            });
            return;
        }
    }

    fn for_anyone(&self, index: u16, offer: &BoundOffer, world: &World<'_>, popular: &[Candidate]) -> Vec<Proposal> {
        let mut kept: std::collections::BTreeMap<(u32, u8), usize> = std::collections::BTreeMap::new();
        let mut pool = Vec::new();
        for candidate in popular.iter().filter(|c| offer.allows(c.item) && world.offerable(c.item)) {
            let item = candidate.item;
            let (Some(c), Some(t)) = (world.items.category_of(item), world.price_tier(item)) else { continue };
            let count = kept.entry((c, t)).or_default();
            *count += 1;
            if *count <= OF_A_TIER {
                pool.push(of_item(index, item));
            }
        }
        pool
    }
}
