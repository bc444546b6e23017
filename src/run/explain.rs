//! Why one member got what the night decided.
//!
//! The night is done again in memory up to the decision, for all members, with the day and the previous run of the
//! published run; nothing is written. As every step is deterministic the answer is exact: it has the published run's id,
//! which is a hash of the job, the day, the previous run and all inputs. Where the id is another, the job or an input has
//! changed since, and the answer says so.

use std::sync::Arc;

use serde::Serialize;

use super::{Answer, Manifest, PreviousChoice, RunError, RunOptions, nightly, opened::output_root};
use crate::{
    base::{Day, progress::Progress},
    job::Loaded,
    store::{OutputRoot, Places, run_folder},
};

/// What `explain` is asked.
#[derive(Debug, Clone, Default)]
pub struct ExplainOptions {
    /// The member's id.
    pub member: String,
    /// Day of the run; else that of `current`, else the job's.
    pub as_of: Option<Day>,
    /// Output place, instead of the job's.
    pub out: Option<String>,
    /// Threads; 0: one a core.
    pub threads: usize,
    /// Bytes that may be used, instead of the job's.
    pub memory_limit: Option<u64>,
}

/// The published run that an answer is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunFound {
    /// Its folder within the output place.
    pub folder: String,
    /// Its id.
    pub run_id: String,
    /// Its as-of day.
    pub as_of: Day,
}

/// An answer, and the run it is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The published run; `None` if none of the job is published for the day.
    pub published: Option<RunFound>,
    /// Whether the answer is what that run decided: same job, same inputs, same previous run.
    pub exact: bool,
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
}

/// Explains one member.
///
/// # Errors
/// If the job's inputs or its published runs cannot be read.
pub fn explain(loaded: &Loaded, options: &ExplainOptions, progress: &dyn Progress) -> Result<Explanation, RunError> {
    let job = &loaded.job;
    let places = Arc::new(Places::new(job.inputs().object_store().options().clone(), 1)?);
    let root = output_root(job, options.out.as_deref(), "", &places)?;
    let found = published(&root, job.name(), options.as_of, &places)?;
    let mut night = RunOptions {
        as_of: options.as_of,
        out: options.out.clone(),
        threads: options.threads,
        memory_limit: options.memory_limit,
        dry_run: true,
        ..RunOptions::default()
    };
    if let Some((run, previous)) = &found {
        night.as_of = Some(run.as_of);
        night.previous = match previous {
            Some(place) => PreviousChoice::Place(place.clone()),
            None => PreviousChoice::None,
        };
    }
    let answer = nightly::answer(loaded, &night, &options.member, progress)?;
    let published = found.map(|(run, _)| run);
    let exact = published.as_ref().is_some_and(|run| run.run_id == answer.run_id);
    Ok(Explanation { published, exact, answer })
}

/// The run of the job that is meant, and where the run lies that it followed.
fn published(
    root: &OutputRoot,
    job: &str,
    as_of: Option<Day>,
    places: &Places,
) -> Result<Option<(RunFound, Option<String>)>, RunError> {
    let runs = root.runs(places)?;
    let current = root.current(places)?;
    // `current` goes before other runs, later runs before earlier ones.
    let mut folders: Vec<(Day, String)> = runs.iter().map(|r| (r.as_of, run_folder(r.as_of, &r.run_id))).collect();
    folders.reverse();
    folders.sort_by_key(|(_, folder)| Some(folder) != current.as_ref());
    for (day, folder) in folders.into_iter().filter(|(day, _)| as_of.is_none_or(|wanted| *day == wanted)) {
        let Some(bytes) = root.read(&format!("{folder}/manifest.json"), places)? else { continue };
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else { continue };
        if manifest.job != job {
            continue;
        }
        let followed = manifest.previous_run.as_ref().and_then(|id| runs.iter().find(|r| r.run_id == *id));
        let place = followed.map(|r| root.place(&run_folder(r.as_of, &r.run_id)));
        return Ok(Some((RunFound { folder, run_id: manifest.run_id, as_of: day }, place)));
    }
    Ok(None)
}
