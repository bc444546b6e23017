//! The contacts table: what the shop offered lately, and what came of it.

use arrow::{array::ArrayRef, datatypes::Schema, error::ArrowError};

use super::{
    columns::{seconds, text, text_column, text_option_column, time, time_column},
    dice::Dice,
    line::Cell,
    member_tables::{CONTACT_CHANNELS, members_of},
    personas::PERSONAS,
    profile::Consent,
    world::{World, member_id},
};

/// Days before the last day from which contacts are kept.
const CONTACT_DAYS: i32 = 180;
/// Mean contacts a member.
const CONTACTS: f64 = 1.5;
/// Share of contacts that are refused in so many words.
pub(super) const REFUSED: f64 = 0.06;
/// Days within which a member answers.
const ANSWER_DAYS: u32 = 5;

/// A campaign of the past: offer id, and the department it was about (`None`: any).
#[derive(Debug, Clone, Copy)]
pub(super) struct PastOffer {
    pub(super) id: &'static str,
    pub(super) department: Option<usize>,
}

/// What was offered before. The ids are the kind of the offer and what it was about.
pub(super) const PAST_OFFERS: [PastOffer; 9] = [
    PastOffer { id: "next_item", department: None },
    PastOffer { id: "replenish", department: None },
    PastOffer { id: "accessory_phone", department: Some(0) },
    PastOffer { id: "accessory_home", department: Some(6) },
    PastOffer { id: "early_access_pet", department: Some(1) },
    PastOffer { id: "early_access_baby", department: Some(2) },
    PastOffer { id: "early_access_beauty", department: Some(3) },
    PastOffer { id: "early_access_tea", department: Some(4) },
    PastOffer { id: "early_access_winter", department: Some(5) },
];

/// Planted probability that a member of a persona accepts an offer.
pub(super) fn acceptance(persona: usize, offer: &PastOffer) -> f64 {
    match offer.department {
        None => 0.12,
        Some(department) if department == PERSONAS[persona].main => 0.30,
        Some(_) => 0.03,
    }
}

pub(super) fn schema() -> Schema {
    Schema::new(vec![
        text("member_id", false),
        text("offer_id", false),
        time("sent_at", false),
        text("channel", false),
        text("outcome", true),
        time("outcome_at", true),
        text("run_id", true),
    ])
}

pub(super) fn contacts(world: &World, block: &[Cell]) -> Result<Vec<ArrayRef>, ArrowError> {
    struct Row {
        member: u64,
        offer: &'static str,
        sent: i64,
        channel: &'static str,
        outcome: Option<(&'static str, i64)>,
    }
    let last = world.spec.last_day;
    let end = seconds(last.plus(1), 0);
    let mut rows: Vec<Row> = Vec::new();
    for (member, profile, _) in members_of(block) {
        if profile.consent != Consent::Given {
            continue;
        }
        let dice = &mut Dice::of(world.streams.contacts, member);
        let persona = profile.drift.map_or(profile.persona, |(after, _)| after);
        let start = rows.len();
        for _ in 0..(CONTACTS * 2.0 * dice.unit() + 0.5) as u32 {
            // Campaigns aim: half of them at the member's department.
            let offer = if dice.chance(0.5) {
                PAST_OFFERS.iter().find(|o| o.department == Some(PERSONAS[persona].main)).unwrap_or(&PAST_OFFERS[0])
            } else {
                &PAST_OFFERS[dice.below(PAST_OFFERS.len() as u32) as usize]
            };
            let day = last.plus(-dice.range(0, CONTACT_DAYS - 1));
            if day < world.date(profile.joined) {
                continue;
            }
            let sent = seconds(day, 9 * 3600 + dice.below(10 * 3600));
            let channel = CONTACT_CHANNELS[dice.below(CONTACT_CHANNELS.len() as u32) as usize];
            let u = dice.unit();
            let accepted = acceptance(persona, offer);
            let outcome = if u < accepted {
                Some("accepted")
            } else if u < accepted + REFUSED {
                Some("refused")
            } else {
                None
            };
            let answered = sent + i64::from(dice.below(ANSWER_DAYS * 86_400));
            // What was not answered by the end of the history is not known yet.
            let outcome = outcome.filter(|_| answered < end).map(|outcome| (outcome, answered));
            rows.push(Row { member, offer: offer.id, sent, channel, outcome });
        }
        rows[start..].sort_by_key(|row| (row.sent, row.offer));
    }
    Ok(vec![
        text_column(rows.iter().map(|row| member_id(row.member))),
        text_column(rows.iter().map(|row| row.offer)),
        time_column(rows.iter().map(|row| Some(row.sent))),
        text_column(rows.iter().map(|row| row.channel)),
        text_option_column(rows.iter().map(|row| row.outcome.map(|(outcome, _)| outcome))),
        time_column(rows.iter().map(|row| row.outcome.map(|(_, at)| at))),
        text_option_column(rows.iter().map(|_| None::<&str>)),
    ])
}
