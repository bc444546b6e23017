//! Text columns whose bytes are not UTF-8: read again as bytes, so that only the rows that hold them are lost.

use std::{io::Read, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions, StringViewArray},
    compute::cast,
    datatypes::{DataType, Schema},
};
use bytes::{Buf, Bytes};
use futures::StreamExt;
use object_store::ObjectStoreExt;
use parquet::{
    basic::Type,
    column::reader::{ColumnReader, get_column_reader},
    data_type::ByteArray,
    errors::{ParquetError, Result as ParquetResult},
    file::{
        reader::{ChunkReader, Length},
        serialized_reader::SerializedPageReader,
    },
};

use super::{Engine, EngineError, ParquetFile, ScanChunk, ScanRows, damage::damage, guard::guard};

/// Values read at a time.
const VALUES: usize = 8192;

/// A text column of a chunk, as bytes.
struct Bytewise {
    /// Position among the columns read.
    position: usize,
    values: Vec<Option<ByteArray>>,
}

impl Engine {
    /// Reads a chunk of which a text column is not UTF-8 from row `from` on: such texts come with their bytes written
    /// out (`\xff`), and [`ScanRows::bad_texts`] names their places. `None` if that is not what ails the chunk.
    ///
    /// # Errors
    /// If the file cannot be read, or `each` returns its own.
    pub(super) fn scan_bytewise<E: From<EngineError>>(
        &self,
        file: &ParquetFile,
        chunk: &ScanChunk,
        stored: &[usize],
        from: u64,
        mut each: impl FnMut(ScanRows) -> Result<(), E>,
    ) -> Result<Option<()>, E> {
        let mut texts = Vec::new();
        for (position, column) in stored.iter().enumerate() {
            if is_text(file.schema.field(*column).data_type()) {
                // What the reader of pages panics over is for whoever asked to name: this was only a second look.
                let Ok(Some(values)) = guard(|| self.bytewise(file, chunk, *column)) else { return Ok(None) };
                texts.push(Bytewise { position, values });
            }
        }
        let whole = |value: &Option<ByteArray>| value.as_ref().is_none_or(|v| std::str::from_utf8(v.data()).is_ok());
        if texts.iter().all(|t| t.values.iter().all(whole)) {
            return Ok(None);
        }
        let others: Vec<usize> = stored
            .iter()
            .enumerate()
            .filter(|(p, _)| texts.iter().all(|t| t.position != *p))
            .map(|(_, c)| *c)
            .collect();
        let plan = self.chunk_plan(file, chunk, &others)?;
        let mut stream = plan.execute(0, self.context.task_ctx()).map_err(EngineError::engine("opened a file"))?;
        let schema = Arc::new(Schema::new(stored.iter().map(|c| file.scan_field(*c)).collect::<Vec<_>>()));
        let mut row = chunk.first_row;
        let mut next = || guard(|| self.places().wait(&file.file.store, stream.next()));
        while let Some(batch) = next().map_err(|why| damage(file, row, &why))? {
            let batch = batch.map_err(|e| damage(file, row, &e.strip_backtrace()))?;
            let (first, rows) = (row, batch.num_rows());
            row += rows as u64;
            if row <= from {
                continue;
            }
            let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(0);
            let batch = batch.slice(skip, rows - skip);
            let start = usize::try_from(first - chunk.first_row).unwrap_or(0) + skip;
            let mut bad_texts = Vec::new();
            let mut rest = batch.columns().iter();
            let mut arrays: Vec<ArrayRef> = Vec::with_capacity(stored.len());
            for (position, field) in schema.fields().iter().enumerate() {
                let array = match texts.iter().find(|t| t.position == position) {
                    None => rest.next().cloned(),
                    Some(text) => {
                        let values = text.values.get(start..start + batch.num_rows());
                        let short = || damage(file, row, "a column ends before the others");
                        let values = values.ok_or_else(short)?;
                        let shown = readable(values, |at| bad_texts.push((at, position)));
                        let read = |e| EngineError::arrow("read a text", e);
                        Some(cast(&shown, field.data_type()).map_err(read)?)
                    }
                };
                arrays.extend(array);
            }
            bad_texts.sort_unstable();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)
                .map_err(|e| EngineError::arrow("put columns together", e))?;
            each(ScanRows { first_row: first + skip as u64, batch, bad_texts })?;
        }
        Ok(Some(()))
    }

    /// The values of a flat column of a chunk; `None` if it is not one of byte arrays or cannot be read.
    fn bytewise(&self, file: &ParquetFile, chunk: &ScanChunk, column: usize) -> Option<Vec<Option<ByteArray>>> {
        let schema = file.metadata.file_metadata().schema_descr();
        let leaf = (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == column)?;
        let about = schema.column(leaf);
        if about.max_rep_level() > 0 || about.path().parts().len() > 1 || about.physical_type() != Type::BYTE_ARRAY {
            return None;
        }
        let store = self.places().open(&file.file.store).ok()?;
        let mut all = Vec::new();
        for group in chunk.row_groups.clone() {
            let group = file.metadata.row_group(group);
            let pages = group.column(leaf);
            let (start, length) = pages.byte_range();
            let range = store.get_range(&file.file.meta.location, start..start + length);
            let bytes = self.places().wait(&file.file.store, range).ok()?;
            let rows = usize::try_from(group.num_rows()).ok()?;
            let reader = SerializedPageReader::new(Arc::new(Part { start, bytes }), pages, rows, None).ok()?;
            let ColumnReader::ByteArrayColumnReader(mut reader) =
                get_column_reader(schema.column(leaf), Box::new(reader))
            else {
                return None;
            };
            loop {
                let (mut levels, mut values): (Vec<i16>, Vec<ByteArray>) = (Vec::new(), Vec::new());
                let (rows, _, _) = reader.read_records(VALUES, Some(&mut levels), None, &mut values).ok()?;
                if rows == 0 {
                    break;
                }
                let mut values = values.into_iter();
                for at in 0..rows {
                    let there = about.max_def_level() == 0 || levels.get(at).is_some_and(|level| *level > 0);
                    all.push(if there { Some(values.next()?) } else { None });
                }
            }
        }
        Some(all)
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// The values as texts, bytes that are none written out; `bad` is told the rows that hold such.
fn readable(values: &[Option<ByteArray>], mut bad: impl FnMut(usize)) -> ArrayRef {
    let texts = values.iter().enumerate().map(|(row, value)| {
        let value = value.as_ref()?.data();
        let mut text = String::with_capacity(value.len());
        for part in value.utf8_chunks() {
            text.push_str(part.valid());
            for byte in part.invalid() {
                text.push_str(&format!("\\x{byte:02x}"));
            }
        }
        if std::str::from_utf8(value).is_err() {
            bad(row);
        }
        Some(text)
    });
    Arc::new(texts.collect::<StringViewArray>())
}

/// A range of a file that stands for the file.
struct Part {
    start: u64,
    bytes: Bytes,
}

impl Part {
    fn from(&self, start: u64) -> ParquetResult<Bytes> {
        let at = start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        match at {
            Some(at) if at <= self.bytes.len() => Ok(self.bytes.slice(at..)),
            _ => Err(ParquetError::EOF(format!("byte {start} lies outside of the column"))),
        }
    }
}

impl Length for Part {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// A reader that fails at its end. Headers that lie tell of lists as long as they like: the parser would step over each of
/// their elements, and an end that only gives no bytes would not stop it.
struct Whole(bytes::buf::Reader<Bytes>);

impl Read for Whole {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(room)? {
            0 if !room.is_empty() => Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

impl ChunkReader for Part {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(Box::new(Whole(self.from(start)?.reader())))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let rest = self.from(start)?;
        if length > rest.len() {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} reach past the column")));
        }
        Ok(rest.slice(..length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_part_is_an_error_only_past_it() {
        let part = Part { start: 10, bytes: Bytes::from_static(b"abcd") };
        let mut two = Vec::new();
        assert_eq!(part.get_read(12).unwrap().take(2).read_to_end(&mut two).unwrap(), 2);
        assert_eq!(two, b"cd");
        let past = part.get_read(12).unwrap().take(3).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(past.kind(), std::io::ErrorKind::UnexpectedEof);
        assert!(part.get_read(9).is_err() && part.get_read(15).is_err());
    }
}
