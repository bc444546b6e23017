//! All shards of a run, in memory or on disk; whoever maps over them cannot tell which.

use std::{path::PathBuf, sync::Arc};

use rayon::prelude::*;

use super::Shard;

/// A shard could not be read back from the spill folder.
#[derive(Debug, thiserror::Error)]
#[error("cannot read spilled shard {index} from {}", path.display())]
pub struct ShardError {
    /// Which shard.
    pub index: usize,
    /// Its file.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// The shards of a run.
#[derive(Debug, Default)]
pub struct ShardSet {
    shards: Vec<Arc<Shard>>,
}

impl ShardSet {
    /// Shards held in memory, in shard order.
    #[must_use]
    pub fn in_memory(shards: Vec<Shard>) -> Self {
        Self { shards: shards.into_iter().map(Arc::new).collect() }
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
        Ok(Arc::clone(&self.shards[index]))
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
        let results: Vec<Result<T, E>> =
            (0..self.len()).into_par_iter().with_max_len(1).map(|i| f(i, &*self.get(i)?)).collect();
        results.into_iter().collect()
    }
}
