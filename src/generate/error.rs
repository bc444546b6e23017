//! What can go wrong while a shop is written.

use std::path::{Path, PathBuf};

/// Why no shop was generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A parameter is outside its range.
    #[error("{parameter} is {value}; it must be {allowed}")]
    Spec {
        /// Name of the parameter.
        parameter: &'static str,
        /// What was asked for.
        value: String,
        /// What may be asked for.
        allowed: String,
    },
    /// The folder holds something that is not a generated shop.
    #[error("{} is not empty and holds no recipe.json of a generated shop: choose another folder", path.display())]
    NotAShop {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder could not be read, written or moved.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A Parquet file could not be written.
    #[error("cannot write the Parquet file {}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A table could not be put together.
    #[error("cannot build the rows of {}", path.display())]
    Arrow {
        /// The file the rows were for.
        path: PathBuf,
        /// What Arrow said.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// A JSON file could not be written or read.
    #[error("{} is no valid JSON of this kind", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser or writer said.
        #[source]
        source: serde_json::Error,
    },
}

impl GenerateError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn parquet(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Parquet { path, source }
    }

    pub(super) fn arrow(path: &Path) -> impl FnOnce(arrow::error::ArrowError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Arrow { path, source }
    }
}
