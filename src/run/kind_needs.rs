//! Whether the inputs have what the offers' kinds need.

use super::Inputs;
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
    job::Job,
    offers::{Need, is_learned},
};

/// Reports every offer whose kind needs a column that no table has. Of a table that the job names and that could not be
/// opened nothing is known: it has a finding of its own.
pub(super) fn check(job: &Job, inputs: &Inputs, findings: &mut Findings) {
    for (index, offer) in job.offers().offers.iter().enumerate() {
        for need in &offer.needs {
            let named = |table| job.inputs().tables().any(|(t, _)| t == table);
            let met = |(table, column): &(Table, &str)| match inputs.get(*table) {
                Some(opened) => opened.has(column),
                None => named(*table),
            };
            if need.iter().any(met) || is_learned(offer.kind, need, job.recommend().learn_fits) {
                continue;
            }
            findings.error(
                "offers::needs_column",
                JobPath::root().key("offers").index(index).key("kind"),
                format!("`{}` is of kind `{}`, which needs {}", offer.id, offer.kind.code(), words(need)),
                "map it under `[inputs]`, or take the offer out",
            );
        }
    }
}

/// The columns in words.
fn words(need: Need) -> String {
    let each: Vec<String> = need.iter().map(|(table, column)| format!("`{}.{column}`", table.name())).collect();
    each.join(" or ")
}
