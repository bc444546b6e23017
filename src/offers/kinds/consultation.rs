//! `consultation`: advice for who has begun a routine and lacks a step of it. The offer's categories are the steps.

use super::{
    super::{
        catalogue::BoundOffer,
        kind::{Need, OfferKind},
        member::MemberView,
        programme::Programme,
        proposal::{Evidence, Proposal, Target},
        raw::{Incentive, RawOffer},
        sentences::Reason,
        template::Placeholder::{Because, Category, Count, Date},
    },
    common::{Lacks, small},
};
use crate::{
    base::{Day, Findings, findings::JobPath},
    input::contract::Table,
};

/// Days that a step counts as in use after it was bought, unless the job says.
const RECENT_DAYS: u32 = 120;
/// Steps in use that make a routine, unless the job says.
const STEPS: u32 = 2;

/// The kind.
pub(super) struct Consultation;

static REASONS: &[Reason] = &[Reason::new(
    "routine_gap",
    &[Because, Category, Count, Date],
    (
        "您的日常步骤已有 {count} 步，还缺{because}；欢迎预约到店顾问：{offer}。",
        "Your routine has {count} steps and lacks {because}: ask an adviser in your store, {offer}.",
    ),
    ("到店顾问服务：{offer}。", "Advice in the store: {offer}."),
)];

impl OfferKind for Consultation {
    fn code(&self) -> &'static str {
        "consultation"
    }

    fn default_incentive(&self) -> Incentive {
        Incentive::Service
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["recent_days", "min_purchases"]
    }

    fn needs(&self) -> &'static [Need] {
        &[&[(Table::Members, "city")], &[(Table::Items, "category")]]
    }

    fn sells(&self) -> bool {
        false
    }

    fn check(&self, raw: &RawOffer, _: &Programme, at: &JobPath, findings: &mut Findings) {
        let mut lacks = Lacks { raw, at, findings };
        lacks.place();
        let remedy = "name at least two `categories`, one a step";
        lacks.unless(raw.categories.len() >= 2, "categories", "does not say the steps of a routine", remedy);
        lacks.scarce("has no seats, so that everybody is invited", "add `budget.seats` or `caps.per_city`");
    }

    fn propose(&self, index: u16, offer: &BoundOffer, member: &MemberView<'_>, out: &mut Vec<Proposal>) {
        let world = member.world;
        let parameters = &offer.offer.parameters;
        let recent = parameters.recent_days.unwrap_or(RECENT_DAYS);
        let since = member.as_of().plus(1 - i32::try_from(recent).unwrap_or(i32::MAX));
        let mut used = 0u64;
        let mut last: Option<Day> = None;
        for own in member.own() {
            if own.last_day < since || !offer.allows(own.item) {
                continue;
            }
            let Some(category) = world.items.category_of(own.item) else { continue };
            for (step, part) in offer.parts.iter().enumerate().take(64) {
                if part.contains(category as usize) {
                    used |= 1 << step;
                    last = last.max(Some(own.last_day));
                }
            }
        }
        let steps = offer.parts.len().min(64) as u32;
        let done = used.count_ones();
        if done < parameters.min_purchases.unwrap_or(STEPS).min(steps.saturating_sub(1)) || done >= steps || done == 0 {
            return;
        }
        let missing = (0..steps as usize)
            .filter(|step| used >> step & 1 == 0)
            .find_map(|step| (0..world.items.categories.len()).find(|c| offer.parts[step].contains(*c)))
            .filter(|category| world.category_allowed(*category as u32));
        let Some(missing) = missing else { return };
        out.push(Proposal {
            offer: index,
            target: Target::None,
            fit: 0.7 * f64::from(done) / f64::from(steps),
            reason: 0,
            evidence: Evidence {
                about: Target::Category(missing as u32),
                count: small(done),
                date: last,
                ..Evidence::default()
            },
        });
    }
}
