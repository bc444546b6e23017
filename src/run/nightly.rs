//! The nightly sequence.

use super::{
    RunError, RunSummary, Stages,
    answer::{Answer, Night},
    closing::Closing,
    crm,
    decide::{Contacts, Tonight, decide},
    fit::{Backdrop, describe, know, member_ids},
    gates::judge_night,
    lines::LineReader,
    notes as notes_of,
    opened::{as_of, findings_error, in_pool, open, output_root, take_lock},
    options::{Outcome, PreviousChoice, RunOptions},
    outputs::{self, Identity, TIMINGS},
    previous::Previous,
    run_id::{point_current, run_id},
    scarce,
    side_tables::quarantine,
    uplift,
};
use crate::{
    base::{Findings, findings::JobPath, progress::Progress},
    history::{Histories, ShardSet, Standing},
    input::{Zone, contract::Table},
    job::Loaded,
    offers::{Catalogue, ContactLog, ShopFacts},
    store::{OutputRoot, run_folder},
};

/// Runs the job.
///
/// # Errors
/// Whatever kept the run from being published; nothing of it is then visible.
pub fn run(loaded: &Loaded, options: &RunOptions, progress: &dyn Progress) -> Result<Outcome, RunError> {
    match in_pool(options.threads, || run_here(loaded, options, progress, None))? {
        Ended::Outcome(outcome) => Ok(outcome),
        // Nobody asked.
        Ended::Answer(_) => Err(RunError::NoAnswer),
    }
}

/// Does everything a run does up to the decision and answers for one member; nothing is written.
pub(super) fn answer(
    loaded: &Loaded,
    options: &RunOptions,
    member: &str,
    progress: &dyn Progress,
) -> Result<Answer, RunError> {
    match in_pool(options.threads, || run_here(loaded, options, progress, Some(member)))? {
        Ended::Answer(answer) => Ok(*answer),
        Ended::Outcome(_) => Err(RunError::NoAnswer),
    }
}

/// How a night ended: whole, or with an answer about one member.
enum Ended {
    Outcome(Outcome),
    Answer(Box<Answer>),
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

fn run_here(
    loaded: &Loaded,
    options: &RunOptions,
    progress: &dyn Progress,
    asked: Option<&str>,
) -> Result<Ended, RunError> {
    let job = &loaded.job;
    let mut stages = Stages::default();
    let mut notes = Findings::new();
    progress.start("open", None);
    let opened = open(job, options, &mut notes)?;
    let Some(lines) = opened.inputs.get(Table::Transactions).filter(|_| !notes.has_errors()) else {
        return Err(findings_error(&loaded.text, notes));
    };
    let zone = Zone::new(job.timezone());
    let as_of = as_of(job, options, &opened, lines, &zone)?;
    let root = output_root(job, options.out.as_deref(), "", &opened.places)?;
    let lock = if options.dry_run { None } else { Some(take_lock(&root, job, &format!("as of {as_of}"))?) };
    let previous = match &options.previous {
        PreviousChoice::None => None,
        PreviousChoice::Newest => Previous::newest(&root, job.name(), as_of, &opened.places)?,
        PreviousChoice::Place(place) => Some(Previous::named(place, job.name(), as_of, &opened.places)?),
    };
    let acknowledged = crm::acknowledged(&root, job, as_of, !options.dry_run, &opened.places)?;
    let digests = opened.inputs.digests(&opened.places)?;
    let tombstones = root.tombstones(&opened.places)?;
    let run_id = run_id(job, as_of, &digests, previous.as_ref(), &acknowledged.digests, tombstones.digest().as_deref());
    let folder = run_folder(as_of, &run_id);
    progress.finish(&format!("{} tables, as of {as_of}, run {run_id}", digests.len()));
    stages.end("open");
    if options.skip_if_published && root.read(&format!("{folder}/_SUCCESS"), &opened.places)?.is_some() {
        point_current(&root, &folder, as_of, &run_id, &opened.places)?;
        return Ok(Outcome::AlreadyPublished { folder }.into());
    }

    let memory_limit = options.memory_limit.or(job.memory_limit());
    let reader = LineReader { job, opened: &opened, lines, as_of, memory_limit, progress };
    let (mut side, scanned) = reader.read_all(zone.clone(), tombstones)?;
    notes_of::unknown_cities(&side.members.complete_city_tiers(&job.offers().programme.cities), &mut notes);
    stages.end("read");
    let histories = reader.fold(scanned, &side)?;
    stages.end("histories");
    let rows = side.balanced(&histories)?;
    if histories.rows.kept == 0 {
        return Err(RunError::NoLines { as_of, rows: Box::new(histories.rows.clone()) });
    }

    let items = side.listed.assemble(histories.items.clone(), job.consent().denied_categories());
    let backdrop = Backdrop {
        job,
        engine: &opened.engine,
        items: &items,
        members: &side.members,
        previous: previous.as_ref(),
        progress,
    };
    let scene = backdrop.scene(&histories);
    let shop = ShopFacts {
        items: &items,
        channels: &histories.dimensions.channels,
        labels: job.labels(),
        currency: job.currency(),
        as_of,
        timeline: histories.dimensions.timeline,
    };
    let catalogue = Catalogue::bind(job.offers(), &shop, &JobPath::root(), &mut notes);
    let mut described = describe(&scene, &mut stages, &mut notes)?;
    let known = know(&scene, &side.compatibility, &mut stages, &mut notes)?;
    notes_of::inputs(&scene, &opened, &side, &rows, &mut notes);
    notes_of::fit(&described, &known, &mut notes);
    notes_of::unknown_offers(&side.contacts, &catalogue, &mut notes);
    let contacts = Contacts {
        log: ContactLog::new(side.contact_rows(), &catalogue),
        opt_in_known: opened.inputs.get(Table::Members).is_some_and(|t| t.has("channel_opt_in")),
    };
    let may_be_named =
        |member: &str| matches!(side.standing(job, member, as_of), Standing::Personalised | Standing::OptedOut);
    let scarce = scarce::rebuild(&scene, &described, &catalogue, side.contact_rows(), &may_be_named)?;
    let tonight = Tonight { contacts: &contacts, scarce, trace: asked };
    let mut decided = decide(&scene, &described, &known, &catalogue, tonight, &mut stages, &mut notes)?;
    if let Some(member) = asked {
        let standing = side.standing(job, member, as_of);
        let night = Night { scene: &scene, described: &described, decided: &decided, catalogue: &catalogue };
        return Ok(Ended::Answer(Box::new(night.answer(run_id, member, standing, side.lists(member))?)));
    }

    let judged = judge_night(&scene, &described, &decided, &catalogue, &rows)?;
    judged.note(&mut notes);
    judged.refuse(&scene, &run_id, (!options.dry_run).then_some(&root), &opened.places)?;
    stages.end("gates");

    let members = member_ids(&histories.shards)?;
    progress.start("uplift", None);
    let has_activities = opened.inputs.get(Table::Activities).is_some();
    let lists = &decided.decisions;
    decided.uplift = uplift::measure(&scene, &described, lists, &catalogue, &members, has_activities, &mut notes)?;
    progress.finish(&decided.uplift.says());
    stages.end("uplift");

    progress.start("write", None);
    // What is written needs no histories: the blocks being written take their memory.
    let bare = Histories { shards: ShardSet::default(), ..histories };
    drop(histories.shards);
    let scene = backdrop.scene(&bare);
    let quarantined = quarantine(&opened, &side, &bare)?;
    let targets = job.output().crm.iter().cloned().zip(acknowledged.states);
    let crm = std::mem::take(&mut side.crm).plan(&run_id, targets);
    let identity = Identity {
        run_id: &run_id,
        previous_run: previous.as_ref().map(|p| p.manifest.run_id.as_str()),
        ledger: previous.as_ref().and_then(Previous::ledger_digest),
        inputs: &digests,
        rows: &rows,
    };
    // A dry run writes nothing to the output place.
    let aside = OutputRoot::Folder(opened.spill.clone());
    let closing = Closing {
        scene: &scene,
        opened: &opened,
        side: &side,
        members: &members,
        known: &known,
        catalogue: &catalogue,
        identity: &identity,
        quarantined: &quarantined,
        crm: &crm,
        judged: &judged,
        notes: &notes,
    };
    let place = if options.dry_run { &aside } else { &root };
    let staged = closing.stage(&mut described, &mut decided, place, options.dry_run, &mut stages)?;

    let summary = Box::new(RunSummary {
        segments: outputs::segment_summaries(&described),
        offers: staged.lists.offers,
        with_list: staged.lists.with_list,
        held_out: staged.lists.held_out,
        lifecycle: described.lifecycle_counts(),
        tags: described.tag_counts(),
        drift: described.drift.clone(),
        stages: stages.times().to_vec(),
        seconds: stages.elapsed().as_secs_f64(),
        manifest: staged.manifest,
    });
    let remarks = loaded.text.report(notes);
    if options.dry_run {
        return Ok(Outcome::DryRun { summary, remarks }.into());
    }
    progress.start("publish", None);
    outputs::json(&staged.staging, TIMINGS, &stages.times())?;
    staged.staging.seal()?;
    root.publish(staged.staging, &folder, &opened.places)?;
    let current = point_current(&root, &folder, as_of, &run_id, &opened.places)?;
    progress.finish(&folder);
    drop(lock);
    Ok(Outcome::Published { out: root.place(""), folder, current, summary, remarks }.into())
}
