//! What to offer, not only what members will buy: policies of repeating, what fits what, new items, members nothing is
//! known of, variety. On the generated shop, without what its tables say where that is to be found out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use nextoffer::{
    base::{Day, progress::Silent},
    job,
    run::{BacktestOptions, Outcome, RunOptions, backtest, run},
};

use super::support::{Published, Table, by_key, demo, root, shop};

/// The text of the demo's job with whole paths.
fn demo_text() -> String {
    let text = fs::read_to_string(root().join("jobs/demo.toml")).unwrap();
    text.replace("../fixtures", root().join("fixtures").to_str().unwrap())
}

/// A run of a job's text, published below the folder of that name.
fn published(name: &str, text: &str) -> Published {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&out);
    let loaded = job::load_text(&root().join("jobs/edited.toml"), text, &[]).unwrap_or_else(|e| panic!("{e}"));
    let options = RunOptions { out: Some(out.to_str().unwrap().to_owned()), ..RunOptions::default() };
    match run(&loaded, &options, &Silent).unwrap_or_else(|e| panic!("{e}")) {
        Outcome::Published { folder, current, summary, .. } => {
            Published { folder: out.join(folder), out, manifest: summary.manifest, current }
        }
        other => panic!("{other:?}"),
    }
}

/// The demo with nothing that says what fits what and no price tiers, and with offers of better tiers.
fn untold() -> &'static Published {
    static UNTOLD: OnceLock<Published> = OnceLock::new();
    UNTOLD.get_or_init(|| {
        let items = shop("items.parquet");
        let told = format!("items = {{ path = \"{}\" }}", items.display());
        let untold = format!(
            "items = {{ path = \"{}\", columns = {{ fits = {{ expr = \"cast(null as varchar)\" }}, price_tier = \
             {{ expr = \"cast(null as int)\" }} }} }}",
            items.display()
        );
        let text = demo_text();
        assert!(text.contains(&told));
        let compatibility = text.lines().find(|l| l.starts_with("compatibility = ")).unwrap().to_owned();
        let upgrade = "[[offers]]\nid = \"step_up\"\nkind = \"premium_upgrade\"\nmin_purchases = 3\n\n[decision]";
        let text = text.replace(&told, &untold).replace(&compatibility, "").replacen("[decision]", upgrade, 1);
        published("untold", &text)
    })
}

/// What fits by the shop's own tables: (device, accessory).
fn planted_fits() -> BTreeSet<(String, String)> {
    let items = Table::read(&shop("items.parquet"));
    let (ids, categories, fits) = (items.names("item_id"), items.texts("category"), items.lists("fits"));
    let mut planted = BTreeSet::new();
    for (row, fits) in fits.iter().enumerate() {
        for (device, category) in ids.iter().zip(&categories) {
            if fits.iter().any(|f| f == device || Some(f.as_str()) == *category) {
                planted.insert(((*device).to_owned(), ids[row].to_owned()));
            }
        }
    }
    planted
}

#[test]
fn what_fits_is_learned_and_nothing_else() {
    let planted = planted_fits();
    let learned = untold().table("model/accessories.parquet");
    assert!(learned.names("source").iter().all(|s| *s == "learned"));
    let pairs: Vec<(String, String)> = learned
        .names("device_id")
        .iter()
        .zip(learned.names("accessory_id"))
        .map(|(device, accessory)| ((*device).to_owned(), accessory.to_owned()))
        .collect();
    let wrong: Vec<_> = pairs.iter().filter(|pair| !planted.contains(pair)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // Most of what only owners buy and what was sold often enough to be seen is found. Chargers and earbuds are bought by
    // anyone: nothing in the purchases says that they are accessories.
    let told = demo().table("model/accessories.parquet");
    assert!(told.names("source").iter().all(|s| *s == "declared"));
    let (devices, accessories) = (told.names("device_id"), told.names("accessory_id"));
    let (attached, exposed, lift) = (told.ints("attached"), told.ints("exposed"), told.floats("lift"));
    let items = Table::read(&shop("items.parquet"));
    let category = by_key(items.names("item_id"), items.texts("category"));
    let by_anyone = |item: &str| matches!(category[item], Some("phone/charger" | "phone/earbuds"));
    let often: Vec<(String, String)> = (0..told.rows())
        .filter(|row| attached[*row].unwrap() >= 4 && !by_anyone(accessories[*row]))
        .map(|row| (devices[row].to_owned(), accessories[row].to_owned()))
        .collect();
    let found = often.iter().filter(|pair| pairs.contains(pair)).count();
    println!("{} pairs learned, none wrong; {found} of {} that were bought together often", pairs.len(), often.len());
    assert!(often.len() >= 20 && found * 4 >= often.len() * 3, "{found} of {}", often.len());
    assert!(lift.iter().all(|lift| lift.unwrap() > 0.0));
    assert!((0..told.rows()).all(|row| attached[row] <= exposed[row]));
    let days = told.floats("mean_days");
    assert!(days.iter().all(|d| (0.0..=30.0).contains(&d.unwrap())));

    // Offers: of what was bought on the day it says, and fitting.
    let offers = untold().table("offers.parquet");
    let (kinds, items) = (offers.names("kind"), offers.texts("item_id"));
    let about = offers.field("evidence", "item_id");
    let about = about.texts("item_id");
    let mut count = 0;
    for row in (0..offers.rows()).filter(|row| kinds[*row] == "accessory") {
        let pair = (about[row].unwrap().to_owned(), items[row].unwrap().to_owned());
        assert!(planted.contains(&pair), "{pair:?}");
        count += 1;
    }
    assert!(count >= 50, "{count} accessories");
}

#[test]
fn better_tiers_are_learned_from_prices() {
    let items = Table::read(&shop("items.parquet"));
    let price = by_key(items.names("item_id"), items.floats("price"));
    let category = by_key(items.names("item_id"), items.texts("category"));
    let tier = by_key(items.names("item_id"), items.ints("price_tier"));
    let lines = Table::read_folder(&shop("transactions"));
    let (members, bought) = (lines.texts("member_id"), lines.names("item_id"));
    let mut of: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for row in 0..lines.rows() {
        if let (Some(member), Some(Some(category))) = (members[row], category.get(bought[row])) {
            of.entry((member, category)).or_default().push(bought[row]);
        }
    }
    let offers = untold().table("offers.parquet");
    let (who, kinds, what) = (offers.names("member_id"), offers.names("kind"), offers.texts("item_id"));
    let (mut all, mut dearer, mut higher) = (0, 0, 0);
    for row in (0..offers.rows()).filter(|row| kinds[*row] == "premium_upgrade") {
        let item = what[row].unwrap();
        let own = &of[&(who[row], category[item].unwrap())];
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        all += 1;
        dearer += usize::from(price[item].unwrap() > median(own.iter().map(|i| price[*i].unwrap()).collect()));
        higher +=
            usize::from(tier[item].unwrap() as f64 >= median(own.iter().map(|i| tier[*i].unwrap() as f64).collect()));
    }
    assert!(all >= 50, "{all} offers");
    assert!(
        dearer * 100 >= all * 95 && higher * 100 >= all * 95,
        "{dearer} dearer, {higher} of a higher tier, of {all}"
    );
}

/// Days of each member's purchases of each item, where the member never brought the item back.
fn purchases(as_of: i32) -> BTreeMap<(String, String), BTreeSet<i32>> {
    let lines = Table::read_folder(&shop("transactions"));
    let (members, items, times) = (lines.texts("member_id"), lines.names("item_id"), lines.times("ts"));
    let (prices, returns) = (lines.ints("unit_price"), lines.flags("is_return"));
    let mut days: BTreeMap<(String, String), BTreeSet<i32>> = BTreeMap::new();
    let mut back = BTreeSet::new();
    for row in 0..lines.rows() {
        let Some(member) = members[row] else { continue };
        let day = times[row].unwrap().div_euclid(86_400_000_000) as i32;
        let key = (member.to_owned(), items[row].to_owned());
        if returns[row] == Some(true) {
            back.insert(key);
        } else if day <= as_of && prices[row].unwrap() > 0 {
            days.entry(key).or_default().insert(day);
        }
    }
    days.retain(|key, _| !back.contains(key));
    days
}

#[test]
fn policies_hold_for_every_item_of_every_kind() {
    let run = demo();
    let policies: serde_json::Value = serde_json::from_str(&run.text("model/repeat_policies.json")).unwrap();
    let of: BTreeMap<&str, (&str, &str)> = policies["categories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let text = |key: &str| c[key].as_str().unwrap();
            (text("category"), (text("policy"), text("source")))
        })
        .collect();
    // Devices are not bought again; what is used up in a rhythm is; toys are bought at random.
    for device in ["appliance/purifier", "appliance/vacuum", "appliance/coffee_machine", "phone/handset"] {
        assert_eq!(of[device], ("never_repeat", "learned"), "{device}");
    }
    for used_up in ["pet/dog_food", "pet/cat_litter", "baby/diaper", "baby/formula", "appliance/coffee_capsule"] {
        assert_eq!(of[used_up], ("replenish", "learned"), "{used_up}");
    }
    for whim in ["baby/toy", "pet/toy", "beauty/makeup", "apparel/fleece", "household/tissue"] {
        assert_eq!(of[whim], ("always", "default"), "{whim}");
    }
    assert!(policies["rule"]["replenish"].as_str().unwrap().contains("100 repeats"));
    let items = run.table("model/item_statistics.parquet");
    let wait = by_key(items.names("item_id"), items.ints("wait_days"));
    let policy = by_key(items.names("item_id"), items.names("repeat_policy"));
    let as_of = run.manifest.as_of.0;
    let bought = purchases(as_of);
    let offers = run.table("offers.parquet");
    let (members, slots, kinds) = (offers.names("member_id"), offers.texts("item_id"), offers.names("kind"));
    let basis = offers.names("basis");
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for row in (0..offers.rows()).filter(|row| basis[*row] == "personalised") {
        let Some(item) = slots[row] else { continue };
        let Some(days) = bought.get(&(members[row].to_owned(), item.to_owned())) else { continue };
        let (first, last) = (*days.first().unwrap(), *days.last().unwrap());
        let mut least = wait[item].unwrap();
        if policy[item] == "replenish" && days.len() >= 3 {
            // Their own rhythm, if it is shorter.
            least = least.min(i64::from((last - first) / (days.len() as i32 - 1) / 2));
        }
        assert!(i64::from(as_of - last) >= least, "{} {} {item}: {days:?}", members[row], kinds[row]);
        *seen.entry(policy[item]).or_default() += 1;
    }
    assert!(seen["replenish"] > 200 && seen["always"] > 200, "{seen:?}");
    // A year has passed for but a few.
    assert!(seen.get("never_repeat").is_none_or(|n| *n < 50), "{seen:?}");
}

#[test]
fn what_is_due_is_offered_within_its_window() {
    let run = demo();
    let offers = run.table("offers.parquet");
    let (kinds, days) = (offers.names("kind"), offers.field("evidence", "days"));
    let (days, dates) = (days.ints("days"), offers.field("evidence", "date"));
    let dates = dates.days("date");
    let first = run.manifest.as_of.0 + 1;
    let mut seen = 0;
    for row in (0..offers.rows()).filter(|row| kinds[*row] == "replenish") {
        let (due, gap) = (dates[row].unwrap(), days[row].unwrap());
        let late = (gap / 2).clamp(7, 30);
        assert!(due <= first + 7 && i64::from(first - due) <= late, "due {due}, gap {gap}");
        seen += 1;
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn an_item_without_purchases_goes_to_who_buys_its_like() {
    // One of the dog foods, as if it had just been launched and nobody had bought it.
    let items = Table::read(&shop("items.parquet"));
    let (ids, categories, stock) = (items.names("item_id"), items.texts("category"), items.ints("stock"));
    let category = by_key(ids.clone(), categories.clone());
    let new = (0..ids.len()).find(|row| categories[*row] == Some("pet/dog_food") && stock[*row] > Some(0)).unwrap();
    let new = ids[new];
    let job = |launch: &str| {
        let path = shop("items.parquet");
        let told = format!("items = {{ path = \"{}\" }}", path.display());
        let launched = format!(
            "items = {{ path = \"{}\", columns = {{ launch_date = {{ expr = \"case when item_id = '{new}' then \
             date '{launch}' else launch_date end\" }} }} }}",
            path.display()
        );
        let path = shop("transactions");
        let lines = format!("transactions = {{ path = \"{}\" }}", path.display());
        let without = format!("transactions = {{ path = \"{}\", filter = \"item_id <> '{new}'\" }}", path.display());
        let text = demo_text();
        assert!(text.contains(&told) && text.contains(&lines));
        // What is launched has an offer of its own.
        let offer = format!("[[offers]]\nid = \"launch\"\nkind = \"next_item\"\nitems = [\"{new}\"]\npriority = 5.0\n");
        text.replace(&told, &launched).replace(&lines, &without).replacen(
            "[decision]",
            &format!("{offer}\n[decision]"),
            1,
        )
    };
    // Members with their scores and reasons, the best first.
    let slots = |run: &Published| -> Vec<(f64, String, String)> {
        let offers = run.table("offers.parquet");
        let (members, items, scores) = (offers.names("member_id"), offers.texts("item_id"), offers.floats("score"));
        let (reasons, basis) = (offers.names("reason_code"), offers.names("basis"));
        let of = (0..offers.rows()).filter(|row| items[*row] == Some(new) && basis[*row] == "personalised");
        let mut found: Vec<_> =
            of.map(|row| (scores[row].unwrap(), members[row].to_owned(), reasons[row].to_owned())).collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found
    };
    let fresh = published("fresh", &job("2026-06-25"));
    let reached = slots(&fresh);
    assert!(reached.len() >= 50, "{}", reached.len());
    assert!(reached.iter().all(|(_, _, reason)| reason.starts_with("new_")));
    let buyers: BTreeSet<String> = purchases(i32::MAX)
        .into_keys()
        .filter(|(_, item)| category.get(item.as_str()).copied().flatten().is_some_and(|c| c.starts_with("pet/")))
        .map(|(member, _)| member)
        .collect();
    // It suits those best who buy what it is like, and they read why.
    let best = &reached[..50];
    let own = best.iter().filter(|(_, member, reason)| buyers.contains(member) && reason == "new_in_category").count();
    assert!(own >= 40, "{own} of the best 50 buy for a pet: {best:?}");
    assert!(fresh.manifest.kpis["new_item_slots_share"] > 0.0);
    // Launched years ago and never bought: nobody gets it.
    assert_eq!(slots(&published("stale", &job("2022-06-25"))), []);
}

/// A shop whose members buy in their segment's way, with one who only ever brought something back.
fn shop_with_a_stranger(folder: &Path) -> String {
    let mut rows: Vec<(String, i64, &str, i64, i64, bool)> = Vec::new();
    let day = |d: i64| (i64::from(Day::parse("2026-03-01").unwrap().0) + d) * 86_400_000_000;
    for member in 0..400 {
        let id = format!("m{member:03}");
        let (item, price) = if member % 2 == 0 { ("tea", 1000) } else { ("phone", 300_000) };
        for n in 0..(2 + member % 5) {
            rows.push((id.clone(), day(i64::from(114 + member % 7 - 20 * n)), item, 1, price, false));
        }
    }
    rows.push(("stranger".into(), day(90), "tea", -1, 1000, true));
    let columns: [(&str, ArrayRef); 6] = [
        ("member_id", Arc::new(rows.iter().map(|r| Some(r.0.as_str())).collect::<StringArray>())),
        ("ts", Arc::new(rows.iter().map(|r| Some(r.1)).collect::<TimestampMicrosecondArray>())),
        ("item_id", Arc::new(rows.iter().map(|r| Some(r.2)).collect::<StringArray>())),
        ("quantity", Arc::new(rows.iter().map(|r| r.3).collect::<Int64Array>())),
        ("unit_price", Arc::new(rows.iter().map(|r| r.4).collect::<Int64Array>())),
        ("is_return", Arc::new(rows.iter().map(|r| Some(r.5)).collect::<BooleanArray>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(folder.join("lines.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    format!(
        "version = 1\nname = \"strangers\"\ntimezone = \"Asia/Shanghai\"\nas_of = \"2026-06-30\"\n[inputs]\n\
         transactions = {{ path = \"{}\" }}\n[consent]\nlawful_basis = \"contract\"\n[segments]\nk = 2\n[recommend]\n\
         half_life_days = 30.0\n",
        folder.join("lines.parquet").display()
    )
}

#[test]
fn a_member_without_a_feature_gets_a_segment_and_what_its_members_buy() {
    let work = tempfile::tempdir().unwrap();
    let run = published("strangers", &shop_with_a_stranger(work.path()));
    assert_eq!(run.manifest.members.in_fit, 401);
    let segments = run.table("segments.parquet");
    let at = segments.names("member_id").iter().position(|id| *id == "stranger").unwrap();
    assert!(segments.ints("segment_id")[at].is_some());
    let offers = run.table("offers.parquet");
    let (members, reasons, items) = (offers.names("member_id"), offers.names("reason_code"), offers.texts("item_id"));
    let list: Vec<(&str, Option<&str>)> =
        (0..offers.rows()).filter(|r| members[*r] == "stranger").map(|r| (reasons[r], items[r])).collect();
    assert!(!list.is_empty() && list.iter().all(|(_, item)| item.is_some()));
    assert!(list.iter().all(|(reason, _)| *reason == "popular_among_members_like_you"), "{list:?}");
    let kpis = &run.manifest.kpis;
    // The share of members whose whole list is a fallback is that of the table; the parts add up.
    let fallbacks = ["popular_among_members_like_you", "popular_in_cities_like_yours", "popular_now"];
    let mut only: BTreeMap<&str, bool> = BTreeMap::new();
    for (member, reason) in members.iter().zip(&reasons) {
        *only.entry(*member).or_insert(true) &= fallbacks.contains(reason);
    }
    let share = only.values().filter(|only| **only).count() as f64 / run.manifest.members.in_fit as f64;
    assert!(only["stranger"] && (kpis["fallback_members_share"] - share).abs() < 1e-6, "{share} {kpis:?}");
    let parts = ["segment", "city_tier", "everyone"].map(|level| kpis[&format!("fallback_{level}_slots_share")]);
    assert!((parts.iter().sum::<f64>() - kpis["fallback_slots_share"]).abs() < 2e-6 && parts[0] > 0.0, "{kpis:?}");
}

#[test]
fn variety_and_quotas() {
    let edited = demo_text().replacen(
        "[decision]",
        "[decision.diversity]\nlambda = 0.6\nquotas = { pet = 2, \"baby/diaper\" = 1 }\n\n[decision]",
        1,
    );
    let varied = published("varied", &edited);
    let items = Table::read(&shop("items.parquet"));
    let category = by_key(items.names("item_id"), items.texts("category"));
    let lists = |run: &Published| -> BTreeMap<String, Vec<String>> {
        let offers = run.table("offers.parquet");
        let (members, items, own) = (offers.names("member_id"), offers.texts("item_id"), offers.texts("category"));
        let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in 0..offers.rows() {
            let of = items[row].map_or(own[row], |item| category[item]);
            lists.entry(members[row].to_owned()).or_default().extend(of.map(str::to_owned));
        }
        lists
    };
    let (before, after) = (lists(demo()), lists(&varied));
    let within = |list: &[String], top: &str| {
        list.iter().filter(|c| c.strip_prefix(top).is_some_and(|r| r.is_empty() || r.starts_with('/'))).count()
    };
    for (member, list) in &after {
        assert!(within(list, "pet") <= 2 && within(list, "baby/diaper") <= 1, "{member}: {list:?}");
    }
    assert!(before.values().any(|list| within(list, "pet") > 4));
    let distinct = |lists: &BTreeMap<String, Vec<String>>| {
        let each = lists.values().map(|list| list.iter().collect::<BTreeSet<_>>().len() as f64 / list.len() as f64);
        each.sum::<f64>() / lists.len() as f64
    };
    assert!(distinct(&after) > distinct(&before) + 0.15, "{} after {}", distinct(&after), distinct(&before));
}

#[test]
fn a_backtest_says_what_variety_costs() {
    let out = tempfile::tempdir().unwrap();
    let sets = ["decision.diversity.lambda=0.6", "backtest.resamples=200", "backtest.baselines=[]"];
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    let loaded = job::load(&root().join("jobs/demo.toml"), &sets).unwrap_or_else(|e| panic!("{e}"));
    let options = BacktestOptions {
        cut: Day::parse("2026-05-31"),
        out: Some(out.path().to_str().unwrap().to_owned()),
        ..BacktestOptions::default()
    };
    let outcome = backtest(&loaded, &options, &Silent).unwrap_or_else(|e| panic!("{e}"));
    let [score, offered] = &outcome.results.methods[..] else { panic!() };
    assert_eq!((score.name.as_str(), offered.name.as_str()), ("nextoffer", "nextoffer as offered"));
    assert!(offered.settings.contains("lambda 0.6"), "{}", offered.settings);
    assert!(offered.beyond.variety > score.beyond.variety + 0.05, "{:?} {:?}", offered.beyond, score.beyond);
    let recall = &offered.scopes["overall"].figures["recall@10"];
    let cost = recall.ours_minus_this.unwrap();
    // The difference is paired and has an interval, and variety is not for nothing here.
    assert!(cost.low <= cost.mean && cost.mean <= cost.high && cost.mean > 0.0, "{cost:?}");
    println!(
        "recall@10 {:.4} costs {:.4} [{:.4}, {:.4}]; variety {:.3} from {:.3}",
        recall.value.mean, cost.mean, cost.low, cost.high, offered.beyond.variety, score.beyond.variety
    );
}

#[test]
fn contacts_of_offers_that_are_not_there_are_counted_and_said() {
    let text = demo_text().replace("id = \"replenish\"", "id = \"replenishh\"");
    let loaded = job::load_text(&root().join("jobs/edited.toml"), &text, &[]).unwrap_or_else(|e| panic!("{e}"));
    let options = RunOptions { dry_run: true, ..RunOptions::default() };
    let Outcome::DryRun { remarks, .. } = run(&loaded, &options, &Silent).unwrap() else { panic!() };
    let said = remarks.findings().find(|f| f.code == "offers::contacts_of_unknown_offers").unwrap();
    let contacts = Table::read(&shop("contacts.parquet"));
    let known =
        ["next_item", "replenishh", "accessory_phone", "accessory_home", "early_access_pet", "early_access_baby"];
    let unknown: BTreeSet<&str> = contacts.names("offer_id").into_iter().filter(|id| !known.contains(id)).collect();
    assert!(said.message.contains(&format!("name {} offers", unknown.len())), "{}", said.message);
    assert!(said.help.as_deref().unwrap().contains("hold no offer back"), "{said:?}");
}
