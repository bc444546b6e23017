//! A folder that is either wholly there or not there.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Scratch, StoreError, atomic, step::step};

/// A folder that is put together beside its place and takes it in one step. Dropped before that, it is gone.
#[derive(Debug)]
pub struct NewFolder {
    place: PathBuf,
    work: Scratch,
    /// The first file that could not be written in full.
    failed: Arc<Mutex<Option<StoreError>>>,
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
        let parent = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let work = Scratch::beside(parent, ".nextoffer-new-")?;
        Ok(Self { place: place.to_owned(), work, failed: Arc::default() })
    }

    /// A new file in it. It is flushed to disk when the writer is dropped; what fails then is reported by
    /// [`NewFolder::finish`].
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn file(&self, relative: &str) -> io::Result<NewFile> {
        let path = self.work.path().join(relative);
        if let Some(parent) = path.parent() {
            atomic::create_folder(parent).map_err(io::Error::other)?;
        }
        let out = BufWriter::with_capacity(1 << 18, atomic::make_file(&path)?);
        Ok(NewFile { out, path, failed: Arc::clone(&self.failed) })
    }

    /// Reads one of its files.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn read(&self, relative: &str) -> Result<Option<Vec<u8>>, StoreError> {
        atomic::read(&self.work.path().join(relative))
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// If a file could not be written in full, or the folder cannot be renamed.
    pub fn finish(self) -> Result<(), StoreError> {
        if let Some(error) = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        step("export.rename")
            .and_then(|()| fs::rename(self.work.path(), &self.place))
            .map_err(StoreError::io("rename to", &self.place))?;
        Scratch::unmark(&self.place)?;
        atomic::sync_folder(&self.place)?;
        atomic::sync_folder(self.place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }
}

/// A file being written in a new folder.
#[derive(Debug)]
pub struct NewFile {
    out: BufWriter<File>,
    path: PathBuf,
    failed: Arc<Mutex<Option<StoreError>>>,
}

impl Write for NewFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        step("export.write")?;
        self.out.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        let end = self.out.flush().and_then(|()| step("export.sync")).and_then(|()| self.out.get_ref().sync_all());
        if let Err(source) = end {
            let error = StoreError::Io { action: "write", path: std::mem::take(&mut self.path), source };
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}
