//! PostgreSQL `COPY … (FORMAT csv, HEADER match)`: an unquoted blank is NULL, `""` the empty string, a list an array
//! literal. A delta begins with the column `op`; `removed` rows are to be deleted, the others upserted.

use super::{CsvForm, Defaults, Dialect, ListStyle};
use crate::export::targets::Target;

/// The dialect.
#[derive(Debug)]
pub struct Postgres;

impl Dialect for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            decisions: true,
            keys: &[("member_id", "member_id", false)],
            secret_env: "NEXTOFFER_POSTGRES",
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, _target: &'t Target) -> Option<CsvForm<'t>> {
        Some(CsvForm { op: true, quoted_empty: true, list: ListStyle::Braces, empty_list: true, ..CsvForm::default() })
    }
}
