//! `vip_preview`: the top tiers see first what they care for.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        subjects::SubjectKind,
        template::Placeholder::{Category, Count, Date, Subject},
    },
    common::{Lacks, interest, small},
};
use crate::{
    base::{Findings, findings::JobPath},
    input::contract::Table,
};

/// The kind.
pub(super) struct VipPreview;

static REASONS: &[Reason] = &[
    Reason::new(
        "tier_and_interest",
        &[Subject, Category, Count, Date],
        (
            "尊敬的{subject}会员，您已 {count} 次选购相关商品，诚邀您抢先品鉴{offer}。",
            "As a {subject} member who bought here {count} times you are invited to preview {offer}.",
        ),
        ("{subject}会员专享预览：{offer}。", "{subject} preview: {offer}."),
    ),
    Reason::new(
        "tier",
        &[Subject],
        ("尊敬的{subject}会员，诚邀您抢先品鉴{offer}。", "As a {subject} member you are invited to preview {offer}."),
        ("{subject}会员专享预览：{offer}。", "{subject} preview: {offer}."),
    ),
];

impl OfferKind for VipPreview {
    fn code(&self) -> &'static str {
        "vip_preview"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Access
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["min_purchases", "recent_days"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Members, "loyalty_tier")]]
    }

    fn check(&self, raw: &RawOffer, programme: &Programme, at: &JobPath, findings: &mut Findings) {
        let given = !raw.tiers.is_empty() || !programme.tiers.is_empty();
        let remedy = "add `tiers = [\"…\"]`, or the programme's tiers under `[[loyalty.tiers]]`";
        Lacks { raw, at, findings }.unless(given, "tiers", "does not say which tiers are the top ones", remedy);
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let Some(tier) = member.attributes.loyalty_tier.as_deref() else { return };
        let catalogue = member.world.catalogue;
        // The offer's own tiers hold for any kind; without them it is the best tier of the programme.
        let tiers = &catalogue.programme.tiers;
        let place = catalogue.programme.tier(tier);
        if offer.offer.tiers.is_empty() && (tiers.is_empty() || place != Some(tiers.len() - 1)) {
            return;
        }
        let parameters = &offer.offer.parameters;
        let liked = if offer.items.is_some() {
            let liked = interest(member, offer, parameters.recent_days)
                .filter(|i| i.purchases >= parameters.min_purchases.unwrap_or(1));
            if liked.is_none() {
                return;
            }
            liked
        } else {
            None
        };
        let height = place.map_or(0.5, |p| (p + 1) as f64 / tiers.len() as f64);
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: (0.4 + 0.4 * liked.map_or(0.5, |i| saturate(f64::from(i.purchases), 4.0))) * (0.5 + 0.5 * height),
            reason: u8::from(liked.is_none()),
            evidence: Evidence {
                about: catalogue.subjects.find(SubjectKind::Tier, tier),
                count: liked.and_then(|i| small(i.purchases)),
                date: liked.map(|i| i.last),
                ..Evidence::default()
            },
        });
    }
}
