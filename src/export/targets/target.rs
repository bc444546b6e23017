//! A target, checked. It is written beside its files as `target.json`, so that they can be read back without the job.

use serde::{Deserialize, Serialize};

use super::{BlankMeans, Column, DeltaWhen, Limits, LineEnding, ListForm, Rows, TextFormat, TooLong};
use crate::base::digest::sha256_hex;

/// Where keys come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// The member's own id.
    MemberId,
    /// The member's id in a system, by the identities table.
    Identity(String),
}

/// One kind of identifier that rows are keyed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Name of the CRM's field.
    pub field: String,
    /// Where it comes from.
    pub from: KeySource,
    /// Whether rows with it can only make new records.
    pub create_only: bool,
}

/// A field of the CRM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What fills it.
    pub from: Column,
    /// Digits behind the point.
    pub digits: Option<u8>,
    /// Longest value in characters.
    pub max_chars: Option<u32>,
    /// Longest value in bytes.
    pub max_bytes: Option<u32>,
    /// What becomes of longer values.
    pub too_long: TooLong,
}

/// How `push` reaches the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// Base URL of the API.
    pub url: String,
    /// Environment variable with the secret.
    pub secret_env: String,
    /// File with the secret.
    pub secret_file: Option<String>,
    /// Table that rows are loaded into.
    pub table: String,
    /// Most attempts of one call.
    pub attempts: u32,
    /// First pause in milliseconds.
    pub backoff_ms: u64,
}

/// A CRM target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name: its folder under `crm/`.
    pub name: String,
    /// How its files are written: a name of [`crate::export::dialects::names`].
    pub dialect: String,
    /// Form of generic files.
    pub format: TextFormat,
    /// What a row is.
    pub rows: Rows,
    /// Keys, the preferred first.
    pub keys: Vec<Key>,
    /// Fields in the order of the file.
    pub fields: Vec<Field>,
    /// How lines end.
    pub line_ending: LineEnding,
    /// Whether the file has a header.
    pub header: bool,
    /// What a blank cell does.
    pub blank: BlankMeans,
    /// Text for "no value".
    pub empty: String,
    /// How lists of tags are written.
    pub list: ListForm,
    /// The `system` of the tag_ids table.
    pub tag_system: String,
    /// When a delta is written.
    pub delta: DeltaWhen,
    /// Rows of the preview.
    pub preview_rows: u32,
    /// The vendor's limits.
    pub limits: Limits,
    /// How `push` reaches it.
    pub push: Push,
}

impl Target {
    /// Digest of all that decides what a row looks like: where it changes, every row has changed.
    #[must_use]
    pub fn form(&self) -> String {
        let form = (
            (&self.dialect, self.format, self.rows, &self.keys, &self.fields),
            (self.line_ending, self.header, self.blank, &self.empty, self.list, &self.tag_system),
        );
        sha256_hex(serde_json::to_string(&form).unwrap_or_default().as_bytes())
    }

    /// Whether its rows are decisions.
    #[must_use]
    pub fn decisions(&self) -> bool {
        self.rows == Rows::Decisions
    }

    /// Its folder within a run.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("crm/{}", self.name)
    }

    /// Systems whose identities it needs.
    #[must_use]
    pub fn systems(&self) -> Vec<&str> {
        let keys = self.keys.iter().filter_map(|k| match &k.from {
            KeySource::Identity(system) => Some(system.as_str()),
            KeySource::MemberId => None,
        });
        let fields = self.fields.iter().filter_map(|f| match &f.from {
            Column::Identity(system) => Some(system.as_str()),
            _ => None,
        });
        keys.chain(fields).collect()
    }
}
