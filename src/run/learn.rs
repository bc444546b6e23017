//! What contacts teach about acceptance.

use super::{
    RunError,
    fit::{Described, Scene},
};
use crate::{
    history::Shard,
    offers::{Acceptance, Catalogue, ContactLog, Enough, Observation, Offering, observe},
};

/// Learns the probability of acceptance from the contacts; `None` where the job does not want it or there are too few.
pub(super) fn learn(
    scene: &Scene<'_>,
    described: &Described,
    catalogue: &Catalogue,
    contacts: &ContactLog,
) -> Result<Option<Acceptance>, RunError> {
    let settings = &catalogue.decision.learning;
    if !settings.enabled || contacts.all().len() < settings.min_contacts as usize {
        return Ok(None);
    }
    let as_of = catalogue.as_of;
    let response_days = catalogue.decision.contacts.response_days;
    let parts = scene.histories.shards.map(|index, shard: &Shard| {
        let first = described.features.offset(index);
        let mut seen: Vec<Observation> = Vec::new();
        for (member, id) in shard.members.iter().enumerate() {
            let segment = described.memberships.segment[first + member];
            observe(shard, member, segment, contacts.of(id), as_of, response_days, &mut seen);
        }
        Ok::<_, RunError>(seen)
    })?;
    let mut kinds: Vec<&str> = catalogue.offers.iter().map(|o| o.offer.kind.code()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let kind = |code: &str| kinds.binary_search(&code).map_or(0, |k| k as u16);
    let offering = Offering {
        kind: catalogue.offers.iter().map(|o| kind(o.offer.kind.code())).collect(),
        kinds: kinds.len(),
        segments: described.model.segments.len(),
    };
    let enough = Enough {
        for_rates: settings.min_contacts as usize,
        for_model: settings.min_for_model as usize,
        most: settings.max_for_model as usize,
    };
    Ok(Acceptance::learn(parts.concat(), &offering, enough))
}
