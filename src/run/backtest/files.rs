//! The files of a backtest.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, Int32Array, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
    record_batch::RecordBatch,
};

use super::{super::RunError, fold::Fitted};
use crate::{
    backtest::{LENGTHS, ListEntry, METRICS, MethodResult, Results},
    engine::EngineError,
    export::{Compression, write_batches},
    report::backtest_page,
    store::Staging,
};

/// Members of one row group.
const BLOCK: usize = 16_384;

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, RunError> {
    Ok(RecordBatch::try_new(Arc::clone(schema), columns).map_err(|e| EngineError::arrow("write a backtest", e))?)
}

/// `lists.parquet`, `explore_lists.parquet` (method, member_id, rank, item_id, score), `truth.parquet` (member_id, item_id,
/// repeat) and `items.parquet` of one fold, in byte order of the member ids within a method.
pub(super) fn write_lists(staging: &Staging, folder: &str, fitted: &Fitted) -> Result<(), RunError> {
    let schema = Arc::new(Schema::new(vec![
        field("method", DataType::Utf8),
        field("member_id", DataType::Utf8),
        field("rank", DataType::Int32),
        field("item_id", DataType::Utf8),
        field("score", DataType::Float64),
    ]));
    let names = fitted.names();
    for (file, explore) in [("lists.parquet", false), ("explore_lists.parquet", true)] {
        let mut batches = Vec::new();
        for ((name, _), lists) in names.iter().zip(&fitted.lists) {
            for cases in fitted.order.chunks(BLOCK) {
                let list = |case: &usize| if explore { lists.explore(*case) } else { lists.mixed(*case) };
                let rows: Vec<(&str, usize, &ListEntry)> = (cases.iter())
                    .flat_map(|case| {
                        let entries = list(case).iter().enumerate();
                        entries.map(|(rank, entry)| (fitted.members[*case].as_str(), rank, entry))
                    })
                    .collect();
                let columns: Vec<ArrayRef> = vec![
                    Arc::new(rows.iter().map(|_| Some(name.as_str())).collect::<StringArray>()),
                    Arc::new(rows.iter().map(|r| Some(r.0)).collect::<StringArray>()),
                    Arc::new(rows.iter().map(|r| r.1 as i32 + 1).collect::<Int32Array>()),
                    Arc::new(rows.iter().map(|r| Some(fitted.items.get(r.2.item as usize))).collect::<StringArray>()),
                    Arc::new(rows.iter().map(|r| r.2.score).collect::<Float64Array>()),
                ];
                batches.push(batch(&schema, columns)?);
            }
        }
        write_batches(staging, &format!("{folder}{file}"), &schema, Compression::Zstd, batches)?;
    }
    write_truth(staging, &format!("{folder}truth.parquet"), fitted)
}

fn write_truth(staging: &Staging, file: &str, fitted: &Fitted) -> Result<(), RunError> {
    let schema = Arc::new(Schema::new(vec![
        field("member_id", DataType::Utf8),
        field("item_id", DataType::Utf8),
        field("repeat", DataType::Boolean),
    ]));
    let id = |item: u32| match (item as usize).checked_sub(fitted.items.len()) {
        None => fitted.items.get(item as usize),
        Some(unknown) => fitted.unknown_items.get(unknown),
    };
    let mut batches = Vec::new();
    for cases in fitted.order.chunks(BLOCK) {
        let mut rows: Vec<(&str, &str, bool)> = Vec::new();
        for at in cases {
            let case = &fitted.cases.all()[*at];
            let truth = fitted.cases.truth(case).iter().zip(fitted.cases.repeats(case));
            rows.extend(truth.map(|(item, repeat)| (fitted.members[*at].as_str(), id(*item), *repeat)));
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|r| Some(r.0)).collect::<StringArray>()),
            Arc::new(rows.iter().map(|r| Some(r.1)).collect::<StringArray>()),
            Arc::new(rows.iter().map(|r| Some(r.2)).collect::<BooleanArray>()),
        ];
        batches.push(batch(&schema, columns)?);
    }
    write_batches(staging, file, &schema, Compression::Zstd, batches)?;
    Ok(())
}

/// `backtest.json`, `report.html` and `figures.parquet`.
pub(super) fn write_results(staging: &Staging, results: &Results) -> Result<(), RunError> {
    super::super::outputs::json(staging, "backtest.json", results)?;
    staging.write("report.html", backtest_page(results).render().as_bytes())?;
    let number = |name: &str, nullable| Field::new(name, DataType::Float64, nullable);
    let schema = Arc::new(Schema::new(vec![
        field("method", DataType::Utf8),
        field("scope", DataType::Utf8),
        field("metric", DataType::Utf8),
        field("k", DataType::Int32),
        number("mean", false),
        number("low", false),
        number("high", false),
        number("ours_minus_this", true),
        number("difference_low", true),
        number("difference_high", true),
    ]));
    let mut rows = Vec::new();
    for method in &results.methods {
        figure_rows(method, &mut rows);
    }
    let texts = |get: fn(&FigureRow<'_>) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|r| Some(get(r))).collect::<StringArray>())
    };
    let numbers = |get: fn(&FigureRow<'_>) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<Float64Array>())
    };
    let columns = vec![
        texts(|r| r.method.to_owned()),
        texts(|r| r.scope.to_owned()),
        texts(|r| r.metric.to_owned()),
        Arc::new(rows.iter().map(|r| r.k as i32).collect::<Int32Array>()) as ArrayRef,
        numbers(|r| Some(r.figure.value.mean)),
        numbers(|r| Some(r.figure.value.low)),
        numbers(|r| Some(r.figure.value.high)),
        numbers(|r| r.figure.ours_minus_this.map(|d| d.mean)),
        numbers(|r| r.figure.ours_minus_this.map(|d| d.low)),
        numbers(|r| r.figure.ours_minus_this.map(|d| d.high)),
    ];
    let whole = batch(&schema, columns)?;
    write_batches(staging, "figures.parquet", &schema, Compression::Zstd, [whole])?;
    Ok(())
}

struct FigureRow<'a> {
    method: &'a str,
    scope: &'static str,
    metric: &'static str,
    k: usize,
    figure: crate::backtest::Figure,
}

fn figure_rows<'a>(method: &'a MethodResult, rows: &mut Vec<FigureRow<'a>>) {
    for (scope, result) in &method.scopes {
        for metric in METRICS {
            for k in LENGTHS {
                if let Some(figure) = result.figures.get(&format!("{metric}@{k}")) {
                    rows.push(FigureRow { method: &method.name, scope, metric, k, figure: *figure });
                }
            }
        }
    }
}
