//! Back to an earlier run: `current`, what the next run follows, and what the next deltas are against.

use std::collections::BTreeSet;

use super::{
    RunError,
    opened::{output_root, take_lock},
    published::Published,
};
use crate::{
    base::digest::Sha256Sum,
    job::Loaded,
    store::{Places, run_folder},
};

/// What the command line says about a rollback.
#[derive(Debug, Clone, Default)]
pub struct RollbackOptions {
    /// The run to go back to: its folder or URL; or a date or a run id within the output place.
    pub to: String,
    /// Output place, instead of the job's.
    pub out: Option<String>,
    /// Whether the targets' deltas stay against the run each acknowledged last.
    pub keep_base: bool,
}

/// What a rollback came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// The folder that `current` names now, within the output place.
    pub folder: String,
    /// The folder that it named before.
    pub before: Option<String>,
    /// Folders of the runs that nothing follows any more.
    pub taken_back: Vec<String>,
    /// Targets whose next delta is against the run now.
    pub targets: Vec<String>,
}

/// Points `current` at an earlier run of the job, after reading every file of it against the manifest. Published runs of
/// later days are taken back: no run follows them, and finding them published again does not move `current`. They keep
/// their folders, and a rollback to one of them brings it back.
///
/// # Errors
/// If there is no such run, a file of it is not as the manifest says, or the output place cannot be written. `current` is
/// then as it was.
pub fn rollback(loaded: &Loaded, options: &RollbackOptions) -> Result<RolledBack, RunError> {
    let job = &loaded.job;
    let places = Places::new(job.inputs().object_store().options().clone(), 1)?;
    let root = output_root(job, options.out.as_deref(), "", &places)?;
    let out = root.place("");
    let run = Published::find(&options.to, out.trim_end_matches('/'), &places)?;
    let (id, as_of) = (run.manifest.run_id.clone(), run.manifest.as_of);
    let folder = run_folder(as_of, &id);
    let no_such = |why: String| RunError::NoSuchRun { name: options.to.clone(), why };
    if run.manifest.job != job.name() {
        return Err(no_such(format!("it is a run of job `{}`, not of `{}`", run.manifest.job, job.name())));
    }
    // From here on no run is published between what is read and what is written.
    let _lock = take_lock(&root, job, &format!("rollback to {as_of}"))?;
    let published = root.runs(&places)?;
    let Some(at) = published.iter().position(|r| r.run_id == id && r.as_of == as_of) else {
        return Err(no_such(format!("it is not among the runs of `{out}`")));
    };
    whole(&run, &places)?;
    let before = root.current(&places)?;
    let mut gone: BTreeSet<String> = root.rolled_back(&places)?;
    let later = &published[at + 1..];
    gone.extend(later.iter().map(|r| r.run_id.clone()));
    gone.remove(&id);
    root.set_rolled_back(gone, &places)?;
    root.set_current(&folder, &places)?;
    let mut targets = Vec::new();
    if !options.keep_base {
        for target in run.targets() {
            if root.acks(target, &places)?.runs.last().is_some_and(|last| *last != id) {
                root.acknowledge(target, &id, &places)?;
                targets.push(target.to_owned());
            }
        }
    }
    let taken_back = later.iter().map(crate::store::PublishedRun::folder).collect();
    Ok(RolledBack { folder, before, taken_back, targets })
}

/// Whether every file of a run is as its manifest says.
fn whole(run: &Published, places: &Places) -> Result<(), RunError> {
    for output in &run.manifest.outputs {
        let Some(bytes) = run.bytes(&output.path, places)? else {
            return Err(run.bad(&output.path, "it is missing".to_owned()));
        };
        let mut sum = Sha256Sum::new();
        sum.update(&bytes);
        if sum.hex() != output.sha256 {
            return Err(run.bad(&output.path, "it is not what was published".to_owned()));
        }
    }
    Ok(())
}
