//! Offers from a table: one a row, our keys as columns.

use std::ops::Range;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{DataType, Date32Type, Float64Type, Int64Type},
};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Number, Value};

use super::path::{self, Step};
use crate::base::Day;

/// Offers read from a table.
#[derive(Debug, Default)]
pub(super) struct OfferRows {
    /// A text to point into.
    pub text: String,
    /// By offer: the offer, and where in the text it stands.
    pub rows: Vec<(Value, Range<usize>)>,
}

/// What types a key of an offer may have, by the names of JSON Schema.
pub(super) type TypesOf<'a> = &'a dyn Fn(&[Step]) -> Vec<String>;

/// Reads a CSV file with a header. Empty cells are left out; lists are separated by `;`; keys of tables are written with a
/// dot, as in `caps.total`.
///
/// # Errors
/// What is wrong with the file, in words.
pub(super) fn from_csv(text: &str, types_of: TypesOf<'_>) -> Result<OfferRows, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| e.to_string())?.clone();
    let columns = header.iter().map(steps).collect::<Result<Vec<_>, _>>()?;
    let mut out = OfferRows { text: text.to_owned(), rows: Vec::new() };
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let mut offer = Value::Object(Map::new());
        for (cell, column) in record.iter().zip(&columns).filter(|(cell, _)| !cell.is_empty()) {
            let value = typed(cell, &types_of(column), || types_of(&element(column)));
            path::set(&mut offer, column, value).map_err(|e| format!("{}: {}", path::job_path(column), e.message))?;
        }
        let start = record.position().map_or(0, |p| p.byte() as usize);
        let end = text[start..].find('\n').map_or(text.len(), |n| start + n);
        out.rows.push((offer, start..end));
    }
    Ok(out)
}

/// Reads a Parquet file. Nulls are left out; lists and structs are lists and tables; keys of tables may also be written as
/// columns with a dot.
///
/// # Errors
/// What is wrong with the file, in words.
pub(super) fn from_parquet(bytes: Vec<u8>, types_of: TypesOf<'_>) -> Result<OfferRows, String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).and_then(|b| b.build());
    let mut out = OfferRows::default();
    for batch in reader.map_err(|e| e.to_string())? {
        let batch = batch.map_err(|e| e.to_string())?;
        let schema = batch.schema();
        let columns = schema.fields().iter().map(|f| steps(f.name())).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let mut offer = Value::Object(Map::new());
            for (array, column) in batch.columns().iter().zip(&columns) {
                let Some(value) = value_at(array, row)? else { continue };
                // A whole number may stand in a column of floats, as other programs write columns with nulls.
                let value = match value.as_f64().filter(|_| types_of(column) == ["integer"]) {
                    Some(x) if x.fract() == 0.0 && x.abs() < 9e15 => Value::from(x as i64),
                    _ => value,
                };
                path::set(&mut offer, column, value)
                    .map_err(|e| format!("{}: {}", path::job_path(column), e.message))?;
            }
            // The text to point into is the row as JSON: Parquet has none of its own.
            let start = out.text.len();
            out.text.push_str(&offer.to_string());
            out.rows.push((offer, start..out.text.len()));
            out.text.push('\n');
        }
    }
    Ok(out)
}

fn steps(column: &str) -> Result<Vec<Step>, String> {
    path::parse(column.trim()).map_err(|why| format!("column `{column}`: {why}"))
}

fn element(list: &[Step]) -> Vec<Step> {
    let mut steps = list.to_vec();
    steps.push(Step::Index(0));
    steps
}

/// A cell as a value of one of the types that may stand there; as text if it is none of them.
fn typed(cell: &str, types: &[String], element: impl Fn() -> Vec<String>) -> Value {
    let may_be = |name: &str| types.iter().any(|t| t == name);
    if may_be("array") {
        let of = element();
        let parts = cell.split(';').map(str::trim).filter(|part| !part.is_empty());
        return Value::Array(parts.map(|part| typed(part, &of, Vec::new)).collect());
    }
    if may_be("integer")
        && let Ok(n) = cell.parse::<i64>()
    {
        return Value::from(n);
    }
    if may_be("number")
        && let Some(n) = cell.parse::<f64>().ok().and_then(Number::from_f64)
    {
        return Value::Number(n);
    }
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" if may_be("boolean") => Value::Bool(true),
        "false" | "no" if may_be("boolean") => Value::Bool(false),
        _ => Value::String(cell.to_owned()),
    }
}

/// A cell of an array; `None` for null.
fn value_at(array: &ArrayRef, row: usize) -> Result<Option<Value>, String> {
    if array.is_null(row) {
        return Ok(None);
    }
    let as_type = |wanted: DataType| cast(&array.slice(row, 1), &wanted).map_err(|e| e.to_string());
    Ok(match array.data_type() {
        DataType::Boolean => Some(Value::Bool(array.as_boolean().value(row))),
        t if t.is_integer() => Some(Value::from(as_type(DataType::Int64)?.as_primitive::<Int64Type>().value(0))),
        t if t.is_numeric() => {
            Number::from_f64(as_type(DataType::Float64)?.as_primitive::<Float64Type>().value(0)).map(Value::Number)
        }
        t if t.is_temporal() => {
            let day = as_type(DataType::Date32)?.as_primitive::<Date32Type>().value(0);
            Some(Value::String(Day(day).to_string()))
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>().value(row);
            let values = (0..list.len()).filter_map(|i| value_at(&list, i).transpose());
            Some(Value::Array(values.collect::<Result<_, _>>()?))
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            let mut table = Map::new();
            for (field, column) in fields.iter().zip(columns.columns()) {
                if let Some(value) = value_at(column, row)? {
                    table.insert(field.name().clone(), value);
                }
            }
            Some(Value::Object(table))
        }
        _ => {
            let text = as_type(DataType::Utf8)?.as_string::<i32>().value(0).to_owned();
            (!text.is_empty()).then_some(Value::String(text))
        }
    })
}
