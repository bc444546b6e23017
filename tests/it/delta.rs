//! What a target has to take over of a night in which nothing happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::support::{nextoffer, real_data};

/// Rows of the generic target's file by member and slot.
type Rows = BTreeMap<(String, String), Vec<String>>;

fn rows(file: &Path) -> Rows {
    let mut reader = csv::Reader::from_path(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let records = reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
    records.map(|r| ((r[0].clone(), r[1].clone()), r)).collect()
}

/// The full snapshot that a delta makes of the one before.
fn applied(mut full: Rows, delta: &Path) -> (Rows, BTreeSet<String>) {
    let mut members = BTreeSet::new();
    let mut reader = csv::Reader::from_path(delta).unwrap();
    for record in reader.records() {
        let mut row: Vec<String> = record.unwrap().iter().map(str::to_owned).collect();
        let op = row.remove(0);
        let key = (row[0].clone(), row[1].clone());
        members.insert(row[0].clone());
        let before = if op == "removed" { full.remove(&key) } else { full.insert(key, row) };
        assert_eq!(before.is_some(), op != "added", "{op}");
    }
    (full, members)
}

fn night(arguments: &[&str], out: &Path, day: &str) -> PathBuf {
    let place = ["--out", out.to_str().unwrap(), "--as-of", day, "-q"];
    let said = nextoffer(&[&["run"], arguments, &place].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    fs::read_dir(out.join(format!("dt={day}"))).unwrap().next().unwrap().unwrap().path()
}

/// Runs days of a shop in which nothing happens after the first, each acknowledged, and gives the largest share of the
/// members in a delta.
fn largest_share(arguments: &[&str], days: &[&str]) -> f64 {
    let place = tempfile::tempdir().unwrap();
    let (mut before, mut largest): (Option<Rows>, f64) = (None, 0.0);
    for day in days {
        let run = night(arguments, place.path(), day);
        let full = rows(&run.join("crm/generic/full.csv"));
        if let Some(before) = before {
            let (after, members) = applied(before, &run.join("crm/generic/delta.csv"));
            assert_eq!(after, full, "the delta on {day} makes another snapshot");
            let all: BTreeSet<&String> = full.keys().map(|(member, _)| member).collect();
            let share = members.len() as f64 / all.len() as f64;
            println!("{day}: {} of {} members in the delta, {:.2} %", members.len(), all.len(), share * 100.0);
            largest = largest.max(share);
        }
        before = Some(full);
        let out = place.path().to_str().unwrap();
        let said = nextoffer(&["ack", "current", "--target", "generic", "--out", out]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    largest
}

#[test]
fn few_members_of_the_unchanged_demo() {
    let unchanged = "inputs.transactions.filter=ts < timestamp '2026-07-01T00:00:00'";
    let share = largest_share(
        &["jobs/demo.toml", "--set", unchanged],
        &["2026-06-30", "2026-07-01", "2026-07-02", "2026-07-03"],
    );
    assert!(share < 0.05, "{share}");
}

/// *Online Retail*, whose lines end on 9 December 2011.
#[test]
fn few_members_of_the_unchanged_online_retail() {
    let Some(folder) = real_data("online_retail") else { return };
    let folder = fs::canonicalize(folder).unwrap();
    let lines = format!("inputs.transactions.path={}", folder.join("transactions.parquet").display());
    let items = format!("inputs.items.path={}", folder.join("products.parquet").display());
    let share = largest_share(
        &["jobs/online-retail.toml", "--set", &lines, "--set", &items],
        &["2011-12-09", "2011-12-10", "2011-12-11"],
    );
    assert!(share < 0.05, "{share}");
}
