//! `model/item_statistics.parquet`: what the run's item statistics hold, for whoever wants to look.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, StringArray},
    datatypes::{DataType, Field, Schema},
    record_batch::RecordBatch,
};

use super::{error::ExportError, parquet_file::write_batches, settings::Compression, sink::Sink, tables::text};
use crate::{input::ItemTable, items::ItemStatistics, recommend::RepeatRules};

/// Writes `model/item_statistics.parquet`, one row an item in byte order of the ids; `half_life` is the index of the
/// half-life that popularity is read under, `repeat` says which item may be offered again and when. Gives the number of rows.
///
/// # Errors
/// If the file cannot be written.
pub fn write_item_statistics(
    sink: &dyn Sink,
    items: &ItemTable,
    statistics: &ItemStatistics,
    half_life: usize,
    repeat: &RepeatRules,
    compression: Compression,
) -> Result<u64, ExportError> {
    const PATH: &str = "model/item_statistics.parquet";
    let schema = Arc::new(Schema::new(vec![
        text("item_id", false),
        Field::new("baskets", DataType::Int64, false),
        Field::new("members", DataType::Int64, false),
        Field::new("rebought", DataType::Int64, false),
        Field::new("opportunities", DataType::Int64, false),
        Field::new("units", DataType::Float64, false),
        Field::new("last_day", DataType::Date32, true),
        Field::new("rebuy_rate", DataType::Float64, false),
        Field::new("popularity", DataType::Float64, false),
        Field::new("gap_days", DataType::Int32, true),
        Field::new("gap_count", DataType::Int64, false),
        text("repeat_policy", false),
        text("policy_source", false),
        Field::new("wait_days", DataType::Int32, false),
    ]));
    let each = || 0..statistics.len() as u32;
    let counts = |f: &dyn Fn(u32) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(each().map(|i| i64::try_from(f(i)).unwrap_or(i64::MAX))))
    };
    let gap = |i: u32| statistics.item_gap(i);
    let popularity = |i: u32| {
        let known = half_life < statistics.half_lives().len();
        if known { statistics.popularity(i, half_life) } else { 0.0 }
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(each().map(|i| items.ids.get(i as usize)))),
        counts(&|i| statistics.item_baskets(i)),
        counts(&|i| statistics.item_members(i)),
        counts(&|i| statistics.rebought(i)),
        counts(&|i| statistics.opportunities(i)),
        Arc::new(Float64Array::from_iter_values(each().map(|i| statistics.units(i) as f64 / 1000.0))),
        Arc::new(each().map(|i| statistics.last_day(i).map(|d| d.0)).collect::<Date32Array>()),
        Arc::new(Float64Array::from_iter_values(each().map(|i| statistics.rebuy_rate(i)))),
        Arc::new(Float64Array::from_iter_values(each().map(popularity))),
        Arc::new(each().map(|i| gap(i).and_then(|g| i32::try_from(g.days).ok())).collect::<Int32Array>()),
        counts(&|i| gap(i).map_or(0, |g| g.count)),
        Arc::new(StringArray::from_iter_values(each().map(|i| repeat.policy(i).code()))),
        Arc::new(StringArray::from_iter_values(each().map(|i| repeat.source(i).code()))),
        Arc::new(Int32Array::from_iter_values(each().map(|i| i32::try_from(repeat.wait(i)).unwrap_or(i32::MAX)))),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(ExportError::columns(PATH))?;
    write_batches(sink, PATH, &schema, compression, [batch])
}
