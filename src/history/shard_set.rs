//! All shards of a run, in memory or on disk; whoever maps over them cannot tell which.

use std::{
    fs::File,
    io::{self, BufReader, Seek, SeekFrom},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Shard, codec};
use crate::engine::shard_map;

/// A shard could not be read back from the spill folder.
#[derive(Debug, thiserror::Error)]
#[error("cannot read shard {index} back from the spill folder")]
pub struct ShardError {
    /// Which shard.
    pub index: usize,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// The shards of a run.
#[derive(Debug, Default)]
pub struct ShardSet {
    shards: Vec<Place>,
}

/// Where one shard is.
#[derive(Debug)]
pub(super) enum Place {
    Memory(Arc<Shard>),
    /// A file without a name: it is gone when the run ends, however it ends.
    Disk(Mutex<File>),
}

impl ShardSet {
    /// Shards held in memory, in shard order.
    #[must_use]
    pub fn in_memory(shards: Vec<Shard>) -> Self {
        Self { shards: shards.into_iter().map(|s| Place::Memory(Arc::new(s))).collect() }
    }

    pub(super) fn new(shards: Vec<Place>) -> Self {
        Self { shards }
    }

    /// Number of shards.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.len()
    }

    /// Whether there is no shard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// One shard.
    ///
    /// # Errors
    /// If a spilled shard cannot be read back.
    pub fn get(&self, index: usize) -> Result<Arc<Shard>, ShardError> {
        match &self.shards[index] {
            Place::Memory(shard) => Ok(Arc::clone(shard)),
            Place::Disk(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(0))
                    .and_then(|_| codec::read(&mut BufReader::with_capacity(1 << 20, &mut *file)))
                    .map(Arc::new)
                    .map_err(|source| ShardError { index, source })
            }
        }
    }

    /// Maps over every shard in parallel; results come in shard order whatever the thread count, so that folding them
    /// from left to right is deterministic.
    ///
    /// # Errors
    /// The error of the lowest failing shard index: reading it back, or the function's own.
    pub fn map<T, E, F>(&self, f: F) -> Result<Vec<T>, E>
    where
        T: Send,
        E: From<ShardError> + Send,
        F: Fn(usize, &Shard) -> Result<T, E> + Sync,
    {
        shard_map::map(self.len(), |i| f(i, &*self.get(i)?))
    }
}
