//! Whether the inputs have what the offers' kinds need.

use super::Inputs;
use crate::{
    base::{Findings, findings::JobPath},
    job::Job,
    offers::Need,
};

/// Reports every offer whose kind needs a column that no table has.
pub(super) fn check(job: &Job, inputs: &Inputs, findings: &mut Findings) {
    for (index, offer) in job.offers().offers.iter().enumerate() {
        for need in &offer.needs {
            if need.iter().any(|(table, column)| inputs.get(*table).is_some_and(|t| t.has(column))) {
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
