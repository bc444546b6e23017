//! `service_reminder`: a warranty that ends, or a service that is due.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        proposal::{Evidence, Proposal, Target},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Because, Date},
    },
    common::nearness,
};
use crate::input::contract::Table;

/// Days before the day from which it is offered, unless the job says.
const LEAD_DAYS: u32 = 30;

const WARRANTY_ENDS: u8 = 0;
const SERVICE_DUE: u8 = 1;

/// The kind.
pub(super) struct ServiceReminder;

static REASONS: &[Reason] = &[
    Reason::new(
        "warranty_ends",
        &[Because, Date],
        (
            "您的「{because}」保修期至{date}，到期前可免费检测：{offer}。",
            "The warranty of your {because} ends on {date}: {offer} before then.",
        ),
        ("「{because}」保修即将到期。", "Warranty of {because} ends soon."),
    ),
    Reason::new(
        "service_due",
        &[Because, Date],
        (
            "您的「{because}」在{date}前后该保养了：{offer}。",
            "Your {because} is due for service around {date}: {offer}.",
        ),
        ("「{because}」该保养了。", "{because} is due for service."),
    ),
];

impl OfferKind for ServiceReminder {
    fn code(&self) -> &'static str {
        "service_reminder"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Service
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["lead_days", "service_days"]
    }

    fn needs_of(&self, raw: &RawOffer) -> &'static [Need] {
        // Services by a fixed interval need no warranty.
        if raw.service_days.is_some() { &[] } else { &[&[(Table::Items, "warranty_days")]] }
    }

    fn sells(&self) -> bool {
        false
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let world = member.world;
        let today = member.first_valid();
        let lead = parameters.lead_days.unwrap_or(LEAD_DAYS) as i32;
        let mut best: Option<(i32, u32, Proposal)> = None;
        for own in member.own() {
            if !offer.allows(own.item) || !world.may_name(own.item) {
                continue;
            }
            let warranty = world.items.warranty_days.get(own.item as usize).copied().flatten();
            let ends = warranty.and_then(|days| i32::try_from(days).ok()).map(|days| own.last_day.plus(days));
            // The next service after the last one that is past; without limits only devices, which have a warranty.
            let service =
                parameters.service_days.filter(|_| offer.items.is_some() || warranty.is_some()).map(|every| {
                    let every = every.max(1) as i32;
                    let past = today.since(own.last_day).max(0);
                    own.last_day.plus(((past + every - 1) / every).max(1) * every)
                });
            for (reason, date) in [(WARRANTY_ENDS, ends), (SERVICE_DUE, service)] {
                let Some(date) = date else { continue };
                let left = date.since(today);
                if !(0..=lead).contains(&left) || best.as_ref().is_some_and(|b| (b.0, b.1) <= (left, own.item)) {
                    continue;
                }
                let proposal = Proposal {
                    offer: index,
                    target: Target::None,
                    fit: 0.8 * nearness(left, 30.0),
                    reason,
                    evidence: Evidence { about: Target::Item(own.item), date: Some(date), ..Evidence::default() },
                };
                best = Some((left, own.item, proposal));
            }
        }
        out.extend(best.map(|b| b.2));
    }
}
