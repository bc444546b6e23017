//! What can go wrong while a table is read.

use crate::engine::{EngineError, expr::ExprError};

/// A table could not be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file could not be read.
    #[error("table {table} cannot be read")]
    Read {
        /// The table.
        table: &'static str,
        /// What went wrong.
        #[source]
        source: EngineError,
    },
    /// An expression of the job failed on the data.
    #[error("table {table}, file `{file}`")]
    Expression {
        /// The table.
        table: &'static str,
        /// The file's name within the table.
        file: String,
        /// What went wrong.
        #[source]
        source: Box<ExprError>,
    },
    /// More distinct values than the codes can hold.
    #[error("table transactions: column {column} has more than {limit} distinct values; map it to something coarser")]
    TooManyValues {
        /// The column.
        column: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The spill folder failed.
    #[error("cannot use the spill folder `{}`", path.display())]
    Spill {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl InputError {
    /// The error with the table that was being read, where it does not say so itself.
    #[must_use]
    pub fn in_table(self, table: &'static str) -> Self {
        match self {
            Self::Engine(source) => Self::Read { table, source },
            other => other,
        }
    }
}
