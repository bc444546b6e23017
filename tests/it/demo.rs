//! The demo job: what it publishes, file by file. The golden files are extracts, not digests of whole files: digests would
//! change with the processor (k-means sums in the order of its vector width) and with the Parquet writer, and say nothing
//! about what changed. That the bytes of two runs are the same is tested here and in `identity`.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use nextoffer::run::RunOptions;

use super::support::{Table, demo, digests, publish, root, sha256};

/// A snapshot beside the other golden files.
fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("fixtures/golden"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn first_lines(text: &str, lines: usize) -> String {
    text.lines().take(lines).collect::<Vec<_>>().join("\n")
}

#[test]
fn manifest() {
    let manifest = &demo().manifest;
    let extract = serde_json::json!({
        "format": manifest.format,
        "job": manifest.job,
        "as_of": manifest.as_of,
        "previous_run": manifest.previous_run,
        "inputs": manifest.inputs,
        "rows": manifest.rows,
        "members": manifest.members,
        "segments": manifest.segments,
        "offers": manifest.offers,
        "outputs": manifest.outputs.iter().map(|o| (&o.path, o.rows)).collect::<Vec<_>>(),
    });
    golden("manifest", &serde_json::to_string_pretty(&extract).unwrap());
}

#[test]
fn dictionaries() {
    golden("tag_dictionary", &demo().text("tag_dictionary.csv"));
    golden("feature_dictionary", &demo().text("feature_dictionary.csv"));
}

#[test]
fn crm_files() {
    for name in ["full", "members", "preview"] {
        let text = demo().text(&format!("crm/generic/{name}.csv"));
        golden(&format!("crm_{name}"), &first_lines(&text, 12));
    }
}

#[test]
fn one_list_of_each_sort() {
    let offers = demo().table("offers.parquet");
    let (members, slots) = (offers.names("member_id"), offers.ints("slot"));
    let (ids, items) = (offers.names("offer_id"), offers.texts("item_id"));
    let (reasons, scores) = (offers.names("reason_code"), offers.floats("score"));
    let (zh, en) = (offers.names("text_zh"), offers.names("text_en"));
    let (basis, arms) = (offers.names("basis"), offers.names("arm"));
    let mut wanted: Vec<&str> = Vec::new();
    // The first member with an offer of each id, the first held out and the first with the generic list.
    for offer in demo().manifest.offers.iter().map(|o| o.offer_id.as_str()) {
        wanted.extend(members.iter().zip(&ids).find(|(_, id)| **id == offer).map(|(member, _)| *member));
    }
    wanted.extend(members.iter().zip(&arms).find(|(_, arm)| **arm == "holdout").map(|(member, _)| *member));
    wanted.extend(members.iter().zip(&basis).find(|(_, basis)| **basis == "generic").map(|(member, _)| *member));
    wanted.sort_unstable();
    wanted.dedup();
    let mut text = String::new();
    for row in 0..offers.rows() {
        if wanted.binary_search(&members[row]).is_ok() {
            if slots[row] == Some(1) {
                text += &format!("{} ({}, {})\n", members[row], basis[row], arms[row]);
            }
            let (slot, score) = (slots[row].unwrap(), scores[row].unwrap());
            let item = items[row].unwrap_or("-");
            text += &format!(
                "{slot:>4} {} {item} {} {score:.4}\n     {}\n     {}\n",
                ids[row], reasons[row], zh[row], en[row]
            );
        }
    }
    golden("lists", &text);
}

#[test]
fn a_rerun_changes_nothing() {
    let out = tempfile::tempdir().unwrap();
    let first = publish("jobs/demo.toml", out.path(), &["output.features=true"], RunOptions::default());
    let before = digests(&first.folder);
    assert_eq!(before, digests(&demo().folder), "another folder, the same bytes");
    let again = publish("jobs/demo.toml", out.path(), &["output.features=true"], RunOptions::default());
    assert_eq!(again.folder, first.folder);
    assert_eq!(again.manifest, first.manifest);
    assert_eq!(digests(&again.folder), before);
    assert!(!out.path().join(".staging").join(format!("run={}", first.manifest.run_id)).exists());
    let days = fs::read_dir(out.path())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_str().unwrap().starts_with("dt="));
    assert_eq!(days.count(), 1);
}

#[test]
fn every_file_is_in_the_manifest_as_it_is_on_disk() {
    let run = demo();
    let on_disk: serde_json::Value = serde_json::from_str(&run.text("manifest.json")).unwrap();
    assert_eq!(on_disk, serde_json::to_value(&run.manifest).unwrap());
    let mut found = digests(&run.folder);
    for output in &run.manifest.outputs {
        let bytes = fs::read(run.folder.join(&output.path)).unwrap();
        assert_eq!((bytes.len() as u64, sha256(&bytes)), (output.bytes, output.sha256.clone()), "{}", output.path);
        assert!(found.remove(&output.path).is_some(), "{}", output.path);
        let rows = match Path::new(&output.path).extension().and_then(|e| e.to_str()) {
            Some("parquet") => Some(Table::read(&run.folder.join(&output.path)).rows() as u64),
            Some("csv") => Some(strict_csv(&bytes, &output.path)),
            _ => None,
        };
        assert_eq!(rows, output.rows, "{}", output.path);
    }
    let left: Vec<&String> = found.keys().collect();
    assert_eq!(left, ["_SUCCESS", "manifest.json"], "nothing else was written but what may vary");
}

/// Reads a CSV as strictly as an import would; gives its rows.
fn strict_csv(bytes: &[u8], name: &str) -> u64 {
    let text = std::str::from_utf8(bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let width = reader.headers().unwrap().len();
    let mut rows = 0;
    for record in reader.records() {
        let record = record.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(record.len(), width);
        for field in &record {
            assert!(!field.starts_with(['=', '+', '@', '\t', '\r']), "{name}: `{field}` would be a formula");
            assert!(!field.contains('\u{0}'), "{name}");
        }
        rows += 1;
    }
    rows
}

#[test]
fn published_as_the_contract_says() {
    let run = demo();
    assert!(run.current);
    assert_eq!(fs::metadata(run.folder.join("_SUCCESS")).unwrap().len(), 0);
    let link = fs::read_link(run.out.join("current")).unwrap();
    assert!(link.is_relative(), "the tree can be moved: {}", link.display());
    assert_eq!(fs::canonicalize(run.out.join("current")).unwrap(), fs::canonicalize(&run.folder).unwrap());
    let folder = format!("dt={}/run={}", run.manifest.as_of, run.manifest.run_id);
    assert_eq!(run.folder, run.out.join(folder));
    let names: Vec<String> = digests(&run.folder).into_keys().chain(["timings.json".to_owned()]).collect();
    for name in names {
        let mode = fs::metadata(run.folder.join(&name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o640, "{name}: {mode:o}");
    }
    for file in ["segments.parquet", "tags.parquet", "offers.parquet", "quarantine.parquet", "tag_dictionary.csv"] {
        assert!(run.manifest.outputs.iter().any(|o| o.path == file), "{file}");
    }
}

#[test]
fn nobody_held_out_reaches_the_crm() {
    let run = demo();
    let segments = run.table("segments.parquet");
    let arms = super::support::by_key(segments.names("member_id"), segments.names("arm"));
    let held = arms.values().filter(|arm| **arm == "holdout").count() as f64 / arms.len() as f64;
    assert!((0.03..0.07).contains(&held), "share held out {held}");
    let full = run.text("crm/generic/full.csv");
    let mut reader = csv::Reader::from_reader(full.trim_start_matches('\u{feff}').as_bytes());
    for record in reader.records() {
        // Who opted out is in no experiment and has no segment.
        assert!(arms.get(&record.unwrap()[0]).is_none_or(|arm| *arm == "treated"));
    }
    let offers = run.table("offers.parquet");
    let ghosts = offers.names("arm").iter().filter(|arm| **arm == "holdout").count();
    assert!(ghosts > 0, "ghost decisions are written");
}
