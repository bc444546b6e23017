//! Every table of the contracts reads back with its columns and keys.

use std::collections::{HashMap, HashSet};

use super::read::{dates, flags, lists, shop, table, texts, times};
use crate::{
    base::{Day, calendar::age_on, tag_code::TagCode},
    generate::departments::{ATTACHMENTS, LEAVES},
};

#[test]
fn columns_are_named_as_the_contracts_name_them() {
    for (name, columns) in [
        (
            "transactions/2024-07",
            "member_id order_id item_id ts quantity unit_price discount channel store city is_return",
        ),
        (
            "items",
            "item_id name category category_zh brand collection parent price price_tier launch_date stock fits \
             consumable_days warranty_days group_size denied",
        ),
        (
            "members",
            "member_id birth_date lunar_birthday city city_tier joined loyalty_tier points points_expire \
             channel_opt_in preferred_channel",
        ),
        ("consent", "member_id lawful_basis ts personalisation_opt_out guardian_consent withdrawn_at"),
        ("identities", "member_id system external_id employee same_as"),
        ("contacts", "member_id offer_id sent_at channel outcome outcome_at run_id"),
        ("activities", "member_id activity ts subject closed_at"),
        ("compatibility", "device accessory"),
        ("suppressed_tags", "member_id tag"),
        ("tag_ids", "system tag target_id"),
    ] {
        let batch = table(&shop().dir.path().join(format!("{name}.parquet")));
        let schema = batch.schema();
        let found: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(found, columns.split_whitespace().collect::<Vec<_>>(), "{name}");
        assert!(batch.num_rows() > 0, "{name}");
    }
}

#[test]
fn members_and_consent_agree_with_the_truth() {
    let dir = shop().dir.path();
    let (members, truth) = (table(&dir.join("members.parquet")), table(&dir.join("truth/members.parquet")));
    let ids = texts(&members, "member_id");
    assert!(ids.is_sorted() && ids == texts(&truth, "member_id"));
    let last = shop().spec.last_day;
    let (birth, lunar) = (dates(&members, "birth_date"), flags(&members, "lunar_birthday"));
    let (minor, guardian) = (flags(&truth, "minor"), flags(&truth, "guardian_consent"));
    let mut lunar_birthdays = 0;
    for i in 0..ids.len() {
        let age = birth[i].and_then(|day| age_on(Day(day), lunar[i].unwrap(), last));
        assert_eq!(age.is_some_and(|age| age < 14), minor[i].unwrap(), "{:?} {age:?}", ids[i]);
        lunar_birthdays += u32::from(lunar[i].unwrap());
    }
    assert!(lunar_birthdays > 50);

    // The newest row wins.
    let consent = table(&dir.join("consent.parquet"));
    let (owner, ts) = (texts(&consent, "member_id"), times(&consent, "ts"));
    let (opt_out, withdrawn) = (flags(&consent, "personalisation_opt_out"), times(&consent, "withdrawn_at"));
    let guardians = flags(&consent, "guardian_consent");
    let mut state: HashMap<String, (i64, &str, Option<bool>)> = HashMap::new();
    for i in 0..owner.len() {
        let code = match (opt_out[i].unwrap(), withdrawn[i]) {
            (_, Some(_)) => "withdrawn",
            (true, None) => "opted_out",
            (false, None) => "given",
        };
        let entry = state.entry(owner[i].clone().unwrap()).or_insert((i64::MIN, "", None));
        if ts[i].unwrap() > entry.0 {
            *entry = (ts[i].unwrap(), code, guardians[i]);
        }
    }
    assert!(owner.len() > state.len(), "some members have an older row too");
    let planted = texts(&truth, "consent");
    for i in 0..ids.len() {
        let found = state.get(ids[i].as_ref().unwrap());
        assert_eq!(found.map_or("no_row", |found| found.1), planted[i].as_deref().unwrap());
        if let Some(found) = found {
            assert_eq!(found.2 == Some(true), minor[i].unwrap() && guardian[i].unwrap());
        }
    }
    let summary = &shop().summary.members;
    assert_eq!(planted.iter().filter(|code| code.as_deref() == Some("opted_out")).count() as u64, summary.opted_out);
}

#[test]
fn items_fit_what_they_say() {
    let dir = shop().dir.path();
    let items = table(&dir.join("items.parquet"));
    let ids: Vec<String> = texts(&items, "item_id").into_iter().flatten().collect();
    let category: Vec<String> = texts(&items, "category").into_iter().flatten().collect();
    let category_of: HashMap<&str, &str> =
        ids.iter().map(String::as_str).zip(category.iter().map(String::as_str)).collect();
    assert_eq!(category_of.len(), shop().spec.items as usize + 3);
    for leaf in LEAVES {
        assert!(category.iter().any(|c| c == leaf.code), "{}", leaf.code);
    }
    for parent in texts(&items, "parent").into_iter().flatten() {
        assert!(category_of.contains_key(parent.as_str()));
    }
    let fits = lists(&items, "fits");
    let mut pairs: HashSet<(String, String)> = HashSet::new();
    for (i, devices) in fits.iter().enumerate() {
        let attachment = ATTACHMENTS.iter().find(|a| a.accessory == category[i]);
        assert_eq!(devices.is_empty(), attachment.is_none(), "{} {}", ids[i], category[i]);
        for device in devices {
            let attachment = attachment.unwrap();
            if attachment.by_item {
                assert_eq!(category_of[device.as_str()], attachment.device);
                pairs.insert((device.clone(), ids[i].clone()));
            } else {
                assert_eq!(device, attachment.device);
                pairs.insert((device.clone(), attachment.accessory.to_owned()));
            }
        }
    }
    let compatibility = table(&dir.join("compatibility.parquet"));
    let found: HashSet<_> = texts(&compatibility, "device")
        .into_iter()
        .flatten()
        .zip(texts(&compatibility, "accessory").into_iter().flatten())
        .collect();
    assert_eq!(found, pairs);
}

#[test]
fn contacts_are_before_the_end_and_tags_are_codes() {
    let dir = shop().dir.path();
    let contacts = table(&dir.join("contacts.parquet"));
    let end = i64::from(shop().spec.last_day.0 + 1) * 86_400;
    let (sent, answered) = (times(&contacts, "sent_at"), times(&contacts, "outcome_at"));
    let outcome = texts(&contacts, "outcome");
    let mut outcomes: HashMap<Option<&str>, u32> = HashMap::new();
    for i in 0..contacts.num_rows() {
        assert!(sent[i].unwrap() < end && answered[i].is_none_or(|at| at < end && at >= sent[i].unwrap()));
        assert_eq!(outcome[i].is_some(), answered[i].is_some());
        *outcomes.entry(outcome[i].as_deref()).or_default() += 1;
    }
    assert_eq!(outcomes.len(), 3);
    for name in ["suppressed_tags", "tag_ids"] {
        let tags = texts(&table(&dir.join(format!("{name}.parquet"))), "tag");
        assert!(tags.iter().all(|tag| TagCode::new(tag.as_deref().unwrap()).is_some()));
    }
}
