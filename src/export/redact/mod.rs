//! Files of a run without the rows of some members: whatever names a member in a column of its own, in any format a run
//! writes.

mod parquet;
mod text;

use std::{collections::HashSet, fs::File};

use super::{error::ExportError, sink::Sink};
use crate::store::StoreError;

use parquet::redact_parquet;
use text::{redact_csv, redact_json_lines};

/// Opens the file that is read; it is read twice where something is found.
pub type Open<'a> = &'a dyn Fn() -> Result<File, StoreError>;

/// Column that names members in every table of a run.
const MEMBER: &str = "member_id";

/// Who must not be in a file any more.
#[derive(Debug, Clone, Copy)]
pub struct Erased<'a> {
    /// Ids of the members, their ids in other systems included.
    pub ids: &'a HashSet<String>,
    /// Columns that hold ids of members, beside `member_id`: the keys of CRM targets.
    pub keys: &'a [String],
}

impl Erased<'_> {
    fn is_key(&self, column: &str) -> bool {
        column == MEMBER || self.keys.iter().any(|key| key == column)
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redacted {
    /// Rows that are left.
    pub rows: u64,
    /// Rows that were taken out, or lost what they said of a member.
    pub erased: u64,
}

/// Writes the file `relative` of a run without some members; by the ending of its name. `None` if it
/// holds nothing of them: nothing is then written.
///
/// # Errors
/// If the file cannot be read, or the new one cannot be written.
pub fn redact_file(
    open: Open<'_>,
    relative: &str,
    erased: Erased<'_>,
    sink: &dyn Sink,
) -> Result<Option<Redacted>, ExportError> {
    match relative.rsplit('.').next() {
        Some("parquet") => redact_parquet(open, relative, erased, sink),
        Some("csv") => redact_csv(open, relative, erased, sink),
        Some("jsonl" | "ndjson") => redact_json_lines(open, relative, erased, sink),
        _ => Ok(None),
    }
}
