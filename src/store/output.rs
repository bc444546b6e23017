//! Where runs are published: a folder or an object-store prefix, and the staging area before it.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path as ObjectPath};
use url::Url;

use super::{ACKS, Places, Scratch, StoreError, atomic, held, step::step, write_back::WriteBack};
use crate::base::{Day, digest::Sha256Sum};

/// Name of the link to the newest run on a file system.
pub const CURRENT_LINK: &str = "current";
/// Name of the pointer object to the newest run on an object store.
pub const CURRENT_POINTER: &str = "current.json";
const SUCCESS: &str = "_SUCCESS";
const STAGING: &str = ".staging";

/// The job's output place.
#[derive(Debug, Clone)]
pub enum OutputRoot {
    /// A folder.
    Folder(PathBuf),
    /// A prefix in an object store.
    Objects {
        /// The store.
        store: Arc<dyn ObjectStore>,
        /// The prefix, without slash at its end; may be empty.
        prefix: String,
        /// The URL as the job names it.
        url: Url,
    },
}

/// A published run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRun {
    /// Its as-of day.
    pub as_of: Day,
    /// Its id.
    pub run_id: String,
    /// When it was published.
    pub published: SystemTime,
}

impl PublishedRun {
    /// The run's folder relative to the output root.
    #[must_use]
    pub fn folder(&self) -> String {
        run_folder(self.as_of, &self.run_id)
    }

    fn parse(relative: &str, published: SystemTime) -> Option<Self> {
        let mut parts = relative.split('/');
        let as_of = Day::parse(parts.next()?.strip_prefix("dt=")?)?;
        let run_id = parts.next()?.strip_prefix("run=")?.to_owned();
        (parts.next() == Some(SUCCESS)).then_some(Self { as_of, run_id, published })
    }
}

/// `dt=YYYY-MM-DD/run=<id>`.
#[must_use]
pub fn run_folder(as_of: Day, run_id: &str) -> String {
    format!("dt={as_of}/run={run_id}")
}

impl OutputRoot {
    /// The root for a path (relative to `base`) or URL.
    ///
    /// # Errors
    /// If the URL's store cannot be opened.
    pub fn open(place: &str, base: &Path, places: &Places) -> Result<Self, StoreError> {
        if !place.contains("://") {
            return Ok(Self::Folder(base.join(place)));
        }
        let url =
            Url::parse(place).map_err(|e| StoreError::BadPlace { place: place.to_owned(), why: e.to_string() })?;
        let store = places.open(&url)?;
        Ok(Self::Objects { store, prefix: url.path().trim_matches('/').to_owned(), url })
    }

    /// Every published run, oldest as-of first; runs of one day in the order they were published.
    ///
    /// # Errors
    /// If the place exists and cannot be listed.
    pub fn runs(&self, places: &Places) -> Result<Vec<PublishedRun>, StoreError> {
        let mut runs = match self {
            Self::Folder(root) => folder_runs(root)?,
            Self::Objects { store, prefix, url } => {
                let at = ObjectPath::from(prefix.as_str());
                let metas: Vec<_> = places
                    .runtime()
                    .block_on(store.list(Some(&at)).try_collect())
                    .map_err(StoreError::object("list", url))?;
                metas
                    .iter()
                    .filter_map(|m| {
                        let relative = m.location.as_ref().strip_prefix(prefix.as_str())?.trim_start_matches('/');
                        PublishedRun::parse(relative, SystemTime::from(m.last_modified))
                    })
                    .collect()
            }
        };
        runs.sort_by(|a, b| (a.as_of, a.published, &a.run_id).cmp(&(b.as_of, b.published, &b.run_id)));
        Ok(runs)
    }

    /// Reads one file of the output place; `None` if it is not there.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn read(&self, relative: &str, places: &Places) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Folder(root) => atomic::read(&root.join(relative)),
            Self::Objects { store, prefix, .. } => {
                let at = object_path(prefix, relative);
                places.runtime().block_on(async {
                    match store.get(&at).await {
                        Ok(got) => got.bytes().await.map(|b| Some(b.to_vec())).map_err(StoreError::object("read", &at)),
                        Err(object_store::Error::NotFound { .. }) => Ok(None),
                        Err(e) => Err(StoreError::object("read", &at)(e)),
                    }
                })
            }
        }
    }

    /// The place of a file below the root, as a path or URL.
    #[must_use]
    pub fn place(&self, relative: &str) -> String {
        match self {
            Self::Folder(root) => root.join(relative).to_string_lossy().into_owned(),
            Self::Objects { url, .. } => format!("{}/{relative}", url.as_str().trim_end_matches('/')),
        }
    }

    /// The run folder that `current` names, relative to the root.
    ///
    /// # Errors
    /// If the link or pointer is there and cannot be read.
    pub fn current(&self, places: &Places) -> Result<Option<String>, StoreError> {
        match self {
            Self::Folder(root) => match fs::read_link(root.join(CURRENT_LINK)) {
                Ok(target) => Ok(Some(target.to_string_lossy().into_owned())),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(StoreError::Io { action: "read", path: root.join(CURRENT_LINK), source }),
            },
            Self::Objects { url, .. } => {
                let Some(bytes) = self.read(CURRENT_POINTER, places)? else { return Ok(None) };
                let pointer: Pointer = serde_json::from_slice(&bytes).map_err(|e| StoreError::BadPlace {
                    place: format!("{url}/{CURRENT_POINTER}"),
                    why: e.to_string(),
                })?;
                Ok(Some(pointer.run))
            }
        }
    }

    /// Points `current` at a run folder.
    ///
    /// # Errors
    /// If the link or pointer cannot be written; it then stays as it was.
    pub fn set_current(&self, run_folder: &str, places: &Places) -> Result<(), StoreError> {
        match self {
            Self::Folder(root) => atomic::swap_link(&root.join(CURRENT_LINK), Path::new(run_folder)),
            Self::Objects { store, prefix, .. } => {
                let pointer = serde_json::to_vec(&Pointer { run: run_folder.to_owned() }).unwrap_or_default();
                let at = object_path(prefix, CURRENT_POINTER);
                let put = store.put(&at, PutPayload::from(pointer));
                places.runtime().block_on(put).map(drop).map_err(StoreError::object("write", &at))
            }
        }
    }

    /// Makes a sealed staging folder a published run: one rename on a file system; on an object store every file, then
    /// the manifest, then `_SUCCESS`. A run that is already published stays as it is.
    ///
    /// # Errors
    /// If any step fails; nothing then counts as published, for `_SUCCESS` is missing.
    #[expect(clippy::needless_pass_by_value, reason = "a staging folder is published once")]
    pub fn publish(&self, staging: Staging, run_folder: &str, places: &Places) -> Result<(), StoreError> {
        match self {
            Self::Folder(root) => {
                let target = root.join(run_folder);
                let parent = target.parent().unwrap_or(root);
                atomic::create_folder(parent)?;
                if target.join(SUCCESS).exists() {
                    return fs::remove_dir_all(&staging.folder).map_err(StoreError::io("remove", &staging.folder));
                }
                // A folder without `_SUCCESS` is no run: what a removal that was cut off left of one.
                remove_tree(&target)?;
                after_the_others(&staging.folder, parent)?;
                step("publish.rename")
                    .and_then(|()| fs::rename(&staging.folder, &target))
                    .map_err(StoreError::io("rename to", &target))?;
                atomic::sync_folder(parent)?;
                atomic::sync_folder(root)
            }
            Self::Objects { store, prefix, .. } => {
                let last = |name: &str| (name == SUCCESS, name == "manifest.json");
                let mut names = Vec::new();
                list_files(&staging.folder, &staging.folder, &mut names)?;
                names.sort_by(|a, b| (last(a), a).cmp(&(last(b), b)));
                for name in names {
                    let at = object_path(prefix, &format!("{run_folder}/{name}"));
                    step("publish.upload").map_err(StoreError::io("read", &staging.folder))?;
                    upload(store.as_ref(), &at, &staging.folder.join(&name), places)?;
                }
                fs::remove_dir_all(&staging.folder).map_err(StoreError::io("remove", &staging.folder))
            }
        }
    }

    /// Puts a sealed staging folder in the place of `folder`, whatever was there: for what is worked out again and again
    /// under one name. On a file system the old one is moved aside first; on an object store files are overwritten.
    ///
    /// # Errors
    /// If any step fails.
    pub fn replace(&self, staging: Staging, folder: &str, places: &Places) -> Result<(), StoreError> {
        if let Self::Folder(root) = self {
            let target = root.join(folder);
            let aside = staging.folder.with_extension("old");
            match fs::rename(&target, &aside) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::Io { action: "move aside", path: target, source: e });
                }
                Err(_) => {}
                Ok(()) => fs::remove_dir_all(&aside).map_err(StoreError::io("remove", &aside))?,
            }
        }
        self.publish(staging, folder, places)
    }

    /// Removes what runs, pushes and acknowledgements that were killed left of their small files. Whoever calls it holds
    /// the lock.
    pub fn sweep(&self) {
        let Self::Folder(root) = self else { return };
        held::sweep_files(root);
        for place in [root.join(ACKS), root.join("push")] {
            for target in sub_folders(&place, "").unwrap_or_default() {
                let target = place.join(target);
                held::sweep_files(&target);
                for run in sub_folders(&target, "").unwrap_or_default() {
                    held::sweep_files(&target.join(run));
                }
            }
        }
    }

    /// A fresh staging folder: beside the runs on a file system, in the system's temporary folder for an object store.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn stage(&self, run_id: &str) -> Result<Staging, StoreError> {
        let name = format!("run={run_id}");
        let (folder, scratch) = match self {
            Self::Folder(root) => {
                // What a run that was killed left goes too: whoever stages beside the runs holds the lock.
                remove_tree(&root.join(STAGING))?;
                (root.join(STAGING).join(name), None)
            }
            Self::Objects { .. } => {
                let scratch = Scratch::temporary()?;
                (scratch.path().join(name), Some(scratch))
            }
        };
        atomic::create_folder(&folder)?;
        Ok(Staging { folder, files: Arc::default(), _scratch: scratch })
    }
}

fn remove_tree(folder: &Path) -> Result<(), StoreError> {
    match step("remove").and_then(|()| fs::remove_dir_all(folder)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", folder)(e)),
        _ => Ok(()),
    }
}

/// Runs of one day are told apart by the times of their `_SUCCESS`: a clock that was set back must not put this one before
/// those that are there.
fn after_the_others(staged: &Path, day: &Path) -> Result<(), StoreError> {
    let time = |success: &Path| fs::metadata(success).and_then(|m| m.modified());
    let success = staged.join(SUCCESS);
    let others = sub_folders(day, "run=")?;
    let Some(newest) = others.iter().filter_map(|run| time(&day.join(run).join(SUCCESS)).ok()).max() else {
        return Ok(());
    };
    let failed = || StoreError::io("write", &success);
    if time(&success).map_err(failed())? <= newest {
        let file = fs::OpenOptions::new().write(true).open(&success).map_err(failed())?;
        file.set_modified(newest + Duration::from_millis(1)).map_err(failed())?;
        file.sync_all().map_err(failed())?;
    }
    Ok(())
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Pointer {
    run: String,
}

pub(super) fn object_path(prefix: &str, relative: &str) -> ObjectPath {
    ObjectPath::from_iter(prefix.split('/').chain(relative.split('/')).filter(|part| !part.is_empty()))
}

pub(super) fn upload(store: &dyn ObjectStore, at: &ObjectPath, file: &Path, places: &Places) -> Result<(), StoreError> {
    /// Parts of an upload: S3 takes at most 10,000 of at least 5 MiB.
    const PART: usize = 16 << 20;
    let mut source = File::open(file).map_err(StoreError::io("read", file))?;
    places.runtime().block_on(async {
        let failed = || StoreError::object("write", &at);
        let mut writer = store.put_multipart(at).await.map_err(failed())?;
        loop {
            let mut part = Vec::with_capacity(PART.min(1 << 20));
            let read = io::Read::take(&mut source, PART as u64);
            io::Read::read_to_end(&mut { read }, &mut part).map_err(StoreError::io("read", file))?;
            let end = part.len() < PART;
            writer.put_part(PutPayload::from(part)).await.map_err(failed())?;
            if end {
                return writer.complete().await.map(drop).map_err(failed());
            }
        }
    })
}

fn folder_runs(root: &Path) -> Result<Vec<PublishedRun>, StoreError> {
    let mut runs = Vec::new();
    for day in sub_folders(root, "dt=")? {
        for run in sub_folders(&root.join(&day), "run=")? {
            let success = root.join(&day).join(&run).join(SUCCESS);
            let Ok(metadata) = fs::metadata(&success) else { continue };
            let published = metadata.modified().map_err(StoreError::io("read", &success))?;
            runs.extend(PublishedRun::parse(&format!("{day}/{run}/{SUCCESS}"), published));
        }
    }
    Ok(runs)
}

fn sub_folders(folder: &Path, prefix: &str) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(source) => return Err(StoreError::Io { action: "list", path: folder.to_owned(), source }),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(StoreError::io("list", folder))?.file_name().to_string_lossy().into_owned();
        if name.starts_with(prefix) {
            names.push(name);
        }
    }
    Ok(names)
}

pub(super) fn list_files(folder: &Path, root: &Path, names: &mut Vec<String>) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let path = entry.map_err(StoreError::io("list", folder))?.path();
        if path.is_dir() {
            list_files(&path, root, names)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            names.push(relative.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// A file that was written to the staging folder in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// Path relative to the run's folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 as hex.
    pub sha256: String,
}

/// A folder in which a run is put together before anybody can see it.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    files: Arc<Mutex<Vec<Result<StagedFile, StoreError>>>>,
    /// Holds the folder where it lies in a place that others use too.
    _scratch: Option<Scratch>,
}

impl Staging {
    /// A new file in the run. It is flushed to disk and entered in the list when the writer is dropped; what fails then
    /// is reported by [`Staging::files`].
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create(&self, relative: &str) -> io::Result<StagedWriter> {
        let path = self.folder.join(relative);
        if let Some(parent) = path.parent() {
            atomic::create_folder(parent).map_err(io::Error::other)?;
        }
        Ok(StagedWriter {
            out: BufWriter::with_capacity(1 << 20, atomic::make_file(&path)?),
            write_back: WriteBack::default(),
            sum: Sha256Sum::new(),
            bytes: 0,
            failed: None,
            path,
            relative: relative.to_owned(),
            files: Arc::clone(&self.files),
        })
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, relative: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.folder.join(relative);
        let mut writer = self.create(relative).map_err(StoreError::io("create", &path))?;
        writer.write_all(bytes).map_err(StoreError::io("write", &path))
    }

    /// The files written so far, in byte order of their paths.
    ///
    /// # Errors
    /// The first file that could not be written in full.
    pub fn files(&self) -> Result<Vec<StagedFile>, StoreError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = std::mem::take(&mut *files).into_iter().collect::<Result<Vec<_>, _>>()?;
        done.sort_by(|a, b| a.path.cmp(&b.path));
        files.extend(done.iter().cloned().map(Ok));
        Ok(done)
    }

    /// Writes `_SUCCESS` and flushes every folder: the run is whole.
    ///
    /// # Errors
    /// If a file failed or the file system refuses.
    pub fn seal(&self) -> Result<(), StoreError> {
        self.write(SUCCESS, b"")?;
        self.files()?;
        sync_tree(&self.folder)
    }

    /// The folder, for those who must hand a path to a library.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Staging {
    /// What was not published is thrown away.
    fn drop(&mut self) {
        // Nobody is left to tell; the next run clears the place again.
        let _ = fs::remove_dir_all(&self.folder);
        if let Some(place) = self.folder.parent().filter(|p| p.ends_with(STAGING)) {
            let _ = fs::remove_dir(place);
        }
    }
}

pub(super) fn sync_tree(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let path = entry.map_err(StoreError::io("list", folder))?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        }
    }
    atomic::sync_folder(folder)
}

/// A file being written to staging; sums its digest as it goes.
#[derive(Debug)]
pub struct StagedWriter {
    out: BufWriter<File>,
    write_back: WriteBack,
    sum: Sha256Sum,
    bytes: u64,
    failed: Option<io::Error>,
    path: PathBuf,
    relative: String,
    files: Arc<Mutex<Vec<Result<StagedFile, StoreError>>>>,
}

impl Write for StagedWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let bytes = buffer.len() as u64;
        let written = step("file.write").and_then(|()| self.out.write_all(buffer));
        match written.and_then(|()| self.write_back.wrote(bytes, self.out.get_ref())) {
            Ok(()) => {
                self.sum.update(buffer);
                self.bytes += bytes;
                Ok(buffer.len())
            }
            Err(e) => {
                self.failed = Some(io::Error::new(e.kind(), e.to_string()));
                Err(e)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for StagedWriter {
    fn drop(&mut self) {
        let end = match self.failed.take() {
            Some(e) => Err(e),
            None => {
                let flushed = self.out.flush().and(self.write_back.finish());
                flushed.and_then(|()| step("file.sync")).and_then(|()| self.out.get_ref().sync_all())
            }
        };
        let sum = std::mem::take(&mut self.sum);
        let file = StagedFile { path: std::mem::take(&mut self.relative), bytes: self.bytes, sha256: sum.hex() };
        let entry = end.map(|()| file).map_err(StoreError::io("write", &self.path));
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }
}
