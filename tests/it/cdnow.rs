//! CDNOW: members, days and amounts, no items. Frequency, recency and spend against figures computed here.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
};

use nextoffer::run::RunOptions;

use super::support::{Table, publish, real_data};

const DAY: i64 = 86_400_000_000;

const JOB: &str = r#"
version = 1
name = "cdnow"
timezone = "America/New_York"
currency = "USD"
as_of = "1998-06-30"

[inputs]
transactions = { path = "transactions.parquet" }

[consent]
lawful_basis = "contract"

[segments]
k = 5
"#;

#[test]
fn recency_frequency_and_spend() {
    let Some(folder) = real_data("cdnow") else { return };
    let data = fs::canonicalize(folder.join("transactions.parquet")).unwrap();
    let raw = Table::read(&data);
    let (members, times) = (raw.names("member_id"), raw.times("ts"));
    let (quantities, amounts) = (raw.ints("quantity"), raw.floats("amount"));
    let mut seen = HashSet::new();
    let (mut duplicate, mut bad_price) = (0, 0);
    let mut by_member: BTreeMap<&str, BTreeMap<i64, i64>> = BTreeMap::new();
    for row in 0..raw.rows() {
        let (micros, quantity, amount) = (times[row].unwrap(), quantities[row].unwrap(), amounts[row].unwrap());
        if !seen.insert((members[row], micros, quantity, amount.to_bits())) {
            duplicate += 1;
        } else if amount <= 0.0 {
            bad_price += 1;
        } else {
            let cents = (amount * 100.0).round() as i64;
            *by_member.entry(members[row]).or_default().entry(micros / DAY).or_default() += cents;
        }
    }

    let work = tempfile::tempdir().unwrap();
    let job = work.path().join("cdnow.toml");
    fs::write(&job, JOB).unwrap();
    let path = format!("inputs.transactions.path={}", data.display());
    let run = publish(
        job.to_str().unwrap(),
        &work.path().join("out"),
        &[&path, "output.features=true"],
        RunOptions::default(),
    );
    let rows = &run.manifest.rows["transactions"];
    assert_eq!(rows.read, raw.rows() as u64);
    assert_eq!(rows.dropped.get("duplicate"), Some(&duplicate));
    assert_eq!(rows.quarantined.get("bad_price"), Some(&bad_price));
    assert_eq!(rows.kept, rows.read - duplicate - bad_price);
    assert_eq!(rows.unmatched_returns, 0);

    let features = run.table("features.parquet");
    assert_eq!(features.names("member_id"), by_member.keys().copied().collect::<Vec<_>>());
    let column = |name: &str| features.floats(name);
    let (orders, days, net) = (column("orders"), column("purchase_days"), column("net_spend"));
    let (recency, tenure) = (column("recency_days"), column("tenure_days"));
    let as_of = i64::from(run.manifest.as_of.0);
    for (i, (id, spend)) in by_member.iter().enumerate() {
        // Without an order id, a day is an order.
        assert_eq!((orders[i], days[i]), (Some(spend.len() as f64), Some(spend.len() as f64)), "{id}");
        assert_eq!(net[i], Some(spend.values().sum::<i64>() as f64 / 100.0), "{id}");
        let since = |day: &i64| Some((as_of - day) as f64);
        assert_eq!(recency[i], spend.keys().next_back().and_then(since), "{id}");
        assert_eq!(tenure[i], spend.keys().next().and_then(since), "{id}");
    }

    // Without items there is nothing to offer, and everything else is there.
    assert_eq!(run.table("offers.parquet").rows(), 0);
    let segments = run.table("segments.parquet");
    assert_eq!(segments.rows(), by_member.len());
    assert_eq!(run.manifest.segments.len(), 5);
    assert!(run.table("tags.parquet").rows() >= segments.rows());
}

/// The lower median of gaps between days, as a mean of the two middle ones for an even number.
fn median(gaps: &mut [i64]) -> f64 {
    gaps.sort_unstable();
    (gaps[(gaps.len() - 1) / 2] + gaps[gaps.len() / 2]) as f64 / 2.0
}

/// Classes of recency, frequency and money, lifecycle stages and expected purchases, from the raw table and the rules as
/// they are documented.
#[test]
fn classes_and_stages() {
    let Some(folder) = real_data("cdnow") else { return };
    let data = fs::canonicalize(folder.join("transactions.parquet")).unwrap();
    let raw = Table::read(&data);
    let (members, times) = (raw.names("member_id"), raw.times("ts"));
    let (quantities, amounts) = (raw.ints("quantity"), raw.floats("amount"));
    let mut seen = HashSet::new();
    let mut days: BTreeMap<&str, BTreeMap<i64, i64>> = BTreeMap::new();
    for row in 0..raw.rows() {
        let (day, amount) = (times[row].unwrap() / DAY, amounts[row].unwrap());
        if seen.insert((members[row], day, quantities[row], amount.to_bits())) && amount > 0.0 {
            *days.entry(members[row]).or_default().entry(day).or_default() += (amount * 100.0).round() as i64;
        }
    }
    let work = tempfile::tempdir().unwrap();
    let job = work.path().join("cdnow.toml");
    fs::write(&job, JOB).unwrap();
    let path = format!("inputs.transactions.path={}", data.display());
    let run = publish(job.to_str().unwrap(), &work.path().join("out"), &[&path], RunOptions::default());
    let as_of = i64::from(run.manifest.as_of.0);

    struct Own {
        recency: i64,
        tenure: i64,
        count: i64,
        spend: i64,
        gap: Option<f64>,
    }
    let own: BTreeMap<&str, Own> = days
        .iter()
        .map(|(id, spend)| {
            let bought: Vec<i64> = spend.keys().copied().collect();
            let mut gaps: Vec<i64> = bought.windows(2).map(|w| w[1] - w[0]).collect();
            let gap = (!gaps.is_empty()).then(|| median(&mut gaps));
            let (first, last) = (bought[0], bought[bought.len() - 1]);
            let spend = spend.values().sum();
            (*id, Own { recency: as_of - last, tenure: as_of - first, count: bought.len() as i64, spend, gap })
        })
        .collect();
    let mean = |of: fn(&Own) -> i64| own.values().map(of).sum::<i64>() as f64 / own.len() as f64;
    let (recency, count, spend) = (mean(|o| o.recency), mean(|o| o.count), mean(|o| o.spend));
    let mut rhythms: Vec<f64> = own.values().filter(|o| o.count >= 3).filter_map(|o| o.gap).collect();
    rhythms.sort_by(f64::total_cmp);
    let usual_of_all = rhythms[(rhythms.len() - 1) / 2];

    let mut expected: BTreeMap<&str, [String; 2]> = BTreeMap::new();
    for (id, o) in &own {
        let class = match (o.spend as f64 > spend, o.recency as f64 <= recency, o.count as f64 > count) {
            (true, true, true) => "key_value",
            (true, true, false) => "key_develop",
            (true, false, true) => "key_keep",
            (true, false, false) => "key_win_back",
            (false, true, true) => "general_value",
            (false, true, false) => "general_develop",
            (false, false, true) => "general_keep",
            (false, false, false) => "general_win_back",
        };
        let usual = o.gap.filter(|_| o.count >= 3).unwrap_or(usual_of_all).clamp(7.0, 180.0);
        let late = o.recency as f64 / usual;
        let stage = match () {
            () if o.tenure <= 30 => "new",
            () if late > 8.0 => "lost",
            () if late > 4.0 => "dormant",
            () if late > 2.0 => "at_risk",
            () => "active",
        };
        expected.insert(id, [format!("lc_{stage}"), format!("rfm_{class}")]);
    }
    let tags = run.table("tags.parquet");
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (id, tag) in tags.names("member_id").into_iter().zip(tags.names("tag")) {
        if tag.starts_with("lc_") || tag.starts_with("rfm_") {
            found.entry(id).or_default().push(tag.to_owned());
        }
    }
    assert_eq!(found.len(), expected.len());
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (id, tags) in &found {
        assert_eq!(tags.as_slice(), expected[id].as_slice(), "{id}");
        tags.iter().for_each(|tag| *counts.entry(tag).or_default() += 1);
    }
    println!("{counts:?}");

    // Expected purchases: the last one and the own usual gap, for members with three purchase days or more.
    let next = run.table("next_purchase.parquet");
    let days = next.days("expected");
    assert_eq!(next.rows(), own.values().filter(|o| o.count >= 3).count());
    for (id, day) in next.names("member_id").into_iter().zip(days) {
        let o = &own[id];
        let due = as_of - o.recency + o.gap.unwrap().clamp(7.0, 180.0).round() as i64;
        assert_eq!(day.map(i64::from), Some(due), "{id}");
    }

    // The profile of all members: medians, repeat purchase and reactivation rates.
    let profiles = run.table("segment_profiles.parquet");
    let rows = profiles.names("measure").into_iter().zip(profiles.names("name")).zip(profiles.ints("segment_id"));
    let value = |measure: &str, name: &str| {
        let at = rows.clone().position(|((m, n), id)| m == measure && n == name && id == Some(0));
        profiles.floats("value")[at.unwrap_or_else(|| panic!("no {measure} {name}"))]
    };
    let mut recencies: Vec<i64> = own.values().map(|o| o.recency).collect();
    recencies.sort_unstable();
    assert_eq!(value("median", "recency_days"), Some(recencies[recencies.len().div_ceil(2) - 1] as f64));
    let repeat = own.values().filter(|o| o.count > 1).count() as f64 / own.len() as f64;
    assert_eq!(value("repeat_purchase_rate", ""), Some(repeat));
    let then = as_of - 90;
    let (mut away, mut back) = (0.0, 0.0);
    for bought in days_of(&members, &times, &quantities, &amounts).values() {
        let known: Vec<i64> = bought.iter().copied().filter(|day| *day <= then).collect();
        let Some(last) = known.last() else { continue };
        let mut gaps: Vec<i64> = known.windows(2).map(|w| w[1] - w[0]).collect();
        let own = (known.len() >= 3).then(|| median(&mut gaps));
        let usual = own.unwrap_or(usual_of_all).clamp(7.0, 180.0);
        if (then - last) as f64 / usual > 4.0 {
            away += 1.0;
            back += f64::from(u8::from(bought[bought.len() - 1] > then));
        }
    }
    assert_eq!(value("reactivation_rate", ""), Some(back / away));
}

/// Purchase days by member.
fn days_of<'t>(
    members: &[&'t str],
    times: &[Option<i64>],
    quantities: &[Option<i64>],
    amounts: &[Option<f64>],
) -> BTreeMap<&'t str, Vec<i64>> {
    let mut seen = HashSet::new();
    let mut days: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for row in 0..members.len() {
        let (day, amount) = (times[row].unwrap() / DAY, amounts[row].unwrap());
        if seen.insert((members[row], day, quantities[row], amount.to_bits())) && amount > 0.0 {
            days.entry(members[row]).or_default().push(day);
        }
    }
    for bought in days.values_mut() {
        bought.sort_unstable();
        bought.dedup();
    }
    days
}
