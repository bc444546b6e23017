//! What was planted: the answers that a run is judged by. No job reads these files.

use arrow::{array::ArrayRef, datatypes::Schema, error::ArrowError};
use serde::Serialize;

use super::{
    activities,
    attach::AttachCounts,
    catalogue::{COMPANION_PROBABILITY, NO_ITEM},
    columns::{
        date, date_column, flag, flag_column, float, float_column, int, int_column, text, text_column,
        text_option_column, texts, texts_column,
    },
    contacts::{PAST_OFFERS, REFUSED, acceptance},
    departments::{ATTACHMENTS, DEPARTMENTS, MAX_LAG_DAYS},
    dirt::PlantedRows,
    line::Cell,
    member_tables::{TIERS, members_of},
    personas::{CHANNELS, PERSONAS, lift},
    profile::Consent,
    shopper::GAP_SPREAD,
    world::{World, member_id},
};
use crate::base::{Day, calendar::Festival};

pub(super) fn members_schema() -> Schema {
    Schema::new(vec![
        text("member_id", false),
        text("persona", false),
        text("persona_after", true),
        date("drift_date", true),
        date("lapse_date", true),
        text("consent", false),
        flag("minor", false),
        flag("guardian_consent", false),
        flag("may_be_personalised", false),
        int("rows", false),
        int("purchases", false),
    ])
}

pub(super) fn members(world: &World, block: &[Cell]) -> Result<Vec<ArrayRef>, ArrowError> {
    let rows: Vec<_> = members_of(block).collect();
    let persona = |p: usize| PERSONAS[p].code;
    Ok(vec![
        text_column(rows.iter().map(|row| member_id(row.0))),
        text_column(rows.iter().map(|row| persona(row.1.persona))),
        text_option_column(rows.iter().map(|row| row.1.drift.map(|(after, _)| persona(after)))),
        date_column(rows.iter().map(|row| row.1.drift.map(|(_, day)| world.date(day)))),
        date_column(rows.iter().map(|row| row.1.lapse.map(|day| world.date(day)))),
        text_column(rows.iter().map(|row| row.1.consent.code())),
        flag_column(rows.iter().map(|row| Some(row.1.minor))),
        flag_column(rows.iter().map(|row| Some(row.1.guardian))),
        flag_column(rows.iter().map(|row| Some(row.1.may_be_personalised()))),
        int_column(rows.iter().map(|row| Some(row.2.rows as i32))),
        int_column(rows.iter().map(|row| Some(row.2.purchases as i32))),
    ])
}

pub(super) fn rebuys_schema() -> Schema {
    Schema::new(vec![
        text("member_id", false),
        text("item_id", false),
        float("interval_days", false),
        date("first_date", false),
        date("last_date", false),
        int("purchases", false),
    ])
}

pub(super) fn rebuys(world: &World, block: &[Cell]) -> Result<Vec<ArrayRef>, ArrowError> {
    let rows: Vec<_> = block.iter().flat_map(|cell| &cell.streams).collect();
    Ok(vec![
        text_column(rows.iter().map(|row| member_id(row.member.into()))),
        text_column(rows.iter().map(|row| &world.catalogue.items[row.item as usize].id)),
        float_column(rows.iter().map(|row| Some(f64::from(row.interval)))),
        date_column(rows.iter().map(|row| Some(world.date(row.first)))),
        date_column(rows.iter().map(|row| Some(world.date(row.last)))),
        int_column(rows.iter().map(|row| Some(row.purchases as i32))),
    ])
}

pub(super) fn devices_schema() -> Schema {
    Schema::new(vec![
        text("member_id", false),
        text("item_id", false),
        date("date", false),
        texts("accessories"),
        texts("accessory_dates"),
    ])
}

pub(super) fn devices(world: &World, block: &[Cell]) -> Result<Vec<ArrayRef>, ArrowError> {
    let rows: Vec<_> = block.iter().flat_map(|cell| &cell.devices).collect();
    let id = |item: u32| world.catalogue.items[item as usize].id.clone();
    let attached = |row: &super::line::PlantedDevice| row.attached.iter().map(|(item, _)| id(*item)).collect();
    let dates = |row: &super::line::PlantedDevice| {
        row.attached.iter().map(|(_, day)| world.date(*day).to_string()).collect::<Vec<_>>()
    };
    Ok(vec![
        text_column(rows.iter().map(|row| member_id(row.member.into()))),
        text_column(rows.iter().map(|row| id(row.item))),
        date_column(rows.iter().map(|row| Some(world.date(row.day)))),
        texts_column(rows.iter().map(|row| -> Vec<String> { attached(row) })),
        texts_column(rows.iter().map(|row| dates(row))),
    ])
}

pub(super) fn items_schema() -> Schema {
    Schema::new(vec![
        text("item_id", false),
        float("interval_days", true),
        text("companion_item_id", true),
        float("companion_probability", true),
    ])
}

pub(super) fn items(world: &World) -> Vec<ArrayRef> {
    let items = &world.catalogue.items;
    let companion = |i: &super::catalogue::Item| (i.companion != NO_ITEM).then(|| &items[i.companion as usize].id);
    vec![
        text_column(items.iter().map(|item| &item.id)),
        float_column(items.iter().map(|item| (item.interval > 0.0).then_some(item.interval))),
        text_option_column(items.iter().map(companion)),
        float_column(items.iter().map(|item| (item.companion != NO_ITEM).then_some(COMPANION_PROBABILITY))),
    ]
}

/// Members by what was planted on them. Exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlantedMembers {
    /// Rows of the members table.
    pub members: u64,
    /// Members with no row in the transactions table at all.
    pub without_rows: u64,
    /// Members whose newest consent row opts out of personalisation.
    pub opted_out: u64,
    /// Members who withdrew their consent.
    pub withdrawn: u64,
    /// Members without a consent row.
    pub no_consent_row: u64,
    /// Members under 14 with a guardian's consent.
    pub minors_with_guardian: u64,
    /// Members under 14 without a guardian's consent.
    pub minors_without_guardian: u64,
    /// Members who changed persona.
    pub drifting: u64,
    /// Members who stopped buying.
    pub lapsed: u64,
    /// Members by persona, in the order of `personas.json`.
    pub by_persona: [u64; PERSONAS.len()],
}

impl PlantedMembers {
    pub(super) fn count(&mut self, block: &[Cell]) {
        for (_, profile, summary) in members_of(block) {
            self.members += 1;
            self.without_rows += u64::from(summary.rows == 0);
            self.opted_out += u64::from(profile.consent == Consent::OptedOut);
            self.withdrawn += u64::from(profile.consent == Consent::Withdrawn);
            self.no_consent_row += u64::from(profile.consent == Consent::NoRow);
            self.minors_with_guardian += u64::from(profile.minor && profile.guardian);
            self.minors_without_guardian += u64::from(profile.minor && !profile.guardian);
            self.drifting += u64::from(profile.drift.is_some());
            self.lapsed += u64::from(profile.lapse.is_some());
            self.by_persona[profile.persona] += 1;
        }
    }
}

/// `planted.json`: exact counts.
#[derive(Debug, Serialize)]
pub(super) struct PlantedFile {
    pub(super) rows: PlantedRows,
    pub(super) rows_kept: u64,
    pub(super) members: PlantedMembers,
}

#[derive(Debug, Serialize)]
struct PersonaTruth {
    code: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
    main_department: &'static str,
    share: f64,
    members: u64,
    departments: Named,
    channels: Named,
    repeats: f64,
    promotions: f64,
    festivals: f64,
}

/// Numbers by name, in the order given.
type Named = serde_json::Map<String, serde_json::Value>;

fn named(values: impl Iterator<Item = (&'static str, f64)>) -> Named {
    values.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// `personas.json`: the true segments; k is their number.
pub(super) fn personas(members: &PlantedMembers) -> impl Serialize + use<> {
    let personas: Vec<PersonaTruth> = PERSONAS
        .iter()
        .zip(members.by_persona)
        .map(|(persona, members)| PersonaTruth {
            code: persona.code,
            name_zh: persona.zh,
            name_en: persona.en,
            main_department: DEPARTMENTS[persona.main].code,
            share: persona.share,
            members,
            departments: named(DEPARTMENTS.iter().map(|d| d.code).zip(persona.departments)),
            channels: named(CHANNELS.into_iter().zip(persona.channels)),
            repeats: persona.repeats,
            promotions: persona.promotions,
            festivals: persona.festivals,
        })
        .collect();
    serde_json::json!({ "k": PERSONAS.len(), "personas": personas })
}

/// `attachments.json`: planted probabilities and what came of them within the days stated.
pub(super) fn attachments(counts: &AttachCounts) -> impl Serialize + use<> {
    let rows: Vec<_> = ATTACHMENTS
        .iter()
        .enumerate()
        .map(|(i, a)| {
            let (devices, attached) = counts.of(i);
            serde_json::json!({
                "device": a.device, "accessory": a.accessory, "probability": a.probability, "mean_lag_days": a.mean_days,
                "fits_by_item": a.by_item, "within_days": MAX_LAG_DAYS, "devices": devices, "attached": attached,
            })
        })
        .collect();
    serde_json::json!({ "attachments": rows })
}

/// `world.json`: festivals in the history, past offers, tiers, the spread of gaps.
pub(super) fn world(world: &World) -> impl Serialize + use<> {
    let (first, last) = (world.first_day, world.spec.last_day);
    let years = i32::from(first.ymd().0) - 1..=i32::from(last.ymd().0) + 1;
    let mut festivals: Vec<(Day, Day, Day, Festival)> = years
        .flat_map(|year| Festival::ALL.iter().filter_map(move |f| Some((f.window(year)?, f.day(year)?, *f))))
        .map(|((from, to), day, festival)| (from, to, day, festival))
        .filter(|(from, to, ..)| *to >= first && *from <= last)
        .collect();
    festivals.sort_by_key(|festival| festival.2);
    let festivals: Vec<_> = festivals
        .into_iter()
        .map(|(from, to, day, f)| {
            serde_json::json!({ "festival": f, "day": day, "from": from, "to": to, "lift": lift(f) })
        })
        .collect();
    let offers: Vec<_> = PAST_OFFERS
        .iter()
        .map(|offer| {
            let by_persona = named(PERSONAS.iter().enumerate().map(|(i, p)| (p.code, acceptance(i, offer))));
            serde_json::json!({ "offer_id": offer.id, "refused": REFUSED, "accepted_by_persona": by_persona })
        })
        .collect();
    let tiers: Vec<_> =
        TIERS.iter().map(|(tier, from)| serde_json::json!({ "tier": tier, "from_minor": from })).collect();
    serde_json::json!({
        "first_day": first, "last_day": last, "gap_spread": GAP_SPREAD, "festivals": festivals, "past_offers": offers,
        "tiers": tiers, "cause": activities::CAUSE, "group": activities::GROUP,
        "refers_by_persona": named(PERSONAS.iter().enumerate().map(|(i, p)| (p.code, activities::refers(i)))),
        "gives_by_persona": named(PERSONAS.iter().enumerate().map(|(i, p)| (p.code, activities::gives(i)))),
    })
}
