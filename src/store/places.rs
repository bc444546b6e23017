//! Finds the files a job names: paths, folders, globs, Hive partitions, object-store URLs.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures::TryStreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, local::LocalFileSystem, path::Path as ObjectPath,
};
use url::Url;

use super::{InputFile, StoreError};

/// Opens object stores by URL and lists what is in them. Holds the runtime that all input and output waits on.
pub struct Places {
    runtime: tokio::runtime::Runtime,
    /// Settings for object stores from the job (endpoint, region …); secrets come from the environment.
    options: BTreeMap<String, String>,
    open: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl Places {
    /// # Errors
    /// If the system gives no threads for the runtime.
    pub fn new(options: BTreeMap<String, String>, threads: usize) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("nextoffer-io")
            .enable_all()
            .build()
            .map_err(StoreError::io("start the runtime for", Path::new(".")))?;
        Ok(Self { runtime, options, open: Mutex::default() })
    }

    /// The runtime on which streams of this store are polled.
    #[must_use]
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        self.runtime.handle()
    }

    /// What a future of a store comes to. Local files are read on the thread that waits: to wake another for it costs more
    /// than the reading, and the bytes would come from another core.
    pub fn wait<F: Future>(&self, store: &Url, future: F) -> F::Output {
        match store.scheme() {
            "file" => futures::executor::block_on(future),
            _ => self.runtime.block_on(future),
        }
    }

    /// The store of a URL's scheme and host, opened on first use.
    ///
    /// # Errors
    /// If the scheme is unknown or the options do not make a store.
    pub fn open(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let key = root_of(url);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = open.get(key.as_str()) {
            return Ok(Arc::clone(store));
        }
        let bad = |why: String| StoreError::BadPlace { place: url.to_string(), why };
        let store: Arc<dyn ObjectStore> = match url.scheme() {
            "file" => Arc::new(LocalFileSystem::new()),
            "s3" | "s3a" => {
                let mut builder = AmazonS3Builder::from_env().with_url(key.as_str());
                for (name, value) in &self.options {
                    let option = name.parse().map_err(|_| bad(format!("unknown object-store option `{name}`")))?;
                    builder = builder.with_config(option, value);
                }
                Arc::new(builder.build().map_err(StoreError::object("open", url))?)
            }
            other => return Err(bad(format!("scheme `{other}` is not supported; use a path or s3://"))),
        };
        open.insert(key.to_string(), Arc::clone(&store));
        Ok(store)
    }

    /// The Parquet files `place` stands for, in byte order of their names. Relative paths start at `base`.
    ///
    /// # Errors
    /// If the place cannot be read or matches nothing.
    pub fn list(&self, place: &str, base: &Path) -> Result<Vec<InputFile>, StoreError> {
        let mut files = match Url::parse(place) {
            Ok(url) if place.contains("://") => self.list_objects(place, &url)?,
            _ => list_local(place, base)?,
        };
        files.sort_by(|a, b| a.name.cmp(&b.name));
        if files.is_empty() {
            return Err(StoreError::NotFound { place: place.to_owned() });
        }
        Ok(files)
    }

    fn list_objects(&self, place: &str, url: &Url) -> Result<Vec<InputFile>, StoreError> {
        let store = self.open(url)?;
        let bad = |why: String| StoreError::BadPlace { place: place.to_owned(), why };
        let raw = place.split_once("://").map_or("", |(_, rest)| rest);
        let path = raw.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/');
        let pattern = glob::Pattern::new(path).map_err(|e| bad(e.to_string()))?;
        let plain = path.split(['*', '?', '[']).next().unwrap_or_default();
        let is_glob = plain.len() != path.len();
        let folder = if is_glob { plain.rsplit_once('/').map_or("", |(folder, _)| folder) } else { path };
        let prefix = ObjectPath::parse(folder).map_err(|e| bad(e.to_string()))?;
        let root = root_of(url);
        self.runtime.block_on(async {
            if !is_glob && path.ends_with(".parquet") {
                let meta = store.head(&prefix).await.map_err(|source| match source {
                    object_store::Error::NotFound { .. } => StoreError::NotFound { place: place.to_owned() },
                    source => StoreError::Object { action: "read", place: place.to_owned(), source: Box::new(source) },
                })?;
                return Ok(vec![InputFile::new(&root, meta, folder_of(path))]);
            }
            let metas: Vec<_> =
                store.list(Some(&prefix)).try_collect().await.map_err(StoreError::object("list", place))?;
            Ok(metas
                .into_iter()
                .filter(|m| {
                    let name = m.location.as_ref();
                    is_data_file(name.strip_prefix(folder).unwrap_or(name)) && (!is_glob || pattern.matches(name))
                })
                .map(|m| InputFile::new(&root, m, folder))
                .collect())
        })
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Places").field("options", &self.options.keys()).finish_non_exhaustive()
    }
}

fn root_of(url: &Url) -> Url {
    let mut root = url.clone();
    root.set_path("");
    root.set_query(None);
    root.set_fragment(None);
    root
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Files that data tools write beside data (`_SUCCESS`, `.crc`, temporary folders) are not data.
fn is_data_file(name: &str) -> bool {
    name.ends_with(".parquet") && !name.split('/').any(|part| part.starts_with(['_', '.']))
}

fn list_local(place: &str, base: &Path) -> Result<Vec<InputFile>, StoreError> {
    let path = base.join(place);
    let text = path.to_string_lossy();
    let bad = |why: String| StoreError::BadPlace { place: place.to_owned(), why };
    let mut found = Vec::new();
    if path.is_dir() {
        walk(&path, &mut found)?;
        return found.iter().map(|f| local_file(f, &path)).collect();
    }
    if path.is_file() {
        return Ok(vec![local_file(&path, path.parent().unwrap_or(base))?]);
    }
    if place.contains(['*', '?', '[']) {
        let fixed = text.split(['*', '?', '[']).next().unwrap_or_default();
        let root = PathBuf::from(fixed.rsplit_once('/').map_or(".", |(folder, _)| folder));
        for entry in glob::glob(&text).map_err(|e| bad(e.to_string()))? {
            let entry = entry.map_err(|e| bad(e.to_string()))?;
            if entry.is_dir() { walk(&entry, &mut found)? } else { found.push(entry) }
        }
        return found.iter().map(|f| local_file(f, &root)).collect();
    }
    Err(StoreError::NotFound { place: place.to_owned() })
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let path = entry.map_err(StoreError::io("list", folder))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(['_', '.']) {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else if name.ends_with(".parquet") {
            found.push(path);
        }
    }
    Ok(())
}

fn local_file(path: &Path, root: &Path) -> Result<InputFile, StoreError> {
    let absolute = path.canonicalize().map_err(StoreError::io("open", path))?;
    let metadata = std::fs::metadata(&absolute).map_err(StoreError::io("open", path))?;
    let bad = |why: String| StoreError::BadPlace { place: path.display().to_string(), why };
    let location = ObjectPath::from_absolute_path(&absolute).map_err(|e| bad(e.to_string()))?;
    let url = Url::parse("file:///").map_err(|e| bad(e.to_string()))?;
    let meta = object_store::ObjectMeta {
        location,
        last_modified: Default::default(),
        size: metadata.len(),
        e_tag: None,
        version: None,
    };
    let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    Ok(InputFile::local(url, meta, relative, absolute))
}
