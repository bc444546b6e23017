//! Quality gates on the demo's shop with planted breakage: what they refuse, what they leave behind, how they are let through.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, StringArray},
    compute::{cast, concat_batches, filter_record_batch},
    datatypes::{DataType, Field, Schema},
};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use super::support::{Said, Table, nextoffer, root};

/// Microseconds of a local day's start in the demo's zone, whose times have none.
fn start(day: &str) -> i64 {
    i64::from(nextoffer::base::Day::parse(day).unwrap().0) * 86_400_000_000
}

/// The demo's lines up to its last day.
fn lines() -> RecordBatch {
    let all = Table::read_folder(&root().join("fixtures/shop/transactions"));
    let end = start("2026-07-01");
    let mask: BooleanArray = all.times("ts").into_iter().map(|t| t.map(|t| t < end)).collect();
    filter_record_batch(&all.0, &mask).unwrap()
}

fn some(batch: &RecordBatch, keep: impl Fn(usize) -> bool) -> RecordBatch {
    let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(keep(row))).collect();
    filter_record_batch(batch, &mask).unwrap()
}

/// The batch with another column in the place of one.
fn with(batch: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let at = batch.schema().index_of(name).unwrap();
    let mut fields: Vec<Arc<Field>> = batch.schema().fields().iter().cloned().collect();
    fields[at] = Arc::new(Field::new(name, column.data_type().clone(), true));
    let mut columns = batch.columns().to_vec();
    columns[at] = column;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn texts(batch: &RecordBatch, name: &str, of: impl Fn(usize, &str) -> Option<String>) -> RecordBatch {
    let old = cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
    let old = old.as_string::<i32>();
    let new: StringArray =
        (0..old.len()).map(|row| of(row, if old.is_null(row) { "" } else { old.value(row) })).collect();
    with(batch, name, Arc::new(new))
}

fn numbers(batch: &RecordBatch, name: &str, of: impl Fn(usize, f64) -> f64) -> RecordBatch {
    let old = Table(batch.clone()).floats(name);
    let new: Float64Array = old.into_iter().enumerate().map(|(row, v)| v.map(|v| of(row, v))).collect();
    with(batch, name, Arc::new(new))
}

fn write(path: &Path, batch: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// Nights of the demo whose tables lie in a folder of their own.
struct Shop {
    place: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let shop = Self { place: tempfile::tempdir().unwrap() };
        shop.lines(&lines());
        shop
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn lines(&self, batch: &RecordBatch) {
        write(&self.at("lines.parquet"), batch);
    }

    fn run(&self, as_of: &str, more: &[&str]) -> Said {
        let (out, lines) = (self.at("out"), self.at("lines.parquet"));
        let path = format!("inputs.transactions.path={}", lines.display());
        let arguments = ["run", "jobs/demo.toml", "--as-of", as_of, "--out", out.to_str().unwrap(), "--set", &path];
        nextoffer(&[&arguments[..], more].concat())
    }

    fn published(&self, as_of: &str) -> Option<PathBuf> {
        fs::read_dir(self.at("out").join(format!("dt={as_of}"))).ok()?.next().map(|e| e.unwrap().path())
    }

    fn manifest(&self, as_of: &str) -> Value {
        serde_json::from_slice(&fs::read(self.published(as_of).unwrap().join("manifest.json")).unwrap()).unwrap()
    }

    /// The report of the one refusal there is.
    fn refusal(&self, as_of: &str) -> (Value, String) {
        let day = self.at("out").join(format!("refused/dt={as_of}"));
        let mut runs: Vec<PathBuf> = fs::read_dir(day).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(runs.len(), 1);
        let run = runs.remove(0);
        let page = fs::read_to_string(run.join("gates.html")).unwrap();
        (serde_json::from_slice(&fs::read(run.join("gates.json")).unwrap()).unwrap(), page)
    }
}

fn of_gate<'v>(manifest: &'v Value, gate: &str) -> Vec<&'v Value> {
    manifest["gates"].as_array().unwrap().iter().filter(|g| g["gate"] == gate).collect()
}

const FIRST: &str = "2026-06-28";
const SECOND: &str = "2026-06-29";
const THIRD: &str = "2026-06-30";

#[test]
fn half_of_the_rows_are_refused_reported_and_let_through_by_name() {
    let shop = Shop::new();
    assert_eq!(shop.run(FIRST, &["-q"]).code, 0);
    let current = fs::read_link(shop.at("out/current")).unwrap();
    let before = super::support::digests(&shop.published(FIRST).unwrap());
    let whole = lines();
    shop.lines(&some(&whole, |row| row % 2 == 0));

    let metrics = shop.at("m.prom");
    let said = shop.run(SECOND, &["--metrics-file", metrics.to_str().unwrap()]);
    assert_eq!(said.code, 65, "{}", said.err);
    for part in ["rows_fall: rows read (transactions): ", "usually ", "fewer by 50", "limit 30%", "nothing was changed"]
    {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    assert!(said.err.contains("--accept-gates rows_fall"), "{}", said.err);
    // Nothing published has changed.
    assert!(shop.published(SECOND).is_none());
    assert_eq!(fs::read_link(shop.at("out/current")).unwrap(), current);
    assert_eq!(super::support::digests(&shop.published(FIRST).unwrap()), before);
    let left: BTreeSet<String> =
        fs::read_dir(shop.at("out")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.contains(".staging") && left.contains("refused"), "{left:?}");
    // The report says what moved, by how much, what the limit was and how to let it through.
    let (report, page) = shop.refusal(SECOND);
    assert_eq!(report["refused"].as_array().unwrap()[0], "rows_fall");
    let gate = of_gate(&report, "rows_fall")[0];
    assert_eq!((gate["status"].as_str(), gate["subject"].as_str()), (Some("refused"), Some("transactions")));
    assert_eq!((gate["found"].as_f64().unwrap() * 2.0).round(), gate["usual"].as_f64().unwrap().round());
    assert!((gate["value"].as_f64().unwrap() - 0.5).abs() < 1e-3 && gate["refuse"] == 0.3, "{gate}");
    for part in ["读入行数 (transactions)", "rows read (transactions)", "--accept-gates", "拒绝", "refused"] {
        assert!(page.contains(part), "{part}");
    }
    let text = fs::read_to_string(&metrics).unwrap();
    assert!(text.contains("nextoffer_gate_status{job_name=\"demo\",gate=\"rows_fall\"} 3\n"), "{text}");
    super::watch::promtool(&text);

    // A limit of one's own, or by name.
    let higher = shop.run(SECOND, &["-q", "--dry-run", "--set", "gates.rows_fall.refuse=0.6"]);
    assert_eq!(higher.code, 0, "{}", higher.err);
    let unknown = shop.run(SECOND, &["-q", "--accept-gates", "row_fall"]);
    assert!(unknown.code == 78 && unknown.err.contains("rows_fall"), "{} {}", unknown.code, unknown.err);
    let said = shop.run(SECOND, &["--accept-gates", "rows_fall"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("let through by name"), "{}", said.out);
    assert_eq!(of_gate(&shop.manifest(SECOND), "rows_fall")[0]["status"], "accepted");
    // From there on that is what is usual.
    let said = shop.run(THIRD, &["-q"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(of_gate(&shop.manifest(THIRD), "rows_fall")[0]["status"], "passed");
    let day: Value =
        serde_json::from_slice(&fs::read(shop.published(THIRD).unwrap().join("model/gates_history.json")).unwrap())
            .unwrap();
    let days: Vec<&str> = day["nights"].as_array().unwrap().iter().map(|n| n["as_of"].as_str().unwrap()).collect();
    assert_eq!(days, [FIRST, SECOND, THIRD]);
}

/// Each way for the tables to be broken, and the gates that must refuse it.
#[test]
fn every_planted_breakage_is_refused_by_its_gate() {
    let shop = Shop::new();
    assert_eq!(shop.run(FIRST, &["-q"]).code, 0);
    let whole = lines();
    let rows = whole.num_rows();
    let stale = start("2026-05-20");
    let times = Table(whole.clone()).times("ts");
    let broken: Vec<(&str, &[&str], RecordBatch)> = vec![
        ("stale", &["stale_days"], some(&whole, |row| times[row].is_some_and(|t| t < stale))),
        ("nulls", &["blank_rise"], texts(&whole, "channel", |row, old| (row % 2 == 0).then(|| old.to_owned()))),
        (
            "blanks",
            &["blank_rise"],
            texts(&whole, "channel", |row, old| Some(if row % 2 == 0 { "" } else { old }.to_owned())),
        ),
        (
            "duplicates",
            &["duplicates_rise"],
            concat_batches(&whole.schema(), &[whole.clone(), whole.slice(0, rows / 5)]).unwrap(),
        ),
        ("prices", &["amount_mean", "amount_median"], numbers(&whole, "unit_price", |_, price| price * 100.0)),
        (
            "bad prices",
            &["lost_rise"],
            numbers(&whole, "unit_price", |row, price| if row % 5 < 2 { -1.0 } else { price }),
        ),
        (
            "other items",
            &["unknown_items_rise"],
            texts(&whole, "item_id", |row, old| Some(if row % 3 == 0 { format!("Z{old}") } else { old.to_owned() })),
        ),
    ];
    for (name, gates, table) in broken {
        shop.lines(&table);
        let _ = fs::remove_dir_all(shop.at("out/refused"));
        let said = shop.run(SECOND, &["-q"]);
        assert_eq!(said.code, 65, "{name}: {}", said.err);
        let (report, _) = shop.refusal(SECOND);
        for gate in gates {
            let found = of_gate(&report, gate);
            assert!(found.iter().any(|g| g["status"] == "refused"), "{name}: {gate}: {found:?}\n{}", said.err);
            // The words name what was found and the limit, in both languages.
            let words = found[0]["words"].as_array().unwrap();
            assert!(words[0].as_str().unwrap().contains("限度") && words[1].as_str().unwrap().contains("limit"));
        }
        if name.ends_with("ks") || name == "nulls" {
            assert_eq!(of_gate(&report, "blank_rise")[0]["subject"], "transactions.channel");
        }
    }
    assert!(shop.published(SECOND).is_none());
    // The shop as it is passes.
    shop.lines(&whole);
    let said = shop.run(SECOND, &["-q"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let manifest = shop.manifest(SECOND);
    let told: Vec<&Value> = manifest["gates"].as_array().unwrap().iter().filter(|g| g["status"] != "passed").collect();
    assert!(told.is_empty(), "{told:?}");
    let all: BTreeSet<&str> =
        manifest["gates"].as_array().unwrap().iter().map(|g| g["gate"].as_str().unwrap()).collect();
    for gate in [
        "rows_fall",
        "rows_growth",
        "lost_rise",
        "duplicates_rise",
        "blank_rise",
        "unknown_items_rise",
        "stale_days",
        "late_lines",
        "amount_mean",
        "amount_median",
        "new_members",
        "moved",
        "feature_drift",
        "slow_drift",
        "segment_mix",
        "offer_mix",
        "reach_fall",
        "fallback_rise",
    ] {
        assert!(all.contains(gate), "{gate}: {all:?}");
    }
}

#[test]
fn a_flood_of_new_members_is_refused_and_other_offers_are_said() {
    let shop = Shop::new();
    assert_eq!(shop.run(FIRST, &["-q"]).code, 0);
    let copies = |batch: &RecordBatch| {
        let named = |letter: &str| texts(batch, "member_id", |_, id| Some(format!("{letter}{id}")));
        let plain = texts(batch, "member_id", |_, id| Some(id.to_owned()));
        concat_batches(&plain.schema(), &[plain.clone(), named("X"), named("Y")]).unwrap()
    };
    shop.lines(&copies(&lines()));
    let consent = Table::read(&root().join("fixtures/shop/consent.parquet")).0;
    write(&shop.at("consent.parquet"), &copies(&consent));
    let path = format!("inputs.consent.path={}", shop.at("consent.parquet").display());
    let said = shop.run(SECOND, &["-q", "--set", &path]);
    assert_eq!(said.code, 65, "{}", said.err);
    let (report, _) = shop.refusal(SECOND);
    let gate = of_gate(&report, "new_members")[0];
    assert_eq!(gate["status"], "refused");
    assert!((gate["value"].as_f64().unwrap() - 2.0 / 3.0).abs() < 0.01, "{gate}");
    assert_eq!(of_gate(&report, "rows_growth")[0]["status"], "warned");

    // Other offers are only said by default.
    shop.lines(&lines());
    let said = shop.run(SECOND, &["--set", "decision.slots=2", "--set", "offers[next_item].priority=0.01"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(of_gate(&shop.manifest(SECOND), "offer_mix")[0]["status"], "warned", "{}", said.out);
    assert!(said.out.contains("offer_mix: share of slots that went to other kinds than usual"), "{}", said.out);
}

#[test]
fn lines_that_come_late_are_counted_by_day() {
    let shop = Shop::new();
    let whole = lines();
    let times = Table(whole.clone()).times("ts");
    let from = start("2026-06-10");
    let (to, last) = (start("2026-06-20"), start("2026-06-28"));
    // Every other line of ten days comes a night late; lines of one day are gone that night.
    let late = |row: usize| times[row].is_some_and(|t| (from..to).contains(&t)) && row.is_multiple_of(2);
    let gone = |row: usize| times[row].is_some_and(|t| (to..to + 86_400_000_000).contains(&t));
    shop.lines(&some(&whole, |row| !late(row)));
    assert_eq!(shop.run(FIRST, &["-q"]).code, 0);
    let rows = |manifest: &Value| manifest["rows"]["transactions"]["kept"].as_u64().unwrap() as f64;
    let before = rows(&shop.manifest(FIRST));
    shop.lines(&some(&whole, |row| !gone(row)));
    let said = shop.run(SECOND, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    let manifest = shop.manifest(SECOND);
    let (came, lost) = (&manifest["kpis"]["late_lines"], &manifest["kpis"]["vanished_lines"]);
    let (came, lost) = (came.as_f64().unwrap(), lost.as_f64().unwrap());
    let days = Table::read(&shop.at("lines.parquet")).times("ts");
    let new = days.into_iter().flatten().filter(|t| (last + 86_400_000_000..last + 2 * 86_400_000_000).contains(t));
    // What is kept now = kept before + late − gone + the new day's; dirt makes the new day's an upper bound.
    let new = new.count() as f64;
    assert!(came > 100.0 && lost > 10.0, "{came} {lost}");
    let of_the_day = rows(&manifest) - before - came + lost;
    assert!(of_the_day > 0.0 && of_the_day <= new, "{of_the_day} of {new}");
    assert!(said.err.contains("lines of days from 2026-06-10 to 2026-06-20 came late"), "{}", said.err);
    let page = fs::read_to_string(shop.published(SECOND).unwrap().join("report.html")).unwrap();
    assert!(page.contains("Lines that came late") && page.contains("2026-06-15"));
    // A backfill says it as well, and a night without any says nothing.
    let (out, path) = (shop.at("out"), format!("inputs.transactions.path={}", shop.at("lines.parquet").display()));
    let range = ["run", "jobs/demo.toml", "--from", SECOND, "--to", THIRD, "--out", out.to_str().unwrap()];
    let said = nextoffer(&[&range[..], &["--set", &path, "--skip-if-published"]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(shop.manifest(THIRD)["kpis"]["late_lines"], 0.0);
    fs::remove_dir_all(shop.at("out").join(format!("dt={SECOND}"))).unwrap();
    fs::remove_dir_all(shop.at("out").join(format!("dt={THIRD}"))).unwrap();
    let said = nextoffer(&[&range[..], &["--set", &path]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(shop.manifest(SECOND)["kpis"]["late_lines"].as_f64().unwrap(), came);
    assert_eq!(said.err.matches("came late").count(), 1, "{}", said.err);
}

/// No id of the shop is in what watchers read.
#[test]
fn watchers_read_no_member_id() {
    let shop = Shop::new();
    let (metrics, lineage) = (shop.at("m.prom"), shop.at("lineage.ndjson"));
    let watched = ["--metrics-file", metrics.to_str().unwrap(), "--lineage-file", lineage.to_str().unwrap()];
    let debug = [&watched[..], &["--log-format", "json"]].concat();
    let first = shop.run(FIRST, &debug);
    shop.lines(&some(&lines(), |row| row % 2 == 0));
    let second = shop.run(SECOND, &debug);
    assert_eq!((first.code, second.code), (0, 65), "{}{}", first.err, second.err);
    let (report, page) = shop.refusal(SECOND);
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let run = shop.published(FIRST).unwrap();
    let texts = [
        first.out,
        first.err.clone(),
        second.out,
        second.err.clone(),
        read(&metrics),
        read(&lineage),
        report.to_string(),
        page,
        read(&run.join("manifest.json")),
        read(&run.join("timings.json")),
        read(&run.join("report.html")),
        read(&run.join("model/gates_history.json")),
        read(&run.join("model/baselines.json")),
    ];
    for line in first.err.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(event["timestamp"].is_string() && event["level"].is_string(), "{line}");
    }
    let table = Table(lines());
    let ids = table.texts("member_id").into_iter().flatten().filter(|id| !id.trim().is_empty());
    let ids: BTreeSet<&str> = ids.collect();
    assert!(ids.len() > 1500);
    for text in &texts {
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').collect();
        let found: Vec<&&str> = ids.intersection(&words).take(3).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}
