//! The activities table: referrals, groups, gifts to a cause, complaints and requests to bring something back.

use arrow::{array::ArrayRef, datatypes::Schema, error::ArrowError};

use super::{
    columns::{seconds, text, text_column, text_option_column, time, time_column},
    dice::Dice,
    line::Cell,
    member_tables::members_of,
    personas::PERSONAS,
    world::{World, member_id},
};

/// The cause that members give to.
pub(super) const CAUSE: &str = "山村图书角";
/// The group that members can join.
pub(super) const GROUP: &str = "会员社群";
/// Days before the last day within which complaints and requests were made.
const RECENT_DAYS: u32 = 45;

/// Planted probability that a member of a persona brought at least one other.
pub(super) fn refers(persona: usize) -> f64 {
    if PERSONAS[persona].code == "bargain_hunter" { 0.18 } else { 0.03 }
}

/// Planted probability that a member of a persona gave to the cause.
pub(super) fn gives(persona: usize) -> f64 {
    if PERSONAS[persona].code == "tea_connoisseur" { 0.12 } else { 0.004 }
}

/// Planted probability that a member joined the group.
const JOINS: f64 = 0.15;
/// Planted probabilities of a complaint and of a request, and that either is still open.
const COMPLAINS: f64 = 0.01;
const ASKS: f64 = 0.012;
const OPEN: f64 = 0.4;

pub(super) fn schema() -> Schema {
    Schema::new(vec![
        text("member_id", false),
        text("activity", false),
        time("ts", false),
        text("subject", true),
        time("closed_at", true),
    ])
}

pub(super) fn activities(world: &World, block: &[Cell]) -> Result<Vec<ArrayRef>, ArrowError> {
    type Row = (u64, &'static str, i64, Option<&'static str>, Option<i64>);
    let last = world.spec.last_day;
    let mut rows: Vec<Row> = Vec::new();
    for (member, profile, summary) in members_of(block) {
        if summary.purchases == 0 {
            continue;
        }
        let dice = &mut Dice::of(world.streams.activities, member);
        let first = world.date(profile.joined.max(0));
        let span = last.since(first).max(1) as u32;
        let start = rows.len();
        let moment = |dice: &mut Dice, within: u32| {
            seconds(last.plus(-(dice.below(span.min(within)) as i32)), dice.below(86_400))
        };
        if dice.chance(refers(profile.persona)) {
            for _ in 0..=dice.below(4) {
                rows.push((member, "referral", moment(dice, span), None, None));
            }
        }
        if dice.chance(gives(profile.persona)) {
            for _ in 0..=dice.below(2) {
                rows.push((member, "donation", moment(dice, span), Some(CAUSE), None));
            }
        }
        if dice.chance(JOINS) {
            rows.push((member, "community", moment(dice, span), Some(GROUP), None));
        }
        for (activity, share) in [("complaint", COMPLAINS), ("return_request", ASKS)] {
            if dice.chance(share) {
                let at = moment(dice, RECENT_DAYS);
                let closed = (!dice.chance(OPEN)).then(|| at + i64::from(dice.below(86_400)));
                rows.push((member, activity, at, None, closed));
            }
        }
        rows[start..].sort_by_key(|row| (row.2, row.1));
    }
    Ok(vec![
        text_column(rows.iter().map(|row| member_id(row.0))),
        text_column(rows.iter().map(|row| row.1)),
        time_column(rows.iter().map(|row| Some(row.2))),
        text_option_column(rows.iter().map(|row| row.3)),
        time_column(rows.iter().map(|row| row.4)),
    ])
}
