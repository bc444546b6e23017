//! What to say of a file that broke while it was read.

use super::{EngineError, ParquetFile};

/// The error for a file that could not be read from `row` on.
pub(super) fn damage(file: &ParquetFile, row: u64, why: &str) -> EngineError {
    EngineError::Damaged { file: file.file.name.clone(), row, why: last_cause(why).to_owned() }
}

/// The message without the names of the layers that handed it on.
fn last_cause(why: &str) -> &str {
    const LAYERS: &[&str] =
        &["Arrow error: ", "Parquet argument error: ", "Parquet error: ", "External error: ", "External: "];
    let mut rest = why;
    while let Some(inner) = LAYERS.iter().find_map(|layer| rest.strip_prefix(layer)) {
        rest = inner;
    }
    rest
}
