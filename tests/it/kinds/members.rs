//! Kinds that read what the shop says about its members.

use std::collections::{BTreeMap, BTreeSet};

use nextoffer::base::{
    Day,
    calendar::{Birthday, age_on},
};

use super::{days_of, found};

#[test]
fn points_expiring() {
    let shop = found();
    let points = shop.attribute(shop.members.ints("points"));
    let expire = shop.attribute(shop.members.days("points_expire"));
    let due = |id: &str| {
        points[id] >= Some(200) && expire[id].is_some_and(|d| (shop.as_of + 1..=shop.as_of + 21).contains(&d))
    };
    for slot in shop.of("points_expiring") {
        let id = slot.member.as_str();
        assert!(due(id) && slot.amount == points[id] && slot.date == expire[id], "{slot:?}");
        assert!(slot.zh.contains(&points[id].unwrap().to_string()), "{slot:?}");
    }
    let expected: Vec<&String> = shop.reachable(false).filter(|id| due(id)).collect();
    assert!((shop.recall("points_expiring", expected, 50) - 1.0).abs() < 1e-9);
}

#[test]
fn coupon() {
    let shop = found();
    let points = shop.attribute(shop.members.ints("points"));
    let expire = shop.attribute(shop.members.days("points_expire"));
    for slot in shop.of("coupon") {
        assert!(points[slot.member.as_str()] >= Some(500));
        let soon = expire[slot.member.as_str()].is_some_and(|d| (shop.as_of + 1..=shop.as_of + 31).contains(&d));
        assert_eq!(slot.reason, if soon { "points_expire" } else { "enough_points" });
        assert!(slot.zh.contains("30 元券") && slot.en.contains("30 yuan off"), "{slot:?}");
    }
    let expected: Vec<&String> = shop.reachable(true).filter(|id| points[id.as_str()] >= Some(500)).collect();
    assert!((shop.recall("coupon", expected, 100) - 1.0).abs() < 1e-9);
}

#[test]
fn birthday() {
    let shop = found();
    let born = shop.attribute(shop.members.days("birth_date"));
    let lunar = shop.attribute(shop.members.flags("lunar_birthday"));
    let next = |id: &str| {
        let (born, lunar) = (Day(born[id]?), lunar[id] == Some(true));
        if age_on(born, lunar, Day(shop.as_of))? < 14 {
            return None;
        }
        Birthday::from_written(born, lunar).next(Day(shop.as_of + 1)).map(|d| d.0).filter(|d| *d <= shop.as_of + 21)
    };
    for slot in shop.of("birthday") {
        assert_eq!(slot.date, next(&slot.member), "{slot:?}");
        assert_eq!(slot.reason == "lunar_birthday", lunar[slot.member.as_str()] == Some(true));
    }
    assert!(shop.of("birthday").iter().any(|s| s.reason == "lunar_birthday"));
    let expected: Vec<&String> = shop.reachable(true).filter(|id| next(id).is_some()).collect();
    assert!((shop.recall("birthday", expected, 50) - 1.0).abs() < 1e-9);
}

#[test]
fn tier_progress() {
    let shop = found();
    let tier = shop.attribute(shop.members.names("loyalty_tier"));
    let steps = [("standard", 0), ("silver", 200_000), ("gold", 600_000), ("black", 2_000_000)];
    assert!(shop.of("tier_progress").len() > 30);
    for slot in shop.of("tier_progress") {
        let own = steps.iter().position(|s| s.0 == tier[slot.member.as_str()]).unwrap();
        let next = steps[own + 1];
        let gap = slot.amount.unwrap();
        assert!(gap > 0 && gap * 4 <= next.1, "{slot:?}");
        let name = ["普通", "银卡", "金卡", "黑卡"][own + 1];
        assert!(slot.zh.contains(name), "{slot:?}");
    }
}

#[test]
fn vip_preview() {
    let shop = found();
    let tier = shop.attribute(shop.members.names("loyalty_tier"));
    let top = |id: &str| matches!(tier[id], "gold" | "black");
    for slot in shop.of("vip_preview") {
        assert!(top(&slot.member) && shop.in_category(&slot.member, "beauty").next().is_some(), "{slot:?}");
        assert!(slot.zh.contains(if tier[slot.member.as_str()] == "gold" { "金卡" } else { "黑卡" }), "{slot:?}");
    }
    let sure = |id: &str| shop.in_category(id, "beauty").any(|l| !l.perhaps_returned);
    let expected: Vec<&String> = shop.reachable(true).filter(|id| top(id) && sure(id)).collect();
    assert!(shop.recall("vip_preview", expected, 30) > 0.98);
}

#[test]
fn who_lives_near() {
    let shop = found();
    let tier = shop.attribute(shop.members.ints("city_tier"));
    let city = shop.attribute(shop.members.texts("city"));
    let near = |id: &str, tiers: &[i64]| tier[id].is_some_and(|t| tiers.contains(&t));
    for (offer, tiers) in
        [("appointment", &[1, 2][..]), ("consultation", &[1, 2]), ("local_event", &[2, 3]), ("store_visit", &[1])]
    {
        assert!(shop.of(offer).len() > 5, "{offer}");
        assert!(shop.of(offer).iter().all(|s| near(&s.member, tiers)), "{offer}");
    }
    for slot in shop.of("appointment") {
        let phone = slot.about.as_ref().unwrap();
        let own = shop.bought(&slot.member).iter().find(|l| &l.item == phone && Some(l.day) == slot.date);
        assert!(own.is_some_and(|l| l.day > shop.as_of - 120) && shop.is_in(phone, "phone/handset"), "{slot:?}");
    }
    let phones =
        |id: &str| shop.in_category(id, "phone/handset").any(|l| l.day > shop.as_of - 120 && !l.perhaps_returned);
    let expected: Vec<&String> = shop.reachable(false).filter(|id| near(id, &[1, 2]) && phones(id)).collect();
    assert!(shop.recall("appointment", expected, 5) > 0.95);
    // A routine of four steps: at least two in use, at least one not.
    let steps = ["beauty/cleanser", "beauty/serum", "beauty/mask", "beauty/sunscreen"];
    for slot in shop.of("consultation") {
        let used = |path: &&str| shop.in_category(&slot.member, path).any(|l| l.day > shop.as_of - 120);
        let count = steps.iter().filter(|p| used(p)).count();
        assert!((2..4).contains(&slot.count.unwrap()) && count >= slot.count.unwrap() as usize, "{slot:?}");
        let missing = slot.about_category.as_deref().unwrap();
        let kept = shop.in_category(&slot.member, missing).any(|l| l.day > shop.as_of - 120 && !l.perhaps_returned);
        assert!(steps.contains(&missing) && !kept, "{slot:?}");
    }
    for slot in shop.of("local_event") {
        assert!(shop.in_category(&slot.member, "apparel").any(|l| l.day > shop.as_of - 365), "{slot:?}");
        assert!(slot.zh.contains(city[slot.member.as_str()].unwrap()), "{slot:?}");
    }
    for slot in shop.of("store_visit") {
        let recent = shop.bought(&slot.member).iter().filter(|l| l.day > shop.as_of - 365);
        let brands: BTreeSet<&String> = recent.filter_map(|l| shop.brand.get(&l.item)).collect();
        assert!(brands.len() as i64 >= slot.count.unwrap() && slot.count >= Some(4), "{slot:?}");
        assert!(slot.zh.contains(city[slot.member.as_str()].unwrap()), "{slot:?}");
    }
}

#[test]
fn milestone() {
    let shop = found();
    let joined = shop.attribute(shop.members.days("joined"));
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for slot in shop.of("milestone") {
        *reasons.entry(slot.reason.as_str()).or_default() += 1;
        match slot.reason.as_str() {
            "nth_order" => {
                let orders: BTreeSet<&String> = shop.bought(&slot.member).iter().map(|l| &l.order).collect();
                assert!([5, 10, 20, 30].contains(&slot.count.unwrap()) && orders.len() as i64 >= slot.count.unwrap());
                assert!(slot.date.unwrap() > shop.as_of - 31, "{slot:?}");
            }
            "anniversary" => {
                let (date, start) = (Day(slot.date.unwrap()), Day(joined[slot.member.as_str()].unwrap()));
                assert_eq!(i64::from(date.ymd().0 - start.ymd().0), slot.count.unwrap());
                assert!((1..=15).contains(&(date.0 - shop.as_of)));
                assert!((date.ymd().1, date.ymd().2) == (start.ymd().1, start.ymd().2) || start.ymd().2 == 29);
            }
            _ => assert_eq!((slot.reason.as_str(), slot.count), ("top_spender", Some(1))),
        }
    }
    // The list may hold one thing of an offer once: the best of a member's milestones.
    let top = reasons["top_spender"] as f64 / shop.personalised.len() as f64;
    assert!(reasons["nth_order"] > 10 && reasons["anniversary"] > 10 && (0.002..0.0105).contains(&top), "{reasons:?}");
}

/// Rows of the activities table of one sort: member, and cause or group.
fn did(activity: &str) -> Vec<(&'static str, Option<&'static str>)> {
    let table = &found().activities;
    let rows = table.names("member_id").into_iter().zip(table.names("activity")).zip(table.texts("subject"));
    rows.filter(|((_, a), _)| *a == activity).map(|((m, _), s)| (m, s)).collect()
}

#[test]
fn referrals_communities_and_gifts() {
    let shop = found();
    let mut referred: BTreeMap<&str, i64> = BTreeMap::new();
    for (member, _) in did("referral") {
        *referred.entry(member).or_default() += 1;
    }
    for slot in shop.of("referral_invite") {
        assert_eq!(slot.count, referred.get(slot.member.as_str()).copied(), "{slot:?}");
    }
    let expected: Vec<&String> = shop.reachable(true).filter(|id| referred.contains_key(id.as_str())).collect();
    assert!((shop.recall("referral_invite", expected, 30) - 1.0).abs() < 1e-9);

    let opt_in = shop.attribute(shop.members.lists("channel_opt_in"));
    let within: BTreeSet<&str> = did("community").into_iter().map(|(m, _)| m).collect();
    assert!(shop.of("community_invite").len() > 20);
    for slot in shop.of("community_invite") {
        assert!(!within.contains(slot.member.as_str()), "already in: {slot:?}");
        assert!(opt_in[slot.member.as_str()].iter().any(|c| c == "wecom"), "{slot:?}");
        let days = days_of(shop.bought(&slot.member).iter());
        assert!(days.len() >= 3 && shop.as_of + 1 - days.last().unwrap() <= 60, "{slot:?}");
        assert!(slot.count <= Some(20), "{slot:?}");
    }

    let gave: BTreeSet<&str> = did("donation").into_iter().map(|(m, _)| m).collect();
    for slot in shop.of("donation_match") {
        assert_eq!(slot.reason == "took_part", gave.contains(slot.member.as_str()), "{slot:?}");
        assert!(slot.zh.contains("山村图书角"));
    }
    let expected: Vec<&String> = shop.reachable(false).filter(|id| gave.contains(id.as_str())).collect();
    assert!((shop.recall("donation_match", expected, 15) - 1.0).abs() < 1e-9);
    // Planted: tea drinkers give, so their segment is asked, and hardly another one.
    let truth = crate::support::Table::read(&crate::support::shop("truth/members.parquet"));
    let persona = crate::support::by_key(truth.names("member_id"), truth.names("persona"));
    let asked: Vec<&str> = shop
        .of("donation_match")
        .iter()
        .filter(|s| s.reason == "members_like_you")
        .map(|s| persona[s.member.as_str()])
        .collect();
    let tea = asked.iter().filter(|p| **p == "tea_connoisseur").count();
    assert!(asked.len() > 50 && tea * 10 > asked.len() * 8, "{tea} of {}", asked.len());
}
