//! From histories to segments, tags and item knowledge.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{
    RunError, Stages,
    eligibility::{FailedRows, Rules, ShardFacts},
    previous::Previous,
};
use crate::{
    base::{Findings, calendar::FestivalCalendar, findings::JobPath, progress::Progress},
    engine::Engine,
    export::NextPurchase,
    features::{DaySet, FeaturePlan, FeatureTable, FeatureView, Scaling, Vocabulary},
    history::{Histories, ShardSet, Timeline},
    input::{ItemTable, MemberTable},
    items::{AttachStatistics, FitRule, Fits, View, learn_fits},
    job::Job,
    recommend::{ItemKnowledge, RepeatRules, Tuned, reusable, tune},
    segments::{
        ColumnAbout, Distributions, Drift, DriftInput, FactsPlan, FactsView, FitInput, KChoice, LastingIds, Lifecycle,
        MemberFacts, MemberThresholds, Memberships, PreviousPlaces, PreviousSegments, PreviousTags, ProfileInput,
        ProfileSums, SegmentFit, SegmentModel, SegmentProfiles, ShardProfile, ShardTags, TagBook, TagEntry, TagView,
        ValueBand, fit_sample,
    },
};

/// What a run works with from here on.
pub(super) struct Scene<'a> {
    pub(super) job: &'a Job,
    pub(super) engine: &'a Engine,
    pub(super) histories: &'a Histories,
    pub(super) items: &'a ItemTable,
    pub(super) members: &'a MemberTable,
    pub(super) previous: Option<&'a Previous>,
    pub(super) progress: &'a dyn Progress,
}

/// What a scene has beside its histories, which are let go before a run is written.
pub(super) struct Backdrop<'a> {
    pub(super) job: &'a Job,
    pub(super) engine: &'a Engine,
    pub(super) items: &'a ItemTable,
    pub(super) members: &'a MemberTable,
    pub(super) previous: Option<&'a Previous>,
    pub(super) progress: &'a dyn Progress,
}

impl<'a> Backdrop<'a> {
    /// With these histories.
    pub(super) fn scene(&self, histories: &'a Histories) -> Scene<'a> {
        let Self { job, engine, items, members, previous, progress } = *self;
        Scene { job, engine, histories, items, members, previous, progress }
    }
}

/// The members, described.
pub(super) struct Described {
    pub(super) vocabulary: Vocabulary,
    pub(super) features: FeatureTable,
    pub(super) scaling: Scaling,
    pub(super) model: SegmentModel,
    pub(super) memberships: Memberships,
    pub(super) thresholds: MemberThresholds,
    /// In (shard, member) order.
    pub(super) lifecycle: Vec<Lifecycle>,
    pub(super) value_band: Vec<ValueBand>,
    /// By shard.
    pub(super) tags: Vec<ShardTags>,
    pub(super) tag_entries: Vec<TagEntry>,
    /// What the members of each segment are like.
    pub(super) profiles: SegmentProfiles,
    /// How the number of segments was chosen, where the job leaves it open.
    pub(super) k_choice: Option<KChoice>,
    /// Every id ever given to a segment.
    pub(super) ids: LastingIds,
    /// How the values of the features are spread.
    pub(super) distributions: Distributions,
    /// What has changed since the previous run.
    pub(super) drift: Option<Drift>,
    /// When members are expected to buy next, in (shard, member) order.
    pub(super) next_purchase: Vec<Option<NextPurchase>>,
}

impl Described {
    /// Members by lifecycle stage, in the order of the stages.
    pub(super) fn lifecycle_counts(&self) -> Vec<(&'static str, u64)> {
        let mut counts: BTreeMap<usize, (&'static str, u64)> = BTreeMap::new();
        for stage in &self.lifecycle {
            counts.entry(*stage as usize).or_insert((stage.as_str(), 0)).1 += 1;
        }
        counts.into_values().collect()
    }

    /// Tags given, by source.
    pub(super) fn tag_counts(&self) -> BTreeMap<&'static str, u64> {
        let mut by_tag = vec![0u64; self.tag_entries.len()];
        for held in self.tags.iter().flat_map(|t| &t.held) {
            by_tag[held.tag as usize] += 1;
        }
        let mut counts = BTreeMap::new();
        for (entry, count) in self.tag_entries.iter().zip(by_tag).filter(|(_, count)| *count > 0) {
            *counts.entry(entry.source.as_str()).or_default() += count;
        }
        counts
    }

    /// Forgets the days that are said of the member in a row: of the next purchase, and of being held in a segment.
    pub(super) fn forget_days(&mut self, row: usize) {
        if let Some(next) = self.next_purchase.get_mut(row) {
            *next = None;
        }
        self.memberships.held.retain(|held| held.row as usize != row);
    }
}

/// The shop's items, known.
pub(super) struct Known {
    pub(super) tuned: Tuned,
    pub(super) knowledge: ItemKnowledge,
    pub(super) attach: AttachStatistics,
    /// Whether what fits what was learned.
    pub(super) learned_fits: bool,
    pub(super) repeat: RepeatRules,
    /// Names under `[recommend] repeat` that are no category of this shop.
    pub(super) unknown_policies: Vec<String>,
}

/// Features, segments, lifecycle, value bands and tags.
pub(super) fn describe(scene: &Scene<'_>, stages: &mut Stages, notes: &mut Findings) -> Result<Described, RunError> {
    let Scene { job, engine, histories, items, progress, .. } = scene;
    let shards = &histories.shards;
    let places = engine.places();
    let previous_vocabulary = scene.previous.map(|p| p.vocabulary(places)).transpose()?.flatten();
    let previous_model = scene.previous.map(|p| p.segments(places)).transpose()?.flatten();
    let previous_ids = scene.previous.map(|p| p.segment_ids(places)).transpose()?.flatten();

    progress.start("features", None);
    let dimensions = &histories.dimensions;
    let calendar = FestivalCalendar::new(dimensions.first_day, dimensions.as_of);
    let festivals = DaySet::from_fn(dimensions.first_day, dimensions.as_of, |day| calendar.festival_of(day).is_some());
    let view = FeatureView {
        settings: job.features(),
        items,
        dimensions,
        labels: job.labels(),
        currency: job.currency(),
        festivals: &festivals,
        cut: dimensions.as_of,
    };
    let plan = FeaturePlan::new(view, shards, previous_vocabulary.as_ref())?;
    notes.extend(plan.notes().clone());
    let features = plan.compute(shards, None)?;
    let vocabulary = plan.vocabulary().clone();
    drop(plan);
    let count = features.dictionary().len();
    progress.finish(&format!("{count} features of {} members", features.members()));
    stages.end("features");

    progress.start("segments", None);
    let (scaling, flat) = Scaling::fit(&job.segments().features, &features)?;
    notes.extend(flat);
    let name_of = |shard: usize, member: usize| match shards.get(shard) {
        Ok(s) => s.members.get(member).to_owned(),
        Err(_) => format!("number {member} of shard {shard}"),
    };
    let matrix = scaling.apply(&features, &name_of)?;
    let ids = member_ids(shards)?;
    let sample = fit_sample(ids.iter().flat_map(crate::base::IdTable::iter), job.segments().fit_sample, job.seed());
    let dictionary = features.dictionary();
    let columns: Vec<ColumnAbout<'_>> = scaling
        .features
        .iter()
        .filter_map(|f| dictionary.find(&f.name))
        .map(|i| {
            let entry = &dictionary.entries()[i];
            let about = ColumnAbout::from(entry);
            // What must not be talked about names no segment.
            let denied = entry.group.as_ref().is_some_and(|g| job.consent().denies(&g.code));
            ColumnAbout { group: about.group.filter(|_| !denied), ..about }
        })
        .collect();
    let before = match (scene.previous, &previous_model) {
        (Some(previous), Some(_)) => previous.places(engine)?,
        _ => PreviousPlaces::default(),
    };
    let stood = before.of(&ids);
    let previous_ids = match (&previous_model, previous_ids) {
        (Some(model), None) => Some(LastingIds::of_model(model, dimensions.as_of)),
        (_, ids) => ids,
    };
    let previous = match (&previous_model, &previous_ids) {
        (Some(model), Some(ids)) => Some(PreviousSegments { model, ids, places: &stood }),
        _ => None,
    };
    let count = scene.k(&matrix, &ids, &scaling, previous_model.as_ref())?;
    let settings = count.settings(job.segments());
    let fit = SegmentModel::fit(
        &FitInput {
            matrix: matrix.view(),
            scaling: &scaling,
            columns: &columns,
            sample: sample.as_deref(),
            previous,
            as_of: dimensions.as_of,
            job_seed: job.seed(),
        },
        &settings,
    )?;
    drop(matrix);
    let distributions = Distributions::new(&features);
    let mut drift = None;
    if let Some(previous) = previous {
        let spread = scene.previous.map(|p| p.distributions(places)).transpose()?.flatten();
        let distributions = spread.as_ref();
        let input =
            DriftInput { previous, before: &before, distributions, fit: &fit, features: &features, scaling: &scaling };
        drift = Some(Drift::measure(&input));
    }
    let SegmentFit { model, memberships, ids: lasting, .. } = fit;
    for code in job.segments().names.keys().filter(|code| model.segments.iter().all(|s| s.code != **code)) {
        let at = JobPath::root().key("segments").key("names").key(code);
        let known: Vec<&str> = model.segments.iter().map(|s| s.code.as_str()).collect();
        let help = format!("tonight's segments are {}", known.join(", "));
        notes.warn("segments::unknown_code", at, format!("no segment has the code `{code}`"), help);
    }
    let start = if model.warm_start { "from last run's" } else { "afresh" };
    let (how, k) = (count.words(dimensions.as_of), model.segments.len());
    progress.finish(&format!("{k} segments{how}, fitted {start} in {} iterations", model.iterations));
    stages.end("segments");

    progress.start("tags", Some(shards.len() as u64));
    let plan = FactsPlan::new(FactsView {
        settings: job.segments(),
        items,
        dimensions,
        festivals: &festivals,
        regular: job.recommend().regular,
        cut: dimensions.as_of,
    });
    let facts: Vec<Vec<MemberFacts>> = shards.map(|_, shard| Ok::<_, RunError>(plan.shard(shard)))?;
    let thresholds =
        MemberThresholds::fit(&facts.iter().flatten(), job.segments(), dimensions.timeline, dimensions.as_of);
    let all = || facts.iter().flatten();
    let stage = |f| thresholds.lifecycle(f, job.segments(), dimensions.timeline, dimensions.as_of);
    let lifecycle: Vec<Lifecycle> = all().map(stage).collect();
    let value_band: Vec<ValueBand> = all().map(|f| thresholds.value_band(f)).collect();
    let previous_tags = match scene.previous {
        Some(previous) => previous.tags(engine)?,
        None => PreviousTags::default(),
    };
    let book = TagBook::new(TagView {
        model: &model,
        thresholds: &thresholds,
        plan: &plan,
        dimensions,
        labels: job.labels(),
        currency: job.currency(),
        settings: job.segments(),
        members: scene.members,
    });
    let sums = Mutex::new(ProfileSums::new(&plan, model.segments.len()));
    let parts = shards.map(|index, shard| {
        let first = features.offset(index);
        let segments = &memberships.segment[first..first + shard.members.len()];
        let mut own = ProfileSums::new(&plan, model.segments.len());
        own.shard(&plan, shard, segments);
        // Integers: the order of the shards does not matter.
        sums.lock().unwrap_or_else(PoisonError::into_inner).add(&own);
        let profile = ShardProfile { segments, facts: &facts[index] };
        let tags = book.shard(shard, profile, &previous_tags);
        let city_tiers: Vec<u8> = shard.members.iter().map(|id| scene.members.get(id).city_tier.unwrap_or(0)).collect();
        progress.advance(1);
        Ok::<_, RunError>((tags, city_tiers))
    })?;
    let (tags, city_tier): (Vec<ShardTags>, Vec<Vec<u8>>) = parts.into_iter().unzip();
    let tags =
        by_rules(scene, &book, tags, &features, &model, &memberships, &lifecycle, &value_band, &previous_tags, notes)?;
    let given: usize = tags.iter().map(|t| t.held.len()).sum();
    progress.finish(&format!("{given} tags"));
    stages.end("tags");
    let profiles = SegmentProfiles::new(&ProfileInput {
        model: &model,
        segment: &memberships.segment,
        features: &features,
        in_segments: &model.features,
        facts: &facts,
        lifecycle: &lifecycle,
        value_band: &value_band,
        city_tier: &city_tier.concat(),
        thresholds: &thresholds,
        settings: &job.segments().lifecycle,
        sums: &sums.into_inner().unwrap_or_else(PoisonError::into_inner),
        groups: plan.category_groups(),
        channels: &dimensions.channels,
        labels: job.labels(),
        as_of: dimensions.as_of,
    });
    stages.end("profiles");
    let tag_entries = book.entries().to_vec();
    let next = |f: &MemberFacts| {
        let usual_gap = f.median_gap?;
        let expected = job.segments().lifecycle.expected(f)?;
        Some(NextPurchase { expected, last: f.last, usual_gap })
    };
    let next_purchase = match dimensions.timeline {
        Timeline::Calendar => all().map(next).collect(),
        Timeline::Ordinal => Vec::new(),
    };
    Ok(Described {
        vocabulary,
        features,
        scaling,
        k_choice: count.0,
        model,
        memberships,
        thresholds,
        lifecycle,
        value_band,
        tags,
        tag_entries,
        profiles,
        ids: lasting,
        distributions,
        drift,
        next_purchase,
    })
}

/// Adds the tags of the job's segments by rule.
#[expect(clippy::too_many_arguments, reason = "the member table is put together from all of these")]
fn by_rules(
    scene: &Scene<'_>,
    book: &TagBook<'_>,
    tags: Vec<ShardTags>,
    features: &FeatureTable,
    model: &SegmentModel,
    memberships: &Memberships,
    lifecycle: &[Lifecycle],
    value_band: &[ValueBand],
    previous: &PreviousTags,
    notes: &mut Findings,
) -> Result<Vec<ShardTags>, RunError> {
    let rules = &scene.job.segments().rules;
    if rules.is_empty() {
        return Ok(tags);
    }
    let compiled = Rules::of_segments(rules, features)?;
    let parts = scene.histories.shards.map(|index, shard| {
        let facts = ShardFacts {
            index,
            shard,
            features,
            members: scene.members,
            model,
            memberships,
            lifecycle,
            value_band,
            tags: &tags[index],
            tag_entries: book.entries(),
            as_of: scene.histories.dimensions.as_of,
        };
        let (masks, failed) = compiled.admit(&facts)?;
        let admits = |rule: usize, member: usize| masks[rule].as_ref().is_some_and(|mask| mask.contains(member));
        Ok::<_, RunError>((book.with_rules(shard, &tags[index], admits, previous), failed))
    })?;
    let mut failed = vec![FailedRows::default(); rules.len()];
    let mut all = Vec::with_capacity(parts.len());
    for (tags, more) in parts {
        all.push(tags);
        failed.iter_mut().zip(more).for_each(|(sum, rows)| sum.add(rows));
    }
    compiled.note_failures(&failed, notes);
    Ok(all)
}

/// Member ids by shard.
pub(super) fn member_ids(shards: &ShardSet) -> Result<Vec<crate::base::IdTable>, RunError> {
    shards.map(|_, shard| Ok(shard.members.clone()))
}

/// Tunes the score on the history's tail, or takes last run's numbers while they are fresh, and adds up the items.
pub(super) fn know(
    scene: &Scene<'_>,
    rules: &[(String, String)],
    stages: &mut Stages,
    notes: &mut Findings,
) -> Result<Known, RunError> {
    let Scene { job, engine, histories, items, progress, .. } = scene;
    let (shards, dimensions, settings) = (&histories.shards, &histories.dimensions, job.recommend());
    progress.start("tuning", None);
    let earlier = scene.previous.map(|p| p.tuned(engine.places())).transpose()?.flatten();
    let tuned = match earlier.filter(|t| reusable(t, dimensions.as_of, settings)) {
        Some(tuned) => tuned,
        None => tune(shards, items, dimensions, settings, job.seed())?,
    };
    let how = match tuned.from {
        crate::recommend::TunedFrom::History if tuned.tuned_on < dimensions.as_of => {
            format!("numbers of {} are still fresh", tuned.tuned_on)
        }
        crate::recommend::TunedFrom::History => {
            format!(
                "recall@10 {:.3} on {} members, {} settings tried",
                tuned.recall_at_10, tuned.members, tuned.evaluated
            )
        }
        crate::recommend::TunedFrom::Job => "every number stands in the job".to_owned(),
        crate::recommend::TunedFrom::Defaults => {
            format!("too few members to tune on ({}): defaults", tuned.members)
        }
    };
    progress.finish(&how);
    stages.end("tuning");

    progress.start("items", None);
    let view = View::at(dimensions.as_of, dimensions.timeline);
    let half_lives = tuned.parameters.half_lives();
    let knowledge = ItemKnowledge::fit(shards, &view, items, &half_lives, settings)?;
    let rules: Vec<FitRule> = rules
        .iter()
        .map(|(device, accessory)| FitRule { device: device.clone(), accessory: accessory.clone() })
        .collect();
    let (mut fits, unknown) = Fits::new(items, &rules);
    let said = !rules.is_empty() || items.fits.iter().any(|fits| !fits.is_empty());
    let asked = job.offers().offers.iter().any(|offer| offer.kind.asks_what_fits());
    let learned_fits = !said && asked && settings.learn_fits;
    if learned_fits {
        fits = learn_fits(shards, &view, items, &knowledge.statistics)?;
        let devices = fits.devices().count();
        let message = format!("what fits what was learned from purchases: {} pairs, {devices} devices", fits.len());
        let help = "to be certain give a `compatibility` table, or `fits` of the items";
        notes.note("offers::learned_fits", JobPath::root().key("recommend").key("learn_fits"), message, help);
    }
    if let Some(first) = unknown.first() {
        let root = JobPath::root().key("inputs");
        notes.warn(
            "input::unknown_fit",
            root.key(if first.name.is_empty() { "items" } else { "compatibility" }),
            format!(
                "{} names of devices or accessories are no item and no category, such as `{}`",
                unknown.len(),
                first.name
            ),
            "they are passed over; correct the compatibility table or the items' `fits`",
        );
    }
    let attach = AttachStatistics::count(shards, &view, fits, settings.attach_days)?;
    let (repeat, unknown_policies) = RepeatRules::new(settings, items, &knowledge.statistics);
    progress.finish(&format!("{} items, {} that fit another", items.len(), attach.fits().len()));
    stages.end("items");
    Ok(Known { tuned, knowledge, attach, learned_fits, repeat, unknown_policies })
}
