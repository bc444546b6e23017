//! What members were sent and what came of it: it keeps an offer away for a while.

use super::{catalogue::Catalogue, trace::Refusal};
use crate::base::{Day, hash::id_hash};

/// An offer that is not in the catalogue.
const GONE: u16 = u16::MAX;

/// One contact with a member, as the shop reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactRow<'a> {
    /// The member.
    pub member_id: &'a str,
    /// The offer.
    pub offer_id: &'a str,
    /// When it was sent.
    pub sent: Day,
    /// When it was accepted.
    pub accepted: Option<Day>,
    /// When it was refused.
    pub refused: Option<Day>,
    /// When what it assigned was given back.
    pub released: Option<Day>,
}

impl<'a> ContactRow<'a> {
    /// A contact without an outcome.
    #[must_use]
    pub fn sent(member_id: &'a str, offer_id: &'a str, sent: Day) -> Self {
        Self { member_id, offer_id, sent, accepted: None, refused: None, released: None }
    }
}

/// What came of a contact, as far as it can be seen on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Response {
    /// It was accepted on that day.
    Accepted(Day),
    /// It was refused on that day.
    Refused(Day),
    /// Nothing came of it by the end of the response days. That is no refusal.
    Unanswered,
    /// The response days are not over.
    Unknown,
}

/// A contact of a member with one offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contacted {
    /// Hash of the member id.
    pub(super) member: u64,
    pub(super) offer: u16,
    pub(super) sent: Day,
    accepted: Option<Day>,
    pub(super) refused: Option<Day>,
    pub(super) released: Option<Day>,
}

impl Contacted {
    /// Index of the offer in the catalogue; `None` if it is not there any more.
    #[must_use]
    pub fn offer(&self) -> Option<u16> {
        (self.offer != GONE).then_some(self.offer)
    }

    /// When it was sent.
    #[must_use]
    pub fn sent(&self) -> Day {
        self.sent
    }

    /// When it was accepted, if that can be seen.
    #[must_use]
    pub fn accepted(&self) -> Option<Day> {
        self.accepted
    }

    /// What can be seen of its outcome on `day`. An acceptance after the response days is none that the contact
    /// explains; what is accepted and refused counts as what came later, a refusal on one day.
    #[must_use]
    pub fn response(&self, day: Day, response_days: u32) -> Response {
        let last = self.sent.plus(i32::try_from(response_days).unwrap_or(i32::MAX));
        let seen = |at: &Day| *at <= day && *at <= last;
        match (self.accepted.filter(seen), self.refused.filter(seen)) {
            (Some(accepted), refused) if refused.is_none_or(|r| accepted > r) => Response::Accepted(accepted),
            (_, Some(refused)) => Response::Refused(refused),
            _ if day > last => Response::Unanswered,
            _ => Response::Unknown,
        }
    }
}

/// All contacts up to the as-of day.
#[derive(Debug, Clone, Default)]
pub struct ContactLog {
    /// By member hash, then offer, then day.
    rows: Vec<Contacted>,
}

impl ContactLog {
    /// Gathers contacts, given in any order. Contacts and outcomes after the as-of day are left out, and so is a contact
    /// that is there twice.
    #[must_use]
    pub fn new<'r>(rows: impl IntoIterator<Item = ContactRow<'r>>, catalogue: &Catalogue) -> Self {
        let seen = |day: &Day| *day <= catalogue.as_of;
        let mut all: Vec<Contacted> = rows
            .into_iter()
            .filter(|row| seen(&row.sent))
            .map(|row| Contacted {
                member: id_hash(row.member_id.as_bytes()),
                offer: catalogue.index_of(row.offer_id).unwrap_or(GONE),
                sent: row.sent,
                accepted: row.accepted.filter(seen),
                refused: row.refused.filter(seen),
                released: row.released.filter(seen),
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all.shrink_to_fit();
        Self { rows: all }
    }

    /// The contacts of a member, by offer and day.
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

    /// Every contact, by member hash, offer and day.
    #[must_use]
    pub fn all(&self) -> &[Contacted] {
        &self.rows
    }
}

/// Why an offer rests for this member, if it does: it was sent, accepted, refused or left unanswered lately, or the
/// member was sent it as often as its cap allows.
#[must_use]
pub(super) fn rests(contacts: &[Contacted], offer: u16, catalogue: &Catalogue) -> Option<Refusal> {
    let today = catalogue.first_valid();
    let until = |day: Day, days: u32| {
        let last = day.plus(i32::try_from(days).unwrap_or(i32::MAX));
        (days > 0 && today <= last).then_some(last)
    };
    let settings = &catalogue.offers[usize::from(offer)].offer;
    let decision = &catalogue.decision;
    let rules = &decision.contacts;
    let own = || contacts.iter().filter(|c| c.offer == offer);
    let latest = |days: &dyn Fn(&Contacted) -> Option<Day>| own().filter_map(days).max();
    if let Some(until) = latest(&|c| c.refused.and_then(|day| until(day, decision.refused_days))) {
        return Some(Refusal::RefusedLately { until });
    }
    if let Some(until) = latest(&|c| c.accepted.and_then(|day| until(day, rules.accepted_days))) {
        return Some(Refusal::AcceptedLately { until });
    }
    if let Some(until) = latest(&|c| until(c.sent, settings.cooldown_days)) {
        return Some(Refusal::Cooldown { until });
    }
    let unanswered = |c: &Contacted| match c.response(catalogue.as_of, rules.response_days) {
        Response::Unanswered => until(c.sent, rules.response_days + rules.unanswered_days),
        _ => None,
    };
    if rules.unanswered_days > 0
        && let Some(until) = latest(&unanswered)
    {
        return Some(Refusal::UnansweredLately { until });
    }
    let cap = settings.caps.per_member?;
    let days = settings.caps.per_member_days;
    let sent = own().filter(|c| i64::from(today.since(c.sent)) <= i64::from(days)).count() as u64;
    (sent >= cap).then_some(Refusal::SentOften { times: sent, days })
}

/// Slots that the cap on contacts of a member leaves.
#[must_use]
pub(super) fn slots_left(contacts: &[Contacted], catalogue: &Catalogue) -> u8 {
    let (slots, rules) = (catalogue.decision.slots, &catalogue.decision.contacts);
    let Some(max) = rules.max else { return slots };
    let today = catalogue.first_valid();
    let lately = contacts.iter().filter(|c| i64::from(today.since(c.sent)) <= i64::from(rules.max_days)).count();
    u8::try_from(u64::from(max).saturating_sub(lately as u64)).unwrap_or(u8::MAX).min(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_unknown_until_the_response_days_end() {
        let contact = |accepted: Option<i32>, refused: Option<i32>| Contacted {
            member: 1,
            offer: 0,
            sent: Day(100),
            accepted: accepted.map(Day),
            refused: refused.map(Day),
            released: None,
        };
        let silent = contact(None, None);
        assert_eq!(silent.response(Day(114), 14), Response::Unknown);
        assert_eq!(silent.response(Day(115), 14), Response::Unanswered);
        let accepted = contact(Some(110), None);
        assert_eq!(accepted.response(Day(109), 14), Response::Unknown, "what comes after the day is not seen");
        assert_eq!(accepted.response(Day(110), 14), Response::Accepted(Day(110)));
        assert_eq!(contact(Some(120), None).response(Day(130), 14), Response::Unanswered, "too late to be an answer");
        assert_eq!(contact(Some(104), Some(108)).response(Day(130), 14), Response::Refused(Day(108)));
        assert_eq!(contact(Some(108), Some(104)).response(Day(130), 14), Response::Accepted(Day(108)));
        assert_eq!(contact(Some(104), Some(104)).response(Day(130), 14), Response::Refused(Day(104)));
    }
}
