//! `store_visit`: a store to discover, for who lives near and likes many brands.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Count, Subject},
    },
    common::{Lacks, city_of, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
};

/// Days that count, unless the job says.
const RECENT_DAYS: u32 = 365;

/// The kind.
pub(super) struct StoreVisit;

static REASONS: &[Reason] = &[Reason::new(
    "city_and_brands",
    &[Subject, Count],
    (
        "您选购过 {count} 个品牌，{subject}的门店有更多等您发现：{offer}。",
        "You have bought {count} brands: the store in {subject} has more to discover, {offer}.",
    ),
    ("{subject}门店等您：{offer}。", "See you in {subject}: {offer}."),
)];

impl OfferKind for StoreVisit {
    fn code(&self) -> &'static str {
        "store_visit"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["min_brands", "recent_days"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Members, "city")], &[(Table::Items, "brand")]]
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        Lacks { raw, at, findings }.place();
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let least = parameters.min_brands;
        let city = city_of(member);
        if city == Target::None || member.own().len() < least as usize {
            return;
        }
        let recent = parameters.recent_days.unwrap_or(RECENT_DAYS);
        let since = member.as_of().plus(1 - i32::try_from(recent).unwrap_or(i32::MAX));
        let mut brands: Vec<u32> = member
            .own()
            .iter()
            .filter(|own| own.last_day >= since && offer.allows(own.item))
            .filter_map(|own| member.world.items.brand_of(own.item))
            .collect();
        brands.sort_unstable();
        brands.dedup();
        let count = brands.len() as u32;
        if count < least {
            return;
        }
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.6 * saturate(f64::from(count), f64::from(least)),
            reason: 0,
            evidence: Evidence { about: city, count: small(count), ..Evidence::default() },
        });
    }
}
