//! Published runs and other results that are no longer kept.

use std::{fs, io};

use futures::TryStreamExt;
use object_store::ObjectStoreExt;

use super::{OutputRoot, Places, StoreError, atomic, output::object_path};

impl OutputRoot {
    /// Removes a folder of the output place and all in it. On a file system it leaves its place in one step; on an object
    /// store `_SUCCESS` goes first, so that half a run never counts as one.
    ///
    /// # Errors
    /// If it cannot be removed; what is left is removed by the next call.
    pub fn remove_folder(&self, folder: &str, places: &Places) -> Result<(), StoreError> {
        match self {
            Self::Folder(root) => {
                let (from, aside) = (root.join(folder), root.join(".staging/removed"));
                self.clear_staging()?;
                atomic::create_folder(aside.parent().unwrap_or(root))?;
                fs::rename(&from, &aside).map_err(StoreError::io("move aside", &from))?;
                let parent = from.parent().unwrap_or(root);
                atomic::sync_folder(parent)?;
                self.clear_staging()?;
                // A day whose last run went; other days are not empty, and stay.
                match fs::remove_dir(parent) {
                    Err(e) if !matches!(e.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound) => {
                        Err(StoreError::io("remove", parent)(e))
                    }
                    _ => atomic::sync_folder(root),
                }
            }
            Self::Objects { store, prefix, url } => {
                let at = object_path(prefix, folder);
                places.runtime().block_on(async {
                    let mut all: Vec<_> =
                        store.list(Some(&at)).try_collect().await.map_err(StoreError::object("list", url))?;
                    all.sort_by_key(|meta| (meta.location.filename() != Some("_SUCCESS"), meta.location.clone()));
                    for meta in all {
                        let at = meta.location;
                        store.delete(&at).await.map_err(StoreError::object("remove", &at))?;
                    }
                    Ok(())
                })
            }
        }
    }

    /// Removes what a run that was cut off left beside the published ones; the caller holds the lock. Tells whether there was
    /// anything.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn clear_staging(&self) -> Result<bool, StoreError> {
        let Self::Folder(root) = self else { return Ok(false) };
        let staging = root.join(".staging");
        match fs::remove_dir_all(&staging) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(StoreError::io("remove", &staging)(e)),
        }
    }

    /// Folders within a folder of the output place, in byte order.
    ///
    /// # Errors
    /// If it exists and cannot be listed.
    pub fn folders_in(&self, folder: &str, places: &Places) -> Result<Vec<String>, StoreError> {
        let mut names: Vec<String> = match self {
            Self::Folder(root) => {
                let at = root.join(folder);
                let entries = match fs::read_dir(&at) {
                    Ok(entries) => entries,
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                    Err(e) => return Err(StoreError::io("list", &at)(e)),
                };
                let mut names = Vec::new();
                for entry in entries {
                    let entry = entry.map_err(StoreError::io("list", &at))?;
                    // A link, such as `current`, is no folder here.
                    if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                        names.push(entry.file_name().to_string_lossy().into_owned());
                    }
                }
                names
            }
            Self::Objects { store, prefix, url } => {
                let at = object_path(prefix, folder);
                let list = store.list_with_delimiter(Some(&at));
                let found = places.runtime().block_on(list).map_err(StoreError::object("list", url))?;
                found.common_prefixes.iter().filter_map(|p| p.filename().map(str::to_owned)).collect()
            }
        };
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_and_its_neighbours_stay() {
        let place = tempfile::tempdir().unwrap();
        let places = Places::new(Default::default(), 1).unwrap();
        let root = OutputRoot::Folder(place.path().to_owned());
        for folder in ["dt=2026-06-01/run=a", "dt=2026-06-01/run=b", "dt=2026-06-02/run=c", ".staging/run=x"] {
            fs::create_dir_all(place.path().join(folder)).unwrap();
            fs::write(place.path().join(folder).join("_SUCCESS"), "").unwrap();
        }
        let ids = || root.runs(&places).unwrap().into_iter().map(|r| r.run_id).collect::<Vec<_>>();
        root.remove_folder("dt=2026-06-01/run=a", &places).unwrap();
        assert_eq!(ids(), ["b", "c"]);
        root.remove_folder("dt=2026-06-02/run=c", &places).unwrap();
        assert_eq!(ids(), ["b"]);
        assert_eq!(root.folders_in("", &places).unwrap(), ["dt=2026-06-01"]);
        assert!(!root.clear_staging().unwrap());
        assert!(root.remove_folder("dt=2026-06-02/run=c", &places).is_err());
    }
}
