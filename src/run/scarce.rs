//! The ledger of scarce offers in a run: what is held tonight, what is left, and what is written for the next night.

use super::{
    RunError,
    fit::{Described, Scene},
};
use crate::{
    base::IdTable,
    history::Shard,
    offers::{Arm, Catalogue, ContactRow, Grant, Ledger, Members, Resources, Seat, SeatState},
};

/// What is scarce tonight.
pub(super) struct Scarce {
    pub(super) ledger: Ledger,
    pub(super) resources: Resources,
    /// Cities that have a limit.
    pub(super) cities: IdTable,
}

/// Rebuilds the ledger from the previous run's and from the contacts; `None` where nothing is scarce.
pub(super) fn rebuild<'c>(
    scene: &Scene<'_>,
    described: &Described,
    catalogue: &Catalogue,
    contacts: impl IntoIterator<Item = ContactRow<'c>>,
    may_be_named: &dyn Fn(&str) -> bool,
) -> Result<Option<Scarce>, RunError> {
    if !(0..catalogue.offers.len() as u16).any(|offer| catalogue.is_scarce(offer)) {
        return Ok(None);
    }
    let seats = match scene.previous {
        Some(previous) => previous.seats(scene.engine, catalogue, scene.items)?,
        None => Vec::new(),
    };
    let shards = &scene.histories.shards;
    // Only members that a contact gave a seat are asked for.
    let place = |member: &str| {
        let city = scene.members.get(member).city.as_deref().map(str::to_owned);
        let shard = crate::base::hash::shard_of(member.as_bytes(), shards.len().max(1));
        let at = shards.get(shard).ok().and_then(|s| s.members.find(member));
        let segment = at.map(|at| {
            let segment = described.memberships.segment[described.features.offset(shard) + at];
            described.model.segment(segment).code.clone()
        });
        (city, segment)
    };
    let ledger = Ledger::rebuild(seats, contacts, catalogue, &Members { may_be_named, place: &place });
    let cities = limited_cities(scene, catalogue)?;
    let codes: Vec<&str> = described.model.segments.iter().map(|s| s.code.as_str()).collect();
    let resources = ledger.resources(catalogue, &cities, &codes);
    Ok(resources.map(|resources| Scarce { ledger, resources, cities }))
}

/// Cities that some offer has a limit for: those it names, and if it limits every city, those members live in.
fn limited_cities(scene: &Scene<'_>, catalogue: &Catalogue) -> Result<IdTable, RunError> {
    let caps = || catalogue.offers.iter().map(|o| &o.offer.caps);
    let mut all: Vec<String> = caps().flat_map(|c| c.cities.keys().cloned()).collect();
    if caps().any(|c| c.per_city.is_some()) {
        let parts = scene.histories.shards.map(|_, shard: &Shard| {
            let own = shard.members.iter().filter_map(|id| scene.members.get(id).city.as_deref().map(str::to_owned));
            Ok::<_, RunError>(own.collect::<std::collections::BTreeSet<String>>())
        })?;
        all.extend(parts.into_iter().flatten());
    }
    Ok(IdTable::from_unsorted(all))
}

/// The ledger after tonight: what was newly granted has its seats.
pub(super) fn after(
    scene: &Scene<'_>,
    described: &Described,
    catalogue: &Catalogue,
    ledger: Ledger,
    grants: &[Vec<Grant>],
    members: &[IdTable],
) -> Ledger {
    let new = grants.iter().enumerate().flat_map(|(shard, grants)| {
        grants.iter().filter(|g| !g.held).map(move |grant| {
            let id = members[shard].get(grant.member);
            let segment = described.memberships.segment[described.features.offset(shard) + grant.member];
            Seat {
                member: Some(id.to_owned()),
                assigned: catalogue.as_of,
                city: scene.members.get(id).city.as_deref().map(str::to_owned),
                segment: Some(described.model.segment(segment).code.clone()),
                value_minor: catalogue.offers[usize::from(grant.choice.offer)].offer.value_minor,
                state: SeatState::Held,
                arm: grant.arm,
                choice: grant.choice,
                has_reason: true,
            }
        })
    });
    ledger.with(new, catalogue)
}

/// Of every offer, how many members may still get it: the least that any limit on it over all members leaves. `None`
/// where it has no such limit.
pub(super) fn left(catalogue: &Catalogue, ledger: &Ledger) -> Vec<Option<u64>> {
    (0..catalogue.offers.len())
        .map(|offer| {
            let settings = &catalogue.offers[offer].offer;
            let held = ledger
                .seats()
                .iter()
                .filter(|s| {
                    usize::from(s.choice.offer) == offer && s.arm == Arm::Treated && s.state != SeatState::Ended
                })
                .count() as u64;
            let most = crate::offers::most_holders(&settings.caps, &settings.budget, settings.value_minor);
            most.map(|most| most.saturating_sub(held))
        })
        .collect()
}
