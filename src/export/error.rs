//! What can go wrong while the files of a run are written.

use parquet::errors::ParquetError;

use crate::store::StoreError;

/// A file of the run could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file system said no.
    #[error("cannot write `{path}`")]
    Io {
        /// Path relative to the run's folder.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A published file cannot be read again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Parquet encoder said no.
    #[error("cannot encode `{path}`")]
    Parquet {
        /// Path relative to the run's folder.
        path: String,
        /// What the encoder said.
        #[source]
        source: ParquetError,
    },
    /// Columns do not make a batch: a bug of ours.
    #[error("the columns of `{path}` do not fit together")]
    Columns {
        /// Path relative to the run's folder.
        path: String,
        /// What arrow said.
        #[source]
        source: arrow::error::ArrowError,
    },
}

impl ExportError {
    pub(super) fn io(path: &str) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn parquet(path: &str) -> impl Fn(ParquetError) -> Self + '_ {
        move |source| Self::Parquet { path: path.to_owned(), source }
    }

    pub(super) fn columns(path: &str) -> impl FnOnce(arrow::error::ArrowError) -> Self + '_ {
        move |source| Self::Columns { path: path.to_owned(), source }
    }
}
