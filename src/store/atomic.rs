//! Files that are either wholly there or not there.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink},
    path::Path,
};

use super::{
    StoreError,
    held::{TEMPORARY, hold},
    step::step,
};

/// Mode of every file a run writes: the owner writes, the group reads.
pub const FILE_MODE: u32 = 0o640;
/// Mode of every folder a run makes.
pub const FOLDER_MODE: u32 = 0o750;

/// Writes `bytes` to `path` through a temporary file in the same folder, flushed to disk before the rename.
///
/// # Errors
/// If any step fails; `path` then holds what it held before.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_with_mode(path, bytes, FILE_MODE)
}

/// Writes what only the owner may read.
///
/// # Errors
/// As [`write()`].
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_with_mode(path, bytes, 0o600)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = loop {
        step("small.create").map_err(StoreError::io("create a file in", folder))?;
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(fs::Permissions::from_mode(mode))
            .tempfile_in(folder)
            .map_err(StoreError::io("create a file in", folder))?;
        if hold(file.as_file()) {
            break file;
        }
    };
    step("small.write").and_then(|()| file.write_all(bytes)).map_err(StoreError::io("write", path))?;
    step("small.sync").and_then(|()| file.as_file().sync_all()).map_err(StoreError::io("flush", path))?;
    step("small.rename").map_err(StoreError::io("rename to", path))?;
    file.persist(path).map_err(|e| StoreError::Io { action: "rename to", path: path.to_owned(), source: e.error })?;
    sync_folder(folder)
}

/// A new file for writing, with the mode that all have.
pub(super) fn make_file(path: &Path) -> io::Result<File> {
    step("file.create")?;
    fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// Creates a folder and its parents.
///
/// # Errors
/// If the file system refuses.
pub fn create_folder(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    if path.is_dir() {
        return Ok(());
    }
    let make = || fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path);
    step("folder.create").and_then(|()| make()).map_err(StoreError::io("create", path))
}

/// Flushes a folder's entries to disk.
///
/// # Errors
/// If the file system refuses.
pub fn sync_folder(path: &Path) -> Result<(), StoreError> {
    step("folder.sync")
        .and_then(|()| File::open(path))
        .and_then(|f| f.sync_all())
        .map_err(StoreError::io("flush", path))
}

/// Points the symbolic link `link` at `target` (relative to the link's folder) in one step.
///
/// # Errors
/// If the file system refuses; the link then points where it did.
pub fn swap_link(link: &Path, target: &Path) -> Result<(), StoreError> {
    let folder = link.parent().unwrap_or(Path::new("."));
    // Whoever moves a link holds the lock of its folder: one name is enough, and a kill leaves one at most.
    let temporary = folder.join(format!("{TEMPORARY}link"));
    match fs::remove_file(&temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(StoreError::Io { action: "remove", path: temporary, source: e });
        }
        _ => {}
    }
    step("link.create").and_then(|()| symlink(target, &temporary)).map_err(StoreError::io("create", &temporary))?;
    step("link.rename").and_then(|()| fs::rename(&temporary, link)).map_err(StoreError::io("rename to", link))?;
    sync_folder(folder)
}

/// Reads a whole small file; `None` if it is not there.
///
/// # Errors
/// If it is there and cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Io { action: "read", path: path.to_owned(), source }),
    }
}
