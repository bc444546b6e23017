//! One run at a time in an output folder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{StoreError, atomic::FILE_MODE, step::step};

/// A held lock; released when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock file at `path`, or says who holds it. `holder` describes this run to whoever comes next.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process holds it; [`StoreError::Io`] if the file cannot be made.
    pub fn take(path: &Path, holder: &str) -> Result<Self, StoreError> {
        step("lock.take").map_err(StoreError::io("open the lock file", path))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)
            .map_err(StoreError::io("open the lock file", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Best effort: the message is useful without it.
                let _ = file.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "it has just begun".to_owned(),
                    known => known.to_owned(),
                };
                return Err(StoreError::Locked { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::Io { action: "lock", path: path.to_owned(), source });
            }
        }
        file.set_len(0).map_err(StoreError::io("write", path))?;
        file.rewind().map_err(StoreError::io("write", path))?;
        step("lock.write").and_then(|()| writeln!(file, "{holder}")).map_err(StoreError::io("write", path))?;
        Ok(Self { _file: file })
    }
}
