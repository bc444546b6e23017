//! What can go wrong with files and objects.

use std::path::{Path, PathBuf};

/// A file or object could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is there.
    #[error("`{place}` does not exist or matches no Parquet file")]
    NotFound {
        /// The place as the job names it.
        place: String,
    },
    /// The place is not a path or URL that can be used.
    #[error("`{place}` is not a usable path or URL: {why}")]
    BadPlace {
        /// The place as the job names it.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file system said no.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried: `read`, `create`, `rename` …
        action: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The object store said no.
    #[error("cannot {action} `{place}`")]
    Object {
        /// What was tried.
        action: &'static str,
        /// Which object or prefix.
        place: String,
        /// What the store said.
        #[source]
        source: Box<object_store::Error>,
    },
    /// Another run holds the output folder.
    #[error("another run holds `{}` ({holder})", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote into it.
        holder: String,
    },
}

impl StoreError {
    /// An [`StoreError::Io`], for `map_err`.
    pub(crate) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// An [`StoreError::Object`], for `map_err`.
    pub(crate) fn object(
        action: &'static str,
        place: &(impl ToString + ?Sized),
    ) -> impl FnOnce(object_store::Error) -> Self {
        let place = place.to_string();
        move |source| Self::Object { action, place, source: Box::new(source) }
    }
}
