//! The architecture: which folder may use which, who may name the engine, how long a file may be.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::support::root;

/// A folder uses only folders on lower floors.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("store", 1),
    ("engine", 2),
    ("input", 3),
    ("history", 4),
    ("kmeans", 5),
    ("evaluate", 5),
    ("features", 6),
    ("items", 6),
    ("segments", 7),
    ("recommend", 8),
    ("offers", 9),
    ("export", 10),
    ("generate", 10),
    ("backtest", 10),
    ("gates", 10),
    ("report", 11),
    ("job", 12),
    ("run", 13),
    ("cli", 14),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

fn all_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&root().join("src"), &mut found);
    assert!(found.len() > 100);
    found
}

/// The path below `src`, as `folder/…/file.rs`.
fn name_of(path: &Path) -> String {
    path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().to_owned()
}

fn is_test(name: &str) -> bool {
    name.split('/').any(|part| matches!(part, "tests.rs" | "tests" | "testing.rs"))
}

/// The code of a file without comments and without its test module.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Top-level modules that a path `crate::…` in the code leads to.
fn uses(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = code[at + path.len()..].trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (i, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    c if start && (c.is_alphabetic() || c == '_') => {
                        found.insert(identifier(&group[i..]).to_owned());
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            found.insert(identifier(rest).to_owned());
        }
    }
    found
}

#[test]
fn the_reader_of_paths() {
    let code = "use crate::{\n base::{Day, findings::X},\n engine::Engine, store};\nlet x = crate::items::y();";
    assert_eq!(uses(code).into_iter().collect::<Vec<_>>(), ["base", "engine", "items", "store"]);
}

#[test]
fn floors_hold() {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in all_sources() {
        let name = name_of(&path);
        let Some((folder, rest)) = name.split_once('/') else { continue };
        let Some(floor) = floors.get(folder) else {
            wrong.push(format!("src/{folder} has no floor"));
            continue;
        };
        if is_test(&name) {
            continue;
        }
        let code = code_of(&fs::read_to_string(&path).unwrap());
        if rest == "mod.rs" && code.contains("super::") {
            wrong.push(format!("src/{name}: `super::` leads out of its folder; write `crate::`"));
        }
        for used in uses(&code) {
            match floors.get(used.as_str()) {
                _ if used == folder => {}
                Some(below) if below < floor => {}
                Some(below) => wrong.push(format!("src/{name} (floor {floor}) uses {used} (floor {below})")),
                None => wrong.push(format!("src/{name} uses `crate::{used}`, which is no folder with a floor")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_floors_are_those_that_the_crate_documents() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let documented: BTreeMap<String, u8> = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! |")?.split_once('|'))
        .filter_map(|(floor, folders)| Some((floor.trim().parse().ok()?, folders)))
        .flat_map(|(floor, folders): (u8, &str)| {
            let names: Vec<&str> = folders.split('`').skip(1).step_by(2).collect();
            names.into_iter().map(move |name| (name.to_owned(), floor)).collect::<Vec<_>>()
        })
        .collect();
    for (folder, floor) in FLOORS {
        let exists = root().join("src").join(folder).is_dir();
        assert_eq!(documented.get(*folder), exists.then_some(floor), "{folder}");
    }
}

#[test]
fn only_the_engine_names_datafusion() {
    for path in all_sources() {
        let name = name_of(&path);
        let code = code_of(&fs::read_to_string(&path).unwrap());
        assert!(name.starts_with("engine/") || !code.contains("datafusion"), "src/{name}");
    }
}

#[test]
fn files_are_short() {
    let mut lengths: Vec<(usize, String)> =
        all_sources().iter().map(|p| (fs::read_to_string(p).unwrap().lines().count(), name_of(p))).collect();
    lengths.sort();
    let at = |share: f64| &lengths[((lengths.len() - 1) as f64 * share).round() as usize];
    let longest = lengths.last().unwrap();
    assert!(longest.0 <= 800, "src/{} has {} lines", longest.1, longest.0);
    assert!(at(0.5).0 <= 200, "the median file has {} lines", at(0.5).0);
    assert!(at(0.9).0 <= 500, "a file in ten has more than {} lines", at(0.9).0);
}
