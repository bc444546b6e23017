//! The `[output]` section.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::generic::{DEFAULT_COLUMNS, GenericColumn};
use crate::base::{Findings, findings::JobPath, findings::nearest};

/// How Parquet pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy.
    Snappy,
    /// Zstandard, level 1.
    #[default]
    Zstd,
}

/// What a run writes, as the job has it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOutput {
    /// CRM targets that get files under `crm/` (`["generic"]`).
    pub crm: Option<Vec<String>>,
    /// Whether `features.parquet` is written (false); the dictionary beside it always is.
    pub features: Option<bool>,
    /// Compression of the Parquet files (`zstd`).
    pub compression: Option<Compression>,
    /// Rows of `preview.csv` (200).
    pub preview_rows: Option<u32>,
    /// Columns of `crm/generic/full.csv`, of those that `offers.parquet` has; default: all that a CRM acts on.
    pub generic_columns: Option<Vec<String>>,
}

/// The CRM targets there are.
pub const TARGETS: &[&str] = &["generic"];

/// What a run writes, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputSettings {
    /// CRM targets.
    pub crm: Vec<&'static str>,
    /// Whether features are written.
    pub features: bool,
    /// Compression of Parquet.
    pub compression: Compression,
    /// Rows of a preview.
    pub preview_rows: u32,
    /// Columns of the generic target's decisions.
    pub generic_columns: Vec<GenericColumn>,
}

impl RawOutput {
    /// Checks the section.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> OutputSettings {
        let mut crm = Vec::new();
        for (i, name) in self.crm.iter().flatten().enumerate() {
            match TARGETS.iter().find(|t| *t == name) {
                Some(target) if crm.contains(target) => {
                    let at = at.key("crm").index(i);
                    findings.error("output::target_twice", at, format!("target `{name}` is named twice"), "");
                }
                Some(target) => crm.push(*target),
                None => {
                    let help = nearest(name, TARGETS.iter().copied())
                        .map_or_else(|| format!("targets: {}", TARGETS.join(", ")), |n| format!("did you mean `{n}`?"));
                    let at = at.key("crm").index(i);
                    findings.error("output::unknown_target", at, format!("there is no CRM target `{name}`"), help);
                }
            }
        }
        if self.crm.is_none() {
            crm.push("generic");
        }
        let preview_rows = self.preview_rows.unwrap_or(200);
        if preview_rows > 1_048_575 {
            let at = at.key("preview_rows");
            findings.error("output::preview_too_long", at, "a spreadsheet holds 1,048,575 rows below the header", "");
        }
        OutputSettings {
            crm,
            features: self.features.unwrap_or(false),
            compression: self.compression.unwrap_or_default(),
            preview_rows: preview_rows.min(1_048_575),
            generic_columns: self.columns(at, findings),
        }
    }

    fn columns(&self, at: &JobPath, findings: &mut Findings) -> Vec<GenericColumn> {
        let Some(names) = &self.generic_columns else { return DEFAULT_COLUMNS.to_vec() };
        let mut columns = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let at = at.key("generic_columns").index(i);
            match GenericColumn::named(name) {
                Some(column) if columns.contains(&column) => {
                    findings.error("output::column_twice", at, format!("column `{name}` is named twice"), "");
                }
                Some(column) => columns.push(column),
                None => {
                    let help = nearest(name, GenericColumn::names()).map(|n| format!("did you mean `{n}`?"));
                    let message = format!("a decision has no column `{name}`");
                    findings.error("output::unknown_column", at, message, help.unwrap_or_default());
                }
            }
        }
        for key in [GenericColumn::MemberId, GenericColumn::Slot] {
            if !columns.contains(&key) {
                findings.error(
                    "output::key_column_missing",
                    at.key("generic_columns"),
                    format!("`{}` is part of the key of a decision", key.name()),
                    "add it",
                );
            }
        }
        columns
    }
}
