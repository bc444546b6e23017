//! Retention: published runs older than the job keeps them are removed, but for those that something still stands on.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Manifest, RunError,
    opened::{output_root, take_lock},
};
use crate::{
    base::Day,
    job::Loaded,
    store::{ACKS, OutputRoot, Places, PublishedRun},
};

/// What the command line says about retention.
#[derive(Debug, Clone, Default)]
pub struct PruneOptions {
    /// Output place, instead of the job's.
    pub out: Option<String>,
    /// Days to keep, instead of the job's.
    pub keep_days: Option<u32>,
    /// Say what would go, and remove nothing.
    pub dry_run: bool,
}

/// What retention came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The last day that is not kept; none if nothing was ever published.
    pub up_to: Option<Day>,
    /// Folders that went, runs and what belonged to them.
    pub removed: Vec<String>,
    /// Old runs that stay, and why.
    pub held: Vec<(String, &'static str)>,
    /// Published runs that are left.
    pub kept: usize,
    /// Whether something was left by a run that was cut off.
    pub leftovers: bool,
}

/// Removes the job's published runs that are older than it keeps them, counted in days back from its newest run. What
/// `current` points at stays, and so does the newest run, whatever a CRM target acknowledged last, and runs of other jobs.
///
/// # Errors
/// If another run holds the lock, or something cannot be read or removed. Every run is then whole or gone.
pub fn prune(loaded: &Loaded, options: &PruneOptions) -> Result<Pruned, RunError> {
    let job = &loaded.job;
    let places = Places::new(job.inputs().object_store().options().clone(), 1)?;
    let root = output_root(job, options.out.as_deref(), "", &places)?;
    let _lock = match options.dry_run {
        true => None,
        false => take_lock(&root, job, "prune")?,
    };
    let mut done = Pruned::default();
    let runs = runs_of(&root, job.name(), &places)?;
    let Some(newest) = runs.last() else { return Ok(done) };
    let keep = options.keep_days.unwrap_or(job.output().keep_days);
    let up_to = newest.as_of.plus(-i32::try_from(keep.max(1)).unwrap_or(i32::MAX));
    done.up_to = Some(up_to);
    let held = held(&root, &runs, &places)?;
    let mut gone = BTreeSet::new();
    for run in &runs {
        if run.as_of > up_to {
            done.kept += 1;
        } else if let Some(why) = held.get(run.run_id.as_str()) {
            done.kept += 1;
            done.held.push((run.folder(), why));
        } else {
            gone.insert(run.run_id.clone());
            done.removed.push(run.folder());
        }
    }
    // What was pushed of a run that goes; and trials and backtests of days that are not kept.
    for target in root.folders_in("push", &places)? {
        let folder = format!("push/{target}");
        let names = root.folders_in(&folder, &places)?.into_iter().filter(|name| gone.contains(name));
        done.removed.extend(names.map(|name| format!("{folder}/{name}")));
    }
    for folder in ["tune", "backtest"] {
        let old = |name: &String| {
            let day = name.rsplit('=').next().and_then(|text| Day::parse(text.get(..10)?));
            day.is_some_and(|day| day <= up_to)
        };
        let names = root.folders_in(folder, &places)?.into_iter().filter(old);
        done.removed.extend(names.map(|name| format!("{folder}/{name}")));
    }
    if !options.dry_run {
        done.leftovers = root.clear_staging()?;
        for folder in &done.removed {
            root.remove_folder(folder, &places)?;
        }
    }
    Ok(done)
}

/// The published runs of a job, oldest day first.
fn runs_of(root: &OutputRoot, job: &str, places: &Places) -> Result<Vec<PublishedRun>, RunError> {
    let mut of_job = Vec::new();
    for run in root.runs(places)? {
        let bytes = root.read(&format!("{}/manifest.json", run.folder()), places)?;
        if bytes.and_then(|b| serde_json::from_slice::<Manifest>(&b).ok()).is_some_and(|m| m.job == job) {
            of_job.push(run);
        }
    }
    Ok(of_job)
}

/// Runs that something stands on, and what.
fn held(root: &OutputRoot, runs: &[PublishedRun], places: &Places) -> Result<BTreeMap<String, &'static str>, RunError> {
    let mut held = BTreeMap::new();
    for target in root.folders_in(ACKS, places)? {
        let acks = root.acks(&target, places)?;
        let last = acks.runs.iter().rev().find(|id| runs.iter().any(|run| run.run_id == **id));
        held.extend(last.map(|id| (id.clone(), "a CRM target acknowledged it last")));
    }
    if let Some(current) = root.current(places)? {
        let run = runs.iter().find(|run| run.folder() == current);
        held.extend(run.map(|run| (run.run_id.clone(), "`current` points at it")));
    }
    Ok(held)
}
