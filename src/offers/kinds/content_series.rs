//! `content_series`: reading or watching about what the member buys.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Because, Category, Count, Date},
    },
    common::{Lacks, interest, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
};

/// Days that count, unless the job says.
const RECENT_DAYS: u32 = 365;
/// Purchases that show interest, unless the job says.
const PURCHASES: u32 = 2;

/// The kind.
pub(super) struct ContentSeries;

static REASONS: &[Reason] = &[Reason::new(
    "buys_category",
    &[Because, Category, Count, Date],
    (
        "您已 {count} 次选购{category}，{offer}为您更新，欢迎阅读。",
        "You bought {category} {count} times: {offer} has something new to read for you.",
    ),
    ("{offer}已更新。", "New in {offer}."),
)];

impl OfferKind for ContentSeries {
    fn code(&self) -> &'static str {
        "content_series"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["recent_days", "min_purchases"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Items, "category")]]
    }

    fn sells(&self) -> bool {
        false
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let remedy = "add `categories = [\"…\"]`";
        let given = !raw.categories.is_empty();
        Lacks { raw, at, findings }.unless(given, "categories", "does not say what it is about", remedy);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let Some(liked) = interest(member, offer, Some(parameters.recent_days.unwrap_or(RECENT_DAYS)))
            .filter(|i| i.purchases >= parameters.min_purchases.unwrap_or(PURCHASES))
        else {
            return;
        };
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.6 * saturate(f64::from(liked.purchases), 4.0),
            reason: 0,
            evidence: Evidence {
                about: Target::Item(liked.favourite),
                count: small(liked.purchases),
                date: Some(liked.last),
                ..Evidence::default()
            },
        });
    }
}
