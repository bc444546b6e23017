//! `model/accessories.parquet` and `model/repeat_policies.json`: what the run knows of items beside their statistics.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, StringArray},
    datatypes::{DataType, Field, Schema},
    record_batch::RecordBatch,
};
use serde::Serialize;

use super::{error::ExportError, parquet_file::write_batches, settings::Compression, sink::Sink, tables::text};
use crate::{
    input::ItemTable,
    items::{Attach, AttachStatistics, ItemStatistics},
    recommend::{CategoryPolicy, RepeatPolicy, RepeatRules},
};

/// Writes `model/accessories.parquet`: of every device the accessories that fit it and were bought within the window, the
/// highest rate first. `source` says whether the shop says what fits or it was learned. Gives the number of rows.
///
/// # Errors
/// If the file cannot be written.
pub fn write_accessories(
    sink: &dyn Sink,
    items: &ItemTable,
    statistics: &ItemStatistics,
    attach: &AttachStatistics,
    source: &str,
    compression: Compression,
) -> Result<u64, ExportError> {
    const PATH: &str = "model/accessories.parquet";
    let whole = |name: &str| Field::new(name, DataType::Int64, false);
    let number = |name: &str| Field::new(name, DataType::Float64, false);
    let schema = Arc::new(Schema::new(vec![
        text("device_id", false),
        text("accessory_id", false),
        text("source", false),
        whole("window_days"),
        whole("owners"),
        whole("exposed"),
        whole("attached"),
        number("mean_days"),
        number("rate"),
        number("base"),
        number("lift"),
    ]));
    let of = |device: u32| {
        let bought = attach.of(device, statistics).into_iter().filter(|a| a.attached > 0);
        bought.map(move |a| (device, a)).collect::<Vec<_>>()
    };
    let rows: Vec<(u32, Attach)> = attach.fits().devices().flat_map(of).collect();
    let id = |item: u32| items.ids.get(item as usize);
    let counts = |get: fn(&Attach) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| i64::try_from(get(&r.1)).unwrap_or(i64::MAX))))
    };
    let numbers = |get: fn(&Attach) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| get(&r.1))))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| id(r.0)))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| id(r.1.accessory)))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|_| source))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| i64::from(attach.window_days())))),
        counts(|a| a.owners),
        counts(|a| a.exposed),
        counts(|a| a.attached),
        numbers(|a| a.mean_days.unwrap_or_default()),
        numbers(|a| a.rate),
        numbers(|a| a.base),
        numbers(|a| a.lift),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(ExportError::columns(PATH))?;
    write_batches(sink, PATH, &schema, compression, [batch])
}

/// `model/repeat_policies.json`.
#[derive(Debug, Serialize)]
pub struct RepeatPolicies<'a> {
    /// The rule by which policies are learned.
    rule: RepeatRule,
    /// Items under each policy.
    items: std::collections::BTreeMap<&'static str, usize>,
    /// By category.
    categories: &'a [CategoryPolicy],
}

#[derive(Debug, Serialize)]
struct RepeatRule {
    never_repeat: String,
    replenish: String,
    always: &'static str,
}

impl<'a> RepeatPolicies<'a> {
    /// Of the rules, which were made with `never_repeat_below` and that shop's statistics.
    #[must_use]
    pub fn new(rules: &'a RepeatRules, never_repeat_below: f64, statistics: &ItemStatistics) -> Self {
        let words = RepeatRules::in_words(never_repeat_below, statistics.mean_rebuy_rate());
        let all = [RepeatPolicy::NeverRepeat, RepeatPolicy::Replenish, RepeatPolicy::Always];
        Self {
            rule: RepeatRule {
                never_repeat: words.0,
                replenish: words.1,
                always: "everything else: the score itself tells who buys again",
            },
            items: all.into_iter().map(|policy| (policy.code(), rules.count(policy))).collect(),
            categories: rules.categories(),
        }
    }
}
