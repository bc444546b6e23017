//! Choosing k: the number of planted personas is found, and what `tune` writes.

use std::{fs, path::Path};

use nextoffer::{
    base::{Day, progress::Silent},
    generate::{PERSONA_COUNT, ShopSpec, generate},
    job,
    run::{RunOptions, TuneOptions, TuneOutcome, tune},
};

use super::support::{Table, nextoffer, publish};

/// A generated shop with a job beside it.
fn shop(folder: &Path, seed: u64) -> std::path::PathBuf {
    let data = folder.join(format!("shop{seed}"));
    generate(&ShopSpec::new(2000, 60_000, seed), &data, &Silent).unwrap();
    let job = folder.join(format!("shop{seed}.toml"));
    let text = format!(
        r#"
        version = 1
        name = "shop{seed}"
        as_of = "2026-06-30"
        out = "runs{seed}"
        [inputs]
        transactions = {{ path = "shop{seed}/transactions" }}
        items = {{ path = "shop{seed}/items.parquet" }}
        members = {{ path = "shop{seed}/members.parquet" }}
        consent = {{ path = "shop{seed}/consent.parquet" }}
        [cleaning]
        not_merchandise = "item_id like 'FEE-%'"
        [segments]
        k = "auto"
        [segments.auto_k]
        seeds = 2
        resamples = 4
        [[offers]]
        id = "next_item"
        kind = "next_item"
        name_zh = "为您推荐"
        name_en = "Picked for you"
        "#
    );
    fs::write(&job, text).unwrap();
    job
}

fn tuned(job: &Path, options: &TuneOptions) -> TuneOutcome {
    let loaded = job::load(job, &[]).unwrap_or_else(|e| panic!("{e}"));
    tune(&loaded, options, &Silent).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn auto_k_finds_the_planted_personas_in_five_shops() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 1..=5 {
        let job = shop(folder.path(), seed);
        let outcome = tuned(&job, &TuneOptions { k: Some((4, 14)), ..TuneOptions::default() });
        let curve = &outcome.results.sets[0].curve;
        println!("shop {seed}: k = {} of {PERSONA_COUNT} planted", curve.chosen);
        assert!(curve.chosen.abs_diff(PERSONA_COUNT) <= 1, "shop {seed}: {:?}", curve.points);
    }
}

#[test]
fn a_tuning_is_written_and_the_same_for_any_threads() {
    let folder = tempfile::tempdir().unwrap();
    let job = shop(folder.path(), 9);
    let sets = vec![vec!["recency_days".into(), "orders".into(), "net_spend".into()], vec!["share_category_*".into()]];
    let options = |threads, out: &str| TuneOptions {
        k: Some((3, 6)),
        features: sets.clone(),
        seeds: Some(3),
        threads,
        out: Some(folder.path().join(out).to_str().unwrap().to_owned()),
        ..TuneOptions::default()
    };
    let one = tuned(&job, &options(1, "one"));
    let two = tuned(&job, &options(2, "two"));
    assert_eq!(one.results, two.results);
    let read = |out: &str, file: &str| fs::read(folder.path().join(out).join("dt=2026-06-30").join(file)).unwrap();
    for file in ["tune.json", "report.html", "curves.parquet", "fits.parquet"] {
        assert!(read("one", file) == read("two", file), "{file}");
    }
    let at = folder.path().join("one/dt=2026-06-30");
    let curves = Table::read(&at.join("curves.parquet"));
    assert_eq!(curves.rows(), 2 * 4);
    assert_eq!(curves.ints("k").into_iter().flatten().collect::<Vec<_>>(), [3, 4, 5, 6, 3, 4, 5, 6]);
    assert_eq!(curves.names("features")[0], "recency_days,orders,net_spend");
    assert_eq!(Table::read(&at.join("fits.parquet")).rows(), 2 * 4 * 3);
    let page = String::from_utf8(read("one", "report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("Caliński–Harabasz") && !page.contains("<script"));
    // A feature there is not is refused before anything is read.
    let bad = TuneOptions { features: vec![vec!["recensy_days".into()]], ..TuneOptions::default() };
    let loaded = job::load(&job, &[]).unwrap();
    assert!(tune(&loaded, &bad, &Silent).unwrap_err().to_string().contains("recensy_days"));
}

#[test]
fn the_command_prints_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let said = nextoffer(&["tune", "jobs/demo.toml", "--k", "7..9", "--seeds", "2", "--resamples", "2", "--out", out]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("silhouette") && said.out.contains("stability"), "{}", said.out);
    assert!(said.out.lines().any(|line| line.ends_with('*')), "{}", said.out);
    assert!(folder.path().join("dt=2026-06-30/report.html").is_file());
}

#[test]
fn a_nightly_run_chooses_k_and_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let sets = ["segments.k=auto", "segments.auto_k.to=12", "segments.auto_k.resamples=3"];
    let night = |day: &str| {
        let options = RunOptions { as_of: Day::parse(day), ..RunOptions::default() };
        publish("jobs/demo.toml", folder.path(), &sets, options)
    };
    let first = night("2026-06-29");
    let k = first.manifest.segments.len();
    assert!(k.abs_diff(PERSONA_COUNT) <= 1, "{k}");
    let choice: serde_json::Value = serde_json::from_str(&first.text("model/k_choice.json")).unwrap();
    assert_eq!(choice["curve"]["chosen"], k);
    assert_eq!(choice["curve"]["points"].as_array().unwrap().len(), 9);
    assert!(first.text("report.html").contains("Choosing the number of segments"));
    let second = night("2026-06-30");
    assert_eq!(second.manifest.segments.len(), k);
    assert_eq!(second.text("model/k_choice.json"), first.text("model/k_choice.json"));
}
