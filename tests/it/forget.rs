//! Deletion on request and retention, as an operator runs them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::support::{Table, nextoffer, sha256};

const KEYED: [&str; 5] = [
    "output.crm=[\"generic\",\"salesforce\",\"wecom\",\"postgres\"]",
    "output.targets.salesforce.keys=[{ field = \"Member_Id__c\", from = \"member_id\" }]",
    "output.features=true",
    "output.targets.postgres.delta=\"always\"",
    "offers[next_item].caps={ total = 40 }",
];

fn night(out: &Path, as_of: &str) -> PathBuf {
    let place = out.to_str().unwrap();
    let mut arguments = vec!["run", "jobs/demo.toml", "--out", place, "--as-of", as_of, "--quiet"];
    KEYED.iter().for_each(|set| arguments.extend(["--set", set]));
    let said = nextoffer(&arguments);
    assert_eq!(said.code, 0, "{}", said.err);
    let mut runs: Vec<PathBuf> =
        fs::read_dir(out.join(format!("dt={as_of}"))).unwrap().map(|e| e.unwrap().path()).collect();
    runs.sort_by_key(|run| fs::metadata(run.join("_SUCCESS")).unwrap().modified().unwrap());
    runs.pop().unwrap()
}

fn manifest(run: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(run.join("manifest.json")).unwrap()).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// All text that a file holds: of Parquet every cell of a text column, of others their bytes.
fn holds(path: &Path, ids: &BTreeSet<String>) -> Option<String> {
    let found = |text: &str| ids.iter().find(|id| text.contains(id.as_str())).cloned();
    if path.extension().is_some_and(|e| e == "parquet") {
        let table = Table::read(path);
        let texts = table
            .0
            .schema()
            .fields()
            .iter()
            .filter(|f| f.data_type().to_string() == "Utf8")
            .map(|f| table.texts(f.name()).into_iter().flatten().find_map(&found))
            .collect::<Vec<_>>();
        return texts.into_iter().flatten().next();
    }
    found(&String::from_utf8_lossy(&fs::read(path).unwrap()))
}

/// A published run is what its manifest says.
fn whole(run: &Path) {
    for output in manifest(run)["outputs"].as_array().unwrap() {
        let path = run.join(output["path"].as_str().unwrap());
        let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(output["sha256"], sha256(&bytes).as_str(), "{}", path.display());
        assert_eq!(output["bytes"], bytes.len(), "{}", path.display());
        if path.extension().is_some_and(|e| e == "parquet") {
            assert_eq!(output["rows"].as_u64().unwrap() as usize, Table::read(&path).rows(), "{}", path.display());
        }
    }
}

#[test]
fn forgotten_members_are_in_nothing_that_is_left() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let text = out.to_str().unwrap();
    let first = night(&out, "2026-06-28");
    for target in ["generic", "salesforce", "wecom"] {
        let said = nextoffer(&["ack", "current", "--target", target, "--out", text]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let second = night(&out, "2026-06-29");
    let said = nextoffer(&[
        "tune",
        "jobs/demo.toml",
        "--k",
        "4..5",
        "--seeds",
        "1",
        "--quiet",
        "--out",
        &format!("{text}/tune"),
    ]);
    assert_eq!(said.code, 0, "{}", said.err);

    // Members with a seat, with quarantined rows, with a key in WeCom; and one whom nobody knows.
    let ledger = Table::read(&second.join("model/ledger.parquet"));
    let mut ids: BTreeSet<String> =
        ledger.texts("member_id").into_iter().flatten().take(3).map(str::to_owned).collect();
    let quarantine = Table::read(&second.join("quarantine.parquet"));
    let raw = |text: &str| serde_json::from_str::<BTreeMap<String, Option<String>>>(text).unwrap();
    let quarantined = quarantine.names("values").into_iter().find_map(|v| raw(v).remove("member_id").flatten());
    ids.insert(quarantined.unwrap());
    let identities = Table::read(&super::support::root().join("fixtures/shop/identities.parquet"));
    let systems = identities.names("system");
    let in_wecom = (0..identities.rows()).find(|row| systems[*row] == "wecom").unwrap();
    ids.insert(identities.names("member_id")[in_wecom].to_owned());
    let known = ids.len();
    ids.insert("nobody-of-ours".to_owned());
    let list = place.path().join("gone.txt");
    fs::write(&list, ids.iter().cloned().collect::<Vec<_>>().join("\n")).unwrap();
    let mut names = ids.clone();
    for row in 0..identities.rows() {
        if ids.contains(identities.names("member_id")[row]) {
            names.insert(identities.names("external_id")[row].to_owned());
        }
    }
    assert!(names.len() > ids.len());
    let offers_before = Table::read(&second.join("offers.parquet")).rows();
    let of_them = Table::read(&second.join("offers.parquet"));
    let of_them = of_them.names("member_id").into_iter().filter(|m| ids.contains(*m)).count();
    assert!(of_them > 0);
    let seats = ledger.rows();

    let list_text = list.to_str().unwrap();
    let forget = |more: &[&str]| {
        let said = nextoffer(&[&["forget", "jobs/demo.toml", "--members", list_text, "--out", text], more].concat());
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        said.out
    };
    let before: Vec<String> = files(&out).iter().map(|f| sha256(&fs::read(f).unwrap())).collect();
    let said = forget(&["--dry-run"]);
    assert!(said.contains(&format!("{} members would be forgotten, {} of them new", ids.len(), ids.len())), "{said}");
    assert_eq!(before, files(&out).iter().map(|f| sha256(&fs::read(f).unwrap())).collect::<Vec<_>>());

    let said = forget(&[]);
    assert!(said.contains("2 of 2 published runs were rewritten"), "{said}");
    for run in [&first, &second] {
        whole(run);
        assert_eq!(manifest(run)["redactions"].as_array().unwrap().len(), 1);
        assert_eq!(manifest(run)["redactions"][0]["members"], known + 1);
    }
    for file in files(&out) {
        assert_eq!(holds(&file, &names), None, "{}", file.display());
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o007, 0, "{}", file.display());
    }
    assert_eq!(Table::read(&second.join("offers.parquet")).rows(), offers_before - of_them);
    // Seats stay taken.
    let ledger = Table::read(&second.join("model/ledger.parquet"));
    assert_eq!((ledger.rows(), out.join("current/_SUCCESS").exists()), (seats, true));
    for target in ["generic", "salesforce", "wecom", "postgres"] {
        let said = nextoffer(&["export", second.to_str().unwrap(), "--target", target, "--validate"]);
        assert_eq!(said.code, 0, "{target}: {}{}", said.out, said.err);
    }
    // What targets are to be told lies beside the list.
    let removals = place.path().join("gone.txt.removals");
    let told = fs::read_to_string(removals.join("salesforce/delta.csv")).unwrap();
    let in_salesforce = ids.iter().filter(|id| told.contains(id.as_str())).count();
    assert!(in_salesforce > 0 && told.lines().count() == in_salesforce + 1, "{told}");
    assert!(fs::read_to_string(removals.join("wecom/delta.jsonl")).unwrap().contains("remove_tag"));
    assert!(fs::read_to_string(removals.join("generic/delta.csv")).unwrap().contains("removed"));
    let proof = fs::read_to_string(out.join("forgotten/proof-0001.json")).unwrap();
    assert!(proof.contains("\"manifest_before\""), "{proof}");

    // Again: there is nothing left to do.
    let said = forget(&[]);
    assert!(said.contains("0 of them new") && said.contains("0 of 2 published runs were rewritten"), "{said}");

    // They are still in the inputs; later nights leave them out, even as raw values.
    let third = night(&out, "2026-06-30");
    whole(&third);
    for file in files(&third) {
        assert_eq!(holds(&file, &ids), None, "{}", file.display());
    }
    let excluded = manifest(&third)["members"]["excluded"]["forgotten"].as_u64().unwrap_or_default();
    assert!(excluded >= 3, "{excluded}");
    // Without the key nobody can tell who was forgotten: no night goes on.
    fs::rename(out.join("forgotten/key"), place.path().join("key")).unwrap();
    let said = nextoffer(&["run", "jobs/demo.toml", "--out", text, "--quiet", "--dry-run"]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("NEXTOFFER_FORGET_KEY"), "{}", said.err);
}

#[test]
fn a_list_that_cannot_be_used_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let list = place.path().join("gone.csv");
    fs::write(&list, "uid\nM1\n").unwrap();
    let out = place.path().join("out");
    let said =
        nextoffer(&["forget", "jobs/demo.toml", "--members", list.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(said.code, 66);
    assert!(said.err.contains("has no column `member_id`; it has `uid`"), "{}", said.err);
    assert!(!out.exists());
}

#[test]
fn old_runs_go_and_what_stands_on_them_stays() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path();
    let text = out.to_str().unwrap();
    let days = ["2026-06-20", "2026-06-22", "2026-06-29", "2026-06-30"];
    for day in days {
        let said = nextoffer(&["run", "jobs/demo.toml", "--out", text, "--as-of", day, "--quiet"]);
        assert_eq!(said.code, 0, "{}", said.err);
        if day == "2026-06-20" {
            assert_eq!(nextoffer(&["ack", "current", "--target", "generic", "--out", text]).code, 0);
        }
    }
    fs::create_dir_all(out.join(".staging/run=left")).unwrap();
    let prune = |more: &[&str]| {
        let said = nextoffer(&[&["prune", "jobs/demo.toml", "--keep-days", "7", "--out", text], more].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    let there = || days.map(|day| out.join(format!("dt={day}")).exists());
    let said = prune(&["--dry-run"]);
    assert!(said.contains("would go: dt=2026-06-22/"), "{said}");
    assert_eq!(there(), [true; 4]);
    let said = prune(&[]);
    assert!(said.contains("stays: dt=2026-06-20/") && said.contains("acknowledged it last"), "{said}");
    assert_eq!(there(), [true, false, true, true]);
    assert!(!out.join(".staging").exists());
    assert!(prune(&[]).contains("0 folders up to 2026-06-23 gone, 3 runs kept"));
    // The next night stands on what is left.
    let said = nextoffer(&["run", "jobs/demo.toml", "--out", text, "--as-of", "2026-07-01", "--quiet"]);
    assert_eq!(said.code, 0, "{}", said.err);
}
