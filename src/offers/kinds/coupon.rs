//! `coupon`: money off for points, or for those who buy what it is for.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Because, Category, Count, Date, Points},
    },
    common::{Lacks, interest, nearness, small},
    points_expiring::LEAD_DAYS,
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
};

/// Purchases that show interest, unless the job says.
const PURCHASES: u32 = 2;

const POINTS_EXPIRE: u8 = 0;
const ENOUGH_POINTS: u8 = 1;
const BUYS_IT: u8 = 2;

/// The kind.
pub(super) struct Coupon;

static REASONS: &[Reason] = &[
    Reason::new(
        "points_expire",
        &[Points, Date],
        (
            "您的积分将于{date}到期，现在用 {points} 积分即可兑换{offer}。",
            "Your points expire on {date}: {points} of them are worth {offer} now.",
        ),
        ("{points} 积分可兑换{offer}。", "{offer} for {points} points."),
    ),
    Reason::new(
        "enough_points",
        &[Points],
        ("您的积分已够兑换：{points} 积分即可换{offer}。", "You have enough points for {offer}: it takes {points}."),
        ("{points} 积分可兑换{offer}。", "{offer} for {points} points."),
    ),
    Reason::new(
        "buys_category",
        &[Because, Category, Count, Date],
        (
            "您已 {count} 次选购「{because}」等商品，送您{offer}，{valid_until}前有效。",
            "You have bought {because} and the like {count} times: {offer}, until {valid_until}.",
        ),
        ("{offer}，{valid_until}前有效。", "{offer} until {valid_until}."),
    ),
];

impl OfferKind for Coupon {
    fn code(&self) -> &'static str {
        "coupon"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Discount
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["points_cost", "lead_days", "min_purchases"]
    }

    fn needs_of(&self, raw: &RawOffer) -> &'static [Need] {
        if raw.points_cost.is_some() { &[&[(Table::Members, "points")]] } else { &[] }
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let mut lacks = Lacks { raw, at, findings };
        let has_value = raw.value.is_some_and(|v| v > 0.0) || raw.value_minor.is_some_and(|v| v > 0);
        lacks.unless(has_value, "value", "is a coupon without a value", "add `value`");
        if raw.points_cost.is_none() {
            lacks.items("says neither what it is for nor what points it costs");
        }
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let limited = offer.items.is_some();
        let liked = if limited { interest(member, offer, None) } else { None };
        let affinity = liked.map_or(0.0, |i| saturate(f64::from(i.purchases), 4.0));
        let (fit, reason, evidence) = match parameters.points_cost {
            Some(cost) => {
                if member.attributes.points.unwrap_or(0) < i64::from(cost) {
                    return;
                }
                let lead = parameters.lead_days.unwrap_or(LEAD_DAYS) as i32;
                let ends = member.attributes.points_expire.filter(|day| {
                    let left = day.since(member.first_valid());
                    (0..=lead).contains(&left)
                });
                let soon = ends.map_or(0.5, |day| nearness(day.since(member.first_valid()), 30.0));
                let reason = if ends.is_some() { POINTS_EXPIRE } else { ENOUGH_POINTS };
                let evidence = Evidence { amount: Some(i64::from(cost)), date: ends, ..Evidence::default() };
                (soon * (0.5 + 0.5 * affinity), reason, evidence)
            }
            None => {
                let Some(liked) = liked.filter(|i| i.purchases >= parameters.min_purchases.unwrap_or(PURCHASES)) else {
                    return;
                };
                let about = Target::Item(liked.favourite);
                let evidence =
                    Evidence { about, count: small(liked.purchases), date: Some(liked.last), ..Evidence::default() };
                (0.7 * affinity, BUYS_IT, evidence)
            }
        };
        out.push(Proposal { offer: index, target: Target::None, fit, reason, evidence });
    }
}
