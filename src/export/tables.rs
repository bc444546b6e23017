//! `segments.parquet`, `tags.parquet` and `features.parquet`.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Date32Builder, Float32Array, Float64Array, Int32Array, StringBuilder},
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
};

use super::{
    blocks::in_order,
    error::ExportError,
    order::{MemberOrder, MemberRef},
    parquet_file::ParquetFile,
    run::RunTables,
    settings::Compression,
    sink::Sink,
    words::{WordColumn, packed, words},
};
use crate::features::{Column, FeatureTable};

/// Members of a row group.
const BLOCK: usize = 65_536;

/// A table with rows for members.
pub(super) trait MemberTableWriter: Sync {
    /// Its columns.
    fn schema(&self) -> SchemaRef;
    /// The rows of some members, in their order.
    ///
    /// # Errors
    /// If they are no columns, which is a fault of this program.
    fn columns(&self, order: &MemberOrder<'_>, members: &[MemberRef]) -> Result<Vec<ArrayRef>, ArrowError>;
}

/// Writes a table in blocks of members.
pub(super) fn write_table(
    sink: &dyn Sink,
    path: &str,
    order: &MemberOrder<'_>,
    table: &dyn MemberTableWriter,
    compression: Compression,
) -> Result<u64, ExportError> {
    let schema = table.schema();
    let (mut file, encoder) = ParquetFile::create(sink, path, &schema, compression, &[], &[])?;
    in_order(
        order.blocks(BLOCK),
        |block| {
            let columns = table.columns(order, order.block(block, BLOCK));
            let batch = columns.and_then(|columns| packed(&schema, columns)).map_err(ExportError::columns(path))?;
            (batch.num_rows() > 0).then(|| encoder.encode(&batch)).transpose()
        },
        |group| group.map_or(Ok(()), |group| file.append(group)),
    )?;
    file.close()
}

/// A column of short text.
pub(super) fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

fn ids(order: &MemberOrder<'_>, members: &[MemberRef]) -> ArrayRef {
    let mut ids = StringBuilder::with_capacity(members.len(), members.len() * 12);
    members.iter().for_each(|m| ids.append_value(order.id(*m)));
    Arc::new(ids.finish())
}

/// `segments.parquet`: personalised members only.
pub(super) struct SegmentsTable<'a>(pub(super) &'a RunTables<'a>);

impl MemberTableWriter for SegmentsTable<'_> {
    fn schema(&self) -> SchemaRef {
        let required = |name, kind| Field::new(name, kind, false);
        Arc::new(Schema::new(vec![
            text("member_id", false),
            required("segment_id", DataType::Int32),
            text("segment_code", false),
            required("nearest_segment", DataType::Int32),
            required("distance", DataType::Float32),
            required("margin", DataType::Float32),
            text("lifecycle", false),
            text("value_band", false),
            text("arm", false),
            text("basis", false),
        ]))
    }

    fn columns(&self, order: &MemberOrder<'_>, members: &[MemberRef]) -> Result<Vec<ArrayRef>, ArrowError> {
        let run = self.0;
        let rows: Vec<usize> = members.iter().filter_map(|m| run.row(*m)).collect();
        let of = |labels: &[u16]| -> ArrayRef {
            let id = |row: &usize| run.segments.segment(labels[*row]).id;
            Arc::new(Int32Array::from_iter_values(rows.iter().map(id)))
        };
        let float = |values: &[f32]| -> ArrayRef {
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| values[*row])))
        };
        let texts = |word: &dyn Fn(usize) -> &'static str| -> ArrayRef {
            let mut out = StringBuilder::with_capacity(rows.len(), rows.len() * 8);
            rows.iter().for_each(|row| out.append_value(word(*row)));
            Arc::new(out.finish())
        };
        let mut codes = StringBuilder::with_capacity(rows.len(), rows.len() * 6);
        rows.iter().for_each(|row| codes.append_value(&run.segments.segment(run.memberships.segment[*row]).code));
        let mut arms = StringBuilder::with_capacity(rows.len(), rows.len() * 8);
        members.iter().for_each(|m| arms.append_value(run.holdout.arm(order.id(*m)).code()));
        Ok(vec![
            ids(order, members),
            of(&run.memberships.segment),
            Arc::new(codes.finish()),
            of(&run.memberships.nearest),
            float(&run.memberships.distance),
            float(&run.memberships.margin),
            texts(&|row| run.lifecycle[row].as_str()),
            texts(&|row| run.value_band[row].as_str()),
            Arc::new(arms.finish()),
            texts(&|_| "personalised"),
        ])
    }
}

/// `tags.parquet`: personalised members only.
pub(super) struct TagsTable<'a>(pub(super) &'a RunTables<'a>);

impl MemberTableWriter for TagsTable<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![
            text("member_id", false),
            text("tag", false),
            text("source", false),
            Field::new("since", DataType::Date32, false),
        ]))
    }

    fn columns(&self, order: &MemberOrder<'_>, members: &[MemberRef]) -> Result<Vec<ArrayRef>, ArrowError> {
        let run = self.0;
        let rows = members.iter().map(|m| run.tags_of(*m).len()).sum();
        let word = || WordColumn::with_capacity(rows);
        let (mut ids, mut tags, mut sources) = (word(), word(), word());
        let mut since = Date32Builder::with_capacity(rows);
        for (number, member) in (0u32..).zip(members) {
            for held in run.tags_of(*member) {
                ids.push(number);
                tags.push(held.tag);
                sources.push(held.tag);
                since.append_value(held.since.0);
            }
        }
        Ok(vec![
            ids.finish(&words(members.iter().map(|m| order.id(*m))))?,
            tags.finish(&words(run.tag_entries.iter().map(|entry| entry.tag.as_str())))?,
            sources.finish(&words(run.tag_entries.iter().map(|entry| entry.source.as_str())))?,
            Arc::new(since.finish()),
        ])
    }
}

/// `features.parquet`: personalised members only; null is "missing".
pub(super) struct FeaturesTable<'a>(pub(super) &'a FeatureTable);

impl FeaturesTable<'_> {
    fn is_double(&self, feature: usize) -> bool {
        self.0.shards().iter().any(|s| matches!(s.columns.get(feature), Some(Column::Double(_))))
    }
}

impl MemberTableWriter for FeaturesTable<'_> {
    fn schema(&self) -> SchemaRef {
        let mut fields = vec![text("member_id", false)];
        for (i, entry) in self.0.dictionary().entries().iter().enumerate() {
            let kind = if self.is_double(i) { DataType::Float64 } else { DataType::Float32 };
            fields.push(Field::new(&entry.name, kind, true));
        }
        Arc::new(Schema::new(fields))
    }

    fn columns(&self, order: &MemberOrder<'_>, members: &[MemberRef]) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut out = vec![ids(order, members)];
        for feature in 0..self.0.dictionary().len() {
            let values = members
                .iter()
                .filter_map(|m| m.personalised())
                .map(|(shard, member)| self.0.value(feature, shard, member));
            out.push(match self.is_double(feature) {
                true => Arc::new(values.collect::<Float64Array>()),
                false => Arc::new(values.map(|v| v.map(|v| v as f32)).collect::<Float32Array>()),
            });
        }
        Ok(out)
    }
}
