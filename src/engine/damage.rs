//! What exactly is wrong with a file that broke while it was read: looked for only once it has.

use bytes::Bytes;
use object_store::ObjectStoreExt;
use parquet::{
    column::reader::ColumnReader,
    data_type::ByteArray,
    file::{reader::FileReader, serialized_reader::SerializedFileReader},
};

use super::{Engine, EngineError, ParquetFile};

/// Largest file that is searched: it is held in memory.
const MOST_BYTES: u64 = 1 << 30;
/// Values read at a time.
const VALUES: usize = 8192;

impl Engine {
    /// The error for a file that could not be read from `row` on: with the row and column of the first text that is
    /// none, if that is what is wrong.
    pub(super) fn damage(&self, file: &ParquetFile, columns: &[usize], row: u64, why: &str) -> EngineError {
        let name = file.file.name.clone();
        if why.contains("UTF-8")
            && let Some((row, column)) = self.bad_text(file, columns)
        {
            return EngineError::NotText { file: name, row, column: file.schema.field(column).name().clone() };
        }
        EngineError::Damaged { file: name, row, why: last_cause(why).to_owned() }
    }

    /// Row and column of the first text of these columns, by row, that is not UTF-8.
    fn bad_text(&self, file: &ParquetFile, columns: &[usize]) -> Option<(u64, usize)> {
        if file.file.meta.size > MOST_BYTES {
            return None;
        }
        let store = self.places().open(&file.file.store).ok()?;
        let location = &file.file.meta.location;
        let bytes = self.places().runtime().block_on(async { store.get(location).await.ok()?.bytes().await.ok() })?;
        let reader = SerializedFileReader::new(bytes).ok()?;
        columns.iter().filter_map(|column| Some((first_bad(&reader, *column)?, *column))).min()
    }
}

/// The first row of a text column, which must not be nested, whose value is not UTF-8.
fn first_bad(reader: &SerializedFileReader<Bytes>, column: usize) -> Option<u64> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let leaf = (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == column)?;
    let mut first_row = 0;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).ok()?;
        let ColumnReader::ByteArrayColumnReader(mut values) = group.get_column_reader(leaf).ok()? else { return None };
        let mut row = first_row;
        loop {
            let (mut levels, mut texts): (Vec<i16>, Vec<ByteArray>) = (Vec::new(), Vec::new());
            let (rows, _, _) = values.read_records(VALUES, Some(&mut levels), None, &mut texts).ok()?;
            if rows == 0 {
                break;
            }
            let mut texts = texts.iter();
            let nullable = schema.column(leaf).max_def_level() > 0;
            for at in 0..rows {
                let there = !nullable || levels.get(at).is_some_and(|level| *level > 0);
                if there && std::str::from_utf8(texts.next()?.data()).is_err() {
                    return Some(row + at as u64);
                }
            }
            row += rows as u64;
        }
        first_row += u64::try_from(group.metadata().num_rows()).ok()?;
    }
    None
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
