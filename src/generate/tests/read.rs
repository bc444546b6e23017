//! Reads a generated shop back, knowing only Parquet.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, TimestampMicrosecondType},
    record_batch::RecordBatch,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::{
    base::progress::Silent,
    generate::{ShopSpec, ShopSummary, generate},
};

/// A row of the transactions table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) member: Option<String>,
    pub(super) order: String,
    pub(super) item: String,
    /// Local seconds since 1970.
    pub(super) time: i64,
    pub(super) quantity: i32,
    pub(super) price: i64,
    pub(super) discount: i64,
    pub(super) channel: String,
    pub(super) store: Option<String>,
    pub(super) city: String,
    pub(super) is_return: bool,
}

impl Row {
    pub(super) fn day(&self) -> i32 {
        (self.time / 86_400) as i32
    }
}

/// A shop on disk for the tests of this module.
pub(super) struct Shop {
    pub(super) dir: TempDir,
    pub(super) spec: ShopSpec,
    pub(super) summary: ShopSummary,
    pub(super) rows: Vec<Row>,
}

/// A shop of 2,500 members and 90,000 rows, generated once.
pub(super) fn shop() -> &'static Shop {
    static SHOP: OnceLock<Shop> = OnceLock::new();
    SHOP.get_or_init(|| {
        let spec = ShopSpec::new(2_500, 90_000, 11);
        let dir = tempfile::tempdir().unwrap();
        let summary = generate(&spec, dir.path(), &Silent).unwrap();
        let rows = transactions(dir.path());
        Shop { dir, spec, summary, rows }
    })
}

pub(super) fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Every row group of a file as one batch.
pub(super) fn table(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a ArrayRef {
    batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"))
}

pub(super) fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    column(batch, name).as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect()
}

pub(super) fn ints(batch: &RecordBatch, name: &str) -> Vec<Option<i32>> {
    column(batch, name).as_primitive::<Int32Type>().iter().collect()
}

pub(super) fn dates(batch: &RecordBatch, name: &str) -> Vec<Option<i32>> {
    column(batch, name).as_primitive::<Date32Type>().iter().collect()
}

pub(super) fn floats(batch: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    column(batch, name).as_primitive::<arrow::datatypes::Float64Type>().iter().collect()
}

pub(super) fn times(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let column = column(batch, name);
    assert!(matches!(column.data_type(), DataType::Timestamp(_, None)), "{name} is a naive time");
    column.as_primitive::<TimestampMicrosecondType>().iter().map(|t| t.map(|t| t / 1_000_000)).collect()
}

pub(super) fn flags(batch: &RecordBatch, name: &str) -> Vec<Option<bool>> {
    column(batch, name).as_boolean().iter().collect()
}

pub(super) fn lists(batch: &RecordBatch, name: &str) -> Vec<Vec<String>> {
    let lists = column(batch, name).as_list::<i32>();
    (0..lists.len()).map(|i| lists.value(i).as_string::<i32>().iter().flatten().map(str::to_owned).collect()).collect()
}

fn money(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = column(batch, name);
    assert_eq!(column.data_type(), &DataType::Decimal128(12, 2));
    column.as_primitive::<Decimal128Type>().values().iter().map(|value| *value as i64).collect()
}

/// Every row of the transactions folder, file by file.
pub(super) fn transactions(dir: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for path in files_of(&dir.join("transactions")) {
        let batch = table(&path);
        let (member, order, item) = (texts(&batch, "member_id"), texts(&batch, "order_id"), texts(&batch, "item_id"));
        let (time, quantity) = (times(&batch, "ts"), ints(&batch, "quantity"));
        let (price, discount) = (money(&batch, "unit_price"), money(&batch, "discount"));
        let (channel, store, city) = (texts(&batch, "channel"), texts(&batch, "store"), texts(&batch, "city"));
        let is_return = flags(&batch, "is_return");
        for i in 0..batch.num_rows() {
            rows.push(Row {
                member: member[i].clone(),
                order: order[i].clone().unwrap(),
                item: item[i].clone().unwrap(),
                time: time[i].unwrap(),
                quantity: quantity[i].unwrap(),
                price: price[i],
                discount: discount[i],
                channel: channel[i].clone().unwrap(),
                store: store[i].clone(),
                city: city[i].clone().unwrap(),
                is_return: is_return[i].unwrap(),
            });
        }
    }
    rows
}
