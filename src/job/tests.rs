//! Bad jobs and what is said about them; the jobs that come with the program.
#![expect(clippy::disallowed_methods, reason = "tests write the files they read")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;
use serde_json::Value;

use super::{document::Document, path::Step, structure::Structure, *};
use crate::{
    base::{Findings, Severity, findings::JobPath},
    input::contract::Table,
};

const GOOD: &str = r#"version = 1
name = "test"

[inputs.transactions]
path = "lines.parquet"

[inputs.items]
path = "items.parquet"

[consent]
lawful_basis = "contract"
"#;

fn load_with(text: &str, overrides: &[&str]) -> Result<Loaded, JobError> {
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    load_text(Path::new("job.toml"), text, &overrides)
}

fn job(text: &str, overrides: &[&str]) -> Job {
    load_with(text, overrides).unwrap_or_else(|e| panic!("{e}")).job
}

/// The findings, a line each; notes and warnings of a good job too.
fn findings(text: &str, overrides: &[&str]) -> String {
    match load_with(text, overrides) {
        Ok(loaded) => loaded.remarks.to_string(),
        Err(JobError::Wrong { report, .. }) => report.to_string(),
        Err(other) => panic!("{other}"),
    }
}

/// Findings of a good job with a few lines more.
fn more(lines: &str) -> String {
    findings(&format!("{GOOD}{lines}"), &[])
}

#[test]
fn a_good_job_has_no_findings_and_all_defaults() {
    assert_eq!(findings(GOOD, &[]), "");
    let job = job(GOOD, &[]);
    assert_eq!((job.name(), job.seed(), job.shards(), job.out()), ("test", 1, 64, "runs"));
    assert_eq!((job.timezone_name(), job.currency().code()), ("Asia/Shanghai", "CNY"));
    assert_eq!((job.as_of(), job.memory_limit()), (AsOf::LatestInData, None));
    assert_eq!(job.folder(), Path::new("."));
    assert_eq!(job.offers().offers.len(), 1);
}

#[test]
fn top_level_findings() {
    let text = r#"version = 2
nmae = "x"
timezone = "Asia/Shanghia"
currency = "RMB"
as_of = "yesterday"
shards = 0
seed = 1.0
memory_limit = "lots"
out = 5
"#;
    assert_snapshot!(findings(text, &[]), @r#"
    job.toml:1:1: error[job::missing_key]: the job has no `name` (add `name`: Name of the job: lower-case letters, digits, `-` and `_`)
    job.toml:1:1: error[job::missing_key]: the job has no `inputs` (add `inputs`: The input tables)
    job.toml:1:1: error[consent::no_lawful_basis]: the job has neither a consent table nor a lawful basis for its members (name `[inputs.consent]`, or set `lawful_basis` under `[consent]` (such as "contract" or "consent"))
    job.toml:1:11: error[job::unknown_version]: format version 2 is not known (this program reads version 1)
    job.toml:2:1: error[job::unknown_key]: `nmae` is not a key of the job (did you mean `name`?)
    job.toml:3:12: error[job::unknown_timezone]: there is no time zone `Asia/Shanghia` (did you mean `Asia/Shanghai`?)
    job.toml:4:12: error[job::unknown_currency]: `RMB` is not the code of a currency (did you mean `CNY`?)
    job.toml:5:9: error[job::bad_as_of]: `yesterday` is not a day (write a date like 2026-03-31, or "latest-in-data")
    job.toml:6:10: error[job::out_of_range]: `shards` is 0, which is out of range (it must be at least 1 and at most 4096)
    job.toml:7:8: error[job::wrong_type]: `seed` is the decimal 1.0, but must be a whole number (write 1 without a decimal point)
    job.toml:8:16: error[job::bad_size]: `lots` is not a size (write it like 512MiB or 2GB)
    job.toml:9:7: error[job::wrong_type]: `out` is the number 5, but must be text (write it in quotes: "5")
    "#);
}

#[test]
fn input_findings() {
    let text = r#"version = 1
name = "Test"
[inputs]
transaction = 5
[inputs.items]
pth = "x"
[inputs.items.columns]
nmae = "title"
price = 5
brand = { exp = "lower(b)" }
[inputs.members]
path = ["a.parquet", 7]
[inputs.object_store]
secret_access_key = "x"
endpoint = "localhost"
"#;
    assert_snapshot!(findings(text, &[]), @r#"
    job.toml:1:1: error[consent::no_lawful_basis]: the job has neither a consent table nor a lawful basis for its members (name `[inputs.consent]`, or set `lawful_basis` under `[consent]` (such as "contract" or "consent"))
    job.toml:2:8: error[job::bad_name]: `Test` cannot be a job's name (use 1 to 64 lower-case letters, digits, `-` and `_`)
    job.toml:3:2: error[job::missing_key]: `inputs` has no `transactions` (add `transactions`: Purchase lines: member_id, ts (or basket_index), item_id, order_id, quantity, unit_price or amount, discount, channel, store, city, is_return)
    job.toml:4:1: error[job::unknown_key]: `transaction` is not a key of `inputs` (did you mean `transactions`?)
    job.toml:5:9: error[job::missing_key]: `inputs.items` has no `path` (add `path`: A Parquet file, a folder, a glob, a Hive-partitioned folder or an `s3://` URL, or a list of them)
    job.toml:6:1: error[job::unknown_key]: `pth` is not a key of `inputs.items` (did you mean `path`?)
    job.toml:8:1: error[input::unknown_column]: table `items` has no column `nmae` in the contract (did you mean `name`?)
    job.toml:9:9: error[job::wrong_type]: `inputs.items.columns.price` is the number 5, but must be text or a table
    job.toml:10:1: error[job::missing_key]: `inputs.items.columns.brand` has no `expr` (add `expr`)
    job.toml:10:11: error[job::unknown_key]: `exp` is not a key of `inputs.items.columns.brand` (did you mean `expr`?)
    job.toml:12:8: error[input::empty_path]: table `members` has an empty path (name a Parquet file, folder, glob or s3:// URL)
    job.toml:12:22: error[job::wrong_type]: `inputs.members.path[1]` is the number 7, but must be text (write it in quotes: "7")
    job.toml:14:1: error[job::unknown_key]: `secret_access_key` is not a key of `inputs.object_store` (secrets never stand in a job; set them in the environment, such as AWS_ACCESS_KEY_ID)
    job.toml:15:12: error[input::bad_endpoint]: `localhost` is not an http or https URL (write it like https://s3.example.com)
    "#);
}

#[test]
fn section_findings() {
    let text = r#"
[cleaning]
on_duplicate = "dorp"
start = "x"
seed = 5
returns = true
[features]
top_categories = -1
spend_windows = [1, "2", 0]
[[features.sql]]
name = "Bad name"
[[features.sql]]
name = "good"
expr = "1"
fill = "zeor"
[segments]
k = 1
[[segments.features]]
name = "net_spent"
[recommend]
decay = 2.0
kapa = 1
[[offers]]
id = "a"
kind = "next_itme"
[[offers]]
id = "a"
kind = "accessory"
eligible = "discount_share > 0.5"
slots = 1
[decision]
fallback = "b"
[output]
crm = ["genric"]
"#;
    assert_snapshot!(more(text), @r#"
    job.toml:14:16: error[job::bad_choice]: `cleaning.on_duplicate` cannot be "dorp" (did you mean "drop"? It can be "drop", "quarantine")
    job.toml:15:9: error[cleaning::bad_start]: `x` is not a date (write it like 2024-01-01)
    job.toml:16:1: error[job::unknown_key]: `seed` is not a key of `cleaning` (`seed` belongs to the top level: move it above the first [section])
    job.toml:17:11: error[job::wrong_type]: `cleaning.returns` is true, but must be a table
    job.toml:19:18: error[job::out_of_range]: `features.top_categories` is -1, which is out of range (it must be at least 0)
    job.toml:20:21: error[job::wrong_type]: `features.spend_windows[1]` is the text "2", but must be a whole number (write 2 without quotes)
    job.toml:20:26: error[features::bad_window]: a window of 0 days is not usable, or is there twice (give each number of days from 1 to 36500 once)
    job.toml:21:1: error[job::missing_key]: `features.sql[0]` has no `expr` (add `expr`: The aggregate, such as `sum(amount) filter (where category = 'pet')`)
    job.toml:22:8: error[features::bad_name]: `Bad name` cannot be the name of a feature (use lower-case letters, digits and `_`, starting with a letter, at most 60)
    job.toml:26:8: error[job::bad_choice]: `features.sql[1].fill` cannot be "zeor" (did you mean "zero"? It can be "zero", "median", "constant")
    job.toml:28:5: error[segments::k_out_of_range]: 1 lies outside 2 … 200 (give a number from 2 to 200)
    job.toml:30:8: error[features::unknown_feature]: there is no feature `net_spent` (did you mean `net_spend`?)
    job.toml:32:9: error[recommend::out_of_range]: `decay` is 2, which is not between 0.01 and 0.999 (write a value from 0.01 to 0.999, or leave the key out)
    job.toml:33:1: error[job::unknown_key]: `kapa` is not a key of `recommend` (did you mean `kappa`?)
    job.toml:36:8: error[offers::unknown_kind]: there is no offer kind `next_itme` (did you mean `next_item`?)
    job.toml:38:6: error[offers::duplicate_id]: two offers are called `a` (numbers 1 and 2) (give every offer an id of its own)
    job.toml:41:9: error[job::wrong_type]: `offers[1].slots` is the number 1, but must be a list
    job.toml:43:12: error[offers::unknown_fallback]: there is no offer `b` (did you mean `a`?)
    job.toml:45:8: error[output::unknown_target]: there is no CRM target `genric` (did you mean `generic`?)
    "#);
}

#[test]
fn findings_across_sections() {
    let text = r#"version = 1
name = "test"
[inputs.transactions]
path = "lines.parquet"
[cleaning]
unknown_items = "drop"
[decision]
deny_categories = ["health"]
[[offers]]
id = "all"
kind = "next_item"
channel = "wecom"
cooldown_days = 3
[[offers]]
id = "case"
kind = "accessory"
[[offers]]
id = "pet"
kind = "category_early_access"
categories = ["pet"]
[recommend]
learn_fits = false
"#;
    assert_snapshot!(findings(text, &[]), @r#"
    job.toml:1:1: error[consent::no_lawful_basis]: the job has neither a consent table nor a lawful basis for its members (name `[inputs.consent]`, or set `lawful_basis` under `[consent]` (such as "contract" or "consent"))
    job.toml:6:17: error[cleaning::no_items_table]: without `[inputs.items]` every item is unknown, so no line would be kept (name the items table or set `unknown_items = "keep"`)
    job.toml:8:19: error[job::categories_without_items]: categories are denied, but no table says which items they hold (name `[inputs.items]` with a `category` column)
    job.toml:12:11: warning[job::nobody_opted_in]: `all` goes to members who opted in to its channel, but no table says who did (name `[inputs.members]` with a `channel_opt_in` column)
    job.toml:13:17: warning[job::cooldown_without_contacts]: `all` has a cooldown, but no table says who was contacted (name `[inputs.contacts]`)
    job.toml:16:8: error[job::offer_needs_table]: `case` is of kind `accessory`, which needs a table that is not named (name `[inputs.compatibility]` with `device` or `[inputs.items]` with `fits`)
    job.toml:19:8: error[job::offer_needs_table]: `pet` is of kind `category_early_access`, which needs a table that is not named (name `[inputs.items]` with `category`)
    job.toml:20:14: error[job::offer_needs_table]: `pet` is limited to categories, but no table says which items they hold (name `[inputs.items]` with a `category` column)
    "#);
}

/// Not by way of a segment by rule either.
#[test]
fn discounts_are_not_gated_by_price_sensitivity() {
    let text = r#"
[[segments.rules]]
code = "bargain_hunters"
zh = "淘便宜"
en = "Bargain hunters"
when = "array_has(tags, 'discount_affinity')"
[[offers]]
id = "recognised"
kind = "next_item"
eligible = "array_has(tags, 'bargain_hunters')"
[[offers]]
id = "money_off"
kind = "next_item"
incentive = "discount"
eligible = "array_has(tags, 'bargain_hunters')"
[[offers]]
id = "everyone"
kind = "next_item"
"#;
    assert_snapshot!(more(text), @"job.toml:26:30: error[offers::discount_gated_by_price_sensitivity]: the rule of `money_off` decides by `bargain_hunters`, and so by `discount_affinity`, who gets money off (price sensitivity and discount affinity must never gate or size a discount (PIPL 24))");
}

#[test]
fn every_syntax_error_at_once() {
    assert_snapshot!(findings("version = \nname = \"x\"\nseed = 1 2\n[inputs\n", &[]), @"
    job.toml:1:11: error[job::syntax]: string values must be quoted, expected literal string (a job file is TOML: https://toml.io)
    job.toml:3:8: error[job::syntax]: string values must be quoted, expected literal string (a job file is TOML: https://toml.io)
    job.toml:4:8: error[job::syntax]: unclosed table, expected `]` (a job file is TOML: https://toml.io)
    ");
}

#[test]
fn findings_as_drawn() {
    let Err(JobError::Wrong { report, .. }) = load_with(&GOOD.replace("contract", ""), &["seed=x"]) else { panic!() };
    assert_snapshot!(report.render(80, false), @r#"
    job::wrong_type

      × `seed` is the text "x", but must be a whole number (--set seed=x)

    consent::no_lawful_basis

      × the job has neither a consent table nor a lawful basis for its members
        ╭─[job.toml:11:16]
     10 │ [consent]
     11 │ lawful_basis = ""
        ·                ──
        ╰────
      help: name `[inputs.consent]`, or set `lawful_basis` under `[consent]` (such
            as "contract" or "consent")
    "#);
    assert_snapshot!(report.summary(), @"job.toml: 2 errors");
    assert!(report.has_errors() && report.count(Severity::Error) == 2);
}

#[test]
fn overrides_are_set_before_anything_is_checked() {
    let text =
        format!("{GOOD}[[offers]]\nid = \"a\"\nkind = \"next_item\"\n[[offers]]\nid = \"b\"\nkind = \"replenish\"\n");
    let job = job(
        &text,
        &[
            "seed=7",
            "name=123",
            "as_of=2026-03-31",
            "currency=GBP",
            "offers[b].priority=2",
            "offers[0].valid_days=3",
            "inputs.transactions.path=[\"a\", \"b\"]",
            "inputs.items.filter=stock > 0",
            "inputs.items.columns.name={ expr = \"trim(n)\" }",
            "segments.k=5",
        ],
    );
    assert_eq!((job.seed(), job.name(), job.currency().code()), (7, "123", "GBP"));
    assert_eq!(job.as_of(), AsOf::Day(crate::base::Day::parse("2026-03-31").unwrap()));
    assert_eq!((job.offers().offers[1].priority, job.offers().offers[0].valid_days), (2.0, 3));
    assert_eq!(job.inputs().table(Table::Transactions).unwrap().paths(), ["a", "b"]);
    assert_eq!(job.inputs().table(Table::Items).unwrap().filter(), Some("stock > 0"));
    assert_eq!(job.inputs().table(Table::Items).unwrap().column("name").unwrap().text(), "trim(n)");
    assert_eq!(job.segments().k, 5);
}

#[test]
fn bad_overrides_are_named() {
    let overrides =
        ["seed", "=5", "offers[x].priority=1", "seed.x=1", "shards=many", "segmnts.k=5", "consent.lawful_basis=\"\""];
    assert_snapshot!(findings(GOOD, &overrides), @r#"
    --set seed: error[job::bad_override]: there is no `=` (write --set key=value, such as --set segments.k=12 or --set offers[pet_bulk].priority=2)
    --set =5: error[job::bad_override]: there is no key (write --set key=value, such as --set segments.k=12 or --set offers[pet_bulk].priority=2)
    --set offers[x].priority=1: error[job::bad_override]: the job has no `offers`, so there is no element to change (add one in the job file)
    --set seed.x=1: error[job::wrong_type]: `seed` is a table, but must be a whole number
    --set shards=many: error[job::wrong_type]: `shards` is the text "many", but must be a whole number
    --set segmnts.k=5: error[job::unknown_key]: `segmnts` is not a key of the job (did you mean `segments`?)
    --set consent.lawful_basis="": error[consent::no_lawful_basis]: the job has neither a consent table nor a lawful basis for its members (name `[inputs.consent]`, or set `lawful_basis` under `[consent]` (such as "contract" or "consent"))
    "#);
}

#[test]
fn later_findings_find_their_place() {
    let loaded = load_with(GOOD, &["inputs.items.filter=x"]).unwrap();
    let mut findings = Findings::new();
    let inputs = JobPath::root().key("inputs");
    findings.error("input::missing_column", inputs.key("transactions").key("columns").key("ts"), "no `ts`", "map it");
    findings.warn("input::bad_filter", inputs.key("items").key("filter"), "no column `x`", "");
    findings.note("run::note", JobPath::root(), "about the whole", "");
    assert_snapshot!(loaded.text.report(findings), @"
    --set inputs.items.filter=x: warning[input::bad_filter]: no column `x`
    job.toml:1:1: note[run::note]: about the whole
    job.toml:4:9: error[input::missing_column]: no `ts` (map it)
    ");
}

#[test]
fn the_canonical_form_holds_what_decides_the_content() {
    let of = |overrides: &[&str]| job(GOOD, overrides).canonical_json();
    let plain = of(&[]);
    for same in [
        "out=elsewhere",
        "memory_limit=1GB",
        "as_of=2026-01-01",
        "inputs.transactions.path=moved.parquet",
        "inputs.object_store.region=eu-west-2",
        "seed=1",
        "timezone=asia/shanghai",
    ] {
        assert_eq!(of(&[same]), plain, "{same}");
    }
    for other in ["seed=2", "name=x", "shards=8", "currency=GBP", "inputs.items.filter=a", "cleaning.window_days=9"] {
        assert_ne!(of(&[other]), plain, "{other}");
    }
    let value: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!(canonical::to_string(&value), plain);
    assert_eq!(job(GOOD, &[]).sha256().len(), 64);
}

#[test]
fn offers_from_a_file_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.toml");
    std::fs::write(&file, format!("offers_file = \"more.toml\"\n{GOOD}[[offers]]\nid = \"a\"\nkind = \"next_item\"\n"))
        .unwrap();
    let report = |result: Result<Loaded, JobError>| match result {
        Err(JobError::Wrong { report, .. }) => report.to_string().replace(&folder.path().display().to_string(), "DIR"),
        other => panic!("{other:?}"),
    };
    assert_snapshot!(report(load(&file, &[])), @"DIR/job.toml:1:15: error[job::no_offers_file]: `DIR/more.toml` does not exist (relative paths start at the job file's folder)");
    std::fs::write(folder.path().join("more.toml"), "[[offers]]\nid = \"b\"\nkind = \"replenish\"\n").unwrap();
    let job = load(&file, &["offers[b].priority=3".to_owned()]).unwrap().job;
    assert_eq!(job.offers().offers.len(), 2);
    assert_eq!(job.offers().offers[1].priority, 3.0);
    std::fs::write(folder.path().join("more.toml"), "x = 1\n[[offers]]\nid = \"b\"\nkind = \"replenis\"\nslts = 1\n")
        .unwrap();
    assert_snapshot!(report(load(&file, &[])), @"
    DIR/more.toml:1:1: error[job::unknown_key]: `x` is not known in a file of offers (a file of offers holds `[[offers]]` only)
    DIR/more.toml:4:8: error[offers::unknown_kind]: there is no offer kind `replenis` (did you mean `replenish`?)
    DIR/more.toml:5:1: error[job::unknown_key]: `slts` is not a key of `offers[1]` (did you mean `slots`?)
    ");
    assert!(matches!(load(&folder.path().join("none.toml"), &[]), Err(JobError::NotFound { .. })));
    std::fs::write(&file, b"name = \"\xff\"").unwrap();
    assert!(matches!(load(&file, &[]), Err(JobError::NotText { at: 8, .. })));
}

#[test]
fn a_feature_that_measures_discounts_gates_no_money() {
    let text = format!(
        "{GOOD}[[features.sql]]\nname = \"deal_love\"\nexpr = \"avg(discount)\"\nunit = \"currency\"\n[[offers]]\n\
         id = \"off\"\nkind = \"next_item\"\nvalue = 5.0\neligible = \"orders > 3 and deal_love > 0.2\"\n"
    );
    let said = findings(&text, &[]);
    assert!(said.contains("offers::discount_gated_by_price_sensitivity") && said.contains("`deal_love`"), "{said}");
    // It points at the word, not at the rule.
    let column = text.lines().find_map(|l| l.find("deal_love >")).unwrap() + 1;
    assert!(said.contains(&format!(":{column}: error[offers::discount_gated")), "{said}");
    assert!(!findings(&text.replace("value = 5.0\n", ""), &[]).contains("price_sensitivity"));
}

#[test]
fn offers_from_tables() {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.toml");
    std::fs::write(&file, format!("offers_file = [\"a.csv\", \"b.parquet\"]\n{GOOD}")).unwrap();
    let csv = "\u{feff}id,kind,name_zh,slots,priority,value,only_new,caps.total,caps.cities.上海,starts\n\
               a1,next_item,\"甲, 乙\",1;2,2,,yes,100,7,2026-01-31\n\
               a2,next_item,,,,3.5,,,,\n";
    std::fs::write(folder.path().join("a.csv"), csv).unwrap();
    let lists =
        ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>([Some(vec![Some(1), Some(3)]), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(StringArray::from(vec!["b1", "b2"]))),
        ("kind", Arc::new(StringArray::from(vec!["next_item", "next_item"]))),
        ("slots", Arc::new(lists)),
        ("caps.total", Arc::new(Float64Array::from(vec![Some(50.0), None]))),
        ("value_minor", Arc::new(Int64Array::from(vec![None, Some(250)]))),
        ("ends", Arc::new(Date32Array::from(vec![Some(20_634), None]))),
    ];
    let write = |columns: Vec<(&str, ArrayRef)>| {
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let to = std::fs::File::create(folder.path().join("b.parquet")).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(to, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    write(columns.clone());
    let job = load(&file, &["offers[b2].priority=3".to_owned()]).unwrap_or_else(|e| panic!("{e}")).job;
    let offers = &job.offers().offers;
    assert_eq!(offers.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["a1", "a2", "b1", "b2"]);
    assert_eq!((offers[0].name_zh.as_str(), offers[0].slots, offers[0].priority), ("甲, 乙", 0b11, 2.0));
    assert_eq!(
        (offers[0].caps.total, offers[0].caps.of_city("上海"), offers[0].caps.of_city("杭州")),
        (Some(100), Some(7), None)
    );
    assert!(offers[0].parameters.only_new && offers[0].starts.is_some_and(|d| d.to_string() == "2026-01-31"));
    assert_eq!((offers[1].value_minor, offers[3].value_minor, offers[3].priority), (350, 250, 3.0));
    assert_eq!((offers[2].slots, offers[2].caps.total), (0b101, Some(50)));
    assert!(offers[2].ends.is_some_and(|d| d.to_string() == "2026-06-30"));

    // Findings point at the row.
    std::fs::write(folder.path().join("a.csv"), "id,kind,prioriti,priority\na1,next_item,,\na2,nextitem,2,high\n")
        .unwrap();
    write(vec![("id", Arc::new(StringArray::from(vec!["a1"]))), ("kind", Arc::new(StringArray::from(vec!["winbak"])))]);
    let report = |result: Result<Loaded, JobError>| match result {
        Err(JobError::Wrong { report, .. }) => report.to_string().replace(&folder.path().display().to_string(), "DIR"),
        other => panic!("{other:?}"),
    };
    assert_snapshot!(report(load(&file, &[])), @r#"
    DIR/a.csv:3:1: error[job::wrong_type]: `offers[1].priority` is the text "high", but must be a number
    DIR/a.csv:3:1: error[job::unknown_key]: `prioriti` is not a key of `offers[1]` (did you mean `priority`?)
    DIR/a.csv:3:1: error[offers::unknown_kind]: there is no offer kind `nextitem` (did you mean `next_item`?)
    DIR/b.parquet:1:1: error[offers::duplicate_id]: two offers are called `a1` (numbers 1 and 3) (give every offer an id of its own)
    DIR/b.parquet:1:1: error[offers::unknown_kind]: there is no offer kind `winbak` (did you mean `winback`?)
    "#);
    std::fs::write(folder.path().join("b.parquet"), "no parquet").unwrap();
    let said = report(load(&file, &["offers_file=[\"b.parquet\", \"c.xlsx\", \"d.csv\"]".to_owned()]));
    assert!(said.contains("job::bad_offers_file") && said.contains("job::offers_file_type"), "{said}");
    assert!(said.contains("job::no_offers_file"), "{said}");
}

fn jobs_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs")
}

#[test]
fn the_jobs_that_come_with_the_program_have_no_findings() {
    for name in ["demo", "nightly", "online-retail"] {
        let loaded = load(&jobs_folder().join(name).with_extension("toml"), &[]).unwrap_or_else(|e| panic!("{e}"));
        assert!(loaded.remarks.is_empty(), "{}", loaded.remarks);
        assert_eq!(loaded.job.name(), name);
    }
}

#[test]
fn the_committed_schema_is_up_to_date() {
    let file = jobs_folder().join("job.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&file, schema()).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == schema(), "run: nextoffer schema > jobs/job.schema.json, or this test with UPDATE_SCHEMA=1");
}

/// The reference job with every setting that is commented out put in.
fn reference_in_full() -> Document {
    let text = std::fs::read_to_string(jobs_folder().join("nightly.toml")).unwrap();
    let is_setting = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    let lines: Vec<&str> = text.lines().map(|l| l.strip_prefix('#').filter(is_setting).unwrap_or(l)).collect();
    let (document, errors) = Document::parse("nightly.toml", &lines.join("\n"));
    assert!(errors.is_empty(), "{errors:?}");
    document
}

/// The paths of a value with `[]` for every index and `*` for keys that the job chooses.
fn shape(
    structure: &Structure,
    value: &Value,
    steps: &mut Vec<Step>,
    at: &str,
    out: &mut BTreeMap<String, Vec<Value>>,
) {
    out.entry(at.to_owned()).or_default().push(value.clone());
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let free = structure.has_free_keys(steps);
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{}", if free { "*" } else { key }) };
                steps.push(Step::Key(key.clone()));
                shape(structure, value, steps, &at, out);
                steps.pop();
            }
        }
        Value::Array(list) => {
            for (i, value) in list.iter().enumerate() {
                steps.push(Step::Index(i));
                shape(structure, value, steps, &format!("{at}[]"), out);
                steps.pop();
            }
        }
        _ => {}
    }
}

#[test]
fn the_reference_job_shows_every_key_with_its_default() {
    let structure = Structure::new().unwrap();
    let mut document = reference_in_full();
    let mut found = Findings::new();
    structure.check(&mut document.value, &mut found);
    assert!(found.is_empty(), "{found:?}");
    let mut shown = BTreeMap::new();
    shape(&structure, &document.value, &mut Vec::new(), "", &mut shown);

    for (key, places) in structure.every_key() {
        let mut values = places.iter().filter_map(|(path, _)| shown.get(path)).flatten().peekable();
        assert!(values.peek().is_some(), "nightly.toml does not show `{key}`, at {places:?}");
        if let Some((_, Some(default))) = places.first() {
            let same = |value: &Value| value == default || value.as_f64().is_some_and(|v| default.as_f64() == Some(v));
            assert!(values.any(same), "nightly.toml does not show the default of `{key}`: {default}");
        }
    }
}
