//! `milestone`: a thank-you for the nth order, the return of the day of joining, or a place among the best.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::OfferKind,
        member::MemberView,
        proposal::{Evidence, Proposal, Target},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::{Count, Date},
    },
    common::{nearness, small},
    community_invite::percent,
};
use crate::base::calendar::Birthday;

/// Days before the anniversary, unless the job says.
const LEAD_DAYS: u32 = 7;
/// Days after the order that reached a number.
const RECENT_DAYS: i32 = 30;
/// Best share by spend, unless the job says.
const TOP_SHARE: f64 = 0.01;

const NTH_ORDER: u8 = 0;
const ANNIVERSARY: u8 = 1;
const TOP_SPENDER: u8 = 2;

/// The kind.
pub(super) struct Milestone;

static REASONS: &[Reason] = &[
    Reason::new(
        "nth_order",
        &[Count, Date],
        (
            "{date}是您的第 {count} 笔订单，感谢一路同行：{offer}。",
            "Order number {count} on {date}: thank you, {offer}.",
        ),
        ("第 {count} 笔订单，感谢同行。", "Order {count}: thank you."),
    ),
    Reason::new(
        "anniversary",
        &[Count, Date],
        (
            "{date}是您加入会员 {count} 周年，感谢一路同行：{offer}。",
            "{count} years a member on {date}: thank you, {offer}.",
        ),
        ("入会 {count} 周年，感谢同行。", "{count} years with us: thank you."),
    ),
    Reason::new(
        "top_spender",
        &[Count],
        ("您位列会员前 {count}%，感谢厚爱：{offer}。", "You are among the first {count}% of our members: {offer}."),
        ("会员前 {count}%，感谢厚爱。", "Among our first {count}%."),
    ),
];

impl OfferKind for Milestone {
    fn code(&self) -> &'static str {
        "milestone"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["orders", "anniversary", "lead_days", "top_share"]
    }

    fn sells(&self) -> bool {
        false
    }

    fn ranks_members(&self) -> bool {
        true
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let today = member.first_valid();
        let mut add = |fit: f64, reason: u8, count: Option<u16>, date| {
            let evidence = Evidence { count, date, ..Evidence::default() };
            out.push(Proposal { offer: index, target: Target::None, fit, reason, evidence });
        };
        let (shard, as_of) = (member.shard, member.as_of());
        let all = shard.orders_of(member.member);
        // Orders that were brought back do not count, so that there are at most as many as in the history.
        if parameters.orders.first().is_some_and(|n| all.len() >= *n as usize) {
            let bought = |order: &usize| {
                shard.order_day(*order) <= as_of && shard.lines_of(*order).any(|line| shard.is_purchase(line, as_of))
            };
            let (count, last) = all.filter(bought).fold((0u32, None), |(n, _), order| (n + 1, Some(order)));
            if let Some(order) = last
                && parameters.orders.binary_search(&count).is_ok()
            {
                let day = shard.order_day(order);
                let ago = today.since(day);
                if ago <= RECENT_DAYS {
                    add(0.9 * nearness(ago, 30.0), NTH_ORDER, small(count), Some(day));
                }
            }
        }
        if parameters.anniversary
            && let Some(joined) = member.attributes.joined
            && let Some(date) = Birthday::from_written(joined, false).next(today)
        {
            let left = date.since(today);
            let years = u32::try_from(date.ymd().0 - joined.ymd().0).unwrap_or(0);
            if years > 0 && left <= parameters.lead_days.unwrap_or(LEAD_DAYS) as i32 {
                add(0.85 * nearness(left, 30.0), ANNIVERSARY, small(years), Some(date));
            }
        }
        let rank = f64::from(member.standing.rank_by_spend);
        if rank <= parameters.top_share.unwrap_or(TOP_SHARE) {
            add(0.5, TOP_SPENDER, small(percent(rank)), None);
        }
    }
}
