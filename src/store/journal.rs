//! Lines that are appended as work goes on and read back after whatever ended it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{StoreError, atomic, step::step};

/// A file of lines.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens or makes the file and gives the whole lines in it; what a killed process left of a line is cut off.
    ///
    /// # Errors
    /// If it cannot be read or written, or another process has it open.
    pub fn open(path: &Path) -> Result<(Self, Vec<String>), StoreError> {
        if let Some(parent) = path.parent() {
            atomic::create_folder(parent)?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(atomic::FILE_MODE)
            .open(path)
            .map_err(StoreError::io("open", path))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let holder = "it pushes the same run to the same target".to_owned();
            return Err(StoreError::Locked { path: path.to_owned(), holder });
        }
        let bytes = atomic::read(path)?.unwrap_or_default();
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let lines = String::from_utf8_lossy(&bytes[..whole]).lines().map(str::to_owned).collect();
        file.set_len(whole as u64).map_err(StoreError::io("write", path))?;
        Ok((Self { path: path.to_owned(), file }, lines))
    }

    /// Appends a line in one step.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn line(&mut self, text: &str) -> Result<(), StoreError> {
        let line = format!("{text}\n");
        step("journal.line")
            .and_then(|()| self.file.write_all(line.as_bytes()))
            .map_err(StoreError::io("write", &self.path))
    }

    /// Flushes the lines to disk.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn sync(&self) -> Result<(), StoreError> {
        step("journal.sync").and_then(|()| self.file.sync_all()).map_err(StoreError::io("flush", &self.path))
    }
}
