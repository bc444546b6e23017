//! The nightly sequence.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

use super::{
    FORMAT, Inputs, Manifest, RunError, RunSummary, Stages,
    answer::{Answer, Night},
    consent,
    crm::{self, CrmTables},
    decide::{Contacts, Tonight, decide},
    fit::{Scene, describe, know, member_ids},
    inputs::{TableDigest, open_inputs},
    outputs::{self, Identity, TIMINGS},
    previous::Previous,
    report, scarce,
};
use crate::{
    base::{Day, Findings, digest::Sha256Sum, findings::JobPath, progress::Progress},
    engine::Engine,
    history::{Exclusion, FoldOptions, Histories, ShardSet, Standing, Timeline, fold},
    input::{
        CaughtRows, ConsentLedger, Contact, InputError, ListedItems, MemberTable, Permission, TableInput, Zone,
        accounting::{LostRow, RowCounts},
        contract::Table,
        lines::{CleaningContext, LineCleaner},
        raw_rows, read_activities, read_compatibility, read_contacts, read_forgotten, read_members,
        read_suppressed_tags, read_tag_ids,
        side_rows::{SideContext, latest_day},
    },
    job::{AsOf, Job, JobText, Loaded, Report},
    offers::{Catalogue, ContactLog, ContactRow, ShopFacts},
    store::{OutputRoot, Places, StoreError, atomic, lock::Lock, run_folder},
};

/// Which run this one follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PreviousChoice {
    /// The newest published run of the job with an earlier as-of day.
    #[default]
    Newest,
    /// None: everything starts afresh.
    None,
    /// The run in this folder or under this URL.
    Place(String),
}

/// What the command line says about a run. Nothing here but `as_of` and `previous` changes a byte of the output.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Last day to read, instead of the job's.
    pub as_of: Option<Day>,
    /// Output place, instead of the job's; relative to the working folder.
    pub out: Option<String>,
    /// Which run this one follows.
    pub previous: PreviousChoice,
    /// Threads; 0: one a core.
    pub threads: usize,
    /// Bytes the run may use, instead of the job's.
    pub memory_limit: Option<u64>,
    /// Do everything but publish.
    pub dry_run: bool,
    /// Do nothing if the run is published already.
    pub skip_if_published: bool,
}

/// How a run ended well.
#[derive(Debug)]
pub enum Outcome {
    /// Published in this folder, relative to the output place.
    Published {
        /// The output place, as a path or URL.
        out: String,
        /// The run's folder within it.
        folder: String,
        /// Whether `current` points at it now.
        current: bool,
        /// What it came to.
        summary: Box<RunSummary>,
        /// Warnings and notes.
        remarks: Report,
    },
    /// All done and thrown away.
    DryRun {
        /// What it came to.
        summary: Box<RunSummary>,
        /// Warnings and notes.
        remarks: Report,
    },
    /// The same job, inputs and day are published already.
    AlreadyPublished {
        /// The run's folder within the output place.
        folder: String,
    },
}

/// The engine and the opened inputs of a job.
pub(super) struct Opened {
    pub(super) places: Arc<Places>,
    pub(super) engine: Engine,
    pub(super) inputs: Inputs,
    spill: PathBuf,
    /// Holds the spill folder for as long as the run lasts.
    _spill: tempfile::TempDir,
}

pub(super) fn findings_error(text: &JobText, findings: Findings) -> RunError {
    RunError::Findings { report: Box::new(text.report(findings)) }
}

pub(super) fn open(job: &Job, options: &RunOptions, findings: &mut Findings) -> Result<Opened, RunError> {
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        n => n,
    };
    let object_options = job.inputs().object_store().options().clone();
    let places = Arc::new(Places::new(object_options, threads)?);
    let temporary = tempfile::Builder::new().prefix("nextoffer-").tempdir().map_err(|source| {
        RunError::Output(StoreError::Io { action: "create a spill folder in", path: std::env::temp_dir(), source })
    })?;
    let spill = temporary.path().to_owned();
    let limit = options.memory_limit.or(job.memory_limit());
    let engine = Engine::new(Arc::clone(&places), threads, limit, &spill)?;
    let inputs = open_inputs(&engine, job, findings);
    Ok(Opened { places, engine, inputs, spill, _spill: temporary })
}

/// Checks the job's inputs without reading rows or writing anything; gives every finding.
///
/// # Errors
/// If the engine cannot be started.
pub fn check(loaded: &Loaded, options: &RunOptions) -> Result<Report, RunError> {
    let mut findings = Findings::new();
    open(&loaded.job, options, &mut findings)?;
    Ok(loaded.text.report(findings))
}

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

fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("nextoffer-{i}")).build();
    match pool {
        Ok(pool) => pool.install(work),
        // Without a pool of its own the run takes rayon's.
        Err(_) => work(),
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
    let root = match &options.out {
        Some(out) => OutputRoot::open(out, std::path::Path::new("."), &opened.places),
        None => OutputRoot::open(job.out(), job.folder(), &opened.places),
    }
    .map_err(RunError::Output)?;
    let lock = if options.dry_run { None } else { Some(take_lock(&root, job, as_of)?) };
    let previous = match &options.previous {
        PreviousChoice::None => None,
        PreviousChoice::Newest => Previous::newest(&root, job.name(), as_of, &opened.places)?,
        PreviousChoice::Place(place) => Some(Previous::named(place, job.name(), as_of, &opened.places)?),
    };
    let acknowledged = crm::acknowledged(&root, job, as_of, !options.dry_run, &opened.places)?;
    let digests = opened.inputs.digests(&opened.places)?;
    let run_id = run_id(job, as_of, &digests, previous.as_ref(), &acknowledged.digests);
    let folder = run_folder(as_of, &run_id);
    progress.finish(&format!("{} tables, as of {as_of}, run {run_id}", digests.len()));
    stages.end("open");
    if options.skip_if_published && root.read(&format!("{folder}/_SUCCESS"), &opened.places)?.is_some() {
        point_current(&root, &folder, as_of, &run_id, &opened.places)?;
        return Ok(Outcome::AlreadyPublished { folder }.into());
    }

    let mut side = SideTables::read(job, &opened, zone.clone())?;
    note_unknown_cities(&side.members.complete_city_tiers(&job.offers().programme.cities), &mut notes);
    stages.end("side tables");
    let memory_limit = options.memory_limit.or(job.memory_limit());
    let histories = read_lines(job, &opened, lines, &side, as_of, memory_limit, progress)?;
    stages.end("histories");
    let mut rows = side.rows.clone();
    rows.insert(Table::Transactions.name().to_owned(), histories.rows.clone());
    for (table, counts) in &rows {
        if !counts.balanced() {
            let known = Table::ALL.iter().map(|t| t.name()).find(|name| name == table);
            return Err(RunError::Unbalanced { table: known.unwrap_or("transactions") });
        }
    }
    if histories.rows.kept == 0 {
        return Err(RunError::NoLines { as_of, rows: Box::new(histories.rows.clone()) });
    }

    let items = side.listed.assemble(histories.items.clone(), job.consent().denied_categories());
    let scene = Scene {
        job,
        engine: &opened.engine,
        histories: &histories,
        items: &items,
        members: &side.members,
        previous: previous.as_ref(),
        progress,
    };
    let root_path = JobPath::root();
    let shop = ShopFacts {
        items: &items,
        channels: &histories.dimensions.channels,
        labels: job.labels(),
        currency: job.currency(),
        as_of,
        timeline: histories.dimensions.timeline,
    };
    let catalogue = Catalogue::bind(job.offers(), &shop, &root_path, &mut notes);
    let mut described = describe(&scene, &mut stages, &mut notes)?;
    let known = know(&scene, &side.compatibility, &mut stages, &mut notes)?;
    if histories.dimensions.timeline == Timeline::Ordinal {
        let message = "the lines have an order but no time: a day in files and folders stands for a basket, 1970-01-01 for basket 0";
        notes.note("input::no_calendar", root_path.key("inputs").key("transactions"), message, "");
    }
    if !items.is_empty() && items.name.iter().all(String::is_empty) {
        let message = "the items have no names: sentences show their ids";
        let help = "map `name` under [inputs.items] if the data has it";
        notes.note("input::no_names", root_path.key("inputs"), message, help);
    }
    let unlisted = items.listed.iter().filter(|listed| !**listed).count();
    if opened.inputs.get(Table::Items).is_some() && unlisted > 0 {
        let message =
            format!("{unlisted} items on the lines are not in the items table: they count, but are never offered");
        notes.note("input::unlisted_items", root_path.key("inputs").key("items"), message, "");
    }
    for (table, first) in [(Table::Items, side.listed.repeated()), (Table::Members, None)] {
        let repeats = rows.get(table.name()).and_then(|r| r.dropped.get("duplicate")).copied().unwrap_or(0);
        if repeats > 0 {
            let example = first.map_or_else(String::new, |id| format!(" (`{id}` is the first)"));
            let message = format!("table {} has {repeats} rows too many for ids it already has{example}", table.name());
            let help = "of rows with one id the first by file and row counts; deliver one row an id";
            notes.warn("input::repeated_id", root_path.key("inputs").key(table.name()), message, help);
        }
    }
    let (categories, channels) = (&items.categories, &histories.dimensions.channels);
    job.labels().check_used(categories, channels, &root_path.key("labels"), &mut notes);
    for name in &known.unknown_policies {
        let at = root_path.key("recommend").key("repeat").key(name);
        notes.warn("recommend::unknown_category", at, format!("no item is in category `{name}`"), "correct the path");
    }
    let small: Vec<&str> = described
        .model
        .segments
        .iter()
        .filter(|s| s.members * 500 < described.features.members() as u64)
        .map(|s| s.code.as_str())
        .collect();
    if !small.is_empty() {
        let message = format!("under 0.2% of the members are in each of {}", small.join(", "));
        notes.note(
            "segments::very_small",
            root_path.key("segments").key("k"),
            message,
            "a smaller `k` may serve better",
        );
    }
    note_unknown_offers(&side.contacts, &catalogue, &mut notes);
    let contacts = Contacts {
        log: ContactLog::new(side.contact_rows(), &catalogue),
        opt_in_known: opened.inputs.get(Table::Members).is_some_and(|t| t.has("channel_opt_in")),
    };
    let unknown = contacts.log.unknown();
    if unknown > 0 {
        let message = format!("{unknown} contacts are with offers that the job does not have");
        let at = root_path.key("inputs").key("contacts");
        let help = "they count towards the caps on contacts of a member, and to the rate of acceptance in all";
        notes.note("offers::contacts_of_unknown_offers", at, message, help);
    }
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

    progress.start("write", None);
    let members = member_ids(&histories.shards)?;
    // What is written needs no histories: the blocks being written take their memory.
    let bare = Histories { shards: ShardSet::default(), ..histories };
    drop(histories.shards);
    let histories = bare;
    let scene = Scene {
        job,
        engine: &opened.engine,
        histories: &histories,
        items: &items,
        members: &side.members,
        previous: previous.as_ref(),
        progress,
    };
    // A dry run writes nothing to the output place.
    let aside = OutputRoot::Folder(opened.spill.clone());
    let place = if options.dry_run { &aside } else { &root };
    let quarantined = quarantine(&opened, &side, &histories)?;
    let targets = job.output().crm.iter().cloned().zip(acknowledged.states);
    let crm = std::mem::take(&mut side.crm).plan(&run_id, targets);
    let identity = Identity {
        run_id: &run_id,
        previous_run: previous.as_ref().map(|p| p.manifest.run_id.as_str()),
        ledger: previous.as_ref().and_then(Previous::ledger_digest),
        inputs: &digests,
        rows: &rows,
    };
    let mut withdrawn = HashSet::new();
    let (staging, manifest, (offers, with_list, held_out)) = loop {
        let staging = place.stage(&run_id).map_err(RunError::Output)?;
        let written = outputs::write(
            &scene,
            &members,
            &described,
            &known,
            &decided,
            &catalogue,
            &quarantined,
            &crm,
            &withdrawn,
            &staging,
        )?;
        let staged = staging.files()?;
        let mut manifest = outputs::manifest(&scene, &identity, &described, &decided, &catalogue, &written, &staged);
        manifest.members.withdraw(withdrawn.len() as u64);
        stages.end("write");
        let (offers, with_list, held_out) =
            outputs::offer_summaries(&scene, &members, &described, &decided, &catalogue, &manifest);
        let lists = report::Lists { offers: &offers, with_list, held_out };
        report::write(&scene, &members, &described, &known, &manifest, &lists, &notes, &staging)?;
        let staged = staging.files()?;
        manifest.outputs = outputs::entries(&written, &staged);
        outputs::json(&staging, "manifest.json", &manifest)?;
        progress.finish(&format!("{} files", staged.len() + 1));
        stages.end("report");
        // Whoever withdrew in the meantime is taken out, and all is written once more, until nobody has.
        progress.start("consent", None);
        let mut gone = consent::withdrawn(job, &opened, &side, &digests, as_of, &members, &histories.opted_out)?;
        gone.retain(|member| !withdrawn.contains(member));
        progress.finish(&format!("{} members withdrew since it was read", gone.len()));
        stages.end("consent");
        if gone.is_empty() || options.dry_run {
            break (staging, manifest, (offers, with_list, held_out));
        }
        consent::withdraw(&gone, &members, &mut described, &mut decided);
        withdrawn.extend(gone);
        progress.start("write", None);
    };

    let summary = Box::new(RunSummary {
        segments: outputs::segment_summaries(&described),
        offers,
        with_list,
        held_out,
        lifecycle: lifecycle_counts(&described.lifecycle),
        tags: tag_counts(&described),
        drift: described.drift.clone(),
        stages: stages.times().to_vec(),
        seconds: stages.elapsed().as_secs_f64(),
        manifest,
    });
    let remarks = loaded.text.report(notes);
    if options.dry_run {
        return Ok(Outcome::DryRun { summary, remarks }.into());
    }
    progress.start("publish", None);
    outputs::json(&staging, TIMINGS, &stages.times())?;
    staging.seal()?;
    root.publish(staging, &folder, &opened.places)?;
    let current = point_current(&root, &folder, as_of, &run_id, &opened.places)?;
    progress.finish(&folder);
    drop(lock);
    Ok(Outcome::Published { out: root.place(""), folder, current, summary, remarks }.into())
}

/// The last day to read.
pub(super) fn as_of(
    job: &Job,
    options: &RunOptions,
    opened: &Opened,
    lines: &TableInput,
    zone: &Zone,
) -> Result<Day, RunError> {
    if let Some(day) = options.as_of {
        return Ok(day);
    }
    match job.as_of() {
        AsOf::Day(day) => Ok(day),
        AsOf::LatestInData => {
            let column = if lines.has("ts") { "ts" } else { "basket_index" };
            latest_day(&opened.engine, lines, column, zone)?.ok_or(RunError::NoAsOf)
        }
    }
}

/// The run's id: a hash of all that decides its content.
fn run_id(
    job: &Job,
    as_of: Day,
    digests: &[TableDigest],
    previous: Option<&Previous>,
    acknowledged: &[[String; 3]],
) -> String {
    let mut sum = Sha256Sum::new();
    sum.field(b"nextoffer run");
    sum.field(&FORMAT.to_le_bytes());
    sum.field(job.canonical_json().as_bytes());
    sum.field(as_of.to_string().as_bytes());
    for digest in digests {
        sum.field(digest.table.as_bytes());
        sum.field(digest.sha256.as_bytes());
    }
    sum.field(previous.map_or("none", |p| p.digest.as_str()).as_bytes());
    if let Some((ledger, _)) = previous.and_then(Previous::ledger_digest) {
        sum.field(b"ledger");
        sum.field(ledger.as_bytes());
    }
    acknowledged.iter().flatten().for_each(|part| sum.field(part.as_bytes()));
    let mut id = sum.hex();
    id.truncate(16);
    id
}

pub(super) fn take_lock(root: &OutputRoot, job: &Job, as_of: Day) -> Result<Option<Lock>, RunError> {
    match root {
        OutputRoot::Folder(folder) => {
            atomic::create_folder(folder).map_err(RunError::Output)?;
            let holder = format!("job {}, as of {as_of}, process {}", job.name(), std::process::id());
            Ok(Some(Lock::take(&folder.join(".lock"), &holder)?))
        }
        // An object store has no lock; publishing writes the pointer last, so that the later run wins whole.
        OutputRoot::Objects { .. } => Ok(None),
    }
}

/// Points `current` at the run unless it names a run of a later day or the run was rolled back; tells whether it does now.
fn point_current(root: &OutputRoot, folder: &str, as_of: Day, run_id: &str, places: &Places) -> Result<bool, RunError> {
    if root.rolled_back(places)?.contains(run_id) {
        return Ok(false);
    }
    let later = root
        .current(places)?
        .and_then(|run| Day::parse(run.strip_prefix("dt=")?.split('/').next()?))
        .is_some_and(|current| current > as_of);
    if !later {
        root.set_current(folder, places)?;
    }
    Ok(!later)
}

/// What reading a table beside the lines needs to know.
pub(super) fn side_context<'a>(job: &'a Job, engine: &'a Engine, zone: Zone) -> SideContext<'a> {
    SideContext { engine, cleaning: job.cleaning(), zone, currency_digits: job.currency().exponent() }
}

/// The tables beside the purchase lines.
pub(super) struct SideTables {
    crm: CrmTables,
    pub(super) listed: ListedItems,
    pub(super) members: MemberTable,
    consent: ConsentLedger,
    forgotten: HashSet<String>,
    pub(super) compatibility: Vec<(String, String)>,
    contacts: Vec<Contact>,
    rows: BTreeMap<String, RowCounts>,
    lost: Vec<(Table, Vec<LostRow>)>,
}

impl SideTables {
    pub(super) fn read(job: &Job, opened: &Opened, zone: Zone) -> Result<Self, RunError> {
        let context = side_context(job, &opened.engine, zone);
        let systems = crm::systems(&job.output().crm);
        let mut side = Self {
            crm: CrmTables::default(),
            listed: ListedItems::default(),
            members: MemberTable::default(),
            consent: ConsentLedger::default(),
            forgotten: HashSet::new(),
            compatibility: Vec::new(),
            contacts: Vec::new(),
            rows: BTreeMap::new(),
            lost: Vec::new(),
        };
        for input in opened.inputs.iter() {
            let (counts, lost) = match input.table {
                Table::Items => keep(&mut side.listed, ListedItems::read(input, &context)?),
                Table::Members => keep(&mut (), read_members(input, &context, &mut side.members)?),
                Table::Consent => keep(&mut side.consent, ConsentLedger::read(input, &context)?),
                Table::Contacts => keep(&mut side.contacts, read_contacts(input, &context)?),
                Table::Compatibility => keep(&mut side.compatibility, read_compatibility(input, &context)?),
                Table::Activities => keep(&mut (), read_activities(input, &context, &mut side.members)?),
                Table::SuppressedTags => keep(&mut (), read_suppressed_tags(input, &context, &mut side.members)?),
                Table::Forgotten => keep(&mut side.forgotten, read_forgotten(input, &context)?),
                // The lines are folded; keys of other systems are only for the targets that need them.
                Table::Identities if !systems.is_empty() => side.crm.read_identities(input, &systems, &context)?,
                Table::TagIds if crm::takes_tag_ids(&job.output().crm) => {
                    keep(&mut side.crm.tag_ids, read_tag_ids(input, &context)?)
                }
                Table::Transactions | Table::Identities | Table::TagIds => continue,
            };
            side.rows.insert(input.table.name().to_owned(), counts);
            side.lost.push((input.table, lost));
        }
        Ok(side)
    }

    /// Whether a table beside the lines has a row of the member.
    fn lists(&self, member: &str) -> bool {
        self.members.contains(member) || self.consent.contains(member) || self.forgotten.contains(member)
    }

    /// Whether a member's data may be used, and for what.
    pub(super) fn standing(&self, job: &Job, member: &str, as_of: Day) -> Standing {
        self.standing_by(&self.consent, job, member, as_of)
    }

    /// The same by another state of consent.
    pub(super) fn standing_by(&self, consent: &ConsentLedger, job: &Job, member: &str, as_of: Day) -> Standing {
        if self.forgotten.contains(member) {
            return Standing::Excluded(Exclusion::Forgotten);
        }
        let birth = self.members.get(member).birth_date;
        match consent.permission(member, birth, as_of, job.consent()) {
            Permission::Full => Standing::Personalised,
            Permission::OptedOut => Standing::OptedOut,
            Permission::NoLawfulBasis => Standing::Excluded(Exclusion::NoLawfulBasis),
            Permission::Withdrawn => Standing::Excluded(Exclusion::Withdrawn),
            Permission::Minor => Standing::Excluded(Exclusion::Minor),
        }
    }

    /// The contacts.
    pub(super) fn contact_rows(&self) -> impl Iterator<Item = ContactRow<'_>> {
        self.contacts.iter().map(|c| ContactRow {
            member_id: &c.member_id,
            offer_id: &c.offer_id,
            sent: c.sent,
            accepted: c.accepted,
            refused: c.refused,
            released: c.released,
        })
    }
}

/// Says once how many contacts name offers that are not in the catalogue: past campaigns, or ids written otherwise.
fn note_unknown_offers(contacts: &[Contact], catalogue: &Catalogue, notes: &mut Findings) {
    let known: HashSet<&str> = catalogue.offers.iter().map(|o| o.offer.id.as_str()).collect();
    let mut unknown: BTreeMap<&str, u64> = BTreeMap::new();
    for contact in contacts.iter().filter(|c| !known.contains(c.offer_id.as_str())) {
        *unknown.entry(&contact.offer_id).or_default() += 1;
    }
    let Some((id, count)) = unknown.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))) else { return };
    let all: u64 = unknown.values().sum();
    let ids = catalogue.offers.iter().map(|o| o.offer.id.as_str());
    let help = match crate::base::findings::nearest(id, ids) {
        Some(near) => format!("did you mean `{near}`? They hold no offer back"),
        None => "they hold no offer back".to_owned(),
    };
    let message =
        format!("{all} contacts name {} offers that are not in the catalogue, {count} of them `{id}`", unknown.len());
    notes.note("offers::contacts_of_unknown_offers", JobPath::root().key("inputs").key("contacts"), message, help);
}

/// Says once which cities of members no table knows: they have no tier.
fn note_unknown_cities(unknown: &[(String, usize)], notes: &mut Findings) {
    let Some((city, members)) = unknown.first() else { return };
    let at = JobPath::root().key("inputs").key("members");
    let all: usize = unknown.iter().map(|u| u.1).sum();
    let message = format!(
        "{all} members live in {} cities without a tier, {members} of them in `{city}`: rules by city tier leave them out",
        unknown.len()
    );
    notes.note("cities::without_tier", at, message, "give their tiers under `[cities.tiers]`");
}

fn keep<T>(into: &mut T, (value, counts, lost): (T, RowCounts, Vec<LostRow>)) -> (RowCounts, Vec<LostRow>) {
    *into = value;
    (counts, lost)
}

pub(super) fn read_lines(
    job: &Job,
    opened: &Opened,
    lines: &TableInput,
    side: &SideTables,
    as_of: Day,
    memory_limit: Option<u64>,
    progress: &dyn Progress,
) -> Result<Histories, InputError> {
    let listed = opened.inputs.get(Table::Items).map(|_| Arc::new(side.listed.ids()));
    let context = CleaningContext {
        cleaning: job.cleaning(),
        zone: job.timezone(),
        as_of,
        currency_digits: job.currency().exponent(),
        listed_items: listed.clone(),
    };
    let cleaner = LineCleaner::new(lines, &context)?;
    let standing = |member: &str| side.standing(job, member, as_of);
    // Stores and cities of lines are read by SQL features alone.
    let named = |column: &str| {
        let words = |sql: &str| sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == column);
        job.features().sql.iter().any(|f| words(&f.expr))
    };
    let keep = [named("store"), named("city")];
    let options =
        FoldOptions { shards: job.shards(), as_of, cleaning: job.cleaning(), memory_limit, spill: &opened.spill, keep };
    fold(&opened.engine, lines, &cleaner, listed.as_deref(), &standing, &options, progress)
}

/// Every quarantined row with its raw values, by table, file and row.
fn quarantine(
    opened: &Opened,
    side: &SideTables,
    histories: &Histories,
) -> Result<Vec<crate::input::QuarantinedRow>, RunError> {
    let mut all = Vec::new();
    let none = CaughtRows::default();
    let lines = (Table::Transactions, &histories.lost, &histories.caught);
    for (table, lost, caught) in side.lost.iter().map(|(t, l)| (*t, l, &none)).chain([lines]) {
        if let Some(input) = opened.inputs.get(table) {
            all.extend(raw_rows(&opened.engine, input, lost, caught)?);
        }
    }
    all.sort_by(|a, b| (a.table, &a.file, a.row).cmp(&(b.table, &b.file, b.row)));
    Ok(all)
}

fn lifecycle_counts(stages: &[crate::segments::Lifecycle]) -> Vec<(&'static str, u64)> {
    let mut counts: BTreeMap<usize, (&'static str, u64)> = BTreeMap::new();
    for stage in stages {
        counts.entry(*stage as usize).or_insert((stage.as_str(), 0)).1 += 1;
    }
    counts.into_values().collect()
}

fn tag_counts(described: &super::fit::Described) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for held in described.tags.iter().flat_map(|t| &t.held) {
        *counts.entry(described.tag_entries[held.tag as usize].source.as_str()).or_default() += 1;
    }
    counts
}

impl RunSummary {
    /// The manifest of the run.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}
