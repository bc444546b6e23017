//! How each CRM wants its files: one pure file a dialect, from rows to text. Nothing here touches a file.

mod braze;
mod csv_form;
mod espocrm;
mod generic;
mod hubspot;
mod mautic;
mod odoo;
mod postgres;
mod salesforce;
mod tryton;
mod wecom;

use std::collections::BTreeMap;

pub(super) use csv_form::removed;
pub use csv_form::{CsvForm, ListStyle};

use super::{
    cell::Cell,
    targets::{BlankMeans, DeltaWhen, Key, Limits, Rows, Target, TextFormat},
    validate::{Checked, Problems, csv_rows},
};

/// Ids of tags in one target, by tag.
pub type TagIds = BTreeMap<String, String>;

/// The files of one kind of key of a target.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The target.
    pub target: &'a Target,
    /// The kind of key.
    pub key: &'a Key,
    /// Ids of tags in the target.
    pub tag_ids: &'a TagIds,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Every row of the target.
    Full,
    /// What to import before the delta: it empties what the delta then sets.
    Clear,
    /// What changed since the acknowledged run.
    Delta,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// It was not there.
    Added,
    /// It was there with other values.
    Changed,
    /// It is there no more.
    Removed,
}

impl Op {
    /// The word in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// A row of a target.
#[derive(Debug)]
pub struct Row<'a, 'c> {
    /// The CRM's key.
    pub key: &'a str,
    /// WeCom: the employee whose customer it is.
    pub employee: &'a str,
    /// Slot of a decision.
    pub slot: Option<i32>,
    /// Values of the target's fields, fitted.
    pub cells: &'c [Cell<'a>],
}

/// A row as a delta sees it.
#[derive(Debug)]
pub struct Change<'a> {
    /// What became of it.
    pub op: Op,
    /// The CRM's key.
    pub key: &'a str,
    /// WeCom: the employee.
    pub employee: &'a str,
    /// Slot of a decision.
    pub slot: Option<i32>,
    /// The row as the full snapshot has it, with its line end; empty if it was removed.
    pub line: &'a str,
    /// What [`Dialect::carry`] gave for the row of the acknowledged run.
    pub old: Option<&'a str>,
    /// What it gives now.
    pub new: Option<&'a str>,
}

/// Lines of a delta.
#[derive(Debug, Default)]
pub struct DeltaText {
    /// Lines of the [`Role::Clear`] file.
    pub clear: String,
    /// Lines of the [`Role::Delta`] file.
    pub delta: String,
}

/// What holds where the job says nothing.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// What a row is.
    pub rows: Rows,
    /// Whether rows may be decisions.
    pub decisions: bool,
    /// Keys: field, source as the job would write it, create-only.
    pub keys: &'static [(&'static str, &'static str, bool)],
    /// Fields and columns.
    pub fields: &'static [(&'static str, &'static str)],
    /// The vendor's limits.
    pub limits: Limits,
    /// What a blank does, and whether the job may say otherwise.
    pub blank: (BlankMeans, bool),
    /// Whether `line_ending`, `header` and `list` may be set.
    pub options: Options,
    /// When a delta is written.
    pub delta: DeltaWhen,
    /// Base URL of the API.
    pub url: &'static str,
    /// Environment variable with the secret; empty if `push` cannot reach it.
    pub secret_env: &'static str,
}

/// Options that only some dialects have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// `line_ending`.
    pub line_ending: bool,
    /// `header`.
    pub header: bool,
    /// `list`.
    pub list: bool,
}

/// The plain columns of a member, under names that most CRMs take. Sentences are not among them: they repeat counts and
/// dates, so that they change where nothing else does.
pub const MEMBER_FIELDS: &[(&str, &str)] = &[
    ("segment_code", "segment_code"),
    ("lifecycle", "lifecycle"),
    ("value_band", "value_band"),
    ("tags", "tags"),
    ("next_offer", "offer_1.offer_id"),
    ("next_offer_until", "offer_1.valid_until"),
];

impl Default for Defaults {
    fn default() -> Self {
        Self {
            rows: Rows::Members,
            decisions: false,
            keys: &[],
            fields: MEMBER_FIELDS,
            limits: Limits::default(),
            blank: (BlankMeans::Clears, false),
            options: Options::default(),
            delta: DeltaWhen::Always,
            url: "",
            secret_env: "",
        }
    }
}

/// A dialect: pure functions from rows to text, and a strict reader of what it writes.
pub trait Dialect: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What holds where the job says nothing.
    fn defaults(&self) -> Defaults;

    /// How its CSV looks; `None` if it is no CSV.
    fn form<'t>(&self, target: &'t Target) -> Option<CsvForm<'t>>;

    /// Extension of its files.
    fn extension(&self, target: &Target) -> &'static str {
        match target.format {
            TextFormat::Csv => "csv",
            TextFormat::Jsonl => "jsonl",
            TextFormat::Parquet => "parquet",
        }
    }

    /// What stands before the first row.
    fn header(&self, sheet: &Sheet<'_>, role: Role) -> String {
        let mut out = String::new();
        if let Some(form) = self.form(sheet.target) {
            form.header(sheet, role, &mut out);
        }
        out
    }

    /// Appends a row of a full snapshot; nothing where the target has no row for such a member.
    fn row(&self, sheet: &Sheet<'_>, row: &Row<'_, '_>, out: &mut String) {
        if let Some(form) = self.form(sheet.target) {
            form.row(sheet, row, out);
        }
    }

    /// What a later delta must know of a row besides its key; `None` if nothing.
    fn carry(&self, _sheet: &Sheet<'_>, _row: &Row<'_, '_>) -> Option<String> {
        None
    }

    /// Appends what tells the target of a change.
    fn delta(&self, sheet: &Sheet<'_>, change: &Change<'_>, out: &mut DeltaText) {
        if let Some(form) = self.form(sheet.target) {
            form.change(sheet, change, &mut out.delta);
        }
    }

    /// Reads a file as strictly as the target would, with a parser of its own; what is wrong becomes a problem.
    fn validate(&self, sheet: &Sheet<'_>, role: Role, bytes: &[u8], problems: &mut Problems) -> Checked {
        match self.form(sheet.target) {
            Some(form) => csv_rows(&form, sheet, role, bytes, problems),
            None => Checked::default(),
        }
    }
}

/// Every dialect.
pub const DIALECTS: &[&dyn Dialect] = &[
    &salesforce::Salesforce,
    &hubspot::HubSpot,
    &braze::Braze,
    &wecom::WeCom,
    &odoo::Odoo,
    &mautic::Mautic,
    &espocrm::EspoCrm,
    &tryton::Tryton,
    &postgres::Postgres,
    &generic::Generic,
];

/// The dialect of that name.
#[must_use]
pub fn dialect(name: &str) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|d| d.name() == name)
}

/// The dialect a checked target is in.
#[must_use]
pub fn of(target: &Target) -> &'static dyn Dialect {
    // A target is only made with a dialect that is known; a `target.json` that was tampered with falls to the plainest.
    dialect(&target.dialect).unwrap_or(&generic::Generic)
}

/// Names of all dialects.
pub fn names() -> impl Iterator<Item = &'static str> {
    DIALECTS.iter().map(|d| d.name())
}
