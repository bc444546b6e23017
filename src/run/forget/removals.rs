//! What CRM targets are told of a deletion: the removed rows in each target's own dialect. They name the members, so they lie
//! beside the list that named them, never in the output place.

use std::{
    collections::{BTreeMap, HashSet},
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    base::digest::sha256_hex,
    export::{
        Compression, ExportError, Sink,
        crm::{
            AckedState, Block, CrmPlan, STATE_FILE, Source, TARGET_FILE, TargetPlan, TargetReport, TargetWriter, Words,
        },
        dialects::Role,
        targets::DeltaWhen,
    },
    job::Job,
    run::{Manifest, RunError},
    store::{NewFolder, OutputRoot, Places},
};

/// What a target is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The target.
    pub target: String,
    /// Keys of forgotten members that it holds.
    pub keys: u64,
    /// The files to import, in this order; none of a dry run.
    pub files: Vec<PathBuf>,
}

/// Nobody: a delta against it takes every row of its base away.
struct Nobody(Words);

impl Source for Nobody {
    fn blocks(&self) -> usize {
        0
    }

    fn with_block(
        &self,
        _: usize,
        _: &mut dyn FnMut(&Block<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        Ok(())
    }

    fn words(&self) -> &Words {
        &self.0
    }
}

/// What each target that the job's runs were for holds of the forgotten, by the run it acknowledged last, or else by the newest
/// run that has files of it; written to `folder`, if there is one.
pub(super) fn write(
    root: &OutputRoot,
    job: &Job,
    ids: &HashSet<String>,
    folder: Option<&Path>,
    places: &Places,
) -> Result<Vec<Removal>, RunError> {
    let mut all = Vec::new();
    let mut found = Vec::new();
    for (target, run) in held_by(root, job, places)? {
        let path = |file: &str| format!("crm/{target}/{file}");
        let bad = |file: &str, why: String| RunError::BadRunFile { run: root.place(&run), file: path(file), why };
        let read = |file: &str| {
            let bytes = root.read(&format!("{run}/{}", path(file)), places)?;
            bytes.ok_or_else(|| bad(file, "it is missing".to_owned()))
        };
        let report = TargetReport::parse(&read(TARGET_FILE)?).map_err(|why| bad(TARGET_FILE, why))?;
        let state = AckedState::read(&report, &report.target, read(STATE_FILE)?);
        let state = state.map_err(|why| bad(STATE_FILE, why))?;
        let rows: Vec<_> = state.rows().iter().filter(|row| ids.contains(&row.key)).cloned().collect();
        if !rows.is_empty() {
            let base = AckedState::new(report.run_id.clone(), state.form.clone(), rows);
            found.push((report, base));
        }
    }
    if found.is_empty() {
        return Ok(all);
    }
    // A number for each time, so that a list that is used again does not meet its own files.
    let folder = folder.map(|folder| {
        let numbered = |n: u32| PathBuf::from(format!("{}-{n}", folder.display()));
        let free = |place: &PathBuf| !place.exists();
        std::iter::once(folder.to_owned()).chain((2..).map(numbered)).find(free).unwrap_or_else(|| folder.to_owned())
    });
    let out = folder.as_deref().map(NewFolder::create).transpose()?;
    for (report, base) in found {
        let target = report.target.name.clone();
        let keys = base.rows().len() as u64;
        let files = match (&out, &folder) {
            (Some(out), Some(folder)) => {
                let names = one(report, base, out, folder)?;
                names.iter().map(|name| folder.join(name)).collect()
            }
            _ => Vec::new(),
        };
        all.push(Removal { target, keys, files });
    }
    if let Some(out) = out {
        out.finish()?;
    }
    Ok(all)
}

/// Each target with the folder of the run that says what it holds.
fn held_by(root: &OutputRoot, job: &Job, places: &Places) -> Result<BTreeMap<String, String>, RunError> {
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    for run in root.runs(places)?.into_iter().rev() {
        let manifest = root.read(&format!("{}/manifest.json", run.folder()), places)?;
        let manifest = manifest.and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        let Some(manifest) = manifest.filter(|m| m.job == job.name()) else { continue };
        for target in manifest.targets() {
            let acks = root.acks(target, places)?;
            let is_last = acks.runs.last() == Some(&run.run_id);
            if is_last || !held.contains_key(target) {
                held.insert(target.to_owned(), run.folder());
            }
        }
    }
    Ok(held)
}

/// Writes a target's removed rows; gives the names of the files.
fn one(report: TargetReport, base: AckedState, out: &NewFolder, folder: &Path) -> Result<Vec<String>, RunError> {
    let mut target = report.target;
    target.delta = DeltaWhen::Always;
    let name = target.name.clone();
    let tag_ids = report.tag_ids;
    let crm = CrmPlan {
        run_id: base.run_id.clone(),
        targets: vec![TargetPlan { target, tag_ids, base: Some(base) }],
        ..CrmPlan::default()
    };
    // The writer makes every file of a target; only those that take rows away are kept.
    let aside = folder.with_file_name(format!(
        "{}.{}",
        folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        &sha256_hex(name.as_bytes())[..8]
    ));
    let scratch = NewFolder::create(&aside)?;
    let mut names = Vec::new();
    for plan in &crm.targets {
        let writer = TargetWriter::new(&scratch, plan, &crm, &[], Compression::default())?;
        let (_, written) = writer.finish(&Nobody(Words::default()))?;
        for file in written.files.iter().filter(|f| f.role != Role::Full) {
            let last = file.path.rsplit('/').next().unwrap_or(&file.path);
            let to = format!("{name}/{last}");
            let bytes = scratch.read(&file.path)?.unwrap_or_default();
            let mut copy = Sink::create(out, &to).map_err(|e| copy_error(folder, &to, e))?;
            copy.write_all(&bytes).and_then(|()| copy.flush()).map_err(|e| copy_error(folder, &to, e))?;
            names.push(to);
        }
    }
    Ok(names)
}

fn copy_error(folder: &Path, name: &str, source: std::io::Error) -> RunError {
    RunError::Store(crate::store::StoreError::Io { action: "write", path: folder.join(name), source })
}
