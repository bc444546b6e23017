//! Broken inputs, one thing wrong in each: how the run ends, what it says, and that nothing of it is left behind.
//!
//! The snapshots in `fixtures/bad/expected` hold the whole message, to be read as an operator would read it.

use std::{fs, path::Path};

use super::support::{Table, nextoffer, root};

/// What a run that went through did with the rows.
fn accounting(folder: &Path) -> String {
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
    let mut text = format!("rows: {}\nmembers: {}\n", manifest["rows"], manifest["members"]);
    let quarantine = Table::read(&folder.join("quarantine.parquet"));
    let (tables, files, rows) = (quarantine.names("table"), quarantine.names("file"), quarantine.ints("row"));
    let (reasons, details) = (quarantine.names("reason"), quarantine.texts("detail"));
    let values = quarantine.names("values");
    for i in 0..quarantine.rows() {
        let (row, detail) = (rows[i].unwrap(), details[i].unwrap_or("-"));
        text += &format!("{} {} row {row}: {}, {detail}\n  {}\n", tables[i], files[i], reasons[i], values[i]);
    }
    text
}

#[test]
fn every_case() {
    let mut cases: Vec<String> = fs::read_dir(root().join("fixtures/bad"))
        .unwrap()
        .filter_map(|e| e.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    cases.sort();
    assert!(cases.len() >= 15, "{cases:?}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("fixtures/bad/expected"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for case in cases {
        let job = format!("fixtures/bad/{case}.toml");
        let out = tempfile::tempdir().unwrap();
        let place = out.path().join("out");
        let run = nextoffer(&["run", &job, "--quiet", "--out", place.to_str().unwrap()]);
        let check = nextoffer(&["check", &job]);
        let about = fs::read_to_string(root().join(&job)).unwrap();
        let about = about.lines().next().unwrap().trim_start_matches("# ").to_owned();
        let mut text = format!("{about}\n\n$ nextoffer run {job} --quiet\n{}{}exit {}\n", run.out, run.err, run.code);
        match fs::canonicalize(place.join("current")) {
            Ok(folder) => {
                assert_eq!(run.code, 0, "{case}");
                text += &accounting(&folder);
            }
            Err(_) => assert_ne!(run.code, 0, "{case}"),
        }
        if run.code != 0 {
            nothing_published(&place, &case);
        }
        text += &format!("\n$ nextoffer check {job}\n{}{}exit {}\n", check.out, check.err, check.code);
        let text = text.replace(root().to_str().unwrap(), "…");
        settings.bind(|| insta::assert_snapshot!(case, text));
    }
}

fn nothing_published(place: &Path, case: &str) {
    let mut left = Vec::new();
    for folder in [place.to_owned(), place.join(".staging")] {
        if let Ok(entries) = fs::read_dir(folder) {
            left.extend(entries.map(|e| e.unwrap().file_name().into_string().unwrap()));
        }
    }
    left.retain(|name| name != ".lock" && name != ".staging");
    assert!(left.is_empty(), "{case}: {left:?}");
}
