//! The command line: exit codes, messages, and the options that change what is written.

use std::{fs, path::Path};

use super::support::{demo, digests, nextoffer, root};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn wrong_command_lines() {
    for arguments in [
        &["run", "jobs/demo.toml", "--no-such-option"][..],
        &["run"],
        &[],
        &["walk"],
        &["run", "jobs/demo.toml", "--as-of", "30.06.2026"],
        &["run", "jobs/demo.toml", "--memory-limit", "much"],
        &["run", "jobs/demo.toml", "--threads", "-1"],
        &["run", "jobs/demo.toml", "--log-format", "xml"],
    ] {
        let said = nextoffer(arguments);
        assert_eq!(said.code, 64, "{arguments:?}: {}", said.err);
        assert!(said.out.is_empty() && !said.err.is_empty(), "{arguments:?}");
    }
    let near = nextoffer(&["run", "jobs/demo.toml", "--ouy", "x"]);
    assert!(near.err.contains("--out"), "{}", near.err);
    for arguments in [&["--version"][..], &["--help"], &["run", "--help"]] {
        let said = nextoffer(arguments);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
        assert!(!said.out.is_empty());
    }
}

#[test]
fn jobs_that_are_not_there_or_wrong() {
    let said = nextoffer(&["run", "jobs/nowhere.toml"]);
    assert_eq!(said.code, 66);
    assert!(said.err.contains("`jobs/nowhere.toml` does not exist"), "{}", said.err);

    let work = tempfile::tempdir().unwrap();
    let job = work.path().join("job.toml");
    let demo = fs::read_to_string(root().join("jobs/demo.toml")).unwrap();
    fs::write(&job, demo.replace("holdout_share", "holdout_shares").replace("k = 8", "k = \"eight\"")).unwrap();
    let out = work.path().join("out");
    let said = nextoffer(&["run", text(&job), "--out", text(&out)]);
    assert_eq!(said.code, 78);
    // Both at once, each with its place; the unknown key with the nearest known one.
    for part in ["holdout_shares", "`holdout_share`", "segments", "job.toml:", "2 errors"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    assert!(!out.exists());

    let said = nextoffer(&["run", "jobs/demo.toml", "--set", "segments.kk=5", "--out", text(&out)]);
    assert_eq!(said.code, 78);
    assert!(said.err.contains("--set segments.kk=5"), "{}", said.err);

    fs::write(&job, b"version = 1\nname = \"\xff\"\n").unwrap();
    let said = nextoffer(&["check", text(&job)]);
    assert_eq!(said.code, 78);
    assert!(said.err.contains("not UTF-8 text: byte 20"), "{}", said.err);
}

#[test]
fn one_check_shows_what_is_wrong_in_the_job_in_its_inputs_and_in_its_rules() {
    let work = tempfile::tempdir().unwrap();
    let job = work.path().join("job.toml");
    let shop = root().join("fixtures/shop");
    let wrong = r#"version = 1
name = "three"
colour = "red"
[inputs.transactions]
path = "SHOP/transactions"
[inputs.items]
path = "SHOP/items.parquet"
columns = { brand = "brnd" }
[consent]
lawful_basis = "contract"
[[offers]]
id = "again"
kind = "next_item"
eligible = "recensy_days > 3"
"#;
    fs::write(&job, wrong.replace("SHOP", text(&shop))).unwrap();
    let check = nextoffer(&["check", text(&job)]);
    let plain = |said: &str| said.replace(text(&job), "job.toml").replace(text(&shop), "shop");
    insta::assert_snapshot!(plain(&check.err), @r#"
    job.toml:1:1: note[offers::no_fallback]: no `next_item` offer is open to everyone, so short lists stay short and members who opted out of personalisation get no list (add an offer of kind `next_item` without `eligible`, `items` and `categories`)
    job.toml:3:1: error[job::unknown_key]: `colour` is not a key of the job (known here: version, name, timezone, currency, as_of, seed, shards, out, memory_limit, inputs, cleaning, consent, labels, features, segments, recommend, loyalty, calendar, cities, offers, offers_file, decision, gates, output, backtest, report)
    job.toml:8:21: error[input::missing_column]: table items, file `items.parquet` has no column `brnd` (did you mean `brand`?)
    job.toml:14:13: error[offers::bad_rule]: offer `again`: `recensy_days > 3` names the column `recensy_days` (character 1), which is not there (did you mean `recency_days`?)
    job.toml: 3 errors, 1 note
    "#);
    assert_eq!((check.code, check.out.as_str()), (78, ""));
    // A run has no use for the rest: it refuses with what is wrong in the job file.
    let out = work.path().join("out");
    let run = nextoffer(&["run", text(&job), "--out", text(&out)]);
    insta::assert_snapshot!(plain(&run.err), @r#"
    job.toml:1:1: note[offers::no_fallback]: no `next_item` offer is open to everyone, so short lists stay short and members who opted out of personalisation get no list (add an offer of kind `next_item` without `eligible`, `items` and `categories`)
    job.toml:3:1: error[job::unknown_key]: `colour` is not a key of the job (known here: version, name, timezone, currency, as_of, seed, shards, out, memory_limit, inputs, cleaning, consent, labels, features, segments, recommend, loyalty, calendar, cities, offers, offers_file, decision, gates, output, backtest, report)
    job.toml: 1 error, 1 note
    "#);
    assert_eq!(run.code, 78);
    assert!(!out.exists());
}

#[test]
fn a_table_that_is_not_there() {
    let out = tempfile::tempdir().unwrap();
    let place = out.path().join("out");
    let set = "inputs.items.path=nowhere.parquet";
    for arguments in [
        &["run", "jobs/demo.toml", "--set", set, "--out", text(&place)][..],
        &["check", "jobs/demo.toml", "--set", set],
    ] {
        let said = nextoffer(arguments);
        assert_eq!(said.code, 66, "{}", said.err);
        assert!(said.err.contains("table items: `nowhere.parquet` does not exist"), "{}", said.err);
    }
    assert!(!place.exists());
}

#[test]
fn an_output_place_that_cannot_be_made() {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("file");
    fs::write(&file, "").unwrap();
    let said = nextoffer(&["run", "jobs/demo.toml", "--out", text(&file.join("out"))]);
    assert_eq!(said.code, 73, "{}", said.err);
    assert!(said.err.contains(text(&file)), "{}", said.err);
}

#[test]
fn quiet_and_json() {
    let work = tempfile::tempdir().unwrap();
    let said = nextoffer(&["run", "jobs/demo.toml", "--quiet", "--out", text(&work.path().join("quiet"))]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
    let json = work.path().join("json");
    let said = nextoffer(&["run", "jobs/demo.toml", "--log-format", "json", "--out", text(&json)]);
    assert_eq!(said.code, 0);
    let lines: Vec<&str> = said.err.lines().chain(said.out.lines()).collect();
    assert!(lines.len() >= 10, "{}", said.err);
    for line in lines {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap().is_object(), "{line}");
    }
    let plain = nextoffer(&["run", "jobs/demo.toml", "--out", text(&json)]);
    assert!(plain.out.contains("60,000") && plain.out.contains("58,922"), "{}", plain.out);
    assert!(plain.out.contains("current points at it"), "{}", plain.out);
    // The same run by the library and by the program.
    let mut expected = digests(&demo().folder);
    let mut found = digests(&fs::canonicalize(json.join("current")).unwrap());
    for digests in [&mut expected, &mut found] {
        // The library's run also writes the features, which is another job.
        for name in ["features.parquet", "manifest.json"] {
            digests.remove(name);
        }
    }
    assert_eq!(found, expected);
}

#[test]
fn skip_if_published() {
    let work = tempfile::tempdir().unwrap();
    let arguments = ["run", "jobs/demo.toml", "--skip-if-published", "--out", text(work.path())];
    assert_eq!(nextoffer(&arguments).code, 0);
    let current = fs::canonicalize(work.path().join("current")).unwrap();
    let before = digests(&current);
    let said = nextoffer(&arguments);
    assert_eq!(said.code, 99, "{}", said.err);
    assert!(said.out.contains("already published"), "{}", said.out);
    assert_eq!(digests(&current), before);
    // Another job is another run.
    let other = nextoffer(&[&arguments[..], &["--set", "segments.k=5"]].concat());
    assert_eq!(other.code, 0, "{}", other.err);
}

#[test]
fn one_run_at_a_time() {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join(".lock");
    fs::write(&path, "job demo, as of 2026-06-30, process 1\n").unwrap();
    let lock = fs::File::options().read(true).write(true).open(&path).unwrap();
    lock.try_lock().unwrap();
    let arguments = ["run", "jobs/demo.toml", "--out", text(work.path())];
    let said = nextoffer(&arguments);
    assert_eq!(said.code, 75, "{}", said.err);
    assert!(said.err.contains("another run holds") && said.err.contains("process 1"), "{}", said.err);
    lock.unlock().unwrap();
    assert_eq!(nextoffer(&arguments).code, 0);
}

#[test]
fn a_dry_run_writes_nothing() {
    let work = tempfile::tempdir().unwrap();
    let place = work.path().join("out");
    let said = nextoffer(&["run", "jobs/demo.toml", "--dry-run", "--out", text(&place)]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("58,922") && said.out.contains("nothing was published"), "{}", said.out);
    assert!(!place.exists(), "{:?}", digests(&place));
}

#[test]
fn before_the_first_line() {
    let work = tempfile::tempdir().unwrap();
    let place = work.path().join("out");
    let said = nextoffer(&["run", "jobs/demo.toml", "--as-of", "2020-01-01", "--out", text(&place)]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("as of 2020-01-01") && said.err.contains("after_as_of"), "{}", said.err);
    assert!(!place.join("current").exists());
}

#[test]
fn check_and_schema() {
    let said = nextoffer(&["check", "jobs/demo.toml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("in order"), "{}", said.out);
    let said = nextoffer(&["schema"]);
    assert_eq!(said.code, 0);
    assert_eq!(said.out.trim_end(), fs::read_to_string(root().join("jobs/job.schema.json")).unwrap().trim_end());
}

#[test]
fn generate() {
    let work = tempfile::tempdir().unwrap();
    let (one, two) = (work.path().join("one"), work.path().join("two"));
    for folder in [&one, &two] {
        let said = nextoffer(&["generate", text(folder), "--members", "60", "--lines", "1500", "--seed", "3"]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    assert_eq!(digests(&one), digests(&two));
    assert!(one.join("transactions").is_dir() && one.join("truth/planted.json").is_file());
}
