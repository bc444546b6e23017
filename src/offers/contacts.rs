//! What members were sent and what they refused: it keeps an offer away for a while.

use super::catalogue::Catalogue;
use crate::base::{Day, hash::id_hash};

/// Contacts of a member with one offer, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contacted {
    /// Hash of the member id.
    member: u64,
    offer: u16,
    /// When it was last sent.
    sent: Day,
    /// When it was last refused.
    refused: Option<Day>,
}

/// All contacts up to the as-of day.
#[derive(Debug, Clone, Default)]
pub struct ContactLog {
    /// Sorted.
    rows: Vec<Contacted>,
}

impl ContactLog {
    /// Sums up contacts, given in any order as (member id, offer id, day sent, day refused). Contacts and refusals
    /// after the as-of day, and offers that are not in the catalogue, are left out.
    #[must_use]
    pub fn new<'r>(
        rows: impl IntoIterator<Item = (&'r str, &'r str, Day, Option<Day>)>,
        catalogue: &Catalogue,
    ) -> Self {
        let seen = |day: &Day| *day <= catalogue.as_of;
        let mut all: Vec<Contacted> = rows
            .into_iter()
            .filter(|(_, _, sent, _)| seen(sent))
            .filter_map(|(member, offer, sent, refused)| {
                let offer = catalogue.index_of(offer)?;
                Some(Contacted { member: id_hash(member.as_bytes()), offer, sent, refused: refused.filter(seen) })
            })
            .collect();
        all.sort_unstable();
        all.dedup_by(|later, kept| {
            let same = (later.member, later.offer) == (kept.member, kept.offer);
            if same {
                kept.sent = kept.sent.max(later.sent);
                kept.refused = kept.refused.max(later.refused);
            }
            same
        });
        Self { rows: all }
    }

    /// The contacts of a member.
    #[must_use]
    pub fn of(&self, member_id: &str) -> &[Contacted] {
        if self.rows.is_empty() {
            return &[];
        }
        let hash = id_hash(member_id.as_bytes());
        let start = self.rows.partition_point(|c| c.member < hash);
        let len = self.rows[start..].iter().take_while(|c| c.member == hash).count();
        &self.rows[start..start + len]
    }
}

/// Whether an offer rests for this member: it was sent within its cooldown, or refused lately.
#[must_use]
pub(super) fn rests(contacts: &[Contacted], offer: u16, catalogue: &Catalogue) -> bool {
    let today = catalogue.first_valid();
    let within = |day: Day, days: u32| i64::from(today.since(day)) <= i64::from(days) && days > 0;
    contacts.iter().any(|c| {
        c.offer == offer
            && (within(c.sent, catalogue.offers[usize::from(offer)].offer.cooldown_days)
                || c.refused.is_some_and(|day| within(day, catalogue.decision.refused_days)))
    })
}
