//! What a target holds after a run: the key and a hash of every row, so that a later run can tell what changed. It is
//! written into the run that made the rows, and read back when the target acknowledged that run.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BinaryBuilder, Int32Builder, RecordBatch, StringBuilder},
    datatypes::{DataType, Field, Int32Type, Schema, SchemaRef},
    error::ArrowError,
};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use xxhash_rust::xxh3::xxh3_128;

use super::report::TargetReport;
use crate::export::{
    ExportError,
    parquet_file::{GroupEncoder, ParquetFile},
    settings::Compression,
    sink::Sink,
    targets::Target,
};

/// Its file in the target's folder.
pub const STATE_FILE: &str = "state.parquet";
/// Its columns.
pub const STATE_COLUMNS: &[&str] = &["kind", "key", "employee", "hashes", "carry"];
/// Rows of a row group.
const GROUP: usize = 65_536;

/// The rows of one key that a target holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRow {
    /// Index of the kind of key.
    pub kind: usize,
    /// The key.
    pub key: String,
    /// WeCom: the employee.
    pub employee: String,
    /// Hash of each row; slots run from 1.
    pub hashes: Vec<u64>,
    /// What the dialect wants to know of it later.
    pub carry: Option<String>,
}

/// What a target holds since the run it acknowledged last.
#[derive(Debug, Default)]
pub struct AckedState {
    /// The run.
    pub run_id: String,
    /// Form of the rows it was written with ([`Target::form`]).
    pub form: String,
    rows: Vec<StateRow>,
    by_key: HashMap<u128, usize>,
}

fn digest(kind: usize, key: &str, employee: &str) -> u128 {
    xxh3_128(format!("{kind}\u{1f}{key}\u{1f}{employee}").as_bytes())
}

impl AckedState {
    /// The state of rows.
    #[must_use]
    pub fn new(run_id: String, form: String, rows: Vec<StateRow>) -> Self {
        let by_key = rows.iter().enumerate().map(|(i, r)| (digest(r.kind, &r.key, &r.employee), i)).collect();
        Self { run_id, form, rows, by_key }
    }

    /// Reads a state back. Rows of kinds of keys that the target has no more are not in it: nobody could say of them what
    /// became of them.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(report: &TargetReport, target: &Target, bytes: Vec<u8>) -> Result<Self, String> {
        let kinds: Vec<Option<usize>> = report
            .target
            .keys
            .iter()
            .map(|old| target.keys.iter().position(|new| new.field == old.field && new.from == old.from))
            .collect();
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .map_err(|e| e.to_string())?;
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|e| e.to_string())?;
            let text = |name: &str| batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
            let kind = batch.column_by_name("kind").and_then(|c| c.as_primitive_opt::<Int32Type>());
            let hashes = batch.column_by_name("hashes").and_then(|c| c.as_binary_opt::<i32>());
            let (Some(kind), Some(key), Some(employee), Some(hashes), Some(carry)) =
                (kind, text("key"), text("employee"), hashes, text("carry"))
            else {
                return Err("it does not have the columns of a state".to_owned());
            };
            for row in 0..batch.num_rows() {
                let kind = usize::try_from(kind.value(row)).ok().and_then(|k| kinds.get(k).copied().flatten());
                let Some(kind) = kind else { continue };
                let hash = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
                rows.push(StateRow {
                    kind,
                    key: key.value(row).to_owned(),
                    employee: employee.value(row).to_owned(),
                    hashes: hashes.value(row).chunks_exact(8).map(hash).collect(),
                    carry: carry.is_valid(row).then(|| carry.value(row).to_owned()),
                });
            }
        }
        Ok(Self::new(report.run_id.clone(), report.form.clone(), rows))
    }

    /// The rows, in the order they were written.
    #[must_use]
    pub fn rows(&self) -> &[StateRow] {
        &self.rows
    }

    pub(super) fn find(&self, kind: usize, key: &str, employee: &str) -> Option<usize> {
        self.by_key.get(&digest(kind, key, employee)).copied()
    }
}

fn schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        Field::new("kind", DataType::Int32, false),
        text("key", false),
        text("employee", false),
        Field::new("hashes", DataType::Binary, false),
        text("carry", true),
    ]))
}

/// Writes a state.
pub(super) struct StateWriter {
    path: String,
    file: ParquetFile,
    encoder: GroupEncoder,
    rows: usize,
    kind: Int32Builder,
    key: StringBuilder,
    employee: StringBuilder,
    hashes: BinaryBuilder,
    carry: StringBuilder,
    bytes: Vec<u8>,
}

impl StateWriter {
    pub(super) fn create(sink: &dyn Sink, path: String, compression: Compression) -> Result<Self, ExportError> {
        let distinct = &["key", "hashes"];
        let (file, encoder) = ParquetFile::create(sink, &path, &schema(), compression, &[], distinct)?;
        Ok(Self {
            path,
            file,
            encoder,
            rows: 0,
            kind: Int32Builder::new(),
            key: StringBuilder::new(),
            employee: StringBuilder::new(),
            hashes: BinaryBuilder::new(),
            carry: StringBuilder::new(),
            bytes: Vec::new(),
        })
    }

    pub(super) fn push(
        &mut self,
        kind: usize,
        key: &str,
        employee: &str,
        hashes: &[u64],
        carry: Option<&str>,
    ) -> Result<(), ExportError> {
        self.kind.append_value(i32::try_from(kind).unwrap_or(i32::MAX));
        self.key.append_value(key);
        self.employee.append_value(employee);
        self.bytes.clear();
        hashes.iter().for_each(|h| self.bytes.extend_from_slice(&h.to_le_bytes()));
        self.hashes.append_value(&self.bytes);
        self.carry.append_option(carry);
        self.rows += 1;
        if self.rows == GROUP { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.kind.finish()),
            Arc::new(self.key.finish()),
            Arc::new(self.employee.finish()),
            Arc::new(self.hashes.finish()),
            Arc::new(self.carry.finish()),
        ];
        let batch: Result<RecordBatch, ArrowError> = RecordBatch::try_new(schema(), columns);
        let batch = batch.map_err(ExportError::columns(&self.path))?;
        self.file.append(self.encoder.encode(&batch)?)
    }

    /// Ends the file; gives its path and rows.
    pub(super) fn close(mut self) -> Result<(String, u64), ExportError> {
        self.flush()?;
        Ok((self.path, self.file.close()?))
    }
}
