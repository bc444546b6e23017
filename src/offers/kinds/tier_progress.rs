//! `tier_progress`: what is still missing to the next loyalty tier, and by when.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::{Programme, TierPeriod},
        proposal::{Evidence, Proposal, Target},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        subjects::SubjectKind,
        template::Placeholder::{Amount, Date, Points, Subject},
    },
    common::{Lacks, nearness},
};
use crate::{
    base::{Day, Findings, Minor, calendar::Birthday, findings::JobPath},
    input::contract::Table,
};

/// Days before the end of the period from which it is offered, unless the job says.
const LEAD_DAYS: u32 = 60;

/// The kind.
pub(super) struct TierProgress;

static REASONS: &[Reason] = &[
    Reason::new(
        "spend_to_tier",
        &[Subject, Amount, Date],
        ("距离{subject}会员仅差 {amount}，{date}前达成即可升级。", "Only {amount} to go until {subject}, by {date}."),
        ("距{subject}会员仅差 {amount}。", "{amount} to {subject}."),
    ),
    Reason::new(
        "points_to_tier",
        &[Subject, Points, Date],
        (
            "距离{subject}会员仅差 {points} 积分，{date}前达成即可升级。",
            "Only {points} points to go until {subject}, by {date}.",
        ),
        ("距{subject}会员仅差 {points} 积分。", "{points} points to {subject}."),
    ),
    // A rolling period has no end: the validity of the offer, which does not move, stands for it.
    Reason::new(
        "spend_in_reach",
        &[Subject, Amount],
        (
            "距离{subject}会员仅差 {amount}，{valid_until}前达成即可升级。",
            "Only {amount} to go until {subject}, by {valid_until}.",
        ),
        ("距{subject}会员仅差 {amount}。", "{amount} to {subject}."),
    ),
    Reason::new(
        "points_in_reach",
        &[Subject, Points],
        (
            "距离{subject}会员仅差 {points} 积分，{valid_until}前达成即可升级。",
            "Only {points} points to go until {subject}, by {valid_until}.",
        ),
        ("距{subject}会员仅差 {points} 积分。", "{points} points to {subject}."),
    ),
];

const ROLLING: u8 = 2;

impl OfferKind for TierProgress {
    fn code(&self) -> &'static str {
        "tier_progress"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["lead_days", "reach_share"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Members, "loyalty_tier")]]
    }

    fn check(&self, raw: &RawOffer, programme: &Programme, at: &JobPath, findings: &mut Findings) {
        let asks = programme.tiers.iter().any(|t| t.spend.or(t.points).is_some());
        let remedy = "add `[[loyalty.tiers]]` with `spend` or `points`";
        Lacks { raw, at, findings }.unless(asks, "tiers", "leads to a tier, but no tier says what it asks for", remedy);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let world = member.world;
        let programme = &world.catalogue.programme;
        let own = member.attributes.loyalty_tier.as_deref().and_then(|code| programme.tier(code));
        let Some(next) = programme.tiers.get(own.map_or(0, |t| t + 1)..).and_then(|above| {
            // The lowest tier asks for nothing.
            above.iter().find(|t| t.spend.unwrap_or(0) > 0 || t.points.unwrap_or(0) > 0)
        }) else {
            return;
        };
        let Some((first, last)) = period(programme, member) else { return };
        let left = last.since(member.first_valid());
        if programme.period != TierPeriod::Rolling
            && left > offer.offer.parameters.lead_days.unwrap_or(LEAD_DAYS) as i32
        {
            return;
        }
        let (reason, asked, has) = match (next.spend, next.points) {
            (Some(spend), _) => (0, spend, spend_since(member, first)),
            (None, Some(points)) => (1, points, member.attributes.points.unwrap_or(0)),
            (None, None) => return,
        };
        let gap = asked - has;
        let reach = offer.offer.parameters.reach_share;
        if gap <= 0 || gap as f64 > reach * asked as f64 {
            return;
        }
        let rolling = programme.period == TierPeriod::Rolling;
        let closeness = 1.0 - gap as f64 / (reach * asked as f64);
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: (0.4 + 0.6 * closeness) * nearness(left, 60.0).max(0.5),
            reason: if rolling { reason + ROLLING } else { reason },
            evidence: Evidence {
                about: world.catalogue.subjects.find(SubjectKind::Tier, &next.code),
                date: (!rolling).then_some(last),
                amount: Some(gap),
                ..Evidence::default()
            },
        });
    }
}

/// First and last day of the period that counts on the first day of the list.
fn period(programme: &Programme, member: &MemberView<'_>) -> Option<(Day, Day)> {
    let today = member.first_valid();
    let year = today.ymd().0;
    match programme.period {
        TierPeriod::CalendarYear => Some((Day::from_ymd(year, 1, 1)?, Day::from_ymd(year, 12, 31)?)),
        TierPeriod::MembershipYear => {
            let joined = Birthday::from_written(member.attributes.joined?, false);
            let next = joined.next(today.plus(1))?;
            Some((joined.next(today.plus(-366)).filter(|d| *d <= today)?, next.plus(-1)))
        }
        // What is bought within the offer's validity still counts together with what the window holds now.
        TierPeriod::Rolling => {
            let days = i32::try_from(programme.window_days).unwrap_or(i32::MAX);
            Some((today.plus(-days), today.plus(13)))
        }
    }
}

/// Net spend from `first` up to the as-of day, minor units.
fn spend_since(member: &MemberView<'_>, first: Day) -> Minor {
    let (shard, as_of) = (member.shard, member.as_of());
    shard
        .orders_of(member.member)
        .filter(|order| (first..=as_of).contains(&shard.order_day(*order)))
        .flat_map(|order| shard.lines_of(order))
        .map(|line| shard.amount.at(line))
        .sum()
}
