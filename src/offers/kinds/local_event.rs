//! `local_event`: a workshop or a pop-up in the member's city, about what they buy.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Category, Count, Date, Subject},
    },
    common::{Lacks, city_of, interest, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
};

/// Days that count, unless the job says.
const RECENT_DAYS: u32 = 365;

/// The kind.
pub(super) struct LocalEvent;

static REASONS: &[Reason] = &[Reason::new(
    "city_and_category",
    &[Subject, Category, Count, Date],
    (
        "您已 {count} 次选购{category}，诚邀您参加{subject}的{offer}，{valid_from}起。",
        "You bought {category} {count} times: join {offer} in your city, {subject}, from {valid_from}.",
    ),
    ("{subject}同城活动：{offer}。", "In {subject}: {offer}."),
)];

impl OfferKind for LocalEvent {
    fn code(&self) -> &'static str {
        "local_event"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["recent_days", "min_purchases"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Members, "city")], &[(Table::Items, "category")]]
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let mut lacks = Lacks { raw, at, findings };
        lacks.place();
        let remedy = "add `categories = [\"…\"]`";
        lacks.unless(!raw.categories.is_empty(), "categories", "does not say what it is about", remedy);
        lacks.scarce("has no seats, so that everybody is invited", "add `budget.seats` or `caps.per_city`");
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let city = city_of(member);
        if city == Target::None {
            return;
        }
        let parameters = &offer.offer.parameters;
        let Some(liked) = interest(member, offer, Some(parameters.recent_days.unwrap_or(RECENT_DAYS)))
            .filter(|i| i.purchases >= parameters.min_purchases.unwrap_or(1))
        else {
            return;
        };
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.8 * saturate(f64::from(liked.purchases), 3.0),
            reason: 0,
            evidence: Evidence {
                about: city,
                count: small(liked.purchases),
                date: Some(liked.last),
                ..Evidence::default()
            },
        });
    }
}
