//! What lasts of segments from night to night: ids, names, members; and the brake.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use nextoffer::{
    base::Day,
    gates::{GateResult, GateStatus},
    run::{ExitCode, PreviousChoice, RunError, RunOptions},
};
use serde_json::Value;

use super::support::{Published, demo, publish, real_data, try_publish};

fn json(run: &Published, file: &str) -> Value {
    serde_json::from_str(&run.text(file)).unwrap()
}

/// Segment and nearest segment by member.
fn places(run: &Published) -> BTreeMap<String, (i64, i64)> {
    let table = run.table("segments.parquet");
    let ids = table.names("member_id").into_iter().map(str::to_owned);
    let own = table.ints("segment_id").into_iter().flatten();
    ids.zip(own.zip(table.ints("nearest_segment").into_iter().flatten())).collect()
}

/// A member's two labels.
type Pair = (i64, i64);

/// Adjusted Rand index of two labellings of the same members, worked out pair class by pair class.
fn adjusted_rand(pairs: &[Pair]) -> f64 {
    let choose = |n: f64| n * (n - 1.0) / 2.0;
    let sum = |key: &dyn Fn(&Pair) -> Pair| {
        let mut counts: BTreeMap<Pair, f64> = BTreeMap::new();
        pairs.iter().for_each(|p| *counts.entry(key(p)).or_default() += 1.0);
        counts.values().map(|n| choose(*n)).sum::<f64>()
    };
    let (both, a, b) = (sum(&|p| *p), sum(&|p| (p.0, 0)), sum(&|p| (0, p.1)));
    let expected = a * b / choose(pairs.len() as f64);
    (both - expected) / (f64::midpoint(a, b) - expected)
}

/// What a run says about its drift is what its files and those of the run before come to.
fn check_drift(before: &Published, after: &Published) -> Value {
    let drift = json(after, "model/drift.json");
    let (old, new) = (places(before), places(after));
    let both: Vec<(&String, i64, i64)> =
        new.iter().filter_map(|(id, (own, _))| Some((id, old.get(id)?.0, *own))).collect();
    let number = |key: &str| drift[key].as_u64().unwrap() as usize;
    assert_eq!(number("both"), both.len());
    assert_eq!(number("joined"), new.len() - both.len());
    assert_eq!(number("left"), old.len() - both.len());
    assert_eq!(number("moved"), both.iter().filter(|(_, a, b)| a != b).count());
    assert_eq!(number("held"), new.values().filter(|(own, nearest)| own != nearest).count());
    assert_eq!(number("held"), after.table("model/held.parquet").rows());
    let pairs: Vec<(i64, i64)> = both.iter().map(|(_, a, b)| (*a, *b)).collect();
    let index = drift["adjusted_rand"].as_f64().unwrap();
    assert!((index - adjusted_rand(&pairs)).abs() < 1e-9, "{index} {}", adjusted_rand(&pairs));
    let mut cells: BTreeMap<(i64, i64), u64> = BTreeMap::new();
    for (id, (own, _)) in &new {
        *cells.entry((old.get(id).map_or(0, |p| p.0), *own)).or_default() += 1;
    }
    for (_, (own, _)) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
        *cells.entry((*own, 0)).or_default() += 1;
    }
    let told: BTreeMap<(i64, i64), u64> = drift["migration"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| ((m["from"].as_i64().unwrap(), m["to"].as_i64().unwrap()), m["members"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, cells);
    drift
}

fn names(run: &Published) -> Vec<(i32, &str, &str)> {
    run.manifest.segments.iter().map(|s| (s.id, s.name_zh.as_str(), s.name_en.as_str())).collect()
}

/// Without the lines that come after the last day.
const UNCHANGED: &str = "inputs.transactions.filter=ts < timestamp '2026-07-01T00:00:00'";

fn night(out: &Path, as_of: &str, sets: &[&str]) -> Result<Published, RunError> {
    let options = RunOptions { as_of: Day::parse(as_of), previous: PreviousChoice::Newest, ..RunOptions::default() };
    try_publish("jobs/demo.toml", out, &[&[UNCHANGED], sets].concat(), options)
}

#[test]
fn an_unchanged_shop_a_day_later() {
    let out = tempfile::tempdir().unwrap();
    let first = night(out.path(), "2026-06-30", &[]).unwrap();
    assert!(!first.folder.join("model/drift.json").exists());
    let second = night(out.path(), "2026-07-01", &[]).unwrap();
    let drift = check_drift(&first, &second);
    assert!(drift["moved_share"].as_f64().unwrap() < 0.02, "{drift}");
    assert_eq!(names(&first), names(&second));
    assert!(drift["created"].as_array().unwrap().is_empty() && drift["retired"].as_array().unwrap().is_empty());
    assert!(drift["psi"].as_array().unwrap().iter().all(|p| p["psi"].as_f64().unwrap() < 0.1), "{drift}");
    assert_eq!(second.manifest.kpis["members_moved_share"], drift["moved_share"].as_f64().unwrap());
    let ids = json(&second, "model/segment_ids.json");
    assert_eq!(ids["segments"].as_array().unwrap().len(), 8);
    assert!(ids["segments"].as_array().unwrap().iter().all(|s| s["retired"].is_null() && s["created"] == "2026-06-30"));

    // A fit from scratch with another start keeps the ids of what it finds again.
    let afresh = ["segments.warm_start=false", "segments.seed_offset=9"];
    let third = night(out.path(), "2026-07-02", &afresh).unwrap();
    let drift = check_drift(&second, &third);
    let kept = drift["kept"].as_array().unwrap().len();
    assert!(kept >= 6, "{kept} of 8 segments kept their id");
}

#[test]
fn the_brake_holds_a_run_back() {
    let out = tempfile::tempdir().unwrap();
    let first = night(out.path(), "2026-06-30", &[]).unwrap();
    let current = fs::read_link(out.path().join("current")).unwrap();
    // Fewer segments: ids must go.
    let limits = ["segments.k=4", "segments.drift.refuse_new_ids_above=0", "segments.drift.refuse_moved_above=0.05"];
    let error = night(out.path(), "2026-07-01", &limits).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Refused);
    let text = error.to_string();
    assert!(text.contains("refuse_new_ids_above = 0: segments created or retired "), "{text}");
    assert!(text.contains("refuse_moved_above = 0.05: share of members who moved 0."), "{text}");
    assert!(text.contains("nothing was changed") && text.contains(&first.manifest.run_id), "{text}");
    let left: Vec<_> = fs::read_dir(out.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name == "dt=2026-07-01"), "{left:?}");
    assert_eq!(fs::read_link(out.path().join("current")).unwrap(), current);
    // Within the limits it is published, and says which held.
    let second = night(out.path(), "2026-07-01", &limits[1..]).unwrap();
    let held: Vec<&GateResult> = second.manifest.gates.iter().filter(|g| g.subject == "segments.drift").collect();
    assert_eq!(held.len(), 2, "{:?}", second.manifest.gates);
    assert!(held.iter().all(|g| g.status == GateStatus::Passed));
    assert!(held[0].to_string().starts_with("segments.drift.refuse_moved_above = 0.05: "), "{}", held[0]);
    // By name it is published all the same, once.
    let once = [&limits[..], &["gates.accept=[\"refuse_new_ids_above\", \"refuse_moved_above\"]"]].concat();
    let elsewhere = tempfile::tempdir().unwrap();
    let before = PreviousChoice::Place(first.folder.to_str().unwrap().to_owned());
    let options = RunOptions { as_of: Day::parse("2026-07-01"), previous: before, ..RunOptions::default() };
    let let_through =
        try_publish("jobs/demo.toml", elsewhere.path(), &[&[UNCHANGED], &once[..]].concat(), options).unwrap();
    let accepted = let_through.manifest.gates.iter().filter(|g| g.status == GateStatus::Accepted).count();
    assert_eq!(accepted, 2, "{:?}", let_through.manifest.gates);
    // Retired ids never come back.
    let fewer = night(out.path(), "2026-07-02", &["segments.k=4"]).unwrap();
    let again = night(out.path(), "2026-07-03", &[]).unwrap();
    let of = |run: &Published| run.manifest.segments.iter().map(|s| s.id).collect::<BTreeSet<i32>>();
    let created: BTreeSet<i32> = &of(&again) - &of(&fewer);
    assert!(created.iter().all(|id| *id > 8), "{created:?}");
    let table = json(&again, "model/segment_ids.json");
    let ids: Vec<i64> = table["segments"].as_array().unwrap().iter().map(|s| s["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=table["highest_id"].as_i64().unwrap()).collect::<Vec<_>>(), "every id ever given is told");
}

/// Who opted out of personalisation is in no table about behaviour.
#[test]
fn members_who_opted_out_have_no_tag() {
    let run = demo();
    let offers = run.table("offers.parquet");
    let basis = offers.names("member_id").into_iter().zip(offers.names("basis"));
    let generic: BTreeSet<&str> = basis.filter(|(_, basis)| *basis == "generic").map(|(member, _)| member).collect();
    assert!(!generic.is_empty());
    assert_eq!(generic.len() as u64, run.manifest.members.opted_out);
    for file in ["tags.parquet", "segments.parquet", "next_purchase.parquet", "features.parquet"] {
        let table = run.table(file);
        assert!(table.rows() > 0, "{file}");
        assert!(table.names("member_id").iter().all(|m| !generic.contains(*m)), "{file}");
    }
}

/// *Online Retail* on ten days in a row, each night after the one before.
#[test]
fn ten_nights_of_online_retail() {
    let Some(folder) = real_data("online_retail") else { return };
    let folder = fs::canonicalize(folder).unwrap();
    let lines = format!("inputs.transactions.path={}", folder.join("transactions.parquet").display());
    let items = format!("inputs.items.path={}", folder.join("products.parquet").display());
    let out = tempfile::tempdir().unwrap();
    println!(
        "| as of | members | joined | moved | moved % | held | ids kept | created | retired | adjusted Rand | largest PSI | names changed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut before: Option<Published> = None;
    let start = Day::parse("2011-11-30").unwrap();
    for day in 0..10 {
        let options = RunOptions { as_of: Some(start.plus(day)), ..RunOptions::default() };
        let run = publish("jobs/online-retail.toml", out.path(), &[&lines, &items], options);
        if let Some(before) = &before {
            let drift = check_drift(before, &run);
            let count = |key: &str| drift[key].as_array().unwrap().len();
            let moved = drift["moved_share"].as_f64().unwrap();
            let psi = drift["psi"].as_array().unwrap().iter().map(|p| p["psi"].as_f64().unwrap()).fold(0.0, f64::max);
            println!(
                "| {} | {} | {} | {} | {:.2} | {} | {} | {} | {} | {:.4} | {psi:.4} | {} |",
                run.manifest.as_of,
                run.manifest.members.in_fit,
                drift["joined"],
                drift["moved"],
                moved * 100.0,
                drift["held"],
                count("kept"),
                count("created"),
                count("retired"),
                drift["adjusted_rand"].as_f64().unwrap(),
                count("renamed"),
            );
            assert!(moved < 0.02, "{moved} of the members moved on {}", run.manifest.as_of);
            assert_eq!((count("kept"), count("created"), count("retired")), (6, 0, 0));
            assert_eq!(count("renamed"), 0, "{drift}");
        }
        before = Some(run);
    }
}
