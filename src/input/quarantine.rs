//! The raw values of quarantined rows.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, UInt64Array},
    compute::{cast, take_record_batch},
    datatypes::{DataType, Int64Type},
    util::display::{ArrayFormatter, FormatOptions},
};

use super::{InputError, TableInput, accounting::LostRow};
use crate::engine::{Engine, EngineError, ScanRows};

/// A row in quarantine, as `quarantine.parquet` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedRow {
    /// The table.
    pub table: &'static str,
    /// The file's name within the table.
    pub file: String,
    /// Row number within the file, from 0.
    pub row: u64,
    /// Why.
    pub reason: &'static str,
    /// What was wrong in particular; empty if the reason says it all.
    pub detail: String,
    /// The columns that were read, as `name=value` texts in the file's order.
    pub values: Values,
}

/// A row's columns, as `name=value` texts in the file's order.
type Values = Vec<(String, Option<String>)>;

/// Rows whose raw values are held from the first reading on: beyond these the files are read again.
const MOST_CAUGHT: usize = 100_000;

/// Raw values of rows that may end in quarantine, caught while they were read for the first time.
#[derive(Debug, Default)]
pub struct CaughtRows {
    /// By file and row.
    rows: Mutex<BTreeMap<(u32, u64), Values>>,
}

impl CaughtRows {
    /// Holds the values of rows of a batch (their numbers within the file, rising), as long as there is room.
    ///
    /// # Errors
    /// If the batch cannot be shown.
    pub fn catch(&self, file: u32, read: &ScanRows, rows: &[u64]) -> Result<(), InputError> {
        let mut caught = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = &rows[..rows.len().min(MOST_CAUGHT.saturating_sub(caught.len()))];
        caught.extend(rows.iter().map(|row| (file, *row)).zip(show(read, rows)?));
        Ok(())
    }
}

/// The raw values of lost rows, which must be sorted by file and row: those caught, and the others read again.
///
/// # Errors
/// If a file cannot be read again.
pub fn raw_rows(
    engine: &Engine,
    input: &TableInput,
    lost: &[LostRow],
    caught: &CaughtRows,
) -> Result<Vec<QuarantinedRow>, InputError> {
    let mut known = std::mem::take(&mut *caught.rows.lock().unwrap_or_else(PoisonError::into_inner));
    let missing: Vec<(u32, u64)> =
        lost.iter().map(|l| (l.file, l.row)).filter(|place| !known.contains_key(place)).collect();
    if !missing.is_empty() {
        let parts = input.scan(
            engine,
            |chunk| (chunk.file as u32, Vec::new()),
            |(file, found), read| {
                let end = read.first_row + read.batch.num_rows() as u64;
                let from = missing.partition_point(|place| *place < (*file, read.first_row));
                let to = missing.partition_point(|place| *place < (*file, end));
                if from < to {
                    let rows: Vec<u64> = missing[from..to].iter().map(|(_, row)| *row).collect();
                    found.extend(missing[from..to].iter().copied().zip(show(&read, &rows)?));
                }
                Ok::<_, InputError>(())
            },
        )?;
        known.extend(parts.into_iter().flat_map(|(_, found)| found));
    }
    Ok(lost
        .iter()
        .map(|l| QuarantinedRow {
            table: input.table.name(),
            file: input.files[l.file as usize].file.name.clone(),
            row: l.row,
            reason: l.reason.name(),
            detail: l.problem.to_string(),
            values: known.remove(&(l.file, l.row)).unwrap_or_default(),
        })
        .collect())
}

/// The values of some of the rows read, by their numbers within the file.
fn show(read: &ScanRows, rows: &[u64]) -> Result<Vec<Values>, InputError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |e| EngineError::arrow("read quarantined rows", e);
    let picks: UInt64Array = rows.iter().map(|row| row - read.first_row).collect();
    let batch = take_record_batch(&read.batch, &picks).map_err(failed)?;
    let options = FormatOptions::default();
    let schema = batch.schema();
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(array, field)| Ok((field.name(), array, ArrayFormatter::try_new(array, &options).map_err(failed)?)))
        .collect::<Result<Vec<_>, InputError>>()?;
    Ok((0..rows.len())
        .map(|i| {
            columns
                .iter()
                .map(|(name, array, text)| {
                    let shown = || text.value(i).try_to_string().unwrap_or_else(|_| digits(array, i));
                    let value = array.is_valid(i).then(shown);
                    ((*name).clone(), value)
                })
                .collect()
        })
        .collect())
}

/// A value that cannot be shown as what it is meant to be, such as a time past the calendar: the number that stands for it.
fn digits(array: &ArrayRef, row: usize) -> String {
    match cast(array, &DataType::Int64) {
        Ok(numbers) => numbers.as_primitive::<Int64Type>().value(row).to_string(),
        Err(error) => error.to_string(),
    }
}
