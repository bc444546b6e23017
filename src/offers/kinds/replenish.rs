//! `replenish`: what is about to run out, by the member's own gap or what is usual for the item.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::OfferKind,
        member::MemberView,
        parameters::Parameters,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::{Count, Date, Days, Item},
    },
    common::{nearness, small},
};
use crate::{base::Day, history::UNIT, items::UsualGap, recommend::OwnItem};

/// Gaps that a usual gap of the item or its category must rest on.
const ENOUGH_GAPS: u64 = 20;
/// Days before the due date from which it is offered, unless the job says.
const LEAD_DAYS: u32 = 7;
/// Days after the due date for which it is offered, unless the job says: half the usual gap within these.
const LEAST_LATE: u32 = 7;
const MOST_LATE: u32 = 30;
/// Purchases from which the member's own gap is used.
const OWN_PURCHASES: u32 = 3;

/// The kind.
pub(super) struct Replenish;

static REASONS: &[Reason] = &[
    Reason::new(
        "due_own_rhythm",
        &[Item, Count, Days, Date],
        (
            "您大约每 {days} 天购买一次「{item}」，按此节奏，{date}前后该补货了。",
            "You buy {item} about every {days} days: next one due around {date}.",
        ),
        ("「{item}」该补货了。", "{item} is due."),
    ),
    Reason::new(
        "due_item_gap",
        &[Item, Count, Days, Date],
        (
            "购买「{item}」的会员通常隔 {days} 天左右再次购买，以此推算，您的下一次在{date}前后。",
            "{item} is usually bought again after about {days} days: your next one is due around {date}.",
        ),
        ("「{item}」该补货了。", "{item} is due."),
    ),
    Reason::new(
        "due_category_gap",
        &[Item, Count, Days, Date],
        (
            "与「{item}」同类的商品通常隔 {days} 天左右再次购买，以此推算，您的下一次在{date}前后。",
            "Items like {item} are usually bought again after about {days} days: your next one is due around {date}.",
        ),
        ("「{item}」该补货了。", "{item} is due."),
    ),
    Reason::new(
        "due_consumable",
        &[Item, Count, Days, Date],
        (
            "您购买的「{item}」约可用 {days} 天，以此推算，{date}前后该补货了。",
            "Your {item} lasts about {days} days: next one due around {date}.",
        ),
        ("「{item}」该补货了。", "{item} is due."),
    ),
];

impl OfferKind for Replenish {
    fn code(&self) -> &'static str {
        "replenish"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Service
    }

    fn default_per_member(&self) -> u16 {
        3
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["lead_days", "late_days", "min_purchases"]
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let today = member.first_valid();
        for own in member.own() {
            if !offer.allows(own.item) || !member.may_get(own.item) {
                continue;
            }
            // What was offered as due stays so while it is valid: it would come and go with the calendar.
            let stays = member.holds(index, Target::Item(own.item));
            if !stays && too_late(own, today, parameters) {
                continue;
            }
            let Some((reason, gap)) = expected_gap(member, own, parameters.min_purchases.unwrap_or(OWN_PURCHASES))
            else {
                continue;
            };
            let due = own.last_day.plus(gap as i32);
            let ahead = due.since(today);
            let late = parameters.late_days.unwrap_or((gap / 2).clamp(LEAST_LATE, MOST_LATE));
            let over = -i64::from(ahead) > i64::from(late);
            if ahead > parameters.lead_days.unwrap_or(LEAD_DAYS) as i32 || (over && !stays) {
                continue;
            }
            // How sure the gap is, times how near the due day is in gaps.
            let certainty = match reason {
                0 => saturate(f64::from(own.count - 1), 1.0),
                1 => 0.5,
                2 => 0.35,
                _ => 0.45,
            };
            out.push(Proposal {
                offer: index,
                target: Target::Item(own.item),
                fit: certainty * nearness(ahead, f64::from(gap)),
                reason,
                evidence: Evidence {
                    count: small(own.count),
                    days: small(gap),
                    date: Some(due),
                    ..Evidence::default()
                },
            });
        }
    }
}

/// Whether an item bought several times is past its time whatever its own gap: cheaper to see than the gap itself.
fn too_late(own: &OwnItem, today: Day, parameters: &Parameters) -> bool {
    if own.count < parameters.min_purchases.unwrap_or(OWN_PURCHASES).max(2) {
        return false;
    }
    // At least the upper half of the gaps are as long as their lower median or longer.
    let gaps = i64::from(own.count - 1);
    let upper = gaps - (gaps - 1) / 2;
    let longest = i64::from(own.last_day.since(own.first_day)) / upper;
    let late = parameters.late_days.map_or((longest / 2).clamp(LEAST_LATE.into(), MOST_LATE.into()), i64::from);
    i64::from(today.since(own.last_day)) > longest + late
}

/// The days until the item is due after its last purchase, with the reason: the member's own median gap from
/// `min_purchases` purchases on; else, for items that are bought again, the item's, its category's, or how long the
/// units last that were bought.
fn expected_gap(member: &MemberView<'_>, own: &OwnItem, min_purchases: u32) -> Option<(u8, u32)> {
    let (world, item) = (member.world, own.item);
    if own.count >= min_purchases
        && let Some(gap) = member.rhythm_of(item).map(|r| r.median_gap).filter(|gap| *gap > 0)
    {
        return Some((0, gap));
    }
    if !world.rebuys(item) {
        return None;
    }
    let enough = |gap: Option<UsualGap>| gap.filter(|g| g.count >= ENOUGH_GAPS && g.days > 0).map(|g| g.days);
    if let Some(days) = enough(world.statistics.item_gap(item)) {
        return Some((1, days));
    }
    if let Some(days) = world.items.category_of(item).and_then(|c| enough(world.statistics.category_gap(c))) {
        return Some((2, days));
    }
    let one = world.items.consumable_days.get(item as usize).copied().flatten().filter(|d| *d > 0)?;
    let units = (member.units_on(item, own.last_day) / i64::from(UNIT)).clamp(1, 100) as u32;
    Some((3, one.saturating_mul(units).min(3650)))
}
