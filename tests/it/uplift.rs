//! Uplift over several nights of a shop where treated members change by a known amount, and of a published experiment.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{Field, Schema},
};
use nextoffer::{
    base::Day,
    offers::{Outcome, OutcomeUplift, UpliftReport},
    run::{Experiment, ExperimentOptions, ExperimentRow, RunOptions, experiment},
};
use parquet::arrow::ArrowWriter;
use rand::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::support::{Published, Table, digests, nextoffer, publish, real_data};

const MEMBERS: usize = 2400;
const WINDOW: i32 = 14;
/// What being treated adds to the probability of buying within the window, and what the coupon adds to that.
const TREATED: f64 = 0.12;
const COUPON: f64 = 0.10;
const PRICE: f64 = 20.0;

const JOB: &str = r#"
version = 1
name = "planted"
shards = 5
out = "runs"

[inputs]
transactions = { path = "lines.parquet" }
items = { path = "items.parquet" }

[consent]
lawful_basis = "contract"

[segments]
k = 2

[recommend]
retune_days = 365

[[offers]]
id = "picked"
kind = "next_item"

[[offers]]
id = "tea_coupon"
kind = "coupon"
categories = ["tea"]
value = 5.0
min_purchases = 1
priority = 20.0

[decision]
slots = 3
holdout_share = 0.3
holdout_kinds = { coupon = 0.4 }

[decision.uplift]
window_days = 14
history_days = 200
"#;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|c| c.1).collect()).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A line: member, day, item, channel.
type Line = (String, i32, usize, &'static str);

fn write_shop(folder: &Path, lines: &[Line]) {
    let time = |day: i32| i64::from(day) * 86_400_000_000 + 4 * 3_600_000_000;
    let times: TimestampMicrosecondArray = lines.iter().map(|l| Some(time(l.1))).collect();
    write(
        &folder.join("lines.parquet"),
        vec![
            ("member_id", Arc::new(StringArray::from_iter_values(lines.iter().map(|l| &l.0)))),
            ("ts", Arc::new(times.with_timezone("UTC"))),
            ("item_id", Arc::new(StringArray::from_iter_values(lines.iter().map(|l| format!("i{:02}", l.2))))),
            ("quantity", Arc::new(Int64Array::from(vec![1; lines.len()]))),
            ("unit_price", Arc::new(Float64Array::from(vec![PRICE; lines.len()]))),
            ("channel", Arc::new(StringArray::from_iter_values(lines.iter().map(|l| l.3)))),
        ],
    );
    let items: Vec<usize> = (0..12).collect();
    write(
        &folder.join("items.parquet"),
        vec![
            ("item_id", Arc::new(StringArray::from_iter_values(items.iter().map(|i| format!("i{i:02}"))))),
            ("name", Arc::new(StringArray::from_iter_values(items.iter().map(|i| format!("Item {i}"))))),
            (
                "category",
                Arc::new(StringArray::from_iter_values(items.iter().map(|i| if i % 2 == 0 { "tea" } else { "cups" }))),
            ),
        ],
    );
    fs::write(folder.join("job.toml"), JOB).unwrap();
}

fn report(run: &Published) -> UpliftReport {
    serde_json::from_str(&run.text("uplift.json")).unwrap()
}

/// Member, kind: held out of, first day.
type First = BTreeMap<(String, String), (Option<String>, i32)>;

fn first_assigned(run: &Published) -> First {
    let table = run.table("model/first_assigned.parquet");
    let (members, kinds) = (table.texts("member_id"), table.names("kind"));
    let (held, first) = (table.texts("held_out_of"), table.days("first_day"));
    let row = |i: usize| {
        let key = (members[i]?.to_owned(), kinds[i].to_owned());
        Some((key, (held[i].map(str::to_owned), first[i]?)))
    };
    (0..table.rows()).filter_map(row).collect()
}

/// What is exported is what is written, less everything that somebody is held out of; slots stay what they were.
fn export_has_no_ghosts(run: &Published, ghosts_of_coupon: &BTreeSet<String>) {
    let table = run.table("offers.parquet");
    let (members, offers, arms) = (table.names("member_id"), table.names("offer_id"), table.names("arm"));
    let slots = table.ints("slot");
    let want: BTreeSet<(String, i64, String)> = (0..table.rows())
        .filter(|i| arms[*i] == "treated")
        .map(|i| (members[i].to_owned(), slots[i].unwrap(), offers[i].to_owned()))
        .collect();
    let text = run.text("crm/generic/full.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().unwrap().clone();
    let at = |name: &str| head.iter().position(|h| h == name).unwrap();
    let (member, slot, offer) = (at("member_id"), at("slot"), at("offer_id"));
    let got: BTreeSet<(String, i64, String)> = reader
        .records()
        .map(|r| r.unwrap())
        .map(|r| (r[member].to_owned(), r[slot].parse().unwrap(), r[offer].to_owned()))
        .collect();
    assert_eq!(got, want);
    let holed = members
        .iter()
        .zip(&offers)
        .zip(&arms)
        .filter(|((m, o), a)| **o == "tea_coupon" && **a == "holdout" && ghosts_of_coupon.contains(**m));
    assert!(holed.count() > 100, "members held out of the coupon alone have ghosts of it");
    assert!(got.iter().any(|(m, _, o)| ghosts_of_coupon.contains(m) && o == "picked"), "and their other offers");
}

fn outcome<'r>(report: &'r UpliftReport, kind: &str, outcome: Outcome) -> &'r OutcomeUplift {
    report.track(kind).unwrap().outcome(outcome).unwrap()
}

#[test]
fn planted_uplift_over_several_nights() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(20260630);
    let last = Day::parse("2026-06-16").unwrap().0;
    // Members differ in how often they buy; everybody has bought tea and cups.
    let mut lines: Vec<Line> = Vec::new();
    let mut eager: BTreeMap<String, f64> = BTreeMap::new();
    for m in 0..MEMBERS {
        let id = format!("m{m:04}");
        let share: f64 = rng.gen_range(0.02..0.5);
        for back in [150, 90] {
            for item in [0, 1] {
                lines.push((id.clone(), last - back - rng.gen_range(0..40), item, "app"));
            }
        }
        for period in 0..5 {
            if rng.gen_bool(share) {
                lines.push((
                    id.clone(),
                    last - period * WINDOW - rng.gen_range(0..WINDOW),
                    rng.gen_range(0..12),
                    "app",
                ));
            }
        }
        eager.insert(id, share);
    }
    write_shop(folder.path(), &lines);
    let job = folder.path().join("job.toml");
    let (job, out) = (job.to_str().unwrap(), folder.path().join("runs"));
    let night =
        |day: i32, out: &Path| publish(job, out, &[], RunOptions { as_of: Some(Day(day)), ..RunOptions::default() });

    let first = night(last, &out);
    let enrolled = first_assigned(&first);
    let on = |kind: &str, held: Option<&str>| -> BTreeSet<String> {
        let own = enrolled.iter().filter(|((_, k), (h, _))| k == kind && h.as_deref() == held);
        own.map(|((m, _), _)| m.clone()).collect()
    };
    let (treated, held) = (on("all", None), on("all", Some("all")));
    assert_eq!(treated.len() + held.len(), MEMBERS);
    assert!((held.len() as f64 / MEMBERS as f64 - 0.3).abs() < 0.04);
    let (with_coupon, without_coupon) = (on("coupon", None), on("coupon", Some("kind")));
    assert!(without_coupon.is_subset(&treated) && with_coupon.is_subset(&treated));
    export_has_no_ghosts(&first, &without_coupon);
    let early = report(&first);
    assert!(early.all().unwrap().outcomes.is_empty() && early.all().unwrap().open.treated == treated.len() as u64);

    // Two weeks on: those treated buy more, those with the coupon more still. Members who join are assigned later.
    let mut bought: BTreeSet<String> = BTreeSet::new();
    for (id, share) in &eager {
        let mut p = *share;
        if treated.contains(id) {
            p += TREATED + if with_coupon.contains(id) { COUPON } else { 0.0 };
        }
        if rng.gen_bool(p) {
            let channel = if treated.contains(id) && rng.gen_bool(0.3) { "store" } else { "app" };
            lines.push((id.clone(), last + rng.gen_range(1..=WINDOW), rng.gen_range(0..12), channel));
            bought.insert(id.clone());
        }
    }
    for m in 0..60 {
        lines.extend([0, 1].map(|item| (format!("new{m:02}"), last + 3, item, "app")));
    }
    write_shop(folder.path(), &lines);
    let second = night(last + 5, &out);
    let third = night(last + WINDOW, &out);

    // First assignments are carried on as they were; who is new comes in with the night's day.
    let now = first_assigned(&third);
    assert!(enrolled.iter().all(|(key, row)| now.get(key) == Some(row)));
    let new: Vec<_> = now.iter().filter(|((m, k), _)| m.starts_with("new") && k == "all").collect();
    assert!(new.len() == 60 && new.iter().all(|(_, (_, day))| *day == last + 5));
    let all = report(&second).all().unwrap().clone();
    assert!(all.outcomes.is_empty(), "two weeks are not over after five days");

    let found = report(&third);
    let all = found.all().unwrap();
    assert_eq!(all.assigned.treated + all.assigned.holdout, MEMBERS as u64 + 60);
    assert_eq!(all.open.treated + all.open.holdout, 60);
    assert!(all.sample_ratio.as_ref().unwrap().holds() && all.since == Day(last));
    // Counted anew from the raw lines.
    let share = |of: &BTreeSet<String>| of.iter().filter(|m| bought.contains(*m)).count() as f64 / of.len() as f64;
    let repeat = outcome(&found, "all", Outcome::RepeatPurchase);
    assert_eq!((repeat.members.treated, repeat.members.holdout), (treated.len() as u64, held.len() as u64));
    assert!((repeat.treated - share(&treated)).abs() < 1e-12 && (repeat.holdout - share(&held)).abs() < 1e-12);
    let spend = outcome(&found, "all", Outcome::Spend);
    assert!((spend.treated - 100.0 * PRICE * share(&treated)).abs() < 1e-6);

    // The planted effects are inside their intervals, and beyond doubt.
    let truth = TREATED + COUPON * with_coupon.len() as f64 / treated.len() as f64;
    assert!(repeat.uplift.covers(truth) && repeat.uplift.low > 0.0, "{repeat:?} for {truth}");
    let adjusted = repeat.adjusted.as_ref().unwrap();
    assert!(adjusted.difference.covers(truth) && adjusted.variance_reduction > 0.02, "{adjusted:?} for {truth}");
    assert!(spend.best().covers(100.0 * PRICE * truth) && spend.best().low > 0.0, "{spend:?}");
    let cross = outcome(&found, "all", Outcome::CrossChannel);
    assert!(cross.holdout == 0.0 && cross.uplift.low > 0.0, "only treated members went to the store: {cross:?}");
    let coupon = outcome(&found, "coupon", Outcome::RepeatPurchase);
    assert_eq!(found.track("coupon").unwrap().against, "kind");
    assert_eq!(coupon.members.treated, with_coupon.len() as u64);
    assert_eq!(coupon.members.holdout, without_coupon.len() as u64);
    assert!(coupon.best().covers(COUPON) && coupon.best().low > 0.0, "{coupon:?} for {COUPON}");
    // Every segment with enough members has its figures, and they add up.
    let members: u64 = all.segments.iter().map(|s| s.outcomes[0].members.treated).sum();
    assert_eq!(members, repeat.members.treated);
    assert!(repeat.detectable > 0.0 && repeat.detectable < truth);

    // Manifest, table and page say the same.
    assert!((third.manifest.kpis["uplift_repeat_purchase"] - adjusted.difference.difference).abs() < 1e-5);
    let table = third.table("uplift.parquet");
    let rows: Vec<usize> = (0..table.rows())
        .filter(|i| table.names("kind")[*i] == "all" && table.texts("segment_code")[*i].is_none())
        .filter(|i| table.names("outcome")[*i] == "repeat_purchase")
        .collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(table.floats("uplift")[rows[0]], Some(repeat.uplift.difference));
    let page = third.text("report.html");
    assert!(page.contains("What the offers change") && page.contains("成效"));
    assert!(!eager.keys().any(|id| page.contains(id.as_str())));

    // The same nights again give the same bytes.
    let again = folder.path().join("again");
    let options = |out: &Path| RunOptions {
        as_of: Some(Day(last + WINDOW)),
        previous: nextoffer::run::PreviousChoice::Place(second.folder.to_str().unwrap().to_owned()),
        out: Some(out.to_str().unwrap().to_owned()),
        threads: 1,
        ..RunOptions::default()
    };
    let rerun = publish(job, &again, &[], options(&again));
    assert_eq!(rerun.manifest.run_id, third.manifest.run_id);
    assert_eq!(digests(&rerun.folder), digests(&third.folder));

    // Another salt is another experiment.
    let sets = ["decision.holdout_salt=\"other\""];
    let anew = publish(job, &again, &sets, RunOptions { as_of: Some(Day(last + WINDOW + 1)), ..options(&again) });
    let found = report(&anew);
    assert!(found.over > MEMBERS as u64 && found.all().unwrap().since == Day(last + WINDOW + 1));
}

/// The published experiment, counted by hand.
fn hillstrom(options: ExperimentOptions) -> Option<(Experiment, Table)> {
    let file = real_data("hillstrom")?.join("members_campaign.parquet");
    let found = experiment(&ExperimentOptions { file: file.to_str().unwrap().to_owned(), ..options }).unwrap();
    Some((found, Table::read(&file)))
}

fn options() -> ExperimentOptions {
    ExperimentOptions {
        file: String::new(),
        arm: "segment".into(),
        control: "No E-Mail".into(),
        outcomes: ["visit", "conversion", "spend"].map(str::to_owned).to_vec(),
        covariates: vec!["history".into()],
        shares: Vec::new(),
        by: None,
        detect: 0.1,
    }
}

#[test]
fn the_published_uplift_of_hillstrom() {
    let Some((found, table)) = hillstrom(options()) else { return };
    let arms = table.names("segment");
    assert_eq!((arms.len(), found.left_out), (64_000, 0));
    let ratio = found.sample_ratio.as_ref().unwrap();
    assert!(ratio.holds(), "{ratio:?}");
    // Visit rates 18.28% and 15.14% against 10.62%, conversions 1.25% and .88% against .57%, spend 1.42 and 1.08 against .65.
    let published = [
        ("Mens E-Mail", "visit", 0.1828, 0.1062),
        ("Womens E-Mail", "visit", 0.1514, 0.1062),
        ("Mens E-Mail", "conversion", 0.0125, 0.0057),
        ("Womens E-Mail", "conversion", 0.0088, 0.0057),
        ("Mens E-Mail", "spend", 1.42, 0.65),
        ("Womens E-Mail", "spend", 1.08, 0.65),
    ];
    assert_eq!(found.rows.len(), published.len());
    let history = table.floats("history");
    for (arm, outcome, treated, control) in published {
        let row: &ExperimentRow = found.rows.iter().find(|r| r.arm == arm && r.outcome == outcome).unwrap();
        let digits = if outcome == "spend" { 0.005 } else { 0.000_05 };
        assert!((row.means[0] - treated).abs() < digits && (row.means[1] - control).abs() < digits, "{row:?}");
        // By hand: mean, variance, covariance with history, in two passes.
        let values = table.floats(outcome);
        let of = |name: &str| -> Vec<(f64, f64)> {
            (0..arms.len()).filter(|i| arms[*i] == name).map(|i| (values[i].unwrap(), history[i].unwrap())).collect()
        };
        let sums = |rows: &[(f64, f64)]| {
            let n = rows.len() as f64;
            let (y, x) = (rows.iter().map(|r| r.0).sum::<f64>() / n, rows.iter().map(|r| r.1).sum::<f64>() / n);
            let over = |f: &dyn Fn(f64, f64) -> f64| rows.iter().map(|r| f(r.0 - y, r.1 - x)).sum::<f64>();
            (n, y, x, over(&|a, _| a * a), over(&|a, b| a * b), over(&|_, b| b * b))
        };
        let (t, c) = (sums(&of(arm)), sums(&of("No E-Mail")));
        assert_eq!(row.members, [t.0 as u64, c.0 as u64]);
        assert!((row.uplift.difference - (t.1 - c.1)).abs() < 1e-12 && row.uplift.covers(treated - control));
        // So many members make every interval a normal one, to a hundredth of its width.
        let half = 1.96 * (t.3 / (t.0 - 1.0) / t.0 + c.3 / (c.0 - 1.0) / c.0).sqrt();
        assert!(((row.uplift.high - row.uplift.low) / 2.0 / half - 1.0).abs() < 0.01, "{row:?}");
        assert!(row.uplift.low > 0.0, "each of them is beyond doubt: {row:?}");
        let theta = (t.4 + c.4) / (t.5 + c.5);
        let adjusted = row.adjusted.as_ref().unwrap();
        let by_hand = t.1 - c.1 - theta * (t.2 - c.2);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9 * b.abs().max(1.0);
        assert!(adjusted.variance_reduction == 0.0 || close(adjusted.difference.difference, by_hand), "{row:?}");
        assert!(
            adjusted.difference.low > 0.0
                && adjusted.difference.high - adjusted.difference.low <= row.uplift.high - row.uplift.low + 1e-12
        );
    }
    let visit = found.rows.iter().find(|r| r.arm == "Mens E-Mail" && r.outcome == "visit").unwrap();
    assert!(visit.adjusted.as_ref().unwrap().variance_reduction > 0.0, "history tells something of visits");
}

#[test]
fn the_command_prints_and_writes_the_table() {
    let Some(folder) = real_data("hillstrom") else { return };
    let file = folder.join("members_campaign.parquet");
    let out = tempfile::tempdir().unwrap();
    let csv = out.path().join("uplift.csv");
    let arguments = [
        "uplift",
        file.to_str().unwrap(),
        "--arm",
        "segment",
        "--control",
        "No E-Mail",
        "--outcomes",
        "visit,conversion,spend",
        "--covariate",
        "history",
        "--by",
        "channel",
        "--out",
        csv.to_str().unwrap(),
    ];
    let said = nextoffer(&arguments);
    println!("{}", said.out);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("18.28%") && said.out.contains("10.62%") && said.out.contains("as drawn"));
    // Six rows in all, and six a channel.
    assert_eq!(fs::read_to_string(&csv).unwrap().lines().count(), 1 + 6 * 4);
    let wrong = |more: &[&str]| {
        let mut all = vec!["uplift", file.to_str().unwrap()];
        all.extend_from_slice(more);
        nextoffer(&all)
    };
    let said = wrong(&["--arm", "segmnt", "--control", "No E-Mail", "--outcomes", "visit"]);
    assert!(said.code == 66 && said.err.contains("segment"), "{}", said.err);
    let said = wrong(&["--arm", "segment", "--control", "Nobody", "--outcomes", "visit"]);
    assert!(said.code == 66 && said.err.contains("Womens E-Mail"), "{}", said.err);
    let shares = "Mens E-Mail=0.5,Womens E-Mail=0.25,No E-Mail=0.25";
    let said = wrong(&["--arm", "segment", "--control", "No E-Mail", "--outcomes", "visit", "--shares", shares]);
    assert!(said.code == 0 && said.out.contains("MISMATCH") && said.err.contains("do not trust"), "{}", said.out);
}
