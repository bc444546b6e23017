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
