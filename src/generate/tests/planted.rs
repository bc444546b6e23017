//! The planted counts, recounted from the rows alone.

use std::collections::{HashMap, HashSet};

use super::read::{Row, dates, floats, lists, shop, table, texts};
use crate::{
    base::{Day, calendar::Festival},
    generate::{PlantedRows, departments::MAX_LAG_DAYS},
};

/// Counts every row under the first reason that holds, in the order cleaning uses.
fn recount(rows: &[Row], last_day: Day, items: &HashSet<String>) -> (PlantedRows, Vec<Row>) {
    let mut found = PlantedRows { rows: rows.len() as u64, ..PlantedRows::default() };
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for row in rows {
        if row.member.is_none() {
            found.null_member += 1;
        } else if row.day() > last_day.0 {
            found.after_last_day += 1;
        } else if !seen.insert(row) {
            found.duplicate += 1;
        } else if row.item.starts_with("FEE-") {
            found.not_merchandise += 1;
        } else if row.price == 0 && !row.is_return {
            found.zero_price += 1;
        } else {
            if !items.contains(&row.item) {
                found.unknown_item += 1;
            } else if !row.is_return {
                found.purchase += 1;
            }
            kept.push(row.clone());
        }
    }
    // Returns: taken off the member's latest earlier purchases of the item, as far as there are any.
    kept.sort_by_key(|row| (row.time, row.is_return));
    let mut bought: HashMap<(&Option<String>, &str), i32> = HashMap::new();
    for row in &kept {
        assert_eq!(row.is_return, row.quantity < 0);
        let left = bought.entry((&row.member, &row.item)).or_default();
        if row.is_return && *left == 0 {
            found.unmatched_return += 1;
        } else {
            found.matched_return += u64::from(row.is_return);
            *left += row.quantity;
            assert!(*left >= 0, "more came back than was bought: {row:?}");
        }
    }
    (found, kept)
}

#[test]
fn every_row_is_what_was_planted() {
    let shop = shop();
    let items: HashSet<String> =
        texts(&table(&shop.dir.path().join("items.parquet")), "item_id").into_iter().flatten().collect();
    let (found, kept) = recount(&shop.rows, shop.spec.last_day, &items);
    assert_eq!(found, shop.summary.rows);
    assert_eq!(found.rows, shop.spec.lines);
    assert_eq!(kept.len() as u64, found.kept());
    let all = [
        found.null_member,
        found.after_last_day,
        found.duplicate,
        found.not_merchandise,
        found.zero_price,
        found.unknown_item,
        found.unmatched_return,
    ];
    assert!(all.iter().all(|count| (10..2_000).contains(count)), "{found:?}");
    assert!((500..5_000).contains(&found.matched_return), "{found:?}");
    let json = std::fs::read_to_string(shop.dir.path().join("truth/planted.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::from_value::<PlantedRows>(json["rows"].clone()).unwrap(), found);
}

#[test]
fn rows_make_sense() {
    let shop = shop();
    let mut orders: HashMap<&str, &Row> = HashMap::new();
    for row in &shop.rows {
        assert!(row.day() >= shop.spec.first_day().0 && row.day() <= shop.spec.last_day.0 + 14);
        assert!(row.price >= 0 && row.discount >= 0 && row.quantity != 0);
        assert_eq!(row.store.is_some(), row.channel == "store");
        let first = orders.entry(&row.order).or_insert(row);
        assert_eq!((first.time, &first.member, &first.channel), (row.time, &row.member, &row.channel));
    }
    let lines = shop.rows.len() as f64 / orders.len() as f64;
    assert!((1.3..3.0).contains(&lines), "{lines} lines an order");
}

#[test]
fn nobody_buys_before_the_launch() {
    let shop = shop();
    let items = table(&shop.dir.path().join("items.parquet"));
    let launch: HashMap<String, i32> = texts(&items, "item_id")
        .into_iter()
        .flatten()
        .zip(dates(&items, "launch_date"))
        .filter_map(|(item, day)| Some((item, day?)))
        .collect();
    assert!(launch.values().any(|day| *day > shop.spec.last_day.0), "some items are yet to come");
    for row in &shop.rows {
        assert!(launch.get(&row.item).is_none_or(|day| *day <= row.day()), "{row:?}");
    }
}

#[test]
fn the_shopping_festival_is_the_peak() {
    let mut by_day: HashMap<i32, u32> = HashMap::new();
    for row in &shop().rows {
        *by_day.entry(row.day()).or_default() += 1;
    }
    let peak = by_day.iter().max_by_key(|(day, rows)| (**rows, **day)).map(|(day, _)| *day);
    assert_eq!(peak, Festival::Double11.day(2025).map(|day| day.0));
}

#[test]
fn devices_attach_as_planted() {
    let dir = shop().dir.path();
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("truth/attachments.json")).unwrap()).unwrap();
    for row in json["attachments"].as_array().unwrap() {
        let n = row["devices"].as_f64().unwrap();
        let (share, p) = (row["attached"].as_f64().unwrap() / n, row["probability"].as_f64().unwrap());
        // Within four standard errors.
        assert!(n > 50.0 && (share - p).abs() < 4.0 * (p * (1.0 - p) / n).sqrt() + 0.01, "{row}");
    }

    // Within the window, the rows hold the planted accessories and no other that fits the device.
    let mut bought: HashMap<(&str, &str), Vec<i32>> = HashMap::new();
    for row in shop().rows.iter().filter(|row| !row.is_return) {
        if let Some(member) = &row.member {
            bought.entry((member, &row.item)).or_default().push(row.day());
        }
    }
    let compatibility = table(&dir.join("compatibility.parquet"));
    let mut fitting: HashMap<String, Vec<String>> = HashMap::new();
    for (device, accessory) in texts(&compatibility, "device").into_iter().zip(texts(&compatibility, "accessory")) {
        fitting.entry(device.unwrap()).or_default().push(accessory.unwrap());
    }
    let devices = table(&dir.join("truth/devices.parquet"));
    let (member, item) = (texts(&devices, "member_id"), texts(&devices, "item_id"));
    let (day, attached) = (dates(&devices, "date"), lists(&devices, "accessories"));
    for i in 0..devices.num_rows() {
        let (member, item, day) = (member[i].as_deref().unwrap(), item[i].as_deref().unwrap(), day[i].unwrap());
        assert!(bought[&(member, item)].contains(&day));
        for accessory in &fitting[item] {
            let days = bought.get(&(member, accessory.as_str())).cloned().unwrap_or_default();
            let soon = days.iter().any(|d| (day..=day + MAX_LAG_DAYS).contains(d));
            assert_eq!(soon, attached[i].contains(accessory), "{member} {item} {accessory} {days:?}");
        }
    }
}

#[test]
fn repeats_keep_their_intervals() {
    let rebuys = table(&shop().dir.path().join("truth/rebuys.parquet"));
    let (interval, count) = (floats(&rebuys, "interval_days"), super::read::ints(&rebuys, "purchases"));
    let (first, last) = (dates(&rebuys, "first_date"), dates(&rebuys, "last_date"));
    let mut ratios = Vec::new();
    for i in 0..rebuys.num_rows() {
        let gaps = count[i].unwrap() - 1;
        if gaps >= 4 {
            ratios.push(f64::from(last[i].unwrap() - first[i].unwrap()) / f64::from(gaps) / interval[i].unwrap());
        }
    }
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    assert!(ratios.len() > 500 && (mean - 1.0).abs() < 0.01, "{} {mean}", ratios.len());
    assert!(ratios.iter().all(|ratio| (0.75..1.25).contains(ratio)));
}
