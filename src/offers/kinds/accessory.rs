//! `accessory`: what fits a device that the member owns and lacks the like of.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::{Because, Count, Date, Item},
    },
    common::small,
};
use crate::input::contract::Table;

/// Attach rate at which the fit is one half.
const HALF_RATE: f64 = 0.1;
/// Days after the device was bought in which the fit halves.
const HALF_LIFE_DAYS: f64 = 180.0;

/// The kind.
pub(super) struct Accessory;

static REASONS: &[Reason] = &[Reason::new(
    "fits_your_device",
    &[Item, Because, Date, Count],
    ("「{item}」适配您在{date}购买的「{because}」。", "{item} fits the {because} you bought on {date}."),
    ("「{item}」适配「{because}」。", "{item} fits your {because}."),
)];

impl OfferKind for Accessory {
    fn code(&self) -> &'static str {
        "accessory"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Service
    }

    fn default_per_member(&self) -> u16 {
        2
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["device_days"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Compatibility, "device"), (Table::Items, "fits")]]
    }

    fn asks_what_fits(&self) -> bool {
        true
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let world = member.world;
        let fits = world.fits();
        if fits.is_empty() {
            return;
        }
        let today = member.first_valid();
        let start = out.len();
        for owned in member.own() {
            let device = owned.item;
            let since = today.since(owned.last_day);
            if !fits.is_device(device)
                || !world.may_name(device)
                || i64::from(since) > i64::from(offer.offer.parameters.device_days)
            {
                continue;
            }
            for accessory in fits.accessories(device) {
                if !offer.allows(*accessory) || has_the_like(member, device, *accessory) || !member.may_get(*accessory)
                {
                    continue;
                }
                let Some(attach) = world.attach.get(device, *accessory, world.statistics) else { continue };
                let recency = (-f64::from(since.max(0)) / HALF_LIFE_DAYS).exp2();
                let proposal = Proposal {
                    offer: index,
                    target: Target::Item(*accessory),
                    // A pair that nobody bought yet still fits.
                    fit: saturate(attach.rate.max(0.005), HALF_RATE) * recency,
                    reason: 0,
                    evidence: Evidence {
                        about: Target::Item(device),
                        count: small(u32::try_from(attach.attached).unwrap_or(u32::MAX)),
                        date: Some(owned.last_day),
                        ..Evidence::default()
                    },
                };
                keep_best_of_category(member, proposal, start, out);
            }
        }
    }
}

/// Adds the proposal unless one of its category is there that fits better: one case is enough.
fn keep_best_of_category(member: &MemberView<'_>, new: Proposal, start: usize, out: &mut Vec<Proposal>) {
    let category = |p: &Proposal| p.target.item().and_then(|i| member.world.items.category_of(i));
    let rival = out[start..]
        .iter_mut()
        .find(|p| p.target == new.target || (category(p).is_some() && category(p) == category(&new)));
    match rival {
        None => out.push(new),
        Some(old) if new.fit > old.fit || (new.fit == old.fit && new.target < old.target) => *old = new,
        Some(_) => {}
    }
}

/// Whether the member has an accessory of the same category that fits the device (or this very one).
fn has_the_like(member: &MemberView<'_>, device: u32, accessory: u32) -> bool {
    let items = member.world.items;
    let category = items.category_of(accessory);
    member.own().iter().any(|own| {
        own.item == accessory
            || (category.is_some()
                && items.category_of(own.item) == category
                && member.world.fits().fits(device, own.item))
    })
}
