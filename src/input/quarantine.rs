//! The raw values of quarantined rows, read again from the files.

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array},
    compute::{cast, take_record_batch},
    datatypes::{DataType, Int64Type},
    util::display::{ArrayFormatter, FormatOptions},
};

use super::{InputError, TableInput, accounting::LostRow};
use crate::engine::{Engine, EngineError};

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
    pub values: Vec<(String, Option<String>)>,
}

/// Reads the raw values of lost rows, which must be sorted by file and row.
///
/// # Errors
/// If a file cannot be read again.
pub fn raw_rows(engine: &Engine, input: &TableInput, lost: &[LostRow]) -> Result<Vec<QuarantinedRow>, InputError> {
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let parts = input.scan(
        engine,
        |chunk| (chunk.file as u32, Vec::new()),
        |(file, rows), first_row, batch| {
            let end = first_row + batch.num_rows() as u64;
            let from = lost.partition_point(|l| (l.file, l.row) < (*file, first_row));
            let to = lost.partition_point(|l| (l.file, l.row) < (*file, end));
            if from < to {
                rows.extend(show(input, &lost[from..to], first_row, &batch)?);
            }
            Ok::<_, InputError>(())
        },
    )?;
    Ok(parts.into_iter().flat_map(|(_, rows)| rows).collect())
}

fn show(
    input: &TableInput,
    lost: &[LostRow],
    first_row: u64,
    batch: &RecordBatch,
) -> Result<Vec<QuarantinedRow>, InputError> {
    let failed = |e| EngineError::arrow("read quarantined rows", e);
    let picks: UInt64Array = lost.iter().map(|l| l.row - first_row).collect();
    let rows = take_record_batch(batch, &picks).map_err(failed)?;
    let options = FormatOptions::default();
    let schema = rows.schema();
    let columns = rows
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(array, field)| Ok((field.name(), array, ArrayFormatter::try_new(array, &options).map_err(failed)?)))
        .collect::<Result<Vec<_>, InputError>>()?;
    Ok(lost
        .iter()
        .enumerate()
        .map(|(i, l)| QuarantinedRow {
            table: input.table.name(),
            file: input.files[l.file as usize].file.name.clone(),
            row: l.row,
            reason: l.reason.name(),
            detail: l.problem.to_string(),
            values: columns
                .iter()
                .map(|(name, array, text)| {
                    let shown = || text.value(i).try_to_string().unwrap_or_else(|_| digits(array, i));
                    let value = array.is_valid(i).then(shown);
                    ((*name).clone(), value)
                })
                .collect(),
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
