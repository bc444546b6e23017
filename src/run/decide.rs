//! From item knowledge to every member's list.

use super::{
    RunError, Stages,
    eligibility::{FailedRows, Rules, ShardFacts},
    fit::{Described, Known, Scene, member_ids},
    learn::learn,
    scarce::{self, Scarce},
    standing::{participation, standing},
    uplift::Uplifted,
};
use crate::{
    base::{Day, Findings, findings::JobPath, hash::shard_of},
    history::Shard,
    items::{GroupPopularity, NO_GROUP},
    offers::{
        Acceptance, Allocation, Allocator, Catalogue, Choice, ContactLog, Decider, Decisions, Holdout, Ledger,
        OfferTrace, PreviousDecisions, Reach, ScarceInputs, ShardInputs, TraceContext, World, lasting_generic,
        lasting_slots, settle,
    },
    recommend::{Boards, CITY_TIERS, Candidate, OwnItem, PolicySource, RepeatPolicy, ScoreTerms, Scorer},
};

/// Shares of its upper bound that an allocation may be short of without a word.
const SMALL_GAP: f64 = 0.01;

/// Every member's list.
pub(super) struct Decided {
    /// By shard.
    pub(super) decisions: Vec<Decisions>,
    /// The list of members who opted out.
    pub(super) generic: Vec<Choice>,
    /// By offer: how far it reaches.
    pub(super) reach: Vec<Reach>,
    /// What contacts taught, if they did.
    pub(super) acceptance: Option<Acceptance>,
    /// The seats of scarce offers after tonight; `None` where nothing is scarce.
    pub(super) ledger: Option<Ledger>,
    /// What came of the allocation, where anybody bid for something scarce.
    pub(super) allocation: Option<Allocation>,
    /// What the offers changed so far.
    pub(super) uplift: Uplifted,
    /// What was found for the member that was asked for, if that member is in the run.
    pub(super) traced: Option<Traced>,
}

/// What the night found for one member.
pub(super) struct Traced {
    /// What became of every offer.
    pub(super) offers: Vec<OfferTrace>,
    /// The suggested items, best first, with the terms of their scores.
    pub(super) suggested: Vec<(Candidate, ScoreTerms)>,
    /// What the member has and is not offered again yet, the newest purchase first.
    pub(super) waiting: Vec<Waits>,
}

/// An item that a member has and is not offered again yet.
pub(super) struct Waits {
    pub(super) item: u32,
    pub(super) policy: RepeatPolicy,
    pub(super) source: PolicySource,
    /// Day of the last purchase.
    pub(super) last_day: Day,
    /// Days after it in which it is not offered.
    pub(super) wait: u32,
}

/// What members were sent, and whether the shop says which channels they agreed to.
pub(super) struct Contacts {
    pub(super) log: ContactLog,
    pub(super) opt_in_known: bool,
}

/// What a night decides with beyond members and items.
pub(super) struct Tonight<'a> {
    pub(super) contacts: &'a Contacts,
    /// What is scarce; `None`: nothing.
    pub(super) scarce: Option<Scarce>,
    /// The member whose offers are traced.
    pub(super) trace: Option<&'a str>,
}

/// Decides for every member.
pub(super) fn decide(
    scene: &Scene<'_>,
    described: &Described,
    known: &Known,
    catalogue: &Catalogue,
    tonight: Tonight<'_>,
    stages: &mut Stages,
    notes: &mut Findings,
) -> Result<Decided, RunError> {
    let Tonight { contacts, scarce, trace } = tonight;
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
    let scorer = known
        .knowledge
        .scorer(&known.tuned.parameters)
        .calibrated(known.tuned.calibration)
        .blocking(world.blocked())
        .repeating(known.repeat.clone());
    let boards = boards(scene, described, known, &scorer)?;
    let decider = Decider::new(&world, &scorer, scene.job.recommend().candidates).with_boards(&boards);
    let rules = Rules::new(catalogue, &described.features)?;
    let acceptance = learn(scene, described, catalogue, &contacts.log)?;
    let scarce_inputs = scarce.as_ref().map(|scarce| ScarceInputs {
        resources: &scarce.resources,
        ledger: &scarce.ledger,
        cities: &scarce.cities,
        holdout: Holdout::new(&catalogue.decision),
    });
    let admitted = |index: usize, shard: &Shard| {
        rules.admit(&ShardFacts {
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
        })
    };
    let plain = ShardInputs::plain(scene.members, &contacts.log, &previous);
    let shared = ShardInputs {
        channel_opt_in_known: contacts.opt_in_known,
        acceptance: acceptance.as_ref(),
        scarce: scarce_inputs.as_ref(),
        ..plain
    };
    let own = |index: usize, shard: &Shard| {
        let first = described.features.offset(index);
        first..first + shard.members.len()
    };
    let inputs_of = |index: usize, shard: &Shard| ShardInputs {
        segments: &described.memberships.segment[own(index, shard)],
        standing: if standing.is_empty() { &[] } else { &standing[own(index, shard)] },
        ..shared
    };
    let parts = shards.map(|index, shard: &Shard| {
        let (eligible, failed) = admitted(index, shard)?;
        let inputs = ShardInputs { eligible: &eligible, ..inputs_of(index, shard) };
        let mut space = decider.space();
        let draft = decider.shard(shard, &inputs, &mut space);
        progress.advance(1);
        Ok::<_, RunError>((draft, space.take_reach(), failed))
    })?;
    let generic = decider.generic(previous.generic());
    let mut reach = vec![Reach::default(); catalogue.offers.len()];
    let mut failed: Vec<FailedRows> = vec![FailedRows::default(); catalogue.offers.len()];
    let mut drafts = Vec::with_capacity(parts.len());
    for (draft, reached, rows) in parts {
        drafts.push(draft);
        reach.iter_mut().zip(&reached).for_each(|(sum, more)| sum.add(more));
        failed.iter_mut().zip(rows).for_each(|(sum, more)| sum.add(more));
    }
    rules.note_failures(&failed, notes);
    let members = match &scarce {
        Some(_) => member_ids(shards)?,
        None => Vec::new(),
    };
    let settled = settle(drafts, &members, scarce_inputs.as_ref(), &Allocator::new(catalogue, scene.items));
    if let Some(gap) = settled.allocation.as_ref().map(Allocation::gap).filter(|gap| *gap > SMALL_GAP) {
        let at = JobPath::root().key("offers");
        let message =
            format!("what is scarce is worth {:.1}% less than the upper bound of all ways to give it", gap * 100.0);
        let help =
            "with caps below 100 one assignment more or less counts that much; the manifest has it as allocation_gap";
        notes.note("offers::allocation_gap", at, message, help);
    }
    let mut decisions = settled.decisions;
    let mut generic = generic;
    if !previous.is_empty() {
        let orders = shards.map(|index, shard: &Shard| {
            Ok::<_, RunError>(lasting_slots(&decisions[index], &shard.members, &previous, catalogue))
        })?;
        for (decisions, orders) in decisions.iter_mut().zip(orders) {
            orders.iter().for_each(|(member, order)| decisions.arrange(*member, order));
        }
        generic = lasting_generic(generic, &previous, catalogue);
    }
    let grants = settled.grants;
    for (sum, more) in reach.iter_mut().zip(&settled.wanted) {
        sum.wanted += more;
    }
    after_caps(&decisions, &mut reach);
    let mut traced = None;
    if let Some(id) = trace {
        let codes: Vec<&str> = described.model.segments.iter().map(|s| s.code.as_str()).collect();
        let index = shard_of(id.as_bytes(), shards.len().max(1));
        let shard = shards.get(index)?;
        if let Some(member) = shard.members.find(id) {
            let (eligible, _) = admitted(index, &shard)?;
            let inputs = ShardInputs { eligible: &eligible, ..inputs_of(index, &shard) };
            let list: Vec<Choice> = decisions[index].choices(member).collect();
            let context = TraceContext { list: &list, allocation: settled.allocation.as_ref(), segments: &codes };
            let mut space = decider.space();
            let offers = decider.trace(&shard, member, &inputs, context, &mut space);
            let terms = |c: &Candidate| (*c, scorer.terms(c.item, space.workspace()));
            let rules = &known.repeat;
            let waits = |own: &&OwnItem| rules.rests(own);
            let waiting = space.workspace().own().iter().filter(waits).map(|own| Waits {
                item: own.item,
                policy: rules.policy(own.item),
                source: rules.source(own.item),
                last_day: own.last_day,
                wait: rules.wait_of(own),
            });
            traced = Some(Traced {
                offers,
                suggested: space.candidates().iter().map(terms).collect(),
                waiting: waiting.collect(),
            });
        }
    }
    let ledger = scarce.map(|s| scarce::after(scene, described, catalogue, s.ledger, &grants, &members));
    let slots: usize = decisions.iter().map(|d| d.all().len()).sum();
    progress.finish(&format!("{slots} slots filled"));
    stages.end("offers");
    let uplift = Uplifted::default();
    Ok(Decided { decisions, generic, reach, acceptance, ledger, allocation: settled.allocation, uplift, traced })
}

/// What is popular in each segment and in the cities of each tier.
fn boards(scene: &Scene<'_>, described: &Described, known: &Known, scorer: &Scorer<'_>) -> Result<Boards, RunError> {
    let shards = &scene.histories.shards;
    let segments = described.model.segments.len();
    let ids = member_ids(shards)?;
    let groups = |shard: usize, member: usize| {
        let segment = described.memberships.segment[described.features.offset(shard) + member];
        let tier = scene.members.get(ids[shard].get(member)).city_tier.filter(|t| usize::from(*t) < CITY_TIERS);
        [segment, tier.map_or(NO_GROUP, |t| (segments + usize::from(t)) as u16)]
    };
    let counted = GroupPopularity::count(
        shards,
        known.knowledge.view(),
        scene.items.len(),
        described.features.members() as u64,
        scorer.parameters().half_life_days,
        segments + CITY_TIERS,
        groups,
    )?;
    Ok(Boards::new(&counted, segments, &scorer.popularity()))
}

/// Counts the members who have each offer.
fn after_caps(decisions: &[Decisions], reach: &mut [Reach]) {
    for shard in decisions {
        for member in 0..shard.members() {
            let list = shard.of(member);
            for (slot, decision) in list.iter().enumerate() {
                if list[..slot].iter().all(|before| before.offer() != decision.offer()) {
                    reach[usize::from(decision.offer())].after_caps += 1;
                }
            }
        }
    }
}
