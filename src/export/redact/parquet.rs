//! Parquet files.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray},
    compute::filter_record_batch,
    datatypes::{DataType, SchemaRef},
};
use parquet::{
    arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::Compression as Codec,
};

use super::{Erased, Open, Redacted};
use crate::export::{
    crm::STATE_FILE, error::ExportError, parquet_file::write_batches, settings::Compression, sink::Sink,
};

/// Columns whose cells are JSON objects of texts: raw rows as they stood in a file of the shop.
const RAW_VALUES: &str = "values";
/// Where what was acknowledged is kept: its keys are members' ids in a target.
const STATE_KEY: &str = "key";

/// What a column has to do with members.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Their ids: the row goes.
    Id,
    /// Their ids, or nobody's: the name goes, the row stays, for a seat that was given stays given.
    Name,
    /// Raw values, ids among them: the values go.
    Values,
}

fn holds(schema: &SchemaRef, relative: &str, erased: &Erased<'_>) -> Vec<(usize, Holds)> {
    let is_state = relative.ends_with(STATE_FILE);
    let of = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| {
        if *field.data_type() != DataType::Utf8 {
            return None;
        }
        let what = match field.name().as_str() {
            name if erased.is_key(name) && field.is_nullable() && name == super::MEMBER => Holds::Name,
            name if erased.is_key(name) || (is_state && name == STATE_KEY) => Holds::Id,
            RAW_VALUES => Holds::Values,
            _ => return None,
        };
        Some((index, what))
    };
    schema.fields().iter().enumerate().filter_map(of).collect()
}

fn is_meant(erased: &Erased<'_>, what: Holds, cell: &str) -> bool {
    match what {
        Holds::Id | Holds::Name => erased.ids.contains(cell),
        Holds::Values => match serde_json::from_str::<serde_json::Value>(cell) {
            Ok(serde_json::Value::Object(values)) => {
                values.values().any(|v| v.as_str().is_some_and(|text| erased.ids.contains(text.trim())))
            }
            _ => false,
        },
    }
}

/// Writes a Parquet file without some members; see [`super::redact_file`].
///
/// # Errors
/// If the file cannot be read, or the new one cannot be written.
pub(super) fn redact_parquet(
    open: Open<'_>,
    relative: &str,
    erased: Erased<'_>,
    sink: &dyn Sink,
) -> Result<Option<Redacted>, ExportError> {
    let builder = || ParquetRecordBatchReaderBuilder::try_new(open()?).map_err(ExportError::parquet(relative));
    let first = builder()?;
    let schema = Arc::clone(first.schema());
    let columns = holds(&schema, relative, &erased);
    if columns.is_empty() {
        return Ok(None);
    }
    // Most files of most runs hold none of the few who are forgotten: the columns of ids alone are read first.
    let mask = ProjectionMask::roots(first.parquet_schema(), columns.iter().map(|(index, _)| *index));
    let codec =
        first.metadata().row_groups().first().and_then(|group| group.columns().first().map(|c| c.compression()));
    let mut found = false;
    for batch in first.with_projection(mask).build().map_err(ExportError::parquet(relative))? {
        let batch = batch.map_err(ExportError::columns(relative))?;
        found = columns.iter().enumerate().any(|(at, (_, what))| {
            let cells = batch.column(at).as_string_opt::<i32>();
            cells.is_some_and(|cells| cells.iter().flatten().any(|cell| is_meant(&erased, *what, cell)))
        });
        if found {
            break;
        }
    }
    if !found {
        return Ok(None);
    }
    let mut redacted = Redacted { rows: 0, erased: 0 };
    let mut batches = Vec::new();
    for batch in builder()?.build().map_err(ExportError::parquet(relative))? {
        let batch = batch.map_err(ExportError::columns(relative))?;
        let before = batch.num_rows();
        let (batch, blanked) = redact_batch(&batch, &columns, &erased).map_err(ExportError::columns(relative))?;
        redacted.erased += (before - batch.num_rows()) as u64 + blanked;
        batches.push(batch);
    }
    let compression = match codec {
        Some(Codec::UNCOMPRESSED) => Compression::None,
        Some(Codec::SNAPPY) => Compression::Snappy,
        _ => Compression::Zstd,
    };
    redacted.rows = write_batches(sink, relative, &schema, compression, batches)?;
    Ok(Some(redacted))
}

fn redact_batch(
    batch: &RecordBatch,
    columns: &[(usize, Holds)],
    erased: &Erased<'_>,
) -> Result<(RecordBatch, u64), arrow::error::ArrowError> {
    let mut keep = vec![true; batch.num_rows()];
    let mut arrays = batch.columns().to_vec();
    let mut blanked = 0;
    for (index, what) in columns {
        let Some(cells) = batch.column(*index).as_string_opt::<i32>() else { continue };
        let meant = |row: usize| cells.is_valid(row) && is_meant(erased, *what, cells.value(row));
        match what {
            Holds::Id => (0..cells.len()).filter(|row| meant(*row)).for_each(|row| keep[row] = false),
            Holds::Name | Holds::Values => {
                let instead = (*what == Holds::Values).then_some("{}");
                let cell = |row: usize| match meant(row) {
                    true => {
                        blanked += 1;
                        instead
                    }
                    false => cells.is_valid(row).then(|| cells.value(row)),
                };
                let array: ArrayRef = Arc::new((0..cells.len()).map(cell).collect::<StringArray>());
                arrays[*index] = array;
            }
        }
    }
    let batch = RecordBatch::try_new(batch.schema(), arrays)?;
    Ok((filter_record_batch(&batch, &BooleanArray::from(keep))?, blanked))
}
