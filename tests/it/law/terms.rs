//! Fair terms, minors, denied categories, only what is needed, safety.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
};

use nextoffer::{
    job::{self, JobError},
    run::{ExitCode, ImpactRecord, RunError, RunOptions, check},
};

use super::world::{DENIED, JOB, MARK, Person, UNMAPPED, World, about, files, members, read, saying};
use crate::support::{Published, nextoffer};

/// Codes of the findings of a job with an edit, and what was said.
fn findings(edit: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let world = World::new([]);
    let file = world.job(edit);
    let said = |report: &job::Report| {
        report.findings().map(|f| (f.code.to_owned(), format!("{}: {}", f.at, f.message))).collect()
    };
    match job::load(&file, &[]) {
        Err(JobError::Wrong { report, .. }) => said(&report),
        Err(e) => panic!("{e}"),
        Ok(loaded) => match check(&loaded, &RunOptions::default()) {
            Ok(report) => loaded
                .remarks
                .findings()
                .chain(report.findings())
                .map(|f| (f.code.to_owned(), f.message.clone()))
                .collect(),
            Err(RunError::Findings { report }) => said(&report),
            Err(e) => panic!("{e}"),
        },
    }
}

const GATED: &str = "offers::discount_gated_by_price_sensitivity";

#[test]
fn pipl_24_money_off_never_depends_on_willingness_to_pay() {
    let gate = |rule: &str, more: &str| {
        let (rule, more) = (rule.to_owned(), more.to_owned());
        findings(move |job| job.replace("eligible = \"orders >= 4\"", &format!("eligible = \"{rule}\"")) + &more)
    };
    let own = "\n[[features.sql]]\nname = \"thrift\"\nexpr = \"avg(discount)\"\nunit = \"currency\"\n";
    let by_rule = |when: &str| {
        format!("{own}\n[[segments.rules]]\ncode = \"keen\"\nzh = \"甲\"\nen = \"a\"\nwhen = \"{when}\"\n")
    };
    for (rule, more) in [
        ("discount_share > 0.3", String::new()),
        ("\\\"discount_share\\\" > 0.3", String::new()),
        ("array_has(tags, 'discount_affinity')", String::new()),
        ("array_has(tags, 'price_tier_1')", String::new()),
        ("thrift > 1", own.to_owned()),
        // By way of a segment by rule, and of a feature of the job's own behind it.
        ("array_has(tags, 'keen')", by_rule("array_has(tags, 'discount_affinity')")),
        ("array_has(tags, 'keen')", by_rule("thrift > 1")),
    ] {
        let found = gate(rule, &more);
        assert!(
            found.iter().any(|(code, at)| code == GATED && at.starts_with("offers[3].eligible")),
            "{rule}: {found:?}"
        );
    }
    // What is no money may go by interest in discounts; money may go by what a member did.
    for rule in ["orders >= 4", "recency_days < 60 and city_tier <= 2"] {
        assert!(gate(rule, "").iter().all(|(code, _)| code != GATED), "{rule}");
    }
    let access = findings(|job| {
        job.replace(
            "min_purchases = 2\n\n[[offers]]\nid = \"ten_off\"",
            "min_purchases = 2\neligible = \"discount_share > 0.3\"\n\n[[offers]]\nid = \"ten_off\"",
        )
    });
    assert!(access.iter().all(|(code, _)| code != GATED), "{access:?}");
    // Clusters made with discounts among others are pointed at.
    let cluster = gate("segment_code = 'seg_01'", "");
    assert!(cluster.iter().any(|(code, _)| code == "offers::discount_by_segment"), "{cluster:?}");

    // And in what is published, an offer has one value for all.
    let world = World::new([]);
    let run = world.run();
    let offers = run.table("offers.parquet");
    let mut values: BTreeMap<&str, BTreeSet<Option<i64>>> = BTreeMap::new();
    for (id, value) in offers.names("offer_id").into_iter().zip(offers.ints("value_minor")) {
        values.entry(id).or_default().insert(value);
    }
    assert_eq!(values["ten_off"], BTreeSet::from([Some(1000)]));
    assert!(values.values().all(|v| v.len() == 1), "{values:?}");
}

#[test]
fn pipl_24_fairness_is_compared_by_segment_and_city_tier() {
    let opted_out = Person { opted_out: true, ..World::person(50) };
    let world = World::new([opted_out]);
    let run = world.night("2026-06-30", |job| {
        job.replace("[decision]", "[decision]\nholdout_share = 0.2\nholdout_kinds = { next_item = 0.3 }")
    });
    // Recounted from the published tables.
    let (segments, offers) = (run.table("segments.parquet"), run.table("offers.parquet"));
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Given {
        counts: [u64; 6],
        value: i64,
    }
    let mut by_group: BTreeMap<(String, String), Given> = BTreeMap::new();
    let tier = |city: &str| match city {
        "上海" => "1",
        "杭州" => "2",
        _ => "3",
    };
    let codes = segments
        .names("member_id")
        .into_iter()
        .zip(segments.names("segment_code").into_iter().zip(segments.names("arm")));
    let standing: BTreeMap<&str, (&str, &str)> = codes.collect();
    let mut lists: BTreeMap<&str, Vec<(i64, bool)>> = BTreeMap::new();
    let (members, arms) = (offers.names("member_id"), offers.names("arm"));
    let (values, incentives) = (offers.ints("value_minor"), offers.names("incentive"));
    let mut ghosts = 0;
    for row in 0..offers.rows() {
        match arms[row] {
            "treated" => {
                lists.entry(members[row]).or_default().push((values[row].unwrap(), incentives[row] == "discount"))
            }
            _ => ghosts += u64::from(standing[members[row]].1 == "treated"),
        }
    }
    assert!(ghosts > 0, "some are held out of a kind alone");
    let mut tiers_seen = BTreeSet::new();
    for person in &world.people {
        let place = standing.get(person.id.as_str());
        let mut groups = vec![("all", "all".to_owned()), ("city_tier", tier(person.city).to_owned())];
        tiers_seen.insert(tier(person.city));
        match place {
            Some((code, _)) => groups.extend([("basis", "personalised".to_owned()), ("segment", (*code).to_owned())]),
            None => groups.push(("basis", "generic".to_owned())),
        }
        for (by, group) in groups {
            let given = by_group.entry((by.to_owned(), group)).or_default();
            if place.is_some_and(|(_, arm)| *arm == "holdout") {
                given.counts[1] += 1;
                continue;
            }
            let empty = Vec::new();
            let list = lists.get(person.id.as_str()).unwrap_or(&empty);
            let discounts = list.iter().filter(|(_, discount)| *discount).count() as u64;
            let more = [1, 0, u64::from(!list.is_empty()), u64::from(discounts > 0), list.len() as u64, discounts];
            given.counts.iter_mut().zip(more).for_each(|(sum, n)| *sum += n);
            given.value += list.iter().map(|(value, _)| value).sum::<i64>();
        }
    }
    assert!(tiers_seen.len() >= 2 && by_group[&("all".to_owned(), "all".to_owned())].counts[1] > 0);
    let mut reader = csv::Reader::from_path(run.folder.join("fairness.csv")).unwrap();
    let mut seen = 0;
    for record in reader.records() {
        let r = record.unwrap();
        let number = |i: usize| r[i].parse::<u64>().unwrap();
        let found = Given { counts: std::array::from_fn(|i| number(4 + i)), value: r[10].parse().unwrap() };
        assert_eq!(by_group.get(&(r[0].to_owned(), r[1].to_owned())), Some(&found), "{r:?}");
        let mean = found.value as f64 / found.counts[0].max(1) as f64;
        assert!((r[11].parse::<f64>().unwrap() - mean).abs() <= 0.005, "{r:?}");
        seen += 1;
    }
    assert_eq!(seen, by_group.len());
    assert!(by_group[&("all".to_owned(), "all".to_owned())].value > 0);
    assert!(run.manifest.outputs.iter().any(|o| o.path == "fairness.csv" && o.rows == Some(seen as u64)));
    let report = run.text("report.html");
    assert!(report.contains("公平性") && report.contains("city tier") && report.contains("the generic list"));
}

#[test]
fn pipl_28_31_minors_are_left_out_unless_a_guardian_agreed() {
    let born = |number, birth| Person { birth, ..World::person(number) };
    let (child, guarded) = (born(50, Some("2015-01-01")), Person { guardian: true, ..born(51, Some("2015-01-01")) });
    // Fourteen on the as-of day, and the day after it.
    let (just, almost, unknown) = (born(52, Some("2012-06-30")), born(53, Some("2012-07-01")), born(54, None));
    let world = World::new([child.clone(), guarded.clone(), just.clone(), almost.clone(), unknown.clone()]);
    let run = world.run();
    for out in [&child, &almost] {
        assert_eq!(about(&run, &out.id), [""; 0]);
    }
    for inside in [&guarded, &just, &unknown] {
        assert!(members(&run, "segments.parquet").contains(&inside.id), "{inside:?}");
    }
    assert_eq!(run.manifest.members.excluded.get("minor"), Some(&2));
    // Where the job says so, who gives no birth date is treated as a minor.
    let strict = world.night("2026-06-29", |job| format!("{job}\n[consent]\nunknown_birth_date = \"exclude\"\n"));
    assert_eq!(about(&strict, &unknown.id), [""; 0]);
    // A day earlier, nobody who turned fourteen since was.
    assert_eq!(about(&strict, &just.id), [""; 0]);
    assert_eq!(strict.manifest.members.excluded.get("minor"), Some(&4));
    // A job cannot set the age below the law's.
    let low = findings(|job| format!("{job}\n[consent]\nminimum_age = 12\n"));
    assert!(low.iter().any(|(_, said)| said.contains("minimum_age")), "{low:?}");
}

#[test]
fn pipl_28_denied_categories_are_no_feature_no_offer_no_tag_and_no_reason() {
    let world = World::new([]);
    let own = "\n[[features.sql]]\nname = \"of_it\"\nexpr = \"sum(amount) filter (where category like 'health%' or item_id = 'd1' or brand = '牌health')\"\nunit = \"currency\"\nfill = \"zero\"\n";
    let open = world.night("2026-06-28", |job| format!("{job}{own}"));
    // Without the list it is all over the run: the test would see it.
    let spoken = |run: &Published| {
        let mut all = saying(&run.folder, "health");
        all.extend(saying(&run.folder, DENIED));
        all.sort();
        all.dedup();
        all
    };
    for file in ["features.parquet", "offers.parquet", "model/vocabulary.json", "feature_dictionary.csv"] {
        assert!(spoken(&open).iter().any(|f| f == file), "{file}: {:?}", spoken(&open));
    }
    let spent = open.table("features.parquet").floats("of_it");
    assert!(spent.iter().flatten().any(|v| *v > 0.0));

    // The first night without it still tells what has changed since the night before.
    let deny = |job: &str| format!("{job}{own}\n[consent]\ndenied_categories = [\"health\"]\n");
    world.night("2026-06-29", deny);
    let closed = world.night("2026-06-30", deny);
    // The feature's own formula is the job's; figures of items are no member's.
    let of_items = ["model/item_statistics.parquet", "model/repeat_policies.json"];
    let fine = [&["feature_dictionary.csv", "manifest.json", "report.html"][..], &of_items].concat();
    let left: Vec<String> = spoken(&closed).into_iter().filter(|f| !fine.contains(&f.as_str())).collect();
    assert_eq!(left, [""; 0]);
    for file in ["feature_dictionary.csv", "report.html", "manifest.json"] {
        let text = closed.text(file).replace("category like 'health%'", "").replace("牌health", "");
        assert!(!text.contains(DENIED) && !text.contains("share_category_health"), "{file}");
    }
    assert!(closed.table("features.parquet").floats("of_it").iter().flatten().all(|v| *v == 0.0));
    let items = ["d1", "d2"];
    let offers = closed.table("offers.parquet");
    assert!(offers.texts("item_id").into_iter().flatten().all(|i| !items.contains(&i)));
    let because = offers.field("evidence", "item_id");
    assert!(because.texts("item_id").into_iter().flatten().all(|i| !items.contains(&i)));
    // The offer that is about pets, too, goes on without the denied half.
    assert!(offers.names("offer_id").contains(&"early_pet"));
}

#[test]
fn pipl_6_19_only_configured_columns_are_read() {
    let world = World::new([]);
    let run = world.run();
    assert!(run.table("quarantine.parquet").rows() > 0, "raw values are written");
    assert_eq!(saying(&run.out, UNMAPPED), [""; 0]);
    // What the impact record says is read is what the contract has.
    let loaded = job::load(&world.job(str::to_owned), &[]).unwrap();
    let record = ImpactRecord::of(&loaded.job);
    assert!(record.columns.iter().all(|c| c.column != "phone" && c.column != "id_card"));
    assert_eq!(record.config_sha256, run.manifest.job_sha256);
}

#[test]
fn pipl_51_files_are_for_the_owner_and_group_and_nothing_that_is_watched_names_a_member() {
    let world = World::new([Person { opted_out: true, ..World::person(50) }]);
    let file = world.job(str::to_owned);
    let at = |name: &str| world.folder.path().join(name).to_str().unwrap().to_owned();
    let (metrics, lineage) = (at("m.prom"), at("l.ndjson"));
    let job = file.to_str().unwrap();
    let watched = ["--metrics-file", &metrics, "--lineage-file", &lineage];
    let mut heard = String::new();
    for format in ["text", "json"] {
        let said = nextoffer(&[&["run", job, "--log-format", format][..], &watched].concat());
        assert_eq!(said.code, ExitCode::Done as i32, "{}", said.err);
        heard.push_str(&format!("{}{}", said.out, said.err));
    }
    heard.push_str(&format!("{}{}", fs::read_to_string(&metrics).unwrap(), fs::read_to_string(&lineage).unwrap()));
    assert!(!heard.contains(MARK), "{heard}");
    let out = world.folder.path().join("runs");
    let mut named = Vec::new();
    for (name, path) in files(&out) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640, "{name}");
        for folder in path.ancestors().skip(1).take_while(|f| f.starts_with(&out)) {
            let mode = fs::metadata(folder).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o750, "{}", folder.display());
        }
        if read(&path).contains(MARK) {
            named.push(name.rsplit_once("run=").map_or(name.clone(), |(_, rest)| rest[17..].to_owned()));
        }
    }
    // Members are named where rows are about members, and nowhere else.
    let aside = ["manifest.json", "report.html", "timings.json", "fairness.csv", "segment_profiles.parquet"];
    assert!(named.iter().any(|n| n == "offers.parquet"), "{named:?}");
    assert!(named.iter().all(|n| !aside.contains(&n.as_str())), "{named:?}");
}

#[test]
fn pipl_55_56_the_impact_record_of_a_configuration() {
    let world = World::new([]);
    let file = world.job(str::to_owned);
    let job = file.to_str().unwrap();
    let said = nextoffer(&["pia", job]);
    assert_eq!(said.code, 0, "{}", said.err);
    let folder = world.folder.path().join("runs/pia");
    let first: BTreeMap<String, Vec<u8>> = files(&folder).into_iter().map(|(n, p)| (n, fs::read(p).unwrap())).collect();
    assert_eq!(first.len(), 2);
    let again = nextoffer(&["pia", job]);
    assert_eq!(again.code, 0, "{}", again.err);
    let second: BTreeMap<String, Vec<u8>> =
        files(&folder).into_iter().map(|(n, p)| (n, fs::read(p).unwrap())).collect();
    assert_eq!(first, second);
    let json: serde_json::Value = serde_json::from_str(&nextoffer(&["pia", job, "--json"]).out).unwrap();
    assert_eq!(json["config_sha256"], world.run().manifest.job_sha256.as_str());
    assert_eq!(json["offers"].as_array().unwrap().len(), 5);
    assert!(json["open"].as_array().unwrap().iter().any(|o| o["code"] == "rule_for_money"));
    // Another configuration has a record of its own beside it.
    let other = nextoffer(&["pia", job, "--set", "segments.k=3"]);
    assert_eq!(other.code, 0, "{}", other.err);
    assert_eq!(files(&folder).len(), 4);
    assert_eq!(nextoffer(&["pia", "nothing.toml"]).code, ExitCode::NoInput as i32);
    assert!(JOB.contains("ten_off"));
}
