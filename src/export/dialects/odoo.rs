//! Odoo: the column `id` is the external id; a blank clears; tags are joined with commas and no spaces.

use super::{CsvForm, Defaults, Dialect, ListStyle};
use crate::export::targets::{Limits, Target};

/// The dialect.
#[derive(Debug)]
pub struct Odoo;

impl Dialect for Odoo {
    fn name(&self) -> &'static str {
        "odoo"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            keys: &[("id", "identity.odoo", false)],
            limits: Limits { file_rows: Some(20_000), ..Limits::default() },
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, _target: &'t Target) -> Option<CsvForm<'t>> {
        Some(CsvForm { list: ListStyle::Joined(','), flags: ("True", "False"), ..CsvForm::default() })
    }
}
