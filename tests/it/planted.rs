//! Planted dirt, members and intervals against what the run counted.

use std::collections::{BTreeMap, BTreeSet};

use super::support::{Table, demo, shop};

fn planted() -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(shop("truth/planted.json")).unwrap()).unwrap()
}

#[test]
fn dirt() {
    let planted = planted();
    let of = |name: &str| planted["rows"][name].as_u64().unwrap();
    let rows = &demo().manifest.rows["transactions"];
    assert_eq!(rows.read, of("rows"));
    assert_eq!(rows.kept, planted["rows_kept"].as_u64().unwrap());
    let dropped = [("no_member", "null_member"), ("duplicate", "duplicate"), ("not_merchandise", "not_merchandise")];
    let quarantined = [("after_as_of", "after_last_day"), ("bad_price", "zero_price")];
    let expect = |pairs: &[(&str, &str)]| -> BTreeMap<String, u64> {
        pairs.iter().map(|(reason, name)| ((*reason).to_owned(), of(name))).collect()
    };
    assert_eq!(rows.dropped, expect(&dropped));
    assert_eq!(rows.quarantined, expect(&quarantined));
    assert_eq!(rows.unmatched_returns, of("unmatched_return"));
    // What is set aside is set aside in full.
    let quarantine = demo().table("quarantine.parquet");
    let lines = quarantine.names("table").iter().filter(|table| **table == "transactions").count() as u64;
    assert_eq!(lines, rows.quarantined.values().sum::<u64>());
}

#[test]
fn unknown_items_go_when_the_job_says_so() {
    let out = tempfile::tempdir().unwrap();
    let sets = ["cleaning.unknown_items=drop", "cleaning.on_unknown_item=drop"];
    let run = super::support::publish("jobs/demo.toml", out.path(), &sets, nextoffer::run::RunOptions::default());
    let unknown = planted()["rows"]["unknown_item"].as_u64().unwrap();
    assert_eq!(run.manifest.rows["transactions"].dropped["unknown_item"], unknown);
    assert_eq!(run.manifest.rows["transactions"].kept, demo().manifest.rows["transactions"].kept - unknown);
}

#[test]
fn members() {
    let truth = Table::read(&shop("truth/members.parquet"));
    let lines = Table::read_folder(&shop("transactions"));
    // Members with a row that is kept, by the rules that concern a member alone.
    let end = i64::from(demo().manifest.as_of.0 + 1) * 86_400_000_000;
    let mut with_rows = BTreeSet::new();
    let (members, times, items) = (lines.texts("member_id"), lines.times("ts"), lines.names("item_id"));
    let (prices, returns) = (lines.ints("unit_price"), lines.flags("is_return"));
    for row in 0..lines.rows() {
        let Some(member) = members[row] else { continue };
        let sold = prices[row].unwrap() > 0 || returns[row] == Some(true);
        if times[row].unwrap() < end && !items[row].starts_with("FEE-") && sold {
            with_rows.insert(member);
        }
    }
    let consent = truth.names("consent");
    let (minor, guardian) = (truth.flags("minor"), truth.flags("guardian_consent"));
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (i, member) in truth.names("member_id").iter().enumerate() {
        if !with_rows.contains(member) {
            continue;
        }
        let what = match (consent[i], minor[i] == Some(true) && guardian[i] != Some(true)) {
            ("withdrawn", _) => "withdrawn",
            ("no_row", _) => "no_lawful_basis",
            (_, true) => "minor",
            ("opted_out", _) => "opted_out",
            _ => "in_fit",
        };
        *counts.entry(what).or_default() += 1;
    }
    let found = &demo().manifest.members;
    assert_eq!(found.seen, with_rows.len() as u64);
    let mut all: BTreeMap<&str, u64> = found.excluded.iter().map(|(why, n)| (why.as_str(), *n)).collect();
    all.insert("in_fit", found.in_fit);
    all.insert("opted_out", found.opted_out);
    assert_eq!(all, counts);
}

/// A stream of repeat purchases that goes on is due an interval after its last purchase.
#[test]
fn replenishment_comes_when_it_was_planted() {
    let rebuys = Table::read(&shop("truth/rebuys.parquet"));
    let mut streams: BTreeMap<(&str, &str), (f64, i32)> = BTreeMap::new();
    let keys = rebuys.names("member_id").into_iter().zip(rebuys.names("item_id"));
    let (intervals, last, purchases) =
        (rebuys.floats("interval_days"), rebuys.days("last_date"), rebuys.ints("purchases"));
    for (i, key) in keys.enumerate() {
        if purchases[i].unwrap() >= 4 {
            streams.insert(key, (intervals[i].unwrap(), last[i].unwrap()));
        }
    }
    let offers = demo().table("offers.parquet");
    let (members, kinds, items) = (offers.names("member_id"), offers.names("kind"), offers.texts("item_id"));
    let (reasons, dates) = (offers.names("reason_code"), offers.field("evidence", "date"));
    let dates = dates.days("date");
    let mut errors = Vec::new();
    for row in 0..offers.rows() {
        if kinds[row] != "replenish" || reasons[row] != "due_own_rhythm" {
            continue;
        }
        if let Some((interval, last)) = streams.get(&(members[row], items[row].unwrap())) {
            let planted = f64::from(*last) + interval;
            errors.push((f64::from(dates[row].unwrap()) - planted) / interval);
        }
    }
    errors.iter_mut().for_each(|e| *e = e.abs());
    errors.sort_unstable_by(f64::total_cmp);
    assert!(errors.len() >= 50, "{} due dates", errors.len());
    let at = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize];
    // Gaps are planted with a spread of 12%; the median of three or more of them lies well within.
    assert!(at(0.5) <= 0.06 && at(0.9) <= 0.2, "errors in intervals: median {}, 90% {}", at(0.5), at(0.9));
}
