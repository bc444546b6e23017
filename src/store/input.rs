//! One file of a table.

use std::{io::Read, path::PathBuf};

use futures::StreamExt;
use object_store::{ObjectMeta, ObjectStoreExt};
use url::Url;

use super::{Places, StoreError};
use crate::base::digest::Sha256Sum;

/// A file of an input table, found but not opened.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// Name relative to the place the job names: what reports and quarantine rows show, the same on every machine.
    pub name: String,
    /// Scheme and host of its store.
    pub store: Url,
    /// Location and size in the store.
    pub meta: ObjectMeta,
    /// Hive partition values (`dt=2026-01-31`) in path order.
    pub partitions: Vec<(String, String)>,
    local: Option<PathBuf>,
}

impl InputFile {
    pub(super) fn new(store: &Url, meta: ObjectMeta, folder: &str) -> Self {
        let location = meta.location.as_ref();
        let name = location.strip_prefix(folder).unwrap_or(location).trim_start_matches('/').to_owned();
        Self { partitions: partitions_of(&name), name, store: store.clone(), meta, local: None }
    }

    pub(super) fn local(store: Url, meta: ObjectMeta, name: String, path: PathBuf) -> Self {
        Self { partitions: partitions_of(&name), name, store, meta, local: Some(path) }
    }

    /// SHA-256 of the content, as hex.
    ///
    /// # Errors
    /// If the file cannot be read to its end.
    pub fn sha256(&self, places: &Places) -> Result<String, StoreError> {
        let mut sum = Sha256Sum::new();
        if let Some(path) = &self.local {
            let mut file = std::fs::File::open(path).map_err(StoreError::io("read", path))?;
            let mut buffer = vec![0; 128 << 10];
            loop {
                match file.read(&mut buffer).map_err(StoreError::io("read", path))? {
                    0 => return Ok(sum.hex()),
                    n => sum.update(&buffer[..n]),
                }
            }
        }
        let store = places.open(&self.store)?;
        places.runtime().block_on(async {
            let failed = || StoreError::object("read", &self.meta.location);
            let mut stream = store.get(&self.meta.location).await.map_err(failed())?.into_stream();
            while let Some(chunk) = stream.next().await {
                sum.update(&chunk.map_err(failed())?);
            }
            Ok(sum.hex())
        })
    }
}

fn partitions_of(name: &str) -> Vec<(String, String)> {
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders
        .split('/')
        .filter_map(|part| part.split_once('='))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
