//! From item knowledge to every member's list.

use super::{
    RunError, Stages,
    eligibility::{Rules, ShardFacts},
    fit::{Described, Known, Scene},
};
use crate::{
    history::Shard,
    offers::{Catalogue, Choice, ContactLog, Decider, Decisions, PreviousDecisions, ShardInputs, World},
};

/// Every member's list.
pub(super) struct Decided {
    /// By shard.
    pub(super) decisions: Vec<Decisions>,
    /// The list of members who opted out.
    pub(super) generic: Vec<Choice>,
    /// By offer: members whom its rule admits.
    pub(super) eligible: Vec<u64>,
}

/// What members were sent, and whether the shop says which channels they agreed to.
pub(super) struct Contacts {
    pub(super) log: ContactLog,
    pub(super) opt_in_known: bool,
}

/// Decides for every member.
pub(super) fn decide(
    scene: &Scene<'_>,
    described: &Described,
    known: &Known,
    catalogue: &Catalogue,
    contacts: &Contacts,
    stages: &mut Stages,
) -> Result<Decided, RunError> {
    let progress = scene.progress;
    let shards = &scene.histories.shards;
    progress.start("offers", Some(shards.len() as u64));
    let previous = match scene.previous {
        Some(previous) => previous.decisions(scene.engine, catalogue, scene.items)?,
        None => PreviousDecisions::default(),
    };
    let world = World::new(
        catalogue,
        scene.items,
        &known.knowledge.statistics,
        &known.attach,
        &known.repeat,
        scene.job.recommend().regular,
    );
    let scorer =
        known.knowledge.scorer(&known.tuned.parameters).blocking(world.blocked()).repeating(known.repeat.clone());
    let decider = Decider::new(&world, &scorer, scene.job.recommend().candidates);
    let rules = Rules::new(catalogue, &described.features)?;
    let parts = shards.map(|index, shard: &Shard| {
        let facts = ShardFacts {
            index,
            shard,
            features: &described.features,
            members: scene.members,
            model: &described.model,
            memberships: &described.memberships,
            lifecycle: &described.lifecycle,
            value_band: &described.value_band,
            tags: &described.tags[index],
            tag_entries: &described.tag_entries,
            as_of: scene.histories.dimensions.as_of,
        };
        let eligible = rules.admit(&facts)?;
        let members = shard.members.len() as u64;
        let admitted: Vec<u64> =
            eligible.iter().map(|bits| bits.as_ref().map_or(members, |b| b.count() as u64)).collect();
        let inputs = ShardInputs {
            eligible: &eligible,
            members: scene.members,
            channel_opt_in_known: contacts.opt_in_known,
            contacts: &contacts.log,
            previous: &previous,
            standing: &[],
        };
        let decisions = decider.shard(shard, &inputs, &mut decider.space());
        progress.advance(1);
        Ok::<_, RunError>((decisions, admitted))
    })?;
    let generic = decider.generic(previous.generic());
    let mut eligible = vec![0; catalogue.offers.len()];
    let mut decisions = Vec::with_capacity(parts.len());
    for (part, admitted) in parts {
        decisions.push(part);
        for (sum, more) in eligible.iter_mut().zip(admitted) {
            *sum += more;
        }
    }
    let slots: usize = decisions.iter().map(|d| d.all().len()).sum();
    progress.finish(&format!("{slots} slots filled"));
    stages.end("offers");
    Ok(Decided { decisions, generic, eligible })
}
