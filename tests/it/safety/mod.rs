//! What is published is one whole run, whatever ends the process that publishes: kills at any moment, a full disk, folders
//! that cannot be written, a clock that jumps, several processes at once.

#[cfg(feature = "faults")]
mod faults;
mod kills;
mod places;
mod several;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use super::support::{digests, nextoffer, sha256};

/// A shop so small that a night takes a moment.
struct TinyShop {
    folder: tempfile::TempDir,
}

impl TinyShop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shop = folder.path().join("shop");
        let shop_text = shop.to_str().unwrap();
        let size = ["--members", "150", "--lines", "3000", "--items", "200", "--seed", "5", "--quiet"];
        let said = nextoffer(&[&["generate", shop_text][..], &size].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        let job = format!(
            r#"version = 1
name = "tiny"
timezone = "Asia/Shanghai"
currency = "CNY"
as_of = "2026-06-01"
out = "out"
[inputs]
transactions = {{ path = "{shop_text}/transactions" }}
items = {{ path = "{shop_text}/items.parquet" }}
members = {{ path = "{shop_text}/members.parquet" }}
consent = {{ path = "{shop_text}/consent.parquet" }}
[segments]
k = 3
[[offers]]
id = "next_item"
kind = "next_item"
name_zh = "为您推荐"
name_en = "Picked for you"
[decision]
slots = 3
[output]
crm = ["generic", "postgres"]
"#
        );
        fs::write(folder.path().join("job.toml"), job).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder }
    }

    fn job(&self) -> PathBuf {
        self.folder.path().join("job.toml")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// The system's place for temporary files, of this shop alone.
    fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// The program with these arguments; `JOB` and `OUT` stand for those of the shop.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nextoffer"));
        for argument in arguments {
            match *argument {
                "JOB" => command.arg(self.job()),
                "OUT" => command.arg(self.out()),
                other => command.arg(other),
            };
        }
        command
            .env("TMPDIR", self.temporary())
            .env_remove("RUST_LOG")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Runs the program to its end.
    fn say(&self, arguments: &[&str]) -> (ExitStatus, String) {
        said(self.spawn(arguments))
    }

    fn night(&self, as_of: &str) -> (ExitStatus, String) {
        self.say(&["run", "JOB", "--quiet", "--threads", "2", "--as-of", as_of])
    }

    /// The state of the output place, every run of it read against its manifest.
    fn look(&self) -> Look {
        Look::at(&self.out())
    }

    /// Nothing lies about that a run does not need.
    fn assert_clean(&self, when: &str) {
        let mut left = Vec::new();
        let known = ["current", ".lock", "acks", "push", "rolled_back.json"];
        for name in names(&self.out()) {
            if !name.starts_with("dt=") && !known.contains(&name.as_str()) {
                left.push(name);
            }
        }
        for target in names(&self.out().join("acks")) {
            let files = names(&self.out().join("acks").join(target));
            left.extend(files.into_iter().filter(|name| name.starts_with('.')));
        }
        left.extend(names(&self.temporary()));
        left.extend(names(self.folder.path()).into_iter().filter(|name| name.starts_with('.')));
        assert!(left.is_empty(), "{when}: {left:?} is left behind");
    }
}

fn said(child: Child) -> (ExitStatus, String) {
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&text).into_owned())
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

/// What somebody sees who reads the output place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    /// Runs by folder, with a digest of each file.
    runs: BTreeMap<String, BTreeMap<String, String>>,
    /// The run that `current` names.
    current: Option<String>,
    /// Acknowledged runs, by target, as the files have them.
    acks: BTreeMap<String, BTreeSet<String>>,
}

impl Look {
    fn at(out: &Path) -> Self {
        let mut runs = BTreeMap::new();
        for day in names(out).into_iter().filter(|name| name.starts_with("dt=")) {
            for run in names(&out.join(&day)) {
                let folder = out.join(&day).join(&run);
                assert!(run.starts_with("run="), "{day}/{run}");
                assert_whole(&folder);
                runs.insert(format!("{day}/{run}"), digests(&folder));
            }
        }
        let link = out.join("current");
        let current = fs::read_link(&link).ok().map(|target| {
            assert!(link.join("_SUCCESS").exists(), "current names {}, which is no run", target.display());
            target.to_str().unwrap().to_owned()
        });
        let mut acks = BTreeMap::new();
        for target in names(&out.join("acks")) {
            let files = names(&out.join("acks").join(&target));
            acks.insert(target, files.into_iter().filter(|name| !name.starts_with('.')).collect());
        }
        Self { runs, current, acks }
    }

    /// Everything that was there is there still, as it was.
    fn assert_keeps(&self, before: &Self, when: &str) {
        for (folder, files) in &before.runs {
            assert_eq!(self.runs.get(folder), Some(files), "{when}: {folder} is not as it was published");
        }
        assert!(before.current.is_none() || self.current.is_some(), "{when}: current is gone");
        for (target, files) in &before.acks {
            assert!(
                self.acks.get(target).is_some_and(|now| now.is_superset(files)),
                "{when}: an acknowledgement is gone"
            );
        }
    }
}

#[cfg(feature = "faults")]
impl Look {
    /// As [`Look::assert_keeps`], where dropped acknowledgements may have got their numbers meanwhile.
    fn assert_keeps_but_dropped(&self, before: &Self, when: &str) {
        let run = |file: &String| file.rsplit('-').next().unwrap().to_owned();
        for (target, files) in &before.acks {
            let now: BTreeSet<String> = self.acks[target].iter().map(run).collect();
            assert!(files.iter().all(|file| now.contains(&run(file))), "{when}: an acknowledgement is gone");
        }
        let runs = Self { acks: BTreeMap::new(), ..before.clone() };
        self.assert_keeps(&runs, when);
    }
}

/// Every file that the manifest names is there and is that file; and there is no other.
fn assert_whole(folder: &Path) {
    let place = folder.display();
    assert!(folder.join("_SUCCESS").exists(), "{place} is no whole run");
    let manifest = fs::read(folder.join("manifest.json")).unwrap_or_else(|e| panic!("{place}: manifest.json: {e}"));
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let mut wanted: BTreeSet<String> = ["manifest.json", "_SUCCESS"].map(str::to_owned).into();
    for output in manifest["outputs"].as_array().unwrap() {
        let path = output["path"].as_str().unwrap();
        let bytes = fs::read(folder.join(path)).unwrap_or_else(|e| panic!("{place}: {path}: {e}"));
        assert_eq!(output["sha256"].as_str().unwrap(), sha256(&bytes), "{place}: {path}");
        assert_eq!(output["bytes"].as_u64().unwrap(), bytes.len() as u64, "{place}: {path}");
        wanted.insert(path.to_owned());
    }
    let found: BTreeSet<String> = digests(folder).into_keys().collect();
    assert_eq!(found, wanted, "{place}");
}
