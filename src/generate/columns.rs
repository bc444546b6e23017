//! Small helpers for building the columns of tables.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, ListBuilder,
        StringArray, StringBuilder, TimestampMicrosecondArray,
    },
    datatypes::{DataType, Field, TimeUnit},
    error::ArrowError,
};

use crate::base::{Day, date::DAY_SECONDS};

pub(super) fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

pub(super) fn texts(name: &str) -> Field {
    Field::new_list(name, Field::new_list_field(DataType::Utf8, true), true)
}

pub(super) fn date(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Date32, nullable)
}

/// A naive local time.
pub(super) fn time(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, None), nullable)
}

pub(super) fn int(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Int32, nullable)
}

pub(super) fn long(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Int64, nullable)
}

pub(super) fn float(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Float64, nullable)
}

pub(super) fn flag(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Boolean, nullable)
}

pub(super) fn money(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Decimal128(12, 2), nullable)
}

pub(super) fn text_column<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

pub(super) fn text_option_column<S: AsRef<str>>(values: impl IntoIterator<Item = Option<S>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// A column of lists; an empty list stays an empty list.
pub(super) fn texts_column<S: AsRef<str>>(values: impl IntoIterator<Item = Vec<S>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for list in values {
        for value in list {
            lists.values().append_value(value);
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

pub(super) fn date_column(values: impl IntoIterator<Item = Option<Day>>) -> ArrayRef {
    Arc::new(values.into_iter().map(|day| day.map(|day| day.0)).collect::<Date32Array>())
}

pub(super) fn time_column(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().map(|time| time.map(|t| t * 1_000_000)).collect::<TimestampMicrosecondArray>())
}

pub(super) fn int_column(values: impl IntoIterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int32Array>())
}

pub(super) fn long_column(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

pub(super) fn float_column(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

pub(super) fn flag_column(values: impl IntoIterator<Item = Option<bool>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<BooleanArray>())
}

pub(super) fn money_column(values: impl IntoIterator<Item = Option<i64>>) -> Result<ArrayRef, ArrowError> {
    let array: Decimal128Array = values.into_iter().map(|value| value.map(i128::from)).collect();
    Ok(Arc::new(array.with_precision_and_scale(12, 2)?))
}

/// Local seconds since 1970 of a day and a second in it.
pub(super) fn seconds(day: Day, second: u32) -> i64 {
    i64::from(day.0) * i64::from(DAY_SECONDS) + i64::from(second)
}
