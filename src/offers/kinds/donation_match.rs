//! `donation_match`: the shop doubles what members give to a cause, for who gave before or is among those who do.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Count, Date, Subject},
    },
    common::{Lacks, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::{ActivityKind, contract::Table},
};

/// Days since the last order for members who have not given yet, unless the job says.
const RECENT_DAYS: u32 = 365;

const TOOK_PART: u8 = 0;
const SEGMENT_DOES: u8 = 1;

/// The kind.
pub(super) struct DonationMatch;

static REASONS: &[Reason] = &[
    Reason::new(
        "took_part",
        &[Subject, Count, Date],
        (
            "感谢您在{date}参与{subject}，您的每一份心意我们都将等额配捐：{offer}。",
            "Thank you for your part in {subject} on {date}: we match what you give, {offer}.",
        ),
        ("{subject}：我们与您同行。", "{subject}: we match your gift."),
    ),
    Reason::new(
        "members_like_you",
        &[Subject],
        (
            "许多与您相似的会员正在支持{subject}，您的心意我们将等额配捐：{offer}。",
            "Many members like you support {subject}: we match what you give, {offer}.",
        ),
        ("{subject}：邀您同行。", "{subject}: will you join?"),
    ),
];

impl OfferKind for DonationMatch {
    fn code(&self) -> &'static str {
        "donation_match"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["cause", "segment_share", "recent_days"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Activities, "activity")]]
    }

    fn sells(&self) -> bool {
        false
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let mut lacks = Lacks { raw, at, findings };
        lacks.unless(raw.cause.is_some(), "cause", "names no cause", "add `cause = \"…\"`");
        lacks.scarce("has no budget, so that the match has no end", "add `value` and `budget.money`");
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let Some(cause) = parameters.cause.as_deref() else { return };
        let given = member.attributes.did(ActivityKind::Donation, member.as_of());
        let (mut count, mut last) = (0, None);
        for activity in given.filter(|a| a.subject.as_deref().is_none_or(|s| s == cause)) {
            count += 1;
            last = Some(activity.day);
        }
        let (fit, reason) = if count > 0 {
            (0.7 * saturate(f64::from(count), 0.5), TOOK_PART)
        } else {
            let share = member.world.participation.share(member.standing.segment, cause);
            let recent = parameters.recent_days.unwrap_or(RECENT_DAYS) as i32;
            let baskets = member.baskets();
            let active = baskets.len().checked_sub(1).is_some_and(|b| member.as_of().since(baskets.day(b)) < recent);
            if share < parameters.segment_share || share <= 0.0 || !active {
                return;
            }
            (0.3 * saturate(share, 0.1), SEGMENT_DOES)
        };
        let count = if count > 0 { small(count) } else { None };
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit,
            reason,
            evidence: Evidence { about: offer.subject, count, date: last, ..Evidence::default() },
        });
    }
}
