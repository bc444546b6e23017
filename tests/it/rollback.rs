//! A range of days in one command, and the way back.

use std::{fs, path::Path};

use super::support::{digests, nextoffer};

fn manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

fn of_day(out: &Path, day: &str) -> std::path::PathBuf {
    let runs: Vec<_> = fs::read_dir(out.join(format!("dt={day}"))).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].clone()
}

fn current(out: &Path) -> String {
    fs::read_link(out.join("current")).unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_backfill_and_the_way_back() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let text = out.to_str().unwrap();
    let run = |more: &[&str]| {
        let said = nextoffer(&[&["run", "jobs/demo.toml", "--quiet", "--out", text], more].concat());
        assert_eq!(said.code, 0, "{}", said.err);
    };
    run(&["--from", "2026-06-27", "--to", "2026-06-29"]);
    let days: Vec<_> = ["2026-06-27", "2026-06-28", "2026-06-29"].map(|day| of_day(&out, day)).into();
    for pair in days.windows(2) {
        assert_eq!(manifest(&pair[1])["previous_run"], manifest(&pair[0])["run_id"]);
    }
    assert!(current(&out).starts_with("dt=2026-06-29/"));

    // Once more: the same runs. In one go or night by night: the same bytes.
    run(&["--from", "2026-06-27", "--to", "2026-06-29", "--skip-if-published"]);
    let other = place.path().join("other");
    for day in ["2026-06-27", "2026-06-28"] {
        let said = nextoffer(&["run", "jobs/demo.toml", "-q", "--out", other.to_str().unwrap(), "--as-of", day]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    assert_eq!(digests(&of_day(&other, "2026-06-28")), digests(&days[1]));

    let said = nextoffer(&["rollback", "jobs/demo.toml", "--out", text, "--to", "2026-06-28"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("taken back: dt=2026-06-29/"), "{}", said.out);
    assert!(current(&out).starts_with("dt=2026-06-28/"));
    // Finding the run again does not bring it back.
    let again =
        nextoffer(&["run", "jobs/demo.toml", "-q", "--out", text, "--as-of", "2026-06-29", "--skip-if-published"]);
    assert_eq!(again.code, 99, "{}", again.err);
    assert!(current(&out).starts_with("dt=2026-06-28/"));
    // The next night follows the run that was gone back to.
    run(&["--as-of", "2026-06-30"]);
    assert_eq!(manifest(&of_day(&out, "2026-06-30"))["previous_run"], manifest(&days[1])["run_id"]);
    assert!(current(&out).starts_with("dt=2026-06-30/"));
}

/// What a target holds after a rollback is the run that was gone back to: the next delta is against that.
#[test]
fn the_deltas_go_back_too() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let text = out.to_str().unwrap();
    let night = |day: &str| {
        let said = nextoffer(&["run", "jobs/demo.toml", "-q", "--out", text, "--as-of", day]);
        assert_eq!(said.code, 0, "{}", said.err);
    };
    let ack = || {
        let said = nextoffer(&["ack", "current", "--target", "generic", "--out", text]);
        assert_eq!(said.code, 0, "{}", said.err);
    };
    let report = |day: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(of_day(&out, day).join("crm/generic/target.json")).unwrap()).unwrap()
    };
    for day in ["2026-06-27", "2026-06-28"] {
        night(day);
        ack();
    }
    let first = manifest(&of_day(&out, "2026-06-27"))["run_id"].clone();
    let said = nextoffer(&["rollback", "jobs/demo.toml", "--out", text, "--to", "2026-06-27"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("generic"), "{}", said.out);
    night("2026-06-29");
    assert_eq!(report("2026-06-29")["base"], first);
    // Unless a target is not taken back.
    ack();
    let third = manifest(&of_day(&out, "2026-06-29"))["run_id"].clone();
    let said = nextoffer(&["rollback", "jobs/demo.toml", "--out", text, "--to", "2026-06-27", "--keep-base"]);
    assert_eq!(said.code, 0, "{}", said.err);
    night("2026-06-30");
    let last = manifest(&of_day(&out, "2026-06-30"));
    assert_eq!((&last["previous_run"], &report("2026-06-30")["base"]), (&first, &third));
}

#[test]
fn a_run_that_was_tampered_with_is_not_gone_back_to() {
    let out = tempfile::tempdir().unwrap();
    let text = out.path().to_str().unwrap();
    let said = nextoffer(&["run", "jobs/demo.toml", "-q", "--out", text, "--from", "2026-06-29", "--to", "2026-06-30"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let before = current(out.path());
    fs::write(of_day(out.path(), "2026-06-29").join("tag_dictionary.csv"), "tag\n").unwrap();
    let said = nextoffer(&["rollback", "jobs/demo.toml", "--out", text, "--to", "2026-06-29"]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("tag_dictionary.csv"), "{}", said.err);
    let said = nextoffer(&["rollback", "jobs/demo.toml", "--out", text, "--to", "2026-01-01"]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("2026-06-29"), "{}", said.err);
    assert_eq!(current(out.path()), before);
}
