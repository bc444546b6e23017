//! `collection`: more of a collection for who bought in it, or what its neighbours lead to.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        subjects::SubjectKind,
        template::Placeholder::{Because, Count, Date, Item, Subject},
        world::World,
    },
    common::{Lacks, best_item, interest, pool, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
    recommend::{Candidate, Term, TermKind, USUAL_SCORE},
};

const BOUGHT_IN_IT: u8 = 0;
const NEIGHBOUR: u8 = 1;

/// The kind.
pub(super) struct Collection;

static REASONS: &[Reason] = &[
    Reason::new(
        "bought_in_collection",
        &[Item, Subject, Count, Date],
        (
            "您已 {count} 次选购{subject}，同系列的「{item}」也值得收藏。",
            "You bought {subject} {count} times: {item} belongs to it too.",
        ),
        ("{subject}：「{item}」。", "{subject}: {item}."),
    ),
    Reason::new(
        "bought_neighbour",
        &[Item, Because, Date],
        (
            "您在{date}购买了「{because}」，买过它的会员也常选同风格系列的「{item}」。",
            "You bought {because} on {date}; members who did often choose {item} of this collection.",
        ),
        ("系列推荐：「{item}」。", "Of the collection: {item}."),
    ),
];

impl OfferKind for Collection {
    fn code(&self) -> &'static str {
        "collection"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn rests_on(&self, reason: u8, about: Option<u32>) -> Option<TermKind> {
        about.filter(|_| reason == NEIGHBOUR).map(TermKind::BecauseOf)
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["min_purchases"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Items, "collection")]]
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let remedy = "add `collections = [\"…\"]`";
        Lacks { raw, at, findings }.unless(!raw.collections.is_empty(), "collections", "names no collection", remedy);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let items = member.world.items;
        let least = offer.offer.parameters.min_purchases.unwrap_or(1);
        if let Some(bought) = interest(member, offer, None).filter(|i| i.purchases >= least) {
            let collection = items.collection_of(bought.favourite);
            let new = |item: u32| items.collection_of(item) == collection && member.own_item(item).is_none();
            let Some(item) = best_item(member, index, offer, new) else { return };
            let name = collection.map_or("", |c| items.collections.get(c as usize));
            out.push(Proposal {
                offer: index,
                target: Target::Item(item),
                fit: 0.8 * saturate(f64::from(bought.purchases), 1.5),
                reason: BOUGHT_IN_IT,
                evidence: Evidence {
                    about: member.world.catalogue.subjects.find(SubjectKind::Collection, name),
                    count: small(bought.purchases),
                    date: Some(bought.last),
                    ..Evidence::default()
                },
            });
            return;
        }
        let neighbour = member.candidates.iter().filter(|c| offer.allows(c.item)).find_map(|c| match c.term {
            Term::BecauseOf { item, last_day } if member.world.may_name(item) => Some((c, item, last_day)),
            _ => None,
        });
        if let Some((candidate, because, day)) = neighbour {
            out.push(Proposal {
                offer: index,
                target: Target::Item(candidate.item),
                fit: 0.8 * saturate(candidate.score, USUAL_SCORE),
                reason: NEIGHBOUR,
                evidence: Evidence { about: Target::Item(because), date: Some(day), ..Evidence::default() },
            });
        }
    }

    fn for_anyone(&self, index: u16, offer: &BoundOffer, world: &World<'_>, popular: &[Candidate]) -> Vec<Proposal> {
        pool(index, offer, world, popular)
    }
}
