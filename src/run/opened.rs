//! A job's engine, its opened inputs and its output place.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Inputs, RunError, RunOptions, inputs::open_known};
use crate::{
    base::{Day, Findings},
    engine::Engine,
    input::{TableInput, Zone, side_rows::latest_day},
    job::{AsOf, Doubts, Job, JobText},
    store::{OutputRoot, Places, Scratch, atomic, lock::Lock},
};

/// The engine and the opened inputs of a job.
pub(super) struct Opened {
    pub(super) places: Arc<Places>,
    pub(super) engine: Engine,
    pub(super) inputs: Inputs,
    pub(super) spill: PathBuf,
    /// Holds the spill folder for as long as the run lasts.
    _spill: Scratch,
}

pub(super) fn findings_error(text: &JobText, findings: Findings) -> RunError {
    RunError::Findings { report: Box::new(text.report(findings)) }
}

pub(super) fn open(job: &Job, options: &RunOptions, findings: &mut Findings) -> Result<Opened, RunError> {
    open_but(job, &Doubts::default(), options, findings)
}

/// [`open`] for a job of which something is wrong; what is in doubt is neither opened nor reported.
pub(super) fn open_but(
    job: &Job,
    doubts: &Doubts,
    options: &RunOptions,
    findings: &mut Findings,
) -> Result<Opened, RunError> {
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        n => n,
    };
    let object_options = job.inputs().object_store().options().clone();
    let places = Arc::new(Places::new(object_options, threads)?);
    let temporary = Scratch::temporary().map_err(RunError::Output)?;
    let spill = temporary.path().to_owned();
    let limit = options.memory_limit.or(job.memory_limit());
    let engine = Engine::new(Arc::clone(&places), threads, limit, &spill)?;
    let inputs = open_known(&engine, job, doubts, findings);
    Ok(Opened { places, engine, inputs, spill, _spill: temporary })
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

pub(super) fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("nextoffer-{i}")).build();
    match pool {
        Ok(pool) => pool.install(work),
        // Without a pool of its own the run takes rayon's.
        Err(_) => work(),
    }
}

/// The place that `out` names on the command line, from the working folder; or else the job's, or `within` it.
pub(super) fn output_root(job: &Job, out: Option<&str>, within: &str, places: &Places) -> Result<OutputRoot, RunError> {
    match out {
        Some(out) => OutputRoot::open(out, Path::new("."), places),
        None if within.is_empty() => OutputRoot::open(job.out(), job.folder(), places),
        None => OutputRoot::open(&format!("{}/{within}", job.out().trim_end_matches('/')), job.folder(), places),
    }
    .map_err(RunError::Output)
}

/// Takes the lock of an output place for `what` is done there; an object store has none.
pub(super) fn take_lock(root: &OutputRoot, job: &Job, what: &str) -> Result<Option<Lock>, RunError> {
    match root {
        OutputRoot::Folder(folder) => {
            atomic::create_folder(folder).map_err(RunError::Output)?;
            let holder = format!("job {}, {what}, process {}", job.name(), std::process::id());
            let lock = Lock::take(&folder.join(".lock"), &holder)?;
            root.sweep();
            Ok(Some(lock))
        }
        // An object store has no lock; publishing writes the pointer last, so that the later run wins whole.
        OutputRoot::Objects { .. } => Ok(None),
    }
}
