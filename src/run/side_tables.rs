//! The tables beside the purchase lines.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;

use super::{
    RunError,
    crm::{self, CrmTables},
    opened::Opened,
};
use crate::{
    base::Day,
    engine::Engine,
    history::{Exclusion, Histories, Standing},
    input::{
        CaughtRows, ConsentLedger, Contact, ListedItems, MemberTable, Permission, QuarantinedRow, Zone,
        accounting::{LostRow, RowCounts},
        contract::Table,
        raw_rows, read_activities, read_compatibility, read_contacts, read_forgotten, read_members,
        read_suppressed_tags, read_tag_ids,
        side_rows::SideContext,
    },
    job::Job,
    offers::ContactRow,
    store::Tombstones,
};

/// What reading a table beside the lines needs to know.
pub(super) fn side_context<'a>(job: &'a Job, engine: &'a Engine, zone: Zone) -> SideContext<'a> {
    SideContext { engine, cleaning: job.cleaning(), zone, currency_digits: job.currency().exponent() }
}

/// Which tables are read one after the other, because they fill the same parts or are small; the groups are read side by
/// side.
const GROUPS: [&[Table]; 5] = [
    &[Table::Items],
    &[Table::Members, Table::Activities, Table::SuppressedTags],
    &[Table::Consent, Table::Forgotten],
    &[Table::Contacts, Table::Compatibility],
    &[Table::Identities, Table::TagIds],
];

/// The tables beside the purchase lines.
#[derive(Default)]
pub(super) struct SideTables {
    pub(super) crm: CrmTables,
    pub(super) listed: ListedItems,
    pub(super) members: MemberTable,
    consent: ConsentLedger,
    forgotten: HashSet<String>,
    /// Members whom a deletion took out of earlier runs.
    tombstones: Tombstones,
    pub(super) compatibility: Vec<(String, String)>,
    pub(super) contacts: Vec<Contact>,
    rows: BTreeMap<String, RowCounts>,
    lost: Vec<(Table, Vec<LostRow>)>,
}

impl SideTables {
    pub(super) fn read(job: &Job, opened: &Opened, zone: Zone, tombstones: Tombstones) -> Result<Self, RunError> {
        let context = side_context(job, &opened.engine, zone);
        let read = |group: &&[Table]| Self::read_group(job, opened, &context, group);
        let parts: Vec<Result<Self, RunError>> = GROUPS.par_iter().with_max_len(1).map(read).collect();
        let mut side = Self { tombstones, ..Self::default() };
        for (group, part) in parts.into_iter().enumerate() {
            let part = part?;
            match group {
                0 => side.listed = part.listed,
                1 => side.members = part.members,
                2 => (side.consent, side.forgotten) = (part.consent, part.forgotten),
                3 => (side.contacts, side.compatibility) = (part.contacts, part.compatibility),
                _ => side.crm = part.crm,
            }
            side.rows.extend(part.rows);
            side.lost.extend(part.lost);
        }
        Ok(side)
    }

    fn read_group(job: &Job, opened: &Opened, context: &SideContext<'_>, group: &[Table]) -> Result<Self, RunError> {
        let systems = crm::systems(&job.output().crm);
        let mut side = Self::default();
        for input in opened.inputs.iter().filter(|input| group.contains(&input.table)) {
            let (counts, lost) = match input.table {
                Table::Items => keep(&mut side.listed, ListedItems::read(input, context)?),
                Table::Members => keep(&mut (), read_members(input, context, &mut side.members)?),
                Table::Consent => keep(&mut side.consent, ConsentLedger::read(input, context)?),
                Table::Contacts => keep(&mut side.contacts, read_contacts(input, context)?),
                Table::Compatibility => keep(&mut side.compatibility, read_compatibility(input, context)?),
                Table::Activities => keep(&mut (), read_activities(input, context, &mut side.members)?),
                Table::SuppressedTags => keep(&mut (), read_suppressed_tags(input, context, &mut side.members)?),
                Table::Forgotten => keep(&mut side.forgotten, read_forgotten(input, context)?),
                // The lines are folded; keys of other systems are only for the targets that need them.
                Table::Identities if !systems.is_empty() => side.crm.read_identities(input, &systems, context)?,
                Table::TagIds if crm::takes_tag_ids(&job.output().crm) => {
                    keep(&mut side.crm.tag_ids, read_tag_ids(input, context)?)
                }
                Table::Transactions | Table::Identities | Table::TagIds => continue,
            };
            side.rows.insert(input.table.name().to_owned(), counts);
            side.lost.push((input.table, lost));
        }
        Ok(side)
    }

    /// The rows of every table, the lines' included.
    ///
    /// # Errors
    /// If a table's rows do not add up, which is a fault of this program.
    pub(super) fn balanced(&self, histories: &Histories) -> Result<BTreeMap<String, RowCounts>, RunError> {
        let mut rows = self.rows.clone();
        rows.insert(Table::Transactions.name().to_owned(), histories.rows.clone());
        for (table, counts) in &rows {
            if !counts.balanced() {
                let known = Table::ALL.iter().map(|t| t.name()).find(|name| name == table);
                return Err(RunError::Unbalanced { table: known.unwrap_or("transactions") });
            }
        }
        Ok(rows)
    }

    /// Whether the member is on a list of those to forget.
    fn is_forgotten(&self, member: &str) -> bool {
        self.forgotten.contains(member) || self.tombstones.contains(member)
    }

    /// Whether a table beside the lines has a row of the member.
    pub(super) fn lists(&self, member: &str) -> bool {
        self.members.contains(member) || self.consent.contains(member) || self.forgotten.contains(member)
    }

    /// Whether a member's data may be used, and for what.
    pub(super) fn standing(&self, job: &Job, member: &str, as_of: Day) -> Standing {
        self.standing_by(&self.consent, job, member, as_of)
    }

    /// The same by another state of consent.
    pub(super) fn standing_by(&self, consent: &ConsentLedger, job: &Job, member: &str, as_of: Day) -> Standing {
        if self.is_forgotten(member) {
            return Standing::Excluded(Exclusion::Forgotten);
        }
        let birth = self.members.get(member).birth_date;
        match consent.permission(member, birth, as_of, job.consent()) {
            Permission::Full => Standing::Personalised,
            Permission::OptedOut => Standing::OptedOut,
            Permission::NoLawfulBasis => Standing::Excluded(Exclusion::NoLawfulBasis),
            Permission::Withdrawn => Standing::Excluded(Exclusion::Withdrawn),
            Permission::Minor => Standing::Excluded(Exclusion::Minor),
        }
    }

    /// The contacts.
    pub(super) fn contact_rows(&self) -> impl Iterator<Item = ContactRow<'_>> {
        self.contacts.iter().map(|c| ContactRow {
            member_id: &c.member_id,
            offer_id: &c.offer_id,
            sent: c.sent,
            accepted: c.accepted,
            refused: c.refused,
            released: c.released,
        })
    }
}

fn keep<T>(into: &mut T, (value, counts, lost): (T, RowCounts, Vec<LostRow>)) -> (RowCounts, Vec<LostRow>) {
    *into = value;
    (counts, lost)
}

/// Every quarantined row with its raw values, by table, file and row.
pub(super) fn quarantine(
    opened: &Opened,
    side: &SideTables,
    histories: &Histories,
) -> Result<Vec<QuarantinedRow>, RunError> {
    let mut all = Vec::new();
    let none = CaughtRows::default();
    let lines = (Table::Transactions, &histories.lost, &histories.caught);
    for (table, lost, caught) in side.lost.iter().map(|(t, l)| (*t, l, &none)).chain([lines]) {
        if let Some(input) = opened.inputs.get(table) {
            all.extend(raw_rows(&opened.engine, input, lost, caught)?);
        }
    }
    if !(side.forgotten.is_empty() && side.tombstones.is_empty()) {
        for row in &mut all {
            if row.values.iter().any(|(_, value)| side.is_forgotten(value.as_deref().unwrap_or_default().trim())) {
                row.values.clear();
            }
        }
    }
    all.sort_by(|a, b| (a.table, &a.file, a.row).cmp(&(b.table, &b.file, b.row)));
    Ok(all)
}
