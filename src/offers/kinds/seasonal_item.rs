//! `seasonal_item`: what returns every year, for those who bought it in its season before.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::OfferKind,
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Because, Category, Count, Date, Item},
        world::World,
    },
    common::{Lacks, best_item, pool, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    recommend::Candidate,
};

/// The kind.
pub(super) struct SeasonalItem;

static REASONS: &[Reason] = &[Reason::new(
    "last_season",
    &[Item, Because, Category, Count, Date],
    (
        "您在{date}当季选购过「{because}」，新一季的「{item}」已上架。",
        "You bought {because} in season on {date}: this season's {item} is here.",
    ),
    ("当季上新：「{item}」。", "In season: {item}."),
)];

impl OfferKind for SeasonalItem {
    fn code(&self) -> &'static str {
        "seasonal_item"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["season_from", "season_until", "min_purchases"]
    }

    fn returns_yearly(&self) -> bool {
        true
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let mut lacks = Lacks { raw, at, findings };
        lacks.items("does not say what is in season");
        let season = raw.season_from.is_some() || raw.season_until.is_some();
        let given = season || (raw.starts.is_some() && raw.ends.is_some());
        let remedy = "add `season_from` and `season_until`, or `starts` and `ends`";
        lacks.unless(given, "season_from", "has no season", remedy);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        if !member.own().iter().any(|own| offer.allows(own.item)) {
            return;
        }
        let baskets = member.baskets();
        let named = |item: u32| offer.allows(item) && member.world.may_name(item);
        let (mut count, mut last) = (0, None);
        for basket in (0..baskets.len()).rev() {
            let day = baskets.day(basket);
            if !offer.earlier.iter().any(|w| (w.first..=w.last).contains(&day)) {
                continue;
            }
            if let Some(item) = baskets.items(basket).iter().copied().find(|i| named(*i)) {
                count += 1;
                last = last.or(Some((day, item)));
            }
        }
        let Some((day, item_then)) = last else { return };
        if count < offer.offer.parameters.min_purchases.unwrap_or(1) {
            return;
        }
        let Some(item) = best_item(member, index, offer, |_| true) else { return };
        out.push(Proposal {
            offer: index,
            target: Target::Item(item),
            fit: saturate(f64::from(count), 1.5),
            reason: 0,
            evidence: Evidence {
                about: Target::Item(item_then),
                count: small(count),
                date: Some(day),
                ..Evidence::default()
            },
        });
    }

    fn for_anyone(&self, index: u16, offer: &BoundOffer, world: &World<'_>, popular: &[Candidate]) -> Vec<Proposal> {
        pool(index, offer, world, popular)
    }
}
