//! Columns of texts that repeat: each text is held once, and a row has its number.
//!
//! Parquet files come out as if every row had its own copy; the copies are never made.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, DictionaryArray, StringArray, UInt32Builder},
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type},
    error::ArrowError,
    record_batch::RecordBatch,
};

/// Texts by number.
pub(super) type Words = Arc<StringArray>;

/// The texts in this order.
pub(super) fn words<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Words {
    Arc::new(StringArray::from_iter_values(texts))
}

/// A column being filled.
pub(super) struct WordColumn {
    numbers: UInt32Builder,
}

impl WordColumn {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { numbers: UInt32Builder::with_capacity(rows) }
    }

    /// Adds a row with a text; `None` is null.
    pub(super) fn push(&mut self, number: impl Into<Option<u32>>) {
        self.numbers.append_option(number.into());
    }

    /// The column, its numbers standing for `words`.
    ///
    /// # Errors
    /// If a number has no text.
    pub(super) fn finish(mut self, words: &Words) -> Result<ArrayRef, ArrowError> {
        let words: ArrayRef = Arc::clone(words) as ArrayRef;
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(self.numbers.finish(), words)?))
    }
}

/// The type of such a column.
pub(super) fn word_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))
}

/// `columns` as a batch: named as in `schema`, of the types that they have.
///
/// # Errors
/// If they do not fit the schema in number or length.
pub(super) fn packed(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    let typed =
        |(field, column): (&Arc<Field>, &ArrayRef)| field.as_ref().clone().with_data_type(column.data_type().clone());
    let fields: Vec<Field> = schema.fields().iter().zip(&columns).map(typed).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The same with every text written out, as `schema` has it.
///
/// # Errors
/// If a column has another type.
pub(super) fn unpacked(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().zip(batch.columns());
    let columns: Result<Vec<ArrayRef>, ArrowError> =
        columns.map(|(field, column)| cast(column, field.data_type())).collect();
    RecordBatch::try_new(Arc::clone(schema), columns?)
}
