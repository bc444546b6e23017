//! The columns of a generic target as Parquet.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, ListBuilder, RecordBatch, StringArray,
        StringBuilder,
    },
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
};

use crate::{
    base::Day,
    export::{
        cell::Cell,
        dialects::{Op, Role},
        targets::{FieldType, Target},
    },
};

/// Columns of a Parquet file of a target.
#[must_use]
pub fn parquet_schema(target: &Target, role: Role) -> SchemaRef {
    let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    let mut fields = Vec::new();
    if role == Role::Delta {
        fields.push(Field::new("op", DataType::Utf8, false));
    }
    fields.extend(target.fields.iter().map(|f| {
        let kind = match f.from.kind() {
            FieldType::Text => DataType::Utf8,
            FieldType::Integer => DataType::Int64,
            FieldType::Decimal => DataType::Float64,
            FieldType::Day => DataType::Date32,
            FieldType::Flag => DataType::Boolean,
            FieldType::Tags => list.clone(),
        };
        Field::new(&f.name, kind, true)
    }));
    Arc::new(Schema::new(fields))
}

enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Decimal(Float64Builder, Option<u8>),
    Day(Date32Builder),
    Flag(BooleanBuilder),
    Tags(ListBuilder<StringBuilder>),
}

/// Builds the columns of a target from its cells.
pub(super) struct Columns {
    builders: Vec<Builder>,
}

impl Columns {
    pub(super) fn new(target: &Target) -> Self {
        let of = |f: &crate::export::targets::Field| match f.from.kind() {
            FieldType::Text => Builder::Text(StringBuilder::new()),
            FieldType::Integer => Builder::Integer(Int64Builder::new()),
            FieldType::Decimal => Builder::Decimal(Float64Builder::new(), f.digits),
            FieldType::Day => Builder::Day(Date32Builder::new()),
            FieldType::Flag => Builder::Flag(BooleanBuilder::new()),
            FieldType::Tags => Builder::Tags(ListBuilder::new(StringBuilder::new())),
        };
        Self { builders: target.fields.iter().map(of).collect() }
    }

    pub(super) fn push(&mut self, cells: &[Cell<'_>]) {
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            match (builder, cell) {
                (Builder::Text(b), Cell::Text(text)) => b.append_value(text),
                (Builder::Text(b), _) => b.append_null(),
                (Builder::Integer(b), Cell::Integer(value)) => b.append_value(*value),
                (Builder::Integer(b), _) => b.append_null(),
                (Builder::Decimal(b, None), Cell::Decimal(value)) => b.append_value(*value),
                (Builder::Decimal(b, digits), Cell::Decimal(value)) => {
                    let mut text = String::new();
                    crate::export::cell::push_decimal(&mut text, *value, *digits);
                    b.append_option(text.parse().ok());
                }
                (Builder::Decimal(b, _), _) => b.append_null(),
                (Builder::Day(b), Cell::Day(text)) => b.append_option(Day::parse(text).map(|d| d.0)),
                (Builder::Day(b), _) => b.append_null(),
                (Builder::Flag(b), Cell::Flag(value)) => b.append_value(*value),
                (Builder::Flag(b), _) => b.append_null(),
                (Builder::Tags(b), Cell::Tags(tags)) => {
                    tags.iter().for_each(|tag| b.values().append_value(tag));
                    b.append(true);
                }
                (Builder::Tags(b), _) => b.append_null(),
            }
        }
    }

    /// The columns as a batch of [`Role::Full`].
    pub(super) fn finish(&mut self, target: &Target) -> Result<RecordBatch, ArrowError> {
        let columns = self.builders.iter_mut().map(|b| -> ArrayRef {
            match b {
                Builder::Text(b) => Arc::new(b.finish()),
                Builder::Integer(b) => Arc::new(b.finish()),
                Builder::Decimal(b, _) => Arc::new(b.finish()),
                Builder::Day(b) => Arc::new(b.finish()),
                Builder::Flag(b) => Arc::new(b.finish()),
                Builder::Tags(b) => Arc::new(b.finish()),
            }
        });
        RecordBatch::try_new(parquet_schema(target, Role::Full), columns.collect())
    }
}

/// A batch of a delta: rows of a full snapshot with what became of them.
pub(super) fn with_ops(target: &Target, ops: &[Op], rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(ops.iter().map(|op| op.as_str())))];
    columns.extend(rows.columns().iter().cloned());
    RecordBatch::try_new(parquet_schema(target, Role::Delta), columns)
}
