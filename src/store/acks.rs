//! Acknowledgements: which runs a CRM target took over, in the order it did. One small file each under
//! `acks/<target>/` of the output place: `NNNNNN-<run id>` as `nextoffer ack` writes it, or `<run id>` with any ending as an
//! importer drops it. What was dropped takes its number when the next run or `ack` sees it.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path as ObjectPath};

use super::{OutputRoot, Places, PublishedRun, StoreError, atomic, held, step::step};

/// Folder of acknowledgements in the output place.
pub const ACKS: &str = "acks";

/// The acknowledgements of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acks {
    /// Run ids in the order of acknowledgement.
    pub runs: Vec<String>,
    /// Those that have a number.
    numbered: Vec<String>,
    /// Files that were dropped: name and run id.
    dropped: Vec<(String, String)>,
    /// The next number.
    next: u32,
}

fn folder(target: &str) -> String {
    format!("{ACKS}/{target}")
}

impl OutputRoot {
    /// The acknowledgements of a target. Those an importer dropped come last, by the day of their runs; runs that are
    /// not published are none.
    ///
    /// # Errors
    /// If the place exists and cannot be listed.
    pub fn acks(&self, target: &str, places: &Places) -> Result<Acks, StoreError> {
        let mut names = self.names(&folder(target), places)?;
        names.sort();
        let mut acks = Acks::default();
        let mut numbered: Vec<(u32, String)> = Vec::new();
        for name in names {
            let stem = name.split('.').next().unwrap_or_default();
            match stem.split_once('-') {
                Some((number, run)) if number.len() == 6 => {
                    if let Ok(number) = number.parse() {
                        numbered.push((number, run.to_owned()));
                    }
                }
                _ if !stem.is_empty() => acks.dropped.push((name.clone(), stem.to_owned())),
                _ => {}
            }
        }
        numbered.sort();
        acks.next = numbered.last().map_or(1, |(n, _)| n + 1);
        acks.numbered = numbered.into_iter().map(|(_, run)| run).collect();
        acks.runs.clone_from(&acks.numbered);
        if !acks.dropped.is_empty() {
            let published = self.runs(places)?;
            let place = |id: &str| published.iter().position(|r: &PublishedRun| r.run_id == id);
            acks.dropped.retain(|(_, id)| place(id).is_some());
            acks.dropped.sort_by_key(|(name, id)| (place(id), name.clone()));
            for (_, id) in &acks.dropped {
                if acks.runs.last() != Some(id) {
                    acks.runs.push(id.clone());
                }
            }
        }
        Ok(acks)
    }

    /// Notes that a target took over a run; nothing if it is the one it took over last.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn acknowledge(&self, target: &str, run_id: &str, places: &Places) -> Result<(), StoreError> {
        let _held = self.hold_acks(target)?;
        let mut acks = self.absorb(target, places)?;
        if acks.runs.last().is_some_and(|last| last == run_id) {
            return Ok(());
        }
        self.number(target, &mut acks, run_id, places)
    }

    /// Gives numbers to what was dropped.
    ///
    /// # Errors
    /// If the place cannot be written.
    pub fn absorb_acks(&self, target: &str, places: &Places) -> Result<Acks, StoreError> {
        let acks = self.acks(target, places)?;
        if acks.dropped.is_empty() {
            return Ok(acks);
        }
        let _held = self.hold_acks(target)?;
        self.absorb(target, places)
    }

    /// One process numbers the acknowledgements of a target at a time; the others wait, for it takes no time.
    fn hold_acks(&self, target: &str) -> Result<Option<File>, StoreError> {
        let Self::Folder(root) = self else { return Ok(None) };
        let path = root.join(folder(target));
        atomic::create_folder(&path)?;
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        held::hold(&file);
        held::sweep_files(&path);
        Ok(Some(file))
    }

    fn absorb(&self, target: &str, places: &Places) -> Result<Acks, StoreError> {
        let mut acks = self.acks(target, places)?;
        if acks.dropped.is_empty() {
            return Ok(acks);
        }
        acks.runs = std::mem::take(&mut acks.numbered);
        for (name, id) in std::mem::take(&mut acks.dropped) {
            if acks.runs.last() != Some(&id) {
                self.number(target, &mut acks, &id, places)?;
            }
            self.remove(&format!("{}/{name}", folder(target)), places)?;
        }
        Ok(acks)
    }

    fn number(&self, target: &str, acks: &mut Acks, run_id: &str, places: &Places) -> Result<(), StoreError> {
        let name = format!("{}/{:06}-{run_id}", folder(target), acks.next);
        step("ack.write").map_err(StoreError::io("write", Path::new(&name)))?;
        self.put_small(&name, format!("{run_id}\n").as_bytes(), places)?;
        acks.next += 1;
        acks.runs.push(run_id.to_owned());
        Ok(())
    }

    /// Names of the files directly in a folder of the output place.
    fn names(&self, folder: &str, places: &Places) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Folder(root) => {
                let path = root.join(folder);
                let entries = match fs::read_dir(&path) {
                    Ok(entries) => entries,
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                    Err(source) => return Err(StoreError::Io { action: "list", path, source }),
                };
                let mut names = Vec::new();
                for entry in entries {
                    let entry = entry.map_err(StoreError::io("list", &path))?;
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if !name.starts_with('.') && entry.path().is_file() {
                        names.push(name);
                    }
                }
                Ok(names)
            }
            Self::Objects { store, prefix, url } => {
                let at = object(prefix, folder);
                let metas: Vec<_> = places
                    .runtime()
                    .block_on(store.list(Some(&at)).try_collect())
                    .map_err(StoreError::object("list", url))?;
                let name = |m: &object_store::ObjectMeta| m.location.filename().map(str::to_owned);
                Ok(metas.iter().filter_map(name).collect())
            }
        }
    }

    /// Writes a small file of the output place in one step.
    ///
    /// # Errors
    /// If it cannot be written; what was there then stays.
    pub fn put_small(&self, relative: &str, bytes: &[u8], places: &Places) -> Result<(), StoreError> {
        match self {
            Self::Folder(root) => {
                let path = root.join(relative);
                atomic::create_folder(path.parent().unwrap_or(root))?;
                atomic::write(&path, bytes)
            }
            Self::Objects { store, prefix, .. } => {
                let at = object(prefix, relative);
                let put = store.put(&at, PutPayload::from(bytes.to_vec()));
                places.runtime().block_on(put).map(drop).map_err(StoreError::object("write", &at))
            }
        }
    }

    fn remove(&self, relative: &str, places: &Places) -> Result<(), StoreError> {
        match self {
            Self::Folder(root) => {
                let path = root.join(relative);
                match step("ack.remove").and_then(|()| fs::remove_file(&path)) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", &path)(e)),
                    _ => atomic::sync_folder(path.parent().unwrap_or(Path::new("."))),
                }
            }
            Self::Objects { store, prefix, .. } => {
                let at = object(prefix, relative);
                places.runtime().block_on(store.delete(&at)).map_err(StoreError::object("remove", &at))
            }
        }
    }
}

fn object(prefix: &str, relative: &str) -> ObjectPath {
    ObjectPath::from_iter(prefix.split('/').chain(relative.split('/')).filter(|part| !part.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(root: &Path, day: &str, id: &str) {
        let folder = root.join(format!("dt={day}/run={id}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("_SUCCESS"), "").unwrap();
    }

    #[test]
    fn numbered_and_dropped() {
        let place = tempfile::tempdir().unwrap();
        let root = OutputRoot::Folder(place.path().to_owned());
        let places = Places::new(Default::default(), 1).unwrap();
        for (day, id) in [("2026-06-01", "a1"), ("2026-06-02", "b2"), ("2026-06-03", "c3")] {
            publish(place.path(), day, id);
        }
        assert_eq!(root.acks("crm", &places).unwrap().runs, Vec::<String>::new());
        root.acknowledge("crm", "a1", &places).unwrap();
        root.acknowledge("crm", "a1", &places).unwrap();
        let drops = place.path().join("acks/crm");
        fs::write(drops.join("c3.ok"), "done").unwrap();
        fs::write(drops.join("b2"), "").unwrap();
        fs::write(drops.join("unknown"), "").unwrap();
        fs::write(drops.join(".hidden"), "").unwrap();
        assert_eq!(root.acks("crm", &places).unwrap().runs, ["a1", "b2", "c3"]);
        // Back to an earlier run: the order is that of acknowledgement, not of days.
        root.acknowledge("crm", "b2", &places).unwrap();
        let acks = root.acks("crm", &places).unwrap();
        assert_eq!(acks.runs, ["a1", "b2", "c3", "b2"]);
        assert!(acks.dropped.is_empty() && drops.join("unknown").exists());
        assert!(drops.join("000004-b2").exists() && !drops.join("b2").exists());
        fs::write(drops.join("c3"), "").unwrap();
        assert_eq!(root.acks("crm", &places).unwrap().runs.last().unwrap(), "c3");
        assert_eq!(root.absorb_acks("crm", &places).unwrap().runs.len(), 5);
    }
}
