//! `appointment`: time with an expert in a store for who has just bought a device and lives near.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Because, Date},
    },
    common::{Lacks, interest, nearness},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
};

/// Days after the purchase, unless the job says.
const RECENT_DAYS: u32 = 60;

/// The kind.
pub(super) struct Appointment;

static REASONS: &[Reason] = &[Reason::new(
    "recent_device",
    &[Because, Date],
    (
        "您在{date}购买了「{because}」，诚邀您到店一对一体验：{offer}。",
        "You bought {because} on {date}: time with an expert in your store, {offer}.",
    ),
    ("一对一到店体验：{offer}。", "One-on-one in the store: {offer}."),
)];

impl OfferKind for Appointment {
    fn code(&self) -> &'static str {
        "appointment"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Service
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["recent_days"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Members, "city")]]
    }

    fn sells(&self) -> bool {
        false
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let mut lacks = Lacks { raw, at, findings };
        lacks.place();
        lacks.items("does not say which devices it is about");
        lacks.scarce("has no seats, so that everybody is invited", "add `budget.seats` or `caps.per_city`");
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let recent = offer.offer.parameters.recent_days.unwrap_or(RECENT_DAYS);
        let Some(device) = interest(member, offer, Some(recent)) else { return };
        let newest = member
            .own()
            .iter()
            .filter(|own| offer.allows(own.item) && member.world.may_name(own.item))
            .max_by_key(|own| (own.last_day, std::cmp::Reverse(own.item)));
        let Some(newest) = newest else { return };
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.8 * nearness(member.first_valid().since(device.last), 60.0),
            reason: 0,
            evidence: Evidence { about: Target::Item(newest.item), date: Some(newest.last_day), ..Evidence::default() },
        });
    }
}
