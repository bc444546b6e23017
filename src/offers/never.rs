//! Offers that nobody can ever get, as far as the catalogue alone tells.

use super::{
    caps::most_holders,
    settings::{DecisionSettings, Incentive, Offer},
};
use crate::base::{Findings, findings::JobPath};

/// Warns of offers that the catalogue keeps from everybody, and of offers that stand in each other's way. Caps of zero
/// are said where they are read.
pub(super) fn check(offers: &[Offer], decision: &DecisionSettings, at: &JobPath, findings: &mut Findings) {
    for (index, offer) in offers.iter().enumerate() {
        let at = at.index(offer.position);
        let within = u64::MAX >> (64 - u32::from(decision.slots).min(64));
        if offer.slots & within == 0 {
            findings.warn(
                "offers::nobody",
                at.key("slots"),
                format!(
                    "nobody can get `{}`: lists have {} slots, and it takes none of them",
                    offer.id, decision.slots
                ),
                "let it take an earlier slot, or raise `decision.slots`",
            );
        }
        if offer.incentive == Incentive::Discount
            && (decision.max_discount_share * f64::from(decision.slots)).floor() < 1.0
        {
            findings.warn(
                "offers::nobody",
                at.key("incentive"),
                format!(
                    "nobody can get `{}`: it is a discount, and `decision.max_discount_share` leaves no slot for one",
                    offer.id
                ),
                "raise the share",
            );
        }
        if most_holders(&offer.caps, &offer.budget, offer.value_minor).is_some_and(|most| most > 0)
            && (offer.caps.per_period == Some(0) || offer.caps.per_member == Some(0))
        {
            let message = format!("nobody can get `{}`: a cap of 0 stops it", offer.id);
            findings.warn("offers::nobody", at.key("caps"), message, "raise the cap");
        }
        let most = usize::from(decision.most_chars(offer));
        for (key, name) in [("name_zh", &offer.name_zh), ("name_en", &offer.name_en)] {
            if name.chars().count() > most {
                findings.error(
                    "offers::name_too_long",
                    at.key(key),
                    format!("the name of `{}` is longer than the {most} characters its channel takes", offer.id),
                    "give it a short name: it stands where every sentence is too long",
                );
            }
        }
        if let Some(other) = offers[..index].iter().find(|other| overlap(other, offer)) {
            findings.note(
                "offers::overlapping_windows",
                at.key("id"),
                format!(
                    "`{}` and `{}` offer the same to the same members, and their windows overlap",
                    other.id, offer.id
                ),
                "on common days the higher `priority` goes first, then the lower id; end one before the other starts",
            );
        }
    }
}

/// Whether two offers are of the same things for the same members on common days. An offer that fills lists is one of
/// many by intention.
fn overlap(a: &Offer, b: &Offer) -> bool {
    let alike = a.kind == b.kind
        && (&a.items, &a.categories, &a.brands, &a.collections) == (&b.items, &b.categories, &b.brands, &b.collections)
        && (&a.cities, &a.city_tiers, &a.tiers) == (&b.cities, &b.city_tiers, &b.tiers)
        && a.eligible == b.eligible
        && a.channels == b.channels
        && a.parameters.festival == b.parameters.festival
        && a.parameters.season == b.parameters.season
        && a.parameters.cause == b.parameters.cause
        && a.parameters.to_channel == b.parameters.to_channel;
    let before = |a: &Offer, b: &Offer| matches!((a.ends, b.starts), (Some(end), Some(start)) if end < start);
    alike && (a.starts.is_some() || a.ends.is_some()) && !before(a, b) && !before(b, a)
}
