//! `birthday`: a greeting in the days before a birthday, by the calendar the member keeps. Never to children.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        proposal::{Evidence, Proposal, Target},
        raw::Incentive,
        sentences::Reason,
        template::Placeholder::Date,
    },
    common::nearness,
};
use crate::{
    base::calendar::{Birthday as Kept, age_on},
    input::contract::Table,
};

/// Days before the birthday from which it is offered, unless the job says.
const LEAD_DAYS: u32 = 14;
/// Members younger than this get none, whatever a guardian agreed to.
const LEAST_AGE: i32 = 14;

/// The kind.
pub(super) struct Birthday;

static REASONS: &[Reason] = &[
    Reason::new(
        "birthday",
        &[Date],
        (
            "{date}是您的生日，祝您生日快乐，为您准备了{offer}。",
            "Happy birthday on {date}: {offer} is waiting for you.",
        ),
        ("生日快乐！{offer}。", "Happy birthday: {offer}."),
    ),
    Reason::new(
        "lunar_birthday",
        &[Date],
        (
            "{date}是您的农历生日，祝您生日快乐，为您准备了{offer}。",
            "Happy birthday by the lunar calendar on {date}: {offer} is waiting for you.",
        ),
        ("生日快乐！{offer}。", "Happy birthday: {offer}."),
    ),
];

impl OfferKind for Birthday {
    fn code(&self) -> &'static str {
        "birthday"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Recognition
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["lead_days"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Members, "birth_date")]]
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let Some(born) = member.attributes.birth_date else { return };
        let (lunar, today) = (member.attributes.lunar_birthday, member.first_valid());
        let Some(date) = Kept::from_written(born, lunar).next(today) else { return };
        let left = date.since(today);
        if left > offer.offer.parameters.lead_days.unwrap_or(LEAD_DAYS) as i32
            || age_on(born, lunar, member.as_of()).is_none_or(|age| age < LEAST_AGE)
        {
            return;
        }
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.9 * nearness(left, 30.0),
            reason: u8::from(lunar),
            evidence: Evidence { date: Some(date), ..Evidence::default() },
        });
    }
}
