//! Another CRM file from a published run, and the strict reading of one.

use std::path::PathBuf;

use super::{
    RunError,
    crm::{CrmTables, last_acknowledged, systems, takes_tag_ids},
    inputs::open_inputs,
    published::Published,
};
use crate::{
    base::{Findings, digest::sha256_hex},
    engine::Engine,
    export::{
        crm::{
            PublishedRun, PublishedTables, SegmentName, Source, TARGET_FILE, TargetReport, TargetWriter,
            validate_target,
        },
        in_order,
        targets::{DeltaWhen, Target},
        validate::{Problem, Problems},
    },
    input::{Zone, contract::Table, read_tag_ids, side_rows::SideContext},
    job::Loaded,
    store::{NewFolder, Places, Scratch, StoreError},
};

/// What the command line says about an export.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// The run: its folder or URL; or `current`, a date or a run id within `out`.
    pub run: String,
    /// The output place.
    pub out: String,
    /// The target: one of the run, of the job, or a dialect.
    pub target: String,
    /// The folder to write to, which must not be there yet.
    pub to: Option<PathBuf>,
    /// Whether the files are read strictly.
    pub validate: bool,
}

/// What an export came to.
#[derive(Debug)]
pub struct Exported {
    /// Where the files are: a folder, or the run's own.
    pub place: String,
    /// Whether they were written now.
    pub written: bool,
    /// What they are.
    pub report: TargetReport,
    /// What a target would stumble over; none if they were not read.
    pub problems: Vec<Problem>,
    /// All such problems.
    pub problem_count: u64,
}

/// Writes the files of a target of a published run to a folder, or reads those that the run has.
///
/// # Errors
/// If the run or the target cannot be found, or a file cannot be read or written.
pub fn export(options: &ExportOptions, loaded: Option<&Loaded>) -> Result<Exported, RunError> {
    let object_options = loaded.map(|l| l.job.inputs().object_store().options().clone()).unwrap_or_default();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let places = std::sync::Arc::new(Places::new(object_options, threads)?);
    let run = Published::find(&options.run, &options.out, &places)?;
    let own = format!("crm/{}/{TARGET_FILE}", options.target);
    let of_run = match run.target_file(&options.target, &places)? {
        Some(bytes) => Some(TargetReport::parse(&bytes).map_err(|why| run.bad(&own, why))?),
        None => None,
    };
    let mut problems = Problems::default();
    if let (Some(report), None, None) = (&of_run, loaded, &options.to) {
        if options.validate {
            validate_target(report, &mut problems, |path| read_checked(&run, path, &places))?;
            check_digests(&run, report, &places, &mut problems)?;
        }
        let (report, place) = (report.clone(), run.place());
        return Ok(exported(place, false, report, &problems));
    }
    let target = match loaded {
        Some(loaded) => loaded.job.output().target(&options.target),
        None => of_run.as_ref().map(|r| r.target.clone()),
    };
    let Some(target) = target else {
        let known = loaded.map(|l| l.job.output().target_names().join(", ")).unwrap_or_default();
        return Err(RunError::NoSuchTarget { target: options.target.clone(), known });
    };
    let to = options.to.clone().unwrap_or_else(|| format!("{}-{}", target.name, run.manifest.run_id).into());
    let folder = NewFolder::create(&to)?;
    let report = write(&run, target, loaded, &places, threads, &folder)?;
    if options.validate {
        validate_target(&report, &mut problems, |path| {
            folder.read(path)?.ok_or_else(|| RunError::Store(StoreError::NotFound { place: path.to_owned() }))
        })?;
    }
    folder.finish()?;
    Ok(exported(to.to_string_lossy().into_owned(), true, report, &problems))
}

fn exported(place: String, written: bool, report: TargetReport, problems: &Problems) -> Exported {
    Exported { place, written, report, problems: problems.list().to_vec(), problem_count: problems.count() }
}

fn read_checked(run: &Published, path: &str, places: &Places) -> Result<Vec<u8>, RunError> {
    run.bytes(path, places)?.ok_or_else(|| run.bad(path, "it is missing".to_owned()))
}

/// Files that are not those of the manifest.
fn check_digests(
    run: &Published,
    report: &TargetReport,
    places: &Places,
    problems: &mut Problems,
) -> Result<(), RunError> {
    for file in &report.files {
        problems.file(&file.path);
        let Some(entry) = run.manifest.outputs.iter().find(|o| o.path == file.path) else {
            problems.add(0, "the manifest does not have it");
            continue;
        };
        if sha256_hex(&read_checked(run, &file.path, places)?) != entry.sha256 {
            problems.add(0, "it is not the file of the manifest: its digest is another");
        }
    }
    Ok(())
}

fn write(
    run: &Published,
    target: Target,
    loaded: Option<&Loaded>,
    places: &std::sync::Arc<Places>,
    threads: usize,
    folder: &NewFolder,
) -> Result<TargetReport, RunError> {
    let tables = tables(run, places)?;
    let needs = std::slice::from_ref(&target);
    let mut crm = CrmTables::default();
    match loaded {
        Some(loaded) => read_tables(&mut crm, needs, loaded, places, threads)?,
        None if !systems(needs).is_empty() || takes_tag_ids(needs) => {
            return Err(RunError::TargetNeedsJob { target: target.name });
        }
        None => {}
    }
    let base = match run.out_place(places)? {
        Some(root) if target.delta != DeltaWhen::Never => {
            let as_of = run.manifest.as_of;
            last_acknowledged(&root, &run.manifest.job, &target, as_of, false, places)?.map(|(state, _)| state)
        }
        _ => None,
    };
    let compression = loaded.map(|l| l.job.output().compression).unwrap_or_default();
    let plan = crm.plan(&run.manifest.run_id, [(target, base)]);
    let ids = tables.ids();
    let mut report = None;
    for target in &plan.targets {
        let mut writer = TargetWriter::new(folder, target, &plan, &ids, compression)?;
        let renderer = writer.renderer();
        in_order(
            tables.blocks(),
            |index| {
                let mut rendered = None;
                tables.with_block(index, &mut |block| {
                    rendered = Some(renderer.render(tables.words(), block)?);
                    Ok(())
                })?;
                Ok(rendered)
            },
            |rendered| rendered.map_or(Ok(()), |rendered| writer.append(&rendered)),
        )?;
        report = Some(writer.finish(&tables)?.1);
    }
    report.ok_or_else(|| RunError::NoSuchTarget { target: String::new(), known: String::new() })
}

fn tables(run: &Published, places: &Places) -> Result<PublishedTables, RunError> {
    let file = |path: &str| read_checked(run, path, places);
    let name = |s: &super::manifest::SegmentEntry| SegmentName {
        id: s.id,
        code: s.code.clone(),
        name_zh: s.name_zh.clone(),
        name_en: s.name_en.clone(),
    };
    let published = PublishedRun {
        segments: file("segments.parquet")?,
        tags: file("tags.parquet")?,
        offers: file("offers.parquet")?,
        tag_dictionary: file("tag_dictionary.csv")?,
        names: run.manifest.segments.iter().map(name).collect(),
    };
    Ok(PublishedTables::read(published)?)
}

/// The tables of the job that a target keys on.
fn read_tables(
    crm: &mut CrmTables,
    targets: &[Target],
    loaded: &Loaded,
    places: &std::sync::Arc<Places>,
    threads: usize,
) -> Result<(), RunError> {
    let job = &loaded.job;
    let needed = systems(targets);
    if needed.is_empty() && !takes_tag_ids(targets) {
        return Ok(());
    }
    let spill = Scratch::temporary().map_err(RunError::Output)?;
    let engine = Engine::new(std::sync::Arc::clone(places), threads, job.memory_limit(), spill.path())?;
    let mut findings = Findings::new();
    let inputs = open_inputs(&engine, job, &mut findings);
    if findings.has_errors() {
        return Err(RunError::Findings { report: Box::new(loaded.text.report(findings)) });
    }
    let context = SideContext {
        engine: &engine,
        cleaning: job.cleaning(),
        zone: Zone::new(job.timezone()),
        currency_digits: job.currency().exponent(),
    };
    if let Some(input) = inputs.get(Table::Identities).filter(|_| !needed.is_empty()) {
        crm.read_identities(input, &needed, &context)?;
    }
    if let Some(input) = inputs.get(Table::TagIds).filter(|_| takes_tag_ids(targets)) {
        crm.tag_ids = read_tag_ids(input, &context)?.0;
    }
    Ok(())
}
