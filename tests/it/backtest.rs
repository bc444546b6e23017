//! A backtest as a whole: every figure recomputed from the lists it wrote, nothing seen after the cut, real shops.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use nextoffer::{
    base::{Day, progress::Silent},
    job,
    run::{BacktestOptions, BacktestOutcome, backtest},
};

use super::support::{Table, digests, nextoffer, real_data, root};

/// Cut of the fixture shop, whose lines end in June 2026.
const CUT: &str = "2026-05-31";

fn measured(job: &Path, sets: &[&str], mut options: BacktestOptions, out: &Path) -> BacktestOutcome {
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    let loaded = job::load(job, &sets).unwrap_or_else(|e| panic!("{e}"));
    options.out = Some(out.to_str().unwrap().to_owned());
    backtest(&loaded, &options, &Silent).unwrap_or_else(|e| panic!("{}: {e}", job.display()))
}

fn demo(sets: &[&str], options: BacktestOptions, out: &Path) -> BacktestOutcome {
    let options = BacktestOptions { cut: Day::parse(CUT), ..options };
    measured(&root().join("jobs/demo.toml"), sets, options, out)
}

type Lists = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Lists by method and member, in the order of their ranks.
fn lists(file: &Path) -> Lists {
    let table = Table::read(file);
    let (methods, members, items) = (table.names("method"), table.names("member_id"), table.names("item_id"));
    let mut lists = Lists::new();
    for (row, rank) in table.ints("rank").into_iter().enumerate() {
        let list = lists.entry(methods[row].to_owned()).or_default().entry(members[row].to_owned()).or_default();
        list.push(items[row].to_owned());
        assert_eq!(rank, Some(list.len() as i64));
    }
    lists
}

/// Items a member bought in the truth, and which of them the member had bought before.
type Truth = BTreeMap<String, BTreeMap<String, bool>>;

fn truth(file: &Path) -> Truth {
    let table = Table::read(file);
    let (members, items, repeats) = (table.names("member_id"), table.names("item_id"), table.flags("repeat"));
    let mut truth = Truth::new();
    for row in 0..table.rows() {
        let bought = truth.entry(members[row].to_owned()).or_default();
        assert!(bought.insert(items[row].to_owned(), repeats[row].unwrap()).is_none());
    }
    truth
}

fn discounted(ranks: impl Iterator<Item = usize>) -> f64 {
    ranks.map(|rank| 1.0 / ((rank + 2) as f64).log2()).sum()
}

/// A figure of one list, from its definition.
fn value(metric: &str, k: usize, list: &[String], truth: &BTreeSet<&str>) -> f64 {
    let hits: Vec<usize> = (0..list.len().min(k)).filter(|rank| truth.contains(list[*rank].as_str())).collect();
    match metric {
        "recall" => hits.len() as f64 / truth.len() as f64,
        "precision" => hits.len() as f64 / k as f64,
        "hit_rate" => f64::from(u8::from(!hits.is_empty())),
        "ndcg" => discounted(hits.into_iter()) / discounted(0..truth.len()),
        "ndcg_std" => discounted(hits.into_iter()) / discounted(0..truth.len().min(k)),
        "map" => {
            let precisions = hits.iter().enumerate().map(|(n, rank)| (n + 1) as f64 / (rank + 1) as f64);
            precisions.sum::<f64>() / truth.len().min(k) as f64
        }
        other => panic!("{other}"),
    }
}

/// Every hit figure of `backtest.json` against the files beside it.
fn recompute(folder: &Path) -> usize {
    let results: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("backtest.json")).unwrap()).unwrap();
    let mixed = lists(&folder.join("lists.parquet"));
    let explore = lists(&folder.join("explore_lists.parquet"));
    let truth = truth(&folder.join("truth.parquet"));
    let mut compared = 0;
    for method in results["methods"].as_array().unwrap() {
        let name = method["name"].as_str().unwrap();
        for (scope, result) in method["scopes"].as_object().unwrap() {
            let lists = if scope == "explore_list" { &explore[name] } else { &mixed[name] };
            let cases: Vec<(&Vec<String>, BTreeSet<&str>)> = truth
                .iter()
                .map(|(member, bought)| {
                    let wanted = |repeat: bool| match scope.as_str() {
                        "overall" => true,
                        "repeat" => repeat,
                        _ => !repeat,
                    };
                    let items = bought.iter().filter(|(_, repeat)| wanted(**repeat)).map(|(item, _)| item.as_str());
                    (&lists[member], items.collect::<BTreeSet<_>>())
                })
                .filter(|(_, truth)| !truth.is_empty())
                .collect();
            assert_eq!(result["observations"], cases.len(), "{name} {scope}");
            for (figure, found) in result["figures"].as_object().unwrap() {
                let (metric, k) = figure.split_once('@').unwrap();
                let sum: f64 = cases.iter().map(|(list, t)| value(metric, k.parse().unwrap(), list, t)).sum();
                let mean = sum / cases.len().max(1) as f64;
                assert!((found["mean"].as_f64().unwrap() - mean).abs() < 1e-6, "{name} {scope} {figure}");
                let bounds = (found["low"].as_f64().unwrap(), found["high"].as_f64().unwrap());
                assert!(bounds.0 <= mean + 1e-6 && mean <= bounds.1 + 1e-6, "{name} {scope} {figure} {bounds:?}");
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn every_figure_can_be_recomputed() {
    let out = tempfile::tempdir().unwrap();
    let outcome = demo(&["backtest.resamples=200"], BacktestOptions::default(), out.path());
    let folder = PathBuf::from(&outcome.place);
    let methods = outcome.results.methods.len();
    assert_eq!(methods, 9);
    assert_eq!(recompute(&folder), methods * 4 * 18);
    let figures = Table::read(&folder.join("figures.parquet"));
    assert_eq!(figures.rows(), methods * 4 * 18);
    let explore = lists(&folder.join("explore_lists.parquet"));
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    for name in explore.keys() {
        assert!(page.contains(name.as_str()), "{name}");
    }
    // Lists without already-bought items hold nothing of the history, and hold something new for everyone.
    let bought = bought_up_to_the_cut();
    for (name, lists) in &explore {
        for (member, list) in lists {
            assert!(list.iter().all(|item| !bought[member].contains(item)), "{name} {member}");
        }
        assert!(lists.values().all(|list| list.len() == 20), "{name}");
    }
}

/// What the fixture's members bought up to the cut and never brought back; clean lines only.
fn bought_up_to_the_cut() -> BTreeMap<String, BTreeSet<String>> {
    let lines = Table::read_folder(&root().join("fixtures/shop/transactions"));
    let (members, items, times) = (lines.texts("member_id"), lines.texts("item_id"), lines.times("ts"));
    let (quantities, prices, returns) = (lines.ints("quantity"), lines.ints("unit_price"), lines.flags("is_return"));
    let end = i64::from(Day::parse(CUT).unwrap().plus(1).0) * 86_400_000_000;
    let mut bought: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut back: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in 0..lines.rows() {
        let (Some(member), Some(item)) = (members[row], items[row]) else { continue };
        let is_return = returns[row] == Some(true) || quantities[row].is_some_and(|q| q < 0);
        if is_return {
            back.insert((member, item));
        }
        let clean = quantities[row].is_some_and(|q| q > 0) && prices[row].is_some_and(|p| p > 0);
        let merchandise = !item.starts_with("FEE-") && !item.trim().is_empty();
        if !is_return && clean && merchandise && times[row].is_some_and(|t| t < end) {
            bought.entry(member.to_owned()).or_default().insert(item.to_owned());
        }
    }
    for (member, item) in back {
        if let Some(items) = bought.get_mut(member) {
            items.remove(item);
        }
    }
    bought
}

#[test]
fn nothing_after_the_cut_is_seen() {
    let out = tempfile::tempdir().unwrap();
    let whole = demo(&["backtest.resamples=100"], BacktestOptions::default(), &out.path().join("a"));
    // The same shop, in which half of what came after the cut never happened and nothing was brought back.
    let filter = format!("cast(ts as date) <= '{CUT}' or (not is_return and quantity > 0 and item_id < 'M')");
    let less = demo(
        &["backtest.resamples=100", &format!("backtest.filter=\"{filter}\"")],
        BacktestOptions::default(),
        &out.path().join("b"),
    );
    let (a, b) = (PathBuf::from(&whole.place), PathBuf::from(&less.place));
    let (scored, fewer) = (truth(&a.join("truth.parquet")), truth(&b.join("truth.parquet")));
    assert_ne!(scored, fewer);
    for file in ["lists.parquet", "explore_lists.parquet"] {
        let (all, some) = (lists(&a.join(file)), lists(&b.join(file)));
        let mut compared = 0;
        for (method, members) in &some {
            for (member, list) in members {
                let Some(other) = all[method].get(member) else { continue };
                assert_eq!(list, other, "{file} {method} {member}");
                compared += 1;
            }
        }
        assert!(compared > 9 * 20, "{compared}");
    }
    assert_eq!(whole.results.folds[0].tuned, less.results.folds[0].tuned);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let out = tempfile::tempdir().unwrap();
    let sets = ["backtest.resamples=100", "backtest.horizon_days=20", "backtest.folds=2"];
    let run = |threads, memory_limit, name: &str| {
        let options = BacktestOptions { threads, memory_limit, ..BacktestOptions::default() };
        demo(&sets, options, &out.path().join(name))
    };
    let one = run(1, None, "one");
    let two = run(2, Some(16 << 20), "two");
    assert_eq!(digests(Path::new(&one.place)), digests(Path::new(&two.place)));
    // Two cuts, twenty days apart; a member is one observation a fold.
    let cuts: Vec<String> = one.results.folds.iter().map(|f| f.cut.unwrap().to_string()).collect();
    assert_eq!(cuts, [CUT, "2026-05-11"]);
    let scored: u64 = one.results.folds.iter().map(|f| f.scored).sum();
    assert_eq!(one.results.methods[0].scopes["overall"].observations, scored);
    assert!(one.results.members < scored);
    for cut in cuts {
        assert!(Path::new(&one.place).join(format!("cut={cut}/lists.parquet")).exists());
    }
}

/// A shop whose members buy one item again and again, and another but once; five members buy nothing but that.
fn ordinal_shop(folder: &Path) -> PathBuf {
    use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
    let mut rows: Vec<(String, i32, String, &str)> = Vec::new();
    for member in 0..80 {
        let id = format!("m{member:02}");
        for basket in 0..4 {
            let split = if basket == 3 { "future" } else { "history" };
            rows.push((id.clone(), basket, format!("own{}", member % 7), split));
            rows.push((id.clone(), basket, format!("once{}", (member + basket) % 9), split));
        }
    }
    rows.push(("lonely".into(), 0, "own1".into(), "history"));
    let columns: [(&str, ArrayRef); 4] = [
        ("member_id", std::sync::Arc::new(rows.iter().map(|r| Some(r.0.as_str())).collect::<StringArray>())),
        ("basket_index", std::sync::Arc::new(rows.iter().map(|r| r.1).collect::<Int32Array>())),
        ("item_id", std::sync::Arc::new(rows.iter().map(|r| Some(r.2.as_str())).collect::<StringArray>())),
        ("split", std::sync::Arc::new(rows.iter().map(|r| Some(r.3)).collect::<StringArray>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(folder.join("lines.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let job = folder.join("job.toml");
    let text = "version = 1\nname = \"baskets\"\n[inputs]\ntransactions = { path = \"lines.parquet\" }\n[consent]\n\
                lawful_basis = \"contract\"\n";
    fs::write(&job, text).unwrap();
    job
}

#[test]
fn baskets_without_dates() {
    let work = tempfile::tempdir().unwrap();
    let job = ordinal_shop(work.path());
    let hidden = BacktestOptions { last_basket: true, ..BacktestOptions::default() };
    let last = measured(&job, &[], hidden, &work.path().join("last"));
    let by_column =
        measured(&job, &["backtest.truth=split = 'future'"], BacktestOptions::default(), &work.path().join("column"));
    // The newest basket is what the column names: the same lists, the same figures.
    let (a, b) = (PathBuf::from(&last.place), PathBuf::from(&by_column.place));
    assert_eq!((last.results.folds[0].scored, last.results.members), (80, 80));
    assert_eq!(truth(&a.join("truth.parquet")), truth(&b.join("truth.parquet")));
    for file in ["lists.parquet", "explore_lists.parquet"] {
        assert_eq!(lists(&a.join(file)), lists(&b.join(file)), "{file}");
    }
    for (m, n) in last.results.methods.iter().zip(&by_column.results.methods) {
        assert_eq!((&m.name, &m.settings), (&n.name, &n.settings));
    }
    recompute(&a);
    // Everyone's own item is found.
    for method in last.results.methods.iter().filter(|m| m.name != "global popularity") {
        let repeat = method.scopes["repeat"].figures["recall@10"].value.mean;
        assert!(method.name == "recent popularity" || repeat > 0.99, "{} {repeat}", method.name);
    }

    // The members to score may be named by a condition over the lines, too.
    let some = measured(
        &job,
        &["backtest.truth=split = 'future'", "backtest.members=member_id < 'm40'"],
        BacktestOptions::default(),
        &work.path().join("some"),
    );
    assert_eq!(some.results.folds[0].scored, 40);
}

#[test]
fn what_cannot_be_measured_is_said() {
    let work = tempfile::tempdir().unwrap();
    let job = ordinal_shop(work.path());
    let job = job.to_str().unwrap();
    let said = |arguments: &[&str]| nextoffer(&[&["backtest", job], arguments].concat());
    let no_days = said(&[]);
    assert_eq!(no_days.code, 78);
    assert!(no_days.err.contains("backtest::no_calendar") && no_days.err.contains("last_basket"), "{}", no_days.err);
    let unknown = said(&["--set", "backtest.truth=spilt = 'future'"]);
    assert_eq!(unknown.code, 78);
    assert!(unknown.err.contains("`spilt`") && unknown.err.contains("`split`"), "{}", unknown.err);
    let members = said(&["--last-basket", "--set", "backtest.members=tset = 1"]);
    assert_eq!(members.code, 78);
    assert!(members.err.contains("`tset`"), "{}", members.err);
    let nobody = said(&["--last-basket", "--set", "backtest.members=member_id = 'lonely'"]);
    assert_eq!(nobody.code, 66);
    assert!(nobody.err.contains("nobody to score"), "{}", nobody.err);
    let late = nextoffer(&["backtest", "jobs/demo.toml", "--cut", "2026-06-30"]);
    assert_eq!(late.code, 78);
    assert!(late.err.contains("backtest::late_cut"), "{}", late.err);
    for wrong in
        [&["--horizon", "month"][..], &["--folds", "0"], &["--cut", "soon"], &["--last-basket", "--folds", "2"]]
    {
        assert_eq!(said(wrong).code, 64, "{wrong:?}");
    }
    assert!(!work.path().join("runs").exists(), "nothing is written where nothing was measured");
}

/// The mean of a figure of a method.
fn figure(outcome: &BacktestOutcome, method: &str, scope: &str, name: &str) -> f64 {
    let found = outcome.results.methods.iter().find(|m| m.name == method).unwrap();
    found.scopes[scope].figures[name].value.mean
}

fn is_about(found: f64, expected: f64, by: f64) {
    assert!((found - expected).abs() <= by, "{found} is not {expected} ± {by}");
}

fn show(outcome: &BacktestOutcome) {
    for method in &outcome.results.methods {
        let get = |scope: &str, name: &str| method.scopes[scope].figures[name].value;
        let (recall, explore) = (get("overall", "recall@10"), get("explore_list", "recall@10"));
        println!(
            "{:<20} recall@10 {:.4} [{:.4}, {:.4}] ndcg@10 {:.4} new items {:.4}",
            method.name,
            recall.mean,
            recall.low,
            recall.high,
            get("overall", "ndcg@10").mean,
            explore.mean
        );
    }
}

#[test]
fn ta_feng_beside_its_published_peers() {
    let Some(folder) = real_data("tafeng") else { return };
    let folder = fs::canonicalize(folder).unwrap();
    let lines = format!("inputs.transactions.path={}", folder.join("baskets.parquet").display());
    let members = format!("inputs.members.path={}", folder.join("members.parquet").display());
    let out = tempfile::tempdir().unwrap();
    let outcome =
        measured(&root().join("jobs/tafeng.toml"), &[&lines, &members], BacktestOptions::default(), out.path());
    show(&outcome);
    assert_eq!(outcome.results.folds[0].scored, 5091);
    let about = |method: &str, name: &str, expected: f64| {
        is_about(figure(&outcome, method, "overall", name), expected, 0.0005);
    };
    about("global popularity", "recall@10", 0.0812);
    about("global popularity", "ndcg@10", 0.0893);
    about("item-kNN BM25", "recall@10", 0.1477);
    about("item-kNN BM25", "ndcg@10", 0.1210);
    about("item-kNN BM25", "hit_rate@10", 0.4363);
    about("item-kNN BM25", "recall@20", 0.1862);
    about("TIFU-KNN", "recall@10", 0.1249);
    about("TIFU-KNN", "ndcg@10", 0.1006);
    // Ours is ahead of every method that others use, beyond chance.
    for method in outcome.results.methods.iter().skip(1) {
        for name in ["recall@10", "ndcg@10"] {
            let difference = method.scopes["overall"].figures[name].ours_minus_this.unwrap();
            assert!(difference.low > 0.0, "{} {name} {difference:?}", method.name);
        }
    }
}

#[test]
fn online_retail_beside_its_peers() {
    let Some(folder) = real_data("online_retail") else { return };
    let folder = fs::canonicalize(folder).unwrap();
    let lines = format!("inputs.transactions.path={}", folder.join("transactions.parquet").display());
    let items = format!("inputs.items.path={}", folder.join("products.parquet").display());
    let out = tempfile::tempdir().unwrap();
    let outcome =
        measured(&root().join("jobs/online-retail.toml"), &[&lines, &items], BacktestOptions::default(), out.path());
    show(&outcome);
    let fold = &outcome.results.folds[0];
    assert_eq!((fold.cut.unwrap().to_string().as_str(), fold.scored), ("2011-11-09", 1082));
    is_about(figure(&outcome, "item-kNN BM25", "overall", "recall@10"), 0.145, 0.006);
    is_about(figure(&outcome, "TIFU-KNN tuned", "overall", "recall@10"), 0.1930, 0.003);
    for method in outcome.results.methods.iter().skip(1) {
        let difference = method.scopes["overall"].figures["recall@10"].ours_minus_this.unwrap();
        assert!(difference.low > 0.0, "{} {difference:?}", method.name);
    }
}

#[test]
fn mothers_who_buy_once_get_what_is_bought_now() {
    let Some(folder) = real_data("mum_baby") else { return };
    let folder = fs::canonicalize(folder).unwrap();
    let work = tempfile::tempdir().unwrap();
    let job = root().join("jobs/mum-baby.toml");
    let lines = format!("inputs.transactions.path={}", folder.join("transactions.parquet").display());
    let outcome = measured(&job, &[&lines], BacktestOptions::default(), &work.path().join("out"));
    show(&outcome);
    let scored: u64 = outcome.results.folds.iter().map(|f| f.scored).sum();
    let new: u64 = outcome.results.folds.iter().map(|f| f.new_members).sum();
    assert!(scored > 3000 && new * 100 > scored * 99, "{new} of {scored} are new");
    // A cold start is not worse than the popularity of leaf categories: the whole paired interval says so.
    assert_eq!(outcome.results.methods[1].name, "global popularity");
    for name in ["recall@5", "recall@10", "ndcg@10"] {
        let difference = outcome.results.methods[1].scopes["overall"].figures[name].ours_minus_this.unwrap();
        println!("{name}: ours - popularity {difference:?}");
        assert!(difference.low >= 0.0, "{name} {difference:?}");
    }
    assert!(outcome.results.methods[0].beyond.fallback_members > 0.99);
}

#[test]
fn a_grocer_with_categories() {
    let Some(folder) = real_data("completejourney") else { return };
    let folder = fs::canonicalize(folder).unwrap();
    let work = tempfile::tempdir().unwrap();
    let job = root().join("jobs/complete-journey.toml");
    let lines = format!("inputs.transactions.path={}", folder.join("transactions_sample.parquet").display());
    let items = format!("inputs.items.path={}", folder.join("products.parquet").display());
    let outcome = measured(&job, &[&lines, &items], BacktestOptions::default(), &work.path().join("out"));
    show(&outcome);
    assert!(outcome.results.folds[0].scored > 1000);
    // The sample holds few lines of a basket: no method finds much, ours not less than the others.
    for method in outcome.results.methods.iter().skip(1) {
        let difference = method.scopes["overall"].figures["recall@10"].ours_minus_this.unwrap();
        assert!(difference.high >= 0.0, "{} {difference:?}", method.name);
    }
    recompute(Path::new(&outcome.place));
}
