//! The `[output]` section.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    generic::{DEFAULT_COLUMNS, GenericColumn},
    targets::{RawTarget, Shared, Target, check_targets, target_named},
};
use crate::base::{Findings, findings::JobPath, findings::nearest};

/// Days that runs are kept, where the job does not say: a year and a month, so that a night can be held against the year
/// before.
const KEEP_DAYS: u32 = 400;

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
    /// CRM targets that get files under `crm/` (`["generic"]`): sections of `targets`, or dialects as they are.
    pub crm: Option<Vec<String>>,
    /// Whether `features.parquet` is written (false); the dictionary beside it always is.
    pub features: Option<bool>,
    /// Compression of the Parquet files (`zstd`).
    pub compression: Option<Compression>,
    /// Rows of `preview.csv` (200).
    pub preview_rows: Option<u32>,
    /// Columns of `crm/generic/full.csv`, of those that `offers.parquet` has; default: all that a CRM acts on.
    pub generic_columns: Option<Vec<String>>,
    /// Days that published runs are kept, counted back from the newest; `nextoffer prune` removes older ones (400).
    pub keep_days: Option<u32>,
    /// CRM targets by name: fields, keys, limits.
    #[serde(default)]
    pub targets: BTreeMap<String, RawTarget>,
}

/// What a run writes, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputSettings {
    /// CRM targets that a run writes.
    pub crm: Vec<Target>,
    /// All targets the job describes, for `export`: what a run does not write is no part of it.
    #[serde(skip)]
    sections: BTreeMap<String, RawTarget>,
    /// Days that published runs are kept. It changes no byte of a run.
    #[serde(skip)]
    pub keep_days: u32,
    /// Whether features are written.
    pub features: bool,
    /// Compression of Parquet.
    pub compression: Compression,
    /// Rows of a preview.
    pub preview_rows: u32,
    /// Columns of the generic target's decisions.
    pub generic_columns: Vec<GenericColumn>,
}

impl OutputSettings {
    /// A target by name, whether a run writes it or not: a section of the job, or a dialect as it is.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<Target> {
        let shared = Shared { generic_columns: &self.generic_columns, preview_rows: self.preview_rows };
        target_named(name, &self.sections, &shared)
    }

    /// Names of the targets that the job describes.
    #[must_use]
    pub fn target_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.sections.keys().map(String::as_str).collect();
        super::dialects::names().for_each(|name| names.push(name));
        names
    }
}

impl RawOutput {
    /// Checks the section.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> OutputSettings {
        let preview_rows = self.preview_rows.unwrap_or(200);
        if preview_rows > 1_048_575 {
            let at = at.key("preview_rows");
            findings.error("output::preview_too_long", at, "a spreadsheet holds 1,048,575 rows below the header", "");
        }
        let generic_columns = self.columns(at, findings);
        let preview_rows = preview_rows.min(1_048_575);
        let shared = Shared { generic_columns: &generic_columns, preview_rows };
        let crm = check_targets(self.crm.as_deref(), &self.targets, &shared, at, findings);
        OutputSettings {
            crm,
            sections: self.targets.clone(),
            keep_days: self.keep_days.unwrap_or(KEEP_DAYS),
            features: self.features.unwrap_or(false),
            compression: self.compression.unwrap_or_default(),
            preview_rows,
            generic_columns,
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
