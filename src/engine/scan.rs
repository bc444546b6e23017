//! Parquet files read in chunks of row groups, so that every row keeps its file and row number.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    common::Statistics,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource, parquet::ParquetAccessPlan},
        source::DataSourceExec,
    },
    execution::object_store::ObjectStoreUrl,
    physical_plan::ExecutionPlan,
};
use futures::StreamExt;
use object_store::ObjectStoreExt;
use parquet::{
    arrow::{arrow_reader::statistics::StatisticsConverter, parquet_to_arrow_schema},
    file::metadata::{ParquetMetaData, ParquetMetaDataReader},
};

use super::{Engine, EngineError, damage::damage, footer, guard::guard};
use crate::store::InputFile;

/// Rows one scan chunk aims at: enough work to keep a thread busy, few enough that two cores share one file.
const CHUNK_ROWS: u64 = 500_000;
/// The same where the rows of a chunk are held until those before it have been taken.
const HELD_ROWS: u64 = 64 << 10;

/// A Parquet file whose footer has been read.
#[derive(Debug, Clone)]
pub struct ParquetFile {
    /// Where it is.
    pub file: InputFile,
    /// The file's columns, then its Hive partition keys as text columns.
    pub schema: SchemaRef,
    /// Rows in the file, by its footer.
    pub rows: u64,
    stored_columns: usize,
    pub(super) metadata: Arc<ParquetMetaData>,
}

/// Neighbouring rows of a file, as read.
#[derive(Debug)]
pub struct ScanRows {
    /// Row number within the file of the first of them, from 0.
    pub first_row: u64,
    /// The columns that were asked for.
    pub batch: RecordBatch,
    /// Row in the batch and position of the column of every text whose bytes are not UTF-8, by row; the batch holds such
    /// a text with its bytes written out.
    pub bad_texts: Vec<(usize, usize)>,
}

/// A run of neighbouring row groups of one file: the unit of parallel reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanChunk {
    /// Index of the file in the list that was given.
    pub file: usize,
    /// Row groups.
    pub row_groups: Range<usize>,
    /// Row number (from 0, within the file) of the chunk's first row.
    pub first_row: u64,
}

impl ParquetFile {
    /// Smallest and largest value of a column by the footer's statistics; `None` where they do not cover every row
    /// group.
    #[must_use]
    pub fn bounds(&self, column: &str) -> Option<(ArrayRef, ArrayRef)> {
        let file_schema = self.file_schema();
        let converter =
            StatisticsConverter::try_new(column, &file_schema, self.metadata.file_metadata().schema_descr()).ok()?;
        let groups = self.metadata.row_groups();
        let low = converter.row_group_mins(groups).ok()?;
        let high = converter.row_group_maxes(groups).ok()?;
        (low.null_count() == 0 && high.null_count() == 0 && !low.is_empty()).then_some((low, high))
    }

    /// The field as a scan gives it: strings as views.
    #[must_use]
    pub fn scan_field(&self, column: usize) -> Field {
        let field = self.schema.field(column).clone();
        if column < self.stored_columns { viewed_field(field) } else { field }
    }

    fn file_schema(&self) -> Schema {
        Schema::new(self.schema.fields().iter().take(self.stored_columns).cloned().collect::<Vec<_>>())
    }

    fn chunks(&self, file: usize, most: u64) -> Vec<ScanChunk> {
        let mut chunks = Vec::new();
        let (mut start, mut first_row, mut rows) = (0, 0, 0);
        for (i, group) in self.metadata.row_groups().iter().enumerate() {
            let group_rows = u64::try_from(group.num_rows()).unwrap_or(0);
            if i > start && rows + group_rows > most {
                chunks.push(ScanChunk { file, row_groups: start..i, first_row });
                (start, first_row, rows) = (i, first_row + rows, 0);
            }
            rows += group_rows;
        }
        if rows > 0 {
            chunks.push(ScanChunk { file, row_groups: start..self.metadata.num_row_groups(), first_row });
        }
        chunks
    }
}

impl Engine {
    /// Reads the footer of a Parquet file.
    ///
    /// # Errors
    /// [`EngineError::NotParquet`] if it has none that can be read.
    pub fn open_parquet(&self, file: InputFile) -> Result<ParquetFile, EngineError> {
        self.register(&file)?;
        let store = self.places.open(&file.store)?;
        let broken = |why: String| EngineError::NotParquet { file: file.name.clone(), why };
        let read = async {
            if file.meta.size < 12 {
                return Err(broken("the file is too short to hold a footer".to_owned()));
            }
            // The last 64 KiB hold the footer of almost every file; a longer one is read in a second step.
            let tail = file.meta.size.saturating_sub(64 << 10);
            let mut start = tail;
            loop {
                let bytes = store
                    .get_range(&file.meta.location, start..file.meta.size)
                    .await
                    .map_err(|e| broken(e.to_string()))?;
                let mut reader = ParquetMetaDataReader::new();
                match reader.try_parse_sized(&bytes, file.meta.size) {
                    Ok(()) => return reader.finish().map_err(|e| broken(e.to_string())),
                    Err(parquet::errors::ParquetError::NeedMoreData(needed)) if start > 0 => {
                        start = file.meta.size.saturating_sub(needed.max(1) as u64).min(start - 1);
                    }
                    Err(e) => return Err(broken(e.to_string())),
                }
            }
        };
        let metadata = guard(|| self.places.wait(&file.store, read)).map_err(&broken)??;
        footer::sound(&metadata, file.meta.size).map_err(&broken)?;
        let of_file = metadata.file_metadata();
        let stored = guard(|| parquet_to_arrow_schema(of_file.schema_descr(), of_file.key_value_metadata()))
            .map_err(&broken)?
            .map_err(|e| broken(e.to_string()))?;
        let names = stored.fields().iter().map(|f| f.name());
        if let Some(twice) = names.clone().enumerate().find(|(i, name)| names.clone().take(*i).any(|n| n == *name)) {
            return Err(broken(format!("it has two columns named `{}`", twice.1)));
        }
        let mut fields: Vec<_> = stored.fields().iter().cloned().collect();
        let stored_columns = fields.len();
        for (key, _) in &file.partitions {
            if stored.field_with_name(key).is_err() {
                fields.push(Arc::new(Field::new(key, DataType::Utf8, false)));
            }
        }
        let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
        let schema = Arc::new(Schema::new(fields));
        Ok(ParquetFile { file, schema, rows, stored_columns, metadata: Arc::new(metadata) })
    }

    /// Reads the given columns (indices into each file's own [`ParquetFile::schema`]) of every file in parallel, and
    /// calls `each` with the chunk's state and its rows. Rows of one chunk come in order on one thread; chunks come in any
    /// order. String columns arrive as views.
    ///
    /// # Errors
    /// The error of the lowest failing chunk; `each` may return its own.
    pub fn scan<E, S, B, F>(
        &self,
        files: &[ParquetFile],
        columns: &[Vec<usize>],
        begin: B,
        each: F,
    ) -> Result<Vec<S>, E>
    where
        E: From<EngineError> + Send,
        S: Send,
        B: Fn(&ScanChunk) -> S + Sync,
        F: Fn(&mut S, ScanRows) -> Result<(), E> + Sync,
    {
        self.scan_chunks(files, &chunks_of(files, CHUNK_ROWS), columns, &begin, &each)
    }

    /// As [`Engine::scan`], but hands the chunks' states to `take` one after the other, in the order of the files and their
    /// rows, and never has many of them.
    ///
    /// # Errors
    /// As there.
    pub fn scan_in_order<E, S, B, F>(
        &self,
        files: &[ParquetFile],
        columns: &[Vec<usize>],
        begin: B,
        each: F,
        mut take: impl FnMut(S),
    ) -> Result<(), E>
    where
        E: From<EngineError> + Send,
        S: Send,
        B: Fn(&ScanChunk) -> S + Sync,
        F: Fn(&mut S, ScanRows) -> Result<(), E> + Sync,
    {
        for some in chunks_of(files, HELD_ROWS).chunks(2 * self.threads.max(1)) {
            self.scan_chunks(files, some, columns, &begin, &each)?.into_iter().for_each(&mut take);
        }
        Ok(())
    }

    fn scan_chunks<E, S, B, F>(
        &self,
        files: &[ParquetFile],
        chunks: &[ScanChunk],
        columns: &[Vec<usize>],
        begin: &B,
        each: &F,
    ) -> Result<Vec<S>, E>
    where
        E: From<EngineError> + Send,
        S: Send,
        B: Fn(&ScanChunk) -> S + Sync,
        F: Fn(&mut S, ScanRows) -> Result<(), E> + Sync,
    {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let results: Mutex<Vec<(usize, Result<S, E>)>> = Mutex::new(Vec::with_capacity(chunks.len()));
        // On the run's own threads, not on fresh ones: the allocator gives a thread's memory back to that thread.
        rayon::scope(|scope| {
            for _ in 0..self.threads.min(chunks.len()) {
                scope.spawn(|_| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(chunk) = chunks.get(index) else { return };
                        if failed.load(Ordering::Relaxed) {
                            return;
                        }
                        let mut state = begin(chunk);
                        let file = &files[chunk.file];
                        let outcome = self.scan_chunk(file, chunk, &columns[chunk.file], |rows| each(&mut state, rows));
                        if outcome.is_err() {
                            failed.store(true, Ordering::Relaxed);
                        }
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        results.push((index, outcome.map(|()| state)));
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    fn scan_chunk<E: From<EngineError>>(
        &self,
        file: &ParquetFile,
        chunk: &ScanChunk,
        columns: &[usize],
        mut each: impl FnMut(ScanRows) -> Result<(), E>,
    ) -> Result<(), E> {
        let stored: Vec<usize> = columns.iter().copied().filter(|c| *c < file.stored_columns).collect();
        for group in &file.metadata.row_groups()[chunk.row_groups.clone()] {
            if let Some(why) = footer::too_large(&file.metadata, group, &stored, self.memory_limit) {
                return Err(damage(file, chunk.first_row, &why).into());
            }
        }
        let plan = self.chunk_plan(file, chunk, &stored)?;
        let mut stream = plan.execute(0, self.context.task_ctx()).map_err(EngineError::engine("opened a file"))?;
        let projected: SchemaRef =
            Arc::new(file.schema.project(columns).map_err(|e| EngineError::engine("projected")(e.into()))?);
        let mut row = chunk.first_row;
        let mut next = || guard(|| self.places.wait(&file.file.store, stream.next()));
        while let Some(batch) = next().map_err(|why| damage(file, row, &why))? {
            let batch = match batch {
                Ok(batch) => batch,
                Err(e) => {
                    let why = e.strip_backtrace();
                    let shown = |rows: ScanRows| each(whole(rows, file, columns, &stored, &projected)?);
                    if why.contains("UTF-8") && self.scan_bytewise(file, chunk, &stored, row, shown)?.is_some() {
                        return Ok(());
                    }
                    return Err(damage(file, row, &why).into());
                }
            };
            let end = row + batch.num_rows() as u64;
            each(whole(
                ScanRows { first_row: row, batch, bad_texts: Vec::new() },
                file,
                columns,
                &stored,
                &projected,
            )?)?;
            row = end;
        }
        Ok(())
    }

    pub(super) fn chunk_plan(
        &self,
        file: &ParquetFile,
        chunk: &ScanChunk,
        stored: &[usize],
    ) -> Result<Arc<dyn ExecutionPlan>, EngineError> {
        let engine = EngineError::engine;
        let schema = Arc::new(viewed(&file.file_schema()));
        let source = ParquetSource::new(Arc::clone(&schema)).with_pushdown_filters(false);
        let mut access = ParquetAccessPlan::new_none(file.metadata.num_row_groups());
        for group in chunk.row_groups.clone() {
            access.scan(group);
        }
        let part = PartitionedFile::new_from_meta(file.file.meta.clone()).with_extension(access);
        let url = ObjectStoreUrl::parse(file.file.store.as_str()).map_err(engine("opened a store"))?;
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_projection_indices(Some(stored.to_vec()))
            .map_err(engine("projected"))?
            .with_file_group(FileGroup::new(vec![part]))
            .with_statistics(Statistics::new_unknown(&schema))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

fn chunks_of(files: &[ParquetFile], most: u64) -> Vec<ScanChunk> {
    files.iter().enumerate().flat_map(|(i, f)| f.chunks(i, most)).collect()
}

/// The schema with strings as views, which the fold reads fastest.
fn viewed(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(|f| viewed_field(f.as_ref().clone())).collect::<Vec<_>>())
}

fn viewed_field(field: Field) -> Field {
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => field.with_data_type(DataType::Utf8View),
        _ => field,
    }
}

/// Puts the partition values, constant within a file, where the caller asked for them.
fn whole(
    rows: ScanRows,
    file: &ParquetFile,
    columns: &[usize],
    stored: &[usize],
    projected: &SchemaRef,
) -> Result<ScanRows, EngineError> {
    if stored.len() == columns.len() {
        return Ok(rows);
    }
    let ScanRows { first_row, batch, bad_texts } = rows;
    let failed = |e: arrow::error::ArrowError| EngineError::engine("added partition columns")(e.into());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    let mut fields = Vec::with_capacity(columns.len());
    let mut places = vec![0; stored.len()];
    for (position, column) in columns.iter().enumerate() {
        if let Some(at) = stored.iter().position(|c| c == column) {
            places[at] = position;
            arrays.push(Arc::clone(batch.column(at)));
            fields.push(batch.schema().field(at).clone());
        } else {
            let field = projected.field(position);
            let value = file.file.partitions.iter().find(|(key, _)| key == field.name()).map_or("", |(_, v)| v);
            arrays.push(Arc::new(StringArray::from(vec![value; batch.num_rows()])));
            fields.push(field.clone());
        }
    }
    let bad_texts = bad_texts.into_iter().map(|(row, at)| (row, places[at])).collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).map_err(failed)?;
    Ok(ScanRows { first_row, batch, bad_texts })
}
