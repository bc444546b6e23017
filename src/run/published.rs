//! A published run, found by how people name it, and its files.

use std::path::Path;

use arrow::{
    array::{Array, ArrayRef, RecordBatch},
    compute::cast,
    datatypes::DataType,
};

use super::{Manifest, RunError};
use crate::{
    base::Day,
    engine::Engine,
    export::crm::TARGET_FILE,
    store::{OutputRoot, Places, StoreError, run_folder},
};

/// A published run that is read again.
#[derive(Debug)]
pub(super) struct Published {
    root: OutputRoot,
    folder: String,
    /// Its manifest.
    pub(super) manifest: Manifest,
}

impl Published {
    /// The run that `name` stands for: the folder or URL of a run; `current`, a date or a run id, within the output
    /// place `out`; or these three at the end of a path to an output place (`runs/current`, `runs/2026-06-30`).
    ///
    /// # Errors
    /// If there is no such run, or the name fits several.
    pub(super) fn find(name: &str, out: &str, places: &Places) -> Result<Self, RunError> {
        let here = OutputRoot::open(name, Path::new("."), places)?;
        if let Some(run) = Self::open(here, String::new(), places)? {
            return Ok(run);
        }
        let (out, last) = match name.trim_end_matches('/').rsplit_once('/') {
            Some((place, last)) => (place, last),
            None => (out, name),
        };
        let root = OutputRoot::open(out, Path::new("."), places)?;
        let last = last.strip_prefix("dt=").unwrap_or(last);
        let folders = match last {
            "current" => root.current(places)?.into_iter().collect(),
            _ => {
                let day = Day::parse(last);
                let id = last.strip_prefix("run=").unwrap_or(last);
                let meant = |r: &crate::store::PublishedRun| Some(r.as_of) == day || r.run_id == id;
                let runs = root.runs(places)?.into_iter().filter(meant);
                runs.map(|r| run_folder(r.as_of, &r.run_id)).collect::<Vec<_>>()
            }
        };
        match folders.as_slice() {
            [] => {
                let days: Vec<String> = root.runs(places)?.iter().map(|r| r.as_of.to_string()).collect();
                let there = match days.as_slice() {
                    [] => format!("no run is published in `{out}`"),
                    _ => format!("`{out}` has runs of {}", days[days.len().saturating_sub(10)..].join(", ")),
                };
                Err(RunError::NoSuchRun { name: name.to_owned(), why: there })
            }
            [folder] => match Self::open(root, folder.clone(), places)? {
                Some(run) => Ok(run),
                None => {
                    Err(RunError::NoSuchRun { name: name.to_owned(), why: "its manifest cannot be read".to_owned() })
                }
            },
            several => {
                let why = format!("several runs fit, name one of {}", several.join(", "));
                Err(RunError::NoSuchRun { name: name.to_owned(), why })
            }
        }
    }

    fn open(root: OutputRoot, folder: String, places: &Places) -> Result<Option<Self>, RunError> {
        let file = if folder.is_empty() { "manifest.json".to_owned() } else { format!("{folder}/manifest.json") };
        let Some(bytes) = root.read(&file, places)? else { return Ok(None) };
        match serde_json::from_slice(&bytes) {
            Ok(manifest) => Ok(Some(Self { root, folder, manifest })),
            Err(e) => Err(RunError::NoSuchRun { name: root.place(&folder), why: format!("manifest.json: {e}") }),
        }
    }

    /// Where it lies.
    pub(super) fn place(&self) -> String {
        self.root.place(&self.folder).trim_end_matches('/').to_owned()
    }

    /// What is wrong with one of its files.
    pub(super) fn bad(&self, file: &str, why: String) -> RunError {
        RunError::BadRunFile { run: self.place(), file: file.to_owned(), why }
    }

    /// The CRM targets it has files of.
    /// What the run says of its files for a target; `None` if it has none. A name is never a path.
    pub(super) fn target_file(&self, target: &str, places: &Places) -> Result<Option<Vec<u8>>, RunError> {
        if target.contains(['/', '\\', '\0']) || matches!(target, "" | "." | "..") {
            return Ok(None);
        }
        self.bytes(&format!("crm/{target}/{TARGET_FILE}"), places)
    }

    pub(super) fn targets(&self) -> Vec<&str> {
        self.manifest.targets()
    }

    /// The output place that it lies in; `None` if it was moved out of one.
    pub(super) fn out_place(&self, places: &Places) -> Result<Option<OutputRoot>, RunError> {
        let own = run_folder(self.manifest.as_of, &self.manifest.run_id);
        let place = self.place();
        let candidates = [place.strip_suffix(&own), place.strip_suffix("current")];
        for out in candidates.into_iter().flatten() {
            let out = if out.is_empty() { "." } else { out.trim_end_matches('/') };
            let root = OutputRoot::open(out, Path::new("."), places)?;
            if root.read(&format!("{own}/manifest.json"), places)?.is_some() {
                return Ok(Some(root));
            }
        }
        Ok(None)
    }

    fn path(&self, file: &str) -> String {
        if self.folder.is_empty() { file.to_owned() } else { format!("{}/{file}", self.folder) }
    }

    /// One of its files; `None` if it has none of that name.
    pub(super) fn bytes(&self, file: &str, places: &Places) -> Result<Option<Vec<u8>>, RunError> {
        Ok(self.root.read(&self.path(file), places)?)
    }

    /// One of its JSON files, as far as this build understands it: `None` if it is not there or says other things.
    pub(super) fn json<T: serde::de::DeserializeOwned>(
        &self,
        file: &str,
        places: &Places,
    ) -> Result<Option<T>, RunError> {
        Ok(self.bytes(file, places)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Columns of one of its Parquet files: what `fold` makes of each batch, in row order. Texts come as plain strings.
    /// `None` if it has no such file.
    ///
    /// # Errors
    /// If the file cannot be read or lacks a column.
    pub(super) fn table<T: Send>(
        &self,
        engine: &Engine,
        file: &str,
        columns: &[&str],
        fold: impl Fn(&RecordBatch) -> T + Sync,
    ) -> Result<Option<Vec<T>>, RunError> {
        let bad = |why: String| RunError::BadRunFile { run: self.place(), file: file.to_owned(), why };
        columns_of(engine, &self.root.place(&self.path(file)), columns, fold, bad)
    }
}

/// Columns of a Parquet file of a run: what `fold` makes of each batch, in row order. Texts come as plain strings. `None` if
/// there is no such file; what is wrong with it becomes an error by `bad`.
///
/// # Errors
/// If the file cannot be read or lacks a column.
pub(super) fn columns_of<T: Send>(
    engine: &Engine,
    place: &str,
    columns: &[&str],
    fold: impl Fn(&RecordBatch) -> T + Sync,
    bad: impl Fn(String) -> RunError + Sync,
) -> Result<Option<Vec<T>>, RunError> {
    let files = match engine.places().list(place, Path::new(".")) {
        Ok(files) => files,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let files = files.into_iter().map(|f| engine.open_parquet(f)).collect::<Result<Vec<_>, _>>()?;
    let reads = files
        .iter()
        .map(|f| {
            let find = |c: &&str| f.schema.index_of(c).map_err(|_| bad(format!("it has no column `{c}`")));
            columns.iter().map(find).collect::<Result<Vec<_>, _>>()
        })
        .collect::<Result<Vec<_>, _>>()?;
    let parts = engine.scan(
        &files,
        &reads,
        |_| Vec::new(),
        |found, crate::engine::ScanRows { batch, .. }| {
            found.push(fold(&plain(&batch).map_err(|e| bad(e.to_string()))?));
            Ok::<_, RunError>(())
        },
    )?;
    Ok(Some(parts.into_iter().flatten().collect()))
}

/// The batch with views of strings as strings.
fn plain(batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = batch.schema();
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| {
        let array: ArrayRef = match array.data_type() {
            DataType::Utf8View => cast(array, &DataType::Utf8)?,
            _ => array.clone(),
        };
        Ok((field.name().clone(), array))
    });
    RecordBatch::try_from_iter(columns.collect::<Result<Vec<_>, arrow::error::ArrowError>>()?)
}
