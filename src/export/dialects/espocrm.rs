//! EspoCRM: columns are mapped by their position, a byte-order mark is not stripped, a blank clears what is there. A value
//! longer than its column is cut by bytes, inside a Chinese character if need be: declare `max_chars` and `max_bytes`.

use super::{CsvForm, Defaults, Dialect, ListStyle, Options};
use crate::export::targets::{ListForm, Target};

/// The dialect.
#[derive(Debug)]
pub struct EspoCrm;

impl Dialect for EspoCrm {
    fn name(&self) -> &'static str {
        "espocrm"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            keys: &[("id", "identity.espocrm", false)],
            options: Options { header: true, list: true, ..Options::default() },
            ..Defaults::default()
        }
    }

    fn form<'t>(&self, target: &'t Target) -> Option<CsvForm<'t>> {
        let list = if target.list == ListForm::Json { ListStyle::Json } else { ListStyle::Joined(',') };
        Some(CsvForm { header: target.header, list, flags: ("1", "0"), ..CsvForm::default() })
    }
}
