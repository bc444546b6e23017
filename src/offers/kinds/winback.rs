//! `winback`: a word to who stays away far beyond their own rhythm.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::OfferKind,
        member::MemberView,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::{Count, Date, Days},
    },
    common::small,
};
use crate::items::rhythm_where;

/// Purchase days that make a rhythm, unless the job says.
const PURCHASES: u32 = 3;
/// Shortest gap that counts as usual: who comes every day is not gone after three.
const LEAST_GAP: u32 = 7;
/// Usual gaps beyond the threshold in which the fit halves.
const HALF_LIFE: f64 = 6.0;

/// The kind.
pub(super) struct Winback;

static REASONS: &[Reason] = &[Reason::new(
    "gap_beyond_rhythm",
    &[Count, Days, Date],
    (
        "您以往约每 {days} 天光临一次，上次是{date}，期待您回来看看：{offer}。",
        "You used to come about every {days} days, last on {date}: {offer} for your return.",
    ),
    ("期待您回来：{offer}。", "We miss you: {offer}."),
)];

impl OfferKind for Winback {
    fn code(&self) -> &'static str {
        "winback"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["gap_multiple", "min_purchases"]
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let baskets = member.baskets();
        let least = parameters.min_purchases.unwrap_or(PURCHASES).max(2) as usize;
        if baskets.len() < least {
            return;
        }
        // Cheaper to see than the rhythm: who came within the shortest gap that could count is not away.
        let away = f64::from(member.as_of().since(baskets.day(baskets.len() - 1)));
        if away < parameters.gap_multiple * f64::from(LEAST_GAP) {
            return;
        }
        let Some(rhythm) = rhythm_where(baskets, |_| true) else { return };
        let gaps = away / f64::from(rhythm.median_gap.max(LEAST_GAP));
        if gaps < parameters.gap_multiple {
            return;
        }
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.8
                * saturate(f64::from(rhythm.days), 3.0)
                * (-(gaps - parameters.gap_multiple) / HALF_LIFE).exp2().max(0.05),
            reason: 0,
            evidence: Evidence {
                count: small(gaps as u32),
                days: small(rhythm.median_gap),
                date: Some(rhythm.last),
                ..Evidence::default()
            },
        });
    }
}
