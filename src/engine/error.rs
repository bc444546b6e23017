//! What can go wrong while reading or evaluating.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::store::StoreError;

/// The engine could not read or evaluate something.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The place the file lives in could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file's footer is not that of a Parquet file.
    #[error("`{file}` is not a readable Parquet file: {why}")]
    NotParquet {
        /// The file's name within its table.
        file: String,
        /// What the reader said.
        why: String,
    },
    /// The file broke off or is damaged inside.
    #[error("`{file}` cannot be read from row {row} on: {why}; the file is damaged, deliver it again")]
    Damaged {
        /// The file's name within its table.
        file: String,
        /// Rows (counted from 0) before this one were read.
        row: u64,
        /// What the reader said.
        why: String,
    },
    /// The engine itself failed.
    #[error("the query engine failed while it {action}")]
    Engine {
        /// What it was doing.
        action: &'static str,
        /// What it said.
        #[source]
        source: Box<DataFusionError>,
    },
}

impl EngineError {
    pub(super) fn engine(action: &'static str) -> impl FnOnce(DataFusionError) -> Self {
        move |source| Self::Engine { action, source: Box::new(source) }
    }

    /// An [`EngineError::Engine`] of an arrow error.
    #[must_use]
    pub fn arrow(action: &'static str, error: ArrowError) -> Self {
        Self::Engine { action, source: Box::new(error.into()) }
    }
}
