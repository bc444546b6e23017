//! Every step of every command fails once, and ends the process once. Built with the feature `faults` alone:
//! `cargo test --release --features faults --test it -- safety::faults`; `NEXTOFFER_EVERY_STEP=1` takes every single step,
//! not only some of those that come often.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use super::{TinyShop, said};
use crate::support::root;

/// Most times that a step is taken in a walk.
const TAKEN: usize = 5;

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// Numbers of a step that comes `count` times: the first, the last and some between.
fn taken(count: usize) -> Vec<usize> {
    if count <= TAKEN || std::env::var_os("NEXTOFFER_EVERY_STEP").is_some() {
        return (0..count).collect();
    }
    (0..TAKEN).map(|i| i * (count - 1) / (TAKEN - 1)).collect()
}

#[test]
fn every_step_of_every_command() {
    let shop = TinyShop::new();
    for day in ["2026-06-01", "2026-06-02"] {
        let (status, text) = shop.night(day);
        assert!(status.success(), "{text}");
    }
    assert!(shop.say(&["ack", "2026-06-01", "--target", "generic", "--out", "OUT"]).0.success());
    // What an importer dropped is taken up by the night.
    let newest = fs::read_link(shop.out().join("current")).unwrap();
    let newest = newest.file_name().unwrap().to_str().unwrap().trim_start_matches("run=").to_owned();
    fs::write(shop.out().join("acks/generic").join(newest), "").unwrap();
    let template = shop.folder.path().join("template");
    copy(&shop.out(), &template);

    let night = ["run", "JOB", "--quiet", "--threads", "1", "--as-of", "2026-06-03"];
    let commands: [&[&str]; 4] = [
        &night,
        &["ack", "2026-06-02", "--target", "generic", "--out", "OUT"],
        &["rollback", "JOB", "--to", "2026-06-01"],
        &["export", "2026-06-02", "--out", "OUT", "--target", "generic", "--job", "JOB", "--to", "exported"],
    ];
    let exported = shop.folder.path().join("exported");
    let notes = shop.folder.path().join("steps");
    let mut known = BTreeSet::new();
    let mut walked = 0;
    for arguments in commands {
        let fresh = || {
            copy(&template, &shop.out());
            let _ = fs::remove_dir_all(&exported);
            let _ = fs::remove_file(&notes);
        };
        fresh();
        let before = shop.look();
        let child = shop.command(arguments).env("NEXTOFFER_STEPS", &notes).spawn().unwrap();
        let (status, text) = said(child);
        assert!(status.success(), "{arguments:?}: {text}");
        let wanted = shop.look();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for step in fs::read_to_string(&notes).unwrap().lines() {
            *counts.entry(step.to_owned()).or_default() += 1;
        }
        known.extend(counts.keys().cloned());
        for (step, count) in counts {
            for number in taken(count) {
                for how in ["error", "abort"] {
                    fresh();
                    let point = format!("{step}={number}*off->1*return({how})");
                    let point = if number == 0 { format!("{step}=1*return({how})") } else { point };
                    let child = shop.command(arguments).env("FAILPOINTS", &point).spawn().unwrap();
                    let (status, text) = said(child);
                    let when = format!("{arguments:?} with {point}: {status} {text}");
                    // Some steps are only tidying up: without them the command still does what it is for.
                    let codes = [Some(0), Some(73), Some(74)];
                    assert!(
                        if how == "abort" { status.code().is_none() } else { codes.contains(&status.code()) },
                        "{when}"
                    );
                    let now = shop.look();
                    now.assert_keeps_but_dropped(&before, &when);
                    if exported.exists() {
                        assert!(exported.join("crm/generic/target.json").exists(), "{when}");
                    }
                    let _ = fs::remove_dir_all(&exported);
                    let (status, text) = shop.say(arguments);
                    assert!(status.success(), "again after {when}: {text}");
                    assert_eq!(shop.look().runs, wanted.runs, "again after {when}");
                    assert_eq!(shop.look().current, wanted.current, "again after {when}");
                    if arguments == night {
                        shop.assert_clean(&format!("again after {when}"));
                    }
                    walked += 1;
                }
            }
        }
    }
    println!("{walked} steps failed or ended the process");
    // Steps that need a server are walked through by the tests of `push`.
    let elsewhere = ["journal.line", "journal.sync", "publish.upload", "push.commit"];
    let missed: Vec<String> =
        written().into_iter().filter(|s| !known.contains(s) && !elsewhere.contains(&s.as_str())).collect();
    assert!(missed.is_empty(), "no command took these steps: {missed:?}");
}

/// The names of all steps in the source.
fn written() -> BTreeSet<String> {
    let step = regex::Regex::new(r#"\bstep\("([a-z.]+)"\)"#).unwrap();
    let mut names = BTreeSet::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                names.extend(step.captures_iter(&text).map(|found| found[1].to_owned()));
            }
        }
    }
    assert!(names.len() > 20, "{names:?}");
    names
}
