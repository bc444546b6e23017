//! `category_early_access`: regular buyers of a category are let in first.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Category, Count, Date, Days},
    },
    common::{Lacks, regular, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
    items::rhythm_where,
};

/// The kind.
pub(super) struct CategoryEarlyAccess;

static REASONS: &[Reason] = &[Reason::new(
    "regular_buyer",
    &[Category, Count, Days, Date],
    (
        "您自{date}起已 {count} 次选购{category}类商品，约每 {days} 天一次；{valid_from}起您可抢先选购。",
        "{count} purchases in {category} since {date}, about every {days} days: early access for you from {valid_from}.",
    ),
    ("{category}：您可抢先选购。", "Early access to {category} for you."),
)];

impl OfferKind for CategoryEarlyAccess {
    fn code(&self) -> &'static str {
        "category_early_access"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["min_purchases", "max_gap_days"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Items, "category")]]
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let remedy = "add `categories = [\"…\"]`";
        Lacks { raw, at, findings }.unless(
            !raw.categories.is_empty(),
            "categories",
            "names no category to let members into",
            remedy,
        );
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let Some(categories) = &offer.categories else { return };
        let world = member.world;
        let category = |item: u32| world.items.category_of(item).filter(|c| categories.contains(*c as usize));
        // Most members never bought anything of it.
        if !member.own().iter().any(|own| category(own.item).is_some()) {
            return;
        }
        let Some(rhythm) = rhythm_where(member.baskets(), |item| category(item).is_some()) else { return };
        let parameters = &offer.offer.parameters;
        let rule = regular(offer, world);
        let as_of = world.catalogue.as_of;
        if !rhythm.is_regular(as_of, &rule) || rhythm.median_gap > parameters.max_gap_days {
            return;
        }
        // The category the member buys most of those that the offer opens; ties go to the first.
        let mut days: Vec<(u32, u32)> = Vec::new();
        for own in member.own() {
            let Some(c) = category(own.item).filter(|c| world.category_allowed(*c)) else { continue };
            match days.iter_mut().find(|d| d.0 == c) {
                Some(d) => d.1 += own.count,
                None => days.push((c, own.count)),
            }
        }
        let Some((favourite, _)) = days.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0))) else { return };
        let gaps_since = f64::from(as_of.since(rhythm.last).max(0)) / f64::from(rhythm.median_gap.max(1));
        out.push(Proposal {
            offer: index,
            target: Target::Category(favourite),
            fit: saturate(f64::from(rhythm.days), 3.0) * (1.0 - 0.5 * (gaps_since / rule.max_gaps).min(1.0)),
            reason: 0,
            // Counted over all the categories of the offer, which the sentence names.
            evidence: Evidence {
                count: small(rhythm.days),
                days: small(rhythm.median_gap),
                date: Some(rhythm.first),
                ..Evidence::default()
            },
        });
    }
}
