//! The `generic` target: plain CSV of the decisions (`full.csv`, `preview.csv`) and of the members (`members.csv`).

use std::fmt::Write as _;

use arrow::{
    array::{
        Array, AsArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, StringArray, StructArray,
    },
    datatypes::{Date32Type, Float32Type, Float64Type, Int32Type, Int64Type},
    record_batch::RecordBatch,
};

use super::csv::{push_field, push_field_for_people, push_record};
use crate::{
    base::Day,
    offers::{DateTexts, Language, push_integer, push_score},
};

/// A column of a decision. The names are those of `offers.parquet`, with the same meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "contract columns, each under its own name")]
pub enum GenericColumn {
    MemberId,
    Slot,
    OfferId,
    Kind,
    ItemId,
    Category,
    Score,
    Probability,
    ValueMinor,
    ReasonCode,
    Evidence,
    TextZh,
    TextEn,
    ValidFrom,
    ValidUntil,
    Channel,
    Placement,
    Incentive,
    Basis,
    Explored,
    Propensity,
    SegmentId,
}

use GenericColumn as C;

/// Every column by its name. `arm` is not among them: what a CRM gets is never held out.
const COLUMNS: &[(&str, GenericColumn)] = &[
    ("member_id", C::MemberId),
    ("slot", C::Slot),
    ("offer_id", C::OfferId),
    ("kind", C::Kind),
    ("item_id", C::ItemId),
    ("category", C::Category),
    ("score", C::Score),
    ("probability", C::Probability),
    ("value_minor", C::ValueMinor),
    ("reason_code", C::ReasonCode),
    ("evidence", C::Evidence),
    ("text_zh", C::TextZh),
    ("text_en", C::TextEn),
    ("valid_from", C::ValidFrom),
    ("valid_until", C::ValidUntil),
    ("channel", C::Channel),
    ("placement", C::Placement),
    ("incentive", C::Incentive),
    ("basis", C::Basis),
    ("explored", C::Explored),
    ("propensity", C::Propensity),
    ("segment_id", C::SegmentId),
];

/// What a CRM acts on: the decision without what only an analyst reads.
pub const DEFAULT_COLUMNS: &[GenericColumn] = &[
    C::MemberId,
    C::Slot,
    C::OfferId,
    C::Kind,
    C::ItemId,
    C::Category,
    C::Score,
    C::ValueMinor,
    C::ReasonCode,
    C::TextZh,
    C::TextEn,
    C::ValidFrom,
    C::ValidUntil,
    C::Channel,
    C::Placement,
    C::Incentive,
    C::Basis,
    C::SegmentId,
];

impl GenericColumn {
    /// The column of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, column)| *column)
    }

    /// The column's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        COLUMNS.iter().find(|(_, column)| *column == self).map_or("", |(name, _)| name)
    }

    /// Names of all columns.
    pub fn names() -> impl Iterator<Item = &'static str> {
        COLUMNS.iter().map(|(name, _)| *name)
    }
}

enum Values<'a> {
    Text(&'a StringArray),
    Int(&'a Int32Array),
    Long(&'a Int64Array),
    Day(&'a Date32Array),
    Single(&'a Float32Array),
    Double(&'a Float64Array),
    Flag(&'a arrow::array::BooleanArray),
    Evidence(Evidence<'a>),
}

/// Writes decisions as CSV.
pub(super) struct DecisionCsv<'a> {
    columns: &'a [GenericColumn],
    dates: &'a DateTexts,
}

impl<'a> DecisionCsv<'a> {
    pub(super) fn new(columns: &'a [GenericColumn], dates: &'a DateTexts) -> Self {
        Self { columns, dates }
    }

    /// The header line.
    pub(super) fn header(&self, out: &mut String) {
        push_record(out, self.columns.iter().map(|c| c.name()));
    }

    /// Appends the rows of a batch of `offers.parquet` that are not held out, at most `most` of them; gives their
    /// number. `for_people`: disarmed for spreadsheets.
    pub(super) fn rows(&self, batch: &RecordBatch, most: usize, for_people: bool, out: &mut String) -> usize {
        let columns: Vec<Values<'_>> = self.columns.iter().filter_map(|c| values(batch, *c)).collect();
        let arms = batch.column_by_name("arm").map(|a| a.as_string::<i32>());
        let mut written = 0;
        let mut cell = String::new();
        for row in 0..batch.num_rows() {
            if written == most {
                break;
            }
            if arms.is_some_and(|arms| arms.value(row) != "treated") {
                continue;
            }
            written += 1;
            for (i, values) in columns.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                match values {
                    Values::Text(v) if v.is_null(row) => {}
                    Values::Text(v) if for_people => push_field_for_people(out, v.value(row)),
                    Values::Text(v) => push_field(out, v.value(row)),
                    Values::Int(v) if v.is_valid(row) => push_integer(out, i64::from(v.value(row))),
                    Values::Long(v) if v.is_valid(row) => push_integer(out, v.value(row)),
                    Values::Day(v) if v.is_valid(row) => self.dates.push(Day(v.value(row)), Language::En, out),
                    Values::Single(v) if v.is_valid(row) => push_single(out, v.value(row)),
                    Values::Double(v) if v.is_valid(row) => push_score(out, v.value(row)),
                    Values::Flag(v) if v.is_valid(row) => out.push_str(if v.value(row) { "true" } else { "false" }),
                    Values::Evidence(evidence) => {
                        cell.clear();
                        evidence.json(row, &mut cell);
                        push_field(out, &cell);
                    }
                    _ => {}
                }
            }
            out.push('\n');
        }
        written
    }
}

/// Appends a probability as its shortest decimal.
fn push_single(out: &mut String, value: f32) {
    // Writing into a String cannot fail.
    let _ = write!(out, "{value}");
}

fn values(batch: &RecordBatch, column: GenericColumn) -> Option<Values<'_>> {
    let array = batch.column_by_name(column.name())?;
    Some(match column {
        C::Slot | C::SegmentId => Values::Int(array.as_primitive::<Int32Type>()),
        C::ValueMinor => Values::Long(array.as_primitive::<Int64Type>()),
        C::ValidFrom | C::ValidUntil => Values::Day(array.as_primitive::<Date32Type>()),
        C::Probability | C::Propensity => Values::Single(array.as_primitive::<Float32Type>()),
        C::Score => Values::Double(array.as_primitive::<Float64Type>()),
        C::Explored => Values::Flag(array.as_boolean()),
        C::Evidence => Values::Evidence(Evidence(array.as_struct())),
        _ => Values::Text(array.as_string::<i32>()),
    })
}

struct Evidence<'a>(&'a StructArray);

impl Evidence<'_> {
    /// The fields that are there, as a JSON object.
    fn json(&self, row: usize, out: &mut String) {
        let mut object = serde_json::Map::new();
        for (field, array) in self.0.fields().iter().zip(self.0.columns()) {
            if array.is_null(row) {
                continue;
            }
            let value = match field.name().as_str() {
                "count" | "days" => array.as_primitive::<Int32Type>().value(row).into(),
                "amount_minor" => array.as_primitive::<Int64Type>().value(row).into(),
                "date" => Day(array.as_primitive::<Date32Type>().value(row)).to_string().into(),
                _ => array.as_string::<i32>().value(row).into(),
            };
            object.insert(field.name().clone(), value);
        }
        out.push_str(&serde_json::Value::Object(object).to_string());
    }
}
