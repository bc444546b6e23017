//! Tables with rows by member: members, consent, identities, suppressed tags.

use arrow::{array::ArrayRef, datatypes::Schema, error::ArrowError};

use super::{
    cities::CITIES,
    columns::{
        date, date_column, flag, flag_column, int, int_column, long, long_column, seconds, text, text_column,
        text_option_column, texts, texts_column, time, time_column,
    },
    dice::Dice,
    line::{Cell, Summary},
    personas::CHANNELS,
    profile::{Consent, Profile},
    world::{World, member_id},
};
use crate::base::{Day, hash::salted_hash};

/// Channels a member can be contacted on.
pub(super) const CONTACT_CHANNELS: [&str; 4] = ["wecom", "sms", "app_push", "email"];
/// Loyalty tiers and the spend of the last 365 days each begins at, minor units.
pub(super) const TIERS: [(&str, i64); 4] =
    [("standard", 0), ("silver", 200_000), ("gold", 600_000), ("black", 2_000_000)];
/// Tags that members asked never to get.
const SUPPRESSED: [&str; 6] = ["cat_baby", "cat_beauty", "cat_pet", "vb_low", "lc_dormant", "lc_lost"];

/// Every member of a block: index, profile, what their lines add up to.
pub(super) fn members_of(block: &[Cell]) -> impl Iterator<Item = (u64, &Profile, &Summary)> {
    block.iter().flat_map(|cell| {
        let members = cell.profiles.iter().zip(&cell.summaries).enumerate();
        members.map(|(i, (profile, summary))| (cell.first_member + i as u64, profile, summary))
    })
}

pub(super) fn members_schema() -> Schema {
    Schema::new(vec![
        text("member_id", false),
        date("birth_date", true),
        flag("lunar_birthday", false),
        text("city", true),
        int("city_tier", true),
        date("joined", false),
        text("loyalty_tier", false),
        long("points", false),
        date("points_expire", true),
        texts("channel_opt_in"),
        text("preferred_channel", true),
    ])
}

/// The loyalty tier of a year's spend.
fn tier(spend: i64) -> usize {
    TIERS.iter().rposition(|(_, from)| spend >= *from).unwrap_or(0)
}

pub(super) fn members(world: &World, block: &[Cell]) -> Result<Vec<ArrayRef>, ArrowError> {
    struct Row {
        points: i64,
        expire: Option<Day>,
        opt_in: Vec<&'static str>,
        preferred: Option<&'static str>,
        city_known: bool,
    }
    let last = world.spec.last_day;
    let rows: Vec<(u64, &Profile, &Summary, Row)> = members_of(block)
        .map(|(index, profile, summary)| {
            let dice = &mut Dice::of(world.streams.members, index);
            // A point a yuan, more in the higher tiers, less what was redeemed.
            let earned = summary.spend_year / 100 * (2 + tier(summary.spend_year) as i64) / 2;
            let points = (earned as f64 * dice.between(0.2, 1.0)) as i64;
            // A year after the quarter in which they were earned; for one member in six within a month.
            let days = if dice.chance(0.16) { dice.range(3, 30) } else { 92 * dice.range(1, 4) };
            let opt_in: Vec<&str> = CONTACT_CHANNELS
                .iter()
                .zip([0.72, 0.55, 0.5, 0.2])
                .filter_map(|(channel, share)| dice.chance(share).then_some(*channel))
                .collect();
            let preferred =
                (!opt_in.is_empty() && dice.chance(0.6)).then(|| opt_in[dice.below(opt_in.len() as u32) as usize]);
            let expire = (points > 0).then(|| last.plus(days));
            (index, profile, summary, Row { points, expire, opt_in, preferred, city_known: dice.chance(0.97) })
        })
        .collect();
    Ok(vec![
        text_column(rows.iter().map(|row| member_id(row.0))),
        date_column(rows.iter().map(|row| row.1.birth)),
        flag_column(rows.iter().map(|row| Some(row.1.lunar_birthday))),
        text_option_column(rows.iter().map(|row| row.3.city_known.then(|| CITIES[usize::from(row.1.city)].name))),
        int_column(rows.iter().map(|row| row.3.city_known.then(|| i32::from(row.1.city_tier())))),
        date_column(rows.iter().map(|row| Some(world.date(row.1.joined)))),
        text_column(rows.iter().map(|row| TIERS[tier(row.2.spend_year)].0)),
        long_column(rows.iter().map(|row| Some(row.3.points))),
        date_column(rows.iter().map(|row| row.3.expire)),
        texts_column(rows.iter().map(|row| row.3.opt_in.clone())),
        text_option_column(rows.iter().map(|row| row.3.preferred)),
    ])
}

pub(super) fn consent_schema() -> Schema {
    Schema::new(vec![
        text("member_id", false),
        text("lawful_basis", true),
        time("ts", false),
        flag("personalisation_opt_out", false),
        flag("guardian_consent", true),
        time("withdrawn_at", true),
    ])
}

pub(super) fn consent(world: &World, block: &[Cell]) -> Result<Vec<ArrayRef>, ArrowError> {
    struct Row {
        member: u64,
        basis: &'static str,
        ts: i64,
        opt_out: bool,
        guardian: Option<bool>,
        withdrawn: Option<i64>,
    }
    let mut rows: Vec<Row> = Vec::new();
    for (member, profile, _) in members_of(block) {
        let dice = &mut Dice::of(world.streams.consent, member);
        let joined = world.date(profile.joined);
        let basis = if dice.chance(0.9) { "consent" } else { "contract" };
        let guardian = profile.minor.then_some(profile.guardian);
        let first = seconds(joined, dice.below(86_400));
        // A later day of the membership, up to the last day of the history.
        let span = world.spec.last_day.since(joined).max(1);
        let later = seconds(joined.plus(1 + dice.below(span as u32) as i32), dice.below(86_400));
        let mut push = |ts, opt_out, withdrawn| rows.push(Row { member, basis, ts, opt_out, guardian, withdrawn });
        match profile.consent {
            Consent::NoRow => {}
            // One in fifty changed their mind and came back; the newest row wins.
            Consent::Given if dice.chance(0.02) => {
                push(first, true, None);
                push(later, false, None);
            }
            Consent::Given => push(first, false, None),
            Consent::OptedOut => {
                if dice.chance(0.6) {
                    push(first, false, None);
                }
                push(later, true, None);
            }
            Consent::Withdrawn => push(first, false, Some(later)),
        }
    }
    Ok(vec![
        text_column(rows.iter().map(|row| member_id(row.member))),
        text_column(rows.iter().map(|row| row.basis)),
        time_column(rows.iter().map(|row| Some(row.ts))),
        flag_column(rows.iter().map(|row| Some(row.opt_out))),
        flag_column(rows.iter().map(|row| row.guardian)),
        time_column(rows.iter().map(|row| row.withdrawn)),
    ])
}

pub(super) fn identities_schema() -> Schema {
    Schema::new(vec![
        text("member_id", false),
        text("system", false),
        text("external_id", false),
        text("employee", true),
        text("same_as", true),
    ])
}

pub(super) fn identities(world: &World, block: &[Cell]) -> Result<Vec<ArrayRef>, ArrowError> {
    type Row = (u64, &'static str, String, Option<String>, Option<String>);
    let mut rows: Vec<Row> = Vec::new();
    for (member, ..) in members_of(block) {
        let dice = &mut Dice::of(world.streams.identities, member);
        let digest = |system: u64| {
            let bytes = member.to_le_bytes();
            let salt = world.streams.identities ^ system;
            format!("{:016x}{:016x}", salted_hash(&bytes, salt), salted_hash(&bytes, !salt))
        };
        if dice.chance(0.004) && member > 0 {
            let other = u64::from(dice.below(u32::try_from(member).unwrap_or(u32::MAX)));
            rows.push((member, "account", member_id(member), None, Some(member_id(other))));
        }
        if dice.chance(0.2) {
            rows.push((member, "email_hash", digest(1), None, None));
        }
        if dice.chance(0.85) {
            rows.push((member, "phone_hash", digest(2), None, None));
        }
        if dice.chance(0.72) {
            let employee = format!("{}_{:02}", if dice.chance(0.5) { "guide" } else { "service" }, dice.below(30) + 1);
            rows.push((member, "wecom", format!("wm{}", &digest(3)[..30]), Some(employee), None));
        }
    }
    Ok(vec![
        text_column(rows.iter().map(|row| member_id(row.0))),
        text_column(rows.iter().map(|row| row.1)),
        text_column(rows.iter().map(|row| &row.2)),
        text_option_column(rows.iter().map(|row| row.3.as_ref())),
        text_option_column(rows.iter().map(|row| row.4.as_ref())),
    ])
}

pub(super) fn suppressed_tags_schema() -> Schema {
    Schema::new(vec![text("member_id", false), text("tag", false)])
}

pub(super) fn suppressed_tags(world: &World, block: &[Cell]) -> Result<Vec<ArrayRef>, ArrowError> {
    let rows: Vec<(u64, &str)> = members_of(block)
        .filter_map(|(member, ..)| {
            let dice = &mut Dice::of(world.streams.tags, member);
            dice.chance(0.006).then(|| (member, SUPPRESSED[dice.below(SUPPRESSED.len() as u32) as usize]))
        })
        .collect();
    Ok(vec![text_column(rows.iter().map(|row| member_id(row.0))), text_column(rows.iter().map(|row| row.1))])
}

/// Tags that a WeCom target knows, with its ids.
pub(super) fn tag_ids_schema() -> Schema {
    Schema::new(vec![text("system", false), text("tag", false), text("target_id", false)])
}

pub(super) fn tag_ids(world: &World) -> Vec<ArrayRef> {
    let mut tags: Vec<String> = (1..=16).map(|n| format!("seg_{n:02}")).collect();
    tags.extend(["new", "active", "at_risk", "dormant", "lost"].map(|stage| format!("lc_{stage}")));
    tags.extend(["top", "high", "mid", "low"].map(|band| format!("vb_{band}")));
    tags.extend(super::departments::DEPARTMENTS.iter().map(|department| format!("cat_{}", department.code)));
    tags.extend(CHANNELS.iter().map(|channel| format!("ch_{channel}")));
    tags.sort_unstable();
    let id = |tag: &String| format!("et{:016x}", salted_hash(tag.as_bytes(), world.streams.tags));
    vec![text_column(tags.iter().map(|_| "wecom")), text_column(&tags), text_column(tags.iter().map(id))]
}
