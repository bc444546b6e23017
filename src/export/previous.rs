//! Reading back the `offers.parquet` of the previous run.

use arrow::{
    array::{Array, AsArray},
    compute::cast,
    datatypes::{DataType, Date32Type, Int32Type},
    record_batch::RecordBatch,
};

use crate::{
    base::Day,
    offers::{PreviousBuilder, PreviousRow},
};

/// The columns of `offers.parquet` that [`push_previous`] reads.
pub const PREVIOUS_COLUMNS: &[&str] = &[
    "member_id",
    "slot",
    "offer_id",
    "item_id",
    "category",
    "reason_code",
    "evidence",
    "valid_from",
    "valid_until",
    "basis",
];

/// Adds the rows of a batch that holds [`PREVIOUS_COLUMNS`]; gives false if the batch does not hold them all as
/// `offers.parquet` has them.
#[must_use]
pub fn push_previous(batch: &RecordBatch, builder: &mut PreviousBuilder<'_>) -> bool {
    let text = |name: &str| batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
    let days = |name: &str| batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Date32Type>());
    let (Some(member), Some(offer), Some(item), Some(category), Some(reason), Some(basis)) =
        (text("member_id"), text("offer_id"), text("item_id"), text("category"), text("reason_code"), text("basis"))
    else {
        return false;
    };
    let evidence = batch.column_by_name("evidence").and_then(|c| c.as_struct_opt()?.column_by_name("item_id").cloned());
    // Texts within a struct come as they are read.
    let Some(about) = evidence.and_then(|texts| cast(&texts, &DataType::Utf8).ok()) else { return false };
    let about = about.as_string::<i32>();
    let (Some(from), Some(until)) = (days("valid_from"), days("valid_until")) else { return false };
    let Some(slot) = batch.column_by_name("slot").and_then(|c| c.as_primitive_opt::<Int32Type>()) else { return false };
    for row in 0..batch.num_rows() {
        builder.push(&PreviousRow {
            member_id: member.value(row),
            slot: slot.value(row),
            offer_id: offer.value(row),
            item_id: item.is_valid(row).then(|| item.value(row)),
            category: category.is_valid(row).then(|| category.value(row)),
            valid_from: Day(from.value(row)),
            valid_until: Day(until.value(row)),
            generic: basis.value(row) == "generic",
            reason_code: reason.value(row),
            about: about.is_valid(row).then(|| about.value(row)),
        });
    }
    true
}
