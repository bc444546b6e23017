//! A published run whose files are written anew: what nobody may read any more leaves it, and it stays a whole run at every
//! moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use object_store::ObjectStoreExt;

use super::{
    OutputRoot, Places, Staging, StoreError, atomic,
    output::{list_files, object_path, upload},
};

/// A published run being rewritten. Dropped before [`Rewriting::finish`], nothing has changed.
#[derive(Debug)]
pub struct Rewriting {
    root: OutputRoot,
    folder: String,
    /// The run's files as they are.
    old: PathBuf,
    /// The copy of an object store's files, for as long as they are needed.
    _copy: Option<tempfile::TempDir>,
    new: Staging,
    gone: BTreeSet<String>,
}

/// Folders of an output place that hold no results.
const APART: &[&str] = &[super::ACKS, super::FORGOTTEN];

impl OutputRoot {
    /// Folders beside the published runs that hold results too: of backtests, of trials, of pushes.
    ///
    /// # Errors
    /// If the place exists and cannot be listed.
    pub fn side_folders(&self, places: &Places) -> Result<Vec<String>, StoreError> {
        let mut names = self.folders_in("", places)?;
        names.retain(|name| !name.starts_with("dt=") && !name.starts_with('.') && !APART.contains(&name.as_str()));
        Ok(names)
    }

    /// Starts to rewrite a published run; the caller holds the lock.
    ///
    /// # Errors
    /// If the run's files cannot be listed or, from an object store, fetched.
    pub fn rewrite(&self, folder: &str, places: &Places) -> Result<Rewriting, StoreError> {
        let name = folder.rsplit("run=").next().unwrap_or_default();
        let new = self.stage(&format!("rewritten-{name}"))?;
        let (old, copy) = match self {
            Self::Folder(root) => (root.join(folder), None),
            Self::Objects { store, prefix, url } => {
                let copy = tempfile::Builder::new().prefix("nextoffer-").tempdir();
                let copy = copy.map_err(StoreError::io("create a folder in", &std::env::temp_dir()))?;
                let at = object_path(prefix, folder);
                places.runtime().block_on(async {
                    use futures::TryStreamExt;
                    let metas: Vec<_> =
                        store.list(Some(&at)).try_collect().await.map_err(StoreError::object("list", url))?;
                    for meta in metas {
                        let Some(relative) = meta.location.as_ref().strip_prefix(at.as_ref()) else { continue };
                        let path = copy.path().join(relative.trim_start_matches('/'));
                        atomic::create_folder(path.parent().unwrap_or(copy.path()))?;
                        let failed = || StoreError::object("read", &meta.location);
                        let mut chunks = store.get(&meta.location).await.map_err(failed())?.into_stream();
                        let mut file = fs::File::create(&path).map_err(StoreError::io("create", &path))?;
                        while let Some(chunk) = chunks.try_next().await.map_err(failed())? {
                            file.write_all(&chunk).map_err(StoreError::io("write", &path))?;
                        }
                    }
                    Ok::<_, StoreError>(())
                })?;
                (copy.path().to_owned(), Some(copy))
            }
        };
        Ok(Rewriting { root: self.clone(), folder: folder.to_owned(), old, _copy: copy, new, gone: BTreeSet::new() })
    }
}

impl Rewriting {
    /// Paths of the run's files within it, in byte order.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub fn files(&self) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        list_files(&self.old, &self.old, &mut names)?;
        names.sort();
        Ok(names)
    }

    /// Opens a file of the run as it is.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(&self, relative: &str) -> Result<fs::File, StoreError> {
        let path = self.old.join(relative);
        fs::File::open(&path).map_err(StoreError::io("read", &path))
    }

    /// Reads a small file of the run as it is.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, relative: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.old.join(relative);
        fs::read(&path).map_err(StoreError::io("read", &path))
    }

    /// Where files that are written anew go, under their old paths; others stay as they are.
    #[must_use]
    pub fn new_files(&self) -> &Staging {
        &self.new
    }

    /// Leaves a file out.
    pub fn leave_out(&mut self, relative: &str) {
        self.gone.insert(relative.to_owned());
    }

    /// Puts the run in place of the old one. On a file system the two change places in one step; on an object store files are
    /// replaced one by one, the manifest last.
    ///
    /// # Errors
    /// If any step fails. The run is then whole, the old or the new one; on an object store, the work has to be done again.
    pub fn finish(self, places: &Places) -> Result<(), StoreError> {
        let written: BTreeMap<String, ()> = self.new.files()?.into_iter().map(|f| (f.path, ())).collect();
        match &self.root {
            OutputRoot::Folder(root) => {
                for name in self.files()? {
                    if written.contains_key(&name) || self.gone.contains(&name) {
                        continue;
                    }
                    let (from, to) = (self.old.join(&name), self.new.folder().join(&name));
                    atomic::create_folder(to.parent().unwrap_or(root))?;
                    if fs::hard_link(&from, &to).is_err() {
                        fs::copy(&from, &to).map_err(StoreError::io("copy to", &to))?;
                    }
                }
                super::output::sync_tree(self.new.folder())?;
                exchange(self.new.folder(), &self.old)?;
                atomic::sync_folder(self.old.parent().unwrap_or(root))?;
                // What is in the staging folder now is the old run; it goes as the rewriting is dropped.
                Ok(())
            }
            OutputRoot::Objects { store, prefix, .. } => {
                let store: &Arc<dyn object_store::ObjectStore> = store;
                let at = |name: &str| object_path(prefix, &format!("{}/{name}", self.folder));
                for name in &self.gone {
                    let at = at(name);
                    places.runtime().block_on(store.delete(&at)).map_err(StoreError::object("remove", &at))?;
                }
                let (manifest, others): (Vec<_>, Vec<_>) = written.keys().partition(|name| *name == "manifest.json");
                for name in others.into_iter().chain(manifest) {
                    upload(store.as_ref(), &at(name), &self.new.folder().join(name), places)?;
                }
                Ok(())
            }
        }
    }
}

/// Lets two folders of one file system change places, in one step where the file system can.
fn exchange(new: &Path, old: &Path) -> Result<(), StoreError> {
    use rustix::{
        fs::{CWD, RenameFlags, renameat_with},
        io::Errno,
    };
    match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => {
            // A moment in which the run is not there cannot be avoided here.
            let aside = new.with_extension("old");
            fs::rename(old, &aside).map_err(StoreError::io("move aside", old))?;
            if let Err(source) = fs::rename(new, old) {
                let _ = fs::rename(&aside, old);
                return Err(StoreError::Io { action: "rename to", path: old.to_owned(), source });
            }
            fs::remove_dir_all(&aside).map_err(StoreError::io("remove", &aside))
        }
        Err(error) => Err(StoreError::Io { action: "exchange", path: old.to_owned(), source: io::Error::from(error) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_change_and_others_stay() {
        let place = tempfile::tempdir().unwrap();
        let places = Places::new(Default::default(), 1).unwrap();
        let root = OutputRoot::Folder(place.path().to_owned());
        let staging = root.stage("a1").unwrap();
        staging.write("a.txt", b"old").unwrap();
        staging.write("deep/b.txt", b"stays").unwrap();
        staging.write("c.txt", b"goes").unwrap();
        staging.seal().unwrap();
        root.publish(staging, "dt=2026-06-01/run=a1", &places).unwrap();

        let dropped = root.rewrite("dt=2026-06-01/run=a1", &places).unwrap();
        dropped.new_files().write("a.txt", b"nobody sees this").unwrap();
        drop(dropped);
        let read = |name: &str| root.read(&format!("dt=2026-06-01/run=a1/{name}"), &places).unwrap();
        assert_eq!(read("a.txt").unwrap(), b"old");

        let mut rewriting = root.rewrite("dt=2026-06-01/run=a1", &places).unwrap();
        assert_eq!(rewriting.files().unwrap(), ["_SUCCESS", "a.txt", "c.txt", "deep/b.txt"]);
        rewriting.new_files().write("a.txt", b"new").unwrap();
        rewriting.leave_out("c.txt");
        rewriting.finish(&places).unwrap();
        assert_eq!(read("a.txt").unwrap(), b"new");
        assert_eq!(read("deep/b.txt").unwrap(), b"stays");
        assert_eq!(read("_SUCCESS").unwrap(), b"");
        assert_eq!(read("c.txt"), None);
        assert!(!place.path().join(".staging").exists());
    }
}
