//! `festival_bundle`: something for a festival, for who shopped for it before or buys what belongs to it.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::OfferKind,
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Category, Count, Date, Item, Subject},
        world::World,
    },
    common::{Lacks, best_item, interest, pool, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    recommend::Candidate,
};

/// Purchases that show interest in what belongs to the festival, unless the job says.
const PURCHASES: u32 = 2;

const BOUGHT_THEN: u8 = 0;
const BOUGHT_THEN_ITEM: u8 = 1;
const BUYS_IT: u8 = 2;

/// The kind.
pub(super) struct FestivalBundle;

static REASONS: &[Reason] = &[
    Reason::new(
        "bought_in_festival",
        &[Subject, Count, Date],
        (
            "{subject}将至，您在{date}的节日期间也曾选购，今年为您准备了{offer}。",
            "{subject} is near, and you shopped for it on {date}: {offer} for this year.",
        ),
        ("{subject}专享：{offer}。", "{subject}: {offer}."),
    ),
    Reason::new(
        "bought_in_festival_item",
        &[Subject, Item, Count, Date],
        (
            "{subject}将至，您在{date}的节日期间也曾选购，今年为您推荐「{item}」：{offer}。",
            "{subject} is near, and you shopped for it on {date}: {item} for this year, {offer}.",
        ),
        ("{subject}专享：{offer}。", "{subject}: {offer}."),
    ),
    Reason::new(
        "buys_its_categories",
        &[Subject, Item, Category, Count, Date],
        (
            "{subject}将至，您已 {count} 次选购同类商品，为您推荐「{item}」：{offer}。",
            "{subject} is near, and you bought the like {count} times: {item}, {offer}.",
        ),
        ("{subject}专享：{offer}。", "{subject}: {offer}."),
    ),
];

impl OfferKind for FestivalBundle {
    fn code(&self) -> &'static str {
        "festival_bundle"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["festival", "min_purchases"]
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let remedy = "add `festival = \"qixi\"` or the like";
        Lacks { raw, at, findings }.unless(raw.festival.is_some(), "festival", "names no festival", remedy);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let limited = offer.items.is_some();
        let baskets = member.baskets();
        let (mut years, mut last) = (0, None);
        for window in &offer.earlier {
            let newest = (0..baskets.len()).rev().find(|b| {
                let day = baskets.day(*b);
                (window.first..=window.last).contains(&day) && baskets.items(*b).iter().any(|i| offer.allows(*i))
            });
            if let Some(basket) = newest {
                years += 1;
                last = last.or(Some(baskets.day(basket)));
            }
        }
        let item = || if limited { best_item(member, index, offer, |_| true) } else { None };
        let (fit, reason, target, count, date) = match last {
            Some(day) => {
                let item = item();
                let reason = if item.is_some() { BOUGHT_THEN_ITEM } else { BOUGHT_THEN };
                (0.9 * saturate(f64::from(years), 0.5), reason, item, years, day)
            }
            None => {
                let least = offer.offer.parameters.min_purchases.unwrap_or(PURCHASES);
                let liked = if limited { interest(member, offer, None) } else { None };
                let Some(liked) = liked.filter(|i| i.purchases >= least) else { return };
                let Some(item) = item() else { return };
                (0.6 * saturate(f64::from(liked.purchases), 4.0), BUYS_IT, Some(item), liked.purchases, liked.last)
            }
        };
        out.push(Proposal {
            offer: index,
            target: target.map_or(Target::None, Target::Item),
            fit,
            reason,
            evidence: Evidence { about: offer.subject, count: small(count), date: Some(date), ..Evidence::default() },
        });
    }

    fn for_anyone(&self, index: u16, offer: &BoundOffer, world: &World<'_>, popular: &[Candidate]) -> Vec<Proposal> {
        pool(index, offer, world, popular)
    }
}
