//! The files of the output place without the forgotten.

use std::collections::HashSet;

use super::proof::{FileChange, Redaction, RunChange};
use crate::{
    base::digest::sha256_hex,
    export::{
        crm::{TARGET_FILE, TargetReport},
        redact::{Erased, redact_file},
    },
    run::{Manifest, RunError},
    store::{OutputRoot, Places, PublishedRun, Rewriting},
};

const MANIFEST: &str = "manifest.json";

/// Writes a published run without the forgotten; `None` if it holds nothing of them.
pub(super) fn run(
    root: &OutputRoot,
    run: &PublishedRun,
    ids: &HashSet<String>,
    redaction: Redaction,
    dry_run: bool,
    places: &Places,
) -> Result<Option<RunChange>, RunError> {
    let folder = run.folder();
    let bad = |file: &str, why: String| RunError::BadRunFile { run: root.place(&folder), file: file.to_owned(), why };
    let rewriting = root.rewrite(&folder, places)?;
    let Some(before) = root.read(&format!("{folder}/{MANIFEST}"), places)? else {
        return Err(bad(MANIFEST, "it is missing".to_owned()));
    };
    let mut manifest: Manifest = serde_json::from_slice(&before).map_err(|e| bad(MANIFEST, e.to_string()))?;
    let keys = keys_of_targets(root, &folder, &manifest, places)?;
    let mut files = redact(&rewriting, ids, |path| target_of(path).and_then(|t| keys.get(t)).cloned(), places)?;
    if files.is_empty() {
        return Ok(None);
    }
    for file in &mut files {
        if let Some(entry) = manifest.outputs.iter_mut().find(|o| o.path == file.path) {
            file.sha256_before.clone_from(&entry.sha256);
        }
    }
    for new in rewriting.new_files().files()? {
        if let Some(entry) = manifest.outputs.iter_mut().find(|o| o.path == new.path) {
            entry.sha256.clone_from(&new.sha256);
            entry.bytes = new.bytes;
            let rows = files.iter().find(|f| f.path == new.path).map(|f| f.rows);
            entry.rows = entry.rows.and(rows).or(entry.rows);
        }
    }
    retell_targets(&rewriting, &mut manifest, &files)?;
    manifest.redactions.push(redaction);
    crate::run::outputs::json(rewriting.new_files(), "manifest.json", &manifest)?;
    let new = rewriting.new_files().files()?;
    let now = new.iter().find(|f| f.path == MANIFEST).map(|f| f.sha256.clone()).unwrap_or_default();
    let change = RunChange { folder, manifest_before: sha256_hex(&before), manifest: now, files };
    if !dry_run {
        rewriting.finish(places)?;
    }
    Ok(Some(change))
}

/// The target whose files a path within a run is among.
fn target_of(path: &str) -> Option<&str> {
    path.strip_prefix("crm/")?.split('/').next()
}

/// The columns that hold members' keys in the files of each target of a run.
fn keys_of_targets(
    root: &OutputRoot,
    folder: &str,
    manifest: &Manifest,
    places: &Places,
) -> Result<std::collections::BTreeMap<String, Vec<String>>, RunError> {
    let mut keys = std::collections::BTreeMap::new();
    for output in &manifest.outputs {
        let Some(name) = target_of(&output.path).filter(|_| output.path.ends_with(TARGET_FILE)) else { continue };
        let path = format!("{folder}/{}", output.path);
        let report = root.read(&path, places)?.and_then(|bytes| TargetReport::parse(&bytes).ok());
        let fields = report.map(|r| r.target.keys.into_iter().map(|k| k.field).collect()).unwrap_or_default();
        keys.insert(name.to_owned(), fields);
    }
    Ok(keys)
}

/// Files without the forgotten, written anew.
fn redact(
    rewriting: &Rewriting,
    ids: &HashSet<String>,
    keys: impl Fn(&str) -> Option<Vec<String>>,
    _places: &Places,
) -> Result<Vec<FileChange>, RunError> {
    let mut changes = Vec::new();
    for path in rewriting.files()? {
        let keys = keys(&path).unwrap_or_default();
        let erased = Erased { ids, keys: &keys };
        let open = || rewriting.open(&path);
        if let Some(done) = redact_file(&open, &path, erased, rewriting.new_files())? {
            changes.push(FileChange {
                path,
                erased: Some(done.erased),
                rows: done.rows,
                sha256_before: String::new(),
                sha256: String::new(),
            });
        }
    }
    let new = rewriting.new_files().files()?;
    for change in &mut changes {
        if let Some(file) = new.iter().find(|f| f.path == change.path) {
            change.sha256.clone_from(&file.sha256);
        }
    }
    Ok(changes)
}

/// `target.json` counts rows: it says what the files hold now.
fn retell_targets(rewriting: &Rewriting, manifest: &mut Manifest, files: &[FileChange]) -> Result<(), RunError> {
    let reports: Vec<String> =
        manifest.outputs.iter().map(|o| o.path.clone()).filter(|p| p.ends_with(TARGET_FILE)).collect();
    for path in reports {
        let bytes = rewriting.read(&path)?;
        let Ok(mut report) = TargetReport::parse(&bytes) else { continue };
        let mut changed = false;
        for entry in &mut report.files {
            if let Some(change) = files.iter().find(|f| f.path == entry.path) {
                entry.rows = change.rows;
                changed = true;
            }
        }
        let state = format!("{}state.parquet", path.trim_end_matches(TARGET_FILE));
        if let Some(state) = files.iter().find(|f| f.path == state) {
            report.keys = state.rows;
            changed = true;
        }
        if !changed {
            continue;
        }
        let full = report.of(crate::export::dialects::Role::Full).map(|f| f.rows).sum();
        report.rows = full;
        let mut text =
            serde_json::to_string_pretty(&report).map_err(|source| RunError::Json { file: "target.json", source })?;
        text.push('\n');
        rewriting.new_files().write(&path, text.as_bytes())?;
        if let Some(entry) = manifest.outputs.iter_mut().find(|o| o.path == path) {
            entry.bytes = text.len() as u64;
            entry.sha256 = sha256_hex(text.as_bytes());
        }
    }
    Ok(())
}

/// Writes what lies beside the runs without the forgotten: backtests, trials, what a push could not deliver.
pub(super) fn others(
    root: &OutputRoot,
    ids: &HashSet<String>,
    runs_changed: bool,
    dry_run: bool,
    places: &Places,
) -> Result<Vec<FileChange>, RunError> {
    let mut all = Vec::new();
    for folder in root.side_folders(places)? {
        let mut rewriting = root.rewrite(&folder, places)?;
        let mut changes = redact(&rewriting, ids, |_| None, places)?;
        for change in &mut changes {
            change.sha256_before = sha256_hex(&rewriting.read(&change.path)?);
            change.path = format!("{folder}/{}", change.path);
        }
        // How far a push got is told in calls of a file whose calls are fewer now: it begins anew, which repeats calls and
        // loses none.
        let mut left_out = false;
        for path in rewriting.files()?.into_iter().filter(|p| runs_changed && p.ends_with(".done")) {
            rewriting.leave_out(&path);
            left_out = true;
        }
        if (left_out || !changes.is_empty()) && !dry_run {
            rewriting.finish(places)?;
        }
        all.extend(changes);
    }
    Ok(all)
}
