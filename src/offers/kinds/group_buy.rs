//! `group_buy`: what is sold to groups, for who buys it anyway or is likely to.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::{Count, Date, Item},
    },
    common::small,
};
use crate::{input::contract::Table, recommend::USUAL_SCORE};

const BOUGHT_BEFORE: u8 = 0;
const SUITS: u8 = 1;

/// The kind.
pub(super) struct GroupBuy;

static REASONS: &[Reason] = &[
    Reason::new(
        "bought_before",
        &[Item, Count, Date],
        (
            "您在{date}买过「{item}」，现在 {count} 人即可成团：{offer}。",
            "You bought {item} on {date}: {count} people make a group now, {offer}.",
        ),
        ("{count} 人成团：「{item}」。", "{count} make a group: {item}."),
    ),
    Reason::new(
        "suits_you",
        &[Item, Count],
        ("「{item}」{count} 人即可成团：{offer}。", "{count} people make a group for {item}: {offer}."),
        ("{count} 人成团：「{item}」。", "{count} make a group: {item}."),
    ),
];

impl OfferKind for GroupBuy {
    fn code(&self) -> &'static str {
        "group_buy"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Items, "group_size")]]
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let sizes = &member.world.items.group_size;
        let size = |item: u32| sizes.get(item as usize).copied().filter(|n| *n > 1 && offer.allows(item));
        let again = member
            .own()
            .iter()
            .filter(|own| size(own.item).is_some() && member.world.rebuys(own.item) && member.may_get(own.item))
            .max_by_key(|own| (own.count, std::cmp::Reverse(own.item)));
        let proposal = match again {
            Some(own) => Proposal {
                offer: index,
                target: Target::Item(own.item),
                fit: 0.7 * saturate(f64::from(own.count), 2.0),
                reason: BOUGHT_BEFORE,
                evidence: Evidence { count: size(own.item), date: Some(own.last_day), ..Evidence::default() },
            },
            None => {
                let Some(candidate) = member.candidates.iter().find(|c| size(c.item).is_some()) else { return };
                Proposal {
                    offer: index,
                    target: Target::Item(candidate.item),
                    fit: 0.7 * saturate(candidate.score, USUAL_SCORE),
                    reason: SUITS,
                    evidence: Evidence {
                        count: size(candidate.item).and_then(|n| small(u32::from(n))),
                        ..Evidence::default()
                    },
                }
            }
        };
        out.push(proposal);
    }
}
