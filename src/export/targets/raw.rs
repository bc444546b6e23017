//! A target as the job has it.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};

use super::limits::RawLimits;

/// What a row of a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// A member.
    Members,
    /// A slot of a member's list.
    Decisions,
}

/// Form of the `generic` target's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextFormat {
    /// CSV with LF.
    #[default]
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Parquet.
    Parquet,
}

/// How lines end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineEnding {
    /// Line feed.
    #[default]
    Lf,
    /// Carriage return and line feed.
    Crlf,
}

/// What a blank cell does to a value that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlankMeans {
    /// It clears the value.
    Clears,
    /// Nothing: a value goes only if another takes its place.
    Ignored,
}

/// How a list of tags is written, where the target takes several forms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListForm {
    /// Codes between separators.
    #[default]
    Separated,
    /// A JSON array.
    Json,
}

/// When a delta is written beside the full snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeltaWhen {
    /// Once the target acknowledged a run; until then it loads the full snapshot.
    Acknowledged,
    /// Always: before the first acknowledgement everything is added.
    Always,
    /// Never.
    Never,
}

/// What becomes of a value that is longer than its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TooLong {
    /// It is cut between two characters.
    Cut,
    /// The row is left out and counted.
    LeaveOut,
}

/// What fills a field.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RawField {
    /// A column.
    Column(String),
    /// A column and how it is fitted into the field.
    Fitted(RawFitted),
}

/// A column and how it is fitted into the field.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFitted {
    /// The column.
    pub from: String,
    /// Digits behind the point that a number is rounded to: finer changes are none for the delta.
    pub digits: Option<u8>,
    /// Longest value in characters.
    pub max_chars: Option<u32>,
    /// Longest value in bytes of UTF-8.
    pub max_bytes: Option<u32>,
    /// What becomes of longer values: `cut` (the default of sentences and names) or `leave_out` (of all else).
    pub too_long: Option<TooLong>,
}

/// Fields in the order the job has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawFields(pub Vec<(String, RawField)>);

impl<'de> Deserialize<'de> for RawFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = RawFields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of CRM field = our column")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(RawFields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl JsonSchema for RawFields {
    fn schema_name() -> Cow<'static, str> {
        "RawFields".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, RawField>::json_schema(generator)
    }
}

/// What a target's rows are keyed by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawKey {
    /// Name of the CRM's key field.
    pub field: String,
    /// `member_id`, or `identity.<system>`: the external id that the identities table has for the member.
    pub from: String,
    /// The CRM makes a new record of each such row and cannot find it again by this key.
    pub create_only: Option<bool>,
}

/// How `nextoffer push` reaches the target. Secrets are never here: it names where they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPush {
    /// Base URL of the API (WeCom).
    pub url: Option<String>,
    /// Environment variable with the secret: a WeCom access token, or a PostgreSQL connection string.
    pub secret_env: Option<String>,
    /// File with the secret; goes before the variable.
    pub secret_file: Option<String>,
    /// Table that rows are loaded into (PostgreSQL), with its schema if need be.
    pub table: Option<String>,
    /// Most attempts of one call.
    pub attempts: Option<u32>,
    /// Pause before the second attempt in milliseconds; it doubles from attempt to attempt, up to a minute.
    pub backoff_ms: Option<u64>,
}

/// A CRM target.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTarget {
    /// How its files are written: `salesforce`, `hubspot`, `braze`, `wecom`, `odoo`, `mautic`, `espocrm`, `tryton`,
    /// `postgres` or `generic`; left out, the target's name.
    pub dialect: Option<String>,
    /// Form of `generic` files: `csv`, `jsonl` or `parquet`.
    pub format: Option<TextFormat>,
    /// What a row is: `members`, or `decisions` (`generic` and `postgres`).
    pub rows: Option<Rows>,
    /// Keys in the order in which a member's first is taken; one file for each. Left out, the dialect's own.
    pub keys: Option<Vec<RawKey>>,
    /// The CRM's fields, in the order of the file, and the columns that fill them. Left out, the dialect's own.
    pub fields: Option<RawFields>,
    /// How lines end.
    pub line_ending: Option<LineEnding>,
    /// Whether the file begins with the names of its fields (`espocrm`, which maps by position).
    pub header: Option<bool>,
    /// What a blank cell does in this CRM, where it is an option of the import (`mautic`).
    pub blank: Option<BlankMeans>,
    /// Text for "no value", where a blank is ignored.
    pub empty: Option<String>,
    /// How lists of tags are written (`espocrm`).
    pub list: Option<ListForm>,
    /// The `system` of the tag_ids table; left out, the target's name.
    pub tag_system: Option<String>,
    /// When a delta is written.
    pub delta: Option<DeltaWhen>,
    /// Rows of `preview.csv`; left out, `output.preview_rows`.
    pub preview_rows: Option<u32>,
    /// The vendor's limits.
    #[serde(default)]
    pub limits: RawLimits,
    /// How `nextoffer push` reaches it.
    #[serde(default)]
    pub push: RawPush,
}
