//! Deletion on request: members leave every published run, stay out of later ones, and a proof of it is kept that names
//! nobody.
//!
//! The order makes it safe to be cut off anywhere: first the members are among the forgotten, so that no night lets them in
//! again; then the files are written that tell CRM targets; then each run is put in place of its old self in one step; the
//! proof comes last. Whoever does not see the proof does it again, and what is done already stays as it is.

mod list;
mod proof;
mod removals;
mod rewrite;

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use super::{
    RunError,
    opened::{output_root, take_lock},
};
use crate::{
    engine::Engine,
    job::{Job, Loaded},
    store::Places,
};

pub use list::ForgetListError;
pub use proof::{FileChange, Redaction, RunChange};
pub use removals::Removal;

/// What the command line says about a deletion.
#[derive(Debug, Clone, Default)]
pub struct ForgetOptions {
    /// The members: a text file with an id a line, or CSV or Parquet with a column `member_id`; ids in its other columns are
    /// those of the members elsewhere (account, e-mail hash) and are deleted likewise.
    pub members: PathBuf,
    /// Output place, instead of the job's.
    pub out: Option<String>,
    /// Folder for the files that tell CRM targets; default: beside `members`.
    pub removals: Option<PathBuf>,
    /// Say what would change, and change nothing.
    pub dry_run: bool,
}

/// What a deletion came to.
#[derive(Debug)]
pub struct Forgotten {
    /// Members on the list.
    pub members: usize,
    /// Of them, those who had not been forgotten before.
    pub new: usize,
    /// Ids of the members elsewhere, by the identities table and the list.
    pub other_ids: usize,
    /// Published runs that held them, as they were changed.
    pub runs: Vec<RunChange>,
    /// Other files of the output place that held them.
    pub others: Vec<FileChange>,
    /// Published runs in all.
    pub runs_in_all: usize,
    /// What CRM targets are to be told.
    pub removals: Vec<Removal>,
    /// The proof, within the output place; none of a dry run.
    pub proof: Option<String>,
}

/// Deletes members from everything the job ever published, and keeps them out of what it will publish.
///
/// # Errors
/// If the list cannot be read or names nobody, another run holds the lock, or a file cannot be read or written. What was
/// published is whole then, before or after; the same call again ends the work.
pub fn forget(loaded: &Loaded, options: &ForgetOptions) -> Result<Forgotten, RunError> {
    let job = &loaded.job;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let places = Arc::new(Places::new(job.inputs().object_store().options().clone(), threads)?);
    let root = output_root(job, options.out.as_deref(), "", &places)?;
    let list = list::read(&options.members)?;
    let identities = identities(job, &places, threads, &list.members)?;
    let ids: HashSet<String> = list.members.iter().chain(&list.others).chain(&identities).cloned().collect();
    let other_ids = ids.len() - list.members.len();

    let _lock = match options.dry_run {
        true => None,
        false => take_lock(&root, job, "forget")?,
    };
    let before = root.tombstones(&places)?;
    let (tombstones, new) = match options.dry_run {
        true => {
            let new = list.members.iter().filter(|member| !before.contains(member)).count();
            (before.clone(), new)
        }
        false => root.bury(list.members.iter().map(String::as_str), &places)?,
    };
    let beside = || {
        let mut name = options.members.as_os_str().to_owned();
        name.push(".removals");
        PathBuf::from(name)
    };
    let folder = options.removals.clone().unwrap_or_else(beside);
    let removals = removals::write(&root, job, &ids, (!options.dry_run).then_some(folder.as_path()), &places)?;
    let published = root.runs(&places)?;
    let digest = tombstones.digest();
    let mut runs = Vec::new();
    for run in &published {
        let redaction = Redaction { members: list.members.len() as u64, tombstones_sha256: digest.clone() };
        runs.extend(rewrite::run(&root, run, &ids, redaction, options.dry_run, &places)?);
    }
    let others = rewrite::others(&root, &ids, !runs.is_empty(), options.dry_run, &places)?;
    let mut done = Forgotten {
        members: list.members.len(),
        new,
        other_ids,
        runs,
        others,
        runs_in_all: published.len(),
        removals,
        proof: None,
    };
    if !options.dry_run {
        done.proof = Some(proof::write(&root, job, &done, before.digest(), digest, &places)?);
    }
    Ok(done)
}

/// Ids of members in other systems, by the identities table.
fn identities(
    job: &Job,
    places: &Arc<Places>,
    threads: usize,
    members: &HashSet<String>,
) -> Result<HashSet<String>, RunError> {
    use crate::{
        base::{Findings, findings::JobPath},
        input::{TableInput, Zone, contract::Table, read_identities},
    };
    let mut found = HashSet::new();
    let Some((table, source)) = job.inputs().tables().find(|(table, _)| *table == Table::Identities) else {
        return Ok(found);
    };
    let spill = std::env::temp_dir();
    let engine = Engine::new(Arc::clone(places), threads, job.memory_limit(), &spill)?;
    let at = JobPath::root().key("inputs").key(table.name());
    let mut findings = Findings::new();
    let Some(input) = TableInput::open(&engine, table, source, job.folder(), &at, &mut findings) else {
        return Err(RunError::ForgetWithoutIdentities);
    };
    let context = super::side_tables::side_context(job, &engine, Zone::new(job.timezone()));
    read_identities(&input, &context, |row| {
        if members.contains(row.member_id) {
            found.insert(row.external_id.to_owned());
        }
    })?;
    found.remove("");
    Ok(found)
}
