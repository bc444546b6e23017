//! What a deletion leaves: a record in each manifest, and a proof of counts and digests in the output place. Neither names a
//! member.

use serde::{Deserialize, Serialize};

use super::Forgotten;
use crate::{
    job::Job,
    run::{RunError, now_text},
    store::{FORGOTTEN, OutputRoot, Places},
};

/// What a manifest says of a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// Members on the list of that deletion.
    pub members: u64,
    /// Digest of the keyed hashes of all members forgotten by then.
    pub tombstones_sha256: Option<String>,
}

/// A file that held forgotten members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Path within its run or within the output place.
    pub path: String,
    /// Rows that were taken out, or lost what they said of a member; none where the whole file went.
    pub erased: Option<u64>,
    /// Rows that are left.
    pub rows: u64,
    /// SHA-256 before.
    pub sha256_before: String,
    /// SHA-256 now.
    pub sha256: String,
}

/// A published run that held forgotten members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunChange {
    /// Its folder within the output place.
    pub folder: String,
    /// SHA-256 of its manifest before.
    pub manifest_before: String,
    /// SHA-256 of its manifest now.
    pub manifest: String,
    /// Its files that changed.
    pub files: Vec<FileChange>,
}

#[derive(Serialize)]
struct Proof<'a> {
    format: u32,
    job: &'a str,
    at: String,
    members: usize,
    new_members: usize,
    tombstones_sha256_before: Option<String>,
    tombstones_sha256: Option<String>,
    published_runs: usize,
    runs: &'a [RunChange],
    other_files: &'a [FileChange],
    crm_targets_told: Vec<(&'a str, u64)>,
}

/// Writes the proof under the next number; gives its path within the output place.
pub(super) fn write(
    root: &OutputRoot,
    job: &Job,
    done: &Forgotten,
    before: Option<String>,
    now: Option<String>,
    places: &Places,
) -> Result<String, RunError> {
    let mut number = 1;
    let path = loop {
        let path = format!("{FORGOTTEN}/proof-{number:04}.json");
        if root.read(&path, places)?.is_none() {
            break path;
        }
        number += 1;
    };
    let proof = Proof {
        format: 1,
        job: job.name(),
        at: now_text(),
        members: done.members,
        new_members: done.new,
        tombstones_sha256_before: before,
        tombstones_sha256: now,
        published_runs: done.runs_in_all,
        runs: &done.runs,
        other_files: &done.others,
        crm_targets_told: done.removals.iter().map(|r| (r.target.as_str(), r.keys)).collect(),
    };
    let mut bytes =
        serde_json::to_vec_pretty(&proof).map_err(|source| RunError::Json { file: "forgotten/proof.json", source })?;
    bytes.push(b'\n');
    root.put_small(&path, &bytes, places)?;
    Ok(path)
}
