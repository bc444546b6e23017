//! What several kinds share: what a member bought of what an offer is about, which item to offer, what an offer lacks.

use super::super::{
    catalogue::BoundOffer,
    member::MemberView,
    proposal::{Evidence, Proposal, Target},
    raw::RawOffer,
    world::World,
};
use crate::{
    base::{Day, Findings, findings::JobPath},
    items::RhythmRule,
    recommend::Candidate,
};

/// Popular items kept to choose from, where nothing suits a member better.
const POOL: usize = 200;

/// What a member bought of what an offer is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interest {
    /// Baskets and items in them, added up.
    pub(super) purchases: u32,
    /// Day of the last of them.
    pub(super) last: Day,
    /// The item bought most often; of several the first.
    pub(super) favourite: u32,
}

/// A count as evidence holds it.
pub(super) fn small(value: u32) -> Option<u16> {
    Some(u16::try_from(value).unwrap_or(u16::MAX))
}

/// What the member bought of the items that are `wanted`, counting what was bought last on or after `since`. Denied
/// items do not count: they could not be named as the reason.
pub(super) fn interest_in(
    member: &MemberView<'_>,
    since: Option<Day>,
    wanted: impl Fn(u32) -> bool,
) -> Option<Interest> {
    let mut found: Option<(Interest, u32)> = None;
    for own in member.own() {
        if !wanted(own.item) || !member.world.may_name(own.item) || since.is_some_and(|day| own.last_day < day) {
            continue;
        }
        found = Some(match found {
            None => (Interest { purchases: own.count, last: own.last_day, favourite: own.item }, own.count),
            Some((sum, most)) => {
                let better = own.count > most || (own.count == most && own.item < sum.favourite);
                let favourite = if better { own.item } else { sum.favourite };
                let last = sum.last.max(own.last_day);
                (Interest { purchases: sum.purchases + own.count, last, favourite }, most.max(own.count))
            }
        });
    }
    found.map(|(interest, _)| interest)
}

/// [`interest_in`] the items the offer is limited to, bought within the last `days` days.
pub(super) fn interest(member: &MemberView<'_>, offer: &BoundOffer, days: Option<u32>) -> Option<Interest> {
    let since = days.map(|days| member.as_of().plus(1 - i32::try_from(days).unwrap_or(i32::MAX)));
    interest_in(member, since, |item| offer.allows(item))
}

/// The item to offer: the best suggested one that is `wanted`, else the most popular one the offer is limited to.
pub(super) fn best_item(
    member: &MemberView<'_>,
    index: u16,
    offer: &BoundOffer,
    wanted: impl Fn(u32) -> bool,
) -> Option<u32> {
    let fits = |item: u32| offer.allows(item) && wanted(item);
    let suggested = member.candidates.iter().map(|c| c.item).find(|item| fits(*item));
    suggested.or_else(|| {
        let popular = member.for_anyone(index).iter().filter_map(|p| p.target.item());
        popular.into_iter().find(|item| wanted(*item) && member.may_get(*item))
    })
}

/// Who is a regular buyer by an offer: as the job says, unless the offer asks for more or fewer days.
pub(super) fn regular(offer: &BoundOffer, world: &World<'_>) -> RhythmRule {
    let min_days = offer.offer.parameters.min_purchases.unwrap_or(world.regular.min_days);
    RhythmRule { min_days, max_gaps: world.regular.max_gaps }
}

/// The most popular items an offer is limited to, for [`best_item`].
pub(super) fn pool(index: u16, offer: &BoundOffer, world: &World<'_>, popular: &[Candidate]) -> Vec<Proposal> {
    if offer.items.is_none() {
        return Vec::new();
    }
    let allowed = popular.iter().filter(|c| offer.allows(c.item) && world.offerable(c.item));
    allowed.take(POOL).map(|c| of_item(index, c.item)).collect()
}

/// An item in the form of a proposal, for pools.
pub(super) fn of_item(index: u16, item: u32) -> Proposal {
    Proposal { offer: index, target: Target::Item(item), fit: 1.0, reason: 0, evidence: Evidence::default() }
}

/// How near a day is, 1 on the day itself and ½ at `half` days before or after.
pub(super) fn nearness(days: i32, half: f64) -> f64 {
    1.0 / (1.0 + f64::from(days.abs()) / half)
}

/// The member's city as a subject; [`Target::None`] if it is not known.
pub(super) fn city_of(member: &MemberView<'_>) -> Target {
    use super::super::subjects::SubjectKind;
    let city = member.attributes.city.as_deref().map(crate::base::cities::CityTiers::plain);
    city.map_or(Target::None, |city| member.world.catalogue.subjects.find(SubjectKind::City, city))
}

/// Says what an offer of a kind lacks.
pub(super) struct Lacks<'a> {
    pub(super) raw: &'a RawOffer,
    pub(super) at: &'a JobPath,
    pub(super) findings: &'a mut Findings,
}

impl Lacks<'_> {
    /// An error unless `given`.
    pub(super) fn unless(&mut self, given: bool, key: &str, what: &str, remedy: &str) {
        if !given {
            let code = match key {
                "categories" => "offers::needs_categories",
                "cities" => "offers::needs_cities",
                "value" => "offers::needs_value",
                "tiers" => "offers::needs_tiers",
                _ => "offers::needs_key",
            };
            self.findings.error(code, self.at.key(key), format!("`{}` {what}", self.raw.id), remedy);
        }
    }

    /// An error unless the offer is limited to items by any key.
    pub(super) fn items(&mut self, what: &str) {
        let RawOffer { items, categories, brands, collections, .. } = self.raw;
        let given = !(items.is_empty() && categories.is_empty() && brands.is_empty() && collections.is_empty());
        self.unless(given, "categories", what, "add `categories`, `brands`, `collections` or `items`");
    }

    /// An error unless the offer says where it takes place.
    pub(super) fn place(&mut self) {
        let given = !self.raw.cities.is_empty() || !self.raw.city_tiers.is_empty();
        self.unless(given, "cities", "does not say in which cities it is", "add `cities = [\"…\"]` or `city_tiers`");
    }

    /// A warning if what is scarce by nature has no end.
    pub(super) fn scarce(&mut self, what: &str, remedy: &str) {
        let caps =
            self.raw.caps.as_ref().is_some_and(|c| c.total.is_some() || c.per_city.is_some() || !c.cities.is_empty());
        let budget =
            self.raw.budget.as_ref().is_some_and(|b| {
                b.money.or(b.money_minor.map(|m| m as f64)).is_some() || b.stock.or(b.seats).is_some()
            });
        if !caps && !budget {
            let message = format!("`{}` {what}", self.raw.id);
            self.findings.warn("offers::without_end", self.at.key("budget"), message, remedy);
        }
    }
}
