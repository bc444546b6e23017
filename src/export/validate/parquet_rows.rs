//! The Parquet files of a generic target.

use arrow::{
    array::{Array, AsArray, RecordBatch},
    util::display::{ArrayFormatter, FormatOptions},
};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Checked, Problems, ReadRow};
use crate::export::{
    crm::parquet_schema,
    dialects::{Op, Role, Sheet},
    generic::GenericColumn,
    targets::Column,
};

/// Reads a file.
pub fn parquet_rows(sheet: &Sheet<'_>, role: Role, bytes: &[u8], problems: &mut Problems) -> Checked {
    let opened = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(bytes));
    let reader = match opened.and_then(|builder| {
        let same = builder.schema().fields() == parquet_schema(sheet.target, role).fields();
        Ok((same, builder.build()?))
    }) {
        Ok((true, reader)) => reader,
        Ok((false, _)) => {
            problems.add(0, "the columns are not those of the target");
            return Checked::default();
        }
        Err(e) => {
            problems.add(0, format!("this is no whole Parquet file: {e}"));
            return Checked::default();
        }
    };
    let mut rows = 0;
    for batch in reader {
        match batch {
            Ok(batch) => {
                check_batch(sheet, role, &batch, rows, problems);
                rows += batch.num_rows() as u64;
            }
            Err(e) => {
                problems.add(rows, format!("a page cannot be read: {e}"));
                break;
            }
        }
    }
    Checked { rows }
}

fn check_batch(sheet: &Sheet<'_>, role: Role, batch: &RecordBatch, before: u64, problems: &mut Problems) {
    let first = usize::from(role == Role::Delta);
    let options = FormatOptions::default();
    let formats: Vec<_> =
        batch.columns().iter().filter_map(|c| ArrayFormatter::try_new(c.as_ref(), &options).ok()).collect();
    if formats.len() != batch.num_columns() {
        problems.add(before, "a column cannot be read");
        return;
    }
    let place = |wanted: &[Column]| sheet.target.fields.iter().position(|f| wanted.contains(&f.from));
    let key = place(&[Column::MemberId, Column::Decision(GenericColumn::MemberId)]);
    let slot = place(&[Column::Decision(GenericColumn::Slot)]);
    for row in 0..batch.num_rows() {
        let line = before + row as u64 + 1;
        let op = match (first == 1).then(|| batch.column(0).as_string::<i32>().value(row)) {
            None => None,
            Some("added") => Some(Op::Added),
            Some("changed") => Some(Op::Changed),
            Some("removed") => Some(Op::Removed),
            Some(_) => {
                problems.add(line, "`op` is none of added, changed, removed");
                continue;
            }
        };
        let text = |column: usize| {
            batch.column(first + column).is_valid(row).then(|| formats[first + column].value(row).to_string())
        };
        let parts: Vec<String> = [key, slot].into_iter().flatten().filter_map(text).collect();
        if parts.iter().any(String::is_empty) || parts.len() < 1 + usize::from(slot.is_some()) {
            problems.add(line, "the key is empty");
        }
        let words: Vec<&str> = parts.iter().map(String::as_str).collect();
        if !problems.is_new(&words) {
            problems.add(line, "the key is in the file before");
        }
        let fields: Vec<Option<String>> = (0..sheet.target.fields.len()).map(text).collect();
        let at_key = |i: usize| Some(i) == key || Some(i) == slot;
        if op == Some(Op::Removed) && fields.iter().enumerate().any(|(i, f)| !at_key(i) && f.is_some()) {
            problems.add(line, "a row that is removed has a value");
        }
        problems.keep(|| ReadRow { op, key: parts, fields });
    }
}
