//! From item knowledge to every member's list.

use super::{
    RunError, Stages,
    eligibility::{FailedRows, Rules, ShardFacts},
    fit::{Described, Known, Scene},
    standing::{participation, standing},
};
use crate::{
    base::Findings,
    history::Shard,
    offers::{Catalogue, Choice, ContactLog, Decider, Decisions, PreviousDecisions, Reach, ShardInputs, World},
};

/// Every member's list.
pub(super) struct Decided {
    /// By shard.
    pub(super) decisions: Vec<Decisions>,
    /// The list of members who opted out.
    pub(super) generic: Vec<Choice>,
    /// By offer: how far it reaches.
    pub(super) reach: Vec<Reach>,
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
    notes: &mut Findings,
) -> Result<Decided, RunError> {
    let progress = scene.progress;
    let shards = &scene.histories.shards;
    progress.start("offers", Some(shards.len() as u64));
    let previous = match scene.previous {
        Some(previous) => previous.decisions(scene.engine, catalogue, scene.items)?,
        None => PreviousDecisions::default(),
    };
    let standing = standing(described, catalogue);
    let mut world = World::new(
        catalogue,
        scene.items,
        &known.knowledge.statistics,
        &known.attach,
        &known.repeat,
        scene.job.recommend().regular,
    );
    world.participation = participation(scene, described, catalogue);
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
        let first = described.features.offset(index);
        let (eligible, failed) = rules.admit(&facts)?;
        let inputs = ShardInputs {
            eligible: &eligible,
            members: scene.members,
            channel_opt_in_known: contacts.opt_in_known,
            contacts: &contacts.log,
            previous: &previous,
            standing: if standing.is_empty() { &[] } else { &standing[first..first + shard.members.len()] },
        };
        let mut space = decider.space();
        let decisions = decider.shard(shard, &inputs, &mut space);
        progress.advance(1);
        Ok::<_, RunError>((decisions, space.take_reach(), failed))
    })?;
    let generic = decider.generic(previous.generic());
    let mut reach = vec![Reach::default(); catalogue.offers.len()];
    let mut failed: Vec<FailedRows> = vec![FailedRows::default(); catalogue.offers.len()];
    let mut decisions = Vec::with_capacity(parts.len());
    for (part, reached, rows) in parts {
        decisions.push(part);
        reach.iter_mut().zip(&reached).for_each(|(sum, more)| sum.add(more));
        failed.iter_mut().zip(rows).for_each(|(sum, more)| sum.add(more));
    }
    rules.note_failures(&failed, notes);
    let slots: usize = decisions.iter().map(|d| d.all().len()).sum();
    progress.finish(&format!("{slots} slots filled"));
    stages.end("offers");
    Ok(Decided { decisions, generic, reach })
}
