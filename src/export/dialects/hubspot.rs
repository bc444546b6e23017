//! HubSpot import. What a blank does to a value that is there is not documented, so that no cell is blank: the text in
//! `empty` stands for "no value". A list that began with `;` would be appended to instead of replaced.

use super::{CsvForm, Defaults, Dialect, ListStyle};
use crate::export::targets::{BlankMeans, Limits, Target};

/// The dialect.
#[derive(Debug)]
pub struct HubSpot;

impl Dialect for HubSpot {
    fn name(&self) -> &'static str {
        "hubspot"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            keys: &[("email", "identity.email", false)],
            limits: Limits {
                file_bytes: Some(512_000_000),
                file_rows: Some(1_048_575),
                columns: Some(999),
                ..Limits::default()
            },
            blank: (BlankMeans::Ignored, false),
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, target: &'t Target) -> Option<CsvForm<'t>> {
        Some(CsvForm { null: &target.empty, list: ListStyle::Joined(';'), ..CsvForm::default() })
    }
}
