//! Consent, looked at once more right before publishing: who withdrew while the run was at work is not in it.

use std::collections::HashSet;

use super::{
    RunError, closing::Closing, decide::Decided, fit::Described, inputs::digest_of, side_tables::side_context,
};
use crate::{
    base::{Day, Findings, IdTable, findings::JobPath},
    history::Standing,
    input::{ConsentLedger, TableInput, Zone, contract::Table, read_forgotten},
    offers::Decisions,
};

/// Members of the run who may not be in it any more, by the newest state of the consent table and the forget list; none
/// where neither has changed since it was read. `digests` are those of the tables as the run read them.
pub(super) fn withdrawn(closing: &Closing<'_>, as_of: Day) -> Result<HashSet<String>, RunError> {
    let Closing { scene, opened, side, members, identity, .. } = closing;
    let (job, opted_out) = (scene.job, &scene.histories.opted_out);
    let (mut consent, mut forgotten) = (None, None);
    for (table, source) in job.inputs().tables() {
        if !matches!(table, Table::Consent | Table::Forgotten) {
            continue;
        }
        let at = JobPath::root().key("inputs").key(table.name());
        let mut findings = Findings::new();
        let Some(input) = TableInput::open(&opened.engine, table, source, job.folder(), &at, &mut findings) else {
            return Err(RunError::ConsentGone { table: table.name() });
        };
        let now = digest_of(&input, &opened.places)?;
        if identity.inputs.iter().any(|d| d.table == now.table && d.sha256 == now.sha256) {
            continue;
        }
        let context = side_context(job, &opened.engine, Zone::new(job.timezone()));
        match table {
            Table::Consent => consent = Some(ConsentLedger::read(&input, &context)?.0),
            _ => forgotten = Some(read_forgotten(&input, &context)?.0),
        }
    }
    if consent.is_none() && forgotten.is_none() {
        return Ok(HashSet::new());
    }
    // Where only one of the two changed, the other holds as it was read; the lists are asked first, so that nobody who was
    // let in is let out by a table that did not change.
    let standing = |member: &str| {
        if forgotten.as_ref().is_some_and(|f: &HashSet<String>| f.contains(member)) {
            return false;
        }
        let standing = match &consent {
            Some(consent) => side.standing_by(consent, job, member, as_of),
            None => side.standing(job, member, as_of),
        };
        matches!(standing, Standing::Personalised)
    };
    let may_be_generic = |member: &str| {
        !forgotten.as_ref().is_some_and(|f| f.contains(member))
            && consent.as_ref().is_none_or(|consent| {
                matches!(side.standing_by(consent, job, member, as_of), Standing::Personalised | Standing::OptedOut)
            })
    };
    let personalised = members.iter().flat_map(IdTable::iter).filter(|id| !standing(id));
    let generic = opted_out.iter().filter(|id| !may_be_generic(id));
    Ok(personalised.chain(generic).map(str::to_owned).collect())
}

/// Takes members out of what is about to be written: their lists, what is said of them, and their names in the ledger,
/// where their seats stay empty.
pub(super) fn withdraw(
    withdrawn: &HashSet<String>,
    members: &[IdTable],
    described: &mut Described,
    decided: &mut Decided,
) {
    for (index, ids) in members.iter().enumerate() {
        let gone: HashSet<usize> =
            ids.iter().enumerate().filter(|(_, id)| withdrawn.contains(*id)).map(|(at, _)| at).collect();
        if gone.is_empty() {
            continue;
        }
        let lists = &decided.decisions[index];
        let mut kept = Decisions::new(lists.as_of);
        kept.reserve(lists.members(), lists.all().len().div_ceil(lists.members().max(1)));
        for member in 0..lists.members() {
            if gone.contains(&member) { kept.end_list() } else { kept.push_from(lists, member) }
        }
        kept.shrink();
        decided.decisions[index] = kept;
        let first = described.features.offset(index);
        for member in gone {
            described.forget_days(first + member);
        }
    }
    decided.uplift.withdraw(members, withdrawn);
    if let Some(ledger) = &mut decided.ledger {
        ledger.empty_seats(|member| withdrawn.contains(member));
    }
}
