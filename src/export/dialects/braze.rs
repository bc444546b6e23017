//! Braze user attributes by CSV: one kind of identifier a file; a blank does not overwrite, so that the text in `empty`
//! stands for "no value" and `[]` for a list without tags.

use super::{CsvForm, Defaults, Dialect, ListStyle};
use crate::export::targets::{BlankMeans, Limits, Target};

/// The dialect.
#[derive(Debug)]
pub struct Braze;

impl Dialect for Braze {
    fn name(&self) -> &'static str {
        "braze"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            keys: &[("external_id", "identity.braze", false)],
            limits: Limits { file_bytes: Some(500_000_000), ..Limits::default() },
            blank: (BlankMeans::Ignored, false),
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, target: &'t Target) -> Option<CsvForm<'t>> {
        Some(CsvForm { null: &target.empty, list: ListStyle::Json, empty_list: true, ..CsvForm::default() })
    }
}
