//! Parquet files whose row groups are encoded apart and appended in order: the same bytes for any thread count.

use std::{io::Write, sync::Arc};

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use parquet::{
    arrow::{
        ArrowSchemaConverter,
        arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression as Codec, ZstdLevel},
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::ColumnPath,
};

use super::{error::ExportError, settings::Compression, sink::Sink};

/// What every Parquet file says of its maker; without a version, so that a rerun is byte-identical across releases of
/// dependencies that change nothing else.
const CREATED_BY: &str = "nextoffer";

/// A Parquet file being written.
pub struct ParquetFile {
    path: String,
    writer: SerializedFileWriter<Box<dyn Write + Send>>,
}

/// Encodes row groups of a file, on any thread.
pub struct GroupEncoder {
    path: String,
    schema: SchemaRef,
    factory: ArrowRowGroupWriterFactory,
}

/// A row group, encoded.
pub struct EncodedGroup {
    columns: Vec<ArrowColumnChunk>,
}

impl ParquetFile {
    /// Starts a file. `free_text` names the columns that hold sentences: they get no dictionary and no statistics;
    /// `distinct` those whose values hardly repeat: they get no dictionary.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create(
        sink: &dyn Sink,
        path: &str,
        schema: &SchemaRef,
        compression: Compression,
        free_text: &[&str],
        distinct: &[&str],
    ) -> Result<(Self, GroupEncoder), ExportError> {
        let codec = match compression {
            Compression::None => Codec::UNCOMPRESSED,
            Compression::Snappy => Codec::SNAPPY,
            Compression::Zstd => Codec::ZSTD(ZstdLevel::try_new(1).map_err(ExportError::parquet(path))?),
        };
        let mut properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(codec)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true);
        for column in free_text {
            let column = ColumnPath::from(*column);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_statistics_enabled(column, EnabledStatistics::None);
        }
        for column in distinct {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(*column), false);
        }
        let properties = Arc::new(properties.build());
        let parquet_schema = ArrowSchemaConverter::new().convert(schema).map_err(ExportError::parquet(path))?;
        let out = sink.create(path).map_err(ExportError::io(path))?;
        let writer = SerializedFileWriter::new(out, parquet_schema.root_schema_ptr(), properties)
            .map_err(ExportError::parquet(path))?;
        let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(schema));
        let encoder = GroupEncoder { path: path.to_owned(), schema: Arc::clone(schema), factory };
        Ok((Self { path: path.to_owned(), writer }, encoder))
    }

    /// Appends a row group.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&mut self, group: EncodedGroup) -> Result<(), ExportError> {
        let failed = ExportError::parquet(&self.path);
        let mut out = self.writer.next_row_group().map_err(&failed)?;
        for column in group.columns {
            column.append_to_row_group(&mut out).map_err(&failed)?;
        }
        out.close().map_err(&failed)?;
        Ok(())
    }

    /// Writes the footer; gives the number of rows.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn close(self) -> Result<u64, ExportError> {
        let metadata = self.writer.close().map_err(ExportError::parquet(&self.path))?;
        Ok(u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default())
    }
}

impl GroupEncoder {
    /// The schema of the file.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Encodes one row group. Texts may come as numbers into a list of them: the file does not show it.
    ///
    /// # Errors
    /// If a column cannot be encoded.
    pub fn encode(&self, batch: &RecordBatch) -> Result<EncodedGroup, ExportError> {
        let failed = ExportError::parquet(&self.path);
        // The index only matters for encryption.
        let mut writers = self.factory.create_column_writers(0).map_err(&failed)?.into_iter();
        let mut columns = Vec::new();
        // The batch's own fields: texts of theirs may be packed.
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, array).map_err(&failed)? {
                let Some(mut writer) = writers.next() else { continue };
                writer.write(&leaf).map_err(&failed)?;
                columns.push(writer.close().map_err(&failed)?);
            }
        }
        Ok(EncodedGroup { columns })
    }
}

/// Writes record batches as they come, a row group each.
///
/// # Errors
/// If the file cannot be written.
pub fn write_batches(
    sink: &dyn Sink,
    path: &str,
    schema: &SchemaRef,
    compression: Compression,
    batches: impl IntoIterator<Item = RecordBatch>,
) -> Result<u64, ExportError> {
    let (mut file, encoder) = ParquetFile::create(sink, path, schema, compression, &[], &[])?;
    for batch in batches {
        if batch.num_rows() > 0 {
            file.append(encoder.encode(&batch)?)?;
        }
    }
    file.close()
}
