//! One session a run: memory pool, spill folder, object stores.

use std::{path::Path, sync::Arc};

use datafusion::{
    execution::{
        context::{SessionConfig, SessionContext},
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        runtime_env::RuntimeEnvBuilder,
    },
    prelude::SessionContext as Context,
};

use super::EngineError;
use crate::store::{InputFile, Places};

/// Rows in one record batch: large enough to amortise dispatch, small enough to stay in cache.
pub(super) const BATCH_ROWS: usize = 8192;

/// The embedded query engine.
pub struct Engine {
    pub(super) context: Context,
    pub(super) places: Arc<Places>,
    pub(super) threads: usize,
    pub(super) memory_limit: Option<u64>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts the engine with `threads` readers. With a memory limit, DataFusion gets a quarter of it as its pool (the
    /// rest is for histories) and spills to `spill`.
    ///
    /// # Errors
    /// If the spill folder cannot be used.
    pub fn new(
        places: Arc<Places>,
        threads: usize,
        memory_limit: Option<u64>,
        spill: &Path,
    ) -> Result<Self, EngineError> {
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = memory_limit {
            let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill.to_owned()]));
            let pool = FairSpillPool::new(usize::try_from(bytes / 4).unwrap_or(usize::MAX));
            runtime = runtime.with_memory_pool(Arc::new(pool)).with_disk_manager_builder(disk);
        }
        let runtime = runtime.build_arc().map_err(EngineError::engine("started"))?;
        let config = SessionConfig::new().with_batch_size(BATCH_ROWS).with_target_partitions(1);
        let context = SessionContext::new_with_config_rt(config, runtime);
        Ok(Self { context, places, threads: threads.max(1), memory_limit })
    }

    /// The places inputs are read from.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    pub(super) fn register(&self, file: &InputFile) -> Result<(), EngineError> {
        let store = self.places.open(&file.store)?;
        self.context.register_object_store(&file.store, store);
        Ok(())
    }
}
