//! Tryton: true imports by `import_data`, where `trytond` is installed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use super::{NIGHTS, acknowledge, night};
use crate::support::root;

/// A database of the test's own.
struct Crm {
    python: PathBuf,
    folder: PathBuf,
}

/// Tags by the party's code.
type Parties = BTreeMap<String, (String, Vec<String>)>;

impl Crm {
    fn call(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.python);
        command.args(["-W", "ignore"]).arg(root().join("tests/it/tryton.py")).arg(&self.folder).args(arguments);
        let output = command.stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        String::from_utf8(output.stdout).map_err(|e| e.to_string())
    }

    fn import(&self, run: &Path, files: &[String]) {
        let files: Vec<String> = files.iter().map(|f| run.join(f).to_str().unwrap().to_owned()).collect();
        let mut arguments = vec!["import"];
        arguments.extend(files.iter().map(String::as_str));
        self.call(&arguments).unwrap();
    }

    fn parties(&self) -> Parties {
        let all: BTreeMap<String, Value> = serde_json::from_str(&self.call(&["show"]).unwrap()).unwrap();
        let tags =
            |v: &Value| v["categories"].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect();
        all.into_iter().map(|(id, v)| (v["code"].as_str().unwrap().to_owned(), (id, tags(&v)))).collect()
    }
}

/// A Python that has trytond: that of `TRYTON_PYTHON`, or the one of the path.
fn python() -> Result<PathBuf, String> {
    let python = std::env::var_os("TRYTON_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let found = Command::new(&python).args(["-c", "import trytond.modules.party"]).stderr(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => Ok(python),
        _ => {
            Err("no Python with trytond; pip install trytond==8.2.1 trytond_party, and name it in TRYTON_PYTHON".into())
        }
    }
}

/// The files of a role, in the order they are to be imported in.
fn files(run: &Path, role: &[&str]) -> Vec<String> {
    let report = super::report(run, "tryton");
    let of = |f: &Value| role.contains(&f["role"].as_str().unwrap()).then(|| f["path"].as_str().unwrap().to_owned());
    report["files"].as_array().unwrap().iter().filter_map(of).collect()
}

/// What each member's tags are, by the run.
fn wanted(run: &Path) -> BTreeMap<String, Vec<String>> {
    let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let table = crate::support::Table::read(&run.join("tags.parquet"));
    for (member, tag) in table.names("member_id").into_iter().zip(table.names("tag")) {
        tags.entry(member.to_owned()).or_default().push(tag.to_owned());
    }
    tags
}

fn same(parties: &Parties, wanted: &BTreeMap<String, Vec<String>>) -> usize {
    let none = Vec::new();
    parties.iter().filter(|(code, (_, tags))| tags == wanted.get(*code).unwrap_or(&none)).count()
}

/// The ids that the CRM gave, as the identities table of the next night.
fn write_identities(parties: &Parties, path: &Path) {
    let text = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let batch = RecordBatch::try_from_iter([
        ("member_id", text(parties.keys().map(String::as_str).collect())),
        ("system", text(vec!["tryton"; parties.len()])),
        ("external_id", text(parties.values().map(|(id, _)| id.as_str()).collect())),
    ])
    .unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn three_nights_and_the_trap_of_a_full_import() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return println!("skipped: {why}"),
    };
    let place = tempfile::tempdir().unwrap();
    let (out, ids) = (place.path().join("runs"), place.path().join("identities.parquet"));
    let crm = Crm { python, folder: place.path().join("tryton") };
    fs::create_dir_all(&crm.folder).unwrap();
    let by_id = format!("inputs.identities.path={}", ids.display());
    let target = "output.crm=[\"tryton\"]";

    // The first night makes the parties by their codes; the CRM gives them ids.
    let first = night(&out, NIGHTS[0], &[target]);
    crm.call(&["tags", first.join("crm/tryton/tag_dictionary.csv").to_str().unwrap()]).unwrap();
    crm.import(&first, &files(&first, &["clear", "delta"]));
    let parties = crm.parties();
    let tags = wanted(&first);
    assert_eq!(parties.len() as u64, super::number(&super::report(&first, "tryton")["keys"]));
    assert_eq!(same(&parties, &tags), parties.len());
    acknowledge(&out, "tryton");
    write_identities(&parties, &ids);

    for as_of in &NIGHTS[1..] {
        // The identities are others on purpose.
        let run = night(&out, as_of, &[target, &by_id, "gates.rows_fall={ refuse = false }"]);
        let delta = &super::report(&run, "tryton")["delta"];
        assert!(super::number(&delta["keys"]) < parties.len() as u64 / 20, "{delta}");
        crm.call(&["tags", run.join("crm/tryton/tag_dictionary.csv").to_str().unwrap()]).unwrap();
        crm.import(&run, &files(&run, &["clear", "delta"]));
        let (parties, tags) = (crm.parties(), wanted(&run));
        assert_eq!(same(&parties, &tags), parties.len(), "{as_of}");
        acknowledge(&out, "tryton");
        write_identities(&parties, &ids);
    }

    // The trap: the full snapshot of parties that are there takes the tags away from all who have not changed.
    let run = fs::read_link(out.join("current")).map(|l| out.join(l)).unwrap();
    let full: Vec<String> = files(&run, &["full"]).into_iter().filter(|f| f.contains(".id.")).collect();
    crm.import(&run, &full);
    let (flipped, tags) = (crm.parties(), wanted(&run));
    let tagged = flipped.keys().filter(|code| tags.contains_key(*code)).count();
    assert!(same(&flipped, &tags) <= flipped.len() - tagged, "{} of {}", same(&flipped, &tags), flipped.len());
    crm.import(&run, &full);
    assert_eq!(same(&crm.parties(), &tags), flipped.len(), "and a third import puts them back");
}
