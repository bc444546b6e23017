//! Mautic: tags joined with `|`, truth values 1 and 0, days as `YYYY-MM-DD hh:mm:ss`. Whether a blank overwrites is an
//! option of the import, which the job must repeat in `blank`.

use super::{CsvForm, Defaults, Dialect, ListStyle};
use crate::export::targets::{BlankMeans, Limits, Target};

/// The dialect.
#[derive(Debug)]
pub struct Mautic;

impl Dialect for Mautic {
    fn name(&self) -> &'static str {
        "mautic"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            keys: &[("email", "identity.email", false)],
            limits: Limits { file_rows: Some(5_000), ..Limits::default() },
            blank: (BlankMeans::Clears, true),
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, target: &'t Target) -> Option<CsvForm<'t>> {
        Some(CsvForm {
            null: if target.blank == BlankMeans::Ignored { &target.empty } else { "" },
            list: ListStyle::Joined('|'),
            flags: ("1", "0"),
            midnight: true,
            ..CsvForm::default()
        })
    }
}
