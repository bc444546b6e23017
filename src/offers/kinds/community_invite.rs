//! `community_invite`: a private group for the engaged who are not yet in one.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Count, Date},
    },
    common::{Lacks, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::{ActivityKind, contract::Table},
};

/// Days since the last order, unless the job says.
const RECENT_DAYS: u32 = 60;
/// Purchase days, unless the job says.
const PURCHASES: u32 = 3;
/// Best share of the segment, unless the job says.
const TOP_SHARE: f64 = 0.2;

/// The kind.
pub(super) struct CommunityInvite;

static REASONS: &[Reason] = &[Reason::new(
    "engaged",
    &[Count, Date],
    (
        "您是同类会员中最活跃的前 {count}%，诚邀您加入{offer}。",
        "You are among the most active {count}% of members like you: join {offer}.",
    ),
    ("诚邀您加入{offer}。", "Join {offer}."),
)];

impl OfferKind for CommunityInvite {
    fn code(&self) -> &'static str {
        "community_invite"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["recent_days", "min_purchases", "top_share", "cause"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Members, "channel_opt_in")], &[(Table::Activities, "activity")]]
    }

    fn sells(&self) -> bool {
        false
    }

    fn ranks_members(&self) -> bool {
        true
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let given = raw.channel.is_some() || !raw.channels.is_empty();
        let remedy = "add `channel = \"wecom\"` or the like: only who opted in to it is invited";
        Lacks { raw, at, findings }.unless(given, "channel", "does not say where the group is", remedy);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let baskets = member.baskets();
        let rank = f64::from(member.standing.rank_in_segment);
        if rank > parameters.top_share.unwrap_or(TOP_SHARE)
            || baskets.len() < parameters.min_purchases.unwrap_or(PURCHASES) as usize
        {
            return;
        }
        let Some(last) = baskets.len().checked_sub(1).map(|b| baskets.day(b)) else { return };
        if member.first_valid().since(last) > parameters.recent_days.unwrap_or(RECENT_DAYS) as i32 {
            return;
        }
        let is_in = member.attributes.did(ActivityKind::Community, member.as_of()).any(|a| {
            let left = a.closed.is_some_and(|day| day <= member.as_of());
            !left && parameters.cause.as_ref().is_none_or(|group| a.subject.as_ref() == Some(group))
        });
        if is_in {
            return;
        }
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.7 * (1.0 - rank),
            reason: 0,
            evidence: Evidence { count: small(percent(rank)), date: Some(last), ..Evidence::default() },
        });
    }
}

/// A rank as the smallest round percentage it lies within, so that it does not change every night.
pub(super) fn percent(rank: f64) -> u32 {
    [1, 2, 5, 10, 20, 30, 50].into_iter().find(|p| rank <= f64::from(*p) / 100.0).unwrap_or(100)
}
