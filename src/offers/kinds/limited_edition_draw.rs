//! `limited_edition_draw`: an entry to the draw of a limited edition, for who is close to its collection or brand.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::Proposal,
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Count, Date, Subject},
    },
    drop_early_access::{NEEDS, check, proposal},
};
use crate::base::{Findings, findings::JobPath};

/// The kind.
pub(super) struct LimitedEditionDraw;

static REASONS: &[Reason] = &[Reason::new(
    "affinity",
    &[Subject, Count, Date],
    (
        "您已 {count} 次选购{subject}，获得{offer}的抽签资格，{valid_until}前有效。",
        "You bought {subject} {count} times: an entry to the draw of {offer}, until {valid_until}.",
    ),
    ("抽签资格：{offer}。", "Draw entry: {offer}."),
)];

impl OfferKind for LimitedEditionDraw {
    fn code(&self) -> &'static str {
        "limited_edition_draw"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["min_purchases"]
    }

    fn needs(&self) -> &'static [Need] {
        NEEDS
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        check(raw, at, findings);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        out.extend(proposal(index, offer, member));
    }
}
