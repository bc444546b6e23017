//! `referral_invite`: an invitation code for who has brought others before.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::{Count, Date},
    },
    common::small,
};
use crate::input::{ActivityKind, contract::Table};

/// The kind.
pub(super) struct ReferralInvite;

static REASONS: &[Reason] = &[Reason::new(
    "has_referred",
    &[Count, Date],
    (
        "感谢您已邀请 {count} 位好友，新的邀请礼已备好：{offer}。",
        "Thank you for bringing {count} friends: {offer} is ready for the next one.",
    ),
    ("邀请好友：{offer}。", "Invite friends: {offer}."),
)];

impl OfferKind for ReferralInvite {
    fn code(&self) -> &'static str {
        "referral_invite"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Activities, "activity")]]
    }

    fn propose(&self, index: u16, _: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let mut count = 0;
        let mut last = None;
        for activity in member.attributes.did(ActivityKind::Referral, member.as_of()) {
            count += 1;
            last = Some(activity.day);
        }
        if last.is_none() {
            return;
        }
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.7 * saturate(f64::from(count), 1.0),
            reason: 0,
            evidence: Evidence { count: small(count), date: last, ..Evidence::default() },
        });
    }
}
