//! Whether the inputs have what the offers' kinds need.

use super::Inputs;
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
    job::{Doubts, Job},
    offers::{Need, is_learned},
};

/// Reports every offer whose kind needs a column that no table has. Of a table that is named and could not be opened
/// nothing is known: it has a finding of its own. Of an offer with a key that is not known it is not known what it needs.
pub(super) fn check(job: &Job, inputs: &Inputs, doubts: &Doubts, findings: &mut Findings) {
    for offer in &job.offers().offers {
        let at = JobPath::root().key("offers").index(offer.position);
        if doubts.misspelt(&at) || doubts.hold(&at.key("service_days")) {
            continue;
        }
        for need in &offer.needs {
            let met = |(table, column): &(Table, &str)| inputs.may_have(*table, column);
            if need.iter().any(met) || is_learned(offer.kind, need, job.recommend().learn_fits) {
                continue;
            }
            findings.error(
                "offers::needs_column",
                at.key("kind"),
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
