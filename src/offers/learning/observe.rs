//! What was known when a contact was sent, and what came of it.

use super::super::contacts::{Contacted, Response};
use crate::{base::Day, history::Shard};

/// Days that count as lately, of purchases.
const PURCHASE_DAYS: i32 = 90;
/// Days that count of earlier contacts.
const CONTACT_DAYS: i32 = 180;
/// Longest time since anything, in days.
const LONGEST: i32 = 730;

/// How lately and how often a member bought, as of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activity {
    /// Days since the last purchase, at most 730.
    pub recency: u16,
    /// Purchase days in the last 90.
    pub days: u16,
}

impl Activity {
    /// From the days of purchases, in any order and with repeats, as of `day`.
    #[must_use]
    pub fn of(purchases: impl IntoIterator<Item = Day>, day: Day) -> Self {
        let mut ages: Vec<i32> = purchases.into_iter().map(|p| day.since(p)).filter(|age| *age >= 0).collect();
        ages.sort_unstable();
        ages.dedup();
        Self {
            recency: ages.first().map_or(LONGEST, |a| (*a).min(LONGEST)) as u16,
            days: ages.iter().take_while(|a| **a < PURCHASE_DAYS).count().min(usize::from(u16::MAX)) as u16,
        }
    }
}

/// What is known of a member on a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoFar {
    /// Purchases.
    pub activity: Activity,
    /// Contacts in the 180 days before.
    pub contacts: u16,
    /// Those of all earlier contacts whose outcome was known.
    pub known: u16,
    /// Acceptances among them.
    pub accepted: u16,
    /// Days since the last contact, at most 730.
    pub since_contact: u16,
}

impl SoFar {
    /// Reads a member on `day`: contacts that were sent before it, and what could be seen of them by then.
    #[must_use]
    pub fn read(activity: Activity, contacts: &[Contacted], day: Day, response_days: u32) -> Self {
        let mut so_far = Self { activity, contacts: 0, known: 0, accepted: 0, since_contact: LONGEST as u16 };
        for contact in contacts {
            let age = day.since(contact.sent());
            if age <= 0 {
                continue;
            }
            so_far.contacts += u16::from(age <= CONTACT_DAYS && so_far.contacts < u16::MAX);
            so_far.since_contact = so_far.since_contact.min(age.min(LONGEST) as u16);
            let response = contact.response(day, response_days);
            let known = response != Response::Unknown && so_far.known < u16::MAX;
            so_far.known += u16::from(known);
            so_far.accepted += u16::from(known && matches!(response, Response::Accepted(_)));
        }
        so_far
    }
}

/// One contact to learn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Hash of the member id.
    pub member: u64,
    /// Index of the offer; `None` where it is not in the catalogue.
    pub offer: Option<u16>,
    /// Position of the member's segment.
    pub segment: u16,
    /// When it was sent.
    pub sent: Day,
    /// Day after its response days, when its outcome counts; `None`: they are not over.
    pub known: Option<Day>,
    /// Whether it was accepted.
    pub accepted: bool,
    /// What was known of the member when it was sent.
    pub so_far: SoFar,
}

impl Observation {
    pub(super) fn order(&self) -> (Day, u64, Option<u16>, Option<Day>, bool) {
        (self.sent, self.member, self.offer, self.known, self.accepted)
    }
}

/// The days on which a member of a shard bought, as they could be seen on `cut`; repeats are left in.
pub(in super::super) fn purchase_days(shard: &Shard, member: usize, cut: Day) -> impl Iterator<Item = Day> + '_ {
    shard
        .orders_of(member)
        .filter(move |order| {
            shard.order_day(*order) <= cut && shard.lines_of(*order).any(|line| shard.is_purchase(line, cut))
        })
        .map(|order| shard.order_day(order))
}

/// Adds a member's contacts up to `as_of` as observations: each with what was known when it was sent.
pub fn observe(
    shard: &Shard,
    member: usize,
    segment: u16,
    contacts: &[Contacted],
    as_of: Day,
    response_days: u32,
    out: &mut Vec<Observation>,
) {
    for contact in contacts {
        let sent = contact.sent();
        let last = sent.plus(i32::try_from(response_days).unwrap_or(i32::MAX));
        // An early answer counts when the response days are over like any other: acceptances come early and silence
        // late, so that taking each when it comes would make the newest contacts look better than they are.
        let known = (as_of > last).then(|| last.plus(1));
        let accepted = known.is_some() && matches!(contact.response(as_of, response_days), Response::Accepted(_));
        // What was bought on the day itself may be the contact's own work.
        let before = sent.plus(-1);
        let activity = Activity::of(purchase_days(shard, member, before), sent);
        out.push(Observation {
            member: contact.member,
            offer: contact.offer(),
            segment,
            sent,
            known,
            accepted,
            so_far: SoFar::read(activity, contacts, sent, response_days),
        });
    }
}
