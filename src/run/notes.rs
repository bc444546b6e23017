//! What a night says once about its inputs and what they came to.

use std::collections::{BTreeMap, HashSet};

use super::{
    fit::{Described, Known, Scene},
    opened::Opened,
    side_tables::SideTables,
};
use crate::{
    base::{
        Findings,
        findings::{JobPath, nearest},
    },
    history::Timeline,
    input::{Contact, accounting::RowCounts, contract::Table},
    offers::Catalogue,
};

/// What contacts with unknown offers do.
const COUNTED: &str =
    "they hold no offer back, but count towards the caps on contacts of a member and the rate of acceptance in all";

/// Says what the inputs lack.
pub(super) fn inputs(
    scene: &Scene<'_>,
    opened: &Opened,
    side: &SideTables,
    rows: &BTreeMap<String, RowCounts>,
    notes: &mut Findings,
) {
    let Scene { job, histories, items, .. } = scene;
    let root = JobPath::root();
    if histories.dimensions.timeline == Timeline::Ordinal {
        let message = "the lines have an order but no time: a day in files and folders stands for a basket, 1970-01-01 for basket 0";
        notes.note("input::no_calendar", root.key("inputs").key("transactions"), message, "");
    }
    if !items.is_empty() && items.name.iter().all(String::is_empty) {
        let message = "the items have no names: sentences show their ids";
        let help = "map `name` under [inputs.items] if the data has it";
        notes.note("input::no_names", root.key("inputs"), message, help);
    }
    let unlisted = items.listed.iter().filter(|listed| !**listed).count();
    if opened.inputs.get(Table::Items).is_some() && unlisted > 0 {
        let message =
            format!("{unlisted} items on the lines are not in the items table: they count, but are never offered");
        notes.note("input::unlisted_items", root.key("inputs").key("items"), message, "");
    }
    for (table, first) in [(Table::Items, side.listed.repeated()), (Table::Members, None)] {
        let repeats = rows.get(table.name()).and_then(|r| r.dropped.get("duplicate")).copied().unwrap_or(0);
        if repeats > 0 {
            let example = first.map_or_else(String::new, |id| format!(" (`{id}` is the first)"));
            let message = format!("table {} has {repeats} rows too many for ids it already has{example}", table.name());
            let help = "of rows with one id the first by file and row counts; deliver one row an id";
            notes.warn("input::repeated_id", root.key("inputs").key(table.name()), message, help);
        }
    }
    let (categories, channels) = (&items.categories, &histories.dimensions.channels);
    job.labels().check_used(categories, channels, &root.key("labels"), notes);
    let (categories, channels) = (&items.categories, &histories.dimensions.channels);
    job.labels().check_used(categories, channels, &root.key("labels"), notes);
}

/// Says what of the job the fit could not use.
pub(super) fn fit(described: &Described, known: &Known, notes: &mut Findings) {
    let root = JobPath::root();
    for name in &known.unknown_policies {
        let at = root.key("recommend").key("repeat").key(name);
        notes.warn("recommend::unknown_category", at, format!("no item is in category `{name}`"), "correct the path");
    }
    let small: Vec<&str> = described
        .model
        .segments
        .iter()
        .filter(|s| s.members * 500 < described.features.members() as u64)
        .map(|s| s.code.as_str())
        .collect();
    if !small.is_empty() {
        let message = format!("under 0.2% of the members are in each of {}", small.join(", "));
        notes.note("segments::very_small", root.key("segments").key("k"), message, "a smaller `k` may serve better");
    }
}

/// Says once how many contacts name offers that are not in the catalogue: past campaigns, or ids written otherwise.
pub(super) fn unknown_offers(contacts: &[Contact], catalogue: &Catalogue, notes: &mut Findings) {
    let known: HashSet<&str> = catalogue.offers.iter().map(|o| o.offer.id.as_str()).collect();
    let mut unknown: BTreeMap<&str, u64> = BTreeMap::new();
    for contact in contacts.iter().filter(|c| !known.contains(c.offer_id.as_str())) {
        *unknown.entry(&contact.offer_id).or_default() += 1;
    }
    let Some((id, count)) = unknown.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))) else { return };
    let all: u64 = unknown.values().sum();
    let ids = catalogue.offers.iter().map(|o| o.offer.id.as_str());
    let help = match nearest(id, ids) {
        Some(near) => format!("did you mean `{near}`? {COUNTED}"),
        None => COUNTED.to_owned(),
    };
    let message =
        format!("{all} contacts name {} offers that are not in the catalogue, {count} of them `{id}`", unknown.len());
    notes.note("offers::contacts_of_unknown_offers", JobPath::root().key("inputs").key("contacts"), message, help);
}

/// Says once which cities of members no table knows: they have no tier.
pub(super) fn unknown_cities(unknown: &[(String, usize)], notes: &mut Findings) {
    let Some((city, members)) = unknown.first() else { return };
    let at = JobPath::root().key("inputs").key("members");
    let all: usize = unknown.iter().map(|u| u.1).sum();
    let message = format!(
        "{all} members live in {} cities without a tier, {members} of them in `{city}`: rules by city tier leave them out",
        unknown.len()
    );
    notes.note("cities::without_tier", at, message, "give their tiers under `[cities.tiers]`");
}
