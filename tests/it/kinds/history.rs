//! Kinds that read the purchase history alone.

use std::collections::BTreeSet;

use super::{Line, day, days_of, found};
use crate::support::{Table, by_key, shop};

/// The lower median of the gaps between days.
fn median_gap(days: &BTreeSet<i32>) -> i32 {
    let days: Vec<i32> = days.iter().copied().collect();
    let mut gaps: Vec<i32> = days.windows(2).map(|w| w[1] - w[0]).collect();
    gaps.sort_unstable();
    gaps[(gaps.len() - 1) / 2]
}

/// Whether the member brought nothing back, so that the rows alone say what is in the history.
fn is_plain(lines: &[Line]) -> bool {
    lines.iter().all(|l| !l.perhaps_returned)
}

#[test]
fn every_kind_reaches_somebody() {
    let shop = found();
    assert_eq!(shop.summary.offers.len(), 28);
    for offer in &shop.summary.offers {
        assert!(offer.chosen > 0, "{}: {:?}", offer.offer_id, offer.reach);
        let reach = offer.reach;
        assert!(reach.eligible >= reach.consented && reach.consented >= reach.rested, "{reach:?}");
        assert!(reach.wanted >= reach.after_caps && reach.after_caps > 0, "{reach:?}");
    }
}

#[test]
fn sentences_are_whole() {
    for (offer, slots) in &found().slots {
        for slot in slots {
            for text in [&slot.zh, &slot.en] {
                assert!(!text.is_empty() && text.chars().count() <= 200, "{offer}: {text}");
                // Something was to be filled in and was not: two blanks, empty quotation marks, a blank before a stop.
                for gap in ["  ", "「」", "{", "}", " .", " ,", "，，", "：。"] {
                    assert!(!text.contains(gap), "{offer}: {text}");
                }
            }
        }
    }
}

#[test]
fn winback() {
    let shop = found();
    let lapse = Table::read(&shop_file("truth/members.parquet"));
    let lapsed = by_key(lapse.names("member_id"), lapse.days("lapse_date"));
    for slot in shop.of("winback") {
        let days = days_of(shop.bought(&slot.member).iter());
        if is_plain(shop.bought(&slot.member)) {
            assert_eq!(slot.date, days.last().copied());
            let gap = median_gap(&days).max(7);
            assert_eq!(slot.days, Some(i64::from(median_gap(&days))));
            assert!(f64::from(shop.as_of - days.last().unwrap()) >= 3.0 * f64::from(gap));
            assert_eq!(slot.count, Some(i64::from((shop.as_of - days.last().unwrap()) / gap)));
        }
    }
    // Planted: who stopped buying 120 to 300 days ago and had a rhythm.
    let expected: Vec<&String> = shop
        .reachable(true)
        .filter(|id| lapsed[id.as_str()].is_some())
        .filter(|id| {
            let days = days_of(shop.bought(id).iter());
            days.len() >= 3 && shop.as_of - days.last().unwrap() >= 3 * median_gap(&days).max(7)
        })
        .collect();
    assert!(shop.recall("winback", expected, 30) > 0.98);
}

fn shop_file(name: &str) -> std::path::PathBuf {
    shop(name)
}

#[test]
fn premium_upgrade() {
    let shop = found();
    let items = Table::read(&shop_file("items.parquet"));
    let tier = by_key(items.names("item_id"), items.ints("price_tier"));
    assert!(shop.of("premium_upgrade").len() > 50);
    for slot in shop.of("premium_upgrade") {
        let item = slot.item.as_ref().unwrap();
        let category = slot.about_category.as_ref().unwrap();
        assert_eq!(&shop.category[item], category);
        let own: Vec<&Line> = shop.in_category(&slot.member, category).collect();
        assert!(days_of(own.iter().copied()).len() >= 3, "no regular buyer: {slot:?}");
        assert!(own.iter().all(|l| &l.item != item || l.perhaps_returned), "bought before: {slot:?}");
        // A step up from what most of the baskets hold.
        let mut by_tier = [0; 4];
        let baskets: BTreeSet<(i32, &String)> = own.iter().map(|l| (l.day, &l.item)).collect();
        for (_, item) in baskets {
            by_tier[tier[item.as_str()].unwrap_or(0) as usize] += 1;
        }
        let usual = (1..4).rev().max_by_key(|t| by_tier[*t]).unwrap() as i64;
        if is_plain(shop.bought(&slot.member)) {
            assert!(tier[item.as_str()].unwrap() > usual, "{slot:?} {by_tier:?}");
        }
    }
}

#[test]
fn seasonal_item() {
    let shop = found();
    let season = |d: i32| {
        [("2024-11-01", "2025-02-28"), ("2025-11-01", "2026-02-28")].iter().any(|(a, b)| (day(a)..=day(b)).contains(&d))
    };
    let of = |id: &str| -> Vec<Line> {
        let all = shop.in_category(id, "apparel/down_jacket").chain(shop.in_category(id, "apparel/thermal"));
        all.filter(|l| season(l.day)).cloned().collect()
    };
    for slot in shop.of("seasonal_item") {
        let lines = of(&slot.member);
        assert!(lines.iter().any(|l| Some(l.day) == slot.date && Some(&l.item) == slot.about.as_ref()), "{slot:?}");
        assert!(shop.is_in(slot.item.as_ref().unwrap(), "apparel"));
        assert!(slot.from >= day("2026-11-01") && slot.until <= day("2027-02-28"));
    }
    let expected: Vec<&String> = shop.reachable(true).filter(|id| of(id).iter().any(|l| !l.perhaps_returned)).collect();
    assert!(shop.recall("seasonal_item", expected, 100) > 0.95);
}

#[test]
fn festival_bundle() {
    let shop = found();
    // Qixi was on 29 August 2025 and 10 August 2024; the window opens ten days before.
    let windows = [("2024-07-31", "2024-08-10"), ("2025-08-19", "2025-08-29")];
    let in_window = |d: i32| windows.iter().any(|(a, b)| (day(a)..=day(b)).contains(&d));
    let bought = |id: &str| shop.in_category(id, "beauty").any(|l| in_window(l.day) && !l.perhaps_returned);
    for slot in shop.of("festival_bundle") {
        assert!(slot.zh.starts_with("七夕") && slot.en.starts_with("Qixi"), "{slot:?}");
        assert!(slot.from >= day("2026-08-09") && slot.until <= day("2026-08-19"), "{slot:?}");
        let beauty: Vec<&Line> = shop.in_category(&slot.member, "beauty").collect();
        match slot.reason.as_str() {
            "buys_its_categories" => assert!(beauty.len() >= 2 && !bought(&slot.member), "{slot:?}"),
            _ => assert!(in_window(slot.date.unwrap()) && beauty.iter().any(|l| Some(l.day) == slot.date), "{slot:?}"),
        }
    }
    let expected: Vec<&String> = shop.reachable(true).filter(|id| bought(id)).collect();
    assert!(shop.recall("festival_bundle", expected, 40) > 0.98);
}

#[test]
fn scarce_goods_go_to_who_is_close() {
    let shop = found();
    for (offer, names, wanted) in
        [("drop_early_access", &shop.collection, "敦煌联名"), ("limited_edition_draw", &shop.brand, "岁时茶事")]
    {
        let purchases = |id: &str| {
            let own = shop.bought(id).iter().filter(|l| names.get(&l.item).is_some_and(|n| n == wanted));
            own.map(|l| (l.day, &l.item)).collect::<BTreeSet<_>>().len()
        };
        let members: Vec<&String> = shop.of(offer).iter().map(|s| &s.member).collect();
        assert_eq!(members.iter().collect::<BTreeSet<_>>().len(), members.len(), "one each");
        for slot in shop.of(offer) {
            assert!(purchases(&slot.member) >= 2, "{slot:?}");
            assert!(slot.zh.contains(wanted), "{slot:?}");
        }
        let sure = |id: &&String| {
            let own = shop.bought(id).iter().filter(|l| names.get(&l.item).is_some_and(|n| n == wanted));
            own.filter(|l| !l.perhaps_returned).map(|l| (l.day, &l.item)).collect::<BTreeSet<_>>().len() >= 2
        };
        let expected: Vec<&String> = shop.reachable(true).filter(sure).collect();
        assert!(shop.recall(offer, expected, 10) > 0.98, "{offer}");
    }
}

#[test]
fn collection() {
    let shop = found();
    let in_it = |item: &str| shop.collection.get(item).is_some_and(|c| c == "东方彩妆系列");
    for slot in shop.of("collection") {
        let item = slot.item.as_ref().unwrap();
        assert!(in_it(item));
        let own = shop.bought(&slot.member);
        match slot.reason.as_str() {
            "bought_in_collection" => {
                assert!(own.iter().any(|l| in_it(&l.item)), "{slot:?}");
                assert!(own.iter().all(|l| &l.item != item || l.perhaps_returned), "{slot:?}");
                assert!(slot.zh.contains("东方彩妆系列"));
            }
            _ => assert!(own.iter().any(|l| Some(&l.item) == slot.about.as_ref()), "{slot:?}"),
        }
    }
    assert!(shop.of("collection").iter().any(|s| s.reason == "bought_in_collection"));
}

#[test]
fn channel_bridge() {
    let shop = found();
    let channels = |id: &str| shop.bought(id).iter().map(|l| l.channel.as_str()).collect::<BTreeSet<_>>();
    for slot in shop.of("channel_bridge") {
        if is_plain(shop.bought(&slot.member)) {
            let own = channels(&slot.member);
            assert!(own.len() == 1 && !own.contains("store"), "{slot:?} {own:?}");
        }
    }
    let expected: Vec<&String> = shop
        .reachable(true)
        .filter(|id| is_plain(shop.bought(id)) && days_of(shop.bought(id).iter()).len() >= 3)
        .filter(|id| channels(id).len() == 1 && !channels(id).contains("store"))
        .collect();
    assert!(shop.recall("channel_bridge", expected, 20) > 0.98);
}

#[test]
fn group_buy() {
    let shop = found();
    let items = Table::read(&shop_file("items.parquet"));
    let size = by_key(items.names("item_id"), items.ints("group_size"));
    assert!(shop.of("group_buy").len() > 100);
    for slot in shop.of("group_buy") {
        let item = slot.item.as_ref().unwrap();
        assert_eq!(slot.count, size[item.as_str()], "{slot:?}");
        let own = shop.bought(&slot.member).iter().any(|l| &l.item == item && Some(l.day) == slot.date);
        assert!(own || slot.reason == "suits_you", "{slot:?}");
    }
}

#[test]
fn service_reminder() {
    let shop = found();
    let items = Table::read(&shop_file("items.parquet"));
    let warranty = by_key(items.names("item_id"), items.ints("warranty_days"));
    let ends = |line: &Line| warranty.get(line.item.as_str()).copied().flatten().map(|d| line.day + d as i32);
    for slot in shop.of("service_reminder") {
        let date = slot.date.unwrap();
        assert!((shop.as_of + 1..=shop.as_of + 61).contains(&date));
        let device = slot.about.as_ref().unwrap();
        let own = shop.bought(&slot.member).iter().any(|l| &l.item == device && ends(l) == Some(date));
        assert!(own, "{slot:?}");
    }
    // Planted devices whose warranty ends within the lead days, bought once and kept.
    let devices = Table::read(&shop_file("truth/devices.parquet"));
    let mut due = BTreeSet::new();
    for ((member, item), at) in
        devices.names("member_id").iter().zip(devices.names("item_id")).zip(devices.days("date"))
    {
        let own: Vec<&Line> = shop.bought(member).iter().filter(|l| l.item == item).collect();
        let end = warranty[item].map(|d| at.unwrap() + d as i32);
        if own.len() == 1
            && !own[0].perhaps_returned
            && end.is_some_and(|e| (shop.as_of + 1..=shop.as_of + 61).contains(&e))
            && shop.personalised.contains(*member)
        {
            due.insert((*member).to_owned());
        }
    }
    assert!(shop.recall("service_reminder", &due, 10) > 0.9);
}

#[test]
fn content_series_and_early_access() {
    let shop = found();
    let baskets = |id: &str, path: &str, since: i32| {
        shop.in_category(id, path).filter(|l| l.day >= since).map(|l| (l.day, &l.item)).collect::<BTreeSet<_>>().len()
    };
    for slot in shop.of("content_series") {
        assert!(baskets(&slot.member, "baby", i32::MIN) >= 2, "{slot:?}");
        assert!(shop.is_in(slot.about.as_ref().unwrap(), "baby"));
    }
    let expected: Vec<&String> = shop
        .reachable(false)
        .filter(|id| is_plain(shop.bought(id)) && baskets(id, "baby", shop.as_of - 364) >= 4)
        .collect();
    assert!(shop.recall("content_series", expected, 50) > 0.98);
    for slot in shop.of("category_early_access") {
        let days = days_of(shop.in_category(&slot.member, "pet"));
        assert!(days.len() >= 3 && days.contains(&slot.date.unwrap()), "{slot:?}");
    }
}

#[test]
fn replenish_accessories_and_next_items() {
    let shop = found();
    let items = Table::read(&shop_file("items.parquet"));
    let stock = by_key(items.names("item_id"), items.ints("stock"));
    let launch = by_key(items.names("item_id"), items.days("launch_date"));
    let denied = by_key(items.names("item_id"), items.flags("denied"));
    for (offer, slots) in &shop.slots {
        for item in slots.iter().filter_map(|s| s.item.as_deref()) {
            assert!(stock[item] > Some(0) && denied[item] == Some(false), "{offer} {item}");
            assert!(launch[item].is_none_or(|l| l <= shop.as_of + 1), "{offer} {item}");
        }
    }
    for slot in shop.of("replenish") {
        assert!(shop.bought(&slot.member).iter().any(|l| Some(&l.item) == slot.item.as_ref()), "{slot:?}");
    }
    for slot in shop.of("accessory") {
        assert!(shop.bought(&slot.member).iter().any(|l| Some(&l.item) == slot.about.as_ref()), "{slot:?}");
    }
    let with_next = shop.of("next_item").iter().map(|s| &s.member).collect::<BTreeSet<_>>().len();
    assert!(with_next * 10 > shop.reachable(true).count() * 9, "{with_next}");
}
