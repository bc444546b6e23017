//! The columns of a decision, as `offers.parquet` and the CRM targets have them.

use arrow::{
    array::{Array, AsArray, StructArray},
    datatypes::{Date32Type, Int32Type, Int64Type},
};

use super::targets::FieldType;
use crate::base::Day;

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

/// What a CRM acts on: the decision without what only an analyst reads. The score is such: it moves every night, and with
/// it every row would count as changed.
pub const DEFAULT_COLUMNS: &[GenericColumn] = &[
    C::MemberId,
    C::Slot,
    C::OfferId,
    C::Kind,
    C::ItemId,
    C::Category,
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

    /// What the column holds.
    #[must_use]
    pub fn kind(self) -> FieldType {
        match self {
            C::Slot | C::ValueMinor | C::SegmentId => FieldType::Integer,
            C::Score | C::Probability | C::Propensity => FieldType::Decimal,
            C::ValidFrom | C::ValidUntil => FieldType::Day,
            C::Explored => FieldType::Flag,
            _ => FieldType::Text,
        }
    }

    /// Names of all columns.
    pub fn names() -> impl Iterator<Item = &'static str> {
        COLUMNS.iter().map(|(name, _)| *name)
    }
}

/// The evidence of decisions.
pub(super) struct Evidence<'a>(pub(super) &'a StructArray);

impl Evidence<'_> {
    /// The fields that are there, as a JSON object.
    pub(super) fn json(&self, row: usize, out: &mut String) {
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
