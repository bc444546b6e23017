//! `target.json`: what the files of a target are, so that they can be read, checked and followed without the job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::export::{
    dialects::{self, Role, Sheet, TagIds},
    targets::{Key, Target},
    validate::Problems,
};

/// Its name in the target's folder.
pub const TARGET_FILE: &str = "target.json";

/// A file of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path within the run.
    pub path: String,
    /// What it is for.
    pub role: Role,
    /// The key field of its rows.
    pub key: String,
    /// Its rows, the header not counted; calls for WeCom.
    pub rows: u64,
}

/// Rows of a delta.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaCounts {
    /// New rows.
    pub added: u64,
    /// Rows with other values.
    pub changed: u64,
    /// Rows that are no more.
    pub removed: u64,
    /// Keys with any of them.
    pub keys: u64,
}

/// What the files of a target are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetReport {
    /// Version of this file's form: 1.
    pub format: u32,
    /// The run.
    pub run_id: String,
    /// The target as it was checked.
    pub target: Target,
    /// Digest of what decides how rows look.
    pub form: String,
    /// Run that the delta is against: the one the target acknowledged last; none if it never did.
    pub base: Option<String>,
    /// Files in the order they are to be imported in, the full snapshot first, which replaces all others.
    pub files: Vec<FileEntry>,
    /// Keys of the full snapshot.
    pub keys: u64,
    /// Rows of the full snapshot.
    pub rows: u64,
    /// Members and rows left out, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// The delta's rows; none if there is no delta.
    pub delta: Option<DeltaCounts>,
    /// What the operator should know.
    pub warnings: Vec<String>,
    /// Ids of tags in the target.
    #[serde(default, skip_serializing_if = "TagIds::is_empty")]
    pub tag_ids: TagIds,
}

impl TargetReport {
    /// Reads a `target.json`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let report: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if report.format != 1 {
            return Err(format!("its format {} is not known", report.format));
        }
        Ok(report)
    }

    /// The sheet of a file.
    #[must_use]
    pub fn sheet(&self, file: &FileEntry) -> Option<Sheet<'_>> {
        let key: &Key = self.target.keys.iter().find(|k| k.field == file.key)?;
        Some(Sheet { target: &self.target, key, tag_ids: &self.tag_ids })
    }

    /// The files of a role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &FileEntry> {
        self.files.iter().filter(move |f| f.role == role)
    }
}

/// Reads every file of a target as strictly as the target would. `read` gives the bytes of a file by its path.
///
/// # Errors
/// What `read` gives.
pub fn validate_target<E>(
    report: &TargetReport,
    problems: &mut Problems,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<(), E> {
    let dialect = dialects::of(&report.target);
    let mut last = None;
    for file in &report.files {
        problems.file(&file.path);
        if last != Some((file.role, &file.key)) {
            problems.next_role();
            last = Some((file.role, &file.key));
        }
        let Some(sheet) = report.sheet(file) else {
            problems.add(0, "its key is none of the target's");
            continue;
        };
        let bytes = read(&file.path)?;
        let checked = dialect.validate(&sheet, file.role, &bytes, problems);
        if checked.rows != file.rows {
            problems.add(0, format!("it has {} rows, not {}", checked.rows, file.rows));
        }
    }
    Ok(())
}
