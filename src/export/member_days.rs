//! `next_purchase.parquet` and `model/held.parquet`: days that only some members have.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Date32Array, Float32Array, Int32Array, StringArray},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
    record_batch::RecordBatch,
};

use super::{
    error::ExportError,
    order::{MemberOrder, MemberRef},
    parquet_file::write_batches,
    settings::Compression,
    sink::Sink,
    tables::{MemberTableWriter, text, write_table},
};
use crate::{
    base::{Day, IdTable},
    segments::{Memberships, SegmentModel},
};

/// When a member is expected to buy next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NextPurchase {
    /// The day: last purchase and the member's own usual gap. It stays until the member buys again.
    pub expected: Day,
    /// Last purchase.
    pub last: Day,
    /// Own median gap in days, before it is held within the job's bounds.
    pub usual_gap: f32,
}

struct NextPurchaseTable<'a> {
    next: &'a [Option<NextPurchase>],
    offsets: Vec<usize>,
}

impl MemberTableWriter for NextPurchaseTable<'_> {
    fn schema(&self) -> arrow::datatypes::SchemaRef {
        Arc::new(Schema::new(vec![
            text("member_id", false),
            Field::new("expected", DataType::Date32, false),
            Field::new("last_purchase", DataType::Date32, false),
            Field::new("usual_gap_days", DataType::Float32, false),
        ]))
    }

    fn columns(&self, order: &MemberOrder<'_>, members: &[MemberRef]) -> Result<Vec<ArrayRef>, ArrowError> {
        let found: Vec<(&str, NextPurchase)> = members
            .iter()
            .filter_map(|member| {
                let (shard, index) = member.personalised()?;
                let next = self.next.get(self.offsets.get(shard)? + index).copied()??;
                Some((order.id(*member), next))
            })
            .collect();
        Ok(vec![
            Arc::new(StringArray::from_iter_values(found.iter().map(|f| f.0))),
            Arc::new(Date32Array::from_iter_values(found.iter().map(|f| f.1.expected.0))),
            Arc::new(Date32Array::from_iter_values(found.iter().map(|f| f.1.last.0))),
            Arc::new(Float32Array::from_iter_values(found.iter().map(|f| f.1.usual_gap))),
        ])
    }
}

/// Writes `next_purchase.parquet`: members with a rhythm of their own, in byte order. `next` is in (shard, member) order
/// of `members`. Gives the number of rows.
///
/// # Errors
/// If it cannot be written.
pub fn write_next_purchases(
    sink: &dyn Sink,
    members: &[IdTable],
    next: &[Option<NextPurchase>],
    compression: Compression,
) -> Result<u64, ExportError> {
    let nobody = IdTable::default();
    let order = MemberOrder::new(members, &nobody, false);
    let offsets = super::RunTables::offsets_of(members);
    write_table(sink, "next_purchase.parquet", &order, &NextPurchaseTable { next, offsets }, compression)
}

/// Writes `model/held.parquet`: members held in a segment that is not the nearest, and since when, in byte order. Gives
/// the number of rows.
///
/// # Errors
/// If it cannot be written.
pub fn write_held(
    sink: &dyn Sink,
    members: &[IdTable],
    model: &SegmentModel,
    memberships: &Memberships,
    compression: Compression,
) -> Result<u64, ExportError> {
    const PATH: &str = "model/held.parquet";
    let schema = Arc::new(Schema::new(vec![
        text("member_id", false),
        Field::new("segment_id", DataType::Int32, false),
        Field::new("nearest_segment", DataType::Int32, false),
        Field::new("since", DataType::Date32, false),
    ]));
    let offsets = super::RunTables::offsets_of(members);
    let id_of = |row: usize| {
        let shard = offsets.partition_point(|first| *first <= row).saturating_sub(1);
        // Shards without members have the offset of the next one.
        members[shard].get(row - offsets[shard])
    };
    let mut held: Vec<(&str, i32, i32, i32)> = memberships
        .held
        .iter()
        .map(|held| {
            let row = held.row as usize;
            let id = |labels: &[u16]| model.segment(labels[row]).id;
            (id_of(row), id(&memberships.segment), id(&memberships.nearest), held.since.0)
        })
        .collect();
    held.sort_unstable();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(held.iter().map(|h| h.0))),
        Arc::new(Int32Array::from_iter_values(held.iter().map(|h| h.1))),
        Arc::new(Int32Array::from_iter_values(held.iter().map(|h| h.2))),
        Arc::new(Date32Array::from_iter_values(held.iter().map(|h| h.3))),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(ExportError::columns(PATH))?;
    write_batches(sink, PATH, &schema, compression, [batch])
}
