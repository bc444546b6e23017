//! What must never be in a list: the unfit, the denied, the unwanted, and members who may not be there.

use std::collections::{BTreeMap, BTreeSet};

use super::support::{Table, by_key, demo, shop};

const DAY: i64 = 86_400_000_000;

/// Members by what the truth says of their consent.
fn members_with(wanted: impl Fn(&str, bool) -> bool) -> BTreeSet<String> {
    let truth = Table::read(&shop("truth/members.parquet"));
    let minors = truth.flags("minor").into_iter().zip(truth.flags("guardian_consent"));
    truth
        .names("member_id")
        .into_iter()
        .zip(truth.names("consent").into_iter().zip(minors))
        .filter(|(_, (consent, (minor, guardian)))| wanted(consent, *minor == Some(true) && *guardian != Some(true)))
        .map(|(member, _)| member.to_owned())
        .collect()
}

#[test]
fn who_may_not_be_there_is_nowhere() {
    let absent = members_with(|consent, minor| minor || !matches!(consent, "given" | "opted_out"));
    assert!(absent.len() > 50);
    for name in ["segments.parquet", "tags.parquet", "offers.parquet", "features.parquet"] {
        let table = demo().table(name);
        assert!(table.names("member_id").iter().all(|m| !absent.contains(*m)), "{name}");
    }
    for name in ["full", "members", "preview"] {
        let text = demo().text(&format!("crm/generic/{name}.csv"));
        for line in text.lines().skip(1) {
            let member = line.split(',').next().unwrap();
            assert!(!absent.contains(member), "{name}: {line}");
        }
    }
}

#[test]
fn who_opted_out_gets_the_one_generic_list() {
    let out = members_with(|consent, minor| !minor && consent == "opted_out");
    for name in ["segments.parquet", "tags.parquet", "features.parquet"] {
        assert!(demo().table(name).names("member_id").iter().all(|m| !out.contains(*m)), "{name}");
    }
    let offers = demo().table("offers.parquet");
    let mut lists: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let members = offers.names("member_id");
    let (items, zh, segments) = (offers.texts("item_id"), offers.names("text_zh"), offers.ints("segment_id"));
    let (basis, arms) = (offers.names("basis"), offers.names("arm"));
    for row in 0..offers.rows() {
        assert_eq!(out.contains(members[row]), basis[row] == "generic", "{}", members[row]);
        if basis[row] == "generic" {
            assert_eq!((segments[row], arms[row]), (None, "treated"));
            lists.entry(members[row]).or_default().push(format!("{:?} {}", items[row], zh[row]));
        }
    }
    assert_eq!(lists.len() as u64, demo().manifest.members.opted_out);
    assert!(lists.len() > 40);
    let one = lists.values().next().unwrap();
    assert!(!one.is_empty() && lists.values().all(|list| list == one), "the same list for each");
}

#[test]
fn nothing_denied_sold_out_or_yet_to_come() {
    let items = Table::read(&shop("items.parquet"));
    let ids = items.names("item_id");
    let denied = by_key(ids.clone(), items.flags("denied"));
    let stock = by_key(ids.clone(), items.ints("stock"));
    let launch = by_key(ids, items.days("launch_date"));
    assert!(denied.values().any(|d| *d == Some(true)) && stock.values().any(|s| *s == Some(0)));
    let offers = demo().table("offers.parquet");
    let from = offers.days("valid_from");
    let because = offers.field("evidence", "item_id");
    let because = because.texts("item_id");
    for (row, item) in offers.texts("item_id").into_iter().enumerate() {
        if let Some(item) = item {
            assert_eq!(denied.get(item), Some(&Some(false)), "{item}");
            assert_ne!(stock[item], Some(0), "{item}");
            assert!(launch[item].is_none_or(|day| day <= from[row].unwrap()), "{item}");
        }
        if let Some(item) = because[row] {
            assert_ne!(denied.get(item), Some(&Some(true)), "{item} as a reason");
        }
    }
}

/// Items a member bought and did not bring back whole.
fn owned() -> BTreeSet<(String, String)> {
    let lines = Table::read_folder(&shop("transactions"));
    let end = i64::from(demo().manifest.as_of.0 + 1) * DAY;
    let mut units: BTreeMap<(String, String), i64> = BTreeMap::new();
    let (members, items) = (lines.texts("member_id"), lines.names("item_id"));
    let (times, quantities) = (lines.times("ts"), lines.ints("quantity"));
    for row in 0..lines.rows() {
        if let Some(member) = members[row].filter(|_| times[row].unwrap() < end) {
            *units.entry((member.to_owned(), items[row].to_owned())).or_default() += quantities[row].unwrap();
        }
    }
    units.into_iter().filter(|(_, units)| *units > 0).map(|(key, _)| key).collect()
}

#[test]
fn accessories_are_never_unfit() {
    let rules = Table::read(&shop("compatibility.parquet"));
    let items = Table::read(&shop("items.parquet"));
    let category = by_key(items.names("item_id"), items.texts("category"));
    let stands_for = |name: &str, item: &str| {
        let path = category.get(item).copied().flatten().unwrap_or_default();
        name == item || path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut declared: Vec<(String, String)> = rules
        .names("device")
        .into_iter()
        .zip(rules.names("accessory"))
        .map(|(d, a)| (d.to_owned(), a.to_owned()))
        .collect();
    for (accessory, devices) in items.names("item_id").into_iter().zip(items.lists("fits")) {
        declared.extend(devices.into_iter().map(|device| (device, accessory.to_owned())));
    }
    let fits = |device: &str, item: &str| declared.iter().any(|(d, a)| stands_for(d, device) && stands_for(a, item));

    let owned = owned();
    let offers = demo().table("offers.parquet");
    let (members, kinds, wanted) = (offers.names("member_id"), offers.names("kind"), offers.texts("item_id"));
    let devices = offers.field("evidence", "item_id");
    let devices = devices.texts("item_id");
    let mut checked = BTreeMap::new();
    for row in 0..offers.rows() {
        if kinds[row] != "accessory" {
            continue;
        }
        let (member, item, device) = (members[row], wanted[row].unwrap(), devices[row].unwrap());
        assert!(owned.contains(&(member.to_owned(), device.to_owned())), "{member} does not own {device}");
        let fit = *checked.entry((device, item)).or_insert_with(|| fits(device, item));
        assert!(fit, "{item} does not fit {device} of {member}");
        assert!(!owned.contains(&(member.to_owned(), item.to_owned())), "{member} has {item}");
    }
    assert!(checked.len() > 20, "{} pairs of device and accessory", checked.len());
}

#[test]
fn channels_and_refusals_are_respected() {
    let as_of = demo().manifest.as_of.0;
    let members = Table::read(&shop("members.parquet"));
    let opted_in = by_key(members.names("member_id"), members.lists("channel_opt_in"));
    let contacts = Table::read(&shop("contacts.parquet"));
    let (outcomes, times) = (contacts.texts("outcome"), contacts.times("outcome_at"));
    let mut refused = BTreeSet::new();
    for (i, key) in contacts.names("member_id").into_iter().zip(contacts.names("offer_id")).enumerate() {
        let day = times[i].map(|t| t.div_euclid(DAY));
        // A refusal keeps an offer away for 90 days.
        if outcomes[i] == Some("refused")
            && day.is_some_and(|d| (i64::from(as_of) - 88..=i64::from(as_of)).contains(&d))
        {
            refused.insert(key);
        }
    }
    assert!(refused.len() > 5);
    let offers = demo().table("offers.parquet");
    let (ids, kinds, basis) = (offers.names("offer_id"), offers.names("kind"), offers.names("basis"));
    let (channels, categories) = (offers.texts("channel"), offers.texts("category"));
    for (row, member) in offers.names("member_id").into_iter().enumerate() {
        assert!(basis[row] == "generic" || !refused.contains(&(member, ids[row])), "{member} refused {}", ids[row]);
        if let Some(channel) = channels[row] {
            assert!(opted_in[member].iter().any(|c| c == channel), "{member} {channel}");
        }
        if kinds[row] == "category_early_access" {
            let department = categories[row].unwrap().split('/').next().unwrap();
            assert_eq!(ids[row], format!("early_access_{department}"), "{member}");
        }
    }
}

#[test]
fn suppressed_tags_are_not_given() {
    let suppressed = Table::read(&shop("suppressed_tags.parquet"));
    let tags = demo().table("tags.parquet");
    let given: BTreeSet<_> = tags.names("member_id").into_iter().zip(tags.names("tag")).collect();
    for pair in suppressed.names("member_id").into_iter().zip(suppressed.names("tag")) {
        assert!(!given.contains(&pair), "{pair:?}");
    }
}
