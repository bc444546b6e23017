//! Who was forgotten: keyed hashes of member ids, which later nights check their inputs against.
//!
//! `forgotten/tombstones.json` holds the hashes, `forgotten/key` the key, readable by its owner alone. Without the key the
//! hashes say nothing; with it they answer whether an id that one already knows was forgotten, and no more. The key may come
//! from the environment instead, and is then nowhere in the output place.

use std::collections::BTreeSet;

use super::{OutputRoot, Places, StoreError, atomic};
use crate::base::{
    digest::{hex, sha256_hex},
    keyed_hash::KeyedHash,
};

/// Folder of the output place that tells who was forgotten.
pub const FORGOTTEN: &str = "forgotten";
/// Environment variable that holds the key instead of the file.
pub const FORGET_KEY: &str = "NEXTOFFER_FORGET_KEY";
const LIST: &str = "forgotten/tombstones.json";
const KEY: &str = "forgotten/key";
/// What is hashed to tell whether a key is the one that the list was made with.
const CHECK: &str = "nextoffer tombstones";

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct List {
    format: u32,
    /// Hash of a fixed text under the key.
    check: String,
    members: BTreeSet<String>,
}

/// Members who were forgotten.
#[derive(Debug, Clone, Default)]
pub struct Tombstones {
    hash: Option<KeyedHash>,
    members: BTreeSet<String>,
}

impl Tombstones {
    /// Whether nobody was forgotten.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many members were forgotten.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the member was forgotten.
    #[must_use]
    pub fn contains(&self, member: &str) -> bool {
        match &self.hash {
            Some(hash) if !self.members.is_empty() => self.members.contains(&hex(&hash.of(member))),
            _ => false,
        }
    }

    /// Digest of the list; none while it is empty.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        if self.members.is_empty() {
            return None;
        }
        let all: Vec<&str> = self.members.iter().map(String::as_str).collect();
        Some(sha256_hex(all.join("\n").as_bytes()))
    }
}

impl OutputRoot {
    /// The members who were forgotten.
    ///
    /// # Errors
    /// If the list cannot be read, or the key is not the one it was made with: then nobody could be told from others.
    pub fn tombstones(&self, places: &Places) -> Result<Tombstones, StoreError> {
        let Some(bytes) = self.read(LIST, places)? else { return Ok(Tombstones::default()) };
        let bad = |why: String| StoreError::BadPlace { place: self.place(LIST), why };
        let list: List = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
        let key = match std::env::var(FORGET_KEY) {
            Ok(key) if !key.trim().is_empty() => key,
            _ => match self.read(KEY, places)? {
                Some(key) => String::from_utf8_lossy(&key).into_owned(),
                None => {
                    return Err(bad(format!("its key is neither in `{KEY}` nor in the environment ({FORGET_KEY})")));
                }
            },
        };
        let hash = KeyedHash::new(key.trim().as_bytes());
        if hex(&hash.of(CHECK)) != list.check {
            return Err(bad(format!("the key in `{KEY}` or {FORGET_KEY} is not the one it was made with")));
        }
        Ok(Tombstones { hash: Some(hash), members: list.members })
    }

    /// Adds members to those who were forgotten; gives all of them, and how many are new.
    ///
    /// # Errors
    /// As [`OutputRoot::tombstones`]; or if the list or its key cannot be written.
    pub fn bury<'m>(
        &self,
        members: impl IntoIterator<Item = &'m str>,
        places: &Places,
    ) -> Result<(Tombstones, usize), StoreError> {
        let mut all = self.tombstones(places)?;
        let hash = match all.hash.take() {
            Some(hash) => hash,
            None => KeyedHash::new(self.forget_key(places)?.trim().as_bytes()),
        };
        let before = all.members.len();
        all.members.extend(members.into_iter().map(|member| hex(&hash.of(member))));
        let new = all.members.len() - before;
        if new > 0 {
            let list = List { format: 1, check: hex(&hash.of(CHECK)), members: all.members.clone() };
            let mut bytes = serde_json::to_vec_pretty(&list).unwrap_or_default();
            bytes.push(b'\n');
            self.put_small(LIST, &bytes, places)?;
        }
        all.hash = Some(hash);
        Ok((all, new))
    }

    /// The key to begin with: the environment's, that of a run of this command that was cut off, or a new one.
    fn forget_key(&self, places: &Places) -> Result<String, StoreError> {
        if let Ok(key) = std::env::var(FORGET_KEY)
            && !key.trim().is_empty()
        {
            return Ok(key);
        }
        if let Some(key) = self.read(KEY, places)? {
            return Ok(String::from_utf8_lossy(&key).into_owned());
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|e| StoreError::BadPlace {
            place: self.place(KEY),
            why: format!("the system gives no random numbers: {e}"),
        })?;
        let key = hex(&random);
        match self {
            Self::Folder(root) => {
                atomic::create_folder(&root.join(FORGOTTEN))?;
                atomic::write_secret(&root.join(KEY), format!("{key}\n").as_bytes())?;
            }
            Self::Objects { .. } => self.put_small(KEY, format!("{key}\n").as_bytes(), places)?,
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn who_is_buried_is_known_by_id_alone() {
        let place = tempfile::tempdir().unwrap();
        let root = OutputRoot::Folder(place.path().to_owned());
        let places = Places::new(Default::default(), 1).unwrap();
        assert!(root.tombstones(&places).unwrap().is_empty());
        let (first, new) = root.bury(["anna", "bo"], &places).unwrap();
        assert_eq!((first.len(), new), (2, 2));
        let (again, new) = root.bury(["bo", "cy"], &places).unwrap();
        assert_eq!((again.len(), new), (3, 1));
        let read = root.tombstones(&places).unwrap();
        assert!(read.contains("anna") && read.contains("cy") && !read.contains("dan"));
        assert_eq!(read.digest(), again.digest());
        assert_ne!(read.digest(), first.digest());
        let list = std::fs::read_to_string(place.path().join(LIST)).unwrap();
        assert!(!list.contains("anna"));
        let mode = std::fs::metadata(place.path().join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        std::fs::write(place.path().join(KEY), "another").unwrap();
        assert!(root.tombstones(&places).is_err());
        std::fs::remove_file(place.path().join(KEY)).unwrap();
        assert!(root.tombstones(&places).is_err());
    }
}
