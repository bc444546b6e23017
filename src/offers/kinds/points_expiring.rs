//! `points_expiring`: a balance of points that ends soon.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        proposal::{Evidence, Proposal, Target, saturate},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::{Date, Points},
    },
    common::nearness,
};
use crate::input::contract::Table;

/// Days before the points expire from which it is offered, unless the job says.
pub(super) const LEAD_DAYS: u32 = 30;

/// The kind.
pub(super) struct PointsExpiring;

static REASONS: &[Reason] = &[Reason::new(
    "balance_expires",
    &[Points, Date],
    ("您有 {points} 积分将于{date}到期，别忘了使用。", "{points} of your points expire on {date}."),
    ("{points} 积分即将到期。", "{points} points expire soon."),
)];

impl OfferKind for PointsExpiring {
    fn code(&self) -> &'static str {
        "points_expiring"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Service
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["lead_days", "min_points"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Members, "points")], &[(Table::Members, "points_expire")]]
    }

    fn sells(&self) -> bool {
        false
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let parameters = &offer.offer.parameters;
        let (Some(points), Some(date)) = (member.attributes.points, member.attributes.points_expire) else { return };
        let left = date.since(member.first_valid());
        let lead = parameters.lead_days.unwrap_or(LEAD_DAYS) as i32;
        if points < i64::from(parameters.min_points) || left < 0 || left > lead {
            return;
        }
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: saturate(points as f64, 1000.0) * nearness(left, 30.0),
            reason: 0,
            evidence: Evidence { amount: Some(points), date: Some(date), ..Evidence::default() },
        });
    }
}
