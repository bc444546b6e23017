//! A folder that is either wholly there or not there.

use std::{
    fs,
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{StoreError, atomic};

/// A folder that is put together beside its place and takes it in one step. Dropped before that, it is gone.
#[derive(Debug)]
pub struct NewFolder {
    place: PathBuf,
    work: PathBuf,
    done: bool,
}

impl NewFolder {
    /// Starts a folder that is not there yet.
    ///
    /// # Errors
    /// If something is there, or the folder cannot be made.
    pub fn create(place: &Path) -> Result<Self, StoreError> {
        if place.exists() {
            let source = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(StoreError::Io { action: "create", path: place.to_owned(), source });
        }
        let name = place.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let work = place.with_file_name(format!(".{name}.{}", std::process::id()));
        match fs::remove_dir_all(&work) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(StoreError::io("remove", &work)(e)),
            _ => {}
        }
        atomic::create_folder(&work)?;
        Ok(Self { place: place.to_owned(), work, done: false })
    }

    /// A new file in it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn file(&self, relative: &str) -> io::Result<impl Write + Send + use<>> {
        let path = self.work.join(relative);
        if let Some(parent) = path.parent() {
            atomic::create_folder(parent).map_err(io::Error::other)?;
        }
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(atomic::FILE_MODE).open(&path)?;
        Ok(BufWriter::with_capacity(1 << 18, file))
    }

    /// Reads one of its files.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn read(&self, relative: &str) -> Result<Option<Vec<u8>>, StoreError> {
        atomic::read(&self.work.join(relative))
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// If it cannot be renamed.
    pub fn finish(mut self) -> Result<(), StoreError> {
        fs::rename(&self.work, &self.place).map_err(StoreError::io("rename to", &self.place))?;
        self.done = true;
        atomic::sync_folder(self.place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.done {
            // Nobody is left to tell.
            let _ = fs::remove_dir_all(&self.work);
        }
    }
}
