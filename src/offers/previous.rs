//! What the previous run had assigned: validity stays from the first assignment.

use super::{catalogue::Catalogue, proposal::Target};
use crate::{
    base::{Day, hash::id_hash},
    history::NO_ITEM,
    input::ItemTable,
};

/// No reason that there still is.
const NO_REASON: u8 = u8::MAX;

/// An assignment of the previous run that is still valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// Hash of the member id; 0 in the generic list.
    member: u64,
    offer: u16,
    target: Target,
    from: Day,
    until: Day,
    /// Slot of the list, from 1.
    slot: u8,
    /// Index among the kind's reasons.
    reason: u8,
    /// The item that the reason names.
    about: u32,
}

/// The still valid assignments of the previous run.
#[derive(Debug, Clone, Default)]
pub struct PreviousDecisions {
    /// Sorted.
    rows: Vec<Held>,
    generic: Vec<Held>,
}

impl PreviousDecisions {
    /// Takes the rows of the previous `offers.parquet`, in any order. What names an offer, an item or a category that
    /// there no longer is, or was valid only until before `first_valid`, is left out.
    pub fn builder<'a>(catalogue: &'a Catalogue, items: &'a ItemTable, first_valid: Day) -> PreviousBuilder<'a> {
        PreviousBuilder {
            catalogue,
            items,
            first_valid,
            out: Self::default(),
            last_member: (String::new(), id_hash(b"")),
        }
    }

    /// Whether it had assigned nothing that is still valid.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.generic.is_empty()
    }

    /// The assignments of a member.
    #[must_use]
    pub fn of(&self, member_id: &str) -> &[Held] {
        if self.rows.is_empty() {
            return &[];
        }
        let hash = id_hash(member_id.as_bytes());
        let start = self.rows.partition_point(|h| h.member < hash);
        let len = self.rows[start..].iter().take_while(|h| h.member == hash).count();
        &self.rows[start..start + len]
    }

    /// The assignments of the generic list.
    #[must_use]
    pub fn generic(&self) -> &[Held] {
        &self.generic
    }
}

/// First and last day of an assignment among `held`, if it is there.
#[must_use]
pub(super) fn validity(held: &[Held], offer: u16, target: Target) -> Option<(Day, Day)> {
    held.iter().find(|h| h.offer == offer && h.target == target).map(|h| (h.from, h.until))
}

/// The slot of an assignment among `held`, from 1, if it is there.
#[must_use]
pub(super) fn slot_of(held: &[Held], offer: u16, target: Target) -> Option<u8> {
    held.iter().find(|h| h.offer == offer && h.target == target).map(|h| h.slot).filter(|slot| *slot > 0)
}

/// The reason an item was given with by the previous run, among `held`: the offer, the index of the reason and the item
/// that it names.
pub(super) fn reasons_of(held: &[Held], item: u32) -> impl Iterator<Item = (u16, u8, Option<u32>)> {
    let of_item = held.iter().filter(move |h| h.target == Target::Item(item) && h.reason != NO_REASON);
    of_item.map(|h| (h.offer, h.reason, (h.about != NO_ITEM).then_some(h.about)))
}

/// One row of a previous `offers.parquet`.
#[derive(Debug, Clone, Copy)]
pub struct PreviousRow<'a> {
    /// `member_id`.
    pub member_id: &'a str,
    /// `slot`.
    pub slot: i32,
    /// `offer_id`.
    pub offer_id: &'a str,
    /// `item_id`.
    pub item_id: Option<&'a str>,
    /// `category`.
    pub category: Option<&'a str>,
    /// `valid_from`.
    pub valid_from: Day,
    /// `valid_until`.
    pub valid_until: Day,
    /// Whether `basis` is `generic`.
    pub generic: bool,
    /// `reason_code`.
    pub reason_code: &'a str,
    /// `evidence.item_id`.
    pub about: Option<&'a str>,
}

/// Gathers [`PreviousDecisions`].
pub struct PreviousBuilder<'a> {
    catalogue: &'a Catalogue,
    items: &'a ItemTable,
    first_valid: Day,
    out: PreviousDecisions,
    last_member: (String, u64),
}

impl PreviousBuilder<'_> {
    /// Adds a row.
    pub fn push(&mut self, row: &PreviousRow<'_>) {
        if row.valid_until < self.first_valid {
            return;
        }
        let Some(offer) = self.catalogue.index_of(row.offer_id) else { return };
        let target = match (row.item_id, row.category) {
            (Some(item), _) => self.items.ids.find(item).map(|i| Target::Item(i as u32)),
            (None, Some(category)) => self.items.categories.find(category).map(|c| Target::Category(c as u32)),
            (None, None) => Some(Target::None),
        };
        let Some(target) = target else { return };
        let slot = u8::try_from(row.slot).unwrap_or_default();
        let reasons = self.catalogue.offers[usize::from(offer)].offer.kind.reasons();
        let reason = reasons.iter().position(|r| r.code == row.reason_code);
        let about = row.about.and_then(|item| self.items.ids.find(item));
        let held = Held {
            member: 0,
            offer,
            target,
            from: row.valid_from,
            until: row.valid_until,
            slot,
            reason: reason.and_then(|at| u8::try_from(at).ok()).unwrap_or(NO_REASON),
            about: about.map_or(NO_ITEM, |i| i as u32),
        };
        if row.generic {
            if !self.out.generic.contains(&held) {
                self.out.generic.push(held);
            }
            return;
        }
        // Rows come sorted by member: the hash is taken once a member.
        if self.last_member.0 != row.member_id {
            self.last_member = (row.member_id.to_owned(), id_hash(row.member_id.as_bytes()));
        }
        self.out.rows.push(Held { member: self.last_member.1, ..held });
    }

    /// Adds what another has gathered of the same run.
    pub fn merge(&mut self, other: Self) {
        self.out.rows.extend(other.out.rows);
        let new: Vec<Held> = other.out.generic.into_iter().filter(|held| !self.out.generic.contains(held)).collect();
        self.out.generic.extend(new);
    }

    /// All rows are in.
    #[must_use]
    pub fn build(mut self) -> PreviousDecisions {
        self.out.rows.sort_unstable();
        self.out.generic.sort_unstable();
        self.out
    }
}
