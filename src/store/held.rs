//! Temporary files and folders that others can tell to be in use: each is locked by the process that writes it, and the
//! lock ends with the process, however that ends. What nobody holds is swept away.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::{StoreError, step::step};

/// Start of the names of temporary files.
pub(super) const TEMPORARY: &str = ".tmp-";
/// A file that tells a folder of ours from one that only has such a name.
const MARK: &str = ".nextoffer-scratch";

/// Holds what was just made; `false` if a sweep was faster, so that it must be made again.
pub(super) fn hold(made: &File) -> bool {
    // A file system without locks holds nothing, and there a sweep finds nothing to be abandoned.
    let _ = made.lock();
    made.metadata().is_ok_and(|m| m.nlink() > 0)
}

/// The file or folder, held, if nobody else holds it.
fn abandoned(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    file.try_lock().is_ok().then_some(file)
}

/// Removes the temporary files in a folder that nobody writes any more. What cannot be removed stays.
pub(super) fn sweep_files(folder: &Path) {
    for path in named(folder, TEMPORARY) {
        if path.symlink_metadata().is_ok_and(|m| m.is_file())
            && let Some(_held) = abandoned(&path)
        {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Removes the scratch folders beside `like` that nobody uses any more.
fn sweep_folders(parent: &Path, prefix: &str) {
    for path in named(parent, prefix) {
        if !path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
            continue;
        }
        let Some(_held) = abandoned(&path) else { continue };
        if path.join(MARK).is_file() {
            let _ = fs::remove_dir_all(&path);
        } else {
            // Cut off before it was marked, if it is empty; else it is none of ours.
            let _ = fs::remove_dir(&path);
        }
    }
}

fn named(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let ours = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix));
    entries.flatten().map(|e| e.path()).filter(ours).collect()
}

/// A folder for what only this process reads: gone when dropped, and after a kill when the next one is made beside it.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _held: File,
}

impl Scratch {
    /// A new folder in the system's place for temporary files.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn temporary() -> Result<Self, StoreError> {
        Self::beside(&std::env::temp_dir(), "nextoffer-scratch-")
    }

    /// A new folder in `parent` with a name that starts with `prefix`.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn beside(parent: &Path, prefix: &str) -> Result<Self, StoreError> {
        sweep_folders(parent, prefix);
        let failed = || StoreError::io("create a folder in", parent);
        for number in 0_u32.. {
            let path = parent.join(format!("{prefix}{}-{number}", std::process::id()));
            step("scratch.create").map_err(failed())?;
            match fs::DirBuilder::new().mode(super::atomic::FOLDER_MODE).create(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(failed())?,
            }
            let Ok(held) = File::open(&path) else { continue };
            if !hold(&held) {
                continue;
            }
            step("scratch.mark").map_err(failed())?;
            super::atomic::make_file(&path.join(MARK)).map_err(failed())?;
            return Ok(Self { path, _held: held });
        }
        Err(failed()(io::Error::from(io::ErrorKind::AlreadyExists)))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the mark from a folder that has become somebody's.
    ///
    /// # Errors
    /// If the file system refuses.
    pub(super) fn unmark(folder: &Path) -> Result<(), StoreError> {
        let mark = folder.join(MARK);
        fs::remove_file(&mark).map_err(StoreError::io("remove", &mark))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to tell; the next one sweeps.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_stays_and_what_was_left_goes() {
        let place = tempfile::tempdir().unwrap();
        let used = Scratch::beside(place.path(), "s-").unwrap();
        fs::write(used.path().join("data"), "x").unwrap();
        let left = Scratch::beside(place.path(), "s-").unwrap();
        let left_path = left.path().to_owned();
        // As a kill leaves it: the lock is gone, the folder is not.
        let again = fs::create_dir_all(left_path.with_file_name("s-left"));
        again.unwrap();
        fs::write(left_path.with_file_name("s-left").join(MARK), "").unwrap();
        fs::write(left_path.with_file_name("s-left").join("data"), "x").unwrap();
        let theirs = place.path().join("s-theirs");
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("thesis"), "x").unwrap();
        drop(left);
        assert!(!left_path.exists());
        let third = Scratch::beside(place.path(), "s-").unwrap();
        assert!(used.path().join("data").exists() && third.path().exists());
        assert!(!place.path().join("s-left").exists(), "left by a kill");
        assert!(theirs.join("thesis").exists(), "a folder that only has such a name");
    }

    #[test]
    fn files_nobody_writes_go() {
        let place = tempfile::tempdir().unwrap();
        let (left, used, other) = (place.path().join(".tmp-a"), place.path().join(".tmp-b"), place.path().join("c"));
        for path in [&left, &used, &other] {
            fs::write(path, "x").unwrap();
        }
        let held = File::open(&used).unwrap();
        assert!(hold(&held));
        sweep_files(place.path());
        assert!(!left.exists() && used.exists() && other.exists());
        drop(held);
        let swept = File::open(&used).unwrap();
        fs::remove_file(&used).unwrap();
        assert!(!hold(&swept), "a file that is gone is held by nobody");
    }
}
