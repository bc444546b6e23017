//! `drop_early_access`: a limited drop opens first to who is close to its collection or brand.

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
        template::Placeholder::{Count, Date, Subject},
    },
    common::{Interest, Lacks, interest_in, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
};

/// Purchases that show closeness, unless the job says.
const PURCHASES: u32 = 2;

/// The kind.
pub(super) struct DropEarlyAccess;

static REASONS: &[Reason] = &[Reason::new(
    "affinity",
    &[Subject, Count, Date],
    (
        "您已 {count} 次选购{subject}，{offer}为您提前开放，{valid_from}起。",
        "You bought {subject} {count} times: {offer} opens early for you, from {valid_from}.",
    ),
    ("提前开放：{offer}。", "Early access: {offer}."),
)];

impl OfferKind for DropEarlyAccess {
    fn code(&self) -> &'static str {
        "drop_early_access"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["min_purchases"]
    }

    fn needs(&self) -> &'static [Need] {
        NEEDS
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        check(raw, at, findings);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        out.extend(proposal(index, offer, member));
    }
}

/// What is scarce and goes to who is close to it needs a name for what they are close to.
pub(super) const NEEDS: &[Need] = &[&[(Table::Items, "collection"), (Table::Items, "brand")]];

/// Both kinds of scarce goods ask the same of an offer.
pub(super) fn check(raw: &RawOffer, at: &JobPath, findings: &mut Findings) {
    let mut lacks = Lacks { raw, at, findings };
    lacks.items("does not say what is scarce");
    lacks.scarce("has no quota, so that everybody gets it", "add `budget.stock`, `budget.seats` or `caps.total`");
}

/// One each, to who bought of the collections or brands of what is offered; the item itself may not be launched yet.
pub(super) fn proposal(index: u16, offer: &BoundOffer, member: &MemberView<'_>) -> Option<Proposal> {
    let kin = offer.kin.as_ref()?;
    let least = offer.offer.parameters.min_purchases.unwrap_or(PURCHASES);
    let close = interest_in(member, None, |item| kin.contains(item as usize)).filter(|i| i.purchases >= least)?;
    // Named is the collection or brand of what was bought most often, as the offer names either, and counted is only it.
    let (items, subjects) = (member.world.items, &member.world.catalogue.subjects);
    let by_brand = offer.offer.collections.is_empty() && !offer.offer.brands.is_empty();
    let collection = items.collection_of(close.favourite).filter(|_| !by_brand);
    let brand = items.brand_of(close.favourite);
    let about = match (collection, brand) {
        (Some(c), _) => subjects.find(SubjectKind::Collection, items.collections.get(c as usize)),
        (None, Some(b)) => subjects.find(SubjectKind::Brand, items.brands.get(b as usize)),
        (None, None) => return None,
    };
    let named = |item: u32| match collection {
        Some(_) => items.collection_of(item) == collection,
        None => items.brand_of(item) == brand,
    };
    let Interest { purchases, last, .. } =
        interest_in(member, None, |item| kin.contains(item as usize) && named(item))?;
    Some(Proposal {
        offer: index,
        target: Target::None,
        fit: 0.9 * saturate(f64::from(close.purchases), 4.0),
        reason: 0,
        evidence: Evidence { about, count: small(purchases), date: Some(last), ..Evidence::default() },
    })
}
