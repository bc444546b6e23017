//! Strict readers of what the dialects write, apart from the code that writes it: a file that is broken in any way a target
//! would stumble over does not pass.

mod csv_reader;
mod csv_rows;
mod json_rows;
mod parquet_rows;
mod values;
mod wecom_calls;

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_128;

pub use csv_reader::{CsvField, CsvReader};
pub use csv_rows::csv_rows;
pub use json_rows::json_rows;
pub use parquet_rows::parquet_rows;
pub use wecom_calls::wecom_calls;

use super::dialects::Op;

/// Problems kept with their words; beyond, they are only counted.
const SHOWN: usize = 50;

/// Something a target would stumble over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Its line, counted from 1; 0 where it is about the whole file.
    pub line: u64,
    /// What is wrong. Values are not repeated: they are about members.
    pub what: String,
}

/// What was wrong with the files of a target.
#[derive(Debug, Default)]
pub struct Problems {
    file: String,
    list: Vec<Problem>,
    count: u64,
    /// Keys of the role that is being read.
    seen: HashSet<u128>,
    /// Rows as they were read, if they are wanted.
    kept: Option<Vec<ReadRow>>,
}

/// A row as a strict reader of the target sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRow {
    /// What the delta says; `None` in a full snapshot, and in deltas that do not say it.
    pub op: Option<Op>,
    /// Key, with the slot of a decision or the employee of a customer behind it.
    pub key: Vec<String>,
    /// The fields; `None` is no value.
    pub fields: Vec<Option<String>>,
}

/// What a file came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Its rows.
    pub rows: u64,
}

impl Problems {
    /// A list that also keeps every row that is read.
    #[must_use]
    pub fn keeping_rows() -> Self {
        Self { kept: Some(Vec::new()), ..Self::default() }
    }

    /// Starts on a file.
    pub fn file(&mut self, name: &str) {
        name.clone_into(&mut self.file);
    }

    /// Starts on the files of another role or kind of key: keys may occur again.
    pub fn next_role(&mut self) {
        self.seen.clear();
    }

    /// Adds a problem.
    pub fn add(&mut self, line: u64, what: impl Into<String>) {
        self.count += 1;
        if self.list.len() < SHOWN {
            self.list.push(Problem { file: self.file.clone(), line, what: what.into() });
        }
    }

    /// Notes a key; tells whether it is new.
    pub fn is_new(&mut self, parts: &[&str]) -> bool {
        self.seen.insert(xxh3_128(parts.join("\u{1f}").as_bytes()))
    }

    /// Takes a row, if rows are wanted.
    pub fn keep(&mut self, row: impl FnOnce() -> ReadRow) {
        if let Some(kept) = &mut self.kept {
            kept.push(row());
        }
    }

    /// The rows that were kept.
    #[must_use]
    pub fn take_rows(&mut self) -> Vec<ReadRow> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Number of problems.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first problems.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }
}
