//! `next_item`: what the member is likely to want next.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::OfferKind,
        member::MemberView,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::{Because, Count, Date, Item},
        world::World,
    },
    common::small,
};
use crate::{
    base::Day,
    history::Timeline,
    recommend::{Candidate, Fallback, Term, TermKind, USUAL_SCORE},
};

/// Popular items kept to fill lists with.
const FILLERS: usize = 200;

const BOUGHT_BEFORE: u8 = 0;
const BOUGHT_ONCE: u8 = 1;
const BECAUSE_YOU_BOUGHT: u8 = 2;
const POPULAR_NOW: u8 = 3;
const POPULAR_IN_CATEGORY: u8 = 4;
const NEW_IN_CATEGORY: u8 = 5;
const NEW_ITEM: u8 = 6;
const POPULAR_AMONG_LIKE: u8 = 7;
const POPULAR_IN_CITIES: u8 = 8;
const POPULAR_AMONG_ALIKE: u8 = 9;

/// The kind.
pub(super) struct NextItem;

static REASONS: &[Reason] = &[
    Reason {
        code: "bought_before",
        fills: &[Item, Count, Date],
        zh: "您已 {count} 次购买「{item}」，最近一次是{date}。",
        en: "You have bought {item} {count} times, last on {date}.",
        short: ("「{item}」欢迎再次选购。", "{item}: again?"),
        undated: Some((
            "您已 {count} 次购买「{item}」，欢迎再次选购。",
            "You have bought {item} {count} times: would you like it again?",
        )),
    },
    Reason {
        code: "bought_once",
        fills: &[Item, Count, Date],
        zh: "您在{date}购买过「{item}」，欢迎再次选购。",
        en: "You bought {item} on {date}: would you like it again?",
        short: ("「{item}」欢迎再次选购。", "{item}: again?"),
        undated: Some(("您购买过「{item}」，欢迎再次选购。", "You have bought {item}: would you like it again?")),
    },
    Reason {
        code: "because_you_bought",
        fills: &[Item, Because, Date],
        zh: "您在{date}购买了「{because}」，买过它的会员也常选「{item}」。",
        en: "You bought {because} on {date}; members who did often choose {item} too.",
        short: ("为您推荐「{item}」。", "For you: {item}."),
        undated: Some((
            "您购买过「{because}」，买过它的会员也常选「{item}」。",
            "You have bought {because}; members who did often choose {item} too.",
        )),
    },
    Reason::new(
        "popular_now",
        &[Item],
        ("大家最近都在买「{item}」。", "Popular now: {item}."),
        ("热门：「{item}」。", "Popular: {item}."),
    ),
    Reason::new(
        "popular_in_category",
        &[Item, Because],
        ("您常选购的{because}中，「{item}」最近很受欢迎。", "{item} is popular now in {because}, where you buy."),
        ("热门：「{item}」。", "Popular: {item}."),
    ),
    Reason::new(
        "new_in_category",
        &[Item, Because],
        ("您常选购的{because}有新品：「{item}」。", "New in {because}, where you buy: {item}."),
        ("新品：「{item}」。", "New: {item}."),
    ),
    Reason::new(
        "new_item",
        &[Item],
        ("新品上架：「{item}」。", "New in the shop: {item}."),
        ("新品：「{item}」。", "New: {item}."),
    ),
    Reason::new(
        "popular_among_members_like_you",
        &[Item],
        ("与您相似的会员最近常买「{item}」。", "Members like you buy it now: {item}."),
        ("热门：「{item}」。", "Popular: {item}."),
    ),
    Reason::new(
        "popular_in_cities_like_yours",
        &[Item],
        ("与您所在城市相近的会员最近常买「{item}」。", "Popular now in cities like yours: {item}."),
        ("热门：「{item}」。", "Popular: {item}."),
    ),
    Reason::new(
        "popular_among_alike",
        &[Item],
        ("与您喜好相近的会员常选「{item}」。", "Members with a taste like yours often choose {item}."),
        ("为您推荐「{item}」。", "For you: {item}."),
    ),
];

impl OfferKind for NextItem {
    fn code(&self) -> &'static str {
        "next_item"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn default_per_member(&self) -> u16 {
        50
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["only_new"]
    }

    fn without_calendar(&self) -> bool {
        true
    }

    fn fallback(&self, reason: u8) -> Option<Fallback> {
        match reason {
            POPULAR_AMONG_LIKE => Some(Fallback::Segment),
            POPULAR_IN_CITIES => Some(Fallback::CityTier),
            POPULAR_NOW | NEW_ITEM => Some(Fallback::Everyone),
            _ => None,
        }
    }

    fn rests_on(&self, reason: u8, about: Option<u32>) -> Option<TermKind> {
        match reason {
            BOUGHT_BEFORE | BOUGHT_ONCE => Some(TermKind::Rebuy),
            BECAUSE_YOU_BOUGHT => about.map(TermKind::BecauseOf),
            POPULAR_IN_CATEGORY => Some(TermKind::InCategory),
            POPULAR_AMONG_ALIKE => Some(TermKind::PopularAmongAlike),
            POPULAR_NOW => Some(TermKind::PopularNow),
            _ => None,
        }
    }

    fn is_new(&self, reason: u8) -> bool {
        matches!(reason, NEW_IN_CATEGORY | NEW_ITEM)
    }

    fn fills_lists(&self) -> bool {
        true
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let wanted =
            |item: u32| offer.allows(item) && !(offer.offer.parameters.only_new && member.own_item(item).is_some());
        let most = usize::from(offer.offer.max_per_member);
        let start = out.len();
        out.extend(member.candidates.iter().filter(|c| wanted(c.item)).map(|c| proposal(index, c, member.world)));
        // An offer of few items may be missed by the member's best: then what is popular among its own stands in.
        if offer.items.is_some() {
            for popular in member.for_anyone(index) {
                if out.len() - start >= most {
                    break;
                }
                let Some(item) = popular.target.item() else { continue };
                if wanted(item) && member.may_get(item) && !out[start..].iter().any(|p| p.target == popular.target) {
                    out.push(*popular);
                }
            }
        }
    }

    fn for_anyone(&self, index: u16, offer: &BoundOffer, world: &World<'_>, popular: &[Candidate]) -> Vec<Proposal> {
        popular
            .iter()
            .filter(|c| offer.allows(c.item) && world.offerable(c.item) && !world.is_accessory(c.item))
            .take(FILLERS)
            .map(|c| proposal(index, c, world))
            .collect()
    }
}

fn proposal(index: u16, candidate: &Candidate, world: &World<'_>) -> Proposal {
    // The place of a basket in an order is no day.
    let dated = |day: Day| (world.catalogue.timeline == Timeline::Calendar).then_some(day);
    let (reason, evidence) = match candidate.term {
        Term::Rebuy { count: times, last_day } => {
            let reason = if times > 1 { BOUGHT_BEFORE } else { BOUGHT_ONCE };
            (reason, Evidence { count: small(times), date: dated(last_day), ..Evidence::default() })
        }
        Term::BecauseOf { item, last_day } if world.may_name(item) => {
            (BECAUSE_YOU_BOUGHT, Evidence { about: Target::Item(item), date: dated(last_day), ..Evidence::default() })
        }
        Term::InCategory { category } if world.category_allowed(category) => {
            (POPULAR_IN_CATEGORY, Evidence { about: Target::Category(category), ..Evidence::default() })
        }
        Term::PopularAmongAlike { members } => {
            (POPULAR_AMONG_ALIKE, Evidence { count: small(members), ..Evidence::default() })
        }
        Term::New { category: Some(category) } if world.category_allowed(category) => {
            (NEW_IN_CATEGORY, Evidence { about: Target::Category(category), ..Evidence::default() })
        }
        Term::New { .. } => (NEW_ITEM, Evidence::default()),
        Term::PopularAmong { group: Fallback::Segment } => (POPULAR_AMONG_LIKE, Evidence::default()),
        Term::PopularAmong { group: Fallback::CityTier } => (POPULAR_IN_CITIES, Evidence::default()),
        Term::PopularAmong { group: Fallback::Everyone } => (POPULAR_NOW, Evidence::default()),
        Term::BecauseOf { .. } | Term::InCategory { .. } | Term::PopularNow => (POPULAR_NOW, Evidence::default()),
    };
    Proposal {
        offer: index,
        target: Target::Item(candidate.item),
        fit: saturate(candidate.score, USUAL_SCORE),
        reason,
        evidence,
    }
}
